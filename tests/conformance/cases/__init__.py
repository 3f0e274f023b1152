"""The table of cases, by subject."""

from tests.conformance.cases import (
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
from tests.conformance.steps import Case

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
