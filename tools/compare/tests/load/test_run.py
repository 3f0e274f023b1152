"""The whole command against servers whose behaviour is known."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from compare.cli import app
from compare.errors import CompareError
from localcloud.testing import alive, children, eventually

from .servers import answering, echo, serving

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

pytestmark = pytest.mark.slow


STALL = 3.0  # seconds: long against anything that a busy machine adds
EACH = "kind: echo\nconnections: {connections}\nrate: {rate}\nduration: {duration}\npatience: {patience}\n"


def scenario(folder: Path, connections: int = 4, rate: float = 40, duration: float = 2, patience: float = 20) -> Path:
    path = folder / "scenario.yaml"
    path.write_text(EACH.format(connections=connections, rate=rate, duration=duration, patience=patience))
    return path


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def compare(*arguments: object) -> Done:
    """The command in this process, which is quicker than a new one; what it starts are processes all the same."""
    result = CliRunner().invoke(app, ["run", *map(str, arguments)])
    if isinstance(result.exception, CompareError):
        return Done(result.exception.status, result.stdout, f"{result.stderr}compare: {result.exception}\n")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def measured(folder: Path, url: str, path: Path, *arguments: object) -> dict[str, Any]:
    """The first target of a run's JSON, after one round."""
    file = folder / "run.json"
    done = compare(path, "--target", f"it={url}", "--rounds", 1, "--json", file, *arguments)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(file.read_text())
    target: dict[str, Any] = document["targets"][0]
    return target


def value(target: dict[str, Any], key: str) -> float:
    figure = target["figures"][key]
    assert figure["basis"] == "measured"
    return float(figure["value"])


def test_a_delay_is_in_every_percentile(tmp_path: Path) -> None:
    async def late(connection: ServerConnection, message: str, count: int) -> None:
        asyncio.get_running_loop().call_later(1, lambda: asyncio.ensure_future(echo(connection, message, count)))

    with serving(answering(late)) as url:
        target = measured(tmp_path, url, scenario(tmp_path))
    assert value(target, "latency.echo.corrected.p50_ms") >= 999
    assert value(target, "latency.echo.uncorrected.p50_ms") >= 999
    assert value(target, "latency.echo.corrected.count") == value(target, "messages.sent") == 80
    assert value(target, "errors.percent") == 0


def test_a_stall_is_in_the_corrected_percentiles_only(tmp_path: Path) -> None:
    async def stall_once(connection: ServerConnection, message: str, count: int) -> None:
        if count == 10:
            await asyncio.sleep(STALL)
        await connection.send(message)

    with serving(answering(stall_once)) as url:
        target = measured(tmp_path, url, scenario(tmp_path, connections=2, rate=40, duration=6))
    # Half of the messages were due during the stall, and wait for a second and a half of it on average; a client that
    # waits for its answers would have met it once.
    assert value(target, "latency.echo.corrected.p90_ms") > 1500
    assert value(target, "latency.echo.uncorrected.p90_ms") < 750
    assert value(target, "latency.echo.uncorrected.max_ms") > 2500
    assert value(target, "latency.echo.corrected.count") == 240
    assert value(target, "latency.echo.uncorrected.count") < 180


def test_lost_repeated_and_overtaken_messages_are_counted(tmp_path: Path) -> None:
    held: dict[ServerConnection, str] = {}

    async def unreliable(connection: ServerConnection, message: str, count: int) -> None:
        if count % 10 == 1:
            return  # lost
        if count % 10 == 2:
            await connection.send(message)
        if count % 10 == 3:
            held[connection] = message
            return
        await connection.send(message)
        if count % 10 == 4:
            await connection.send(held.pop(connection))

    with serving(answering(unreliable)) as url:
        target = measured(tmp_path, url, scenario(tmp_path, connections=2, rate=40, duration=2, patience=1))
    assert value(target, "messages.sent") == 80
    assert value(target, "messages.lost") == 8
    assert value(target, "messages.repeated") == 8
    assert value(target, "messages.overtaken") == 8
    assert value(target, "errors.percent") == pytest.approx(100 * 8 / 82, rel=0.01)


def test_processes_send_one_load_together(tmp_path: Path) -> None:
    with serving(answering(echo)) as url:
        path = scenario(tmp_path, connections=5, rate=100)
        target = measured(tmp_path, url, path, "--processes", 3)
    assert value(target, "connections.opened") == 5
    assert value(target, "messages.answered") == value(target, "latency.echo.corrected.count") == 200


def test_a_connection_that_is_cut_is_counted_and_made_again(tmp_path: Path) -> None:
    async def cut(connection: ServerConnection, message: str, count: int) -> None:
        await connection.send(message)
        if count == 5:
            await connection.close(4321)

    with serving(answering(cut)) as url:
        target = measured(tmp_path, url, scenario(tmp_path, connections=2, rate=20, duration=2))
    assert target["errors"]["closed 4321"] >= 2
    assert value(target, "connections.opened") >= 4
    assert value(target, "messages.sent") == 40


def test_handshakes_that_a_server_refuses_under_load_are_errors(tmp_path: Path) -> None:
    seen: list[object] = []

    def every_other(connection: ServerConnection, request: object) -> Any:
        seen.append(request)
        return None if len(seen) % 2 else connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "")

    with serving(answering(echo), every_other) as url:
        path = tmp_path / "storm.yaml"
        path.write_text("kind: storm\nconnections: 20\nrate: 20\nduration: 1\n")
        target = measured(tmp_path, url, path)
    assert target["errors"]["refused with HTTP 429"] >= 10
    assert value(target, "latency.connect.corrected.count") >= 9


def test_an_altered_echo_is_an_error(tmp_path: Path) -> None:
    async def alter(connection: ServerConnection, message: str, count: int) -> None:
        await connection.send(message[:-1] + "!" if count == 1 else message)

    with serving(answering(alter)) as url:
        target = measured(tmp_path, url, scenario(tmp_path))
    assert target["errors"] == {"an echo that was altered": 4}


def test_targets_take_turns_and_only_a_difference_beyond_the_noise_is_one(tmp_path: Path) -> None:
    async def late(connection: ServerConnection, message: str, count: int) -> None:
        asyncio.get_running_loop().call_later(1, lambda: asyncio.ensure_future(echo(connection, message, count)))

    file = tmp_path / "run.json"
    with serving(answering(echo)) as fast, serving(answering(late)) as slow:
        path = scenario(tmp_path, connections=2, rate=10, duration=1)
        files = ("--json", file, "--html", tmp_path / "run.html")
        done = compare(path, "--target", f"a={fast}", "--target", f"b={slow}", "--rounds", 3, *files)
    assert done.returncode == 0, done.stderr
    assert f"The page: {tmp_path}/run.html" in done.stdout
    assert "a is better than b" in (tmp_path / "run.html").read_text(encoding="utf-8")
    assert re.findall(r"round \d of 6: (.)", done.stderr) == list("abbaab")
    assert max(map(len, done.stdout.splitlines())) <= 100
    found = {one["figure"]: one for one in json.loads(file.read_text())["differences"]}
    median = found["latency.echo.corrected.p50_ms"]
    assert (median["better"], median["larger_than_noise"], median["chance"]) == ("a", True, 0.1)
    assert not found["messages.lost"]["larger_than_noise"]


def test_an_objective_that_is_breached_ends_with_1(tmp_path: Path) -> None:
    async def late(connection: ServerConnection, message: str, count: int) -> None:
        asyncio.get_running_loop().call_later(1, lambda: asyncio.ensure_future(echo(connection, message, count)))

    file = tmp_path / "run.json"
    with serving(answering(late)) as url:
        arguments = (scenario(tmp_path, rate=10, duration=1), "--target", f"it={url}", "--rounds", 1, "--json", file)
        breached = compare(*arguments, "--slo", "p99=200ms,errors=0.1%")
        assert compare(*arguments, "--slo", "p99=60s,errors=0.1%").returncode == 0
    assert breached.returncode == 1
    assert "BREACHED" in breached.stdout


def test_ctrl_c_writes_what_there_is_and_leaves_no_process(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    with serving(answering(echo)) as url:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "compare", "run", str(scenario(tmp_path, duration=600))),
                *("--target", f"it={url}", "--json", str(file)),
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            below = eventually(lambda: children(process.pid), "a sending process")
            eventually(lambda: len(list(Path(f"/proc/{below[0]}/fd").iterdir())) > 8, "its connections")
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert "stopped early" in output
    assert json.loads(file.read_text())["complete"] is False
    assert alive(below) == []


def refused(*arguments: object) -> tuple[int, str]:
    """The status and the one line of a run that does not begin."""
    done = compare(*arguments)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return done.returncode, lines[0]


def test_an_unreachable_target_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = tmp_path / "run.json"
    command = [sys.executable, "-W", "error", "-m", "compare", "run", "--json", str(file)]
    url = f"ws://127.0.0.1:{port}/"
    done = subprocess.run(
        [*command, "--target", f"gone={url}?token=secret"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, f"compare: target gone: {url}: connect: connection refused\n")
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_refuses_the_handshake_is_one_line(tmp_path: Path) -> None:
    def refuse(connection: ServerConnection, _request: object) -> Any:
        return connection.respond(HTTPStatus.FORBIDDEN, "no")

    with serving(answering(echo), refuse) as url:
        status, line = refused("--target", f"it={url}", "--json", tmp_path / "run.json")
    assert (status, line) == (1, f"compare: target it: {url}: refused with HTTP 403")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "reason"), [(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", ""), (b"", "hung up during the handshake")]
)
def test_a_target_that_is_no_websocket_server_is_one_line(said: bytes, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"ws://127.0.0.1:{server.getsockname()[1]}/"

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(4096)
            connection.sendall(said)
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        status, line = refused("--target", f"it={url}")
        thread.join()
    assert status == 1
    assert line.startswith(f"compare: target it: {url}: {reason}")


def test_a_server_without_sessions_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "direct.yaml"
    path.write_text("kind: direct\nconnections: 2\nrate: 1\nduration: 1\npatience: 0.5\n")
    with serving(answering(echo)) as url:
        done = compare(path, "--target", f"it={url}", "--json", tmp_path / "run.json")
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("compare: target it: no connection became ready: no session came")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["ehco"], "ehco: no such file, nor a shipped scenario; did you mean echo?"),
        (["--target", "ws://here"], "--target: 'ws://here' is not NAME=ws://"),
        (["--target", "a=http://here"], "--target a: 'http://here' is no ws:// or wss:// address"),
        (["--target", "a=ws://x", "--target", "a=ws://y"], "--target a: the name is given twice"),
        (["--slo", "p95=1ms"], "--slo: 'p95' is not one of p50, p90, p99, p99.9, max, errors"),
        (["--slo", "p99=200"], "--slo: 'p99=200' is no objective; write p99=200ms"),
        (["--slo", "errors=1ms"], "--slo: 'errors=1ms' is no objective; write errors=0.1%"),
        (["--rate", "0"], "--rate: expected float >= 0.001; it is '0.0'"),
        (["idle", "--rate", "5"], "--rate: an idle hold sends keep-alives only"),
        (["--json", "/nowhere/run.json"], "--json: /nowhere/run.json cannot be written: there is no folder /nowhere"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments: list[str], line: str) -> None:
    status, said = refused(*arguments)
    assert status == 2
    assert said.startswith(f"compare: {line}")
