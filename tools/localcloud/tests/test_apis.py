from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud import apis
from localcloud.errors import LocalError
from localcloud.gateway.model import Integration, Route
from localcloud.template import Stack

from . import assemblies

if TYPE_CHECKING:
    from collections.abc import Callable


def stack(builder: assemblies.Builder) -> Stack:
    return Stack("App", {"Resources": builder.resources})


def test_an_api_is_read_with_its_routes_integrations_and_responses() -> None:
    builder = assemblies.echo()
    builder.resources["DefaultIntegration"]["Properties"]["TimeoutInMillis"] = 1500
    builder.resources["Stage"]["Properties"]["StageVariables"] = {"table": "one"}
    (api,) = apis.read(stack(builder))
    arn = "arn:aws:lambda:us-east-1:123456789012:function:App-Default"
    assert api.routes["$default"] == Route("$default", Integration(arn, 1.5), responds=True)
    assert api.routes["quiet"] == Route("quiet", Integration(arn, 1.5), responds=False)
    assert api.routes["nowhere"] == Route("nowhere", None)
    assert set(api.routes) == {"$connect", "$disconnect", "$default", "quiet", "nowhere"}
    assert (api.stage, api.stage_variables) == ("prod", {"table": "one"})
    assert api.domain_name == f"{api.id}.execute-api.us-east-1.amazonaws.com"


def test_a_response_needs_both_the_expression_and_the_route_response() -> None:
    one, other = assemblies.echo(), assemblies.echo()
    del one.resources["DefaultRoute"]["Properties"]["RouteResponseSelectionExpression"]
    del other.resources["DefaultRouteResponse"]
    for builder in (one, other):
        (api,) = apis.read(stack(builder))
        assert not api.routes["$default"].responds


def test_http_apis_are_not_websocket_apis() -> None:
    builder = assemblies.echo()
    builder.resources["Api"]["Properties"]["ProtocolType"] = "HTTP"
    assert apis.read(stack(builder)) == []


def change(logical_id: str, name: str, value: Any) -> Callable[[assemblies.Builder], None]:
    return lambda builder: builder.resources[logical_id]["Properties"].__setitem__(name, value)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (change("Api", "RouteSelectionExpression", None), "App.Api: a WebSocket API needs a RouteSelectionExpression"),
        (change("Api", "RouteSelectionExpression", "$context.x"), "App.Api: '$context.x' is not a selection"),
        (change("Stage", "ApiId", "other"), "App.Api: needs one AWS::ApiGatewayV2::Stage to run here, has 0"),
        (change("DefaultRoute", "Target", "integrations/x"), "App.DefaultRoute: its Target integrations/x is not"),
        (
            change("DefaultIntegration", "IntegrationType", "FTP"),
            "App.DefaultIntegration: there is no integration type 'FTP'",
        ),
        (change("DefaultIntegration", "IntegrationUri", "arn:x"), "App.DefaultIntegration: its IntegrationUri 'arn:x'"),
    ],
)
def test_what_cannot_run_is_named_by_its_logical_id(broken: Callable[[assemblies.Builder], None], text: str) -> None:
    builder = assemblies.echo()
    broken(builder)
    with pytest.raises(LocalError) as error:
        apis.read(stack(builder))
    assert text in str(error.value)
