"""The doctor, on machines and accounts that lack something."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from infra.doctor import BOOTSTRAP_PARAMETER, Finding, account, machine
from infra.layer import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROLE = "arn:aws:iam::123456789012:role/logs"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in account(boto3.Session())}


@pytest.mark.usefixtures("aws")
def test_an_account_that_is_not_bootstrapped_is_told_how() -> None:
    findings = found()
    assert findings["credentials"] == Finding("credentials", "account 123456789012")
    assert findings["CDK bootstrap"].remedy == "cdk bootstrap aws://123456789012/eu-west-1"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("version", "well"), [("5", False), ("6", True), ("28", True)])
def test_a_bootstrap_stack_has_to_be_recent(version: str, well: bool) -> None:
    boto3.client("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value=version, Type="String")
    finding = found()["CDK bootstrap"]
    assert finding.state == f"version {version}"
    assert (not finding.remedy) == well


@pytest.mark.usefixtures("aws")
def test_the_log_role_is_shown_and_its_absence_is_no_fault() -> None:
    assert not found()["API Gateway's log role"].remedy
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}
    boto3.client("apigateway").update_account(patchOperations=[change])
    assert found()["API Gateway's log role"].state == ROLE


def run(scratch: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.doctor"],
        cwd=ROOT,
        env={"HOME": str(scratch), "AWS_EC2_METADATA_DISABLED": "true", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_missing_here_is_named_with_how_to_get_it(tmp_path: Path) -> None:
    finished = run(tmp_path, PATH=str(tmp_path))
    for name in ("Node", "CDK CLI", "wscat"):
        assert f"MISSING  {name}: missing" in finished.stdout


def test_a_cli_that_cannot_read_todays_assemblies_is_not_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """npm's latest was 3.0.0 for a while, an old build published by accident."""
    cdk = tmp_path / "cdk"
    cdk.write_text("#!/bin/sh\necho '3.0.0 (build abc)'\n")
    cdk.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    cli = next(finding for finding in machine() if finding.name == "CDK CLI")
    assert cli.state == "3.0.0"
    assert cli.remedy
