"""The table of cases, by subject."""

from ..steps import Case
from . import (
    access,
    connections,
    events,
    frames,
    handshake,
    http,
    mapping,
    routing,
    service,
    waits,
)

CASES: tuple[Case, ...] = (
    *handshake.CASES,
    *access.CASES,
    *events.CASES,
    *routing.CASES,
    *mapping.CASES,
    *http.CASES,
    *frames.CASES,
    *connections.CASES,
    *service.CASES,
    *waits.CASES,
)
