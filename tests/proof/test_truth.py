"""The console's table, ``artui jobs`` and the journal say the same about every job, in every state there can be."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artui.cli import run
from artui.cli.exits import Exit
from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, accounts, jobs, purchases, window
from artui.journal.groups import group
from artui.journal.window import Filter
from artui.model.holds import ENDS, HOLDS, WAITS, Group
from artui.model.job import Batch
from artui.model.states import Kind, Reason, Stage, Status, worded
from artui.sanitize import sanitize
from artui.tui.job_table import columns
from tests.samples import new_job
from tests.tui.conftest import CONFIG
from tests.tui.desk import at_desk
from tests.tui.test_hostile import CORPUS

REASONS: dict[Status, Sequence[str]] = {
    **dict.fromkeys(Status, ("",)),
    Status.WAITING: [*sorted(WAITS), Reason.DISK_FULL],
    Status.HELD: [*HOLDS],
    Status.FAILED: [*sorted(ENDS), "truncated", "\x1b[7mby the service's own word\u202e"],
}
"""Why a job may stand so; a FAILED job's reason is whatever the file or the service says."""

PURCHASES = {
    False: [(), ("refused",), ("spent",)],
    True: [("intended",), ("known",), ("charged",), ("free",), ("refused",), ("spent", "known"), ("free", "charged")],
}
"""What may have been bought, oldest first, before and from SUBMITTING on."""

STATES = [
    (stage, status, reason, bought)
    for stage in Stage
    for status in Status
    for reason in REASONS[status]
    for bought in PURCHASES[stage.rank >= Stage.SUBMITTING.rank]
]

AMOUNTS = st.one_of(st.none(), st.integers(0, 9), st.integers(0, 9_999))
NAMES = st.one_of(
    st.sampled_from([name for name in CORPUS if b"/" not in name and b"\0" not in name]),
    st.binary(min_size=1, max_size=255).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b"..")),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@dataclass(frozen=True)
class Draw:
    """What the states are filled with, in turn."""

    amounts: list[int | None]
    names: list[bytes]
    texts: list[str]


DRAWS = st.builds(
    Draw,
    st.lists(AMOUNTS, min_size=1, max_size=11),
    st.lists(NAMES, min_size=1, max_size=13),
    st.lists(TEXTS, min_size=1, max_size=7),
)
WIDE = 130


def fill(draw: Draw) -> None:
    """A fresh journal with one job in every state."""
    where = paths()
    where.create()
    where.config_file.write_text(CONFIG)
    batch = Batch("id-1", "aw26", "studio", 0.0)

    def write(db: Connection) -> None:
        made = []
        for number in range(len(STATES)):
            name = os.fsdecode(draw.names[number % len(draw.names)])
            quoted, text = draw.amounts[number % len(draw.amounts)], draw.texts[number % len(draw.texts)]
            folder = Path("/photos", name[:20]) if number % 3 else Path("/photos")
            made.append(new_job(source=folder / name, quoted=quoted, workflow_name=text, batch=batch.id))
        for number, state in zip(jobs.add(db, batch, made), STATES, strict=True):
            _put(db, number, state, draw.texts[number % len(draw.texts)])

    with open_journal(where) as journal:
        journal.write(write)
        journal.write(accounts.set_balance, "studio", None, 0.0)


def _put(db: Connection, number: int, state: tuple[Stage, Status, str, tuple[str, ...]], message: str) -> None:
    """Bring a job into a state: what was bought by the journal's own functions, the place itself directly."""
    stage, status, reason, bought = state
    finished = 1.0 if status.final else None
    db.execute("UPDATE jobs SET digest = ? WHERE id = ?", (f"{number:064}", number))
    for copy, what in enumerate(bought, 1):
        job = jobs.get(db, number)
        assert job
        key = f"key-{number}-{copy}"
        purchases.intend(
            db, job, key=key, number=copy, kind=Kind.CREATE, draft="", reserved=job.quoted or 1, mark="",
            day="2026-11-22", month="2026-11",
        )  # fmt: skip
        db.execute("UPDATE engine SET intents = 0")  # there is no anchor, for no engine sent anything
        db.execute("UPDATE jobs SET purchase = ?, execution = '' WHERE id = ?", (copy, number))
        if what == "refused":
            purchases.record_refusal(db, key)
        elif what == "spent":
            purchases.presume_spent(db, key)
        elif what != "intended":
            execution = f"run-{key}"
            purchases.record_execution(db, key, execution)
            db.execute("UPDATE jobs SET execution = ? WHERE id = ?", (execution, number))
        if what in ("free", "charged"):
            job = jobs.get(db, number)
            assert job
            charged = purchases.record_charge(db, job, 0 if what == "free" else 7)
            if copy == len(bought):
                db.execute("UPDATE jobs SET charged = ? WHERE id = ?", (charged, number))
            else:
                # It cost nothing: the photo may be bought anew, under a key of its own.
                db.execute("UPDATE purchases SET state = 'refused' WHERE key = ?", (key,))
    db.execute(
        "UPDATE jobs SET stage = ?, status = ?, reason = ?, message = ?, finished_at = ? WHERE id = ?",
        (stage, status, reason, message, finished, number),
    )


# ----------------------------------------------------------------------------------------- three ways to see a job


def in_the_journal() -> dict[int, dict[str, Any]]:
    """Every job as the file has it, read without any code of artui; ``spent`` is what its purchases may have cost."""
    db = sqlite3.connect(paths().journal)
    db.row_factory = sqlite3.Row
    found = {row["id"]: dict(row) for row in db.execute("SELECT * FROM jobs")}
    spent: defaultdict[int, int] = defaultdict(int)
    for row in db.execute("SELECT * FROM purchases WHERE state <> 'refused'"):
        spent[row["job"]] += row["reserved"] if row["charged"] is None else row["charged"]
    db.close()
    return {number: row | {"spent": spent[number]} for number, row in found.items()}


def as_json(capsys: pytest.CaptureFixture[str]) -> dict[int, dict[str, Any]]:
    capsys.readouterr()
    assert run(["jobs", "--json"]) == Exit.OK
    return {job["id"]: job for job in json.loads(capsys.readouterr().out)}


def as_text(capsys: pytest.CaptureFixture[str]) -> dict[int, str]:
    assert run(["jobs"]) == Exit.OK
    _, *lines = capsys.readouterr().out.splitlines()
    return {int(line.split(maxsplit=1)[0]): line for line in lines}


async def in_the_table() -> tuple[dict[int, dict[str, str]], dict[Group, int]]:
    """Each line of the console's table by its column's title, and how many jobs each chip counts."""
    async with at_desk((WIDE, 24)) as desk:
        table = desk.table
        await desk.press("p")  # without the pane, which tells what is no column then
        await desk.until(lambda: len(table.order) == len(STATES) and not table.beside_pane)
        # A picture of all lines at once would take a terminal of a thousand lines, and seconds for each.
        table.put_rows(desk.console.journal.read(window.some, list(table.order)), table.around)
        lines = {}
        for y, number in enumerate(table.order):
            strip = table.render_line(y)
            assert strip.cell_length == table.size.width
            assert strip.text.replace("\xa0", " ").isprintable()  # a space that does not break is drawn as one
            cells = {column.title: strip.crop(column.start, column.end).text for column in columns(table.size.width)}
            lines[number] = {"Sign": strip.crop(0, 3).text.strip()} | {k: v.strip() for k, v in cells.items()}
        return lines, dict(desk.console.journal.read(window.overview, Filter()).counts)


# ----------------------------------------------------------------------------------------------------- what agrees

SAME = (
    "account", "workflow", "workflow_name", "version", "batch", "stage", "status", "reason", "message", "quoted",
    "charged", "execution", "twin_of", "created_at", "finished_at",
)  # fmt: skip
"""What ``--json`` gives under the journal's own name."""


def check_json(row: dict[str, Any], document: dict[str, Any]) -> None:
    assert {name: document[name] for name in SAME} == {name: row[name] for name in SAME}
    assert os.fsencode(document["source"]) == row["source"]


def check_cost(row: dict[str, Any], cell: str) -> None:
    """A figure is what was charged; one in brackets, or none, never hides that something may have been."""
    if row["charged"] is not None:
        assert cell == f"{row['charged']:,}"
        assert row["charged"] == row["spent"]
    elif row["spent"] and row["quoted"] is not None:
        assert cell == f"({row['quoted']:,})"
    elif cell != "-":
        assert cell == f"{row['quoted']:,}"
        assert row["status"] not in ("done", "skipped", "failed", "cancelled")


def check_words(row: dict[str, Any], cells: dict[str, str]) -> None:
    """What the stage's words claim is so."""
    said, status = cells["Stage"], row["status"]
    assert said
    assert cells["Account"] == row["account"]
    if "not paid" in said or "not sent" in said:
        assert row["spent"] == 0 or status != "cancelled", said
    assert (said == "saved") is (status == "done")
    assert said.startswith("cancelled") is (status == "cancelled")
    assert said.startswith("queued") is (status == "ready" and row["stage"] not in ("processed", "saved"))
    assert ("in doubt" in said) is (status == "held" and row["reason"] == "in doubt")


def check_name(row: dict[str, Any], cell: str) -> None:
    """The folder and the name, printable, whole or with a sign where something in the middle is missing."""
    source = Path(os.fsdecode(row["source"]))
    whole = sanitize(f"{source.parent.name}/{source.name}")
    at, pieces = 0, [piece.strip() for piece in cell.split("~")]
    for piece in pieces:
        at = whole.index(piece, at) + len(piece)
    assert whole.strip().endswith(pieces[-1])
    assert len(pieces) > 1 or cell == whole.strip()


def check_line(row: dict[str, Any], cells: dict[str, str], line: str) -> None:
    """``artui jobs`` names the same stage, status or reason, and cost as the others."""
    place = line.rpartition(f"  {row['stage']} ")[2]
    assert place != line
    stands = row["reason"] if row["status"] == "waiting" else row["status"]
    assert place.strip().startswith(sanitize(stands))
    assert row["status"] == "waiting" or not row["reason"] or sanitize(worded(row["reason"])) in place
    assert line.split()[-1] == cells["Cost"]


async def look(capsys: pytest.CaptureFixture[str]) -> None:
    rows, documents, lines = in_the_journal(), as_json(capsys), as_text(capsys)
    table, counts = await in_the_table()
    assert rows.keys() == documents.keys() == table.keys() == lines.keys()
    signs = defaultdict(set)
    for number, row in rows.items():
        check_json(row, documents[number])
        check_cost(row, table[number]["Cost"])
        check_words(row, table[number])
        check_name(row, table[number]["File"])
        check_line(row, table[number], lines[number])
        signs[table[number]["Stage"]].add(row["status"])
    assert {said: stands for said, stands in signs.items() if len(stands) > 1}.keys() <= SHARED
    assert counts == Counter(group(Status(row["status"]), row["reason"]) for row in rows.values())
    with open_journal(paths()) as journal:
        totals = journal.read(window.overview, Filter()).totals["studio"]
    assert totals.jobs == len(rows)
    assert totals.charged == sum(row["charged"] or 0 for row in rows.values())


SHARED = {"waits: disk full"}
"""What two statuses say alike, for it is the same to a person."""


async def test_every_state_looks_the_same_from_all_sides(
    long: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    for number, draw in enumerate(drawn(200 if long else 2)):
        monkeypatch.setenv("ARTUI_HOME", str(home / str(number)))
        fill(draw)
        await look(capsys)


def drawn(number: int) -> Iterator[Draw]:
    """So many draws, always the same ones."""
    found: list[Draw] = []

    @settings(max_examples=number, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(DRAWS)
    def keep(draw: Draw) -> None:
        found.append(draw)

    keep()
    yield from found
