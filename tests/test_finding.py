"""Which workflow, account or action is meant by what is typed."""

from __future__ import annotations

from artui.core.finding import best_first

THINGS = [
    ("Ghost Mannequin Square", "59 cr 3 Nov Ghost Mannequin shadow", "a1"),
    ("Export only", "10 cr Ghost Mannequin", "b2"),
    ("Mannequin Neck", "38 cr 17 Oct", "ghost"),
    ("Ghost Mannequin", "57 cr 3 Nov", "d4"),
]


def test_the_exact_name_comes_before_all_that_fit_too() -> None:
    assert best_first("ghost  MANNEQUIN", THINGS) == [3, 0, 1, 2]


def test_names_come_before_steps_price_and_date_and_these_before_the_id() -> None:
    assert best_first("man", THINGS) == [2, 0, 3, 1]
    assert best_first("3 nov", THINGS) == [0, 3]
    assert best_first("57 cr", THINGS) == [3]
    assert best_first("host", THINGS) == [0, 3, 1, 2]


def test_nothing_typed_leaves_the_order_and_what_fits_nothing_is_nothing() -> None:
    assert best_first(" ", THINGS) == [0, 1, 2, 3]
    assert best_first("ghots", THINGS) == []
