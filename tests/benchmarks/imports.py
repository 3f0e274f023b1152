"""What importing a handler costs: `python -m tests.benchmarks.imports FOLDER`.

CPU of `import lambdas.message` over the packages of the layer, and of a naive handler over those in FOLDER, which makes
Powertools' Logger, Metrics and Tracer and a boto3 resource. Each import has a process of its own that sees no other
package, as on Lambda. The interpreter's own start is not counted, and byte code is there. Runs are interleaved; the
table has medians, and the ratio to the naive one. To make FOLDER:

    pip install --target FOLDER "aws-lambda-powertools[tracer]" boto3
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from infra import layer
from tests.lambdas.conftest import ENVIRONMENT
from tests.processes import ROOT

NAIVE = """
import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer

logger = Logger()
metrics = Metrics()
tracer = Tracer()
table = boto3.resource("dynamodb").Table("duplex")


def handler(event, context):
    return {"statusCode": 200, "body": event["body"]}
"""
_TIMED = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def imported(module: str, path: list[Path]) -> float:
    """CPU milliseconds of an import in a new process."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-S", "-c", _TIMED.format(module)]
    done = subprocess.run(command, cwd=path[0], env=environment, stdout=subprocess.PIPE, check=True)
    return float(done.stdout) * 1000


def main(
    packages: Annotated[
        Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False, help="The packages of the naive handler.")
    ],
    runs: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 9,
) -> None:
    """Compare the two."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "naive.py").write_text(NAIVE)
        modules = {
            "lambdas.message": [ROOT, layer.ensure(layer.HOST) / "python"],
            "naive": [Path(folder), packages.absolute()],
        }
        for module, path in modules.items():
            imported(module, path)  # compiles it
        found: dict[str, list[float]] = {module: [] for module in modules}
        for _ in range(runs):
            for module, path in modules.items():
                found[module].append(imported(module, path))
    median = {module: statistics.median(times) for module, times in found.items()}
    print("| handler | CPU ms of its import | of the naive one |\n|---|---|---|")  # noqa: T201
    for module, time in median.items():
        print(f"| {module} | {time:.0f} | {time / median['naive']:.2f} |")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
