"""docs/extending.md, followed to the letter on a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import boto3
import pytest
from websockets.sync.client import connect

from infra.layer import BUILD, ensure
from localcloud.testing import running
from tests.e2e.test_doors import NOT_CLONED
from tests.processes import ROOT, eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAGE = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"`([^`\n]+\.py)`:\n\n```python\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extended") / "duplex"
    shutil.copytree(ROOT, folder, ignore=NOT_CLONED, symlinks=True)
    ensure()
    (folder / "build").symlink_to(BUILD)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def run(folder: Path, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_action_is_one_short_file_and_a_short_test() -> None:
    assert list(FILES) == ["backend/actions/time.py", "tests/backend/test_time.py"]
    assert [len(text.splitlines()) <= 25 for text in FILES.values()] == [True, True]


def test_the_pages_commands_pass(copy: Path) -> None:
    commands = re.findall(r"^\.venv/bin/(?:python -m )?(\S+) ?(.*)$", PAGE, re.MULTILINE)
    assert [module for module, _ in commands] == ["pytest", "tests.docs.actions_table"]
    for module, arguments in commands:
        run(copy, "-m", module, *arguments.split())
    followed = ("tests/docs/test_actions_table.py", "tests/backend", "tests/infra/test_stack.py")
    run(copy, "-m", "pytest", "-n", "2", *followed)


@pytest.mark.parametrize("backend", ["lambda", "eks", "sockets"])
def test_the_action_answers_through_a_route_of_its_name(copy: Path, tmp_path: Path, backend: str) -> None:
    outdir = tmp_path / "cdk.out"
    run(copy, "app.py", f"backends={backend}", "access_logs=on", CDK_OUTDIR=str(outdir))
    with running(tmp_path, "--assembly", str(outdir), cwd=copy) as cloud:
        with connect(cloud.url) as client:
            client.send('{"action":"time","id":"t"}')
            reply = json.loads(client.recv(timeout=60))
        assert (reply["type"], reply["id"]) == ("time", "t")
        assert abs(reply["now"] - time.time()) < 600
        if backend != "sockets":  # which has no gateway
            logs = boto3.client(
                "logs",
                endpoint_url=cloud.aws,
                region_name=cloud.ready["region"],
                aws_access_key_id="any",
                aws_secret_access_key="any",
            )

            def routes() -> set[str]:
                found = set()
                for group in logs.describe_log_groups()["logGroups"]:
                    for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
                        found |= set(re.findall(r'"routeKey": ?"([^"]+)"', event["message"]))
                return found

            eventually(lambda: "time" in routes(), "an access log of the route")
