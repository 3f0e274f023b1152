"""Functions with real worker processes under AWS's runtime client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from localcloud.clock import Clock
from localcloud.functions import runtime
from localcloud.functions.definitions import FunctionSpec
from localcloud.functions.function import Function, Worker
from localcloud.gateway.effects import Failed, Outcome, Raised, Returned
from localcloud.metrics import Metrics
from localcloud.testing import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

HANDLERS = """
import json, os, sys, time

def handler(event, context):
    if event.get("raise"):
        raise ValueError(event["raise"])
    if event.get("exit") is not None:
        os._exit(event["exit"])
    if event.get("print"):
        print(event["print"])
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("read"):
        return sys.stdin.read()
    return {
        "pid": os.getpid(),
        "event": event,
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "time": time.time(),
        "left": context.get_remaining_time_in_millis(),
    }
"""


def spec(folder: Path, handlers: str = HANDLERS, **changes: Any) -> FunctionSpec:
    (folder / "handlers.py").write_text(handlers)
    settings: dict[str, Any] = {
        "logical_id": "Handler",
        "label": "Handler",
        "name": "stack-Handler",
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:stack-Handler",
        "handler": "handlers.handler",
        "runtime": "python3.13",
        "timeout": 30.0,
        "memory": 128,
        "source": folder,
        "original": None,
        "path": (folder,),
    }
    return FunctionSpec(**(settings | changes))


@asynccontextmanager
async def function(
    spec: FunctionSpec, *, limit: int = 2, scale: float = 1
) -> AsyncIterator[tuple[Function, list[str]]]:
    lines: list[str] = []
    with TemporaryDirectory() as folder:
        function = Function(
            spec,
            runtime=runtime.link(Path(folder, "runtime")),
            limit=limit,
            surroundings={},
            gateways={},
            report=lambda _, line: lines.append(line),
            clock=Clock(scale),
            metrics=Metrics(Clock()),
        )
        try:
            yield function, lines
        finally:
            await function.stop()


async def ask(function: Function, **event: Any) -> Outcome:
    return await asyncio.wait_for(function.invoke(json.dumps(event).encode()), 60)


async def idle(function: Function) -> Worker:
    """Its only worker, once that has answered an event and waits for the next."""
    await ask(function)
    while not function._idle:  # noqa: ASYNC110 - it is the worker that comes back
        await asyncio.sleep(0)
    (worker,) = function._idle
    return worker


def result(outcome: Outcome) -> Any:
    assert isinstance(outcome, Returned), outcome
    return json.loads(outcome.payload)


def run(test: Coroutine[Any, Any, None]) -> None:
    uvloop.run(test)  # as in production


def test_a_handler_gets_its_event_and_its_context(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path)) as (subject, _):
            answer = result(await ask(subject, a=["é", 1]))
        assert answer["event"] == {"a": ["é", 1]}
        assert answer["name"] == "stack-Handler"
        assert answer["arn"].endswith(":function:stack-Handler")
        assert 0 < answer["left"] <= 30_000

    run(test())


def test_events_one_after_the_other_share_a_worker(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path)) as (subject, _):
            assert len({result(await ask(subject))["pid"] for _ in range(50)}) == 1

    run(test())


def test_events_at_once_have_workers_of_their_own_up_to_the_limit(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path), limit=3) as (subject, _):
            answers = await asyncio.gather(*(ask(subject, sleep=0.2) for _ in range(9)))
            assert len({result(answer)["pid"] for answer in answers}) == 3

    run(test())


def test_an_exception_fails_its_event_and_is_logged(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path)) as (subject, lines):
            pid = result(await ask(subject))["pid"]
            outcome = await ask(subject, **{"raise": "no such thing"})
            assert isinstance(outcome, Raised)
            assert json.loads(outcome.payload)["errorMessage"] == "no such thing"
            assert result(await ask(subject))["pid"] == pid
        assert any("no such thing" in line for line in lines)

    run(test())


@pytest.mark.parametrize("status", [0, 3])
def test_a_dying_worker_fails_its_event_and_is_replaced(tmp_path: Path, status: int) -> None:
    async def test() -> None:
        async with function(spec(tmp_path), limit=1) as (subject, lines):
            first, second = await asyncio.gather(ask(subject, exit=status), ask(subject))
            assert first is Failed.FUNCTION_ERROR
            assert result(second)["pid"]
        assert lines == [f"Runtime exited: exit status {status}"]

    run(test())


def test_an_event_that_meets_a_dead_worker_fails_as_any_other(tmp_path: Path) -> None:
    """Its connection has ended, and that its process has is not known yet."""

    async def test() -> None:
        async with function(spec(tmp_path), limit=1) as (subject, _):
            worker = await idle(subject)
            assert worker.waiting is not None
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGSTOP)  # so that its runtime client does not come back
            worker.waiting.transport.abort()
            for _ in range(10):  # the event loop closes it in one of its next turns
                await asyncio.sleep(0)
            outcome = subject.invoke(b"{}")
            os.kill(worker.pid, signal.SIGKILL)
            assert await outcome is Failed.FUNCTION_ERROR
            assert isinstance(await ask(subject), Returned)

    run(test())


def test_a_worker_that_asks_twice_for_its_next_event_is_idle_once(tmp_path: Path) -> None:
    """Its runtime client comes back when the connection has ended on which it waited."""

    async def test() -> None:
        async with function(spec(tmp_path), limit=1) as (subject, _):
            worker = await idle(subject)
            before = worker.waiting
            assert before is not None
            before.transport.abort()
            while worker.waiting is before:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            assert subject._idle == [worker]
            found = await asyncio.gather(ask(subject), ask(subject))
            assert [isinstance(outcome, Returned) for outcome in found] == [True, True]

    run(test())


def test_a_handler_is_stopped_at_its_timeout(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path, timeout=0.5), limit=1) as (subject, lines):
            assert await ask(subject, sleep=60) is Failed.FUNCTION_ERROR
            assert result(await ask(subject))["pid"]
        assert lines == ["Task timed out after 0.50 seconds"]

    run(test())


@pytest.mark.parametrize(
    ("handlers", "handler", "shown"),
    [
        ("import nowhere", "handlers.handler", "No module named 'nowhere'"),
        ("def handler(:", "handlers.handler", "SyntaxError"),
        ("", "handlers.handler", "Handler 'handler' missing on module 'handlers'"),
        ("", "elsewhere.handler", "No module named 'elsewhere'"),
        ("", "handler", "Bad handler 'handler'"),
        ("import os; os._exit(4)", "handlers.handler", "exit status 4"),
        ("raise ValueError('two\\n   lines')", "handlers.handler", "ValueError: two lines"),
    ],
)
def test_a_handler_that_does_not_load_says_so_once_and_fails_every_event(
    tmp_path: Path, handlers: str, handler: str, shown: str
) -> None:
    async def test() -> None:
        async with function(spec(tmp_path, handlers, handler=handler)) as (subject, lines):
            outcomes = [await ask(subject), *await asyncio.gather(ask(subject), ask(subject), ask(subject))]
            assert outcomes == [Failed.FUNCTION_ERROR] * 4
        said = [line for line in lines if line.startswith(f"cannot load {handler}: ")]
        assert len(said) == 1
        assert shown in said[0]

    run(test())


def test_a_worker_that_cannot_start_costs_nothing_while_another_works(tmp_path: Path) -> None:
    """Two workers, of which the second is killed while it starts; fifteen events wait for the first."""
    handlers = (
        HANDLERS
        + f"""
mark = {str(tmp_path / "mark")!r}
if os.path.exists(mark):
    os._exit(9)
open(mark, "w").close()
"""
    )

    async def test() -> None:
        async with function(spec(tmp_path, handlers), limit=2) as (subject, _):
            await ask(subject)
            answers = await asyncio.gather(*(ask(subject, sleep=0.01) for _ in range(15)))
            assert len({result(answer)["pid"] for answer in answers}) == 1

    run(test())


def test_reserved_concurrency_throttles_what_is_beyond_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path, reserved=1), limit=4) as (subject, _):
            busy = subject.invoke(b'{"sleep": 0.3}')
            assert await ask(subject) is Failed.THROTTLED
            assert result(await busy)["pid"]
            assert result(await ask(subject))["pid"]
        async with function(spec(tmp_path, reserved=0)) as (subject, _):
            assert await ask(subject) is Failed.THROTTLED

    run(test())


def test_an_event_that_nobody_waits_for_any_more_is_not_run(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path), limit=1) as (subject, lines):
            busy = subject.invoke(b'{"sleep": 0.3}')
            given_up = [subject.invoke(b'{"print": "never"}') for _ in range(5)]
            wanted = subject.invoke(b'{"print": "wanted"}')
            for invocation in given_up:
                invocation.cancel()
            await asyncio.gather(busy, wanted)
        assert lines == ["wanted"]

    run(test())


def test_a_child_that_a_dead_handler_left_does_not_disturb_the_end(tmp_path: Path) -> None:
    handlers = """
import os, subprocess
def handler(event, context):
    subprocess.Popen(["sleep", "600"])
    os._exit(3)
"""

    async def test() -> None:
        async with function(spec(tmp_path, handlers), limit=1) as (subject, lines):
            assert await ask(subject) is Failed.FUNCTION_ERROR
            subject.invoke(b"{}")
        assert lines[0] == "Runtime exited: exit status 3"

    run(test())


def test_a_handler_that_is_mended_loads_for_the_next_event(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path, "import nowhere")) as (subject, lines):
            assert await ask(subject) is Failed.FUNCTION_ERROR
            (tmp_path / "handlers.py").write_text(HANDLERS)
            assert result(await ask(subject))["pid"]
        assert lines[-1] == "loads again"

    run(test())


def test_warming_loads_the_handler_before_any_event(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path, "print('loaded')\n" + HANDLERS)) as (subject, lines):
            subject.warm()
            await asyncio.to_thread(eventually, lambda: "loaded" in lines, "the handler's own line")

    run(asyncio.wait_for(test(), 60))


def test_stopping_ends_every_worker_and_what_is_under_way(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path), limit=1) as (subject, _):
            pid = result(await ask(subject))["pid"]
            busy, waiting = subject.invoke(b'{"sleep":60}'), subject.invoke(b"{}")
            await subject.stop()
            assert {await busy, await waiting} == {Failed.FUNCTION_ERROR}
            assert await ask(subject) is Failed.FUNCTION_ERROR
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(test())


def test_stopping_while_workers_start_leaves_none(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path)) as (subject, _):
            subject.warm()

    run(asyncio.wait_for(test(), 60))


def test_after_a_reload_the_next_event_meets_the_new_code(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path), limit=1) as (subject, lines):
            old = result(await ask(subject))["pid"]
            under_way = subject.invoke(b'{"print": "begun", "sleep": 0.5}')
            await asyncio.to_thread(eventually, lambda: "begun" in lines, "the event's own line")
            (tmp_path / "handlers.py").write_text("def handler(event, context): return 'new'")
            subject.reload()
            assert result(await ask(subject)) == "new"
            assert result(await under_way)["pid"] == old, "what is under way ends as it began"
            await asyncio.to_thread(eventually, lambda: not Path(f"/proc/{old}").exists(), "the end of the old worker")
        assert lines == ["begun"]

    run(test())


def test_a_reload_while_workers_start_uses_the_new_code(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path)) as (subject, _):
            waiting = subject.invoke(b"{}")
            (tmp_path / "handlers.py").write_text("def handler(event, context): return 'new'")
            subject.reload()
            assert result(await waiting) == "new"

    run(test())


def test_handlers_and_timeouts_go_by_virtual_time(tmp_path: Path) -> None:
    async def test() -> None:
        started = time.time()
        async with function(spec(tmp_path, timeout=60), scale=100) as (subject, lines):
            began = subject.clock.started
            assert result(await ask(subject))["time"] - began > (time.time() - began) * 50
            assert await ask(subject, sleep=600) is Failed.FUNCTION_ERROR
        assert lines == ["Task timed out after 60.00 seconds"]
        assert time.time() - started < 60

    run(test())


def test_a_function_reads_nothing_from_stdin(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path)) as (subject, _):
            assert result(await ask(subject, read=True)) == ""

    run(test())


def test_large_events_and_long_lines_pass(tmp_path: Path) -> None:
    async def test() -> None:
        async with function(spec(tmp_path)) as (subject, lines):
            text = "x" * 3_000_000
            assert result(await ask(subject, print=text))["event"]["print"] == text
        assert sum(map(len, lines)) == len(text)

    run(test())


def test_the_template_sets_the_log_format(tmp_path: Path) -> None:
    async def test() -> None:
        json_logs = spec(tmp_path, log_format="JSON", log_level="ERROR", log_group="/chat/handler")
        async with function(json_logs) as (subject, lines):
            await ask(subject, **{"raise": "no"})
        assert json.loads(lines[0])["errorMessage"] == "no"

    run(test())
