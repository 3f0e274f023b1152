"""What the pods that hold sockets are applied with."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
from typing import Any

import pytest

from backend.settings import Settings as BackendSettings
from infra.kubernetes.sockets import gateway
from infra.kubernetes.sockets.names import names
from infra.settings import Settings
from pods.sockets.admin import serve_admin
from pods.sockets.limits import Limits
from pods.sockets.server import Addresses
from tests.conftest import Assembly
from tests.manifests.objects import Object, objects
from tests.manifests.validation import errors


@pytest.fixture(scope="module")
def applied(sockets: Assembly) -> list[Object]:
    return objects(sockets)


def one(applied: list[Object], kind: str, name: str = "ws-gateway") -> Object:
    (found,) = [item for item in applied if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    return found


def pod(applied: list[Object], name: str = "ws-gateway") -> Object:
    spec: Object = one(applied, "Deployment", name)["spec"]["template"]["spec"]
    return spec


def container(applied: list[Object], name: str = "ws-gateway") -> Object:
    (only,) = pod(applied, name)["containers"]
    return dict(only)


def environment(container: Object) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container["env"] if "value" in item}


def test_everything_is_valid(applied: list[Object]) -> None:
    assert errors(applied) == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "complaint"),
    [
        ("Deployment", "spec.minReadySecond", 1, "Additional properties are not allowed"),
        ("PodDisruptionBudget", "spec.maxUnavailables", 1, "Additional properties are not allowed"),
        ("ServiceMonitor", "spec.targetLabel", ["app"], "spec.targetLabel is not known"),
        ("PrometheusRule", "spec.group", ["app"], "spec.group is not known"),
    ],
)
def test_a_mistake_would_be_seen(applied: list[Object], kind: str, path: str, value: object, complaint: str) -> None:
    broken = copy.deepcopy(one(applied, kind))
    *outer, last = path.split(".")
    place = broken
    for key in outer:
        place = place[key]
    place[last] = value
    assert [found for found in errors([broken]) if complaint in found]


def test_everything_is_in_the_namespace_that_the_design_names(applied: list[Object]) -> None:
    spaces = {item["metadata"].get("namespace") for item in applied if item["kind"] not in {"Namespace", "NodePool"}}
    assert spaces == {"realtime"}
    assert one(applied, "Namespace", "realtime")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == (
        "restricted"
    )


@pytest.mark.parametrize("name", ["ws-gateway", "ws-bus", "ws-deletion-cost"])
def test_no_pod_is_root_or_writes_to_its_root(applied: list[Object], name: str) -> None:
    spec, only = pod(applied, name), container(applied, name)
    assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"] > 0) == (True, True)
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert only["resources"]["limits"] == {"memory": only["resources"]["requests"]["memory"]}
    # The controller alone speaks to the Kubernetes API.
    assert spec["automountServiceAccountToken"] is (name == "ws-deletion-cost")


def test_a_pod_takes_the_variables_it_is_given(applied: list[Object]) -> None:
    variables = environment(container(applied))
    limits = Limits.from_environment(variables)
    assert limits == Limits()  # the manifest's defaults are the pod's
    addresses = Addresses.from_environment({**variables, "HOST": "10.0.0.1"})
    assert addresses == ("10.0.0.1", 8080, 9090, 9091, "redis://ws-bus:6379")
    settings = BackendSettings.from_environment({**variables, "JOBS_URL": "https://sqs/jobs"})
    assert (settings.backend, settings.work_url()) == ("sockets", "https://sqs/jobs")


def test_origins_reach_the_pods() -> None:
    options = Settings.from_context({"sockets_origins": "https://a.example,https://b.example"})
    limits = Limits.from_environment(gateway.pod_environment(options))
    assert limits.allowed_origins == {"https://a.example", "https://b.example"}


def test_pods_even_out_when_they_are_asked_to() -> None:
    assert "REBALANCE_PERCENT" not in gateway.pod_environment(Settings())
    assert gateway.pod_environment(Settings(sockets_rebalance_percent=20))["REBALANCE_PERCENT"] == "20"


def test_tls_ends_in_the_pod_where_the_balancer_passes_it_on() -> None:
    manifest = gateway.deployment("image", {}, Settings(sockets_balancer="tcp"))
    assert errors([manifest]) == []
    spec = manifest["spec"]["template"]["spec"]
    (only,) = spec["containers"]
    variables = environment(only)
    assert {variables["TLS_CERTIFICATE"], variables["TLS_KEY"]} == {"/etc/tls/tls.crt", "/etc/tls/tls.key"}
    assert only["volumeMounts"] == [{"name": "tls", "mountPath": "/etc/tls", "readOnly": True}]
    assert [volume["secret"]["secretName"] for volume in spec["volumes"]] == ["ws-gateway-tls"]
    probes = [only[f"{kind}Probe"]["httpGet"]["scheme"] for kind in ("startup", "liveness", "readiness")]
    assert probes == ["HTTPS"] * 3
    plain = gateway.deployment("image", {}, Settings())["spec"]["template"]["spec"]
    assert "volumes" not in plain
    assert "TLS_KEY" not in environment(plain["containers"][0])


def test_the_prestop_hook_asks_for_the_drain() -> None:
    asked = threading.Event()
    port = serve_admin(asked.set, 0)
    deployment = gateway.deployment("image", {}, Settings(sockets_prestop_seconds=0, sockets_grace_seconds=120))
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    command = [part.replace(":9091/", f":{port}/") for part in only["lifecycle"]["preStop"]["exec"]["command"]]
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], check=True)
    assert asked.is_set()


def test_the_hook_the_drain_and_the_balancer_are_in_step(applied: list[Object], sockets: Assembly) -> None:
    only, grace = container(applied), pod(applied)["terminationGracePeriodSeconds"]
    variables = environment(only)
    assert "time.sleep(120);" in only["lifecycle"]["preStop"]["exec"]["command"][-1]
    assert grace == 120 + int(variables["GRACE_SECONDS"])
    assert int(variables["DRAIN_SECONDS"]) + 30 <= int(variables["GRACE_SECONDS"])
    (group,) = sockets.resources("AWS::ElasticLoadBalancingV2::TargetGroup").values()
    attributes = {item["Key"]: item["Value"] for item in group["Properties"]["TargetGroupAttributes"]}
    assert attributes["deregistration_delay.timeout_seconds"] == str(grace)
    # A wave of a rollout has drained before the next begins.
    assert one(applied, "Deployment")["spec"]["minReadySeconds"] == int(variables["DRAIN_SECONDS"])


def test_nothing_moves_a_pod_to_save_money(applied: list[Object]) -> None:
    pool = one(applied, "NodePool", "realtime")["spec"]
    assert pool["disruption"]["consolidationPolicy"] == "WhenEmpty"
    requirements = {item["key"]: item["values"] for item in pool["template"]["spec"]["requirements"]}
    assert requirements["karpenter.sh/capacity-type"] == ["on-demand"]
    for name in ("ws-gateway", "ws-bus"):
        template = one(applied, "Deployment", name)["spec"]["template"]
        assert template["metadata"]["annotations"] == {"karpenter.sh/do-not-disrupt": "true"}
        assert template["spec"]["nodeSelector"]["karpenter.sh/nodepool"] == "realtime"
        (taint,) = pool["template"]["spec"]["taints"]
        tolerated = {key: template["spec"]["tolerations"][0][key] for key in ("key", "value", "effect")}
        assert tolerated == taint
    assert one(applied, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    # Longer than a drain: what does not want to be disrupted is drained before its node ends.
    assert pool["template"]["spec"]["terminationGracePeriod"] == "1h"


def peers(rule: dict[str, Any]) -> list[object]:
    return [next(iter(peer.values())) for peer in rule["from"]]


def test_clients_come_by_the_balancer_and_metrics_go_to_two_readers(applied: list[Object], cluster: Assembly) -> None:
    clients, readers = one(applied, "NetworkPolicy")["spec"]["ingress"]
    public = {
        entry["Properties"]["CidrBlock"]
        for name, entry in cluster.resources("AWS::EC2::Subnet").items()
        if "Public" in name
    }
    assert {peer["ipBlock"]["cidr"] for peer in clients["from"]} == public
    assert clients["ports"] == [{"protocol": "TCP", "port": 8080}]
    assert readers == {
        "from": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
            },
            {"podSelector": {"matchLabels": {"app": "ws-deletion-cost"}}},
        ],
        "ports": [{"protocol": "TCP", "port": 9090}],
    }
    ways = [(rule["to"][0], [port["port"] for port in rule["ports"]]) for rule in egress(applied)]
    assert ways == [
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, [443]),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, [53, 53]),
        ({"ipBlock": {"cidr": "169.254.170.23/32"}}, [80]),
        ({"podSelector": {"matchLabels": {"app": "ws-bus"}}}, [6379]),
    ]


def egress(applied: list[Object]) -> list[Object]:
    rules: list[Object] = one(applied, "NetworkPolicy")["spec"]["egress"]
    return rules


def test_pods_alone_reach_the_bus_and_it_reaches_nobody(applied: list[Object]) -> None:
    policy = one(applied, "NetworkPolicy", "ws-bus")["spec"]
    assert policy["ingress"] == [
        {
            "from": [{"podSelector": {"matchLabels": {"app": "ws-gateway"}}}],
            "ports": [{"protocol": "TCP", "port": 6379}],
        }
    ]
    assert policy["egress"] == []


def test_the_controller_may_list_and_patch_pods_of_its_namespace(applied: list[Object]) -> None:
    role = one(applied, "Role", "ws-deletion-cost")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]}]
    binding = one(applied, "RoleBinding", "ws-deletion-cost")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == [
        pod(applied, "ws-deletion-cost")["serviceAccountName"]
    ]
    variables = environment(container(applied, "ws-deletion-cost"))
    assert variables["POD_SELECTOR"] == "app=ws-gateway"
    assert (variables["TARGET_CONNECTIONS"], variables["MIN_REPLICAS"]) == ("6000", "3")


def test_objects_carry_the_labels_of_what_they_belong_to(applied: list[Object]) -> None:
    for name in ("ws-gateway", "ws-bus", "ws-deletion-cost"):
        spec = one(applied, "Deployment", name)["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == names(name)["labels"]
    assert one(applied, "Service")["spec"]["selector"] == {"app": "ws-gateway"}
