"""The `sockets` variant: pods on Kubernetes hold the sockets themselves; there is no API Gateway."""

from typing import cast

from aws_cdk import App, CfnOutput, CfnParameter, Duration, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam

from infra.kubernetes.cluster import ClusterStack
from infra.kubernetes.names import Manifest
from infra.kubernetes.sockets import gateway, monitoring, nodes, scaling
from infra.kubernetes.sockets.balancer import SocketBalancer
from infra.kubernetes.sockets.bus import bus
from infra.kubernetes.sockets.deletion_cost import deletion_cost
from infra.kubernetes.sockets.names import GATEWAY, MONITORING_NAMESPACE, NAMESPACE, names
from infra.kubernetes.workload import service_account, target_group_binding
from infra.settings import Settings
from infra.shared.backend import MESSAGE_OPERATIONS, message_environment, session_environment, stream_environment
from infra.shared.balancer import subnet_ranges
from infra.shared.identity import build_identity
from infra.shared.image import build_image
from infra.shared.network import PUBLIC
from infra.shared.queues import build_queue
from infra.shared.table import build_table
from infra.socket_settings import CERTIFICATE
from infra.variants import SOCKETS


class SocketStack(Stack):
    """The application in a cluster of another stack: everything it adds to it goes when this stack is destroyed."""

    def __init__(self, scope: App, settings: Settings, home: ClusterStack) -> None:
        super().__init__(scope, SOCKETS.stack, description="Duplex: WebSockets on pods, and DynamoDB")
        self.template_options.metadata = SOCKETS.metadata()
        self.add_stack_dependency(home)
        self._cluster = cast("eks.ICluster", home.cluster)
        table, jobs = build_table(self, settings), build_queue(self, "Jobs", settings)
        balancer = SocketBalancer(self, "Clients", home.vpc, settings, self._certificate(settings))
        balancer.reach(
            ec2.SecurityGroup.from_security_group_id(
                self, "PodGroup", self._cluster.cluster_security_group_id, mutable=False
            )
        )
        # Auto Mode's controller may touch target groups of its own cluster only, which it knows by this tag.
        Tags.of(balancer.targets).add("eks:eks-cluster-name", self._cluster.cluster_name)

        identity = build_identity(
            self, "Pods", cluster_name=self._cluster.cluster_name, namespace=NAMESPACE, service_account=GATEWAY
        )
        table.grant(identity.role, *(f"dynamodb:{operation}" for operation in MESSAGE_OPERATIONS))
        actions = [f"sqs:{operation}" for operation in ("SendMessage", "ReceiveMessage", "DeleteMessage")]
        identity.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[jobs.queue_arn]))

        image = build_image(self)
        environment = {
            **session_environment("sockets", table, settings),
            **stream_environment(settings),
            **message_environment(settings),
            "JOBS_URL": jobs.queue_url,
            "AWS_REGION": self.region,
        }
        prepared = self._apply("Namespace", [gateway.namespace(), nodes.node_pool(settings)])
        prometheus = self._prometheus(settings)
        pods = self._apply(
            "Application",
            [
                *bus(settings),
                service_account(**names(GATEWAY)),
                gateway.network_policy(subnet_ranges(home.vpc, PUBLIC)),
                gateway.disruption_budget(),
                gateway.service(),
                gateway.deployment(image.image_uri, environment, settings),
                target_group_binding(balancer.targets.target_group_arn, port="ws", **names(GATEWAY)),
                *deletion_cost(image.image_uri, settings),
            ],
        )
        pods.node.add_dependency(prepared, identity.role, identity.association)
        watched = self._apply("Monitoring", [monitoring.service_monitor(), monitoring.rules(settings)])
        watched.node.add_dependency(prepared, prometheus)
        autoscaling = self._apply("Autoscaling", [scaling.scaled_object(settings)])
        autoscaling.node.add_dependency(pods, watched)

        CfnOutput(
            self,
            "Address",
            value=balancer.balancer.load_balancer_dns_name,
            description="Where the certificate's name has to point; clients connect to wss:// and that name",
        )
        CfnOutput(self, "TableName", value=table.table_name, description="Connections, sessions and streams")

    def _certificate(self, settings: Settings) -> str | None:
        """Return the certificate's ARN: a parameter without a default when no option says it, so deploying asks.

        None when TLS ends in the pods.
        """
        if settings.tls_in_pod:
            return None
        return CfnParameter(
            self,
            "CertificateArn",
            description="Of a certificate in ACM, in this Region, for the name that clients connect to",
            default=settings.certificate_arn or None,
            allowed_pattern=CERTIFICATE,
            constraint_description="must be the ARN of a certificate in ACM",
        ).value_as_string

    def _apply(self, construct_id: str, manifests: list[Manifest]) -> eks.KubernetesManifest:
        return eks.KubernetesManifest(self, construct_id, cluster=self._cluster, manifest=manifests)

    def _prometheus(self, settings: Settings) -> eks.HelmChart:
        return eks.HelmChart(
            self,
            "Prometheus",
            cluster=self._cluster,
            repository="https://prometheus-community.github.io/helm-charts",
            chart="kube-prometheus-stack",
            release="prometheus",
            version=settings.prometheus_version,
            namespace=MONITORING_NAMESPACE,
            create_namespace=True,
            wait=True,
            timeout=Duration.minutes(15),
            values=monitoring.chart_values(),
        )
