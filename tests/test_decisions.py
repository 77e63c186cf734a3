"""What a person decides about jobs that were sent, and terms that have changed: on the stand-in and without it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from artui import files
from artui.config import paths
from artui.core import actions, decisions
from artui.engine.anchor import open_journal
from artui.journal import Journal, accounts, jobs, purchases, requests, rules
from artui.model.job import Job
from artui.model.states import Kind, Reason, Stage, Status
from artui.providers.base import ExecutionStatus
from artui.steps.paying import Paying
from tests.samples import decision
from tests.studio import Studio
from tests.tui.desk import CANCELLED, FAILED, SENT, place
from tests.tui.desk import fill as fill_journal

# ------------------------------------------------------------------------------------------ a result nobody wants


def downloads(studio: Studio) -> int:
    """How many results were fetched."""
    paths = [request["path"] for request in studio.simulator.history]
    return sum("/image/" in path or path.endswith("/result/default") for path in paths)


async def test_what_is_not_to_be_saved_is_followed_charged_and_fetched_later_for_nothing(studio: Studio) -> None:
    studio.simulator.switch({"qa": 100.0})
    [photo] = studio.photos(1)
    [number] = await studio.add([photo], workflow="Human check")
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.IN_QA)
    outcome = await studio.ask("cancel", number, keep=False)
    price = studio.workflows["Human check"].price
    assert outcome.message.endswith(f"its result is not saved, {price} credits stay spent")
    studio.simulator.switch({"qa": 0.0})
    await studio.at_rest()
    job = studio.job(number)
    assert (job.stage, job.status, job.charged) == (Stage.PROCESSED, Status.CANCELLED, price)
    assert job.message == f"not saved, as wished; charged {price}"
    assert downloads(studio) == 0
    assert not studio.out.exists() or not list(studio.out.iterdir())
    [again] = await studio.add([photo], workflow="Human check", stem="again")
    await studio.until(lambda: studio.job(again).reason == Reason.TWIN)
    assert not (await studio.ask("retry", number)).refused
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE, Status.SKIPPED], studio.places()
    assert downloads(studio) == 1
    assert len(studio.simulator.ledger) == 1
    assert studio.requests_to("/retry") == 0
    studio.check()


async def test_a_failure_nobody_waits_for_is_cancelled_and_only_a_retry_orders_again(studio: Studio) -> None:
    studio.fault("details", "delay:0.4", times=-1)
    [number] = await studio.add(studio.photos(1), workflow="Always fails")
    await studio.start()
    await studio.until(lambda: studio.job(number).stage is Stage.SUBMITTED)
    await studio.ask("cancel", number, keep=False)
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.charged) == (Status.CANCELLED, 0)
    assert "the service failed on it" in job.message
    await studio.ask("retry", number)
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.cancel, job.keep, job.purchase) == (Status.FAILED, False, True, 2)


async def test_what_is_parked_for_credits_is_not_paid_once_it_is_cancelled(studio: Studio) -> None:
    studio.fault("balance", "status:503", times=-1)
    studio.credits(set=10)
    await studio.add(studio.photos(3))
    await studio.start()

    def parked() -> list[Job]:
        return [job for job in studio.jobs() if job.reason == Reason.PAYMENT]

    await studio.until(lambda: len(parked()) == 2)
    unwanted, wanted = parked()
    await studio.ask("cancel", unwanted.id, keep=False)
    studio.credits(set=100)
    studio.mend()
    await studio.until(lambda: studio.job(wanted.id).status is Status.DONE)
    assert studio.job(unwanted.id).reason == Reason.PAYMENT
    assert studio.requests_to("/retry") == 1
    assert len(studio.simulator.ledger) == 2


# ------------------------------------------------------------------------------------------------ on a journal alone


@pytest.fixture
def journal() -> Iterator[Journal]:
    paths().create()
    with open_journal(paths()) as journal:
        yield journal


def fill(**columns: Any) -> int:
    """One job, standing so."""
    return fill_journal(columns)[0]


def decide(journal: Journal, what: str, number: int, **arguments: Any) -> tuple[Job, requests.Reply]:
    """Carry a request out as the engine does; the job as it then is, and the outcome."""

    def act(db: Any) -> tuple[Job | None, requests.Reply | None]:
        left = requests.enqueue(db, what, jobs.get(db, number), **arguments)
        [request] = requests.pending(db)
        decisions.carry_out(db, request, decision(what))
        return jobs.get(db, number), requests.outcome(db, left)

    job, outcome = journal.write(act)
    assert job
    assert outcome
    return job, outcome


def test_a_retry_that_is_not_sent_yet_is_taken_back(journal: Journal) -> None:
    number = fill(**FAILED)
    job, _ = decide(journal, "retry", number)
    assert job.place == (Stage.SUBMITTING, Status.READY)
    job, outcome = decide(journal, "cancel", number)
    assert job.place == (Stage.SUBMITTED, Status.WAITING)
    assert job.cancel
    assert not outcome.refused


@pytest.mark.parametrize(
    ("status", "now"), [("ready", Status.READY), ("held", Status.READY), ("running", Status.RUNNING)]
)
def test_a_result_that_has_come_is_left_where_it_is(journal: Journal, status: str, now: Status) -> None:
    reason = {"reason": "disk full"} if status == "held" else {}
    number = fill(stage="processed", status=status, charged=10, **reason)
    job, _ = decide(journal, "cancel", number, keep=False)
    assert (job.status, job.keep) == (now, False)
    job, _ = decide(journal, "cancel", number)
    assert (job.status, job.keep) == (now, True)


def test_a_result_that_is_being_put_in_place_cannot_be_left(journal: Journal) -> None:
    number = fill(stage="saved", status="running", charged=10)
    job, outcome = decide(journal, "cancel", number, keep=False)
    assert outcome.refused
    assert job.keep


def test_what_may_have_been_paid_before_is_said_when_it_is_cancelled(journal: Journal) -> None:
    number = fill(stage="submitting", status="held", reason="in doubt")
    job, _ = decide(journal, "again", number)
    assert job.place == (Stage.UPLOADED, Status.READY)
    job, outcome = decide(journal, "cancel", number)
    assert job.status is Status.CANCELLED
    assert outcome.message.endswith("what was sent before counts as spent")


def test_a_retry_that_begins_anew_takes_the_terms_as_they_were_last_seen(journal: Journal) -> None:
    number = fill(**CANCELLED)
    job = journal.read(jobs.get, number)
    assert job
    assert journal.read(actions.terms, job) == {}
    journal.write(accounts.keep_workflow, "studio", job.workflow, json.dumps({"price": 12, "version": "v2"}))
    now = journal.read(actions.terms, job)
    assert now == {"quoted": 12, "version": "v2"}
    job, _ = decide(journal, "retry", number, **now)
    assert (job.quoted, job.version, job.place) == (12, "v2", (Stage.NEW, Status.READY))
    journal.write(place, number, created_at=time.time() + 60)
    job = journal.read(jobs.get, number)
    assert job
    assert journal.read(actions.terms, job) == {}, "what is older than the job says nothing about it"
    journal.write(place, number, created_at=0.0, parameters="{}")
    job = journal.read(jobs.get, number)
    assert job
    assert journal.read(actions.terms, job) == {"quoted": 12, "version": "v2"}
    journal.write(place, number, version="another recipe")
    job = journal.read(jobs.get, number)
    assert job
    assert journal.read(actions.terms, job) == {}


def test_what_is_given_up_stays_given_up(journal: Journal) -> None:
    number = fill(stage="submitting", status="held", reason="in doubt")
    job, _ = decide(journal, "give up", number)
    assert job.status is Status.FAILED
    _, outcome = decide(journal, "retry", number)
    assert outcome.refused
    assert "redo" in outcome.message
    assert not journal.read(purchases.of_job, number)[0].surely_unpaid


def test_a_twin_has_no_way_on_but_through_the_job_that_may_have_been_paid(journal: Journal) -> None:
    number = fill(stage="checked", status="held", reason="same photo as another job", twin_of=1)
    job, outcome = decide(journal, "retry", number)
    assert outcome.refused
    assert "job 1" in outcome.message
    assert job.status is Status.HELD
    assert decide(journal, "cancel", number)[0].status is Status.CANCELLED


async def test_a_job_that_begins_anew_leaves_its_twins_behind(studio: Studio) -> None:
    recipe = studio.workflows["Background Removal"]
    first, second, other = studio.photos(3)
    second.write_bytes(first.read_bytes())
    studio.simulator.switch({"price": {recipe.id: 12}})
    [one, another] = await studio.add([first, other])
    await studio.start()
    await studio.until(lambda: [job.reason for job in studio.jobs()] == [Reason.PRICE] * 2)
    [twin] = await studio.add([second])
    await studio.until(lambda: studio.job(twin).status is Status.WAITING)
    first.write_bytes(other.read_bytes())
    for number in (another, one, twin):
        await studio.until(lambda held=number: studio.job(held).reason == Reason.PRICE)
        stamp, now = files.stamp(studio.job(number).source), studio.journal.read(actions.terms, studio.job(number))
        assert not (await studio.ask("retry", number, **asdict(stamp), **now)).refused
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.SKIPPED, Status.DONE, Status.DONE], studio.places()
    assert len(studio.simulator.ledger) == 2
    studio._sources.clear()  # one of them was changed here
    studio.check()


def test_a_photo_that_may_have_been_paid_stays_its_buyer_at_a_new_price(journal: Journal) -> None:
    number = fill(stage="submitting", status="held", reason="in doubt", buys=1)
    before, _ = decide(journal, "again", number)
    journal.write(place, number, status="held", reason=Reason.PRICE)
    job, outcome = decide(journal, "retry", number, quoted=12, version="v2")
    assert not outcome.refused
    assert (job.place, job.quoted, job.version) == ((Stage.UPLOADED, Status.READY), 12, "v2")
    assert (job.digest, job.buys) == (before.digest, True)


# ------------------------------------------------------------------------------------- a yes that somebody else needs

FOUND = {"stage": "submitted", "status": "held", "reason": "journal recovered", "found": 1, "charged": 10}


def test_what_was_found_without_its_photo_is_never_sent_and_stays_bought(journal: Journal) -> None:
    number = fill(**FOUND)
    job, outcome = decide(journal, "retry", number, agreed=True)
    assert outcome.refused
    assert "artui recover --fetch FOLDER" in outcome.message
    job, outcome = decide(journal, "cancel", number)
    assert not outcome.refused
    assert (job.status, job.found, job.buys, job.charged) == (Status.CANCELLED, True, True, 10)
    assert "counts as spent" in job.message
    assert decide(journal, "retry", number, agreed=True)[1].refused
    assert not journal.read(jobs.surely_unpaid, number)


def test_what_may_have_been_paid_is_sent_only_by_a_request_that_says_so(journal: Journal) -> None:
    number = fill(stage="uploaded", status="held", reason="journal recovered")
    job, outcome = decide(journal, "retry", number)
    assert outcome.refused
    assert "may have been paid before" in outcome.message
    job, outcome = decide(journal, "retry", number, agreed=True)
    assert (job.place, job.agreed) == ((Stage.UPLOADED, Status.READY), True)


def test_a_rule_that_goes_on_leaves_its_sample_to_a_yes_of_its_own(journal: Journal) -> None:
    behind, paused = ({"status": "held", "reason": reason, "rule": "r"} for reason in ("sample", "paused"))
    numbers = fill_journal(behind, behind, paused)
    caps = dict.fromkeys(("run", "day", "month"))
    journal.write(rules.load, "r", name="boots", folder=Path("/in"), account="studio", twins="deliver", **caps)

    def resume(db: Any) -> None:
        left = requests.enqueue(db, "resume rule", rule="r")
        rules.carry_out(db, requests.pending(db)[0], rules.resume, "2026-01-01")
        told = requests.outcome(db, left)
        assert told
        assert "2 behind its sample wait" in told.message

    for _ in range(2):  # paused or not
        journal.write(resume)
        assert [job.reason for job in journal.read(jobs.select, "1 ORDER BY id")] == ["sample", "sample", ""]
    assert not journal.read(rules.row, "r").agreed, "there was nothing to agree to"

    def approve(db: Any) -> None:
        requests.enqueue(db, "approve", batch="id-aw26", until=numbers[0])
        decisions.approve(db, requests.pending(db)[0])

    journal.write(approve)
    assert [job.reason for job in journal.read(jobs.select, "1 ORDER BY id")] == ["", "sample", ""], "as far as seen"


def test_a_paid_call_in_the_air_is_looked_up_before_a_job_goes_on(journal: Journal) -> None:
    number = fill(stage="submitting", status="held", reason="login")
    job, _ = decide(journal, "retry", number)
    assert (job.place, job.reason) == ((Stage.SUBMITTING, Status.WAITING), Reason.LOOKING)


def test_what_the_service_follows_is_not_lost_by_a_cancel_after_a_refused_retry(journal: Journal) -> None:
    number = fill(stage="submitted", status="held", reason="payment required")

    def refuse(db: Any) -> None:
        job = jobs.get(db, number)
        assert job
        purchases.intend(
            db, job, key="again", number=2, kind=Kind.RETRY, draft="{}", reserved=10, mark="", day="d", month="m"
        )
        purchases.record_refusal(db, "again")
        place(db, number, purchase=2)

    journal.write(refuse)
    job, _ = decide(journal, "cancel", number)
    assert (job.stage, job.status, job.cancel) == (Stage.SUBMITTED, Status.HELD, True)


def test_a_cancel_of_what_is_not_sent_holds_whatever_it_has_become_since(journal: Journal) -> None:
    """A photo that was ready and is held by the time the engine reads the request is as unsent as it was."""
    unsent, sent = fill_journal({}, {})

    def act(db: Any) -> None:
        seen = {number: jobs.get(db, number) for number in (unsent, sent)}
        left = [requests.enqueue(db, "cancel", job) for job in seen.values()]
        job = jobs.get(db, unsent)
        assert job
        jobs.move(db, job, job.stage, Status.HELD, "held", reason=Reason.PAUSED)
        place(db, sent, **SENT)
        for request in requests.pending(db):
            decisions.carry_out(db, request, decisions.cancel)
        outcomes = [requests.outcome(db, number) for number in left]
        assert [one.refused for one in outcomes if one] == [False, True]

    journal.write(act)
    assert [journal.read(jobs.get, number).status for number in (unsent, sent)] == [Status.CANCELLED, Status.WAITING]


# ------------------------------------------------------------------------------------------- a retry and a cancel


async def test_a_retry_that_is_cancelled_on_its_way_to_the_service_is_not_paid(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_its_way, go_on = asyncio.Event(), asyncio.Event()
    look = Paying._as_it_stands

    async def held_up(self: Paying, job: Job) -> ExecutionStatus:
        stands = await look(self, job)
        on_its_way.set()
        await go_on.wait()
        return stands

    monkeypatch.setattr(Paying, "_as_it_stands", held_up)
    studio.simulator.switch({"charge": "start"})
    studio.fault("balance", "status:503", times=-1)  # else it would be held before it is sent
    studio.credits(set=0)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.PAYMENT)
    studio.credits(set=100)
    assert not (await studio.ask("retry", number)).refused
    await studio.until(on_its_way.is_set)
    outcome = await studio.ask("cancel", number)
    assert "the retry is taken back" in outcome.message
    go_on.set()
    await studio.until(lambda: studio.job(number).stage is Stage.SUBMITTED)
    assert studio.requests_to("/retry") == 0
    assert not studio.simulator.ledger
    await studio.stop()
    studio.check()


def test_a_refused_decision_writes_nothing(journal: Journal) -> None:
    def allows_and_refuses(db: Any, job: Job, *_: Any) -> str:
        purchases.allow_once_more(db, job, 0)
        jobs.note(db, job, "half done", "")
        raise decisions.DecisionRefused("no")

    number = fill(**FAILED)
    job = journal.read(jobs.get, number)
    request = journal.write(requests.enqueue, "retry", job)
    before = journal.read(lambda db: db.execute("SELECT * FROM events").fetchall())
    pending = next(one for one in journal.read(requests.pending) if one.id == request)
    assert journal.write(decisions.carry_out, pending, allows_and_refuses) is None
    assert journal.read(lambda db: db.execute("SELECT * FROM events").fetchall()) == before
    outcome = journal.read(requests.outcome, request)
    assert outcome is not None
    assert outcome.refused
