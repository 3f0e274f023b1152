"""The statistics of a target, from what its rounds measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Literal

from compare.load.measures import Measures
from compare.load.rounds import Round
from compare.load.servers import Usage
from compare.load.statistic import PERCENTILES, Statistic

# Counts that stand in the report even when nothing of the kind was seen.
_COUNTS = ("sent", "answered", "deliveries", "lost", "unanswered", "repeated", "overtaken", "resumed")


def summarized(rounds: Sequence[Round]) -> dict[str, Statistic]:
    """The statistics of the rounds of one target, by their keys."""
    return {**_latencies(rounds), **_counts(rounds), **_usage(rounds), **_generator(rounds)}


def _latencies(rounds: Sequence[Round]) -> dict[str, Statistic]:
    merged = Measures()
    for one in rounds:
        merged.add(one.sent.measures)
    statistics = {}
    for name in merged.latencies:
        for way in ("corrected", "uncorrected"):
            whole = getattr(merged.latencies[name], way)
            if not whole.get_total_count():
                continue
            each_round = [
                getattr(one.sent.measures.latencies[name], way) for one in rounds if name in one.sent.measures.latencies
            ]
            each_round = [histogram for histogram in each_round if histogram.get_total_count()]
            for label, percentile in PERCENTILES.items():
                statistics[f"latency.{name}.{way}.{label}_ms"] = Statistic(
                    whole.get_value_at_percentile(percentile) / 1000,
                    "ms",
                    tuple(histogram.get_value_at_percentile(percentile) / 1000 for histogram in each_round),
                    over="merged",
                    better="less",
                )
            statistics[f"latency.{name}.{way}.count"] = _sum(
                "answers", [histogram.get_total_count() for histogram in each_round]
            )
    return statistics


def _counts(rounds: Sequence[Round]) -> dict[str, Statistic]:
    counts = [one.sent.measures.counts for one in rounds]
    statistics = {
        f"connections.{ours}": _sum("connections", [count[theirs] for count in counts])
        for ours, theirs in (("tried", "connects"), ("opened", "connected"), ("refused", "refused"))
    }
    killed = [one.kills for one in rounds if one.kills is not None]
    if killed:
        statistics["faults.kills"] = _sum("processes of the server", killed)
    statistics["connections.held"] = _median("connections", [count["open at end"] for count in counts])
    for name in _COUNTS:
        better: Literal["less"] | None = "less" if name in {"lost", "unanswered", "repeated", "overtaken"} else None
        statistics[f"messages.{name}"] = _sum("messages", [count[name] for count in counts], better)
    statistics["messages.a_second"] = _median(
        "answered messages a second",
        [count["answered"] / seconds for count, seconds in zip(counts, map(_seconds, rounds), strict=True) if seconds],
        "more",
    )
    statistics["errors.count"] = _sum("errors", [sum(one.sent.measures.errors.values()) for one in rounds], "less")
    statistics["errors.percent"] = Statistic(
        _percent([one.sent.measures for one in rounds]),
        "% of connects, messages and deliveries",
        tuple(_percent([one.sent.measures]) for one in rounds),
        over="merged",
        better="less",
    )
    return statistics


def _percent(measures: Sequence[Measures]) -> float:
    """What went wrong, of all that was tried: every error, and what was lost or never answered without one."""
    wrong = tried = 0
    for one in measures:
        wrong += sum(one.errors.values()) + one.counts["lost"] + one.counts["unanswered"]
        tried += one.counts["connects"] + one.counts["sent"] + one.counts["deliveries"]
    return min(100.0, 100 * wrong / tried) if tried else 0.0


def _usage(rounds: Sequence[Round]) -> dict[str, Statistic]:
    """CPU and memory of the server, of rounds that ran here and were sampled at all four moments."""
    sampled = [one for one in rounds if len(one.samples) == 4]
    if not sampled:
        return {}
    statistics: dict[str, Statistic] = {}
    counted = [(one.units, one.sent.measures.counts["sent"]) for one in sampled]
    for kind in ("read", "write"):
        each = [units[kind] / sent for units, sent in counted if units is not None and sent]
        if each:
            statistics[f"dynamodb.{kind}_units_a_message"] = _median(f"{kind} units a message", each, "less")
    for part in ("backend", "emulator"):
        before, ready, begin, after = ([_part(one, moment, part) for one in sampled] for moment in range(4))
        statistics[f"{part}.processes"] = _median("processes", [usage.processes for usage in after])
        statistics[f"{part}.mib"] = _median("MiB", [usage.mib for usage in after], "less")
        cpu = [end.cpu - start.cpu for start, end in zip(begin, after, strict=True)]
        statistics[f"{part}.cpu_seconds"] = _median("CPU seconds of the load", cpu, "less")
        _each(statistics, f"{part}.cpu_us_a_message", "us of CPU a message", cpu, _did(sampled, "answered"), 1e6)
        opened = _did(sampled, "connected")
        came = [end.cpu - start.cpu for start, end in zip(before, ready, strict=True)]
        grew = [end.mib - start.mib for start, end in zip(before, ready, strict=True)]
        if all(one.sent.measures.counts["open at begin"] for one in sampled):
            _each(statistics, f"{part}.cpu_us_a_connect", "us of CPU a connect", came, opened, 1e6)
            _each(statistics, f"{part}.kib_a_socket", "KiB a connection", grew, opened, 1024)
            if (found := statistics.get(f"{part}.kib_a_socket")) is not None:
                # Later rounds use again what earlier ones left, so the most that it grew by is what sockets need.
                statistics[f"{part}.kib_a_socket"] = replace(found, value=found.high, over="greatest")
    return statistics


def _part(one: Round, moment: int, part: str) -> Usage:
    usage: Usage = getattr(one.samples[moment], part)
    return usage


def _did(rounds: Sequence[Round], what: str) -> list[int]:
    return [one.sent.measures.counts[what] for one in rounds]


def _each(
    statistics: dict[str, Statistic], key: str, unit: str, used: Sequence[float], times: Sequence[int], scale: float
) -> None:
    values = [scale * amount / count for amount, count in zip(used, times, strict=True) if count]
    if values:
        statistics[key] = _median(unit, values, "less")


def _generator(rounds: Sequence[Round]) -> dict[str, Statistic]:
    cpu = [max((used / seconds for used, seconds in one.sent.cpu if seconds), default=0.0) for one in rounds]
    lag = [one.sent.measures.lag for one in rounds]
    total = [sum(used for used, _ in one.sent.cpu) for one in rounds]
    statistics = {
        "generator.core_percent": _median("% of a core, busiest process", [100 * share for share in cpu]),
        "generator.lag_p99_ms": _median("ms late", [one.get_value_at_percentile(99) / 1000 for one in lag]),
    }
    _each(statistics, "generator.cpu_us_a_message", "us of CPU a message", total, _did(rounds, "answered"), 1e6)
    return statistics


def _seconds(one: Round) -> float:
    return max((seconds for _, seconds in one.sent.cpu), default=0.0)


def _median(unit: str, values: Sequence[float], better: Literal["less", "more"] | None = None) -> Statistic:
    return Statistic(median(values) if values else 0.0, unit, tuple(values), over="median", better=better)


def _sum(unit: str, values: Sequence[float], better: Literal["less", "more"] | None = None) -> Statistic:
    return Statistic(sum(values), unit, tuple(values), over="sum", better=better)
