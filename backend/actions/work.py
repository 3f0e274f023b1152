"""`work`: a job for the queue. `backend.work` does it."""

import uuid

from msgspec import Raw

from backend.actions import action
from backend.ports import Queue
from backend.protocol import Accepted, Request, text_of
from backend.records import Connection, Origin
from backend.sessions import Sessions
from backend.work import encode


class WorkRequest(Request):
    """`{"action":"work","data":…}`"""

    data: Raw


@action(WorkRequest)
def work(
    connection: Connection, request: WorkRequest, now: float, origin: Origin, sessions: Sessions, jobs: Queue
) -> Accepted:
    """Put a job into the queue, and answer `{"type":"accepted","id":…}`. Later the session gets
    `{"type":"result","id":…,"epoch":E,"seq":N,"data":…}` through its inbox.
    """
    data = text_of(request.data)
    name = uuid.uuid4().hex if request.id is None else request.id
    jobs.put([encode(sessions.held(connection, now).id, name, data, origin)])
    return Accepted(id=name)
