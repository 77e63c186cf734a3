"""``python -m tests.proof``: is every one of the ninety faults tested? Prints ``90 of 90``.

The table in ``docs/reliability.md`` names the tests of each row; here they are sought among those that pytest collects.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "reliability.md"
FAULTS = range(1, 91)

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
    """Every test in these files, collected by a pytest of its own."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    said = subprocess.run(
        [*command, "-o", "addopts=", *sorted(files)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
    return {line.partition("[")[0] for line in said.stdout.splitlines() if "::" in line}


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
