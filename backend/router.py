"""The routes of messages: `$default` and one for each action."""

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger
from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Decoder

from backend import protocol, work
from backend.delivery import Delivery
from backend.errors import ErrorCode, RefusedError
from backend.messaging import Messaging
from backend.ports import MetricsSink, Outbound, Queue, UnavailableError
from backend.presence import Presence
from backend.protocol import ErrorReply, Reply, SessionReply
from backend.rates import Rates
from backend.records import Connection, Member
from backend.sessions import Sessions

logger = Logger()

# Any other action shares this one, in metrics too: clients do not get to name dimensions.
DEFAULT_ROUTE = "$default"

Id = int | str | UnsetType


class Answer(NamedTuple):
    """A reply, and frames that are to reach the client after it."""

    reply: Reply
    then: Sequence[bytes] = ()


class Route(NamedTuple):
    """How an action is answered. A route that touches the session itself needs no touch before; one that does not ask
    the store or a queue answers at once."""

    decoder: Decoder[Any]
    answer: Callable[[Connection, Any, Id, float], Reply | Answer]
    touches: bool = False
    asks: bool = True


class Inquiry(Struct, gc=False):
    """A message that has been looked at. `alone`: its answer needs neither store nor queue, and takes microseconds."""

    text: str
    envelope: protocol.Envelope | None
    route: Route | None
    allowed: bool
    touch: bool
    alone: bool


class Router:
    """Answers messages, the same way whoever holds the socket."""

    def __init__(
        self,
        sessions: Sessions,
        presence: Presence,
        messaging: Messaging,
        delivery: Delivery,
        outbound: Outbound,
        jobs: Queue,
        metrics: MetricsSink,
        rates: Rates,
    ) -> None:
        self._sessions = sessions
        self._presence = presence
        self._messaging = messaging
        self._delivery = delivery
        self._outbound = outbound
        self._jobs = jobs
        self._metrics = metrics
        self._rates = rates
        self._routes = {
            "ping": Route(Decoder(protocol.Ping), self._ping, asks=False),
            "session": Route(Decoder(protocol.SessionRequest), self._session, touches=True),
            "join": Route(Decoder(protocol.JoinRequest), self._join, touches=True),
            "leave": Route(Decoder(protocol.LeaveRequest), self._leave),
            "publish": Route(Decoder(protocol.PublishRequest), self._publish),
            "send": Route(Decoder(protocol.SendRequest), self._send),
            "work": Route(Decoder(protocol.WorkRequest), self._work),
        }

    def message(self, connection: Connection, text: str, now: float) -> str | None:
        """The reply to one message: the text itself, byte for byte, or a frame of the protocol. Raises nothing.

        None when the reply has gone out already, because other frames had to follow it.
        """
        return self.answer(connection, self.look(connection, text, now), now)

    def look(self, connection: Connection, text: str, now: float) -> Inquiry:
        """What a message asks for, counted by its connection's rate. Asks no store; to be answered once."""
        envelope = protocol.open_envelope(text)
        route = self._routes.get(envelope.action) if envelope is not None and envelope.action is not None else None
        allowed = self._rates.allow(connection.id, now)
        touch = allowed and (route is None or not route.touches) and self._sessions.touch_is_due(connection, now)
        alone = not allowed or not (touch or (route is not None and route.asks))
        return Inquiry(text, envelope, route, allowed, touch, alone)

    def answer(self, connection: Connection, inquiry: Inquiry, now: float) -> str | None:
        """The reply to what `look` gave for this connection, as `message` gives it."""
        started = time.perf_counter()
        text, envelope, route = inquiry.text, inquiry.envelope, inquiry.route
        errors = self._touch(connection, now) if inquiry.touch else 0
        reply: str | None = text
        if not inquiry.allowed:
            identifier = envelope.id if envelope is not None else UNSET
            reply = protocol.encode(ErrorReply(id=identifier, code=ErrorCode.RATE, message=self._rates.rule)).decode()
        elif envelope is not None and (route is not None or envelope.id is not UNSET or envelope.id_error is not None):
            frame, then = self._answer(connection, text, envelope, route, now)
            if frame.id is UNSET:
                frame.id = envelope.id
            if isinstance(frame, ErrorReply) and frame.code in {ErrorCode.INTERNAL, ErrorCode.UNAVAILABLE}:
                errors += 1
            encoded = protocol.encode(frame)
            reply = None if then and self._follow(connection, [encoded, *then]) else encoded.decode()
        name = envelope.action if route is not None and envelope is not None and envelope.action else DEFAULT_ROUTE
        self._metrics.record(name, Messages=1, Errors=errors, Latency=(time.perf_counter() - started) * 1000)
        return reply

    def _answer(
        self, connection: Connection, text: str, envelope: protocol.Envelope, route: Route | None, now: float
    ) -> Answer:
        if envelope.id_error is not None:
            return _refusal(ErrorCode.BAD_REQUEST, envelope.id_error)
        if route is None:
            return _refusal(ErrorCode.UNKNOWN_ACTION, f"action must be one of: {', '.join(self._routes)}")
        try:
            answer = route.answer(connection, protocol.read(text, route.decoder), envelope.id, now)
        except RefusedError as error:
            return _refusal(error.code, error.message)
        except UnavailableError as error:
            logger.warning("store unavailable", route=envelope.action, reason=str(error))
            return _refusal(ErrorCode.UNAVAILABLE, "try again in a moment")
        except Exception:  # the edge: a stack trace goes to the log, never to a client
            logger.exception("route failed", route=envelope.action)
            return _refusal(ErrorCode.INTERNAL, "something went wrong here")
        return answer if isinstance(answer, Answer) else Answer(answer)

    def _follow(self, connection: Connection, frames: Sequence[bytes]) -> bool:
        """Post a reply and what must come after it: what a host returns goes out when everything else has.

        False when the reply itself could not be posted. The rest is best effort: the client asks again for what is
        missing.
        """
        return self._delivery.follow(Member(connection.session_id, connection.id), frames) > 0

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

    def _ping(self, _connection: Connection, _request: protocol.Ping, _id: Id, _now: float) -> Reply:
        return protocol.Pong()

    def _session(self, connection: Connection, request: protocol.SessionRequest, _id: Id, now: float) -> Answer:
        resumed = request.resume is not None
        if request.resume is None:
            issued = self._sessions.issue(connection, now)
        else:
            issued = self._sessions.resume(connection, request.resume, now)
            self._presence.moved(connection, issued, now)
            if issued.taken_from is not None:
                self._dismiss(issued.taken_from, issued.session.id)
        session = issued.session
        inbox = self._messaging.inbox(session.id, request.epoch, request.after if resumed else None, now)
        reply = SessionReply(
            session_id=session.id,
            resume_token=str(issued.token),
            resumed=resumed,
            inbox=inbox.position,
            expires_at=session.expires_at,
            after=UNSET if request.after is None or not resumed else inbox.after,
        )
        return Answer(reply, [protocol.encode_message(message) for message in inbox.messages])

    def _join(self, connection: Connection, request: protocol.JoinRequest, _id: Id, now: float) -> Answer:
        room = request.room
        replay = self._messaging.join(connection, room, request.epoch, request.after, now)
        position = replay.position
        after = UNSET if request.after is None else replay.after
        reply = protocol.Joined(
            room=room, epoch=position.epoch, seq=position.seq, recovered=replay.recovered, after=after
        )
        return Answer(reply, [protocol.encode_message(message, room) for message in replay.messages])

    def _leave(self, connection: Connection, request: protocol.LeaveRequest, _id: Id, now: float) -> Reply:
        self._messaging.leave(connection, request.room, now)
        return protocol.Left(room=request.room)

    def _publish(self, connection: Connection, request: protocol.PublishRequest, identifier: Id, now: float) -> Reply:
        data = protocol.data_of(request)
        message = self._messaging.publish(connection, request.room, data, _known(identifier), now)
        return protocol.Accepted(room=request.room, seq=message.position.seq)

    def _send(self, connection: Connection, request: protocol.SendRequest, identifier: Id, now: float) -> Reply:
        data = protocol.data_of(request)
        message = self._messaging.send(connection, request.to, data, _known(identifier), now)
        return protocol.Accepted(seq=message.position.seq)

    def _work(self, connection: Connection, request: protocol.WorkRequest, identifier: Id, now: float) -> Reply:
        data = protocol.data_of(request)
        name = uuid.uuid4().hex if identifier is UNSET else identifier
        session = self._sessions.held(connection, now)
        self._jobs.put([work.encode(session.id, name, data)])
        return protocol.Accepted(id=name)

    def _dismiss(self, connection_id: str, session_id: str) -> None:
        """Tell a connection that its session has moved on, and close it. Best effort: it may be gone already."""
        try:
            with suppress(UnavailableError):  # a client that does not read is closed all the same
                if not self._outbound.post(connection_id, protocol.encode(protocol.TakenOver(session_id))):
                    return
            self._outbound.close(connection_id)
        except Exception:  # the session has moved: whoever resumed it needs the reply with its new token
            logger.exception("connection not told that it was taken over")


def _refusal(code: ErrorCode, message: str) -> Answer:
    return Answer(ErrorReply(code=code, message=message))


def _known(identifier: Id) -> int | str | None:
    return None if isinstance(identifier, UnsetType) else identifier
