"""Templates that nobody here wrote: `localcloud --template T`."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from localcloud import metadata, resources, yaml_template
from localcloud.assembly import Deployment
from localcloud.errors import LocalError
from localcloud.template import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What runs, is made at the local AWS endpoint, or makes no difference on one machine.
_RUN = frozenset(
    {
        resources.ALIAS, resources.API, resources.API_MAPPING, resources.AUTHORIZER, resources.DOMAIN_NAME,
        resources.EVENT_SOURCE_MAPPING, resources.FUNCTION, resources.GLOBAL_TABLE, resources.INTEGRATION,
        resources.INTEGRATION_RESPONSE, resources.LAYER, resources.LOAD_BALANCER, resources.LOG_GROUP, resources.MODEL,
        resources.PARAMETER, resources.QUEUE, resources.ROUTE, resources.ROUTE_RESPONSE, resources.RULE,
        resources.SCHEDULE, resources.SECRET, resources.STAGE, resources.TABLE, resources.VERSION, resources.VPC_LINK,
        "AWS::ApiGateway::Account", "AWS::ApiGatewayV2::Deployment", "AWS::CDK::Metadata", "AWS::Lambda::Permission",
        "AWS::SQS::QueuePolicy",
    }
)  # fmt: skip
_UNZIPPED = 250 * 1024 * 1024  # bytes, Lambda's quota
_NO_DIFFERENCE = ("AWS::CertificateManager::", "AWS::CloudWatch::", "AWS::IAM::", "AWS::KMS::", "AWS::Route53::")


def read(path: Path, parameters: Mapping[str, str], scratch: Path) -> Deployment:
    """A template as a stack named after its file, its functions' code in folders: inline code is written to `scratch`.

    Raises LocalError for a template, a parameter or code that cannot be used.
    """
    template = yaml_template.read(path)
    declared = template.get("Parameters") or {}
    if unknown := sorted(parameters.keys() - declared.keys()):
        known = f"it has {', '.join(declared)}" if declared else "it has none"
        raise LocalError(f"{path} has no parameter {unknown[0]!r}: {known}")
    for logical_id, resource in template["Resources"].items():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if isinstance(kind, str) and kind.startswith("AWS::Serverless::"):
            raise LocalError(
                f"{path.stem}.{logical_id}: {kind} is SAM, not CloudFormation; deploy with SAM once, then run the "
                "template that `aws cloudformation get-template --template-stage Processed` gives"
            )
    stack = Stack(path.stem, template, parameters)
    code = {}
    for logical_id in stack.resources(resources.FUNCTION):
        with stack.reading(logical_id):
            folder = _code(stack, logical_id, path.parent, scratch)
            if folder is not None:
                code[logical_id] = folder
    for logical_id in stack.resources(resources.LAYER):
        content = stack.property(logical_id, "Content")
        if isinstance(content, str):
            code[logical_id] = _local(f"{stack.name}.{logical_id}", path.parent / content, scratch / logical_id)
    return Deployment(stack, {}, code, home=metadata.home(path.parent))


def not_run(stack: Stack) -> Iterator[str]:
    """What of a stack is left aside, a line for each kind of thing."""
    for kind in stack.types():
        if kind not in _RUN and not kind.startswith(_NO_DIFFERENCE):
            yield f"{kind} does not run here: {', '.join(stack.resources(kind))}"
    http = [id_ for id_ in stack.resources(resources.API) if stack.property(id_, "ProtocolType") == "HTTP"]
    if http:
        yield f"HTTP APIs do not run here: {', '.join(http)}"
    if stack.transforms:
        yield f"transforms are not made here: {', '.join(stack.transforms)}"


def _code(stack: Stack, logical_id: str, beside: Path, scratch: Path) -> Path | None:
    """The folder of a function's code, or None when that is somewhere else: in a bucket, or an image."""
    code: Any = stack.property(logical_id, "Code") or stack.property(logical_id, "CodeUri")
    if isinstance(code, str):
        return _local(f"{stack.name}.{logical_id}", beside / code, scratch / logical_id)
    if isinstance(code, dict) and isinstance(code.get("ZipFile"), str):
        folder = scratch / logical_id
        folder.mkdir(parents=True)
        (folder / "index.py").write_text(code["ZipFile"])
        return folder
    return None


def _local(where: str, path: Path, scratch: Path) -> Path:
    """As `aws cloudformation package` takes it: a folder, a zip file, or one file."""
    if path.is_dir():
        return path.resolve()
    if not path.is_file():
        raise LocalError(f"{where}: its code {path} is not there")
    scratch.mkdir(parents=True)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(file.file_size for file in archive.infolist()) > _UNZIPPED:
                raise LocalError(f"{where}: its code {path} is larger than the 250 MB that Lambda takes")
            archive.extractall(scratch)
    else:
        (scratch / path.name).write_bytes(path.read_bytes())
    return scratch
