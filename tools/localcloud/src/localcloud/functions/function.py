"""A Lambda function: what its template says, and the workers that run it."""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcloud.functions.figures import Figures
from localcloud.functions.runtime_api import Invocation
from localcloud.functions.worker import Worker
from localcloud.gateway.effects import Failed, Raised, Returned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localcloud.clock import Clock
    from localcloud.gateway.effects import Outcome
    from localcloud.metrics import Metrics

# Lambda gives a function 10 s to load. A laptop that starts many workers at once can be slower without being wrong.
_INIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as its template describes it: `timeout` in seconds, `memory` in MB, `path` what it may import from
    besides what the runtime brings.

    `label` is what people know it by: its construct's path in a CDK app, else its logical id. `source` is the asset as
    it was staged, `original` the folder it was staged from, if that is known here.
    """

    logical_id: str
    label: str
    name: str
    arn: str
    handler: str
    runtime: str
    timeout: float
    memory: int
    source: Path
    original: Path | None
    path: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = "INFO"
    reserved: int | None = None
    """Reserved concurrency: more events than this at once are throttled, and 0 throttles all."""


@dataclass(slots=True)
class _Pending:
    payload: bytes
    outcome: asyncio.Future[Outcome]


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
        self._runtime = runtime
        self._limit = limit
        self._surroundings = surroundings
        self._gateways = gateways
        self._report = report
        self._clock = clock
        self._faults = faults
        self.figures = Figures(spec.name, spec.memory, metrics)
        self._queue: deque[_Pending] = deque()
        self._workers: set[Worker] = set()
        self._retired: set[Worker] = set()  # run code that has changed since; they end with the event they have
        self._starting: dict[Worker, tuple[float, asyncio.TimerHandle]] = {}  # since when, and how long yet
        self._idle: list[Worker] = []
        self._returning: set[Worker] = set()  # have answered, and are about to ask for the next event
        self._busy: dict[Worker, tuple[_Pending, float, asyncio.TimerHandle]] = {}  # since when, and how long yet
        self._starts: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._load_error: str | None = None

    def invoke(self, payload: bytes) -> asyncio.Future[Outcome]:
        """Run the handler on a JSON event. The outcome always comes: Returned, Raised, FUNCTION_ERROR, or THROTTLED."""
        pending = _Pending(payload, asyncio.get_running_loop().create_future())
        if self.spec.reserved is not None and len(self._busy) + len(self._queue) >= self.spec.reserved:
            self.figures.throttled()
            pending.outcome.set_result(Failed.THROTTLED)
        elif self._stopped:
            pending.outcome.set_result(Failed.FUNCTION_ERROR)
        elif self._idle:
            self._assign(self._idle.pop(), pending)
        else:
            self._queue.append(pending)
            self._grow()
        return pending.outcome

    def sample(self) -> None:
        """Look at what its workers use."""
        self.figures.sample(worker.pid for worker in self._workers if worker.pid is not None)

    def warm(self) -> None:
        """Start a first worker now, so that a handler that does not load is known before the first event."""
        if not self._workers:
            self._start_worker()

    def reload(self) -> None:
        """The code has changed: events under way end as they began, the next ones meet the new code."""
        retired, self._workers = self._workers, set()
        self._retired |= retired
        for _, timer in self._starting.values():
            timer.cancel()
        self._starting.clear()
        self._idle.clear()
        self._returning.clear()
        for worker in retired - self._busy.keys():
            worker.kill("reloaded")
        self._start_worker()

    async def stop(self) -> None:
        """End every worker; events under way fail."""
        self._stopped = True
        self.sample()
        while self._queue:
            _settle(self._queue.popleft(), Failed.FUNCTION_ERROR)
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
        timer = loop.call_later(_INIT_SECONDS, worker.kill, f"not ready after {_INIT_SECONDS:.0f} seconds")
        self._starting[worker] = (time.perf_counter(), timer)
        path = [str(folder) for folder in (*self.spec.path, self._runtime)]
        config = {"path": path, "gateways": dict(self._gateways), "clock": [self._clock.started, self._clock.scale]}
        start = loop.create_task(worker.start(self._environment(), config))
        self._starts.add(start)
        start.add_done_callback(lambda task: self._start_done(worker, task))

    def _start_done(self, worker: Worker, task: asyncio.Task[None]) -> None:
        self._starts.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        worker.exited.set_result(None)
        self.worker_exited(worker, f"cannot start a process: {error}")

    def worker_ready(self, worker: Worker) -> None:
        if worker in self._retired:
            worker.kill("reloaded")
            return
        if start := self._starting.pop(worker, None):
            since, timer = start
            timer.cancel()
            if self._load_error is not None:
                self._load_error = None
                self._report(self.spec.label, "loads again")
            self.figures.initialized((time.perf_counter() - since) * 1000)
        self._returning.discard(worker)
        if worker in self._busy:  # it asks for the next event without having answered the last one
            worker.kill("asked for an event before it had answered the last one")
        elif (pending := self._next()) is not None:
            self._assign(worker, pending)
        elif worker not in self._idle:  # or it has come back, since the connection has ended on which it waited
            self._idle.append(worker)

    def _next(self) -> _Pending | None:
        """The first event that somebody still waits for."""
        while self._queue:
            pending = self._queue.popleft()
            if not pending.outcome.done():
                return pending
        return None

    def worker_responded(self, worker: Worker, payload: bytes) -> None:
        self._finish(worker, Returned(payload))

    def worker_failed(self, worker: Worker, error: bytes) -> None:
        self._finish(worker, Raised(error))  # the runtime client has logged it

    def worker_printed(self, line: str) -> None:
        self._report(self.spec.label, line)

    def worker_exited(self, worker: Worker, reason: str) -> None:
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
            self._finish(worker, Failed.FUNCTION_ERROR)
            return
        if start is not None:
            start[1].cancel()
            self._failed_to_load(reason)
            return
        self._finish(worker, Failed.FUNCTION_ERROR)
        if self._queue:
            self._grow()
        self._report(self.spec.label, reason)

    def _failed_to_load(self, reason: str) -> None:
        """Without another worker, every event that waits would meet the same error: fail them. Say it until it changes.

        With others, they will get to what waits, and the next event tries to start one more.
        """
        if len(self._workers) == len(self._starting):
            while self._queue:
                _settle(self._queue.popleft(), Failed.FUNCTION_ERROR)
        if reason != self._load_error:
            self._load_error = reason
            self._report(self.spec.label, f"cannot load {self.spec.handler}: {reason}")

    # One event, one worker.

    def _assign(self, worker: Worker, pending: _Pending) -> None:
        now = self._clock.now()
        reason = f"Task timed out after {self.spec.timeout:.2f} seconds"
        timer = self._clock.call_later(self.spec.timeout, worker.kill, reason)
        self._busy[worker] = (pending, time.perf_counter(), timer)
        self.figures.started(len(self._busy))
        invocation_id = str(uuid.UUID(int=random.getrandbits(128), version=4))
        trace_id = f"Root=1-{int(now):08x}-{invocation_id.replace('-', '')[:24]};Sampled=0"
        deadline = int((now + self.spec.timeout) * 1000)
        worker.invoke(Invocation(invocation_id, self.spec.arn, pending.payload, deadline, trace_id))
        if self._faults("function-crash"):
            worker.kill("crashed by the fault function-crash")

    def _finish(self, worker: Worker, outcome: Outcome) -> None:
        worker.invocation = None
        if (busy := self._busy.pop(worker, None)) is None:
            return
        pending, since, timer = busy
        timer.cancel()
        if worker in self._workers:
            self._returning.add(worker)
        self.figures.ended((time.perf_counter() - since) * 1000, failed=not isinstance(outcome, Returned))
        _settle(pending, outcome)

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


def _settle(pending: _Pending, outcome: Outcome) -> None:
    if not pending.outcome.done():
        pending.outcome.set_result(outcome)
