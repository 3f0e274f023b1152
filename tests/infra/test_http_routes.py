"""The path from API Gateway to the pods, the same in both variants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from backend.actions import load
from infra.settings import Settings
from infra.shared.api import build_api
from infra.shared.balancer import PodBalancer
from infra.shared.http_routes import add_http_routes, build_secret
from infra.shared.network import build_vpc
from tests.conftest import Assembly, Resource

REPLYING = {"$default", *load()}
HEADER = "integration.request.header."


@pytest.fixture(params=["eks", "ecs"])
def variant(request: pytest.FixtureRequest) -> Assembly:
    assembly: Assembly = request.getfixturevalue(request.param)
    return assembly


def integrations(variant: Assembly) -> dict[str, Resource]:
    """Properties of each integration, by the path that it leads to."""
    found = {
        entry["Properties"]["IntegrationUri"]["Fn::Join"][1][-1].removeprefix("/"): entry["Properties"]
        for entry in variant.resources("AWS::ApiGatewayV2::Integration").values()
    }
    assert set(found) == {"connect", "message", "disconnect"}
    return found


def headers(integration: Resource) -> dict[str, Any]:
    parameters = integration["RequestParameters"]
    assert all(key.startswith(HEADER) for key in parameters)
    return {key.removeprefix(HEADER): value for key, value in parameters.items()}


def test_each_route_leads_to_its_path_and_replies_where_a_reply_is_due(variant: Assembly) -> None:
    replying = {
        entry["Properties"]["RouteId"]["Ref"]
        for entry in variant.resources("AWS::ApiGatewayV2::RouteResponse").values()
    }
    resources = variant.resources("AWS::ApiGatewayV2::Integration")
    routes = {}
    for name, entry in variant.resources("AWS::ApiGatewayV2::Route").items():
        properties = entry["Properties"]
        prefix, target = properties["Target"]["Fn::Join"][1]
        assert prefix == "integrations/"
        uri = resources[target["Ref"]]["Properties"]["IntegrationUri"]["Fn::Join"][1]
        assert (name in replying) == (properties.get("RouteResponseSelectionExpression") == "$default")
        routes[properties["RouteKey"]] = (uri[-1], name in replying)
    assert routes == {
        "$connect": ("/connect", False),
        "$disconnect": ("/disconnect", False),
        **dict.fromkeys(REPLYING, ("/message", True)),
    }


def test_requests_go_as_they_are_through_a_vpc_link_to_the_stacks_own_internal_balancer(variant: Assembly) -> None:
    balancer, properties = variant.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
    link, link_properties = variant.only("AWS::ApiGateway::VpcLink")
    assert (properties["Type"], properties["Scheme"]) == ("network", "internal")
    assert link_properties["TargetArns"] == [{"Ref": balancer}]
    for integration in integrations(variant).values():
        assert integration["IntegrationType"] == "HTTP_PROXY"
        assert integration["IntegrationMethod"] == "POST"
        assert (integration["ConnectionType"], integration["ConnectionId"]) == ("VPC_LINK", {"Ref": link})
        assert integration["IntegrationUri"]["Fn::Join"][1][:2] == ["http://", {"Fn::GetAtt": [balancer, "DNSName"]}]


def test_a_vpc_link_reaches_the_balancer_and_nothing_else_does(variant: Assembly) -> None:
    _, properties = variant.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert properties["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] == "off"
    (group,) = [item["Fn::GetAtt"][0] for item in properties["SecurityGroups"]]
    assert "SecurityGroupIngress" not in variant.resources("AWS::EC2::SecurityGroup")[group]["Properties"]
    for entry in variant.resources("AWS::EC2::SecurityGroupIngress").values():
        assert entry["Properties"]["GroupId"] != {"Fn::GetAtt": [group, "GroupId"]}
        assert entry["Properties"]["SourceSecurityGroupId"] == {"Fn::GetAtt": [group, "GroupId"]}
        assert (entry["Properties"]["FromPort"], entry["Properties"]["ToPort"]) == (8080, 8080)


def test_every_request_carries_the_secret_by_reference_and_what_an_event_would_say(variant: Assembly) -> None:
    secret, properties = variant.only("AWS::SecretsManager::Secret")
    assert properties["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 48}
    for integration in integrations(variant).values():
        sent = headers(integration)
        reference = ["'{{resolve:secretsmanager:", {"Ref": secret}, ":SecretString:::}}'"]
        assert sent.pop("X-Duplex-Secret")["Fn::Join"][1] == reference
        expected = {
            "X-Duplex-Api-Id": "context.apiId",
            "X-Duplex-Domain-Name": "context.domainName",
            "X-Duplex-Stage": "context.stage",
            "X-Duplex-Connection-Id": "context.connectionId",
            "X-Duplex-Connected-At": "context.connectedAt",
            "X-Duplex-Route-Key": "context.routeKey",
            "X-Duplex-Request-Id": "context.requestId",
            "X-Duplex-Source-Ip": "context.identity.sourceIp",
            "X-Duplex-User-Agent": "context.identity.userAgent",
        }
        assert expected.items() <= sent.items()


def test_a_client_cannot_say_who_it_is(variant: Assembly) -> None:
    """Its own headers reach the pods at $connect: what is not mapped to a value there, it could set."""
    for integration in integrations(variant).values():
        assert headers(integration)["X-Duplex-Principal"] == "'-'"


def test_each_kind_of_request_has_what_the_others_have_not(variant: Assembly) -> None:
    by_path = {path: headers(integration) for path, integration in integrations(variant).items()}
    common = set.intersection(*(set(sent) for sent in by_path.values()))
    assert {path: {key: sent[key] for key in set(sent) - common} for path, sent in by_path.items()} == {
        "connect": {
            "X-Duplex-Origin": "route.request.header.Origin",
            "X-Duplex-Subprotocol": "route.request.header.Sec-WebSocket-Protocol",
        },
        "message": {"X-Duplex-Message-Id": "context.messageId"},
        "disconnect": {
            "X-Duplex-Disconnect-Code": "context.disconnectStatusCode",
            "X-Duplex-Disconnect-Reason": "context.disconnectReason",
        },
    }


def test_what_connect_takes_from_the_client_is_declared_on_its_route_alone(variant: Assembly) -> None:
    for entry in variant.resources("AWS::ApiGatewayV2::Route").values():
        declared = set(entry["Properties"].get("RequestParameters", {}))
        taken = {
            source
            for source in map(str, headers(integrations(variant)["connect"]).values())
            if source.startswith("route.")
        }
        assert declared == (taken if entry["Properties"]["RouteKey"] == "$connect" else set())


def test_the_stage_and_the_api_are_those_of_the_lambda_variant(variant: Assembly, assembly: Assembly) -> None:
    for kind in ("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"):
        assert variant.only(kind) == assembly.only(kind)


def test_what_the_lambda_variant_has_beside_its_handlers_is_there_too(variant: Assembly, assembly: Assembly) -> None:
    """Table, queues with alarms, consumers, census: the same resources, but for the names of stack and backend."""

    def normalized(entry: Any) -> str:
        text = json.dumps({**entry, "Metadata": None}, sort_keys=True)
        for stack, backend in (("DuplexEks", "eks"), ("DuplexEcs", "ecs"), ("DuplexLambda", "lambda")):
            text = text.replace(stack, "Stack").replace(f'"BACKEND": "{backend}"', '"BACKEND": "x"')
        return text

    ours = variant.template["Resources"]
    handlers = ("Connect", "Disconnect", "Message", "Api")
    shared = {
        name: entry
        for name, entry in assembly.template["Resources"].items()
        if not name.startswith(handlers) and "DuplexLambda" not in name
    }
    assert len(shared) > 25
    assert {name: normalized(entry) for name, entry in shared.items()} == {
        name: normalized(ours[name]) for name in shared
    }


def test_targets_are_addresses_whose_readiness_is_asked_for(variant: Assembly) -> None:
    _, properties = variant.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    assert (properties["TargetType"], properties["Protocol"], properties["Port"]) == ("ip", "TCP", 8080)
    assert (properties["HealthCheckProtocol"], properties["HealthCheckPath"]) == ("HTTP", "/readyz")
    assert properties["HealthCheckPort"] == "8080"


def role_of_pods(variant: Assembly) -> str:
    principals = ("pods.eks.amazonaws.com", "ecs-tasks.amazonaws.com")
    (role,) = [
        name
        for name, entry in variant.resources("AWS::IAM::Role").items()
        if entry["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] in principals
        and "Execution" not in name
    ]
    return role


def test_pods_may_do_what_answering_takes_and_no_more(variant: Assembly) -> None:
    role = role_of_pods(variant)
    allowed: dict[str, list[Any]] = {}
    for entry in variant.resources("AWS::IAM::Policy").values():
        if {"Ref": role} in entry["Properties"]["Roles"]:
            for statement in entry["Properties"]["PolicyDocument"]["Statement"]:
                actions, resources = statement["Action"], statement["Resource"]
                for action in actions if isinstance(actions, list) else [actions]:
                    allowed.setdefault(action, []).extend(resources if isinstance(resources, list) else [resources])
    table, _ = variant.only("AWS::DynamoDB::GlobalTable")
    secret, _ = variant.only("AWS::SecretsManager::Secret")
    api, _ = variant.only("AWS::ApiGatewayV2::Api")
    posts = [json.dumps(arn) for arn in allowed.pop("execute-api:ManageConnections")]
    assert sorted(arn.rsplit('"', 2)[1] for arn in posts) == [
        "/prod/DELETE/@connections/*",
        "/prod/POST/@connections/*",
    ]
    assert all(json.dumps({"Ref": api}) in arn for arn in posts)
    queues = {item["Fn::GetAtt"][0] for item in allowed.pop("sqs:SendMessage")}
    assert queues == {name for name in variant.resources("AWS::SQS::Queue") if "Dead" not in name}
    assert allowed == {
        "secretsmanager:GetSecretValue": [{"Ref": secret}],
        **{
            f"dynamodb:{operation}": [{"Fn::GetAtt": [table, "Arn"]}]
            for operation in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
        },
    }
    assert "ManagedPolicyArns" not in variant.resources("AWS::IAM::Role")[role]["Properties"]


def test_no_secret_value_is_in_the_template(variant: Assembly) -> None:
    """Only a reference to it, in the integrations; pods get its ARN."""
    secret, _ = variant.only("AWS::SecretsManager::Secret")
    for name, entry in variant.template["Resources"].items():
        if entry["Type"] not in {"AWS::ApiGatewayV2::Integration", "AWS::SecretsManager::Secret"}:
            assert "{{resolve:" not in json.dumps(entry), name
    assert "SecretString" not in variant.resources("AWS::SecretsManager::Secret")[secret]["Properties"]


def test_a_secret_that_was_rotated_is_named_by_its_version() -> None:
    """CloudFormation looks a reference up again only when its text has changed."""
    version = "0123456789abcdef0123456789abcdef"
    settings = Settings(secret_version=version)
    stack = Stack(App(), "Rotated")
    balancer = PodBalancer(stack, "Path", build_vpc(stack, settings)).balancer
    add_http_routes(build_api(stack), balancer, build_secret(stack), settings)
    for entry in Template.from_stack(stack).find_resources("AWS::ApiGatewayV2::Integration").values():
        secret = entry["Properties"]["RequestParameters"]["integration.request.header.X-Duplex-Secret"]
        assert secret["Fn::Join"][1][-1] == f":SecretString:::{version}}}}}'"
