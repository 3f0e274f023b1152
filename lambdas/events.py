"""The events that the functions get, as far as they are read, and what they return.

Powertools' own event types cost 100 ms of import, most of it for other services. Sources:
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
"""

from typing import NotRequired, TypedDict


class Authorizer(TypedDict, total=False):
    """The context of a Lambda authorizer."""

    principalId: str


class RequestContext(TypedDict):
    """What API Gateway says about a connection and a request."""

    connectionId: str
    connectedAt: int
    requestId: str
    routeKey: str
    authorizer: NotRequired[Authorizer | None]


class WebSocketEvent(TypedDict):
    """An event of `$connect` or `$disconnect`."""

    requestContext: RequestContext


class MessageEvent(WebSocketEvent):
    """An event of a message."""

    body: str


class Response(TypedDict):
    """The answer to an event. Without a body nothing goes to the client."""

    statusCode: int
    body: NotRequired[str]


class Record(TypedDict):
    """A message of a queue."""

    messageId: str
    body: str


class QueueEvent(TypedDict):
    """A batch of messages of a queue."""

    Records: list[Record]


class Failure(TypedDict):
    """A message that stays in the queue."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """The messages of a batch that stay in the queue."""

    batchItemFailures: list[Failure]
