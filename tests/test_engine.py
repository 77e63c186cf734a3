"""The engine on the stand-in: the whole journey, and what becomes of it when things go wrong."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import random
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from artui import budget, files, timing
from artui.cli.exits import Exit, of_jobs
from artui.core import options
from artui.engine import failures
from artui.engine.account_worker import AHEAD
from artui.files import publishing
from artui.journal import Connection, Journal, accounts, history, jobs, origins, purchases, requests, rules
from artui.journal.following import Scope
from artui.model.job import Batch, Job
from artui.model.states import REPEATS, PurchaseState, Reason, Stage, Status
from artui.sim.server import Simulator, running
from artui.steps import output
from artui.steps.paying import Paying
from tests.studio import Studio, open_studio

ONE_SLOT = "[accounts.studio.pace]\nuploads = 1"


async def test_ten_photos_come_back_paid_once(studio: Studio) -> None:
    await studio.add(studio.photos(10))
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 10
    assert len(studio.simulator.ledger) == 10
    assert len(list(studio.out.iterdir())) == 10
    studio.check()


async def test_a_photo_that_is_done_while_a_slot_is_free_is_saved_without_being_taken(studio: Studio) -> None:
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    told = [event.what for event in studio.journal.read(history.of_job, number)]
    assert told == ["added", "taken", "checked", "uploaded", "intent", "sent", "processed", "fetched", "saved"]


async def test_while_the_slots_are_taken_some_photos_are_checked_and_no_more_are_sent(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_studio(simulator, monkeypatch, tmp_path, more=ONE_SLOT) as studio:
        studio.fault("upload", "delay:4")
        await studio.add(studio.photos(AHEAD + 4))
        await studio.start()
        await studio.until(lambda: studio.requests_to("/upload") == 1)
        await studio.until(lambda: [job.status for job in studio.jobs()].count(Status.RUNNING) == 1 + AHEAD)
        await studio.until(lambda: [job.stage for job in studio.jobs()].count(Stage.CHECKED) == 1 + AHEAD)
        assert studio.requests_to("/upload") == 1
        await studio.at_rest()
        assert len(studio.simulator.ledger) == AHEAD + 4
        studio.check()


async def test_while_orders_are_answered_the_next_photos_go_up_and_not_without_end(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_studio(simulator, monkeypatch, tmp_path, more=ONE_SLOT) as studio:
        studio.fault("create", "delay:5")
        await studio.add(studio.photos(AHEAD + 4))
        await studio.start()
        await studio.until(lambda: studio.requests_to("/upload") == 1 + AHEAD)
        assert studio.requests_to("/create") == 1, "no more orders at once than uploads"
        await studio.at_rest()
        asked = [(entry["path"].rpartition("/")[2], entry["time"]) for entry in studio.simulator.history]
        answered = next(at for what, at in asked if what == "create") + 5
        assert sum(what == "upload" and at < answered for what, at in asked) == 1 + AHEAD
        assert len(studio.simulator.ledger) == AHEAD + 4
        studio.check()


# ------------------------------------------------------------------------------------------- the paid call in doubt


async def test_a_lost_answer_to_the_paid_call_is_looked_up_and_adopted(studio: Studio) -> None:
    studio.fault("create", "drop_after", after=2, times=4)
    await studio.add(studio.photos(10))
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 10, studio.places()
    assert len(studio.simulator.ledger) == 10
    assert studio.requests_to("/create") == 10
    studio.check()


@pytest.mark.parametrize("fault", ["drop_before", "status:503", "html", "status:429"])
async def test_a_paid_call_that_was_not_carried_out_is_sent_again_after_two_looks(studio: Studio, fault: str) -> None:
    await studio.add(studio.photos(3))
    studio.fault("create", fault, after=1, times=1)
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 3, studio.places()
    assert len(studio.simulator.ledger) == 3
    assert studio.requests_to("/create") == 4
    resent = next(job for job in finished if job.purchase == 2)
    bought = studio.journal.read(purchases.of_job, resent.id)
    assert [purchase.state for purchase in bought] == [PurchaseState.PRESUMED_SPENT, PurchaseState.KNOWN]
    assert bought[0].looks == 2
    studio.check()


async def test_an_absence_proves_nothing_while_no_label_came_back(studio: Studio) -> None:
    studio.fault("create", "drop_before")
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.reason) == (Status.HELD, Reason.IN_DOUBT)
    assert studio.requests_to("/create") == 1
    refused = await studio.ask("retry", number)
    assert refused.refused
    assert "resolve" in refused.message
    await studio.ask("again", number)
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_person_gives_a_lost_purchase_up_and_it_stays_counted(studio: Studio) -> None:
    studio.fault("create", "drop_before")
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    await studio.ask("give up", number)
    job = studio.job(number)
    assert job.status is Status.FAILED
    today = studio.journal.read(purchases.of_job, number)[0].day
    spent = studio.journal.read(purchases.spent, "studio", day=today, month=today[:7])
    assert spent.day == job.quoted


async def test_a_person_adopts_the_execution_that_was_found(studio: Studio) -> None:
    # The service loses our label and lists late, so that only a person can know which execution it is.
    studio.simulator.switch({"labels": "drop"})
    studio.fault("create", "drop_after")
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    assert studio.job(number).reason == Reason.IN_DOUBT
    execution = studio.simulator.ledger[0]["execution"]
    [found] = studio.journal.read(options.adoptions, studio.job(number))
    assert found.arguments == {"execution": execution}
    wrong = await studio.ask("adopt", number, execution="00000000-0000-4000-8000-000000000000")
    assert wrong.refused
    adopted = await studio.ask("adopt", number, execution=execution)
    assert not adopted.refused, adopted.message
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE
    assert len(studio.simulator.ledger) == 1


# ------------------------------------------------------------------------------------------------------- the photos


async def test_twins_share_one_payment(studio: Studio) -> None:
    first, second = studio.photos(2)
    second.write_bytes(first.read_bytes())
    await studio.add([first, second])
    await studio.start()
    finished = await studio.at_rest()
    assert sorted(job.status for job in finished) == [Status.DONE, Status.SKIPPED], studio.places()
    assert len(studio.simulator.ledger) == 1
    one, two = sorted(studio.out.iterdir())
    assert one.read_bytes() == two.read_bytes()
    third = studio.inbox / "again.jpg"
    third.write_bytes(first.read_bytes())
    [late] = await studio.add([third])
    await studio.at_rest()
    assert studio.job(late).status is Status.SKIPPED
    assert (studio.out / "again.jpg").exists() or list(studio.out.glob("again.*"))
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_twin_whose_first_result_was_moved_away_is_fetched_again_unpaid(studio: Studio) -> None:
    [first] = studio.photos(1)
    await studio.add([first])
    await studio.start()
    await studio.at_rest()
    for path in studio.out.iterdir():
        path.unlink()
    twin = studio.inbox / "twin.jpg"
    twin.write_bytes(first.read_bytes())
    [late] = await studio.add([twin])
    await studio.at_rest()
    assert studio.job(late).status is Status.SKIPPED
    assert [path.stem for path in studio.out.iterdir()] == ["twin"]
    assert len(studio.simulator.ledger) == 1


async def test_a_bad_twin_passes_the_purchase_on(studio: Studio) -> None:
    first, second, third = studio.photos(3)
    for other in (second, third):
        other.write_bytes(first.read_bytes())
    studio.fault("create", "status:422")
    await studio.add([first, second, third])
    await studio.start()
    finished = await studio.at_rest()
    assert sorted(job.status for job in finished) == [Status.DONE, Status.FAILED, Status.SKIPPED], studio.places()
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_photos_that_cannot_be_sent_end_with_their_reason_and_unpaid(studio: Studio) -> None:
    cut, gone, changed, good = studio.photos(4)
    await studio.add([cut, gone, changed, good])
    content = cut.read_bytes()
    gone.unlink()
    changed.write_bytes(changed.read_bytes() + b"more")
    cut.write_bytes(content[: len(content) // 2])
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.FAILED] * 3 + [Status.DONE]
    assert all(job.message for job in finished)
    assert len(studio.simulator.ledger) == 1
    os.utime(changed)
    stamp = files.stamp(changed)
    fresh = {"size": stamp.size, "mtime_ns": stamp.mtime_ns, "inode": stamp.inode, "device": stamp.device}
    await studio.ask("retry", finished[2].id, **fresh)
    await studio.at_rest()
    assert studio.job(finished[2].id).status is Status.DONE
    studio.check()


async def test_queued_photos_are_sent_after_a_remount_that_dealt_their_inodes_anew(studio: Studio) -> None:
    queued = studio.photos(3)
    await studio.add(queued)
    for photo in queued:
        was = photo.stat()
        again = photo.with_suffix(".again")
        again.write_bytes(photo.read_bytes())
        os.utime(again, ns=(was.st_atime_ns, was.st_mtime_ns))
        again.replace(photo)
        assert photo.stat().st_ino != was.st_ino
    await studio.start()
    assert [job.status for job in await studio.at_rest()] == [Status.DONE] * 3
    assert len(studio.simulator.ledger) == 3
    studio.check()


async def test_a_taken_result_name_gives_way_and_nothing_is_overwritten(studio: Studio) -> None:
    [photo] = studio.photos(1)
    [number] = await studio.add([photo])
    studio.out.mkdir()
    theirs = [studio.out / f"{photo.stem}{ending}" for ending in (".png", ".jpg")]
    for path in theirs:
        path.write_bytes(b"somebody's own")
    await studio.start()
    await studio.at_rest()
    assert all(path.read_bytes() == b"somebody's own" for path in theirs)
    saved = studio.job(number).results[0].path
    assert saved is not None
    assert Path(saved).stem == f"{photo.stem}-2"
    studio.check()


async def test_an_unusable_output_folder_holds_and_goes_on_when_it_is_mended(studio: Studio) -> None:
    studio.out.write_text("a file where the folder should be")
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    assert studio.job(number).reason == Reason.OUTPUT
    assert not studio.simulator.ledger
    studio.out.unlink()
    await studio.ask("retry", number)
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE


# ------------------------------------------------------------------------------------------------------- the money


async def test_a_cap_cannot_be_overshot_by_many_at_once(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    more = "[accounts.studio.caps]\nday = 35"
    async with open_studio(simulator, monkeypatch, tmp_path, more=more) as studio:
        await studio.add(studio.photos(10))
        await studio.start()
        finished = await studio.at_rest()
        assert len(simulator.ledger) == 35 // (finished[0].quoted or 1)
        held = [job for job in finished if job.status is Status.HELD]
        assert {job.reason for job in held} == {Reason.CAP}
        assert len(held) == 10 - len(simulator.ledger)
        studio.check()


async def test_a_batch_cap_bounds_its_batch_alone(studio: Studio) -> None:
    batch = Batch("b1", "boots", "studio", time.time(), cap=20)
    await studio.add(studio.photos(4), batch=batch)
    await studio.add(studio.photos(2))
    await studio.start()
    finished = await studio.at_rest()
    price = finished[0].quoted or 1
    assert sum(job.status is Status.DONE for job in finished if job.batch) == 20 // price
    assert all(job.status is Status.DONE for job in finished if not job.batch)


async def test_a_changed_price_is_asked_about_before_anything_is_sent(studio: Studio) -> None:
    recipe = studio.workflows["Background Removal"]
    [number] = await studio.add(studio.photos(1))
    studio.simulator.switch({"price": {recipe.id: 12}})
    await studio.start()
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.reason) == (Status.HELD, Reason.PRICE)
    assert "12" in job.message
    assert not studio.simulator.ledger
    assert studio.engine is not None
    lane, *_ = studio.engine._workers["studio"]
    now = await lane.context.provider.workflow(recipe.id)
    await studio.ask("retry", number, quoted=now.price, version=now.version)
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE
    assert studio.simulator.ledger[0]["credits"] == 12
    studio.check()


async def test_credits_that_run_out_hold_before_sending_and_go_on_after_a_top_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with running(Simulator(speed=100, credits=35)) as simulator:
        async with open_studio(simulator, monkeypatch, tmp_path) as studio:
            await studio.add(studio.photos(6))
            await studio.start()
            await studio.until(lambda: studio.journal.read(history.unfinished) == 0)
            assert {job.reason for job in studio.jobs() if job.status is Status.HELD} <= {
                Reason.CREDITS,
                Reason.PAYMENT,
            }
            assert len(simulator.ledger) == 3
            studio.credits(add=500)
            await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
            assert len(simulator.ledger) == 6
            studio.check()


async def test_photos_that_are_sent_together_probe_their_folder_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[bool] = []
    probe = files.probe_folder

    def counted(folder: Path, permissions: files.Permissions, *, tidy: bool) -> None:
        probed.append(tidy)
        time.sleep(0.1)  # all of them ask meanwhile
        probe(folder, permissions, tidy=tidy)

    monkeypatch.setattr(files, "probe_folder", counted)
    await studio.add(studio.photos(6))
    await studio.start()
    await studio.at_rest()
    assert probed == [True]
    monkeypatch.setattr(output, "FOLDER_AGE", 0.0)
    await studio.add(studio.photos(1))
    await studio.at_rest()
    assert probed[1:], "it is probed again"
    assert not any(probed[1:]), "but not looked through again"


async def test_executions_parked_without_credits_are_resumed_one_first_then_the_rest(studio: Studio) -> None:
    studio.simulator.switch({"charge": "start"})
    studio.fault("balance", "status:503", times=-1)  # the balance is not known, so that nothing holds before sending
    studio.credits(set=10)
    await studio.add(studio.photos(4))
    await studio.start()
    await studio.until(lambda: sum(job.reason == Reason.PAYMENT for job in studio.jobs()) == 3)
    left_alone = 2 * float(studio.config.accounts["studio"].settings["settle"])  # it may go on by itself
    await studio.until(lambda: all(time.time() - job.stage_at > left_alone for job in studio.jobs()))
    studio.credits(set=100)
    studio.mend()
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert studio.requests_to("/create") == 4
    paths = [request["path"].rsplit("/", 1)[-1] for request in studio.simulator.history]
    first, second, third = (at for at, path in enumerate(paths) if path == "retry")
    assert "balance" in paths[first:second], "the first one shows whether the service goes on, before the rest is asked"
    assert "balance" not in paths[second:third], "the rest is asked at once"
    assert len(studio.simulator.ledger) == 4
    studio.check()


# ----------------------------------------------------------------------------------------------------- the service


async def test_a_failed_execution_ends_with_the_services_word_and_a_person_may_retry(studio: Studio) -> None:
    [number] = await studio.add(studio.photos(1), workflow="Always fails")
    await studio.start()
    await studio.at_rest()
    job = studio.job(number)
    assert (job.status, job.reason, job.charged) == (Status.FAILED, Reason.FAILED, 0)
    outcome = await studio.ask("retry", number)
    assert not outcome.refused
    await studio.until(lambda: studio.requests_to("/retry") == 1)
    await studio.at_rest()
    assert studio.job(number).status is Status.FAILED
    assert studio.job(number).purchase == 2
    assert not studio.simulator.ledger


async def test_a_photo_in_qa_waits_and_comes_back(studio: Studio) -> None:
    studio.simulator.switch({"qa": 100.0})
    [number] = await studio.add(studio.photos(1), workflow="Human check")
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.IN_QA)
    assert studio.journal.read(history.unfinished) == 0
    assert studio.journal.read(history.unfinished, with_qa=True) == 1
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE
    studio.check()


async def test_an_unknown_status_is_shown_as_spelled_and_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with running(Simulator(speed=5)) as simulator:
        simulator.switch({"unknown_status": "PONDERING"})
        async with open_studio(simulator, monkeypatch, tmp_path) as studio:
            [number] = await studio.add(studio.photos(1))
            await studio.start()
            await studio.until(lambda: studio.job(number).word == "PONDERING")
            assert studio.job(number).status is Status.WAITING
            await studio.at_rest()
            assert studio.job(number).status is Status.DONE


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("head", "status:503"), ("upload", "status:503"), ("upload", "status:429"), ("upload", "status:429:1"),
        ("upload", "drop_before"), ("upload", "drop_after"), ("upload", "html"), ("upload", "early:401"),
        ("details", "status:500"), ("details", "html"), ("details", "drop_after"), ("details", "truncate"),
        ("list", "html"), ("workflow", "status:503"), ("balance", "html"), ("create", "early:401"),
        ("download", "status:503"), ("download", "truncate"), ("download", "drop_before"), ("download", "lie"),
        ("download", "html"), ("download", "status:404"), ("token", "status:503"), ("token", "drop_after"),
    ],
)  # fmt: skip
async def test_passing_troubles_cost_nothing_but_time(studio: Studio, route: str, fault: str) -> None:
    # A fresh token that is refused at once is a sign-in that is no longer accepted, so that fault comes once.
    studio.fault(route, fault, after=1, times=1 if fault == "early:401" else 2)
    await studio.add(studio.photos(4))
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 4, studio.places()
    assert len(studio.simulator.ledger) == 4
    studio.check()


async def test_the_service_is_asked_for_a_photo_only_where_it_may_have_thrown_it_away(studio: Studio) -> None:
    def asked() -> tuple[int, int]:
        seen = [one["method"] for one in studio.simulator.history if one["path"].endswith("/upload")]
        return seen.count("HEAD"), seen.count("POST")

    [photo] = studio.photos(1)
    await studio.add([photo])
    await studio.start()
    await studio.at_rest()
    assert asked() == (0, 1)
    await studio.add([photo], workflow="Export only", stem="other workflow")
    await studio.at_rest()
    assert asked() == (0, 1), "the journal knows the photo"
    await studio.add([photo], copy=1, stem="bought anew")
    await studio.at_rest()
    assert asked() == (1, 1)
    studio.fault("head", "status:405")
    await studio.add([photo], copy=2, stem="bought anew again")
    await studio.at_rest()
    assert asked() == (2, 2), "whatever it says but yes, the photo is sent"
    await studio.stop()
    [number] = await studio.add([photo], workflow="Human check", stem="from before a recovery")
    await studio.journal.write_async(origins.add)
    await studio.start()
    await studio.until(lambda: studio.job(number).reference)
    assert asked() == (3, 2)


async def test_a_result_that_stays_gone_asks_a_person_and_buys_nothing(studio: Studio) -> None:
    studio.simulator.switch({"result_gone": True})
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    assert studio.job(number).reason == Reason.GONE
    assert len(studio.simulator.ledger) == 1
    studio.simulator.switch({"result_gone": False})
    await studio.ask("retry", number)
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE
    assert len(studio.simulator.ledger) == 1


async def test_a_revoked_token_holds_the_account_once_and_loses_nothing(studio: Studio) -> None:
    studio.simulator.switch({"token_lifetime": 1})
    await studio.add(studio.photos(2))
    given = studio.revoke()
    await studio.start()
    await studio.until(lambda: all(job.status is Status.HELD for job in studio.jobs()))
    assert {job.reason for job in studio.jobs()} == {Reason.LOGIN}
    asked = studio.requests_to("/oauth/token")
    os.environ["ARTUI_STUDIO_TOKEN"] = given["refresh_token"]
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert studio.requests_to("/oauth/token") - asked <= 8
    studio.check()


async def test_what_is_at_the_service_while_nobody_is_signed_in_needs_a_person_and_is_fetched_after(
    studio: Studio,
) -> None:
    studio.fault("details", "status:401", times=-1)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.LOGIN)
    assert studio.job(number).place == (Stage.SUBMITTED, Status.HELD)
    assert not studio.journal.read(Scope().moving), "`wait` ends"
    assert of_jobs(studio.journal.read(Scope().counts)) == Exit.LOGIN
    studio.mend()
    os.environ["ARTUI_STUDIO_TOKEN"] = studio.revoke()["refresh_token"]
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_service_that_charges_and_calls_the_sign_in_old_is_not_believed_without_end(studio: Studio) -> None:
    studio.simulator.switch({"labels": "drop"})
    studio.fault("create", "act:401", times=-1)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.REJECTED)
    assert len(studio.simulator.ledger) == 1 + REPEATS
    assert (await studio.ask("retry", number)).refused


# ------------------------------------------------------------------------------------------------- people and crashes


async def test_a_cancel_before_sending_costs_nothing_and_after_it_the_result_is_saved(studio: Studio) -> None:
    studio.fault("upload", "delay:1", times=-1)
    first, second = await studio.add(studio.photos(2))
    await studio.start()
    await studio.until(lambda: studio.job(first).status is Status.RUNNING)
    outcome = await studio.ask("cancel", first)
    assert not outcome.refused
    await studio.until(lambda: studio.job(second).stage is Stage.SUBMITTED)
    outcome = await studio.ask("cancel", second)
    await studio.at_rest()
    assert studio.job(first).status is Status.CANCELLED
    assert studio.job(second).status is Status.DONE
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_stale_request_is_refused(studio: Studio) -> None:
    [number] = await studio.add(studio.photos(1), quoted=99)
    seen = studio.job(number)
    await studio.start()
    await studio.at_rest()
    request = await studio.journal.write_async(requests.enqueue, "retry", seen)
    outcome = await studio.until(lambda: studio.journal.read(requests.outcome, request))
    assert outcome.refused
    assert "moved on" in outcome.message
    assert studio.job(number).reason == Reason.PRICE


async def test_pause_holds_what_leads_up_to_paying_and_resume_goes_on(studio: Studio) -> None:
    studio.fault("upload", "delay:0.5", times=-1)
    await studio.add(studio.photos(20))
    await studio.start()
    await studio.until(lambda: studio.requests_to("/upload") > 0)
    await studio.ask("pause", account="studio")
    await studio.until(lambda: not any(job.status in (Status.READY, Status.RUNNING) for job in studio.jobs()))
    paid = len(studio.simulator.ledger)
    assert paid < 20
    assert {job.reason for job in studio.jobs() if job.status is Status.HELD} == {Reason.PAUSED}
    studio.mend()
    await studio.ask("resume", account="studio")
    await studio.at_rest()
    assert all(job.status is Status.DONE for job in studio.jobs())
    studio.check()


async def test_a_hold_that_ends_while_it_is_written_down_holds_nothing(studio: Studio) -> None:
    studio.fault("upload", "delay:0.5", times=-1)
    await studio.add(studio.photos(20))
    await studio.start()
    await studio.until(lambda: studio.requests_to("/upload") > 0)
    assert studio.engine is not None
    lane, *_ = studio.engine._workers["studio"]
    await asyncio.gather(lane.hold(Reason.LOGIN, "sign in again"), lane.release())
    assert not any(job.status is Status.HELD for job in studio.jobs())
    studio.mend()
    assert {job.status for job in await studio.at_rest()} == {Status.DONE}


async def test_a_pause_of_a_rule_that_ends_while_its_photo_is_put_down_holds_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    await studio.journal.write_async(
        rules.load, "boots", name="boots", folder=studio.out, account="studio", run=None, day=None, month=None,
        twins="deliver",
    )  # fmt: skip
    await studio.start()
    await studio.ask("pause rule", rule="boots")

    def resumed_meanwhile(job: Job, failure: Exception, moment: failures.FailureContext) -> failures.Disposition:
        def resume(db: Connection) -> None:
            requests.enqueue(db, "resume rule", rule="boots")
            rules.carry_out(db, requests.pending(db)[-1], rules.resume, "2026-11-22")

        studio.journal.write(resume)
        return failures.classify(job, failure, moment)

    monkeypatch.setattr("artui.engine.account_worker.classify", resumed_meanwhile)
    [number] = await studio.add(studio.photos(1), rule="boots")
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE
    assert "put back" in [event.what for event in studio.journal.read(history.of_job, number)]
    studio.check()


async def test_an_engine_that_was_displaced_sends_nothing(studio: Studio) -> None:
    studio.fault("upload", "delay:0.5", times=-1)
    await studio.add(studio.photos(2))
    await studio.start()
    await studio.until(lambda: studio.requests_to("/upload") > 0)
    await studio.journal.write_async(requests.engine_starts, 1, "elsewhere", "background", "test")
    await studio.until(lambda: all(job.stage is Stage.SUBMITTING for job in studio.jobs()))
    assert studio.requests_to("/create") == 0
    assert not studio.simulator.ledger


async def test_jobs_made_for_another_organization_are_held_until_it_is_back(studio: Studio) -> None:
    [number] = await studio.add(studio.photos(1), organization="another", payer="autoretouch another")
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    assert studio.job(number).reason == Reason.ACCOUNT
    assert not studio.simulator.ledger


async def test_stopping_and_starting_again_loses_and_repeats_nothing(studio: Studio) -> None:
    await studio.add(studio.photos(30))
    for _ in range(4):
        await studio.start()
        done = sum(job.status is Status.DONE for job in studio.jobs())
        await studio.until(
            lambda so_far=done: sum(job.status is Status.DONE for job in studio.jobs()) >= min(30, so_far + 3)
        )
        await studio.stop()
        assert not any(job.status is Status.RUNNING for job in studio.jobs())
    await studio.start()
    await studio.at_rest()
    assert all(job.status is Status.DONE for job in studio.jobs())
    assert len(studio.simulator.ledger) == 30
    assert studio.requests_to("/create") == 30
    studio.check()


async def test_an_engine_that_is_told_to_stop_at_once_still_puts_right_what_the_last_one_left(studio: Studio) -> None:
    def take_all(db: Connection) -> None:
        for job in jobs.select(db, "1"):
            jobs.move(db, job, job.stage, Status.RUNNING, "taken")

    await studio.add(studio.photos(2))
    await studio.journal.write_async(take_all)  # by an engine that was killed
    await studio.start()
    await studio.stop()
    assert [job.status for job in studio.jobs()] == [Status.READY] * 2
    studio.check()


async def test_a_stop_between_an_intent_and_its_call_leaves_no_doubt(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = studio.journal.write_async

    async def do(act: Any, *given: Any, **more: Any) -> Any:
        written = await write(act, *given, **more)
        if getattr(act, "__name__", "") == "intend":
            assert studio.engine
            await studio.engine._workers["studio"][0].stop_transfers()
            await asyncio.sleep(0)
        return written

    monkeypatch.setattr(studio.journal, "write_async", do)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).purchase)
    await studio.stop()
    job = studio.job(number)
    assert (job.stage, job.status) == (Stage.SUBMITTED, Status.WAITING)
    assert studio.requests_to("/create") == 1
    studio.check()


async def test_a_paid_call_that_fails_when_nobody_waits_any_more_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    paying, goes_on = Paying.__new__(Paying), asyncio.Event()
    paying.under_way = set()

    async def fail() -> Job:
        await goes_on.wait()
        raise budget.CancelledFirst("photo.jpg")

    waiting = asyncio.create_task(paying._to_its_end(fail()))
    await asyncio.sleep(0)
    [call] = paying.under_way
    waiting.cancel()
    await asyncio.wait([waiting])
    goes_on.set()
    await asyncio.wait([call])
    del call
    gc.collect()
    assert not paying.under_way
    assert not caplog.records


async def test_a_step_that_is_stopped_while_its_move_is_written_leaves_no_job_running(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = studio.journal.write_async

    async def do(act: Any, *given: Any, **more: Any) -> Any:
        writing = asyncio.ensure_future(write(act, *given, **more))
        if getattr(act, "__name__", "") == "note_upload":
            assert studio.engine
            studio.engine.stop()
            await studio.engine._workers["studio"][0].stop_transfers()
        return await asyncio.shield(writing)

    monkeypatch.setattr(studio.journal, "write_async", do)
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.requests_to("/upload"))
    await studio.stop()
    assert [job.status for job in studio.jobs()] == [Status.READY]


async def test_a_cap_that_has_room_again_lets_just_as_many_go_on(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with open_studio(simulator, monkeypatch, tmp_path, more="[accounts.studio.caps]\nday = 30") as studio:
        await studio.add(studio.photos(6))
        await studio.start()
        await studio.at_rest()
        assert len(simulator.ledger) == 3
        assert studio.engine is not None
        lane, *_ = studio.engine._workers["studio"]
        tomorrow = budget.Terms(lane.context.account.caps, "2999-01-01")
        monkeypatch.setattr(type(lane.context), "terms", lambda self: tomorrow)
        await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
        assert len(simulator.ledger) == 6
        studio.check()


# -------------------------------------------------------------------------------------------- disks, names and clocks


async def test_a_full_output_disk_holds_what_is_bought_and_goes_on_by_itself(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True
    write = publishing._write_all

    def write_or_not(file: Any, data: bytes) -> None:
        if full and b"artui" not in data[:10]:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, data)

    monkeypatch.setattr(publishing, "_write_all", write_or_not)
    monkeypatch.setattr(failures, "OUTPUT_AGAIN", 0.3)
    await studio.add(studio.photos(5))
    await studio.start()
    await studio.until(lambda: sum(job.reason == Reason.DISK_FULL for job in studio.jobs()) == 5)
    full = False
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 5
    assert len(list(studio.out.iterdir())) == 5
    studio.check()


async def test_a_journal_that_cannot_be_written_for_a_while_costs_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    real = Journal._run_one

    def run_or_not(db: Any, work: Any) -> Any:
        if chance.random() < 0.15:
            raise apsw.FullError("database or disk is full")
        return real(db, work)

    await studio.add(studio.photos(20))
    monkeypatch.setattr(Journal, "_run_one", staticmethod(run_or_not))
    await studio.start()
    await studio.until(lambda: len(studio.simulator.ledger) >= 10)
    monkeypatch.setattr(Journal, "_run_one", staticmethod(real))
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 20
    assert studio.requests_to("/create") == 20
    studio.check()


async def test_no_intent_is_written_without_room_beside_the_journal(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "free_bytes", lambda folder: 1_000_000)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    assert studio.job(number).reason == Reason.DISK_FULL
    assert studio.requests_to("/create") == 0


@pytest.mark.usefixtures("byte_names")
async def test_hostile_names_come_back_under_their_own(studio: Studio) -> None:
    names = [
        b"line\nbreak.jpg", b"\x1b[2J\x1b]52;c;x\x07.jpg", b"caf\xe9 latin.jpg", b"[bold] $(rm -rf).jpg", b"-rf.jpg",
        b"a" * 251 + b".jpg", "أبيض‮gpj.jpg".encode(), "e\u0301.jpg".encode(), "\u00e9 two.jpg".encode(),
    ]  # fmt: skip
    photos = studio.photos(len(names))
    hostile = []
    for name, photo in zip(names, photos, strict=True):
        target = studio.inbox / os.fsdecode(name)
        photo.rename(target)
        hostile.append(target)
    stems = files.Stems(lambda key: False)
    made = [studio.new_job(photo, stem=stems.reserve(studio.out, photo.stem)) for photo in hostile]
    await studio.journal.write_async(jobs.add, None, made)
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * len(names), studio.places()
    saved = {os.fsencode(path.name) for path in studio.out.iterdir()}
    assert b"line\nbreak.png" in saved
    assert b"caf\xe9 latin.png" in saved
    sent = [str(request["form"]) for request in studio.simulator.history if request["path"].endswith("/upload")]
    assert all(text.isascii() for text in sent)
    studio.check()


async def test_a_token_that_keeps_expiring_is_renewed_without_a_person(studio: Studio) -> None:
    studio.simulator.switch({"token_lifetime": 1, "rotate_refresh_tokens": True})
    studio.fault("upload", "delay:0.4", times=-1)
    await studio.add(studio.photos(20))
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 20, studio.places()
    assert len(studio.simulator.ledger) == 20
    studio.check()


async def test_a_service_that_is_down_is_probed_ever_more_rarely_and_loses_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "LONGEST_WAIT", 3.0)  # how the waits grow is a test of its own; this one must end soon
    studio.fault("*", "drop_before", times=-1)
    await studio.add(studio.photos(20))
    await studio.start()
    await studio.until(lambda: len(studio.simulator.history) >= 12)
    before = len(studio.simulator.history)
    await asyncio.sleep(2)
    assert len(studio.simulator.history) - before <= 15
    studio.mend()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 20, studio.places()
    assert len(studio.simulator.ledger) == 20
    studio.check()


# ------------------------------------------------------------------------------------------------ the sampling gate


@pytest.mark.parametrize("yes", [True, False])
async def test_only_the_sample_is_sent_until_a_person_says_yes(studio: Studio, yes: bool) -> None:
    batch = Batch("b1", "boots", "studio", time.time(), sample=2)
    await studio.add(studio.photos(6), batch=batch)
    await studio.start()
    waiting = [job for job in await studio.at_rest() if job.status is Status.HELD]
    assert {job.reason for job in waiting} == {Reason.SAMPLE}
    assert len(studio.simulator.ledger) == 2
    outcome = await studio.ask("approve", batch="b1", yes=yes)
    assert outcome.message.startswith("4 photos")
    await studio.at_rest()
    assert len(studio.simulator.ledger) == (6 if yes else 2)
    assert {job.status for job in studio.jobs()} == ({Status.DONE} if yes else {Status.DONE, Status.CANCELLED})
    assert (await studio.ask("approve", batch="b1", yes=yes)).refused
    studio.check()


async def test_a_full_disk_asks_for_no_sign_in_and_burns_no_refresh_token(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    await studio.add(studio.photos(1))
    asked = studio.requests_to("/oauth/token")
    with monkeypatch.context() as disk:
        disk.setattr("artui.credentials.vault.write_private", full)
        await studio.start()
        await studio.until(lambda: "No space left" in studio.jobs()[0].message)
        assert studio.jobs()[0].status is not Status.HELD
        assert studio.journal.read(accounts.state, "studio").held == ""
        assert studio.requests_to("/oauth/token") == asked, "what it gives now could not be kept"
    await studio.at_rest()
    assert studio.jobs()[0].status is Status.DONE
    studio.check()
