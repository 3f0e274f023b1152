"""What a pod's environment may say."""

import resource

import pytest

from backend.settings import SettingsError
from pods.sockets.limits import Limits, raise_descriptors
from pods.sockets.server import Addresses


def test_everything_has_a_default_and_a_variable() -> None:
    assert Limits.from_environment({}) == Limits()
    limits = Limits.from_environment({"MAX_CONNECTIONS": "5", "ALLOWED_ORIGINS": "https://a.example,https://b.example"})
    assert limits.max_connections == 5
    assert limits.allowed_origins == {"https://a.example", "https://b.example"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAX_CONNECTIONS", "many", "a whole number, at least 1"),
        ("MAX_CONNECTIONS", "0", "at least 1"),
        ("MAX_FRAME_BYTES", "999999", "MAX_FRAME_BYTES is 999999: it must be at most MAX_MESSAGE_BYTES (131072)"),
        ("MAX_UNSENT_BYTES", "100000", "at most MAX_UNSENT_BYTES (100000)"),
        ("IDLE_SECONDS", "60", "PING_SECONDS is 60: it must be less than IDLE_SECONDS (60)"),
        ("GRACE_SECONDS", "60", "DRAIN_SECONDS is 60: it must be less than GRACE_SECONDS (60)"),
        ("MAX_AGE_SECONDS", "7201", "at most 7200"),
        ("ALLOWED_ORIGINS", "a.example", "'a.example'"),
        ("ALLOWED_ORIGINS", "https://a.example/", "a list of origins"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_so(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        Limits.from_environment({name: value})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_capacity_without_descriptors_is_refused() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most[1] == resource.RLIM_INFINITY:
        pytest.skip("this machine has no limit")
    with pytest.raises(SettingsError, match=r"may open \d+ descriptors.*set at most \d+"):
        raise_descriptors(Limits(max_connections=most[1]))
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == most


def test_addresses() -> None:
    assert Addresses.from_environment({}) == Addresses("127.0.0.1", 8080, 9090, 9091, None)
    with pytest.raises(SettingsError, match=r"PORT is .70000.*from 0 to 65535"):
        Addresses.from_environment({"PORT": "70000"})
    with pytest.raises(SettingsError) as error:
        Addresses.from_environment({"BUS_URL": "http://user:secret@bus"})
    assert "secret" not in str(error.value)
