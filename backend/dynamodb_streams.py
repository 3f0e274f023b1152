"""Streams in DynamoDB: one item a message, under a key that has its place, so that keeping it is one conditional write.

| item | pk | sk | attributes |
|---|---|---|---|
| message | `stream#<stream>` | `message#<epoch>#<seq>` | sender, kind, data, id?, expiresAt, headUntil |
| head | `stream#<stream>` | `head` | epoch, start, startedAt, reserved, expiresAt |
| id | `id#<stream>#<hash of kind, sender, id>` | `id` | expiresAt |

An append reads the newest message, writes the draft's id down, and puts the message in the next place on the condition
that it is empty. Who loses a place to somebody else looks at what came in since, and tries the next one. Only when the
id is there already may the message be, too: what came in since it was written is then searched for it. The newest
message is read *before* the id is written, so whatever a twin of this attempt puts in later is among what has come in
since.

The head is written once in BLOCK messages, before the first of them: places up to `reserved` may be taken. When every
message has expired the stream goes on behind them, where no place was ever taken; clients see a jump, never a repeat.
The head outlives the messages, each of which knows until when (`headUntil`), by HISTORY_SECONDS or more. Once it has
expired too, the stream begins anew, with another epoch.
"""

import json
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from backend import aws
from backend.dynamodb import number
from backend.ports import UnavailableError
from backend.records import Draft, Message, Position, Replay

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from backend.dynamodb import Item

#: Places that one write of the head reserves.
BLOCK = 128

_ATTEMPTS = 16
_PAGE = 100  # messages: a retry is hardly ever further back
_MARGIN = 10  # seconds by which clocks may differ, and a write be late
_LAST = "message#~"


class _Place(NamedTuple):
    """Where a stream ends, and what the next message has to know: until when it lives at least, and its head."""

    position: Position
    expires_at: int
    head_until: int


class DynamoDBStreams:
    """The Streams port on one table. A message is kept for `seconds`; of those, the last `messages` are replayed."""

    def __init__(self, client: "DynamoDBClient", table_name: str, *, messages: int, seconds: int) -> None:
        self._client = client
        self._table = table_name
        self._messages = messages
        self._seconds = seconds

    def append(self, stream: str, draft: Draft, now: float) -> Message:
        """One Query and one PutItem; a draft with an id one more PutItem. Once in BLOCK messages an UpdateItem more."""
        last = self._newest(stream, now)
        first_attempt = self._note(stream, draft, now) if draft.id is not None else None
        if first_attempt is not None:
            kept, newest = self._search(stream, draft, now, since=first_attempt)
            if kept is not None:
                return kept
            last = newest or last
        for attempt in range(_ATTEMPTS):
            place = self._next(stream, last, now)
            if self._put(stream, place, draft):
                return Message(place.position, draft)
            # Everybody who lost has lost to one: so that they do not all meet again, each waits a moment of its own.
            time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 5)))
            kept, newest = self._search(stream, draft, now, after=last)
            if kept is not None:
                return kept
            last = newest or last
        raise UnavailableError("stream busy")

    def position(self, stream: str, now: float) -> Position:
        """One Query; when all messages have expired, or there never was one, a GetItem more."""
        newest = self._newest(stream, now)
        if newest is not None:
            return newest.position
        head = self._head(stream, now)
        if head is None:
            return Position()
        unused = _int(head, "start") - 1 if self._is_fresh(head, now) else _int(head, "reserved")
        return Position(_int(head, "epoch"), unused)

    def replay(self, stream: str, epoch: int | None, after: int, now: float) -> Replay:
        """A Query of what was missed, and one of the newest message when it was nothing."""
        end = self.position(stream, now)
        if end == Position(end.epoch, after) and epoch in {None, end.epoch}:
            return Replay(end)
        # Who was in another epoch, which may be none, has missed all of this one.
        start = after if epoch in {None, end.epoch} else 0
        first = _message_key(Position(end.epoch, start + 1))
        missed: list[Message] = []
        for item in self._query(stream, first, newest_first=True, limit=self._messages):
            message = _message(item)
            if message.position.epoch != end.epoch or _int(item, "expiresAt") <= now:
                break
            missed.append(message)
            if len(missed) == self._messages:
                break
        missed.reverse()
        if missed:
            end = missed[-1].position
        follows = epoch in {None, end.epoch} or (epoch, after) == (0, 0)
        return Replay(end, tuple(missed), recovered=follows and start + len(missed) == end.seq)

    # --- the steps of an append --------------------------------------------------------------------------------------

    def _newest(self, stream: str, now: float) -> _Place | None:
        for item in self._query(stream, "message#", newest_first=True, limit=1):
            if _int(item, "expiresAt") > now:
                return _place(item)
            break
        return None

    def _search(
        self, stream: str, draft: Draft, now: float, *, after: _Place | None = None, since: float = 0
    ) -> tuple[Message | None, _Place | None]:
        """The draft among the messages behind a place, or put in since a time; and the last message."""
        newest = None
        first = _message_key(after.position, "+") if after else "message#"
        oldest = max(now, since + self._seconds - _MARGIN)  # by when a message expires, which is in their order
        for item in self._query(stream, first, newest_first=True, limit=_PAGE):
            if _int(item, "expiresAt") <= oldest:
                break
            newest = newest or _place(item)
            message = _message(item)
            if draft.key is not None and message.draft.key == draft.key:
                return message, newest
        return None, newest

    def _note(self, stream: str, draft: Draft, now: float) -> float | None:
        """Write an id down; when that was done before, which is None for a new one."""
        # It may not be forgotten before the message is.
        life = 2 * self._seconds
        with aws.translated():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": {"S": f"id#{stream}#{draft.key}"},
                        "sk": {"S": "id"},
                        "expiresAt": number(now + life),
                    },
                    ConditionExpression="attribute_not_exists(pk) OR expiresAt <= :now",
                    ExpressionAttributeValues={":now": number(now)},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                found: Item | None = error.response.get("Item")  # type: ignore[assignment] # modelled, not in the stubs
                return _int(found, "expiresAt") - life if found else 0.0
        return None

    def _next(self, stream: str, last: _Place | None, now: float) -> _Place:
        """The place behind the last message, reserved."""
        expires_at = int(now) + self._seconds
        if last is None:
            return self._first(stream, now)
        position = Position(last.position.epoch, last.position.seq + 1)
        # Never before the one before it: what is left of a stream has no holes.
        place = _Place(position, max(expires_at, last.expires_at), last.head_until)
        if position.seq % BLOCK != 1 and place.expires_at + self._seconds <= last.head_until:
            return place
        return place._replace(head_until=self._reserve(stream, position, now))

    def _first(self, stream: str, now: float) -> _Place:
        """The first place of a run: of a new stream, or of one whose messages have all expired."""
        head = self._head(stream, now)
        if head is None or not self._is_fresh(head, now):
            head = self._begin(stream, head, now)
        position = Position(_int(head, "epoch"), _int(head, "start"))
        return _Place(position, int(now) + self._seconds, _int(head, "expiresAt"))

    def _is_fresh(self, head: "Item", now: float) -> bool:
        """Whether what was put in since the run began would still be there; so when nothing is, nothing was."""
        return now < _int(head, "startedAt") + self._seconds - min(_MARGIN, self._seconds / 2)

    def _begin(self, stream: str, old: "Item | None", now: float) -> "Item":
        """Begin a run behind an old head's, or an epoch without one; the head, which somebody else may have written."""
        start = _int(old, "reserved") + 1 if old else 1
        head: Item = {
            **_key(stream, "head"),
            "epoch": old["epoch"] if old else number(now * 1000),
            "start": number(start),
            "startedAt": number(now),
            "reserved": number(_block_end(start)),
            "expiresAt": number(self._head_until(now)),
        }
        condition = "attribute_not_exists(pk) OR expiresAt <= :now"
        values = {":now": number(now)}
        if old:
            condition, values = "startedAt = :old", {":old": old["startedAt"]}
        with aws.translated():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=head,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                found: Item | None = error.response.get("Item")  # type: ignore[assignment] # modelled, not in the stubs
                if found is None:
                    raise UnavailableError("stream busy") from None
                return found
        return head

    def _reserve(self, stream: str, position: Position, now: float) -> int:
        """Reserve a block from a place on, if that has not been done, and let the head live; until when it does."""
        until = self._head_until(now)
        with aws.translated(), suppress(self._client.exceptions.ConditionalCheckFailedException):
            # It fails when others are a block ahead: then the place is taken, which the put will find.
            self._client.update_item(
                TableName=self._table,
                Key=_key(stream, "head"),
                UpdateExpression="SET reserved = :reserved, expiresAt = :until",
                ConditionExpression="epoch = :epoch AND reserved <= :reserved",
                ExpressionAttributeValues={
                    ":epoch": number(position.epoch),
                    ":reserved": number(_block_end(position.seq)),
                    ":until": number(until),
                },
            )
        return until

    def _put(self, stream: str, place: _Place, draft: Draft) -> bool:
        """Keep a message in its place; False when that is taken."""
        item: Item = {
            **_key(stream, _message_key(place.position)),
            "sender": {"S": draft.sender},
            "kind": {"S": draft.kind},
            "data": {"S": draft.data},
            "expiresAt": number(place.expires_at),
            "headUntil": number(place.head_until),
        }
        if draft.id is not None:
            item["id"] = {"S": json.dumps(draft.id)}
        with aws.translated():
            try:
                self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    # --- reading -----------------------------------------------------------------------------------------------------

    def _query(
        self, stream: str, first: str, *, newest_first: bool = False, limit: int | None = None
    ) -> "Iterator[Item]":
        """The messages from a key on, read consistently, page by page."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":pk": {"S": f"stream#{stream}"},
                ":first": {"S": first},
                ":last": {"S": _LAST},
            },
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }
        if limit is not None:
            request["Limit"] = limit
        while True:
            with aws.translated():
                page = self._client.query(**request)
            yield from page["Items"]
            if not (start := page.get("LastEvaluatedKey")):
                return
            request["ExclusiveStartKey"] = start

    def _head(self, stream: str, now: float) -> "Item | None":
        with aws.translated():
            item = self._client.get_item(TableName=self._table, Key=_key(stream, "head"), ConsistentRead=True)
        head = item.get("Item")
        return head if head and _int(head, "expiresAt") > now else None

    def _head_until(self, now: float) -> int:
        """Long enough that it is written by blocks, not by time, in all but the slowest streams."""
        return int(now) + 4 * self._seconds


def _key(stream: str, sort: str) -> "Item":
    return {"pk": {"S": f"stream#{stream}"}, "sk": {"S": sort}}


def _message_key(position: Position, suffix: str = "") -> str:
    """Keys sort as positions do; with a suffix, behind the position and before the next."""
    return f"message#{position.epoch:016d}#{position.seq:019d}{suffix}"


def _block_end(seq: int) -> int:
    return (seq - 1) // BLOCK * BLOCK + BLOCK


def _place(item: "Item") -> _Place:
    return _Place(_position(item), _int(item, "expiresAt"), _int(item, "headUntil"))


def _position(item: "Item") -> Position:
    _, epoch, seq = item["sk"]["S"].split("#")
    return Position(int(epoch), int(seq))


def _message(item: "Item") -> Message:
    identifier = json.loads(item["id"]["S"]) if "id" in item else None
    kind = item["kind"]["S"]
    draft = Draft(item["sender"]["S"], item["data"]["S"], identifier, "result" if kind == "result" else "message")
    return Message(_position(item), draft)


def _int(item: "Item", name: str) -> int:
    return int(item[name]["N"])
