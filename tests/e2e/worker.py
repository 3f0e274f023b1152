"""What MiniStack's Lambda workers run first, as source text put into its own worker script: see emulator.py."""

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit


def prepared(port: int, install: Callable[[], None]) -> Callable[[], None]:
    """What to call in place of `install`, which the script calls once the function's code and layers can be imported.

    The project's own environment goes from the path: it would hide what the layer lacks.
    """
    sys.path[:] = [folder for folder in sys.path if not folder.endswith("site-packages")]

    def to_ministack(request: Any, **_: Any) -> None:
        """Carry what goes to `https://{api}.execute-api.…` to MiniStack; the Host, which is signed, stays."""
        url = urlsplit(request.url)
        request.headers["Host"] = url.netloc
        request.url = f"http://127.0.0.1:{port}{url.path}"

    def install_and_redirect() -> None:
        install()
        from botocore.handlers import BUILTIN_HANDLERS  # noqa: PLC0415 - the layer's

        BUILTIN_HANDLERS.append(("before-send.apigatewaymanagementapi", to_ministack))

    return install_and_redirect
