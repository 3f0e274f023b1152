"""The `lambda` variant: API Gateway holds the sockets, Lambda runs the code."""

from aws_cdk import App, CfnOutput, Stack

from infra.api import add_routes, allow_connections, build_api, build_stage
from infra.functions import Dependencies, FunctionFactory
from infra.settings import Settings
from infra.table import build_table


class LambdaStack(Stack):
    """One self-contained stack: it needs nothing but a bootstrapped account, and leaves nothing when destroyed."""

    def __init__(self, scope: App, settings: Settings) -> None:
        super().__init__(scope, "DuplexLambda", description="Duplex: WebSockets on API Gateway, Lambda and DynamoDB")
        table = build_table(self, settings)
        api = build_api(self)
        stage = build_stage(api, settings)
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
        connect = functions.build("Connect", "lambdas.connect.handler", operations=["PutItem"])
        disconnect = functions.build("Disconnect", "lambdas.disconnect.handler", operations=["GetItem", "UpdateItem"])
        message = functions.build(
            "Message",
            "lambdas.message.handler",
            # TransactWriteItems has no permission of its own: it takes those of the writes in it.
            operations=["GetItem", "PutItem", "UpdateItem", "DeleteItem"],
            environment={"CONNECTIONS_URL": stage.callback_url},
        )
        allow_connections(stage, message.role)
        add_routes(api, connect=connect.function, disconnect=disconnect.function, message=message.function)

        CfnOutput(self, "Url", value=stage.url, description="Where clients connect")
        CfnOutput(self, "Wscat", value=f"npx wscat -c {stage.url}", description="Try it: what you type comes back")
        CfnOutput(self, "TableName", value=table.table_name, description="Connections, sessions and streams")
