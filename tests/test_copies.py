"""A copy of the journal put back, or gone on with elsewhere, pays for nothing a second time."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from artui.cli.exits import Exit
from artui.config import paths
from artui.engine.anchor import Anchor, AnchorFile, Displaced, open_journal, read_anchor
from artui.journal import origins, purchases, requests
from artui.sim.server import Simulator
from tests.desk import Desk


@pytest.fixture
def stand_in(simulator: Simulator) -> Simulator:
    """A stand-in for each test: no journal but its own has ordered there."""
    return simulator


def backed_up_while_running(target: Path) -> None:
    """SQLite's own backup, as any tool makes it."""
    with closing(sqlite3.connect(paths().journal)) as db, closing(sqlite3.connect(target)) as copy:
        db.backup(copy)


def put_back(copy: Path) -> None:
    journal = paths().journal
    for part in ("", "-wal", "-shm"):
        journal.with_name(journal.name + part).unlink(missing_ok=True)
    shutil.copy(copy, journal)


def bought(desk: Desk) -> int:
    return len(desk.simulator.ledger)


def test_a_backup_put_back_within_one_life_of_an_engine_is_no_journal_to_go_on_with(desk: Desk) -> None:
    desk.photo("first.jpg", 0)
    desk.send()
    copy = desk.folder / "copy.db"
    backed_up_while_running(copy)
    for seed in range(1, 6):
        desk.photo(f"later {seed}.jpg", seed)
    desk.send()
    desk("stop")
    put_back(copy)
    for command in ("status", "jobs", "wait"):
        assert "older copy" in desk(command).err
    assert desk.send().code == Exit.USAGE
    assert bought(desk) == 6
    assert desk("recover", "--yes").code == Exit.OK
    shutil.rmtree(desk.out)
    desk.photo("copy of 3.jpg", 3)
    said = desk.send()
    assert said.code == Exit.OK, said.err
    assert bought(desk) == 6
    assert {path.stem for path in desk.out.iterdir()} >= {f"later {seed}" for seed in range(1, 6)} | {"copy of 3"}


def test_what_a_lost_journal_had_bought_is_not_bought_again(desk: Desk) -> None:
    for seed in range(3):
        desk.photo(f"{seed}.jpg", seed)
    desk.send()
    desk("stop")
    shutil.rmtree(paths().state)
    assert "is missing, but there was one" in desk("jobs").err
    assert desk("recover", "--yes").code == Exit.OK
    desk.photo("renamed.jpg", 1)
    (desk.inbox / "1.jpg").unlink()
    assert desk.send("--cap", "40").code == Exit.OK
    assert bought(desk) == 3
    assert desk("status", "--json").code == Exit.OK


@pytest.mark.parametrize("trouble", ["folder", "machine", "anchor gone", "another journal"])
def test_a_journal_elsewhere_is_refused_until_recovered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    desk.photo()
    desk.send()
    desk("stop")
    match trouble:
        case "folder":
            home = paths().state.parent
            shutil.copytree(home, desk.folder / "copied")
            monkeypatch.setenv("ARTUI_HOME", str(desk.folder / "copied"))
        case "machine":
            with closing(sqlite3.connect(paths().journal)) as db, db:
                db.execute("UPDATE engine SET machine = 'another'")
        case "anchor gone":
            paths().anchor.unlink()
        case "another journal":
            with closing(sqlite3.connect(paths().journal)) as db, db:
                db.execute("UPDATE meta SET value = 'another' WHERE key = 'uuid'")
    desk.photo("second.jpg", 2)
    assert desk.send().code == Exit.USAGE
    assert bought(desk) == 1
    assert desk("recover", "--yes").code == Exit.OK
    assert desk.send().code == Exit.OK
    assert bought(desk) == 2


def test_an_empty_journal_needs_no_anchor_and_an_old_anchor_counts_by_its_generation(desk: Desk) -> None:
    desk("jobs")
    assert read_anchor(paths()) is None
    desk.photo()
    desk.send()
    desk("stop")
    remembered = read_anchor(paths())
    assert remembered is not None
    paths().anchor.write_text(json.dumps({"uuid": remembered.uuid, "generation": remembered.generation}))
    assert desk("jobs").code == Exit.OK
    paths().anchor.write_text(json.dumps({"uuid": remembered.uuid, "generation": remembered.generation + 1}))
    assert "older copy" in desk("jobs").err


def test_an_anchor_is_one_record_that_only_counts_up(desk: Desk) -> None:
    desk("jobs")
    with open_journal(paths()) as journal:
        file = AnchorFile(paths(), journal)
        size, inode = paths().anchor.stat().st_size, paths().anchor.stat().st_ino
        file.advance(7)
        file.advance(3)
        file.close()
        assert (paths().anchor.stat().st_size, paths().anchor.stat().st_ino) == (size, inode)
        remembered = read_anchor(paths())
        assert remembered is not None
        assert remembered.intents == 7
        assert remembered.origin == journal.read(origins.current)


@pytest.mark.parametrize("spoil", [
    lambda record: record[:60], lambda record: b"", lambda record: record.replace(b'"intents": 7', b'"intents": 2'),
    lambda record: b"[1, 2]", lambda record: b"\xff" * 256, lambda record: b'{"uuid": 1, "generation": "x"}',
])  # fmt: skip
def test_an_anchor_that_does_not_add_up_is_refused(desk: Desk, spoil: Callable[[bytes], bytes]) -> None:
    paths().create()
    paths().anchor.write_bytes(spoil(Anchor("journal", 3, 7, "origin").record()))
    with pytest.raises(Displaced, match="artui recover"):
        read_anchor(paths())


def test_where_the_anchor_cannot_be_written_nothing_is_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    script = desk.folder / "sitecustomize.py"
    script.write_text(
        "import artui.engine.anchor\n"
        "def refuse(self, intents):\n"
        "    raise OSError(28, 'No space left on device')\n"
        "artui.engine.anchor.AnchorFile.advance = refuse\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(desk.folder))
    desk.photo()
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    desk.until(lambda: desk.jobs()[0]["status"] == "held")
    assert desk.jobs()[0]["reason"] == "disk full"
    assert bought(desk) == 0


def test_a_twin_at_work_stops_what_is_unpaid_and_nothing_else(desk: Desk) -> None:
    """A clone of the machine: the same machine, folder and origin, so that only the service's list shows it."""
    desk.photo("first.jpg", 0)
    desk.send()
    desk("stop")
    home = paths().state.parent
    clone = desk.folder / "clone"
    shutil.copytree(home, clone)
    desk.photo("of both.jpg", 1)
    desk.send()
    desk("stop")
    charges = bought(desk)
    shutil.move(home, desk.folder / "original")
    shutil.move(clone, home)
    assert desk.send().code == Exit.PERSON
    assert bought(desk) == charges
    [held] = [job for job in desk.jobs() if job["status"] == "held"]
    assert held["reason"] == "journal recovered"
    assert "a copy of this journal" in held["message"]
    desk("stop")
    assert "A copy of this journal has paid" in desk("recover").err
    assert desk("recover", "--yes").code == Exit.OK
    assert desk("wait").code == Exit.OK
    assert bought(desk) == charges
    assert sum(path.stem.startswith("of both") for path in desk.out.iterdir()) == 1, "the one that lay there is it"


def test_each_intent_counts_a_refused_key_s_second_one_too(desk: Desk) -> None:
    desk.photo()
    desk.send()
    desk("stop")
    with open_journal(paths()) as journal:
        assert journal.read(requests.intents) == 1
        key = journal.read(purchases.new_key)
        assert origins.of_key(key) == journal.read(origins.current)
        assert origins.of_key("6b0c54f4-6f4c-4c5e-9a53-0a7f3c1f2a11") == ""
