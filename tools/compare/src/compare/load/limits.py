"""Whether it was the generator, and not the server, that reached its limit."""

from __future__ import annotations

from collections.abc import Sequence

from compare.load.rounds import Round

_BUSY = 0.8  # of a core: beyond, what arrives waits for us
_LATE = 0.02  # seconds: beyond, the load was not the one that was asked for

# What connects fail of when it is this machine that has no more.
_OURS = {
    "connect: too many open files": "descriptors",
    "connect: cannot assign requested address": "ports",
}


def reached(rounds: Sequence[Round]) -> list[dict[str, object]]:
    """What limited the sending of these rounds of a target: one entry a kind, the worst of them; empty when nothing."""
    worst: dict[str, tuple[float, str]] = {}
    for one in rounds:
        for kind, size, text in _of(one):
            if size > worst.get(kind, (0.0, ""))[0]:
                worst[kind] = (size, text)
    return [{"limit": kind, "text": text} for kind, (_, text) in worst.items()]


def _of(one: Round) -> list[tuple[str, float, str]]:
    found = []
    busiest = max((used / seconds for used, seconds in one.sent.cpu if seconds), default=0.0)
    if busiest > _BUSY:
        found.append(
            (
                "cpu",
                busiest,
                f"a sending process used {busiest:.0%} of a core: latencies are partly its own; give --processes",
            )
        )
    late = one.sent.measures.lag.get_value_at_percentile(99) / 1e6
    if late > _LATE:
        text = f"1 in 100 turns was taken {late * 1000:.0f} ms late or more: this machine was too busy to send on time"
        found.append(("lag", late, text))
    for kind, what in _OURS.items():
        if times := one.sent.measures.errors[kind]:
            text = f"{times} connects failed because this machine ran out of {what}"
            found.append((what, float(times), text))
    return found
