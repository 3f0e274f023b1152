"""The actions of the backend, read off its folder: nothing of the application is imported here."""

from infra import layer

FOLDER = layer.ROOT / "backend" / "actions"


def actions() -> list[str]:
    """Return the name of every action, in alphabetical order: `sign_out.py` is the action `sign-out`."""
    return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("[a-z]*.py"))
