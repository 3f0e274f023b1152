"""A bus for one machine: `python -m localcloud.pods.broker`, publish and subscribe as Redis has them, and nothing else.

For development and tests where no Redis is. It speaks as much of RESP2, on the loopback interface.
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import sys

_MOST = 8 * 1024 * 1024  # bytes of one argument, and that wait for a subscriber


class Broker:
    """Channels and who listens to them."""

    def __init__(self) -> None:
        self._channels: dict[bytes, set[asyncio.StreamWriter]] = {}

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends, or says what is no command."""
        try:
            while True:
                arguments = await _command(reader)
                writer.write(self._answer(arguments, writer))
                await writer.drain()
        except (ValueError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            for listeners in self._channels.values():
                listeners.discard(writer)
            writer.close()

    def _answer(self, arguments: list[bytes], writer: asyncio.StreamWriter) -> bytes:
        match [arguments[0].upper(), *arguments[1:]]:
            case [b"PUBLISH", channel, message]:
                answer = b":%d\r\n" % self._publish(channel, message)
            case [b"SUBSCRIBE", *channels]:
                for channel in channels:
                    self._channels.setdefault(channel, set()).add(writer)
                answer = b"".join(b"*3\r\n%s%s:1\r\n" % (_bulk(b"subscribe"), _bulk(channel)) for channel in channels)
            case [b"PING", *message] if any(writer in listeners for listeners in self._channels.values()):
                answer = b"*2\r\n%s%s" % (_bulk(b"pong"), _bulk(message[0] if message else b""))
            case [b"PING", *message]:
                answer = _bulk(message[0]) if message else b"+PONG\r\n"
            case [b"CLIENT", *_]:
                answer = b"+OK\r\n"
            case _:
                answer = b"-ERR unknown command: this broker has PUBLISH, SUBSCRIBE and PING\r\n"
        return answer

    def _publish(self, channel: bytes, message: bytes) -> int:
        listeners = self._channels.get(channel, set())
        frame = b"*3\r\n%s%s%s" % (_bulk(b"message"), _bulk(channel), _bulk(message))
        for writer in list(listeners):
            if writer.transport.get_write_buffer_size() > _MOST:  # as Redis does with who does not read
                writer.transport.abort()
            else:
                writer.write(frame)
        return len(listeners)


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """The arguments of one command. Raises ValueError for what is none."""
    count = _number(await reader.readline(), b"*")
    if not 1 <= count <= 64:
        raise ValueError("too many arguments")
    arguments = []
    for _ in range(count):
        size = _number(await reader.readline(), b"$")
        if not 0 <= size <= _MOST:
            raise ValueError("too long")
        arguments.append((await reader.readexactly(size + 2))[:-2])
    return arguments


def _number(line: bytes, mark: bytes) -> int:
    if not line.startswith(mark) or not line.endswith(b"\r\n"):
        raise ValueError("not RESP")
    return int(line[1:-2])


def _bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)


async def serve(host: str, port: int) -> None:
    """Serve until cancelled; says where in a line of JSON."""
    server = await asyncio.start_server(Broker().client, host, port)
    port = int(server.sockets[0].getsockname()[1])
    print(json.dumps({"bus": f"redis://{host}:{port}"}), flush=True)  # noqa: T201
    await server.serve_forever()


def _on_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def main() -> None:
    """Exit status 2 for an address that is not of the loopback interface."""
    host = os.environ.get("HOST") or "127.0.0.1"
    if not _on_loopback(host):
        print("localcloud.pods.broker: HOST must be a loopback address: it asks nobody who they are", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    try:
        asyncio.run(serve(host, int(os.environ.get("PORT", "6379"))))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
