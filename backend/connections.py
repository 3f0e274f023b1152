"""Outbound through API Gateway's `@connections`."""

from functools import cached_property
from typing import TYPE_CHECKING

from backend import aws

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient


class ManagementApi:
    """The Outbound port of a host behind API Gateway. Where to post is configuration, never taken from a request."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url

    @cached_property
    def _client(self) -> "ApiGatewayManagementApiClient":
        # Most environments never post: the first that does makes the client.
        return aws.management_api(self._endpoint_url)

    def prepare(self) -> None:
        """Make the client now: where threads come for it at once, each would make one."""
        self._client  # noqa: B018

    def post(self, connection_id: str, data: bytes) -> bool:
        """Send one text frame of at most 128 KB. False when the connection is gone. Raises UnavailableError."""
        with aws.translated():
            try:
                self._client.post_to_connection(ConnectionId=connection_id, Data=data)
            except self._client.exceptions.GoneException:
                return False
        return True

    def close(self, connection_id: str) -> None:
        """Close the connection, if it is still there. Raises UnavailableError."""
        with aws.translated():
            try:
                self._client.delete_connection(ConnectionId=connection_id)
            except self._client.exceptions.GoneException:
                return

    def exists(self, connection_id: str) -> bool:
        """Whether the connection is still there. Raises UnavailableError."""
        with aws.translated():
            try:
                self._client.get_connection(ConnectionId=connection_id)
            except self._client.exceptions.GoneException:
                return False
        return True
