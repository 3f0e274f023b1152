"""A client that sends whatever bytes it is told to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Self

from tests.processes import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.socket_pods.fleet import Pod

HEAD = {
    "Host": "raw",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
    "Sec-WebSocket-Version": "13",
}
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """A client's frame, with a mask of zeros."""
    first = (fin << 7) | (reserved << 4) | opcode
    mask = masked << 7
    if len(payload) < 126:
        head = bytes((first, mask | len(payload)))
    elif len(payload) < 65536:
        head = bytes((first, mask | 126)) + len(payload).to_bytes(2)
    else:
        head = bytes((first, mask | 127)) + len(payload).to_bytes(8)
    return head + bytes(4 if masked else 0) + payload


class Raw:
    """One TCP connection."""

    def __init__(self, pod: Pod, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(pod.address)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, path: str = "/", method: str = "GET", **headers: str | None) -> str:
        """Send a handshake, changed as told, and give the head of the answer."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in {**HEAD, **changed}.items() if value is not None]
        self.socket.sendall("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode())
        head, _, self._buffer = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        return head.decode()

    def open(self) -> Self:
        """Shake hands."""
        head = self.ask()
        assert head.startswith("HTTP/1.1 101"), head
        return self

    def send(self, data: bytes) -> None:
        """Send bytes; what ends meanwhile is for the reader to see."""
        try:
            self.socket.sendall(data)
        except OSError:
            return

    def frame(self) -> tuple[int, bytes] | None:
        """The next frame's opcode and payload; None when the connection has ended."""
        while True:
            if len(self._buffer) >= 2:
                size, start = self._buffer[1], 2
                if size == 126:
                    size, start = int.from_bytes(self._buffer[2:4]), 4
                elif size == 127:
                    size, start = int.from_bytes(self._buffer[2:10]), 10
                if len(self._buffer) >= start + size:
                    opcode, payload = self._buffer[0] & 15, self._buffer[start : start + size]
                    self._buffer = self._buffer[start + size :]
                    return opcode, payload
            if not (more := self._receive()):
                return None
            self._buffer += more

    def code(self) -> int:
        """The code of the close frame that comes, among others; 1006 when none does."""
        while (found := self.frame()) is not None:
            opcode, payload = found
            if opcode == CLOSE:
                return int.from_bytes(payload[:2])
        return 1006

    def ended(self) -> bool:
        """Wait for the end of the connection."""
        while self._receive():
            pass
        return True

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(65536)
        except (ConnectionError, BrokenPipeError):
            return b""

    def _until(self, mark: bytes) -> bytes:
        found = b""
        while mark not in found and (more := self._receive()):
            found += more
        return found
