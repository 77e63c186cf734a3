"""Who may know whom: the direction of imports, and what a quick command must not load."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import artui
from artui import providers

ROOT = Path(artui.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "sanitize": set(),
    "files": {"config", "model"},
    "timing": {"config"},
    "single_flight": set(),
    "config": set(),
    "credentials": {"config", "single_flight"},
    "journal": {"config", "model"},
    "engine": {
        "budget", "config", "core", "credentials", "files", "journal", "model", "providers", "sanitize", "steps",
        "single_flight", "timing",
    },
    "budget": {"config", "journal", "model"},
    "providers": {"config", "credentials", "files", "model", "sanitize"},
    "steps": {"budget", "config", "files", "journal", "model", "providers", "single_flight", "timing"},
    "core": {"config", "credentials", "files", "journal", "model", "providers", "sanitize", "steps"},
    "watch": {
        "config", "core", "credentials", "engine", "files", "journal", "model", "providers", "sanitize", "timing",
    },
    "doctor": {"config", "credentials", "engine", "files", "journal", "model", "providers", "watch"},
    "tui": {
        "budget", "config", "core", "credentials", "engine", "files", "journal", "model", "providers", "sanitize",
        "watch",
    },
    "sim": set(),
}  # fmt: skip
"""Each room and the rooms it may look into; the command line, which puts all together, is not bound."""

PARTS: dict[tuple[str, str], set[str]] = {
    ("engine", "core"): {"actions", "decisions", "health", "health_phrases", "options", "plan", "review"},
    ("files", "config"): {"system"},
    ("timing", "config"): {"system"},
    ("tui", "engine"): {"anchor", "client", "log", "supervisor"},
}
"""Where a room looks into a part of another one only."""

ONLY_IN: dict[str, set[str]] = {
    "textual": {"tui"},
    "httpx": {"providers"},
    "aiohttp": {"providers"},
    "apsw": {"journal"},
    "watchfiles": {"watch"},
    "starlette": {"sim", "watch"},
    "uvicorn": {"sim", "watch"},
    "PIL": {"doctor", "files", "sim", "tui"},
    "jinja2": {"cli"},
    "simplejpeg": {"files"},
    "segno": {"tui"},
    "click": {"cli"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT)
        yield inside.parts[0].removesuffix(".py"), path


@cache
def parsed(path: Path) -> ast.Module:
    """What a file says; each is read once for all tests."""
    return ast.parse(path.read_text("utf-8"))


@cache
def imported(path: Path) -> set[str]:
    """The dotted names a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
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


def test_rooms_look_only_at_the_parts_they_may() -> None:
    strays = []
    for room, path in modules():
        for name in imported(path):
            _, *inside = name.split(".")
            if len(inside) > 1 and inside[1] not in PARTS.get((room, inside[0]), {inside[1]}):
                strays.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not strays


def files_imported() -> dict[str, set[str]]:
    """Each file of artui by its dotted name, with those it imports, wherever in it and for their types alone too."""
    names = {path: ".".join(("artui", *path.relative_to(ROOT).with_suffix("").parts)) for _, path in modules()}
    files = {name.removesuffix(".__init__"): path for path, name in names.items()}

    def file_of(name: str) -> str:
        """The file of this name, or in which it is defined."""
        return name if name in files else name.rpartition(".")[0]

    return {file: {file_of(name) for name in imported(path)} & files.keys() - {file} for file, path in files.items()}


def test_no_file_leads_back_to_itself() -> None:
    files = files_imported()
    try:
        TopologicalSorter(files).prepare()
    except CycleError as cycle:
        pytest.fail(f"these import each other: {', '.join(cycle.args[1])}")
    assert "artui.tui.host" in files["artui.tui.page"], "it finds what is imported for its type alone"


def test_pages_and_dialogs_do_not_know_the_console_they_are_shown_in() -> None:
    assert {file for file, others in files_imported().items() if "artui.tui.app" in others} == {"artui.cli.console"}


def test_every_room_has_its_direction() -> None:
    unbound = {"__init__", "__main__", "cli"}
    assert {room for room, _ in modules()} <= MAY_IMPORT.keys() | unbound


def test_each_library_stays_in_its_room() -> None:
    strays = []
    for room, path in modules():
        for name in imported(path):
            top = name.split(".")[0]
            if top in ONLY_IN and room not in ONLY_IN[top]:
                strays.append(f"{path.relative_to(ROOT)} imports {top}")
    assert not strays


SYSTEM = ROOT / "config" / "system.py"
BOUND = {"sys.platform", "os.name", "platform.system", "os.fsync", "os.fdatasync", "F_FULLFSYNC", "ctypes"}
"""What asks which system this is, what calls the C library, and what makes bytes durable."""


def bound_in(path: Path) -> set[str]:
    """Which of these a file uses, by whatever name it reaches them."""
    found = imported(path) | {f"{name.rpartition('.')[0]}.{name.rpartition('.')[2]}" for name in imported(path)}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute):
            found |= {ast.unparse(node), node.attr}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found & BOUND


def test_only_one_module_asks_which_system_this_is_or_calls_the_c_library() -> None:
    shown = ROOT / "doctor" / "machine.py"  # where it stands in what is told of this machine
    strays = [(str(path.relative_to(ROOT)), bound_in(path)) for _, path in modules() if path not in (SYSTEM, shown)]
    assert [stray for stray in strays if stray[1]] == []
    assert bound_in(shown) <= {"platform.system"}
    assert bound_in(SYSTEM) >= {"sys.platform", "ctypes", "os.fsync"}, "it finds what there is"
    syncs = [node for node in ast.walk(parsed(SYSTEM))
             if isinstance(node, ast.FunctionDef) and "fsync" in ast.unparse(node)]  # fmt: skip
    assert [node.name for node in syncs] == ["sync"]


SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|PRAGMA)\s+\S")
TOOLS = {f"artui.journal.{one}" for one in ("store.rows", "store.first", "store.value", "jobs.select")}


def sql_in(path: Path) -> Iterator[str]:
    """What a file does that only the journal may: run SQL, write some, or take the tools for it."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute):
            if node.attr in ("execute", "executemany") or ast.unparse(node) == "jobs.select":
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield node.value
    yield from imported(path) & TOOLS


def test_only_the_journal_speaks_sql() -> None:
    strays = [(str(path.relative_to(ROOT)), found) for room, path in modules() if room != "journal"
              for found in sql_in(path)]  # fmt: skip
    assert not strays
    assert list(sql_in(ROOT / "journal" / "batches.py")), "it finds what there is"


KNOW_SERVICES = ("providers", "sim", "cli/demo.py", "cli/stage.py", "journal/schema")
"""Where a service may be named: its own folders, the demo; and a step of the schema, which says what once was."""


def test_no_service_is_named_where_every_service_is_meant() -> None:
    known = {word for name in providers.names() for word in (name, providers.capabilities(name).title.lower())}
    strays = []
    for _, path in modules():
        place = path.relative_to(ROOT)
        if not any(place.is_relative_to(allowed) for allowed in KNOW_SERVICES):
            text = path.read_text("utf-8").lower()
            strays += [f"{place} names {word}" for word in sorted(known) if word in text]
    assert not strays


HEAVY = {"textual", "httpx", "pydantic", "aiohttp"}
"""What no command loads that only looks."""

LOOP = {"asyncio", "logging", "subprocess", "tempfile"}
"""What needs no loop and no engine of its own does without: loading these takes longer than all else it does."""

RECORDS = {"artui.model.job", "artui.journal.jobs", "artui.journal.notices"}
"""What counts and lists lines does without: a job's whole record takes a tenth of such a command to load."""


@pytest.mark.parametrize(
    ("command", "without", "most"),
    [
        (["--help"], HEAVY | LOOP | {"artui.cli.submit"}, (22, 5)),
        (["--version"], HEAVY | LOOP, (21, 5)),
        (["jobs"], HEAVY | LOOP | RECORDS | {"artui.core.follow", "artui.model.watching"}, (37, 7)),
        (["jobs", "--json"], HEAVY | LOOP | {"artui.journal.notices"}, (46, 14)),
        (["status"], HEAVY | LOOP | RECORDS | {"artui.config.hours", "artui.journal.progress"}, (50, 13)),
        (["wait"], HEAVY | LOOP | {"artui.journal.notices"}, (59, 21)),
    ],
)
def test_quick_commands_load_nothing_heavy(
    command: list[str], without: set[str], most: tuple[int, int], tmp_path: Path
) -> None:
    """Nor many files, nor classes that are generated when they are loaded: half a millisecond each."""
    program = (
        "import sys\nfrom artui.cli import main\n"
        f"sys.argv = ['artui', *{command!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (0, None), end.code\n"
        f"heavy = {without} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
        "ours = [module for name, module in sys.modules.items() if name.split('.')[0] == 'artui']\n"
        "classes = {one for module in ours for one in vars(module).values() if isinstance(one, type)}\n"
        "own = {one for one in classes if one.__module__.startswith('artui.')}\n"
        "made = {one for one in own if '__dataclass_fields__' in vars(one)}\n"
        f"assert len(ours) <= {most[0]} and len(made) <= {most[1]}, (len(ours), len(made))\n"
    )
    environment = {**os.environ, "ARTUI_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert ended.returncode == 0, ended.stderr


def test_a_class_name_means_one_thing() -> None:
    """But for what a service's own JSON is made of, the stand-in, private classes, and messages named inside the widget
    that sends them."""
    places: dict[str, list[str]] = {}
    for room, path in modules():
        if room == "sim" or "services" in path.parts:
            continue
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
