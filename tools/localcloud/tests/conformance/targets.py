"""Where the cases are played: on `localcloud`, or on what is deployed.

CONFORMANCE_URLS names deployed APIs, as "main=wss://…/live open=wss://…/live shut=… http=…"; cases of others are
skipped. CONFORMANCE_BACKEND is the port of the backend here that the deployed `http` API reaches. Credentials are the
environment's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.session
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from localcloud.testing import running

from . import backend
from .target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TEMPLATES = Path(__file__).parent / "templates"
_KEY, _SECRET = "local", "conformance"
_DOMAIN, _MAPPING = "ws.conformance.example", "chat"


@dataclass(frozen=True)
class Run:
    """A local cloud that the cases of some APIs need: a template's, in its order, and how it is started."""

    apis: Sequence[str]
    template: str = ""
    """A file of TEMPLATES; `cdk` stands for what the CDK makes of `app.py`. Nothing runs without one."""
    arguments: Sequence[str] = ()
    backend: bool = False
    scale: float = 1.0
    place: str = ""
    """The host and the path of a custom domain."""


RUNS = (
    Run(("main", "open", "shut", "barred", "told"), "functions.yaml"),
    Run(("http",), "http.yaml", backend=True),
    Run(("faulty",), "http.yaml", ("--fault", "post-doubted=1", "--fault", "disconnect-lost=1"), backend=True),
    Run(("idle",), "quiet.yaml", scale=200),
    # Idleness is another run's: a machine that is slow for a moment must not end a connection that has to last.
    Run(("lifetime",), "quiet.yaml", ("--set", "idle=1000000"), scale=1440),
    Run(("crowded", "shared"), "limits.yaml", [
        word for limit in ("connect_rate=1", "account_burst=60", "account_rate=0.001") for word in ("--set", limit)
    ]),
    Run(
        ("domain",),
        "domain.yaml",
        [
            word
            for parameter in (f"DomainName={_DOMAIN}", f"MappingKey={_MAPPING}", "CertificateArn=arn:none")
            for word in ("--parameter", parameter)
        ],
        place=f"{_DOMAIN}/{_MAPPING}",
    ),
    Run(("cdk",), "cdk", backend=True),
    Run(("none",)),
)  # fmt: skip


@contextmanager
def local(run: Run, folder: Path, root: Path | None = None) -> Iterator[dict[str, Target]]:
    """A run's APIs, by the local cloud that is installed, or whose code is below `root`; `folder` takes what it leaves
    in files."""
    credentials = Credentials(_KEY, _SECRET)
    if not run.template:
        refusal = partial(_refused_here, folder, root)
        yield {name: Target("", "us-east-1", credentials, refusal=refusal) for name in run.apis}
        return
    with ExitStack() as stack:
        behind = stack.enter_context(backend.serving()) if run.backend else None
        cloud = stack.enter_context(
            running(
                folder,
                *("--template", str(_synthesized(folder) if run.template == "cdk" else TEMPLATES / run.template)),
                *(("--parameter", f"BackendUrl={behind.url}") if behind else ()),
                *("--set", "verify_signatures=true", "--set", f"access_keys={_KEY}:{_SECRET}"),
                *("--time-scale", str(run.scale)),
                *run.arguments,
                cwd=root,
            )
        )
        urls = [str(api["url"]) for api in cloud.ready["apis"]]
        yield {
            name: Target(
                f"ws://{run.place}" if run.place else url,
                str(cloud.ready["region"]),
                credentials,
                behind,
                address=(str(urlsplit(url).hostname), urlsplit(url).port or 0) if run.place else None,
                aws_url=cloud.aws,
                scale=run.scale,
            )
            for name, url in zip(run.apis, urls, strict=True)
        }


def run_of(api: str) -> Run:
    """The run that an API is in."""
    return next(run for run in RUNS if api in run.apis)


def deployed() -> dict[str, str]:
    """The URLs of deployed APIs, by name, out of the environment."""
    return dict(pair.partition("=")[::2] for pair in os.environ.get("CONFORMANCE_URLS", "").split())


@contextmanager
def remote(url: str) -> Iterator[Target]:
    """A deployed API. At a custom domain the Region is the environment's; `aws` is no API, but those to be made."""
    session = botocore.session.get_session()
    found = session.get_credentials()
    assert found is not None, "there are no AWS credentials in the environment"
    credentials = Credentials(found.access_key, found.secret_key, found.token)
    region = url.partition(".execute-api.")[2].partition(".")[0] or session.get_config_variable("region")
    assert region, "there is no AWS_DEFAULT_REGION in the environment"
    with ExitStack() as stack:
        port = os.environ.get("CONFORMANCE_BACKEND")
        behind = stack.enter_context(backend.serving(int(port))) if port else None
        refusal = partial(_refused_there, session.create_client("apigatewayv2", region))
        yield Target(url.rstrip("/"), region, credentials, behind, lag=300.0, refusal=refusal)


def _synthesized(folder: Path) -> Path:
    """What the CDK makes of the app, as a file."""
    subprocess.run([sys.executable, "-P", str(Path(__file__).with_name("app.py")), str(folder)], check=True)
    return folder / "conformance-cdk.template.json"


def _refused_here(folder: Path, root: Path | None, kind: str, properties: Mapping[str, Any]) -> str | None:
    """What the local cloud says of a template whose API has such a part."""
    api = {"ApiId": {"Ref": "Api"}}
    expression = {"ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action", "Name": "refused"}
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": expression},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": api | {"StageName": "live"}},
    }
    resources[kind] = {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": {**api, "StageName": "live", **properties}}
    if kind == "Integration":
        target = {"Fn::Sub": "integrations/${Integration}"}
        resources["Route"] = {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": api | {"RouteKey": "$default", "Target": target},
        }
    with TemporaryDirectory(dir=folder) as own:
        template = Path(own) / "refused.json"
        template.write_text(json.dumps({"Resources": resources}))
        try:
            with running(Path(own), "--template", str(template), cwd=root):
                return None
        except AssertionError as refused:
            return str(refused)


def _refused_there(client: Any, kind: str, properties: Mapping[str, Any]) -> str | None:
    """What API Gateway says of such a part of an API that is made for the purpose, and removed."""
    api = client.create_api(
        Name="conformance-refused", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    try:
        getattr(client, f"create_{kind.lower()}")(ApiId=api, **properties)
    except ClientError as refused:
        return str(refused)
    finally:
        client.delete_api(ApiId=api)
    return None
