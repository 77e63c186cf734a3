"""What people decide about results: written down for good, files moved over nothing and found after a crash."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from artui import files
from artui.cli.exits import CommandError, Exit
from artui.cli.sending import Added, OrderSending
from artui.config import ConfigError, paths
from artui.core import review
from artui.core import submit as submitting
from artui.core.actions import Refusal
from artui.core.plan import Order
from artui.core.review import ListProblem, Outcome, decide, read_decisions
from artui.engine.anchor import open_journal
from artui.journal import Journal, jobs, reviews, window
from artui.journal.window import Filter
from artui.model.holds import Group
from artui.model.job import Job, Result
from artui.model.states import Review
from artui.watch.folder import What
from artui.watch.rules import refuse_conflicts
from tests.desk import Desk
from tests.proof.evidence import digest_of
from tests.samples import new_job
from tests.studio import Studio
from tests.watch_post import rule_for, watching


@pytest.fixture
def journal() -> Iterator[Journal]:
    paths().create()
    with open_journal(paths()) as opened:
        yield opened


REASONS = ("mask or edges", "colour")


def saved(
    journal: Journal, folder: Path, stem: str = "boot", *, names: tuple[str, ...] = (".png",),
    twin_of: int | None = None,
) -> Job:  # fmt: skip
    """A saved job with results of these endings."""
    folder.mkdir(exist_ok=True)
    results = []
    for ending in names:
        path = folder / f"{stem}{ending}"
        path.write_bytes(f"result of {stem}{ending}".encode())
        task = ending.split(".")[1] if ending.count(".") > 1 else ""
        results.append(Result("place", task, "image/png", digest_of(path), path=str(path)))

    def add(db: apsw.Connection) -> Job:
        key = files.stem_key(folder, stem)
        [number] = jobs.add(db, None, [new_job(folder=folder, stem=stem, stem_key=key, source=folder / f"{stem}.jpg")])
        db.execute(
            "UPDATE jobs SET stage = 'saved', status = ?, execution = ?, charged = ?, twin_of = ?, finished_at = 1"
            " WHERE id = ?",
            (
                "skipped" if twin_of else "done",
                "" if twin_of else f"e{number}",
                None if twin_of else 10,
                twin_of,
                number,
            ),
        )
        job = jobs.get(db, number)
        assert job
        return jobs.change(db, job, "saved", results=tuple(results))

    return journal.write(add)


def reject(journal: Journal, *found: Job, reason: str = "colour") -> list[Outcome]:
    return decide(journal, found, Review.REJECTED, who="mara", reason=reason)


def take_back(journal: Journal, *found: Job) -> list[Outcome]:
    return decide(journal, found, Review.TAKEN_BACK, who="mara")


def lies(journal: Journal, job: Job) -> list[str]:
    """Where its results lie, as the journal has it; each is there, as it was."""
    now = journal.read(jobs.get, job.id)
    assert now
    for result in now.results:
        assert digest_of(Path(result.path or "")) == result.digest
    out = job.folder.parent
    return [str(Path(result.path or "").relative_to(out)) for result in now.results]


def test_a_list_for_a_retoucher_holds_every_word_and_no_formula(journal: Journal, tmp_path: Path) -> None:
    reject(journal, saved(journal, tmp_path / "out"), reason="-2 stops =or so")
    assert ",'-2 stops =or so,mara," in review.write_list(review.rejected(journal, 0.0)).read_text()


def test_a_rejected_result_moves_with_its_reason_and_comes_back(journal: Journal, tmp_path: Path) -> None:
    job = saved(journal, tmp_path / "out", names=(".png", ".mask.png"))
    [outcome] = reject(journal, job)
    assert (outcome.job.review, outcome.job.review_reason) == ("rejected", "colour")
    assert lies(journal, job) == ["out/rejected/boot.png", "out/rejected/boot.mask.png"]
    assert "Rejected by mara" in (job.folder / "rejected/boot.png.reason.txt").read_text()
    [again] = reject(journal, job)
    assert (again.refused, again.why) == (Refusal.DECIDED, "it was decided so about the result of job 1 before")
    [other] = reject(journal, job, reason="mask or edges")
    assert (other.job.review_reason, other.notes) == ("mask or edges", ())
    assert "mask or edges" in (job.folder / "rejected/boot.png.reason.txt").read_text()
    take_back(journal, job)
    assert lies(journal, job) == ["out/boot.png", "out/boot.mask.png"]
    assert not list((job.folder / "rejected").iterdir())
    assert take_back(journal, job)[0].refused is Refusal.UNDECIDED
    decide(journal, [job], Review.KEPT, who="jo")
    made = [(one.who, one.decision, one.reason) for one in journal.read(reviews.of_job, job.id)]
    assert made == [
        ("mara", "rejected", "colour"), ("mara", "rejected", "mask or edges"), ("mara", "taken back", ""),
        ("jo", "kept", ""),
    ]  # fmt: skip


def test_no_decision_is_ever_changed(journal: Journal, tmp_path: Path) -> None:
    reject(journal, saved(journal, tmp_path / "out"))
    for sql in ("UPDATE reviews SET who = 'jo'", "DELETE FROM reviews"):
        with pytest.raises(apsw.ConstraintError):
            journal.write(lambda db: db.execute(sql))  # noqa: B023


def test_nothing_is_replaced_either_way(journal: Journal, tmp_path: Path) -> None:
    job = saved(journal, tmp_path / "out")
    (job.folder / "rejected").mkdir()
    (job.folder / "rejected/boot.png").write_bytes(b"an older one")
    reject(journal, job)
    assert lies(journal, job) == ["out/rejected/boot-2.png"]
    (job.folder / "boot.png").write_bytes(b"retouched by hand")
    decide(journal, [job], Review.KEPT, who="mara")
    assert lies(journal, job) == ["out/boot-2.png"]
    assert (job.folder / "boot.png").read_bytes() == b"retouched by hand"
    assert (job.folder / "rejected/boot.png").read_bytes() == b"an older one"


def test_a_file_that_somebody_has_changed_stays_where_it_is(journal: Journal, tmp_path: Path) -> None:
    job, gone = saved(journal, tmp_path / "out"), saved(journal, tmp_path / "out", "gone")
    (job.folder / "boot.png").write_bytes(b"painted over")
    (job.folder / "gone.png").unlink()
    assert [one.job.review for one in reject(journal, job, gone)] == ["rejected", "rejected"]
    assert (job.folder / "boot.png").read_bytes() == b"painted over"
    assert not (job.folder / "rejected").exists()


def test_what_is_not_as_it_was_saved_is_told_to_whoever_decides(journal: Journal, tmp_path: Path) -> None:
    moved, edited = saved(journal, tmp_path / "out"), saved(journal, tmp_path / "out", "shoe")
    (moved.folder / "boot.png").rename(tmp_path / "elsewhere.png")
    assert reject(journal, moved)[0].notes == (f"{moved.folder / 'boot.png'} is no longer there: nothing was moved",)
    assert not reject(journal, edited)[0].notes
    away = edited.folder / "rejected/shoe.png"
    away.write_bytes(b"edited")
    assert take_back(journal, edited)[0].notes == (f"{away} is not as it was saved: it stays where it is",)
    assert not decide(journal, [edited], Review.KEPT, who="jo")[0].notes


def test_what_could_not_be_moved_back_is_by_the_next_decision(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = saved(journal, tmp_path / "out")
    reject(journal, job)
    plain = files.move

    def refused(source: Path, target: Path) -> None:
        raise files.OutputProblem(target.parent, OSError(errno.EROFS, "Read-only file system"))

    monkeypatch.setattr(files, "move", refused)
    assert "was not moved" in take_back(journal, job)[0].notes[0]
    assert lies(journal, job) == ["out/rejected/boot.png"]
    monkeypatch.setattr(files, "move", plain)
    assert take_back(journal, job)[0].moved == (job.folder / "boot.png",)
    assert lies(journal, job) == ["out/boot.png"]
    assert take_back(journal, job)[0].refused is Refusal.UNDECIDED


def test_a_decision_is_about_every_copy_of_a_result(journal: Journal, tmp_path: Path) -> None:
    bought = saved(journal, tmp_path / "out")
    copy = saved(journal, tmp_path / "copies", twin_of=bought.id)
    [outcome] = reject(journal, copy, bought)
    assert [one.id for one in outcome.copies] == [bought.id]
    assert (lies(journal, bought), lies(journal, copy)) == (["out/rejected/boot.png"], ["copies/rejected/boot.png"])
    take_back(journal, bought)
    assert (lies(journal, bought), lies(journal, copy)) == (["out/boot.png"], ["copies/boot.png"])


def test_one_file_that_is_the_result_of_two_moves_once(journal: Journal, tmp_path: Path) -> None:
    bought = saved(journal, tmp_path / "out")
    copy = saved(journal, tmp_path / "copies", twin_of=bought.id)
    journal.write(jobs.change, copy, "so it is", results=bought.results)
    reject(journal, bought)
    assert lies(journal, bought) == lies(journal, copy) == ["out/rejected/boot.png"]


def test_only_what_is_saved_is_decided_about(journal: Journal) -> None:
    [number] = journal.write(jobs.add, None, [new_job()])
    job = journal.read(jobs.get, number)
    assert job
    assert reject(journal, job)[0].refused is Refusal.NOT_SAVED


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", range(5))
@pytest.mark.parametrize("back", [False, True])
def test_a_kill_anywhere_leaves_each_file_under_one_name_and_the_next_one_ends_the_move(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, after: int, back: bool
) -> None:
    job = saved(journal, tmp_path / "out", names=(".png", ".mask.png"))
    if back:
        reject(journal, job)
    left = after

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object) -> object:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return real(*arguments)

        return act

    with monkeypatch.context() as patch:
        patch.setattr(files, "move", dying(files.move))
        patch.setattr(Journal, "write", dying(Journal.write))
        try:
            (take_back if back else reject)(journal, job)
        except Killed:
            assert after < 4
    everything = {digest_of(path) for path in job.folder.rglob("*.png")}
    assert everything == {result.digest for result in job.results}, "no file is lost"
    review.finish_moves(journal)
    is_decided = bool(after) != back
    folder = "out/rejected" if is_decided else "out"
    assert lies(journal, job) == [f"{folder}/boot.png", f"{folder}/boot.mask.png"]
    assert not journal.read(reviews.moving)


def test_what_was_rejected_has_ended(journal: Journal, tmp_path: Path) -> None:
    job = saved(journal, tmp_path / "out")
    saved(journal, tmp_path / "out", "good")
    reject(journal, job)
    for wanted in (Filter(), Filter(words=("boot",))):
        assert journal.read(window.overview, wanted).count(Group.ENDED) == 1
    assert journal.read(window.overview, Filter()).count(Group.SAVED) == 1
    assert list(journal.read(window.order, Filter(Group.ENDED))) == [job.id]
    take_back(journal, job)
    assert journal.read(window.overview, Filter()).count(Group.SAVED) == 2


def test_a_reason_is_a_number_of_the_settings_or_words() -> None:
    assert review.reason_of("2", REASONS) == "colour"
    assert review.reason_of(" too\x1b[31m dark ", REASONS) == r"too\x1b[31m dark"
    for wrong in ("0", "3", " "):
        with pytest.raises(ValueError, match=r"reason|why"):
            review.reason_of(wrong, REASONS)


def test_a_list_names_jobs_and_files_with_their_reasons(tmp_path: Path) -> None:
    lines = "7\tcolour\r\n\nboots/a b.png\n"
    read = read_decisions(b"\xef\xbb\xbf" + lines.encode(), tmp_path)
    assert [(one.place, one.job, one.file, one.reason) for one in read] == [
        ("line 1", 7, None, "colour"), ("line 3", None, tmp_path / "boots/a b.png", ""),
    ]  # fmt: skip
    table = b'Job;Reason\n7;"mask; edges"\n8;\n'
    assert [(one.job, one.reason) for one in read_decisions(table, tmp_path)] == [(7, "mask; edges"), (8, "")]
    for wrong, why in ((b"", "names nothing"), (b"a\n\xff", "line 2 is no UTF-8"), (b"job,reason\n,x", "line 2 names")):
        with pytest.raises(ListProblem, match=why):
            read_decisions(wrong, tmp_path)


def test_a_result_is_found_by_its_file_wherever_that_lies(journal: Journal, tmp_path: Path) -> None:
    job = saved(journal, tmp_path / "out", "boot.v1")
    path = job.folder / "boot.v1.png"
    for name in (path, job.source):
        found = review.of_file(journal, name)
        assert found
        assert found.id == job.id
    reject(journal, job)
    assert review.of_file(journal, job.folder / "rejected/boot.v1.png") is not None
    assert review.of_file(journal, path) is None
    (job.folder / "rejected/boot.v1.png").rename(tmp_path / "elsewhere.png")
    assert review.of_file(journal, tmp_path / "elsewhere.png") is not None
    assert review.of_file(journal, tmp_path / "nothing.png") is None


def test_results_are_rejected_listed_and_kept_by_command(desk: Desk) -> None:
    for seed in range(2):
        desk.photo(f"boot {seed}.jpg", seed)
    desk.send()
    charges = len(desk.simulator.ledger)
    result = desk.out / "boot 0.png"
    said = desk("reject", result)
    assert said.code == 2
    assert "1 mask or edges, 2 colour" in said.err
    would = desk("reject", result, "--reason", "2", "--dry-run")
    assert (would.code, f"would lie in {desk.out / 'rejected'}" in would.out) == (0, True)
    assert result.exists()
    assert {job["review"] for job in desk.jobs()} == {""}
    assert desk("reject", result, "--reason", "2").code == 0
    assert "rejected: colour" in desk("jobs").out
    [one] = desk("rejected", "--json").json
    assert (one["reason"], one["outputs"], one["redo"]) == ("colour", [str(desk.out / "rejected/boot 0.png")], True)
    assert desk("verify").code == 0
    assert desk("fetch", str(one["job"])).code == 1
    (desk.folder / "list").write_text(f"{one['job']}\tcolour\nnowhere.png\n")
    assert "line 2" in desk("reject", "--files-from", desk.folder / "list").err
    assert desk("keep", str(one["job"])).code == 0
    assert result.exists()
    assert desk("rejected").out == "No result is rejected.\n"
    (desk.folder / "list").write_text("job,reason\n1,1\n2,too dark\n")
    assert desk("reject", "--files-from", desk.folder / "list").code == 0
    assert {job["review_reason"] for job in desk.jobs()} == {"mask or edges", "too dark"}
    assert desk("reject", "--undo", "1", "2").code == 0
    assert {job["review"] for job in desk.jobs()} == {""}
    assert [one["decision"] for one in desk("job", "1", "--json").json["reviews"]][-1] == "taken back"
    assert len(desk.simulator.ledger) == charges


def test_what_is_rejected_is_bought_anew_once_by_a_persons_yes_alone(desk: Desk) -> None:
    for seed in range(3):
        desk.photo(f"boot {seed}.jpg", seed)
    desk.send()
    charges = len(desk.simulator.ledger)
    assert desk("redo", "--rejected", "--yes").err == "No result is rejected whose photo was not ordered again.\n"
    assert desk("redo").code == desk("redo", "1", "--rejected").code == 2
    numbers = {Path(job["source"]).stem: str(job["id"]) for job in desk.jobs()}
    desk("reject", numbers["boot 0"], numbers["boot 1"], "--reason", "colour")
    assert "at most 20 credits" in desk("redo", "--rejected", "--dry-run").out
    assert desk("redo", "--rejected").code == 2
    assert len(desk.simulator.ledger) == charges, "it asks first"
    assert desk("redo", "--rejected", "--yes", "--wait").code == 0
    assert len(desk.simulator.ledger) == charges + 2
    assert {path.name for path in desk.out.glob("*.png")} == {"boot 0.png", "boot 1.png", "boot 2.png"}
    again = [str(job["id"]) for job in desk.jobs()][-2:]
    assert desk("reject", *again, "--reason", "colour").code == 0
    assert desk("redo", "--rejected", "--yes").code == 0
    assert len(desk.simulator.ledger) == charges + 2, "no photo is offered twice"
    assert desk("reject", "--undo", *numbers.values()).code == 1
    assert desk("verify").code == 0


async def test_the_folder_for_what_is_rejected_is_made(studio: Studio) -> None:
    place = studio.folder / "rejected"
    async with watching(studio, rejected=str(place)) as post:
        await post.until(place.is_dir)
    away = studio.folder / "not mounted" / "rejected"
    (studio.folder / "other").mkdir()
    async with watching(studio, rejected=str(away), folder=str(studio.folder / "other")) as post:
        await post.until(lambda: post.told(What.PROBLEM))
        post.drop("a.jpg", 1)
        await post.all_done(1)
        assert len(post.told(What.PROBLEM)) == 1, "told once, and nothing else waits for it"
    assert not away.parent.exists()


def of_two_orders(desk: Desk) -> None:
    """Two photos, each of an order of its own, both rejected."""
    for seed, folder in enumerate((desk.out, desk.folder / "two")):
        photo = desk.photo(f"boot {seed}.jpg", seed)
        assert desk("submit", photo, "-w", "Export only", "-o", folder, "--yes", "--wait").code == 0
    assert desk("reject", *(str(job["id"]) for job in desk.jobs()), "--reason", "colour").code == 0


def test_what_is_rejected_of_several_orders_is_one_document(desk: Desk) -> None:
    assert desk("redo", "--rejected", "--yes", "--json").json == []
    of_two_orders(desk)
    planned = desk("redo", "--rejected", "--dry-run", "--json").json
    assert [len(one["files"]) for one in planned] == [1, 1]
    queued = desk("redo", "--rejected", "--yes", "--json").json
    assert [len(one["jobs"]) for one in queued] == [1, 1]
    assert desk("redo", "--rejected", "--yes", "--json").json == []


def test_of_several_orders_all_is_looked_at_before_the_first_is_added(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_two_orders(desk)
    there = len(desk.jobs())
    (desk.folder / "two").rename(desk.folder / "three")
    (desk.folder / "two").write_text("no folder any more")
    said = desk("redo", "--rejected", "--yes")
    assert (said.code, len(desk.jobs())) == (2, there), said
    (desk.folder / "two").unlink()
    add, asked = OrderSending.add, list[object]()

    def fails_later(self: OrderSending, order: Order) -> Added:
        asked.append(order)
        if len(asked) > 1:
            raise CommandError(Exit.LOCKED, "Others take the same names.")
        return add(self, order)

    monkeypatch.setattr(OrderSending, "add", fails_later)
    said = desk("redo", "--rejected", "--yes")
    assert (said.code, len(desk.jobs())) == (Exit.LOCKED, there + 1)
    assert f"Others take the same names. Before that: Queued as job {there + 1}." in said.err


def test_a_line_whose_job_is_of_another_file_is_refused_and_nothing_is_decided(desk: Desk) -> None:
    for seed in range(2):
        desk.photo(f"boot {seed}.jpg", seed)
    desk.send()
    wrong, right = desk.folder / "of before a restore.csv", desk.folder / "right.csv"
    (first, second) = sorted(desk.jobs(), key=lambda job: job["source"])
    wrong.write_text(f"job,file,reason\n{first['id']},/in/boot 0.jpg,1\n{second['id']},/in/boot 0.jpg,1\n")
    said = desk("reject", "--files-from", wrong)
    assert said.code == Exit.USAGE
    assert f"line 3: job {second['id']} is of boot 1.jpg, not of boot 0.jpg. Nothing was decided." in said.err
    assert desk("rejected", "--json").json == []
    right.write_text(f"job,file,reason\n{first['id']},/in/boot 0.jpg,1\n", "utf-16")
    assert desk("reject", "--files-from", right).code == Exit.OK


def test_of_two_who_order_what_was_rejected_at_the_same_moment_one_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.photo("boot.jpg", 0)
    desk.send()
    desk("reject", "1", "--reason", "colour")
    charges, others = len(desk.simulator.ledger), list[Any]()
    plain = submitting.submit

    def late(*given: Any) -> Any:
        if not others:  # the other one comes between the plan and the order
            others.append(None)
            others[0] = desk("redo", "--rejected", "--yes", "--wait")
        return plain(*given)

    monkeypatch.setattr(submitting, "submit", late)
    said = desk("redo", "--rejected", "--yes", "--wait")
    assert (others[0].code, said.code) == (Exit.OK, Exit.USAGE)
    assert "boot.jpg was ordered again by somebody else meanwhile. Nothing was sent" in said.err
    assert len(desk.simulator.ledger) == charges + 1


def test_a_service_that_wants_to_know_gets_a_thumb(desk: Desk) -> None:
    desk.configure(more="ratings = true")
    for seed in range(2):
        desk.photo(f"boot {seed}.jpg", seed)
    desk.send()
    desk("reject", "1", "-r", "colour")
    desk("keep", "2")
    desk("reject", "--undo", "1")
    told = [[event["message"] for event in desk("job", number, "--json").json["events"] if event["what"] == "rated"]
            for number in ("1", "2")]  # fmt: skip
    assert told == [["down"], ["up"]]


async def test_a_result_that_somebody_moves_to_the_rules_folder_is_rejected_and_buys_nothing(studio: Studio) -> None:
    away = studio.folder / "no good"
    away.mkdir()
    async with watching(studio, rejected=str(away)) as post:
        post.drop_many(3)
        found = await post.all_done(3)
        paths = [Path(job.results[0].path or "") for job in found]
        moved = away / "mara"
        moved.mkdir()
        paths[0].rename(moved / paths[0].name)
        (away / paths[1].name).write_bytes(paths[1].read_bytes())
        paths[2].unlink()
        (away / paths[2].name).write_bytes(b"with notes drawn into it")
        post.watcher.look_now("")
        await post.until(lambda: [job.review for job in studio.jobs()] == ["rejected", "", "rejected"])
        first, copied, _ = studio.jobs()
        assert first.results[0].path == str(moved / paths[0].name)
        assert first.review_reason == "moved to mara"
        assert copied.results[0].path == str(paths[1]), "a copy means nothing"
        await post.until(lambda: post.told(What.REJECTED))
        [taken] = await asyncio.to_thread(decide, studio.journal, [first], Review.TAKEN_BACK, who="mara")
        assert paths[0].exists()
        assert not taken.refused
    assert len(studio.simulator.ledger) == 3


async def test_the_folder_for_rejected_results_is_none_that_photos_or_results_are_in(studio: Studio) -> None:
    for wrong in (studio.inbox, studio.out, studio.folder):
        with pytest.raises(ConfigError, match="a folder of its own"):
            refuse_conflicts([rule_for(studio, rejected=str(wrong))])
    refuse_conflicts([rule_for(studio, rejected=str(studio.out / "rejected"))])
