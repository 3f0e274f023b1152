"""What is known of Amazon API Gateway's WebSocket data plane, a row each.

Sections follow the subjects: 1 addresses, 2 handshake, 3 identifiers, 4 events, 5 routing, 6 replies, 7 integrations,
8 error frames, 9 frames and limits, 10 authorization, 11 throttling, 12 @connections, 13 $disconnect, 14 access logs,
15 metrics.

Confidence is `documented` when AWS says so, `observed` when public captures and reports of the service do, `inferred`
when it follows from those, and `unconfirmed` when nobody has said; what is unconfirmed is a setting of the local
gateway.

A row is shown by the cases that name it. What is unconfirmed is shown by the tests that it names: a case cannot say
what AWS does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Confidence = Literal["documented", "observed", "inferred", "unconfirmed"]


@dataclass(frozen=True)
class Fact:
    """One row."""

    id: str
    statement: str
    confidence: Confidence = "documented"
    tests: Sequence[str] = ()
    """Tests elsewhere, as `file::function` below tests/."""
    setting: str = ""
    """What decides it here, when it is unconfirmed."""
    differs: str = ""
    """The row of docs/differences.md that says so, when it is not so here."""


FACTS = (
    # 1. Addresses.
    Fact(
        "1.url", "Clients use wss://{api}.execute-api.{region}.amazonaws.com/{stage}, callbacks https:// and the same"
    ),
    Fact("1.stage-only", "The stage is the only path segment; there are no path parameters"),
    Fact(
        "1.other-path",
        "The status of a handshake at another path",
        "unconfirmed",
        setting="unknown_path_status",
        tests=["gateway/test_settings.py::test_the_status_at_an_unknown_path"],
    ),
    Fact("1.domain", "A custom domain maps to the API's stage under an optional key, by $request.basepath"),
    Fact(
        "1.domain-callback",
        "With a custom domain, @connections has the mapping key in place of the stage",
        "observed",
    ),
    Fact("1.regional", "Endpoints are regional; there are no private WebSocket APIs and no WAF"),
    Fact("1.tls", "TLS 1.2 or later, port 443 only", differs="transport"),
    Fact("1.default-endpoint", "The API's own endpoint can be switched off"),
    Fact("1.dual-stack", "IPv4 only unless the API asks for dual stack", differs="addresses"),
    Fact("1.deployment", "A deployment is a snapshot of routes and integrations", differs="deployments"),
    # 2. Handshake.
    Fact("2.held", "The upgrade waits until $connect's integration has ended; only then comes the 101"),
    Fact("2.no-route", "$connect is optional; without it connections are accepted, and no subprotocol is chosen"),
    Fact("2.at-connect", "Only the handshake is authenticated and authorized"),
    Fact("2.accepted", "The integration answers 2xx: 101"),
    Fact("2.refused", "A function answers 400: 400"),
    Fact("2.refused-other", "A function answers any other status that is not 2xx: the same status", "observed"),
    Fact("2.failed", "A function raises, runs out of time or answers without a statusCode: 502", "observed"),
    Fact("2.no-permission", "API Gateway has no permission to invoke the function: 500", "observed"),
    Fact(
        "2.timeout",
        "The status when the integration's timeout passes",
        "unconfirmed",
        setting="connect_timeout_status",
        tests=["gateway/test_settings.py::test_the_status_of_a_connect_that_times_out"],
    ),
    Fact("2.http-unreachable", "An HTTP integration's backend cannot be reached: 500", "observed"),
    Fact("2.http-proxy", "HTTP_PROXY on $connect passes the backend's 4xx and 5xx on", "inferred"),
    Fact(
        "2.no-response",
        "The status when $connect is no proxy and no integration response fits",
        "unconfirmed",
        setting="connect_no_response_status",
        tests=["gateway/test_integrations.py::test_connect_without_an_integration_response_fails"],
    ),
    Fact("2.identity-missing", "An identity source of the authorizer is missing or empty: 401"),
    Fact("2.unauthorized", "The authorizer fails with the text Unauthorized: 401"),
    Fact("2.denied", "The authorizer's policy denies: 403"),
    Fact(
        "2.authorizer-fails",
        "The status when the authorizer fails otherwise or answers no policy",
        "unconfirmed",
        setting="authorizer_error_status",
        tests=["gateway/test_settings.py::test_the_status_of_an_authorizer_that_fails"],
    ),
    Fact("2.iam", "IAM authorization without a valid signature: 403"),
    Fact(
        "2.api-key",
        "The status when an API key is required and missing",
        "unconfirmed",
        setting="missing_api_key_status",
        tests=["gateway/test_settings.py::test_the_status_without_an_api_key"],
    ),
    Fact("2.throttled", "A handshake beyond a throttle: 429; a limit of 0 refuses everything", "observed"),
    Fact("2.plain-get", "A GET without an upgrade, at the stage or below: 426", "observed"),
    Fact("2.headers", "Of $connect's answer only Sec-WebSocket-Protocol reaches the client", "observed"),
    Fact("2.no-subprotocol", "When the integration names no subprotocol, the 101 has none", "observed"),
    Fact("2.raw-subprotocols", "The function sees the offered subprotocols as one comma-joined text"),
    Fact(
        "2.deflate",
        "Whether permessage-deflate is ever accepted",
        "unconfirmed",
        setting="permessage_deflate",
        tests=["test_sockets.py::test_compression_is_a_setting"],
    ),
    Fact("2.post-too-early", "PostToConnection inside $connect's function: 410, or it hangs", "observed"),
    # 3. Identifiers.
    Fact("3.connection-id", "A connection's id: 16 characters of URL-safe base64 that end with =", "observed"),
    Fact("3.request-id", "requestId and extendedRequestId are the same, of the same shape"),
    Fact("3.message-id", "messageId has the same shape", "observed"),
    Fact("3.region", "Some characters of an id go with the Region or the kind", "inferred"),
    Fact("3.encoded", "Ids and @connections may be URL-encoded in paths"),
    # 4. Events.
    Fact("4.connect", "CONNECT: headers, query, requestContext, isBase64Encoded", "observed"),
    Fact("4.message", "MESSAGE: body, requestContext, isBase64Encoded", "observed"),
    Fact("4.disconnect", "DISCONNECT: headers, requestContext with the close, isBase64Encoded", "observed"),
    Fact("4.no-headers", "MESSAGE events carry neither headers nor a query string", "observed"),
    Fact("4.no-query", "Without a query, CONNECT has none of the query's keys", "observed"),
    Fact("4.header-case", "Headers keep their case; Connection and Upgrade are left out", "observed"),
    Fact("4.odd-headers", "DISCONNECT has Host and three empty headers", "observed"),
    Fact("4.message-id", "messageId is in MESSAGE only", "observed"),
    Fact("4.close-code", "disconnectStatusCode and disconnectReason are in DISCONNECT only", "observed"),
    Fact("4.direction", "messageDirection is always IN", "observed"),
    Fact("4.times", "connectedAt and requestTimeEpoch are whole milliseconds", "observed"),
    Fact("4.request-time", "requestTime is in common log format"),
    Fact("4.identity", "identity has sourceIp, and userAgent when the client sent one", "observed"),
    Fact(
        "4.authorizer",
        "After an authorizer, all events have principalId, its context and integrationLatency",
        "observed",
    ),
    Fact("4.stage-variables", "stageVariables is there when the stage has some"),
    Fact(
        "4.no-stage-variables",
        "Whether stageVariables is absent, null or empty without any",
        "unconfirmed",
        setting="empty_stage_variables",
        tests=["gateway/test_settings.py::test_stage_variables_of_a_stage_that_has_none"],
    ),
    Fact("4.base64", "isBase64Encoded is always false"),
    Fact("4.proxy-response", "A proxy's function answers statusCode, body, headers and isBase64Encoded"),
    Fact("4.1001", "1001 Going away: the connection was idle for too long", "observed"),
    Fact("4.1001-empty", "1001 without a reason: a browser's tab was closed", "observed"),
    Fact("4.1000", "1000 Connection Closed Normally: DELETE, or the client closed normally", "observed"),
    Fact("4.1005", "1005 Client-side close frame status not set: a close without a code", "observed"),
    Fact("4.1006", "1006: the line was cut", "observed"),
    Fact(
        "4.1006-reason",
        "The reason of a 1006",
        "unconfirmed",
        setting="reason_lost",
        tests=["gateway/test_settings.py::test_the_reason_of_a_lost_socket"],
    ),
    Fact("4.1003-1009", "1003 for a binary message, 1009 for one that is too large"),
    Fact(
        "4.1003-1009-reason",
        "The reasons of a 1003 and a 1009",
        "unconfirmed",
        setting="reason_too_large",
        tests=["test_sockets.py::test_the_reason_of_a_refused_frame_is_a_setting"],
    ),
    Fact("4.no-choice", "A backend cannot choose the code or the reason"),
    # 5. Routing.
    Fact("5.json-only", "Only messages that are JSON are routed by content; others go to $default"),
    Fact("5.expression", "The expression's result is compared with the route keys, then $default"),
    Fact("5.any-path", "An expression may hold any JSONPath into the body, static text, or both"),
    Fact("5.user-keys", "Route keys of one's own do not begin with $"),
    Fact(
        "5.lifecycle",
        "Whether a message can reach $connect or $disconnect",
        "unconfirmed",
        setting="lifecycle_by_message",
        tests=["gateway/test_settings.py::test_lifecycle_routes_reached_by_a_message"],
    ),
    Fact("5.scalars", "A JSON text, number, array or null has no action: $default", "inferred"),
    Fact("5.forbidden", "No route and no $default: a Forbidden frame; the connection stays open", "observed"),
    Fact("5.default-optional", "$default is optional", "observed"),
    Fact("5.order", "Replies may come in another order than the messages"),
    Fact("5.models", "A message that its route's model refuses is not sent on; a Bad request body frame"),
    Fact("5.no-model", "No model is selected and there is no $default one: refused too"),
    # 6. Replies.
    Fact("6.route-response", "A reply needs the route's expression $default and a route response $default"),
    Fact("6.proxy-body", "A proxy's body is sent as it is"),
    Fact("6.silence", "A function's body without a route response: silence"),
    Fact(
        "6.empty",
        "Whether an empty body is sent as an empty frame",
        "unconfirmed",
        setting="send_empty_reply",
        tests=["gateway/test_settings.py::test_an_empty_reply"],
    ),
    Fact("6.errors-always", "Error frames come without a route response, too", "observed"),
    Fact("6.status-hidden", "The body is sent whatever the status, which the client does not see", "observed"),
    Fact("6.cdk", "The CDK's return_response makes both pieces"),
    Fact(
        "6.responses",
        "Integration responses are chosen by status, or by a function's errorMessage; $default is the rest",
    ),
    Fact("6.connect-dropped", "The bodies of $connect and $disconnect never reach the client", "observed"),
    # 7. Integrations.
    Fact("7.types", "AWS, AWS_PROXY, HTTP, HTTP_PROXY and MOCK"),
    Fact("7.timeout", "TimeoutInMillis is 50 to 29000, 29000 by default"),
    Fact("7.lambda-uri", "A function's URI is arn:aws:apigateway:{region}:lambda:path/…/functions/{arn}/invocations"),
    Fact("7.stage-variables", "URIs and templates may name stage variables"),
    Fact("7.raw-body", "HTTP_PROXY gets the message as it is; the connection's id only when it is mapped", "observed"),
    Fact("7.parameters", "Request parameters: from context, stage variables, literals and the body"),
    Fact("7.connect-parameters", "On $connect also from headers and query, single or all values"),
    Fact("7.templates", "Request templates of integrations that are no proxies make the request's body"),
    Fact("7.template-selection", "A request template is chosen by expression, else $default"),
    Fact("7.passthrough", "Without a template that fits: passed through, or refused with NEVER"),
    Fact("7.mock", "A mock's request template gives its statusCode"),
    Fact("7.response-templates", "A response template is chosen by expression, also over the answer, else $default"),
    Fact("7.vpc-link", "A private integration goes through a VPC link to a network load balancer", differs="VPC links"),
    Fact("7.cdk", "The CDK has no class for HTTP integrations"),
    Fact(
        "7.http-headers",
        "Which headers HTTP integrations get unasked",
        "unconfirmed",
        setting="integration_headers",
        tests=["gateway/test_integrations.py::test_http_endpoints_get_no_headers_of_the_gateways_when_set_so"],
    ),
    Fact("7.disconnect", "HTTP_PROXY on $disconnect: the integration's method, an empty body", "observed"),
    Fact("7.variables", "The variables of templates: $context, $input, $stageVariables, $util"),
    Fact("7.escape", "escapeJavaScript writes an apostrophe as JSON does not; replaceAll mends it"),
    Fact("7.binary", "CONVERT_TO_BINARY and CONVERT_TO_TEXT turn base64 into bytes and back"),
    # 8. Error frames.
    Fact("8.forbidden", "Forbidden: no route matched", "observed"),
    Fact("8.internal", "Internal server error: the integration failed", "observed"),
    Fact("8.timeout", "Endpoint request timed out: the integration's timeout passed", "observed"),
    Fact("8.bad-request", "Bad request body: a model refused the message; with messageId in place of requestId"),
    Fact(
        "8.throttled",
        "The text of a throttled message's frame",
        "unconfirmed",
        setting="throttled_message",
        tests=["gateway/test_settings.py::test_a_throttled_message"],
    ),
    Fact("8.keys", "The keys come in the order message, connectionId, requestId", "observed"),
    # 9. Frames and limits.
    Fact(
        "9.connect-rate",
        "500 new connections a second",
        tests=["gateway/test_handshakes.py::test_handshakes_have_a_rate_of_their_own"],
    ),
    Fact("9.message", "A message has at most 128 KB, in both directions; close 1009"),
    Fact("9.frame", "A frame has at most 32 KB; close 1009"),
    Fact("9.lifetime", "A connection lives at most 2 hours"),
    Fact(
        "9.lifetime-code",
        "The close code after 2 hours",
        "unconfirmed",
        setting="lifetime_code",
        tests=["gateway/test_settings.py::test_the_close_after_two_hours"],
    ),
    Fact("9.idle", "A connection may be idle for 10 minutes"),
    Fact("9.activity", "Messages in either direction end idleness", "observed"),
    Fact(
        "9.ping",
        "Whether a client's ping ends idleness",
        "unconfirmed",
        setting="ping_is_activity",
        tests=["gateway/test_settings.py::test_pings_as_activity"],
    ),
    Fact("9.pong", "Pings are answered; the gateway sends none"),
    Fact(
        "9.counts", "300 routes, 300 integrations, 10 stages, 10 authorizers an API", differs="quotas of configuration"
    ),
    Fact("9.authorizer", "An authorizer's answer has at most 8 KB"),
    Fact("9.template", "A mapping template has at most 300 KB"),
    Fact("9.log-format", "An access log's format has at most 3 KB"),
    Fact("9.url", "A URL has at most 4096 characters"),
    Fact("9.fragments", "Fragmented messages are put together before they are routed", "inferred"),
    Fact("9.binary", "A binary message closes the connection with 1003"),
    Fact("9.outbound", "What is posted arrives as text"),
    Fact(
        "9.not-utf8",
        "What becomes of posted bytes that are no UTF-8",
        "unconfirmed",
        setting="post_not_utf8",
        tests=["gateway/test_settings.py::test_a_post_that_is_not_utf_8"],
    ),
    Fact("9.bytes", "Sizes are in bytes", "inferred"),
    Fact(
        "9.policy-codes",
        "Whether the service ever closes with 1008 or 1011",
        "unconfirmed",
        setting="throttled_closes",
        tests=["gateway/test_settings.py::test_a_throttled_message"],
    ),
    # 10. Authorization.
    Fact("10.identity", "Identity sources: headers, query, stage variables, context; all have to be there"),
    Fact("10.event", "The authorizer's event: REQUEST, the ARN of $connect, the handshake"),
    Fact("10.response", "It answers a policy and a context of texts, numbers and booleans"),
    Fact("10.no-cache", "Its answer is not cached"),
    Fact("10.at-connect", "The policy is evaluated at the handshake only"),
    Fact("10.iam", "With AWS_IAM the handshake is signed with Signature Version 4 for execute-api"),
    Fact("10.iam-query", "A signature may be in the query string"),
    Fact("10.types", "Routes are authorized by NONE, AWS_IAM or CUSTOM"),
    # 11. Throttling.
    Fact("11.bucket", "Token buckets: the account's, the stage's default, the route's own"),
    Fact("11.handshake", "A handshake beyond the limit: 429", "observed"),
    Fact(
        "11.message",
        "Whether a throttled message closes the connection",
        "unconfirmed",
        setting="throttled_closes",
        tests=["gateway/test_settings.py::test_a_throttled_message"],
    ),
    Fact("11.callback", "An @connections call beyond the account's limit: 429"),
    # 12. @connections.
    Fact("12.post", "POST: 200, empty"),
    Fact("12.get", "GET: 200 with connectedAt, lastActiveAt and identity"),
    Fact("12.delete", "DELETE: 204"),
    Fact("12.gone", "A connection that is not there: 410"),
    Fact("12.too-large", "More than 128 KB: 413"),
    Fact("12.slow", "The client does not read and its buffer is full: 429", "observed"),
    Fact("12.unsigned", "Unsigned or wrongly signed: 403", "observed"),
    Fact("12.iam", "Calls are signed with Signature Version 4 for execute-api"),
    Fact("12.wrong-stage", "Another stage, or the stage twice: 403", "observed"),
    Fact(
        "12.malformed",
        "The status for an id of another form",
        "unconfirmed",
        setting="malformed_id_status",
        tests=["gateway/test_settings.py::test_an_id_that_api_gateway_never_makes"],
    ),
    Fact("12.gone-anyway", "410 can come although the message arrived", "observed"),
    Fact("12.no-broadcast", "One call per connection"),
    Fact("12.endpoint", "SDKs take an endpoint of one's own from code or environment"),
    Fact("12.delete-disconnects", "DELETE invokes $disconnect with 1000", "observed"),
    # 13. $disconnect.
    Fact("13.after-close", "$disconnect comes after the close"),
    Fact("13.best-effort", "It may never come"),
    Fact("13.late", "After a network loss it comes late", "observed"),
    # 14. Access logs.
    Fact("14.format", "A line per connect, message and disconnect in the stage's format of $context variables"),
    Fact("14.destination", "To CloudWatch Logs or Firehose"),
    # 15. Metrics.
    Fact("15.metrics", "ConnectCount, MessageCount, IntegrationError, ClientError, ExecutionError, IntegrationLatency"),
    Fact("15.dimensions", "By ApiId and Stage; by Route with detailed metrics"),
    Fact("15.no-gauge", "There is no gauge of open connections"),
)
