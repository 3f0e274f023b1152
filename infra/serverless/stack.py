"""The `lambda` variant: API Gateway holds the sockets, Lambda runs the code."""

from aws_cdk import App, Stack

from infra.settings import Settings
from infra.shared.api import add_function_routes
from infra.shared.backend import MESSAGE_OPERATIONS, add_consumers, build_backend
from infra.variants import LAMBDA


class LambdaStack(Stack):
    """One self-contained stack: it needs nothing but a bootstrapped account, and leaves nothing when destroyed."""

    def __init__(self, scope: App, settings: Settings) -> None:
        super().__init__(scope, LAMBDA.stack, description="Duplex: WebSockets on API Gateway, Lambda and DynamoDB")
        self.template_options.metadata = LAMBDA.metadata()
        backend = build_backend(self, settings, LAMBDA.name)
        connect = backend.functions.build("Connect", "lambdas.connect.handler", operations=["PutItem"])
        disconnect = backend.functions.build(
            "Disconnect", "lambdas.disconnect.handler", operations=["GetItem", "UpdateItem", "DeleteItem"]
        )
        message = backend.functions.build(
            "Message",
            "lambdas.message.handler",
            operations=MESSAGE_OPERATIONS,
            environment={**backend.posting, **backend.answering},
        )
        backend.allow_messages(message.role)
        add_consumers(self, backend)
        add_function_routes(
            backend.api, connect=connect.function, disconnect=disconnect.function, message=message.function
        )
