"""Files that the user names."""

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
