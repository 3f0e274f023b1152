"""What a cold start loads: a list of modules, since a clock would measure the machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lambdas.conftest import ENVIRONMENT, HANDLERS

ROOT = Path(__file__).parents[2]

#: Each costs tens of milliseconds of every cold start, or belongs to the tests.
FORBIDDEN = {
    "asyncio",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.parser",
    "aws_lambda_powertools.utilities.validation",
    "aws_xray_sdk",
    "boto3",
    "mypy_boto3_dynamodb",
    "pydantic",
    "requests",
    "s3transfer",
}


def run(code: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    environment = {**ENVIRONMENT, **changes}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={"PATH": os.defpath, **{name: value for name, value in environment.items() if value is not None}},
        capture_output=True,
        text=True,
        check=False,
    )


def loaded_by(function: str) -> set[str]:
    done = run(f"import json, sys, lambdas.{function}; print(json.dumps(list(sys.modules)))")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("function", HANDLERS)
def test_a_function_loads_nothing_heavy(function: str) -> None:
    assert loaded_by(function) & FORBIDDEN == set()


def test_the_census_loads_no_protocol() -> None:
    assert loaded_by("census") & {"msgspec", "backend.protocol", "backend.router", "backend.dynamodb_streams"} == set()


@pytest.mark.parametrize("function", ["connect", "disconnect"])
def test_the_lifecycle_loads_no_protocol_and_no_way_to_post(function: str) -> None:
    assert (
        loaded_by(function)
        & {
            "msgspec",
            "backend.protocol",
            "backend.router",
            "backend.connections",
            "backend.dynamodb_streams",
        }
        == set()
    )


def test_loading_makes_only_the_dynamodb_client() -> None:
    code = (
        "import lambdas.message as m; a = m.application; "
        "print(*('_client' in vars(x) for x in (a.outbound, a.jobs, a.deliveries)), "
        "a.sessions._store._client.meta.service_model.service_name)"
    )
    assert run(code).stdout.split() == ["False", "False", "False", "dynamodb"]


@pytest.mark.parametrize(
    ("function", "variable"),
    [
        ("connect", "TABLE_NAME"),
        ("disconnect", "TABLE_NAME"),
        ("message", "TABLE_NAME"),
        ("message", "CONNECTIONS_URL"),
        ("message", "JOBS_URL"),
        ("message", "DELIVERIES_URL"),
        ("deliver", "CONNECTIONS_URL"),
        ("work", "CONNECTIONS_URL"),
        ("census", "CONNECTIONS_URL"),
    ],
)
def test_a_function_without_its_settings_fails_at_init_and_says_which(function: str, variable: str) -> None:
    done = run(f"import lambdas.{function}", **{variable: None})
    assert done.returncode == 1
    assert f"SettingsError: {variable} is not set" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("function", ["connect", "disconnect"])
def test_a_function_that_never_posts_needs_no_address_to_post_to(function: str) -> None:
    names = ("CONNECTIONS_URL", "JOBS_URL", "DELIVERIES_URL", "BACKEND", "TOUCH_SECONDS", "SESSION_SECONDS")
    optional = dict.fromkeys((*names, "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"))
    assert run(f"import lambdas.{function}", **optional).returncode == 0
