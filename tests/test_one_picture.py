"""One picture, one purchase: a rating, a caption or a place written into a photo does not buy it again.

By the books of the stand-in and by what lies on the disk.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from artui.core.plan import Plan, Planner, Target, Verdict, check, collect, new_jobs
from artui.journal import Connection, Journal, jobs, payers, rules, twins, watching
from artui.journal.schema.payers import join
from artui.model.job import Job, Result
from artui.model.states import Reason, Stage, Status, Twins
from artui.model.watching import Skip
from artui.sim.photos import noise_jpeg
from artui.watch.folder import What
from artui.watch.why import why
from tests import retagged
from tests.desk import Desk
from tests.samples import new_job
from tests.studio import Studio
from tests.test_plan import ACCEPTS, BATCH, OFFER
from tests.watch_post import Post, offers_of
from tests.watch_post import watching as watching_folder


def retag(photo: Path, name: str = "", rating: int = 5) -> Path:
    """Write a rating, a caption and more into a photo, in its place or under another name; at one stroke."""
    place = photo.with_name(name or photo.name)
    hidden = photo.with_name(f".{photo.name}.new")
    hidden.write_bytes(retagged.rated(photo.read_bytes(), rating))
    os.utime(hidden, (time.time() - 30 + rating,) * 2)
    return hidden.rename(place)


def charges(studio: Studio) -> int:
    return len(studio.simulator.ledger)


# ------------------------------------------------------------------------------------------------------- the journal


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    with Journal(tmp_path / "state" / "journal.db") as opened:
        yield opened


def added(db: Connection, **given: Any) -> Job:
    [number] = jobs.add(db, None, [new_job(**given)])
    job = jobs.get(db, number)
    assert job is not None
    return jobs.move(db, job, job.stage, Status.RUNNING, "taken")


def checked(db: Connection, digest: str, picture: str, **given: Any) -> Job:
    seen_on_disk = {"digest": digest, "picture": picture, "media_type": "image/jpeg", "width": 1, "height": 1}
    return jobs.check_in(db, added(db, **given), **seen_on_disk)


def again(db: Connection, job: Job) -> Job:
    found = jobs.get(db, job.id)
    assert found is not None
    return found


def test_a_picture_has_one_buyer_for_its_payer_recipe_and_copy(journal: Journal) -> None:
    def check(db: Connection) -> None:
        first = checked(db, "a", "picture")
        assert first.buys
        other = checked(db, "b", "picture")
        assert (other.buys, other.twin_of, other.status, other.reason) == (False, first.id, Status.WAITING, Reason.TWIN)
        assert "only its metadata differs" in other.message
        assert "same photo as" in checked(db, "a", "picture").message
        for more in (
            {"version": "v2"},
            {"payer": "autoretouch|http://127.0.0.1|other"},
            {"workflow": "x"},
            {"copy": 1},
        ):
            assert checked(db, "b", "picture", **more).buys, more
        assert checked(db, "c", "another").buys
        assert checked(db, "d", "").buys
        assert checked(db, "e", "").buys, "what has no picture is the same as nothing"

    journal.write(check)


def test_no_statement_makes_a_second_buyer_of_a_picture(journal: Journal) -> None:
    """Whatever way two that were checked at the same time would go, the intent's transaction cannot be written."""
    first, other = journal.write(lambda db: (checked(db, "a", "picture"), checked(db, "b", "picture")))
    with pytest.raises(apsw.ConstraintError):
        journal.write(lambda db: db.execute("UPDATE jobs SET buys = 1 WHERE id = ?", (other.id,)))
    assert not journal.write(jobs.buy, other)
    assert journal.read(jobs.get, first.id).buys


def test_a_rule_buys_a_picture_once_whatever_the_recipe(journal: Journal) -> None:
    def check(db: Connection) -> None:
        _load(db, "rule", "once")
        first = checked(db, "a", "picture", rule="rule")
        other = checked(db, "b", "picture", rule="rule", version="v2")
        assert (other.buys, other.twin_of) == (False, first.id)
        with pytest.raises(apsw.ConstraintError):
            db.execute("UPDATE jobs SET buys = 1 WHERE id = ?", (other.id,))
        assert checked(db, "b", "picture", version="v2").buys, "a person may"

    journal.write(check)


def _load(db: Connection, rule: str, wanted: str) -> None:
    rules.load(db, rule, name=rule, folder=Path("/in"), account="studio", run=None, day=None, month=None, twins=wanted)


def test_a_buyer_that_ends_unpaid_hands_its_picture_over(journal: Journal) -> None:
    def check(db: Connection) -> None:
        first, second, third = checked(db, "a", "picture"), checked(db, "b", "picture"), checked(db, "c", "picture")
        jobs.move(db, first, Stage.CHECKED, Status.FAILED, "failed", reason="changed")
        assert [again(db, one).buys for one in (first, second, third)] == [False, True, False]
        assert again(db, third).twin_of == second.id

    journal.write(check)


def test_a_refused_photo_waits_all_the_same_for_what_may_fail_for_its_sake(journal: Journal) -> None:
    """A photo that is edited while it is queued fails as changed: its edited form is sent, not refused."""

    def check(db: Connection) -> None:
        _load(db, "rule", "refuse")
        given = {"rule": "rule", "source": Path("/in/a.jpg")}
        first, edited = checked(db, "a", "picture", **given), checked(db, "b", "picture", **given)
        assert edited.status is Status.WAITING
        jobs.move(db, first, Stage.CHECKED, Status.FAILED, "failed", reason="changed")
        assert again(db, edited).buys
        other = checked(db, "c", "picture", rule="rule", source=Path("/in/c.jpg"))
        assert (other.status, other.reason) == (Status.SKIPPED, Skip.ONLY_METADATA)
        assert "wants no copies" in other.message

    journal.write(check)


def test_what_a_cap_holds_gives_way_to_the_same_picture(journal: Journal) -> None:
    def check(db: Connection) -> None:
        first = checked(db, "a", "picture", rule="tight")
        first = jobs.move(db, first, Stage.CHECKED, Status.HELD, "held", reason=Reason.CAP, message="full")
        other = checked(db, "b", "picture")
        assert [(twin.id, buyer.id) for twin, buyer in twins.blocked(db, "studio")] == [(other.id, first.id)]
        assert twins.let_buy(db, other, first)
        assert (again(db, first).buys, again(db, other).buys) == (False, True)
        assert "only its metadata differs" in again(db, first).message

    journal.write(check)


def test_two_keys_of_one_customer_do_not_buy_a_picture_twice(journal: Journal) -> None:
    old, new = (
        "retouch4me https://retoucher.hz.labs.retouch4.me a",
        "retouch4me https://retoucher.hz.labs.retouch4.me b",
    )

    def check(db: Connection) -> None:
        bought = checked(db, "a", "picture", payer=old)
        waiting = checked(db, "b", "picture", payer=new)
        assert waiting.buys, "another key is another payer until a person says otherwise"
        assert payers.bought_under_another(db, waiting) is None, "nothing was paid under the other one"
        assert payers.at_another(db, waiting) == bought
        join(db, old, new)
        assert {again(db, one).buys for one in (bought, waiting)} == {True, False}
        assert len({again(db, one).payer for one in (bought, waiting)}) == 1

    journal.write(check)


def test_how_often_a_picture_was_bought_counts_over_all_its_files(journal: Journal) -> None:
    def check(db: Connection) -> None:
        payer = new_job().payer
        checked(db, "a", "picture", copy=2)
        assert jobs.highest_copy(db, payer, "wf", "b", "picture") == 2
        assert jobs.highest_copy(db, payer, "wf", "b", "") == -1
        assert [job.digest for job in jobs.not_over(db, payer, "b", "picture")] == ["a"]

    journal.write(check)


# ---------------------------------------------------------------------------------------------------------- the plan


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def planned(journal: Journal, inbox: Path, wanted: str = "once", **how: Any) -> dict[str, tuple[str, int]]:
    """Verdict and copy of each photo, by its name."""
    plan = planner(journal, inbox, wanted).plan(*looked_at(inbox), **how)
    return {one.found.path.name: (one.verdict, one.copy) for one in plan.photos}


def planner(journal: Journal, inbox: Path, wanted: str = "once") -> Planner:
    target = Target.of(str(inbox.parent / "out"), "{stem}")
    return Planner(journal, OFFER, target, "aw26", dt.date(2026, 11, 22), Twins(wanted))


def looked_at(inbox: Path) -> Any:
    return check(collect([inbox]), ACCEPTS, lambda *_: None)


def done(db: Connection, plan: Plan) -> None:
    """Have the photos of a plan be bought and saved."""
    (plan.target.folder).mkdir(exist_ok=True)
    for number, one in zip(jobs.add(db, BATCH, new_jobs(plan, BATCH)), plan.queued, strict=True):
        job, photo = jobs.get(db, number), one.photo
        assert job is not None
        job = jobs.move(db, job, job.stage, Status.RUNNING, "taken")
        job = jobs.check_in(
            db, job, digest=photo.digest, picture=photo.picture, media_type="image/jpeg", width=1, height=1
        )
        place = job.folder / f"{os.fsdecode(job.stem)}.png"
        place.write_bytes(b"result")
        jobs.move(db, job, Stage.SAVED, Status.DONE, "saved", results=(Result("x", path=str(place)),))


SEND, TWIN, KNOWN, METADATA = Verdict.SEND, Verdict.TWIN, Verdict.KNOWN, Verdict.METADATA


def test_a_plan_sends_a_picture_once_and_says_why(journal: Journal, inbox: Path) -> None:
    noise_jpeg(inbox / "a.jpg", 20_000, 1)
    retag(_copied(inbox / "a.jpg", "b.jpg"))
    noise_jpeg(inbox / "c.jpg", 20_000, 2)
    assert planned(journal, inbox) == {"a.jpg": (SEND, 0), "b.jpg": (TWIN, 0), "c.jpg": (SEND, 0)}
    assert planned(journal, inbox, "refuse")["b.jpg"] == (METADATA, 0)
    assert planned(journal, inbox, again=True) == {"a.jpg": (SEND, 0), "b.jpg": (SEND, 1), "c.jpg": (SEND, 0)}
    plan = planner(journal, inbox).plan(*looked_at(inbox))
    assert plan.photos[1].note == "same picture as a.jpg, only its metadata differs, not paid"


def test_a_plan_knows_a_photo_that_only_got_other_metadata(journal: Journal, inbox: Path) -> None:
    noise_jpeg(inbox / "a.jpg", 20_000, 1)
    journal.write(done, planner(journal, inbox).plan(*looked_at(inbox)))
    plain = (inbox / "a.jpg").read_bytes()
    retag(inbox / "a.jpg")
    _copied(inbox / "a.jpg", "b.jpg")
    (inbox / "c.jpg").write_bytes(plain)
    expected = {"a.jpg": (METADATA, 0), "b.jpg": (TWIN, 0), "c.jpg": (TWIN, 0)}
    assert planned(journal, inbox) == expected
    assert planned(journal, inbox, "deliver") == {**expected, "a.jpg": (TWIN, 0)}
    assert planned(journal, inbox, "refuse") == {**expected, "b.jpg": (METADATA, 0), "c.jpg": (KNOWN, 0)}
    assert planned(journal, inbox, by_hand=[inbox / "a.jpg", inbox / "b.jpg"]) == {**expected, "a.jpg": (SEND, 1)}
    assert planned(journal, inbox, again=True)["a.jpg"] == (SEND, 1)
    told = planner(journal, inbox).plan(*looked_at(inbox)).photos
    assert told[0].note == "bought before (job 1), only its metadata changed: not sent"
    assert told[1].note == "same picture as job 1 (a.jpg), only its metadata differs, done before: not paid"
    (inbox.parent / "out" / "a.png").unlink()
    assert planned(journal, inbox)["a.jpg"] == (TWIN, 0), "its result is gone: it gets another, unpaid"


def test_what_was_checked_before_pictures_were_kept_is_known_by_its_bytes_alone(journal: Journal, inbox: Path) -> None:
    noise_jpeg(inbox / "a.jpg", 20_000, 1)
    journal.write(done, planner(journal, inbox).plan(*looked_at(inbox)))
    journal.write(lambda db: db.execute("UPDATE jobs SET picture = ''"))
    assert planned(journal, inbox) == {"a.jpg": (KNOWN, 0)}
    retag(inbox / "a.jpg")
    assert planned(journal, inbox) == {"a.jpg": (SEND, 0)}


# -------------------------------------------------------------------------------------------------------- the engine


async def test_one_picture_in_three_files_is_bought_once_and_delivered_three_times(studio: Studio) -> None:
    [first] = studio.photos(1)
    others = [retag(_copied(first, f"as {rating}.jpg"), rating=rating) for rating in (1, 2)]
    numbers = await studio.add([first, *others])
    await studio.start()
    await studio.at_rest()
    assert charges(studio) == 1
    assert sorted(path.name for path in studio.out.iterdir()) == ["IMG_0000.png", "as 1.png", "as 2.png"]
    buyer = next(job for job in studio.jobs() if job.buys)
    for job in (studio.job(number) for number in numbers if number != buyer.id):
        assert (job.status, job.reason, job.twin_of) == (Status.SKIPPED, Skip.ONLY_METADATA, buyer.id)
        assert "not paid, for only the metadata of its photo differs" in job.message
    studio.check()


def _copied(photo: Path, name: str) -> Path:
    return Path(shutil.copy(photo, photo.with_name(name)))


@pytest.mark.parametrize("by_rule_first", [True, False])
async def test_a_rule_and_a_person_at_the_same_moment_buy_a_picture_once(studio: Studio, by_rule_first: bool) -> None:
    await studio.journal.write_async(_load, "rule", "once")
    [first] = studio.photos(1)
    other = retag(_copied(first, "rated.jpg"))
    for by_rule in (by_rule_first, not by_rule_first):
        await studio.add([first if by_rule else other], rule="rule" if by_rule else "")
    await studio.start()
    await studio.at_rest()
    assert charges(studio) == 1
    assert sorted(path.name for path in studio.out.iterdir()) == ["IMG_0000.png", "rated.png"]
    studio.check()


async def test_another_profile_or_rotation_is_another_picture(studio: Studio) -> None:
    [first] = studio.photos(1)
    turned = _copied(first, "turned.jpg")
    turned.write_bytes(retagged.jpeg(first.read_bytes(), (0xE1, retagged.exif(Orientation=6))))
    profiled = _copied(first, "profiled.jpg")
    profiled.write_bytes(retagged.jpeg(first.read_bytes(), (0xE2, b"ICC_PROFILE\0\1\1" + bytes(200))))
    await studio.add([first, turned, profiled])
    await studio.start()
    assert {job.status for job in await studio.at_rest()} == {Status.DONE}
    assert charges(studio) == 3


# ------------------------------------------------------------------------------------------------- a watched folder


def not_taken(post: Post) -> dict[str, watching.FileGroup]:
    groups = post.studio.journal.read(lambda db: watching.groups(db, rules.row(db, post.rule.id)))
    return {group.reason: group for group in groups}


def happenings(post: Post) -> list[rules.Happening]:
    return post.studio.journal.read(rules.happenings, post.rule.id)


async def test_a_photo_that_gets_a_rating_in_its_folder_is_not_sent_again(studio: Studio) -> None:
    async with watching_folder(studio) as post:
        photo = post.drop("a.jpg", 1)
        plain = photo.read_bytes()
        await post.all_done(1)
        for rating in (1, 2):
            retag(photo, rating=rating)
            await post.until(lambda rating=rating: len(post.told(What.SAME)) == rating)
        assert post.told(What.SAME)[0].sentence == "1 bought before, only the metadata changed: not sent: a.jpg"
        assert not post.told(What.REFUSED)
        group = not_taken(post)[Skip.ONLY_METADATA]
        assert (group.count, group.newest) == (1, ("a.jpg",))
        answer = why(photo, [post.rule], studio.journal, offers_of(studio), dt.UTC)
        assert (answer.verdict, answer.reason) == ("not taken", Skip.ONLY_METADATA)
        assert answer.message == "bought before (job 1), only its metadata changed: not sent"
        hidden = photo.with_name(".undone")
        hidden.write_bytes(plain)
        hidden.rename(photo)
        await post.until(lambda: post.known("a.jpg").job == 1)
        assert Skip.ONLY_METADATA not in not_taken(post)
        post.drop("b.jpg", 2)
        await post.all_done(2)
    assert charges(studio) == 2
    assert sorted(path.name for path in studio.out.iterdir()) == ["a.png", "b.png"]
    studio.check()


async def test_a_picture_under_another_name_gets_a_copy_unless_its_rule_refuses(studio: Studio) -> None:
    async with watching_folder(studio, after="move") as post:
        photo = post.drop("a.jpg", 1)
        plain = photo.read_bytes()
        await post.all_done(1)
        _retagged_into(post, "b.jpg", plain, 1)
        assert (await post.all_done(2))[1].status is Status.SKIPPED
        await post.until((studio.inbox / "done" / "b.jpg").exists)
    assert (studio.out / "b.png").read_bytes() == (studio.out / "a.png").read_bytes()
    async with watching_folder(studio, after="move", twins="refuse") as post:
        _retagged_into(post, "c.jpg", plain, 2)
        refused = (await post.all_done(3))[2]
        assert (refused.status, refused.reason) == (Status.SKIPPED, Skip.ONLY_METADATA)
        await post.until((studio.inbox / "failed" / "c.jpg.reason.txt").exists)
        told = (studio.inbox / "failed" / "c.jpg.reason.txt").read_text()
        assert "only its metadata changed" in told
        assert "`artui redo FILE` buys it anew" in told
        assert not_taken(post)[Skip.ONLY_METADATA].count == 2
    assert not (studio.out / "c.png").exists()
    assert charges(studio) == 1
    studio.check()


def _retagged_into(post: Post, name: str, plain: bytes, rating: int) -> None:
    made = post.studio.folder / name
    made.write_bytes(plain)
    retag(made, rating=rating).rename(post.rule.folder / name)


async def test_a_rating_brings_another_copy_where_that_is_wanted(studio: Studio) -> None:
    async with watching_folder(studio, twins="deliver") as post:
        photo = post.drop("a.jpg", 1)
        await post.all_done(1)
        retag(photo)
        edited = (await post.all_done(2))[1]
        assert (edited.status, edited.reason, edited.twin_of) == (Status.SKIPPED, Skip.ONLY_METADATA, 1)
        logged = await post.until(lambda: [one for one in happenings(post) if one.what == What.SAME])
        assert "only the metadata of its photo differs" in logged[0].message
    assert (studio.out / "a-2.png").read_bytes() == (studio.out / "a.png").read_bytes()
    assert charges(studio) == 1
    studio.check()


async def test_a_rated_photo_whose_result_is_gone_gets_it_again_unpaid(studio: Studio) -> None:
    async with watching_folder(studio) as post:
        photo = post.drop("a.jpg", 1)
        await post.all_done(1)
        (studio.out / "a.png").unlink()
        retag(photo)
        await post.all_done(2)
    assert charges(studio) == 1
    assert [path.suffix for path in studio.out.iterdir()] == [".png"]


# --------------------------------------------------------------------------------------------------------- by hand


def test_submit_sends_no_rating_and_redo_does(desk: Desk) -> None:
    before = len(desk.simulator.ledger)
    photo = desk.photo("rated.jpg", 7_001)
    assert desk.send().code == 0
    retag(photo)
    plan = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run", "--json").json
    assert [(one["verdict"], one["output"]) for one in plan["files"]] == [("only metadata changed", None)]
    said = desk.send()
    assert said.code == 0
    assert "1 bought before, only its metadata changed, not sent" in said.err + said.out
    assert "only its metadata changed: not sent" in said.err + said.out
    assert len(desk.simulator.ledger) == before + 1
    assert desk.send("--twins", "deliver").code == 0
    assert sorted(path.name for path in desk.out.iterdir()) == ["rated-2.png", "rated.png"]
    shutil.copy(photo, photo.with_name("other.jpg"))
    retag(photo.with_name("other.jpg"), rating=3)
    assert desk.send("--twins", "refuse").code == 0
    assert not (desk.out / "other.png").exists()
    assert len(desk.simulator.ledger) == before + 1
    assert desk.send().code == 0
    assert (desk.out / "other.png").exists()
    assert len(desk.simulator.ledger) == before + 1
    assert desk("redo", photo, "--yes", "--wait").code == 0
    assert len(desk.simulator.ledger) == before + 2
