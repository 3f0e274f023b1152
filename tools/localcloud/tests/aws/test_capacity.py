"""What DynamoDB would bill, as CloudWatch has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from .endpoints import OURS, TABLE, client, started

T = {"TableName": "T"}
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
CREATE = [{"service": "dynamodb", "method": "create_table", "arguments": TABLE}]


class Table:
    """Operations on a table, and the units that each has cost."""

    def __init__(self, port: int) -> None:
        self._client, self._cloudwatch = client("dynamodb", port), client("cloudwatch", port)
        self._seen = self._units()

    def _units(self) -> list[float]:
        now = datetime.now(UTC)
        return [
            sum(
                point["Sum"]
                for point in self._cloudwatch.get_metric_statistics(
                    Namespace="AWS/DynamoDB",
                    MetricName=f"Consumed{kind}CapacityUnits",
                    Dimensions=[{"Name": "TableName", "Value": "T"}],
                    StartTime=now - timedelta(hours=1),
                    EndTime=now + timedelta(minutes=1),
                    Period=60,
                    Statistics=["Sum"],
                )["Datapoints"]
            )
            for kind in ("Read", "Write")
        ]

    def cost(self, operation: str, **arguments: Any) -> tuple[float, float]:
        """Read and write units."""
        try:
            getattr(self._client, operation)(**arguments)
        except ClientError as error:
            assert "Conditional" in str(error) or "Validation" in str(error)  # noqa: PT017
        before, self._seen = self._seen, self._units()
        return self._seen[0] - before[0], self._seen[1] - before[1]


def test_units_follow_sizes_consistency_and_transactions() -> None:
    with started(OURS, calls=CREATE) as ready:
        table = Table(ready["port"])
        put = {**T, "Item": {**KEY, "data": {"S": "x" * 1500}}}
        assert table.cost("put_item", **put) == (0, 2)
        assert table.cost("get_item", **T, Key=KEY) == (0.5, 0)
        assert table.cost("get_item", **T, Key=KEY, ProjectionExpression="pk", ConsistentRead=True) == (1, 0)
        smaller = {"UpdateExpression": "SET #d = :d", "ExpressionAttributeNames": {"#d": "data"}}
        small = {":d": {"N": "-12.50"}}
        # The larger of before and after.
        assert table.cost("update_item", **T, Key=KEY, **smaller, ExpressionAttributeValues=small) == (0, 2)
        assert table.cost("update_item", **T, Key=KEY, **smaller, ExpressionAttributeValues=small) == (0, 1)
        # A condition that fails costs what the write would have; a call that is refused costs nothing.
        assert table.cost("put_item", **put, ConditionExpression="attribute_not_exists(pk)") == (0, 1)
        assert table.cost("put_item", **put, ConditionExpression="not a condition") == (0, 0)
        assert table.cost("transact_write_items", TransactItems=[{"Put": put}]) == (0, 4)
        other = {**T, "Item": {**KEY, "sk": {"S": "2"}, "data": {"B": b"x" * 7000}}}
        assert table.cost("batch_write_item", RequestItems={"T": [{"PutRequest": {"Item": other["Item"]}}]}) == (0, 7)
        query = {"KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
        # 1,500 and 7,000 bytes are read together: three times 4 KB.
        assert table.cost("query", **T, **query) == (1.5, 0)
        assert table.cost("query", **T, **query, ConsistentRead=True) == (3, 0)
        assert table.cost("scan", **T, ProjectionExpression="pk") == (1.5, 0)
        assert table.cost("delete_item", **T, Key={**KEY, "sk": {"S": "9"}}) == (0, 1)
        assert table.cost("batch_get_item", RequestItems={"T": {"Keys": [KEY]}}) == (0.5, 0)
        assert table.cost("transact_get_items", TransactItems=[{"Get": {**T, "Key": KEY}}]) == (2, 0)
