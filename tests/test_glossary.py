"""One name for one thing: what the program says, and its pages, use the words of the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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


@pytest.mark.parametrize("wrong", WRONG)
def test_what_has_a_word_is_called_by_no_other(wrong: str) -> None:
    found = [
        f"{path.relative_to(ROOT)} line {line}: {text!r}"
        for path in ROOT.rglob("*.py")
        if not OF_SERVICES & set(path.parts)
        for line, text in said(path.read_text("utf-8"))
        if re.search(wrong, text)
    ]
    assert not found, f"say {WRONG[wrong]!r} there: docs/glossary.md"


def test_no_sentence_slips() -> None:
    found = [
        f"{path.relative_to(ROOT)} line {line}: {text!r}"
        for path in ROOT.rglob("*.py")
        if "sim" not in path.parts
        for line, text in said(path.read_text("utf-8"))
        if re.search(SLIPS, text)
    ]
    assert not found


@pytest.mark.parametrize(
    "page", ["photographer", "studio-server", "agency", "operating", "notices", "macos", "glossary"]
)
def test_the_pages_for_people_use_the_words_too(page: str) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", (DOCS / f"{page}.md").read_text("utf-8"), flags=re.DOTALL)
    found = [f"{wrong}: {hit[0]}" for wrong in [*WRONG, SLIPS] if (hit := re.search(wrong, text))]
    assert not found
