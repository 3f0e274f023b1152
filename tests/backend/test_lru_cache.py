from backend.lru_cache import LruCache


def test_it_is_bounded_and_drops_what_was_noted_longest_ago() -> None:
    cache = LruCache[int](limit=2)
    for value, name in enumerate("abac"):
        cache.note(name, value)
    assert [cache.get(name) for name in "abc"] == [2, None, 3]


def test_what_is_forgotten_is_not_known() -> None:
    cache = LruCache[int]()
    cache.note("a", 1)
    cache.forget("a")
    cache.forget("never seen")
    assert cache.get("a") is None
