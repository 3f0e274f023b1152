"""What autoscalers read, out of the running app: a minute is three seconds here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from localcloud.testing import running
from tests.processes import eventually
from tests.synthesized import synthesized_once

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.testing import Running

pytestmark = pytest.mark.slow

DIMENSIONS = [{"Name": "service", "Value": "duplex"}, {"Name": "backend", "Value": "lambda"}]


def values(cloud: Running, name: str, statistic: str) -> list[float]:
    """A metric's values, minute by minute, over all routes."""
    make: Any = boto3.client
    cloudwatch = make(
        "cloudwatch",
        endpoint_url=cloud.aws,
        region_name=cloud.ready["region"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    points = cloudwatch.get_metric_statistics(
        Namespace="Duplex",
        MetricName=name,
        Dimensions=DIMENSIONS,
        StartTime=time.time() - 86_400,
        EndTime=time.time() + 86_400,
        Period=60,
        Statistics=[statistic],
    )["Datapoints"]
    return [point[statistic] for point in sorted(points, key=lambda point: point["Timestamp"])]


def answered(cloud: Running) -> bool:
    """Whether `$connect` answers: of 29 seconds that it has, at this scale, a cold start may take all."""
    try:
        with connect(cloud.url):
            return True
    except InvalidStatus as error:
        if error.response.status_code != 504:
            raise
        return False


def test_connections_and_messages_are_published_every_minute(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assembly = synthesized_once(tmp_path_factory)
    with running(tmp_path, "--assembly", str(assembly), "--time-scale", "20") as cloud:
        eventually(lambda: answered(cloud), "functions that are warm")
        with connect(cloud.url) as first, connect(cloud.url):
            for _ in range(5):
                first.send("hello")
                assert first.recv(timeout=60) == "hello"
            eventually(lambda: 2 in values(cloud, "ActiveConnections", "Maximum"), "two connections")
            assert sum(values(cloud, "Messages", "Sum")) == 5
        eventually(lambda: values(cloud, "ActiveConnections", "Maximum")[-1] == 0, "none any more")
