"""Pages and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from compare import files
from compare.errors import CompareError
from compare.pages import html
from compare.pages.markup import element


def test_a_page_needs_nothing_from_elsewhere_and_escapes_text() -> None:
    page = html.page("<a> & b", html.table(["name", "<n>"], [["<x>", "1"]]) + element("p", "a < b"))
    assert page.startswith("<!doctype html>")
    assert "http" not in page
    assert "<script" not in page
    assert "<title>&lt;a&gt; &amp; b</title>" in page
    assert "<td>&lt;x&gt;</td><td>1</td>" in page
    assert "<p>a &lt; b</p>" in page


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    files.write(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match=r"none/page\.html: cannot be written: No such file or directory"):
        files.write(tmp_path / "none" / "page.html", "new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CompareError, match="folder: cannot be written"):
        files.write(tmp_path / "folder", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def umask() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("Umask:")).split()[1], 8)
