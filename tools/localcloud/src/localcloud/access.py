"""Who may talk to a local port: programs on this machine, not the web pages that happen to be open on it.

Most ports take any credentials, so a page could use them: with requests that its browser sends across origins, or
under a name of its own that it lets resolve to 127.0.0.1 (DNS rebinding). Browsers tell on both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

_PORT = r"(?::[0-9]{1,5})?"
_LOOPBACK = rf"(?:127\.0\.0\.1|localhost|\[::1\]){_PORT}"
_AWS = re.compile(rf"{_LOOPBACK}|(?:[a-z0-9_-]+\.)+amazonaws\.com{_PORT}", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_LOOPBACK}", re.IGNORECASE)


def hosts(names: Iterable[str]) -> re.Pattern[str]:
    """The Host headers of a port that has these names on AWS."""
    return re.compile(rf"(?:{'|'.join([_LOOPBACK, *(re.escape(name) + _PORT for name in names)])})", re.IGNORECASE)


def refusal(headers: Mapping[str, str], known: re.Pattern[str] = _AWS, origins: Container[str] = ()) -> str | None:
    """Why a request with these headers (names in lower case) is refused; None when it is not.

    `known` are the hosts that it may be for, any of AWS's by default; `origins` are let in besides loopback ones.
    """
    host = headers.get("host")
    if host is not None and not known.fullmatch(host):
        return "Host is neither loopback nor a name of AWS's"
    origin = headers.get("origin")
    if origin is not None:
        return None if _ORIGIN.fullmatch(origin) or origin in origins else "Origin is not loopback"
    if headers.get("sec-fetch-site", "").lower() == "cross-site":  # an <img>, say: it has no Origin
        return "the request comes from another site's page"
    return None
