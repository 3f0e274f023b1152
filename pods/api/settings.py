"""What the environment tells a pod behind API Gateway, beside what the application reads itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from backend.aws import KEPT_CONNECTIONS
from backend.delivery import PARALLEL
from backend.settings import SettingsError, whole_number

#: The variants that these pods are.
BACKENDS = ("eks", "ecs")

#: Threads that a pod may have: together with those that deliver, one connection to a service each.
MOST_THREADS = KEPT_CONNECTIONS - PARALLEL


@dataclass(frozen=True)
class PodSettings:
    """One field an environment variable of the same name in capitals, but for `region`, which is AWS_REGION.

    `host`, `port` and `metrics_port` are where it listens. `api_id` and `domain_name` are those of the one API that may
    call it, and `gateway_secret_arn` names the secret by which it knows that. `threads` work on what asks AWS for
    something. `shutdown_seconds` after SIGTERM the process has ended.
    """

    region: str
    api_id: str
    domain_name: str
    gateway_secret_arn: str
    host: str = "127.0.0.1"
    port: int = 8080
    metrics_port: int = 9090
    threads: int = 32
    shutdown_seconds: int = 30

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read and check every variable. Raises SettingsError."""
        backend = environment.get("BACKEND")
        if backend not in BACKENDS:
            raise SettingsError(f"BACKEND is {backend!r}: behind API Gateway it must be {' or '.join(BACKENDS)}")
        return cls(
            region=_text(environment, "AWS_REGION", "the region of the table and the API"),
            api_id=_text(environment, "API_ID", "the id of the API that may call this pod"),
            domain_name=_text(environment, "DOMAIN_NAME", "the host name that clients of the API connect to").lower(),
            gateway_secret_arn=_text(environment, "GATEWAY_SECRET_ARN", "the ARN of the secret that the API shows"),
            host=environment.get("HOST") or cls.host,
            port=_port(environment, "PORT", cls.port),
            metrics_port=_port(environment, "METRICS_PORT", cls.metrics_port),
            threads=whole_number(environment, "THREADS", cls.threads, least=1, most=MOST_THREADS),
            shutdown_seconds=whole_number(environment, "SHUTDOWN_SECONDS", cls.shutdown_seconds, least=4),
        )


def _text(environment: Mapping[str, str], name: str, what: str) -> str:
    text = environment.get(name, "")
    if not text or not text.isascii() or not text.isprintable():
        raise SettingsError(f"{name} is {repr(text) if text else 'not set'}: it must be {what}")
    return text


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    return whole_number(environment, name, default, least=0, most=65535)
