"""The real wscat from npm, typed at through a pseudo-terminal."""

from __future__ import annotations

import json
import re
import select
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ptyprocess import PtyProcessUnicode

from tests.processes import PATIENCE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD = "\"quoted\" 'text' with \\back\\slashes\\ and 😀 é 漢字"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Wscat:
    """A terminal with wscat in it."""

    def __init__(self, terminal: PtyProcessUnicode) -> None:
        self._terminal = terminal
        self._seen = ""

    def expect(self, line: str) -> None:
        """Wait until the screen has this line, and go on after it."""
        while f"{line}\n" not in self._seen:
            self._read(f"the line {line!r}")
        self._seen = self._seen.partition(f"{line}\n")[2]

    def type(self, text: str) -> None:
        """Type a line."""
        self._terminal.write(f"{text}\r")

    def answer(self, text: str, reply: str) -> None:
        """Type a line and wait for what comes back."""
        self.type(text)
        self.expect(f"< {reply}")

    def receive(self) -> str:
        """The next message that comes in."""
        while not (match := re.search(r"< (.*)\n", self._seen)):
            self._read("a message")
        self._seen = self._seen[match.end() :]
        return match[1]

    def _read(self, wanted: str) -> None:
        readable, _, _ = select.select([self._terminal.fd], [], [], PATIENCE)
        assert readable, f"{wanted} never came; the screen had {self._seen!r}"
        self._seen += _CONTROL.sub("", self._terminal.read(4096))


@contextmanager
def wscat(*command: str) -> Iterator[Wscat]:
    """Run a command that ends up in wscat, such as `make wscat`; without one, `command` are wscat's own arguments."""
    terminal = PtyProcessUnicode.spawn(list(command), cwd=str(ROOT), dimensions=(50, 2000))
    try:
        yield Wscat(terminal)
    finally:
        terminal.close(force=True)


def connected(url: str) -> list[str]:
    """The command line of the project's own wscat for a URL."""
    node = shutil.which("node", path=str(ROOT / ".venv/bin")) or "node"
    return [node, str(ROOT / "node_modules/wscat/bin/wscat"), "-c", url]


def wscat_gets_back_what_is_typed(url: str) -> None:
    """The story that every deployment of the backend has to tell."""
    with wscat(*connected(url)) as terminal:
        terminal.expect("Connected (press CTRL+C to quit)")
        for text in ("hello", '{"action":"nope"}', ODD):
            terminal.answer(text, text)
        terminal.answer('{"action":"ping"}', '{"type":"pong"}')
        terminal.type('{"action":"session"}')
        assert json.loads(terminal.receive())["type"] == "session"
