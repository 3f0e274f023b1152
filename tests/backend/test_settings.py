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
        "PATH": "/bin",
    }
    settings = Settings.from_environment(environment)
    assert settings == Settings("t", "eks", 1, 601, "http://127.0.0.1:4001/prod")
    assert settings.posting_url() == "http://127.0.0.1:4001/prod"


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


def test_a_host_that_posts_needs_the_url() -> None:
    with pytest.raises(SettingsError, match=r"^CONNECTIONS_URL is not set"):
        Settings("t").posting_url()
