"""What Lambda's runtime brings, and what it does not."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from localcloud.functions import runtime

if TYPE_CHECKING:
    from pathlib import Path


def imported(module: str, folder: Path) -> bool:
    """Whether a process that sees this folder alone can import a module."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import {module}"
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime.link(tmp_path_factory.mktemp("scratch") / "runtime")


@pytest.mark.parametrize("module", ["awslambdaric.bootstrap", "boto3", "botocore.session", "dateutil.parser"])
def test_functions_can_import_what_lambda_has(folder: Path, module: str) -> None:
    assert imported(module, folder)


@pytest.mark.parametrize("module", ["moto", "flask", "websockets", "localcloud", "typer"])
def test_functions_cannot_import_what_else_is_installed(folder: Path, module: str) -> None:
    assert not imported(module, folder)


def test_functions_find_the_versions_of_what_they_import(folder: Path) -> None:
    names = {path.name.partition("-")[0] for path in folder.glob("*.dist-info")}
    assert {"awslambdaric", "boto3", "botocore"} <= names
    assert not [path for path in folder.iterdir() if not path.exists()], "links that lead nowhere"


def test_what_is_imported_has_bytecode(folder: Path) -> None:
    """Functions do not write it themselves."""
    for module in ("awslambdaric/bootstrap", "boto3/session", "six"):
        package, _, name = module.rpartition("/")
        assert list((folder / package / "__pycache__").glob(f"{name}.*.pyc")), module
