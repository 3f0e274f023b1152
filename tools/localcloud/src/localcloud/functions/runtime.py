"""What Lambda's Python runtime brings for functions to import: its runtime client and boto3, with what they need.

Functions are not to see what else this tool is installed with: on Lambda that would not be there.
"""

from __future__ import annotations

import compileall
import os
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BRINGS = ("awslambdaric", "boto3")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def link(folder: Path) -> Path:
    """Make a folder, with links to where these packages are installed."""
    folder.mkdir()
    for distribution in _distributions():
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            installed = Path(str(distribution.locate_file(top)))
            (folder / top).symlink_to(installed)
            _compile(installed, folder / top)
    return folder


def _compile(installed: Path, linked: Path) -> None:
    """Have bytecode: without it a function takes twice the time to start, and some installers leave it out."""
    if installed.suffix == ".py":
        compileall.compile_file(linked, quiet=2)
    elif installed.is_dir() and not (installed / "__pycache__").exists() and os.access(installed, os.W_OK):
        compileall.compile_dir(installed, quiet=2)


def _distributions() -> Iterator[metadata.Distribution]:
    """Each once. What is required but not installed is for an extra, or another platform."""
    wanted, seen = list(_BRINGS), set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        yield found
        wanted += [match[0] for text in found.requires or () if "extra ==" not in text and (match := _NAME.match(text))]
