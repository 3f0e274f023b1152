"""What the controller of deletion costs asks of Kubernetes: the pods of one namespace, and one annotation of theirs.

As the pod's service account: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import MsgspecError, Struct, field
from msgspec.json import Decoder

from pods.scale_in.fetch import Answer, FetchError, fetch

#: Of the pods of one set, those with the lowest go first. A whole number of 32 bits, as text.
#: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
MOST_COST = 2**31 - 1

_SECONDS = 10.0
_MOST_BYTES = 32 * 1024 * 1024
_PAGE, _MOST_PAGES = 500, 20


class KubernetesError(Exception):
    """The API did not do what it was asked for; `gone` when that pod is no more."""

    def __init__(self, text: str, *, gone: bool = False) -> None:
        super().__init__(text)
        self.gone = gone


class _Metadata(Struct, rename="camel"):
    name: str
    uid: str
    annotations: dict[str, str] = {}
    deletion_timestamp: str | None = None


class _Status(Struct, rename="camel"):
    phase: str = ""
    pod_ip: str = field(default="", name="podIP")


class _Pod(Struct):
    metadata: _Metadata
    status: _Status = field(default_factory=_Status)


class _ListMetadata(Struct):
    continue_: str = field(default="", name="continue")


class _Pods(Struct):
    items: list[_Pod]
    metadata: _ListMetadata = field(default_factory=_ListMetadata)


_decoder = Decoder(_Pods)


@dataclass(frozen=True)
class Pod:
    """One that runs, and is not about to end. `cost` is None as long as nobody has set one that Kubernetes takes."""

    name: str
    uid: str
    address: str
    cost: int | None


class Kubernetes:
    """The API of a cluster, as the service account whose token, CA and namespace are files of one folder.

    Both are read for each request: the kubelet replaces the token before it expires.
    """

    def __init__(self, url: str, folder: Path, namespace: str | None = None) -> None:
        self._url = url
        self._folder = folder
        self._namespace = namespace

    async def pods(self, selector: str) -> list[Pod]:
        """The pods with these labels, as the API server's cache has them. Raises KubernetesError."""
        found: list[_Pod] = []
        query = {"labelSelector": selector, "limit": str(_PAGE), "resourceVersion": "0"}
        for _ in range(_MOST_PAGES):
            answer = await self._ask("GET", f"?{urlencode(query)}", "list pods")
            try:
                page = _decoder.decode(answer.body)
            except MsgspecError as error:
                raise KubernetesError(f"list pods: the answer is no list of pods: {error}") from None
            found += page.items
            if not page.metadata.continue_:
                return [_pod(one) for one in found if _counts(one)]
            query = {"labelSelector": selector, "limit": str(_PAGE), "continue": page.metadata.continue_}
        raise KubernetesError(f"list pods: more than {_PAGE * _MOST_PAGES} pods have the labels {selector}")

    async def set_cost(self, pod: Pod, cost: int) -> None:
        """Write a pod's deletion cost. Raises KubernetesError."""
        metadata = {"uid": pod.uid, "annotations": {DELETION_COST: str(cost)}}  # another pod of the name: 409
        body = json.dumps({"metadata": metadata}).encode()
        await self._ask("PATCH", f"/{quote(pod.name)}", f"patch pod {pod.name}", body)

    async def _ask(self, method: str, rest: str, what: str, body: bytes = b"") -> Answer:
        try:
            token = self._read("token")
            namespace = self._namespace or self._read("namespace")
            ca = self._folder / "ca.crt"
            context = ssl.create_default_context(cafile=ca) if self._url.startswith("https://") else None
        except (OSError, ValueError) as error:
            raise KubernetesError(f"{what}: the service account in {self._folder} cannot be read: {error}") from None
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/merge-patch+json"
        url = f"{self._url}/api/v1/namespaces/{quote(namespace)}/pods{rest}"
        try:
            answer = await fetch(method, url, headers, body, context=context, seconds=_SECONDS, most_bytes=_MOST_BYTES)
        except FetchError as error:
            raise KubernetesError(f"{what}: {error}") from None
        if answer.status != 200:
            raise KubernetesError(f"{what}: {_refusal(answer, namespace)}", gone=answer.status in {404, 409})
        return answer

    def _read(self, name: str) -> str:
        text = (self._folder / name).read_text().strip()
        if not (text and text.isascii() and text.isprintable()):
            raise ValueError(f"{name} is empty, or no single line of text")
        return text


def _counts(pod: _Pod) -> bool:
    return pod.metadata.deletion_timestamp is None and pod.status.phase == "Running" and bool(pod.status.pod_ip)


def _pod(pod: _Pod) -> Pod:
    text = pod.metadata.annotations.get(DELETION_COST, "")
    try:
        cost = int(text)
    except ValueError:
        return Pod(pod.metadata.name, pod.metadata.uid, pod.status.pod_ip, None)
    return Pod(pod.metadata.name, pod.metadata.uid, pod.status.pod_ip, cost if abs(cost) <= MOST_COST else None)


def _refusal(answer: Answer, namespace: str) -> str:
    match answer.status:
        case 401:
            return "401: the service account's token is not accepted"
        case 403:
            return f"403: the service account may not; it needs a Role with list and patch of pods in {namespace}"
        case _:
            return f"{answer.status}: {_message(answer)}"


def _message(answer: Answer) -> str:
    """What a Status of the API says, in a line."""
    try:
        said: Any = json.loads(answer.body)["message"]
    except (ValueError, KeyError, TypeError):
        return "no reason given"
    return " ".join(str(said).split())[:200]
