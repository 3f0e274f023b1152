"""The routes of messages: `$default` and one for each action."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import UNSET, DecodeError, Raw, Struct
from msgspec.json import Decoder, Encoder

from backend.actions import OF_THE_MESSAGE, Action
from backend.delivery import Delivery
from backend.errors import MAX_MESSAGE_LENGTH, ErrorCode, RefusedError
from backend.log import about, logger
from backend.ports import MetricsSink, UnavailableError
from backend.protocol import Answer, ErrorReply, Id, Reply, Request, encode
from backend.rate_limiter import RateLimiter
from backend.records import Connection, Member, Origin
from backend.sessions import Sessions

# Any other action shares this one, in metrics too: clients do not get to name dimensions.
DEFAULT_ROUTE = "$default"

_OPENS = frozenset("{ \t\r\n")  # how the text of a JSON object may begin
_NOT_JSON = (DecodeError, RecursionError, UnicodeEncodeError)

_fields = Decoder(dict[str, Raw])  # of several fields with one name the last one counts
_text = Decoder(str)
_id = Decoder(Id | None)
_encoder = Encoder()


class Route(Struct, gc=False, frozen=True):
    """How an action is answered."""

    name: str
    call: Callable[[Connection, Request, float, Origin | None], Reply | Answer]
    touches: bool
    waits: bool


class ParsedMessage(Struct, gc=False):
    """A message that has been decoded.

    `route` is None when no action takes it. Without a `request` it is refused, or echoed if there is no `refusal`
    either. `touch`: the session is to be touched first. `immediate`: the answer needs neither the store nor a queue,
    and takes microseconds.
    """

    text: str
    route: Route | None
    request: Request | None
    refusal: ErrorReply | None
    touch: bool
    immediate: bool


class Router:
    """Answers messages, the same way whoever holds the socket."""

    def __init__(
        self,
        actions: Mapping[str, Action],
        parts: object,
        *,
        sessions: Sessions,
        delivery: Delivery,
        metrics: MetricsSink,
        rate_limiter: RateLimiter,
    ) -> None:
        """`parts` has what actions take of the application as its attributes. Raises TypeError for an action that takes
        something else."""
        self._sessions = sessions
        self._delivery = delivery
        self._metrics = metrics
        self._rate_limiter = rate_limiter
        self._routes = {name: _route(action, parts) for name, action in actions.items()}
        # One decoder for every action: msgspec chooses the struct by the field `action`.
        kinds: dict[str, Any] = {
            name: msgspec.defstruct(name, [], bases=(action.request,), tag_field="action", tag=name)
            for name, action in actions.items()
        }
        self._routes_by_kind = {kind: self._routes[name] for name, kind in kinds.items()}
        self._decoder: Decoder[Request] = Decoder(reduce(or_, kinds.values()))

    def message(self, connection: Connection, text: str, now: float, request_id: str | None = None) -> str | None:
        """The reply to one message: the text itself, byte for byte, or a frame of the protocol. Raises nothing.

        None when the reply has gone out already, because other frames had to follow it. `request_id` is for the log;
        one is made where the host has none.
        """
        return self.answer(connection, self.parse(connection, text, now), now, request_id)

    def parse(self, connection: Connection, text: str, now: float) -> ParsedMessage:
        """Decode a message, and count it against its connection's rate. Asks no store; to be answered once."""
        route: Route | None = None
        request: Request | None = None
        refusal: ErrorReply | None = None
        if text[:1] in _OPENS:  # spares most echoes the cost of an exception
            try:
                request = self._decoder.decode(text)
                route = self._routes_by_kind[type(request)]
            except _NOT_JSON:
                route, request, refusal = self._parse_again(text)
        if not self._rate_limiter.allow(connection.id, now):
            sent = request or refusal
            refusal = _refusal(ErrorCode.RATE, self._rate_limiter.rule, sent.id if sent is not None else None)
            return ParsedMessage(text, route, None, refusal, touch=False, immediate=True)
        touch = self._sessions.touch_is_due(connection, now) and not (route is not None and route.touches)
        waits = request is not None and route is not None and route.waits
        return ParsedMessage(text, route, request, refusal, touch, not (touch or waits))

    def _parse_again(self, text: str) -> tuple[Route | None, Request | None, ErrorReply | None]:
        """The route, the request and the refusal of a text that the decoder of all actions does not take."""
        try:
            fields = _fields.decode(text)
            action = bytes(fields.get("action", b""))
            route = self._routes.get(_text.decode(action)) if action.startswith(b'"') else None
        except _NOT_JSON:
            return None, None, None
        if not action:
            return None, None, None
        try:
            identifier = _id.decode(fields.get("id", b"null"))
        except DecodeError:
            problem = "id must be a string of 1 to 128 characters or a 64-bit integer"
            return route, None, _refusal(ErrorCode.BAD_REQUEST, problem)
        if route is None:
            allowed = f"action must be one of: {', '.join(self._routes)}"
            unknown = None if identifier is None else _refusal(ErrorCode.UNKNOWN_ACTION, allowed, identifier)
            return None, None, unknown
        try:
            return route, self._decoder.decode(_encoder.encode(fields)), None
        except DecodeError as error:
            return route, None, _refusal(ErrorCode.BAD_REQUEST, str(error), identifier)

    def answer(
        self, connection: Connection, message: ParsedMessage, now: float, request_id: str | None = None
    ) -> str | None:
        """The reply to what `parse` gave for this connection, as `message` gives it."""
        started = time.perf_counter()
        route = message.route.name if message.route is not None else DEFAULT_ROUTE
        reply: str | None = message.text
        errors = 0
        if message.immediate:
            if message.request is not None or message.refusal is not None:
                errors, reply = self._reply(connection, message, now, None)
        else:
            origin = self._sessions.origin(connection, route, request_id)
            with about(origin):
                touch_errors = self._touch(connection, now) if message.touch else 0
                errors, reply = self._reply(connection, message, now, origin)
                errors += touch_errors
        self._metrics.record(route, "Messages", errors, (time.perf_counter() - started) * 1000)
        return reply

    def _reply(
        self, connection: Connection, message: ParsedMessage, now: float, origin: Origin | None
    ) -> tuple[int, str | None]:
        """How many errors there were, and the reply."""
        route, request = message.route, message.request
        if route is None or request is None:
            return 0, message.text if message.refusal is None else encode(message.refusal).decode()
        errors = 0
        then: Sequence[bytes] = ()
        try:
            answer = route.call(connection, request, now, origin)
            if isinstance(answer, Answer):
                answer, then = answer
            encoded = _encoded(answer, request.id)
        except RefusedError as error:
            encoded = _encoded(_refusal(error.code, error.message), request.id)
        except UnavailableError as error:
            logger.warning("store unavailable", reason=str(error))
            errors, encoded = 1, _encoded(_refusal(ErrorCode.UNAVAILABLE, "try again in a moment"), request.id)
        except Exception:  # the edge: a stack trace goes to the log, never to a client
            with about(origin or self._sessions.origin(connection, route.name)):
                logger.exception("route failed")
            errors, encoded = 1, _encoded(_refusal(ErrorCode.INTERNAL, "something went wrong here"), request.id)
        if then and self._follow(connection, [encoded, *then]):
            return errors, None
        return errors, encoded.decode()

    def _follow(self, connection: Connection, frames: Sequence[bytes]) -> bool:
        """Post a reply and what must come after it: what a host returns goes out when everything else has.

        False when the reply itself could not be posted. The rest is best effort: the client asks again for what is
        missing.
        """
        return self._delivery.follow(Member(connection.session_id, connection.id), frames) > 0

    def _touch(self, connection: Connection, now: float) -> int:
        """Touch the session. Best effort: the number of errors, and the message is answered anyway."""
        try:
            self._sessions.touch(connection, now)
        except UnavailableError as error:
            logger.warning("session not touched", reason=str(error))
            return 1
        except Exception:
            logger.exception("session not touched")
            return 1
        return 0


def _route(action: Action, parts: object) -> Route:
    """The route of an action, whose function gets the parts of the application that it takes."""
    taken = {}
    for name in action.parameters:
        if name in OF_THE_MESSAGE:
            continue
        if not hasattr(type(parts), name) and name not in vars(parts):
            raise TypeError(
                f"the action {action.name} takes {name!r}: it may take {', '.join(sorted(OF_THE_MESSAGE))}, and the "
                "parts of backend.application.Application"
            )
        taken[name] = getattr(parts, name)
    names = [name for name in action.parameters if name in OF_THE_MESSAGE]
    function = partial(action.function, **taken) if taken else action.function

    def call(connection: Connection, request: Request, now: float, origin: Origin | None) -> Reply | Answer:
        if not names:
            return function()
        values = {"connection": connection, "request": request, "now": now, "origin": origin}
        return function(**{name: values[name] for name in names})

    return Route(action.name, call, action.touches, action.waits)


def _encoded(reply: Reply, identifier: int | str | None) -> bytes:
    """A reply with the `id` of its request, as UTF-8 JSON."""
    if identifier is not None and reply.id is UNSET:
        reply = msgspec.structs.replace(reply, id=identifier)
    return _encoder.encode(reply)


def _refusal(code: ErrorCode, message: str, identifier: Any = None) -> ErrorReply:
    return ErrorReply(code=code, message=message[:MAX_MESSAGE_LENGTH], id=UNSET if identifier is None else identifier)
