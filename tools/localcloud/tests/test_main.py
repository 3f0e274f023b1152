"""`localcloud` as a person starts it, and every way that it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from localcloud.ready import ReadyFile
from localcloud.testing import alive, children, eventually, running

from . import assemblies

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemblies.echo().write(tmp_path_factory.mktemp("assembly"), assemblies.HANDLERS)


def local(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, which for every case here is soon."""
    command = [sys.executable, "-m", "localcloud", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def line_of(failure: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a run that failed."""
    assert failure.returncode == 1
    assert failure.stdout == ""
    (line,) = failure.stderr.splitlines()
    return line


def test_it_is_a_command_of_its_own() -> None:
    command = [str(Path(sys.executable).with_name("localcloud")), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert shown.startswith("Usage: localcloud [OPTIONS]")


def test_modules_of_the_current_folder_are_not_taken_for_its_own(tmp_path: Path, assembly: Path) -> None:
    (tmp_path / "moto.py").write_text("raise SystemExit('the wrong moto')")
    with running(tmp_path, "--assembly", str(assembly), cwd=tmp_path) as cloud:
        assert cloud.aws


# Errors.


def test_a_missing_assembly_names_the_command_that_makes_one(tmp_path: Path) -> None:
    line = line_of(local("--assembly", str(tmp_path / "nowhere"), "--port", "0"))
    assert line == (
        f"localcloud: there is no {tmp_path}/nowhere/manifest.json: run cdk synth (or make synth) in your app's "
        "folder, name it with --assembly, or name a template with --template"
    )


def test_an_unknown_backend_is_wrong_usage(assembly: Path) -> None:
    failure = local("--backends", "lambda,swarm", "--assembly", str(assembly))
    assert failure.returncode == 2
    todo = "synthesize it too (make synth BACKENDS=lambda,swarm)"
    assert failure.stderr == f"localcloud: {assembly} has no 'swarm', only lambda: {todo}\n"


def test_a_broken_template_is_one_clear_line(tmp_path: Path) -> None:
    builder = assemblies.echo()
    builder.resources["Default"]["Properties"]["Timeout"] = {"Fn::GetAtt": ["Nothing", "Seconds"]}
    folder = builder.write(tmp_path, assemblies.HANDLERS)
    line = line_of(local("--assembly", str(folder), "--port", "0"))
    assert line == "localcloud: ChatLambda.Default: there is no resource 'Nothing' with a Type"


@contextmanager
def taken_port(other: int) -> Iterator[int]:
    """A port that is taken, while the one `other` further on is free."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = int(taken.getsockname()[1])
            try:
                socket.create_server(("127.0.0.1", port + other)).close()
            except (OSError, OverflowError):
                continue
            yield port
            return


@pytest.mark.parametrize("offset", [1, 566])
def test_a_busy_port_is_one_clear_line_and_leaves_nothing_running(assembly: Path, offset: int) -> None:
    """Both ports that it takes: the variant's, and the AWS endpoint's."""
    with taken_port(other=1 - offset if offset != 1 else 565) as port:
        line = line_of(local("--assembly", str(assembly), "--port", str(port - offset)))
    assert f"port {port}" in line
    assert line.count("in use") == 1


def test_a_handler_that_does_not_import_is_one_clear_line_and_the_gateway_stays(tmp_path: Path) -> None:
    folder = assemblies.echo().write(tmp_path, "import nowhere")
    with running(tmp_path, "--assembly", str(folder)) as cloud:
        cloud.printed("[Default] cannot load handlers.default")
        with pytest.raises(Exception, match="502"), connect(cloud.url):
            pass
        assert len([line for line in cloud.lines if line.startswith("[Default] cannot load")]) == 1


@pytest.mark.parametrize(
    ("logical_id", "name", "value"),
    [
        ("Default", "Timeout", "soon"),
        ("Default", "Code", 5),
        ("Default", "Environment", ["a"]),
        ("Default", "LoggingConfig", "JSON"),
        ("DefaultRoute", "RouteKey", None),
        ("DefaultRoute", "RouteKey", ["a"]),
        ("DefaultRoute", "Target", {"a": 1}),
        ("DefaultIntegration", "TimeoutInMillis", [1]),
        ("Stage", "DefaultRouteSettings", "fast"),
    ],
)
def test_a_property_of_the_wrong_shape_is_one_clear_line(
    tmp_path: Path, logical_id: str, name: str, value: object
) -> None:
    builder = assemblies.echo()
    builder.resources[logical_id]["Properties"][name] = value
    if value is None:
        del builder.resources[logical_id]["Properties"][name]
    folder = builder.write(tmp_path, assemblies.HANDLERS)
    line = line_of(local("--assembly", str(folder), "--port", "0"))
    assert line.startswith("localcloud: ChatLambda.")


def test_settings_for_the_real_aws_do_not_get_in_the_way(tmp_path: Path, assembly: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    foreign: dict[str, Any] = {
        "AWS_PROFILE": "nobody",
        "AWS_MAX_ATTEMPTS": "x",
        "http_proxy": nowhere,
        "HTTPS_PROXY": nowhere,
    }
    with running(tmp_path, "--assembly", str(assembly), **foreign) as cloud, connect(cloud.url, proxy=None) as client:
        client.send("hello")
        assert client.recv(timeout=60) == "hello"


def test_a_reader_that_has_had_enough_is_no_reason_to_end(tmp_path: Path, assembly: Path) -> None:
    ready_file = tmp_path / "ready.json"
    command = [
        sys.executable,
        "-m",
        "localcloud",
        "--port",
        "0",
        "--assembly",
        str(assembly),
        "--ready-file",
        str(ready_file),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        eventually(ready_file.exists, "ready")
        with connect(json.loads(ready_file.read_text())["apis"][0]["url"]) as client:
            for text in ("print", "die", "hello"):
                client.send(text)
                client.recv(timeout=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


# The ready file.


def test_a_ready_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path, assembly: Path) -> None:
    for path in (tmp_path / "no" / "such.json", tmp_path):
        line = line_of(local("--assembly", str(assembly), "--port", "0", "--ready-file", str(path)))
        assert line.startswith(f"localcloud: the ready file {path} cannot be written: ")


def test_a_ready_file_of_a_dead_process_is_removed_before_anything_starts(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    stale = tmp_path / "ready.json"
    stale.write_text(json.dumps({"pid": ended.pid}))
    ReadyFile(stale)
    assert not stale.exists()


def test_a_start_that_fails_leaves_the_ready_file_of_a_running_one(tmp_path: Path, assembly: Path) -> None:
    with running(tmp_path, "--assembly", str(assembly)) as cloud:
        port = int(cloud.url.rpartition(":")[2].partition("/")[0])
        arguments = ("--assembly", str(assembly), "--port", str(port - 1))
        line_of(local(*arguments, "--ready-file", str(tmp_path / "ready.json")))
        assert json.loads((tmp_path / "ready.json").read_text()) == cloud.ready


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
    assert f"npx wscat -c {cloud.url}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_an_app_may_name_its_own_command_for_a_websocket(tmp_path: Path, assembly: Path) -> None:
    with running(tmp_path, "--assembly", str(assembly), LOCALCLOUD_WSCAT="make wscat URL={url}") as cloud:
        line = cloud.printed("from a second terminal")
    assert line.endswith(f": make wscat URL={cloud.url}")


# The end.


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A cloud with a client connected, a handler at work and a process that a handler left behind; and all pids."""
    folder = assemblies.echo().write(tmp_path, assemblies.HANDLERS)
    with running(tmp_path, "--assembly", str(folder)) as cloud, connect(cloud.url) as client:
        client.send("spawn")
        left_behind = int(client.recv(timeout=60))
        client.send("hang")
        yield cloud.process, sorted({left_behind, *children(cloud.process.pid)})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(busy: tuple[subprocess.Popen[str], list[int]], number: int) -> None:
    process, started = busy
    assert len(alive(started)) >= 4
    process.send_signal(number)
    assert process.wait(60) == 0
    assert alive(started) == []


@pytest.mark.parametrize("moment", [0.05, 0.1, 0.2, 0.4, 0.8, 1.2])
def test_ctrl_c_while_it_starts_is_quiet_and_leaves_nothing(assembly: Path, moment: float) -> None:
    command = [sys.executable, "-m", "localcloud", "--port", "0", "--assembly", str(assembly)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(moment)  # not to wait for anything: to be early, each time by another amount
        started = children(process.pid)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60 if moment > 0.05 else 10)
        except subprocess.TimeoutExpired:
            assert moment == 0.05, "it goes on"
            process.send_signal(signal.SIGINT)  # while Python itself starts, it may swallow one: people press again
            process.wait(60)
        finally:
            process.kill()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read() or moment == 0.05, "Python itself was still starting"
    eventually(lambda: not alive(started), "the end of what it had started")


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
