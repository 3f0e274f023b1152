"""picows that echoes, and prints its port: `python -m tests.benchmarks.sockets.bare`."""

from __future__ import annotations

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server


class Echo(WSListener):
    """Sends back what comes."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())


async def main() -> None:
    """Serve until the process is ended."""
    server = await ws_create_server(
        lambda _: Echo(),
        "127.0.0.1",
        0,
        backlog=1024,
        read_buffer_init_size=1024,
        use_aiofastnet=False,
        logger_name="bare",
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
