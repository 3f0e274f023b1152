from __future__ import annotations

import asyncio
import time

from localcloud.clock import Clock


def test_time_runs_as_many_times_as_fast() -> None:
    started = time.time() - 10
    assert 10 <= Clock(started=started).now() - started < 1_000
    assert 600 <= Clock(60, started).now() - started < 60_000


def test_a_timeout_is_in_virtual_seconds_but_takes_a_real_one() -> None:
    async def test() -> None:
        clock = Clock(10_000)
        called = asyncio.get_running_loop().create_future()
        began = clock.now()
        clock.call_later(600, called.set_result, "late")
        assert await called == "late"
        assert clock.now() - began >= 9_000, "a real second has passed all the same"

    asyncio.run(test())


def test_sleeping_until_a_moment_takes_no_longer_than_the_clock_does() -> None:
    async def test() -> None:
        clock = Clock(10_000)
        moment = clock.now() + 600
        before = time.monotonic()
        await clock.sleep_until(moment)
        assert clock.now() >= moment
        assert time.monotonic() - before < 30
        await clock.sleep_until(moment)

    asyncio.run(test())


def test_a_virtual_moment_has_a_real_one() -> None:
    clock = Clock(100.0, started=1_000.0)
    assert clock.real(1_000.0) == 1_000.0
    assert clock.real(1_500.0) == 1_005.0
