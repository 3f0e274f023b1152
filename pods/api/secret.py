"""The secret by which a pod knows API Gateway: two values are good, so that it can be changed without a gap."""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from backend import aws
from backend.log import logger
from backend.ports import UnavailableError
from pods.api.gateway import RefusedError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

#: How often the values are read again, and how soon at most when somebody shows another.
REFRESH_SECONDS = 300
REREAD_SECONDS = 10
#: How long to wait after the first reading that fails, and at most.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0

_STAGES = ("AWSCURRENT", "AWSPREVIOUS")


def read(client: "SecretsManagerClient", arn: str) -> list[bytes]:
    """The current value, and the one before if there is one. Raises UnavailableError, also for an empty secret."""
    values = []
    for stage in _STAGES:
        with aws.translated():
            try:
                answer = client.get_secret_value(SecretId=arn, VersionStage=stage)
            except client.exceptions.ResourceNotFoundException:
                if stage == _STAGES[0]:
                    raise
                continue
        values.append(answer.get("SecretString", "").encode())
    if not values[0]:
        raise UnavailableError("the secret is empty")
    return [value for value in values if value]


class GatewaySecret:
    """Knows the values that are good now. Lives on one event loop; `reader` runs in a thread of its own."""

    def __init__(self, reader: Callable[[], Sequence[bytes]]) -> None:
        self._reader = reader
        self._values: Sequence[bytes] = ()
        self._asked_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """Whether any value is good yet."""
        return bool(self._values)

    def matches(self, shown: bytes) -> bool:
        """Whether this is one of the values. Every one is compared, in constant time."""
        matches = [hmac.compare_digest(shown, value) for value in self._values]
        return any(matches)

    async def expect(self, shown: bytes) -> None:
        """Read the values again, as this one may be new, unless that was done for another within REREAD_SECONDS.

        Raises RefusedError when it is none of them even so.
        """
        now = asyncio.get_running_loop().time()
        if self._reading is None and now - self._asked_at >= REREAD_SECONDS:
            self._asked_at = now
            self._reading = asyncio.create_task(self._reread())
        if self._reading is not None:
            await asyncio.shield(self._reading)
        if not self.matches(shown):
            raise RefusedError(403, "x-duplex-secret is missing or not the gateway's")

    async def keep(self) -> None:
        """Read the values now and then, for ever."""
        wait = _FIRST_WAIT
        while True:
            if await self._read():
                await asyncio.sleep(REFRESH_SECONDS)
                wait = _FIRST_WAIT
            else:
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    async def _reread(self) -> None:
        try:
            await self._read()
        finally:
            self._reading = None

    async def _read(self) -> bool:
        """Read once. A failure leaves the values as they are: the gateway still shows one of them."""
        loop = asyncio.get_running_loop()
        try:
            self._values = await loop.run_in_executor(None, self._reader)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, and the log says so
            logger.warning("gateway secret not read", reason=f"{type(error).__name__}: {error}")
            return False
        return True


def from_secrets_manager(arn: str) -> GatewaySecret:
    """The secret with this ARN, read as the process's own identity."""
    return GatewaySecret(partial(read, aws.secrets_manager(), arn))
