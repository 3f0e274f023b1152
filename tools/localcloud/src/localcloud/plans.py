"""What is to run: the APIs of a synthesized app, or those of any template."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local import apis, assembly, resources
from local.errors import LocalError
from local.functions import definitions
from local.gateway.model import CONNECT
from local.pods import definitions as pods
from local.pods.model import PodsPlan
from local.pods.settings import Settings
from local.triggers import definitions as triggers
from local.triggers.definitions import Triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from local.assembly import Deployment
    from local.functions.function import FunctionSpec
    from local.gateway.model import Api

# A variant is a stack of the assembly, on a port of its own beside the console's.
BACKENDS = {
    "lambda": ("DuplexLambda", 1),
    "eks": ("DuplexEks", 2),
    "sockets": ("DuplexSockets", 3),
    "ecs": ("DuplexEcs", 4),
}


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
    pod_settings: Settings = field(default_factory=Settings)


def variants(folder: Path) -> list[str]:
    """The variants that an assembly has. LocalError when there is none, or no assembly."""
    deployments = assembly.read(folder)
    if not (found := [name for name, (stack, _) in BACKENDS.items() if stack in deployments]):
        raise LocalError(f"{folder} has none of the variants {', '.join(BACKENDS)}: run make synth")
    return found


def of_assembly(folder: Path, backends: Iterable[str]) -> list[Plan]:
    """What the variants of an assembly would run; LocalError for what cannot."""
    deployments = assembly.read(folder)
    plans = []
    for name in backends:
        stack, offset = BACKENDS[name]
        if stack not in deployments:
            raise LocalError(f"{folder} has no stack {stack}: run make synth BACKENDS={','.join(backends)}")
        found = apis.read(deployments[stack].stack)
        functions = definitions.read(deployments[stack])
        invoked = triggers.read(deployments[stack].stack)
        containers = pods.read(deployments[stack], name)
        entry = None if found else _entry(containers)
        if len(found) + (entry is not None) != 1:
            text = f"should have one WebSocket API, or a load balancer in front of pods, and has {len(found)} APIs"
            raise LocalError(f"{stack} {text}")
        api = found[0] if found else None
        plans.append(Plan(name, offset, deployments[stack], api, functions, invoked, containers, entry=entry))
    return plans


def _entry(containers: PodsPlan) -> str | None:
    """The target group in front of a variant's own pods."""
    return next((binding.target_group for fleet in containers.fleets for binding in fleet.bindings), None)


def of_template(path: Path, parameters: Mapping[str, str], scratch: Path, warn: Callable[[str], None]) -> list[Plan]:
    """What a template would run, each API of it on a port of its own; inline code is written to `scratch`.

    `warn` is told once of each thing that is left aside. LocalError for what an API needs and cannot be run.
    """
    from local import foreign  # noqa: PLC0415 - it needs a YAML parser, which nothing else does

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
