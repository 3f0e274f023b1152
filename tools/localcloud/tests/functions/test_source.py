from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcloud.functions.source import Source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A project with a package that is deployed, and what is not."""
    root = tmp_path / "project"
    for name in ("app/__init__.py", "app/main.py", "app/deep/more.py", "app/notes.txt", "other/secret.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}")
    return root


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    root = tmp_path / "asset"
    (root / "app" / "deep").mkdir(parents=True)
    for name in ("app/__init__.py", "app/main.py", "app/deep/more.py"):
        (root / name).write_text(f"# {name}")
    return root


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_copy_is_the_asset_and_nothing_else_of_the_project(original: Path, staged: Path, tmp_path: Path) -> None:
    source = Source(staged, original, tmp_path / "copy")
    assert files(source.folder) == files(staged)
    assert source.update() == []


def test_an_edit_a_new_file_and_a_deleted_one_are_followed(original: Path, staged: Path, tmp_path: Path) -> None:
    source = Source(staged, original, tmp_path / "copy")
    (original / "app/main.py").write_text("edited = True")
    (original / "app/new.py").write_text("new = True")
    (original / "app/deep/more.py").unlink()
    assert source.update() == ["app/deep/more.py", "app/main.py", "app/new.py"]
    assert files(source.folder) == {
        "app/__init__.py": "# app/__init__.py",
        "app/main.py": "edited = True",
        "app/new.py": "new = True",
    }
    assert source.update() == []


def test_a_touch_without_a_change_is_none(original: Path, staged: Path, tmp_path: Path) -> None:
    source = Source(staged, original, tmp_path / "copy")
    (original / "app/main.py").touch()
    assert source.update() == []


def test_what_changed_since_the_asset_was_staged_is_there_from_the_start(
    original: Path, staged: Path, tmp_path: Path
) -> None:
    (original / "app/main.py").write_text("edited = True")
    assert files(Source(staged, original, tmp_path / "copy").folder)["app/main.py"] == "edited = True"


def test_the_asset_is_never_touched(original: Path, staged: Path, tmp_path: Path) -> None:
    before = files(staged)
    source = Source(staged, original, tmp_path / "copy")
    (original / "app/main.py").write_text("edited = True")
    source.update()
    assert files(staged) == before
