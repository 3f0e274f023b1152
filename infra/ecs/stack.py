"""The `ecs` variant: API Gateway holds the sockets, the pods' container runs as tasks on Fargate."""

from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from infra.ecs.target_tracking import add_target_tracking
from infra.settings import Settings
from infra.shared.backend import add_consumers, build_backend
from infra.shared.balancer import HEALTHY, METRICS_PORT, PORT, STOP_SECONDS, PodBalancer
from infra.shared.functions import retention
from infra.shared.http_routes import add_http_routes, build_secret
from infra.shared.image import COMMAND, CONTAINER, build_image
from infra.shared.lint import acknowledge, allow_obsolete_dependencies
from infra.shared.network import PRIVATE, build_vpc
from infra.shared.pods import allow_pods, pod_environment
from infra.variants import ECS

# The image has no curl.
PROBE = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}{HEALTHY}', timeout=3)"


class EcsStack(Stack):
    """One self-contained stack, with a VPC of its own."""

    def __init__(self, scope: App, settings: Settings) -> None:
        super().__init__(scope, ECS.stack, description="Duplex: WebSockets on API Gateway, Fargate and DynamoDB")
        self.template_options.metadata = ECS.metadata()
        backend = build_backend(self, settings, ECS.name)
        secret = build_secret(self)
        vpc = build_vpc(self, settings)
        path = PodBalancer(self, "Path", vpc)
        add_http_routes(backend.api, path.balancer, secret, settings)
        add_consumers(self, backend)

        # Container Insights is where the number of running tasks comes from, which the autoscaling divides by.
        cluster = ecs.Cluster(self, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENABLED)
        role = iam.Role(self, "TaskRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        allow_pods(role, backend, secret)
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=settings.replica_cpu,
            memory_limit_mib=settings.replica_memory_mb,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
            task_role=role,
        )
        log_group = logs.LogGroup(self, "TaskLog", retention=retention(settings), removal_policy=RemovalPolicy.DESTROY)
        task.add_container(
            CONTAINER,
            image=ecs.ContainerImage.from_docker_image_asset(build_image(self)),
            command=list(COMMAND),
            # A task has a network interface of its own.
            environment={**pod_environment(backend, secret), "HOST": "0.0.0.0"},  # noqa: S104
            port_mappings=[
                ecs.PortMapping(container_port=PORT, name="http"),
                ecs.PortMapping(container_port=METRICS_PORT, name="metrics"),
            ],
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", PROBE],
                interval=Duration.seconds(30),
                timeout=Duration.seconds(5),
                retries=3,
                start_period=Duration.seconds(30),
            ),
            logging=ecs.LogDrivers.aws_logs(stream_prefix=CONTAINER, log_group=log_group),
            readonly_root_filesystem=True,
            stop_timeout=Duration.seconds(STOP_SECONDS),
        )
        acknowledge(
            task, "AwsSolutions-ECS2", "The variables are names and numbers; the secret is read by the task itself."
        )
        acknowledge(
            task,
            "AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken is for a whole registry or for none.",
        )
        group = ec2.SecurityGroup(self, "TaskGroup", vpc=vpc, description="Duplex: tasks")
        service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            security_groups=[group],
            vpc_subnets=ec2.SubnetSelection(subnet_group_name=PRIVATE),
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            health_check_grace_period=Duration.seconds(60),
        )
        allow_obsolete_dependencies(service)
        path.reach(group)
        service.attach_to_network_target_group(path.targets)
        add_target_tracking(service, backend, settings)
