"""Calls from this process to the local AWS endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from local.errors import LocalError
from local.template import REGION

if TYPE_CHECKING:
    from local.references import Lookup


class Client:
    """Reads values that the template's stacks hold."""

    def __init__(self, endpoint_url: str) -> None:
        # A session of its own, which reads no configuration of the user's.
        self._session = Session(
            session_vars={"profile": (None, None, None, None), "config_file": (None, None, "", None)}
        )
        self._session.set_credentials("local", "local")
        self._endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}

    def fetch(self, lookup: Lookup) -> str:
        """The value of a dynamic reference; LocalError when it is not there. Blocks for a millisecond or two."""
        client = self._clients.get(lookup.service)
        if client is None:
            client = self._session.create_client(lookup.service, region_name=REGION, endpoint_url=self._endpoint_url)
            self._clients[lookup.service] = client
        try:
            return lookup.value(getattr(client, lookup.method)(**lookup.arguments))
        except (BotoCoreError, ClientError, KeyError, TypeError, ValueError) as error:
            name = lookup.arguments.get("Name") or lookup.arguments.get("SecretId")
            # Not the error's own text where that could hold the secret.
            reason = str(error) if isinstance(error, ClientError) else f"it has no {lookup.json_key or 'value'}"
            raise LocalError(f"{lookup.service} {name!r}, which the template refers to: {reason}") from error
