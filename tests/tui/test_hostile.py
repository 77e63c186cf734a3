"""Hostile text: whatever a disk or a service calls things, the terminal gets nothing but what Textual sends to draw."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, accounts, rules, seen
from artui.journal.rules import RuleState, SkipCount
from artui.journal.seen import SeenFile
from artui.model.states import Seen
from artui.providers.base import Workflow
from artui.watch.rules import rule_id
from tests.tui.desk import DOUBT, FAILED, QUEUED, SAVED, fill
from tests.tui.terminal import Terminal, terminal

MARK = "7777"
"""Stands in every hostile sequence, so that none can be taken for one of Textual's own."""

CONTROLS = [chr(code) for code in (*range(1, 32), *range(127, 160))]
SEQUENCES = [
    f"\x1b[31;{MARK}m", f"\x1b[{MARK};2J", f"\x1b]52;c;{MARK}\x07", f"\x1b]0;{MARK}\x07", f"\x1b]8;;http://{MARK}\x1b\\",
    f"\x1bP{MARK}\x1b\\", f"\x1b_G{MARK}\x1b\\", f"\x1b[?{MARK}h", "\x1bc", f"\x1b[{MARK}n", f"\x9b{MARK}m",
    f"\x9d0;{MARK}\x9c",
]  # fmt: skip
MARKUP = [
    "[/]", "[", "]", "[b]", "[/b]", "[@click=app.exit]x[/]", "[link=http://x]y[/link]", "[$error]", "[[b]]", "\\[b]",
    "[red on blue]", ":boom:", "{stem}", "%s%n", "`rm -rf ~`", "$(reboot)", "<script>", "&amp;",
    "'; DROP TABLE jobs;--",
]  # fmt: skip
LETTERS = [
    "\u202egpj.exe", "\u2066\u2067\u2068\u2069", "\u200b\u200d\ufeff", "\u2028\u2029", "e\u0301\u0327" * 5,
    "\u0301alone",
    "z" + "\u0489" * 40, "日本語の写真", "全角", "👩‍👩‍👧‍👦", "\u115f\u3164\uffa0", "한글", "กำ",
    "שלום", "مرحبا", "\ue000",
    "\U000e0041", "x" * 240, "日" * 80, " leading", "trailing ", "\u3000", "\xa0", "-rf", "~", "..x",
]  # fmt: skip
BYTES = [b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"caf\xe9.jpg", b"\x80" * 20]

CORPUS = [os.fsencode(text) for text in (*CONTROLS, *SEQUENCES, *MARKUP, *LETTERS)] + BYTES

FORBIDDEN = re.compile("[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[P_^][^\x1b]*\x1b\\|[ -/]*[0-~])")

OSC = {"\x1b]22;", "\x1b]11;"}
"""The only such commands that are sent: the pointer's shape, and the question for the terminal's ground."""


def check(sent: bytes) -> None:
    """Nothing but text and Textual's own commands is among what was sent to a terminal."""
    text = sent.decode()  # what is not UTF-8 fails here
    for command in ESCAPES.findall(text):
        assert MARK not in command, repr(command)
        assert not command.startswith(("\x1b]", "\x1b_", "\x1bc")) or command[:5] in OSC, repr(command)
    plain = ESCAPES.sub("", text)
    assert not FORBIDDEN.search(plain), repr(plain[max(0, FORBIDDEN.search(plain).start() - 20) :][:60])
    assert "\x1b" not in plain


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A journal, a configuration and a folder in which everything has such a name; returns the folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    where = paths()
    where.create()
    names = [_text(name) for name in CORPUS]
    written = "".join(
        f'[[watch]]\nexisting = "ignore"\noutput = "/o"\nworkflow = "w{word[1:]}\nfolder = "/w/{word[1:]}\n'
        for word in (json.dumps(name, ensure_ascii=False) for name in names)
    )
    where.config_file.write_text(f'[accounts.studio]\nprovider = "autoretouch"\n{written}', "utf-8")
    states = [(SAVED, FAILED, DOUBT, QUEUED)[number % 4] for number in range(len(CORPUS))]
    numbers = fill(*states)
    with open_journal(where) as journal:
        journal.write(_poison, numbers)
        journal.write(_poison_rules, names)
    for name in CORPUS:
        if b"/" not in name:
            with nullcontext() if name not in BYTES else suppress(OSError):  # disks of a Mac take UTF-8 alone
                (folder / os.fsdecode(name)).write_bytes(b"no picture")
                (folder / os.fsdecode(name[:250] + b".jpg")).write_bytes(b"no picture")
    return folder


def _text(name: bytes) -> str:
    """What TOML and JSON can hold of a name."""
    return name.decode("utf-8", "replace").replace("\x7f", "")


def _poison(db: Connection, numbers: list[int]) -> None:
    recipes = {}
    for number, name in zip(numbers, CORPUS, strict=True):
        text = _text(name)
        results = [{"locator": text, "path": f"/out/{text}"}]
        db.execute(
            "UPDATE jobs SET source = ?, message = ?2, word = ?2, workflow_name = ?2, labels = ?, results = ?"
            " WHERE id = ?",
            (b"/photos/" + name + b"/" + name, text, json.dumps({text: text}), json.dumps(results), number),
        )
        recipe = Workflow(id=f"w-{number}", name=text, version=text, price=10, author=text)
        recipes[recipe.id] = json.dumps(asdict(recipe))
    db.execute("UPDATE batches SET name = ?", (f"a\x1b[{MARK}m[/]\u202eb",))
    accounts.keep_workflows(db, "studio", recipes)
    accounts.set_balance(db, "studio", 5, 0.0)


def _poison_rules(db: Connection, names: list[str]) -> None:
    """Every rule as a watcher that met such names would leave it; the first one has met them all."""
    ids = []
    for number, name in enumerate(names):
        folder = Path(os.path.abspath(f"/w/{name}"))  # noqa: PTH100 — as the rule has it
        ids.append(rule_id(str(folder)))
        rules.load(db, ids[-1], name=str(folder), folder=folder, account="studio", run=None, day=None, month=None,
                   twins="deliver")  # fmt: skip
        rules.set_state(db, ids[-1], list(RuleState)[number % len(RuleState)], f"{folder} {name}")
    rules.set_not_taken(db, ids[0], {name: SkipCount(3, (name, name, name)) for name in names})
    for name in names:
        seen.note(db, ids[0], SeenFile(name, 1, 1, Seen.REFUSED, reason=name, message=name))
        rules.log(db, ids[0], name, name)


def columns_are_aligned(shown: Terminal) -> None:
    """Wait until every row's stage begins below the heading, whatever stands before it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(AssertionError, StopIteration):  # a picture half drawn
            return _columns_stand(shown)
        shown.read(0.05)
    return _columns_stand(shown)


def _columns_stand(shown: Terminal) -> None:
    head = next(line for line in shown.lines if "Stage" in line).index("Stage")
    rows = [y for y in range(4, 20) if shown.cell(y, 1).strip()]
    assert rows
    for y in rows:
        stage = "".join(shown.cell(y, x) for x in range(head, head + 5))
        assert shown.cell(y, head - 1) == " ", shown.lines[y]
        assert stage in ("saved", "faile", "in do", "queue"), shown.lines[y]


def test_the_corpus_is_large_enough() -> None:
    assert len(set(CORPUS)) >= 60


def test_every_screen_draws_it_and_lets_nothing_through(hostile: Path) -> None:
    with terminal(size=(120, 24), environ={"PWD": str(hostile)}, folder=hostile) as shown:
        shown.sees("[1 Jobs]", "[All ")
        for _ in range(len(CORPUS) // 14):
            shown.settle()
            columns_are_aligned(shown)
            shown.press("\x1b[6~")
        for keys in ("g", "B", "\x1b", "$", "\x1b", "M", "\x1b", ":", "\x1b", "P", "\x1b", "r", "\x1b", "x", "\x1b"):
            shown.press(keys)
            shown.settle()
        for digit in "2345":
            shown.press(digit)
            for keys in ("", "\x1b[6~", "\x1b[6~", "\r", "\x1b", "\x1b"):
                shown.press(keys)
                shown.settle()
        shown.press("1")
        shown.sees("[1 Jobs]")
        check(bytes(shown.sent))


def test_what_is_known_of_a_rule_draws_it(hostile: Path) -> None:
    with terminal(size=(80, 24), environ={"PWD": str(hostile)}, folder=hostile) as shown:
        shown.sees("[1 Jobs]", "[All ")
        shown.press("4")
        shown.sees("[4 Watch]", "Folder")
        shown.press("\r")
        shown.sees("Not taken", "esc back")
        for _ in range(2):
            shown.press("\x1b[C")
            for _ in range(2 * len(CORPUS) // 16):
                shown.settle()
                shown.press("\x1b[6~")
            shown.press("\r")
            shown.settle()
            shown.press("\r")
            shown.settle()
            shown.press("\x1b")
        check(bytes(shown.sent))


def test_the_details_of_each_job_draw_it(hostile: Path) -> None:
    with terminal(size=(80, 24)) as shown:
        shown.sees("[1 Jobs]", "[All ", "in doubt")
        for _ in range(0, len(CORPUS), 4):
            shown.press("\r")
            shown.sees("esc back", "file  ")
            shown.press("q")
            shown.sees("[1 Jobs]")
            shown.press("jjjj")
        check(bytes(shown.sent))


def test_jobs_as_json_escape_it(hostile: Path) -> None:
    with terminal("jobs", "--json") as shown:
        assert shown.wait() == 0
        shown.read()
        text = bytes(shown.sent)
        assert not re.search(rb"[^\x20-\x7e\r\n]", text)
        assert len(json.loads(text.replace(b"\r\n", b""))) == len(CORPUS)
