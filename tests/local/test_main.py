"""`python -m local` as a person starts it, and every way that it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from tests.local import assemblies
from tests.processes import ROOT, eventually, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemblies.echo().write(tmp_path_factory.mktemp("assembly"), assemblies.HANDLERS)


def local(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, which for every case here is soon."""
    command = [sys.executable, "-m", "local", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def line_of(failure: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a run that failed."""
    assert failure.returncode == 1
    assert failure.stdout == ""
    (line,) = failure.stderr.splitlines()
    return line


def children(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in listing.splitlines()]
    direct = [child for child, parent in parents if parent == pid]
    return direct + [grandchild for child in direct for grandchild in children(child)]


def alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie nobody has reaped yet does not."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    return [pid for pid in pids if runs(pid)]


# Errors.


def test_a_missing_assembly_names_the_command_that_makes_one(tmp_path: Path) -> None:
    line = line_of(local("--assembly", str(tmp_path / "nowhere"), "--port", "0"))
    assert line == f"local: there is no {tmp_path}/nowhere/manifest.json: run make synth, or cdk synth"


def test_an_unknown_backend_is_wrong_usage() -> None:
    failure = local("--backends", "lambda,swarm")
    assert failure.returncode == 2
    assert "unknown backend 'swarm': choose from lambda" in failure.stderr


def test_a_broken_template_is_one_clear_line(tmp_path: Path) -> None:
    builder = assemblies.echo()
    builder.resources["Default"]["Properties"]["Timeout"] = {"Fn::GetAtt": ["Nothing", "Seconds"]}
    folder = builder.write(tmp_path, assemblies.HANDLERS)
    line = line_of(local("--assembly", str(folder), "--port", "0"))
    assert line == "local: DuplexLambda.Default: there is no resource 'Nothing' with a Type"


@pytest.mark.parametrize("offset", [1, 566])
def test_a_busy_port_is_one_clear_line_and_leaves_nothing_running(assembly: Path, offset: int) -> None:
    """Both ports that it takes: the variant's, and the AWS endpoint's."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = line_of(local("--assembly", str(assembly), "--port", str(port - offset)))
    assert f"port {port}" in line
    assert "in use" in line


def test_a_handler_that_does_not_import_is_one_clear_line_and_the_gateway_stays(tmp_path: Path) -> None:
    folder = assemblies.echo().write(tmp_path, "import nowhere")
    with running(tmp_path, "--assembly", str(folder)) as cloud:
        cloud.printed("[Default] cannot load handlers.default")
        with pytest.raises(Exception, match="502"), connect(cloud.url):
            pass
        assert len([line for line in cloud.lines if line.startswith("[Default] cannot load")]) == 1


# The ready file.


def test_the_ready_file_says_what_runs_and_goes_with_it(tmp_path: Path, assembly: Path) -> None:
    with running(tmp_path, "--assembly", str(assembly)) as cloud:
        (api,) = cloud.ready["apis"]
        assert api == {
            "name": "lambda",
            "url": cloud.url,
            "stage": "prod",
            "management": cloud.url.replace("ws://", "http://"),
        }
        assert set(cloud.ready["endpoints"]) == {"aws"}
        assert (cloud.ready["region"], cloud.ready["account"]) == ("us-east-1", "123456789012")
        assert cloud.ready["pid"] == cloud.process.pid
        assert cloud.stop() == 0
        assert list(tmp_path.glob("ready*")) == []


def test_what_it_prints_fits_a_terminal_and_names_the_addresses(tmp_path: Path, assembly: Path) -> None:
    with running(tmp_path, "--assembly", str(assembly)) as cloud:
        cloud.printed("Ctrl-C stops everything.")
        text = "\n".join(cloud.lines)
    assert cloud.url in text
    assert cloud.aws in text
    assert "wscat" in text
    assert max(map(len, text.splitlines())) <= 80


# The end.


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A cloud with a client connected and a handler at work, and every process that it started."""
    folder = assemblies.echo().write(tmp_path, assemblies.HANDLERS)
    with running(tmp_path, "--assembly", str(folder)) as cloud, connect(cloud.url) as client:
        client.send("pid")
        worker = int(client.recv(timeout=60))
        client.send("hang")
        yield cloud.process, sorted({worker, *children(cloud.process.pid)})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(busy: tuple[subprocess.Popen[str], list[int]], number: int) -> None:
    process, started = busy
    assert len(alive(started)) >= 4
    process.send_signal(number)
    assert process.wait(60) == 0
    assert alive(started) == []


def test_impatience_disturbs_nothing(busy: tuple[subprocess.Popen[str], list[int]]) -> None:
    process, started = busy
    for _ in range(5):
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert alive(started) == []


def test_even_a_killed_cloud_leaves_nothing_running(busy: tuple[subprocess.Popen[str], list[int]]) -> None:
    process, started = busy
    process.kill()
    process.wait(60)
    eventually(lambda: not alive(started), f"the end of {alive(started)}")


def test_clients_are_told_that_the_cloud_goes_away(tmp_path: Path, assembly: Path) -> None:
    with running(tmp_path, "--assembly", str(assembly)) as cloud, connect(cloud.url) as client:
        cloud.process.send_signal(signal.SIGINT)
        with pytest.raises(Exception, match="1001"):
            client.recv(timeout=60)
