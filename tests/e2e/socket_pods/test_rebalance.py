"""New pods get their share: the fullest send some of their clients away, and no more than they have to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from backend.settings import SettingsError
from client import Client
from pods.sockets.rebalance import surplus
from pods.sockets.server import configured
from tests.e2e.socket_pods.fleet import REDIS, Fleet
from tests.processes import PATIENCE


@pytest.mark.parametrize(
    ("own", "others", "going_on", "many"),
    [
        (100, [], False, 0),  # nobody to compare with
        (0, [0, 0], False, 0),
        (120, [100, 100, 80], False, 0),  # the share itself is allowed
        (121, [100, 100, 79], False, 11),  # down to half of it
        (120, [100, 100, 80], True, 10),
        (110, [100, 100, 90], True, 0),
        (50, [100, 100], False, 0),
        (3, [0], False, 1),
    ],
)
def test_what_is_too_many_begins_above_the_share_and_ends_at_half_of_it(
    own: int, others: list[int], going_on: bool, many: int
) -> None:
    assert surplus(own, others, 20, going_on=going_on) == many


def test_any_fleet_comes_to_rest_within_the_share() -> None:
    """Whoever is sent away comes to any pod: as behind a balancer that takes turns, or none at all."""
    rng = random.Random(7)
    for _ in range(50):
        pods = [rng.choice([0, rng.randrange(500)]) for _ in range(rng.randint(2, 8))]
        going_on = [False] * len(pods)
        total, rounds = sum(pods), 0
        while rounds < 2000:
            rounds += 1
            away = 0
            for one, own in enumerate(list(pods)):
                many = surplus(own, pods[:one] + pods[one + 1 :], 20, going_on=going_on[one])
                going_on[one] = many > 0
                pods[one] -= min(many, 5)
                away += min(many, 5)
            for _ in range(away):
                pods[rng.randrange(len(pods))] += 1
            if not away:
                break
        assert sum(pods) == total
        assert max(pods) <= max(1.2 * total / len(pods), total / len(pods) + 2), pods


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - a pod's metrics tell nobody
            await asyncio.sleep(0.1)


@pytest.mark.slow
def test_a_new_pod_gets_its_share_and_nobody_loses_a_message() -> None:
    """What clients lose by it is a reconnect."""
    options = {"rebalance_percent": 40, "rebalance_seconds": 1, "message_rate": 0, "drain_seconds": 0}

    async def run(fleet: Fleet) -> None:
        async def counts() -> list[float]:
            return [await asyncio.to_thread(pod.figure, "ws_connections_active") for pod in fleet.pods]

        async def settled() -> bool:
            return max(now := await counts()) <= 11 and sum(now) == 24  # of three: 40 % above the mean of 8

        clients = [Client(fleet.url) for _ in range(24)]
        await asyncio.gather(*(client.__aenter__() for client in clients))
        await clients[0].join("r")
        await asyncio.to_thread(fleet.add)
        await until(settled)
        await asyncio.sleep(2.5)
        await until(settled)  # it stays so
        assert 2 <= sum(client.reconnects for client in clients) <= 60
        await clients[1].publish("r", "still there")
        async with asyncio.timeout(PATIENCE):
            while getattr(await anext(aiter(clients[0])), "data", None) != "still there":
                pass
        await asyncio.gather(*(client.__aexit__(None, None, None) for client in clients))

    with Fleet(2, redis=REDIS is not None, **options) as fleet:
        asyncio.run(run(fleet))


def test_it_is_off_unless_asked_for_and_needs_a_bus() -> None:
    environment = {"TABLE_NAME": "t", "JOBS_URL": "https://sqs.example/1/q"}
    assert configured(environment)[1].rebalance_percent == 0
    with pytest.raises(SettingsError, match="REBALANCE_PERCENT needs BUS_URL"):
        configured({**environment, "REBALANCE_PERCENT": "20"})
    assert configured({**environment, "REBALANCE_PERCENT": "20", "BUS_URL": "redis://b"})[1].rebalance_percent == 20
