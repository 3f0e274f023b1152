import json

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from infra.checks import SettingsError
from infra.settings import LOG_RETENTION_DAYS, Settings

OPTIONS = list(Settings.__dataclass_fields__)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def error_for(**context: object) -> str:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context(context)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_an_empty_context_gives_the_defaults() -> None:
    assert Settings.from_context({}) == Settings()


def test_texts_from_the_command_line_and_json_values_from_cdk_json_mean_the_same() -> None:
    from_command_line = {"touch_seconds": "60", "retain_table": "true", "access_logs": "on", "backends": " lambda"}
    from_file = {"touch_seconds": 60, "retain_table": True, "access_logs": "on", "backends": "lambda"}
    expected = Settings(touch_seconds=60, retain_table=True, access_logs="on", backends=("lambda",))
    assert Settings.from_context(from_command_line) == Settings.from_context(from_file) == expected


@pytest.mark.parametrize(
    "key",
    [
        "@aws-cdk/core:checkSecretUsage",
        "aws:cdk:enable-path-metadata",
        "availability-zones:account=123456789012:region=eu-west-1",
        "acknowledged-issue-numbers",
        "cli-telemetry",
    ],
)
def test_what_belongs_to_cdk_is_left_alone(key: str) -> None:
    assert Settings.from_context({key: [1]}) == Settings()


@pytest.mark.parametrize(("key", "meant"), [("touch_second", "touch_seconds"), ("retain-table", "retain_table")])
def test_an_unknown_option_is_refused_with_the_nearest_name(key: str, meant: str) -> None:
    message = error_for(**{key: "1"})
    assert f"unknown option {key!r}; did you mean {meant}?" in message
    assert all(option in message for option in OPTIONS)


def test_an_unknown_option_that_resembles_none_gets_the_list_alone() -> None:
    message = error_for(xyzzy="1")
    assert "did you mean" not in message
    assert "memory_mb" in message


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("touch_seconds", "0", "between 1 and 480"),
        ("touch_seconds", "481", "between 1 and 480"),
        ("touch_seconds", "5m", "'5m' is not a whole number"),
        ("touch_seconds", "٣", "is not a whole number"),
        ("touch_seconds", "9" * 5000, "is not a whole number"),
        ("touch_seconds", True, "True is not a whole number"),
        ("touch_seconds", 1.5, "1.5 is not a whole number"),
        ("session_seconds", 86_401, "between 1 and 86400"),
        ("throttle_rate", "0", "between 1 and"),
        ("throttle_burst", "-1", "between 1 and"),
        ("memory_mb", "64", "between 128 and 10240"),
        ("timeout_seconds", "29", "between 1 and 28"),
        ("max_rooms", "0", "between 1 and 200"),
        ("max_members", "10001", "between 1 and 10000"),
        ("message_rate", "-1", "between 0 and 10000"),
        ("history_messages", "1001", "between 1 and 1000"),
        ("history_seconds", "59", "between 60 and 604800"),
        ("log_retention_days", "15", "15 is not one of 1, 3, 5, 7, 14"),
        ("retain_table", "yes", "'yes' is neither true nor false"),
        ("retain_table", 1, "1 is neither true nor false"),
        ("access_logs", "maybe", "'maybe' is not one of off, on, create-role"),
        ("backends", "lambda,azure", "unknown backend 'azure'; known: lambda, eks, sockets, ecs"),
        ("backends", "", "unknown backend ''"),
        ("min_replicas", "0", "between 1 and 1000"),
        ("max_replicas", "2", "2 is not between 3 and 1000"),
        ("replica_cpu", "500", "500 is not one of 256, 512, 1024, 2048, 4096"),
        ("replica_memory_mb", "512", "512 does not go with replica_cpu 512; use one of 1024, 2048, 3072, 4096"),
        ("connections_per_replica", "0", "between 1 and"),
        ("messages_per_replica", "0", "between 1 and"),
        ("nat_gateways", "3", "between 1 and 2"),
        ("keda_version", "latest", "'latest' is not a version such as 2.20.2"),
        ("secret_version", "'}}", "is not the id of a version of a secret"),
        ("backends", ["lambda"], "is not a text"),
    ],
)
def test_a_bad_value_is_refused_with_its_key_and_what_is_allowed(key: str, value: object, expected: str) -> None:
    message = error_for(**{key: value})
    assert message.startswith(f"{key}: ")
    assert expected in message


def test_a_session_outlives_the_longest_silence_of_a_live_connection() -> None:
    assert Settings(touch_seconds=480, session_seconds=1080).session_seconds == 1080
    message = error_for(touch_seconds="480", session_seconds="1079")
    assert "session_seconds: 1079 is less than 600 + touch_seconds (480)" in message


def test_a_longer_touch_interval_alone_is_refused_when_the_default_session_is_too_short_for_it() -> None:
    assert "session_seconds" in error_for(touch_seconds="301")


@pytest.mark.parametrize(("cpu", "memory"), [(256, 512), (1024, 8192), (4096, 30_720)])
def test_replicas_have_the_sizes_that_fargate_has(cpu: int, memory: int) -> None:
    assert Settings(replica_cpu=cpu, replica_memory_mb=memory).replica_cpu == cpu
    assert "replica_memory_mb" in error_for(replica_cpu=cpu, replica_memory_mb=memory + 1)


@pytest.mark.parametrize("days", LOG_RETENTION_DAYS)
def test_every_retention_that_cloudwatch_takes_is_accepted(days: int) -> None:
    assert Settings.from_context({"log_retention_days": str(days)}).log_retention_days == days


@hypothesis_settings(deadline=None)
@given(st.dictionaries(st.sampled_from(OPTIONS) | st.text(), json_values, max_size=4))
def test_any_context_gives_settings_or_a_settings_error(context: dict[str, object]) -> None:
    try:
        outcome: Settings | SettingsError = Settings.from_context(context)
    except SettingsError as error:
        outcome = error
    if isinstance(outcome, SettingsError):
        assert str(outcome).splitlines() == [str(outcome)]
    else:
        assert Settings.from_context(json.loads(json.dumps(context))) == outcome
