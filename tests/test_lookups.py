"""Look-ups of lost paid calls at a service that is busy, lists wrongly or says odd things: how each ends.

Judged by the stand-in's ledger and by its list of requests.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from artui.engine import reconcile
from artui.journal import Journal, accounts, history, purchases
from artui.model.job import Batch
from artui.model.states import Reason, Status
from artui.providers.services.autoretouch import lists, wire
from artui.providers.services.autoretouch import provider as autoretouch
from artui.sim.server import Simulator
from tests.desk import Desk
from tests.studio import Studio, open_studio

LIST = "/workflow/execution"
IN_DOUBT = (Status.HELD, Reason.IN_DOUBT)


async def proven(studio: Studio) -> None:
    """Let the list have shown a label of ours before."""
    await studio.journal.write_async(accounts.prove_labels, studio.identity.payer)


def switch(studio: Studio, **options: Any) -> None:
    studio.simulator.switch(options)


@pytest.mark.parametrize("come", [0, 1, 30])
async def test_at_a_busy_organization_a_lost_order_is_found_in_one_reading(studio: Studio, come: int) -> None:
    switch(studio, others=300, others_come=come)
    studio.fault("create", "drop_after")
    await studio.add(studio.photos(1))
    await studio.start()
    [job] = await studio.at_rest()
    assert job.status is Status.DONE, studio.places()
    assert len(studio.simulator.ledger) == 1
    asked = [request["path"] for request in studio.simulator.history]
    since = next(place for place, path in enumerate(asked) if path.endswith("/create"))
    assert sum(path.endswith(LIST) for path in asked[since:]) == 1
    studio.check()


async def test_at_a_busy_organization_what_was_not_carried_out_is_sent_again(studio: Studio) -> None:
    switch(studio, others=300, others_come=1)
    await proven(studio)
    studio.fault("create", "drop_before")
    await studio.add(studio.photos(1))
    await studio.start()
    [job] = await studio.at_rest()
    assert job.status is Status.DONE, studio.places()
    assert len(studio.simulator.ledger) == 1
    assert studio.requests_to("/create") == 2
    assert studio.requests_to(LIST) <= 12
    studio.check()


async def test_a_list_too_long_to_search_ends_with_a_person_after_bounded_pages(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_SEARCHED", 500)
    monkeypatch.setattr(reconcile, "MOST_PAGES", 30)
    switch(studio, others=2_000)
    await proven(studio)
    [number] = await studio.add(studio.photos(1))
    monkeypatch.setattr(accounts, "set_mark", lambda *_: None)
    studio.fault("create", "drop_before")
    await studio.start()
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.reason) == IN_DOUBT
    assert "among the newest 500 entries" in job.message
    assert studio.requests_to(LIST) <= reconcile.MOST_PAGES + 15
    assert studio.requests_to("/create") == 1
    studio.check()


@pytest.mark.parametrize(
    ("odd", "carried_out"),
    [
        ({"chargedCredits": 12.5}, False),
        ({"chargedCredits": "dear", "status": None}, False),
        ({"createdAt": {"a": 1}, "status": [1]}, True),
    ],
)
async def test_an_odd_entry_of_somebody_else_blocks_no_look_up(
    studio: Studio, odd: dict[str, Any], carried_out: bool
) -> None:
    switch(studio, others=30, odd=odd)
    await proven(studio)
    studio.fault("create", "drop_after" if carried_out else "drop_before")
    await studio.add(studio.photos(1))
    await studio.start()
    [job] = await studio.at_rest()
    assert job.status is Status.DONE, studio.places()
    assert len(studio.simulator.ledger) == 1
    assert studio.requests_to("/create") == (1 if carried_out else 2)
    studio.check()


def bounded(monkeypatch: pytest.MonkeyPatch, *, long: bool) -> None:
    """Each vain reading is waited for longer than the one before: half of them show that the last one ends it."""
    if not long:
        monkeypatch.setattr(reconcile, "MOST_READINGS", 3)


async def test_an_odd_entry_that_may_be_ours_ends_with_a_person(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    bounded(monkeypatch, long=long)
    switch(studio, others=30, odd={"id": None, "labels": None})
    await proven(studio)
    studio.fault("create", "drop_before")
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest(patience=120)
    job = studio.job(number)
    assert (job.status, job.reason) == IN_DOUBT
    assert "cannot be read" in job.message
    assert studio.requests_to(LIST) <= reconcile.MOST_READINGS + 2
    assert studio.requests_to("/create") == 1
    studio.check()


def batch_of(studio: Studio) -> tuple[Batch, dict[str, Any]]:
    """A batch, and what its jobs carry of it."""
    batch = Batch("5d5f8a1c-0000-4000-8000-000000000001", "boots", "studio", time.time())
    names = ("autoretouch_batch_id", "autoretouch_batch_name", "autoretouch_batch_createdAt")
    return batch, {"labels": dict(zip(names, (batch.id, batch.name, "2024-02-08T09:09:01.960Z"), strict=True))}


async def test_what_the_list_hides_and_the_batch_counts_is_not_bought_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "MOST_READINGS", 2)
    await proven(studio)
    batch, labels = batch_of(studio)
    await studio.add(studio.photos(1), batch=batch, **labels)
    await studio.start()
    await studio.at_rest()
    assert studio.requests_to("/batch") == 0, "nobody is asked who need not be"
    studio.fault("create", "drop_after")
    studio.fault("list", "hide", times=-1)
    [number] = await studio.add(studio.photos(1), batch=batch, **labels)
    await studio.at_rest(patience=120)
    job = studio.job(number)
    assert (job.status, job.reason) == IN_DOUBT, studio.places()
    assert "counts 2 in its batch, of which 1" in job.message
    assert studio.requests_to("/create") == 2
    assert len(studio.simulator.ledger) == 2
    assert studio.requests_to("/batch") <= reconcile.MOST_READINGS
    studio.check()


async def test_what_the_list_shows_later_than_the_batch_is_found(studio: Studio) -> None:
    await proven(studio)
    batch, labels = batch_of(studio)
    studio.fault("create", "drop_after")
    studio.fault("list", "hide", after=1, times=3)
    await studio.add(studio.photos(1), batch=batch, **labels)
    await studio.start()
    [job] = await studio.at_rest()
    assert job.status is Status.DONE, studio.places()
    assert studio.requests_to("/create") == len(studio.simulator.ledger) == 1
    studio.check()


@pytest.mark.parametrize("answer", ["", "status:500", "html"])
async def test_a_batch_that_counts_no_more_or_cannot_be_counted_forbids_nothing(studio: Studio, answer: str) -> None:
    await proven(studio)
    batch, labels = batch_of(studio)
    await studio.add(studio.photos(1), batch=batch, **labels)
    await studio.start()
    await studio.at_rest()
    studio.fault("create", "drop_before")
    if answer:
        studio.fault("batches", answer, times=-1)
    await studio.add(studio.photos(1), batch=batch, **labels)
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 2, studio.places()
    assert studio.requests_to("/create") == 3
    assert len(studio.simulator.ledger) == 2
    assert studio.requests_to("/batch") >= 1
    studio.check()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], None),
        ([{"id": "B-1", "executions": 3}], 3),
        ([{"id": "b-1", "executions": 3}, {"id": "b-2", "executions": 9}, {"id": "b-1", "executions": 1}], 4),
        ([{"id": "b-1", "executions": "many"}, {"id": "b-1", "executions": -4}], None),
        ([7, {"id": None, "executions": 1}, {"id": "b-1", "executions": 2.0}], 2),
    ],
)
def test_a_batch_is_counted_by_its_own_entries_alone(entries: list[Any], told: int | None) -> None:
    assert wire.counted(wire.Page[wire.Batch].model_validate({"entries": entries, "total": 1}), "b-1") == told


async def test_labels_that_only_details_show_prove_nothing(studio: Studio) -> None:
    switch(studio, labels="details")
    await studio.add(studio.photos(2))  # so few are looked at one by one
    await studio.start()
    await studio.at_rest()
    assert len(studio.simulator.ledger) == 2
    studio.fault("create", "drop_after")
    studio.fault("list", "hide", times=-1)
    [number] = await studio.add(studio.photos(1))
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.reason) == IN_DOUBT
    assert len(studio.simulator.ledger) == 3
    assert not studio.journal.read(accounts.labels_proven, studio.identity.payer)
    studio.check()


@pytest.mark.parametrize("lie", ["mislabel", "misinput"])
async def test_a_list_that_shows_another_label_than_ours_or_none_proves_no_absence(studio: Studio, lie: str) -> None:
    await proven(studio)
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    studio.fault("create", "drop_after")
    studio.fault("list", lie, times=-1)
    [number] = await studio.add(studio.photos(1))
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.reason) == IN_DOUBT, studio.places()
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_a_label_in_any_page_of_the_list_proves_them_for_its_payer_alone(studio: Studio) -> None:
    await studio.add(studio.photos(2))
    await studio.start()
    await studio.at_rest()
    await studio.stop()
    await studio.start()
    await studio.add(studio.photos(1))  # the list is read again before its paid call
    await studio.at_rest()
    assert studio.journal.read(accounts.labels_proven, studio.identity.payer)
    assert not studio.journal.read(accounts.labels_proven, f"{studio.identity.payer} else")


async def test_a_creation_time_that_lies_ahead_hides_nothing_that_is_ordered_next(studio: Studio) -> None:
    switch(studio, ahead=7200.0)
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    switch(studio, ahead=0.0, others=100)
    await proven(studio)
    studio.fault("create", "drop_after")
    await studio.add(studio.photos(1))
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 2, studio.places()
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_a_list_that_is_never_answered_is_waited_for_and_one_that_is_refused_is_not(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    bounded(monkeypatch, long=long)
    await proven(studio)
    studio.fault("create", "drop_after")
    studio.fault("list", "status:404", after=1, times=-1)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest(patience=120)
    job = studio.job(number)
    assert (job.status, job.reason) == IN_DOUBT
    assert studio.requests_to(LIST) == 1 + reconcile.MOST_READINGS
    told = [event.what for event in studio.journal.read(history.of_job, number)]
    assert told.count("look-up unfinished") == reconcile.MOST_READINGS - 1
    assert studio.journal.read(purchases.of_job, number)[0].looks == 0


async def test_the_count_of_vain_readings_outlives_the_engine(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reconcile, "MOST_READINGS", 3)
    async with open_studio(simulator, monkeypatch, tmp_path) as studio:
        studio.fault("create", "drop_after")
        studio.fault("list", "status:404", after=1, times=-1)
        [number] = await studio.add(studio.photos(1))
        for looks in (1, 2, 3):
            await studio.start()
            await studio.until(lambda looks=looks: studio.requests_to(LIST) >= 1 + looks)
            await studio.until(lambda: studio.job(number).status is not Status.RUNNING)
            await studio.stop()
        assert (studio.job(number).status, studio.job(number).reason) == IN_DOUBT
        assert studio.requests_to(LIST) == 4


def test_a_mark_never_lies_ahead_and_compares_as_a_moment(tmp_path: Path) -> None:
    now = time.time()

    def stamp(at: float, zone: timezone = UTC) -> str:
        return datetime.fromtimestamp(at, zone).isoformat(timespec="milliseconds")

    with Journal(tmp_path / "journal.db") as journal:

        def mark(*times: str, at: float = now) -> str:
            journal.write(accounts.set_mark, "payer", "workflow", times, at)
            return journal.read(accounts.mark, "payer", "workflow")

        assert mark("", "yesterday", "99999-01-01") == ""
        assert mark(stamp(now - 500), stamp(now - 600)) == stamp(now - 500)
        assert mark(stamp(now - 300, timezone(timedelta(hours=-9)))) == stamp(now - 300), "by the moment, not the text"
        assert mark(stamp(now - 400, timezone(timedelta(hours=9)))) == stamp(now - 300)
        assert mark(stamp(now - 200).removesuffix("+00:00")) == stamp(now - 200), "without a zone it is UTC"
        assert mark(stamp(now + 7200)) == stamp(now)
        assert mark(stamp(now + 7200), at=now + 86_400) <= stamp(time.time()), "a service whose clock is ahead"
        journal.write(lambda db: db.execute("UPDATE marks SET created_at = ?", (stamp(now + 7200),)))
        assert mark(stamp(now - 100)) == stamp(now - 100), "what an earlier program stored ahead is put right"


def test_commands_say_where_a_list_is_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_PAGES", 1)
    monkeypatch.setattr(autoretouch, "ENTRIES", 4)
    shown = desk("workflows")
    assert shown.out.count("\n") == 1 + 4
    assert "only the first 4 of 11 workflows were read" in shown.err
    assert "only the first 4 of 11" in desk("workflows", "--json").err
