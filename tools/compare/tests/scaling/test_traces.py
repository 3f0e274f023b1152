"""Traffic from lists, files and generators."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaling.spec import SpecError
from compare.scaling.traces import Cursor, Deploy, Diurnal, ReconnectStorm, Spike, Trace, read_csv


def csv_trace(folder: Path, text: str) -> Trace:
    (folder / "t.csv").write_text(text)
    return read_csv(folder / "t.csv", "t.csv")


def test_a_trace_is_a_step_function() -> None:
    cursor = Cursor(Trace.of([(0, 5), (60, 7), (90, 2)]))
    assert [cursor.at(t) for t in (-30, 0, 59.9, 60, 60, 1000)] == [5, 5, 5, 7, 7, 2]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(10, 5)], "metric[0]: must begin at 0 seconds"),
        ([(0, 5), (60, 6), (30, 7)], "metric[2]: is not later than the one before"),
        ([(0, 5), (0, 6)], "metric[1]: is not later than the one before"),
    ],
)
def test_points_in_disorder_are_refused(points: list[tuple[float, float]], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Trace.of(points)
    assert str(caught.value) == message


def test_a_csv_may_have_a_header_and_start_at_any_time(tmp_path: Path) -> None:
    trace = csv_trace(tmp_path, "time,connections\n1700000000,100\n1700000060,150.0\n1700000120,90\n")
    assert (list(trace.times), list(trace.values), trace.length) == ([0, 60, 120], [100, 150, 90], 180)
    assert csv_trace(tmp_path, "0,1\n30,2\n") == Trace(times=[0, 30], values=[1, 2], length=60)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1\n60,2\n30,3\n", "t.csv line 3: is not later than the line before"),
        ("t,n\n0,1\n60,2\n60,3\n", "t.csv line 4: is not later than the line before"),
        ("0,1\n60,2\n120,3\n1000,4\n", "t.csv line 4: a gap of 880 s before it, rows are 60 s apart; fill it"),
        ("0,1\n60,\n", "t.csv line 2: not two numbers: '60,'"),
        ("0,1\n60,many\n", "t.csv line 2: not two numbers: '60,many'"),
        ("0,1\n60,nan\n", "t.csv line 2: not two numbers: '60,nan'"),
        ("0,1\n60,-5\n", "t.csv line 2: connections must be 0 to 1,000,000,000"),
        ("0,1\n60\n", "t.csv line 2: has 1 columns, not 2: seconds and connections"),
        ("0,1\n", "t.csv: has fewer than two rows"),
        ("", "t.csv: has fewer than two rows"),
    ],
)
def test_a_csv_with_gaps_or_disorder_is_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        csv_trace(tmp_path, text)
    assert str(caught.value) == message


def test_a_csv_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is not UTF-8 text"):
        read_csv(tmp_path / "t.csv", "t.csv")
    with pytest.raises(SpecError, match="No such file"):
        read_csv(tmp_path / "other.csv", "other.csv")


def test_a_day_has_its_least_and_its_most_half_a_day_apart() -> None:
    trace = Diurnal(low=100, high=900, low_at_seconds=3600).trace(2 * 86_400)
    at = Cursor(trace)
    assert [at.at(t) for t in (3600, 3600 + 6 * 3600, 3600 + 12 * 3600, 3600 + 24 * 3600)] == [100, 500, 900, 100]


def test_a_spike_rises_holds_and_falls() -> None:
    spike = Spike(base=10, peak=110, at_seconds=100, rise_seconds=50, hold_seconds=60, fall_seconds=100)
    at = Cursor(spike.trace(600))
    assert [at.at(t) for t in (99, 125, 150, 209, 260, 310, 599)] == [10, 60, 110, 110, 60, 10, 10]


def test_a_spike_may_be_a_step() -> None:
    at = Cursor(Spike(base=1, peak=9, at_seconds=10, rise_seconds=0, hold_seconds=10, fall_seconds=0).trace(60))
    assert [at.at(t) for t in (9, 10, 19, 20)] == [1, 9, 9, 1]


def test_a_deploy_cuts_every_socket_once_in_waves() -> None:
    deploy = Deploy(level=1000, at_seconds=60, over_seconds=100, waves=4)
    assert deploy.cuts() == ((60, 0.25), (85, 0.25), (110, 0.25), (135, 0.25))
    assert deploy.trace(300).values == [1000]


def test_a_reconnect_storm_cuts_once() -> None:
    assert ReconnectStorm(level=1000, at_seconds=60, fraction=0.9).cuts() == ((60, 0.9),)
