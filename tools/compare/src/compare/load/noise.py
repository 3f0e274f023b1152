"""Whether two targets differ by more than they differ from themselves."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Any

from compare.load.statistic import Statistic

_ENOUGH = 3  # rounds of each


def chance(first: int, second: int) -> float:
    """How likely so many rounds of each come out all on one side of the other's by chance alone, if both are alike.

    All orders of the rounds are then equally likely, and two of C(n + m, n) separate them: the extreme of the
    rank-sum test of Mann and Whitney.
    """
    return 2 / comb(first + second, first)


def differences(statistics: Mapping[str, Mapping[str, Statistic]]) -> list[dict[str, Any]]:
    """For each pair of targets and each figure that is better or worse: by how much, and whether it is real.

    It counts as real when every round of the one is below every round of the other, with three rounds of each or more.
    """
    names = list(statistics)
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    found = []
    for one, other in pairs:
        for key, mine in statistics[one].items():
            theirs = statistics[other].get(key)
            if theirs is None or mine.better is None or not mine.rounds or not theirs.rounds:
                continue
            apart = mine.high < theirs.low or theirs.high < mine.low
            enough = min(len(mine.rounds), len(theirs.rounds)) >= _ENOUGH
            found.append(
                {
                    "figure": key,
                    "targets": [one, other],
                    "values": [mine.value, theirs.value],
                    "ratio": theirs.value / mine.value if mine.value else None,
                    "better": _better(mine, theirs, one, other),
                    "larger_than_noise": apart and enough,
                    "chance": chance(len(mine.rounds), len(theirs.rounds)) if apart and enough else None,
                }
            )
    return found


def _better(mine: Statistic, theirs: Statistic, one: str, other: str) -> str | None:
    if mine.value == theirs.value:
        return None
    return one if (mine.value < theirs.value) == (mine.better == "less") else other
