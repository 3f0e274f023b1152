"""Workloads for properties: anywhere within the limits, and often at them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from compare.cost.workload import TLS, Workload


def decimals(least: str, most: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(least, most, allow_nan=False, allow_infinity=False, places=3)


CONNECTIONS = st.one_of(st.integers(1, 20_000), st.integers(1, 100_000_000)).map(Decimal)
RATES = st.one_of(st.just(Decimal(0)), decimals("0", "2"), decimals("0", "6000"))
WORKLOADS = st.builds(
    Workload,
    connections=CONNECTIONS,
    rate=RATES,
    message_bytes=st.integers(1, 131_072).map(Decimal),
    deliveries=st.one_of(decimals("0", "3"), decimals("0", "10000")),
    minutes=st.one_of(decimals("0.001", "200"), decimals("0.001", "43800")),
    tls=st.sampled_from(TLS),
    free_tier=st.booleans(),
)
