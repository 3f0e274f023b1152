"""Verifying Signature Version 4 of a handshake or an @connections call, in headers or in the query string.

Source: "Create a signed AWS API request", IAM User Guide. A session token is part of what is signed; whether it belongs
to the key is not checked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "execute-api"
_SKEW = 300.0
_LONGEST_LIFE = 7 * 24 * 3600
_UNSIGNED = "UNSIGNED-PAYLOAD"
_BLANKS = re.compile(r"\s+")
_TIME = re.compile(r"\d{8}T\d{6}Z")


class SignatureError(ValueError):
    """A request that is not signed as it has to be. The text says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived: the path and the query are still percent-encoded, the query without its `?`."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """All values of a header, by its lower-case name, as they are signed."""
        values = [_BLANKS.sub(" ", value.strip()) for key, value in self.headers if key.lower() == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a request says about its signature."""

    credential: str
    signed: Sequence[str]
    signature: str
    at: str
    life: float | None
    payload: str | None
    query: Sequence[tuple[str, str]]
    """The decoded query that was signed."""


def verify(request: Request, secret_of: Callable[[str], str | None], region: str, now: float) -> str:
    """Check a request's signature and give the access key that it was made with; raises SignatureError.

    `secret_of` gives the secret of an access key, None when there is no such key; `now` is in epoch seconds.
    """
    found = _found(request)
    parts = found.credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise SignatureError("the credential is not KEY/DATE/REGION/SERVICE/aws4_request")
    key, date, scope_region, service, _ = parts
    if (scope_region, service) != (region, _SERVICE):
        raise SignatureError(f"the credential has to be for {_SERVICE} in {region}")
    _check_time(found, date, now)
    _check_headers(request, found)
    secret = secret_of(key)
    if secret is None:
        raise SignatureError("the access key is not known")
    scope = "/".join(parts[1:])
    canonical = hashlib.sha256(_canonical(request, found).encode(errors="replace")).hexdigest()
    text = "\n".join((_ALGORITHM, found.at, scope, canonical))
    expected = hmac.new(_signing_key(secret, date, region), text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), found.signature.encode(errors="replace")):
        raise SignatureError("the signature does not match; check the secret key and what was signed")
    return key


def _found(request: Request) -> _Signature:
    query = [(unquote(name), unquote(value)) for name, _, value in (p.partition("=") for p in _split(request.query))]
    authorization = request.header("authorization")
    if authorization is None:
        return _from_query(query, request)
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != _ALGORITHM:
        raise SignatureError(f"the Authorization header is not {_ALGORITHM}")
    fields = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in rest.split(","))}
    return _Signature(
        _needed(fields, "Credential"),
        _needed(fields, "SignedHeaders").split(";"),
        _needed(fields, "Signature"),
        request.header("x-amz-date") or "",
        None,
        request.header("x-amz-content-sha256"),
        query,
    )


def _from_query(query: Sequence[tuple[str, str]], request: Request) -> _Signature:
    fields = dict(query)
    if "X-Amz-Signature" not in fields:
        raise SignatureError("the request is not signed")
    if fields.get("X-Amz-Algorithm") != _ALGORITHM:
        raise SignatureError(f"X-Amz-Algorithm is not {_ALGORITHM}")
    life = _needed(fields, "X-Amz-Expires")
    if not (life.isascii() and life.isdigit() and len(life) < 8 and 1 <= int(life) <= _LONGEST_LIFE):
        raise SignatureError(f"X-Amz-Expires is a number of seconds from 1 to {_LONGEST_LIFE}")
    return _Signature(
        _needed(fields, "X-Amz-Credential"),
        _needed(fields, "X-Amz-SignedHeaders").split(";"),
        fields["X-Amz-Signature"],
        fields.get("X-Amz-Date", ""),
        float(life),
        fields.get("X-Amz-Content-Sha256") or request.header("x-amz-content-sha256"),
        [(name, value) for name, value in query if name != "X-Amz-Signature"],
    )


def _needed(fields: dict[str, str], name: str) -> str:
    if not fields.get(name):
        raise SignatureError(f"the signature has no {name}")
    return fields[name]


def _check_time(found: _Signature, date: str, now: float) -> None:
    if not _TIME.fullmatch(found.at):
        raise SignatureError("X-Amz-Date is missing or not as 20240219T071142Z")
    try:
        at = datetime.strptime(found.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise SignatureError("X-Amz-Date is no time") from None
    if found.at[:8] != date:
        raise SignatureError("the credential's date is not that of X-Amz-Date")
    if at > now + _SKEW:
        raise SignatureError("the signature is not valid yet; check the clock")
    if now > at + (_SKEW if found.life is None else found.life):
        raise SignatureError("the signature has expired")


def _check_headers(request: Request, found: _Signature) -> None:
    """The host and every x-amz- header have to be signed, and what is signed has to be there."""
    needed = {"host"} | {name.lower() for name, _ in request.headers if name.lower().startswith("x-amz-")}
    if missing := sorted(needed - set(found.signed)):
        raise SignatureError(f"the header {missing[0][:80]} has to be signed")
    for name in found.signed:
        if request.header(name) is None:
            raise SignatureError(f"the signed header {name[:80]} is not there")


def _canonical(request: Request, found: _Signature) -> str:
    payload = found.payload
    if payload != _UNSIGNED:
        actual = hashlib.sha256(request.body).hexdigest()
        if payload is not None and payload.lower() != actual:
            raise SignatureError("X-Amz-Content-Sha256 is not the hash of the body")
        payload = actual
    query = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in found.query)
    headers = [f"{name}:{request.header(name)}\n" for name in found.signed]
    return "\n".join(
        (
            request.method,
            quote(_normal(request.path), safe="/~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(headers),
            ";".join(found.signed),
            payload,
        )
    )


def _normal(path: str) -> str:
    """A path without `.`, `..` and empty segments; a slash at the end stays."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in {"", "."}:
            kept.append(segment)
    return f"/{'/'.join(kept)}{'/' if kept and path.endswith('/') else ''}"


def _split(query: str) -> list[str]:
    return [part for part in query.split("&") if part]


def _signing_key(secret: str, date: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, _SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
