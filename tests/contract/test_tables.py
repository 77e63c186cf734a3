"""The tables of ``docs/providers`` say of each sentence of the documents where it is kept and what tests it: all of it
exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.contract import reader

ROOT = Path(__file__).parents[2]
PAGES = ("autoretouch", "filestack", "retouch4me")
ROW = re.compile(r"\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
PLACE = re.compile(r"`((?:artui|tests)/[\w/]+\.py)(?:::([\w.]+))?`")
SENTENCES = {"autoretouch": 75, "filestack": 23, "retouch4me": 25}
"""How many sentences of the documents each table has: none is to be lost."""


def rows(page: str) -> Iterator[tuple[str, ...]]:
    text = (ROOT / "docs" / "providers" / f"{page}.md").read_text("utf-8")
    table = text.partition("## The documents, sentence by sentence")[2]
    for line in table.splitlines():
        if (found := ROW.fullmatch(line)) and found[1] not in ("document", "---"):
            yield found.groups()


@cache
def names(file: str) -> frozenset[str]:
    """What a file defines, and what its classes define, as ``Class.name``; tests of a class by their own name too."""
    found = set()

    def look(body: list[ast.stmt], within: str) -> None:
        for node in body:
            own: list[str] = []
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                own = [node.name]
            elif isinstance(node, ast.Assign):
                own = [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                own = [node.target.id]
            found.update(within + name for name in own)
            found.update(name for name in own if name.startswith("test_"))
            if isinstance(node, ast.ClassDef):
                look(node.body, f"{node.name}.")

    look(ast.parse((ROOT / file).read_text("utf-8")).body, "")
    return frozenset(found)


def missing(cell: str) -> list[str]:
    """The places that a cell names and that are not there; the cell itself where it names none and gives no reason."""
    places = PLACE.findall(cell)
    if not places:
        return [] if re.match(r"not used: \S", cell) else [f"names nothing: {cell}"]
    return [
        f"{file}::{name}" if name else file
        for file, name in places
        if not (ROOT / file).is_file() or (name and name not in names(file))
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_place_a_table_names_is_there(page: str) -> None:
    told = list(rows(page))
    assert len(told) == SENTENCES[page]
    assert {
        says: lost for _, says, *cells in told if (lost := [gone for cell in cells for gone in missing(cell)])
    } == {}


def test_a_place_that_is_gone_is_noticed() -> None:
    assert missing("`tests/contract/reader.py::a_task_is_registered`, `artui/model/states.py`") == []
    assert missing("`tests/contract/reader.py::a_task_was_registered`") == [
        "tests/contract/reader.py::a_task_was_registered"
    ]
    assert missing("`artui/no/such.py::Thing`") == ["artui/no/such.py::Thing"]
    assert missing("nothing") == ["names nothing: nothing"]
    assert missing("not used: artui takes no calls") == []


def test_every_question_of_the_reader_stands_in_a_table() -> None:
    named = {name for page in PAGES for *_, cell in rows(page) for _, name in PLACE.findall(cell)}
    asked = {check.__name__ for check in [*reader.AUTORETOUCH, *reader.RETOUCH4ME, *reader.FILESTACK]}
    beyond = {
        "a_wrong_refresh_token_is_an_invalid_grant",
        "a_balance_is_a_bare_number",
        "executions_are_listed",
        "a_key_is_honoured",
        "credits_are_told",
        "a_key_that_is_none_is_told_with_200",
        "security_may_be_spelled_out",
        "a_job_that_is_none_is_an_error",
        "a_file_tells_what_it_is",
    }  # fmt: skip - what other pages of the services say
    assert asked - named == beyond
