"""The local CloudWatch as autoscalers ask it, and metric math over what it answers."""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING, Any

from autoscaling.delay import visible
from autoscaling.keda import MetricError
from localcloud.aws.client import CallError, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from autoscaling.keda import Reading
    from localcloud.pods.model import CloudWatchQuery


class CloudWatch:
    """Asks the local CloudWatch, as late as AWS's has its metrics."""

    def __init__(self, url: str, region: str, delay: float) -> None:
        self._client = Client(url, region, "monitoring", "GraniteServiceVersion20100801")
        self._delay = delay

    async def read(self, query: CloudWatchQuery, now: float) -> Reading:
        """The newest value; None when there is none, MetricError when CloudWatch cannot be asked."""
        try:
            answer = await self._client.call("GetMetricData", **request(query, now, self._delay))
        except (CallError, OSError, EOFError) as error:
            return MetricError(str(error) or type(error).__name__)
        return newest(answer)

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def request(query: CloudWatchQuery, now: float, delay: float) -> dict[str, Any]:
    """The arguments of GetMetricData: whole periods up to the newest that can be seen.

    Source: computeQueryWindow in kedacore/keda pkg/scalers/aws_cloudwatch_scaler.go, which cuts the end down to the
    period. Application Auto Scaling's alarms look at whole minutes, too.
    """
    end = (int(visible(now - query.offset, delay, query.period)) // query.period + 1) * query.period
    metric = {
        "Namespace": query.namespace,
        "MetricName": query.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
    }
    stat = {"Metric": metric, "Period": query.period, "Stat": query.statistic}
    return {
        "StartTime": end - query.collection,
        "EndTime": end,
        "ScanBy": "TimestampDescending",
        "MetricDataQueries": [{"Id": "m1", "MetricStat": stat, "ReturnData": True}],
    }


def newest(answer: Mapping[str, Any]) -> float | None:
    """The first value of an answer that has the newest first."""
    for result in answer.get("MetricDataResults") or ():
        for value in result.get("Values") or ():
            return float(value)
    return None


_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ExpressionError(ValueError):
    """A metric math expression that is not understood here."""


def evaluate(expression: str, values: Mapping[str, float | None]) -> float | None:
    """Metric math over one datapoint of each metric; None when one that it needs is missing, or nothing can be divided.

    Understood: numbers, ids, + - * /, brackets, FILL(id, number). Source: "Using math expressions with CloudWatch
    metrics", Amazon CloudWatch User Guide.
    """
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ExpressionError(f"metric math {expression!r} cannot be read") from error
    value = _evaluate(tree, values)
    return value if value is None or math.isfinite(value) else None


def _evaluate(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _evaluate(operand, values)
            return None if value is None else -value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            one, other = _evaluate(left, values), _evaluate(right, values)
            if one is None or other is None or (isinstance(op, ast.Div) and not other):
                return None
            return _OPERATORS[type(op)](one, other)
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, ast.Constant(value=int() | float() as instead)]):
            value = _evaluate(filled, values)
            return float(instead) if value is None else value
    raise ExpressionError(f"metric math {ast.unparse(node)!r} is not understood here: numbers, ids, + - * /, FILL")
