"""Files that the user names: read within a limit, and written whole or not at all."""

import contextlib
import difflib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from compare.errors import CompareError

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def read(path: Path, *, most_kib: int, what: str, name: str = "") -> bytes:
    """Return what is in a file of `most_kib` at most. Raises CompareError, with the path, or the name it was given by.

    `what` says what a larger file cannot be, as in "not a scenario".
    """
    shown = name or path
    try:
        with path.open("rb") as file:
            data = file.read(most_kib * 1024 + 1)
    except OSError as error:
        raise CompareError(f"{shown}: cannot be read: {error.strerror}") from None
    if len(data) > most_kib * 1024:
        raise CompareError(f"{shown}: larger than {most_kib:,} KiB: {what}")
    return data


def shipped(folder: Path) -> dict[str, Path]:
    """The scenarios in a folder of this package, by name."""
    return {path.stem: path for path in sorted(folder.iterdir())}


def scenario(name: str, folder: Path) -> Path:
    """A scenario's file by its path, or by the name of one that is shipped in `folder`. Raises CompareError."""
    known = shipped(folder)
    path = known.get(name, Path(name))
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for what cannot be a path
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise CompareError(f"{name}: no such file, nor a shipped scenario{hint} ({', '.join(known)})")
    return path


def check(options: Mapping[str, Path | None]) -> None:
    """Tells of a folder that is not there before anything is done. Raises CompareError."""
    for option, path in options.items():
        if path is not None and not path.parent.is_dir():
            raise CompareError(f"{option}: {path} cannot be written: there is no folder {path.parent}")


def encoded(document: Mapping[str, Any], indent: int = 1) -> str:
    """JSON for people to read; decimals are numbers."""
    return msgspec.json.format(_ENCODER.encode(document), indent=indent).decode()


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
