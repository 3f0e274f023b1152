"""A stack whose pods hold the sockets: no API, and the objects of the synthesized one with the tests' own server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .. import assemblies
from . import samples

if TYPE_CHECKING:
    from ..assemblies import Builder

GATEWAY, BUS, HELPER = "ws-gateway", "ws-bus", "ws-deletion-cost"
QUERY = 'sum(ws_connections_active{app="ws-gateway"})'


def named(kind: str, api: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    found = {"name": name, "namespace": "realtime", "labels": {"app": name}, **metadata}
    return {"apiVersion": api, "kind": kind, "metadata": found, "spec": spec}


def deployment(name: str, container: dict[str, Any], **pod: Any) -> dict[str, Any]:
    spec = {
        "terminationGracePeriodSeconds": 10,
        "automountServiceAccountToken": False,
        "containers": [container],
        **pod,
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    return named("Deployment", "apps/v1", name, {"template": template})


def gateway(**changes: Any) -> dict[str, Any]:
    env = [
        *samples.container()["env"],
        {"name": "BUS_URL", "value": f"redis://{BUS}:6379"},
        {"name": "FULL_URL", "value": f"redis://user:secret@{BUS}.realtime.svc.cluster.local:6379/0"},
        {"name": "SELECTOR", "value": f"app={BUS}"},
    ]
    ports = [{"name": "ws", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}]
    probes = {
        "startupProbe": {"httpGet": {"path": "/healthz", "port": "ws"}, "periodSeconds": 1, "failureThreshold": 60},
        "livenessProbe": None,
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "ws"}, "periodSeconds": 1, "timeoutSeconds": 10},
    }
    requests = {"requests": {"cpu": "500m", "memory": "1Gi"}}
    return deployment(GATEWAY, samples.container(env=env, ports=ports, resources=requests, **probes, **changes))


def service(name: str, *ports: tuple[str, int, str]) -> dict[str, Any]:
    listed = [{"name": label, "port": port, "targetPort": target} for label, port, target in ports]
    return named("Service", "v1", name, {"type": "ClusterIP", "selector": {"app": name}, "ports": listed})


def binding() -> dict[str, Any]:
    spec = {"serviceRef": {"name": GATEWAY, "port": "ws"}, "targetGroupARN": "TARGETS", "targetType": "ip"}
    return named("TargetGroupBinding", "eks.amazonaws.com/v1", GATEWAY, spec)


def bus(**changes: Any) -> dict[str, Any]:
    container = {
        "name": BUS,
        "image": "public.ecr.aws/valkey/valkey:8.1.10",
        "command": ["valkey-server", "--port", "6379", "--save", ""],
        "ports": [{"name": "bus", "containerPort": 6379}],
        "livenessProbe": {"exec": {"command": ["valkey-cli", "ping"]}},
        **changes,
    }
    return deployment(BUS, container)


def helper() -> dict[str, Any]:
    return deployment(HELPER, samples.container(), automountServiceAccountToken=True)


def monitor(**changes: Any) -> dict[str, Any]:
    endpoint = {"port": "metrics", "path": "/metrics", "interval": "15s", "scrapeTimeout": "10s"}
    spec = {
        "selector": {"matchLabels": {"app": GATEWAY}},
        "podTargetLabels": ["app"],
        "endpoints": [endpoint | changes],
    }
    return named("ServiceMonitor", "monitoring.coreos.com/v1", GATEWAY, spec)


def trigger(query: str = QUERY, **metadata: str) -> dict[str, Any]:
    found = {
        "serverAddress": "http://prometheus-operated.monitoring.svc:9090",
        "query": query,
        "threshold": "15",
        "ignoreNullValues": "false",
        **metadata,
    }
    return {"type": "prometheus", "name": "connections", "metadata": found}


def scaled_object(*triggers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    fixed = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": GATEWAY},
        "minReplicaCount": 2,
        "maxReplicaCount": 4,
        "fallback": {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"},
        "triggers": list(triggers) or [trigger()],
    }
    return named("ScaledObject", "keda.sh/v1alpha1", "ws-gateway-scaler", fixed | spec)


def objects(**replaced: Any) -> dict[str, Any]:
    """All of them by a name of the tests'; another may stand for one, or none."""
    found: dict[str, Any] = {
        "gateway": gateway(),
        "service": service(GATEWAY, ("ws", 80, "ws"), ("metrics", 9090, "metrics")),
        "binding": binding(),
        "bus": bus(),
        "bus_service": service(BUS, ("bus", 6379, "bus")),
        "helper": helper(),
        "monitor": monitor(),
        "rules": named("PrometheusRule", "monitoring.coreos.com/v1", GATEWAY, {"groups": []}),
        "scaled": scaled_object(),
    }
    return {name: one for name, one in (found | replaced).items() if one is not None}


def stack(protocol: str = "TLS", **replaced: Any) -> Builder:
    """The stack `ChatSockets`, behind a listener of this protocol."""
    builder = assemblies.Builder()
    builder.resources.clear()
    samples.balancer(builder)
    builder.resources["Listener"]["Properties"] |= {
        "Protocol": protocol,
        "Port": 443,
        "Certificates": [{"CertificateArn": {"Ref": "CertificateArn"}}],  # a parameter that only deploying fills in
    }
    before, binds, after = json.dumps(list(objects(**replaced).values())).partition("TARGETS")
    joined = {"Fn::Join": ["", [before, *([{"Ref": "Targets"}] if binds else []), after]]}
    builder.add("Application", "Custom::AWSCDK-EKS-KubernetesResource", Manifest=joined, ClusterName="cluster")
    return builder
