"""The page that says what is tested says so of tests that exist: a fault whose test is renamed is noticed here."""

from __future__ import annotations

import re

import pytest

from tests.proof import __main__ as page


@pytest.fixture(scope="module")
def text() -> str:
    return page.TABLE.read_text("utf-8")


def test_every_fault_has_a_test_that_exists(text: str) -> None:
    assert page.missing(list(page.rows(text))) == {}


def test_a_row_that_is_gone_or_names_no_test_is_noticed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {test for row in page.rows(text) for test in row.tests}
    monkeypatch.setattr(page, "collected", lambda files: there)
    renamed = text.replace("test_twins_share_one_payment", "test_twins_share_a_payment")
    assert set(page.missing(list(page.rows(renamed)))) == {28}
    without = re.sub(r"\n\| 36 \|.*", "", text)
    assert page.missing(list(page.rows(without))) == {36: "stands in 0 rows"}
    empty = re.sub(r"(\n\| 90 \|[^|]*\|[^|]*\|).*", r"\1 none |", text)
    assert page.missing(list(page.rows(empty))) == {90: "names no test"}
