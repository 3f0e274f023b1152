"""A small HTTP pod of the tests' own, and a stack that runs it, written as CDK writes one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .. import assemblies

if TYPE_CHECKING:
    from pathlib import Path

# Says who it is, and does what the path or the message asks for.
SERVER = """
import json, os, signal, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

state = {"ready": True, "alive": True, "active": 0}
term = os.environ.get("ON_TERM", "end")

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, text=""):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/readyz":
            self.reply(200 if state["ready"] else 503)
        elif self.path == "/healthz":
            self.reply(200 if state["alive"] else 500)
        elif self.path == "/metrics":
            self.reply(200, f"# TYPE ws_connections_active gauge\\nws_connections_active {state['active']}\\n")
        elif self.path == "/stop":
            print("preStop", flush=True)
            self.reply(200)
        else:
            self.reply(404)

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if text == "unready":
            state["ready"] = False
        if text.startswith("active"):
            state["active"] = int(text.split()[1])
        if text == "sick":
            state["alive"] = False
        if text == "environment":
            return self.reply(200, json.dumps(dict(os.environ)))
        if text == "headers":
            return self.reply(200, json.dumps(dict(self.headers.items())))
        if text == "die":
            os._exit(3)
        if text == "spawn":
            return self.reply(200, str(subprocess.Popen(["sleep", "600"]).pid))
        if text.startswith("slow"):
            time.sleep(float(text.split()[1]))
        self.reply(200, f"{text} by {os.environ['POD_NAME']}")

    def log_message(self, *_):
        pass

def ended(*_):
    print("SIGTERM", flush=True)
    if term == "end":
        os._exit(0)

signal.signal(signal.SIGTERM, ended)
time.sleep(float(os.environ.get("START_SECONDS", 0)))
if os.environ.get("FAIL"):
    sys.exit(5)
print("serves on", os.environ["HOST"], flush=True)
class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a probe that did not wait for its answer is no news

Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""

PORT = 8080
COMMAND = ["python", "-m", "sample.server"]


def get(path: str, **timing: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}, **timing}


def container(**changes: Any) -> dict[str, Any]:
    """A container as a Deployment has it; None takes a field away."""
    fields: dict[str, Any] = {
        "name": "http",
        "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/assets:tag",
        "command": COMMAND,
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "HOST", "value": "$(POD_IP)"},
            {"name": "PORT", "value": str(PORT)},
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "startupProbe": get("/healthz", periodSeconds=1, failureThreshold=60),
        "livenessProbe": get("/healthz", periodSeconds=1, timeoutSeconds=10),
        "readinessProbe": get("/readyz", periodSeconds=1, timeoutSeconds=10, failureThreshold=1),
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def manifest(kind: str, api: str, spec: dict[str, Any], name: str = "chat") -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "chat"}, "spec": spec}


LABELS = {"app.kubernetes.io/name": "chat"}


def deployment(one: dict[str, Any] | None = None, *, replicas: int = 1, grace: int = 10, **pod: Any) -> dict[str, Any]:
    spec = {"terminationGracePeriodSeconds": grace, "containers": [one or container()], **pod}
    template = {"metadata": {"labels": LABELS}, "spec": spec}
    return manifest("Deployment", "apps/v1", {"replicas": replicas, "template": template})


def service() -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return manifest("Service", "v1", {"type": "ClusterIP", "selector": LABELS, "ports": ports})


def binding() -> dict[str, Any]:
    spec = {"serviceRef": {"name": "chat", "port": "http"}, "targetGroupARN": "TARGETS", "targetType": "ip"}
    return manifest("TargetGroupBinding", "eks.amazonaws.com/v1", spec)


def trigger(metric: str, target: int, **metadata: str) -> dict[str, Any]:
    return {
        "type": "aws-cloudwatch",
        "metadata": {
            "awsRegion": "us-east-1",
            "namespace": "Chat",
            "metricName": metric,
            "dimensionName": "service;backend",
            "dimensionValue": "chat;eks",
            "targetMetricValue": str(target),
            "minMetricValue": "0",
            "metricStatPeriod": "60",
            "metricCollectionTime": "180",
            **metadata,
        },
    }


def scaled_object(*triggers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}
    found = list(triggers) or [trigger("ActiveConnections", 100)]
    return manifest(
        "ScaledObject",
        "keda.sh/v1alpha1",
        {"scaleTargetRef": target, "minReplicaCount": 1, "maxReplicaCount": 4, "triggers": found, **spec},
    )


def balancer(builder: assemblies.Builder, **group: Any) -> None:
    """A load balancer, its listener and its target group `Targets`, as infra makes them."""
    builder.add("Balancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", Type="network", Subnets=["a", "b"])
    builder.add(
        "Listener",
        "AWS::ElasticLoadBalancingV2::Listener",
        DefaultActions=[{"TargetGroupArn": {"Ref": "Targets"}, "Type": "forward"}],
        LoadBalancerArn={"Ref": "Balancer"},
        Port=80,
        Protocol="TCP",
    )
    fixed = {
        "HealthCheckIntervalSeconds": 10,
        "HealthCheckPath": "/readyz",
        "HealthCheckPort": str(PORT),
        "HealthCheckProtocol": "HTTP",
        "HealthCheckTimeoutSeconds": 6,
        "Port": PORT,
        "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}],
    }
    builder.add("Targets", "AWS::ElasticLoadBalancingV2::TargetGroup", **(fixed | group))


def api() -> assemblies.Builder:
    """A WebSocket API whose `$default` goes to pods and answers."""
    builder = assemblies.Builder()
    balancer(builder)
    builder.add("Link", "AWS::ApiGateway::VpcLink", Name="link", TargetArns=[{"Ref": "Balancer"}])
    builder.add(
        "PodsIntegration",
        "AWS::ApiGatewayV2::Integration",
        ApiId={"Ref": "Api"},
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="POST",
        IntegrationUri={"Fn::Join": ["", ["http://", {"Fn::GetAtt": ["Balancer", "DNSName"]}, "/message"]]},
        ConnectionType="VPC_LINK",
        ConnectionId={"Ref": "Link"},
    )
    builder.route("DefaultRoute", "$default", "Pods", responds=True)
    return builder


def kubernetes(*manifests: dict[str, Any]) -> assemblies.Builder:
    """An API in front of manifests, which are joined with what only the stack knows, as CDK does."""
    builder = api()
    before, binds, after = json.dumps(list(manifests)).partition("TARGETS")
    joined = {"Fn::Join": ["", [before, {"Ref": "Targets"}, after]]} if binds else before
    builder.add("Application", "Custom::AWSCDK-EKS-KubernetesResource", Manifest=joined, ClusterName="cluster")
    return builder


def eks(one: dict[str, Any] | None = None, *more: dict[str, Any], **pod: Any) -> assemblies.Builder:
    return kubernetes(deployment(one, **pod), service(), binding(), *more)


def ecs(*, tasks: int = 1, **definition: Any) -> assemblies.Builder:
    """An API in front of a service of tasks."""
    builder = api()
    one = {
        "Name": "http",
        "Image": {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/assets:tag"},
        "Command": COMMAND,
        "Environment": [
            {"Name": "HOST", "Value": "0.0.0.0"},  # noqa: S104
            {"Name": "PORT", "Value": str(PORT)},
            {"Name": "POD_NAME", "Value": "task"},
        ],
        "PortMappings": [{"ContainerPort": PORT}],
        "StopTimeout": 10,
    }
    builder.add("Cluster", "AWS::ECS::Cluster")
    builder.add("Task", "AWS::ECS::TaskDefinition", ContainerDefinitions=[one | definition])
    builder.add(
        "Service",
        "AWS::ECS::Service",
        Cluster={"Ref": "Cluster"},
        DesiredCount=tasks,
        LoadBalancers=[{"ContainerName": "http", "ContainerPort": PORT, "TargetGroupArn": {"Ref": "Targets"}}],
        TaskDefinition={"Ref": "Task"},
    )
    return builder


def tracking(builder: assemblies.Builder, expression: str = "connections / tasks", **policy: Any) -> None:
    """Target tracking of connections a task."""

    def metric(name: str, namespace: str, metric: str, **dimensions: Any) -> dict[str, Any]:
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        found = {"Namespace": namespace, "MetricName": metric, "Dimensions": named}
        return {"Id": name, "MetricStat": {"Metric": found, "Stat": "Average"}, "ReturnData": False}

    service = {"Fn::GetAtt": ["Service", "Name"]}
    builder.add(
        "Count",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        MinCapacity=1,
        MaxCapacity=4,
        ResourceId={"Fn::Join": ["", ["service/", {"Ref": "Cluster"}, "/", service]]},
        ScalableDimension="ecs:service:DesiredCount",
        ServiceNamespace="ecs",
    )
    tasks = {"ClusterName": {"Ref": "Cluster"}, "ServiceName": service}
    metrics = [
        metric("connections", "Chat", "ActiveConnections", service="chat", backend="ecs"),
        metric("tasks", "ECS/ContainerInsights", "RunningTaskCount", **tasks),
        {"Id": "each", "Expression": expression, "ReturnData": True},
    ]
    configuration = {"TargetValue": 100, "CustomizedMetricSpecification": {"Metrics": metrics}, **policy}
    builder.add(
        "Policy",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        PolicyType="TargetTrackingScaling",
        ScalingTargetId={"Ref": "Count"},
        TargetTrackingScalingPolicyConfiguration=configuration,
    )


NAMES = {
    "ChatEks": {"name": "eks", "port": 2},
    "ChatSockets": {"name": "sockets", "port": 3},
    "ChatEcs": {"name": "ecs", "port": 4},
}


def write(builder: assemblies.Builder, folder: Path, stack: str = "ChatEks") -> Path:
    """Write the assembly with the sample's image; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    staged = folder / "asset.image"
    (staged / "sample").mkdir(parents=True)
    (staged / "sample" / "server.py").write_text(SERVER)
    image = {
        "source": {"directory": "asset.image", "dockerFile": "sample/Dockerfile"},
        "destinations": {"here": {"repositoryName": "assets", "imageTag": "tag"}},
    }
    contents = {
        f"{stack}.template.json": {
            "Metadata": {"localcloud": NAMES[stack] | builder.told},
            "Resources": builder.resources,
        },
        f"{stack}.assets.json": {"dockerImages": {"image": image}},
        "manifest.json": {
            "artifacts": {
                stack: {"type": "aws:cloudformation:stack", "properties": {"templateFile": f"{stack}.template.json"}}
            }
        },
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    return folder
