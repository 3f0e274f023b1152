"""The containers of a stack, and the load balancers in front of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud import resources
from localcloud.errors import LocalError
from localcloud.pods import ecs, kubernetes
from localcloud.pods.model import PodsPlan, TargetGroup

if TYPE_CHECKING:
    from localcloud.assembly import Deployment
    from localcloud.template import Stack


_PUBLIC = {"TCP", "TLS", "HTTP", "HTTPS"}


def read(deployment: Deployment, name: str) -> PodsPlan:
    """What of a variant's stack runs in containers; LocalError, by its resource, for what cannot run here."""
    stack = deployment.stack
    groups = {}
    for logical_id in stack.resources(resources.TARGET_GROUP):
        with stack.reading(logical_id):
            groups[stack.ref(logical_id)] = _group(stack, logical_id)
    fleets = kubernetes.read(deployment, name)
    services = ecs.read(deployment, name, groups)
    if len(fleets) * len(services) or len(services) > 1:
        raise LocalError(f"{stack.name}: a variant has Deployments or one service here, not both or more")
    fleets += services
    for fleet in fleets:
        for binding in fleet.bindings:
            if binding.target_group not in groups:
                raise LocalError(f"{fleet.pod.where}: {binding.target_group} is no target group of this stack")
    # Behind an API's VPC link whoever asks speaks plain HTTP; clients that come straight find TLS ended here.
    private = any(stack.resources(resources.API))
    return PodsPlan(tuple(fleets), _balancers(stack, groups, private=private), tuple(groups.values()))


def _group(stack: Stack, logical_id: str) -> TargetGroup:
    """Source of defaults: "Health checks for Network Load Balancer target groups", Elastic Load Balancing docs."""

    def given(name: str, default: Any) -> Any:
        value = stack.property(logical_id, name)
        return default if value is None else value

    attributes = {one["Key"]: one["Value"] for one in given("TargetGroupAttributes", [])}
    # An Application Load Balancer has neither attribute: it ends connections when the deregistration is over.
    network = "false" if given("Protocol", "TCP") in {"HTTP", "HTTPS"} else "true"
    http = given("HealthCheckProtocol", "TCP") == "HTTP"
    port = str(given("HealthCheckPort", "traffic-port"))
    return TargetGroup(
        arn=stack.ref(logical_id),
        check_path=str(given("HealthCheckPath", "/")) if http else None,
        check_port=int(port) if port.isdigit() else None,
        interval=float(given("HealthCheckIntervalSeconds", 30)),
        timeout=float(given("HealthCheckTimeoutSeconds", 6 if http else 10)),
        healthy_threshold=int(given("HealthyThresholdCount", 5)),
        unhealthy_threshold=int(given("UnhealthyThresholdCount", 2)),
        deregistration_delay=float(attributes.get("deregistration_delay.timeout_seconds", 300)),
        cuts_unhealthy=attributes.get("target_health_state.unhealthy.connection_termination.enabled", network)
        == "true",
        cuts_deregistered=attributes.get("deregistration_delay.connection_termination.enabled", "false") == "true"
        or network == "false",
    )


def _balancers(stack: Stack, groups: dict[str, TargetGroup], *, private: bool) -> dict[str, dict[int, str]]:
    names = {stack.ref(id_): stack.attribute(id_, "DNSName") for id_ in stack.resources(resources.LOAD_BALANCER)}
    found: dict[str, dict[int, str]] = {}
    for logical_id in stack.resources(resources.LISTENER):
        with stack.reading(logical_id):
            arn, actions, protocol, port = (
                stack.property(logical_id, name) for name in ("LoadBalancerArn", "DefaultActions", "Protocol", "Port")
            )
            balancer, (action,) = names.get(arn), actions
            group = action.get("TargetGroupArn")
            if balancer is None or protocol not in ({"TCP"} if private else _PUBLIC) or group not in groups:
                text = "a listener forwards TCP from a load balancer to one target group, of this stack, to run here"
                raise LocalError(f"{stack.name}.{logical_id}: {text}")
            found.setdefault(balancer, {})[int(port)] = group
    return found
