"""The ScaledObject of the pods that hold sockets, and what KEDA makes of it."""

from __future__ import annotations

import pytest

from autoscaling.keda import Keda, MetricError, Reading, ScaledObject
from autoscaling.spec import parse
from infra.kubernetes.sockets.scaling import scaled_object
from infra.settings import Settings
from tests.conftest import Assembly
from tests.manifests.objects import objects, of_kind
from tests.manifests.validation import errors


def test_it_is_that_of_the_original_design_field_by_field(sockets: Assembly) -> None:
    applied = of_kind(objects(sockets), "ScaledObject")
    assert applied == scaled_object(Settings())
    assert (applied["metadata"]["name"], applied["metadata"]["namespace"]) == ("ws-gateway-scaler", "realtime")
    spec = dict(applied["spec"])
    # Ours: a Prometheus that is away takes no pod.
    assert spec.pop("fallback") == {"failureThreshold": 3, "replicas": 3, "behavior": "currentReplicasIfHigher"}
    (trigger,) = spec["triggers"]
    assert trigger["metadata"].pop("ignoreNullValues") == "false"
    assert trigger["metadata"].pop("serverAddress").startswith("http://prometheus-operated.monitoring.svc:")
    # Said, but a default in both.
    assert (trigger.pop("name"), trigger.pop("metricType")) == ("connections", "AverageValue")
    assert spec == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ws-gateway"},
        "minReplicaCount": 3,
        "maxReplicaCount": 40,
        "cooldownPeriod": 300,
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleUp": {
                        "stabilizationWindowSeconds": 0,
                        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}],
                    },
                    "scaleDown": {
                        "stabilizationWindowSeconds": 600,
                        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
                    },
                }
            }
        },
        "triggers": [
            {
                "type": "prometheus",
                "metadata": {"query": 'sum(ws_connections_active{app="ws-gateway"})', "threshold": "6000"},
            }
        ],
    }


@pytest.mark.parametrize(
    ("outage", "replicas"),
    [
        pytest.param(None, 10, id="no pod in the result"),
        pytest.param(MetricError("connection refused"), 10, id="no Prometheus"),
        pytest.param(12_000.0, 3, id="clients that have gone"),  # the same hour, and the pods do go
    ],
)
def test_an_outage_of_prometheus_takes_no_pod(outage: Reading, replicas: int) -> None:
    spec = parse(scaled_object(Settings())["spec"], ScaledObject)
    keda, current = Keda(spec, [trigger.trigger() for trigger in spec.triggers]), 10
    for second in range(0, 3 * 3600, 15):
        reading: Reading = outage if second >= 900 else 60_000.0
        current = keda.sync(second, current, current, [reading]).replicas
    assert current == replicas


def test_every_optional_trigger_is_valid_and_counts() -> None:
    options = Settings.from_context({"sockets_triggers": "messages,backlog,capacity"})
    scaled = scaled_object(options)
    assert errors([scaled]) == []
    spec = parse(scaled["spec"], ScaledObject)
    triggers = [trigger.trigger() for trigger in spec.triggers]
    assert [trigger.target for trigger in triggers] == [6000, 1000, 32 * 2**20, 75]
    # 10 pods of sockets, 12 of messages, 11 of what is unsent, 13 of capacity: 13 after at most four more a minute.
    readings: list[Reading] = [60_000.0, 12_000.0, 11.0 * 32 * 2**20, 13.0 * 75]
    keda, current = Keda(spec, triggers), 10
    for second in range(0, 300, 15):
        current = keda.sync(second, current, current, readings).replicas
    assert current == 13
