"""DynamoDB's removal of expired items, by the minute.

Source: "Using time to live (TTL) in DynamoDB", Amazon DynamoDB Developer Guide: an item is expired when its TTL
attribute is a number of epoch seconds in the past, but not more than five years in the past. DynamoDB takes up to a few
days to delete it; here it is a minute at the most.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from moto.dynamodb.models import dynamodb_backends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.clock import Clock

_SWEEP = 30.0  # virtual seconds between sweeps, so that "a minute" holds with room to spare
_LEAST = 0.2  # real seconds between sweeps, however fast the clock runs
_TOO_OLD = 5 * 365 * 86_400


async def sweep(account: str, region: str, clock: Clock) -> None:
    """Remove what has expired, for ever. Runs on the loop that serves DynamoDB: moto locks nothing."""
    while True:
        await asyncio.sleep(max(_SWEEP / clock.scale, _LEAST))
        for table in dynamodb_backends[account][region].tables.values():
            if table.ttl.get("TimeToLiveStatus") == "ENABLED":
                for item in list(table.all_items()):
                    if expired(item.attrs, table.ttl["AttributeName"], clock.now()):
                        table.delete_item(item.hash_key, item.range_key)


def expired(attributes: Mapping[str, Any], name: str, now: float) -> bool:
    """Whether an item, by the attribute that its table names, has expired; `attributes` are moto's DynamoTypes."""
    attribute = attributes.get(name)
    if attribute is None or attribute.type != "N":
        return False
    return bool(now - _TOO_OLD < float(attribute.value) <= now)
