"""ECS services, their task definitions, and their target tracking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autoscaling.target_tracking import Policy
from localcloud import resources
from localcloud.errors import LocalError
from localcloud.pods import images
from localcloud.pods.cloudwatch import ExpressionError, evaluate
from localcloud.pods.model import Binding, CloudWatchQuery, Exec, FleetSpec, PodSpec, Probe, Sleep, Tracked, Tracking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from localcloud.assembly import Deployment
    from localcloud.pods.model import TargetGroup
    from localcloud.template import Stack


def read(deployment: Deployment, name: str, groups: Mapping[str, TargetGroup]) -> list[FleetSpec]:
    """The services of a stack as fleets of a variant; LocalError, by logical id, for what cannot run here."""
    stack = deployment.stack
    found = []
    for logical_id in stack.resources(resources.SERVICE):
        with stack.reading(logical_id):
            found.append(_service(deployment, name, logical_id, groups))
    return found


def _service(deployment: Deployment, name: str, logical_id: str, groups: Mapping[str, TargetGroup]) -> FleetSpec:
    stack = deployment.stack
    balancers = stack.property(logical_id, "LoadBalancers") or []
    bindings = tuple(Binding(str(one["TargetGroupArn"]), int(one["ContainerPort"])) for one in balancers)
    for binding in bindings:
        if binding.target_group not in groups:
            raise LocalError(f"{stack.name}.{logical_id}: {binding.target_group} is no target group of this stack")
    # ECS deregisters a task and waits for its target group's delay before it stops it.
    # Source: "Optimize load balancer connection draining parameters", Amazon ECS Developer Guide.
    delay = max((groups[binding.target_group].deregistration_delay for binding in bindings), default=0.0)
    arn = str(stack.property(logical_id, "TaskDefinition"))
    for task in stack.resources(resources.TASK_DEFINITION):
        if stack.ref(task) == arn:
            break
    else:
        raise LocalError(f"{stack.name}.{logical_id}: its TaskDefinition {arn} is not one of this stack")
    wanted = stack.property(logical_id, "DesiredCount")
    service_name = stack.attribute(logical_id, "Name")
    cluster = str(stack.property(logical_id, "Cluster") or "default").rpartition("/")[2]
    return FleetSpec(
        name=name,
        noun="task",
        pod=_task(deployment, task, delay),
        replicas=1 if wanted is None else int(wanted),
        bindings=bindings,
        autoscaler=_tracking(stack, f"service/{cluster}/{service_name}"),
        counted_as=(("ClusterName", cluster), ("ServiceName", service_name)),
    )


def _task(deployment: Deployment, logical_id: str, delay: float) -> PodSpec:
    stack = deployment.stack
    where = f"{stack.name}.{logical_id}"
    with stack.reading(logical_id):
        containers = stack.property(logical_id, "ContainerDefinitions")
        if len(containers) != 1:
            raise LocalError(f"{where}: a task has one container here")
        (container,) = containers
        if container.get("Secrets"):
            raise LocalError(f"{where}: variables that are Secrets are not filled in here: read them in the container")
        command = [*(container.get("EntryPoint") or ()), *(container.get("Command") or ())]
        run = images.built(deployment, where, str(container["Image"]), command)
        return PodSpec(
            where=where,
            folder=run.folder,
            path=run.path,
            command=run.command,
            # ECS knows no references between variables, Kubernetes does: $$ stays a dollar sign.
            environment=tuple(
                (one["Name"], str(one.get("Value", "")).replace("$", "$$"))
                for one in container.get("Environment") or ()
            ),
            ports={str(one["ContainerPort"]): int(one["ContainerPort"]) for one in container.get("PortMappings") or ()},
            liveness=_health_check(where, container.get("HealthCheck")),
            pre_stop=Sleep(delay) if delay else None,
            grace=delay + float(container.get("StopTimeout", 30)),
        )


def _health_check(where: str, check: Mapping[str, Any] | None) -> Probe | None:
    """Source of defaults: "HealthCheck", Amazon ECS API Reference."""
    if not check or check["Command"] == ["NONE"]:
        return None
    kind, *command = check["Command"]
    action = images.probe_command(where, ["sh", "-c", *command] if kind == "CMD-SHELL" else command)
    if not isinstance(action, Exec):
        raise LocalError(f"{where}: its health check only sleeps")
    return Probe(
        action,
        initial_delay=float(check.get("StartPeriod") or 0),
        period=float(check.get("Interval") or 30),
        timeout=float(check.get("Timeout") or 5),
        failure_threshold=int(check.get("Retries") or 3),
    )


def _tracking(stack: Stack, resource_id: str) -> Tracking | None:
    targets = [
        id_ for id_ in stack.resources(resources.SCALABLE_TARGET) if stack.property(id_, "ResourceId") == resource_id
    ]
    if not targets:
        return None
    (target,) = targets
    policies = tuple(_policies(stack, target))
    if not policies:
        raise LocalError(f"{stack.name}.{target}: no target tracking policy scales it")
    return Tracking(policies)


def _policies(stack: Stack, target: str) -> Iterator[Tracked]:
    with stack.reading(target):
        least, most = (int(stack.property(target, name)) for name in ("MinCapacity", "MaxCapacity"))
    for logical_id in stack.resources(resources.SCALING_POLICY):
        with stack.reading(logical_id):
            if stack.property(logical_id, "ScalingTargetId") != stack.ref(target):
                continue
            where = f"{stack.name}.{logical_id}"
            given = stack.property(logical_id, "TargetTrackingScalingPolicyConfiguration") or {}
            metric = given.get("CustomizedMetricSpecification")
            if not metric:
                raise LocalError(f"{where}: a scaling policy tracks a customized metric here")
            policy = Policy(
                target_value=float(given["TargetValue"]),
                min_capacity=least,
                max_capacity=most,
                scale_out_cooldown=float(given.get("ScaleOutCooldown", 300)),
                scale_in_cooldown=float(given.get("ScaleInCooldown", 300)),
                disable_scale_in=given.get("DisableScaleIn") in {True, "true"},
            )
            expression, queries = _math(metric)
            try:
                evaluate(expression, dict.fromkeys(queries, 1.0))
            except ExpressionError as error:
                raise LocalError(f"{where}: {error}") from error
            yield Tracked(policy, expression, queries)


def _math(metric: Mapping[str, Any]) -> tuple[str, dict[str, CloudWatchQuery]]:
    """The expression whose data is returned, and the metrics by id; a metric alone is its own expression."""
    if "Metrics" not in metric:
        return "m1", {"m1": _query(metric, str(metric["Statistic"]))}
    queries = {
        one["Id"]: _query(one["MetricStat"]["Metric"], str(one["MetricStat"]["Stat"]))
        for one in metric["Metrics"]
        if "MetricStat" in one
    }
    (returned,) = (one for one in metric["Metrics"] if one.get("ReturnData", True) in {True, "true"})
    return str(returned.get("Expression") or returned["Id"]), queries


def _query(metric: Mapping[str, Any], statistic: str) -> CloudWatchQuery:
    dimensions: Sequence[Mapping[str, Any]] = metric.get("Dimensions") or ()
    named = tuple((str(one["Name"]), str(one["Value"])) for one in dimensions)
    return CloudWatchQuery(str(metric["Namespace"]), str(metric["MetricName"]), named, statistic)
