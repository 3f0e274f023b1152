"""What the cases of several subjects need."""

from __future__ import annotations

from typing import Any

from ..patterns import ID, Json, Keep, Some, Text
from ..steps import Connect, Receive, Send, Step

EVENT = '{"action":"event"}'
"""To the main API: answered with the event that its function got."""


def error(message: str, client_id: str = "<id>") -> Json:
    """The error frame."""
    return Json({"message": message, "connectionId": client_id, "requestId": Text(ID)})


def context(**keys: Any) -> Json:
    """An event whose requestContext has at least these."""
    return Json(Some({"requestContext": Some(keys)}))


def ended(code: int, reason: str, **keys: Any) -> Json:
    """The event of a connection's end."""
    return context(eventType="DISCONNECT", disconnectStatusCode=code, disconnectReason=reason, **keys)


def joined(client: str = "a", query: str = "", **options: Any) -> list[Step]:
    """Connect to the main API, past its authorizer, and learn the connection's id.

    It is remembered as `id` for the client `a`, and as `id_b` for `b`.
    """
    name = "id" if client == "a" else f"id_{client}"
    return [
        Connect(f"auth=allow{query and '&'}{query}", client, **options),
        Send(EVENT, client),
        Receive(context(connectionId=Keep(name, Text(ID))), client),
    ]


def watched(query: str = "", **options: Any) -> list[Step]:
    """As `joined`, and a second client `b`, of whose `$connect` and `$disconnect` events `a` is told."""
    return [*joined(), Connect(f"auth=allow&observer=<id>{query and '&'}{query}", "b", **options)]
