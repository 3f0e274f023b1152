"""Makes moto's DynamoDB transactions keep what they may have to put back, not a copy of the whole table for each write.

moto copies tables before a transaction and puts the copies back when it fails. Here a copy has partitions of its own
where the transaction writes, and shares the others. moto is pinned exactly, and a test asks both ways.
"""

from __future__ import annotations

from contextlib import ExitStack
from copy import copy, deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import moto.dynamodb.models
from moto.dynamodb.models.dynamo_type import DynamoType

if TYPE_CHECKING:
    from collections.abc import Iterator

# moto declares no types here.
_backend: Final[Any] = moto.dynamodb.models.DynamoDBBackend
_transact_copying: Final[Any] = _backend.transact_write_items


def install() -> None:
    """Put the stand-in in place, in this process."""
    _backend.transact_write_items = _transact


def _transact(backend: Any, transact_items: list[dict[str, Any]]) -> Any:
    with ExitStack() as stack:
        for table in {id(table): table for table, _ in _written(backend, transact_items)}.values():
            if table.stream_shard is None:  # what was put there would have to go as well
                keys = {key for written, key in _written(backend, transact_items) if written is table}
                # copy.deepcopy asks the object itself how it is copied.
                table.__deepcopy__ = partial(_snapshot, table, keys)
                stack.callback(vars(table).pop, "__deepcopy__")
        return _transact_copying(backend, transact_items)


def _written(backend: Any, transact_items: list[dict[str, Any]]) -> Iterator[tuple[Any, DynamoType]]:
    """The tables and the partition keys that a transaction names; what is wrong with it is moto's to say."""
    for item in transact_items:
        for operation in item.values():
            table = backend.tables.get(operation.get("TableName"))
            key = operation.get("Key") or operation.get("Item") or {}
            if table is not None and table.hash_key_attr in key:
                yield table, DynamoType(key[table.hash_key_attr])


def _snapshot(table: Any, keys: set[DynamoType], memo: dict[int, Any]) -> Any:
    kept = copy(table)
    del kept.__deepcopy__
    kept.items = table.items.copy()
    for key in keys & table.items.keys():
        kept.items[key] = deepcopy(table.items[key], memo)
    return kept
