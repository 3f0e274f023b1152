"""From what was counted to figures, their spread, and what differs."""

from __future__ import annotations

import math

import pytest

from compare.load import limits, noise, slo
from compare.load.measures import Measures, Request, record
from compare.load.rounds import Round
from compare.load.scenario import load
from compare.load.senders import Sent
from compare.load.servers import Sample, Usage
from compare.load.statistic import ASSUMED, Statistic
from compare.load.summary import summarized
from compare.load.targets import Target

TARGET = Target("it", "ws://it/")


def measures(*seconds: float) -> Measures:
    found = Measures()
    for value in seconds:
        found.counts["answered"] += 1
        found.answered("echo", Request(0, 0, serial=True), value)
    return found


def a_round(found: Measures, cpu: float = 1.0, samples: list[Sample] | None = None) -> Round:
    return Round(TARGET, 0, 0.0, Sent(found, [(cpu, 10.0)]), samples or [], 10.0, whole=True)


def test_histograms_merge_over_rounds_and_survive_the_way_between_processes() -> None:
    fast, slow = measures(*[0.01] * 99), measures(*[1.0] * 99)
    rounds = [a_round(Measures.decoded(one.encoded())) for one in (fast, slow)]
    median = summarized(rounds)["latency.echo.corrected.p50_ms"]
    top = summarized(rounds)["latency.echo.corrected.p90_ms"]
    assert median.value == pytest.approx(10, rel=0.01)
    assert top.value == pytest.approx(1000, rel=0.01)
    assert (top.low, top.high) == pytest.approx((10, 1000), rel=0.01)
    assert summarized(rounds)["latency.echo.corrected.count"].value == 198


def test_a_question_asked_while_another_waits_is_in_the_corrected_times_alone() -> None:
    found = Measures()
    found.answered("echo", Request(due=1, sent=4, serial=False), 5)
    assert found.latencies["echo"].corrected.get_max_value() == pytest.approx(4e6, rel=0.01)
    assert found.latencies["echo"].uncorrected.get_total_count() == 0


def test_what_a_message_and_a_socket_cost_is_the_servers_growth() -> None:
    found = measures(*[0.01] * 50)
    found.counts.update({"connected": 10, "open at begin": 10})
    usages = [Usage(1, 100, 1), Usage(3, 110, 1), Usage(4, 110, 1), Usage(9, 111, 1)]
    one = a_round(found, samples=[Sample(usage, Usage()) for usage in usages])
    made = summarized([one])
    assert made["backend.cpu_us_a_message"].value == 5 / 50 * 1e6
    assert made["backend.cpu_us_a_connect"].value == 2 / 10 * 1e6
    assert made["backend.kib_a_socket"].value == 1024
    assert made["backend.mib"].value == 111
    assert "dynamodb.write_units_a_message" not in made


def test_what_a_message_costs_in_dynamodb_is_what_the_tables_used() -> None:
    found = measures(*[0.01] * 50)
    found.counts["sent"] = 40
    one = a_round(found, samples=[Sample(Usage(), Usage())] * 4)
    one.units = {"read": 10.0, "write": 60.0}
    made = summarized([one])
    assert made["dynamodb.read_units_a_message"].value == 0.25
    assert made["dynamodb.write_units_a_message"].value == 1.5


def test_a_round_cut_short_has_no_cost() -> None:
    assert "backend.mib" not in summarized([a_round(measures(0.1), samples=[Sample(Usage(), Usage())])])


def test_every_figure_says_what_it_rests_on() -> None:
    made = {**summarized([a_round(measures(0.1))]), **ASSUMED}
    documents = [figure.document() for figure in made.values()]
    assert {document["basis"] for document in documents} == {"measured", "assumed"}
    assert all(document["source"] for document in documents if document["basis"] != "measured")
    assert all(math.isfinite(document["value"]) for document in documents)


def spread(*rounds: float) -> dict[str, Statistic]:
    return {"cost": Statistic(sorted(rounds)[len(rounds) // 2], "us", rounds, over="median", better="less")}


@pytest.mark.parametrize(
    ("one", "other", "real"),
    [
        ((1, 2, 3), (4, 5, 6), True),
        ((1, 2, 4), (3, 5, 6), False),
        ((1, 2), (8, 9), False),  # too few to tell
        ((1, 1, 1), (1, 1, 1), False),
    ],
)
def test_a_difference_is_real_when_all_rounds_are_apart(
    one: tuple[float, ...], other: tuple[float, ...], real: bool
) -> None:
    (found,) = noise.differences({"a": spread(*one), "b": spread(*other)})
    assert found["larger_than_noise"] is real
    assert found["better"] == (None if one == other else "a")


def test_the_chance_of_rounds_that_come_apart_by_themselves() -> None:
    assert noise.chance(3, 3) == pytest.approx(2 / 20)
    assert noise.chance(4, 4) == pytest.approx(2 / 70)


def test_the_generator_says_when_it_was_the_limit() -> None:
    late = measures(0.01)
    record(late.lag, 0.5)
    late.errors["connect: too many open files"] = 3
    found = {one["limit"]: one["text"] for one in limits.reached([a_round(late, cpu=9.5)])}
    assert set(found) == {"cpu", "lag", "descriptors"}
    assert "95% of a core" in str(found["cpu"])
    assert limits.reached([a_round(measures(0.01), cpu=1)]) == []


def test_what_was_not_measured_meets_no_objective() -> None:
    objectives = slo.parse("p99=1s,errors=1%")
    checked = slo.check(objectives, load("echo"), {"it": {}})
    assert [one["met"] for one in checked] == [False, False]
    made = summarized([a_round(measures(0.5))])
    assert [one["met"] for one in slo.check(objectives, load("echo"), {"it": made})] == [True, True]


def test_a_mix_is_judged_by_its_deliveries() -> None:
    found = measures(0.5)
    found.answered("delivered", Request(0, 0, serial=True), 2)
    checked = slo.check(slo.parse("p99=1s"), load("mixed"), {"it": summarized([a_round(found)])})
    assert checked[0]["figure"] == "latency.delivered.corrected.p99_ms"
    assert checked[0]["met"] is False
