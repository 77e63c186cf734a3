"""What a quote says of caps and balance is what the engine pays by: each photo is put to ``budget.intend`` itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from artui import budget
from artui.config import Caps
from artui.core.quote import Quote, quote
from artui.journal import Connection, Journal, accounts, jobs, purchases, rules
from artui.journal.caps import Portion
from artui.journal.prices import weight
from artui.model.holds import CapKind
from artui.model.job import Batch, Payer
from artui.model.states import Kind, Reason, Stage, Status
from artui.providers.base import Balance
from tests.samples import new_job

RULE = "rule-1"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        opened.write(
            rules.load, RULE, name="boots", folder=tmp_path, account="studio", run=None, day=None, month=None,
            twins="copy",
        )  # fmt: skip
        yield opened


def paid(journal: Journal, portions: Sequence[Portion], own: Caps, price: int | None) -> int:
    """How many of these photos the engine pays for, one after the other."""
    terms = budget.terms(own, UTC, time.time(), time.time())
    number = 0
    for portion in portions:
        for _ in range(portion.count):
            number += journal.write(_is_paid, portion, terms, price)
    return number


def _is_paid(db: Connection, portion: Portion, terms: budget.Terms, price: int | None) -> bool:
    batch = portion.batch
    name = f"{uuid4()}.jpg"
    new = new_job(
        source=Path("/photos", name), stem=name, stem_key=name, run=portion.run, rule=portion.rule,
        batch=batch and batch.id, quoted=price,
    )  # fmt: skip
    [number] = jobs.add(db, batch, [new])
    job = jobs.get(db, number)
    assert job is not None
    for stage in (Stage.CHECKED, Stage.UPLOADED):
        job = jobs.move(db, job, stage, Status.READY, "on its way", digest=name, buys=True)
    job = jobs.move(db, job, job.stage, Status.RUNNING, "begun")
    who = Payer(job.payer, job.endpoint, job.organization)
    try:
        budget.intend(db, job, Kind.CREATE, purchases.new_key(db), "", terms, who)
    except budget.MayNotSpend as refusal:
        return refusal.reason not in (Reason.CAP, Reason.CREDITS)
    return True


def asked(journal: Journal, portions: Sequence[Portion], own: Caps, price: int | None, **given: Any) -> Quote:
    return journal.read(quote, "studio", own, price, portions, UTC, **given)


def batch(cap: int | None = None, name: str = "b") -> Batch:
    return Batch(name, name, "studio", 1.0, cap)


ONE = [Portion("in|wf", 5)]
TWO = [Portion("in|wf", 3), Portion("out|wf", 4)]
BOUND: dict[str, tuple[Caps, dict[str, int], list[Portion], int]] = {
    "none": (Caps(), {}, ONE, 5),
    "run": (Caps(run=25), {}, ONE, 2),
    "run, each folder its own": (Caps(run=25), {}, TWO, 4),
    "day": (Caps(day=39), {}, ONE, 3),
    "day, for all folders": (Caps(day=60), {}, TWO, 6),
    "month": (Caps(month=10), {}, ONE, 1),
    "month before day": (Caps(day=50, month=20), {}, ONE, 2),
    "batch": (Caps(), {}, [Portion("in|wf", 5, batch(30))], 3),
    "one batch of two folders": (Caps(), {}, [replace(one, batch=batch(40)) for one in TWO], 4),
    "two batches of one folder": (
        Caps(run=50), {}, [Portion("in|wf", 3, batch(20)), Portion("in|wf", 4, batch(name="c"))], 5,
    ),
    "a batch between": (Caps(day=40), {}, [Portion("a|wf", 3, batch(10)), Portion("b|wf", 9)], 4),
    "rule": (Caps(), {"run": 20}, [Portion(RULE, 5, None, RULE)], 2),
    "rule a day": (Caps(), {"day": 30}, [Portion(RULE, 5, None, RULE)], 3),
    "rule a month": (Caps(), {"month": 10}, [Portion(RULE, 5, None, RULE)], 1),
    "rule a day, allowed": (Caps(), {"day": 10, "allowed": 20}, [Portion(RULE, 5, None, RULE)], 3),
    "rule, and its account": (Caps(day=20), {"day": 30}, [Portion(RULE, 5, None, RULE)], 2),
    "nothing": (Caps(day=9), {}, ONE, 0),
}  # fmt: skip


@pytest.mark.parametrize("what", BOUND)
def test_so_many_fit_as_the_engine_pays_for(journal: Journal, what: str) -> None:
    own, of_rule, portions, number = BOUND[what]
    for name, limit in of_rule.items():
        journal.write(lambda db, name=name, limit=limit: db.execute(f"UPDATE rules SET {name} = ?", (limit,)))
    journal.write(
        lambda db: db.execute("UPDATE rules SET allowed_day = ?", (time.strftime("%Y-%m-%d", time.gmtime()),))
    )
    before = asked(journal, portions, own, 10)
    assert before.fits == number
    assert paid(journal, portions, own, 10) == number
    after = asked(journal, portions, own, 10)
    assert {(one.cap.kind, one.cap.owner): one.cap.spent for one in after.bounds} == {
        (one.cap.kind, one.cap.owner): one.after for one in before.bounds
    }
    again = paid(journal, portions, own, 10)
    assert after.fits == again, "what is reserved counts"


@pytest.mark.parametrize("kind", CapKind)
def test_each_kind_of_cap_is_met(kind: CapKind) -> None:
    met = set()
    for own, of_rule, portions, _ in BOUND.values():
        met |= {CapKind(name) for name in ("run", "day", "month") if getattr(own, name) is not None}
        met |= {{"run": CapKind.RULE, "day": CapKind.RULE_DAY, "month": CapKind.RULE_MONTH}[name]
                for name in of_rule if name != "allowed"}  # fmt: skip
        met |= {CapKind.BATCH for one in portions if one.batch and one.batch.cap is not None}
    assert kind in met


@pytest.mark.parametrize(("price", "day", "number"), [(None, 3, 3), (None, 0, 0), (0, 0, 5), (0, 7, 5), (7, 20, 2)])
def test_a_photo_without_a_price_counts_as_one_and_a_free_one_as_nothing(
    journal: Journal, price: int | None, day: int, number: int
) -> None:
    assert asked(journal, ONE, Caps(day=day), price).fits == number
    assert paid(journal, ONE, Caps(day=day), price) == number


@pytest.mark.parametrize(("balance", "number"), [(35, 3), (10, 1), (9, 0), (0, 0), (-5, 0), (500, 5)])
def test_the_balance_bounds_as_a_cap_does(journal: Journal, balance: int, number: int) -> None:
    journal.write(accounts.set_balance, "studio", balance, time.time() - 1)
    said = asked(journal, ONE, Caps(), 10)
    assert (said.fits, said.balance, said.balance_after) == (number, balance, balance - 50)
    assert paid(journal, ONE, Caps(), 10) == number
    assert asked(journal, (), Caps(), None).balance == balance - 10 * number


def test_the_newer_balance_counts_less_what_was_bought_since_or_is_in_doubt(journal: Journal) -> None:
    journal.write(accounts.set_balance, "studio", 100, time.time() - 60)
    assert paid(journal, [Portion("in|wf", 2)], Caps(), 10) == 2
    assert asked(journal, ONE, Caps(), 10, told=Balance(50, at=time.time() - 120)).balance == 80, (
        "the journal's is newer"
    )
    assert asked(journal, ONE, Caps(), 10, told=Balance(50, at=time.time())).balance == 30, "20 are still in the air"
    said = asked(journal, ONE, Caps(), 10, told=Balance(None, "not told", time.time()))
    assert (said.balance, said.unknown, said.fits) == (None, "not told", 5)


def test_an_account_by_itself_has_the_caps_of_its_own(journal: Journal) -> None:
    said = asked(journal, (), Caps(run=10, day=20, month=30), None)
    assert [one.cap.kind for one in said.bounds] == [CapKind.DAY, CapKind.MONTH]
    assert weight(said.price) == 1


def test_a_cap_that_is_short_is_told_with_its_folder(journal: Journal) -> None:
    said = asked(journal, TWO, Caps(run=35, day=100), 10)
    assert [(one.span, one.room, one.count) for one in said.telling] == [("today", 7, 7), ("folder out", 3, 4)]
    alone = asked(journal, ONE, Caps(run=35), 10)
    assert [(one.span, one.room) for one in alone.telling] == [("this folder", 3)]
