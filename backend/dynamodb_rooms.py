"""Members of rooms in DynamoDB: one item each, beside one another, so that one query finds them all.

| item | pk | sk | attributes |
|---|---|---|---|
| member | `members#<room>` | `<sessionId>` | connectionId, generation, expiresAt |
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from backend import aws
from backend.dynamodb import number
from backend.records import Member

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.paginator import QueryPaginator

    from backend.dynamodb import Item


class DynamoDBMembers:
    """The Members port on one table."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def add(self, room: str, member: Member, generation: int, expires_at: int) -> None:
        """One PutItem."""
        with aws.translated(), suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(room, member.session_id),
                    "connectionId": {"S": member.connection_id},
                    "generation": number(generation),
                    "expiresAt": number(expires_at),
                },
                ConditionExpression="attribute_not_exists(pk) OR generation <= :generation",
                ExpressionAttributeValues={":generation": number(generation)},
            )

    def remove(self, room: str, member: Member) -> None:
        """One DeleteItem."""
        with aws.translated(), suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._table,
                Key=_key(room, member.session_id),
                ConditionExpression="connectionId = :connection",
                ExpressionAttributeValues={":connection": {"S": member.connection_id}},
            )

    def of(self, room: str, now: float) -> list[Member]:
        """A Query, consistent: one read unit for every 30 members or so."""
        with aws.translated():
            pages = self._pages.paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": _partition(room)}},
                ConsistentRead=True,
            )
            return [
                Member(item["sk"]["S"], item["connectionId"]["S"])
                for page in pages
                for item in page["Items"]
                if int(item["expiresAt"]["N"]) > now
            ]

    def count(self, room: str, limit: int) -> int:
        """A Query, eventually consistent: expired members count until DynamoDB has deleted them."""
        with aws.translated():
            return self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": _partition(room)}},
                Select="COUNT",
                Limit=limit,
            )["Count"]

    @property
    def _pages(self) -> "QueryPaginator":
        return self._client.get_paginator("query")


def _partition(room: str) -> str:
    return f"members#{room}"


def _key(room: str, session_id: str) -> "Item":
    return {"pk": {"S": _partition(room)}, "sk": {"S": session_id}}
