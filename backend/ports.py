"""The three ways out: a store, a channel to connections, and a place for metrics."""

from typing import Protocol

from backend.records import Claim, Session


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

    def find(self, session_id: str, now: float) -> Session | None:
        """The live session with this id, read consistently."""

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

    def release(self, claim: Claim, expires_at: int, now: float) -> None:
        """Let nobody hold the session until somebody resumes it, or it expires. Raises NotHeldError."""

    def take_over(self, found: Session, taken: Session, left: Session | None, now: float) -> bool:
        """Replace `found` by `taken`, which another connection holds, and let that connection leave `left`.

        A left session that has a token is released, one that nobody could ever resume is deleted. False, and nothing
        changed, when `found` or `left` is no longer as it was read.
        """


class Outbound(Protocol):
    """Frames to connections, and their end. Both raise UnavailableError; a gone connection is no error."""

    def post(self, connection_id: str, data: bytes) -> bool:
        """Send one text frame. False when the connection is gone."""

    def close(self, connection_id: str) -> None:
        """Close the connection."""


class MetricsSink(Protocol):
    """Where measurements go."""

    def record(self, route: str, **values: float) -> None:
        """Record one handled event: counts by metric name, and `Latency` in milliseconds."""
