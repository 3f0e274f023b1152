"""Runs whose outcome can be worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaling.spec import parse
from compare.scaling.scenario import Scenario, prepare
from compare.scaling.simulator import simulate

from .runs import BASE, answer, changes, run

SEED_DOWN = {"stabilizationWindowSeconds": 600, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}]}
SEED_UP = {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]}
AT_ONCE = {"stabilizationWindowSeconds": 0}


def test_the_example_of_the_documentation() -> None:
    found = answer(
        autoscaler={"tolerance": 0.1, "syncPeriodSeconds": 15, "behavior": {"scaleDown": {}, "scaleUp": {}}},
        podStartSeconds=0,
        metricDelaySeconds=0,
        metric=[[0, 18000], [60, 30000]],
        durationSeconds=3600,
    )
    assert found["timeline"][0] == {"t": 0, "metric": 18000, "desired": 3, "replicas": 3, "ready": 3}
    assert found["timeline"][4] == {"t": 60, "metric": 30000, "desired": 5, "replicas": 5, "ready": 5}
    assert [row["t"] for row in found["timeline"]] == list(range(0, 3600, 15))
    assert found["summary"] == {
        "peakReplicas": 5,
        "podSeconds": 17880,
        "refusedConnections": 0,
        "droppedConnections": 0,
    }


# --- the figures of the first design ---------------------------------------------------------------------------------


def test_30000_connections_at_6000_a_pod_settle_on_5_replicas() -> None:
    found = run(metric=[[0, 18000], [60, 30000]], podStartSeconds=20, durationSeconds=3600, reconnect={})
    assert changes(found) == [(0, 3), (60, 5)]
    assert found.held[-1] == 30000


@pytest.mark.parametrize("dip", [15, 300, 585])
def test_a_dip_shorter_than_the_window_removes_no_pod(dip: int) -> None:
    # The last high recommendation is the one 15 seconds before the dip, so the window covers 585 seconds of it.
    found = run(
        autoscaler={"behavior": {"scaleDown": SEED_DOWN}},
        initialReplicas=5,
        metric=[[0, 30000], [900, 12000], [900 + dip, 30000]],
        durationSeconds=3600,
    )
    assert changes(found) == [(0, 5)]


def test_after_the_window_one_pod_goes_every_120_seconds() -> None:
    found = run(
        autoscaler={"behavior": {"scaleDown": SEED_DOWN}},
        initialReplicas=6,
        metric=[[0, 36000], [900, 12000]],
        durationSeconds=3600,
    )
    assert changes(found) == [(0, 6), (1485, 5), (1605, 4), (1725, 3)]


def test_scale_up_adds_at_most_4_pods_a_minute() -> None:
    found = run(autoscaler={"behavior": {"scaleUp": SEED_UP}}, metric=[[0, 18000], [60, 130_000]])
    assert changes(found) == [(0, 3), (60, 7), (120, 11), (180, 15), (240, 19), (300, 22)]


# --- arrivals and departures -----------------------------------------------------------------------------------------


def test_arrivals_without_room_on_a_ready_pod_are_refused() -> None:
    found = run(podStartSeconds=30, metric=[[0, 18000], [60, 30000]])
    assert found.connections.refused == 30000 - 3 * 8000
    assert found.refused[4] == 6000
    assert found.ready[4:7] == [3, 3, 5]


def test_a_pod_that_starts_between_two_decisions_takes_what_comes_after_it() -> None:
    base: dict[str, Any] = {"podStartSeconds": 20, "durationSeconds": 120}
    assert run(metric=[[0, 18000], [60, 20000], [79, 26000]], **base).connections.refused == 2000
    assert run(metric=[[0, 18000], [60, 20000], [80, 26000]], **base).connections.refused == 0
    assert run(metric=[[0, 18000], [60, 20000], [80, 26000]], **base).replicas[4] == 4


def test_scaling_in_drops_the_sockets_of_the_pods_that_go() -> None:
    found = run(autoscaler={"behavior": {"scaleDown": AT_ONCE}}, initialReplicas=5, metric=[[0, 30000], [60, 18000]])
    assert changes(found) == [(0, 5), (60, 3)]
    assert found.connections.dropped == 2 * 18000 // 5
    assert found.held[-1] == 18000  # they came back at once


def test_who_leaves_with_the_traffic_is_not_dropped() -> None:
    found = run(autoscaler={"behavior": {"scaleDown": AT_ONCE}}, initialReplicas=5, metric=[[0, 30000], [60, 0]])
    assert (found.connections.left, found.connections.dropped) == (30000, 0)


def test_draining_moves_sockets_instead_of_dropping_them() -> None:
    found = run(
        autoscaler={"behavior": {"scaleDown": AT_ONCE}},
        initialReplicas=5,
        metric=[[0, 30000], [60, 18000]],
        drainSeconds=60,
        reconnect={"jitterSeconds": 15},
    )
    assert (found.connections.dropped, found.connections.drained) == (0, 7200)
    assert found.draining_pod_seconds == 2 * 60
    assert found.held[3:10] == [30000, 16200, 16200, 16200, 16200, 18000, 18000]
    assert found.pod_seconds == 60 * 5 + 540 * 3


def test_dropped_clients_come_back_within_the_jitter() -> None:
    found = run(
        autoscaler={"behavior": {"scaleDown": AT_ONCE}},
        initialReplicas=5,
        metric=[[0, 30000], [60, 18000]],
        reconnect={"jitterSeconds": 60},
    )
    assert found.held[4:9] == [10800, 12600, 14400, 16200, 18000]


def test_refused_clients_try_again_until_there_is_room() -> None:
    found = run(podStartSeconds=30, metric=[[0, 18000], [60, 30000]], reconnect={})
    assert found.connections.refused == 12000  # 6,000 at 60 s and again at 75 s
    assert found.held[-1] == 30000
    assert found.connections.waiting == 0


def test_connections_that_end_are_replaced_and_new_pods_fill() -> None:
    found = run(
        metric=[[0, 18000], [60, 24000]], podStartSeconds=30, connectionLifetimeSeconds=300, durationSeconds=3600
    )
    assert found.held[-1] == 24000
    assert found.connections.left == pytest.approx(24000 * 3600 / 300, rel=0.02)


def test_a_cut_is_a_part_of_all_sockets() -> None:
    found = run(cuts=[[120, 0.5]], reconnect={"jitterSeconds": 30})
    assert found.connections.cut == 9000
    assert found.held[7:11] == [18000, 9000, 13500, 18000]


def test_a_deploy_moves_every_socket_once() -> None:
    found = run(metric={"generate": "deploy", "level": 18000, "atSeconds": 60, "waves": 10}, reconnect={})
    assert found.connections.cut == pytest.approx(18000, rel=0.06)  # those on their way back are not there to be cut
    assert found.held[-1] == 18000


# --- delays, outages, nodes ------------------------------------------------------------------------------------------


def test_the_decision_sees_the_metric_as_it_was() -> None:
    found = run(metric=[[0, 18000], [60, 30000]], metricDelaySeconds=45)
    assert changes(found) == [(0, 3), (105, 5)]
    assert found.metric[4] == 30000  # the row has the traffic itself


def test_an_autoscaler_that_sees_what_is_held_cannot_see_who_was_refused() -> None:
    base: dict[str, Any] = {"metric": [[0, 18000], [60, 60000]], "podStartSeconds": 30, "reconnect": {}}
    assert changes(run(**base))[:2] == [(0, 3), (60, 7)]
    # 24,000 fit, and ask for no more than 4 pods; once those are full, for 6, and so on.
    assert changes(run(observe="held", **base)) == [(0, 3), (75, 4), (120, 6), (165, 8), (225, 10)]


def test_a_datapoint_is_seen_when_its_period_is_over_and_published() -> None:
    found = run(metric=[[0, 18000], [61, 30000]], metricDelaySeconds=90, metricPeriodSeconds=60)
    assert changes(found) == [(0, 3), (210, 5)]


def test_an_empty_metric_counts_as_zero_and_sheds_pods() -> None:
    outage = [{"startSeconds": 60, "endSeconds": 600, "noData": True}]
    found = run(initialReplicas=5, metric=[[0, 30000]], outages=outage)
    assert changes(found) == [(0, 5), (345, 3)]
    assert found.connections.dropped > 0


def test_a_metric_that_fails_changes_nothing_until_the_fallback() -> None:
    outages = [{"startSeconds": 60, "endSeconds": 600}]
    assert changes(run(initialReplicas=5, metric=[[0, 30000]], outages=outages)) == [(0, 5)]
    fallback = {"failureThreshold": 3, "replicas": 8}
    found = run(autoscaler={"fallback": fallback}, initialReplicas=5, metric=[[0, 30000]], outages=outages)
    assert changes(found) == [(0, 5), (105, 8)]


def test_pods_wait_for_their_nodes() -> None:
    found = run(
        metric=[[0, 18000], [60, 30000]], podStartSeconds=10, nodes={"podsPerNode": 4, "startSeconds": 50}, reconnect={}
    )
    assert found.ready[4:9] == [3, 4, 4, 4, 5]  # one finds room on the first node, one waits 60 s
    assert found.node_seconds == 60 + 2 * 540


def test_cost_is_pod_hours_by_price() -> None:
    found = answer(podHourPrice=0.5, durationSeconds=3600)
    assert found["summary"]["cost"] == 1.5
    assert "cost" not in answer()["summary"]


# --- kinds -----------------------------------------------------------------------------------------------------------


def test_keda_goes_to_zero_and_back() -> None:
    found = run(
        autoscaler={"minReplicas": 0, "cooldownPeriodSeconds": 60},
        metric=[[0, 6000], [120, 0], [900, 12000]],
        durationSeconds=1200,
        initialReplicas=1,
    )
    assert changes(found) == [(0, 1), (180, 0), (900, 1), (915, 2)]


def test_without_behavior_a_step_only_doubles() -> None:
    found = run(autoscaler={"behavior": None}, metric=[[0, 18000], [60, 120_000]])
    assert changes(found) == [(0, 3), (60, 6), (75, 12), (90, 20)]


def idle(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "minReplicas": 3, "maxReplicas": 40, **fields}


def test_cpu_of_idle_sockets_adds_nothing_while_pods_are_full() -> None:
    found = run(autoscaler=idle("cpu"), metric=[[0, 18000], [60, 60000]], durationSeconds=3600)
    assert set(found.replicas) == {3}
    assert found.held[-1] == 24000
    assert found.connections.refused == 36000


def test_cpu_follows_when_connections_cost_cpu() -> None:
    found = run(
        autoscaler=idle("cpu", targetUtilization=50),
        pod={"cpuBaseMillicores": 0, "cpuPerConnectionMillicores": 0.05, "cpuPerHandshakeMilliseconds": 0},
        metric=[[0, 15000], [60, 22500]],
        durationSeconds=1800,
    )
    # 7,500 connections a pod take 375 of 500 millicores: 75 / 50 * 3 pods.
    assert found.desired[5] == 5
    assert found.replicas[-1] == 5


def test_memory_follows_what_the_sockets_take() -> None:
    pod = {"memoryRequestMiB": 100, "memoryBaseMiB": 10, "memoryPerConnectionKiB": 10.24}
    found = run(autoscaler=idle("memory", targetUtilization=50), pod=pod, metric=[[0, 18000], [60, 21000]])
    # 6,000 connections take 60 MiB: 70 % of the request asks for 4.2 pods. With 5 and 21,000 it is 52 %.
    assert changes(found) == [(0, 5)]


def test_ecs_waits_for_its_alarms() -> None:
    found = run(
        autoscaler={"kind": "ecs", "minReplicas": 3, "maxReplicas": 40, "targetAverageValue": 6000},
        metric=[[0, 18000], [120, 30000], [1200, 12000]],
        durationSeconds=4000,
    )
    assert changes(found) == [(0, 3), (240, 5), (2040, 3)]
    assert found.connections.dropped == 0  # API Gateway holds the sockets


def test_lambda_has_as_many_environments_as_requests_need() -> None:
    found = run(
        autoscaler={"kind": "lambda", "handlerMilliseconds": 300},
        metric=[[0, 1000], [60, 10_000]],
        messagesPerConnectionPerMinute=6,
    )
    # 1,000 connections: 100 messages a second of 0.3 s; after 60 s ten times as many, at 500 more connects a second.
    assert found.replicas[0] == 30
    assert max(found.replicas) == pytest.approx(1000 * 0.3, abs=500 * 0.3 + 1)
    assert found.connections.throttled == 10_000 - 1000 - 500 * 15
    assert found.connections.dropped == 0
    assert found.requests.cold_starts == found.peak


def test_lambda_throttles_at_the_accounts_concurrency() -> None:
    found = run(
        autoscaler={"kind": "lambda", "handlerMilliseconds": 1000, "limits": {"accountConcurrency": 100}},
        metric=[[0, 12_000]],
        messagesPerConnectionPerMinute=1,
        apiGateway={"callbacksPerMessage": 0},
    )
    assert found.peak == 100
    assert found.requests.throttled == pytest.approx(100 * 600)


def test_lambda_sees_only_what_the_gateway_lets_through() -> None:
    found = run(
        autoscaler={"kind": "lambda", "handlerMilliseconds": 100, "limits": {"accountConcurrency": 10_000}},
        metric=[[0, 12_000]],
        messagesPerConnectionPerMinute=60,
    )
    # 12,000 messages a second and as many callbacks: 10,000 of 24,000 pass, 5,000 of them messages.
    assert set(found.replicas) == {500}
    assert found.requests.throttled == pytest.approx(14_000 * 600)


def test_the_gateways_request_rate_is_shared_by_messages_and_callbacks() -> None:
    found = run(apiGateway={"callbacksPerMessage": 1}, messagesPerConnectionPerMinute=20, durationSeconds=60)
    assert found.requests.offered == 12_000 * 60
    assert found.requests.throttled == 2_000 * 60


def test_the_gateway_opens_500_connections_a_second() -> None:
    found = run(apiGateway={}, metric=[[0, 1000], [60, 20_000]], reconnect={}, durationSeconds=300)
    assert found.held[3:8] == [1000, 8500, 16000, 20000, 20000]
    assert found.connections.throttled == (19_000 - 7500) + (11_500 - 7500)


def test_progress_is_told_in_seconds_done() -> None:
    loaded = prepare(parse(BASE | {"durationSeconds": 15 * 25_000}, Scenario))
    told: list[int] = []
    simulate(loaded, loaded.scenario.autoscalers[0], told.append)
    assert told == [0, 150_000, 300_000]


def test_a_run_may_end_between_two_decisions() -> None:
    found = run(durationSeconds=100)
    assert len(found.metric) == 7
    assert found.pod_seconds == 300
