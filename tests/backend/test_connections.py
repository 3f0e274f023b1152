import pytest
from botocore.exceptions import ClientError

from backend.connections import ManagementApi
from backend.ports import UnavailableError
from tests.backend.support import ManagementEndpoint

URL = "https://abcd.execute-api.eu-west-1.amazonaws.com/prod"


CONNECTION_ID = "TXzPWdnOjoECGjA="


@pytest.fixture
def api() -> ManagementApi:
    return ManagementApi(URL)


def test_a_frame_is_posted_to_the_configured_stage(api: ManagementApi) -> None:
    endpoint = ManagementEndpoint(api)
    assert api.post(CONNECTION_ID, b'{"a":1}')
    [request] = endpoint.requests
    assert (request.method, request.url) == ("POST", f"{URL}/@connections/TXzPWdnOjoECGjA%3D")
    assert request.body == b'{"a":1}'


def test_a_connection_is_closed(api: ManagementApi) -> None:
    endpoint = ManagementEndpoint(api, 204)
    api.close(CONNECTION_ID)
    assert [request.method for request in endpoint.requests] == ["DELETE"]


def test_a_connection_is_looked_at(api: ManagementApi) -> None:
    endpoint = ManagementEndpoint(api)
    assert api.exists(CONNECTION_ID)
    assert [request.method for request in endpoint.requests] == ["GET"]


def test_a_gone_connection_is_no_error(api: ManagementApi) -> None:
    ManagementEndpoint(api, 410, "GoneException")
    assert not api.post(CONNECTION_ID, b"x")
    assert not api.exists(CONNECTION_ID)
    api.close(CONNECTION_ID)


def test_a_missing_permission_is_a_defect(api: ManagementApi) -> None:
    ManagementEndpoint(api, 403, "ForbiddenException")
    with pytest.raises(ClientError):
        api.post(CONNECTION_ID, b"x")


@pytest.mark.parametrize(("status", "code"), [(429, "LimitExceededException"), (500, ""), (503, "ServiceUnavailable")])
def test_a_throttled_or_failing_gateway_is_unavailable(api: ManagementApi, status: int, code: str) -> None:
    endpoint = ManagementEndpoint(api, status, code)
    with pytest.raises(UnavailableError):
        api.post(CONNECTION_ID, b"x")
    with pytest.raises(UnavailableError):
        api.exists(CONNECTION_ID)
    assert len(endpoint.requests) == 2, "whether it is worth another attempt is for others to say"
