"""What a run of `compare run` puts in the place of the model's inputs (docs/cost-model.md, "MeasuredInput inputs")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from compare import files
from compare.cost.rows import Row, Rows, overridden, shipped
from compare.errors import CompareError
from compare.variants import VARIANTS

LOAD, REPORT = "duplex-load/1", "duplex-report/1"
_MOST_KIB: Final = 64 * 1024  # of a file
_VCPU_MB: Final = 1769  # AWS Lambda Developer Guide, "Configure Lambda function memory": one vCPU
_LEAST_LEFT: Final = 0.1  # of a figure, when what the processes do anyway is taken off

# By input: what can be true of it.
LIMITS: Final[dict[str, tuple[float, float]]] = {
    "http.request_us": (1, 1_000_000),
    "pod.write_us": (1, 1_000_000),
    "sockets.message_us": (0.1, 1_000_000),
    "sockets.send_us": (0.1, 1_000_000),
    "sockets.accept_us": (1, 1_000_000),
    "sockets.kib": (0.5, 100_000),
    "lambda.message_ms": (0.1, 900_000),
    "message.read_units": (0, 1_000),
    "message.write_units": (0, 1_000),
}
# By figure: how its unit begins.
_UNITS: Final = {
    "backend.cpu_us_a_message": "us of CPU a message",
    "backend.cpu_us_a_connect": "us of CPU a connect",
    "backend.cpu_seconds": "CPU seconds",
    "backend.kib_a_socket": "KiB a connection",
    "dynamodb.read_units_a_message": "read units a message",
    "dynamodb.write_units_a_message": "write units a message",
    "cloudwatch.billed_ms": "ms",
    "cloudwatch.duration_ms": "ms",
    "cloudwatch.invocations": "invocations",
    "cloudwatch.read_units": "units",
    "cloudwatch.write_units": "units",
}
#: Scenarios that send messages.
KINDS: Final = ("echo", "mixed", "broadcast", "direct", "work", "churn")


class _Statistic(msgspec.Struct):
    value: float
    unit: str
    low: float
    high: float


class _Scenario(msgspec.Struct):
    kind: str
    duration: float
    message_bytes: int = 256
    kill_seconds: float = 0


class _Target(msgspec.Struct):
    name: str
    where: str
    figures: dict[str, _Statistic]


class _Conditions(msgspec.Struct):
    began: str
    system: str = ""
    rounds: int = 1


class _Run(msgspec.Struct):
    scenario: _Scenario
    conditions: _Conditions
    targets: list[_Target]


@dataclass(frozen=True, slots=True)
class MeasuredInput:
    """An input that a run gave: its figures, what stood there before, and where it comes from."""

    key: str
    value: Decimal
    low: Decimal
    high: Decimal
    unit: str
    was: Decimal
    source: str
    as_of: str

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "key": self.key,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "was": self.was,
            "from": self.source,
        }


def load_document(path: Path) -> dict[str, Any]:
    """The document in a file of `compare run --json` or of a whole comparison. Raises CompareError."""
    data = files.read(path, most_kib=_MOST_KIB, what="not what compare run writes")
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CompareError(f"{path}: not JSON: {' '.join(str(error).split())[:100]}") from None
    if not isinstance(found, dict) or found.get("format") not in {LOAD, REPORT}:
        raise CompareError(f"{path}: its format is neither {LOAD} nor {REPORT}: give what compare run --json wrote")
    return found


def read_runs(path: Path) -> list[dict[str, Any]]:
    """The runs in such a file. Raises CompareError."""
    document = load_document(path)
    if document["format"] == REPORT and "load" not in document:
        raise CompareError(f"{path}: load is missing: give what compare run or compare all wrote")
    found = runs(document)
    for run in found:
        try:
            msgspec.convert(run, _Run)
        except msgspec.ValidationError as error:
            raise CompareError(f"{path}: {' '.join(str(error).replace('`', '').split())[:160]}") from None
    return found


def runs(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs in a document: the run itself, or all of a report."""
    if document["format"] != REPORT:
        return [dict(document)]
    return [run for run in (document["load"], *(document.get("more") or ())) if run is not None]


def message_bytes(runs: Sequence[Mapping[str, Any]]) -> int | None:
    """The bytes of a message in the first run that sent any."""
    scenarios = (msgspec.convert(run, _Run).scenario for run in runs)
    return next((one.message_bytes for one in scenarios if one.kind not in {"idle", "storm"}), None)


def inputs(runs: Sequence[Mapping[str, Any]], rows: Rows) -> list[MeasuredInput]:
    """Every input that the runs give, by its key. Targets count that have the name of a variant.

    Raises CompareError for a figure whose unit is another, or that cannot be true.
    """
    found: dict[str, MeasuredInput] = {}
    typed = [msgspec.convert(run, _Run) for run in runs]
    for one in _found([run for run in typed if not run.scenario.kill_seconds], rows):
        found.setdefault(one.key, one)
    return list(found.values())


def rows_of(runs: Sequence[Mapping[str, Any]], prices: Path | None = None) -> tuple[Rows, list[MeasuredInput]]:
    """The shipped rows with what the runs measured, and over that the user's file; and what was measured.

    Raises CompareError.
    """
    taken = inputs(runs, shipped())
    rows = replaced(shipped(), taken)
    return (rows if prices is None else overridden(prices, rows)), taken


def replaced(rows: Rows, measured: Sequence[MeasuredInput]) -> Rows:
    """The rows with what was measured in their place."""
    found = {
        one.key: Row(
            value=one.value,
            low=one.low,
            high=one.high,
            unit=rows.by_key[one.key].unit,
            source=f"measured: {one.source}",
            as_of=one.as_of,
            confidence="B",
        )
        for one in measured
    }
    return rows.replaced(found)


def lines(measured: Sequence[MeasuredInput]) -> Iterator[str]:
    """What was replaced, one line each."""
    for one in measured:
        spread = "" if one.low == one.high else f" ({one.low:f}-{one.high:f})"
        yield f"{one.key} {one.value:f}{spread} instead of {one.was:f}: {one.source}"


def _found(runs: Sequence[_Run], rows: Rows) -> Iterator[MeasuredInput]:
    measuring = _Measuring(runs, rows)
    for name, variant in VARIANTS.items():
        if variant.gateway and variant.units:
            yield from measuring.http_pods(name)
    yield from measuring.socket_pods()
    yield from measuring.functions()


@dataclass(frozen=True, slots=True)
class _Found:
    """A figure of one target in one run; `low` and `high` are over the rounds."""

    value: float
    low: float
    high: float
    source: str
    as_of: str


class _Measuring:
    def __init__(self, runs: Sequence[_Run], rows: Rows) -> None:
        self._runs, self._rows = runs, rows
        self._given: dict[str, MeasuredInput] = {}

    def http_pods(self, name: str) -> Iterator[MeasuredInput]:
        if (request := self._message(name)) is None:
            return
        yield self._measured("http.request_us", request)
        if (connect := self._connect(name)) is not None and (left := connect.value - request.value) >= 1:
            ends = max(1.0, connect.low - request.high), connect.high - request.low
            write = _Found(left, *ends, f"{connect.source}, less an echo's CPU", connect.as_of)
            yield self._measured("pod.write_us", self._bounded(write))

    def _bounded(self, write: _Found) -> _Found:
        """A write costs no more than what accepting leaves of a connect to a socket pod, where that was measured."""
        accept, connect = self._row("sockets.accept_us"), self._connect("sockets")
        if connect is None or not 1 <= connect.value - accept < write.value:
            return write
        low, high = max(1.0, connect.low - accept), max(write.high, connect.high - accept)
        return _Found(connect.value - accept, low, high, f"{connect.source}, less sockets.accept_us", connect.as_of)

    def socket_pods(self) -> Iterator[MeasuredInput]:
        if (echo := self._message("sockets")) is not None:
            # An echo is a message and a frame: its CPU is shared out as the rows share it.
            message, send = (self._row(f"sockets.{part}_us") for part in ("message", "send"))
            for part, share in (("message", message / (message + send)), ("send", send / (message + send))):
                ends = echo.low * share, echo.high * share
                yield self._measured(
                    f"sockets.{part}_us",
                    _Found(echo.value * share, *ends, f"{echo.source}, {share:.0%} of it", echo.as_of),
                )
        write = self._given["pod.write_us"].value if "pod.write_us" in self._given else self._row("pod.write_us")
        if (connect := self._connect("sockets")) is not None and (left := connect.value - float(write)) >= 1:
            ends = max(1.0, connect.low - float(write)), connect.high
            yield self._measured(
                "sockets.accept_us", _Found(left, *ends, f"{connect.source}, less pod.write_us", connect.as_of)
            )
        if (kib := self._figure("sockets", "idle", "backend.kib_a_socket")) is not None and kib.value > 0:
            # What the process has for a socket; the kernel's part stays as the row has it, above its low.
            row = self._rows.by_key["sockets.kib"]
            kernel = float(row.in_case("value") - row.in_case("low"))
            ends = max(kib.low, 0.5), kib.high + 2 * kernel
            source = f"{kib.source}, and {kernel:g} of the kernel's"
            yield self._measured("sockets.kib", _Found(kib.value + kernel, *ends, source, kib.as_of))

    def functions(self) -> Iterator[MeasuredInput]:
        here = self._message("lambda", where="local cloud")
        if here is not None:
            # CPU that comes in proportion to memory, billed in whole milliseconds.
            share = 1000 * self._row("lambda.memory_mb") / _VCPU_MB
            value, low, high = (_whole(us / share) for us in (here.value, here.low, here.high))
            source = f"{here.source}, at the CPU of lambda.memory_mb"
            yield self._measured("lambda.message_ms", _Found(value, low, high, source, here.as_of))
        yield from self._on_aws()

    def _on_aws(self) -> Iterator[MeasuredInput]:
        for key in ("cloudwatch.billed_ms", "cloudwatch.duration_ms"):
            billed = self._figure("lambda", "echo", key, where="given")
            calls = self._figure("lambda", "echo", "cloudwatch.invocations", where="given")
            if billed is not None and calls is not None and calls.value >= 1:
                mean = billed.value / calls.value + (0.5 if key.endswith("duration_ms") else 0)
                source = f"{billed.source} / cloudwatch.invocations"
                yield self._measured("lambda.message_ms", _Found(mean, mean, mean, source, billed.as_of))
        for kind in ("read", "write"):
            yield from self._units(kind)

    def _units(self, kind: str) -> Iterator[MeasuredInput]:
        """Units a message: what the tables of a local cloud counted, or on AWS CloudWatch's, less those of sessions."""
        for name in VARIANTS:
            for scenario in KINDS:
                here = self._figure(name, scenario, f"dynamodb.{kind}_units_a_message")
                if here is not None and kind == "write":
                    here = self._without_disconnects(name, scenario, here)
                if here is not None and (here.value or self._row(f"message.{kind}_units")):
                    yield self._measured(f"message.{kind}_units", here)
        key = f"cloudwatch.{kind}_units"
        for run in self._runs:
            for target in run.targets:
                used, sent = target.figures.get(key), target.figures.get("messages.sent")
                if used is None or sent is None or sent.value < 1 or target.name not in VARIANTS:
                    continue
                if target.where != "given" or run.scenario.kind not in KINDS:
                    continue
                _check_unit(target.name, key, used)
                opened = target.figures.get("connections.opened")
                sessions = opened.value * self._row(f"session.{kind}_units") if opened and kind == "write" else 0.0
                each = max(0.0, used.value - sessions) / sent.value
                source = f"target {target.name}, {run.scenario.kind}: {key} less sessions / messages.sent"
                found = _Found(each, each, each, source, run.conditions.began[:10])
                yield self._measured(f"message.{kind}_units", found)

    def _without_disconnects(self, name: str, scenario: str, raw: _Found) -> _Found:
        """At the end of a round its connections are closed: half of what a session costs, once for each."""
        held, sent = (self._figure(name, scenario, key) for key in ("connections.held", "messages.sent"))
        if held is None or sent is None or sent.value < 1:
            return raw
        rounds = next(run.conditions.rounds for run in self._runs if run.scenario.kind == scenario)
        off = held.value * rounds / sent.value * self._row("session.write_units") / 2
        # Units are whole or halves: what is left of rounding is none.
        value, low, high = (max(0.0, round(units - off, 3)) for units in (raw.value, raw.low, raw.high))
        return _Found(value, low, high, f"{raw.source}, less disconnects", raw.as_of)

    def _message(self, name: str, where: str = "") -> _Found | None:
        """CPU of an echo, less what the processes did anyway where an idle run says what that is."""
        raw = self._figure(name, "echo", "backend.cpu_us_a_message", where)
        rate = self._figure(name, "echo", "messages.a_second", where)
        if raw is None or rate is None:
            return raw
        return self._without_background(name, raw, rate.value)

    def _connect(self, name: str) -> _Found | None:
        return self._figure(name, "idle", "backend.cpu_us_a_connect") or self._figure(
            name, "echo", "backend.cpu_us_a_connect"
        )

    def _without_background(self, name: str, raw: _Found, rate: float) -> _Found:
        for run in self._runs:
            target = next((one for one in run.targets if one.name == name), None)
            used = target.figures.get("backend.cpu_seconds") if target else None
            if run.scenario.kind == "idle" and used is not None and rate > 0:
                _check_unit(name, "backend.cpu_seconds", used)
                off = 1e6 * used.value / run.scenario.duration / rate
                value, low = (max(us - off, _LEAST_LEFT * us) for us in (raw.value, raw.low))
                return _Found(value, low, raw.high, f"{raw.source}, less idle CPU", raw.as_of)
        return raw

    def _figure(self, name: str, kind: str, key: str, where: str = "") -> _Found | None:
        for run in self._runs:
            for target in run.targets:
                figure = target.figures.get(key)
                if target.name != name or run.scenario.kind != kind or figure is None:
                    continue
                if where and target.where != where:
                    continue
                if key in _UNITS:
                    _check_unit(name, key, figure)
                source = f"target {name}, {kind}: {key}"
                return _Found(figure.value, figure.low, figure.high, source, run.conditions.began[:10])
        return None

    def _measured(self, key: str, found: _Found) -> MeasuredInput:
        least, most = LIMITS[key]
        if not least <= found.value <= most:
            raise CompareError(
                f"{found.source} makes {key} {found.value:.4g}, which is not between {least:g} and {most:,.0f}: "
                "measure it again, or leave --measured out"
            )
        row = self._rows.by_key[key]
        value = _decimal(found.value)
        low, high = min(value, _decimal(max(found.low, least))), max(value, _decimal(min(found.high, most)))
        measured = MeasuredInput(key, value, low, high, row.unit, row.in_case("value"), found.source, found.as_of)
        return self._given.setdefault(key, measured)

    def _row(self, key: str) -> float:
        return float(self._rows.value(key))


def _check_unit(name: str, key: str, figure: _Statistic) -> None:
    if not figure.unit.startswith(_UNITS[key]):
        raise CompareError(f"target {name}: {key} is in {figure.unit[:40]!r}, not in {_UNITS[key]!r}")


def _whole(milliseconds: float) -> float:
    return float(Decimal(milliseconds).to_integral_value(ROUND_CEILING))


def _decimal(value: float) -> Decimal:
    """Four digits say more than a measurement is worth."""
    return Decimal(f"{Decimal(f'{value:.4g}'):f}")
