"""Which way a request takes through moto.

Everything that DynamoDB does happens on the event loop, one request after another: moto locks nothing, and a condition
has to be checked and its write made as one step. The other services have threads, as in moto's own server, since some
wait there: ReceiveMessage for a message, for up to 20 seconds.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from localcloud.aws import expressions, instances, partitions, queues, transactions, wsgi
from localcloud.aws.items import THROTTLED, Items
from localcloud.gateway.effects import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from localcloud.http_server import Request

_THREADS = 64  # more than there will be long polls


class Endpoint:
    """Answers requests for any service that moto has."""

    def __init__(self, region: str) -> None:
        """`region` is where a DynamoDB request without a signature goes."""
        for stand_in in (expressions, instances, partitions, queues, transactions):
            stand_in.install()
        self.items = Items(region)
        self._region = region
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="moto")
        self.port = 0
        self.throttled: Callable[[], bool] = lambda: False

    def __call__(self, request: Request) -> HttpResponse | Awaitable[HttpResponse]:
        """The response, or for what may wait, the promise of one."""
        if self.items.applies(request):
            return THROTTLED if self.throttled() else self.items.answer(request)
        headers = request.headers
        if headers.get("x-amz-target", "").startswith("DynamoDB"):
            if "authorization" not in headers:  # where moto looks for the service and the region
                headers["authorization"] = (
                    f"AWS4-HMAC-SHA256 Credential=unsigned/20000101/{self._region}/dynamodb/aws4_request, "
                    "SignedHeaders=host, Signature=0"
                )
            return self._ask_moto(request)
        return asyncio.get_running_loop().run_in_executor(self._threads, self._ask_moto, request)

    def _ask_moto(self, request: Request) -> HttpResponse:
        return wsgi.call(self._moto, request, self.port)
