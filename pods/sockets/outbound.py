"""Frames to connections, wherever they are: here on the event loop, on other pods by a hint."""

from collections.abc import Sequence

from backend.delivery import Delivery
from backend.ports import UnavailableError
from backend.records import Member
from pods.sockets.bus import Bus, Hint
from pods.sockets.hub import Hub


class PodOutbound:
    """The Outbound port of a pod; called from threads. A connection's id begins with its pod's."""

    def __init__(self, hub: Hub, bus: Bus | None) -> None:
        self._hub = hub
        self._bus = bus

    def post(self, connection_id: str, data: bytes) -> bool:
        """Send one text frame. False when it would be here and is not; of another pod's nothing is known."""
        pod = pod_of(connection_id)
        if pod == self._hub.pod:
            if connection_id not in self._hub.sockets:
                return False
            self._hub.loop.call_soon_threadsafe(self._hub.deliver, (connection_id,), data)
        elif self._bus is not None:
            self._bus.tell(pod, Hint(None, [("", connection_id)], data))
        return True

    def close(self, connection_id: str) -> None:
        """Close the connection."""
        pod = pod_of(connection_id)
        if pod == self._hub.pod:
            self._hub.loop.call_soon_threadsafe(self._hub.dismiss, connection_id)
        elif self._bus is not None:
            self._bus.tell(pod, Hint(None, [("", connection_id)], b""))

    def exists(self, connection_id: str) -> bool:
        """Whether the connection is still there. Raises UnavailableError for another pod's."""
        if pod_of(connection_id) != self._hub.pod:
            raise UnavailableError("it is another pod's")
        return connection_id in self._hub.sockets


class Broadcast(Delivery):
    """Delivery by sockets: a frame for many members is one step for this pod, and one hint for each other."""

    def __init__(self, hub: Hub, bus: Bus | None, outbound: PodOutbound) -> None:
        super().__init__(outbound, hub.let_go)
        self._hub = hub
        self._bus = bus

    def deliver(self, room: str | None, members: Sequence[Member], frame: bytes) -> None:
        """Send a frame to each member."""
        here: list[str] = []
        missing: list[Member] = []
        elsewhere: dict[str, list[tuple[str, str]]] = {}
        own, sockets = self._hub.pod, self._hub.sockets
        for member in members:
            pod = pod_of(member.connection_id)
            if pod != own:
                elsewhere.setdefault(pod, []).append((member.session_id, member.connection_id))
            elif member.connection_id in sockets:
                here.append(member.connection_id)
            else:
                missing.append(member)
        if here:
            self._hub.loop.call_soon_threadsafe(self._hub.deliver, here, frame)
        if self._bus is not None:
            for pod, pairs in elsewhere.items():
                self._bus.tell(pod, Hint(room, pairs, frame))
        if missing:
            self._hub.loop.call_soon_threadsafe(self._hub.missing, room, missing)


def receive(hub: Hub, hint: Hint) -> None:
    """Do what another pod asks for; on the event loop."""
    here = [connection_id for _, connection_id in hint.members if connection_id in hub.sockets]
    if not hint.frame:
        for connection_id in here:
            hub.dismiss(connection_id)
        return
    hub.deliver(here, hint.frame)
    if len(here) < len(hint.members):
        gone = [Member(*pair) for pair in hint.members if pair[0] and pair[1] not in hub.sockets]
        hub.missing(hint.room, gone)


def pod_of(connection_id: str) -> str:
    """The pod that has, or had, a connection."""
    return connection_id.partition(".")[0]
