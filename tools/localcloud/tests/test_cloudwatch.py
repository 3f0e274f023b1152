"""What boto3 reads from CloudWatch at the local endpoint after a scripted exchange."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from websockets.sync.client import connect

from localcloud.testing import Running, eventually, running

from . import assemblies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EMF = """
def emf(event, context):
    metrics = [{"Name": "Messages", "Unit": "Count"}, {"Name": "Latency", "Unit": "Milliseconds"}]
    directive = {"Namespace": "Chat", "Dimensions": [["service", "route"]], "Metrics": metrics}
    print(json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]},
                      "service": "chat", "route": "emf", "Messages": 1, "Latency": [2, 4]}))
    return {"statusCode": 200, "body": "measured"}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A cloud in which a known exchange has taken place."""
    builder = assemblies.echo()
    builder.function("Emf", "handlers.emf")
    builder.route("EmfRoute", "emf", "Emf", responds=True)
    builder.function("Closed", "handlers.default", ReservedConcurrentExecutions=0)
    builder.route("ClosedRoute", "closed", "Closed")
    builder.resources["Stage"]["Properties"]["DefaultRouteSettings"] = {"DetailedMetricsEnabled": True}
    folder = builder.write(tmp_path_factory.mktemp("assembly"), assemblies.HANDLERS + EMF)
    with running(folder, "--assembly", str(folder)) as cloud:
        with connect(cloud.url) as client:
            for text in ["hello"] * 3 + ["raise"] + ['{"action":"emf"}'] * 2 + ['{"action":"closed"}']:
                client.send(text)
                client.recv(timeout=60)
        cloud.printed("disconnected")
        yield cloud


class Reader:
    """Sums over the last hour, of exactly the dimensions that are named."""

    def __init__(self, cloud: Running) -> None:
        self._client = boto3.client(
            "cloudwatch",
            endpoint_url=cloud.aws,
            region_name=cloud.ready["region"],
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        listed = self._client.list_metrics(Namespace="AWS/ApiGateway", MetricName="ConnectCount")["Metrics"]
        self.api = next(one["Value"] for metric in listed for one in metric["Dimensions"] if one["Name"] == "ApiId")

    def read(self, namespace: str, name: str, stat: str = "Sum", **dimensions: str) -> float:
        now = datetime.now(UTC)
        metric = {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        }
        answer = self._client.get_metric_data(
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 7200, "Stat": stat}}],
        )
        return float(sum(answer["MetricDataResults"][0]["Values"]))


@pytest.fixture(scope="module")
def reader(cloud: Running) -> Reader:
    def complete() -> Reader | None:
        try:
            reader = Reader(cloud)
        except StopIteration:
            return None
        return reader if reader.read("AWS/Lambda", "Invocations", FunctionName="ChatLambda-Disconnect") else None

    found = eventually(complete, "the last invocation, in CloudWatch")
    assert isinstance(found, Reader)
    return found


def test_api_gateways_own_metrics_have_the_right_sums(reader: Reader) -> None:
    for extra in ({}, {"Stage": "prod"}):
        sums = {
            name: reader.read("AWS/ApiGateway", name, ApiId=reader.api, **extra)
            for name in ("ConnectCount", "MessageCount", "IntegrationError", "ExecutionError", "ClientError")
        }
        # Seven messages in, five replies out; error frames are none of them.
        assert sums == {
            "ConnectCount": 1,
            "MessageCount": 12,
            "IntegrationError": 1,
            "ExecutionError": 1,
            "ClientError": 0,
        }
        assert reader.read("AWS/ApiGateway", "IntegrationLatency", "SampleCount", ApiId=reader.api, **extra) == 9
        assert reader.read("AWS/ApiGateway", "IntegrationLatency", "Maximum", ApiId=reader.api, **extra) > 0


def test_detailed_metrics_are_by_route(reader: Reader) -> None:
    dimensions = {"ApiId": reader.api, "Stage": "prod", "Route": "emf"}
    assert reader.read("AWS/ApiGateway", "MessageCount", **dimensions) == 4


def test_lambdas_own_metrics_have_the_right_sums(reader: Reader) -> None:
    function = {"FunctionName": "ChatLambda-Default"}
    assert reader.read("AWS/Lambda", "Invocations", **function) == 4
    assert reader.read("AWS/Lambda", "Errors", **function) == 1
    assert reader.read("AWS/Lambda", "Duration", "SampleCount", **function) == 4
    assert reader.read("AWS/Lambda", "Duration", "Minimum", **function) > 0
    assert reader.read("AWS/Lambda", "ConcurrentExecutions", "Maximum", **function) == 1
    assert reader.read("AWS/Lambda", "Throttles", **function) == 0
    assert reader.read("AWS/Lambda", "Throttles", "SampleCount", **function) == 4
    assert reader.read("AWS/Lambda", "Throttles", FunctionName="ChatLambda-Closed") == 1
    assert reader.read("AWS/Lambda", "Invocations", FunctionName="ChatLambda-Closed") == 0


def test_cold_starts_are_counted_by_their_init_duration(reader: Reader) -> None:
    function = {"function_name": "ChatLambda-Default"}
    assert reader.read("LambdaInsights", "init_duration", "SampleCount", **function) == 1
    assert reader.read("LambdaInsights", "init_duration", **function) > 0
    assert reader.read("LambdaInsights", "total_memory", "Maximum", **function) == 128
    assert 5 < reader.read("LambdaInsights", "used_memory_max", "Maximum", **function) < 512
    assert reader.read("LambdaInsights", "billed_duration", **function) >= 5, "four events and a cold start"


def test_the_figures_of_every_function_are_told_at_the_end(tmp_path: Path) -> None:
    folder = assemblies.echo().write(tmp_path, assemblies.HANDLERS)
    with running(tmp_path, "--assembly", str(folder)) as cloud:
        with connect(cloud.url) as client:
            for text in ("hello", "raise"):
                client.send(text)
                client.recv(timeout=60)
        cloud.printed("disconnected")
        cloud.stop()
        cloud.printed("billed ms")
        (line,) = [line for line in cloud.lines if line.startswith("Default ")]
    assert len(line) <= 80
    row = line.split()
    assert row[1:4] == ["2", "1", "1"]
    assert all(float(cell) > 0 for cell in row[4:]), row


def test_what_functions_print_as_metrics_is_there_with_every_dimension(cloud: Running, reader: Reader) -> None:
    dimensions = {"service": "chat", "route": "emf"}
    assert reader.read("Chat", "Messages", **dimensions) == 2
    assert reader.read("Chat", "Latency", **dimensions) == 12
    assert reader.read("Chat", "Latency", "SampleCount", **dimensions) == 4
    assert reader.read("Chat", "Messages", service="chat") == 0, "one dimension is missing"
    assert not [line for line in cloud.lines if "_aws" in line], "metrics are not shown"
