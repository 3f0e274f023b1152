"""The `lambda` variant: API Gateway holds the sockets, Lambda runs the code."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam

from infra.api import add_routes, allow_connections, build_api, build_stage
from infra.functions import Dependencies, FunctionFactory
from infra.queues import build_queue, feed
from infra.schedules import every_minute
from infra.settings import Settings
from infra.table import build_table


class LambdaStack(Stack):
    """One self-contained stack: it needs nothing but a bootstrapped account, and leaves nothing when destroyed."""

    def __init__(self, scope: App, settings: Settings) -> None:
        super().__init__(scope, "DuplexLambda", description="Duplex: WebSockets on API Gateway, Lambda and DynamoDB")
        table = build_table(self, settings)
        api = build_api(self)
        stage = build_stage(api, settings)
        jobs, deliveries = build_queue(self, "Jobs", settings), build_queue(self, "Deliveries", settings)
        functions = FunctionFactory(
            scope=self,
            settings=settings,
            table=table,
            layers=[Dependencies(self, "Dependencies")],
            environment={
                "BACKEND": "lambda",
                "TABLE_NAME": table.table_name,
                "TOUCH_SECONDS": str(settings.touch_seconds),
                "SESSION_SECONDS": str(settings.session_seconds),
                "POWERTOOLS_SERVICE_NAME": "duplex",
                "POWERTOOLS_METRICS_NAMESPACE": "Duplex",
            },
        )
        posting = {
            "CONNECTIONS_URL": stage.callback_url,
            "HISTORY_MESSAGES": str(settings.history_messages),
            "HISTORY_SECONDS": str(settings.history_seconds),
            "MAX_MEMBERS": str(settings.max_members),
        }
        answering = {
            "JOBS_URL": jobs.queue_url,
            "DELIVERIES_URL": deliveries.queue_url,
            "MAX_ROOMS": str(settings.max_rooms),
            "MESSAGE_RATE": str(settings.message_rate),
        }
        connect = functions.build("Connect", "lambdas.connect.handler", operations=["PutItem"])
        disconnect = functions.build(
            "Disconnect", "lambdas.disconnect.handler", operations=["GetItem", "UpdateItem", "DeleteItem"]
        )
        message = functions.build(
            "Message",
            "lambdas.message.handler",
            # TransactWriteItems has no permission of its own: it takes those of the writes in it.
            operations=["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"],
            environment=posting | answering,
        )
        deliver = functions.build(
            "Deliver", "lambdas.deliver.handler", operations=["UpdateItem", "DeleteItem"], environment=posting
        )
        work = functions.build(
            "Work",
            "lambdas.work.handler",
            operations=["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"],
            environment=posting,
        )
        census = functions.build(
            "Census",
            "lambdas.census.handler",
            operations=["Scan", "UpdateItem", "DeleteItem"],
            environment={"CONNECTIONS_URL": stage.callback_url},
        )
        allow_connections(stage, census.role, "GET", "DELETE")
        every_minute(self, "EveryMinute", census.function)
        for poster in (message, deliver, work):
            allow_connections(stage, poster.role, "POST", "DELETE")
        for queue in (jobs, deliveries):
            message.role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn]))
        feed(deliver.function, deliveries)
        feed(work.function, jobs)
        add_routes(api, connect=connect.function, disconnect=disconnect.function, message=message.function)

        CfnOutput(self, "Url", value=stage.url, description="Where clients connect")
        CfnOutput(self, "Wscat", value=f"npx wscat -c {stage.url}", description="Try it: what you type comes back")
        CfnOutput(self, "TableName", value=table.table_name, description="Connections, sessions and streams")
