"""The WebSocket API: its stage, its routes, and the permission to answer through it."""

from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import WebSocketLambdaIntegration
from constructs import Construct

from infra.settings import Settings
from infra.shared.access_logs import add_access_logs
from infra.shared.actions import actions
from infra.shared.lint import acknowledge

STAGE = "prod"

# Why routes have no authorizer.
ANYONE = "Anyone may connect and gets a session of its own; the resume token is what protects it."
AT_CONNECT_ALONE = "API Gateway allows an authorizer on $connect alone."


def replying_routes() -> list[str]:
    """Return the keys of the routes that reply: one for each action, and `$default` for everything else."""
    return ["$default", *actions()]


def build_api(scope: Construct) -> apigatewayv2.WebSocketApi:
    return apigatewayv2.WebSocketApi(scope, "Api", api_name="duplex", route_selection_expression="$request.body.action")


def build_stage(api: apigatewayv2.WebSocketApi, settings: Settings) -> apigatewayv2.WebSocketStage:
    """Return the stage beside `api`; it needs no route to exist, so functions can be told its address."""
    stage = apigatewayv2.WebSocketStage(
        Stack.of(api),
        "Stage",
        web_socket_api=api,
        stage_name=STAGE,
        auto_deploy=True,
        throttle=apigatewayv2.ThrottleSettings(rate_limit=settings.throttle_rate, burst_limit=settings.throttle_burst),
    )
    add_access_logs(stage, settings)
    return stage


def add_function_routes(
    api: apigatewayv2.WebSocketApi,
    *,
    connect: lambda_.IFunction,
    disconnect: lambda_.IFunction,
    message: lambda_.IFunction,
) -> None:
    """Route the life of a connection to three functions; the routes of one function share its integration.

    A route response is what makes a reply: without one, API Gateway drops what the function returns (Developer Guide,
    "Set up a WebSocket API route response").
    """
    acknowledge(
        api.add_route("$connect", integration=WebSocketLambdaIntegration("Connect", connect)),
        "AwsSolutions-APIG4",
        ANYONE,
    )
    messages = WebSocketLambdaIntegration("Message", message)
    for route in (
        api.add_route("$disconnect", integration=WebSocketLambdaIntegration("Disconnect", disconnect)),
        *(api.add_route(key, integration=messages, return_response=True) for key in replying_routes()),
    ):
        acknowledge(route, "AwsSolutions-APIG4", AT_CONNECT_ALONE)


def allow_connections(stage: apigatewayv2.WebSocketStage, role: iam.IRole, *methods: str) -> None:
    """Let `role` post to the stage's connections, close them, or look at them: POST, DELETE, GET.

    The L2's own grant takes every method.
    """
    stack = Stack.of(stage)
    api = stage.api.api_id
    logical_id = stack.get_logical_id(cast("apigatewayv2.CfnApi", stage.api.node.default_child))
    for method in methods:
        path = f"{STAGE}/{method}/@connections/*"
        arn = stack.format_arn(service="execute-api", resource=api, resource_name=path)
        role.add_to_principal_policy(iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=[arn]))
        # cdk-nag writes a reference as the logical id in angle brackets, and wants the whole ARN.
        shown = f"arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<{logical_id}>/{path}"
        acknowledge(
            role,
            f"AwsSolutions-IAM5[Resource::{shown}]",
            "Connection ids are made by API Gateway at run time: the wildcard is the narrowest form there is.",
        )
