"""Which workflow, account or action is meant by what is typed."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from artui.core.finding import Fields, best_first, filter_from
from artui.journal.window import Filter

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


class Thing(NamedTuple):
    """A line of a list."""

    name: str
    sku: str
    price: int | None


LINES = [Thing("b boot", "AW-1", 20), Thing("a shoe", "AW-2", None), Thing("c boot left", "SS-1", 59)]
FIELDS: Fields[Thing] = Fields(
    lambda one: (one.name,), named={"sku": lambda one: one.sku}, numbers={"price": lambda one: one.price}
)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", "bac"), ("boot", "bc"), ("BOOT !left", "b"), ("sku:aw", "ba"), ("sku:aw !shoe", "b"), ("!sku:aw", "c"),
        ("price<21", "b"), ("price>=20 boot", "bc"), ("!price<21", "ac"), ("sku:", "bac"), ("!", "bac"),
        ("colour:red", ""), ("price<", ""), ("ghots", ""),
    ],
)  # fmt: skip
def test_words_narrow_a_list_and_leave_its_order(typed: str, names: str) -> None:
    assert "".join(one.name[0] for one in FIELDS.narrowed(typed, LINES)) == names


def test_a_list_names_the_words_it_knows() -> None:
    assert FIELDS.hint == "words sku: price<9 !word"


def test_a_filter_of_jobs_as_it_is_typed() -> None:
    found = filter_from("boot !left sku:aw rule:inbox status:saved is:rejected price<60 price:", None, ())
    assert found == Filter(
        words=("boot", "price:"), without=("left",), sku="aw", rule_name="inbox", status="saved",
        traits=frozenset({"rejected"}), prices=(("<", 60),),
    )  # fmt: skip
