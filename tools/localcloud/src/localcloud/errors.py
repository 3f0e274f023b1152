"""The one kind of error that a person at the keyboard is shown."""


class LocalError(Exception):
    """Something that the user can mend. Its text is one line and names what to do."""

    status = 1


class UsageError(LocalError):
    """A command that asks for what there is not."""

    status = 2
