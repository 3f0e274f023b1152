"""Which values of the secret are good, and when they are read."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from moto import mock_aws

from backend import aws
from backend.ports import UnavailableError
from pods.api import secret
from pods.api.gateway import RefusedError
from pods.api.secret import GatewaySecret
from tests.e2e.api_pods.support import SECRET, Surroundings
from tests.processes import PATIENCE


class Reader:
    """Gives the values that are set, and counts."""

    def __init__(self, *values: bytes) -> None:
        self.values: list[bytes] | None = list(values)
        self.count = 0

    def __call__(self) -> list[bytes]:
        self.count += 1
        if self.values is None:
            raise UnavailableError("down")
        return list(self.values)


@pytest.fixture(autouse=True)
def _aws_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield


def test_the_current_value_and_the_one_before_are_good() -> None:
    client = aws.secrets_manager()
    arn = client.create_secret(Name="s", SecretString="one")["ARN"]
    assert secret.read(client, arn) == [b"one"]
    client.put_secret_value(SecretId=arn, SecretString="two")
    assert secret.read(client, arn) == [b"two", b"one"]
    client.put_secret_value(SecretId=arn, SecretString="three")
    assert secret.read(client, arn) == [b"three", b"two"]


def test_no_secret_at_all_is_an_error() -> None:
    client = aws.secrets_manager()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        secret.read(client, "nothing")


def test_an_unknown_value_has_the_secret_read_again_but_not_for_every_guess() -> None:
    reader = Reader(b"one")

    async def run() -> None:
        known = GatewaySecret(reader)
        await known.expect(b"one")
        reader.values = [b"two", b"one"]
        guesses = await asyncio.gather(*(known.expect(b"two") for _ in range(50)), return_exceptions=True)
        assert [type(guess) for guess in guesses] == [RefusedError] * 50
        assert reader.count == 1
        assert known.matches(b"one")

    asyncio.run(run())


def test_those_who_come_while_it_is_read_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "REREAD_SECONDS", 0)
    reader = Reader(b"two", b"one")

    async def run() -> None:
        known = GatewaySecret(reader)
        await asyncio.gather(*(known.expect(b"two") for _ in range(50)))
        assert reader.count == 1
        assert (known.matches(b"one"), known.matches(b""), known.matches(b"tw")) == (True, False, False)

    asyncio.run(run())


def test_a_failure_leaves_the_values_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "REREAD_SECONDS", 0)
    reader = Reader(b"one")

    async def run() -> None:
        known = GatewaySecret(reader)
        await known.expect(b"one")
        reader.values = None
        with pytest.raises(RefusedError):
            await known.expect(b"two")
        assert known.matches(b"one")

    asyncio.run(run())


def test_it_is_kept_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "REFRESH_SECONDS", 0.001)
    monkeypatch.setattr(secret, "_FIRST_WAIT", 0.001)
    reader = Reader()
    reader.values = None

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)

    async def run() -> None:
        known = GatewaySecret(reader)
        keeping = asyncio.create_task(known.keep())
        await until(lambda: reader.count >= 3)
        assert not known.matches(b"")
        for value in (b"one", b"two"):
            reader.values = [value]
            await until(partial(known.matches, value))
        assert known.known
        keeping.cancel()

    asyncio.run(run())


def test_a_pod_takes_both_values_while_the_secret_changes(surroundings: Surroundings) -> None:
    arn = surroundings.secret(SECRET)
    with surroundings.pod(GATEWAY_SECRET_ARN=arn) as pod:
        pod.ready()
        assert pod.call("/message", b"x").status == 200
        surroundings.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="the-next-value")
        assert pod.call("/message", b"x", secret="the-next-value").status == 200
        assert pod.call("/message", b"x").status == 200
        assert pod.call("/message", b"x", secret="a-guess").status == 403
        assert pod.stop() == 0
        for value in (SECRET, "the-next-value", "a-guess"):
            assert [line for line in pod.lines if value in line] == []
