"""How many tasks there are: Application Auto Scaling, tracking what each task has of two metrics of CloudWatch."""

from aws_cdk import Stack
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ecs as ecs

from infra.settings import Settings
from infra.shared.api import STAGE
from infra.shared.backend import Backend

Policy = autoscaling.CfnScalingPolicy
Query = Policy.TargetTrackingMetricDataQueryProperty


def add_target_tracking(service: ecs.FargateService, backend: Backend, settings: Settings) -> None:
    """Keep connections and messages a second of each running task at their targets; the larger number of tasks wins.

    A metric that is tracked has to fall as tasks are added ("Target tracking scaling policies", Application Auto
    Scaling User Guide), so both are divided by the tasks that run. A minute without a message has no datapoint and is
    filled with zero: missing data would keep the service from ever scaling in.
    """
    scope = Stack.of(service)
    cluster = service.cluster.cluster_name
    target = autoscaling.CfnScalableTarget(
        scope,
        "TaskCount",
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=f"service/{cluster}/{service.service_name}",
        min_capacity=settings.min_replicas,
        max_capacity=settings.max_replicas,
    )
    tasks = _metric(
        "tasks",
        "ECS/ContainerInsights",
        "RunningTaskCount",
        "Average",
        ClusterName=cluster,
        ServiceName=service.service_name,
    )
    connections = _metric(
        "connections", "Duplex", "ActiveConnections", "Average", service="duplex", backend=backend.name
    )
    messages = _metric("messages", "AWS/ApiGateway", "MessageCount", "Sum", ApiId=backend.api.api_id, Stage=STAGE)
    for name, metric, expression, value in (
        ("Connections", connections, "connections / tasks", settings.connections_per_replica),
        ("Messages", messages, "FILL(messages, 0) / 60 / tasks", settings.messages_per_replica),
    ):
        Policy(
            scope,
            f"{name}Tracking",
            policy_name=f"{name.lower()}-per-task",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=Policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=value,
                # A task is counted about a minute after it was wished for, and the metric is as late.
                scale_out_cooldown=60,
                scale_in_cooldown=300,
                customized_metric_specification=Policy.CustomizedMetricSpecificationProperty(
                    metrics=[metric, tasks, Query(id="each", expression=expression, return_data=True)]
                ),
            ),
        )


def _metric(name: str, namespace: str, metric: str, statistic: str, **dimensions: str) -> Query:
    return Query(
        id=name,
        return_data=False,
        metric_stat=Policy.TargetTrackingMetricStatProperty(
            metric=Policy.TargetTrackingMetricProperty(
                namespace=namespace,
                metric_name=metric,
                dimensions=[
                    Policy.TargetTrackingMetricDimensionProperty(name=key, value=value)
                    for key, value in dimensions.items()
                ],
            ),
            stat=statistic,
        ),
    )
