"""The one kind of error that a person at the keyboard is shown."""


class CompareError(Exception):
    """Something that the user can mend. Its text is one line: where it is wrong, and what to do."""
