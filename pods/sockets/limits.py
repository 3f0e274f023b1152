"""What a pod that holds sockets allows, from its environment."""

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from backend.settings import SettingsError, whole_number
from pods.listening import BACKLOG

#: Sockets whose handshake is under way. Together with the backlog, the margin of descriptors above the capacity.
HANDSHAKES = 1024
#: Descriptors of everything else: AWS, bus, metrics, the interpreter's own.
OTHERS = 128

_MAY_BE_NONE = frozenset({"drain_seconds", "rebalance_percent"})


@dataclass(frozen=True)
class Limits:
    """One field an environment variable of the same name in capitals; seconds and bytes.

    `max_connections` is a pod's capacity. A message has at most `max_message_bytes` in frames of `max_frame_bytes`, as
    behind API Gateway. A client that has been silent for `ping_seconds` is pinged, and cut when it stays silent until
    `idle_seconds`. One that does not read is cut when more than `max_unsent_bytes` wait for it, or `high_water_bytes`
    for `slow_seconds`. `max_controls` is how many pings, pongs and fragments it may send a second. `max_age_seconds` is
    how long a connection lives, which has to be less than memberships do (`backend.presence.MEMBER_SECONDS`).

    A pod that is `rebalance_percent` above the pods' mean asks clients to reconnect, `rebalance_rate` a second at most;
    it looks every `rebalance_seconds`. 0 percent: never.

    A drain closes everybody within `drain_seconds`; the process ends before `grace_seconds` have passed.
    `allowed_origins` are the pages that may connect, all when it is empty; who sends no Origin is no browser.
    """

    max_connections: int = 8000
    max_message_bytes: int = 128 * 1024
    max_frame_bytes: int = 32 * 1024
    max_unsent_bytes: int = 1024 * 1024
    high_water_bytes: int = 64 * 1024
    max_waiting: int = 64
    max_controls: int = 200
    handshake_seconds: int = 10
    ping_seconds: int = 60
    idle_seconds: int = 150
    slow_seconds: int = 15
    close_seconds: int = 5
    max_age_seconds: int = 7200
    drain_seconds: int = 60
    grace_seconds: int = 120
    rebalance_percent: int = 0
    rebalance_rate: int = 20
    rebalance_seconds: int = 5
    allowed_origins: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read and check every variable. Raises SettingsError."""
        numbers = {
            name: whole_number(environment, name.upper(), default, least=0 if name in _MAY_BE_NONE else 1)
            for name, default in vars(cls()).items()
            if isinstance(default, int)
        }
        origins = frozenset(filter(None, environment.get("ALLOWED_ORIGINS", "").split(",")))
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != origin:
                raise SettingsError(
                    f"ALLOWED_ORIGINS has {origin!r}: it must be a list of origins such as https://example.com, "
                    "separated by commas"
                )
        limits = cls(**numbers, allowed_origins=origins)
        for less, more in (
            ("max_frame_bytes", "max_message_bytes"),
            ("max_message_bytes", "max_unsent_bytes"),
            ("high_water_bytes", "max_unsent_bytes"),
            ("ping_seconds", "idle_seconds"),
            ("drain_seconds", "grace_seconds"),
        ):
            least, most = getattr(limits, less), getattr(limits, more)
            if least > most or (least == most and less.endswith("_seconds")):
                raise SettingsError(
                    f"{less.upper()} is {least}: it must be {'less' if less.endswith('_seconds') else 'at most'} "
                    f"{'than ' if less.endswith('_seconds') else ''}{more.upper()} ({most})"
                )
        if limits.max_age_seconds > cls.max_age_seconds:
            raise SettingsError(f"MAX_AGE_SECONDS is {limits.max_age_seconds}: it must be at most 7200")
        return limits


def raise_descriptors(limits: Limits) -> None:
    """Let the process open as many descriptors as it may. Raises SettingsError when those are too few."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = limits.max_connections + HANDSHAKES + BACKLOG + OTHERS
    if most != resource.RLIM_INFINITY and needed > most:
        raise SettingsError(
            f"MAX_CONNECTIONS is {limits.max_connections}: this process may open {most} descriptors, and needs "
            f"{needed - limits.max_connections} beside those; allow {needed}, or set at most "
            f"{most - needed + limits.max_connections}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
