"""Calls a WSGI application inside the process: how moto's own server is reached for whatever has no shorter way."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)

from localcloud.gateway.effects import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from localcloud.http_server import Request

# Headers that describe a connection: ours is another one than the application's.
_OURS = frozenset({"connection", "keep-alive", "server", "transfer-encoding"})


def call(application: Callable[..., Iterable[bytes]], request: Request, port: int) -> HttpResponse:
    """The application's response, whole."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        del exc_info  # nothing has been sent yet, so a second start simply replaces the first
        started[:] = [(status, headers)]
        return parts.append

    chunks = application(environ(request, port), start_response)
    try:
        parts.extend(chunks)
    finally:
        if close := getattr(chunks, "close", None):
            close()
    status, headers = started[0]
    body = b"".join(parts)
    kept: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in _OURS or (name.lower() == "content-length" and request.method != "HEAD"):
            continue
        kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return HttpResponse(int(status.split(" ", 1)[0]), body, tuple(kept.items()))


def environ(request: Request, port: int) -> dict[str, Any]:
    """The request as PEP 3333 has it, with what moto's own request handler adds."""
    path, _, query = request.target.partition("?")
    values: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path).encode().decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": request.target,
        "RAW_URI": request.target,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    preserved: dict[str, str] = {}
    for name, value in request.headers.items():
        if name in {"transfer-encoding", "expect"}:
            continue  # dealt with: the body is whole
        key = environ_key_for_header(name)
        if "_" in name:
            # WSGI cannot tell it from the name with dashes, which must not be overruled.
            if not should_preserve_original_header_name(name) or name.replace("_", "-") in request.headers:
                continue
            preserved[key] = name
        values[key] = value
    values[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    if request.body:
        values["CONTENT_LENGTH"] = str(len(request.body))
    return values
