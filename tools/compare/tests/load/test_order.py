"""Numbers as they arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compare.load.order import Order


def test_what_a_later_one_overtook_and_what_comes_twice() -> None:
    order = Order()
    assert [order.arrived(number) for number in (1, 3, 2, 2, 4, 1)] == [
        *("next", "next", "overtaken", "repeated", "next", "repeated")
    ]


def test_a_new_epoch_begins_again_and_an_old_one_is_over() -> None:
    order = Order()
    order.arrived(5, epoch=1)
    assert order.arrived(1, epoch=2) == "next"
    assert order.arrived(6, epoch=1) == "repeated"


@given(st.permutations(range(1, 30)))
def test_no_number_that_comes_once_is_a_repeat(numbers: list[int]) -> None:
    order = Order()
    assert "repeated" not in [order.arrived(number) for number in numbers]
    assert {order.arrived(number) for number in numbers} == {"repeated"}
