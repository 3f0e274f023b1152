"""Lambda's concurrency: execution environments come with demand, at a bounded rate, up to a limit.

Sources, in https://docs.aws.amazon.com/lambda/latest/dg/: scaling-behavior.html (each function gains up to 1,000
environments every 10 seconds, refilled continuously), lambda-concurrency.html (requests a second times duration, and at
most 10 requests a second for each unit of concurrency), gettingstarted-limits.html (1,000 for an account by default).
How long an idle environment is kept is not documented.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from msgspec import Meta

from autoscaling.spec import Seconds, Spec
from autoscaling.window import Extreme


class Limits(Spec, frozen=True, kw_only=True):
    """What bounds one function's environments."""

    account_concurrency: Annotated[int, Meta(ge=1, le=10_000_000)] = 1000
    reserved_concurrency: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    burst_environments: Annotated[int, Meta(ge=1)] = 1000
    burst_seconds: Annotated[float, Meta(gt=0)] = 10
    #: Assumed: an environment that has had nothing to do for so long is gone.
    idle_seconds: Seconds = 600

    @property
    def most(self) -> int:
        """Environments at most: what is reserved, or the account's."""
        return self.account_concurrency if self.reserved_concurrency is None else self.reserved_concurrency


class Outcome(NamedTuple):
    """One step: environments wanted and there, how many of them started cold, and the share of requests throttled."""

    wanted: int
    environments: int
    cold_starts: int
    throttled: float


class Concurrency:
    """The environments of one function over time."""

    def __init__(self, limits: Limits, environments: int = 0) -> None:
        self.limits = limits
        self.environments = environments
        self._tokens = float(limits.burst_environments)
        self._now = 0.0
        self._busy = Extreme(limits.idle_seconds, 1)
        self._busy.add(0.0, environments)

    def step(self, now: float, requests_per_second: float, seconds_per_request: float) -> Outcome:
        """Meets the demand as it is at `now`. Requests that find no environment are throttled (429)."""
        limits = self.limits
        rate = limits.burst_environments / limits.burst_seconds
        self._tokens = min(self._tokens + (now - self._now) * rate, limits.burst_environments)
        self._now = now
        # Sub-100 ms functions are bounded by requests a second: 10 for each unit of concurrency.
        wanted = math.ceil(max(requests_per_second * seconds_per_request, requests_per_second / 10))
        missing = max(min(wanted, limits.most) - self.environments, 0)
        started = min(missing, int(self._tokens))
        self._tokens -= started
        self.environments += started
        # The same environments are used again and again; those beyond the busiest moment go when it is long ago.
        self.environments = self._busy.with_value(now, min(wanted, self.environments))
        self._busy.add(now, min(wanted, self.environments))
        served = min(wanted, self.environments)
        return Outcome(wanted, self.environments, started, 1 - served / wanted if wanted else 0.0)
