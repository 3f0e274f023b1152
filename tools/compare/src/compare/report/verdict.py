"""The verdict in words. Every number in a sentence is a figure of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from compare.cost.ranking import Ranking
from compare.numbers import listed
from compare.report.costs import Costs, Flip
from compare.report.ledger import Figure, Ledger, Sentence, dollars
from compare.report.rush import Rush, scaled_after, shrunk_after
from compare.scaling.results import Simulation
from compare.variants import VARIANTS

_DEGREE: Final = {"clear": "clearly", "likely": "likely"}


def verdict(
    ledger: Ledger, costs: Costs, rush: Rush, measured: Sequence[str], faults: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The `verdict` section. `measured` are the variants that were measured here."""
    words = _Words(ledger, costs, rush)
    points = (
        ("Which one", [*words.which(), *words.borders()]),
        ("What would change it", words.flips()),
        ("What it costs idle", words.idle()),
        ("What it cost here", words.here(measured, faults)),
        ("What you operate", words.operated()),
        ("What you change in the code", words.code()),
        ("What happens in a rush", words.rushed()),
        ("What a laptop cannot show", words.laptop()),
    )
    found = [(title, list(sentences)) for title, sentences in points]
    return {
        "headline": words.headline(),
        "points": [{"title": title, "sentences": sentences} for title, sentences in found if sentences],
    }


class _Words:
    def __init__(self, ledger: Ledger, costs: Costs, rush: Rush) -> None:
        self._ledger, self._costs, self._rush = ledger, costs, rush
        self._say = ledger.say
        self._rate = ledger.enter(
            "asked.messages_per_minute",
            Figure(float(costs.sizes.workload.rate), "messages a minute of each connection", "assumed"),
        )

    # --- money ------------------------------------------------------------------------------------------------------

    def headline(self) -> Sentence:
        """The cheapest at each size, neighbours with the same one put together."""
        groups: list[tuple[str, list[int]]] = []
        for size in sorted(self._costs.sizes.foremost):
            cheapest = self._costs.of[size].ranking.cheapest
            if groups and groups[-1][0] == cheapest:
                groups[-1][1].append(size)
            else:
                groups.append((cheapest, [size]))
        keys = [self._rate]
        parts = []
        for name, sizes in groups:
            parts.append(f"{name} for {listed('{}' for _ in sizes)} connections")
            keys += map(self._size, sizes)
        messages = "message" if self._costs.sizes.workload.rate == 1 else "messages"
        return self._say(f"With {{}} {messages} a minute from each, the cheapest is " + "; ".join(parts) + ".", *keys)

    def which(self) -> Iterator[Sentence]:
        for size, one in self._costs.of.items():
            yield self._ranked(size, one.ranking)

    def _ranked(self, size: int, ranking: Ranking) -> Sentence:
        keys = (self._size(size), self._total(size, ranking.cheapest), self._total(size, ranking.next))
        if ranking.certainty == "too close to call":
            return self._say(
                f"For {{}} connections it is too close to call: {ranking.cheapest} costs {{}} a month, "
                f"{ranking.next} {{}}.",
                *keys,
            )
        return self._say(
            f"For {{}} connections {ranking.cheapest} is {_DEGREE[ranking.certainty]} the cheapest: {{}} a month, "
            f"against {{}} for {ranking.next}.",
            *keys,
        )

    def borders(self) -> Iterator[Sentence]:
        for one in self._costs.crossings:
            key = f"break_even.{one.start}.{one.to}"
            if not one.changes_cheapest or key in self._ledger:
                continue
            self._ledger.enter(key, Figure(one.connections, "connections", "modelled", one.low, one.high))
            yield self._say(f"From {{}} connections on {one.to} costs less than {one.start}.", key)

    def flips(self) -> Iterator[Sentence]:
        for size in self._costs.sizes.foremost:
            yield from self._flips(size)

    def _flips(self, size: int) -> Iterator[Sentence]:
        at, first = self._size(size), self._costs.of[size].ranking.cheapest
        rates, price = self._costs.rate_flips(size), self._costs.price_flip(size)
        inputs = self._costs.input_flips(size)
        for side, flip in rates:
            key = self._flip(size, flip, side)
            order = "more" if side == "above" else "fewer"
            yield self._say(
                f"For {{}} connections it would be {flip.cheapest} instead of {first} from {{}} messages a minute on, "
                f"or {order}.",
                at,
                key,
            )
        if price is not None:
            yield self._price(size, price)
        for flip in inputs:
            yield self._say(
                f"For {{}} connections {flip.cheapest} takes over if the input {_row(flip.key)} is {{}}, not {{}}.",
                at,
                self._flip(size, flip),
                self._now(flip),
            )
        if not rates and price is None and not inputs:
            yield self._say(
                f"For {{}} connections no message rate, no single price and no input within its range changes that it "
                f"is {first}.",
                at,
            )

    def _price(self, size: int, flip: Flip) -> Sentence:
        words = (
            f"For {{}} connections {flip.cheapest} takes over if the price {_row(flip.key)} is {{}} dollars, not {{}}"
        )
        keys = [self._size(size), self._flip(size, flip), self._now(flip)]
        per = self._costs.rows.by_key[flip.key].per
        if per != 1:
            words += ", for each {}"
            keys.append(self._ledger.enter(f"per.{flip.key}", Figure(float(per), "units", "assumed")))
        return self._say(words + ".", *keys)

    def idle(self) -> Iterator[Sentence]:
        keys = [
            self._ledger.enter(f"cost.idle.{name}", dollars(bill.total, "one connection that says nothing"))
            for name, bill in self._costs.idle.items()
        ]
        parts = listed(f"{name} {{}}" for name in self._costs.idle)
        yield self._say(f"With nobody there, a month costs: {parts}.", *keys)
        size = max(self._costs.sizes.foremost)
        bills = self._costs.silent[size]
        silent = [self._ledger.enter(f"cost.silent.{size}.{name}", dollars(bill.total)) for name, bill in bills.items()]
        parts = listed(f"{name} {{}}" for name in bills)
        yield self._say(f"With {{}} connections that say nothing: {parts}.", self._size(size), *silent)

    # --- what was measured ------------------------------------------------------------------------------------------

    def here(self, measured: Sequence[str], faults: Sequence[Mapping[str, Any]]) -> Iterator[Sentence]:
        for name in measured:
            message = f"measured.{name}.backend.cpu_us_a_message"
            socket = f"measured.{name}.backend.kib_a_socket"
            if message in self._ledger:
                yield self._say(f"On {name} an echo cost the backend {{}} microseconds of CPU.", message)
            if socket in self._ledger:
                yield self._say(f"On {name} a silent socket cost the backend {{}} KiB.", socket)
        for one in faults:
            kinds = ("kills", "messages", "lost", "patience", "repeated", "unanswered")
            keys = [
                self._ledger.enter(f"faults.{one['target']}.{kind}", Figure(one[kind], kind, "measured"))
                for kind in kinds
            ]
            yield self._say(
                f"On {one['target']}, while {{}} of its processes were killed, {{}} messages were sent: "
                "{} deliveries had not come {} seconds after the load, {} came again, which clients see by their "
                "number, and {} messages had no answer.",
                *keys,
            )

    # --- operation, code --------------------------------------------------------------------------------------------

    def operated(self) -> Iterator[Sentence]:
        sizes = [min(self._costs.sizes.foremost), max(self._costs.sizes.foremost)]
        for name, variant in VARIANTS.items():
            if not variant.units:
                yield self._say(f"With {name} {variant.operated}.")
                continue
            pods = [self._pods(size, name) for size in sizes]
            words = f"With {name}: {variant.operated}; {{}} {variant.units} for {{}} connections"
            if sizes[0] == sizes[1]:
                yield self._say(f"{words}.", pods[0], self._size(sizes[0]))
            else:
                yield self._say(
                    f"{words}, {{}} for {{}}.", pods[0], self._size(sizes[0]), pods[1], self._size(sizes[1])
                )

    def code(self) -> Iterator[Sentence]:
        hours = self._row_figure("quota.connection_minutes")
        yield self._say("Nothing in the application: each variant runs the same routes over the same table.")
        yield self._say(
            "Behind API Gateway a client has to reconnect after {} minutes at most, and after a silent time; the "
            "reference client does both.",
            hours,
        )
        holding = listed(name for name, variant in VARIANTS.items() if not variant.gateway)
        yield self._say(
            f"With {holding} your pods hold the connections, so they have to drain before they stop, and clients see "
            "every deployment."
        )

    # --- rush -------------------------------------------------------------------------------------------------------

    def rushed(self) -> Iterator[Sentence]:
        trace, rush = self._rush.trace, self._rush
        facts = {
            "connections": Figure(trace.connections, "connections", "assumed"),
            "within_seconds": Figure(trace.within_seconds, "seconds", "assumed"),
            "stay_minutes": Figure(trace.leave_after_seconds / 60, "minutes", "assumed"),
            "pods": Figure(rush.minimum, "pods", "assumed"),
            "capacity": Figure(rush.capacity, "connections a socket pod", "modelled"),
        }
        keys = {name: self._ledger.enter(f"rush.{name}", figure) for name, figure in facts.items()}
        yield self._say(
            "{} clients come within {} seconds, onto the smallest fleet of {} pods, and leave {} minutes later.",
            *(keys[name] for name in ("connections", "within_seconds", "pods", "stay_minutes")),
        )
        for name, variant in VARIANTS.items():
            run = rush.of(name)
            yield self._scaled(run, f"With {name}", variant.units) if variant.units else self._functions(run)
        yield self._scaled(rush.of("cpu"), "With an autoscaler over CPU on the same pods", "pods")
        yield self._say("A socket pod has room for {} connections.", keys["capacity"])

    def _functions(self, run: Simulation) -> Sentence:
        return self._say(
            f"With {run.name} {{}} connects are throttled and {{}} environments start cold.",
            self._rushing(run, "throttled", run.connections.throttled, "connects"),
            self._rushing(run, "cold_starts", run.requests.cold_starts, "cold starts"),
        )

    def _scaled(self, run: Simulation, subject: str, units: str) -> Sentence:
        keys = [self._rushing(run, "refused", run.connections.refused + run.connections.throttled, "connects")]
        words = f"{subject} {{}} connects find no room"
        after, shrunk = scaled_after(run), shrunk_after(run, self._rush.trace)
        if after is None:
            words += f", and the fleet stays at {{}} {units}"
            keys.append(self._rushing(run, "peak", run.peak, units))
        else:
            words += f"; the fleet grows to {{}} {units}, from {{}} seconds after the first on"
            keys += [
                self._rushing(run, "peak", run.peak, units),
                self._rushing(run, "scaled_after", after, "seconds"),
            ]
            if shrunk is not None and shrunk < 0:
                words += ", and is small again while they are still there"
            elif shrunk is not None:
                words += ", and is small again {} minutes after they have gone"
                keys.append(self._rushing(run, "shrunk_after", round(shrunk / 60, 1), "minutes"))
            else:
                words += ", and is not small again while this was watched"
        if run.connections.dropped:
            words += "; scaling in cuts {} sockets"
            keys.append(self._rushing(run, "dropped", run.connections.dropped, "sockets"))
        return self._say(words + ".", *keys)

    def laptop(self) -> Iterator[Sentence]:
        if "gateway.hop_ms" in self._ledger:
            yield self._say(
                "API Gateway adds {} ms to a message: assumed, since nothing here is AWS.", "gateway.hop_ms"
            )
        yield self._say(
            "CPU and memory were measured on this machine, with the emulator beside them; a vCPU of AWS is another one."
        )
        yield self._say("Prices are those of one Region, on demand; no bill has confirmed the model.")

    # --- keys -------------------------------------------------------------------------------------------------------

    def _size(self, size: int) -> str:
        return self._ledger.enter(f"asked.connections.{size}", Figure(size, "connections", "assumed"))

    def _total(self, size: int, name: str) -> str:
        return self._ledger.enter(f"cost.{size}.{name}", dollars(self._costs.of[size].bills[name].total))

    def _pods(self, size: int, name: str) -> str:
        month = self._costs.of[size].bills[name].month
        return self._ledger.enter(f"pods.{size}.{name}", Figure(float(month.pods), "pods", "modelled"))

    def _flip(self, size: int, flip: Flip, side: str = "") -> str:
        key = f"flip.{size}.{flip.key}{'.' + side if side else ''}.{flip.cheapest}"
        return self._ledger.enter(key, Figure(_short(flip.value), flip.unit, "modelled"))

    def _now(self, flip: Flip) -> str:
        return self._ledger.enter(f"now.{flip.key}", Figure(float(flip.now), flip.unit, "assumed"))

    def _row_figure(self, key: str) -> str:
        row = self._costs.rows.by_key[key]
        return self._ledger.enter(key, Figure(float(row.in_case("value")), row.unit, "assumed", source=row.source))

    def _rushing(self, run: Simulation, what: str, value: float, unit: str) -> str:
        return self._ledger.enter(f"rush.{run.name}.{what}", Figure(value, unit, "modelled"))


def _row(key: str) -> str:
    """The name of a row, as sentences can have it."""
    return key.replace("ipv4", "address")


def _short(value: Decimal) -> float:
    return float(f"{value:.4g}")
