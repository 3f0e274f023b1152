"""What API Gateway says about a connection, in headers that its integration maps. The body is the frame as it came.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-data-mapping.html
At `$connect` the client's own headers come along. One that a mapping sets takes the client's place; a pod relies on
those alone that are mapped always, and refuses a request in which one of ours is there twice.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from backend.records import Connection

SECRET = b"x-duplex-secret"
_API_ID = b"x-duplex-api-id"
_DOMAIN_NAME = b"x-duplex-domain-name"
_CONNECTION_ID = b"x-duplex-connection-id"
_CONNECTED_AT = b"x-duplex-connected-at"
_PRINCIPAL = b"x-duplex-principal"

_PREFIX = b"x-duplex-"
#: Of one header's value. API Gateway lets a client send 10,240 bytes of headers in all.
MOST_BYTES = 10_240

#: The principal of an API without an authorizer.
NOBODY = b"-"

# Milliseconds since the epoch.
_MILLISECONDS = re.compile(rb"[0-9]{1,15}")
# A key of the table is made of it. So far they have been 16 characters of base64.
_ID = re.compile(rb"[A-Za-z0-9+/=_-]{1,128}")


class RefusedError(Exception):
    """A request that is not answered: `status` is HTTP's, and the text says what is wrong with it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Call(NamedTuple):
    """One request of the gateway's: whose, and all that it says about it, by header."""

    connection: Connection
    said: dict[bytes, bytes]

    def get(self, name: str) -> str | None:
        """What the gateway says: `source-ip`, `user-agent`, `origin`, `subprotocol`, `stage`, `route-key`,
        `request-id`, `message-id`, `disconnect-code` or `disconnect-reason`; None when it says nothing."""
        value = self.said.get(_PREFIX + name.encode())
        return None if value is None else value.decode("utf-8", "replace")


def collect(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers that are ours, names in lower case. Raises RefusedError for one that is there twice, or too long."""
    ours = [header for header in headers if header[0].startswith(_PREFIX)]
    said = dict(ours)
    if len(said) < len(ours):
        names = [name for name, _ in ours]
        raise RefusedError(400, f"{_shown(next(name for name in names if names.count(name) > 1))} is there twice")
    for name, value in ours:
        if len(value) > MOST_BYTES:
            raise RefusedError(400, f"{_shown(name)} is longer than {MOST_BYTES} bytes")
    return said


class Reader:
    """Reads calls of one API at one domain name."""

    def __init__(self, api_id: str, domain_name: str) -> None:
        self._api_id = api_id.encode()
        self._domain_name = domain_name.encode()

    def call(self, said: dict[bytes, bytes]) -> Call:
        """What was said, by somebody who knows the secret. Raises RefusedError."""
        if said.get(_API_ID) != self._api_id:
            raise RefusedError(403, "x-duplex-api-id is not the API that this pod serves")
        if said.get(_DOMAIN_NAME) != self._domain_name:
            raise RefusedError(403, "x-duplex-domain-name is not the host that this pod serves")
        connection_id = said.get(_CONNECTION_ID, b"")
        if not _ID.fullmatch(connection_id):
            raise RefusedError(400, "x-duplex-connection-id is not a connection's id")
        connected_at = said.get(_CONNECTED_AT, b"")
        if not _MILLISECONDS.fullmatch(connected_at):
            raise RefusedError(400, "x-duplex-connected-at is not a time in milliseconds")
        principal = said.get(_PRINCIPAL)
        if not principal:
            raise RefusedError(400, "x-duplex-principal is missing: without an authorizer it has to be `-`")
        if principal == NOBODY:
            who = None
        else:
            try:
                who = principal.decode()
            except UnicodeDecodeError:
                raise RefusedError(400, "x-duplex-principal is not UTF-8") from None
        return Call(Connection(connection_id.decode(), int(connected_at) / 1000, who), said)


def _shown(name: bytes) -> str:
    return name[:64].decode("ascii", "replace")
