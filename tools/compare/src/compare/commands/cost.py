"""`compare cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compare import files
from compare.commands.options import AsJson, ConnectionMinutes, Deliveries, MessagesPerMinute, Prices
from compare.cost import measured_inputs
from compare.cost import workload as loads
from compare.cost.comparison import compare
from compare.cost.map import break_even_map
from compare.cost.page import page
from compare.cost.table import show
from compare.errors import CompareError

_WIDTH = 80


def cost(
    connections: Annotated[str, typer.Option(metavar="N", help="Mean of open connections.")],
    messages_per_minute: MessagesPerMinute,
    message_bytes: Annotated[
        str | None, typer.Option(metavar="B", help="Bytes of a message and of each delivery: the run's, or 256.")
    ] = None,
    deliveries: Deliveries = "1",
    connection_minutes: ConnectionMinutes = "60",
    tls: Annotated[str, typer.Option(metavar="balancer|pod", help="Where sockets ends TLS.")] = "balancer",
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Count what is free for good each month.")] = False,
    prices: Prices = None,
    measured: Annotated[
        Path | None, typer.Option(metavar="RUN.json", help="Take inputs from what compare run --json wrote.")
    ] = None,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(metavar="F.html", help="Write a page with the map of break-evens.")
    ] = None,
) -> None:
    """What each variant costs a month for a steady load, and which is the cheapest (docs/cost-model.md)."""
    runs = measured_inputs.read_runs(measured) if measured is not None else []
    workload = loads.read(
        connections,
        messages_per_minute,
        message_bytes=message_bytes or str(measured_inputs.message_bytes(runs) or 256),
        deliveries=deliveries,
        minutes=connection_minutes,
        tls=tls,
        free_tier=free_tier,
    )
    rows, taken = measured_inputs.rows_of(runs, prices)
    if measured is not None and not taken:
        raise CompareError(f"{measured}: no target has a variant's name and figures of an echo or an idle run")
    comparison = compare(workload, rows)
    if html is not None:
        with Console(stderr=True).status("Drawing the map ..."):
            text = page(comparison, break_even_map(workload, rows))
        files.write(html, text)
    if as_json:
        found = comparison.document()
        if measured is not None:
            found["measured"] = [one.document() for one in taken]
        typer.echo(files.encoded(found, indent=2))
    else:
        console = Console(width=_WIDTH, highlight=False)
        show(comparison, console)
        if taken:
            console.print(f"\nInputs from {measured}:", soft_wrap=True)
        for line in measured_inputs.lines(taken):
            console.print(f"- {line}")
        if html is not None:
            console.print(f"\nThe map: {html}", soft_wrap=True)
