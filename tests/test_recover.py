"""``artui recover``: a journal that is missing, older or damaged goes on without a photo paid twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC
from functools import partial
from pathlib import Path

import pytest

from artui.cli.exits import Exit
from artui.config import paths
from artui.engine.recovery import ServiceListing, settle
from artui.journal import Journal, accounts, found, jobs, purchases, rescue, rules
from artui.providers.base import ExecutionStatus, State
from artui.sim.server import Simulator
from tests.desk import Desk
from tests.samples import new_job


@pytest.fixture
def stand_in(simulator: Simulator) -> Simulator:
    """A stand-in for each test: no journal but its own has ordered there."""
    return simulator


@pytest.fixture
def older(desk: Desk) -> Desk:
    """A desk whose journal is a copy from before three of its four photos were paid, results gone with it."""
    desk.photo("first.jpg", 0)
    desk.send()
    desk("pause")
    for seed in range(1, 4):
        desk.photo(f"later {seed}.jpg", seed)
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    desk("stop")
    copy = desk.folder / "older"
    shutil.copytree(paths().state, copy)
    desk("resume")
    assert desk("wait").code == Exit.OK
    desk("stop")
    shutil.rmtree(paths().state)
    shutil.copytree(copy, paths().state)
    return desk


def test_a_sound_journal_needs_nothing(desk: Desk) -> None:
    assert "never was one" in desk("recover").err
    desk("jobs")
    assert desk("recover").err == "The journal is right.\n"


def test_an_older_copy_is_refused_until_the_service_was_asked(older: Desk) -> None:
    charges = len(older.simulator.ledger)
    for command in (["status"], ["jobs"], ["submit", str(older.inbox), "-w", "Export only", "--yes"]):
        said = older(*command)
        assert said.code == Exit.USAGE
        assert "artui recover" in said.err
    assert older("recover").code == Exit.USAGE
    assert older("recover", "--dry-run").code == Exit.OK
    assert older("jobs").code == Exit.USAGE
    said = older("recover", "--yes")
    assert said.code == Exit.OK, said.err
    assert "3 were bought whose photos are not known here" in said.err
    older("resume")
    assert older("wait").code == Exit.OK
    assert [job["status"] for job in older.jobs()[:4]] == ["done"] * 4
    assert len(older.simulator.ledger) == charges
    assert len(list(older.out.iterdir())) == 4


def test_what_is_found_is_fetched_without_its_photo_into_a_folder(older: Desk) -> None:
    charges = len(older.simulator.ledger)
    for photo in older.inbox.glob("later*"):
        photo.unlink()
    assert older("recover", "--yes", "--fetch", older.folder / "rescued").code == Exit.OK
    older("resume")
    assert older("wait").code == Exit.FAILED  # the photos that wait here are gone
    assert sorted(path.name for path in (older.folder / "rescued").iterdir()) == [
        "later 1.png", "later 2.png", "later 3.png"
    ]  # fmt: skip
    assert len(older.simulator.ledger) == charges
    older("stop")
    assert "no result to fetch" in older("recover", "--fetch", older.out).err


def test_what_is_found_and_not_charged_yet_counts_at_its_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTUI_HOME", str(tmp_path))
    paths().create()
    price = json.dumps({"name": "Cut", "version": "1", "price": 10})
    with Journal(paths().journal) as journal:
        journal.write(accounts.keep_workflows, "studio", {"cut": price})
        entries = [
            ExecutionStatus(state.value, state, state.value, charged, key=journal.write(purchases.new_key), version="1")
            for state, charged in ((State.UNPAID, 0), (State.RUNNING, None), (State.DONE, 14))
        ]
        listing = ServiceListing("autoretouch here acme", "here", "acme", {"cut": entries})
        settle(paths(), journal, {"studio": listing}, {"studio": "autoretouch"}, UTC)
        found = journal.read(purchases.amounts, "studio", {"open": ""})
    assert found == {"open": 10 + 10 + 14}


def test_what_cannot_be_asked_about_is_held_for_a_person(older: Desk) -> None:
    charges = len(older.simulator.ledger)
    said = older("recover", "--yes", "--offline")
    assert said.code == Exit.PERSON
    assert said.err.count("may have been paid before") == 3
    assert "followed" not in said.err
    assert [job["reason"] for job in older.jobs()[1:]] == ["journal recovered"] * 3
    older("resume")
    assert older("wait").code == Exit.PERSON
    older.photo("new.jpg", 9)
    assert older.send().code == Exit.PERSON
    assert older("cancel", "2").code == Exit.OK
    assert "is then paid twice" in older("retry", "3").err
    assert older("retry", "3").code == Exit.USAGE, "nobody has agreed to the price"
    assert len(older.simulator.ledger) == charges
    assert older("retry", "3", "--yes").code == Exit.OK
    assert older("wait").code == Exit.PERSON
    assert len(older.simulator.ledger) == charges + 1  # a person's own decision


def test_all_that_may_have_been_paid_is_sent_at_once_by_a_person_who_saw_the_price(older: Desk) -> None:
    older("recover", "--yes", "--offline")
    older("resume")
    charges = len(older.simulator.ledger)
    assert "sent for at most 30 credits: 3 photos that may have been paid before" in older("resume", "--recovered").err
    assert older("wait").code == Exit.PERSON
    assert len(older.simulator.ledger) == charges
    assert older("resume", "--recovered", "--yes").code == Exit.OK
    assert older("wait").code == Exit.OK
    assert len(older.simulator.ledger) == charges + 3
    older.photo("new.jpg", 9)
    older.send()
    older("stop")
    assert "A copy of this journal has paid" in older("recover", "--yes").err, "its list shows what nobody took in"
    assert older("wait").code == Exit.PERSON, "three were bought twice, as was said; their first results wait"
    assert older("cancel", *(str(job["id"]) for job in older.jobs() if job["status"] == "held")).code == Exit.OK
    assert older("wait").code == Exit.OK
    assert len(older.simulator.ledger) == charges + 4


def test_a_damaged_journal_is_rebuilt_row_by_row(desk: Desk) -> None:
    for seed in range(3):
        desk.photo(f"{seed}.jpg", seed)
    desk.send()
    desk("stop")
    before = desk.jobs()
    file = paths().journal
    damage(file, "jobs_status")
    damage(file, "events")
    assert rescue.complaints(file)
    said = desk("recover", "--yes")
    assert said.code == Exit.OK, said.err
    assert said.err.count("the rest cannot be read") == 1
    assert rescue.complaints(file) == []
    assert desk.jobs() == before
    assert [path for path in file.parent.iterdir() if path.name.startswith("journal.db.2")]
    charges = len(desk.simulator.ledger)
    assert desk.send().code == Exit.OK
    assert len(desk.simulator.ledger) == charges


def test_a_rebuilt_journal_keeps_rules_their_pause_and_what_they_have_seen(desk: Desk) -> None:
    desk("jobs")
    file = paths().journal
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(
            "INSERT INTO rules (id, name, folder, account, twins, since, paused)"
            " VALUES ('r', 'boots', x'2f', 's', '', 1, 1)"
        )
        db.execute("INSERT INTO seen VALUES ('r', x'61', 1, 1, 'existing', NULL, '', '', NULL, 1)")
        db.execute("INSERT INTO happenings (rule, at, what, message) VALUES ('r', 1, 'paused', '')")
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        before = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    damage(file, "jobs_status")
    rescue.rebuild(file, fresh := file.with_name("fresh.db"))
    with closing(sqlite3.connect(fresh)) as db:
        after = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    engine, engine_after = before.pop("engine"), after.pop("engine")
    assert after == before
    assert len(engine) == len(engine_after) == 1


def damage(file: Path, part: str) -> None:
    """Overwrite the first page of a table or index."""
    with closing(sqlite3.connect(file)) as db:
        [page] = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (part,)).fetchone()
        size = db.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\x55" * size
    file.write_bytes(content)


def test_a_missing_or_hopeless_journal_is_begun_anew_only_when_agreed(desk: Desk) -> None:
    desk.photo()
    desk.send()
    desk("stop")
    paths().journal.unlink()
    said = desk("jobs")
    assert said.code == Exit.USAGE
    assert "is missing, but there was one" in said.err
    assert desk("recover").code == Exit.USAGE
    assert not paths().journal.exists()
    said = desk("recover", "--yes")
    assert said.code == Exit.OK
    assert "taken in from every service that has a list" in said.err
    assert [job["source"] for job in desk.jobs()] == ["boot.jpg"]
    damage(paths().journal, "jobs")
    said = desk("jobs")
    assert said.code == Exit.USAGE
    assert "artui recover" in said.err
    paths().journal.write_bytes(b"no database at all, whatever its name says " * 200)
    said = desk("recover", "--yes")
    assert said.code == Exit.OK
    assert "jobs: 0 rows, the rest cannot be read" in said.err
    desk.photo("another.jpg", 2)
    assert desk.send().code == Exit.OK


def test_what_was_found_counts_in_the_caps_of_a_rule_before_and_after_its_photo_turns_up(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.write(
            lambda db: db.execute(
                "INSERT INTO rules (id, name, folder, account, run, day, month, twins, since)"
                " VALUES ('r', 'boots', x'2f', 'studio', 500, 50, 300, 'once', 0)"
            ).fetchall()
        )
        theirs = new_job(quoted=10)
        job = journal.write(partial(found.add, new=theirs, key="k", execution="e", reference="d", day="2026-05-10"))

        def counted() -> tuple[int, int, int]:
            sums = journal.read(rules.spent, "r", "studio", "2026-05-10")
            return sums.today, sums.month + sums.open, sums.run

        assert counted() == (10, 10, 10)
        journal.write(purchases.record_charge, job, 12)
        assert counted() == (12, 12, 12)
        assert journal.read(rules.spent, "r", "studio", "2026-06-01").today == 0
        [own] = journal.write(jobs.add, None, [new_job(rule="r", quoted=10)])
        journal.write(lambda db: db.execute("UPDATE jobs SET digest = 'd', buys = 1 WHERE id = ?", (own,)).fetchall())
        photo = journal.read(jobs.get, own)
        assert photo
        claimed = journal.write(found.claim, photo)
        assert claimed.execution == "e"
        assert counted() == (12, 12, 12), "once, and as the rule's own from now on"
        journal.write(purchases.record_charge, claimed, 15)
        assert counted() == (15, 15, 15)
