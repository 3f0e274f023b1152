"""Each variant of the app is synthesized once a run."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.synthesized import synthesized_once

Resource = dict[str, Any]


@dataclass(frozen=True)
class Assembly:
    """A stack in a synthesized cdk.out."""

    outdir: Path
    stack: str = "DuplexLambda"

    @property
    def template_file(self) -> Path:
        return self.outdir / f"{self.stack}.template.json"

    @property
    def template(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.template_file.read_text(encoding="utf-8"))
        return parsed

    def resources(self, kind: str) -> dict[str, Resource]:
        """Return the resources of one CloudFormation type, by logical id."""
        found = {name: entry for name, entry in self.template["Resources"].items() if entry["Type"] == kind}
        assert found, f"no {kind} in the template"
        return found

    def only(self, kind: str) -> tuple[str, Resource]:
        """Return the logical id and the properties of the one resource of a type."""
        ((name, entry),) = self.resources(kind).items()
        return name, entry["Properties"]

    def asset(self, s3_key: str) -> Path:
        """Return the folder that is uploaded as `s3_key`."""
        manifest = json.loads((self.outdir / f"{self.stack}.assets.json").read_text(encoding="utf-8"))
        return self.outdir / str(manifest["files"][s3_key.removesuffix(".zip")]["source"]["path"])


Synthesize = Callable[[str], Assembly]


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Return a function from a value of `access_logs` to what is synthesized with it."""

    def run(access_logs: str) -> Assembly:
        options = {} if access_logs == "off" else {"access_logs": access_logs}  # the default, synthesized anyway
        return Assembly(synthesized_once(tmp_path_factory, **options))

    return run


@pytest.fixture(scope="session")
def assembly(synthesize: Synthesize) -> Assembly:
    return synthesize("off")


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every variant there is, synthesized once a run."""
    return synthesized_once(tmp_path_factory, backends="all")


@pytest.fixture(scope="session")
def eks(variants: Path) -> Assembly:
    return Assembly(variants, "DuplexEks")


@pytest.fixture(scope="session")
def ecs(variants: Path) -> Assembly:
    return Assembly(variants, "DuplexEcs")


@pytest.fixture(scope="session")
def sockets(variants: Path) -> Assembly:
    return Assembly(variants, "DuplexSockets")


@pytest.fixture(scope="session")
def cluster(variants: Path) -> Assembly:
    return Assembly(variants, "DuplexCluster")
