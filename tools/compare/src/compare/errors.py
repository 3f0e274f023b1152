"""The one kind of error that a person at the keyboard is shown."""


class CompareError(Exception):
    """Something that the user can mend. Its text is one line: where it is wrong, and what to do."""

    status = 2  # that the command ends with: 2 for what was asked for, 1 for what went wrong on the way
