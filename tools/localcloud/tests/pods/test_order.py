"""Which pod is deleted first."""

from __future__ import annotations

import pytest

from localcloud.pods.order import Standing, first_to_go

NOW = 100_000.0


def first(*pods: Standing) -> str:
    """The first to go, whatever order they come in."""
    (name,) = {first_to_go(given, lambda pod: pod, NOW)[0].name for given in (pods, pods[::-1])}
    return name


@pytest.mark.parametrize(
    ("goes", "stays"),
    [
        ({"started": None}, {"started": 1.0}),
        ({"ready_since": None}, {"ready_since": NOW - 1}),
        ({"deletion_cost": -1}, {"deletion_cost": 0}),
        ({"ready_since": NOW - 1}, {"ready_since": NOW - 100}),
        ({"restarts": 2}, {"restarts": 1}),
        ({"created": NOW - 1}, {"created": NOW - 100}),
        ({"ready_since": None, "deletion_cost": 9}, {"ready_since": NOW - 1, "deletion_cost": 0}),
        ({"deletion_cost": 0, "ready_since": NOW - 100}, {"deletion_cost": 1, "ready_since": NOW - 1}),
    ],
    ids=str,
)
def test_one_goes_before_another(goes: dict[str, float | None], stays: dict[str, float | None]) -> None:
    fixed = {"created": NOW - 50, "started": NOW - 49, "ready_since": NOW - 40}
    one, other = ({**fixed, **changes} for changes in (goes, stays))
    assert first(Standing("one", **one), Standing("other", **other)) == "one"  # type: ignore[arg-type]


def test_pods_about_as_old_go_by_chance_and_not_by_age() -> None:
    """Ages count in powers of two: 40 and 65 seconds are as old as one another, 100 are not."""
    pods = [Standing(name, 0, 1, NOW - age) for name, age in (("b", 40), ("a", 65), ("c", 100))]
    assert [pod.name for pod in first_to_go(pods, lambda pod: pod, NOW)] == ["a", "b", "c"]
