"""A failing action leads from the log to the client, on every variant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from websockets.sync.client import connect

from backend.records import Connection
from infra.variants import NAMES
from localcloud.testing import Running, running
from tests.processes import eventually
from tests.synthesized import synthesized_once

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def logged(cloud: Running) -> list[dict[str, Any]]:
    """The lines of the log that are about a message."""
    texts = [line[line.index("{") :] for line in cloud.lines if '"connection_id"' in line]
    return [json.loads(text) for text in texts]


@pytest.mark.parametrize("variant", NAMES)
def test_the_line_of_a_failing_action_names_client_and_message(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, variant: str
) -> None:
    assembly = synthesized_once(tmp_path_factory, backends="all")
    with running(tmp_path, "--assembly", str(assembly), "--backends", variant) as cloud, connect(cloud.url) as client:
        client.send('{"action":"session"}')
        session_id = json.loads(client.recv(timeout=60))["sessionId"]
        dynamodb = boto3.client(
            "dynamodb",
            endpoint_url=cloud.aws,
            region_name=cloud.ready["region"],
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        for name in dynamodb.list_tables()["TableNames"]:
            dynamodb.delete_table(TableName=name)
        client.send('{"action":"join","room":"r","id":1}')
        reply = json.loads(client.recv(timeout=60))
        assert (reply["type"], reply["code"], reply["id"]) == ("error", "internal", 1)

        def line() -> dict[str, Any] | None:
            return next((one for one in logged(cloud) if one["action"] == "join"), None)

        found = eventually(line, "a line about the action")
    assert (found["message"], found["level"], found["variant"]) == ("route failed", "ERROR", variant)
    assert found["session_id"] == session_id == Connection(found["connection_id"], 0).session_id
    assert found["request_id"]
    assert "ResourceNotFoundException" in found["exception"]
