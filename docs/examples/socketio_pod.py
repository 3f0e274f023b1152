"""A pod of python-socketio with the gauge and the drain of `pods.sockets`: `python docs/examples/socketio_pod.py`.

Only upgraded transports count: a client that polls holds no socket. A client does one thing for it: on `reconnect` it
disconnects and connects again. Socket.IO closes with 1000, where ours says 1001. HOST, PORT, METRICS_PORT and
DRAIN_SECONDS are environment variables.
"""

import asyncio
import contextlib
import os
import random
import signal

import socketio
import uvicorn
from prometheus_client import Gauge, start_http_server
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

sio = socketio.AsyncServer(async_mode="asgi")
clients: set[str] = set()
draining = asyncio.Event()


async def connected(sid: str, _environ: object, _auth: object = None) -> None:
    if draining.is_set():
        raise socketio.exceptions.ConnectionRefusedError("draining: connect again")
    clients.add(sid)


def active() -> int:
    """Computed when it is asked for: no way that a socket can end is forgotten, and an upgrade tells nobody."""
    upgraded = 0
    for sid in list(clients):
        with contextlib.suppress(KeyError):  # it has ended meanwhile
            upgraded += sio.transport(sid) == "websocket"
    return upgraded


async def send_away(sid: str, after: float) -> None:
    await asyncio.sleep(after)
    await sio.emit("reconnect", to=sid)
    await asyncio.sleep(1)
    await sio.disconnect(sid)


async def main() -> None:
    host, port, metrics_port = os.environ["HOST"], int(os.environ["PORT"]), int(os.environ["METRICS_PORT"])
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, draining.set)
    for event, handler in (("connect", connected), ("disconnect", lambda sid, *_: clients.discard(sid))):
        sio.on(event, handler)
    Gauge("ws_connections_active", "Upgraded and open").set_function(active)
    start_http_server(metrics_port, host)
    ready = Route("/readyz", lambda _: Response(status_code=503 if draining.is_set() else 200))
    application = socketio.ASGIApp(sio, other_asgi_app=Starlette(routes=[ready]))
    server = uvicorn.Server(uvicorn.Config(application, host, port, ws="websockets-sansio", log_level="warning"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]  # SIGTERM is ours
    serving = asyncio.create_task(server.serve())
    await draining.wait()
    window = float(os.environ.get("DRAIN_SECONDS", "60"))
    await asyncio.gather(*(send_away(sid, random.uniform(0, window)) for sid in list(clients)))
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main())
