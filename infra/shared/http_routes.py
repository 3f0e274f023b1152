"""Routes that lead over HTTP to the pods: a VPC link, and headers that carry what an event would."""

from collections.abc import Mapping

from aws_cdk import CfnOutput
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.settings import Settings
from infra.shared.api import ANYONE, AT_CONNECT_ALONE, replying_routes
from infra.shared.lint import acknowledge

# What each kind of request tells the pods, beside the body, which is the frame as it came: so no quoting can lose
# anything. At `$connect` HTTP_PROXY hands over the client's own headers and query string too. A mapped header takes
# the place of a client's copy of it, but a value that is absent maps nothing; so whatever a pod trusts has a value
# always, and X-Duplex-Principal, since this API has no authorizer, says that there is nobody: `-`.
# Source: "Data mapping for WebSocket APIs", Amazon API Gateway Developer Guide. That a mapping replaces the client's
# header is how REST APIs do it, and is not written down for WebSocket APIs.
EVERY = {
    "X-Duplex-Api-Id": "context.apiId",
    "X-Duplex-Domain-Name": "context.domainName",
    "X-Duplex-Stage": "context.stage",
    "X-Duplex-Connection-Id": "context.connectionId",
    "X-Duplex-Connected-At": "context.connectedAt",
    "X-Duplex-Route-Key": "context.routeKey",
    "X-Duplex-Request-Id": "context.requestId",
    "X-Duplex-Source-Ip": "context.identity.sourceIp",
    "X-Duplex-User-Agent": "context.identity.userAgent",
    "X-Duplex-Principal": "'-'",
}
CONNECT = {
    "X-Duplex-Origin": "route.request.header.Origin",
    "X-Duplex-Subprotocol": "route.request.header.Sec-WebSocket-Protocol",
}
MESSAGE = {"X-Duplex-Message-Id": "context.messageId"}
DISCONNECT = {
    "X-Duplex-Disconnect-Code": "context.disconnectStatusCode",
    "X-Duplex-Disconnect-Reason": "context.disconnectReason",
}


def build_secret(scope: Construct) -> secretsmanager.Secret:
    """Return the secret that only the gateway and the pods know: letters and digits, as it stands between quotes."""
    secret = secretsmanager.Secret(
        scope,
        "GatewaySecret",
        description="Duplex: what API Gateway shows the pods to prove that a request comes through it",
        generate_secret_string=secretsmanager.SecretStringGenerator(password_length=48, exclude_punctuation=True),
    )
    acknowledge(
        secret,
        "AwsSolutions-SMG4",
        "The gateway learns a value when it is deployed, so a rotation takes a deployment: docs/operations.md. "
        "Pods take the last value beside the current one.",
    )
    CfnOutput(scope, "GatewaySecretArn", value=secret.secret_arn, description="To rotate it: docs/deploying.md")
    return secret


def add_http_routes(
    api: apigatewayv2.WebSocketApi,
    balancer: elb.NetworkLoadBalancer,
    secret: secretsmanager.Secret,
    settings: Settings,
) -> None:
    """Route the life of a connection to `/connect`, `/message` and `/disconnect` behind `balancer`.

    WebSocket APIs take a VPC link of the first kind only, which leads to a Network Load Balancer ("Set up VPC links
    V1", API Gateway Developer Guide). The L2 has no HTTP_PROXY for WebSocket APIs: hence the L1 resources.
    """
    scope = api.stack
    link = apigateway.VpcLink(scope, "VpcLink", targets=[balancer])
    # A dynamic reference: CloudFormation puts the value in when it deploys, and no template ever holds it.
    value = f"'{{{{resolve:secretsmanager:{secret.secret_arn}:SecretString:::{settings.secret_version}}}}}'"

    def integrate(construct_id: str, path: str, more: Mapping[str, str]) -> apigatewayv2.CfnIntegration:
        headers = {"X-Duplex-Secret": value, **EVERY, **more}
        return apigatewayv2.CfnIntegration(
            scope,
            f"{construct_id}Integration",
            api_id=api.api_id,
            integration_type="HTTP_PROXY",
            integration_method="POST",
            integration_uri=f"http://{balancer.load_balancer_dns_name}/{path}",
            connection_type="VPC_LINK",
            connection_id=link.vpc_link_id,
            request_parameters={f"integration.request.header.{name}": source for name, source in headers.items()},
        )

    def route(key: str, integration: apigatewayv2.CfnIntegration, *, replies: bool = False) -> apigatewayv2.CfnRoute:
        name = key.removeprefix("$").capitalize()
        # What a `$connect` mapping takes from the client has to be declared on its route.
        client = [source for source in CONNECT.values() if key == "$connect"]
        made = apigatewayv2.CfnRoute(
            scope,
            f"{name}Route",
            api_id=api.api_id,
            route_key=key,
            authorization_type="NONE",
            target=f"integrations/{integration.ref}",
            request_parameters={source: {"Required": False} for source in client} or None,
            route_response_selection_expression="$default" if replies else None,
        )
        if replies:
            apigatewayv2.CfnRouteResponse(
                scope, f"{name}RouteResponse", api_id=api.api_id, route_id=made.ref, route_response_key="$default"
            )
        return made

    acknowledge(route("$connect", integrate("Connect", "connect", CONNECT)), "AwsSolutions-APIG4", ANYONE)
    messages = integrate("Message", "message", MESSAGE)
    for made in (
        route("$disconnect", integrate("Disconnect", "disconnect", DISCONNECT)),
        *(route(key, messages, replies=True) for key in replying_routes()),
    ):
        acknowledge(made, "AwsSolutions-APIG4", AT_CONNECT_ALONE)
