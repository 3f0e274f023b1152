"""The code of functions, kept in step with the files it was staged from."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from localcloud.functions.definitions import FunctionSpec


class Source:
    """A copy of a staged asset that follows its original, so that an edit takes effect without a synth.

    The asset itself is never touched: it is what would be deployed, under a name that is its hash. Only Python files
    below the asset's own top-level folders are followed.
    """

    def __init__(self, staged: Path, original: Path, copy: Path) -> None:
        """`copy` is made here, and must not exist yet."""
        shutil.copytree(staged, copy)
        self.folder = copy
        self._original = original
        self._tops = [entry.name for entry in staged.iterdir()]
        self._seen: dict[str, tuple[int, int]] = {}
        self.update()

    def update(self) -> list[str]:
        """Bring the copy up to date; gives the files that differed, relative to the original."""
        now = {name: (stat.st_mtime_ns, stat.st_size) for name, stat in self._files()}
        suspects = [name for name, stamp in now.items() if self._seen.get(name) != stamp]
        gone = [name for name in self._seen if name not in now]
        self._seen = now
        changed = [name for name in suspects if self._copied(name)]
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)
        return sorted(changed + gone)

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        for top in self._tops:
            entry = self._original / top
            for path in [entry] if entry.is_file() else entry.rglob("*.py"):
                try:
                    yield str(path.relative_to(self._original)), path.stat()
                except OSError:
                    continue  # gone between the listing and the look: editors replace files

    def _copied(self, name: str) -> bool:
        """Copy a file if it differs; a file that is being written is taken with the next change of its stamp."""
        try:
            content = (self._original / name).read_bytes()
        except OSError:
            return False
        target = self.folder / name
        if target.exists() and target.read_bytes() == content:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return True


class Sources:
    """The followed assets of all functions, their copies below one folder; functions of one asset share one copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sources: dict[tuple[Path, Path], Source] = {}

    def follow(self, spec: FunctionSpec) -> FunctionSpec:
        """The function, run from a copy that follows its original; as it is when that is not known."""
        if spec.original is None:
            return spec
        key = (spec.source, spec.original)
        if key not in self._sources:
            self._sources[key] = Source(*key, self._folder / str(len(self._sources)))
        copy = self._sources[key].folder
        return replace(spec, source=copy, path=(copy, *spec.path[1:]))

    def update(self) -> Iterator[tuple[Path, list[str]]]:
        """The copies that had to change, with the files that did."""
        for source in self._sources.values():
            if changed := source.update():
                yield source.folder, changed
