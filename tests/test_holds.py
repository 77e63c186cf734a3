"""The table of holds: every reason has its place, and what is built from it is what an engine and a command rely on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artui import budget
from artui.budget import MayNotSpend
from artui.cli import exits
from artui.config import Caps, paths
from artui.engine.account_worker import ASKED_FIRST
from artui.engine.anchor import open_journal
from artui.journal import Journal, holds, jobs, requests, rules
from artui.journal.groups import PILE, group
from artui.journal.store import value
from artui.model.holds import ACCOUNT_WIDE, ENDS, HOLDS, TOLD_ONCE, WAITS, CapKind, Exit, Group, PauseOf
from artui.model.job import Batch
from artui.model.states import Reason, Stage, Status
from tests.samples import new_job
from tests.tui.desk import fill

PERIODS = ("run", "day", "month")
OF_ACCOUNT = (CapKind.RUN, CapKind.DAY, CapKind.MONTH)
OF_RULE = (CapKind.RULE, CapKind.RULE_DAY, CapKind.RULE_MONTH)
BOUGHT = (Stage.SUBMITTED, Stage.PROCESSED, Stage.SAVED)


@pytest.fixture
def journal() -> Iterator[Journal]:
    with open_journal(paths()) as journal:
        yield journal


def test_every_reason_is_a_hold_a_wait_or_an_end() -> None:
    assert HOLDS.keys() | WAITS | ENDS == set(Reason)
    assert HOLDS.keys() & WAITS == {Reason.TWIN}
    assert HOLDS.keys() & ENDS == {Reason.REJECTED}, "turned away too often, or for good"


def test_what_belongs_to_an_account() -> None:
    assert {Reason.LOGIN, Reason.CREDITS, Reason.QUOTA, Reason.PLACES, Reason.PAUSED} == ACCOUNT_WIDE
    unasked = {Reason.PAUSED, Reason.PLACES}
    assert ACCOUNT_WIDE - unasked == ASKED_FIRST, "of a pause and of places no service knows"
    assert ACCOUNT_WIDE | {Reason.CAP} == TOLD_ONCE


def test_how_a_command_ends_by_a_hold() -> None:
    other = {reason: exits.of_hold(reason) for reason in HOLDS if exits.of_hold(reason) is not Exit.PERSON}
    assert other == {
        Reason.LOGIN: Exit.LOGIN, Reason.CREDITS: Exit.CREDIT, Reason.QUOTA: Exit.CREDIT, Reason.PAYMENT: Exit.CREDIT,
        Reason.CAP: Exit.CAP,
    }  # fmt: skip


def test_the_column_of_groups_is_the_one_the_table_makes(journal: Journal) -> None:
    """It is fixed in the file: a hold that changes its group needs a step of the schema."""
    assert f"AS ({PILE}) VIRTUAL" in journal.read(value, "SELECT sql FROM sqlite_schema WHERE name = 'jobs'")
    patient = {reason for reason in HOLDS if group(Status.HELD, reason) is Group.QUEUED}
    assert patient == {Reason.CAP, Reason.PAUSED, Reason.QUOTA, Reason.TWIN}


@pytest.mark.parametrize("reason", HOLDS)
def test_an_idle_engine_stays_for_what_ends_by_itself_and_for_what_is_bought(journal: Journal, reason: Reason) -> None:
    fill({})
    leads_nowhere = reason in (Reason.GONE, Reason.DAMAGED, Reason.ERROR, Reason.ACCOUNT)
    ends_by_itself = reason in (Reason.CREDITS, Reason.CAP, Reason.QUOTA, Reason.PLACES)

    def stays(stage: Stage, due: float | None) -> bool:
        def look(db: Any) -> bool:
            db.execute("UPDATE jobs SET stage = ?, status = 'held', reason = ?, due = ?", (stage, reason, due))
            return requests.has_work(db)

        return journal.write(look)

    for stage in Stage:
        assert stays(stage, due=1.0)
        assert stays(stage, due=None) is (ends_by_itself or (stage in BOUGHT and not leads_nowhere)), stage


def test_nothing_is_held_for_what_is_no_hold(journal: Journal) -> None:
    [number] = fill({})
    job = journal.read(jobs.get, number)
    assert job is not None
    with pytest.raises(ValueError, match="no hold"):
        journal.write(jobs.move, job, job.stage, Status.HELD, "held", reason=Reason.AT_SERVICE)


@pytest.mark.parametrize("kind", CapKind)
def test_a_cap_that_is_reached_says_which_it_is(journal: Journal, kind: CapKind) -> None:
    own = {kind: 5}

    def check(db: Any) -> None:
        batch = Batch("b", "boots", "studio", 1.0, cap=own.get(CapKind.BATCH))
        given: dict[str, Any] = {name: own.get(named) for name, named in zip(PERIODS, OF_RULE, strict=True)}
        rules.load(db, "r", name="boots", folder=Path("/in"), account="studio", twins="deliver", **given)
        [number] = jobs.add(db, batch, [new_job(batch="b", rule="r", quoted=10)])
        job = jobs.get(db, number)
        assert job is not None
        caps = Caps(*(own.get(named) for named in OF_ACCOUNT))
        with pytest.raises(MayNotSpend) as reached:
            budget.check(db, job, budget.Terms(caps, "2026-01-01"))
        assert (reached.value.reason, reached.value.scope) == (Reason.CAP, kind)

    journal.write(check)


def test_a_pause_says_what_is_paused_and_the_next_move_forgets_it(journal: Journal) -> None:
    [number] = fill({})
    journal.write(holds.hold_account, "studio", Reason.PAUSED, "studio is paused by a person", tuple(Stage))
    held = journal.read(jobs.get, number)
    assert held is not None
    assert held.hold_scope == PauseOf.ACCOUNT
    assert journal.write(jobs.move, held, held.stage, Status.READY, "goes on").hold_scope == ""

    def check(db: Any) -> None:
        given: dict[str, Any] = {"account": "studio", "twins": "deliver", **dict.fromkeys(PERIODS)}
        rules.load(db, "r", name="boots", folder=Path("/in"), **given)
        db.execute("UPDATE rules SET paused = 1")
        job = jobs.get(db, jobs.add(db, None, [new_job(rule="r")])[0])
        assert job is not None
        with pytest.raises(MayNotSpend) as paused:
            budget.check(db, job, budget.Terms(Caps(), "2026-01-01"))
        assert (paused.value.reason, paused.value.scope) == (Reason.PAUSED, PauseOf.RULE)

    journal.write(check)
