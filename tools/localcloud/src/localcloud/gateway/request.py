"""One thing that happens to a connection, on its way to an integration and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from localcloud.gateway import events, mapping
from localcloud.gateway.jsonpath import MISSING

if TYPE_CHECKING:
    from localcloud.gateway.effects import Handshake
    from localcloud.gateway.events import Caller, Event
    from localcloud.gateway.model import Api


@dataclass(slots=True)
class Request:
    """A connect, a message or a disconnect, with what its integration, its templates and its log line may ask for."""

    api: Api
    caller: Caller
    kind: Literal["CONNECT", "MESSAGE", "DISCONNECT"]
    route_key: str
    id: str
    now: float
    text: str = ""
    message_id: str = ""
    handshake: Handshake | None = None
    close: tuple[int, str] = (1006, "")
    told: dict[str, Any] = field(default_factory=dict)
    """What has become of it, under the names of access logs: `status`, `integration`, `error`, …"""
    _body: object = field(default=Ellipsis, repr=False)

    @property
    def connection_id(self) -> str:
        """The connection that it happens to."""
        return self.caller.connection_id

    @property
    def body(self) -> object:
        """The message's decoded JSON, MISSING when it is none."""
        if self._body is Ellipsis:
            self._body = decoded(self.text)
        return self._body

    def event(self) -> Event:
        """What a Lambda proxy integration is sent."""
        if self.handshake is not None:
            return events.connect(self.api, self.caller, self.handshake, self.id, self.now)
        if self.kind == "MESSAGE":
            return events.message(self.api, self.caller, self.route_key, self.text, self.id, self.message_id, self.now)
        return events.disconnect(self.api, self.caller, *self.close, self.id, self.now)

    def context(self) -> dict[str, Any]:
        """`$context`, nested."""
        context = events.context(self.api, self.caller, self.id, self.now)
        context |= {"routeKey": self.route_key, "eventType": self.kind} | self.told
        if self.message_id:
            context["messageId"] = self.message_id
        if self.kind == "DISCONNECT":
            context |= {"disconnectStatusCode": self.close[0], "disconnectReason": self.close[1]}
        return context

    def sources(self) -> mapping.Sources:
        """What mapped parameters are taken from."""
        return mapping.Sources(self.context(), self.api.stage_variables, self.text, self.body, self.handshake)


def decoded(text: str | bytes) -> object:
    """JSON, decoded; MISSING when it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return MISSING
