"""Integrations, models and authorizers as they are read from a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from localcloud import apis
from localcloud.errors import LocalError
from localcloud.gateway.throttle import Limit
from localcloud.template import Stack

from .assemblies import ARN, Builder

if TYPE_CHECKING:
    from localcloud.gateway.model import Api, Integration

API = {"ApiId": {"Ref": "Api"}}


def builder(integration: dict[str, Any] | None = None, **route: Any) -> Builder:
    """An API whose `$default` route leads to an integration `To`."""
    made = Builder()
    made.add("To", "AWS::ApiGatewayV2::Integration", **API, **(integration or {"IntegrationType": "MOCK"}))
    target = {"Fn::Sub": "integrations/${To}"}
    made.add("Default", "AWS::ApiGatewayV2::Route", **API, RouteKey="$default", Target=target, **route)
    return made


def read(made: Builder) -> Api:
    (api,) = apis.read(Stack("App", {"Resources": made.resources}))
    return api


def integration(made: Builder) -> Integration:
    found = read(made).routes["$default"].integration
    assert found is not None
    return found


def test_an_http_integration_has_its_address_method_timeout_and_stage_variables() -> None:
    uri = "http://${stageVariables.host}/x/{id}"
    made = builder(
        {
            "IntegrationType": "HTTP_PROXY",
            "IntegrationUri": uri,
            "IntegrationMethod": "PUT",
            "TimeoutInMillis": 50,
            "ConnectionType": "VPC_LINK",
            "ConnectionId": "link",
            "RequestParameters": {"integration.request.path.id": "context.connectionId"},
        }
    )
    made.resources["Stage"]["Properties"]["StageVariables"] = {"host": "backend:8080"}
    found = integration(made)
    assert (found.kind, found.url, found.method) == ("HTTP_PROXY", "http://backend:8080/x/{id}", "PUT")
    assert (found.timeout, found.private) == (0.05, True)
    assert found.parameters is not None


def test_an_integration_that_is_no_proxy_has_templates_and_responses() -> None:
    made = builder(
        {
            "IntegrationType": "HTTP",
            "IntegrationUri": "http://backend/",
            "RequestTemplates": {"$default": "$input.body", "a": "A"},
            "TemplateSelectionExpression": "${request.body.a}",
            "PassthroughBehavior": "NEVER",
        }
    )
    response = {**API, "IntegrationId": {"Ref": "To"}, "ContentHandlingStrategy": "CONVERT_TO_TEXT"}
    made.add(
        "Response",
        "AWS::ApiGatewayV2::IntegrationResponse",
        **response,
        IntegrationResponseKey="/4../",
        ResponseTemplates={"$default": "x"},
        TemplateSelectionExpression="${integration.response.statuscode}",
    )
    found = integration(made)
    assert found.templates is not None
    assert (set(found.templates.by_key), found.templates.passthrough) == ({"$default", "a"}, "NEVER")
    assert found.responses is not None
    assert found.responses.keys.choose("404") == "/4../"
    assert found.responses.to_text == {"/4../"}


def test_a_function_may_be_named_by_a_stage_variable_and_have_an_alias() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:${stageVariables.name}:live"
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    made = builder({"IntegrationType": "AWS", "IntegrationUri": uri})
    made.resources["Stage"]["Properties"]["StageVariables"] = {"name": "one"}
    assert integration(made).function_arn == "arn:aws:lambda:us-east-1:123456789012:function:one"


def test_an_alias_leads_to_its_function() -> None:
    made = builder({"IntegrationType": "AWS_PROXY", "IntegrationUri": {"Fn::Sub": ARN.replace(".Arn", "") % "Live"}})
    made.add("F", "AWS::Lambda::Function", FunctionName="f")
    made.add("Live", "AWS::Lambda::Alias", FunctionName={"Ref": "F"}, FunctionVersion="1", Name="live")
    assert integration(made).function_arn == "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"IntegrationType": "FTP"}, "App.To: there is no integration type 'FTP'"),
        ({"IntegrationType": "HTTP"}, "App.To: its IntegrationUri None is no http:// or https:// address"),
        ({"IntegrationType": "HTTP_PROXY", "IntegrationUri": "/x"}, "App.To: its IntegrationUri '/x' is no http"),
        ({"IntegrationType": "AWS", "IntegrationUri": "arn:aws:apigateway:r:sqs:path/x"}, "names no Lambda function"),
        ({"IntegrationType": "MOCK", "TimeoutInMillis": 30_000}, "App.To: its TimeoutInMillis is 30000"),
        ({"IntegrationType": "MOCK", "RequestTemplates": {"$default": "#if("}}, "App.To: RequestTemplates '$default'"),
        ({"IntegrationType": "MOCK", "TemplateSelectionExpression": "$x"}, "App.To: '$x' is not a selection"),
        ({"IntegrationType": "MOCK", "PassthroughBehavior": "x"}, "App.To: there is no PassthroughBehavior 'x'"),
        ({"IntegrationType": "MOCK", "RequestTemplates": 5}, "App.To: a property has the wrong shape"),
        (
            {"IntegrationType": "HTTP", "IntegrationUri": "http://b/", "RequestParameters": {"x": "'1'"}},
            "App.To: RequestParameters: 'x' is not supported",
        ),
    ],
)
def test_an_integration_that_cannot_run_is_named(properties: dict[str, Any], text: str) -> None:
    with pytest.raises(LocalError) as error:
        read(builder(properties))
    assert text in str(error.value)


def test_a_wrong_integration_response_is_named() -> None:
    made = builder()
    response = {**API, "IntegrationId": {"Ref": "To"}, "IntegrationResponseKey": "/(/"}
    made.add("Response", "AWS::ApiGatewayV2::IntegrationResponse", **response)
    with pytest.raises(LocalError, match=r"App\.To: IntegrationResponseKey '/\(/'"):
        read(made)


def test_a_route_has_its_models() -> None:
    schema = {"type": "object", "required": ["text"]}
    made = builder(RequestModels={"$default": "Said"}, ModelSelectionExpression="$request.body.kind")
    made.add("Model", "AWS::ApiGatewayV2::Model", **API, Name="Said", Schema=schema)
    models = read(made).routes["$default"].models
    assert models is not None
    assert models.error({"text": 1}) is None
    assert models.error({}) is not None


def authorized(**properties: Any) -> Builder:
    made = builder(AuthorizationType="CUSTOM", AuthorizerId={"Ref": "Auth"})
    fixed = {**API, "AuthorizerType": "REQUEST", "AuthorizerUri": {"Fn::Sub": ARN % "F"}}
    made.add("F", "AWS::Lambda::Function", FunctionName="f")
    made.add("Auth", "AWS::ApiGatewayV2::Authorizer", **(fixed | properties))
    return made


def test_a_route_has_its_authorizer() -> None:
    sources = ["route.request.header.Auth", "route.request.querystring.name"]
    for given in (sources, ", ".join(sources)):
        found = read(authorized(IdentitySource=given)).routes["$default"].authorizer
        assert found is not None
        assert (found.function_arn, found.sources) == ("arn:aws:lambda:us-east-1:123456789012:function:f", 2)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (authorized(AuthorizerType="JWT"), "App.Auth: an authorizer of a WebSocket API is of type REQUEST"),
        (authorized(AuthorizerUri="arn:x"), "App.Auth: an authorizer of a WebSocket API is of type REQUEST"),
        (authorized(IdentitySource=["x.y"]), "App.Auth: its IdentitySource cannot be used"),
        (builder(AuthorizationType="CUSTOM", AuthorizerId="x"), "App.Default: its AuthorizerId 'x' is not an"),
        (builder(AuthorizationType="JWT"), "App.Default: WebSocket APIs have no AuthorizationType 'JWT'"),
        (builder(RequestModels={"$default": "x"}), "App.Default: its model 'x' is not one of this stack"),
    ],
)
def test_what_a_route_needs_and_is_not_there_is_named(made: Builder, text: str) -> None:
    with pytest.raises(LocalError) as error:
        read(made)
    assert text in str(error.value)


def test_throttles_domains_and_the_access_log_are_read() -> None:
    made = builder()
    made.resources["Api"]["Properties"]["DisableExecuteApiEndpoint"] = True
    made.resources["Stage"]["Properties"] |= {
        "DefaultRouteSettings": {"ThrottlingRateLimit": 0.5, "DetailedMetricsEnabled": True},
        "RouteSettings": {"a": {"ThrottlingBurstLimit": 0}, "b": {"LoggingLevel": "INFO"}},
        "AccessLogSettings": {"DestinationArn": {"Fn::GetAtt": ["Log", "Arn"]}, "Format": "$context.requestId"},
    }
    made.add("Log", "AWS::Logs::LogGroup", LogGroupName="/api/log")
    made.add("Domain", "AWS::ApiGatewayV2::DomainName", DomainName="WS.example.com")
    mapped = {"ApiId": {"Ref": "Api"}, "DomainName": {"Ref": "Domain"}, "Stage": {"Ref": "Stage"}}
    made.add("Mapping", "AWS::ApiGatewayV2::ApiMapping", **mapped, ApiMappingKey="chat")
    api = read(made)
    assert api.default_limit == Limit(0.5, 5000)
    assert api.route_limits == {"a": Limit(10_000, 0)}
    assert api.detailed_metrics
    assert (api.access_log is not None, api.log_group) == (True, "/api/log")
    assert api.domain_names == ["ws.example.com"]


def test_an_access_log_without_the_requests_id_is_refused() -> None:
    made = builder()
    made.resources["Stage"]["Properties"]["AccessLogSettings"] = {"DestinationArn": "x", "Format": "$context.status"}
    with pytest.raises(LocalError, match=r"App\.Stage: an access log's format must contain"):
        read(made)


def test_a_function_needs_a_permission_for_its_route() -> None:
    made = Builder()
    made.function("F", "x")
    made.route("A", "a", "F")
    made.route("B", "b", "F")
    assert read(made).unpermitted == frozenset()
    source = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/b"}
    made.resources["FPermission"]["Properties"]["SourceArn"] = source
    assert read(made).unpermitted == {"a"}
    made.resources["FIntegration"]["Properties"]["CredentialsArn"] = "arn:aws:iam::123456789012:role/r"
    assert read(made).unpermitted == frozenset()


def test_an_authorizer_needs_a_permission_too() -> None:
    made = authorized()
    made.resources["Default"]["Properties"]["RouteKey"] = "$connect"
    assert read(made).unpermitted == {"authorizer"}
    granted = {"Principal": "apigateway.amazonaws.com", "Action": "lambda:InvokeFunction", "FunctionName": "f"}
    source = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/authorizers/${Auth}"}
    made.add("Permission", "AWS::Lambda::Permission", **granted, SourceArn=source)
    assert read(made).unpermitted == frozenset()
