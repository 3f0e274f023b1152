"""The table of actions in docs/architecture.md: `python -m tests.docs.actions_table` writes it anew.

Its rows are the docstrings of the files in backend/actions: the request's says what a client sends, the function's what
happens.
"""

import re
from inspect import cleandoc
from pathlib import Path

from backend.actions import load

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
HEAD = "| a message with an action | what it does |\n|---|---|\n"
_TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")


def table() -> str:
    """Return the table as Markdown."""
    rows = [(action.request.__doc__, action.function.__doc__) for action in load().values()]
    return HEAD + "".join(f"| {_one_line(message)} | {_one_line(effect)} |\n" for message, effect in rows)


def updated(page: str) -> str:
    """Return the page with the table of today. Raises ValueError for a page that has none."""
    found = _TABLE.findall(page)
    if len(found) != 1:
        raise ValueError(f"{PAGE.name} must have one table that begins with {HEAD.splitlines()[0]!r}")
    return page.replace(found[0], table())


def _one_line(text: str | None) -> str:
    return " ".join(cleandoc(text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
