"""What services say: numbers, times and texts of every form become what they are, or nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from artui.providers.base import Puzzling, Transient
from artui.providers.base.wire import MOST, balance, bare, cost
from artui.providers.base.wire import moment as time_of
from artui.providers.http import Answer
from artui.providers.http.messages import decoded, moment

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "is_"),
    [
        *((0, 0), (7, 7), ("7", 7), (" 7.0 ", 7), (6.0001, 7), (MOST, MOST), (0.0, 0), (-0.0, 0)),
        *((said, None) for said in (MOST + 1, MOST + 0.5, 10**30, 2**63, 10**400, -1, -0.1, float("inf"))),
        *((said, None) for said in (True, None, "", "x", "1_0", "\u0667", "nan", "9" * 500, [1], {"a": 1}, b"7")),
    ],
)
def test_a_cost_is_a_whole_number_in_bounds_or_not_known(said: object, is_: int | None) -> None:
    assert cost(said) == is_


@pytest.mark.parametrize(
    ("said", "is_"), [(7.9, 7), (-7.1, -8), (-MOST, -MOST), (-MOST - 1, None), (MOST + 1, None), ("-3", -3), ({}, None)]
)
def test_a_balance_is_rounded_down_and_may_be_below_nothing(said: object, is_: int | None) -> None:
    assert balance(said) == is_


@pytest.mark.parametrize(
    "said",
    [
        *("2026-05-01T12:00:00Z", "2026-05-01T12:00:00", "2026-05-01T14:00:00+02:00", "2026-05-01T12:00:00.000000000"),
        *(NOON.timestamp(), NOON.timestamp() * 1000, str(int(NOON.timestamp())), str(int(NOON.timestamp() * 1000))),
        *([2026, 5, 1, 12], [2026, 5, 1, 12, 0, 0, 500], ["2026", "5", "1", "12"]),
        *(int(NOON.timestamp()) * 10**6, int(NOON.timestamp()) * 10**9, f"{NOON.timestamp() * 1000:.3f}"),
        *("2026-05-01t12:00:00z", "2026-05-01 12:00:00 Z", "2026-05-01 14:00:00 +0200", "20260501T120000Z"),
        *("2026-05-01T12Z", "2026-05-01T12:00Z", "2026-05-01T12:00:00,000+00", "2026-05-01T11:00:00\u221201:00"),
        *("2026-05-01T14:00:00+02:00[Europe/Berlin]", "2026-05-01T12:00:00Z[UTC]", "2026-05-01T11:59:60Z"),
        *("2026-121T12:00:00Z", "2026121T120000", "2026-W18-5T12:00:00Z", "2026-04-30T24:00:00-12:00"),
    ],
)
def test_a_time_comes_in_many_forms(said: object) -> None:
    assert time_of(said) == NOON


@pytest.mark.parametrize(
    "said",
    [
        *("", "soon", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1" * 500),
        *(
            10**30,
            -1,
            float("nan"),
            "2026-05-01T25:00:00Z",
            "2026-05-01T12:00:00Zulu",
            [],
            [2026],
            [2026, 13, 1],
            ["a", "b", "c"],
            {},
            True,
            None,
            [1, 1, 1, 1, 1, 1, 10**30],
        ),
    ],
)
def test_what_is_no_time_of_this_century_is_none(said: object) -> None:
    assert time_of(said) is None


@pytest.mark.parametrize("form", ["{}", " {}", "{}\r\n", '"{}"', '"{}"\r\n', '" {} "'])
def test_a_bare_word_may_be_quoted(form: str) -> None:
    assert bare(form.format("5f3b+/=")) == "5f3b+/="
    assert bare(form.format("")) == ""


@pytest.mark.parametrize("word", ['"', 'a"b', '"a', "'a'"])
def test_a_word_that_is_not_quoted_stays_as_it_is(word: str) -> None:
    assert bare(word) == word


@pytest.mark.parametrize(
    "date",
    ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -1400", "-", "Mon",
     "Thu, 01 Jan 1969 00:00:00 GMT", "Mon, 99 Foo 99999999999999999 99:99:99 GMT", "\xff\xfe", "0", "," * 500],
)  # fmt: skip
def test_a_date_far_off_is_no_clock(date: str) -> None:
    assert moment(date) is None


@pytest.mark.parametrize(
    "body",
    [
        *('{"a": "é"}'.encode(code) for code in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")),
    ],
)
def test_json_is_read_in_every_encoding(body: bytes) -> None:
    assert decoded(body) == {"a": "é"}


def test_what_nothing_can_hold_does_not_come_in() -> None:
    read = decoded(rb'{"\ud800": ["\udfff\u0000", "\ud83d\ude00", -Infinity, NaN, 1e999], "n": %s}' % (b"9" * 5_000))
    json.dumps(read).encode()
    assert isinstance(read, dict)
    for text in (*read, *read["\ufffd"][:2]):
        text.encode()
    assert read["n"] == float("inf")
    assert read["\ufffd"][1] == "😀"


def test_what_is_nested_too_deep_is_nothing_the_service_documents() -> None:
    for deep in (61, 5_000, 200_000):
        answer = Answer("Service: asking", 200, {}, b"[" * deep + b"]" * deep)
        with pytest.raises(Puzzling):
            answer.read_as(list)
        assert Answer("Service: asking", 200, {}, b'{"a":' * deep + b"1" + b"}" * deep).json_object() is None


def test_a_web_page_is_nobody_of_the_service_in_whatever_encoding() -> None:
    page = Answer("Service: asking", 200, {}, "<html>".encode("utf-16"))
    with pytest.raises(Transient) as told:
        page.read_as(dict)
    assert not isinstance(told.value, Puzzling)
