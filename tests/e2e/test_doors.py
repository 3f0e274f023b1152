"""Every door by which somebody comes in, each in a copy of the project and an environment of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from tests.e2e.aws import ACCOUNT, REGION, ministack
from tests.e2e.cdk import clean_environment
from tests.processes import PATIENCE, ROOT, eventually
from tests.wscat import wscat

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# What was installed or made, and is not there in a clone.
NOT_CLONED = shutil.ignore_patterns(
    *(".git", ".venv", "node_modules", "build", "cdk.out", "cdk.context.json", "reports", "__pycache__", ".*_cache"),
    ".hypothesis",
)
INSTALLS = 900.0  # seconds; only a failing test waits that long
TEMPLATE = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: echo, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Statement: []}}
  Echo:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import boto3
          def handler(event, context):
              return {"statusCode": 200, "body": event["body"].upper()}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: !Ref Echo, Principal: apigateway.amazonaws.com}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Echo.Arn}/invocations
  Default:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $default
      RouteResponseSelectionExpression: $default
      Target: !Sub integrations/${Integration}
  Response:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Default, RouteResponseKey: $default}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: live, AutoDeploy: true}
"""


def interpreters() -> dict[str, str]:
    """The supported versions of Python that run on this machine: where each one is."""
    found = {}
    for version in ("3.11", "3.12", "3.13"):
        for folder in (*os.get_exec_path(), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin"))):
            program = Path(folder) / f"python{version}"
            if (
                program.is_file()
                and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0
            ):
                found[version] = str(program)
                break
    return found


HERE = interpreters()
INSTALLED = [version for version in ("3.11", "3.13") if version in HERE]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with an empty home folder, whose pip knows its index."""
    index = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    variables = {**clean_environment(tmp_path / "home"), **index}
    for name in ("JSII_RUNTIME_PACKAGE_CACHE_ROOT", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"):
        del variables[name]
    return variables


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=NOT_CLONED))


def run(command: str, cwd: Path, environment: dict[str, str], status: int = 0) -> str:
    """What a command line printed; fails when it does not end with `status`."""
    finished = subprocess.run(
        ["sh", "-c", command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == status, f"{command}: status {finished.returncode}\n{finished.stdout[-6000:]}"
    return finished.stdout


@contextmanager
def started(command: str, cwd: Path, environment: dict[str, str]) -> Iterator[Path]:
    """A command line that runs until the block ends; gives the file that it prints to."""
    output = cwd / "output.txt"
    with output.open("w") as written:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"],
            cwd=cwd,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
    try:
        yield output
        assert process.poll() is None, output.read_text()
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in its terminal
        process.wait(PATIENCE)


def activated(environment: dict[str, str], venv: Path, *more: Path) -> dict[str, str]:
    path = [str(venv / "bin"), *map(str, more), os.defpath]
    return {**environment, "VIRTUAL_ENV": str(venv), "PATH": os.pathsep.join(path)}


@pytest.mark.parametrize("version", INSTALLED)
def test_plain_pip_then_cdk_and_pytest(version: str, clone: Path, home: dict[str, str], tmp_path: Path) -> None:
    """With a Node and a CDK CLI on PATH, and nobody having run make."""
    run(f"{HERE[version]} -m venv .venv", clone, home)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "node").symlink_to(Path(sys.executable).parent / "node")
    (programs / "cdk").symlink_to(ROOT / "node_modules/aws-cdk/bin/cdk")
    user = activated(home, clone / ".venv", programs)
    run("pip install -r requirements.txt", clone, user)
    run("pip check", clone, user)

    assert "DuplexLambda" in run("cdk ls --no-notices", clone, user).split()
    assert not (clone / "build").exists(), "a list needs no layer"
    said = run("cdk synth --quiet --no-notices", clone, user)
    assert "Installing the packages of the functions, for Lambda (once, some seconds) ..." in said
    assert (clone / "cdk.out/DuplexLambda.template.json").is_file()
    assert run("cdk synth --quiet --no-notices", clone, user) == "", "once"
    said = run("pytest -q -n 2", clone, user)
    assert re.search(r"\n\d+ passed in ", said), said[-2000:]

    shutil.rmtree(clone / "build")
    with ministack(tmp_path, clean_environment(tmp_path / "ministack")) as aws:
        there = {**user, **aws.environment}
        run(f"cdk bootstrap --no-notices aws://{ACCOUNT}/{REGION}", clone, there)
        assert not (clone / "build").exists()
        run("cdk deploy --no-notices --require-approval never", clone, there)
        assert (clone / "build/layer").is_dir()
        shutil.rmtree(clone / "build")
        run("cdk destroy --no-notices --force", clone, there)
        assert not (clone / "build").exists()


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("lock", ["requirements.txt", "tools/requirements.txt"])
def test_each_lock_resolves_with_plain_pip(lock: str, version: str, home: dict[str, str], tmp_path: Path) -> None:
    pip = f"{sys.executable} -m pip install --quiet --dry-run --ignore-installed"
    where = f"--only-binary :all: --python-version {version} --target {tmp_path / 'nowhere'}"
    run(f"{pip} {where} -r {lock}", ROOT, home)


def test_every_other_lock_holds_a_part_of_those_pins() -> None:
    def pins(lock: Path) -> set[str]:
        return {line.partition(" ;")[0] for line in lock.read_text().splitlines()}

    whole = pins(ROOT / "tools/requirements.txt")
    folders = ("infra", "infra/kubernetes", "lambdas", "pods", "tools/localcloud")
    for lock in (ROOT / "requirements.txt", *(ROOT / folder / "requirements.txt" for folder in folders)):
        assert pins(lock) <= whole, lock


def test_make_up_then_wscat(clone: Path, home: dict[str, str]) -> None:
    """It installs what running needs and nothing else; a second terminal gets back what it types."""
    user = {**home, "PATH": os.pathsep.join([str(Path(HERE["3.11"]).parent), os.defpath])} if "3.11" in HERE else home
    with started("make up PORT=0", clone, user) as output:
        url = eventually(lambda: re.search(r"^lambda +(\S+)", output.read_text(), re.MULTILINE), "address", INSTALLS)
        packages = {path.name.partition("-")[0].lower() for path in clone.glob(".venv/lib/*/site-packages/*.dist-info")}
        assert not packages & {"pytest", "mypy", "ruff", "locust", "hypothesis", "ministack", "cdk_nag", "gevent"}
        assert "aws_cdk.lambda_layer_kubectl_v36" not in packages
        assert not (clone / "node_modules").exists()
        with wscat("make", "-C", str(clone), "wscat", f"URL={url[1]}") as terminal:
            terminal.expect("Connected (press CTRL+C to quit)")
            terminal.answer("hello", "hello")


def test_the_local_cloud_alone_runs_a_template_of_somebody_elses(home: dict[str, str], tmp_path: Path) -> None:
    """In an empty environment, from a folder outside the clone."""
    run(f"{sys.executable} -m venv venv", tmp_path, home)
    user = activated(home, tmp_path / "venv")
    run(f"pip install {ROOT / 'tools/localcloud'}", tmp_path, user)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    said = run("localcloud", folder, user, status=1)
    assert said.count("\n") == 1
    assert "--template" in said
    assert run("python -m localcloud --help", folder, user) == run("localcloud --help", folder, user)
    (folder / "echo.yaml").write_text(TEMPLATE)
    with started("localcloud --template echo.yaml --port 0 --ready-file ready.json", folder, user):
        ready = folder / "ready.json"
        eventually(ready.exists, "ready")
        with connect(json.loads(ready.read_text())["apis"][0]["url"]) as client:
            client.send("hello")
            assert client.recv(timeout=60) == "HELLO"
