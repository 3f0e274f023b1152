"""The ways out: a store, a channel to connections, queues for what can wait, and a place for metrics."""

from collections.abc import Sequence
from typing import Protocol

from backend.records import Claim, Draft, Member, Message, Position, Replay, Session


class UnavailableError(Exception):
    """The other side is throttled, down or out of reach. Nothing is known about what it did."""


class NotHeldError(Exception):
    """The claim does not hold.

    `session` is the live session, which another connection holds, or none; it is None when the session is gone.
    """

    def __init__(self, session: Session | None) -> None:
        super().__init__("the session is not held by this connection")
        self.session = session


class Store(Protocol):
    """Sessions and claims, every change atomic and conditional. `now` decides what has expired.

    Every method raises UnavailableError when the store cannot be reached or throttles.
    """

    def create(self, session: Session, now: float) -> bool:
        """Write a new session. False, and nothing changed, when a live one has its id."""

    def find(self, session_id: str, now: float, *, consistent: bool = True) -> Session | None:
        """The live session with this id. Reading it without consistency costs half, and may miss the last second."""

    def find_claim(self, connection_id: str, now: float) -> Claim | None:
        """What the connection resumed, if it resumed a session that it was not given when it opened."""

    def touch(self, claim: Claim, expires_at: int, now: float) -> None:
        """Let the session, and the claim if it is stored, live until `expires_at`. Raises NotHeldError."""

    def rotate(
        self,
        claim: Claim,
        token: bytes,
        previous_until: int,
        expires_at: int,
        now: float,
        *,
        previous: bytes | None = None,
    ) -> Session:
        """Store the hash of a new token and touch the session; a claim that is stored is touched too.

        The hash `previous`, or else the one stored until now, stays good until `previous_until`. Raises NotHeldError.
        """

    def release(self, claim: Claim, expires_at: int, now: float) -> Session:
        """Let nobody hold the session until somebody resumes it, or it expires. Raises NotHeldError."""

    def enter(self, claim: Claim, room: str, limit: int, expires_at: int, now: float) -> Session | None:
        """Add a room to the session's, and touch it. None when that would make more than `limit`.

        Raises NotHeldError.
        """

    def quit(self, claim: Claim, room: str, now: float) -> Session:
        """Take a room from the session's. Raises NotHeldError."""

    def take_over(self, found: Session, taken: Session, left: Session | None, now: float) -> bool:
        """Replace `found` by `taken`, which another connection holds, and let that connection leave `left`.

        A left session that has a token is released, one that nobody could ever resume is deleted. False, and nothing
        changed, when `found` or `left` is no longer as it was read.
        """


class Streams(Protocol):
    """Ordered logs with a bounded history, one a key: a room's, or a session's inbox.

    Every method raises UnavailableError when the store cannot be reached or throttles.
    """

    def append(self, stream: str, draft: Draft, now: float) -> Message:
        """Keep a message under the next `seq`; of a draft that was kept before, the place that it got then.

        Raises UnavailableError too when others keep taking the next place.
        """

    def position(self, stream: str, now: float) -> Position:
        """Where the stream ends."""

    def replay(self, stream: str, epoch: int | None, after: int, now: float) -> Replay:
        """What follows `after` in an epoch, None for the present one."""


class Members(Protocol):
    """Which connections get what is published in a room. Raises UnavailableError."""

    def add(self, room: str, member: Member, generation: int, expires_at: int) -> None:
        """Deliver to this connection from now on, unless a younger generation of its session is there already."""

    def remove(self, room: str, member: Member) -> None:
        """Deliver no more, unless another connection has taken the member's place."""

    def of(self, room: str, now: float) -> list[Member]:
        """Every member, read consistently: a join that has returned is seen."""

    def count(self, room: str, limit: int) -> int:
        """How many there are, up to `limit`."""


class Queue(Protocol):
    """A queue whose messages reach a handler at least once, in any order. Raises UnavailableError."""

    def put(self, bodies: Sequence[str]) -> None:
        """Add messages of at most 256 KiB each."""


class Outbound(Protocol):
    """Frames to connections, and their end. All raise UnavailableError; a gone connection is no error."""

    def post(self, connection_id: str, data: bytes) -> bool:
        """Send one text frame. False when the connection is gone."""

    def close(self, connection_id: str) -> None:
        """Close the connection."""

    def exists(self, connection_id: str) -> bool:
        """Whether the connection is still there."""


class Gauges(Protocol):
    """Where values go that hold for the whole backend, not for one route."""

    def gauge(self, **values: float) -> None:
        """Record values as they are now."""


class MetricsSink(Protocol):
    """Where measurements of events go."""

    def record(self, route: str, counted: str, errors: int, milliseconds: float) -> None:
        """Record one handled event: `counted` is the name of the metric that counts events of its kind."""
