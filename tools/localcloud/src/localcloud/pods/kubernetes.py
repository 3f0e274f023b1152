"""Deployments and what belongs to them, out of the manifests that a stack applies to its cluster.

What makes no difference on one machine is left aside knowingly: identities, policies, budgets, spread, security
contexts, limits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autoscaling.spec import milli, quantity
from localcloud.errors import LocalError
from localcloud.pods import environment, images, manifests, monitors, scaled_objects
from localcloud.pods.model import Binding, Exec, FleetSpec, HttpGet, PodSpec, Probe, Sleep, TcpSocket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.assembly import Deployment
    from localcloud.pods.manifests import Manifest, Object


def read(deployment: Deployment, name: str) -> list[FleetSpec]:
    """The Deployments of a stack as fleets, the first one that of the variant; LocalError, by the object, for what
    cannot run here.

    That of the variant is the one that a load balancer leads to, or the only one.
    """
    objects = manifests.read(deployment)
    fleets = [_fleet(deployment, one, objects) for one in objects if one.kind == "Deployment"]
    main = [fleet for fleet in fleets if fleet.bindings] if len(fleets) > 1 else fleets
    if len(main) > 1:
        raise LocalError(f"{main[1].pod.where}: a variant has one Deployment here that a load balancer leads to")
    if fleets and not main:
        raise LocalError(f"{fleets[1].pod.where}: a variant has one Deployment here, or a load balancer leads to one")
    others = [fleet for fleet in fleets if fleet not in main]
    return [replace(fleet, name=name) for fleet in main] + others


def _fleet(deployment: Deployment, one: Object, objects: list[Object]) -> FleetSpec:
    try:
        template = one.spec["template"]
        pod = _pod(deployment, one, template)
        labels = template["metadata"]["labels"]
        services = {
            other.name: other
            for other in objects
            if other.kind == "Service"
            and other.namespace == one.namespace
            and (selector := other.spec.get("selector"))
            and selector.items() <= labels.items()
        }
        bindings = tuple(
            _binding(other, services[other.spec["serviceRef"]["name"]], pod)
            for other in objects
            if other.kind == "TargetGroupBinding"
            and other.namespace == one.namespace
            and other.spec["serviceRef"]["name"] in services
        )
        return FleetSpec(
            name=one.name,
            noun="pod",
            pod=pod,
            replicas=int(one.spec.get("replicas", 1)),
            bindings=bindings,
            autoscaler=scaled_objects.autoscaler(one, objects),
            namespace=one.namespace,
            labels=dict(labels),
            services=tuple(services),
            scrapes=tuple(monitors.scrapes(objects, list(services.values()), labels, pod.ports)),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise one.error(f"something has the wrong shape: {type(error).__name__}: {error}") from error


def _pod(deployment: Deployment, one: Object, template: Manifest) -> PodSpec:
    spec = template["spec"]
    if spec.get("initContainers") or len(spec["containers"]) != 1:
        raise one.error("a pod has one container here, and no initContainers")
    (container,) = spec["containers"]
    lifecycle = container.get("lifecycle") or {}
    if "postStart" in lifecycle:
        raise one.error("postStart hooks do not run here")
    ports = {
        str(port.get("name") or port["containerPort"]): int(port["containerPort"])
        for port in container.get("ports") or ()
    }
    run = images.run(deployment, one.where, container, ports)
    reader = _Reader(one, ports, is_redis=images.is_redis(container["image"]))
    requests = (container.get("resources") or {}).get("requests") or {}
    return PodSpec(
        where=one.where,
        folder=run.folder,
        path=run.path,
        command=run.command,
        program=run.program,
        environment=tuple(_variable(one, variable) for variable in container.get("env") or ()) + run.environment,
        ports=ports,
        startup=reader.probe(container.get("startupProbe")),
        liveness=reader.probe(container.get("livenessProbe")),
        readiness=reader.probe(container.get("readinessProbe")),
        pre_stop=reader.hook(lifecycle["preStop"]) if lifecycle.get("preStop") else None,
        grace=float(spec.get("terminationGracePeriodSeconds", 30)),
        annotations=dict((template.get("metadata") or {}).get("annotations") or {}),
        cpu_request=milli(quantity(requests.get("cpu", 0))),
        asks_cluster=spec.get("automountServiceAccountToken", True) is True,
    )


def _variable(one: Object, variable: Mapping[str, Any]) -> tuple[str, str]:
    if "valueFrom" not in variable:
        return variable["name"], str(variable.get("value", ""))
    path = (variable["valueFrom"].get("fieldRef") or {}).get("fieldPath")
    if path not in environment.FIELDS:
        known = ", ".join(environment.FIELDS)
        raise one.error(f"the variable {variable['name']} comes from what is not here; fieldRef knows {known}")
    return variable["name"], f"{environment.FIELD}{path}"


class _Reader:
    """Reads probes and hooks of one container."""

    def __init__(self, one: Object, ports: Mapping[str, int], *, is_redis: bool) -> None:
        self._one = one
        self._ports = ports
        self._is_redis = is_redis

    def probe(self, probe: Mapping[str, Any] | None) -> Probe | None:
        """Absent fields take the defaults of Kubernetes."""
        if not probe:
            return None
        action = self._action(probe)
        if action is None or isinstance(action, Sleep):
            raise self._one.error("a probe is httpGet, tcpSocket or exec here")
        return Probe(
            action,
            initial_delay=float(probe.get("initialDelaySeconds", 0)),
            period=float(probe.get("periodSeconds", 10)),
            timeout=float(probe.get("timeoutSeconds", 1)),
            success_threshold=int(probe.get("successThreshold", 1)),
            failure_threshold=int(probe.get("failureThreshold", 3)),
        )

    def hook(self, hook: Mapping[str, Any]) -> HttpGet | Exec | Sleep:
        """A preStop hook."""
        action = self._action(hook)
        if action is None or isinstance(action, TcpSocket):
            raise self._one.error("a preStop hook is exec, httpGet or sleep")
        return action

    def _action(self, given: Mapping[str, Any]) -> HttpGet | TcpSocket | Exec | Sleep | None:
        match given:
            case {"httpGet": get}:
                if get.get("scheme", "HTTP") != "HTTP" or get.get("host"):
                    raise self._one.error("probes speak plain HTTP to the pod itself here")
                headers = tuple((str(one["name"]), str(one["value"])) for one in get.get("httpHeaders") or ())
                return HttpGet(self._port(get["port"]), str(get.get("path") or "/"), headers)
            case {"tcpSocket": socket}:
                return TcpSocket(self._port(socket["port"]))
            case {"exec": _} if self._is_redis:  # its client may not be here: whether it listens has to do
                return TcpSocket(next(iter(self._ports.values())))
            case {"exec": command}:
                return images.probe_command(self._one.where, command["command"])
            case {"sleep": sleep}:
                return Sleep(float(sleep["seconds"]))
        return None

    def _port(self, port: int | str) -> int:
        return port_of(self._one.where, self._ports, port)


def port_of(where: str, ports: Mapping[str, int], port: int | str) -> int:
    """The number of a port by its name or number."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    if port not in ports:
        raise LocalError(f"{where}: its container has no port {port!r}")
    return ports[port]


def _binding(binding: Object, service: Object, pod: PodSpec) -> Binding:
    wanted = binding.spec["serviceRef"]["port"]
    for port in service.spec["ports"]:
        if wanted in {port.get("name"), port["port"]}:
            number = port_of(service.where, pod.ports, port.get("targetPort", port["port"]))
            return Binding(str(binding.spec["targetGroupARN"]), number)
    raise binding.error(f"the Service {service.name} has no port {wanted!r}")
