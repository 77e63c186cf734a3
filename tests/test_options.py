"""What is proposed beside acts on one job: the rest of a batch, an account or a rule that goes on; what it costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from artui import files
from artui.core import options
from artui.core.actions import Action, Effect, Refusal, Risk
from artui.core.options import ActionSet
from artui.journal import Connection, Journal, jobs, requests, rules
from artui.journal.rules import RuleRow, RuleState, SkipCount
from artui.model.job import Batch, Job
from artui.model.states import Reason, Stage
from artui.model.watching import Skip
from tests.samples import new_job

BATCH = Batch("b1", "aw26", "studio", 1.0)
RULE = "rule-1"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def held(journal: Journal, reason: Reason, *prices: int | None, stage: str = "new", **given: Any) -> list[Job]:
    """Jobs that are held for a reason, at these prices."""

    def write(db: Connection) -> list[Job]:
        batch = BATCH if given.get("batch") else None
        numbers = jobs.add(db, batch, [new_job(quoted=price, **given) for price in prices])
        db.execute(f"UPDATE jobs SET status = 'held', reason = ?, stage = ? WHERE id >= {numbers[0]}", (reason, stage))
        return [job for number in numbers if (job := jobs.get(db, number)) is not None]

    return journal.write(write)


def rule(journal: Journal, state: RuleState = RuleState.WATCHING, *, paused: bool = False, files: int = 0) -> RuleRow:
    def write(db: Connection) -> RuleRow:
        rules.load(
            db,
            RULE,
            name="boots",
            folder=Path("/srv/in"),
            account="studio",
            run=None,
            day=None,
            month=None,
            twins="copy",
        )
        rules.set_offer(db, RULE, json.dumps({"definitions": [{"name": "Cut", "price": 10}]}))
        rules.set_state(db, RULE, state)
        db.execute("UPDATE rules SET paused = ?", (paused,))
        row = rules.row(db, RULE)
        return row._replace(not_taken={Skip.RULE_WAITS: SkipCount(files, ())} if files else {})

    return journal.write(write)


@pytest.mark.parametrize(("prices", "cost"), [((10, 12), 22), ((0,), 0), ((10, None), None)])
def test_a_yes_to_a_sample_costs_what_waits(journal: Journal, prices: tuple[int | None, ...], cost: int | None) -> None:
    waiting = held(journal, Reason.SAMPLE, *prices, batch=BATCH.id)
    yes = journal.read(options.approval, BATCH.id, yes=True)
    assert (yes.price, yes.photos, yes.asks) == (cost, len(prices), cost != 0)
    assert yes.arguments == {"batch": BATCH.id, "yes": True, "until": waiting[-1].id}
    no = journal.read(options.approval, BATCH.id, yes=False)
    assert (no.price, no.asks, no.arguments["yes"]) == (0, False, False)


def test_there_is_no_yes_to_what_does_not_wait(journal: Journal) -> None:
    refused = journal.read(options.approval, BATCH.id, yes=True)
    assert refused.refused is Refusal.NOTHING_HELD
    with pytest.raises(ValueError, match="nothing held"):
        journal.write(options.decide, [refused])
    assert journal.read(requests.pending) == []


def test_an_account_that_goes_on_pays_what_was_agreed_to(journal: Journal) -> None:
    held(journal, Reason.PAUSED, 10, 12)
    held(journal, Reason.LOGIN, 10, stage="submitted")
    found = journal.read(options.resumption, "studio")
    assert (found.price, found.amount, found.photos, found.asks) == (0, 22, 2, False)


def test_what_may_have_been_paid_before_is_asked_about_with_its_price(journal: Journal) -> None:
    held(journal, Reason.RECOVERED, 10, 12)
    found = journal.read(options.recovery, "studio")
    assert (found.price, found.photos, found.risk, found.asks) == (22, 2, Risk.PAYS_TWICE, True)


def test_a_rule_that_goes_on_sends_what_its_pause_holds_and_what_lies_there(journal: Journal) -> None:
    held(journal, Reason.PAUSED, 10, 12, rule=RULE)
    held(journal, Reason.SAMPLE, 10, rule=RULE, batch=BATCH.id)
    row = rule(journal, paused=True, files=3)
    found = journal.read(options.going_on, row)
    assert (found.photos, found.photos_cost, found.files, found.files_cost) == (2, 22, 3, 30)
    assert (found.action.price, found.behind) == (52, {BATCH.id: 1})


def test_a_yes_to_what_holds_a_rule_has_no_price_that_is_known(journal: Journal) -> None:
    found = journal.read(options.going_on, rule(journal, RuleState.HELD))
    assert (found.action.price, found.action.asks, found.action.refused) == (None, True, None)
    nobody = journal.read(options.going_on, rule(journal, RuleState.ENDED))
    assert (nobody.action.refused, nobody.action.asks) == (Refusal.NOTHING_HELD, False)


def test_a_photo_that_begins_anew_is_taken_as_it_is_now(journal: Journal, tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"as it is now")
    [here, gone] = journal.write(
        lambda db: jobs.add(db, None, [new_job(source=photo), new_job(source=tmp_path / "b.jpg")])
    )
    found = [
        Action("retry", journal.read(jobs.get, number), Effect.SEND, arguments={"quoted": 12})
        for number in (here, gone)
    ]
    now, lost, looked = options.stamped([*found, replace(found[0], effect=Effect.LOOK)])
    assert now.arguments == {**asdict(files.stamp(photo)), "quoted": 12}
    assert lost.arguments == looked.arguments == {"quoted": 12}


def test_what_is_agreed_to_is_left_as_it_was_seen(journal: Journal) -> None:
    [job] = held(journal, Reason.OVERDUE, 10, stage="submitted")
    retry = journal.read(options.fitting, job)["retry"]
    numbers = journal.write(options.decide, [retry, options.of_account("refresh", "studio")])
    first, second = journal.read(requests.pending)
    assert ([first.id, second.id], first.what, first.job, first.status) == (numbers, "retry", job.id, "held")
    assert (second.what, second.arguments, second.job) == ("refresh", {"account": "studio"}, None)


def test_acts_are_proposed_together_and_what_does_not_fit_is_counted(journal: Journal) -> None:
    free = held(journal, Reason.OVERDUE, 10, stage=Stage.SUBMITTED)
    unfit = held(journal, Reason.TWIN, 10, 10, stage=Stage.CHECKED)
    them = ActionSet.of(journal.read(options.retrials, [*free, *unfit]))
    assert (them.jobs, them.refused, them.price, them.asks) == (tuple(free), {Refusal.TWIN: 2}, 0, False)
    paid = [Action("retry", free[0], Effect.RERUN, price) for price in (10, None)]
    assert (ActionSet.of(paid[:1]).price, ActionSet.of(paid).price, ActionSet.of(paid).asks) == (10, None, True)
    assert set(journal.read(options.fitting, free[0])) == {"retry", "cancel"}
