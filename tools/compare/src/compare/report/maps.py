"""The map of break-evens as JSON, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from compare.cost.map import Chart

_BETWEEN = "|"


def encoded(chart: Chart) -> dict[str, Any]:
    """The map as plain objects; a pair is `one|other`. `decoded` is its other end."""
    found: dict[str, Any] = msgspec.to_builtins(chart)
    for row in (found["silent"], *found["rows"]):
        row["crossings"] = {_BETWEEN.join(pair): places for pair, places in row["crossings"].items()}
    return found


def decoded(document: dict[str, Any]) -> Chart:
    """What `encoded` wrote, for `compare.cost.drawing`. Raises msgspec.ValidationError."""
    return msgspec.convert(
        {**document, "silent": _row(document["silent"]), "rows": [_row(row) for row in document["rows"]]}, Chart
    )


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "crossings": {tuple(pair.split(_BETWEEN)): places for pair, places in row["crossings"].items()}}
