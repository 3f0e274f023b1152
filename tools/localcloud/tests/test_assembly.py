from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcloud import assembly
from localcloud.errors import LocalError

from . import assemblies

if TYPE_CHECKING:
    from pathlib import Path


def test_stacks_are_found_by_name_with_their_assets_by_key(tmp_path: Path) -> None:
    deployments = assembly.read(assemblies.echo().write(tmp_path, ""))
    assert list(deployments) == ["ChatLambda"]
    assert deployments["ChatLambda"].assets == {"handlers.zip": tmp_path / "asset.handlers"}
    assert deployments["ChatLambda"].stack.name == "ChatLambda"


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"artifacts": []}', "not json"])
def test_what_is_no_assembly_is_one_clear_line(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(LocalError, match=r"manifest\.json") as error:
        assembly.read(tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_template_is_one_clear_line(tmp_path: Path) -> None:
    folder = assemblies.echo().write(tmp_path, "")
    (folder / "ChatLambda.template.json").unlink()
    with pytest.raises(LocalError, match="cannot read the template"):
        assembly.read(folder)
