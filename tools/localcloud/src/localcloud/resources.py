"""Physical ids and attributes of resources, as this machine's cloud gives them out.

They are derived from the logical ids, so that a table or a function has the same name at every start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ALIAS = "AWS::Lambda::Alias"
API = "AWS::ApiGatewayV2::Api"
API_MAPPING = "AWS::ApiGatewayV2::ApiMapping"
AUTHORIZER = "AWS::ApiGatewayV2::Authorizer"
DOMAIN_NAME = "AWS::ApiGatewayV2::DomainName"
CLUSTER = "AWS::ECS::Cluster"
EVENT_SOURCE_MAPPING = "AWS::Lambda::EventSourceMapping"
FUNCTION = "AWS::Lambda::Function"
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
INTEGRATION = "AWS::ApiGatewayV2::Integration"
INTEGRATION_RESPONSE = "AWS::ApiGatewayV2::IntegrationResponse"
KUBERNETES_MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
LAYER = "AWS::Lambda::LayerVersion"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
MODEL = "AWS::ApiGatewayV2::Model"
PARAMETER = "AWS::SSM::Parameter"
SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type, not a secret
LOG_GROUP = "AWS::Logs::LogGroup"
QUEUE = "AWS::SQS::Queue"
ROLE = "AWS::IAM::Role"
ROUTE = "AWS::ApiGatewayV2::Route"
ROUTE_RESPONSE = "AWS::ApiGatewayV2::RouteResponse"
RULE = "AWS::Events::Rule"
SCALABLE_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
SCALING_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
SCHEDULE = "AWS::Scheduler::Schedule"
SERVICE = "AWS::ECS::Service"
STAGE = "AWS::ApiGatewayV2::Stage"
TABLE = "AWS::DynamoDB::Table"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
TASK_DEFINITION = "AWS::ECS::TaskDefinition"
VERSION = "AWS::Lambda::Version"
VPC_LINK = "AWS::ApiGateway::VpcLink"

# The property that names a resource, where the template gives one.
_NAME = {
    ALIAS: "Name",
    CLUSTER: "ClusterName",
    DOMAIN_NAME: "DomainName",
    FUNCTION: "FunctionName",
    GLOBAL_TABLE: "TableName",
    LOG_GROUP: "LogGroupName",
    PARAMETER: "Name",
    QUEUE: "QueueName",
    ROLE: "RoleName",
    SECRET: "Name",
    RULE: "Name",
    SCHEDULE: "Name",
    SERVICE: "ServiceName",
    STAGE: "StageName",
    TABLE: "TableName",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack, by its logical id; `given` gives a property of it, resolved, or None."""

    kind: str
    logical_id: str
    stack: str
    region: str
    account: str
    given: Callable[[str], Any]

    @property
    def ref(self) -> str:
        """The physical id: its name in the template, or one made of the stack's name and its logical id."""
        if self.kind == API:
            return _short(f"{self.stack}/{self.logical_id}")
        if self.kind == QUEUE:
            return f"https://sqs.{self.region}.amazonaws.com/{self.account}/{self._queue_name}"
        if self.kind in _ARNS:
            service, resource = _ARNS[self.kind]
            return self.arn(service, resource(self))
        return self.name

    def attribute(self, name: str) -> str | None:
        """An attribute, or None for one that is not known here."""
        known = _ATTRIBUTES.get((self.kind, name))
        return known(self) if known else None

    @property
    def name(self) -> str:
        """Its name in the template, or one made of the stack's name and its logical id."""
        name = self.given(_NAME[self.kind]) if self.kind in _NAME else None
        return str(name) if name else f"{self.stack}-{self.logical_id}"

    @property
    def qualified(self) -> str:
        """A function's alias or version."""
        function = str(self.given("FunctionName")).rpartition("function:")[2]
        return f"function:{function}:{self.name if self.kind == ALIAS else 1}"

    @property
    def cluster(self) -> str:
        """The name of a service's cluster, which it gives by name or ARN."""
        return str(self.given("Cluster") or "default").rpartition("/")[2]

    def arn(self, service: str, resource: str) -> str:
        """An ARN in the stack's Region and account."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    @property
    def _queue_name(self) -> str:
        """`Ref` does not give it: that is the URL. It has 80 characters at most; that of a FIFO queue ends so."""
        suffix = ".fifo" if self.given("FifoQueue") in {True, "true"} else ""
        return self.name if self.name.endswith(suffix) else f"{self.name[: 80 - len(suffix)]}{suffix}"


def _short(text: str) -> str:
    """Ten lower-case letters and digits, as API Gateway's ids are, the same for the same text."""
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest())
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(alphabet[digest // 36**place % 36] for place in range(10))


# What `Ref` gives an ARN for.
_ARNS: dict[str, tuple[str, Callable[[Resource], str]]] = {
    ALIAS: ("lambda", lambda one: one.qualified),
    LAYER: ("lambda", lambda one: f"layer:{one.logical_id}:1"),
    LOAD_BALANCER: ("elasticloadbalancing", lambda one: f"loadbalancer/net/{one.stack}-{one.logical_id}/local"),
    SECRET: ("secretsmanager", lambda one: f"secret:{one.name}"),
    SERVICE: ("ecs", lambda one: f"service/{one.cluster}/{one.name}"),
    TARGET_GROUP: ("elasticloadbalancing", lambda one: f"targetgroup/{one.stack}-{one.logical_id}/local"),
    TASK_DEFINITION: ("ecs", lambda one: f"task-definition/{one.name}:1"),
    VERSION: ("lambda", lambda one: one.qualified),
}

_ATTRIBUTES: dict[tuple[str, str], Callable[[Resource], str]] = {
    (API, "ApiEndpoint"): lambda one: f"wss://{one.ref}.execute-api.{one.region}.amazonaws.com",
    (API, "ApiId"): lambda one: one.ref,
    (DOMAIN_NAME, "RegionalDomainName"): lambda one: f"d-{_short(one.ref)}.execute-api.{one.region}.amazonaws.com",
    (DOMAIN_NAME, "RegionalHostedZoneId"): lambda _: "Z1UJRXOUMOOFQ8",
    (FUNCTION, "Arn"): lambda one: one.arn("lambda", f"function:{one.name}"),
    (GLOBAL_TABLE, "Arn"): lambda one: one.arn("dynamodb", f"table/{one.name}"),
    (LOAD_BALANCER, "DNSName"): lambda one: f"{_short(one.ref)}.elb.{one.region}.amazonaws.com",
    (LOG_GROUP, "Arn"): lambda one: one.arn("logs", f"log-group:{one.name}:*"),
    (PARAMETER, "Type"): lambda _: "String",
    (QUEUE, "Arn"): lambda one: one.arn("sqs", one.ref.rsplit("/", 1)[1]),
    (QUEUE, "QueueName"): lambda one: one.ref.rsplit("/", 1)[1],
    (QUEUE, "QueueUrl"): lambda one: one.ref,
    (ROLE, "Arn"): lambda one: f"arn:aws:iam::{one.account}:role/{one.name}",
    (RULE, "Arn"): lambda one: one.arn("events", f"rule/{one.name}"),
    (SCHEDULE, "Arn"): lambda one: one.arn("scheduler", f"schedule/{one.given('GroupName') or 'default'}/{one.name}"),
    (SERVICE, "Name"): lambda one: one.name,
    (TABLE, "Arn"): lambda one: one.arn("dynamodb", f"table/{one.name}"),
}
