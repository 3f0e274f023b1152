"""AWS clients: botocore alone, and one session for all of them.

boto3 adds resources and a second import for nothing used here. A further client from the same session costs a few
milliseconds, from a new one as much as the first.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from backend.ports import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

# At INFO it tells at every cold start where it found its credentials: bytes of log that nobody reads.
logging.getLogger("botocore").setLevel(logging.WARNING)

#: Connections that a client keeps, once so many calls were under way together. A host with threads has fewer of those.
KEPT_CONNECTIONS = 64

# A call fails after 7 s at the latest (two attempts of at most 3 s, and the wait between them), so that a function with
# a 10 s timeout still answers. The ordinary call takes milliseconds.
# A fixed user agent and calls whose shape is fixed in the code spare a sixth of a call's CPU, on Lambda too.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent="duplex",
    parameter_validation=False,
    max_pool_connections=KEPT_CONNECTIONS,
)


# Posts are tried again by `backend.delivery`, which knows how long that is worth it, and are many at once.
_POSTING = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))


_lock = Lock()


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def _client(service: str, config: Config = _CONFIG, endpoint_url: str | None = None) -> Any:
    with _lock:  # a session makes one client at a time; threads may share the clients themselves
        return _session().create_client(service, config=config, endpoint_url=endpoint_url)


def dynamodb() -> "DynamoDBClient":
    """A DynamoDB client."""
    client: DynamoDBClient = _client("dynamodb")
    return client


def management_api(endpoint_url: str) -> "ApiGatewayManagementApiClient":
    """A client of one stage's `@connections`, at `https://{api}.execute-api.{region}.amazonaws.com/{stage}`."""
    client: ApiGatewayManagementApiClient = _client("apigatewaymanagementapi", _POSTING, endpoint_url)
    return client


def secrets_manager() -> "SecretsManagerClient":
    """A Secrets Manager client."""
    client: SecretsManagerClient = _client("secretsmanager")
    return client


def sqs(*, polling: bool = False) -> "SQSClient":
    """An SQS client; one for `polling` waits as long as a long poll may take, 20 seconds."""
    config = _CONFIG.merge(Config(read_timeout=25)) if polling else _CONFIG
    client: SQSClient = _client("sqs", config)
    return client


# Codes that a caller may try again: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
# and, for @connections, LimitExceededException: too many calls, or the client does not read what it is sent.
_UNAVAILABLE_CODES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise UnavailableError for a service that is throttled, failing or out of reach; other errors are defects."""
    try:
        yield
    except (BotoConnectionError, HTTPClientError) as error:
        raise UnavailableError(type(error).__name__) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or code in _UNAVAILABLE_CODES:
            raise UnavailableError(code) from error
        raise
