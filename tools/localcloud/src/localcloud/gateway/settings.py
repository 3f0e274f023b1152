"""What AWS does not document, or leaves to whoever runs the API, as settings: `--set NAME=VALUE`.

Each row of docs/differences.md that is marked *unconfirmed* is one of these; the default is what the local gateway
picks. Texts may be empty; statuses are HTTP's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Settings:
    """Behaviour where AWS's is unconfirmed, then what a user may want otherwise."""

    unknown_path_status: int = 403
    """A handshake at another path than the stage."""
    connect_timeout_status: int = 504
    """`$connect`'s integration runs into its timeout."""
    connect_no_response_status: int = 500
    """`$connect`'s integration is no proxy and has no integration response that fits."""
    authorizer_error_status: int = 500
    """An authorizer raises, or answers no policy."""
    missing_api_key_status: int = 0
    """`$connect` requires an API key and the handshake has no `x-api-key`; 0 lets it pass. Keys are not compared."""
    permessage_deflate: bool = False
    """Accept compression when a client offers it."""
    empty_stage_variables: Literal["absent", "null", "empty"] = "absent"
    """`stageVariables` in proxy events when the stage has none."""
    reason_lost: str = ""
    """`disconnectReason` of 1006, a lost socket."""
    reason_binary: str = ""
    """`disconnectReason` of 1003, and the text of the close frame."""
    reason_too_large: str = ""
    """`disconnectReason` of 1009, and the text of the close frame."""
    lifecycle_by_message: bool = False
    """A message whose action is `$connect` or `$disconnect` reaches that route."""
    send_empty_reply: bool = False
    """A route with a response sends an empty frame for an empty reply."""
    integration_headers: bool = True
    """HTTP integrations get `User-Agent: AmazonAPIGateway_{api}`, `Content-Type: application/json`, `X-Forwarded-*`
    and `X-Amzn-Trace-Id`."""
    proxy_client_headers: bool = True
    """HTTP_PROXY on `$connect` passes the client's headers and query string on."""
    throttled_message: str = "Too Many Requests"
    """The text of a throttled message's error frame."""
    throttled_closes: bool = False
    """A throttled message closes the connection with 1008."""
    post_not_utf8: Literal["replace", "binary"] = "replace"
    """POST of bytes that are not UTF-8: U+FFFD in a text frame, or a binary frame."""
    ping_is_activity: bool = False
    """A client's ping frame restarts the ten minutes of idleness."""
    lifetime_code: int = 1001
    """The close code after two hours."""
    lifetime_reason: str = "Going away"
    """Its reason."""
    malformed_id_status: int = 410
    """`@connections` with an id that API Gateway never makes."""
    verify_signatures: bool = False
    """`@connections` calls need a valid SigV4 signature."""
    access_keys: str = "local:local"
    """The credentials that signatures are verified with: `ID:SECRET`, comma-separated. Functions have the first."""

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Access keys and their secrets."""
        pairs = (pair.partition(":") for pair in self.access_keys.split(","))
        return [(key, secret) for key, _, secret in pairs]


class SettingError(ValueError):
    """A setting that does not exist or cannot have this value; the text says what can."""


T = TypeVar("T", bound="DataclassInstance")


def change(given: T, name: str, value: str) -> T:
    """A dataclass with one field set from a text; SettingError when there is no such field, or it is no such value."""
    if name not in {field.name for field in fields(given)}:
        raise SettingError(f"there is no setting {name!r}")
    return replace(given, **{name: _value(get_type_hints(type(given))[name], name, value)})


def _value(kind: Any, name: str, value: str) -> object:
    if choices := get_args(kind):
        if value not in choices:
            raise SettingError(f"{name} can be {', '.join(choices)}; not {value!r}")
        return value
    if kind is bool:
        if value not in {"true", "false"}:
            raise SettingError(f"{name} can be true or false; not {value!r}")
        return value == "true"
    try:
        number = kind(value)
    except ValueError:
        raise SettingError(f"{name} has to be a number, not {value!r}") from None
    if isinstance(number, float | int) and not 0 <= number < float("inf"):
        raise SettingError(f"{name} cannot be {value}")
    return number
