from dataclasses import replace

import pytest

from backend import tokens
from backend.records import Connection, Session
from tests.backend.support import NOW

SESSION = Session("s", None, 1, connected_at=0, expires_at=0)


def test_a_token_reads_back_from_its_text() -> None:
    session_id = Connection("c=", NOW).session_id
    token = tokens.issue(session_id)
    assert tokens.parse(str(token)) == token
    assert token.session_id == session_id
    assert len(token.secret) == 43, "32 bytes, base64url"


def test_no_two_tokens_are_alike() -> None:
    assert tokens.issue("abc") != tokens.issue("abc")


def test_a_token_shows_no_secret_in_a_log_or_traceback() -> None:
    token = tokens.issue("abc")
    assert token.secret not in repr(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a" * 26,
        "a" * 26 + ".",
        "." + "x" * 43,
        "a" * 25 + "." + "x" * 43,
        "A" * 26 + "." + "x" * 43,
        "a" * 26 + "." + "x" * 44,
        "a" * 26 + "." + "x" * 43 + "\n",
        "a" * 26 + "." + "\ud800" * 43,
        "a" * 4000 + "." + "x" * 43,
    ],
)
def test_a_text_of_another_shape_is_no_token(text: str) -> None:
    assert tokens.parse(text) is None


def test_a_token_opens_the_session_that_holds_its_hash() -> None:
    token, other = tokens.issue("s"), tokens.issue("s")
    session = replace(SESSION, token_hash=token.digest)
    assert token.opens(session, NOW)
    assert not other.opens(session, NOW)


def test_the_token_before_is_good_until_its_grace_ends() -> None:
    before = tokens.issue("s")
    session = replace(SESSION, token_hash=tokens.issue("s").digest, previous_token_hash=before.digest)
    assert before.opens(replace(session, previous_token_until=int(NOW) + 1), NOW)
    assert not before.opens(replace(session, previous_token_until=int(NOW)), NOW)


def test_no_token_opens_a_session_that_never_issued_one() -> None:
    assert not tokens.issue("s").opens(SESSION, NOW)
