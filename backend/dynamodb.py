"""Sessions in DynamoDB: one table, keys `pk` and `sk`, TTL attribute `expiresAt` (epoch seconds).

| item | pk | sk | attributes |
|---|---|---|---|
| session | `session#<sessionId>` | `session` | connectionId?, connectedAt, generation, expiresAt, rooms?, principal?, tokenHash?, previousTokenHash?, previousTokenUntil? |
| claim | `connection#<connectionId>` | `connection` | sessionId, generation, expiresAt |

A session nobody holds has no connectionId. A claim exists only for a connection that resumed a session which was not its own.
"""  # noqa: E501 - a table row is one line

from typing import TYPE_CHECKING

from backend import aws
from backend.ports import NotHeldError, UnavailableError
from backend.records import Claim, Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.literals import ReturnValueType
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    Item = dict[str, AttributeValueTypeDef]

_LIVE = "expiresAt > :now"
_HELD = f"connectionId = :connection AND {_LIVE}"


class DynamoDBStore:
    """The Store port on one table. The docstrings of the port say what each method means."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def create(self, session: Session, now: float) -> bool:
        """One PutItem. An expired session that DynamoDB has not deleted yet is overwritten."""
        with aws.translated():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_session_item(session),
                    ConditionExpression="attribute_not_exists(pk) OR expiresAt <= :now",
                    ExpressionAttributeValues={":now": number(now)},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def find(self, session_id: str, now: float, *, consistent: bool = True) -> Session | None:
        """One GetItem."""
        item = self._get(_session_key(session_id), consistent=consistent)
        return _live_session(item, now)

    def find_claim(self, connection_id: str, now: float) -> Claim | None:
        """One consistent GetItem."""
        item = self._get(_claim_key(connection_id))
        if not item or int(item["expiresAt"]["N"]) <= now:
            return None
        return Claim(item["sessionId"]["S"], connection_id, int(item["generation"]["N"]))

    def touch(self, claim: Claim, expires_at: int, now: float) -> None:
        """One UpdateItem, and one more for a stored claim."""
        self._update(claim, "SET expiresAt = :expires", {":expires": number(expires_at)}, now)
        self._touch_claim(claim, expires_at)

    def rotate(
        self,
        claim: Claim,
        token: bytes,
        previous_until: int,
        expires_at: int,
        now: float,
        *,
        previous: bytes | None = None,
    ) -> Session:
        """One UpdateItem, and one more for a stored claim."""
        attributes = self._update(
            claim,
            # A first token has none before it: it then stands in for its own predecessor, which opens nothing new.
            f"SET previousTokenHash = {'if_not_exists(tokenHash, :previous)' if previous is None else ':previous'}, "
            "tokenHash = :token, previousTokenUntil = :until, expiresAt = :expires",
            {
                ":token": {"B": token},
                ":previous": {"B": token if previous is None else previous},
                ":until": number(previous_until),
                ":expires": number(expires_at),
            },
            now,
            returns="ALL_NEW",
        )
        self._touch_claim(claim, expires_at)
        return _session(attributes)

    def release(self, claim: Claim, expires_at: int, now: float) -> Session:
        """One UpdateItem."""
        expression = "SET expiresAt = :expires REMOVE connectionId"
        return _session(self._update(claim, expression, {":expires": number(expires_at)}, now, returns="ALL_NEW"))

    def enter(self, claim: Claim, room: str, limit: int, expires_at: int, now: float) -> Session | None:
        """One UpdateItem, and one more for a stored claim."""
        room_left = "(attribute_not_exists(rooms) OR size(rooms) < :limit OR contains(rooms, :name))"
        try:
            attributes = self._update(
                claim,
                "SET expiresAt = :expires ADD rooms :room",
                {
                    ":expires": number(expires_at),
                    ":room": {"SS": [room]},
                    ":name": {"S": room},
                    ":limit": number(limit),
                },
                now,
                returns="ALL_NEW",
                condition=room_left,
            )
        except NotHeldError as error:
            if error.session is not None and error.session.connection_id == claim.connection_id:
                return None
            raise
        self._touch_claim(claim, expires_at)
        return _session(attributes)

    def quit(self, claim: Claim, room: str, now: float) -> Session:
        """One UpdateItem."""
        attributes = self._update(claim, "DELETE rooms :room", {":room": {"SS": [room]}}, now, returns="ALL_NEW")
        return _session(attributes)

    def take_over(self, found: Session, taken: Session, left: Session | None, now: float) -> bool:
        """One TransactWriteItems: the session, the connection's claim to it, and the session it leaves, if any."""
        connection_id = taken.connection_id or ""
        session: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self._table,
                "Key": _session_key(taken.id),
                "UpdateExpression": "SET connectionId = :connection, connectedAt = :connected, generation = :next, "
                "tokenHash = :token, previousTokenHash = :previous, previousTokenUntil = :until, expiresAt = :expires",
                "ConditionExpression": f"generation = :generation AND tokenHash = :found AND {_LIVE}",
                "ExpressionAttributeValues": {
                    ":connection": {"S": connection_id},
                    ":connected": number(taken.connected_at),
                    ":next": number(taken.generation),
                    ":token": {"B": taken.token_hash or b""},
                    ":previous": {"B": taken.previous_token_hash or b""},
                    ":until": number(taken.previous_token_until),
                    ":expires": number(taken.expires_at),
                    ":generation": number(found.generation),
                    ":found": {"B": found.token_hash or b""},
                    ":now": number(now),
                },
            }
        }
        claim: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._table,
                "Item": {
                    **_claim_key(connection_id),
                    "sessionId": {"S": taken.id},
                    "generation": number(taken.generation),
                    "expiresAt": number(taken.expires_at),
                },
            }
        }
        writes = [session, claim]
        if left is not None:
            writes.append(self._leave(left, taken.expires_at))
        with aws.translated():
            try:
                self._client.transact_write_items(TransactItems=writes)
            except self._client.exceptions.TransactionCanceledException as error:
                codes = {reason.get("Code") for reason in error.response["CancellationReasons"]}
                if codes <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
                    return False
                if codes & {"ThrottlingError", "ProvisionedThroughputExceeded"}:
                    raise UnavailableError from error
                raise
        return True

    def _leave(self, left: Session, expires_at: int) -> "TransactWriteItemTypeDef":
        holder: Item = {
            ":connection": {"S": left.connection_id or ""},
            ":generation": number(left.generation),
        }
        held = "connectionId = :connection AND generation = :generation"
        if left.token_hash is None:
            return {
                "Delete": {
                    "TableName": self._table,
                    "Key": _session_key(left.id),
                    "ConditionExpression": f"{held} AND attribute_not_exists(tokenHash)",
                    "ExpressionAttributeValues": holder,
                }
            }
        return {
            "Update": {
                "TableName": self._table,
                "Key": _session_key(left.id),
                "UpdateExpression": "SET expiresAt = :expires REMOVE connectionId",
                "ConditionExpression": held,
                "ExpressionAttributeValues": {**holder, ":expires": number(expires_at)},
            }
        }

    def _get(self, key: "Item", *, consistent: bool = True) -> "Item | None":
        with aws.translated():
            return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=consistent).get("Item")

    def _update(
        self,
        claim: Claim,
        expression: str,
        values: "Item",
        now: float,
        *,
        returns: "ReturnValueType" = "NONE",
        condition: str | None = None,
    ) -> "Item":
        """Change a session as its holder, and give the attributes that `returns` asks for.

        Raises NotHeldError with what is there instead, without a second read.
        """
        condition = f"{_HELD} AND {condition}" if condition else _HELD
        values = {**values, ":connection": {"S": claim.connection_id}, ":now": number(now)}
        if claim.generation is not None:
            condition += " AND generation = :generation"
            values[":generation"] = number(claim.generation)
        with aws.translated():
            try:
                updated = self._client.update_item(
                    TableName=self._table,
                    Key=_session_key(claim.session_id),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValues=returns,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                item: Item | None = error.response.get("Item")  # type: ignore[assignment] # modelled, not in the stubs
                raise NotHeldError(_live_session(item, now)) from None
        return updated.get("Attributes", {})

    def _touch_claim(self, claim: Claim, expires_at: int) -> None:
        if claim.generation is None:
            return
        with aws.translated():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_claim_key(claim.connection_id),
                    UpdateExpression="SET expiresAt = :expires",
                    ConditionExpression="sessionId = :session AND generation = :generation",
                    ExpressionAttributeValues={
                        ":expires": number(expires_at),
                        ":session": {"S": claim.session_id},
                        ":generation": number(claim.generation),
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return  # The connection resumed something else in the meantime; that claim is fresh.


def _session_key(session_id: str) -> "Item":
    return {"pk": {"S": f"session#{session_id}"}, "sk": {"S": "session"}}


def _claim_key(connection_id: str) -> "Item":
    return {"pk": {"S": f"connection#{connection_id}"}, "sk": {"S": "connection"}}


def number(value: float) -> "AttributeValueTypeDef":
    """A whole number. Rounding `now` down keeps `expiresAt > :now` true exactly as long as `expires_at > now` is."""
    return {"N": str(int(value))}


def _session_item(session: Session) -> "Item":
    item: Item = {
        **_session_key(session.id),
        "generation": number(session.generation),
        "connectedAt": number(session.connected_at),
        "expiresAt": number(session.expires_at),
    }
    if session.connection_id is not None:
        item["connectionId"] = {"S": session.connection_id}
    if session.principal is not None:
        item["principal"] = {"S": session.principal}
    return item


def _live_session(item: "Item | None", now: float) -> Session | None:
    if item is None:
        return None
    session = _session(item)
    return session if session.expires_at > now else None


def _session(item: "Item") -> Session:
    return Session(
        id=item["pk"]["S"].partition("#")[2],
        connection_id=item["connectionId"]["S"] if "connectionId" in item else None,
        generation=int(item["generation"]["N"]),
        connected_at=int(item["connectedAt"]["N"]),
        expires_at=int(item["expiresAt"]["N"]),
        rooms=frozenset(item["rooms"]["SS"]) if "rooms" in item else frozenset(),
        principal=item["principal"]["S"] if "principal" in item else None,
        token_hash=item["tokenHash"]["B"] if "tokenHash" in item else None,
        previous_token_hash=item["previousTokenHash"]["B"] if "previousTokenHash" in item else None,
        previous_token_until=int(item["previousTokenUntil"]["N"]) if "previousTokenUntil" in item else 0,
    )
