"""The command line of the local cloud."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from localcloud import faults, plans
from localcloud.clock import Clock
from localcloud.cloud import Cloud
from localcloud.errors import LocalError
from localcloud.gateway import settings
from localcloud.gateway.model import Limits
from localcloud.ready import ReadyFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localcloud.plans import Plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    backends: Annotated[
        str, typer.Option(metavar="LIST", help="Stacks of the assembly to run, by their names, comma-separated.")
    ] = "all",
    port: Annotated[int, typer.Option(help="First port; 0 picks free ones.", min=0, max=64000)] = 4000,
    ready_file: Annotated[
        Path | None, typer.Option(metavar="F.json", help="Written when every address answers; removed at the end.")
    ] = None,
    assembly: Annotated[Path, typer.Option(metavar="FOLDER", help="What cdk synth wrote.")] = Path("cdk.out"),
    concurrency: Annotated[
        int, typer.Option(help="Worker processes that one function may have.", min=1, max=1000)
    ] = max(4, 2 * (os.cpu_count() or 1)),
    time_scale: Annotated[
        float, typer.Option(metavar="X", help="Run the cloud's clock X times as fast.", min=1, max=3600)
    ] = 1,
    template: Annotated[
        Path | None, typer.Option(metavar="T", help="Run this CloudFormation template, JSON or YAML, instead.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A parameter of that template; repeatable.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of docs/differences.md; repeatable."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=RATE", help=f"Fail on purpose, from 0 to 1: {', '.join(faults.FAULTS)}."),
    ] = None,
    fault_seed: Annotated[int, typer.Option(metavar="N", help="Another seed, other moments of failure.")] = 0,
    allow_origin: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="A web page's origin that may connect; repeatable.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show the metrics that functions print.")] = False,
) -> None:
    """Run a CloudFormation template that has a WebSocket API, or what cdk synth wrote, on this machine: no account, no
    docker, loopback only. Ctrl-C stops everything."""
    names = None if backends == "all" else [name.strip() for name in backends.split(",")]
    parameters = dict(_pair(text, "--parameter") for text in parameter or ())
    if parameters and template is None:
        raise typer.BadParameter("--parameter goes with --template")
    try:
        rates = faults.parse(fault or ())
        with TemporaryDirectory(prefix="localcloud-") as scratch:
            found = (
                plans.of_assembly(assembly, names)
                if template is None
                else plans.of_template(template, parameters, Path(scratch), _warn)
            )
            cloud = Cloud(
                [_set(plan, set_ or ()) for plan in found],
                port=port,
                concurrency=concurrency,
                report=_verbose if verbose else _quiet,
                clock=Clock(time_scale),
                origins=allow_origin or (),
                faults=rates,
                seed=fault_seed,
            )
            uvloop.run(_run(cloud, ReadyFile(ready_file) if ready_file is not None else None))
    except LocalError as error:
        _warn(str(error))
        raise typer.Exit(error.status) from error


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"{option} takes NAME=VALUE, not {text!r}")
    return name, value


def _set(plan: Plan, given: Iterable[str]) -> Plan:
    """A plan with `--set` applied, to API Gateway's quotas or to settings; those of an API need one."""
    api, pods = plan.api, plan.pod_settings
    for name, value in (_pair(text, "--set") for text in given):
        try:
            if name in {field.name for field in fields(pods)}:
                pods = settings.change(pods, name, value)
            elif name in {field.name for field in fields(Limits)}:
                limits = settings.change(api.limits if api is not None else Limits(), name, value)
                api = replace(api, limits=limits) if api is not None else None
            else:
                changed = settings.change(api.settings if api is not None else settings.Settings(), name, value)
                api = replace(api, settings=changed) if api is not None else None
        except settings.SettingError as error:
            raise typer.BadParameter(f"{error}; docs/differences.md lists them") from error
    return replace(plan, api=api, pod_settings=pods)


def _warn(text: str) -> None:
    print(f"localcloud: {text}", file=sys.stderr)  # noqa: T201


async def _run(cloud: Cloud, ready_file: ReadyFile | None) -> None:
    _stop_on_signals()
    try:
        async with cloud:
            with ready_file.holding(cloud.describe()) if ready_file is not None else nullcontext():
                _announce(cloud)
                while True:  # until a signal
                    await cloud.changed.wait()
                    cloud.changed.clear()
                    if ready_file is not None:
                        ready_file.write(cloud.describe())
    except asyncio.CancelledError:
        if lines := cloud.function_table():
            _print("\n" + "\n".join(lines))


def _stop_on_signals() -> None:
    """The first signal ends what runs now; more of them do not disturb the clearing up."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop() -> None:
        for number in signals:
            loop.add_signal_handler(number, lambda: None)
        if task is not None:
            task.cancel()

    for number in signals:
        loop.add_signal_handler(number, stop)


def _verbose(function: str, line: str, is_metrics: bool) -> None:  # noqa: ARG001
    if line:
        _print(f"[{function}] {line}")


def _quiet(function: str, line: str, is_metrics: bool) -> None:
    # Metrics are one line a message: noise to a person who wants to see what went wrong.
    if not is_metrics:
        _verbose(function, line, is_metrics)


def _announce(cloud: Cloud) -> None:
    rows = [(address.name, address.url) for address in cloud.addresses]
    rows += [*cloud.replicas(), ("AWS", f"{cloud.aws_url}  (any credentials, region us-east-1)")]
    if cloud.prometheus_url is not None:
        rows.append(("metrics", f"{cloud.prometheus_url}  (Prometheus)"))
    width = max(8, *(len(name) for name, _ in rows))
    lines = [f"{name:<{width}} {text}" for name, text in rows]
    lines.append(f"\nTry it from a second terminal: {_wscat(cloud.addresses[0].url)}\nCtrl-C stops everything.")
    _print("\n".join(lines))


def _wscat(url: str) -> str:
    """The command that opens a WebSocket there; an app may have one of its own."""
    return os.environ.get("LOCALCLOUD_WSCAT", "npx wscat -c {url}").replace("{url}", url)


def _print(text: str) -> None:
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:  # as in `localcloud | head`: whoever read has had enough, the cloud goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
