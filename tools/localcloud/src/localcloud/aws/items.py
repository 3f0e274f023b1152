"""DynamoDB's item operations, straight to moto's handler: the calls that functions make for every message.

Of the CPU that moto's server spends on an update, most goes to Flask, and to a serializer that looks each member up
under several names. Neither is needed here: these operations answer with plain dictionaries that are named as the
service model names them. What is not as expected is left to moto's own code: a request (`applies`) to its whole
server, an answer to its serializer.
"""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.dynamodb.responses import DynamoHandler
from moto.iam.models import mark_account_as_visited
from moto.utilities.utils import get_partition
from werkzeug.exceptions import HTTPException

from localcloud.aws import shapes
from localcloud.aws.capacity import Bill
from localcloud.gateway.effects import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.aws.capacity import Units
    from localcloud.http_server import Request

_TARGET = "DynamoDB_20120810."
_JSON = "application/x-amz-json-1.0"
# Headers by which moto's server would answer differently.
_UNUSUAL = frozenset({"content-encoding", "origin", "x-moto-account-id"})
_SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/,]+/[0-9]+/([a-z0-9-]+)/dynamodb/aws4_request\b")
_OPERATIONS = (
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
)
THROTTLED = HttpResponse(
    400,
    b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",'
    b'"message":"The level of configured provisioned throughput for the table was exceeded."}',
    (("Content-Type", _JSON),),
)
_encoder = json.JSONEncoder(separators=(",", ":"))


class Items:
    """Answers requests for which `applies` says yes. Not to be called by two threads at once: moto locks nothing."""

    def __init__(self, region: str) -> None:
        """`region` is where requests without a signature go. What is set as `told` hears what each operation costs."""
        self._region = region
        self.told: Callable[[Units], object] | None = None
        model = get_service_model("dynamodb")
        self._operations: dict[str, tuple[str, Any, shapes.Encode]] = {}
        for name in _OPERATIONS:
            operation = model.operation_model(name)
            parser = PROTOCOL_PARSERS["json"](operation, map_type=DynamoHandler.PROTOCOL_PARSER_MAP_TYPE)
            encode = shapes.encoder(operation.output_shape)
            self._operations[_TARGET + name] = (camelcase_to_underscores(name), parser, encode)

    def applies(self, request: Request) -> bool:
        """Whether this is an item operation as every AWS client sends it."""
        headers = request.headers
        return (
            headers.get("x-amz-target") in self._operations
            and request.method == "POST"
            and request.target == "/"
            and headers.get("content-type") == _JSON
            and _UNUSUAL.isdisjoint(headers)
            and "region/" not in headers.get("user-agent", "")
            and not headers.get("host", "").partition(":")[0].endswith(".com")
            and ("authorization" not in headers or _SCOPE.match(headers["authorization"]) is not None)
        )

    def answer(self, request: Request) -> HttpResponse:
        """What DynamoDB answers; raises what moto raises when it meets a defect of its own."""
        target = request.headers["x-amz-target"]
        method, parser, encode = self._operations[target]
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _response(
                400, {"Content-Type": _JSON}, '{"__type":"com.amazon.coral.service#SerializationException"}'
            )
        handler = self._handler(request, target)
        handler.body = handler.params = parser.parse({"body": request.body})
        bill = self._bill(target.removeprefix(_TARGET), body, handler)
        try:
            result = getattr(handler, method)()
        except ServiceException as error:
            return _response(*handler.serialized(ActionResult(error)))
        except HTTPException as error:
            self._tell(bill, None, type(error).__name__)
            return _response(error.code or 400, dict(error.get_headers()), error.description or "")
        self._tell(bill, result.result)
        try:
            text = _encoder.encode(encode(result.result))
        except shapes.UnexpectedError:
            return _response(*handler.serialized(result))
        return _response(200, {"Content-Type": _JSON}, text)

    def _bill(self, operation: str, body: dict[str, Any], handler: Any) -> Bill | None:
        if self.told is None:
            return None
        try:
            return Bill(operation, body, handler.current_account, handler.region)
        except (AttributeError, KeyError, TypeError, StopIteration):
            return None  # moto will say what is wrong with it

    def _tell(self, bill: Bill | None, result: dict[str, Any] | None, error: str = "") -> None:
        if bill is not None and self.told is not None:
            self.told(bill.units(result, error))

    def _handler(self, request: Request, target: str) -> Any:
        """moto's handler, with what its `setup_class` would have found in the request."""
        handler: Any = DynamoHandler()
        authorization = request.headers.get("authorization", "")
        scope = _SCOPE.match(authorization)
        handler.headers = {"Authorization": authorization, "Content-Type": _JSON, "X-Amz-Target": target}
        handler.response_headers = {}
        handler.querystring = {}
        handler.uri_match = {}
        handler.region = scope[1] if scope else self._region
        handler.partition = get_partition(handler.region)
        handler.access_key = handler.get_access_key()
        handler.current_account = handler.get_current_account()
        mark_account_as_visited(
            account_id=handler.current_account,
            access_key=handler.access_key,
            service="dynamodb",
            region=handler.region,
        )
        return handler


def _response(status: int | str, headers: dict[str, str], text: str) -> HttpResponse:
    body = text.encode()
    headers["x-amzn-RequestId"] = base64.b32encode(os.urandom(35))[:52].decode()  # 52 capitals and digits, as AWS's are
    headers["x-amz-crc32"] = str(zlib.crc32(body))
    return HttpResponse(int(status), body, tuple(headers.items()))
