"""The local Kubernetes API: pods listed and patched as the controller of deletion costs does it, and by nobody else."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from asyncio import to_thread
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from localcloud.pods.cluster import described
from localcloud.pods.order import DELETION_COST, deletion_cost

from . import samples
from .running import Scene, scene

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MERGE = "application/merge-patch+json"
PODS = "/api/v1/namespaces/chat/pods"


class Api:
    """Asks as a pod does that has the account of a namespace."""

    def __init__(self, cloud: Scene) -> None:
        account = cloud.pods._host.accounts["chat"]
        folder = Path(account["SERVICE_ACCOUNT_FOLDER"])
        self.url = account["KUBERNETES_URL"]
        self.token = (folder / "token").read_text()
        assert (folder / "namespace").read_text() == "chat"

    async def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": MERGE}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, given, method=method)  # noqa: S310 - of this machine
        return await to_thread(self._send, request)

    def _send(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
                return error.code, json.loads(text) if text.startswith(b"{") else text.decode()

    async def names(self, query: str = "") -> list[str]:
        status, found = await self.ask(PODS + query)
        assert (status, found["kind"]) == (200, "PodList")
        return [item["metadata"]["name"] for item in found["items"]]

    async def annotate(self, name: str, **annotations: Any) -> tuple[int, Any]:
        return await self.ask(f"{PODS}/{name}", "PATCH", {"metadata": {"annotations": annotations}})


def run(folder: Path, test: Callable[[Scene, Api], Awaitable[None]], replicas: int = 2) -> None:
    async def inside() -> None:
        async with scene(samples.eks(replicas=replicas), folder) as cloud:
            await cloud.ready(replicas)
            await test(cloud, Api(cloud))

    uvloop.run(inside())


def test_pods_are_listed_by_label_with_what_a_controller_needs(tmp_path: Path) -> None:
    async def test(cloud: Scene, api: Api) -> None:
        pods = {pod.name: pod for pod in cloud.fleet.pods}
        (label, value), *_ = samples.LABELS.items()
        assert sorted(await api.names()) == sorted(pods)
        for selector, found in (
            (f"{label}={value}", True),
            (f"{label}=={value},{label}", True),
            (f"{label}!={value}", False),
            (f"!{label}", False),
            ("app=other", False),
            ("!app", True),
        ):
            names = await api.names(f"?labelSelector={selector}&limit=500&resourceVersion=0".replace("!", "%21"))
            assert sorted(names) == (sorted(pods) if found else []), selector
        _, listed = await api.ask(PODS)
        one = listed["items"][0]
        pod = pods[one["metadata"]["name"]]
        assert (one["metadata"]["uid"], one["metadata"]["namespace"]) == (pod.uid, "chat")
        assert one["metadata"]["labels"] == samples.LABELS
        assert (one["status"]["phase"], one["status"]["podIP"]) == ("Running", pod.address)
        assert "deletionTimestamp" not in one["metadata"]
        assert (await api.ask("/api/v1/namespaces/other/pods"))[1]["items"] == []

    run(tmp_path, test)


def test_a_cost_says_who_goes_first_and_can_be_taken_away(tmp_path: Path) -> None:
    async def test(cloud: Scene, api: Api) -> None:
        for pod, cost in zip(cloud.fleet.pods, ("7", "3", "5"), strict=True):
            status, answer = await api.annotate(pod.name, **{DELETION_COST: cost, "other": "x"})
            assert (status, answer["metadata"]["annotations"]) == (200, {DELETION_COST: cost, "other": "x"})
        names = [pod.name for pod in cloud.fleet.pods]
        cloud.fleet.scale(2)
        (going,) = (pod for pod in cloud.fleet.pods if pod.terminating)
        assert going.name == names[1]
        # Not asked by HTTP: it may have ended before the answer.
        assert described(cloud.fleet, going)["metadata"]["deletionTimestamp"].endswith("Z")
        await api.annotate(names[0], **{DELETION_COST: None})
        first = next(pod for pod in cloud.fleet.pods if pod.name == names[0])
        assert (first.annotations, deletion_cost(first.annotations)) == ({"other": "x"}, 0)
        cloud.fleet.scale(1)
        assert [pod.name for pod in cloud.fleet.pods if not pod.terminating] == [names[2]]

    run(tmp_path, test, replicas=3)


def test_what_the_api_would_refuse_is_refused(tmp_path: Path) -> None:
    async def test(cloud: Scene, api: Api) -> None:
        pod, _ = cloud.fleet.pods
        path = f"{PODS}/{pod.name}"
        for given, status in (
            ({"Authorization": "Bearer nobody"}, 401),
            ({"Authorization": ""}, 401),
            ({"Host": "attacker.example"}, 403),
            ({"Origin": "https://attacker.example"}, 403),
        ):
            assert (await api.ask(PODS, **given))[0] == status
            assert (await api.ask(path, "PATCH", {"metadata": {"annotations": {"a": "b"}}}, **given))[0] == status
        for body, status in (
            ({"metadata": {"annotations": {"a": 5}}}, 422),
            ({"metadata": {"labels": {"a": "b"}}}, 422),
            ({"spec": {}}, 400),
            ({"metadata": {"annotations": {"a": "b"}}, "spec": {}}, 422),
            ({"metadata": {"uid": "another", "annotations": {"a": "b"}}}, 409),
            ({"metadata": {"annotations": {DELETION_COST: "many"}}}, 422),
            ({"metadata": {"annotations": {DELETION_COST: "2147483648"}}}, 422),
            ({"metadata": {"annotations": {"a": "b" * (256 * 1024)}}}, 422),
            (b"{", 400),
            (b"[" * 100_000, 400),
            ([], 400),
        ):
            assert (await api.ask(path, "PATCH", body))[0] == status, body
        assert (await api.ask(path, "PATCH", {}, Content_Type="application/json"))[0] == 415
        assert (await api.ask(f"{PODS}/nobody", "PATCH", {}))[0] == 404
        assert (await api.ask(path, "DELETE"))[0] == 405
        assert (await api.ask("/api/v1/nodes"))[0] == 404
        assert (await api.ask(f"{PODS}?labelSelector=app%20in%20(a)"))[0] == 400
        assert pod.annotations == {}

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("text", "cost"), [("5", 5), ("-5", -5), ("0", 0), ("", 0), ("05", 0), ("+5", 0), ("1e3", 0), ("9" * 10, 0)]
)
def test_a_cost_that_the_api_would_not_take_counts_as_none(text: str, cost: int) -> None:
    assert deletion_cost({DELETION_COST: text}) == cost
