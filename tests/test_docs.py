"""The pages say what the program is: their made parts are as it makes them, and no word is left out."""

from __future__ import annotations

import ast
from pathlib import Path

import click

import artui
from artui.cli import manual, root
from artui.cli.documents import PRINTS, REASONS
from artui.model.documents import EVENTS
from artui.model.holds import Exit
from artui.model.states import Reason
from tests import make_docs

ROOT = Path(artui.__file__).parent


def test_the_made_parts_of_the_pages_are_as_the_program_is() -> None:
    assert [page.name for page in make_docs.pages()]
    for page in make_docs.pages():
        text = page.read_text("utf-8")
        assert text == make_docs.remade(text), f"{page.name} is not up to date: `make docs`"


def test_every_command_with_json_has_its_fields_written_down() -> None:
    found = manual.every_command(root, click.Context(root, info_name="artui"))
    with_json = {name for name, command, _ in found if any("--json" in one.opts for one in command.params)}
    assert with_json == set(PRINTS)


def test_every_reason_and_exit_code_has_its_meaning() -> None:
    assert set(REASONS) == set(Reason)
    assert set(manual.EXITS) == set(Exit)


def test_every_event_that_is_written_has_its_meaning() -> None:
    written = set()
    for path in (path for room in ("engine", "journal", "steps", "core") for path in (ROOT / room).rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            parts = [call.func, *call.args]
            named = {f"{one.value.id}.{one.attr}" for one in parts
                     if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name)}  # fmt: skip
            if named & {"jobs.move", "jobs.move_if_current", "jobs.note", "jobs.change"}:
                texts = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                written |= set(texts[:1])
    assert len(written) > 30
    assert written <= EVENTS.keys(), "write down what they mean in model/documents.py, then `make docs`"
