"""The application of a pod that holds its sockets: frames go out here, and to other pods by a hint."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backend.application import Application
from backend.delivery import Delivery
from backend.ports import UnavailableError
from backend.records import Member
from pods.sockets.bus import Hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backend.ports import MetricsSink
    from backend.presence import Presence
    from backend.settings import Settings
    from pods.sockets.bus import Bus
    from pods.sockets.socket import OpenSockets
    from pods.sockets.threads import Threads


class SocketApplication(Application):
    """The application with the pod's own way to connections. `capacity` is how many sockets the pod may have."""

    def __init__(
        self,
        settings: Settings,
        metrics: MetricsSink,
        sockets: OpenSockets,
        threads: Threads,
        bus: Bus | None,
        *,
        capacity: int,
    ) -> None:
        super().__init__(settings, metrics, remembered=capacity)
        self._sockets = sockets
        self._threads = threads
        self._bus = bus

    @cached_property
    def outbound(self) -> SocketOutbound:
        """The way to connections: this pod's sockets, and the bus."""
        return SocketOutbound(self._sockets, self._bus)

    @cached_property
    def delivery(self) -> SocketDelivery:
        """Frames on their way out."""
        return SocketDelivery(self.outbound, self.presence, self._sockets, self._threads, self._bus)


class SocketOutbound:
    """The Outbound port of a pod; called from threads. A connection's id begins with its pod's."""

    def __init__(self, sockets: OpenSockets, bus: Bus | None) -> None:
        self._sockets = sockets
        self._bus = bus

    def post(self, connection_id: str, data: bytes) -> bool:
        """Send one text frame. False when it would be here and is not; of another pod's nothing is known."""
        pod = pod_of(connection_id)
        if pod == self._sockets.pod:
            if connection_id not in self._sockets:
                return False
            self._sockets.loop.call_soon_threadsafe(self._sockets.deliver, (connection_id,), data)
        elif self._bus is not None:
            self._bus.tell(pod, Hint(None, [("", connection_id)], data))
        return True

    def close(self, connection_id: str) -> None:
        """Close the connection."""
        pod = pod_of(connection_id)
        if pod == self._sockets.pod:
            self._sockets.loop.call_soon_threadsafe(self._sockets.dismiss, connection_id)
        elif self._bus is not None:
            self._bus.tell(pod, Hint(None, [("", connection_id)], b""))

    def exists(self, connection_id: str) -> bool:
        """Whether the connection is still there. Raises UnavailableError for another pod's."""
        if pod_of(connection_id) != self._sockets.pod:
            raise UnavailableError("it is another pod's")
        return connection_id in self._sockets


class SocketDelivery(Delivery):
    """Delivery by sockets: a frame for many members is one step for this pod, and one hint for each other."""

    def __init__(
        self,
        outbound: SocketOutbound,
        presence: Presence,
        sockets: OpenSockets,
        threads: Threads,
        bus: Bus | None,
    ) -> None:
        super().__init__(outbound, presence)
        self._sockets = sockets
        self._threads = threads
        self._bus = bus

    def deliver(self, room: str | None, members: Sequence[Member], frame: bytes) -> None:
        """Send a frame to each member; called from threads."""
        here: list[str] = []
        missing: list[Member] = []
        elsewhere: dict[str, list[tuple[str, str]]] = {}
        own, sockets = self._sockets.pod, self._sockets
        for member in members:
            pod = pod_of(member.connection_id)
            if pod != own:
                elsewhere.setdefault(pod, []).append((member.session_id, member.connection_id))
            elif member.connection_id in sockets:
                here.append(member.connection_id)
            else:
                missing.append(member)
        if here:
            sockets.loop.call_soon_threadsafe(sockets.deliver, here, frame)
        if self._bus is not None:
            for pod, pairs in elsewhere.items():
                self._bus.tell(pod, Hint(room, pairs, frame))
        if missing:
            sockets.loop.call_soon_threadsafe(self._let_go, room, missing)

    def receive(self, hint: Hint) -> None:
        """Do what another pod asks for; on the event loop."""
        sockets = self._sockets
        here = [connection_id for _, connection_id in hint.members if connection_id in sockets]
        if not hint.frame:
            for connection_id in here:
                sockets.dismiss(connection_id)
            return
        sockets.deliver(here, hint.frame)
        if len(here) < len(hint.members):
            self._let_go(hint.room, [Member(*pair) for pair in hint.members if pair[0] and pair[1] not in sockets])

    def _let_go(self, room: str | None, members: Iterable[Member]) -> None:
        """Release the sessions of connections that were looked for here and are not here; on the event loop."""
        for member in members:
            self._threads.submit(self._presence.gone, self._outbound, room, member)


def pod_of(connection_id: str) -> str:
    """The pod that has, or had, a connection."""
    return connection_id.partition(".")[0]
