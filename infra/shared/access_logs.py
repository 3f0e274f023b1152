"""Access logs of the WebSocket stage, and the account-level role without which API Gateway cannot write them."""

import json
from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Settings
from infra.shared.functions import retention
from infra.shared.lint import acknowledge

PUSH_TO_LOGS = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"

# One JSON object a line, for each connect, message and disconnect. The variables are those of the Developer Guide,
# "Configure logging for WebSocket APIs".
LINE = {
    "requestId": "$context.requestId",
    "requestTimeEpoch": "$context.requestTimeEpoch",
    "eventType": "$context.eventType",
    "routeKey": "$context.routeKey",
    "connectionId": "$context.connectionId",
    "messageId": "$context.messageId",
    "sourceIp": "$context.identity.sourceIp",
    "status": "$context.status",
    "error": "$context.error.message",
    "integrationStatus": "$context.integration.status",
    "integrationLatency": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
}


def add_access_logs(stage: apigatewayv2.WebSocketStage, settings: Settings) -> None:
    """Log each request of `stage` as the setting `access_logs` says."""
    if settings.access_logs == "off":
        acknowledge(
            stage,
            "AwsSolutions-APIG1",
            "They need an account-level role that a fresh account lacks: the option access_logs adds them.",
        )
        return
    scope = Stack.of(stage)
    log_group = logs.LogGroup(scope, "AccessLog", retention=retention(settings), removal_policy=RemovalPolicy.DESTROY)
    # The L2's own property takes an object that implements a jsii interface; this is what comes of it.
    resource = cast("apigatewayv2.CfnStage", stage.node.default_child)
    resource.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
        destination_arn=log_group.log_group_arn, format=json.dumps(LINE)
    )
    if settings.access_logs == "create-role":
        stage.node.add_dependency(_account_role(scope))


def _account_role(scope: Construct) -> apigateway.CfnAccount:
    """Let API Gateway write logs for every API: a stage that logs depends on the result.

    The setting is one for the whole account and Region. Deploying replaces whichever role was set; destroying leaves
    ours in place, since other APIs may have come to rely on it.
    """
    role = iam.Role(
        scope,
        "ApiGatewayLogRole",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(PUSH_TO_LOGS)],
    )
    role.apply_removal_policy(RemovalPolicy.RETAIN)
    acknowledge(
        role,
        f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{PUSH_TO_LOGS}]",
        "The policy that API Gateway documents for this role: it serves APIs that do not exist yet.",
    )
    account = apigateway.CfnAccount(scope, "ApiGatewayAccount", cloud_watch_role_arn=role.role_arn)
    account.apply_removal_policy(RemovalPolicy.RETAIN)
    return account
