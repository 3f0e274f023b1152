"""`python -m tools.localcloud.tests.conformance.app [FOLDER]`: an API as the CDK makes it, for the cases about the CDK.

Synthesizes to FOLDER, or to where the CDK's command line wants it:
`cdk deploy --app "python -m tools.localcloud.tests.conformance.app" --parameters BackendUrl=https://…`.
"""

from __future__ import annotations

import sys

from aws_cdk import App, CfnOutput, CfnParameter, LegacyStackSynthesizer, Stack, aws_lambda
from aws_cdk.aws_apigatewayv2 import CfnIntegration, CfnRoute, CfnRouteResponse, WebSocketApi, WebSocketStage
from aws_cdk.aws_apigatewayv2_integrations import WebSocketLambdaIntegration

_CODE = "def handler(event, _): return {'statusCode': 200, 'body': 'from a function'}"


def build(outdir: str | None = None) -> App:
    """The app. One function has routes with and without `return_response`; HTTP needs a class of CloudFormation's."""
    app = App(outdir=outdir)
    stack = Stack(app, "conformance-cdk", synthesizer=LegacyStackSynthesizer())
    backend = CfnParameter(stack, "BackendUrl", type="String")
    function = aws_lambda.Function(
        stack,
        "Handle",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=aws_lambda.Code.from_inline(_CODE),
    )
    api = WebSocketApi(stack, "Api", route_selection_expression="$request.body.action")
    stage = WebSocketStage(stack, "Stage", web_socket_api=api, stage_name="live", auto_deploy=True)
    to_function = WebSocketLambdaIntegration("Function", function)
    api.add_route("answered", integration=to_function, return_response=True)
    api.add_route("unanswered", integration=to_function)
    to_backend = CfnIntegration(
        stack,
        "Http",
        api_id=api.api_id,
        integration_type="HTTP_PROXY",
        integration_method="POST",
        integration_uri=f"{backend.value_as_string}/cdk",
    )
    route = CfnRoute(
        stack,
        "HttpRoute",
        api_id=api.api_id,
        route_key="http",
        route_response_selection_expression="$default",
        target=f"integrations/{to_backend.ref}",
    )
    CfnRouteResponse(stack, "HttpResponse", api_id=api.api_id, route_id=route.ref, route_response_key="$default")
    CfnOutput(stack, "CdkUrl", value=stage.url)
    return app


if __name__ == "__main__":
    build(sys.argv[1] if len(sys.argv) > 1 else None).synth()
