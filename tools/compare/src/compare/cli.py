"""The command line of the comparison: one command a question."""

from __future__ import annotations

import sys

import typer

from compare.commands.cost import cost
from compare.commands.measure_all import measure_all
from compare.commands.report import report
from compare.commands.run import run
from compare.commands.scale import scale
from compare.errors import CompareError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Choose between the ways to run the backend, before anything is deployed, or after.",
)


@app.callback()
def _commands() -> None:
    """A callback keeps a lone command from taking the place of the whole."""


app.command("all")(measure_all)
app.command("run")(run)
app.command("report")(report)
app.command("cost")(cost)
app.command("scale")(scale)


def main() -> None:
    """Run it. Status 2 is wrong usage or input that cannot be used, 1 what failed; one line on stderr says it."""
    try:
        app(prog_name="compare")
    except CompareError as error:
        print(f"compare: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.status)
