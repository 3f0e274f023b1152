"""WebSocket APIs out of a template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local import resources
from local.errors import LocalError
from local.gateway import selection
from local.gateway.model import Api, Integration, Route

if TYPE_CHECKING:
    from local.template import Stack

_FUNCTION_ARN = re.compile(r"^arn:aws:apigateway:[^:]+:lambda:path/2015-03-31/functions/(?P<arn>.+)/invocations$")


def read(stack: Stack) -> list[Api]:
    """The WebSocket APIs of a stack, each with its stage; LocalError for what cannot be run, by its logical id."""
    apis = []
    for logical_id in stack.resources(resources.API):
        with stack.reading(logical_id):
            if stack.property(logical_id, "ProtocolType") == "WEBSOCKET":
                apis.append(_api(stack, logical_id))
    return apis


def _api(stack: Stack, logical_id: str) -> Api:
    api_id = stack.ref(logical_id)
    where = f"{stack.name}.{logical_id}"
    expression = stack.property(logical_id, "RouteSelectionExpression")
    if not isinstance(expression, str):
        raise LocalError(f"{where}: a WebSocket API needs a RouteSelectionExpression")
    try:
        parsed = selection.parse(expression)
    except selection.ExpressionError as error:
        raise LocalError(f"{where}: {error}") from error
    stages = [id_ for id_ in stack.resources(resources.STAGE) if stack.property(id_, "ApiId") == api_id]
    if len(stages) != 1:
        raise LocalError(f"{where}: needs one AWS::ApiGatewayV2::Stage to run here, has {len(stages)}")
    return Api(
        id=api_id,
        stage=stack.ref(stages[0]),
        region=stack.region,
        selection=parsed,
        routes=_routes(stack, api_id),
        stage_variables=stack.property(stages[0], "StageVariables") or {},
        detailed_metrics=(stack.property(stages[0], "DefaultRouteSettings") or {}).get("DetailedMetricsEnabled")
        is True,
    )


def _routes(stack: Stack, api_id: str) -> dict[str, Route]:
    integrations = {f"integrations/{stack.ref(id_)}": id_ for id_ in stack.resources(resources.INTEGRATION)}
    answered = {
        stack.property(id_, "RouteId")
        for id_ in stack.resources(resources.ROUTE_RESPONSE)
        if stack.property(id_, "RouteResponseKey") == "$default"
    }
    routes = {}
    for logical_id in stack.resources(resources.ROUTE):
        with stack.reading(logical_id):
            properties = stack.properties(logical_id)
            if properties.get("ApiId") != api_id:
                continue
            key, target = properties["RouteKey"], properties.get("Target")
            if target is not None and target not in integrations:
                raise LocalError(f"{stack.name}.{logical_id}: its Target {target} is not an integration of this stack")
            integration = _integration(stack, integrations[target]) if target is not None else None
            expression = properties.get("RouteResponseSelectionExpression")
            routes[key] = Route(key, integration, expression == "$default" and stack.ref(logical_id) in answered)
    return routes


def _integration(stack: Stack, logical_id: str) -> Integration:
    properties = stack.properties(logical_id)
    kind = properties.get("IntegrationType")
    where = f"{stack.name}.{logical_id}"
    if kind != "AWS_PROXY":
        raise LocalError(f"{where}: the integration type {kind} does not run here yet, only AWS_PROXY")
    match = _FUNCTION_ARN.match(str(properties.get("IntegrationUri")))
    if match is None:
        raise LocalError(f"{where}: its IntegrationUri {properties.get('IntegrationUri')!r} names no Lambda function")
    return Integration(match["arn"], float(properties.get("TimeoutInMillis", 29000)) / 1000)
