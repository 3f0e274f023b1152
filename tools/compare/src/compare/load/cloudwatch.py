"""What CloudWatch says of a target's minutes: on AWS, or at the endpoint of a local cloud.

Sources: "Monitor WebSocket API execution with CloudWatch metrics", Amazon API Gateway Developer Guide; "Types of
metrics for Lambda functions", AWS Lambda Developer Guide; "Metrics collected by Lambda Insights", Amazon CloudWatch
User Guide; "DynamoDB metrics and dimensions", Amazon DynamoDB Developer Guide.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from compare.errors import CompareError
from compare.load.statistic import Statistic
from compare.load.targets import Target

_MOST = 1440  # data points of one answer
_MINUTE = 60
# CloudWatch shows metrics some minutes late. It is asked until it says the same twice.
_PATIENCE = {True: 20.0, False: 300.0}  # seconds, by whether it is local
_PAUSE = {True: 1.0, False: 20.0}


class CloudWatchError(CompareError):
    """AWS did not answer, or refused."""

    status = 1


@dataclass(frozen=True, slots=True)
class Resources:
    """The parts of a stack that have metrics, by the names that they have there."""

    apis: tuple[str, ...]
    functions: tuple[str, ...]
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Metric:
    """A figure that is a sum of a statistic over the resources of one kind."""

    key: str
    unit: str
    namespace: str
    name: str
    statistic: str = "Sum"


# By namespace: the dimension, and which of the resources it names.
_DIMENSIONS = {
    "AWS/ApiGateway": ("ApiId", "apis"),
    "AWS/Lambda": ("FunctionName", "functions"),
    "LambdaInsights": ("function_name", "functions"),
    "AWS/DynamoDB": ("TableName", "tables"),
}
_METRICS = (
    _Metric("connects", "connects", "AWS/ApiGateway", "ConnectCount"),
    _Metric("messages", "messages", "AWS/ApiGateway", "MessageCount"),
    _Metric("integration_errors", "errors", "AWS/ApiGateway", "IntegrationError"),
    _Metric("invocations", "invocations", "AWS/Lambda", "Invocations"),
    _Metric("throttles", "invocations", "AWS/Lambda", "Throttles"),
    _Metric("duration_ms", "ms", "AWS/Lambda", "Duration"),
    # Of functions that have Lambda Insights only.
    _Metric("billed_ms", "ms", "LambdaInsights", "billed_duration"),
    _Metric("cold_starts", "cold starts", "LambdaInsights", "init_duration", "SampleCount"),
    _Metric("read_units", "units", "AWS/DynamoDB", "ConsumedReadCapacityUnits"),
    _Metric("write_units", "units", "AWS/DynamoDB", "ConsumedWriteCapacityUnits"),
)
_LATENCY = [
    _Metric("integration_latency", "ms", "AWS/ApiGateway", "IntegrationLatency", statistic)
    for statistic in ("Sum", "SampleCount")
]


def resources(target: Target, stack: str) -> Resources:
    """The parts of a CloudFormation stack. Raises CloudWatchError: a wrong name ends the run at its beginning."""
    found: dict[str, list[str]] = {}
    try:
        pages = _client(target, "cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        for page in pages:
            for one in page["StackResourceSummaries"]:
                found.setdefault(one["ResourceType"], []).append(one.get("PhysicalResourceId", ""))
    except (BotoCoreError, ClientError) as error:
        raise CloudWatchError(f"--stack {target.name}={stack}: {_line(error)}") from None
    return Resources(
        tuple(found.get("AWS::ApiGatewayV2::Api", ())),
        tuple(found.get("AWS::Lambda::Function", ())),
        (*found.get("AWS::DynamoDB::Table", ()), *found.get("AWS::DynamoDB::GlobalTable", ())),
    )


async def statistics(target: Target, of: Resources | None, began: float, ended: float) -> dict[str, Statistic]:
    """Sums over the whole minutes from `began` to `ended`, both epoch seconds; of all that is there without `of`.

    What CloudWatch does not have is left out. Raises CloudWatchError.
    """
    try:
        return await _settled(target, of, began, ended)
    except (BotoCoreError, ClientError) as error:
        raise CloudWatchError(f"target {target.name}: CloudWatch: {_line(error)}") from None


async def _settled(target: Target, of: Resources | None, began: float, ended: float) -> dict[str, Statistic]:
    client = await asyncio.to_thread(_client, target, "cloudwatch")
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE[target.is_local]
    before: dict[str, Statistic] | None = None
    while True:
        found = await asyncio.to_thread(_read, client, of, began, ended)
        if (found and found == before) or loop.time() > end:
            return found
        before = found
        await asyncio.sleep(_PAUSE[target.is_local])


async def consumed(target: Target, began: float) -> dict[str, float] | None:
    """Units that the tables of a local cloud have used since `began`, by `read` and `write`; None when unknown."""
    try:
        return await asyncio.to_thread(_consumed, target, began)
    except (BotoCoreError, ClientError):
        return None


def _consumed(target: Target, began: float) -> dict[str, float]:
    client = _client(target, "cloudwatch")
    of, now = _all(client), datetime.now(UTC).timestamp()
    wanted = {metric.key: metric for metric in _METRICS}
    return {kind: _sum(client, wanted[f"{kind}_units"], of, began, now) or 0.0 for kind in ("read", "write")}


def _read(client: Any, of: Resources | None, began: float, ended: float) -> dict[str, Statistic]:
    of = of if of is not None else _all(client)
    found = {}
    for metric in _METRICS:
        value = _sum(client, metric, of, began, ended)
        if value is not None:
            found[f"cloudwatch.{metric.key}"] = _figure(value, metric.unit)
    total, count = (_sum(client, metric, of, began, ended) for metric in _LATENCY)
    if total is not None and count:
        found["cloudwatch.integration_latency_ms"] = _figure(total / count, "ms, mean")
    return found


def _figure(value: float, unit: str) -> Statistic:
    return Statistic(value, unit, source="CloudWatch: whole minutes of the run, connects and all rounds of the target")


def _all(client: Any) -> Resources:
    """The resources that have metrics at all, as in a local cloud that runs nothing else."""
    named: dict[str, set[str]] = {}
    for namespace in ("AWS/ApiGateway", "AWS/Lambda", "AWS/DynamoDB"):
        for page in client.get_paginator("list_metrics").paginate(Namespace=namespace):
            for metric in page["Metrics"]:
                for one in metric["Dimensions"]:
                    named.setdefault(one["Name"], set()).add(one["Value"])
    return Resources(*(tuple(sorted(named.get(name, ()))) for name in ("ApiId", "FunctionName", "TableName")))


def _sum(client: Any, metric: _Metric, of: Resources, began: float, ended: float) -> float | None:
    dimension, kind = _DIMENSIONS[metric.namespace]
    names: tuple[str, ...] = getattr(of, kind)
    start, end = began // _MINUTE * _MINUTE, (ended // _MINUTE + 1) * _MINUTE
    period = _MINUTE * -(-round((end - start) / _MINUTE) // _MOST)
    points = [
        point[metric.statistic]
        for name in names
        for point in client.get_metric_statistics(
            Namespace=metric.namespace,
            MetricName=metric.name,
            Dimensions=[{"Name": dimension, "Value": name}],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
            Period=period,
            Statistics=[metric.statistic],
        )["Datapoints"]
    ]
    return float(sum(points)) if points else None


def _client(target: Target, service: str) -> Any:
    config = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 3})
    if target.aws is None:
        return boto3.client(service, region_name=target.region, config=config)  # type: ignore[call-overload]
    local = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}  # any will do there
    return boto3.client(service, endpoint_url=target.aws, region_name=target.region, config=config, **local)  # type: ignore[call-overload]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
