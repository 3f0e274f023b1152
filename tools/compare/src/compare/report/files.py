"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from compare.errors import CompareError


def check(options: Mapping[str, Path | None]) -> None:
    """Tells of a folder that is not there before anything is done. Raises CompareError."""
    for option, path in options.items():
        if path is not None and not path.parent.is_dir():
            raise CompareError(f"{option}: {path} cannot be written: there is no folder {path.parent}")


def write(path: Path, text: str) -> None:
    """Writes beside the target and renames, so that a reader never meets half a file. Raises CompareError."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise CompareError(f"{path}: cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes it private
        temporary.replace(path)
    except OSError as error:
        raise CompareError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
