"""What an API is: the parts of its template that its data plane acts upon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.gateway.selection import Expression

CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas of API Gateway's WebSocket APIs; sizes in bytes, times in seconds.

    Source: "Quotas for configuring and running a WebSocket API", Amazon API Gateway Developer Guide.
    """

    message: int = 128 * 1024
    frame: int = 32 * 1024
    idle: float = 600.0
    lifetime: float = 7200.0


@dataclass(frozen=True, slots=True)
class Integration:
    """Where a route leads: the ARN of a Lambda function (AWS_PROXY), and how long it may take, in seconds."""

    function_arn: str
    timeout: float = 29.0


@dataclass(frozen=True, slots=True)
class Route:
    """A route key, its integration if it has one, and whether its replies are sent to the client.

    A reply is sent only when the route has a `RouteResponseSelectionExpression` and a RouteResponse `$default`.
    """

    key: str
    integration: Integration | None
    responds: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """A WebSocket API with the one stage that is served."""

    id: str
    stage: str
    region: str
    selection: Expression
    routes: Mapping[str, Route]
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    detailed_metrics: bool = False
    """Whether metrics are kept by route too."""
    limits: Limits = field(default_factory=Limits)

    @property
    def domain_name(self) -> str:
        """The host that clients of the deployed API use; events carry it here too."""
        return f"{self.id}.execute-api.{self.region}.amazonaws.com"
