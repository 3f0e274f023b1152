"""The little of PromQL that can be told from the pods' own `/metrics`, for machines without a Prometheus. Pure.

Understood: `sum`, `avg`, `min`, `max` and `count` over all series of a metric, with label matchers `=` and `!=`, or
over `rate(METRIC[5m])` of one; numbers; `+ - * /` and brackets. Sources: "Querying basics" and "Operators",
https://prometheus.io/docs/prometheus/latest/querying/basics/; extrapolatedRate in prometheus/prometheus
promql/functions.go, of which the counter resets are kept and the extrapolation is not.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Labels = Mapping[str, str]

_TOKEN = re.compile(
    r'\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?)|([a-zA-Z_:][a-zA-Z0-9_:]*)|"((?:[^"\\]|\\.)*)"|(!=|[-+*/(){}\[\],=]))'
)
_RANGE = re.compile(r"(\d+)([smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_DEPTH = 32

#: How long a sample counts: Prometheus' own default for --query.lookback-delta.
LOOKBACK = 300.0


class QueryError(ValueError):
    """A query that is not understood here; the text says what is."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Series of a metric; `seconds` of their past when it is a rate that is asked for, else 0."""

    metric: str
    matchers: tuple[tuple[str, str, bool], ...]
    seconds: float = 0

    def matches(self, labels: Labels) -> bool:
        """Whether a series with these labels is one of them. A label that is not there is empty."""
        return all((labels.get(name, "") == value) is equal for name, value, equal in self.matchers)


class History:
    """Samples of some metrics, as far back as queries look."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self.metrics = {selector.metric for selector in selectors}
        self._keep = max([LOOKBACK, *(selector.seconds for selector in selectors)])
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], deque[tuple[float, float]]] = defaultdict(deque)
        self._current: set[tuple[str, tuple[tuple[str, str], ...]]] = set()

    def add(self, now: float, samples: Iterable[tuple[str, Labels, float]]) -> None:
        """What all targets said at one moment. A series that is not among it is gone."""
        self._current = set()
        for metric, labels, value in samples:
            if metric in self.metrics:
                key = (metric, tuple(sorted(labels.items())))
                self._current.add(key)
                self._series[key].append((now, value))
        for key, points in list(self._series.items()):
            while points and points[0][0] < now - self._keep:
                points.popleft()
            if not points:
                del self._series[key]

    def values(self, selector: Selector, now: float) -> list[float]:
        """The values of the series at a moment, or their rates a second."""
        found = []
        for (metric, labels), points in self._series.items():
            if metric != selector.metric or not selector.matches(dict(labels)):
                continue
            if selector.seconds:
                recent = [point for point in points if point[0] >= now - selector.seconds]
                if len(recent) > 1:
                    found.append(_rate(recent))
            elif (metric, labels) in self._current and points[-1][0] >= now - LOOKBACK:
                found.append(points[-1][1])
        return found


def _rate(points: Sequence[tuple[float, float]]) -> float:
    """Growth a second. A counter that went down began anew."""
    grown = sum(after - before if after >= before else after for (_, before), (_, after) in pairwise(points))
    return grown / (points[-1][0] - points[0][0])


Value = Callable[[History, float], float | None]

_AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
}
_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Query:
    """A query, read once. QueryError when it is not understood."""

    def __init__(self, text: str) -> None:
        self.selectors: list[Selector] = []
        self._text = text
        self._tokens = self._split()
        self._depth = 0
        self._value = self._sum()
        if self._tokens:
            raise self._error()

    def evaluate(self, history: History, now: float) -> float | None:
        """One number; None when there is no data for it."""
        try:
            return self._value(history, now)
        except ZeroDivisionError:
            return None

    def _split(self) -> deque[tuple[str, str]]:
        """The query's tokens with their kinds: `number`, `name`, `text`, or the sign itself."""
        tokens: deque[tuple[str, str]] = deque()
        at, text = 0, self._text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._error()
            kind = ("number", "name", "text", found[4])[(found.lastindex or 1) - 1]
            tokens.append((kind, found[found.lastindex or 1]))
            at = found.end()
        return tokens

    def _error(self) -> QueryError:
        return QueryError(
            f"the query {self._text!r} is not understood without a Prometheus: install prometheus, or ask for "
            "sum, avg, min, max or count of a metric or its rate, and + - * / of those"
        )

    def _next(self, *wanted: str) -> str:
        if not self._tokens or self._tokens[0][0] not in wanted:
            raise self._error()
        return self._tokens.popleft()[1]

    def _at(self, *kinds: str) -> bool:
        return bool(self._tokens) and self._tokens[0][0] in kinds

    def _sum(self) -> Value:
        value = self._product()
        while self._at("+", "-"):
            value = _joined(value, _OPERATORS[self._next("+", "-")], self._product())
        return value

    def _product(self) -> Value:
        value = self._one()
        while self._at("*", "/"):
            value = _joined(value, _OPERATORS[self._next("*", "/")], self._one())
        return value

    def _one(self) -> Value:
        if self._at("number"):
            number = float(self._next("number"))
            return lambda _, __: number
        if self._at("("):
            self._depth += 1
            if self._depth > _DEPTH:
                raise self._error()
            self._next("(")
            value = self._sum()
            self._next(")")
            self._depth -= 1
            return value
        if (name := self._next("name")) not in _AGGREGATIONS:
            raise self._error()
        aggregate = _AGGREGATIONS[name]
        self._next("(")
        selector = self._selector(self._next("name"))
        self._next(")")
        self.selectors.append(selector)

        def evaluate(history: History, now: float) -> float | None:
            values = history.values(selector, now)
            return aggregate(values) if values else None

        return evaluate

    def _selector(self, name: str) -> Selector:
        if name != "rate":
            return Selector(name, self._matchers())
        self._next("(")
        metric, matchers = self._next("name"), self._matchers()
        self._next("[")
        number, unit = self._next("number"), self._next("name")
        if (span := _RANGE.fullmatch(number + unit)) is None:
            raise self._error()
        self._next("]")
        self._next(")")
        return Selector(metric, matchers, int(span[1]) * _UNITS[span[2]])

    def _matchers(self) -> tuple[tuple[str, str, bool], ...]:
        found: list[tuple[str, str, bool]] = []
        if self._at("{"):
            self._next("{")
            while not self._at("}"):
                if found:
                    self._next(",")
                    if self._at("}"):
                        break
                name, sign = self._next("name"), self._next("=", "!=")
                found.append((name, re.sub(r"\\(.)", r"\1", self._next("text")), sign == "="))
            self._next("}")
        return tuple(found)


def _joined(left: Value, function: Callable[[float, float], float], right: Value) -> Value:
    def evaluate(history: History, now: float) -> float | None:
        one, other = left(history, now), right(history, now)
        return None if one is None or other is None else function(one, other)

    return evaluate
