"""The ready file: where scripts learn what runs, as soon as every address answers."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from localcloud.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ReadyFile:
    """A file that is there exactly while what it describes is running."""

    def __init__(self, path: Path) -> None:
        """Raises LocalError when it could never be written. What a dead process has left is removed."""
        if not path.parent.is_dir():
            raise LocalError(f"the ready file {path} cannot be written: there is no folder {path.parent}")
        self._path = path
        owner = self._owner()
        if owner is not None and not _alive(owner):
            path.unlink(missing_ok=True)

    @contextmanager
    def holding(self, description: dict[str, Any]) -> Iterator[None]:
        """Have the file, as a whole and never in part, until the block is left. Raises LocalError."""
        self.write(description)
        try:
            yield
        finally:
            if self._owner() == os.getpid():  # another instance may have taken it over
                self._path.unlink(missing_ok=True)

    def write(self, description: dict[str, Any]) -> None:
        """Say what is so now. Raises LocalError."""
        partial = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            partial.write_text(json.dumps(description, indent=2) + "\n")
            partial.replace(self._path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise LocalError(f"the ready file {self._path} cannot be written: {error.strerror}") from error

    def _owner(self) -> int | None:
        """The process that wrote the file that is there, if one did."""
        try:
            pid = json.loads(self._path.read_bytes())["pid"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid if isinstance(pid, int) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
