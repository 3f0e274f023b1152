"""Breaks behaviours on purpose, one at a time, and shows which cases fail.

`python -m tools.localcloud.tests.conformance.mutations` takes some minutes; give the ids of rows to try only those.
Each runs on a copy of the local cloud's code in a folder of its own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import localcloud

from . import targets
from .cases import CASES
from .scene import Scene

SOURCE = Path(localcloud.__file__).parent
_PATIENCE = 3.0  # seconds; what is broken is often something that never comes


@dataclass(frozen=True)
class Mutation:
    """A text of a file of localcloud that, replaced, breaks what a row says; and a case of that row."""

    fact: str
    case: str
    file: str
    old: str
    new: str


_CORE, _EVENTS, _HANDSHAKES = "gateway/core.py", "gateway/events.py", "gateway/handshakes.py"
_INTEGRATIONS, _SELECTION, _SOCKETS = "gateway/integrations.py", "gateway/selection.py", "sockets.py"

MUTATIONS = (
    Mutation("2.refused", "connect-refused-400", _CORE, "request, answer.status, body", "request, 403, body"),
    Mutation("2.failed", "connect-raises", _HANDSHAKES, "            return 502", "            return 500"),
    Mutation(
        "2.identity-missing", "authorizer-identity-missing", _HANDSHAKES, "        return 401\n", "        return 403\n"
    ),
    Mutation(
        "2.denied",
        "authorizer-denies",
        _HANDSHAKES,
        "        return 403\n    return {",
        "        return 401\n    return {",
    ),
    Mutation(
        "2.unauthorized", "authorizer-unauthorized", _HANDSHAKES, "return 401 if message", "return 403 if message"
    ),
    Mutation("2.no-permission", "connect-barred", _CORE, "if route.key in self.api.unpermitted:", "if False:"),
    Mutation("2.plain-get", "plain-get", _CORE, "json_response(426", "json_response(403"),
    Mutation("2.headers", "subprotocol-echoed", _CORE, "request, answer.subprotocol, now", "request, None, now"),
    Mutation(
        "3.request-id", "ids", _EVENTS, '"extendedRequestId": request_id', '"extendedRequestId": "E" + request_id[1:]'
    ),
    Mutation("4.odd-headers", "event-disconnect", _EVENTS, '("x-restapi", "")', '("x-rest-api", "")'),
    Mutation("4.connect", "event-connect", _EVENTS, "all_[-1]", "all_[0]"),
    Mutation("4.1005", "disconnect-no-code", _CORE, "if code == 1005:", "if code == 1015:"),
    Mutation("4.authorizer", "authorizer-on-every-event", _EVENTS, "caller.authorizer is not None", "caller is None"),
    Mutation(
        "5.expression", "route-exact", _SELECTION, "    if key in keys", "    key = key.lower()\n    if key in keys"
    ),
    Mutation("5.forbidden", "route-none", _CORE, 'request, "Forbidden", 403', 'request, "Not found", 403'),
    Mutation(
        "5.models", "model-invalid-type", _CORE, "(problem := route.models.error(request.body))", "(problem := None)"
    ),
    Mutation("6.route-response", "reply-none", _CORE, "or not route.responds or", "or"),
    Mutation("6.responses", "lambda-error-selected", _INTEGRATIONS, "payload, str(message))", 'payload, "")'),
    Mutation("7.parameters", "http-mapped", "gateway/mapping.py", "path[name] = value", "path[name] = name"),
    Mutation("7.passthrough", "http-never", _INTEGRATIONS, 'templates.passthrough == "NEVER" or', ""),
    Mutation("7.escape", "http-callback", "gateway/vtl/methods.py", "return value.replace(old, new)", "return value"),
    Mutation("8.timeout", "integration-late", _CORE, "Endpoint request timed out", "Timed out"),
    Mutation(
        "8.bad-request", "model-invalid-length", _CORE, '{"messageId": request.message_id}', '{"requestId": request.id}'
    ),
    Mutation(
        "9.frame", "frame-too-large", _SOCKETS, "max_size=(limits.message, limits.frame)", "max_size=limits.message"
    ),
    Mutation("9.binary", "binary", _SOCKETS, "self._refuse(1003)", "self._refuse(1007)"),
    Mutation(
        "10.iam",
        "iam-wrongly-signed",
        "gateway/sigv4.py",
        "if not hmac.compare_digest(",
        "if False and hmac.compare_digest(",
    ),
    Mutation("11.handshake", "connect-throttled", "gateway/throttle.py", "and limit.rate > 0", "or limit.rate == 0"),
    Mutation("12.post", "post", _CORE, "if doubted else HttpResponse(200)", "if doubted else HttpResponse(204)"),
    Mutation("12.gone", "post-gone", "gateway/management.py", "status = 410 if", "status = 404 if"),
    Mutation(
        "12.unsigned",
        "unsigned",
        _CORE,
        "if refusal is not None:\n                return management",
        "if False:\n                return management",
    ),
    Mutation(
        "12.delete-disconnects",
        "disconnect-by-delete",
        _CORE,
        "effects + self._forget(connection_id, 1000, _NORMAL, now)",
        "effects",
    ),
    Mutation("1.domain-callback", "domain-callback", "gateway/model.py", "domain.key == base]", "base]"),
    Mutation("3.region", "ids-of-a-kind", "server.py", "{_REGION}{kind}", "{kind}{_REGION}"),
    Mutation(
        "4.no-query",
        "event-connect-without-query",
        _EVENTS,
        "if query := parse_qsl(handshake.query, keep_blank_values=True):",
        "for query in [parse_qsl(handshake.query)]:",
    ),
    Mutation("5.user-keys", "refused-route-key", "apis.py", "key not in _RESERVED", "False"),
    Mutation(
        "7.binary", "http-binary", _INTEGRATIONS, "_binary(body) if integration.to_binary", "_binary(body) if False"
    ),
    Mutation("9.connect-rate", "crowded", _CORE, "        self._handshakes.take()\n", ""),
    Mutation("9.idle", "idle", "gateway/model.py", "idle: float = 600.0", "idle: float = 300.0"),
    Mutation("9.lifetime", "lifetime", "gateway/model.py", "lifetime: float = 7200.0", "lifetime: float = 3600.0"),
    Mutation(
        "9.activity",
        "idle",
        _CORE,
        "            connection.last_active = now\n            self._measure",
        "            self._measure",
    ),
    Mutation("12.slow", "post-to-a-slow-reader", _CORE, "        if connection.slow:", "        if False:"),
    Mutation("14.format", "access-log", _CORE, 'request.told["status"] = status', "pass"),
    Mutation("15.dimensions", "metrics", "server.py", '("Route", route)', '("RouteKey", route)'),
)


def problem(mutation: Mutation) -> str | None:
    """What a case says of the broken code, in a line; None when it notices nothing."""
    (case,) = (case for case in CASES if case.id == mutation.case)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(SOURCE, root / "localcloud", ignore=shutil.ignore_patterns("__pycache__"))
        broken = root / "localcloud" / mutation.file
        broken.write_text(broken.read_text().replace(mutation.old, mutation.new))
        found: str | None = None
        try:
            with targets.local(targets.run_of(case.api), root, root) as apis:
                try:
                    Scene(apis[case.api], _PATIENCE).play(case.steps)
                except (pytest.fail.Exception, AssertionError, OSError) as failure:
                    found = str(failure).splitlines()[0]
        except AssertionError:  # what is broken may also print a traceback, which `running` does not let pass
            if found is None:
                raise
        return found


def main(wanted: list[str]) -> int:
    """Try mutations, those of some rows or all; gives the number of those that no case noticed."""
    unnoticed = 0
    for mutation in MUTATIONS:
        if wanted and mutation.fact not in wanted:
            continue
        found = problem(mutation)
        unnoticed += found is None
        print(f"{mutation.fact:<20} {mutation.case:<28} {'NOT NOTICED' if found is None else found:.150}")  # noqa: T201
    return unnoticed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
