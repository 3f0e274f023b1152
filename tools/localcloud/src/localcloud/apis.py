"""WebSocket APIs out of a template."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localcloud import integrations, permissions, resources
from localcloud.errors import LocalError
from localcloud.gateway import events, mapping, selection
from localcloud.gateway.access_log import AccessLog, FormatError
from localcloud.gateway.model import AUTHORIZER, Api, Authorizer, Domain, Route
from localcloud.gateway.selection import CONNECT, DEFAULT, DISCONNECT
from localcloud.gateway.throttle import ACCOUNT, Limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.gateway.models import RequestModels
    from localcloud.template import Stack

_RESERVED = (CONNECT, DISCONNECT, DEFAULT)


def read(stack: Stack) -> list[Api]:
    """The WebSocket APIs of a stack, each with its stage; LocalError for what cannot be run, by its logical id."""
    apis = []
    for logical_id in ids(stack):
        with stack.reading(logical_id):
            apis.append(_api(stack, logical_id))
    return apis


def ids(stack: Stack) -> Iterator[str]:
    """The logical ids of the WebSocket APIs of a stack."""
    for logical_id in stack.resources(resources.API):
        with stack.reading(logical_id):
            if stack.property(logical_id, "ProtocolType") == "WEBSOCKET":
                yield logical_id


def integration_text(stack: Stack) -> str:
    """What integrations say, as text to look for dynamic references in."""
    return json.dumps([stack.properties(id_) for id_ in stack.resources(resources.INTEGRATION)])


def again(stack: Stack, api: Api) -> Api:
    """An API read once more, now that the stack knows what its dynamic references stand for."""
    (found,) = (one for one in read(stack) if one.id == api.id)
    return replace(found, limits=api.limits, settings=api.settings)


def _api(stack: Stack, logical_id: str) -> Api:
    api_id = stack.ref(logical_id)
    where = f"{stack.name}.{logical_id}"
    expression = stack.property(logical_id, "RouteSelectionExpression")
    if not isinstance(expression, str):
        raise LocalError(f"{where}: a WebSocket API needs a RouteSelectionExpression")
    stages = [id_ for id_ in stack.resources(resources.STAGE) if stack.property(id_, "ApiId") == api_id]
    if len(stages) != 1:
        raise LocalError(f"{where}: needs one AWS::ApiGatewayV2::Stage to run here, has {len(stages)}")
    with stack.reading(stages[0]):
        stage = stack.properties(stages[0])
        variables = {name: str(value) for name, value in (stage.get("StageVariables") or {}).items()}
        defaults = stage.get("DefaultRouteSettings") or {}
        own = (stage.get("RouteSettings") or {}).items()
        api = Api(
            id=api_id,
            stage=stack.ref(stages[0]),
            region=stack.region,
            account=stack.account,
            selection=_expression(where, expression),
            routes=_routes(stack, api_id, variables),
            stage_variables=variables,
            detailed_metrics=defaults.get("DetailedMetricsEnabled") in {True, "true"},
            default_limit=_limit(defaults),
            route_limits={key: limit for key, settings in own if (limit := _limit(settings)) is not None},
            domains=_domains(stack, api_id),
            access_log=_access_log(f"{stack.name}.{stages[0]}", stage.get("AccessLogSettings") or {}),
            log_group=str((stage.get("AccessLogSettings") or {}).get("DestinationArn"))
            .partition(":log-group:")[2]
            .removesuffix(":*"),
            default_endpoint=stack.property(logical_id, "DisableExecuteApiEndpoint") not in {True, "true"},
        )
    return replace(api, unpermitted=frozenset(_unpermitted(stack, api)))


def _unpermitted(stack: Stack, api: Api) -> Iterator[str]:
    """The routes whose function API Gateway may not invoke; one with a role of its own (CredentialsArn) may."""
    granted = permissions.read(stack)
    for key, route in api.routes.items():
        to = route.integration
        if to is None or not to.function_arn or to.has_role:
            continue
        if not permissions.allow(granted, to.function_arn, events.route_arn(api, key)):
            yield key
    authorizer = api.routes[CONNECT].authorizer if CONNECT in api.routes else None
    if authorizer is not None and not authorizer.has_role:
        source = events.route_arn(api, "").partition("/")[0] + f"/authorizers/{authorizer.id}"
        if not permissions.allow(granted, authorizer.function_arn, source):
            yield AUTHORIZER


def _expression(where: str, text: str) -> selection.Expression:
    try:
        return selection.parse(text)
    except selection.ExpressionError as error:
        raise LocalError(f"{where}: {error}") from error


def _limit(settings: Mapping[str, Any]) -> Limit | None:
    """The throttle in a stage's settings; what they leave out is the account's."""
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None and burst is None:
        return None
    return Limit(ACCOUNT.rate if rate is None else float(rate), ACCOUNT.burst if burst is None else int(burst))


def _access_log(where: str, settings: Mapping[str, Any]) -> AccessLog | None:
    if not settings.get("Format"):
        return None
    try:
        return AccessLog(str(settings["Format"]))
    except FormatError as error:
        raise LocalError(f"{where}: {error}") from error


def _domains(stack: Stack, api_id: str) -> tuple[Domain, ...]:
    found = []
    for logical_id in stack.resources(resources.API_MAPPING):
        with stack.reading(logical_id):
            properties = stack.properties(logical_id)
            if properties.get("ApiId") == api_id:
                found.append(Domain(str(properties["DomainName"]).lower(), str(properties.get("ApiMappingKey") or "")))
    return tuple(found)


def _routes(stack: Stack, api_id: str, stage_variables: Mapping[str, str]) -> dict[str, Route]:
    targets = {f"integrations/{stack.ref(id_)}": id_ for id_ in stack.resources(resources.INTEGRATION)}
    answered = {
        stack.property(id_, "RouteId")
        for id_ in stack.resources(resources.ROUTE_RESPONSE)
        if stack.property(id_, "RouteResponseKey") == "$default"
    }
    found = {}
    for logical_id in stack.resources(resources.ROUTE):
        with stack.reading(logical_id):
            properties = stack.properties(logical_id)
            if properties.get("ApiId") != api_id:
                continue
            where = f"{stack.name}.{logical_id}"
            key, target = properties["RouteKey"], properties.get("Target")
            if key.startswith("$") and key not in _RESERVED:
                raise LocalError(f"{where}: only {', '.join(_RESERVED)} may begin with $, not the RouteKey {key!r}")
            if target is not None and target not in targets:
                raise LocalError(f"{where}: its Target {target} is not an integration of this stack")
            integration = integrations.read(stack, targets[target], stage_variables) if target is not None else None
            expression = properties.get("RouteResponseSelectionExpression")
            found[key] = Route(
                key,
                integration,
                responds=expression == "$default" and stack.ref(logical_id) in answered,
                authorizer=_authorizer(stack, where, properties, stage_variables),
                iam=properties.get("AuthorizationType") == "AWS_IAM",
                api_key=properties.get("ApiKeyRequired") in {True, "true"},
                models=_models(stack, where, api_id, properties),
            )
    return found


def _authorizer(
    stack: Stack, where: str, route: Mapping[str, Any], stage_variables: Mapping[str, str]
) -> Authorizer | None:
    kind = route.get("AuthorizationType") or "NONE"
    if kind in {"NONE", "AWS_IAM"}:
        return None
    if kind != "CUSTOM":
        raise LocalError(f"{where}: WebSocket APIs have no AuthorizationType {kind!r}")
    for logical_id in stack.resources(resources.AUTHORIZER):
        if stack.ref(logical_id) == route.get("AuthorizerId"):
            break
    else:
        raise LocalError(f"{where}: its AuthorizerId {route.get('AuthorizerId')!r} is not an authorizer of this stack")
    with stack.reading(logical_id):
        properties = stack.properties(logical_id)
        whose = f"{stack.name}.{logical_id}"
        arn = integrations.function_arn(properties.get("AuthorizerUri"), stage_variables)
        if properties.get("AuthorizerType") != "REQUEST" or arn is None:
            raise LocalError(f"{whose}: an authorizer of a WebSocket API is of type REQUEST and invokes a function")
        given = properties.get("IdentitySource") or []
        sources = [source.strip() for source in (given.split(",") if isinstance(given, str) else given)]
        wanted = {f"integration.request.querystring.{n}": source for n, source in enumerate(sources)}
        try:
            identity = mapping.RequestParameters(wanted)
        except mapping.MappingError as error:
            raise LocalError(f"{whose}: its IdentitySource cannot be used: {error}") from error
        has_role = bool(properties.get("AuthorizerCredentialsArn"))
        return Authorizer(arn, identity, len(sources), stack.ref(logical_id), has_role)


def _models(stack: Stack, where: str, api_id: str, route: Mapping[str, Any]) -> RequestModels | None:
    wanted, expression = route.get("RequestModels"), route.get("ModelSelectionExpression")
    if not wanted:
        return None
    # Imported here: what validates takes a tenth of a second to load, and few APIs have models.
    from localcloud.gateway.models import Model, ModelError, RequestModels  # noqa: PLC0415

    named = {
        stack.property(id_, "Name"): id_
        for id_ in stack.resources(resources.MODEL)
        if stack.property(id_, "ApiId") == api_id
    }
    compiled = {}
    for key, name in wanted.items():
        if name not in named:
            raise LocalError(f"{where}: its model {name!r} is not one of this stack")
        try:
            compiled[key] = Model(stack.property(named[name], "Schema"))
        except ModelError as error:
            raise LocalError(f"{stack.name}.{named[name]}: {error}") from error
    return RequestModels(compiled, _expression(where, expression) if expression else None)
