"""The port on which a pod is told to drain."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing

import pytest

from pods.sockets.admin import on_loopback, serve_admin


@pytest.mark.parametrize(
    ("host", "where"), [("127.0.0.1", "127.0.0.1"), ("127.0.0.9", "127.0.0.9"), ("10.1.2.3", "127.0.0.1")]
)
def test_a_drain_is_asked_for_on_the_loopback_interface_whatever_the_host(host: str, where: str) -> None:
    asked = threading.Event()
    port = serve_admin(asked.set, 0, host)
    with closing(http.client.HTTPConnection(where, port, timeout=60)) as connection:
        connection.request("POST", "/drain")
        assert connection.getresponse().status == 202
    assert asked.is_set()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "localhost", "", "fe80::1"])  # noqa: S104
def test_other_addresses_are_not_of_that_interface(host: str) -> None:
    assert not on_loopback(host)
