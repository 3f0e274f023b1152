"""What every variant has: the table, the WebSocket API, the queues and the functions that empty them, the census."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from infra.settings import Settings
from infra.shared.api import allow_connections, build_api, build_stage
from infra.shared.functions import Dependencies, FunctionFactory
from infra.shared.queues import build_queue, feed
from infra.shared.schedules import every_minute
from infra.shared.table import build_table

# What answering a message does to the table. TransactWriteItems has no permission of its own: it takes those of the
# writes in it.
MESSAGE_OPERATIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The parts of a stack that do not depend on what runs the code.

    `posting` and `answering` are variables for a host that posts to connections, and for one that answers messages too.
    """

    name: str
    table: dynamodb.TableV2
    api: apigatewayv2.WebSocketApi
    stage: apigatewayv2.WebSocketStage
    jobs: sqs.Queue
    deliveries: sqs.Queue
    functions: FunctionFactory
    posting: Mapping[str, str]
    answering: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Every variable of a host that does it all."""
        return {**self.functions.environment, **self.posting, **self.answering}

    def allow_messages(self, role: iam.Role) -> None:
        """Let `role` do what answering a message takes, less the table's operations: post, close, and put in queues."""
        allow_connections(self.stage, role, "POST", "DELETE")
        for queue in (self.jobs, self.deliveries):
            role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn]))


def build_backend(scope: Stack, settings: Settings, name: str) -> Backend:
    """Build the shared parts into `scope`; `name` is the variant, a dimension of every metric."""
    table = build_table(scope, settings)
    api = build_api(scope)
    stage = build_stage(api, settings)
    jobs, deliveries = build_queue(scope, "Jobs", settings), build_queue(scope, "Deliveries", settings)
    return Backend(
        name=name,
        table=table,
        api=api,
        stage=stage,
        jobs=jobs,
        deliveries=deliveries,
        functions=FunctionFactory(
            scope=scope,
            settings=settings,
            table=table,
            layers=[Dependencies(scope, "Dependencies")],
            environment=session_environment(name, table, settings),
        ),
        posting={"CONNECTIONS_URL": stage.callback_url, **stream_environment(settings)},
        answering={
            "JOBS_URL": jobs.queue_url,
            "DELIVERIES_URL": deliveries.queue_url,
            **message_environment(settings),
        },
    )


def session_environment(name: str, table: dynamodb.ITable, settings: Settings) -> dict[str, str]:
    """Return the variables of whatever runs code of the variant `name`."""
    return {
        "BACKEND": name,
        "TABLE_NAME": table.table_name,
        "TOUCH_SECONDS": str(settings.touch_seconds),
        "SESSION_SECONDS": str(settings.session_seconds),
        "POWERTOOLS_SERVICE_NAME": "duplex",
        "POWERTOOLS_METRICS_NAMESPACE": "Duplex",
    }


def stream_environment(settings: Settings) -> dict[str, str]:
    """Return the variables of what writes to streams and rooms."""
    return {
        "HISTORY_MESSAGES": str(settings.history_messages),
        "HISTORY_SECONDS": str(settings.history_seconds),
        "MAX_MEMBERS": str(settings.max_members),
    }


def message_environment(settings: Settings) -> dict[str, str]:
    """Return the variables of what answers messages."""
    return {"MAX_ROOMS": str(settings.max_rooms), "MESSAGE_RATE": str(settings.message_rate)}


def add_consumers(scope: Stack, backend: Backend) -> None:
    """Add the functions that empty the queues, the census, and the stack's outputs."""
    deliver = backend.functions.build(
        "Deliver", "lambdas.deliver.handler", operations=["UpdateItem", "DeleteItem"], environment=backend.posting
    )
    work = backend.functions.build(
        "Work", "lambdas.work.handler", operations=MESSAGE_OPERATIONS, environment=backend.posting
    )
    census = backend.functions.build(
        "Census",
        "lambdas.census.handler",
        operations=["Scan", "UpdateItem", "DeleteItem"],
        environment={"CONNECTIONS_URL": backend.stage.callback_url},
    )
    allow_connections(backend.stage, census.role, "GET", "DELETE")
    every_minute(scope, "EveryMinute", census.function)
    for poster in (deliver, work):
        allow_connections(backend.stage, poster.role, "POST", "DELETE")
    feed(deliver.function, backend.deliveries)
    feed(work.function, backend.jobs)

    url = backend.stage.url
    CfnOutput(scope, "Url", value=url, description="Where clients connect")
    CfnOutput(scope, "Wscat", value=f"npx wscat -c {url}", description="Try it: what you type comes back")
    CfnOutput(scope, "TableName", value=backend.table.table_name, description="Connections, sessions and streams")
