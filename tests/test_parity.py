"""What the command line offers, what the console offers, and what the engine does are the same, in every place a job
can be in: whether it can be done, what it may cost, whether a person is asked, and what becomes of the job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import pytest

from artui.cli import acts as cli
from artui.config import paths
from artui.core import actions, decisions
from artui.core.actions import Action
from artui.core.options import ActionSet, stamped
from artui.engine.anchor import open_journal
from artui.journal import Connection, Journal, accounts, jobs, purchases, requests
from artui.model.holds import HOLDS
from artui.model.job import Job, Result
from artui.model.states import FINAL, Kind, Reason, Stage, Status
from artui.tui import acting as console
from tests.samples import decision, new_job

COMMANDS = ("retry", "cancel", "adopt", "again", "give up", "take", "take all")
PRICE, NEW_PRICE, EXECUTION = 10, 12, "4f49c2b1"

# ------------------------------------------------------------------------------------------------------- the places

LAST = ("none", "refused", "intended", "spent", "known", "known, 0", "retry refused", "retry intended")
"""What was bought last for a job: not yet anything, surely not carried out, in the air, presumed spent, known (and
charged nothing), or an execution the service was asked to run again: refused, or in the air."""

BEFORE = (Stage.NEW, Stage.CHECKED, Stage.UPLOADED)
PAID = (Stage.SUBMITTED, Stage.PROCESSED, Stage.SAVED)
UP_TO_PAYING = (*BEFORE, Stage.SUBMITTING)

ELSEWHERE: dict[tuple[Status, str], tuple[Stage, ...]] = {
    (Status.READY, ""): tuple(Stage),
    (Status.RUNNING, ""): tuple(Stage),
    (Status.WAITING, Reason.TRY_AGAIN): tuple(Stage),
    (Status.WAITING, Reason.AT_SERVICE): (Stage.SUBMITTED,),
    (Status.WAITING, Reason.IN_QA): (Stage.SUBMITTED,),
    (Status.WAITING, Reason.LOOKING): (Stage.SUBMITTING,),
    (Status.WAITING, Reason.TWIN): (Stage.CHECKED,),
    (Status.DONE, ""): (Stage.SAVED,),
    (Status.SKIPPED, ""): (Stage.CHECKED, Stage.SAVED),
    (Status.FAILED, Reason.FAILED): (Stage.SUBMITTED,),
    (Status.FAILED, Reason.REJECTED): UP_TO_PAYING,
    (Status.FAILED, "truncated"): (Stage.NEW,),
    (Status.FAILED, Reason.GIVEN_UP): (Stage.SUBMITTING,),
    (Status.CANCELLED, ""): (*UP_TO_PAYING, Stage.SUBMITTED, Stage.PROCESSED),
}


@dataclass(frozen=True)
class Place:
    """Where a job is, and what was bought last for it."""

    stage: Stage
    status: Status
    reason: str
    last: str

    def __str__(self) -> str:
        return f"{self.stage}/{self.status}/{self.reason}/{self.last}"

    @property
    def can_be(self) -> bool:
        """Whether what was bought last fits where the job is."""
        if self.reason in (Reason.IN_DOUBT, Reason.LOOKING):
            return self.last == "intended" or (self.last == "retry intended" and self.reason == Reason.LOOKING)
        if self.reason == Reason.GIVEN_UP:
            return self.last == "spent"
        if self.stage in BEFORE:
            return self.last == "none" if self.reason == Reason.SAMPLE else self.last in ("none", "refused", "spent")
        if self.stage in PAID or self.last in ("known", "known, 0"):
            fits = ("known", "known, 0", "retry refused") if self.stage in PAID else ("known",)
            return self.last in fits and (self.stage in PAID or self.status not in FINAL)
        if self.last in ("intended", "retry intended"):
            return self.status is Status.RUNNING or self.reason in (Reason.LOGIN, Reason.ACCOUNT, Reason.RECOVERED)
        if self.last == "retry refused":
            return self.status not in FINAL or self.reason == Reason.REJECTED
        return self.last != "none"


PLACES = [
    place
    for places in (
        (
            Place(stage, Status.HELD, reason, last)
            for reason, hold in HOLDS.items()
            for stage in sorted(hold.stages, key=list(Stage).index)
            for last in LAST
        ),
        (Place(stage, *how, last) for how, stages in ELSEWHERE.items() for stage in stages for last in LAST),
    )
    for place in places
    if place.can_be
]


def put(db: Connection, place: Place) -> Job:
    """A job in this place, with what was bought for it."""
    [number] = jobs.add(db, None, [new_job()])
    db.execute("UPDATE jobs SET digest = ?, buys = 1, reference = 'up' WHERE id = ?", (f"{number:064x}", number))
    bought = 0
    for kind in _made(place.last):
        job = jobs.get(db, number)
        assert job
        bought += 1
        key = f"{number} {bought}"
        purchases.intend(
            db, job, key=key, number=bought, kind=Kind.RETRY if bought > 1 else Kind.CREATE, draft='{"word": "FAILED"}',
            reserved=PRICE, mark="", day="2026-01-01", month="2026-01",
        )  # fmt: skip
        if kind.startswith("known"):
            purchases.record_execution(db, key, f"{EXECUTION}-{number}")
            db.execute("UPDATE jobs SET execution = ? WHERE id = ?", (f"{EXECUTION}-{number}", number))
            if kind == "known, 0":
                db.execute("UPDATE jobs SET charged = 0 WHERE id = ?", (number,))
                db.execute("UPDATE purchases SET charged = 0 WHERE key = ?", (key,))
        elif kind == "refused":
            purchases.record_refusal(db, key)
        elif kind == "spent":
            purchases.presume_spent(db, key)
    if place.reason == Reason.DAMAGED:
        accounts.set_digests(db, "studio", accounts.Digests.ASKED)
        jobs.change(db, jobs.get(db, number), "processed", results=(Result("place", digest="0" * 64),))
    where: dict[str, Any] = {
        "stage": place.stage, "status": place.status, "reason": place.reason, "purchase": bought, "message": "so it is",
        "created_at": 0.0, "finished_at": 1.0 if place.status in FINAL else None,
    }  # fmt: skip
    db.execute(f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in where)} WHERE id = ?", (*where.values(), number))
    job = jobs.get(db, number)
    assert job
    return job


def _made(last: str) -> list[str]:
    if last.startswith("retry"):
        return ["known", last.removeprefix("retry ")]
    return [] if last == "none" else [last]


# ------------------------------------------------------------------------------------------- the faces and the engine


class Offer(NamedTuple):
    """What a face offers: at which price (None: not known), whether it asks a person first, and in which words."""

    price: int | None
    asks: bool
    says: str
    arguments: dict[str, Any]


def at_the_command_line(db: Connection, job: Job, command: str, *, can_retry: bool) -> Offer | None:
    """What the command line offers; None where it refuses."""
    act = cli.act_of(option(db, job, command, can_retry=can_retry))
    action = act.action
    return None if act.refused else Offer(action.price, action.asks, act.told, dict(action.arguments))


def at_the_console(db: Connection, job: Job, command: str, *, can_retry: bool) -> Offer | None:
    """What the console offers; None where it refuses."""
    them = ActionSet.of(stamped([option(db, job, command, can_retry=can_retry)]))
    if not them.actions:
        assert console.left_alone(them)
        return None
    [action] = them.actions
    return Offer(them.price, them.asks, console.says(action), dict(action.arguments))


def option(db: Connection, job: Job, command: str, *, can_retry: bool) -> Action:
    """This one of all that can be done about a job."""
    [found] = [one for one in actions.job_options(db, job, can_retry=can_retry) if one.command == command]
    return replace(found, arguments={"execution": "e"}) if command == "adopt" else found


def in_the_engine(db: Connection, job: Job, command: str, arguments: dict[str, Any], *, can_retry: bool) -> Any:
    """What the engine does with it: its outcome, and the job as it then is."""
    left = requests.enqueue(db, command, job, **arguments)
    [request] = requests.pending(db)
    decisions.carry_out(db, request, decision(command), can_retry=can_retry)
    return requests.outcome(db, left), jobs.get(db, job.id)


# ------------------------------------------------------------------------------------------------------- what is true


def is_paid_anew(place: Place, command: str) -> bool:
    """Whether it may cost what nobody has agreed to yet."""
    if command != "retry":
        return command == "again"
    if place.status is Status.HELD:
        return place.reason in (Reason.RECOVERED, Reason.REJECTED, Reason.PRICE, Reason.PAYMENT)
    return place.stage is not Stage.PROCESSED


def price(place: Place, command: str) -> int:
    """What it may cost then; the workflow has another price by now, which counts for what is sent from the start."""
    if not is_paid_anew(place, command):
        return 0
    anew = (place.status in FINAL and place.last in ("none", "refused")) or place.reason == Reason.PRICE
    return NEW_PRICE if command == "retry" and anew else PRICE


def may_be(place: Place, command: str, *, can_retry: bool) -> bool:
    """Whether it is offered and done at all."""
    if command == "cancel":
        return place.status not in FINAL and place.reason != Reason.IN_DOUBT
    if command != "retry":
        if place.reason == Reason.DAMAGED and place.stage.rank < Stage.PROCESSED.rank:
            return False  # it is not whole yet at the service
        fits = {"take": (Reason.DAMAGED,), "take all": (Reason.DAMAGED,), "give up": (Reason.DAMAGED, Reason.IN_DOUBT)}
        return place.status is Status.HELD and place.reason in fits.get(command, (Reason.IN_DOUBT,))
    if place.status is Status.HELD:
        refused = (Reason.IN_DOUBT, Reason.TWIN, Reason.SAMPLE)
        return place.reason not in refused and (can_retry or place.reason != Reason.PAYMENT)
    if place.status not in (Status.FAILED, Status.CANCELLED):
        return False
    if place.stage is Stage.PROCESSED:
        return True
    if place.last in ("known", "known, 0", "retry refused"):
        return can_retry
    return place.last in ("none", "refused")


def led_to(place: Place, command: str) -> tuple[Stage, Status]:
    """Where a job then is, but for a cancel."""
    if command != "retry":
        ways = {
            "adopt": (Stage.SUBMITTED, Status.WAITING),
            "again": (Stage.UPLOADED, Status.READY),
            "give up": (place.stage, Status.READY if place.reason == Reason.DAMAGED else Status.FAILED),
            "take": (place.stage, Status.READY),
            "take all": (place.stage, Status.READY),
        }
        return ways[command]
    sent = place.last in ("known", "known, 0", "retry refused")
    if place.status in FINAL and place.stage is not Stage.PROCESSED:
        return (Stage.SUBMITTING if sent else Stage.NEW), Status.READY
    if place.reason == Reason.PRICE and place.last in ("none", "refused"):
        return Stage.NEW, Status.READY
    if place.reason == Reason.PAYMENT:
        return Stage.SUBMITTING, Status.READY
    waits = place.stage is Stage.SUBMITTED or place.last in ("intended", "retry intended")
    return place.stage, Status.WAITING if waits else Status.READY


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARTUI_HOME", str(tmp_path_factory.mktemp("home")))
        paths().create()
        with open_journal(paths()) as journal:
            journal.write(accounts.keep_workflow, "studio", "wf", json.dumps({"price": NEW_PRICE, "version": "v2"}))
            yield journal


def rolled_back(journal: Journal, act: Callable[[Connection], Any]) -> None:
    """Run something in a transaction of the journal that leaves nothing behind."""

    class Back(Exception):
        pass

    def run(db: Connection) -> None:
        act(db)
        raise Back

    with pytest.raises(Back):
        journal.write(run)


GROUPS = sorted({(str(place.status), place.reason) for place in PLACES})


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("status", "reason"), GROUPS)
def test_both_faces_offer_what_the_engine_does(status: str, reason: str, command: str, shared: Journal) -> None:
    def check(db: Connection, place: Place, *, can_retry: bool) -> None:
        job = put(db, place)
        typed = at_the_command_line(db, job, command, can_retry=can_retry)
        pressed = at_the_console(db, job, command, can_retry=can_retry)
        wanted = may_be(place, command, can_retry=can_retry)
        assert (typed is not None, pressed is not None) == (wanted, wanted)
        arguments = typed.arguments if typed else {"execution": "e", "quoted": 12, "version": "v2", "agreed": True}
        outcome, now = in_the_engine(db, job, command, arguments, can_retry=can_retry)
        assert outcome.refused is not wanted, outcome.message
        if not typed or not pressed:
            assert now == job, "what is refused changes nothing"
            return
        told = (price(place, command), is_paid_anew(place, command))
        assert (typed.price, typed.asks) == told
        assert (pressed.price, pressed.asks) == told
        if command == "cancel":
            paid = not jobs.surely_unpaid(db, job.id)
            for said in (typed.says, pressed.says, outcome.message):
                assert cancelled_in(said) == becomes(now, paid=paid), said
        else:
            assert (now.stage, now.status) == led_to(place, command)
            is_yes = place.status is Status.HELD and place.reason in (Reason.RECOVERED, Reason.REJECTED)
            assert now.agreed is (command == "again" or is_yes)
            assert place.reason != Reason.PRICE or (now.quoted, now.version) == (NEW_PRICE, "v2")

    there = [place for place in PLACES if (place.status, place.reason) == (status, reason)]
    for place, can_retry in product(there, (True, False)):
        rolled_back(shared, partial(check, place=place, can_retry=can_retry))


def becomes(job: Job, *, paid: bool) -> str:
    """What a cancel made of a job."""
    if job.status is not Status.CANCELLED:
        return "follows"
    return "counts" if paid else "costs nothing"


def cancelled_in(said: str) -> str:
    """What is said to become of a job that is cancelled."""
    if re.search(r"counts as spent", said):
        return "counts"
    if re.search(r"cannot stop|unless it is being sent|may have been sent|taken back", said):
        return "follows"
    return "costs nothing" if re.search(r"nothing (is )?paid", said) else "says nothing"


def test_every_kind_of_place_is_there() -> None:
    assert {place.reason for place in PLACES if place.status is Status.HELD} == set(HOLDS)
    assert {place.status for place in PLACES} == set(Status)
    assert {place.last for place in PLACES} == set(LAST)
    assert len(list(product(PLACES, COMMANDS))) > 1000
