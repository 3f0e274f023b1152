"""Why a request is refused: a closed list of codes, and the exception that carries one to the client."""

from enum import StrEnum
from typing import Final

MAX_MESSAGE_LENGTH: Final = 256


class ErrorCode(StrEnum):
    """Every code an error reply can have."""

    BAD_REQUEST = "bad-request"
    UNKNOWN_ACTION = "unknown-action"
    INVALID_TOKEN = "invalid-token"  # noqa: S105 - a code, not a secret
    TAKEN_OVER = "taken-over"
    RELEASED = "released"
    CONFLICT = "conflict"
    NO_SESSION = "no-session"
    LIMIT = "limit"
    TOO_LARGE = "too-large"
    RATE = "rate"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class RefusedError(Exception):
    """A request that gets an error reply; nothing is wrong on our side."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:MAX_MESSAGE_LENGTH]
