"""What is left for the engine: one registry knows every command, and what none knows is refused by its name."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import artui
from artui.config import load, paths
from artui.engine.anchor import open_journal
from artui.engine.commands import HANDLERS
from artui.engine.supervisor import Supervisor
from artui.journal import Journal, requests
from artui.model.commands import Command
from artui.model.holds import HOLDS
from artui.model.states import Reason
from artui.watch import service
from tests.tui.desk import fill

ROOT = Path(artui.__file__).parent


@pytest.fixture
def journal() -> Iterator[Journal]:
    with open_journal(paths()) as journal:
        yield journal


def of_watching(watcher: Any = None) -> set[Command]:
    return set(service.handlers(watcher, lambda: None))


def test_every_command_is_carried_out_by_one_of_the_two() -> None:
    assert set(HANDLERS) | of_watching() == set(Command)
    assert not set(HANDLERS) & of_watching()


@pytest.mark.parametrize("word", ["sell the shop", Command.LOOK_NOW, "Retry"])
async def test_what_an_engine_does_not_know_is_refused_by_its_name(journal: Journal, word: str) -> None:
    engine = Supervisor(paths(), journal, 1, lambda: True, lambda: load(paths()))
    number = await journal.write_async(lambda db: requests.enqueue(db, word, account="studio"))  # type: ignore[arg-type]
    await engine._look_round()
    outcome = journal.read(requests.outcome, number)
    assert outcome is not None
    assert outcome.refused
    assert repr(str(word)) in outcome.message
    assert not journal.read(requests.pending)


def test_what_asks_a_service_keeps_nobody_else_waiting(journal: Journal) -> None:
    [number] = fill({})
    asking: dict[Reason | None, set[Command]] = {}
    for reason in (None, *HOLDS):
        status = "held" if reason else "ready"
        journal.write(lambda db: db.execute("UPDATE jobs SET status = ?, reason = ?", (status, reason or "")))  # noqa: B023
        requested = requests.Request(1, "", {}, number, 0, status)
        asking[reason] = {one for one, handler in HANDLERS.items() if journal.read(handler.asks_service, requested)}
    always = {Command.FETCH, Command.ADOPT, Command.RESUME, Command.REFRESH, Command.OFFER}
    assert asking.pop(Reason.ACCOUNT) == always | {Command.RETRY}, "who pays is asked"
    assert all(one == always for one in asking.values())


def test_a_stop_that_was_meant_for_another_process_is_refused(journal: Journal) -> None:
    other, own = (journal.write(lambda db, pid=pid: requests.enqueue(db, Command.STOP, pid=pid)) for pid in (1, 2))
    journal.write(requests.engine_starts, 2, os.uname().nodename, "background", "test")
    assert [one.id for one in journal.read(requests.pending)] == [own]
    outcome = journal.read(requests.outcome, other)
    assert outcome is not None
    assert outcome.refused


# ------------------------------------------------------------------------------------------- no name as mere text

ONLY_COMMANDS = {
    Command.ADOPT, Command.GIVE_UP, Command.PAUSE_RULE, Command.RESUME_RULE, Command.LOOK_NOW, Command.READ_RULES,
}  # fmt: skip
"""Commands whose words stand for nothing else: not for an event, a column, an action of a screen or a command line."""

LEAVES = {"leave", "Act", "Action", "_ask_for", "resolve"}
"""What is given a command."""


def _named(node: ast.AST) -> list[ast.expr]:
    """Where a text would be the name of a command."""
    if isinstance(node, ast.Compare):
        read = [one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)]
        return [node.left, *node.comparators] if {"what", "command"} & {*read} else []
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return node.args if called in LEAVES else []
    return [node] if isinstance(node, ast.Constant) and node.value in ONLY_COMMANDS else []


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        for one in _named(node):
            for inside in ast.walk(one):
                if isinstance(inside, ast.Constant) and inside.value in set(Command):
                    yield f"{path.relative_to(ROOT)}:{inside.lineno} {inside.value}"


def test_no_command_is_named_by_a_text() -> None:
    """What mypy demands of the types, also where a text would pass: in a comparison, or a key."""
    paths = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "model" / "commands.py"]
    found = [text for path in paths for text in _texts(path) if "sim" not in path.relative_to(ROOT).parts]
    assert not found, found
