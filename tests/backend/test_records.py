import re

from backend.records import Connection


def test_a_session_id_derives_from_the_connection_alone() -> None:
    first = Connection("TXzPWdnOjoECGjA=", 1.0)
    assert first.session_id == Connection("TXzPWdnOjoECGjA=", 2.0, "someone").session_id
    assert first.session_id != Connection("TXzPWdnOjoECGjB=", 1.0).session_id
    assert re.fullmatch(r"[a-z2-7]{26}", first.session_id)
