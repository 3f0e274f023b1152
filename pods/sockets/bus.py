"""Hints between pods, by publish and subscribe of Redis or Valkey.

A hint says what has been kept in a stream, so one that is lost costs a message its speed and nothing else. Whoever may
have missed some is told to look: after a subscription that broke, and after hints that could not be published.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from backend.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from pods.sockets.metrics import SocketMetrics

#: Hints that wait to be published. Further ones are dropped, and everybody looks.
WAITING = 10_000

_BATCH = 100
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds
_TIMEOUT = 5.0
_ALL, _LOADS = "duplex:all", "duplex:loads"
#: RuntimeError is uvloop's for writing to a connection that was reset a moment ago; redis passes it on.
_LOST = (RedisError, OSError, RuntimeError)


class Hint(Struct, array_like=True):
    """A frame for some of a pod's connections, as session and connection ids; without one, they are to be closed."""

    room: str | None
    members: list[tuple[str, str]]
    frame: bytes


class Load(Struct, array_like=True):
    """How many sockets a pod has."""

    pod: str
    sockets: int


_encoder = Encoder()
_decoder = Decoder(Hint)
_load_decoder = Decoder(Load)


class Listener(NamedTuple):
    """What is called with what comes over the bus, on the event loop. `missed` says that hints may have been lost."""

    received: Callable[[Hint], None]
    missed: Callable[[], None]
    heard: Callable[[str, int], None] | None = None


class Bus:
    """One pod's end. With `loads` the pods also tell each other how many sockets they have."""

    def __init__(self, url: str, pod: str, metrics: SocketMetrics, *, loads: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._redis: Any = Redis.from_url(
            url,
            protocol=2,
            socket_connect_timeout=_TIMEOUT,
            socket_keepalive=True,
            health_check_interval=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),  # what follows a break is decided here
        )
        self._pod = pod
        self._channels = [_channel(pod), _ALL, *([_LOADS] if loads else [])]
        self._metrics = metrics
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING)
        self._lost = False

    def tell(self, pod: str, hint: Hint) -> None:
        """Publish a hint to a pod, soon; from any thread."""
        self._loop.call_soon_threadsafe(self._enqueue, _channel(pod), _encoder.encode(hint))

    def tell_load(self, sockets: int) -> None:
        """Publish how many sockets this pod has; on the event loop. While the bus is lost, it is not said."""
        if self._metrics.bus_connected:
            self._enqueue(_LOADS, _encoder.encode(Load(self._pod, sockets)))

    async def run(self, listener: Listener) -> None:
        """Publish and listen, until cancelled."""
        try:
            await asyncio.gather(self._listen(listener), self._publish())
        finally:
            await self._redis.aclose()

    def _enqueue(self, channel: str, hint: bytes) -> None:
        try:
            self._queue.put_nowait((channel, hint))
        except asyncio.QueueFull:
            self._lost = True
            self._metrics.hints["dropped"] += 1

    async def _listen(self, listener: Listener) -> None:
        wait, before = _FIRST_WAIT, False
        while not _cancelled():
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(*self._channels)
                    confirmed = 0
                    while not _cancelled():
                        message = await subscription.get_message(timeout=_TIMEOUT)
                        if message is None:
                            continue
                        if message["type"] != "subscribe":
                            self._take(message, listener)
                            continue
                        confirmed += 1
                        # From now on nothing is missed; what was before may have been.
                        if confirmed == len(self._channels):
                            wait, self._metrics.bus_connected = _FIRST_WAIT, True
                            if before:
                                listener.missed()
                            before = True
            except _LOST as error:
                logger.warning("bus lost", reason=str(error))
            self._metrics.bus_connected = False
            wait = await _pause(wait)

    def _take(self, message: dict[str, Any], listener: Listener) -> None:
        if message["channel"] == _ALL.encode():
            listener.missed()
            return
        try:
            if message["channel"] == _LOADS.encode():
                load = _load_decoder.decode(message["data"])
                if listener.heard is not None:
                    listener.heard(load.pod, load.sockets)
                return
            hint = _decoder.decode(message["data"])
        except MsgspecError:
            logger.warning("not a hint")
            return
        self._metrics.hints["received"] += 1
        listener.received(hint)

    async def _publish(self) -> None:
        wait = _FIRST_WAIT
        while not _cancelled():
            batch = [await self._queue.get()]
            with contextlib.suppress(asyncio.QueueEmpty):
                while len(batch) < _BATCH:
                    batch.append(self._queue.get_nowait())
            if self._lost:
                batch.append((_ALL, b""))
                self._lost = False  # now, since hints may be dropped again while the batch is under way
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for channel, hint in batch:
                        pipeline.publish(channel, hint)
                    async with asyncio.timeout(_TIMEOUT):
                        await pipeline.execute()
            except _LOST as error:
                self._metrics.hints["failed"] += len(batch)
                logger.warning("hints not published", hints=len(batch), reason=str(error))
                self._lost = True
                self._enqueue(_ALL, b"")  # so that it is said even if nobody has a hint any more
                wait = await _pause(wait)
            else:
                self._metrics.hints["published"] += len(batch)
                wait = _FIRST_WAIT


def _cancelled() -> bool:
    """`asyncio.wait_for`, which redis uses, may swallow a cancellation before Python 3.12; it is counted anyway."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _pause(longest: float) -> float:
    """Wait with full jitter; the next longest wait."""
    await asyncio.sleep(random.uniform(longest / 2, longest))
    return min(2 * longest, _LONGEST_WAIT)


def _channel(pod: str) -> str:
    return f"duplex:{pod}"
