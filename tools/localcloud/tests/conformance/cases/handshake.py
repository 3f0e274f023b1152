"""Opening a connection."""

from __future__ import annotations

from ..patterns import ID, Json, Keep, Some, Text
from ..steps import Case, Connect, Http, Receive, Send
from .common import EVENT, context, joined, watched

_EIGHT = r"[\w-]{8}"

CASES = (
    Case(
        "connect-accepted",
        "$connect's function answers 200",
        ["1.url", "2.accepted"],
        [Connect("auth=allow&connect=200")],
    ),
    Case(
        "connect-any-2xx",
        "$connect's function answers another 2xx",
        ["2.accepted"],
        [Connect("auth=allow&connect=204")],
    ),
    *(
        Case(
            f"connect-refused-{status}",
            f"$connect's function answers {status}: the client gets the same",
            ["2.refused" if status == 400 else "2.refused-other"],
            [Connect(f"auth=allow&connect={status}", status=status)],
        )
        for status in (400, 401, 403, 500, 501, 502)
    ),
    Case(
        "connect-raises",
        "$connect's function raises",
        ["2.failed"],
        [Connect("auth=allow&connect=raise", status=502)],
    ),
    Case(
        "connect-malformed",
        "$connect's function answers without a statusCode",
        ["2.failed", "4.proxy-response"],
        [Connect("auth=allow&connect=malformed", status=502)],
    ),
    Case(
        "connect-barred",
        "API Gateway has no permission to invoke $connect's function: 500",
        ["2.no-permission"],
        [Connect(status=500)],
        api="barred",
    ),
    Case(
        "connect-held",
        "the 101 comes only when $connect's function has ended",
        ["2.held"],
        [Connect("auth=allow&connect=slow", at_least=0.6)],
    ),
    Case(
        "connect-without-route",
        "an API without a $connect route accepts every connection",
        ["2.no-route"],
        [Connect(client="a"), Connect(client="b", offers=["chat"], chosen=None)],
        api="open",
    ),
    Case(
        "connect-throttled",
        "the stage's throttle is 0: every handshake is refused with 429",
        ["2.throttled", "11.bucket", "11.handshake"],
        [Connect(status=429)],
        api="shut",
    ),
    Case(
        "subprotocol-echoed",
        "$connect's function names one of the subprotocols that the client offers",
        ["2.headers", "2.no-route"],
        [Connect("auth=allow&protocol=chat", offers=["other", "chat"], chosen="chat", absent=["X-Dropped"])],
    ),
    Case(
        "subprotocol-not-echoed",
        "the client offers subprotocols and the function names none: neither does the answer",
        ["2.no-subprotocol", "2.headers"],
        [Connect("auth=allow", offers=["chat"], chosen=None, absent=["Sec-WebSocket-Protocol", "X-Dropped"])],
    ),
    Case(
        "subprotocols-joined",
        "the function sees what the client offers as one text, commas in it",
        ["2.raw-subprotocols"],
        [
            *watched(offers=["one", "two"]),
            Receive(Json(Some({"headers": Some({"Sec-WebSocket-Protocol": Text("one, ?two")})}))),
        ],
    ),
    Case(
        "plain-get",
        "a GET without an upgrade, at the stage or below it",
        ["2.plain-get"],
        [
            Http("GET", "", 426, signed=""),
            Http("GET", "/more", 426, signed=""),
            Http("GET", "/more/of", 426, signed=""),
        ],
    ),
    Case(
        "path-below-stage",
        "the stage is the only path segment",
        ["1.stage-only"],
        [Connect("auth=allow", suffix="/more", status=403)],
    ),
    Case(
        "url-too-long",
        "a URL of more than 4096 characters is refused, one that is nearly as long is not",
        ["9.url"],
        [Connect(f"auth=allow&long={'x' * 3900}"), Connect(f"auth=allow&long={'x' * 4096}", status=(400, 414))],
    ),
    Case(
        "post-before-open",
        "the function posts to its connection before $connect has ended: it is gone, or the call hangs",
        ["2.post-too-early"],
        [
            *watched("connect=post%20to%20itself"),
            Receive(context(eventType="CONNECT")),
            Receive(Json({"posted": Text("GoneException|ReadTimeoutError")})),
        ],
    ),
    Case(
        "connect-reply-dropped",
        "$connect has a route response, but its body never reaches the client",
        ["6.connect-dropped"],
        [*joined()],
    ),
    Case(
        "region",
        "an API is an endpoint of its Region, by its name",
        ["1.regional"],
        [
            Connect("auth=allow"),
            Send(EVENT),
            Receive(context(apiId=Keep("api", Text(r"\w+")))),
            Send(EVENT),
            Receive(context(domainName="<api>.execute-api.<region>.amazonaws.com")),
        ],
    ),
    Case(
        "ids-of-a-kind",
        "the twelfth character of an id is C for connections and messages, F for requests; the Region is before it",
        ["3.region"],
        [
            Connect("auth=allow"),
            Send(EVENT),
            Receive(context(connectionId=Keep("id", Text(f"{_EIGHT}...C...=")), messageId=Text(f"{_EIGHT}...C...="))),
            Send(EVENT),
            Receive(context(requestId=Text(f"{_EIGHT}...F...="))),
        ],
    ),
    Case(
        "ids",
        "identifiers are 16 characters that end with =; both of a request's are the same",
        ["3.connection-id", "3.request-id", "3.message-id"],
        [
            Connect("auth=allow"),
            Send(EVENT),
            Receive(
                context(
                    connectionId=Text(ID),
                    messageId=Text(ID),
                    requestId=Keep("request", Text(ID)),
                    extendedRequestId="<request>",
                )
            ),
        ],
    ),
)
