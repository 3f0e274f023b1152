import json

import pytest

from backend.emf import MOST_VALUES, EmfBatches, EmfMetrics


@pytest.fixture(autouse=True)
def _no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE", raising=False)
    monkeypatch.delenv("POWERTOOLS_SERVICE_NAME", raising=False)


def test_an_event_is_one_line_for_its_route_and_for_the_whole_backend(capsys: pytest.CaptureFixture[str]) -> None:
    EmfMetrics("eks").record("ping", "Messages", 0, 1.25)
    [line] = capsys.readouterr().out.splitlines()
    emf = json.loads(line)
    [definition] = emf["_aws"]["CloudWatchMetrics"]
    assert definition["Namespace"] == "Duplex"
    dimensions = [sorted(names) for names in definition["Dimensions"]]
    assert dimensions == [["backend", "route", "service"], ["backend", "service"]]
    assert definition["Metrics"] == [
        {"Name": "Messages", "Unit": "Count"},
        {"Name": "Errors", "Unit": "Count"},
        {"Name": "Latency", "Unit": "Milliseconds"},
    ]
    assert (emf["service"], emf["backend"], emf["route"]) == ("duplex", "eks", "ping")
    assert (emf["Messages"], emf["Errors"], emf["Latency"]) == ([1], [0], [1.25])


def test_one_event_leaves_nothing_to_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EmfMetrics("lambda")
    metrics.record("ping", "Messages", 0, 1.25)
    metrics.record("$connect", "Connects", 0, 1.25)
    metrics.gauge(ActiveConnections=5)
    second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines()[1:])
    assert (third["ActiveConnections"], "route" in third) == ([5], False)
    assert third["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "backend"]]
    assert len(second["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) == 2
    assert second["route"] == "$connect"
    assert "Messages" not in second
    assert second["service"] == "duplex"


def test_the_names_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Other")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "other")
    EmfMetrics("lambda").record("ping", "Messages", 0, 1.25)
    emf = json.loads(capsys.readouterr().out)
    assert emf["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Other"
    assert emf["service"] == "other"


def test_a_batch_sums_counts_and_keeps_latencies(capsys: pytest.CaptureFixture[str]) -> None:
    batches = EmfBatches("eks")
    for number in range(MOST_VALUES + 1):
        batches.record("ping", "Messages", number % 2, float(number))
    batches.record("$connect", "Connects", 0, 2.5)
    [full] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (full["Messages"], full["Errors"]) == ([MOST_VALUES], [MOST_VALUES // 2])
    assert full["Latency"] == [float(number) for number in range(MOST_VALUES)]
    batches.flush()
    batches.flush()
    rest, connect = map(json.loads, capsys.readouterr().out.splitlines())
    assert (rest["route"], rest["Messages"], rest["Latency"]) == ("ping", [1], [float(MOST_VALUES)])
    assert (connect["route"], connect["Connects"]) == ("$connect", [1])
    assert "Messages" not in connect
    assert rest["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == full["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
