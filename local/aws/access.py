"""Who may talk to the AWS endpoint: programs on this machine, not the web pages that happen to be open on it.

The endpoint takes any credentials, so a page could use it: with requests that its browser sends across origins, or
under a name of its own that it lets resolve to 127.0.0.1 (DNS rebinding). Browsers tell on both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORT = r"(?::[0-9]{1,5})?"
_LOOPBACK = rf"(?:127\.0\.0\.1|localhost|\[::1\]){_PORT}"
_HOST = re.compile(rf"{_LOOPBACK}|(?:[a-z0-9_-]+\.)+amazonaws\.com{_PORT}", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_LOOPBACK}", re.IGNORECASE)


def refusal(headers: Mapping[str, str]) -> str | None:
    """Why a request with these headers (names in lower case) is refused; None when it is not."""
    host = headers.get("host")
    if host is not None and not _HOST.fullmatch(host):
        return "Host is neither loopback nor a name of AWS's"
    origin = headers.get("origin")
    if origin is not None:
        return None if _ORIGIN.fullmatch(origin) else "Origin is not loopback"
    if headers.get("sec-fetch-site", "").lower() == "cross-site":  # an <img>, say: it has no Origin
        return "the request comes from another site's page"
    return None
