"""What an API is: the parts of its template that its data plane acts upon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from localcloud.gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.gateway.access_log import AccessLog
    from localcloud.gateway.mapping import RequestParameters, ResponseKeys
    from localcloud.gateway.models import RequestModels
    from localcloud.gateway.selection import Expression
    from localcloud.gateway.throttle import Limit
    from localcloud.gateway.vtl import Template

Kind = Literal["AWS_PROXY", "AWS", "HTTP_PROXY", "HTTP", "MOCK"]
Passthrough = Literal["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"]
AUTHORIZER = "authorizer"

# Kinds of identifiers: a connection's or a message's, and a request's. Each is a character of what it stands in.
OF_SUBJECT, OF_REQUEST = "C", "F"


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas of API Gateway's WebSocket APIs; sizes in bytes, times in seconds, rates a second.

    Source: "Quotas for configuring and running a WebSocket API", Amazon API Gateway Developer Guide.
    """

    message: int = 128 * 1024
    frame: int = 32 * 1024
    idle: float = 600.0
    lifetime: float = 7200.0
    account_rate: float = 10_000.0
    account_burst: int = 5_000
    connect_rate: int = 500


@dataclass(frozen=True, slots=True)
class Templates:
    """Mapping templates by key, the expression that chooses one, and what happens when it finds none.

    Source: "Data transformations for WebSocket APIs", Amazon API Gateway Developer Guide.
    """

    by_key: Mapping[str, Template] = field(default_factory=dict)
    selection: Expression | None = None
    passthrough: Passthrough = "WHEN_NO_MATCH"


@dataclass(frozen=True, slots=True)
class Responses:
    """The integration responses of a non-proxy integration: which applies, and what makes the reply."""

    keys: ResponseKeys
    templates: Mapping[str, Templates]
    to_text: frozenset[str] = frozenset()
    """The keys of those whose ContentHandlingStrategy is CONVERT_TO_TEXT: their body becomes base64."""


@dataclass(frozen=True, slots=True)
class Integration:
    """Where a route leads, and how long that may take, in seconds.

    `function_arn` is set for AWS_PROXY and AWS, `url` and `method` for HTTP and HTTP_PROXY; a URL may hold `{path
    parameters}`. A `private` URL is behind a VPC link: its host is a load balancer's.
    """

    function_arn: str = ""
    timeout: float = 29.0
    kind: Kind = "AWS_PROXY"
    url: str = ""
    method: str = "POST"
    private: bool = False
    parameters: RequestParameters | None = None
    templates: Templates | None = None
    responses: Responses | None = None
    to_binary: bool = False
    """CONVERT_TO_BINARY: messages are base64, the endpoint gets bytes."""
    to_text: bool = False
    """CONVERT_TO_TEXT: the endpoint answers bytes, the client gets base64."""
    has_role: bool = False
    """It has CredentialsArn: no permission of the function's is needed."""


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A Lambda REQUEST authorizer: its function, and what must have a value before it is asked.

    `identity` maps each of so many `sources` to a query parameter of its own.
    """

    function_arn: str
    identity: RequestParameters
    sources: int
    id: str = ""
    has_role: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A route key, its integration if it has one, and whether its replies are sent to the client.

    A reply is sent only when the route has a `RouteResponseSelectionExpression` and a RouteResponse `$default`.
    Authorization counts on `$connect` only.
    """

    key: str
    integration: Integration | None
    responds: bool = False
    authorizer: Authorizer | None = None
    iam: bool = False
    api_key: bool = False
    models: RequestModels | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    """A custom domain name that is mapped to the API's stage, under a key or, when that is empty, as a whole."""

    name: str
    key: str = ""


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
    account: str = "123456789012"
    default_limit: Limit | None = None
    """Every route's throttle, unless it has one of its own."""
    route_limits: Mapping[str, Limit] = field(default_factory=dict)
    domains: tuple[Domain, ...] = ()
    default_endpoint: bool = True
    unpermitted: frozenset[str] = frozenset()
    """The keys of routes whose function API Gateway has no permission to invoke; AUTHORIZER for `$connect`'s."""
    access_log: AccessLog | None = None
    log_group: str = ""
    settings: Settings = field(default_factory=Settings)

    @property
    def domain_name(self) -> str:
        """The host that clients of the deployed API use; events carry it here too."""
        return f"{self.id}.execute-api.{self.region}.amazonaws.com"

    @property
    def domain_names(self) -> list[str]:
        """Every host under which the API is found."""
        return [*([self.domain_name] if self.default_endpoint else []), *(domain.name for domain in self.domains)]

    def domain_at(self, host: str, base: str) -> str | None:
        """The domain name under which this API is found at a Host header and a URL's first segment, or None.

        A custom domain has mapping keys there, the API's own name its stage. Here a loopback address stands for the
        API's own name; when that is switched off (`DisableExecuteApiEndpoint`), for its custom domains.
        """
        name = host.rpartition(":")[0].lower() if host.rpartition(":")[2].isdigit() else host.lower()
        mapped = [domain.name for domain in self.domains if domain.key == base]
        if name in {domain.name for domain in self.domains}:
            return name if name in mapped else None
        if self.default_endpoint:
            return self.domain_name if base == self.stage else None
        return mapped[0] if mapped and name != self.domain_name else None
