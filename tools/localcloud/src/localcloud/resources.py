"""Physical ids and attributes of resources, as this machine's cloud gives them out.

They are derived from the logical ids, so that a table or a function has the same name at every start.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.template import Stack

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


def ref(stack: Stack, logical_id: str) -> str:
    """The physical id of a resource: its name in the template, or one made of the stack's name and its logical id."""
    kind = stack.type(logical_id)
    if kind == API:
        return _api_id(stack, logical_id)
    if kind == QUEUE:
        return f"https://sqs.{stack.region}.amazonaws.com/{stack.account}/{queue_name(stack, logical_id)}"
    if kind in _ARNS:
        service, resource = _ARNS[kind]
        return _arn(stack, service, resource(stack, logical_id))
    return _name(stack, logical_id)


def _qualified(stack: Stack, logical_id: str) -> str:
    """A function's alias or version."""
    function = str(stack.own_property(logical_id, "FunctionName")).rpartition("function:")[2]
    return f"function:{function}:{_name(stack, logical_id) if stack.type(logical_id) == ALIAS else 1}"


def queue_name(stack: Stack, logical_id: str) -> str:
    """A queue's name, which `Ref` does not give: that is its URL. It has 80 characters at most; a FIFO one ends so."""
    name = _name(stack, logical_id)
    suffix = ".fifo" if stack.own_property(logical_id, "FifoQueue") in {True, "true"} else ""
    return name if name.endswith(suffix) else f"{name[: 80 - len(suffix)]}{suffix}"


def attribute(stack: Stack, logical_id: str, name: str) -> str | None:
    """An attribute of a resource, or None for one that is not known here."""
    if (stack.type(logical_id), name) == (SCHEDULE, "Arn"):
        return _schedule_arn(stack, logical_id)
    known = _ATTRIBUTES.get((stack.type(logical_id), name))
    return known(stack, ref(stack, logical_id)) if known else None


def _name(stack: Stack, logical_id: str) -> str:
    kind = stack.type(logical_id)
    name = stack.own_property(logical_id, _NAME[kind]) if kind in _NAME else None
    return str(name) if name else f"{stack.name}-{logical_id}"


def _schedule_arn(stack: Stack, logical_id: str) -> str:
    group = stack.own_property(logical_id, "GroupName") or "default"
    return _arn(stack, "scheduler", f"schedule/{group}/{ref(stack, logical_id)}")


def _cluster(stack: Stack, logical_id: str) -> str:
    """The name of a service's cluster, which it gives by name or ARN."""
    return str(stack.own_property(logical_id, "Cluster") or "default").rpartition("/")[2]


def _api_id(stack: Stack, logical_id: str) -> str:
    return _short(f"{stack.name}/{logical_id}")


def _short(text: str) -> str:
    """Ten lower-case letters and digits, as API Gateway's ids are, the same for the same text."""
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest())
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(alphabet[digest // 36**place % 36] for place in range(10))


def _arn(stack: Stack, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{stack.region}:{stack.account}:{resource}"


# What `Ref` gives an ARN for.
_ARNS: dict[str, tuple[str, Callable[[Stack, str], str]]] = {
    ALIAS: ("lambda", _qualified),
    LAYER: ("lambda", lambda _, id_: f"layer:{id_}:1"),
    LOAD_BALANCER: ("elasticloadbalancing", lambda stack, id_: f"loadbalancer/net/{stack.name}-{id_}/local"),
    SECRET: ("secretsmanager", lambda stack, id_: f"secret:{_name(stack, id_)}"),
    SERVICE: ("ecs", lambda stack, id_: f"service/{_cluster(stack, id_)}/{_name(stack, id_)}"),
    TARGET_GROUP: ("elasticloadbalancing", lambda stack, id_: f"targetgroup/{stack.name}-{id_}/local"),
    TASK_DEFINITION: ("ecs", lambda stack, id_: f"task-definition/{_name(stack, id_)}:1"),
    VERSION: ("lambda", _qualified),
}

_ATTRIBUTES: dict[tuple[str, str], Callable[[Stack, str], str]] = {
    (API, "ApiEndpoint"): lambda stack, id_: f"wss://{id_}.execute-api.{stack.region}.amazonaws.com",
    (API, "ApiId"): lambda _, id_: id_,
    (DOMAIN_NAME, "RegionalDomainName"): lambda stack, id_: f"d-{_short(id_)}.execute-api.{stack.region}.amazonaws.com",
    (DOMAIN_NAME, "RegionalHostedZoneId"): lambda *_: "Z1UJRXOUMOOFQ8",
    (FUNCTION, "Arn"): lambda stack, name: _arn(stack, "lambda", f"function:{name}"),
    (GLOBAL_TABLE, "Arn"): lambda stack, name: _arn(stack, "dynamodb", f"table/{name}"),
    (LOAD_BALANCER, "DNSName"): lambda stack, arn: f"{_short(arn)}.elb.{stack.region}.amazonaws.com",
    (LOG_GROUP, "Arn"): lambda stack, name: _arn(stack, "logs", f"log-group:{name}:*"),
    (PARAMETER, "Type"): lambda *_: "String",
    (QUEUE, "Arn"): lambda stack, url: _arn(stack, "sqs", url.rsplit("/", 1)[1]),
    (QUEUE, "QueueName"): lambda _, url: url.rsplit("/", 1)[1],
    (QUEUE, "QueueUrl"): lambda _, url: url,
    (ROLE, "Arn"): lambda stack, name: f"arn:aws:iam::{stack.account}:role/{name}",
    (RULE, "Arn"): lambda stack, name: _arn(stack, "events", f"rule/{name}"),
    (SERVICE, "Name"): lambda _, arn: arn.rsplit("/", 1)[1],
    (TABLE, "Arn"): lambda stack, name: _arn(stack, "dynamodb", f"table/{name}"),
}
