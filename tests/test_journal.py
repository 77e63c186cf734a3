"""The journal: durable, guarded, shared by processes, and strict about the file it is given."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from artui.journal import (
    Connection,
    Journal,
    JournalProblem,
    Stale,
    Unwritable,
    claims,
    history,
    holds,
    jobs,
    prices,
    purchases,
    requests,
    unsaved,
)
from artui.journal.store import rows
from artui.model.job import Batch, Job
from artui.model.states import BEFORE_PAYING, Kind, PurchaseState, Reason, Stage, Status
from tests.samples import new_job

DAY = {"day": "2026-11-22", "month": "2026-11"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state" / "journal.db") as journal:
        yield journal


def added(journal: Journal, number: int = 1, **given: Any) -> list[Job]:
    """Jobs in the journal, taken by an engine."""
    journal.write(jobs.add, None, [new_job(**given) for _ in range(number)])
    return journal.write(claims.claim, "studio", BEFORE_PAYING, time.time(), number)


def checked(journal: Journal, job: Job, digest: str = "d") -> Job:
    return journal.write(jobs.check_in, job, digest=digest, media_type="image/jpeg", width=1, height=1)


def intended(journal: Journal, job: Job, key: str = "k1", number: int = 1) -> Job:
    """A job whose paid call is about to be sent."""

    def act(db: Connection) -> Job:
        purchases.intend(db, job, key=key, number=number, kind=Kind.CREATE, draft="{}", reserved=10, mark="", **DAY)
        return jobs.move(db, job, Stage.SUBMITTING, Status.RUNNING, "intent", purchase=number)

    return journal.write(act)


# -------------------------------------------------------------------------------------------------------- the file


def test_every_file_is_private_from_birth_whatever_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        with Journal(tmp_path / "state" / "journal.db") as journal:
            journal.write(jobs.add, None, [new_job()])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in journal.path.parent.iterdir()}
    finally:
        os.umask(previous)
    assert set(modes) == {"journal.db", "journal.db-wal", "journal.db-shm"}
    assert set(modes.values()) == {0o600}


def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database, whatever its name says" * 200)
    with pytest.raises(JournalProblem, match="artui recover"):
        Journal(path)
    assert path.read_bytes().startswith(b"this is no database")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(JournalProblem, match="newer artui"):
        Journal(path)


def test_who_reads_and_then_writes_keeps_the_log_when_another_program_leaves(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.read(history.page)
        journal.write(jobs.add, None, [new_job()])
        log = path.with_name("journal.db-wal").stat().st_ino
        look = "import sys, sqlite3; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT 1 FROM jobs'); db.close()"
        subprocess.run([sys.executable, "-c", look, path], check=True)
        assert path.with_name("journal.db-wal").stat().st_ino == log
        journal.write(jobs.add, None, [new_job()])
        with sqlite3.connect(path) as db:
            assert db.execute("SELECT COUNT(*) FROM jobs").fetchone() == (2,)
        db.close()


def test_a_folder_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.config.system._is_on_disk", lambda folder: False)
    monkeypatch.setattr("artui.config.system._magic", lambda folder: 0x6969)
    with pytest.raises(JournalProblem, match="NFS"):
        Journal(tmp_path / "journal.db")


def test_a_migration_keeps_a_copy_and_a_failed_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.write(jobs.add, None, [new_job()])

    def breaks(db: Connection) -> None:
        db.execute("DROP TABLE marks")
        raise RuntimeError("half way")

    steps = __import__("artui.journal.schema", fromlist=["MIGRATIONS"]).MIGRATIONS
    monkeypatch.setattr("artui.journal.store.MIGRATIONS", (*steps, breaks))
    with pytest.raises(RuntimeError, match="half way"):
        Journal(path)
    monkeypatch.setattr("artui.journal.store.MIGRATIONS", steps)
    with Journal(path) as journal:
        assert len(journal.read(history.page)) == 1
        assert journal.read(lambda db: db.execute("SELECT COUNT(*) FROM marks").fetchone()) == (0,)
    copy = path.with_name(f"journal.db.schema-{len(steps)}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


# -------------------------------------------------------------------------------------------------------- writing


async def test_writes_that_wait_share_a_commit_and_a_refused_one_takes_nobody_along(journal: Journal) -> None:
    taken = added(journal, 50)
    stale = await journal.write_async(jobs.move, taken[7], Stage.NEW, Status.READY, "put back")
    before = journal.commits
    answers = await asyncio.gather(
        *(journal.write_async(jobs.move, job, Stage.CHECKED, Status.RUNNING, "checked") for job in taken),
        return_exceptions=True,
    )
    assert isinstance(answers[7], Stale)
    assert all(isinstance(answer, Job) for index, answer in enumerate(answers) if index != 7)
    assert journal.commits - before < 25
    assert journal.read(jobs.get, stale.id).place == (Stage.NEW, Status.READY)


async def test_a_commit_wakes_the_loop_once_however_many_wait_for_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, woken = asyncio.get_running_loop(), 0
    call = loop.call_soon_threadsafe

    def counted(*given: Any, **named: Any) -> asyncio.Handle:
        nonlocal woken
        woken += 1
        return call(*given, **named)

    await journal.write_async(lambda db: None)
    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    commits = journal.commits
    await asyncio.gather(*(journal.write_async(lambda db: None) for _ in range(50)))
    assert woken == journal.commits - commits < 50


async def test_giving_up_waiting_does_not_undo_a_write(journal: Journal) -> None:
    waiting = asyncio.ensure_future(journal.write_async(jobs.add, None, [new_job()]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await journal.write_async(lambda db: None)
    assert len(journal.read(history.page)) == 1


def test_what_cannot_be_made_durable_is_told_to_everybody_who_waits(journal: Journal) -> None:
    added(journal)

    def full(db: Connection) -> None:
        raise apsw.FullError("disk is full")

    with pytest.raises(Unwritable):
        journal.write(full)
    assert len(journal.read(history.page)) == 1


def test_a_killed_writer_leaves_what_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    program = (
        "import sys, itertools\nfrom pathlib import Path\nfrom artui.journal import Journal, jobs\n"
        "from tests.samples import new_job\njournal = Journal(Path(sys.argv[1]))\n"
        "for n in itertools.count():\n    print(journal.write(jobs.add, None, [new_job()])[0], flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(40)]
        child.kill()
        acknowledged += [int(line) for line in child.stdout.read().splitlines() if line.strip()]
    with Journal(path) as journal:
        assert journal.read(lambda db: db.pragma("integrity_check")) == "ok"
        assert {job.id for job in journal.read(history.page)} >= set(acknowledged)


def test_two_processes_write_to_one_journal(journal: Journal) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom artui.journal import Journal, jobs\n"
        "from tests.samples import new_job\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for n in range(100): journal.write(jobs.add, None, [new_job(stem_key=f'{sys.argv[2]}{n}')])\n"
    )
    seen = journal.changes()
    children = [subprocess.Popen([sys.executable, "-c", program, str(journal.path), name]) for name in "ab"]
    assert [child.wait(60) for child in children] == [0, 0]
    assert journal.changes() != seen
    assert len(journal.read(history.page)) == 200


# ---------------------------------------------------------------------------------------------------------- moves


def test_a_move_is_guarded_by_stage_status_and_purchase(journal: Journal) -> None:
    [job] = added(journal)
    journal.write(jobs.move, job, Stage.CHECKED, Status.RUNNING, "checked")
    with pytest.raises(Stale):
        journal.write(jobs.move, job, Stage.CHECKED, Status.RUNNING, "checked")
    kept = journal.write(jobs.move_if_current, job, Stage.CHECKED, Status.RUNNING, "checked")
    assert kept.stage is Stage.CHECKED


def test_a_stage_never_falls_within_a_purchase(journal: Journal) -> None:
    job = checked(journal, added(journal)[0])
    with pytest.raises(ValueError, match="cannot go"):
        journal.write(jobs.move, job, Stage.NEW, Status.READY, "back")


def test_every_move_leaves_an_event_that_agrees_with_the_row(journal: Journal) -> None:
    job = intended(journal, checked(journal, added(journal)[0]))
    last = journal.read(history.of_job, job.id)
    assert [event.what for event in last] == ["added", "taken", "checked", "intent"]
    assert (last[-1].stage, last[-1].status) == job.place
    assert [event.seq for event in journal.read(history.since, 0)] == list(range(1, 5))


def test_only_a_final_job_has_a_finish_time_and_a_held_one_a_reason(journal: Journal) -> None:
    [job] = added(journal)
    with pytest.raises(ValueError, match="no hold"):
        journal.write(jobs.move, job, Stage.NEW, Status.HELD, "held")
    with pytest.raises(apsw.ConstraintError):
        journal.write(lambda db: db.execute("UPDATE jobs SET status = 'held'"))
    done = journal.write(jobs.move, job, Stage.NEW, Status.FAILED, "failed", reason="empty")
    assert done.finished_at is not None


def test_jobs_are_taken_oldest_first_and_waiting_ones_when_due(journal: Journal) -> None:
    taken = added(journal, 3)
    now = time.time()
    for job, due in zip(taken, (now + 60, now - 1, now - 2), strict=True):
        journal.write(jobs.move, job, Stage.NEW, Status.WAITING, "later", reason=Reason.TRY_AGAIN, due=due)
    assert journal.read(claims.next_due, "studio", BEFORE_PAYING) == pytest.approx(now - 2)
    now_due = journal.write(claims.claim, "studio", BEFORE_PAYING, now, 9)
    assert [job.id for job in now_due] == [taken[1].id, taken[2].id]


def test_what_a_clock_put_down_that_was_ahead_is_due_when_an_engine_starts(journal: Journal) -> None:
    year, hour, now = 365 * 86400.0, 3600.0, time.time()
    waiting = [
        journal.write(jobs.move, job, Stage.NEW, Status.WAITING, "put off", reason=Reason.HOURS, due=now + ahead)
        for job, ahead in zip(added(journal, 2), (year, hour), strict=True)
    ]
    rows = [(job.id, now + ahead) for job, ahead in zip(waiting, (year, hour), strict=True)]
    for insert in (
        "deliveries (job, due, command, wanted, state, changed_at) VALUES (?, ?, '', '', 'pending', 0)",
        "notified (kind, next_at, target, told) VALUES (?, ?, 'phone', 0)",
    ):
        journal.write(lambda db, insert=insert: db.executemany(f"INSERT INTO {insert}", rows))
    journal.write(requests.bring_forward, now)
    for ask in (
        "SELECT due FROM jobs WHERE due IS NOT NULL ORDER BY id", "SELECT due FROM deliveries ORDER BY job",
        "SELECT next_at FROM notified ORDER BY kind",
    ):  # fmt: skip
        assert journal.read(lambda db, ask=ask: [at for (at,) in db.execute(ask)]) == [now, now + hour], ask


def test_where_a_clock_was_put_back_by_an_hour_what_is_tried_again_is_due_at_a_start(journal: Journal) -> None:
    now = time.time()
    hour, minute = (
        journal.write(jobs.move, job, Stage.NEW, Status.WAITING, "put off", reason=Reason.TRY_AGAIN, due=now + ahead)
        for job, ahead in zip(added(journal, 2), (3600.0, 60.0), strict=True)
    )
    journal.write(requests.bring_forward, now)
    assert [journal.read(jobs.get, job.id).due for job in (hour, minute)] == [now, now + 60.0]


def test_only_what_finds_no_room_says_that_a_folder_is_full(journal: Journal) -> None:
    [job] = added(journal, 1)

    def unwritable(status: Status, reason: Reason, *roomless: int) -> int:
        fresh = journal.read(jobs.get, job.id)
        journal.write(jobs.move, fresh, Stage.PROCESSED, status, "moved", reason=reason)
        return journal.read(unsaved.in_folder, job.folder, roomless).unwritable

    assert unwritable(Status.HELD, Reason.DISK_FULL) == 1
    assert unwritable(Status.WAITING, Reason.TRY_AGAIN, job.id) == 1, "while it is tried again"
    assert unwritable(Status.WAITING, Reason.TRY_AGAIN) == 0
    assert unwritable(Status.HELD, Reason.DAMAGED, job.id) == 0, "it is held for something else by now"


def test_one_photo_has_one_buyer(journal: Journal) -> None:
    first, second, other = added(journal, 3)
    buyer = checked(journal, first)
    twin = checked(journal, second)
    assert (buyer.buys, twin.buys, twin.twin_of) == (True, False, buyer.id)
    assert checked(journal, other, "another").buys
    journal.write(jobs.move, buyer, Stage.CHECKED, Status.FAILED, "refused", reason="x")
    promoted = journal.read(jobs.get, twin.id)
    assert promoted is not None
    assert (promoted.buys, promoted.twin_of, promoted.status) == (True, None, Status.READY)


def test_twins_of_a_photo_that_may_have_been_paid_are_held_with_it(journal: Journal) -> None:
    first, second = added(journal, 2)
    buyer, twin = checked(journal, first), checked(journal, second)
    buyer = intended(journal, buyer)
    journal.write(jobs.move, buyer, Stage.SUBMITTING, Status.HELD, "in doubt", reason=Reason.IN_DOUBT)
    held = journal.read(jobs.get, twin.id)
    assert held is not None
    assert held.status is Status.HELD


# ------------------------------------------------------------------------------------------------------ purchases


def test_a_fact_is_taken_whatever_became_of_the_job(journal: Journal) -> None:
    job = intended(journal, checked(journal, added(journal)[0]))
    journal.write(purchases.presume_spent, "k1")
    journal.write(jobs.move, job, Stage.SUBMITTING, Status.FAILED, "given up", reason="given up")
    journal.write(purchases.record_execution, "k1", "e1")
    purchase = journal.read(purchases.by_key, "k1")
    assert (purchase.state, purchase.execution) == (PurchaseState.KNOWN, "e1")
    assert [what for _, what, _, _ in journal.read(history.facts, job.id)] == ["presumed spent", "execution"]


def test_facts_can_be_neither_changed_nor_deleted(journal: Journal) -> None:
    intended(journal, checked(journal, added(journal)[0]))
    journal.write(purchases.record_refusal, "k1")
    for statement in ("UPDATE facts SET what = 'x'", "DELETE FROM facts"):
        with pytest.raises(apsw.ConstraintError):
            journal.write(lambda db, sql=statement: db.execute(sql))


def spent(journal: Journal, **given: Any) -> purchases.Spent:
    return journal.read(purchases.spent, "studio", **{**DAY, **given})


def test_a_reservation_counts_until_it_is_charged_or_refused(journal: Journal) -> None:
    job = intended(journal, checked(journal, added(journal)[0]))
    assert spent(journal, run=job.run) == purchases.Spent(open=10, day=10, month=10, run=10)
    assert spent(journal, day="2026-11-23").day == 10, "open money counts in every period"
    journal.write(purchases.record_refusal, "k1")
    assert spent(journal, run=job.run) == purchases.Spent()
    journal.write(purchases.intend, job, key="k1", number=1, kind=Kind.CREATE, draft="{}", reserved=10, mark="", **DAY)
    journal.write(purchases.record_execution, "k1", "e1")
    sent = journal.write(
        jobs.move, job, Stage.SUBMITTED, Status.WAITING, "sent", reason=Reason.AT_SERVICE, due=0.0, execution="e1"
    )
    assert spent(journal).day == 10
    assert journal.write(purchases.record_charge, sent, 12) == 12
    assert spent(journal, run=job.run) == purchases.Spent(day=12, month=12, run=12)
    assert spent(journal, day="2026-11-23").day == 0


def test_what_a_job_counts_is_the_same_in_python_in_sql_and_in_the_sums_that_are_kept(journal: Journal) -> None:
    quotes = (None, 0, 1, 7)
    for number, quoted in enumerate(quotes):
        journal.write(jobs.add, None, [new_job(quoted=quoted, account=f"a{number}")])
        [job] = journal.write(claims.claim, f"a{number}", BEFORE_PAYING, time.time(), 1)
        journal.write(lambda db, job=job: jobs.move(db, job, job.stage, Status.HELD, "held", reason=Reason.CREDITS))
    sums = journal.read(rows, f"SELECT SUM({prices.WEIGHT_SQL}) FROM jobs GROUP BY account ORDER BY account")
    kept = journal.read(rows, "SELECT SUM(quoted), SUM(to_come) FROM tally GROUP BY account ORDER BY account")
    assert [weight for (weight,) in sums] == [prices.weight(quoted) for quoted in quotes] == [1, 0, 1, 7]
    assert kept == [(prices.weight(quoted),) * 2 for quoted in quotes]


def test_doubt_given_up_counts_as_spent_on_its_day(journal: Journal) -> None:
    intended(journal, checked(journal, added(journal)[0]))
    journal.write(purchases.presume_spent, "k1")
    assert (spent(journal).open, spent(journal).day) == (0, 10)


# ------------------------------------------------------------------------------------------------------- recovery


def test_recovery_puts_back_what_is_free_and_looks_up_what_may_be_paid(journal: Journal) -> None:
    _, paid, refused = added(journal, 3)
    paid = intended(journal, checked(journal, paid, "p"), "k1")
    intended(journal, checked(journal, refused, "r"), "k2")
    journal.write(purchases.record_refusal, "k2")
    assert journal.write(holds.recover, "studio", 77.0) == 3
    places = [(job.status, job.reason, job.due) for job in journal.read(history.page)]
    assert places == [(Status.READY, "", None), (Status.WAITING, Reason.LOOKING, 77.0), (Status.READY, "", None)]


def test_the_idle_engine_ends_only_in_a_transaction_that_sees_no_work(journal: Journal) -> None:
    generation = journal.write(requests.engine_starts, 1, "host", "background", "0")
    journal.write(jobs.add, Batch("b", "b", "studio", 0.0), [new_job(batch="b")])
    assert not journal.write(requests.engine_ends, generation, only_if_idle=True)
    [job] = journal.write(claims.claim, "studio", BEFORE_PAYING, 0.0, 1)
    journal.write(jobs.move, job, Stage.NEW, Status.CANCELLED, "cancelled")
    assert journal.write(requests.engine_ends, generation, only_if_idle=True)


def test_a_new_engine_ends_by_a_request_that_names_it_and_by_no_other(journal: Journal) -> None:
    for_the_last = journal.write(requests.enqueue, "stop", pid=1)
    for_this_one = journal.write(requests.enqueue, "stop", pid=2)
    journal.write(requests.engine_starts, 2, "host", "background", "0")
    assert [request.id for request in journal.read(requests.pending)] == [for_this_one]
    assert journal.read(requests.outcome, for_the_last) == requests.Reply(
        refused=True, message="the engine this was meant for is gone"
    )


def test_a_request_is_answered_once(journal: Journal) -> None:
    number = journal.write(requests.enqueue, "pause", account="studio")
    assert journal.read(requests.outcome, number) is None
    [request] = journal.read(requests.pending)
    journal.write(requests.finish, request, "paused")
    journal.write(requests.finish, request, "again")
    assert journal.read(requests.outcome, number) == requests.Reply(refused=False, message="paused")
