"""Work from the queue of jobs, in a thread of its own."""

import threading
import time

from backend import aws
from backend.log import logger
from backend.ports import UnavailableError
from backend.work import Worker

_LONG_POLL, _MOST = 20, 10  # seconds and messages that one ReceiveMessage may take
_PAUSE = 1.0


class Jobs:
    """Receives jobs and does them. What fails stays in the queue, which puts it aside in the end."""

    def __init__(self, url: str, worker: Worker) -> None:
        self._url = url
        self._worker = worker
        self._sqs = aws.sqs(polling=True)
        self._stopping = threading.Event()
        # A daemon: a long poll is not waited for when the process ends.
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._take()
            except UnavailableError as error:
                logger.warning("queue unavailable", reason=str(error))
                self._stopping.wait(_PAUSE)
            except Exception:
                logger.exception("jobs not received")
                self._stopping.wait(_PAUSE)

    def _take(self) -> None:
        with aws.translated():
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_MOST, WaitTimeSeconds=_LONG_POLL
            )
        # Those of the last poll are done as well: to leave them would keep them from everybody for minutes.
        done = [
            message["ReceiptHandle"]
            for message in answer.get("Messages", [])
            if self._worker.run(message["Body"], time.time())
        ]
        if done:
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(done)]
            with aws.translated():
                self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
