"""What options are checked with."""


class SettingsError(ValueError):
    """An unknown option or a value out of range; the text names it and what would be right."""


def within(key: str, value: int, low: int, high: int) -> None:
    """Raise SettingsError when a value is out of its range."""
    if not low <= value <= high:
        raise SettingsError(f"{key}: {value} is not between {low} and {high}")


def not_less(key: str, value: int, least: int, reason: str) -> None:
    """Raise SettingsError, with the reason, when a value is too small for others."""
    if value < least:
        raise SettingsError(f"{key}: {value} is less than {least}: {reason}")
