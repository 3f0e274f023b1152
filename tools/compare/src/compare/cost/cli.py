"""`compare cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from compare.cost import figures as rows
from compare.cost import measured as inputs
from compare.cost import workload as loads
from compare.cost.comparison import compare
from compare.cost.map import chart
from compare.cost.page import page
from compare.cost.table import show
from compare.errors import CompareError
from compare.report import files

_WIDTH = 80
_JSON = msgspec.json.Encoder(decimal_format="number")


def encode(document: dict[str, Any]) -> str:
    """JSON in which money is a number to the cent."""
    return msgspec.json.format(_JSON.encode(document), indent=2).decode()


def cost(
    connections: Annotated[str, typer.Option(metavar="N", help="Mean of open connections.")],
    messages_per_minute: Annotated[str, typer.Option(metavar="M", help="Messages a minute that each sends.")],
    message_bytes: Annotated[
        str | None, typer.Option(metavar="B", help="Bytes of a message and of each delivery: the run's, or 256.")
    ] = None,
    deliveries: Annotated[
        str, typer.Option(metavar="R", help="Frames sent to clients for each message; 1 is the reply.")
    ] = "1",
    connection_minutes: Annotated[str, typer.Option(metavar="L", help="Mean life of a connection.")] = "60",
    tls: Annotated[str, typer.Option(metavar="balancer|pod", help="Where sockets ends TLS.")] = "balancer",
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Count what is free for good each month.")] = False,
    prices: Annotated[
        Path | None, typer.Option(metavar="F.json", help="Rows that replace those of prices.json and inputs.json.")
    ] = None,
    measured: Annotated[
        Path | None, typer.Option(metavar="RUN.json", help="Take inputs from what compare run --json wrote.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="F.html", help="Write a page with the map of break-evens.")
    ] = None,
) -> None:
    """What each variant costs a month for a steady load, and which is the cheapest (docs/cost-model.md)."""
    runs = inputs.read(measured) if measured is not None else []
    workload = loads.read(
        connections,
        messages_per_minute,
        message_bytes=message_bytes or str(inputs.message_bytes(runs) or 256),
        deliveries=deliveries,
        minutes=connection_minutes,
        tls=tls,
        free_tier=free_tier,
    )
    taken = inputs.inputs(runs, rows.shipped())
    if measured is not None and not taken:
        raise CompareError(f"{measured}: no target has a variant's name and figures of an echo or an idle run")
    figures = inputs.replaced(rows.shipped(), taken)
    if prices is not None:
        figures = rows.overridden(prices, figures)
    comparison = compare(workload, figures)
    if html is not None:
        with Console(stderr=True).status("Drawing the map ..."):
            text = page(comparison, chart(workload, figures))
        files.write(html, text)
    if as_json:
        found = comparison.document()
        if measured is not None:
            found["measured"] = [one.document() for one in taken]
        typer.echo(encode(found))
    else:
        console = Console(width=_WIDTH, highlight=False)
        show(comparison, console)
        if taken:
            console.print(f"\nInputs from {measured}:", soft_wrap=True)
        for line in inputs.lines(taken):
            console.print(f"- {line}")
        if html is not None:
            console.print(f"\nThe map: {html}", soft_wrap=True)
