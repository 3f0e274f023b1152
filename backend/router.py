"""The routes of messages: `$default` and one for each action."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger
from msgspec import UNSET
from msgspec.json import Decoder

from backend import protocol
from backend.errors import ErrorCode, RefusedError
from backend.ports import MetricsSink, Outbound, UnavailableError
from backend.protocol import ErrorReply, Reply, SessionReply
from backend.records import Connection
from backend.sessions import Issued, Sessions

logger = Logger()

# Any other action shares this one, in metrics too: clients do not get to name dimensions.
DEFAULT_ROUTE = "$default"


class Route(NamedTuple):
    """How an action is answered. A route that touches the session itself needs no touch before."""

    decoder: Decoder[Any]
    answer: Callable[[Connection, Any, float], Reply]
    touches: bool = False


class Router:
    """Answers messages, the same way whoever holds the socket."""

    def __init__(self, sessions: Sessions, outbound: Outbound, metrics: MetricsSink) -> None:
        self._sessions = sessions
        self._outbound = outbound
        self._metrics = metrics
        self._routes = {
            "ping": Route(Decoder(protocol.Ping), self._ping),
            "session": Route(Decoder(protocol.SessionRequest), self._session, touches=True),
        }

    def message(self, connection: Connection, text: str, now: float) -> str:
        """The reply to one message: the text itself, byte for byte, or a frame of the protocol. Raises nothing."""
        started = time.perf_counter()
        envelope = protocol.open_envelope(text)
        action = envelope.action if envelope is not None else None
        route = self._routes.get(action) if action is not None else None
        errors = 0
        if route is None or not route.touches:
            errors += self._touch(connection, now)
        if envelope is None or (route is None and envelope.id is UNSET and envelope.id_error is None):
            reply = text
        else:
            frame = self._answer(connection, text, envelope, route, now)
            frame.id = envelope.id
            if isinstance(frame, ErrorReply) and frame.code in {ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE}:
                errors += 1
            reply = protocol.encode(frame).decode()
        name = action if route is not None and action is not None else DEFAULT_ROUTE
        self._metrics.record(name, Messages=1, Errors=errors, Latency=(time.perf_counter() - started) * 1000)
        return reply

    def _answer(
        self, connection: Connection, text: str, envelope: protocol.Envelope, route: Route | None, now: float
    ) -> Reply:
        if envelope.id_error is not None:
            return ErrorReply(code=ErrorCode.BAD_REQUEST, message=envelope.id_error)
        if route is None:
            known = ", ".join(self._routes)
            return ErrorReply(code=ErrorCode.UNKNOWN_ACTION, message=f"action must be one of: {known}")
        try:
            return route.answer(connection, protocol.read(text, route.decoder), now)
        except RefusedError as error:
            return ErrorReply(code=error.code, message=error.message)
        except UnavailableError as error:
            logger.warning("store unavailable", route=envelope.action, reason=str(error))
            return ErrorReply(code=ErrorCode.UNAVAILABLE, message="try again in a moment")
        except Exception:  # the edge: a stack trace goes to the log, never to a client
            logger.exception("route failed", route=envelope.action)
            return ErrorReply(code=ErrorCode.INTERNAL, message="something went wrong here")

    def _touch(self, connection: Connection, now: float) -> int:
        """Touch the session if that is due. Best effort: the number of errors, and the message is answered anyway."""
        try:
            self._sessions.touch(connection, now)
        except UnavailableError as error:
            logger.warning("session not touched", reason=str(error))
            return 1
        except Exception:
            logger.exception("session not touched")
            return 1
        return 0

    # --- one method a route ------------------------------------------------------------------------------------------

    def _ping(self, _connection: Connection, _request: protocol.Ping, _now: float) -> Reply:
        return protocol.Pong()

    def _session(self, connection: Connection, request: protocol.SessionRequest, now: float) -> Reply:
        if request.resume is None:
            return _session_reply(self._sessions.issue(connection, now), resumed=False)
        issued = self._sessions.resume(connection, request.resume, now)
        if issued.taken_from is not None:
            self._dismiss(issued.taken_from, issued.session.id)
        return _session_reply(issued, resumed=True)

    def _dismiss(self, connection_id: str, session_id: str) -> None:
        """Tell a connection that its session has moved on, and close it. Best effort: it may be gone already."""
        try:
            with suppress(UnavailableError):  # a client that does not read is closed all the same
                if not self._outbound.post(connection_id, protocol.encode(protocol.TakenOver(session_id))):
                    return
            self._outbound.close(connection_id)
        except Exception:  # the session has moved: whoever resumed it needs the reply with its new token
            logger.exception("connection not told that it was taken over")


def _session_reply(issued: Issued, *, resumed: bool) -> SessionReply:
    session = issued.session
    return SessionReply(
        session_id=session.id,
        resume_token=str(issued.token),
        resumed=resumed,
        inbox=protocol.Position(session.epoch, session.seq),
        expires_at=session.expires_at,
    )
