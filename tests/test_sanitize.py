"""What a person sees: nothing in it moves a cursor, hides, or turns the line around, and it fits its cells."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artui.sanitize import as_cell, beginning, sanitize, width

ANY_TEXT = st.text(st.characters(codec=None)) | st.binary().map(os.fsdecode)


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("", ""),
        ("IMG_0402 (1) [final] 100%.jpg", "IMG_0402 (1) [final] 100%.jpg"),
        ("Größe 日本語 👍.jpg", "Größe 日本語 👍.jpg"),
        ("cafe\u0301", "cafe\u0301"),
        ("narrow\u202fspace\u00a0\u3000", "narrow\u202fspace\u00a0\u3000"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x1b[31m\x07\0\x7f", r"\x1b[31m\x07\x00\x7f"),
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u202egpj.exe\u202c\u2066x\u2069\u200f", r"\u202egpj.exe\u202c\u2066x\u2069\u200f"),
        ("a\u200b\u200d\u2060\ufeff\u00ad", r"a\u200b\u200d\u2060\ufeff\xad"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\ud800\ue000\U000f0000\U000e0041\u0378", r"\ud800\ue000\U000f0000\U000e0041\u0378"),
        ("\u3164\u115f\u034f\u2800", r"\u3164\u115f\u034f\u2800"),
        ("\u0301a", r"\u0301a"),
        ("a\x1b\u0301", r"a\x1b\u0301"),
        (b"a\xff\xfeb.jpg", r"a\xff\xfeb.jpg"),
        ("é".encode(), "é"),
        (Path("/in") / os.fsdecode(b"\x80\n"), r"/in/\x80\n"),
        (r"C:\new", r"C:\new"),
    ],
)
def test_everything_is_made_visible(text: str | bytes | Path, visible: str) -> None:
    assert sanitize(text) == visible


@pytest.mark.parametrize(
    ("text", "cells", "cut"),
    [
        ("shirt.jpg", 9, "shirt.jpg"),
        ("shirt.jpg", 8, "shir…jpg"),
        ("shirt.jpg", 7, "shi…jpg"),
        ("shirt.jpg", 2, "s…"),
        ("shirt.jpg", 1, "…"),
        ("shirt.jpg", 0, ""),
        ("shirt.jpg", -5, ""),
        ("", 0, ""),
        ("日本語の写真", 12, "日本語の写真"),
        ("日本語の写真", 11, "日本語…写真"),
        ("日本語の写真", 10, "日本…写真"),
        ("日本語の写真", 2, "…"),
        ("e\u0301" * 6, 4, "e\u0301e\u0301…e\u0301"),
        ("ab\x1b\x1b\x1bcd", 9, r"ab\x1b…cd"),
    ],
)
def test_what_is_too_wide_loses_its_middle(text: str, cells: int, cut: str) -> None:
    assert sanitize(text, cells) == cut


def test_the_sign_of_a_cut_can_be_ascii() -> None:
    assert sanitize("shirt.jpg", 8, ellipsis="~") == "shir~jpg"
    assert sanitize("shirt.jpg", 8, ellipsis="...") == "shi...pg"


@given(ANY_TEXT)
@example("\u0345")
def test_nothing_unprintable_is_left(text: str) -> None:
    visible = sanitize(text)
    assert not {unicodedata.category(character) for character in visible} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    visible.encode("utf-8")
    assert sanitize(visible) == visible
    assert not unicodedata.category(visible[:1] or "a").startswith("M")


@given(ANY_TEXT, st.integers(-1, 30), st.sampled_from(["…", "~"]))
def test_a_cut_text_fits_and_wastes_no_more_than_a_character(text: str, cells: int, ellipsis: str) -> None:
    whole, cut = sanitize(text), sanitize(text, cells, ellipsis)
    assert width(cut) <= max(cells, 0)
    assert cut == whole or width(whole) > cells
    if cut != whole and cells > 0:
        head, found, tail = cut.rpartition(ellipsis) if ellipsis not in text else (cut, ellipsis, cut)
        assert found
        assert ellipsis in text or (whole.startswith(head) and whole.endswith(tail))
        assert width(cut) >= cells - 9  # an escape is never torn apart


@given(ANY_TEXT)
def test_plain_text_is_left_as_it_is(text: str) -> None:
    if text.isascii() and text.isprintable():
        assert sanitize(text) == text
        assert width(text) == len(text)


@pytest.mark.parametrize(
    ("text", "cells"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("ｱ", 1), ("\uff21", 2), ("👍", 2), ("한", 2)]
)
def test_width_is_counted_in_cells(text: str, cells: int) -> None:
    assert width(text) == cells


def test_a_table_of_plain_names_costs_nothing() -> None:
    names = [f"folder/IMG_{number:05}.jpg" for number in range(20_000)]
    started = time.perf_counter()
    for name in names:
        sanitize(name, 40)
    assert time.perf_counter() - started < 0.5


def test_neither_textual_nor_rich_is_loaded() -> None:
    program = "import sys, artui.sanitize; print([name for name in sys.modules if name in ('textual', 'rich')])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize("cells", range(1, 40))
def test_a_sentence_loses_its_end_never_its_middle(cells: int) -> None:
    whole = "price changed, 写真 not sent"
    said = beginning(whole, cells)
    assert width(said) <= cells
    assert said == whole or (said.endswith("…") and whole.startswith(said.removesuffix("…").rstrip())) or not said


@pytest.mark.parametrize(
    ("text", "cell"), [("=A1", "'=A1"), ("+49", "'+49"), ("-1", "'-1"), ("@a\n", r"'@a\n"), ("a=", "a=")]
)
def test_a_cell_holds_no_formula_and_loses_nothing(text: str, cell: str) -> None:
    assert as_cell(text) == cell
