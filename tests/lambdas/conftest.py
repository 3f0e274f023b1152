"""The functions on a fresh table, imported anew for each test as a new Lambda environment would."""

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from backend import aws
from tests.backend.support import TABLE, Calls, ManagementEndpoint, table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

#: Every function, one module each.
HANDLERS = ("connect", "disconnect", "message", "deliver", "work", "census")

EVENTS = Path(__file__).parent / "events"
URL = "https://abcdef1234.execute-api.eu-west-1.amazonaws.com/prod"
QUEUES = "https://sqs.eu-west-1.amazonaws.com/123456789012"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "BACKEND": "lambda",
    "CONNECTIONS_URL": URL,
    "DELIVERIES_URL": f"{QUEUES}/deliveries",
    "JOBS_URL": f"{QUEUES}/jobs",
    "POWERTOOLS_METRICS_NAMESPACE": "Duplex",
    "POWERTOOLS_SERVICE_NAME": "duplex",
    "SESSION_SECONDS": "900",
    "TABLE_NAME": TABLE,
    "TOUCH_SECONDS": "300",
}


def golden(name: str, **context: Any) -> dict[str, Any]:
    """A golden event, with some fields of its request context replaced."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    event["requestContext"].update(context)
    return event


@dataclass
class Context:
    """What Powertools reads of Lambda's context."""

    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:function"
    aws_request_id: str = "8c53d6cf-0000-4000-8000-000000000000"


@dataclass
class Functions:
    """The functions, the table behind them, and what they asked AWS for."""

    client: "DynamoDBClient"
    modules: dict[str, ModuleType]
    calls: Calls
    management: ManagementEndpoint

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """What Lambda does: JSON in, JSON out."""
        result = self.modules[function].handler(json.loads(json.dumps(event)), Context())
        answer: dict[str, Any] = json.loads(json.dumps(result))
        return answer

    def fed(self, function: str, *bodies: str) -> list[str]:
        """What Lambda does with messages of a queue; the ids of those that are to stay in it, which are numbers."""
        records = [
            {"messageId": str(number), "body": body, "eventSource": "aws:sqs"} for number, body in enumerate(bodies)
        ]
        failures = self.invoke(function, {"Records": records})["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failures]

    def say(self, text: str, **context: Any) -> str:
        """One message, and the body of its reply."""
        answer = self.invoke("message", {**golden("message_text", **context), "body": text})
        assert answer["statusCode"] == 200
        body: str = answer["body"]
        return body


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with table() as client:
        for name in [name for name in sys.modules if name.partition(".")[0] == "lambdas"]:
            monkeypatch.delitem(sys.modules, name)
        sqs = aws.sqs()
        for queue in ("deliveries", "jobs"):
            sqs.create_queue(QueueName=queue)
        application = importlib.import_module("lambdas.environment").application
        # On Lambda each function has a process of its own; here the census gets a way to connections of its own.
        modules = {"census": importlib.import_module("lambdas.census")}
        ManagementEndpoint(application.outbound, 410, "GoneException")
        del application.outbound
        modules |= {name: importlib.import_module(f"lambdas.{name}") for name in HANDLERS}
        yield Functions(client, modules, Calls(application.dynamodb), ManagementEndpoint(application.outbound))
