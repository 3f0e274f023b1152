"""The rows of the census, by a scan: of the whole table while it is small, of a part chosen at random when it is not.

Counting costs no write, on no path: an index of live connections would double the writes of each connect, touch and
disconnect.
"""

import random
from typing import TYPE_CHECKING, Any

from backend import aws
from backend.census import Row, Sample
from backend.dynamodb import number
from backend.records import Member

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

#: Pages of one MB, 128 read units each, that one sample may cost.
PAGES = 32
_SMALLER = 16  # in a few steps, or a new environment would run out of time at a very large table


class DynamoDBRows:
    """The Rows port on one table."""

    def __init__(self, client: "DynamoDBClient", table_name: str, *, session_seconds: int, pages: int = PAGES) -> None:
        self._client = client
        self._table = table_name
        self._session_seconds = session_seconds
        self._pages = pages
        self._parts = 1

    def sample(self, now: float) -> Sample:
        """A Scan of at most PAGES pages, repeated with smaller parts when they are not enough."""
        while True:
            parts = self._parts
            read = self._read(random.randrange(parts), parts, now)
            if read is None:
                self._parts *= _SMALLER
                continue
            rows, pages = read
            if parts > 1 and pages * 4 <= self._pages:
                self._parts //= 2
            return Sample(rows, 1 / parts)

    def _read(self, part: int, parts: int, now: float) -> tuple[list[Row], int] | None:
        """The rows of a part, and the pages they took; None when there are too many pages."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": "sk = :session AND attribute_exists(connectionId) AND expiresAt > :now",
            "ProjectionExpression": "pk, connectionId, expiresAt",
            "ExpressionAttributeValues": {":session": {"S": "session"}, ":now": number(now)},
        }
        if parts > 1:
            request |= {"Segment": part, "TotalSegments": parts}
        rows: list[Row] = []
        for page in range(1, self._pages + 1):
            with aws.translated():
                answer = self._client.scan(**request)
            for item in answer["Items"]:
                member = Member(item["pk"]["S"].partition("#")[2], item["connectionId"]["S"])
                rows.append(Row(member, int(item["expiresAt"]["N"]) - self._session_seconds))
            if not (start := answer.get("LastEvaluatedKey")):
                return rows, page
            request["ExclusiveStartKey"] = start
        return None
