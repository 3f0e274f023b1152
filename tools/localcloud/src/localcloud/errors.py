"""The one kind of error that a person at the keyboard is shown."""


class LocalError(Exception):
    """Something that the user can mend. Its text is one line and names what to do."""
