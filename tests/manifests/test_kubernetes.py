"""What is applied to the cluster."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from autoscaling.keda import Keda, ScaledObject
from autoscaling.spec import parse
from backend.emf import EmfMetrics
from infra.kubernetes.cluster import VERSION, KubectlLayer
from tests.conftest import Assembly
from tests.manifests.objects import Object, objects, of_kind
from tests.manifests.validation import errors


@pytest.fixture(scope="module")
def applied(eks: Assembly) -> list[Object]:
    return objects(eks)


@pytest.fixture(scope="module")
def scaled_object(applied: list[Object]) -> Object:
    return of_kind(applied, "ScaledObject")


def pod(applied: list[Object]) -> Object:
    spec: Object = of_kind(applied, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(applied: list[Object]) -> Object:
    (only,) = pod(applied)["containers"]
    return dict(only)


def test_everything_is_valid(applied: list[Object], cluster: Assembly) -> None:
    assert errors(applied) == []
    assert errors(objects(cluster)) == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "complaint"),
    [
        ("Deployment", "spec.template.spec.topologySpreadConstraint", [], "Additional properties are not allowed"),
        ("Deployment", "spec.template.spec.terminationGracePeriodSeconds", "160", "is not of type"),
        ("ScaledObject", "spec.minReplicas", 1, "spec.minReplicas is not known"),
        ("ScaledObject", "spec.maxReplicaCount", "20", "maxReplicaCount must be integer"),
        ("ScaledObject", "spec.fallback.behavior", "whatever", "must be equal to one of the allowed values"),
        ("TriggerAuthentication", "spec.podIdentity.provider", "aws-pod", "must be equal to one of the allowed values"),
        ("TargetGroupBinding", "spec.targetGroupName", "x", "spec.targetGroupName is not known"),
    ],
)
def test_a_mistake_would_be_seen(applied: list[Object], kind: str, path: str, value: object, complaint: str) -> None:
    broken = copy.deepcopy(of_kind(applied, kind))
    *outer, last = path.split(".")
    place = broken
    for key in outer:
        place = place[key]
    place[last] = value
    assert [found for found in errors([broken]) if complaint in found]


def test_a_mistake_in_the_node_pool_would_be_seen(cluster: Assembly) -> None:
    broken = copy.deepcopy(of_kind(objects(cluster), "NodePool"))
    broken["spec"]["disruption"]["consolidationPolicy"] = "Never"
    assert [found for found in errors([broken]) if "must be equal to one of the allowed values" in found]


def test_kubectl_and_the_cluster_are_of_one_version(cluster: Assembly) -> None:
    _, properties = cluster.only("AWS::EKS::Cluster")
    assert properties["Version"] == VERSION.version
    assert KubectlLayer.__name__ == f"KubectlV{properties['Version'].partition('.')[2]}Layer"


def test_identities_come_before_the_pods_that_need_them(eks: Assembly, cluster: Assembly) -> None:
    """A pod gets its credentials when it starts, or never."""
    (association,) = eks.resources("AWS::EKS::PodIdentityAssociation")
    (policy,) = [name for name in eks.resources("AWS::IAM::Policy") if name.startswith("PodsRole")]
    depends = eks.template["Resources"][application(eks)]["DependsOn"]
    assert {association, policy} <= set(depends)
    (keda,) = cluster.resources("Custom::AWSCDK-EKS-HelmChart").values()
    (association,) = cluster.resources("AWS::EKS::PodIdentityAssociation")
    (policy,) = [name for name in cluster.resources("AWS::IAM::Policy") if name.startswith("KedaRole")]
    assert {association, policy} <= set(keda["DependsOn"])


def application(eks: Assembly) -> str:
    (name,) = [name for name in eks.resources("Custom::AWSCDK-EKS-KubernetesResource") if name.startswith("Appl")]
    return name


def test_keda_waits_for_nodes_that_take_it(cluster: Assembly) -> None:
    """The built-in pool `system` is tainted."""
    (keda,) = cluster.resources("Custom::AWSCDK-EKS-HelmChart").values()
    (pool,) = [name for name in cluster.resources("Custom::AWSCDK-EKS-KubernetesResource") if "NodePool" in name]
    assert pool in keda["DependsOn"]
    assert cluster.only("AWS::EKS::Cluster")[1]["ComputeConfig"]["NodePools"] == ["system"]


def test_keda_is_pinned_and_may_read_metrics_and_nothing_else(cluster: Assembly) -> None:
    (keda,) = cluster.resources("Custom::AWSCDK-EKS-HelmChart").values()
    assert (keda["Properties"]["Chart"], keda["Properties"]["Version"]) == ("keda", "2.20.2")
    association = cluster.only("AWS::EKS::PodIdentityAssociation")[1]
    account = json.loads(keda["Properties"]["Values"])["serviceAccount"]["operator"]["name"]
    assert (association["Namespace"], association["ServiceAccount"]) == (keda["Properties"]["Namespace"], account)
    role = association["RoleArn"]["Fn::GetAtt"][0]
    allowed = [
        statement
        for entry in cluster.resources("AWS::IAM::Policy").values()
        if {"Ref": role} in entry["Properties"]["Roles"]
        for statement in entry["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert allowed == [{"Action": "cloudwatch:GetMetricData", "Effect": "Allow", "Resource": "*"}]


def test_nodes_are_arm64_spot_or_on_demand_and_go_one_at_a_time(cluster: Assembly) -> None:
    spec = of_kind(objects(cluster), "NodePool")["spec"]
    requirements = {item["key"]: item["values"] for item in spec["template"]["spec"]["requirements"]}
    assert requirements["kubernetes.io/arch"] == ["arm64"]
    assert requirements["karpenter.sh/capacity-type"] == ["spot", "on-demand"]
    busy = [budget["nodes"] for budget in spec["disruption"]["budgets"] if "Underutilized" in budget["reasons"]]
    assert busy == ["1"]


def test_the_pods_identity_is_that_of_their_service_account(eks: Assembly, applied: list[Object]) -> None:
    account = of_kind(applied, "ServiceAccount")
    association = eks.only("AWS::EKS::PodIdentityAssociation")[1]
    assert association["ServiceAccount"] == account["metadata"]["name"] == pod(applied)["serviceAccountName"]
    assert association["Namespace"] == account["metadata"]["namespace"]
    assert account["automountServiceAccountToken"] is False


def test_ready_pods_are_bound_to_the_stacks_own_target_group(eks: Assembly, applied: list[Object]) -> None:
    targets, properties = eks.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    binding, service = of_kind(applied, "TargetGroupBinding"), of_kind(applied, "Service")
    assert binding["apiVersion"] == "eks.amazonaws.com/v1"
    assert binding["spec"]["targetGroupARN"] == targets
    assert binding["spec"]["serviceRef"]["name"] == service["metadata"]["name"]
    assert binding["spec"]["serviceRef"]["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert "eks:eks-cluster-name" in [tag["Key"] for tag in properties["Tags"]]
    assert service["spec"]["selector"].items() <= labels(applied).items()


def labels(applied: list[Object]) -> dict[str, str]:
    found: dict[str, str] = of_kind(applied, "Deployment")["spec"]["template"]["metadata"]["labels"]
    return found


def test_every_selector_finds_the_pods(applied: list[Object]) -> None:
    selectors = [
        of_kind(applied, "Deployment")["spec"]["selector"],
        of_kind(applied, "PodDisruptionBudget")["spec"]["selector"],
        of_kind(applied, "NetworkPolicy")["spec"]["podSelector"],
        *(item["labelSelector"] for item in pod(applied)["topologySpreadConstraints"]),
    ]
    assert all(selector["matchLabels"].items() <= labels(applied).items() for selector in selectors)


def test_a_pod_serves_until_the_balancer_has_forgotten_it_and_then_finishes(
    eks: Assembly, applied: list[Object]
) -> None:
    _, properties = eks.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    attributes = {item["Key"]: item["Value"] for item in properties["TargetGroupAttributes"]}
    sleep = container(applied)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep >= int(attributes["deregistration_delay.timeout_seconds"]) >= 120
    shutdown = int(environment(applied)["SHUTDOWN_SECONDS"])
    assert shutdown > 29, "an integration's timeout"
    assert pod(applied)["terminationGracePeriodSeconds"] >= sleep + shutdown + 5


def environment(applied: list[Object]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container(applied)["env"] if "value" in item}


def test_probes_ask_for_life_and_for_readiness_apart(applied: list[Object]) -> None:
    probes = {
        name: container(applied)[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")
    }
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


def test_a_container_has_no_right_that_it_does_not_need(applied: list[Object]) -> None:
    assert pod(applied)["securityContext"]["runAsNonRoot"] is True
    assert container(applied)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert of_kind(applied, "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_requests_come_from_the_balancers_subnets_alone(applied: list[Object], cluster: Assembly) -> None:
    subnets = [
        entry["Properties"]["CidrBlock"]
        for name, entry in cluster.resources("AWS::EC2::Subnet").items()
        if "Balancers" in name
    ]
    requests, metrics = of_kind(applied, "NetworkPolicy")["spec"]["ingress"]
    assert [peer["ipBlock"]["cidr"] for peer in requests["from"]] == subnets
    assert [port["port"] for port in requests["ports"]] == [8080]
    assert [port["port"] for port in metrics["ports"]] == [9090]
    switch = of_kind(objects(cluster), "ConfigMap")
    assert switch["data"] == {"enable-network-policy-controller": "true"}


def emitted_dimensions(capsys: pytest.CaptureFixture[str], backend: str) -> dict[str, str]:
    """The dimensions that the backend's own gauge has."""
    EmfMetrics(backend).gauge(ActiveConnections=1)
    line = json.loads(capsys.readouterr().out)
    ((names,),) = [directive["Dimensions"] for directive in line["_aws"]["CloudWatchMetrics"]]
    return {name: line[name] for name in names}


def triggers(scaled_object: Object) -> dict[str, dict[str, str]]:
    return {trigger["name"]: trigger["metadata"] for trigger in scaled_object["spec"]["triggers"]}


def test_connections_are_asked_for_under_every_dimension_that_they_are_written_with(
    scaled_object: Object, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = triggers(scaled_object)["connections"]
    assert (asked["namespace"], asked["metricName"]) == ("Duplex", "ActiveConnections")
    names, values = asked["dimensionName"].split(";"), asked["dimensionValue"].split(";")
    assert dict(zip(names, values, strict=True)) == emitted_dimensions(capsys, "eks")


def test_messages_are_those_of_the_stacks_own_stage(scaled_object: Object, eks: Assembly) -> None:
    asked = triggers(scaled_object)["messages"]
    api, _ = eks.only("AWS::ApiGatewayV2::Api")
    assert (asked["namespace"], asked["metricName"], asked["metricStat"]) == ("AWS/ApiGateway", "MessageCount", "Sum")
    assert (asked["dimensionName"], asked["dimensionValue"]) == ("ApiId;Stage", f"{api};prod")


def test_triggers_are_such_as_keda_takes(scaled_object: Object) -> None:
    """KEDA 2.20 refuses one without a minimum, or whose time is not a multiple of its period; its text is all text."""
    for metadata in triggers(scaled_object).values():
        assert all(isinstance(value, str) for value in metadata.values())
        assert metadata["minMetricValue"] == "0"
        assert int(metadata["metricCollectionTime"]) % int(metadata["metricStatPeriod"]) == 0
        assert int(metadata["metricCollectionTime"]) >= 2 * int(metadata["metricStatPeriod"])


def scaler(scaled_object: Object) -> Keda:
    spec = parse(scaled_object["spec"], ScaledObject)
    return Keda(spec, [trigger.trigger() for trigger in spec.triggers])


@pytest.mark.parametrize(
    ("connections", "messages_a_second", "pods"),
    [(0, 0, 3), (18_000, 0, 3), (30_000, 0, 5), (0, 1999, 5), (30_000, 4000, 10), (10**7, 0, 20)],
)
def test_pods_follow_connections_and_messages_whichever_need_more(
    scaled_object: Object, connections: int, messages_a_second: int, pods: int
) -> None:
    keda = scaler(scaled_object)
    replicas = 3
    for step in range(400):
        readings = [float(connections), messages_a_second * 60.0]
        replicas = keda.sync(step * 15.0, replicas, replicas, readings).replicas
    assert replicas == pods


def test_a_census_that_fails_takes_no_pod_away(scaled_object: Object) -> None:
    keda = scaler(scaled_object)
    replicas = 9
    for step in range(400):
        replicas = keda.sync(step * 15.0, replicas, replicas, [None, None]).replicas
    assert replicas == 9


def test_pods_go_one_a_minute_after_five_quiet_minutes(scaled_object: Object) -> None:
    keda = scaler(scaled_object)
    replicas, seen = 10, []
    for step in range(120):
        busy = step < 4
        reading: list[Any] = [60_000.0 if busy else 0.0, None]
        replicas = keda.sync(step * 15.0, replicas, replicas, reading).replicas
        seen.append(replicas)
    assert seen[20] == 10
    assert seen[-1] == 3
    assert all(seen[at] - seen[at + 4] <= 1 for at in range(len(seen) - 4))


def test_application_and_autoscaling_have_one_target(applied: list[Object], scaled_object: Object) -> None:
    target, deployment = scaled_object["spec"]["scaleTargetRef"], of_kind(applied, "Deployment")
    assert (target["kind"], target["name"]) == (deployment["kind"], deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"], "applying it again would undo what the autoscaler did"
