"""Where the cases are played: on `python -m local`, or on what is deployed.

CONFORMANCE_URLS names deployed APIs, as "main=wss://…/live open=wss://…/live shut=… http=…"; cases of others are
skipped. CONFORMANCE_BACKEND is the port of the backend here that the deployed `http` API reaches. Credentials are the
environment's.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
from botocore.credentials import Credentials

from tests.conformance import backend
from tests.conformance.scene import Target
from tests.processes import ROOT, running_from

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATES = Path(__file__).parent / "templates"
APIS = {"functions": ("main", "open", "shut", "barred"), "http": ("http",)}
"""The APIs of each template, in its order."""
_KEY, _SECRET = "local", "conformance"


@contextmanager
def local(template: str, folder: Path, root: Path = ROOT) -> Iterator[dict[str, Target]]:
    """A template's APIs, run by the local cloud whose code is below `root`; `folder` takes its ready file."""
    with ExitStack() as stack:
        behind = stack.enter_context(backend.serving()) if template == "http" else None
        cloud = stack.enter_context(
            running_from(
                root,
                folder,
                *("--template", str(TEMPLATES / f"{template}.yaml")),
                *(("--parameter", f"BackendUrl={behind.url}") if behind else ()),
                *("--set", "verify_signatures=true", "--set", f"access_keys={_KEY}:{_SECRET}"),
            )
        )
        urls = [str(api["url"]) for api in cloud.ready["apis"]]
        credentials = Credentials(_KEY, _SECRET)
        yield {
            name: Target(url, str(cloud.ready["region"]), credentials, behind)
            for name, url in zip(APIS[template], urls, strict=True)
        }


def template_of(api: str) -> str:
    """The template that an API is in."""
    return next(template for template, names in APIS.items() if api in names)


def deployed() -> dict[str, str]:
    """The URLs of deployed APIs, by template, out of the environment."""
    return dict(pair.partition("=")[::2] for pair in os.environ.get("CONFORMANCE_URLS", "").split())


@contextmanager
def remote(url: str) -> Iterator[Target]:
    """A deployed API."""
    session = botocore.session.get_session()
    found = session.get_credentials()
    assert found is not None, "there are no AWS credentials in the environment"
    credentials = Credentials(found.access_key, found.secret_key, found.token)
    region = url.partition(".execute-api.")[2].partition(".")[0]
    with ExitStack() as stack:
        port = os.environ.get("CONFORMANCE_BACKEND")
        behind = stack.enter_context(backend.serving(int(port))) if port else None
        yield Target(url.rstrip("/"), region, credentials, behind)
