"""AWS endpoints in processes of their own, and clients of them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import get_session

from localcloud.template import ACCOUNT
from localcloud.testing import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS = ("-m", "localcloud.aws.server")
MOTO = ("-P", str(Path(__file__).with_name("reference.py")))
REGION = "eu-central-1"
TABLE = {
    "TableName": "T",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
}


@contextmanager
def started(
    program: Sequence[str], *, port: int = 0, calls: list[dict[str, Any]] | None = None
) -> Iterator[dict[str, Any]]:
    """Start an endpoint, by what follows `python`; gives its first line. Closing its stdin ends it."""
    process = subprocess.Popen([sys.executable, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(
            json.dumps({"port": port, "account": ACCOUNT, "region": REGION, "clock": [0, 1], "calls": calls or []})
            + "\n"
        )
        process.stdin.flush()
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def client(service: str, port: int, region: str = REGION, **config: Any) -> Any:
    """A botocore client of an endpoint; it tries a call once."""
    session = get_session()
    session.set_credentials("local", "local", "local")
    retries: Any = {"mode": "standard", "total_max_attempts": 1}
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(retries=retries, read_timeout=PATIENCE, **config),
    )
