"""Which processes of a local cloud serve users."""

from __future__ import annotations

import json

import pytest

from compare.load.servers import is_emulator

PROMETHEUS = {"program": "/usr/bin/prometheus", "command": ["--config.file=/tmp/x/prometheus.json"]}


@pytest.mark.parametrize(
    ("command", "emulator"),
    [
        (["python", "-m", "local.aws.server"], True),
        (["python", "-I", "bootstrap.py", json.dumps(PROMETHEUS)], True),
        (["/usr/bin/prometheus", "--config.file=/tmp/x/prometheus.json"], True),
        (["python", "-I", "bootstrap.py", json.dumps({"command": ["-m", "pods.sockets"]})], False),
        (["redis-server", "127.0.0.2:6379"], False),
    ],
)
def test_what_stands_for_aws_and_what_watches_is_not_the_backend(command: list[str], emulator: bool) -> None:
    assert is_emulator(command) is emulator
