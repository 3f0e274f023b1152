"""The alerts, by Prometheus' own unit tests: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.kubernetes.sockets import monitoring, scaling
from infra.settings import Settings
from tests.conftest import Assembly
from tests.manifests.objects import objects, of_kind

PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs Prometheus' promtool")


def series(name: str, values: str, pod: str = "a", **labels: str) -> dict[str, str]:
    every = {"app": "ws-gateway", "pod": pod, **labels}
    selector = ",".join(f"{key}={json.dumps(value)}" for key, value in every.items())
    return {"series": f"{name}{{{selector}}}", "values": values}


def pod(name: str, active: int = 6000, draining: str = "0x80") -> list[dict[str, str]]:
    """What a pod says for 20 minutes, a value each 15 seconds."""
    return [
        series("up", "1x80", name),
        series("ws_connections_active", f"{active}x80", name),
        series("ws_connection_capacity", "8000x80", name),
        series("ws_draining", draining, name),
        series("ws_bus_connected", "1x80", name),
    ]


HEALTHY = [*pod("a"), *pod("b"), *pod("c")]
CASES: dict[str, tuple[list[dict[str, str]], set[str]]] = {
    "all is well": (HEALTHY, set()),
    "no pods": ([], {"WsGatewayTargetMissing"}),
    "one pod is not read": ([*HEALTHY, series("up", "0x80", "d")], {"WsGatewayTargetMissing"}),
    "forty pods": ([series("up", "1x80", str(pod)) for pod in range(40)], {"WsGatewayAtMaxReplicas"}),
    "nearly full": ([*pod("a", active=7000), *pod("b", active=6000)], {"WsGatewayNearCapacity"}),
    "sockets were cut": (
        [*HEALTHY, series("ws_connections_ended_total", "0x60 3x20", reason="cut")],
        {"WsGatewaySocketsCut"},
    ),
    "sockets ended otherwise": ([*HEALTHY, series("ws_connections_ended_total", "0x60 9x20", reason="drained")], set()),
    "a drain that takes its window": ([*HEALTHY, *pod("d", draining="0x76 1x4")], set()),
    "a drain whose clients stay": ([*HEALTHY, *pod("d", draining="0x72 1x8")], {"WsGatewaySocketsCut"}),
    "a drain that is over": ([*HEALTHY, *pod("d", active=0, draining="0x72 1x8")], set()),
    "no bus": ([*HEALTHY, series("ws_bus_connected", "0x80", "d")], {"WsGatewayBusLost"}),
}


def promtool(tmp_path: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    rules = monitoring.rules(Settings())["spec"]
    (tmp_path / "rules.json").write_text(json.dumps(rules), encoding="utf-8")
    file = {"rule_files": ["rules.json"], "evaluation_interval": "15s", "tests": tests}
    (tmp_path / "tests.json").write_text(json.dumps(file), encoding="utf-8")
    return subprocess.run(
        [str(PROMTOOL), "test", "rules", "tests.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )


def alerts(expected: set[str]) -> list[dict[str, Any]]:
    """Which alerts fire after 20 minutes; of those that do, how many and with what labels does not matter here."""
    return [
        {
            "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) > 0 or vector(0)',
            "eval_time": "20m",
            "exp_samples": [{"value": 1 if name in expected else 0}],
        }
        for name in sorted(NAMES)
    ]


NAMES = {rule["alert"] for rule in monitoring.rules(Settings())["spec"]["groups"][0]["rules"]}


@needs_promtool
def test_alerts_fire_when_they_should_and_not_otherwise(tmp_path: Path) -> None:
    tests = [
        {"name": name, "interval": "15s", "input_series": given, "promql_expr_test": alerts(expected)}
        for name, (given, expected) in CASES.items()
    ]
    finished = promtool(tmp_path, tests)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@needs_promtool
def test_the_autoscalers_queries_are_what_they_say(tmp_path: Path) -> None:
    given = [
        *HEALTHY,
        *(series("ws_messages_received_total", "0+150x80", pod) for pod in "abc"),  # 10 a second
        *(series("ws_messages_sent_total", "0+300x80", pod) for pod in "abc"),
        *(series("ws_send_buffer_bytes", "1000x80", pod) for pod in "abc"),
        {"series": 'ws_connections_active{app="another"}', "values": "5x80"},
    ]
    options = Settings.from_context({"sockets_triggers": "messages,backlog,capacity"})
    triggers = scaling.scaled_object(options)["spec"]["triggers"]
    values = {"connections": 18_000, "messages": 90, "backlog": 3000, "capacity": 225}
    assert [trigger["name"] for trigger in triggers] == list(values)
    expressions = [
        {"expr": trigger["metadata"]["query"], "eval_time": "10m", "exp_samples": [{"value": values[trigger["name"]]}]}
        for trigger in triggers
    ]
    finished = promtool(tmp_path, [{"interval": "15s", "input_series": given, "promql_expr_test": expressions}])
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_chart_is_pinned_and_watches_what_is_applied(sockets: Assembly) -> None:
    (chart,) = sockets.resources("Custom::AWSCDK-EKS-HelmChart").values()
    properties = chart["Properties"]
    assert (properties["Chart"], properties["Version"]) == ("kube-prometheus-stack", "88.5.3")
    spec = json.loads(properties["Values"])["prometheus"]["prometheusSpec"]
    assert (spec["serviceMonitorSelectorNilUsesHelmValues"], spec["ruleSelectorNilUsesHelmValues"]) == (False, False)
    applied = objects(sockets)
    monitor = of_kind(applied, "ServiceMonitor")["spec"]
    (service,) = [item for item in applied if item["kind"] == "Service" and item["metadata"]["name"] == "ws-gateway"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]
    # What the query selects by is a label of the pods, which the monitor puts on their series.
    assert monitor["podTargetLabels"] == ["app"]


def test_definitions_come_before_what_they_define(sockets: Assembly) -> None:
    resources = sockets.template["Resources"]
    depends = {name.rstrip("0123456789ABCDEF"): entry.get("DependsOn", []) for name, entry in resources.items()}
    assert any(name.startswith("Prometheus") for name in depends["Monitoring"])
    assert any(name.startswith("Application") for name in depends["Autoscaling"])
    assert any(name.startswith("Monitoring") for name in depends["Autoscaling"])
