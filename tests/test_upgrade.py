"""A journal that an older artui wrote opens with today's, and says the same of every photo, purchase, cap and file.

``fixtures/journal-schema-1.db.gz`` was written by the program at commit 960edc4 (``user_version`` 1) in a run of its
own at the stand-in, all three services: jobs done, skipped as twins, failed, refused, cancelled, held for each of many
reasons and waiting at the service; purchases charged, refused, under way, in doubt and presumed spent; watched folders
with what was seen in them. ``lan``, ``portraits`` and ``shop`` bought photos under both spellings of one address.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from artui.config import paths
from artui.journal import Journal, accounts, history, jobs, purchases, rescue, rules, window
from artui.journal.following import Scope
from artui.journal.schema import MIGRATIONS
from artui.model.holds import CapKind, PauseOf
from artui.model.states import PurchaseState, Reason, Status
from artui.model.watching import RuleCause

FIXTURE = Path(__file__).parent / "fixtures" / "journal-schema-1.db.gz"

ITS_OWN = {"sqlite_sequence"}
"""Tables that SQLite keeps for itself."""

REWRITTEN: dict[str, set[str]] = {
    "jobs": {"payer", "endpoint", "copy", "pile"}, "purchases": {"payer", "endpoint"}, "executions": {"payer"},
    "rules": {"offer"}, "durations": {"*"}, "marks": {"*"}, "accounts": {"labels_proven"},
    "tally": {"*"},
}  # fmt: skip
"""Columns that a step of the schema writes anew on purpose, by table, ``*`` for all: each is tested on its own
(``test_payers.py``)."""


def told(where: Path) -> dict[str, list[dict[str, Any]]]:
    """Everything a journal's file holds, by table, each row by the names of its columns."""
    with closing(sqlite3.connect(f"file:{where}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {
            table: [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid")]
            if table != "seen"  # it has no row numbers
            else [dict(row) for row in db.execute("SELECT * FROM seen ORDER BY rule, name")]
            for table in tables
            if table not in ITS_OWN
        }


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The older journal's file, as it is."""
    written = tmp_path / "older.db"
    written.write_bytes(gzip.decompress(FIXTURE.read_bytes()))
    return written


@pytest.fixture
def before(old: Path) -> dict[str, list[dict[str, Any]]]:
    return told(old)


@pytest.fixture
def journal(old: Path) -> Iterator[Journal]:
    """The older journal, put in place and opened with today's program."""
    paths().create()
    paths().journal.write_bytes(old.read_bytes())
    with Journal(paths().journal) as opened:
        yield opened


def test_the_older_journal_holds_all_kinds_of_what_must_survive(old: Path, before: dict[str, Any]) -> None:
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    statuses = {job["status"] for job in before["jobs"]}
    assert statuses >= {"done", "skipped", "failed", "cancelled", "held", "waiting"}
    reasons = {job["reason"] for job in before["jobs"] if job["status"] == "held"}
    assert reasons >= {Reason.CAP, Reason.SAMPLE, Reason.IN_DOUBT, Reason.PRICE, Reason.PAUSED, Reason.CREDITS}
    assert {purchase["state"] for purchase in before["purchases"]} == set(PurchaseState)
    assert any(purchase["charged"] is None and purchase["state"] == "known" for purchase in before["purchases"])
    assert {purchase["kind"] for purchase in before["purchases"]} == {"create", "retry"}
    assert {job["account"] for job in before["jobs"]} == {"studio", "lan", "portraits", "shop"}
    assert {row["state"] for row in before["seen"]} == {"taken", "kept", "moved"}
    assert before["rules"]
    assert before["happenings"]
    assert before["aside"]
    assert {row["scope"] for row in before["spending"]} >= {"open", "day", "month", "run", "batch", "rule", "rule day"}
    bought = Counter((job["recipe"], job["digest"]) for job in before["jobs"] if job["buys"] and not job["copy"])
    assert max(bought.values()) == 2, "one photo, bought under two spellings of one address"


def test_every_row_is_what_it_was(journal: Journal, before: dict[str, Any]) -> None:
    assert journal.read(lambda db: db.execute("PRAGMA user_version").fetchone()) == (len(MIGRATIONS),)
    assert journal.read(lambda db: db.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
    assert journal.read(lambda db: db.execute("PRAGMA foreign_key_check").fetchall()) == []
    now = told(paths().journal)
    for table, rows in before.items():
        if "*" in REWRITTEN.get(table, ()):
            continue
        kept = [name for name in (rows[0] if rows else {}) if name not in REWRITTEN.get(table, ())]
        assert [{name: row[name] for name in kept} for row in now[table]] == [
            {name: row[name] for name in kept} for row in rows
        ], table


def test_todays_program_reads_every_job_and_purchase_so(journal: Journal, before: dict[str, Any]) -> None:
    found = {job.id: job for job in journal.read(jobs.select, "1 ORDER BY id")}
    assert list(found) == [row["id"] for row in before["jobs"]]
    for row in before["jobs"]:
        job = found[row["id"]]
        assert (job.stage, job.status, job.reason) == (row["stage"], row["status"], row["reason"])
        assert (job.quoted, job.charged, job.purchase) == (row["quoted"], row["charged"], row["purchase"])
        assert (job.agreed, job.found) == (False, False), "nobody has agreed to anything"
        made = journal.read(purchases.of_job, job.id)
        kept = [(one.key, one.state, one.charged, one.reserved, one.execution) for one in made]
        assert kept == [
            (one["key"], one["state"], one["charged"], one["reserved"], one["execution"])
            for one in sorted(before["purchases"], key=lambda one: one["number"])
            if one["job"] == job.id
        ]
    counts = journal.read(Scope().counts)
    assert sum(count.number for count in counts) == len(before["jobs"])
    assert Counter(dict.fromkeys(Status, 0) | Counter(job.status for job in found.values())) == Counter(
        {status: sum(count.number for count in counts if count.status is status) for status in Status}
    )
    assert len(journal.read(history.since, 0)) == len(before["events"])


def test_every_cap_sees_the_sums_it_saw(journal: Journal, before: dict[str, Any]) -> None:
    """Added up here from the older purchases, not taken from any sum."""

    def weighs(purchase: dict[str, Any]) -> int:
        if purchase["state"] == PurchaseState.REFUSED:
            return 0
        return int(purchase["reserved"] if purchase["charged"] is None else purchase["charged"])

    def is_open(purchase: dict[str, Any]) -> bool:
        return purchase["charged"] is None and purchase["state"] in (PurchaseState.INTENDED, PurchaseState.KNOWN)

    for job in before["jobs"]:
        own = [purchase for purchase in before["purchases"] if purchase["account"] == job["account"]]
        day = journal.read(accounts.day, job["account"], "2000-01-01")
        sums = journal.read(
            purchases.spent, job["account"], day=day, month=day[:7], run=job["run"], batch=job["batch"]
        )  # fmt: skip
        reserved = sum(weighs(one) for one in own if is_open(one))
        assert sums.open == reserved
        assert sums.day == reserved + sum(weighs(one) for one in own if one["day"] == day and not is_open(one))
        assert sums.month == reserved + sum(weighs(one) for one in own if one["month"] == day[:7] and not is_open(one))
        assert sums.run == sum(weighs(one) for one in own if one["run"] == job["run"])
        assert sums.batch == sum(weighs(one) for one in own if job["batch"] and one["batch"] == job["batch"])
        if job["rule"]:
            of_rule = [one for one in own if one["rule"] == job["rule"]]
            spent = journal.read(rules.spent, job["rule"], job["account"], day)
            assert spent.run == sum(weighs(one) for one in of_rule)
            assert spent.open == sum(weighs(one) for one in of_rule if is_open(one))


def test_the_kept_figures_are_those_of_counting_and_copies_cost_nothing_in_them(journal: Journal) -> None:
    kept = journal.read(window.overview, window.Filter())
    counted = journal.read(window.overview, window.Filter(without=("no word of any job",)))
    assert kept == counted
    copies = [job for job in journal.read(jobs.select, "twin_of IS NOT NULL AND buys = 0") if job.account == "studio"]
    every = [job for job in journal.read(jobs.select, "1") if job.account == "studio"]
    assert copies
    assert kept.totals["studio"].quoted == sum(job.quoted or 1 for job in every if job not in copies)


def test_as_many_paid_calls_count_as_were_made(journal: Journal, before: dict[str, Any]) -> None:
    intents = journal.read(lambda db: db.execute("SELECT intents FROM engine").fetchone())
    assert intents == (len(before["purchases"]),)


def test_an_execution_that_was_asked_to_go_on_counts_once(old: Path) -> None:
    """An older artui closed only the last purchase of an execution: the first stayed open beside the charge."""
    with closing(sqlite3.connect(old)) as db:
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(purchases)")]
        first = "state = 'known' AND charged > 0 AND run <> '' AND kind = 'create'"
        [(key, job, charged, account)] = db.execute(
            f"SELECT key, job, charged, account FROM purchases WHERE {first} AND job IN"
            " (SELECT job FROM purchases GROUP BY job HAVING COUNT(*) = 1) ORDER BY job LIMIT 1"
        )
        copied = ", ".join({"key": "'again'", "kind": "'retry'", "number": "2"}.get(name, name) for name in columns)
        db.execute(f"INSERT INTO purchases ({', '.join(columns)}) SELECT {copied} FROM purchases WHERE key = ?", (key,))
        db.execute("UPDATE purchases SET charged = NULL WHERE key = ?", (key,))
        db.commit()
        wrong = dict(db.execute("SELECT scope, SUM(amount) FROM spending WHERE account = ? GROUP BY 1", (account,)))
    paths().create()
    paths().journal.write_bytes(old.read_bytes())
    with Journal(paths().journal) as journal:
        made = journal.read(purchases.of_job, job)
        assert [one.charged for one in made] == [0, charged]
        right = dict(
            journal.read(
                lambda db: db.execute(
                    "SELECT scope, SUM(amount) FROM spending WHERE account = ? GROUP BY 1", (account,)
                ).fetchall()
            )
        )
    reserved = made[0].reserved
    assert (right["open"], right["run"]) == (wrong["open"] - reserved, wrong["run"] - reserved)
    assert (right["day"], right["month"]) == (wrong["day"], wrong["month"])


def test_which_cap_holds_a_job_is_told_of_older_ones_too(journal: Journal) -> None:
    held = journal.read(jobs.select, "status = 'held' ORDER BY id")
    scopes = Counter((job.reason, job.hold_scope) for job in held if job.hold_scope)
    assert scopes == {
        (Reason.CAP, CapKind.BATCH): 2, (Reason.CAP, CapKind.RULE_DAY): 1, (Reason.CAP, CapKind.DAY): 2,
        (Reason.PAUSED, PauseOf.ACCOUNT): 2,
    }  # fmt: skip
    assert all(job.hold_scope for job in held if job.reason in (Reason.CAP, Reason.PAUSED))


@pytest.mark.parametrize(
    ("reason", "message", "scope"),
    [
        (Reason.CAP, "the cap of this run is reached: 9 of 9", CapKind.RUN),
        (Reason.CAP, "today's cap of today's cap for the rule x is reached: 9 of 9", CapKind.DAY),
        (Reason.CAP, "this month's cap of studio is reached: 9 of 9", CapKind.MONTH),
        (Reason.CAP, "the cap of the rule the cap of this run is reached: 9 of 9", CapKind.RULE),
        (Reason.CAP, "this month's cap for the rule 100 % is reached: 9 of 9", CapKind.RULE_MONTH),
        (Reason.CAP, "words that nobody knows", ""),
        (
            Reason.PAUSED,
            "the rule b is paused by a person (4, then P; or `artui resume --rule b`)",
            PauseOf.RULE,
        ),
        (Reason.PAUSED, "the rule is paused by a person", PauseOf.ACCOUNT),
        (Reason.QUOTA, "the cap of this run is reached: 9 of 9", ""),
    ],
)
def test_each_older_sentence_of_a_hold_tells_its_scope(old: Path, reason: str, message: str, scope: str) -> None:
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("UPDATE jobs SET reason = ?, message = ? WHERE status = 'held'", (reason, message))
    paths().create()
    paths().journal.write_bytes(old.read_bytes())
    with Journal(paths().journal) as opened:
        held = opened.read(jobs.select, "status = 'held'")
    assert {job.hold_scope for job in held} == {scope}


def test_a_rebuilt_journal_keeps_every_row_and_what_only_columns_tell(journal: Journal) -> None:
    """Rules with their pause and cause, what they have seen, what happened to them, and what was put aside."""
    [rule, *_] = journal.read(rules.every)
    journal.write(rules.set_state, rule.id, rules.RuleState.OFFLINE, "it is gone", RuleCause.MISSING)
    failed = journal.read(jobs.select, "status = 'failed'")
    journal.write(window.put_aside, [failed[0].id])
    kept = told(paths().journal)
    assert all(kept[table] for table in ("rules", "seen", "happenings", "aside"))
    rescue.rebuild(paths().journal, fresh := paths().journal.with_name("fresh.db"))
    rebuilt = told(fresh)
    for table in kept.keys() - {"engine", "spending", "tally"}:
        assert rebuilt[table] == kept[table], table
    for sums in ("spending", "tally"):
        assert summed(rebuilt[sums]) == summed(kept[sums])


def summed(rows: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    """The sums of a table that are about anything, in an order of their own."""
    return sorted([sorted(row.items()) for row in rows if row.get("amount") or row.get("jobs")], key=repr)
