"""What the pods that hold sockets have on the side of AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2

from backend.settings import IDLE_TIMEOUT_SECONDS
from infra.kubernetes.sockets.balancer import SocketBalancer
from infra.settings import Settings
from infra.shared.network import PUBLIC
from infra.socket_settings import CERTIFICATE, NLB_IDLE_SECONDS
from tests.conftest import Assembly

ELB = "AWS::ElasticLoadBalancingV2::"
ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a-1b"


@pytest.fixture(scope="module", params=["nlb", "tcp", "alb"])
def balancer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """A balancer of each kind, without a cluster."""
    outdir = tmp_path_factory.mktemp(request.param)
    app = App(outdir=str(outdir))
    stack = Stack(app, request.param)
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        subnet_configuration=[ec2.SubnetConfiguration(name=PUBLIC, subnet_type=ec2.SubnetType.PUBLIC)],
    )
    settings = Settings(sockets_balancer=request.param)
    SocketBalancer(stack, "Clients", vpc, settings, None if settings.tls_in_pod else ARN)
    app.synth()
    return Assembly(outdir, request.param)


def attributes(properties: dict[str, Any], key: str) -> dict[str, str]:
    return {item["Key"]: item["Value"] for item in properties[key]}


def test_tls_ends_at_the_balancer_or_passes_through_it(balancer: Assembly) -> None:
    _, listener = balancer.only(f"{ELB}Listener")
    _, targets = balancer.only(f"{ELB}TargetGroup")
    protocols = {"nlb": ("TLS", "HTTP"), "tcp": ("TCP", "HTTPS"), "alb": ("HTTPS", "HTTP")}[balancer.stack]
    assert (listener["Protocol"], targets["HealthCheckProtocol"]) == protocols
    assert listener["Port"] == 443
    passed = balancer.stack == "tcp"
    assert listener.get("Certificates") == (None if passed else [{"CertificateArn": ARN}])
    assert passed or "TLS13" in listener["SslPolicy"]
    _, group = balancer.only("AWS::EC2::SecurityGroup")
    assert [(rule["CidrIp"], rule["FromPort"]) for rule in group["SecurityGroupIngress"]] == [("0.0.0.0/0", 443)]


def test_the_balancer_drops_nobody_whom_the_pod_keeps(balancer: Assembly) -> None:
    """An NLB has 350 seconds unless it is told otherwise, a TLS listener always; an ALB is given the same."""
    _, properties = balancer.only(f"{ELB}LoadBalancer")
    idle = attributes(properties, "LoadBalancerAttributes").get("idle_timeout.timeout_seconds")
    assert idle == {"nlb": None, "tcp": None, "alb": str(NLB_IDLE_SECONDS)}[balancer.stack]
    settings = Settings()
    assert settings.sockets_ping_seconds < settings.sockets_idle_seconds < NLB_IDLE_SECONDS < IDLE_TIMEOUT_SECONDS


def test_a_pod_that_goes_says_goodbye_itself(balancer: Assembly) -> None:
    _, group = balancer.only(f"{ELB}TargetGroup")
    found = attributes(group, "TargetGroupAttributes")
    assert found["deregistration_delay.timeout_seconds"] == str(Settings().sockets_grace_seconds)
    assert "deregistration_delay.connection_termination.enabled" not in found
    assert (group["HealthCheckPath"], group["TargetType"]) == ("/readyz", "ip")


def test_an_application_balancer_has_a_cookie_and_prefers_the_emptiest_pod(balancer: Assembly) -> None:
    _, group = balancer.only(f"{ELB}TargetGroup")
    found = attributes(group, "TargetGroupAttributes")
    expected = {
        "stickiness.enabled": "true",
        "stickiness.type": "lb_cookie",
        "load_balancing.algorithm.type": "least_outstanding_requests",
    }
    assert (expected.items() <= found.items()) == (balancer.stack == "alb")


def test_deploying_asks_for_a_certificate_that_no_option_names(sockets: Assembly) -> None:
    parameter = sockets.template["Parameters"]["CertificateArn"]
    assert "Default" not in parameter
    assert parameter["AllowedPattern"] == CERTIFICATE


def test_pods_may_use_this_table_and_this_queue_alone(sockets: Assembly) -> None:
    ((name, policy),) = sockets.resources("AWS::IAM::Policy").items()
    assert name.startswith("PodsRole")
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    allowed = {tuple(item["Action"]): item["Resource"]["Fn::GetAtt"][0] for item in statements}
    (table,) = sockets.resources("AWS::DynamoDB::GlobalTable")
    (jobs,) = [name for name in sockets.resources("AWS::SQS::Queue") if not name.startswith("JobsDead")]
    operations = ("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
    assert allowed == {
        tuple(f"dynamodb:{operation}" for operation in operations): table,
        ("sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"): jobs,
    }


def test_the_identity_is_the_pods_and_comes_before_them(sockets: Assembly) -> None:
    name, association = sockets.only("AWS::EKS::PodIdentityAssociation")
    assert (association["Namespace"], association["ServiceAccount"]) == ("realtime", "ws-gateway")
    resources = sockets.template["Resources"]
    (application,) = [key for key in resources if key.startswith("Application")]
    assert name in resources[application]["DependsOn"]


def test_there_is_no_gateway_and_no_function(sockets: Assembly) -> None:
    kinds = {entry["Type"] for entry in sockets.template["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith(("AWS::ApiGateway", "AWS::Lambda"))]


def test_both_variants_of_pods_share_one_cluster(variants: Path) -> None:
    manifest = json.loads((variants / "manifest.json").read_text(encoding="utf-8"))
    stacks = sorted(
        name for name, entry in manifest["artifacts"].items() if entry["type"] == "aws:cloudformation:stack"
    )
    assert stacks == ["DuplexCluster", "DuplexEcs", "DuplexEks", "DuplexLambda", "DuplexSockets"]
