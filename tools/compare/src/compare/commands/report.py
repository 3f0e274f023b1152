"""`compare report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from compare import files
from compare.commands.options import AsJson
from compare.cost import measured_inputs
from compare.errors import CompareError
from compare.report.document import from_runs
from compare.report.load_sizes import load_sizes
from compare.report.page import page, side_by_side
from compare.report.pairing import paired
from compare.report.sections.curves import README, picture
from compare.report.terminal import show, show_pair

_Made = TypeVar("_Made")


def report(
    a: Annotated[Path, typer.Argument(metavar="A.json", help="What compare run or compare all wrote.")],
    b: Annotated[Path | None, typer.Argument(metavar="[B.json]", help="Another, to put beside it.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="F.html", help="Write it as one page.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="F.svg", help="Write the main picture of a report.")] = None,
    as_json: AsJson = False,
) -> None:
    """The report that a run leads to, or two of them side by side (docs/compare.md)."""
    files.check({"--html": html, "--svg": svg})
    if svg is not None and b is not None:
        raise CompareError("--svg: the picture is of one report: leave B.json out")
    found, text = _one(a) if b is None else _two(a, b)  # a page that can be drawn is also whole
    if html is not None:
        files.write(html, text)
    if svg is not None:
        files.write(svg, picture(found["cost"], found["asked"], README, standalone=True) + "\n")
    if as_json:
        typer.echo(files.encoded(found))
        return
    if b is None:
        show(found)
    else:
        show_pair(found)
    for what, path in (("The page", html), ("The picture", svg)):
        if path is not None:
            typer.echo(f"\n{what}: {path}")


def _one(path: Path) -> tuple[Mapping[str, Any], str]:
    """The report in a file, made of it when it is a run, and its page. Raises CompareError."""
    found = measured_inputs.load_document(path)
    if found["format"] == measured_inputs.LOAD:
        runs = measured_inputs.read_runs(path)
        with Console(stderr=True).status("Working out what it means at other sizes ..."):
            found = _whole(path, lambda: from_runs(runs, load_sizes()))
    return found, _whole(path, lambda: page(found))


def _two(a: Path, b: Path) -> tuple[Mapping[str, Any], str]:
    first, second = measured_inputs.load_document(a), measured_inputs.load_document(b)
    names = (a.name, b.name)
    both = f"{a}, {b}"
    found = _whole(both, lambda: paired(first, second, names))
    return found, _whole(both, lambda: side_by_side(first, second, names))


def _whole(where: Path | str, make: Callable[[], _Made]) -> _Made:
    """What is made of a document; a part that is missing or of another form is told as an error of the file's."""
    try:
        return make()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())[:120]
        raise CompareError(f"{where}: not whole: {missing}; give what compare run or compare all wrote") from error
