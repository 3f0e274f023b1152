"""The actions: a file in this folder is an action, named as the action is.

`sign_out.py` answers `{"action":"sign-out"}`. The router, the routes of every variant and the tables of the docs and
the tests follow from the folder; docs/extending.md adds an action.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from backend.protocol import Answer, Reply, Request

#: What a function may ask for of the message itself. Every other name is that of a part of `backend.application`.
OF_THE_MESSAGE = frozenset({"connection", "request", "now", "origin"})
_AT_ONCE = OF_THE_MESSAGE - {"origin"}

Function = TypeVar("Function", bound=Callable[..., Reply | Answer])


@dataclass(frozen=True, slots=True)
class Action:
    """An action: what is decoded from a message, and the function that answers it.

    `parameters` are the names that the function takes. One that takes no part of the application is answered at once,
    by a pod on its event loop, unless it `waits` for something else. One that `touches` keeps the session alive itself.
    """

    name: str
    request: type[Request]
    function: Callable[..., Reply | Answer]
    parameters: tuple[str, ...]
    touches: bool
    waits: bool


_actions: dict[str, Action] = {}


def action(request: type[Request], *, touches: bool = False, waits: bool = False) -> Callable[[Function], Function]:
    """Make a function answer the action that its file is named after.

    The function takes, by name, what it uses of `connection`, `request`, `now` (seconds since the epoch) and `origin`,
    and of the application's parts, such as `sessions` and `messaging`. It returns a Reply, or an Answer when frames
    have to follow the reply, and raises RefusedError to refuse.
    """

    def register(function: Function) -> Function:
        name = function.__module__.rpartition(".")[2].replace("_", "-")
        if name in _actions:
            raise TypeError(f"{function.__module__}: there is an action {name!r} already, and one file is one action")
        parameters = tuple(inspect.signature(function).parameters)
        waits_too = waits or not _AT_ONCE.issuperset(parameters)
        _actions[name] = Action(name, request, function, parameters, touches, waits_too)
        return function

    return register


def load() -> dict[str, Action]:
    """Return every action by its name, in alphabetical order. Raises TypeError for a file that has none."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    for name in names:
        module = import_module(f"{__name__}.{name}")
        if name.replace("_", "-") not in _actions:
            raise TypeError(f"{module.__file__} has no function with the decorator `action`")
    return {name: _actions[name] for name in (name.replace("_", "-") for name in names)}
