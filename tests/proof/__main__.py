"""``python -m tests.proof``: is every fault of the table tested? Prints ``115 of 115``.

The table in ``docs/reliability.md`` names the tests of each row; here they are sought in the files they are said to be
in, which are read and not run.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "reliability.md"
FAULTS = range(1, 116)

_ROW = re.compile(r"\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
_TEST = re.compile(r"`(tests/[^`:]+\.py)((?:::\w+)+)`")


@dataclass(frozen=True)
class Row:
    """One fault of the table, and its tests as pytest calls them, whatever they are parametrized with."""

    number: int
    fault: str
    tests: tuple[str, ...]


def rows(text: str) -> Iterator[Row]:
    """The rows of the table."""
    for line in text.splitlines():
        if found := _ROW.fullmatch(line):
            yield Row(int(found[1]), found[2], tuple(path + name for path, name in _TEST.findall(found[4])))


def collected(files: set[str]) -> set[str]:
    """Every test in these files, as pytest calls it: those of a class include what it inherits from others of ours."""
    return {f"{file}::{name}" for file in files for name in _tests_in(ROOT / file)}


def _tests_in(file: Path) -> Iterator[str]:
    for node in _read(file).body:
        if _is_test(node):
            yield node.name
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (f"{node.name}::{name}" for name in _methods(file, node.name))


def _methods(file: Path, name: str) -> Iterator[str]:
    """The tests of a class, wherever it stands: in this file, or where this file has it from."""
    for node in _read(file).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield from (part.name for part in node.body if _is_test(part))
            for base in node.bases:
                yield from _methods(file, base.id) if isinstance(base, ast.Name) else ()
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests."):
            for one in node.names:
                if (one.asname or one.name) == name:
                    yield from _methods(ROOT / f"{node.module.replace('.', '/')}.py", one.name)


@cache
def _read(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])


def _is_test(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")


def missing(found: list[Row]) -> dict[int, str]:
    """What is wrong with each fault that has no row, more than one, or no test that exists."""
    named = {test for row in found for test in row.tests}
    there = collected({test.partition("::")[0] for test in named})
    by_number: dict[int, list[Row]] = {number: [row for row in found if row.number == number] for number in FAULTS}
    wrong = {}
    for number, own in by_number.items():
        if len(own) != 1:
            wrong[number] = f"stands in {len(own)} rows"
        elif not own[0].tests:
            wrong[number] = "names no test"
        elif gone := sorted(set(own[0].tests) - there):
            wrong[number] = f"names what is no test: {', '.join(gone)}"
    return wrong


def main() -> int:
    """Say how many faults are tested; 1 where one is not."""
    wrong = missing(list(rows(TABLE.read_text("utf-8"))))
    lines = [f"{number}: {what}" for number, what in wrong.items()] + [f"{len(FAULTS) - len(wrong)} of {len(FAULTS)}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
