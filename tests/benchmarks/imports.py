"""What importing a handler costs: `python -m tests.benchmarks.imports`.

CPU of `import lambdas.message` in a process of its own, beside a naive handler that makes Powertools' Logger, Metrics
and Tracer and a boto3 resource. The interpreter's own start is not counted, and byte code is there. Runs are
interleaved; the table has medians, and the ratio to the naive one. The Tracer needs `aws-xray-sdk`, which is not
installed here: `pip install --target FOLDER aws-xray-sdk`, then `--packages FOLDER`; without it the Tracer is imported
and not made.
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

from tests.lambdas.conftest import ENVIRONMENT
from tests.processes import ROOT

NAIVE = """
from importlib.util import find_spec

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer

logger = Logger()
metrics = Metrics()
tracer = Tracer() if find_spec("aws_xray_sdk") else None
table = boto3.resource("dynamodb").Table("duplex")


def handler(event, context):
    return {"statusCode": 200, "body": event["body"]}
"""
_TIMED = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def imported(module: str, path: list[Path]) -> float:
    """CPU milliseconds of an import in a new process."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-c", _TIMED.format(module)]
    done = subprocess.run(command, cwd=path[0], env=environment, stdout=subprocess.PIPE, check=True)
    return float(done.stdout) * 1000


def main(
    runs: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 9,
    packages: Annotated[
        Path | None, typer.Option(help="A folder with aws-xray-sdk, for the naive one's Tracer.")
    ] = None,
) -> None:
    """Compare the two."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "naive.py").write_text(NAIVE)
        modules = {
            "lambdas.message": [ROOT],
            "naive": [Path(folder), *([packages.absolute()] if packages else [])],
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
