"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MessagesPerMinute = Annotated[str, typer.Option(metavar="M", help="Messages a minute that each sends.")]
Deliveries = Annotated[str, typer.Option(metavar="R", help="Frames sent to clients for each message; 1 is the reply.")]
ConnectionMinutes = Annotated[str, typer.Option(metavar="L", help="Mean life of a connection.")]
Prices = Annotated[
    Path | None, typer.Option(metavar="F.json", help="Rows that replace those of prices.json and inputs.json.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
ToJson = Annotated[Path | None, typer.Option(metavar="F.json", help="Write everything to this file.")]
