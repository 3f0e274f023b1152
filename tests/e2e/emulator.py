"""MiniStack as the AWS that `cdk` deploys to, with what it lacks added inside its own process.

Started as `python -m tests.e2e.emulator` in MiniStack's own environment, which aws.py makes: it prints its port as soon
as it listens, and ends when its standard input does. What is deployed stays
as it is for AWS. Each adaptation below stands for one thing that MiniStack 1.5.33 does not do, or that cannot be done
on this machine.
"""

from __future__ import annotations

import asyncio
import io
import os
import socket
import sys
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

ACCOUNT = "000000000000"
REGION = "us-east-1"

ROOT = Path(__file__).resolve().parents[2]
# The wheels of `build/layer`, installed for this machine from the same lock.
HOST = ROOT / "build" / "host"


def route_responses(api_gateway: Any, handlers: dict[str, dict[str, Any]]) -> None:
    """Take AWS::ApiGatewayV2::RouteResponse, which MiniStack rejects, and drop what a route without one returns.

    MiniStack answers on every route. API Gateway does on those that have a route response and its selection expression.
    """
    answering: set[tuple[str, str]] = set()

    def create(logical_id: str, properties: Mapping[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
        api, route = properties["ApiId"], str(properties["RouteId"]).rpartition("/")[2]
        if route not in api_gateway._routes.get(api, {}):
            raise ValueError(f"{logical_id}: no route {route} in {api}")
        answering.add((api, route))
        return f"{api}/{route}/{logical_id}", {}

    def delete(physical_id: str, _properties: Mapping[str, Any]) -> None:
        api, route, _ = physical_id.split("/")
        answering.discard((api, route))

    invoke: Callable[..., Awaitable[Any]] = api_gateway._invoke_ws_lambda

    async def invoke_and_select(api: str, account: str, region: str, route: Any, *event: Any, **more: Any) -> Any:
        returned = await invoke(api, account, region, route, *event, **more)
        kind = event[2]
        if kind != "MESSAGE" or (
            (api, route["routeId"]) in answering and route.get("routeResponseSelectionExpression")
        ):
            return returned
        return None

    handlers["AWS::ApiGatewayV2::RouteResponse"] = {"create": create, "delete": delete}
    api_gateway._invoke_ws_lambda = invoke_and_select


def time_to_live(dynamodb: Any, handlers: dict[str, dict[str, Any]]) -> None:
    """Set the TTL that a global table's template asks for, which MiniStack ignores."""
    handler = handlers["AWS::DynamoDB::GlobalTable"]
    create = handler["create"]

    def create_with_ttl(logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        name, attributes = create(logical_id, properties, stack)
        if specification := properties.get("TimeToLiveSpecification"):
            status, _, body = dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": specification})
            if status != 200:
                raise ValueError(f"{logical_id}: {body}")
        return str(name), attributes

    handler["create"] = create_with_ttl


def layers(lambda_service: Any) -> None:
    """Give workers the deployed layer with its compiled modules exchanged: they are for Lambda's platform."""
    resolve: Callable[[Any], bytes | None] = lambda_service._resolve_layer_zip
    made: dict[bytes, bytes] = {}

    def resolve_for_here(attachment: Any) -> bytes | None:
        deployed = resolve(attachment)
        if deployed is None:
            return None
        if deployed not in made:
            made[deployed] = for_this_machine(deployed)
        return made[deployed]

    lambda_service._resolve_layer_zip = resolve_for_here


def for_this_machine(deployed: bytes) -> bytes:
    """The zip of a layer, with every `name.<tag>.so` replaced by the `name.<tag>.so` that HOST has in its place."""
    here = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(deployed)) as layer, zipfile.ZipFile(here, "w") as zipped:
        for entry in layer.infolist():
            if entry.filename.endswith(".so"):
                file = Path(entry.filename)
                (ours,) = (HOST / file.parent).glob(f"{file.name.partition('.')[0]}.*")
                zipped.write(ours, ours.relative_to(HOST))
            else:
                zipped.writestr(entry, layer.read(entry))
    return here.getvalue()


def workers(lambda_runtime: Any, port: int) -> None:
    """Prepare each worker as worker.py says, and show what functions print, which MiniStack keeps to itself."""
    prepare = (Path(__file__).parent / "worker.py").read_text(encoding="utf-8")
    name = "_ms_install_invoke_depth"
    bootstrap = lambda_runtime.INVOKE_DEPTH_BOOTSTRAP
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    assert script.startswith(bootstrap)
    assert f"def {name}():" in bootstrap
    lambda_runtime._PYTHON_WORKER_SCRIPT = "\n".join(
        (bootstrap, prepare, f"{name} = prepared({port}, {name})", script.removeprefix(bootstrap))
    )

    invoke: Callable[..., dict[str, Any]] = lambda_runtime.Worker.invoke

    def invoke_and_show(worker: Any, *event: Any, **more: Any) -> dict[str, Any]:
        try:
            result = invoke(worker, *event, **more)
        except Exception as error:  # a module that cannot be imported
            sys.stderr.write(f"{worker.func_name}: {error}\n")
            raise
        for key in ("log", "error", "trace"):
            if result.get(key):
                sys.stderr.write(f"{worker.func_name}: {result[key]}\n")
        return result

    lambda_runtime.Worker.invoke = invoke_and_show


def function_logs(lambda_service: Any, logs: Any, iam: Any) -> None:
    """Have what functions print make a log group that is not there only where their role may.

    MiniStack asks no role, so a function that still runs while its stack is destroyed leaves a log behind.
    """
    emit: Callable[..., None] = lambda_service._emit_lambda_logs

    def emit_where_allowed(function: Mapping[str, Any], *run: Any, **more: Any) -> None:
        configuration = function.get("config") or function
        logging = configuration.get("LoggingConfig") or {}
        group = logging.get("LogGroup") or f"/aws/lambda/{configuration['FunctionName']}"
        if group in logs._log_groups or may(configuration["Role"], "logs:CreateLogGroup", logs._make_group_arn(group)):
            emit(function, *run, **more)

    def may(role: str, action: str, resource: str) -> bool:
        asked = iam.EvalContext(role, "AssumedRole", ACCOUNT, action, resource, REGION)
        policies = iam._gather_role_policies(role.rpartition("/")[2], ACCOUNT)
        return bool(iam.evaluate(asked, policies).decision == "Allow")

    lambda_service._emit_lambda_logs = emit_where_allowed


def policies(iam: Any) -> None:
    """Evaluate policies as if callers used TLS, as they do on AWS: the bootstrap bucket refuses those who do not."""
    iam.EvalContext = partial(iam.EvalContext, secure_transport=True)


def adapt(port: int) -> None:
    # They read the environment when they are imported.
    from ministack.core import iam_evaluator, lambda_runtime  # noqa: PLC0415
    from ministack.services import (  # noqa: PLC0415
        apigateway,
        cloudwatch_logs,
        dynamodb,
        lambda_svc,
    )
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    route_responses(apigateway, provisioners._RESOURCE_HANDLERS)
    time_to_live(dynamodb, provisioners._RESOURCE_HANDLERS)
    layers(lambda_svc)
    workers(lambda_runtime, port)
    function_logs(lambda_svc, cloudwatch_logs, iam_evaluator)
    policies(iam_evaluator)


async def serve(listening: socket.socket) -> None:
    from hypercorn.asyncio import serve as run  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack.app import app  # noqa: PLC0415

    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.graceful_timeout = 0
    await run(app, config, shutdown_trigger=lambda: asyncio.to_thread(sys.stdin.buffer.read))


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    # Read when its modules are imported. AUTH has it check signatures, and what the roles of functions allow. The host
    # makes its APIs' names those of AWS, which is what a function signs for.
    os.environ |= {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AUTH": "true",
        "MINISTACK_HOST": f"{REGION}.amazonaws.com",
    }
    adapt(port)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    asyncio.run(serve(listening))


if __name__ == "__main__":
    main()
