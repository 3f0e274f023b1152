"""`cdk deploy` for real: the CDK CLI from npm, the template for AWS, and an AWS that nobody here wrote.

One test, told in order, since each step needs what the one before left behind: a failure says how far it came.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.e2e.aws import ACCOUNT, REGION, Aws, ministack
from tests.e2e.cdk import STACK, Cdk, clean_environment, copy_of_the_project
from tests.processes import eventually
from tests.synthesized import synthesized_once
from tests.wscat import ODD, wscat_gets_back_what_is_typed

if TYPE_CHECKING:
    from pathlib import Path

    from websockets.sync.client import ClientConnection

pytestmark = pytest.mark.slow

TEMPLATE = f"{STACK}.template.json"
TIMEOUT = 30


@dataclass(frozen=True)
class Deployed:
    """The stack's API and table, as they are reached on this machine."""

    aws: Aws

    @cached_property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    @property
    def path(self) -> str:
        host, stage = self.outputs["Url"].removeprefix("wss://").split("/")
        return f"/_aws/execute-api/{host.partition('.')[0]}/{stage}"

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.aws.port}{self.path}"

    def session_item(self, session: dict[str, Any]) -> dict[str, Any]:
        key = {"pk": {"S": f"session#{session['sessionId']}"}, "sk": {"S": "session"}}
        found = self.aws.client("dynamodb").get_item(TableName=self.outputs["TableName"], Key=key)
        item: dict[str, Any] = found["Item"]
        return item


def test_bootstrap_deploy_use_update_hotswap_and_destroy(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = clean_environment(tmp_path / "home")
    project = copy_of_the_project(tmp_path / "project")
    with ministack(tmp_path, environment) as aws:
        cdk = Cdk(project, {**environment, **aws.environment})
        cdk.run("bootstrap", f"aws://{ACCOUNT}/{REGION}")

        output = str(tmp_path / "first")
        cdk.run("deploy", "--require-approval", "never", "--output", output)
        the_template_is_the_one_for_aws(aws, tmp_path / "first", synthesized_once(tmp_path_factory))
        assert "There were no differences" in cdk.run("diff", "--fail", "--app", output)

        deployed = Deployed(aws)
        session = a_session_is_an_item_that_expires(deployed, 900)
        the_function_itself_posts_and_closes(deployed)
        wscat_gets_back_what_is_typed(deployed.url)

        output = str(tmp_path / "second")
        longer = ("-c", "session_seconds=7200", "--output", output)
        difference = cdk.run("diff", "--fail", *longer, status=1)
        assert "SESSION_SECONDS" in difference
        assert "Number of stacks with differences: 1" in difference
        cdk.run("deploy", "--require-approval", "never", "--app", output)
        a_session_is_an_item_that_expires(deployed, 7200)
        assert deployed.session_item(session), "an update keeps the data"

        before = stack_of(aws)["LastUpdatedTime"]
        handler = project / "lambdas/message.py"
        source = handler.read_text()
        assert source.count('"body": reply') == 1
        handler.write_text(source.replace('"body": reply', '"body": f"swapped: {reply}"'))
        output = str(tmp_path / "third")
        cdk.run("deploy", "--hotswap", "-c", "session_seconds=7200", "--output", output)
        with client(deployed) as socket:
            assert ask(socket, "hello") == "swapped: hello"
        assert stack_of(aws)["LastUpdatedTime"] == before, "CloudFormation had no part in it"

        a_log_group_that_is_gone_stays_gone(aws)
        cdk.run("destroy", "--force", "--app", output)
        assert what_is_left(aws) == []
    for shown, seconds in cdk.took.items():
        print(f"{seconds:5.1f} s  {shown}")  # noqa: T201 - `pytest -s` shows it


def the_template_is_the_one_for_aws(aws: Aws, deployed: Path, synthesized: Path) -> None:
    """To the byte: what `synth` makes with no AWS in sight, what was deployed, and what CloudFormation was given."""
    expected = (synthesized / TEMPLATE).read_bytes()
    assert (deployed / TEMPLATE).read_bytes() == expected
    s3 = aws.client("s3")
    bucket = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"] if entry["Key"].endswith(".json")]
    assert [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys] == [expected]
    template = aws.client("cloudformation").get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"]
    assert template == json.loads(expected)


def a_session_is_an_item_that_expires(deployed: Deployed, seconds: int) -> dict[str, Any]:
    """It is in the deployed table, under its TTL, and what is posted to its connection arrives."""
    dynamodb = deployed.aws.client("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName=deployed.outputs["TableName"])["TimeToLiveDescription"]
    with client(deployed) as socket:
        session: dict[str, Any] = json.loads(ask(socket, '{"action":"session"}'))
        item = deployed.session_item(session)
        left = int(item[ttl["AttributeName"]]["N"]) - time.time()
        assert ttl["TimeToLiveStatus"] == "ENABLED"
        assert seconds - 60 < left <= seconds + 1

        connection_id = item["connectionId"]["S"]
        management = deployed.aws.client("apigatewaymanagementapi", deployed.path)
        management.post_to_connection(ConnectionId=connection_id, Data=ODD.encode())
        assert socket.recv(timeout=TIMEOUT) == ODD
    eventually(lambda: "connectionId" not in deployed.session_item(session), "$disconnect let go of the session")
    with pytest.raises(management.exceptions.GoneException):
        management.post_to_connection(ConnectionId=connection_id, Data=b"late")
    return session


def the_function_itself_posts_and_closes(deployed: Deployed) -> None:
    """With the address, the role and the signature that it has on AWS."""
    with client(deployed) as first, client(deployed) as second:
        session = json.loads(ask(first, '{"action":"session"}'))
        resume = json.dumps({"action": "session", "resume": session["resumeToken"], "after": 0})
        assert json.loads(ask(second, resume))["resumed"] is True
        told = json.loads(first.recv(timeout=TIMEOUT))
        assert told == {"type": "taken-over", "sessionId": session["sessionId"]}
        with pytest.raises(ConnectionClosed):
            first.recv(timeout=TIMEOUT)
        assert ask(second, "hello") == "hello"


def a_log_group_that_is_gone_stays_gone(aws: Aws) -> None:
    """A function that still runs while its stack is destroyed must not bring back its log."""
    functions, logs = aws.client("lambda"), aws.client("logs")
    (census,) = (entry for entry in functions.list_functions()["Functions"] if "Census" in entry["FunctionName"])
    group = census["LoggingConfig"]["LogGroup"]
    logs.delete_log_group(logGroupName=group)
    ran = functions.invoke(FunctionName=census["FunctionName"])
    assert "FunctionError" not in ran, ran["Payload"].read()
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def what_is_left(aws: Aws) -> list[str]:
    """Everything the stack may have made that still exists, by name. Bootstrap's own is not ours."""
    functions = aws.client("lambda")
    return [
        *aws.client("dynamodb").list_tables()["TableNames"],
        *(entry["FunctionName"] for entry in functions.list_functions()["Functions"]),
        *(entry["LayerName"] for entry in functions.list_layers()["Layers"]),
        *aws.client("sqs").list_queues().get("QueueUrls", []),
        *(rule["Name"] for rule in aws.client("events").list_rules()["Rules"]),
        *(alarm["AlarmName"] for alarm in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        *(entry["UUID"] for entry in functions.list_event_source_mappings()["EventSourceMappings"]),
        *(entry["ApiId"] for entry in aws.client("apigatewayv2").get_apis()["Items"]),
        *(entry["logGroupName"] for entry in aws.client("logs").describe_log_groups()["logGroups"]),
        *(
            entry["RoleName"]
            for entry in aws.client("iam").list_roles()["Roles"]
            if not entry["RoleName"].startswith("cdk-")
        ),
        *(
            entry["StackName"]
            for entry in aws.client("cloudformation").describe_stacks()["Stacks"]
            if entry["StackName"] != "CDKToolkit"
        ),
    ]


def stack_of(aws: Aws) -> dict[str, Any]:
    stack: dict[str, Any]
    (stack,) = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return stack


def client(deployed: Deployed) -> ClientConnection:
    connection: ClientConnection = connect(deployed.url, open_timeout=TIMEOUT)
    return connection


def ask(socket: ClientConnection, text: str) -> str:
    socket.send(text)
    answer = socket.recv(timeout=TIMEOUT)
    assert isinstance(answer, str)
    return answer
