"""The rows of the table: what fails, how often, and how that is seen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`faults` are those of `localcloud --fault`, `measures` what the harness does by itself."""

    name: str
    faults: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


ROWS = (
    Row("nothing fails"),
    Row("DynamoDB throttles", ("dynamodb-throttled=0.1",)),
    Row("`$disconnect` is lost", ("disconnect-lost=0.5",), ("cut",)),
    Row("`$disconnect` comes late", ("disconnect-late=0.5",), ("cut",)),
    Row("posts say gone", ("post-gone=0.1",)),
    Row("posts are throttled", ("post-throttled=0.1",)),
    Row("functions crash", ("function-crash=0.1",)),
    Row("integrations time out", ("integration-timeout=0.1",)),
    Row("workers are killed at any moment", (), ("kill",)),
    Row("jobs are delivered twice", (), ("duplicate",)),
    Row("two resume one session at once", (), ("race",)),
    Row("a client stops reading", (), ("stall",)),
)
