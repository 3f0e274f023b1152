"""Requests here are signed by botocore, whose signatures AWS accepts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from localcloud.gateway.sigv4 import Request, SignatureError, verify

HOST = "abcde12345.execute-api.us-east-1.amazonaws.com"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CALLBACK = f"https://{HOST}/prod/@connections/{quote('L0SM9cOFvHcCIhw=', safe='')}"
HANDSHAKE = f"https://{HOST}/prod?room=a%20b&token=x%2By%3D&empty=&room=a"
CREDENTIALS = Credentials(KEY, SECRET)


def secret_of(key: str) -> str | None:
    return {KEY: SECRET}.get(key)


def signed(
    method: str = "POST",
    url: str = CALLBACK,
    body: bytes = b"hello",
    *,
    presigned: bool = False,
    credentials: Credentials = CREDENTIALS,
    headers: dict[str, str] | None = None,
    service: str = "execute-api",
    region: str = "us-east-1",
    expires: int = 60,
) -> Request:
    """What arrives here when a client signs a request with botocore."""
    request = AWSRequest(method, url, data=body, headers=headers or {})
    if presigned:
        botocore.auth.SigV4QueryAuth(credentials, service, region, expires=expires).add_auth(request)
    else:
        botocore.auth.SigV4Auth(credentials, service, region).add_auth(request)
    parts = urlsplit(str(request.url))
    arrived = [("Host", parts.netloc), *((name, str(value)) for name, value in request.headers.items())]
    return Request(method, parts.path, parts.query, arrived, body)


COLLECTED = datetime.now(UTC).timestamp()
"""When the requests of parameters are signed, which may be minutes before they are checked."""


def check(request: Request, now: float = COLLECTED) -> str:
    return verify(request, secret_of, "us-east-1", now)


@pytest.mark.parametrize(
    "request_",
    [
        signed(),
        signed(body=b""),
        signed(body="é\0".encode()),
        signed("DELETE", body=b""),
        signed("GET", url=CALLBACK.replace("@", "%40"), body=b""),
        signed("GET", HANDSHAKE, b""),
        signed("GET", f"https://{HOST}/prod", b""),
        signed("GET", f"https://{HOST}/prod/", b""),
        signed("GET", f"https://{HOST}/a//b/../c/./d~e%20f", b""),
        signed("GET", HANDSHAKE, b"", headers={"X-Custom": "  two   words ", "User-Agent": "Test"}),
        signed(credentials=Credentials(KEY, SECRET, "session/token+=")),
        signed(headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}),
        signed("GET", HANDSHAKE, b"", presigned=True),
        signed("GET", f"https://{HOST}/prod", b"", presigned=True),
        signed("GET", HANDSHAKE, b"", presigned=True, credentials=Credentials(KEY, SECRET, "session/token+=")),
    ],
)
def test_what_botocore_signs_is_accepted(request_: Request) -> None:
    assert check(request_) == KEY


def test_headers_that_were_added_on_the_way_do_not_matter() -> None:
    request = signed("GET", HANDSHAKE, b"")
    forwarded = replace(request, headers=[*request.headers, ("X-Forwarded-For", "203.0.113.9")])
    assert check(forwarded, signed_at(request)) == KEY


@pytest.mark.parametrize("presigned", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/dev"},
        {"body": b"other"},
        {"query": "room=b"},
    ],
)
def test_a_request_that_was_changed_is_refused(change: dict[str, object], presigned: bool) -> None:
    request = signed("GET", f"https://{HOST}/prod", b"", presigned=presigned)
    if "query" in change:
        change = {"query": f"{request.query}&room=b".strip("&")}
    with pytest.raises(SignatureError, match="does not match"):
        check(replace(request, **change), signed_at(request))  # type: ignore[arg-type]


def without(request: Request, *names: str) -> Request:
    return replace(request, headers=[(name, value) for name, value in request.headers if name.lower() not in names])


def with_header(request: Request, name: str, value: str) -> Request:
    return replace(without(request, name.lower()), headers=[*without(request, name.lower()).headers, (name, value)])


def authorization(request: Request, old: str, new: str) -> Request:
    value = request.header("authorization") or ""
    assert old in value
    return with_header(request, "Authorization", value.replace(old, new))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request("GET", "/prod", "", [("Host", HOST)]), "is not signed"),
        (with_header(signed(), "Authorization", "Bearer abc"), "is not AWS4-HMAC-SHA256"),
        (with_header(signed(), "Authorization", "AWS4-HMAC-SHA256 nonsense"), "no Credential"),
        (signed(credentials=Credentials(KEY, "wrong")), "does not match"),
        (signed(credentials=Credentials("NOBODY", SECRET)), "key is not known"),
        (signed(service="s3"), "has to be for execute-api in us-east-1"),
        (signed(region="eu-west-1"), "has to be for execute-api in us-east-1"),
        (with_header(signed(), "Host", "evil.example"), "does not match"),
        (authorization(signed(), "host;", ""), "header host has to be signed"),
        (without(signed(), "host"), "signed header host is not there"),
        (authorization(signed(), "x-amz-date", "x-other"), "x-amz-date has to be signed"),
        (with_header(signed(), "X-Amz-Target", "x"), "x-amz-target has to be signed"),
        (without(signed(), "x-amz-date"), "X-Amz-Date is missing"),
        (with_header(signed(), "X-Amz-Date", "20240219T996142Z"), "is no time"),
        (with_header(signed(), "X-Amz-Date", "20200101T000000Z"), "date is not that of"),
        (authorization(signed(), "/aws4_request", ""), "the credential is not"),
        (replace(signed(headers={"X-Amz-Content-SHA256": "0" * 64})), "not the hash of the body"),
        (replace(signed("GET", HANDSHAKE, b"", presigned=True), query="X-Amz-Signature=1"), "X-Amz-Algorithm"),
        (signed("GET", HANDSHAKE, b"", presigned=True, expires=0), "number of seconds"),
        (signed("GET", HANDSHAKE, b"", presigned=True, expires=700_000), "number of seconds"),
        (signed("GET", HANDSHAKE, b"", presigned=True, credentials=Credentials(KEY, "wrong")), "does not match"),
    ],
)
def test_what_is_not_signed_as_it_has_to_be_is_refused_with_the_reason(request_: Request, message: str) -> None:
    with pytest.raises(SignatureError, match=message) as refused:
        check(request_)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("request_", "later", "message"),
    [
        (signed(), 301, "has expired"),
        (signed(), -302, "not valid yet"),
        (signed("GET", HANDSHAKE, b"", presigned=True, expires=60), 62, "has expired"),
        (signed("GET", HANDSHAKE, b"", presigned=True, expires=60), -302, "not valid yet"),
    ],
)
def test_a_signature_has_its_time(request_: Request, later: float, message: str) -> None:
    at = signed_at(request_)
    with pytest.raises(SignatureError, match=message):
        check(request_, at + later)
    assert check(request_, at + later - 2 if later > 0 else at + later + 2) == KEY


def signed_at(request: Request) -> float:
    """What a request says, in epoch seconds."""
    text = request.header("x-amz-date") or dict(p.split("=") for p in request.query.split("&"))["X-Amz-Date"]
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


@given(
    st.sampled_from(["GET", "POST"]),
    st.text(max_size=10),
    st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), max_size=5),
    st.binary(max_size=20),
    st.booleans(),
)
def test_any_request_that_botocore_signs_is_accepted(
    method: str, path: str, query: list[tuple[str, str]], body: bytes, presigned: bool
) -> None:
    def encoded(text: str) -> str:
        return quote(text.encode(errors="replace"), safe="")

    url = f"https://{HOST}/{encoded(path)}"
    names = [f"q{encoded(name)}" for name, _ in query]
    if query and len(set(names)) == len(names):
        url += "?" + "&".join(f"{name}={encoded(value)}" for name, (_, value) in zip(names, query, strict=True))
    request = signed(method, url, b"" if presigned else body, presigned=presigned)
    assert check(request, signed_at(request)) == KEY
