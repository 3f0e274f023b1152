"""Headers, as they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.records import Connection
from pods.api.gateway import Call, Reader, RefusedError, collect
from tests.e2e.api_pods.support import API_ID, DOMAIN_NAME, headers

READER = Reader(API_ID, DOMAIN_NAME)


def read(*more: tuple[bytes, bytes], **changes: str | None) -> Call:
    sent = [(name.lower().encode(), value.encode()) for name, value in headers(**changes)]
    return READER.call(collect([*sent, *more]))


def test_a_call_is_of_one_connection() -> None:
    call = read(connection_id="a=", connected_at="1700000000123", principal="ann")
    assert call.connection == Connection("a=", 1_700_000_000.123, "ann")
    assert read(principal="-").connection.principal is None


@pytest.mark.parametrize(
    "name",
    ["origin", "subprotocol", "user-agent", "source-ip", "message-id", "disconnect-code", "disconnect-reason"],
)
def test_whatever_the_gateway_says_is_there_as_it_came(name: str) -> None:
    text = '"it\'s" %41 \\ {json: 1}; \u00e9'
    assert read(**{name.replace("-", "_"): text}).get(name) == text
    assert read(**{name.replace("-", "_"): None}).get(name) is None


def test_headers_of_others_are_left_alone() -> None:
    more = [(b"host", b"a"), (b"host", b"b"), (b"x-forwarded-for", b"x" * 20_000)]
    assert read(*more, connected_at="1").said == read(connected_at="1").said


@given(st.lists(st.tuples(st.sampled_from([name.lower().encode() for name, _ in headers()]), st.binary(max_size=40))))
def test_any_headers_are_read_or_refused(sent: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(RefusedError, match=r"^x-duplex-") as refused:  # hardly ever are they what a call needs
        READER.call(collect(sent))
    assert refused.value.status in {400, 403}
