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


def own_address(value: str, address: str) -> str:
    """All interfaces of a container are one address here."""
    return address if value in {"0.0.0.0", "::"} else value  # noqa: S104 - that is what must not be listened on


def inside(command: Iterable[str], address: str, known: Mapping[str, str]) -> list[str]:
    """A command as it is meant in the container, whose loopback interface is the pod's address here."""
    return [re.sub(r"\b(?:127\.0\.0\.1|localhost)\b", address, expand(part, known)) for part in command]
