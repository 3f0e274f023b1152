"""A Lambda function at work: the processes that run it, and the Runtime API by which they get their events.

Source of the Runtime API, 2018-06-01: "Using the Lambda runtime API for custom runtimes", AWS Lambda Developer Guide. A
worker asks for its next invocation and is kept waiting until there is one; then it posts a response or an error. Each
worker has a port of its own, so that whoever asks is known by it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING

from localcloud.child import Child
from localcloud.clock import Timeouts
from localcloud.functions.function_metrics import FunctionMetrics
from localcloud.gateway.effects import Failed, HttpResponse, Raised, Returned
from localcloud.http_server import HttpConnection, encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localcloud.clock import Clock
    from localcloud.functions.definitions import FunctionSpec
    from localcloud.gateway.effects import Outcome
    from localcloud.http_server import Request
    from localcloud.metrics import Metrics

# Lambda gives a function 10 s to load. A laptop that starts many workers at once can be slower without being wrong.
_INIT_SECONDS = 60.0
_ROOT = "/2018-06-01/runtime/"
_JSON = (("Content-Type", "application/json"),)
_ACCEPTED = encoded(HttpResponse(202, b'{"status":"OK"}', _JSON))


class Invocation:
    """One event, and who waits for its outcome."""

    __slots__ = ("_done", "id", "payload", "since")

    def __init__(self, payload: bytes, done: Callable[[Outcome], None]) -> None:
        self.payload = payload
        self.id = ""
        self.since = 0.0  # by time.perf_counter(), once a worker has it
        self._done: Callable[[Outcome], None] | None = done

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return self._done is not None

    def finish(self, outcome: Outcome) -> None:
        """Tell the outcome, once."""
        done, self._done = self._done, None
        if done is not None:
            done(outcome)

    def cancel(self) -> None:
        """Nobody waits any more: if no worker has it yet, none will."""
        self._done = None


class Worker(Child):
    """One execution environment: a process that runs a function's handler, one event at a time."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.invocation: Invocation | None = None
        self.waiting: RuntimeConnection | None = None
        """Where its runtime client waits for the next event."""
        self.function = function
        self.started = time.perf_counter()
        self.reason: str | None = None
        """Why it ends, if that is known."""

    async def start(self, environment: Mapping[str, str], config: Mapping[str, object]) -> None:
        """Start the process; `config` is what bootstrap.py takes."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RuntimeConnection(self), "127.0.0.1", 0)
        address = self._server.sockets[0].getsockname()
        try:
            await self.spawn({**environment, "AWS_LAMBDA_RUNTIME_API": f"{address[0]}:{address[1]}"}, config)
        except BaseException:
            self._server.close()
            raise

    def invoke(self, invocation: Invocation) -> None:
        """Hand an event to the process, which waits for one."""
        function, connection = self.function, self.waiting
        assert connection is not None  # noqa: S101 - it waits
        spec, now = function.spec, function.clock.now()
        self.waiting, self.invocation = None, invocation
        function.begun(self)
        bits = f"{random.getrandbits(128):032x}"
        # A UUID of version 4.
        invocation.id = (
            f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{'89ab'[int(bits[16], 16) & 3]}{bits[17:20]}-{bits[20:]}"
        )
        invocation.since = time.perf_counter()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {invocation.id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {int((now + spec.timeout) * 1000)}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {spec.arn}\r\n"
            f"Lambda-Runtime-Trace-Id: Root=1-{int(now):08x}-{bits[:24]};Sampled=0\r\n"
            f"Content-Length: {len(invocation.payload)}\r\n\r\n"
        )
        connection.respond(head.encode("latin-1") + invocation.payload)
        if function.faults("function-crash"):
            self.kill("crashed by the fault function-crash")

    def kill(self, reason: str) -> None:
        """End the process at once; `Function.exited` follows with this reason. What the handler started goes too, as an
        environment on Lambda goes as a whole."""
        if self.running:
            self.reason = self.reason or reason
            self.kill_group()

    def printed(self, line: str) -> None:
        self.function.report(self.function.spec.label, line)

    def ended(self, how: str) -> None:
        self._server.close()
        self.function.exited(self, self.reason or f"Runtime exited: {how}")


class RuntimeConnection(HttpConnection):
    """One connection of a worker to its Runtime API."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(self._answer)
        self._worker = worker
        self._admitted = False

    def refusal(self, request: Request) -> HttpResponse | None:
        """A connection has one client: its first request tells whether that is a browser."""
        refusal = None if self._admitted else super().refusal(request)
        self._admitted = refusal is None
        return refusal

    def _answer(self, request: Request) -> HttpResponse | None:
        worker = self._worker
        match (request.method, *request.target.removeprefix(_ROOT).split("/")):
            case ("GET", "invocation", "next"):
                worker.waiting = self
                worker.function.ready(worker)
            case ("POST", "invocation", invocation_id, "response" | "error" as kind):
                self.respond(_ACCEPTED)
                if worker.invocation is not None and worker.invocation.id == invocation_id:
                    # The runtime client has logged an error, and the process lives on.
                    outcome = Returned(request.body) if kind == "response" else Raised(request.body)
                    worker.function.finish(worker, outcome)
            case ("POST", "init", "error"):
                self.respond(_ACCEPTED)
                worker.reason = _error_text(request.body)
            case _:
                return HttpResponse(404, b'{"errorType":"NotFound"}', _JSON)
        return None


class Function:
    """Runs a function, with as many workers as its concurrency asks for, up to `limit`; beyond it, events wait."""

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        runtime: Path,
        limit: int,
        surroundings: Mapping[str, str],
        gateways: Mapping[str, str],
        report: Callable[[str, str], None],
        clock: Clock,
        metrics: Metrics,
        faults: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`runtime` is a folder with what Lambda's runtime brings; `surroundings` are variables of this machine's
        cloud, such as its endpoint; `gateways` map the hosts of APIs to local addresses; `report(label, line)` takes
        every line that the function prints."""
        self.spec = spec
        self.clock = clock
        self.report = report
        self.metrics = FunctionMetrics(spec.name, spec.memory, metrics, clock)
        self._runtime = runtime
        self._limit = limit
        self._surroundings = surroundings
        self._gateways = gateways
        self.faults = faults
        self._queue: deque[Invocation] = deque()
        self._workers: set[Worker] = set()
        self._retired: set[Worker] = set()  # run code that has changed since; they end with the event they have
        self._starting: dict[Worker, asyncio.TimerHandle] = {}  # how long yet
        self._idle: list[Worker] = []
        self._returning: set[Worker] = set()  # have answered, and are about to ask for the next event
        self._busy: set[Worker] = set()
        self._timeouts = Timeouts[Worker](clock, spec.timeout, self._timed_out)
        self._starts: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._load_error: str | None = None

    def call(self, payload: bytes, done: Callable[[Outcome], None]) -> Invocation:
        """Run the handler on a JSON event. `done` is called once, later or at once, unless the invocation that this
        gives is cancelled: with Returned, Raised, FUNCTION_ERROR or THROTTLED."""
        invocation = Invocation(payload, done)
        if self.spec.reserved is not None and len(self._busy) + len(self._queue) >= self.spec.reserved:
            self.metrics.throttled()
            invocation.finish(Failed.THROTTLED)
        elif self._stopped:
            invocation.finish(Failed.FUNCTION_ERROR)
        elif self._idle:
            self._idle.pop().invoke(invocation)
        else:
            self._queue.append(invocation)
            self._grow()
        return invocation

    def invoke(self, payload: bytes) -> asyncio.Future[Outcome]:
        """As `call`, for who awaits the outcome."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        invocation = self.call(payload, lambda found: None if outcome.done() else outcome.set_result(found))
        outcome.add_done_callback(lambda _: invocation.cancel())
        return outcome

    def sample(self) -> None:
        """Look at what its workers use."""
        self.metrics.sample(worker.pid for worker in self._workers if worker.pid is not None)

    def warm(self) -> None:
        """Start a first worker now, so that a handler that does not load is known before the first event."""
        if not self._workers:
            self._start_worker()

    def reload(self) -> None:
        """The code has changed: events under way end as they began, the next ones meet the new code."""
        retired, self._workers = self._workers, set()
        self._retired |= retired
        for timer in self._starting.values():
            timer.cancel()
        self._starting.clear()
        self._idle.clear()
        self._returning.clear()
        for worker in retired - self._busy:
            worker.kill("reloaded")
        self._start_worker()

    async def stop(self) -> None:
        """End every worker; events under way fail."""
        self._stopped = True
        self.sample()
        while self._queue:
            self._queue.popleft().finish(Failed.FUNCTION_ERROR)
        await asyncio.gather(*self._starts, return_exceptions=True)
        workers = self._workers | self._retired
        for worker in workers:
            worker.kill("stopped")
        await asyncio.gather(*(worker.exited for worker in workers))

    # Workers come and go.

    def _grow(self) -> None:
        if len(self._workers) < self._limit and len(self._starting) + len(self._returning) < len(self._queue):
            self._start_worker()

    def _start_worker(self) -> None:
        loop = asyncio.get_running_loop()
        worker = Worker(self)
        self._workers.add(worker)
        reason = f"not ready after {_INIT_SECONDS:.0f} seconds"
        self._starting[worker] = loop.call_later(_INIT_SECONDS, worker.kill, reason)
        path = [str(folder) for folder in (*self.spec.path, self._runtime)]
        config = {"path": path, "gateways": dict(self._gateways), "clock": [self.clock.started, self.clock.scale]}
        start = loop.create_task(worker.start(self._environment(), config))
        self._starts.add(start)
        start.add_done_callback(lambda task: self._start_done(worker, task))

    def _start_done(self, worker: Worker, task: asyncio.Task[None]) -> None:
        self._starts.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        worker.exited.set_result(None)
        self.exited(worker, f"cannot start a process: {error}")

    def ready(self, worker: Worker) -> None:
        """A worker waits for its next event."""
        if worker in self._retired:
            worker.kill("reloaded")
            return
        if timer := self._starting.pop(worker, None):
            timer.cancel()
            if self._load_error is not None:
                self._load_error = None
                self.report(self.spec.label, "loads again")
            self.metrics.initialized((time.perf_counter() - worker.started) * 1000)
        self._returning.discard(worker)
        if worker in self._busy:  # it asks for the next event without having answered the last one
            worker.kill("asked for an event before it had answered the last one")
            return
        while self._queue:
            invocation = self._queue.popleft()
            if invocation.wanted:
                worker.invoke(invocation)
                return
        if worker not in self._idle:  # or it has come back, since the connection has ended on which it waited
            self._idle.append(worker)

    def exited(self, worker: Worker, reason: str) -> None:
        """The process has ended: the handler could not be loaded, it died, or it was stopped."""
        if worker in self._retired and worker not in self._busy:
            self._retired.discard(worker)
            return
        self._workers.discard(worker)
        self._retired.discard(worker)
        self._returning.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        start = self._starting.pop(worker, None)
        if self._stopped:
            self.finish(worker, Failed.FUNCTION_ERROR)
            return
        if start is not None:
            start.cancel()
            self._failed_to_load(reason)
            return
        self.finish(worker, Failed.FUNCTION_ERROR)
        if self._queue:
            self._grow()
        self.report(self.spec.label, reason)

    def _failed_to_load(self, reason: str) -> None:
        """Without another worker, every event that waits would meet the same error: fail them. Say it until it changes.

        With others, they will get to what waits, and the next event tries to start one more.
        """
        if len(self._workers) == len(self._starting):
            while self._queue:
                self._queue.popleft().finish(Failed.FUNCTION_ERROR)
        if reason != self._load_error:
            self._load_error = reason
            self.report(self.spec.label, f"cannot load {self.spec.handler}: {reason}")

    # One event, one worker.

    def begun(self, worker: Worker) -> None:
        """A worker gets an event."""
        self._busy.add(worker)
        self._timeouts.start(worker)
        self.metrics.started(len(self._busy))

    def finish(self, worker: Worker, outcome: Outcome) -> None:
        """A worker has done with its event, if it has one."""
        invocation, worker.invocation = worker.invocation, None
        if invocation is None:
            return
        self._busy.discard(worker)
        self._timeouts.stop(worker)
        if worker in self._workers:
            self._returning.add(worker)
        failed = not isinstance(outcome, Returned)
        self.metrics.ended((time.perf_counter() - invocation.since) * 1000, failed=failed)
        invocation.finish(outcome)

    def _timed_out(self, worker: Worker) -> None:
        worker.kill(f"Task timed out after {self.spec.timeout:.2f} seconds")

    def _environment(self) -> dict[str, str]:
        """What Lambda sets, the template's own variables, and this machine's endpoint; nothing of our own process."""
        spec = self.spec
        return {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **self._surroundings,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[$LATEST]{uuid.uuid4().hex}",
            "AWS_LAMBDA_LOG_FORMAT": spec.log_format,
            # Lambda sets the level for JSON logs only; runtimes ignore it for text.
            **({"AWS_LAMBDA_LOG_LEVEL": spec.log_level} if spec.log_format == "JSON" else {}),
            "LAMBDA_TASK_ROOT": str(spec.source),
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "_HANDLER": spec.handler,
            **spec.environment,
        }


def _error_text(error: bytes) -> str:
    """`Type: message` from the runtime client's error document, on one line."""
    try:
        document = json.loads(error)
        text = f"{document['errorType']}: {document['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        text = error.decode(errors="replace")
    return " ".join(text.split())[:1000]
