"""Watched folders on the stand-in: what lands in them is paid once, and what becomes of it afterwards."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
import shutil
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artui import files
from artui.cli.exits import Exit
from artui.cli.once import _ending, _remarks
from artui.config import ConfigError
from artui.journal import jobs, rules, seen
from artui.journal.following import Scope
from artui.journal.rules import RuleState
from artui.model.holds import CapKind
from artui.model.states import Reason, Seen, Status
from artui.model.watching import RuleCause, Skip
from artui.sim.photos import noise_jpeg
from artui.watch import postprocess
from artui.watch.folder import What
from artui.watch.marker import Offline, identity
from artui.watch.why import FileVerdict, Why, dry_run, why
from tests.studio import Studio
from tests.watch_post import QUIET, counted, offers_of, post_at, rule_for, watching


def jpeg(studio: Studio, size: int, seed: int) -> bytes:
    """A whole photo, in pieces to be written slowly."""
    made = studio.folder / "made.jpg"
    noise_jpeg(made, size, seed)
    return made.read_bytes()


# ------------------------------------------------------------------------------------------------- what lands


async def test_what_lands_in_a_folder_is_paid_once_and_delivered(studio: Studio) -> None:
    async with watching(studio, recursive=True, sku="shop-{folder}") as post:
        post.drop_many(3)
        post.drop("boots/a\udcff.jpg", 10)
        post.drop("boots/na\u0308he.jpg", 11)
        post.drop("boots/n\u00e4he.jpg", 12)
        post.drop("boots/BIG.JPG", 13)
        post.drop("boots/big.jpg", 14)
        found = await post.all_done(8)
        assert {job.status for job in found} == {Status.DONE}
        assert len(studio.simulator.ledger) == 8
        assert len(list(studio.out.rglob("*.png"))) == 8
        assert {job.labels["sku"] for job in found} == {"shop-in", "shop-boots"}
        assert len({job.batch for job in found}) == 2
        assert {(job.rule, job.run) for job in found} == {(post.rule.id, post.rule.id)}
        assert sum(len(event.names) for event in post.told(What.TAKEN)) == 8
        studio.check()


async def test_neither_restart_nor_touch_nor_another_mount_submits_anything_again(studio: Studio) -> None:
    async with watching(studio) as post:
        post.drop_many(3)
        await post.all_done(3)
    touched = studio.inbox / "IMG_0001.jpg"
    os.utime(touched)
    async with watching(studio) as post:
        await post.until(lambda: post.known("IMG_0001.jpg").mtime_ns == touched.stat().st_mtime_ns)
    # The same folder from another disk: every inode is another one.
    shutil.copytree(studio.inbox, studio.folder / "copy")
    shutil.rmtree(studio.inbox)
    (studio.folder / "copy").rename(studio.inbox)
    async with watching(studio) as post:
        post.drop("new.jpg", 9)
        await post.all_done(4)
        elsewhere = studio.folder / "elsewhere"
        studio.inbox.rename(elsewhere)
        await post.state(RuleState.OFFLINE)
        assert "not there" in post.row.message
        assert post.row.cause is RuleCause.MISSING
        studio.inbox.mkdir()  # an empty mount point
        await studio.ask("look now")
        await post.until(lambda: post.row.cause is RuleCause.NO_MARKER)
        post.drop("bare.jpg", 10)
        (studio.inbox / "bare.jpg").unlink()
        studio.inbox.rmdir()
        elsewhere.rename(studio.inbox)
        await studio.ask("look now")
        await post.state(RuleState.WATCHING)
        post.drop("after.jpg", 11)
        await post.all_done(5)
    assert len(studio.simulator.ledger) == 5
    studio.check()


async def test_the_same_content_is_delivered_or_refused_and_never_bought_again(studio: Studio) -> None:
    async with watching(studio) as post:
        post.drop("a.jpg", 1)
        await post.all_done(1)
        post.drop("b.jpg", 1)
        twin = (await post.all_done(2))[1]
        assert (twin.status, twin.twin_of) == (Status.SKIPPED, 1)
        assert (studio.out / "b.png").read_bytes() == (studio.out / "a.png").read_bytes()
        post.drop("a.jpg", 2)
        better = (await post.all_done(3))[2]
        assert (better.status, better.stem) == (Status.DONE, "a-2")
    async with watching(studio, twins="refuse") as post:
        post.drop("c.jpg", 1)
        refused = (await post.all_done(4))[3]
        assert (refused.status, refused.reason) == (Status.SKIPPED, Reason.TWIN)
        assert "a.jpg" in refused.message
        assert not (studio.out / "c.png").exists()
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_a_buyer_that_ends_unpaid_hands_over_whatever_its_twins_were_made_for(studio: Studio) -> None:
    async with watching(studio, engine=False) as post:
        post.drop("a.jpg", 1)
        await post.until(studio.jobs)
        [first] = studio.jobs()
        first = await studio.journal.write_async(_check_in, first)
        post.drop("b.jpg", 1)
        await post.until(lambda: len(studio.jobs()) == 2)
    await studio.journal.write_async(lambda db: db.execute("UPDATE jobs SET version = 'the next' WHERE id = 2"))
    second = await studio.journal.write_async(_check_in, studio.job(2))
    assert (second.status, second.twin_of) == (Status.WAITING, 1), "a rule buys a photo once, in whatever version"
    third = replace(studio.new_job(studio.inbox / "b.jpg", first.workflow_name, stem="by hand"), version="the next")
    await studio.journal.write_async(jobs.add, None, [third])
    assert (await studio.journal.write_async(_check_in, studio.job(3))).buys, "a person may"
    await studio.journal.write_async(jobs.move, first, first.stage, Status.CANCELLED, "cancelled")
    assert (studio.job(2).twin_of, studio.job(2).buys) == (3, False)


async def test_a_job_that_was_never_read_hides_none_of_the_same_photo(studio: Studio) -> None:
    async with watching(studio) as post:
        post.drop("a.jpg", 1)
        await post.all_done(1)
    [first] = studio.jobs()

    def fails(db: Any) -> list[Any]:
        [number] = jobs.add(
            db, None, [replace(studio.new_job(first.source, first.workflow_name, stem="b"), rule=first.rule)]
        )
        db.execute("UPDATE jobs SET status = 'failed', reason = 'changed', finished_at = 1 WHERE id = ?", (number,))
        return seen.made_with(db, first.id)

    assert [job.id for job in await studio.journal.write_async(fails)] == [first.id]


def _check_in(db: Any, job: Any) -> Any:
    taken = jobs.move(db, job, job.stage, Status.RUNNING, "taken")
    return jobs.check_in(db, taken, digest="d", media_type="image/jpeg", width=1, height=1)


# ---------------------------------------------------------------------------------------------------- settling


async def test_a_slow_copy_is_one_job_of_the_whole_file(studio: Studio) -> None:
    whole = studio.folder / "whole.jpg"
    noise_jpeg(whole, 200_000, 5)
    content = whole.read_bytes()
    async with watching(studio) as post:
        with (studio.inbox / "slow.jpg").open("wb") as slow:
            for begin in range(0, len(content), 50_000):
                slow.write(content[begin : begin + 50_000])
                slow.flush()
                await asyncio.sleep(2.5 * QUIET)
        [done] = await post.all_done(1)
        assert done.size == len(content)
        half = studio.inbox / "half.jpg"
        half.write_bytes(content[:100_000])
        replaced = studio.inbox / "replaced.jpg"
        replaced.write_bytes(content[:70_000])
        await post.until(lambda: "not whole yet" in post.row.not_taken)
        post.drop("replaced.jpg", 6)
        await post.until(lambda: post.told(What.REFUSED))
        [refused] = post.told(What.REFUSED)
        assert refused.names == ("half.jpg",)
        assert "cut off" in refused.message
        assert studio.journal.read(seen.not_taken, post.rule.id)["truncated"].newest == ("half.jpg",)
        noise_jpeg(half, 200_000, 7)
        assert {job.status for job in await post.all_done(3)} == {Status.DONE}
    assert len(studio.simulator.ledger) == 3
    studio.check()


async def test_what_vanishes_or_changes_on_its_way_is_seen_anew(studio: Studio) -> None:
    async with watching(studio, engine=False) as post:
        gone, changed = post.drop("gone.jpg", 1), post.drop("changed.jpg", 2)
        await post.until(lambda: len(studio.jobs()) == 2)
        gone.unlink()
        noise_jpeg(changed, 30_000, 3)
        await studio.start()
        await post.until(lambda: post.known("gone.jpg") is None)
        await post.all_done(3)
        post.drop("gone.jpg", 1)
        found = await post.all_done(4)
        assert [job.status for job in found if job.status is not Status.FAILED] == [Status.DONE] * 2
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_an_upload_that_stalls_stays_under_its_writer_and_is_taken_when_it_is_whole(studio: Studio) -> None:
    content = jpeg(studio, 60_000, 5)
    async with watching(studio, after="move", patience=0.2) as post:
        names = ["stalled.jpg", "empty.jpg", "preallocated.jpg"]
        with ExitStack() as writers:
            stalled, empty, ahead = (writers.enter_context((studio.inbox / name).open("wb", 0)) for name in names)
            stalled.write(content[:30_000])
            ahead.truncate(len(content))
            given_up = studio.inbox / "given up.jpg"
            given_up.write_bytes(content[:20_000])
            await post.until((studio.inbox / "failed/given up.jpg").exists)
            await post.until(lambda: post.row.not_taken["not whole yet"].count == 3)
            said = why(studio.inbox / "stalled.jpg", [post.rule], studio.journal, offers_of(studio), dt.UTC)
            assert (said.verdict, said.reason) == (FileVerdict.WAITS, "not whole yet")
            stalled.write(content[30_000:])
            empty.write(jpeg(studio, 20_000, 6))
            ahead.write(jpeg(studio, 60_000, 7)[: len(content)])
        await post.until((studio.inbox / "done/stalled.jpg").exists)
        await post.until((studio.inbox / "done/empty.jpg").exists)
        assert (studio.inbox / "done/stalled.jpg").read_bytes() == content
    assert len(studio.simulator.ledger) == counted(studio, "status = 'done'")
    studio.check()


async def test_without_an_open_file_patience_is_long_by_itself(studio: Studio) -> None:
    async with watching(studio, after="move", patience=600) as post:
        (studio.inbox / "half.jpg").write_bytes(jpeg(studio, 60_000, 5)[:30_000])
        (studio.inbox / "other.jpg").write_bytes(b"GIF89a" + bytes(100))
        await post.until((studio.inbox / "failed/other.jpg").exists)
        await post.until(lambda: post.row.not_taken["not whole yet"].newest == ("half.jpg",))


@pytest.mark.parametrize("is_preallocated", [False, True])
async def test_what_is_completed_in_failed_is_taken_back_and_paid_once(studio: Studio, is_preallocated: bool) -> None:
    content, name = jpeg(studio, 60_000, 5), "sub/half.jpg"
    aside, place = studio.inbox / "failed" / name, studio.inbox / name
    async with watching(studio, after="move", patience=0.2, recursive=True) as post:
        place.parent.mkdir()
        place.write_bytes(content[:30_000] + bytes(30_000 if is_preallocated else 0))
        os.utime(place, (time.time() - 60,) * 2)
        await post.until(lambda: (known := post.known(name)) and known.state is Seen.MOVED)
        assert (aside.parent / "half.jpg.reason.txt").exists()
        returning = post.watcher._watched[post.rule.id]._returning
        await post.until(lambda: aside in returning._aside and returning._aside[aside].judged)
        was, offers = aside.stat(), offers_of(studio)
        said = why(aside, [post.rule], studio.journal, offers, dt.UTC)
        assert said.verdict is FileVerdict.NOT_TAKEN
        assert said.message.endswith("Once it has changed and is whole, it is taken back by itself.")
        with aside.open("r+b") as writer:
            writer.write(content)
        os.utime(aside, ns=(was.st_atime_ns, was.st_mtime_ns))
        await studio.ask("look now")
        await post.until((studio.inbox / "done" / name).exists)
        assert [event.names for event in post.told(What.BACK)] == [(name,)]
        assert not list(aside.parent.iterdir())
        said = why(place, [post.rule], studio.journal, offers, dt.UTC)
        assert (said.verdict, said.job and said.job.status) == (FileVerdict.TAKEN, Status.DONE)
        assert "taken back from failed/" in said.message
        await offers.close()
    assert len(studio.simulator.ledger) == 1
    studio.check()


@pytest.mark.parametrize("is_marked", [True, False])
async def test_a_folder_that_is_unmounted_under_its_photos_loses_none(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, is_marked: bool
) -> None:
    if not is_marked:
        monkeypatch.setattr("artui.watch.marker._leave", lambda *_: False)
    post, elsewhere = post_at(studio, after="move"), studio.folder / "elsewhere"
    post.drop_many(3)
    await post.watcher.scan_once()
    await studio.start()
    await post.all_done(3)
    studio.inbox.rename(elsewhere)
    await post.watcher.tidy()
    studio.inbox.mkdir()  # the bare mount point
    if is_marked:
        await post.watcher.scan_once()
    await post.watcher.tidy()
    assert list(studio.inbox.iterdir()) == []
    assert counted(studio, "state = 'taken'", "seen") == 3
    studio.inbox.rmdir()
    elsewhere.rename(studio.inbox)
    await post.watcher.scan_once()
    await post.watcher.tidy()
    assert len(list((studio.inbox / "done").iterdir())) == 3
    await post.watcher.close()
    assert len(studio.simulator.ledger) == 3


async def test_a_disk_that_goes_while_its_photos_are_moved_takes_none_for_gone(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, elsewhere = post_at(studio, after="move"), studio.folder / "elsewhere"
    post.drop_many(2)
    await post.watcher.scan_once()
    await studio.start()
    await post.all_done(2)

    def gone(*_: Path) -> None:
        studio.inbox.rename(elsewhere)
        raise FileNotFoundError

    tidying = postprocess.tidy(studio.journal, post.rule, lambda: identity(studio.inbox))
    with monkeypatch.context() as patch:
        patch.setattr(postprocess.files, "move", gone)
        with pytest.raises(Offline):
            next(tidying)
    assert counted(studio, "state = 'leaving'", "seen") == 2
    elsewhere.rename(studio.inbox)
    await post.watcher.tidy()
    assert len(list((studio.inbox / "done").iterdir())) == 2
    await post.watcher.close()


async def test_once_has_no_patience_and_leaves_what_is_not_whole(studio: Studio) -> None:
    post = post_at(studio, after="move", quiet=2, patience=600)
    post.drop("whole.jpg", 1)
    names = {"half.jpg": jpeg(studio, 60_000, 5)[:30_000], "empty.jpg": b"", "notes.txt": b"notes"}
    for name, content in names.items():
        (studio.inbox / name).write_bytes(content)
        os.utime(studio.inbox / name, (time.time() - 60,) * 2)
    await post.watcher.scan_once()
    assert len(studio.jobs()) == 1
    assert post.row.not_taken["not whole yet"].count == 2
    scope = Scope(rules=frozenset({post.rule.id}))
    assert studio.journal.read(_ending, scope, 0) is Exit.FAILED
    assert [said for said in studio.journal.read(_remarks, scope) if said.startswith("2 not whole yet, left where")]
    await post.watcher.tidy()
    assert all((studio.inbox / name).exists() for name in names)
    await post.watcher.close()


# ---------------------------------------------------------------------------------------------------- afterwards


async def test_afterwards_photos_move_to_done_and_bad_ones_to_failed(studio: Studio) -> None:
    async with watching(studio, after="move", recursive=True, twins="refuse") as post:
        (studio.inbox / "done/sub").mkdir(parents=True)
        (studio.inbox / "done/sub/a.jpg").write_bytes(b"mine")
        first = post.drop("sub/a.jpg", 1)
        content = first.read_bytes()
        await post.until(lambda: post.told(What.MOVED))
        assert (studio.inbox / "done/sub/a-2.jpg").read_bytes() == content
        assert (studio.inbox / "done/sub/a.jpg").read_bytes() == b"mine", "nothing is replaced"
        assert not first.exists()
        post.drop("twin.jpg", 1)
        (studio.inbox / "cut.jpg").write_bytes(content[:9000])
        (studio.inbox / "notes.txt").write_text("not a photo")
        for name in ("twin.jpg", "cut.jpg"):
            reason = studio.inbox / f"failed/{name}.reason.txt"
            await post.until(reason.exists)
            text = reason.read_text()
            assert text.startswith(f"{name} was not retouched.")
            assert "What to do:" in text
            assert "Charged: nothing" in text
        await post.until(lambda: post.known("notes.txt"))
        assert (studio.inbox / "notes.txt").exists()
        post.drop("sub/a.jpg", 3)
        await post.until(lambda: (studio.inbox / "done/sub/a-3.jpg").exists())
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_a_photo_that_its_rule_moved_away_is_sent_from_there_by_retry(studio: Studio) -> None:
    studio.fault("upload", "status:415")
    async with watching(studio, after="move") as post:
        photo = post.drop("boot.jpg", 1)
        await post.until((studio.inbox / "failed/boot.jpg.reason.txt").exists)
        await post.until(lambda: not photo.exists())
        [job] = studio.jobs()
        assert (job.status, job.source) == (Status.FAILED, photo)
        await studio.ask("retry", job.id)
        await studio.until(lambda: studio.job(job.id).status is Status.DONE)
        assert studio.job(job.id).source == studio.inbox / "failed/boot.jpg"
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_photo_leaves_the_folder_only_as_the_one_that_was_sent(studio: Studio) -> None:
    async with watching(studio) as post:
        paths = [post.drop(f"{name}.jpg", seed) for seed, name in enumerate(["kept", "replaced", "killed", "lost"])]
        await post.all_done(4)
    _, replaced, killed, lost = paths
    done = studio.inbox / "done"
    done.mkdir()

    def as_if_killed(db: Any) -> None:
        db.execute("UPDATE seen SET state = 'taken'")
        seen.set_states(db, post.rule.id, [("killed.jpg", Seen.LEAVING, done / "killed.jpg")])

    await studio.journal.write_async(as_if_killed)
    killed.rename(done / "killed.jpg")
    replaced.write_bytes(lost.read_bytes()[:-10])
    (studio.out / "lost.png").rename(studio.out / "taken-away.png")
    async with watching(studio, after="move") as post:
        await post.until(lambda: post.known("killed.jpg").state is Seen.MOVED)
        await post.until(lambda: post.known("lost.jpg").state is Seen.KEPT)
        await post.until((done / "kept.jpg").exists)
        assert replaced.exists()
        assert lost.exists()
        assert sorted(path.name for path in done.iterdir()) == ["kept.jpg", "killed.jpg"]
    (done / "kept.jpg").rename(studio.inbox / "kept.jpg")
    async with watching(studio, after="move") as post:
        await post.until((studio.out / "kept-2.png").exists)
        await post.until((done / "kept.jpg").exists)
    assert len(studio.simulator.ledger) == 4


@pytest.mark.parametrize("linked", ["done", "failed"])
async def test_no_photo_leaves_the_folder_through_a_link(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, linked: str
) -> None:
    monkeypatch.setattr("artui.watch.folder.TIDY_AGAIN", 0.1)
    outside, link = studio.folder / "outside", studio.inbox / linked
    outside.mkdir()
    link.symlink_to(outside)
    with pytest.raises(ConfigError, match=f"{linked} is a link"):
        post_at(studio, after="move")
    post_at(studio, after="keep")
    link.unlink()
    async with watching(studio, after="move", recursive=True) as post:
        link.symlink_to(outside)
        for name in ("sub", "deep/er"):
            (studio.inbox / name).mkdir(parents=True)
        content = post.drop("sub/a.jpg", 1).read_bytes()
        (studio.inbox / "cut.jpg").write_bytes(content[:9000])
        await post.until(lambda: post.told(What.PROBLEM))
        assert f"{link} is a link, and a photo is never moved through one" in post.told(What.PROBLEM)[0].message
        assert list(outside.iterdir()) == []
        assert (studio.inbox / ("sub/a.jpg" if linked == "done" else "cut.jpg")).exists()
        link.unlink()
        link.mkdir()
        (link / "deep").symlink_to(outside)
        post.drop("deep/er/b.jpg", 2)
        (studio.inbox / "deep/er/cut.jpg").write_bytes(content[:9000])
        await post.until(lambda: f"{link / 'deep'} is a link" in post.told(What.PROBLEM)[-1].message)
        assert list(outside.iterdir()) == []
        (link / "deep").unlink()
        for place in ("done/sub/a.jpg", "failed/cut.jpg", "done/deep/er/b.jpg", "failed/deep/er/cut.jpg"):
            await post.until((studio.inbox / place).exists)
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_a_link_made_between_the_look_and_the_move_is_not_followed(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = studio.folder / "outside"
    outside.mkdir()
    free = postprocess._free

    def late(target: Path) -> Path:
        target.parent.symlink_to(outside)
        return free(target)

    with monkeypatch.context() as patch:
        patch.setattr(postprocess, "_free", late)
        async with watching(studio, after="move") as post:
            photo = post.drop("a.jpg", 1)
            await post.until(lambda: post.told(What.PROBLEM))
            assert "is a link" in post.told(What.PROBLEM)[0].message
    assert photo.exists()
    assert list(outside.iterdir()) == []


# -------------------------------------------------------------------------------------------------- what holds it


async def test_what_was_there_before_is_ignored_and_many_at_once_need_a_yes(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artui.watch.folder.MOST_AT_ONCE", 5)
    before = post_at(studio, existing="ignore")
    before.drop_many(3)
    async with watching(studio, existing="ignore") as post:
        assert studio.journal.read(seen.not_taken, post.rule.id)["here before the rule"].count == 3
        for seed in range(10, 20):
            post.drop(f".{seed}.jpg", seed)
        for seed in range(10, 20):
            (studio.inbox / f".{seed}.jpg").rename(studio.inbox / f"{seed}.jpg")
        await post.state(RuleState.HELD)
        assert post.row.cause is RuleCause.MANY_AT_ONCE
        assert len(studio.jobs()) <= 5
        assert len(post.told(RuleState.HELD)) == 1
        await studio.ask("resume rule", rule=post.rule.id)
        await post.all_done(10)
        await post.state(RuleState.WATCHING)
        assert not post.row.agreed
        noise_jpeg(studio.inbox / "IMG_0000.jpg", 30_000, 99)
        await post.all_done(11)
    assert len(studio.simulator.ledger) == 11


async def test_a_pause_a_cap_and_more_for_today(studio: Studio) -> None:
    async with watching(studio, name="boots", caps={"day": 20}) as post:
        await studio.ask("pause rule", rule=post.rule.id)
        post.drop_many(4)
        await post.until(lambda: post.told(What.PAUSED))
        await studio.ask("look now")
        assert not studio.jobs()
        await studio.ask("resume rule", rule=post.rule.id)
        held = [job for job in await post.all_done(4) if job.status is Status.HELD]
        assert [job.reason for job in held] == [Reason.CAP] * 2
        assert "today's cap for the rule boots is reached: 20 of 20 (spent" in held[0].message
        assert held[0].hold_scope == CapKind.RULE_DAY
        assert studio.journal.read(rules.counts, post.rule.id).held == 2
        answer = await studio.ask("allow", rule=post.rule.id, amount=10)
        assert not answer.refused
        still = [job for job in studio.jobs() if job.reason == Reason.CAP]
        # The other one may be let go, too, until the first has reserved what it costs.
        assert len(still) <= 1, "who has the answer finds the photo let go"
        await post.until(lambda: sum(job.status is Status.DONE for job in studio.jobs()) == 3)
        await studio.at_rest()
        assert len(studio.simulator.ledger) == 3
        await studio.ask("pause rule", rule=post.rule.id)
        await studio.ask("allow", rule=post.rule.id, amount=10)
        await post.until(lambda: [job.reason for job in studio.jobs() if job.status is Status.HELD] == [Reason.PAUSED])
        await studio.ask("resume rule", rule=post.rule.id)
        await post.until(lambda: sum(job.status is Status.DONE for job in studio.jobs()) == 4)
    assert len(studio.simulator.ledger) == 4
    studio.check()


async def test_a_sample_goes_first_and_a_no_asks_anew(studio: Studio) -> None:
    async with watching(studio, sample=2) as post:
        post.drop_many(5)
        found = await post.all_done(5)
        waiting = [job for job in found if job.reason == Reason.SAMPLE]
        assert len(waiting) == 3
        await studio.ask("approve", batch=waiting[0].batch, yes=False)
        post.drop("more.jpg", 9)
        assert (await post.all_done(6))[-1].reason == Reason.SAMPLE
        await studio.ask("approve", batch=waiting[0].batch)
        post.drop("last.jpg", 10)
        found = await post.all_done(7)
        assert [job.status for job in found[-2:]] == [Status.DONE] * 2
    assert len(studio.simulator.ledger) == 4


async def test_a_folder_of_another_rule_or_machine_is_refused_until_a_person_says_so(studio: Studio) -> None:
    post_at(studio).drop("a.jpg", 1)
    async with watching(studio, engine=False, name="first") as post:
        await post.until(studio.jobs)
    marker = studio.inbox / ".artui-folder"
    await studio.start()
    post = post_at(studio, name="second")
    post.start()
    await post.state(RuleState.FOREIGN)
    assert "belongs to another rule of this artui, first" in post.row.message
    assert (post.row.state, post.row.cause) == (RuleState.FOREIGN, RuleCause.OTHER_RULE)
    await studio.ask("resume rule", rule=post.rule.id)
    await post.state(RuleState.WATCHING)
    said = json.loads(marker.read_text())
    marker.write_text(json.dumps({**said, "host": "elsewhere", "machine": "0" * 32}))
    post.watcher._wake(post.rule.id)
    await post.until(lambda: "watched by the artui of elsewhere" in post.row.message)
    await post.stop()
    assert len(studio.simulator.ledger) == 1, (
        "the same photo under another rule, on the same terms, is not bought again"
    )


async def test_a_dearer_workflow_waits_for_a_yes_and_a_service_that_is_away_for_itself(studio: Studio) -> None:
    async with watching(studio, engine=False):
        pass
    studio.simulator.switch({"price": {studio.workflows["Background Removal"].id: 12}})
    await studio.start()
    post = post_at(studio)
    post.drop("a.jpg", 1)
    post.start()
    await post.state(RuleState.HELD)
    assert post.row.cause is RuleCause.DEARER
    assert "now costs" in post.row.message
    assert not studio.jobs()
    await studio.ask("resume rule", rule=post.rule.id)
    await post.all_done(1)
    await post.stop()


# ---------------------------------------------------------------------------------------------------- its surroundings


async def test_the_notice_of_changes_may_die_or_go_deaf(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(studio) as post:
        post.drop("a.jpg", 1)
        await post.all_done(1)
        copy = studio.folder / "other"
        shutil.copytree(studio.inbox, copy)
        studio.inbox.rename(studio.folder / "old")
        copy.rename(studio.inbox)
        post.drop("b.jpg", 2)
        await post.all_done(2)
        post.drop("c.jpg", 3)
        await post.all_done(3)
        for seed in (4, 5):
            (studio.inbox / f"x\udcff{seed}").write_text("kills watchfiles")
            post.drop(f"{seed}.jpg", seed)
            await post.all_done(seed)

    def broken(*_: object, **__: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("artui.watch.waking.awatch", broken)
    monkeypatch.setattr("artui.watch.folder.SCAN_EVERY", 0.3)
    async with watching(studio) as post:
        await post.until(lambda: "fs.inotify.max_user_watches" in post.row.message)
        post.drop("d.jpg", 6)
        await post.all_done(6)
    monkeypatch.setattr("artui.watch.folder.network_file_system", lambda _: "NFS")
    async with watching(studio) as post:
        await post.until(lambda: "network file system" in post.row.message)


async def test_rules_are_exchanged_while_it_runs(studio: Studio) -> None:
    other = studio.folder / "other"
    other.mkdir()
    async with watching(studio) as post:
        second = rule_for(studio, folder=str(other))
        await post.watcher.reload([post.rule, second])
        await post.until(lambda: (other / ".artui-folder").exists())
        post.drop("a.jpg", 1)
        (studio.inbox / "a.jpg").rename(other / "b.jpg")
        await post.all_done(1)
        await post.watcher.reload([second])
        await post.state(RuleState.ENDED)


async def test_once_takes_what_is_whole_and_ends(studio: Studio) -> None:
    post = post_at(studio, after="move")
    post.drop_many(3)
    noise_jpeg(studio.inbox / "fresh.jpg", 20_000, 8)
    await post.watcher.scan_once()
    assert len(studio.jobs()) == 4
    await studio.start()
    await post.all_done(4)
    await post.watcher.tidy()
    assert len(list((studio.inbox / "done").iterdir())) == 4
    await post.watcher.close()


# ---------------------------------------------------------------------------------------------------- why


async def test_why_tells_what_becomes_of_a_file_without_doing_anything(studio: Studio) -> None:
    rule, offers = rule_for(studio, exclude=["*.png"], recursive=True), offers_of(studio)

    def asked(path: Path) -> Why:
        return why(path, [rule], studio.journal, offers, dt.UTC)

    post = post_at(studio, exclude=["*.png"], recursive=True)
    first = post.drop("sub/a.jpg", 1)
    assert (asked(first).verdict, asked(first).price) == (FileVerdict.TAKE, None)
    assert not (studio.inbox / ".artui-folder").exists()
    post.start()
    await post.until(studio.jobs)
    taken = asked(first)
    assert (taken.verdict, taken.job and taken.job.id) == (FileVerdict.TAKEN, 1)
    await post.stop()
    await studio.journal.write_async(_check_in_for_real, first)
    new, twin, png = post.drop("b.jpg", 2), post.drop("twin.jpg", 1), post.drop("c.png", 3)
    half = studio.inbox / "half.jpg"
    half.write_bytes(new.read_bytes()[:9000])
    said = asked(new)
    assert (said.verdict, said.price, said.outputs) == (FileVerdict.TAKE, 10, (studio.out / "b",))
    assert (asked(twin).price, asked(twin).reason) == (0, "same content")
    assert asked(png).reason == "pattern"
    assert asked(half).reason == "truncated"
    assert asked(studio.inbox / "done" / "x.jpg").reason == "done or failed"
    assert asked(studio.folder / "x.jpg").verdict is FileVerdict.NO_RULE
    [offer] = await offers.ask(rule)
    found = list(dry_run(rule, [offer], studio.journal, offers, dt.UTC))
    assert [one.file.name for one in found] == ["b.jpg", "half.jpg", "twin.jpg"]
    dearer = replace(offer, workflow=replace(offer.workflow, price=11, id="made-anew"))
    waits = next(dry_run(rule, [dearer], studio.journal, offers, dt.UTC))
    assert (waits.verdict, waits.reason) == (FileVerdict.WAITS, "held")
    assert "now costs 11, not 10" in waits.message
    assert len(studio.jobs()) == 1
    await offers.close()


def _check_in_for_real(db: Any, photo: Path) -> None:
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    [job] = jobs.select(db, "1")
    taken = jobs.move(db, job, job.stage, Status.RUNNING, "taken")
    jobs.check_in(db, taken, digest=digest, media_type="image/jpeg", width=1, height=1)


async def test_without_an_answer_files_wait_and_the_last_terms_serve(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artui.watch.offers.FIRST_REST", 0.2)
    studio.fault("workflows", "status:503", times=-1)
    post = post_at(studio)
    post.drop("a.jpg", 1)
    post.start()
    await post.state(RuleState.WAITS)
    assert not studio.jobs()
    assert post.row.not_taken["the rule waits"].count == 1
    studio.mend()
    await post.until(studio.jobs)
    await post.stop()
    studio.revoke()
    post = post_at(studio)
    post.drop("b.jpg", 2)
    post.start()
    await post.until(lambda: len(studio.jobs()) == 2)
    asked = studio.requests_to("/oauth/token")
    await studio.start()
    found = await studio.at_rest()
    assert {job.reason for job in found} == {Reason.LOGIN}
    await asyncio.sleep(0.5)
    assert studio.requests_to("/oauth/token") - asked < 8, "no hammering"
    await post.stop()


async def test_what_cannot_be_read_stays_told_and_is_taken_once_it_can(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect, locked = files.inspect, True

    def refused(path: Path, *given: Any, **more: Any) -> files.Photo:
        if locked and path.name == "locked.jpg":
            raise files.BadPhoto(path, files.PhotoFault.UNREADABLE, "cannot be read")
        return inspect(path, *given, **more)

    monkeypatch.setattr(files, "inspect", refused)
    async with watching(studio) as post:
        post.drop("locked.jpg", 1)
        await post.until(lambda: Skip.UNREADABLE in post.row.not_taken)
        for seed in range(2, 5):  # each has the folder looked at again
            post.drop(f"{seed}.jpg", seed)
            await post.until(lambda seed=seed: counted(studio, "1") == seed - 1)
            assert post.row.not_taken[Skip.UNREADABLE].newest == ("locked.jpg",)
        assert [event.names for event in post.told(What.UNREADABLE)] == [("locked.jpg",)], "once"
        locked = False
        (studio.inbox / "locked.jpg").touch()
        await post.all_done(4)
    studio.check()
