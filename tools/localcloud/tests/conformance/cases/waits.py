"""What needs more than a moment, an account's quotas, or a fault of the service."""

from __future__ import annotations

from ..patterns import ID, Json, Keep, Other, Some, Text
from ..steps import (
    Ask,
    Backend,
    Case,
    Close,
    Closed,
    Connect,
    Http,
    Measured,
    Receive,
    Send,
    Until,
    Wait,
)
from .common import ended

_IDLE, _HALF, _LIFE = 600, 300, 7200  # seconds
_FAULT = "a fault of the service at this moment, which only the local gateway makes on purpose"

CASES = (
    Case(
        "idle",
        "silent connections end after ten minutes; what they get or send keeps them, and a dead line shows only then",
        ["4.1001", "9.idle", "9.activity", "13.late"],
        [
            # `watcher` is told of the ends of those that name it; it is kept by what it sends, and by what it is told.
            Connect(client="watcher"),
            Ask('{"action":"ready"}', "ready", "watcher"),
            Send("id", "watcher"),
            Receive(Keep("watcher", Text(ID)), "watcher"),
            Connect(client="posted to"),
            Send("id", "posted to"),
            Receive(Keep("id", Text(ID)), "posted to"),
            Connect(client="silent", user_agent="<watcher>"),
            Wait(_HALF),
            Send("id", "watcher"),
            Receive("<watcher>", "watcher"),
            Http("POST", "/@connections/<id>", 200, body=b"stay"),
            Receive("stay", "posted to"),
            Connect(client="dead", user_agent="<watcher>", reads=False),
            Closed(1001, "silent", reason="Going away", after=_IDLE),
            Receive(ended(1001, "Going away", connectionId=Keep("silent", Text(ID))), "watcher"),
            Closed(1001, "posted to", reason="Going away", after=_HALF + _IDLE),
            Receive(ended(1001, "Going away", connectionId=Other("silent")), "watcher", after=_IDLE, since="dead"),
        ],
        api="idle",
        needs="a quarter of an hour",
    ),
    Case(
        "lifetime",
        "a connection that is never idle is closed after two hours",
        ["9.lifetime"],
        [Connect(), Closed(None, after=_LIFE, meanwhile="still here")],
        api="lifetime",
        needs="two hours",
    ),
    Case(
        "crowded",
        "new connections beyond the account's rate, 500 a second by default, are refused with 429",
        ["9.connect-rate", "2.throttled"],
        [Connect(), Until(Connect(status=429), 101, most=40)],
        api="crowded",
        needs="a quota of new connections a second that one client can use up",
    ),
    Case(
        "callback-throttled",
        "@connections calls beyond the account's limit answer 429",
        ["11.callback", "11.bucket"],
        [
            Connect(),
            Send("id"),
            Receive(Keep("id", Text(ID))),
            Until(Http("GET", "/@connections/<id>", 429), 200, most=20_000),
        ],
        api="shared",
        needs="a throttle of the account that one client can use up",
    ),
    Case(
        "post-gone-anyway",
        "POST answers 410, and yet the message arrives",
        ["12.gone-anyway"],
        [
            Connect(signed="right"),
            Send('{"action":"mapped","room":"x"}'),
            Receive(Json(Some({"headers": Some({"x-connection": Keep("id", Text(ID))})}))),
            Http("POST", "/@connections/<id>", 410, body=b"arrives"),
            Receive("arrives"),
            Http("GET", "/@connections/<id>", 200),
        ],
        api="faulty",
        needs=_FAULT,
    ),
    Case(
        "disconnect-never-told",
        "a connection ends, and $disconnect never comes",
        ["13.best-effort"],
        [
            Connect(signed="right"),
            Send('{"action":"mapped","room":"x"}'),
            Receive(Json(Some({"headers": Some({"x-connection": Keep("id", Text(ID))})}))),
            Close(),
            Measured("disconnect-lost", namespace="Duplex/Faults"),
            Backend("/disconnect", "<id>", never=True),
        ],
        api="faulty",
        needs=_FAULT,
    ),
)
