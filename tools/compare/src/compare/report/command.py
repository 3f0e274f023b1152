"""`compare report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from compare.cost import measured
from compare.errors import CompareError
from compare.everything import report as of_runs
from compare.everything import show
from compare.report import files
from compare.report.asked import asked
from compare.report.beside import beside
from compare.report.ledger import number
from compare.report.page import page, side_by_side
from compare.report.sections.curves import README, picture

_WIDTH: Final = 100
_Made = TypeVar("_Made")


def report(
    a: Annotated[Path, typer.Argument(metavar="A.json", help="What compare run or compare all wrote.")],
    b: Annotated[Path | None, typer.Argument(metavar="[B.json]", help="Another, to put beside it.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="F.html", help="Write it as one page.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="F.svg", help="Write the main picture of a report.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """The report that a run leads to, or two of them side by side (docs/compare.md)."""
    files.check({"--html": html, "--svg": svg})
    if svg is not None and b is not None:
        raise CompareError("--svg: the picture is of one report: leave B.json out")
    found, text = _one(a) if b is None else _two(a, b)  # a page that can be drawn is also whole
    if html is not None:
        files.write(html, text)
    if svg is not None:
        files.write(svg, picture(found["cost"], found["asked"], README, alone=True) + "\n")
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
        return
    if b is None:
        show(found)
    else:
        _show_beside(found, Console(width=_WIDTH, highlight=False, markup=False, emoji=False))
    for what, path in (("The page", html), ("The picture", svg)):
        if path is not None:
            typer.echo(f"\n{what}: {path}")


def _one(path: Path) -> tuple[Mapping[str, Any], str]:
    """The report in a file, made of it when it is a run, and its page. Raises CompareError."""
    found = measured.load(path)
    if found["format"] == measured.LOAD:
        runs = measured.read(path)
        with Console(stderr=True).status("Working out what it means at other sizes ..."):
            found = _whole(path, lambda: of_runs(runs, asked()))
    return found, _whole(path, lambda: page(found))


def _two(a: Path, b: Path) -> tuple[Mapping[str, Any], str]:
    first, second = measured.load(a), measured.load(b)
    names = (a.name, b.name)
    both = f"{a}, {b}"
    found = _whole(both, lambda: beside(first, second, names))
    return found, _whole(both, lambda: side_by_side(first, second, names))


def _whole(where: Path | str, make: Callable[[], _Made]) -> _Made:
    """What is made of a document; a part that is missing or of another form is told as an error of the file's."""
    try:
        return make()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())[:120]
        raise CompareError(f"{where}: not whole: {missing}; give what compare run or compare all wrote") from error


def _show_beside(found: Mapping[str, Any], console: Console) -> None:
    """What is larger than the noise; the rest is in the JSON and on the page."""
    first, second = found["names"]
    real = [one for one in found["measured"] if one["larger_than_noise"]]
    console.print(f"{len(real)} of {len(found['measured'])} figures differ by more than their rounds do.\n")
    if real:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for index, heading in enumerate(("target", "figure", first, second, "ratio", "better")):
            table.add_column(heading, justify="right" if 2 <= index <= 4 else "left", overflow="fold")
        for one in real:
            ratio = "" if one["ratio"] is None else f"{one['ratio']:.3g}"
            values = map(number, one["values"])
            table.add_row(f"{one['scenario']} {one['target']}", one["figure"], *values, ratio, str(one["better"] or ""))
        console.print(table)
    for name, missing in zip(found["names"], found["only"], strict=True):
        if missing:
            console.print(f"Only in {name}: {', '.join(missing)}.", soft_wrap=True)
    apart = [one for one in found["modelled"] if one["larger_than_range"]]
    if found["modelled"]:
        console.print(f"{len(apart)} of {len(found['modelled'])} modelled figures have ranges that are apart.")
    for one in apart:
        old, new = map(number, one["values"])
        console.print(f"{one['figure']}: {old}, then {new} {one['unit']}", soft_wrap=True)
