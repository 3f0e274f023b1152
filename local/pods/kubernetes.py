"""Deployments and what belongs to them, out of the manifests that a stack applies to its cluster.

CDK has them as a JSON array in a custom resource. What makes no difference on one machine is left aside knowingly:
identities, policies, budgets, resources, spread, security contexts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from autoscaling import spec as specs
from autoscaling.keda import ScaledObject, TriggerSpec
from local import resources
from local.errors import LocalError
from local.pods import environment, images
from local.pods.metrics import Query, Triggered
from local.pods.model import Binding, Exec, FleetSpec, HttpGet, PodSpec, Probe, Sleep, TcpSocket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.assembly import Deployment

Manifest = dict[str, Any]

_LEFT_ASIDE = {
    *("ConfigMap", "LimitRange", "Namespace", "NetworkPolicy", "NodeClass", "NodePool", "PodDisruptionBudget"),
    *("PriorityClass", "ResourceQuota", "Role", "RoleBinding", "ServiceAccount", "StorageClass"),
    *("ClusterRole", "ClusterRoleBinding", "ClusterTriggerAuthentication", "TriggerAuthentication"),
}
_READ = {"Deployment", "Service", "TargetGroupBinding", "ScaledObject"}
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def read(deployment: Deployment, name: str) -> list[FleetSpec]:
    """The Deployments of a stack as fleets of a variant; LocalError, by the object, for what cannot run here."""
    objects = [_Object(where, manifest) for where, manifest in _manifests(deployment)]
    for one in objects:
        if one.kind not in _READ | _LEFT_ASIDE:
            raise LocalError(f"{one.where}: manifests of this kind do not run here")
    deployments = [one for one in objects if one.kind == "Deployment"]
    if len(deployments) > 1:
        raise LocalError(f"{deployments[1].where}: a variant has one Deployment here")
    return [_fleet(deployment, name, one, objects) for one in deployments]


class _Object:
    """A manifest, and what errors call it: the resource it stands in, its kind and its name."""

    def __init__(self, resource: str, manifest: Manifest) -> None:
        self.kind = str(manifest.get("kind"))
        self.name = str((manifest.get("metadata") or {}).get("name"))
        self.where = f"{resource}, {self.kind} {self.name}"
        self.namespace = str((manifest.get("metadata") or {}).get("namespace") or "default")
        self.spec: Manifest = manifest.get("spec") or {}

    def error(self, text: str) -> LocalError:
        return LocalError(f"{self.where}: {text}")


def _manifests(deployment: Deployment) -> Iterator[tuple[str, Manifest]]:
    stack = deployment.stack
    for logical_id in stack.resources(resources.KUBERNETES_MANIFEST):
        where = f"{stack.name}.{logical_id}"
        text = stack.property(logical_id, "Manifest")
        try:
            found = json.loads(text)
        except (TypeError, ValueError) as error:
            raise LocalError(f"{where}: its Manifest is no JSON: {error}") from error
        for manifest in found if isinstance(found, list) else [found]:
            if not isinstance(manifest, dict):
                raise LocalError(f"{where}: its Manifest is not a list of objects")
            yield where, manifest


def _fleet(deployment: Deployment, name: str, one: _Object, objects: list[_Object]) -> FleetSpec:
    try:
        template = one.spec["template"]
        pod = _pod(deployment, one, template)
        labels = template["metadata"]["labels"]
        services = {
            other.name: other
            for other in objects
            if other.kind == "Service" and other.spec["selector"].items() <= labels.items()
        }
        bindings = tuple(
            _binding(other, services[other.spec["serviceRef"]["name"]], pod)
            for other in objects
            if other.kind == "TargetGroupBinding" and other.spec["serviceRef"]["name"] in services
        )
        return FleetSpec(
            name=name,
            noun="pod",
            pod=pod,
            replicas=int(one.spec.get("replicas", 1)),
            bindings=bindings,
            autoscaler=_autoscaler(one, objects),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise one.error(f"something has the wrong shape: {type(error).__name__}: {error}") from error


def _pod(deployment: Deployment, one: _Object, template: Manifest) -> PodSpec:
    spec = template["spec"]
    if spec.get("initContainers") or len(spec["containers"]) != 1:
        raise one.error("a pod has one container here, and no initContainers")
    (container,) = spec["containers"]
    image = images.find(deployment, one.where, container["image"])
    lifecycle = container.get("lifecycle") or {}
    if "postStart" in lifecycle:
        raise one.error("postStart hooks do not run here")
    ports = {
        str(port.get("name") or port["containerPort"]): int(port["containerPort"])
        for port in container.get("ports") or ()
    }
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    reader = _Reader(one, ports)
    return PodSpec(
        where=one.where,
        folder=image.folder,
        path=image.path,
        command=images.python(one.where, [*(container.get("command") or ()), *(container.get("args") or ())]),
        environment=tuple(_variable(one, variable) for variable in container.get("env") or ()),
        ports=ports,
        startup=reader.probe(container.get("startupProbe")),
        liveness=reader.probe(container.get("livenessProbe")),
        readiness=reader.probe(container.get("readinessProbe")),
        pre_stop=reader.hook(lifecycle["preStop"]) if lifecycle.get("preStop") else None,
        grace=float(spec.get("terminationGracePeriodSeconds", 30)),
        deletion_cost=int(annotations.get(_DELETION_COST, 0)),
    )


def _variable(one: _Object, variable: Mapping[str, Any]) -> tuple[str, str]:
    if "valueFrom" not in variable:
        return variable["name"], str(variable.get("value", ""))
    path = (variable["valueFrom"].get("fieldRef") or {}).get("fieldPath")
    if path not in environment.FIELDS:
        known = ", ".join(environment.FIELDS)
        raise one.error(f"the variable {variable['name']} comes from what is not here; fieldRef knows {known}")
    return variable["name"], f"{environment.FIELD}{path}"


class _Reader:
    """Reads probes and hooks of one container."""

    def __init__(self, one: _Object, ports: Mapping[str, int]) -> None:
        self._one = one
        self._ports = ports

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
            case {"exec": command}:
                return images.beside(self._one.where, command["command"])
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


def _binding(binding: _Object, service: _Object, pod: PodSpec) -> Binding:
    wanted = binding.spec["serviceRef"]["port"]
    for port in service.spec["ports"]:
        if wanted in {port.get("name"), port["port"]}:
            number = port_of(service.where, pod.ports, port.get("targetPort", port["port"]))
            return Binding(str(binding.spec["targetGroupARN"]), number)
    raise binding.error(f"the Service {service.name} has no port {wanted!r}")


def _autoscaler(one: _Object, objects: list[_Object]) -> Triggered | None:
    found = [
        other
        for other in objects
        if other.kind == "ScaledObject" and (other.spec.get("scaleTargetRef") or {}).get("name") == one.name
    ]
    if not found:
        return None
    (scaled,) = found
    try:
        spec = specs.parse(scaled.spec, ScaledObject, "spec")
        triggers = tuple(
            (trigger.trigger(f"spec.triggers[{index}].metadata"), _query(scaled, trigger), trigger.use_cached_metrics)
            for index, trigger in enumerate(spec.triggers)
        )
    except specs.SpecError as error:
        raise scaled.error(str(error)) from error
    return Triggered(spec, triggers)


def _query(scaled: _Object, trigger: TriggerSpec) -> Query:
    """Source of names and defaults: https://keda.sh/docs/2.20/scalers/aws-cloudwatch/"""
    metadata = trigger.metadata
    if trigger.type != "aws-cloudwatch" or "expression" in metadata:
        raise scaled.error("triggers are of type aws-cloudwatch here, with a metric and no expression")
    names, values = (metadata[key].split(";") for key in ("dimensionName", "dimensionValue"))
    return Query(
        metadata["namespace"],
        metadata["metricName"],
        tuple(zip(names, values, strict=True)),
        metadata.get("metricStat", "Average"),
        period=int(metadata.get("metricStatPeriod", 300)),
        collection=int(metadata.get("metricCollectionTime", 300)),
        offset=float(metadata.get("metricEndTimeOffset", 0)),
    )
