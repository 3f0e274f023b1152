"""TCP flows through a Network Load Balancer: from a port of this machine to a target, byte for byte.

Sources: "Network Load Balancers" (flows, what becomes of them) and "Target groups for your Network Load Balancers"
(connection termination), Elastic Load Balancing documentation.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from localcloud.listener import Listener

if TYPE_CHECKING:
    from localcloud.pods.balancing import Group
    from localcloud.pods.targets import Address

_BUFFER = 64 * 1024  # bytes that wait for one end before nothing more is read from the other
_CONNECT_SECONDS = 10.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class _End(asyncio.Protocol):
    """One end of a flow. What comes in goes out at `other`.

    Until that is there, the first that comes waits, and nothing more is read. To pause from the start would not do: a
    transport of uvloop reads at least once.
    """

    transport: asyncio.Transport
    other: _End | None = None
    early = b""
    said_all = False

    def join(self, other: _End) -> None:
        """Go on with what has come, to there."""
        self.other = other
        other.transport.write(self.early)
        if self.said_all and other.said_all:
            other.transport.close()
            self.transport.close()
        elif self.said_all:
            other.transport.write_eof()
        elif self.early and not self.transport.is_closing():
            self.transport.resume_reading()
        self.early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(_BUFFER)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)
        elif not self.transport.is_closing():
            self.early += data
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """One way is over; the other may go on."""
        self.said_all = True
        other = self.other
        if other is None or other.transport.is_closing():
            return True
        if not other.said_all:
            other.transport.write_eof()
            return True
        other.transport.close()  # so is the other way
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            other.reset() if exc is not None else other.transport.close()

    def reset(self) -> None:
        """End it as a broken connection ends."""
        if not self.transport.is_closing():
            with suppress(OSError):  # it may have ended in this moment
                own = self.transport.get_extra_info("socket")
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class _Target(_End):
    """The end at a target, as long as which there is a flow."""

    def __init__(self, relay: Relay, address: Address) -> None:
        self._relay = relay
        self.address = address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._relay.flows[self.address].add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._relay.ended(self)


class _Client(_End):
    """The end at a client."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._relay.connect(self)


class Relay:
    """A listener whose connections go to the healthy targets of a group."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._connecting: set[asyncio.Task[None]] = set()
        self.flows: defaultdict[Address, set[_Target]] = defaultdict(set)
        group.on_cut = self._cut

    def bind(self, port: int) -> None:
        """Take a port of the loopback interface, 0 for any. OSError when it is busy."""
        self._listener = Listener(port)
        self.address = self._listener.address

    async def serve(self) -> None:
        """Take connections."""
        await self._listener.serve(lambda: _Client(self))

    async def stop(self) -> None:
        """Take no more of them, and end those there are."""
        self._listener.close()
        for task in self._connecting:
            task.cancel()
        for address in list(self.flows):
            self._cut(address)
        await asyncio.sleep(0)

    def connect(self, client: _Client) -> None:
        """Give a client its target: one for as long as it stays."""
        address = self._group.pick()
        if address is None:
            client.reset()
            return
        task = asyncio.get_running_loop().create_task(self._connect(client, address))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def ended(self, target: _Target) -> None:
        """A flow is over."""
        flows = self.flows[target.address]
        flows.discard(target)
        if not flows:
            del self.flows[target.address]

    async def _connect(self, client: _Client, address: Address) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, target = await asyncio.get_running_loop().create_connection(lambda: _Target(self, address), *address)
        except (OSError, TimeoutError):
            self._group.targets.failed(address)
            client.reset()
        except asyncio.CancelledError:
            client.transport.abort()
            raise
        else:
            if client.transport.is_closing():
                target.transport.close()
                return
            client.join(target)
            target.join(client)

    def _cut(self, address: Address) -> None:
        """End the flows of a target."""
        for target in list(self.flows.get(address, ())):
            client = target.other
            target.reset()
            if client is not None:
                client.reset()
