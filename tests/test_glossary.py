"""One name for one thing: what the program says, and its pages, use the words of the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

import artui
from tests.make_docs import DOCS

ROOT = Path(artui.__file__).parent
OF_SERVICES = {"sim", "services"}
"""Folders in which a service's own words may stand."""

WRONG = {
    r"(?<!refresh )(?<!retouch )(?<!with-)(?<!-)\btokens?\b(?! expired| you pasted|\))": "key",
    r"\bcredentials?\b(?<!systemd credential)": "key, or sign-in",
    r"\blost orders?\b": "lost purchase",
    r"\b(watch|hot|drop)[ -]folders?\b": "rule, or watched folder",
    r"\balready (done|processed)\b": "copy",
    r"\bduplicates?\b": "twin",
    r"\b(run|order|task|remote job)[ -]ids?\b": "execution",
    r"\b(jobs? queue|work items?|tickets?)\b": "job",
    r"\b(spending|cost) limits?\b": "cap",
}
"""What is not said, and the word for it."""

SLIPS = r"\bby by\b|\?\.|\b[Ff]irst 1 |(?<![\d.,])\b1 (files|photos|jobs|results|rules|accounts)\b|- by -"


def said(source: str) -> Iterator[tuple[int, str]]:
    """The texts of a module that people may read, each with its line: no docstrings, no SQL, no single words."""
    tree = ast.parse(source)
    apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            apart |= set(map(id, node.values))
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            text = node.value
        else:
            continue
        if " " in text and not re.search(r"\b(SELECT|UPDATE|INSERT|DELETE|CREATE|WHERE)\b|ORDER BY", text):
            yield node.lineno, text


def found(wrong: str, apart: Collection[str]) -> list[str]:
    """Where a text has these words, outside of these folders."""
    return [
        f"{path.relative_to(ROOT)} line {line}: {text!r}"
        for path, line, text in texts()
        if not {*apart} & {*path.parts} and re.search(wrong, text)
    ]


@cache
def texts() -> list[tuple[Path, int, str]]:
    return [(path, *one) for path in ROOT.rglob("*.py") for one in said(path.read_text("utf-8"))]


def test_what_has_a_word_is_called_by_no_other() -> None:
    slips = {word: where for wrong, word in WRONG.items() if (where := found(wrong, OF_SERVICES))}
    assert not slips, "say these words there: docs/glossary.md"


def test_no_sentence_slips() -> None:
    assert not found(SLIPS, {"sim"})


@pytest.mark.parametrize(
    "page", ["photographer", "studio-server", "agency", "operating", "notices", "macos", "glossary"]
)
def test_the_pages_for_people_use_the_words_too(page: str) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", (DOCS / f"{page}.md").read_text("utf-8"), flags=re.DOTALL)
    assert not [f"{wrong}: {hit[0]}" for wrong in [*WRONG, SLIPS] if (hit := re.search(wrong, text))]
