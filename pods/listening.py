"""Sockets that listen, on which many may connect at once, however busy the event loop is."""

import socket

#: Connections that may wait to be accepted.
BACKLOG = 1024

#: Connections accepted in one turn of the event loop. libuv, on which uvloop runs, accepts one for each descriptor and
#: turn (https://github.com/libuv/libuv/pull/3696), and a turn in which all clients have something to say takes long:
#: those who come from another pod, all at once, would wait for seconds. So a socket is served through several
#: descriptors. Each but the first costs a connection that comes alone some 5 us, to find out that there is no other.
ACCEPTS = 8


def listen(host: str, port: int) -> list[socket.socket]:
    """Descriptors of one socket that listens on an address. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = socket.create_server((host, port), family=family, backlog=BACKLOG)
    return [first, *(first.dup() for _ in range(ACCEPTS - 1))]
