"""Files that the user names."""

import difflib
import os
from pathlib import Path

from compare.errors import CompareError


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
