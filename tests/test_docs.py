"""The pages say what the program is: their made parts are as it makes them, and no word is left out."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest

import artui
from artui import config
from artui.cli import help as help_pages
from artui.cli import manual, root, run
from artui.cli.documents import PRINTS, REASONS
from artui.cli.examples import EXAMPLES
from artui.config import described, known
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


def test_each_command_ends_with_examples_that_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key.txt").touch()
    Path("order.csv").touch()
    found = {
        name: (command, inner)
        for name, command, inner in manual.every_command(root, click.Context(root, info_name="artui"))
    }
    assert found.keys() == EXAMPLES.keys()
    for name, (command, inner) in found.items():
        assert all(f"  {one}\n" in f"{command.get_help(inner)}\n" for one in EXAMPLES[name])
        for one in EXAMPLES[name]:
            words = shlex.split(re.sub(r'^"\$EDITOR" "\$\((.*)\)"$| [<>] .*', r"\1", one))
            assert " ".join(words).startswith(f"artui {name}")
            command.make_context(name, words[1 + len(name.split()) :], parent=inner.parent).close()


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


EXAMPLE = config.example()


@pytest.mark.parametrize(
    ("readers", "said"),
    [
        (known.TOP, described.TOP), (known.ACCOUNT, described.ACCOUNT), (known.RULE, described.RULE),
        (known.NOTIFY, described.NOTIFY), (known.HEARTBEAT, described.HEARTBEAT),
        (known.REVIEW, described.REVIEW),
        (known.GROUPS["caps"], described.CAPS), (known.GROUPS["pace"], described.PACE),
    ],
)  # fmt: skip
def test_every_setting_has_its_meaning_and_an_example_that_can_be_read(readers: Any, said: Any) -> None:
    assert readers.keys() == said.keys()
    for key, one in said.items():
        readers[key](tomllib.loads(f"{key} = {one.example}")[key])
        if one.default[:1] in '"0123456789[' and ", or" not in one.default and "where" not in one.default:
            readers[key](tomllib.loads(f"{key} = {one.default}")[key])


def test_what_is_said_to_hold_without_a_setting_holds(tmp_path: Path) -> None:
    where = config.paths({"ARTUI_HOME": str(tmp_path)})
    where.create()
    where.config_file.write_text('[accounts.studio]\nprovider = "autoretouch"\n')
    loaded = config.load(where, {})
    for table, prefix in ((described.TOP, ""), (described.ACCOUNT, "accounts.studio."),
                          (described.PACE, "accounts.studio.pace."), (described.HEARTBEAT, "heartbeat.")):  # fmt: skip
        for key, one in table.items():
            if one.default in ("true", "false") or (one.default[:1] in '"0123456789' and " where" not in one.default):
                assert loaded.values[f"{prefix}{key}"] == tomllib.loads(f"v = {one.default}")["v"], key


def test_each_setting_of_the_example_says_what_holds_without_it() -> None:
    of_plugins = ("plugin", "alpha1", "alpha2", "scale", "automask", "layer", "layers", "aspect_ratio")
    for line in EXAMPLE.splitlines():
        if (found := re.match(r"# ([a-z_0-9]+) = ", line)) and found[1] not in (*of_plugins, "auto_straighten_mode"):
            assert re.search(r"  # (default: |the default|must be set)", line) or found[1] == "title", line


def test_every_topic_can_be_read_and_the_man_page_has_all(capsys: pytest.CaptureFixture[str]) -> None:
    for topic in (*help_pages.TOPICS, "submit"):
        assert run(["help", topic]) == 0
        said = capsys.readouterr().out
        assert max(map(len, said.splitlines())) <= 100
        assert len(said.splitlines()) > 5, topic
    assert run(["help", "exit-code"]) == 2
    assert "did you mean exit-codes?" in capsys.readouterr().err
    page = help_pages.man_page()
    assert all(
        f".SS {name.replace('-', chr(92) + '-')}\n" in page for name in ("submit", "config check", "systemd-unit")
    )


def test_the_program_describes_itself_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "spec"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert run(["--spec"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    commands = {one["name"]: one for one in told["commands"]}
    found = list(manual.every_command(root, click.Context(root, info_name="artui")))
    assert list(commands) == [name for name, _, _ in found]
    for name, command, _ in found:
        flags = {flag for one in commands[name]["options"] for flag in one["flags"]}
        assert flags >= {flag for param in command.params if isinstance(param, click.Option) for flag in param.opts}
        for one in commands[name]["prints"]:
            assert one["document"]["$ref"].removeprefix("#/documents/") in told["documents"]
    assert commands["submit"]["options"]
    sort = next(one for one in commands["costs"]["options"] if one["name"] == "by")
    assert sort["default"] == "day"
    assert told["exit_codes"].keys() == {str(int(code)) for code in Exit}
    refs = set(re.findall(r'"#/documents/(\w+)"', json.dumps(told)))
    assert refs <= told["documents"].keys()
    assert told["documents"]["JobDocument"]["properties"]["stage"]["enum"]
    assert {one["key"] for one in told["settings"]["[accounts.NAME]"]} == known.ACCOUNT.keys()
    assert all(one["means"] not in ("", "None.") for table in told["settings"].values() for one in table)


@pytest.mark.parametrize("name", PRINTS)
def test_a_wrong_use_is_a_document_too_where_json_is_asked_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*name.split(), "--json", "--no-such-option"]) == Exit.USAGE
    told = json.loads(capsys.readouterr().out)
    assert told["error"]["code"] == Exit.USAGE
    assert "--no-such-option" in told["error"]["message"]
    assert told["error"]["hint"] == f"`artui {name} --help` shows how"


def test_keys_are_written_as_they_are_pressed() -> None:
    tables = [block for block in help_pages.keys() if isinstance(block, manual.TermTable)]  # noqa: SIM118
    keys = {key for table in tables for key, _ in table.rows}
    assert {"`?`", "`: ctrl+p`", "`/`"} <= keys
    assert not [key for key in keys if "_" in key]
