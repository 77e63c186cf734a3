"""What a failure means: one table, no engine needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from artui import files
from artui.budget import AccountHeld, CancelledFirst, MayNotSpend
from artui.engine.failures import FailureContext, classify
from artui.model.holds import CapKind
from artui.model.job import Job
from artui.model.states import Reason, Stage, Status
from artui.providers.base import Blocked, Cause, NotPermitted, Rejected, Transient
from artui.steps import Hold, NotYet
from tests.samples import new_job

NOW = FailureContext(now=1000.0, settle=90.0, chance=1.0)
FULL = files.OutputProblem(Path("/out"), OSError(28, "No space left on device"))
READ_ONLY = files.OutputProblem(Path("/out"), OSError(30, "Read-only file system"))


def job(stage: Stage, **given: object) -> Job:
    new = new_job()
    plain = {name: getattr(new, name) for name in new.__dataclass_fields__}
    return replace(Job(**plain), stage=stage, status=Status.RUNNING, stage_at=900.0, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "stage", "status", "reason"),
    [
        (Transient("reset"), Stage.CHECKED, Status.WAITING, Reason.TRY_AGAIN),
        (OSError(24, "Too many open files"), Stage.NEW, Status.WAITING, Reason.TRY_AGAIN),
        (NotYet("soon"), Stage.CHECKED, Status.WAITING, Reason.TRY_AGAIN),
        (NotPermitted("displaced"), Stage.SUBMITTING, Status.WAITING, Reason.TRY_AGAIN),
        (MayNotSpend(Reason.CAP, "cap", CapKind.MONTH), Stage.CHECKED, Status.HELD, Reason.CAP),
        (AccountHeld("sign in again"), Stage.UPLOADED, Status.READY, ""),
        (Hold(Reason.PRICE, "12, not 10"), Stage.UPLOADED, Status.HELD, Reason.PRICE),
        (FULL, Stage.PROCESSED, Status.HELD, Reason.DISK_FULL),
        (READ_ONLY, Stage.UPLOADED, Status.HELD, Reason.OUTPUT),
        (Rejected("no such workflow", reason="not found"), Stage.SUBMITTING, Status.FAILED, Reason.REJECTED),
        (Rejected("not there", reason="not found"), Stage.PROCESSED, Status.WAITING, Reason.TRY_AGAIN),
        (CancelledFirst("x"), Stage.UPLOADED, Status.CANCELLED, ""),
        (files.Gone(Path("a.jpg")), Stage.NEW, Status.FAILED, "gone"),
        (files.BadResult("short", "cut off"), Stage.PROCESSED, Status.WAITING, Reason.TRY_AGAIN),
        (ZeroDivisionError("a defect"), Stage.CHECKED, Status.HELD, Reason.ERROR),
    ],
)
def test_every_failure_has_its_place(failure: Exception, stage: Stage, status: Status, reason: str) -> None:
    verdict = classify(job(stage), failure, NOW)
    assert (verdict.status, verdict.reason) == (status, reason)
    assert verdict.scope == (CapKind.MONTH if reason == Reason.CAP else "")
    assert verdict.holds is None
    assert verdict.message


@pytest.mark.parametrize(("cause", "reason"), [("login", "login"), ("credits", "credits"), ("quota", "quota")])
def test_what_blocks_an_account_holds_the_account_and_costs_the_job_nothing(cause: str, reason: str) -> None:
    verdict = classify(job(Stage.CHECKED), Blocked("no", cause=Cause(cause)), NOW)
    assert (verdict.status, verdict.holds, verdict.failed_try) == (Status.READY, reason, False)


def test_a_result_that_is_refused_while_the_sign_in_is_good_for_all_else_is_its_own_trouble() -> None:
    refused = Blocked("sign in again", cause=Cause.LOGIN)
    first = classify(job(Stage.PROCESSED), refused, NOW)
    assert (first.status, first.reason, first.holds) == (Status.HELD, Reason.LOGIN, Reason.LOGIN)
    assert first.failed_try
    last = classify(job(Stage.PROCESSED, attempts=2), refused, NOW)
    assert (last.status, last.reason, last.holds) == (Status.HELD, Reason.TROUBLE, None)
    assert last.due is not None
    away = classify(job(Stage.PROCESSED, attempts=2), refused, replace(NOW, signed_out=True))
    assert (away.reason, away.failed_try) == (Reason.LOGIN, False), "nobody has signed in meanwhile"


def test_only_failures_count_as_tries() -> None:
    assert classify(job(Stage.CHECKED), Transient("x"), NOW).failed_try
    assert not classify(job(Stage.CHECKED), NotYet("x"), NOW).failed_try


def test_the_service_is_waited_for_as_long_as_it_asked() -> None:
    verdict = classify(job(Stage.CHECKED), Transient("busy", retry_after=77.0), NOW)
    assert verdict.due == NOW.now + 77


def test_a_result_that_stays_missing_asks_a_person_and_is_never_ordered_again() -> None:
    late, gone = replace(NOW, now=900.0 + 7 * 90 + 1), Rejected("not there", reason="not found")
    verdict = classify(job(Stage.PROCESSED, charged=10), gone, late)
    assert (verdict.status, verdict.failed_try) == (Status.WAITING, True), "however late it is asked for first"
    verdict = classify(job(Stage.PROCESSED, charged=10, attempts=2), gone, late)
    assert (verdict.status, verdict.reason) == (Status.HELD, Reason.GONE)
    assert "charged 10" in verdict.message


def test_a_result_damaged_three_times_asks_a_person() -> None:
    verdict = classify(job(Stage.PROCESSED, attempts=2), files.BadResult("short", "cut off"), NOW)
    assert (verdict.status, verdict.reason) == (Status.HELD, Reason.DAMAGED)


def test_what_may_last_is_tried_less_and_less_often() -> None:
    def wait(attempts: int, failure: Exception) -> float:
        put = classify(replace(job(Stage.NEW), attempts=attempts), failure, FailureContext(1000.0, 1.0, 1.0))
        assert (put.status, put.what) == (Status.WAITING, "put off")
        assert put.due is not None
        return put.due - 1000.0

    waits = [wait(attempts, NotYet("a fault in the settings", last=True)) for attempts in range(9)]
    assert waits == sorted(waits)
    assert waits[-1] >= 60
    assert {wait(attempts, NotYet("nothing is sent now")) for attempts in range(9)} == {1.0}
