"""This program against another revision of it, by the same figures, in turns on the same machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure, Side, of_pairs

SLACK = 1.15
"""By what a figure may be worse than it was before that is told: one round differs from the next by as much."""


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    """A work tree of a revision, measured by the benchmark of this one."""
    with tempfile.TemporaryDirectory(prefix="artui-bench-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision], check=True)
        try:
            shutil.rmtree(tree / "tests")
            shutil.copytree("tests", tree / "tests", ignore=shutil.ignore_patterns("__pycache__"))
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def _measured(tree: Path, arguments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The figures that the benchmark prints in a tree, by name; one that measures nothing there prints none."""
    command = [sys.executable, "-m", "tests.bench", *arguments]
    ended = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, text=True, check=False)
    return {found["name"]: found for found in map(json.loads, ended.stdout.splitlines())}


def against(revision: str, names: Sequence[str], *, long: bool, rounds: int) -> Iterator[Figure]:
    """Each figure here by the same figure there: its ratio to a reference where it has one, else its value."""
    with _checked_out(revision) as tree:
        for name in names:
            pairs: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
            shown: dict[str, dict[str, Any]] = {}
            for number in range(rounds):
                places = [Path.cwd(), tree]
                # Whoever goes first finds colder caches: they take turns in that, too.
                order = places if number % 2 == 0 else places[::-1]
                found = {place: _measured(place, ["--only", name, *(["--long"] if long else [])]) for place in order}
                here, there = (found[place] for place in places)
                shown |= here
                for one in here.keys() & there.keys():
                    pairs[one].append((_said(here[one]), _said(there[one])))
            for one, measured in pairs.items():
                side: Side = "least" if shown[one].get("bar", "").startswith(">=") else "most"
                bar = SLACK if side == "most" else 1 / SLACK
                unit = "ratio" if "ratio" in shown[one] else shown[one].get("unit", "")
                yield of_pairs(one, measured, unit, side=side, bar=bar, note=f"against {revision}")


def _said(figure: dict[str, Any]) -> float:
    return max(float(figure.get("ratio", figure["value"])), 1e-9)  # nothing at all may be what was measured
