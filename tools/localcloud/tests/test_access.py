from __future__ import annotations

import pytest

from localcloud.access import refusal


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:4566"},
        {"host": "127.0.0.1"},
        {"host": "LocalHost:1"},
        {"host": "[::1]:4566"},
        {"host": "dynamodb.eu-west-1.amazonaws.com"},
        {"host": "my_bucket.s3.amazonaws.com:443"},
        {"host": "localhost:4566", "origin": "http://127.0.0.1:4000"},
        {"host": "localhost:4566", "origin": "https://localhost", "sec-fetch-site": "cross-site"},
        {"host": "localhost:4566", "sec-fetch-site": "same-site"},
        {"host": "localhost:4566", "sec-fetch-site": "none"},
    ],
)
def test_programs_and_local_pages_are_let_in(headers: dict[str, str]) -> None:
    assert refusal(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"host": ""},
        {"host": "evil.example"},
        {"host": "evil.example:4566"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example:4566"},
        {"host": "evil.example:4566@127.0.0.1"},
        {"host": "127.0.0.1:4566,evil.example"},
        {"host": "amazonaws.com.evil.example"},
        {"host": "evilamazonaws.com"},
        {"host": "evil.example/.amazonaws.com"},
        {"host": "127.0.0.1", "origin": "https://evil.example"},
        {"host": "127.0.0.1", "origin": "null"},
        {"host": "127.0.0.1", "origin": ""},
        {"host": "127.0.0.1", "origin": "http://localhost.evil.example"},
        {"host": "127.0.0.1", "origin": "http://localhost:1@evil.example"},
        {"host": "127.0.0.1", "sec-fetch-site": "cross-site"},
    ],
)
def test_other_sites_are_not(headers: dict[str, str]) -> None:
    assert refusal(headers)
