"""A pod behind API Gateway: `python -m pods.api`, everything by environment.

The life of a process: it listens, and is alive; it is ready once it knows the gateway's secret. After SIGTERM it is
not ready any more, closes each connection with the next answer on it, and has ended within SHUTDOWN_SECONDS.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import uvicorn
import uvloop
from prometheus_client import start_http_server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from backend.application import Application
from backend.log import logger
from backend.settings import Settings, SettingsError
from pods.api import secret
from pods.api.gateway import Reader
from pods.api.metrics import PodMetrics
from pods.api.routes import Routes, Traffic, Workers
from pods.api.settings import PodSettings
from pods.listening import listen

#: How often lines of metrics are printed, in seconds.
LINES_SECONDS = 10
#: After SIGTERM, without a request for so many seconds, nobody is expected to come any more.
STILL_SECONDS = 2.0
#: The parts of SHUTDOWN_SECONDS in which it waits for that, and then for answers that are still due.
PATIENCE = 0.4
#: Longer than a Network Load Balancer keeps a flow on which nothing happens (350 seconds), so that a pod never closes a
#: connection on which the gateway has just sent something.
KEEP_ALIVE_SECONDS = 360
#: Of a request's line and headers.
HEAD_BYTES = 64 * 1024
#: Connections that may be open.
CONNECTIONS = 4096


class Protocol(HttpToolsProtocol):
    """uvicorn's, with a limit on what comes before the body."""

    _in_head = False
    _head = 0

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"A request's headers have at most {HEAD_BYTES} bytes.")


class Server(uvicorn.Server):
    """uvicorn's, which leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(application: object, shutdown_seconds: int) -> Server:
    """A server that prints nothing of its own but warnings."""
    return Server(
        uvicorn.Config(
            application,  # type: ignore[arg-type]
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, int(shutdown_seconds * PATIENCE)),
        )
    )


async def drain(running: Server, traffic: Traffic, seconds: float) -> None:
    """Serve until nobody is expected to come any more, for so many seconds at most."""
    traffic.draining = True
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if not running.server_state.connections and now - began > STILL_SECONDS / 2:
            return
        if not traffic.in_flight and now - max(began, traffic.last) > STILL_SECONDS:
            return
        await asyncio.sleep(0.05)


async def serve(settings: Settings, pod: PodSettings, listeners: list[socket.socket]) -> bool:
    """Serve until SIGTERM or SIGINT. False when it ended for another reason, or gave requests up."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    traffic = Traffic()
    metrics = PodMetrics(settings.backend, lambda: traffic.in_flight)
    application = Application(settings, metrics)
    application.prepare()
    gateway_secret = secret.from_secrets_manager(pod.gateway_secret_arn)
    workers = Workers(pod.threads)
    routes = Routes(
        Reader(pod.api_id, pod.domain_name),
        gateway_secret,
        application.lifecycle,
        application.router,
        workers,
        traffic,
        metrics.refuse,
    )
    exporter, _ = start_http_server(pod.metrics_port, pod.host, metrics.registry)

    async def print_lines() -> None:
        while True:
            await asyncio.sleep(LINES_SECONDS)
            metrics.lines.flush()

    running = server(routes.application(), pod.shutdown_seconds)
    # What has been made so far stays: no collection has to look at all of botocore again.
    gc.collect()
    gc.freeze()
    serving = asyncio.create_task(running.serve(listeners))
    others = [asyncio.create_task(gateway_secret.keep()), asyncio.create_task(print_lines())]
    logger.info("listening", port=listeners[0].getsockname()[1], metrics_port=exporter.server_port)
    await asyncio.wait([serving, *others, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    logger.info("shutting down", in_flight=traffic.in_flight)
    # Whatever happens: threads that wait for AWS would hold the end up.
    deadline = threading.Timer(pod.shutdown_seconds, os._exit, [1])
    deadline.daemon = True
    deadline.start()
    await drain(running, traffic, pod.shutdown_seconds * PATIENCE)
    running.should_exit = True
    await serving
    for task in others:
        task.cancel()
    workers.stop()
    exporter.shutdown()
    exporter.server_close()
    metrics.lines.flush()
    return stop.is_set() and not traffic.given_up


def main() -> int:
    """Run a pod; the exit status: 2 for settings that cannot be, 1 when it could not begin, or end in peace."""
    try:
        settings = Settings.from_environment(os.environ)
        pod = PodSettings.from_environment(os.environ)
        settings.posting_url()
        settings.queue_urls()
    except SettingsError as error:
        print(f"pods.api: {error}", file=sys.stderr)  # noqa: T201
        return 2
    # botocore reads this one alone.
    os.environ.setdefault("AWS_DEFAULT_REGION", pod.region)
    try:
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(one) for one in listen(pod.host, pod.port)]
            peacefully = uvloop.run(serve(settings, pod, listeners))
    except OSError as error:
        ports = f"port {pod.port} or {pod.metrics_port}"
        print(f"pods.api: cannot listen on {pod.host}, {ports}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0 if peacefully else 1
