"""What is to run: the APIs of a synthesized app, or those of any template."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcloud import apis, assembly, metadata, resources
from localcloud.errors import LocalError, UsageError
from localcloud.functions import definitions
from localcloud.gateway.selection import CONNECT
from localcloud.metadata import StackMetadata
from localcloud.pods import definitions as pods
from localcloud.pods.model import PodsPlan
from localcloud.pods.settings import PodSettings
from localcloud.triggers import definitions as triggers
from localcloud.triggers.definitions import Triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from localcloud.assembly import Deployment
    from localcloud.functions.definitions import FunctionSpec
    from localcloud.gateway.model import Api


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run: a stack's API, its functions and what else invokes them, and its containers, under a variant's
    name; `offset` is added to the first port.

    Without an API the port is that of a load balancer, whose target group is `entry`.
    """

    name: str
    offset: int
    deployment: Deployment
    api: Api | None
    functions: list[FunctionSpec]
    triggers: Triggers
    pods: PodsPlan = field(default_factory=PodsPlan)
    entry: str | None = None
    pod_settings: PodSettings = field(default_factory=PodSettings)


def variants(folder: Path) -> list[str]:
    """The names of the variants that an assembly has. LocalError when there is none, or no assembly."""
    return list(_variants(folder))


def of_assembly(folder: Path, names: Iterable[str] | None = None) -> list[Plan]:
    """What variants of an assembly would run, by default all; LocalError for what cannot."""
    known = _variants(folder)
    names = list(known) if names is None else list(dict.fromkeys(names))
    if unknown := [name for name in names if name not in known]:
        todo = f"synthesize it too (make synth BACKENDS={','.join(names)})"
        raise UsageError(f"{folder} has no {unknown[0]!r}, only {', '.join(known)}: {todo}")
    return [_plan(name, *known[name]) for name in names]


def _variants(folder: Path) -> dict[str, tuple[int, Deployment]]:
    """What of an assembly can be run, by name, with its port's offset: the stacks that have metadata for this tool, or
    when there are none, those with a WebSocket API."""
    deployments = assembly.read(folder)
    told = {name: metadata.read(deployment.stack) for name, deployment in deployments.items()}
    stacks = {name: said for name, said in told.items() if said is not None} or {
        name: StackMetadata() for name, deployment in deployments.items() if any(apis.ids(deployment.stack))
    }
    if not stacks:
        raise LocalError(f"{folder} has no stack to run: none has a WebSocket API, or metadata {metadata.STACK}")
    free = iter(sorted(set(range(1, 566)) - {said.port for said in stacks.values()}))
    found: dict[str, tuple[int, Deployment]] = {}
    for stack, said in stacks.items():
        name, port = said.name or stack, said.port or next(free)
        for other, (taken, deployment) in found.items():
            if name == other or port == taken:
                both = f"the name {name!r}" if name == other else f"the port {port}"
                text = f"{deployment.stack.name} and {stack} both have {both}"
                raise LocalError(f"{text}: change it in the metadata {metadata.STACK} of one")
        found[name] = port, deployments[stack]
    return dict(sorted(found.items(), key=lambda item: item[1][0]))


def _plan(name: str, offset: int, deployment: Deployment) -> Plan:
    stack = deployment.stack
    found = apis.read(stack)
    functions = definitions.read(deployment)
    invoked = triggers.read(stack)
    containers = pods.read(deployment, name)
    entry = None if found else _entry(containers)
    if len(found) + (entry is not None) != 1:
        text = f"should have one WebSocket API, or a load balancer in front of pods, and has {len(found)} APIs"
        raise LocalError(f"{stack.name} {text}")
    return Plan(name, offset, deployment, found[0] if found else None, functions, invoked, containers, entry=entry)


def _entry(containers: PodsPlan) -> str | None:
    """The target group in front of a variant's own pods."""
    return next((binding.target_group for fleet in containers.fleets for binding in fleet.bindings), None)


def of_template(path: Path, parameters: Mapping[str, str], scratch: Path, warn: Callable[[str], None]) -> list[Plan]:
    """What a template would run, each API of it on a port of its own; inline code is written to `scratch`.

    `warn` is told once of each thing that is left aside. LocalError for what an API needs and cannot be run.
    """
    from localcloud import foreign  # noqa: PLC0415 - it needs a YAML parser, which nothing else does

    deployment = foreign.read(path, parameters, scratch)
    found = apis.read(deployment.stack)
    if not found:
        raise LocalError(f"{path} has no WebSocket API: no AWS::ApiGatewayV2::Api with ProtocolType WEBSOCKET")
    names = {deployment.stack.ref(id_): id_ for id_ in deployment.stack.resources(resources.API)}
    for line in foreign.not_run(deployment.stack):
        warn(line)
    for api in found:
        if CONNECT in api.routes and api.routes[CONNECT].api_key:
            warn(f"API keys are not checked here: {names[api.id]}")
        for key in sorted(api.unpermitted):
            warn(f"API Gateway may not invoke the function of {key}: no AWS::Lambda::Permission lets it")
    functions = definitions.read(deployment, {arn for api in found for arn in _called(api)}, warn)
    known = {function.arn for function in functions}
    try:
        invoked = triggers.read(deployment.stack)
    except LocalError as error:
        warn(f"{error}; nothing but APIs invokes functions")
        invoked = Triggers([], [])
    invoked = Triggers(
        [mapping for mapping in invoked.queues if mapping.function_arn in known],
        [timer for timer in invoked.timers if timer.function_arn in known],
    )
    return [
        Plan(
            names[api.id],
            number + 1,
            deployment,
            api,
            functions if number == 0 else [],
            invoked if number == 0 else _NONE,
        )
        for number, api in enumerate(found)
    ]


def _called(api: Api) -> Iterator[str]:
    """The functions that an API needs."""
    for route in api.routes.values():
        if route.integration is not None and route.integration.function_arn:
            yield route.integration.function_arn
        if route.authorizer is not None:
            yield route.authorizer.function_arn


_NONE = Triggers([], [])
