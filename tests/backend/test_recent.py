from backend.recent import Recent


def test_it_is_bounded_and_drops_what_was_noted_longest_ago() -> None:
    recent = Recent[int](limit=2)
    for value, name in enumerate("abac"):
        recent.note(name, value)
    assert [recent.get(name) for name in "abc"] == [2, None, 3]


def test_what_is_forgotten_is_not_known() -> None:
    recent = Recent[int]()
    recent.note("a", 1)
    recent.forget("a")
    recent.forget("never seen")
    assert recent.get("a") is None
