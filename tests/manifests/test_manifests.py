"""`python -m infra.manifests`, which writes YAML for a cluster one already has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import Settings
from infra.manifest_values import GatewayValues, Values, ValuesError, read_values
from infra.manifests import EKS, SOCKETS, VARIANTS, main
from tests.conftest import Assembly
from tests.manifests.objects import Object, of_kind
from tests.manifests.validation import errors


def values(tmp_path: Path, **changes: object) -> Values:
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(GatewayValues.EXAMPLE), **changes}), encoding="utf-8")
    return read_values(path, GatewayValues)


def rendered(eks: Assembly, given: Values) -> dict[str, list[Object]]:
    return {name: list(yaml.safe_load_all(text)) for name, text in EKS.render(eks.template, given).items()}


def socket_files(sockets: Assembly, tmp_path: Path, **changes: object) -> dict[str, list[Object]]:
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(Values.EXAMPLE), **changes}), encoding="utf-8")
    files = SOCKETS.render(sockets.template, read_values(path, Values))
    return {name: list(yaml.safe_load_all(text)) for name, text in files.items()}


def of_gateway(items: list[Object], kind: str) -> Object:
    return of_kind([item for item in items if item["metadata"]["name"] == "ws-gateway"], kind)


@pytest.mark.parametrize("balancer", ["controller", "none"])
def test_pods_that_hold_sockets_are_valid_too(sockets: Assembly, tmp_path: Path, balancer: str) -> None:
    files = socket_files(sockets, tmp_path, balancer=balancer)
    assert set(files) == {"application.yaml", "monitoring.yaml", "autoscaling.yaml"}
    items = [item for items in files.values() for item in items]
    assert errors(items) == []
    kinds = {item["kind"] for item in items}
    assert "NodePool" not in kinds  # nodes are the cluster's own affair
    assert ("TargetGroupBinding" in kinds) == (balancer == "controller")


def test_names_come_from_the_values_of_sockets(sockets: Assembly, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/duplex"
    changes = {"tableName": "mine", "image": "r/d:7", "architecture": "amd64", "identity": "irsa", "roleArn": role}
    application = socket_files(sockets, tmp_path, **changes, balancerCidrs=["10.9.0.0/28"])["application.yaml"]
    spec = of_gateway(application, "Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    variables = {item["name"]: item.get("value") for item in container["env"]}
    assert (container["image"], spec["nodeSelector"]) == ("r/d:7", {"kubernetes.io/arch": "amd64"})
    assert (variables["TABLE_NAME"], variables["AWS_REGION"]) == ("mine", "us-east-1")
    assert variables["JOBS_URL"] == yaml.safe_load(Values.EXAMPLE)["jobsUrl"]
    accounts = {
        item["metadata"]["name"]: item["metadata"].get("annotations")
        for item in application
        if item["kind"] == "ServiceAccount"
    }
    # The one that AWS knows, and no other.
    assert accounts == {
        "ws-gateway": {"eks.amazonaws.com/role-arn": role},
        "ws-bus": None,
        "ws-deletion-cost": None,
    }
    clients, metrics = of_gateway(application, "NetworkPolicy")["spec"]["ingress"]
    assert clients["from"] == [{"ipBlock": {"cidr": "10.9.0.0/28"}}]
    assert not [peer for peer in metrics["from"] if "ipBlock" in peer]


def test_no_trace_of_the_stack_is_left_in_those_of_sockets(sockets: Assembly, tmp_path: Path) -> None:
    text = yaml.safe_dump(socket_files(sockets, tmp_path))
    assert "prune" not in text
    assert "Fn::" not in text
    named = {"Namespace", "Monitoring", "Application", "Autoscaling", "Prometheus"}
    assert not [name for name in sockets.template["Resources"] if name in text and name not in named]


def test_a_value_that_the_sockets_do_not_know_is_one_line(sockets: Assembly, tmp_path: Path) -> None:
    with pytest.raises(ValuesError, match="unknown field `apiId`"):
        socket_files(sockets, tmp_path, apiId="zzz")


@pytest.mark.parametrize("balancer", ["controller", "auto-mode", "none"])
@pytest.mark.parametrize("identity", ["pod-identity", "irsa"])
def test_everything_is_valid(eks: Assembly, tmp_path: Path, balancer: str, identity: str) -> None:
    given = values(tmp_path, balancer=balancer, identity=identity, roleArn="arn:aws:iam::123456789012:role/duplex")
    files = rendered(eks, given)
    assert set(files) == {"application.yaml", "autoscaling.yaml"}
    assert errors([item for items in files.values() for item in items]) == []


def test_the_objects_are_those_of_the_stack_in_an_order_that_can_be_applied(eks: Assembly, tmp_path: Path) -> None:
    files = rendered(eks, values(tmp_path))
    kinds = {name: [item["kind"] for item in items] for name, items in files.items()}
    assert kinds["application.yaml"][:2] == ["Namespace", "ServiceAccount"]
    assert set(kinds["application.yaml"]) == {
        *("Namespace", "ServiceAccount", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"),
        "TargetGroupBinding",
    }
    assert kinds["autoscaling.yaml"] == ["TriggerAuthentication", "ScaledObject"]


def test_no_trace_of_the_stack_is_left(eks: Assembly, tmp_path: Path) -> None:
    text = "".join(EKS.render(eks.template, values(tmp_path)).values())
    assert "prune" not in text
    assert "Fn::" not in text
    assert not [name for name in eks.template["Resources"] if name in text and name != "Namespace"]


def test_names_come_from_the_values(eks: Assembly, tmp_path: Path) -> None:
    given = values(
        tmp_path,
        region="cn-north-1",
        apiId="zzz",
        tableName="my-table",
        jobsUrl="https://sqs/jobs",
        image="registry/duplex:7",
        architecture="amd64",
        balancerCidrs=["10.9.0.0/28"],
    )
    files = rendered(eks, given)
    spec = of_kind(files["application.yaml"], "Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    variables = {item["name"]: item.get("value") for item in container["env"]}
    assert container["image"] == "registry/duplex:7"
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert variables["TABLE_NAME"] == "my-table"
    assert variables["JOBS_URL"] == "https://sqs/jobs"
    assert variables["CONNECTIONS_URL"] == "https://zzz.execute-api.cn-north-1.amazonaws.com.cn/prod"
    policy = of_kind(files["application.yaml"], "NetworkPolicy")["spec"]
    assert policy["ingress"][0]["from"] == [{"ipBlock": {"cidr": "10.9.0.0/28"}}]
    triggers = of_kind(files["autoscaling.yaml"], "ScaledObject")["spec"]["triggers"]
    assert [trigger["metadata"]["awsRegion"] for trigger in triggers] == ["cn-north-1", "cn-north-1"]
    assert triggers[1]["metadata"]["dimensionValue"] == "zzz;prod"


def test_the_backend_takes_the_variables_it_is_given(eks: Assembly, tmp_path: Path) -> None:
    files = rendered(eks, values(tmp_path))
    (container,) = of_kind(files["application.yaml"], "Deployment")["spec"]["template"]["spec"]["containers"]
    settings = Settings.from_environment({item["name"]: item["value"] for item in container["env"] if "value" in item})
    assert settings.backend == "eks"
    assert settings.posting_url() == "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod"
    assert settings.queue_urls() == tuple(
        f"https://sqs.us-east-1.amazonaws.com/123456789012/duplex-{name}" for name in ("jobs", "deliveries")
    )
    assert (settings.touch_seconds, settings.history_messages, settings.max_rooms) == (300, 100, 50)


def test_a_role_is_named_on_the_service_account_for_irsa_alone(eks: Assembly, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/duplex"
    for identity, expected in (("irsa", {"eks.amazonaws.com/role-arn": role}), ("pod-identity", None)):
        files = rendered(eks, values(tmp_path, identity=identity, roleArn=role))
        account = of_kind(files["application.yaml"], "ServiceAccount")
        assert account["metadata"].get("annotations") == expected


def test_pods_are_bound_by_the_controller_that_the_cluster_has(eks: Assembly, tmp_path: Path) -> None:
    for balancer, version in (("controller", "elbv2.k8s.aws/v1beta1"), ("auto-mode", "eks.amazonaws.com/v1")):
        files = rendered(eks, values(tmp_path, balancer=balancer))
        assert of_kind(files["application.yaml"], "TargetGroupBinding")["apiVersion"] == version
    without = rendered(eks, values(tmp_path, balancer="none", targetGroupArn=None))["application.yaml"]
    assert "TargetGroupBinding" not in [item["kind"] for item in without]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"apiID": "x"}, "unknown field `apiID`"),
        ({"apiId": "not an id"}, "`$.apiId`"),
        ({"region": None}, "`$.region`"),
        ({"image": ""}, "`$.image`"),
        ({"identity": "magic"}, "`$.identity`"),
        ({"identity": "irsa"}, "roleArn is missing: identity irsa needs it"),
        ({"targetGroupArn": None}, "targetGroupArn is missing: balancer controller needs it"),
        ({"gatewaySecretArn": "swordfish"}, "`$.gatewaySecretArn`"),
        ({"balancerCidrs": []}, "`$.balancerCidrs`"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_its_place(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValuesError) as raised:
        values(tmp_path, **changes)
    assert complaint in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "values.yaml"))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "\x00", "{a: b}\n---\n{}"])
def test_a_file_that_holds_no_values_is_one_line_too(tmp_path: Path, text: str) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValuesError) as raised:
        read_values(path, GatewayValues)
    assert "\n" not in str(raised.value)


def test_the_command_writes_examples_first_and_keeps_what_was_put_there(
    tmp_path: Path,
    eks: Assembly,
    sockets: Assembly,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("infra.manifests.synthesized", lambda _: {"eks": eks.template, "sockets": sockets.template})
    assert main(["--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("examples") == len(VARIANTS)
    own, others = tmp_path / "values.yaml", tmp_path / "sockets" / "values.yaml"
    assert own.read_text(encoding="utf-8") == GatewayValues.EXAMPLE
    assert others.read_text(encoding="utf-8") == Values.EXAMPLE
    changed = GatewayValues.EXAMPLE.replace("a1b2c3d4e5", "mine")
    own.write_text(changed, encoding="utf-8")
    others.write_text(Values.EXAMPLE.replace("duplex:1", "duplex:2"), encoding="utf-8")
    assert main(["--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / name)
        for name in (
            *("application.yaml", "autoscaling.yaml"),
            *("sockets/application.yaml", "sockets/monitoring.yaml", "sockets/autoscaling.yaml"),
        )
    ]
    assert own.read_text(encoding="utf-8") == changed
    assert "mine.execute-api" in (tmp_path / "application.yaml").read_text(encoding="utf-8")
    assert "duplex:2" in (tmp_path / "sockets" / "application.yaml").read_text(encoding="utf-8")


def test_options_of_the_app_reach_the_manifests(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "-c", "min_replicas=7", "-c", "sockets_min_replicas=9"]) == 0
    for path, replicas in (("autoscaling.yaml", 7), ("sockets/autoscaling.yaml", 9)):
        written = list(yaml.safe_load_all((tmp_path / path).read_text(encoding="utf-8")))
        assert of_kind(written, "ScaledObject")["spec"]["minReplicaCount"] == replicas


def test_a_wrong_option_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "-c", "min_replica=7"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("infra.manifests: unknown option 'min_replica'; did you mean min_replicas?")
    assert error.count("\n") == 1
    assert not (tmp_path / "application.yaml").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["--out", str(tmp_path / "file" / "out")]) == 1
    assert capsys.readouterr().err == f"infra.manifests: {tmp_path / 'file' / 'out'}: Not a directory\n"
