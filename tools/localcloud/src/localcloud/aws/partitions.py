"""Makes moto's DynamoDB queries look at one partition: moto itself sorts the whole table for every one of them.

A query by a table's own key is given to moto over a copy of the table which holds nothing but what it may find, so that
what comes out is still moto's to say. moto is pinned exactly, and a test asks both ways.
"""

from __future__ import annotations

from copy import copy
from heapq import nlargest, nsmallest
from typing import Any, Final

import moto.dynamodb.models.table

# moto declares no types here.
_table: Final[Any] = moto.dynamodb.models.table.Table
_query_whole: Final[Any] = _table.query


def install() -> None:
    """Put the stand-in in place, in this process."""
    _table.query = _query


def _query(
    table: Any,
    hash_key: Any,
    comparison: str | None,
    bounds: list[Any],
    limit: int | None,
    start: dict[str, Any] | None,
    forward: bool,
    projection: Any,
    index_name: str | None = None,
    *arguments: Any,
    **more: Any,
) -> Any:
    if index_name is None and hash_key is not None and table.range_key_attr:
        partition = table.items.get(hash_key, {})
        table = copy(table)
        table.items = {hash_key: _narrowed(partition, comparison, bounds, None if start else limit, forward)}
    return _query_whole(
        table, hash_key, comparison, bounds, limit, start, forward, projection, index_name, *arguments, **more
    )


def _narrowed(
    partition: dict[Any, Any], comparison: str | None, bounds: list[Any], limit: int | None, forward: bool
) -> dict[Any, Any]:
    """The items between the bounds, no more of them than a page with a limit has, and the one behind, wherever it is:
    moto then says that there is more. Only what is cheap is done here: other comparisons, and keys that are no strings,
    are moto's."""
    if comparison not in {None, "BETWEEN"} or any(key.type != "S" for key in (*partition, *bounds)):
        return partition
    keys, behind = list(partition), []
    if comparison is not None:
        low, high = (bound.value for bound in bounds)
        behind = [key for key in keys if (key.value > high if forward else key.value < low)]
        keys = [key for key in keys if low <= key.value <= high]
    if limit is not None and limit < len(keys):
        keys = (nsmallest if forward else nlargest)(limit + 1, keys, key=_text)
    keys += (nsmallest if forward else nlargest)(1, behind, key=_text)
    return {key: partition[key] for key in keys}


def _text(key: Any) -> str:
    text: str = key.value
    return text
