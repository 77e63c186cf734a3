"""Who may know whom: the direction of imports, and what a quick command must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import artui

ROOT = Path(artui.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "job": set(),
    "shown": set(),
    "files": set(),
    "pace": set(),
    "transfers": set(),
    "config": set(),
    "credentials": {"config"},
    "journal": {"job"},
    "budget": {"job", "config", "journal"},
    "providers": {"config", "credentials", "files"},
    "steps": {"job", "config", "files", "journal", "budget", "pace", "transfers", "providers"},
    "doubt": {"job", "journal", "pace", "providers", "steps"},
    "decisions": {"job", "journal"},
    "failures": {"job", "files", "journal", "budget", "pace", "providers", "steps"},
    "lookout": {"job", "journal", "pace", "providers", "steps"},
    "lane": {"job", "journal", "budget", "pace", "providers", "steps", "doubt", "failures", "lookout"},
    "engine": {
        "config", "credentials", "job", "files", "journal", "budget", "pace", "transfers", "providers", "steps", "lane",
        "decisions",
    },
    "watch": {"config", "credentials", "job", "files", "journal", "pace", "plan", "providers", "shown"},
    "signing": {"config", "credentials", "engine", "providers"},
    "background": {"config", "credentials", "journal", "engine"},
    "notify": set(),
    "service": {"config", "journal", "engine", "watch", "background", "report", "notify"},
    "sim": set(),
}  # fmt: skip
"""Each room and the rooms it may look into; the command line, which puts all together, is not bound."""

ONLY_IN: dict[str, set[str]] = {
    "textual": {"tui"},
    "httpx": {"providers"},
    "aiohttp": {"providers"},
    "httpx_aiohttp": {"providers"},
    "apsw": {"journal"},
    "watchfiles": {"watch"},
    "starlette": {"sim"},
    "uvicorn": {"sim"},
    "PIL": {"sim", "tui"},
    "segno": {"tui"},
    "click": {"cli"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT)
        yield inside.parts[0].removesuffix(".py"), path


def imported(path: Path) -> set[str]:
    """The dotted names a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}: a relative import hides the room"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_rooms_look_only_where_they_may() -> None:
    strays = []
    for room, path in modules():
        if room in MAY_IMPORT:
            rooms = {name.split(".")[1] for name in imported(path) if name.startswith("artui.")}
            rooms -= {"__version__", room}
            strays += [f"{path.relative_to(ROOT)} imports {other}" for other in sorted(rooms - MAY_IMPORT[room])]
    assert not strays


def test_every_room_has_its_direction() -> None:
    unbound = {"__init__", "__main__", "cli", "tui", "report", "plan", "recover"}
    assert {room for room, _ in modules()} <= MAY_IMPORT.keys() | unbound


def test_each_library_stays_in_its_room() -> None:
    strays = []
    for room, path in modules():
        for name in imported(path):
            top = name.split(".")[0]
            if top in ONLY_IN and room not in ONLY_IN[top]:
                strays.append(f"{path.relative_to(ROOT)} imports {top}")
    assert not strays


@pytest.mark.parametrize("command", [["status"], ["jobs", "--json"], ["--help"]])
def test_quick_commands_load_nothing_heavy(command: list[str]) -> None:
    program = (
        "import sys\nfrom artui.cli import main\n"
        f"sys.argv = ['artui', *{command!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (0, None), end.code\n"
        "heavy = {'textual', 'httpx', 'pydantic', 'aiohttp'} & {name.split('.')[0] for name in sys.modules}\n"
        "assert not heavy, heavy\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
