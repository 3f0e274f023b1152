"""Lambda functions out of a template."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud import metadata, resources
from localcloud.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from pathlib import Path

    from localcloud.assembly import Deployment
    from localcloud.template import Stack


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as its template describes it: `timeout` in seconds, `memory` in MB, `path` what it may import from
    besides what the runtime brings.

    `label` is what people know it by: its construct's path in a CDK app, else its logical id. `source` is the asset as
    it was staged, `original` the folder it was staged from, if that is known here.
    """

    logical_id: str
    label: str
    name: str
    arn: str
    handler: str
    runtime: str
    timeout: float
    memory: int
    source: Path
    original: Path | None
    path: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    log_group: str = ""
    log_format: str = "Text"
    log_level: str = "INFO"
    reserved: int | None = None
    """Reserved concurrency: more events than this at once are throttled, and 0 throttles all."""


def read(
    deployment: Deployment, needed: Container[str] | None = None, warn: Callable[[str], None] = lambda _: None
) -> list[FunctionSpec]:
    """Every function of a stack that can be run here; LocalError for one that cannot, by its logical id.

    With `needed`, a function that cannot be run is left aside with a warning unless its ARN is in there.
    """
    stack = deployment.stack
    specs = []
    for logical_id in stack.resources(resources.FUNCTION):
        try:
            with stack.reading(logical_id):
                specs.append(_function(deployment, logical_id))
        except LocalError as error:
            if needed is None or stack.attribute(logical_id, "Arn") in needed:
                raise
            warn(f"{error}; it is left aside")
    return specs


def _function(deployment: Deployment, logical_id: str) -> FunctionSpec:
    stack = deployment.stack
    properties = stack.properties(logical_id)
    where = f"{stack.name}.{logical_id}"
    runtime = str(properties.get("Runtime") or "")
    if not runtime.startswith("python3"):
        raise LocalError(f"{where}: the runtime {runtime or 'of a container image'} does not run here, only python3.x")
    source = deployment.code.get(logical_id) or _source(deployment, where, properties.get("Code") or {})
    layers = tuple(_layer(deployment, where, arn) for arn in properties.get("Layers", []))
    logging = properties.get("LoggingConfig") or {}
    return FunctionSpec(
        logical_id=logical_id,
        label=_label(stack, logical_id),
        name=stack.ref(logical_id),
        arn=stack.attribute(logical_id, "Arn"),
        handler=str(properties.get("Handler", "")),
        runtime=runtime,
        timeout=float(properties.get("Timeout", 3)),
        memory=int(properties.get("MemorySize", 128)),
        source=source,
        original=deployment.code.get(logical_id) or _original(deployment, logical_id),
        path=(source, *layers),
        environment={
            name: _text(value) for name, value in (properties.get("Environment") or {}).get("Variables", {}).items()
        },
        log_group=str(logging.get("LogGroup", "")),
        log_format=str(logging.get("LogFormat", "Text")),
        log_level=str(logging.get("ApplicationLogLevel", "INFO")),
        reserved=_number(properties.get("ReservedConcurrentExecutions")),
    )


def _source(deployment: Deployment, where: str, code: Mapping[str, Any]) -> Path:
    key = code.get("S3Key")
    folder = deployment.assets.get(str(key))
    if not deployment.assets:
        raise LocalError(f"{where}: its code is neither inline (ZipFile) nor a local path")
    if folder is None or not folder.is_dir():
        raise LocalError(f"{where}: its code is not a folder of this assembly (S3Key {key!r}): run cdk synth")
    return folder.resolve()


def _layer(deployment: Deployment, function: str, arn: str) -> Path:
    stack = deployment.stack
    for logical_id in stack.resources(resources.LAYER):
        if stack.ref(logical_id) == arn:
            if logical_id in deployment.code:
                return deployment.code[logical_id] / "python"
            where = f"{stack.name}.{logical_id}"
            copy = stack.metadata(logical_id).get(metadata.LAYER)
            if not isinstance(copy, str):
                raise LocalError(f"{where}: has no metadata {metadata.LAYER} that names its copy for this machine")
            return metadata.python(where, metadata.LAYER, deployment.home / copy)
    raise LocalError(f"{function}: the layer {arn} is not one of the stack's own")


def _original(deployment: Deployment, logical_id: str) -> Path | None:
    named = deployment.stack.metadata(logical_id).get(metadata.SOURCE)
    folder = deployment.home / named if isinstance(named, str) else None
    return folder.resolve() if folder is not None and folder.is_dir() else None


def _label(stack: Stack, logical_id: str) -> str:
    """`MyStack/Message/Resource` -> `Message`."""
    path = stack.metadata(logical_id).get("aws:cdk:path")
    return "/".join(path.split("/")[1:-1]) if isinstance(path, str) and path.count("/") > 1 else logical_id


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
