"""Loopback addresses for replicas: 127.0.0.2, 127.0.0.3 and so on."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from localcloud.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Whoever has bound this port of an address, where nobody listens, has that address, among all that run this.
_LOCK_PORT = 10250


class Lease:
    """An address that is ours until it is given back; the end of this process gives it back, too."""

    def __init__(self, address: str, lock: socket.socket) -> None:
        self.address = address
        self._lock = lock

    def close(self) -> None:
        """Give it back."""
        self._lock.close()


def lease(ports: Iterable[int]) -> Lease:
    """The first address on which all these ports are free; LocalError when there is none."""
    wanted = tuple(ports)
    for address in _addresses():
        lock = _bound(address, _LOCK_PORT, again=False)
        if lock is None:
            continue
        with ExitStack() as attempt:
            attempt.callback(lock.close)
            if _all_free(address, wanted):
                attempt.pop_all()
                return Lease(address, lock)
    if sys.platform == "darwin":
        raise LocalError("replicas need loopback addresses: sudo ifconfig lo0 alias 127.0.0.2, and so on")
    raise LocalError(f"no loopback address has the ports {', '.join(map(str, wanted))} free")


def _addresses() -> Iterator[str]:
    for number in range(2, 1 << 11):
        if number % 256 not in {0, 255}:
            yield f"127.0.{number // 256}.{number % 256}"


def _all_free(address: str, ports: Iterable[int]) -> bool:
    for port in ports:
        # What has just ended may leave connections behind, which are no reason to wait.
        probe = _bound(address, port, again=True)
        if probe is None:
            return False
        probe.close()
    return True


def _bound(address: str, port: int, *, again: bool) -> socket.socket | None:
    """A socket that is bound there, None when another one is; `again` is for ports where nobody listens any more."""
    bound = socket.socket()
    with suppress(OSError):
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, again)
        bound.bind((address, port))
        return bound
    bound.close()
    return None
