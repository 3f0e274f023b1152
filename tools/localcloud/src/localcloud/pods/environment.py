"""The environment of a container, as a kubelet makes it.

Source: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/ and
Expand in kubernetes/kubernetes third_party/forked/golang/expansion.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, known: Mapping[str, str]) -> str:
    """A text with `$(NAME)` replaced where the name is known, and left where it is not; `$$` is a dollar sign."""

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return known.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def resolve(variables: Iterable[tuple[str, str]], facts: Mapping[str, str]) -> dict[str, str]:
    """Variables in order, each of which may refer to those before it.

    A value `{fieldRef}PATH` is a fact about the pod, by its field's path. A value that is all interfaces is the pod's
    own address here: a container has a network of its own, which is all of this machine's here.
    """
    found: dict[str, str] = {}
    for name, value in variables:
        if value.startswith(FIELD):
            found[name] = facts[value.removeprefix(FIELD)]
        else:
            found[name] = own_address(expand(value, found), facts["status.podIP"])
    return found


#: Marks a value that comes from a field of the pod.
FIELD = "\0fieldRef:"
FIELDS = ("status.podIP", "metadata.name", "metadata.namespace")


_HOST = re.compile(r"(?<=://)((?:[^/@]*@)?)([a-z0-9.-]+)")


def reach(variables: Mapping[str, str], services: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """Variables whose URLs lead to where Services are here. `services` are addresses by `NAME.NAMESPACE`; within a
    namespace the name is enough, and what follows `.svc` is the cluster's domain."""

    def here(match: re.Match[str]) -> str:
        name, dot, rest = match[2].partition(".")
        namespace = rest.partition(".")[0] if dot else facts["metadata.namespace"]
        known = not rest.partition(".")[2] or rest.partition(".")[2] in {"svc", "svc.cluster.local"}
        return match[1] + (services.get(f"{name}.{namespace}", match[2]) if known else match[2])

    return {name: _HOST.sub(here, value) for name, value in variables.items()}


def own_address(value: str, address: str) -> str:
    """All interfaces of a container are one address here."""
    return address if value in {"0.0.0.0", "::"} else value  # noqa: S104 - that is what must not be listened on


def inside(command: Iterable[str], address: str, known: Mapping[str, str]) -> list[str]:
    """A command as it is meant in the container, whose loopback interface is the pod's address here."""
    return [re.sub(r"\b(?:127\.0\.0\.1|localhost)\b", address, expand(part, known)) for part in command]
