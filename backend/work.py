"""Asynchronous work: a job goes into a queue, and what comes of it into the inbox of who asked for it."""

import hashlib
import time

from msgspec import Raw, Struct
from msgspec.json import Decoder, Encoder

from backend.log import about, logger
from backend.messaging import Messaging
from backend.ports import MetricsSink
from backend.records import Origin


class Job(Struct):
    """One job as it waits in the queue. Two with the same session and id are one job that came twice."""

    session: str
    id: int | str
    data: Raw
    origin: Origin | None = None


_encoder = Encoder()
_decoder = Decoder(Job)


def encode(session_id: str, identifier: int | str, data: str, origin: Origin | None = None) -> str:
    """A job's text for the queue; `data` is JSON, and `origin` the message that asked for it."""
    return _encoder.encode(Job(session_id, identifier, Raw(data.encode()), origin)).decode()


def perform(data: str) -> str:
    """The work itself, JSON in and out: put yours here. It may run more than once for one job."""
    return f'{{"sha256":"{hashlib.sha256(data.encode()).hexdigest()}"}}'


class Worker:
    """Does jobs. A queue delivers a job at least once; its result is kept once."""

    def __init__(self, messaging: Messaging, metrics: MetricsSink) -> None:
        self._messaging = messaging
        self._metrics = metrics

    def run(self, text: str, now: float) -> bool:
        """Do one job. False when that failed: the queue is to deliver it again."""
        started = time.perf_counter()
        try:
            errors = self._run(_decoder.decode(text), now)
        except (ValueError, RecursionError):
            logger.exception("not a job")
            errors = 1
        self._metrics.record("work-done", "Jobs", errors, (time.perf_counter() - started) * 1000)
        return not errors

    def _run(self, job: Job, now: float) -> int:
        with about(job.origin):
            try:
                if not self._messaging.result(job.session, job.id, perform(bytes(job.data).decode()), now):
                    logger.info("nobody waits for the result any more")
            except Exception:  # the edge: the queue keeps the job, and in the end puts it aside
                logger.exception("job failed")
                return 1
        return 0
