"""Say what is missing, and how to get it: `make doctor`.

First what running on this machine needs, then what deploying needs. Nothing is changed anywhere; what AWS is asked are
three reads, with the credentials that `cdk deploy` would use.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.layer import LAYER, ROOT, is_current

# The oldest that jsii and the CDK CLI still support.
NODE = 22
# What the modern bootstrap stack of the qualifier that CDK uses by default records about itself.
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
# The version of the bootstrap stack that templates of today ask for in their Rules.
BOOTSTRAP_VERSION = 6

QUICK = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` says how to get it, and is empty when all is well."""

    name: str
    state: str
    remedy: str = ""


def machine() -> Iterator[Finding]:
    """What running here needs."""
    yield Finding("Python", ".".join(map(str, sys.version_info[:3])))  # make has seen to it that it is new enough
    yield _program(
        "Node", ["node", "--version"], lambda major: major >= NODE, f"make install brings Node {NODE} or newer"
    )
    pinned = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"]
    yield _program(
        "CDK CLI", ["cdk", "--version"], lambda major: major == 2, f"make install, or npm install -g aws-cdk@{pinned}"
    )
    yield _program("wscat", ["wscat", "--version"], lambda _: True, "make install")
    built = "built" if is_current(LAYER) else "not built yet: a synth that needs it installs it"
    yield Finding("functions' layer", built)
    yield Finding("docker", "not needed here: only deploying eks or ecs builds an image")


def account(session: boto3.Session) -> Iterator[Finding]:
    """What deploying needs, as far as it can be seen with these credentials."""
    region = session.region_name
    yield Finding("region", region or "none", "" if region else "export AWS_REGION=us-east-1, or aws configure")
    try:
        credentials = session.get_credentials()
    except BotoCoreError as error:
        yield Finding("credentials", "unreadable", _line(error))
        return
    if credentials is None:
        yield Finding("credentials", "none", "aws configure, aws sso login, or export AWS_PROFILE=…")
        return
    try:
        caller = session.client("sts", region_name=region or "us-east-1", config=QUICK).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding("credentials", "not accepted", _line(error))
        return
    yield Finding("credentials", f"account {caller['Account']}")
    if region:
        yield _bootstrap(session, caller["Account"], region)
        yield _log_role(session)


def _bootstrap(session: boto3.Session, account_id: str, region: str) -> Finding:
    remedy = f"cdk bootstrap aws://{account_id}/{region}"
    ssm = session.client("ssm", config=QUICK)
    try:
        version = int(ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return Finding("CDK bootstrap", "missing", remedy)
    except (BotoCoreError, ClientError, ValueError) as error:
        return Finding("CDK bootstrap", "unknown", _line(error))
    return Finding("CDK bootstrap", f"version {version}", "" if version >= BOOTSTRAP_VERSION else remedy)


def _log_role(session: boto3.Session) -> Finding:
    """Only access logs need it, and they are off unless asked for: its absence is no fault."""
    try:
        role = session.client("apigateway", config=QUICK).get_account().get("cloudwatchRoleArn")
    except (BotoCoreError, ClientError) as error:
        return Finding("API Gateway's log role", "unknown", _line(error))
    return Finding("API Gateway's log role", role or "none (only -c access_logs=on needs it; create-role makes it)")


def _program(name: str, command: list[str], suits: Callable[[int], bool], remedy: str) -> Finding:
    path = shutil.which(command[0])
    if path is None:
        return Finding(name, "missing", remedy)
    printed = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False).stdout.strip()
    found = re.search(r"(\d+)\.\d+\.\d+", printed)
    if found is None:
        return Finding(name, "does not run", remedy)
    return Finding(name, found[0], "" if suits(int(found[1])) else remedy)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def lines(title: str, findings: list[Finding]) -> Iterator[str]:
    """A report of one group."""
    yield title
    for finding in findings:
        yield f"  {'MISSING' if finding.remedy else 'ok':<8} {finding.name}: {finding.state}"
        if finding.remedy:
            yield f"           -> {finding.remedy}"


def main() -> int:
    """Print both groups; 1 when something is missing."""
    groups = {"To run here": list(machine()), "To deploy": list(account(boto3.Session()))}
    for title, findings in groups.items():
        sys.stdout.writelines(f"{line}\n" for line in lines(title, findings))
    return int(any(finding.remedy for findings in groups.values() for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
