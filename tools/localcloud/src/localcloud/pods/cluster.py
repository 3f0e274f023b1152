"""The Kubernetes API, as much of it as a controller of pods' annotations needs: list pods, read one, patch one.

Source: https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#pod-v1-core. Every token that it hands out
may do all of this: Roles are not looked at.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from localcloud.gateway.effects import HttpResponse
from localcloud.http_server import HttpConnection, Request
from localcloud.pods.order import DELETION_COST, valid_cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from localcloud.pods.fleet import Fleet
    from localcloud.pods.pod import Pod

_PATH = re.compile(r"/api/v1/namespaces/([a-z0-9-]+)/pods(?:/([a-z0-9.-]+))?")
_TERM = re.compile(r"(!?)\s*([A-Za-z0-9./_-]+)\s*(?:(=|==|!=)\s*([A-Za-z0-9._-]*))?")
_MOST_ANNOTATIONS = 256 * 1024  # bytes, all of an object's together


class _RefusedError(Exception):
    """The answer is a Status with this code and message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class Cluster:
    """Serves the pods of fleets on a loopback port, to who has the token."""

    def __init__(self, fleets: Sequence[Fleet], folder: Path) -> None:
        """`folder` takes the service accounts' files."""
        self._fleets = fleets
        self._folder = folder
        self._token = secrets.token_urlsafe(32)

    async def start(self) -> dict[str, dict[str, str]]:
        """Listen, and write the files of a service account for each namespace; by namespace, the variables by which a
        pod finds both."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self._answer), "127.0.0.1", 0
        )
        url = "http://{}:{}".format(*self._server.sockets[0].getsockname())
        accounts = {}
        for namespace in {fleet.spec.namespace for fleet in self._fleets}:
            account = self._folder / namespace
            account.mkdir()
            (account / "namespace").write_text(namespace)
            (account / "token").write_text(self._token)
            accounts[namespace] = {"KUBERNETES_URL": url, "SERVICE_ACCOUNT_FOLDER": str(account)}
        return accounts

    def stop(self) -> None:
        """Listen no more."""
        self._server.close()

    def _answer(self, request: Request) -> HttpResponse:
        try:
            code, body = 200, self._do(request)
        except _RefusedError as error:
            code = error.code
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
            body = {**status, "reason": error.reason, "message": str(error)}
        return HttpResponse(code, json.dumps(body).encode(), (("Content-Type", "application/json"),))

    def _do(self, request: Request) -> dict[str, Any]:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise _RefusedError(401, "Unauthorized", "Unauthorized")
        url = urlsplit(request.target)
        if (found := _PATH.fullmatch(url.path)) is None:
            raise _RefusedError(404, "NotFound", "the server could not find the requested resource")
        namespace, name = found.groups()
        pods = {
            pod.name: (fleet, pod) for fleet in self._fleets if fleet.spec.namespace == namespace for pod in fleet.pods
        }
        if name is None and request.method == "GET":
            selected = parse_selector(parse_qs(url.query).get("labelSelector", [""])[0])
            items = [described(*one) for one in pods.values() if selected(one[0].spec.labels)]
            return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}
        if name is None or request.method not in {"GET", "PATCH"}:
            raise _RefusedError(405, "MethodNotAllowed", "pods can be listed, read and patched here")
        if name not in pods:
            raise _RefusedError(404, "NotFound", f'pods "{name}" not found')
        fleet, pod = pods[name]
        if request.method == "PATCH":
            patch(pod, request)
        return described(fleet, pod)


def parse_selector(text: str) -> Any:
    """Whether labels fit a selector of equalities: `a=b,c!=d,e,!f`."""
    terms = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if (found := _TERM.fullmatch(part)) is None or (found[1] and found[3]):
            raise _RefusedError(400, "BadRequest", f"a label selector is of =, != and names here, not {part!r}")
        terms.append(found.groups())

    def fits(labels: Mapping[str, str]) -> bool:
        for absent, name, sign, value in terms:
            if sign is None:
                if (name in labels) is bool(absent):
                    return False
            elif (labels.get(name) == value) is (sign == "!="):
                return False
        return True

    return fits


def patch(pod: Pod, request: Request) -> None:
    """Merge annotations into a pod's (RFC 7386); nothing else of it can be patched here."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/merge-patch+json":
        raise _RefusedError(415, "UnsupportedMediaType", "patches are application/merge-patch+json here")
    try:
        body = json.loads(request.body)
        metadata = body["metadata"]
        changes = metadata.get("annotations", {})
        fine = set(body) == {"metadata"} and metadata.keys() <= {"uid", "annotations"}
        fine &= all(isinstance(value, str | None) for value in changes.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _RefusedError(400, "BadRequest", f"the patch cannot be read: {type(error).__name__}") from None
    if not fine:
        raise _RefusedError(422, "Invalid", "only annotations of a pod can be patched here")
    if metadata.get("uid", pod.uid) != pod.uid:
        raise _RefusedError(409, "Conflict", f"the UID in the precondition is not that of the pod {pod.name}")
    merged = {name: value for name, value in {**pod.annotations, **changes}.items() if value is not None}
    if sum(len(name) + len(value) for name, value in merged.items()) > _MOST_ANNOTATIONS:
        raise _RefusedError(422, "Invalid", f"annotations have at most {_MOST_ANNOTATIONS} bytes")
    if not valid_cost(merged):
        raise _RefusedError(422, "Invalid", f"{DELETION_COST} is a whole number of 32 bits")
    pod.annotations = merged


def described(fleet: Fleet, pod: Pod) -> dict[str, Any]:
    """A pod as the API shows it."""
    spec = fleet.spec
    metadata: dict[str, Any] = {
        "name": pod.name,
        "namespace": spec.namespace,
        "uid": pod.uid,
        "labels": dict(spec.labels),
        "annotations": dict(pod.annotations),
        "creationTimestamp": _time(pod.created),
    }
    if pod.deleted is not None:
        metadata |= {"deletionTimestamp": _time(pod.deleted), "deletionGracePeriodSeconds": int(spec.pod.grace)}
    ready = {"type": "Ready", "status": str(pod.ready)}
    status = {"phase": "Running" if pod.running else "Pending", "podIP": pod.address, "conditions": [ready]}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "status": status}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
