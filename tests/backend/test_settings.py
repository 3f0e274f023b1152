import pytest

from backend.settings import Settings, SettingsError


def test_only_the_table_name_is_required() -> None:
    assert Settings.from_environment({"TABLE_NAME": "t"}) == Settings(
        table_name="t", backend="lambda", touch_seconds=300, session_seconds=900, connections_url=None
    )


def test_every_variable_is_read() -> None:
    environment = {
        "TABLE_NAME": "t",
        "BACKEND": "eks",
        "TOUCH_SECONDS": "1",
        "SESSION_SECONDS": "601",
        "CONNECTIONS_URL": "http://127.0.0.1:4001/prod",
        "JOBS_URL": "https://sqs/jobs",
        "DELIVERIES_URL": "https://sqs/deliveries",
        "MAX_ROOMS": "2",
        "MAX_MEMBERS": "3",
        "MESSAGE_RATE": "0",
        "HISTORY_MESSAGES": "5",
        "HISTORY_SECONDS": "700",
        "PATH": "/bin",
    }
    settings = Settings.from_environment(environment)
    assert settings == Settings(
        "t", "eks", 1, 601, "http://127.0.0.1:4001/prod", "https://sqs/jobs", "https://sqs/deliveries", 2, 3, 0, 5, 700
    )
    assert settings.posting_url() == "http://127.0.0.1:4001/prod"
    assert settings.queue_urls() == ("https://sqs/jobs", "https://sqs/deliveries")


def test_a_history_lasts_for_at_least_as_long_as_a_session() -> None:
    settings = Settings.from_environment({"TABLE_NAME": "t", "SESSION_SECONDS": "7200", "HISTORY_SECONDS": "60"})
    assert settings.history_seconds == 7200


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("TABLE_NAME", "", "name of the DynamoDB table"),
        ("BACKEND", "lamda", "lambda, eks, sockets, ecs"),
        ("TOUCH_SECONDS", "0", "at least 1"),
        ("TOUCH_SECONDS", "5m", "whole number"),
        ("TOUCH_SECONDS", "\N{SUPERSCRIPT TWO}", "whole number"),
        ("TOUCH_SECONDS", "9" * 5000, "whole number"),
        ("SESSION_SECONDS", "-900", "whole number"),
        ("SESSION_SECONDS", "899", "at least 900"),
        ("CONNECTIONS_URL", "wss://abcd.execute-api.eu-west-1.amazonaws.com/prod", "https://"),
        ("MAX_ROOMS", "0", "at least 1"),
        ("MESSAGE_RATE", "-1", "at least 0"),
        ("HISTORY_MESSAGES", "many", "whole number"),
        ("JOBS_URL", "jobs", "https://"),
        ("CONNECTIONS_URL", "https://", "https://"),
        ("CONNECTIONS_URL", "https://[", "https://"),
    ],
)
def test_a_bad_value_is_one_error_that_names_the_variable_and_what_is_allowed(
    variable: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingsError, match=rf"^{variable} is ") as raised:
        Settings.from_environment({"TABLE_NAME": "t", variable: value})
    assert allowed in str(raised.value)


def test_a_session_outlives_the_idle_timeout_by_one_touch_interval() -> None:
    with pytest.raises(SettingsError, match="at least 1200"):
        Settings.from_environment({"TABLE_NAME": "t", "TOUCH_SECONDS": "600"})


def test_a_host_needs_the_addresses_of_what_it_uses() -> None:
    with pytest.raises(SettingsError, match=r"^CONNECTIONS_URL is not set"):
        Settings("t").posting_url()
    with pytest.raises(SettingsError, match=r"^JOBS_URL is not set"):
        Settings("t").queue_urls()
    with pytest.raises(SettingsError, match=r"^DELIVERIES_URL is not set"):
        Settings("t", jobs_url="https://sqs/jobs").queue_urls()
