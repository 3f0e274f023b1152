"""Frames on their way out: many at once, tried again for a while, and in large numbers through a queue.

Best effort: what does not arrive is in its stream, where the client finds it.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from msgspec import Raw, Struct
from msgspec.json import Decoder, Encoder

from backend.log import about, current_origin, logger
from backend.ports import Outbound, Queue, UnavailableError
from backend.presence import Presence
from backend.records import Member, Origin

#: Posts under way at once. A post is a wait of some milliseconds around half a millisecond of CPU.
PARALLEL = 16
#: Members of one message in the queue.
BATCH = 100

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 1.0  # seconds


class Batch(Struct):
    """A frame for some members of a room, as it waits in the queue."""

    room: str
    frame: Raw
    members: list[tuple[str, str]]
    origin: Origin | None = None


_encoder = Encoder()
_decoder = Decoder(Batch)


class Delivery:
    """Posts frames to connections.

    `presence` lets go of each connection that is found gone. A fan-out to more than `inline` members goes through the
    queue, and one that takes longer than `seconds` is given up.
    """

    def __init__(
        self,
        outbound: Outbound,
        presence: Presence,
        queue: Queue | None = None,
        *,
        inline: int = 50,
        seconds: float = 3.0,
    ) -> None:
        self._outbound = outbound
        self._presence = presence
        self._queue = queue
        self._inline = inline
        self._seconds = seconds

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(PARALLEL)

    def publish(self, room: str, members: Sequence[Member], frame: bytes) -> None:
        """Deliver to the members of a room, or let the queue do it."""
        if self._queue is None or len(members) <= self._inline:
            self.deliver(room, members, frame)
            return
        pairs = [(member.session_id, member.connection_id) for member in members]
        origin = current_origin()
        starts = range(0, len(pairs), BATCH)
        batches = [Batch(room, Raw(frame), pairs[start : start + BATCH], origin) for start in starts]
        try:
            self._queue.put([_encoder.encode(batch).decode() for batch in batches])
        except UnavailableError as error:
            logger.warning("fan-out not queued", members=len(members), reason=str(error))

    def deliver_batch(self, body: str) -> bool:
        """Deliver what `publish` put into the queue. False for what it has not."""
        try:
            batch = _decoder.decode(body)
        except (ValueError, RecursionError):
            logger.exception("not a batch of deliveries")
            return False
        with about(batch.origin):
            self.deliver(batch.room, [Member(*pair) for pair in batch.members], bytes(batch.frame))
        return True

    def deliver(self, room: str | None, members: Sequence[Member], frame: bytes) -> None:
        """Post a frame to each member, of a room or by itself, many at once."""
        deadline = time.monotonic() + self._seconds

        def attempt(member: Member) -> Exception | None:
            return self._attempt(room, member, frame, deadline)[1]

        outcomes = self._pool.map(attempt, members) if len(members) > 1 else map(attempt, members)
        _report([error for error in outcomes if error is not None])

    def follow(self, member: Member, frames: Sequence[bytes]) -> int:
        """Post frames to one connection, one after another, until one cannot be delivered. How many were."""
        deadline = time.monotonic() + self._seconds
        for posted, frame in enumerate(frames):
            delivered, error = self._attempt(None, member, frame, deadline)
            if not delivered:
                _report([] if error is None else [error])
                return posted
        return len(frames)

    def _attempt(
        self, room: str | None, member: Member, frame: bytes, deadline: float
    ) -> tuple[bool, Exception | None]:
        """Whether the frame was posted; why not, unless the connection is gone. Raises nothing."""
        try:
            posted = self._post(member.connection_id, frame, deadline)
            if not posted:
                self._presence.gone(self._outbound, room, member)
        except Exception as error:  # noqa: BLE001 - reported by the thread that knows the message
            return False, error
        return posted, None

    def _post(self, connection_id: str, frame: bytes, deadline: float) -> bool:
        """Full jitter between attempts: those who were throttled together do not come back together."""
        longest = _FIRST_WAIT
        reason = "out of time"
        while time.monotonic() < deadline:
            try:
                return self._outbound.post(connection_id, frame)
            except UnavailableError as error:
                reason = str(error)
            time.sleep(random.uniform(0, longest))
            longest = min(2 * longest, _LONGEST_WAIT)
        raise UnavailableError(reason)


def _report(errors: Sequence[Exception]) -> None:
    """Log why frames were not delivered: one line for all that were throttled or out of reach, a trace for each kind of
    defect."""
    unavailable = [error for error in errors if isinstance(error, UnavailableError)]
    if unavailable:
        logger.warning("frame not delivered", members=len(unavailable), reason=str(unavailable[0]))
    defects = [error for error in errors if not isinstance(error, UnavailableError)]
    for error in {type(error): error for error in defects}.values():
        logger.error("frame not delivered", members=len(defects), exc_info=error)
