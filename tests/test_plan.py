"""What would be sent: which files count, where results go, what is not paid again."""

from __future__ import annotations

import datetime as dt
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from artui import files
from artui.core.plan import (
    Offer,
    Plan,
    Planner,
    PlanProblem,
    SourceFile,
    Target,
    UnknownWorkflows,
    Verdict,
    check,
    collect,
    fetch_offer,
    fetch_offers,
    new_jobs,
)
from artui.core.submit import ANEW, NamesTaken, submit
from artui.files import Accepts
from artui.journal import Connection, Journal, found, jobs, payers, published, purchases, suspended
from artui.journal.before import How
from artui.model.job import Batch, Job, Result
from artui.model.states import Kind, Stage, Status
from artui.model.watching import Skip
from artui.providers.base import Balance, Identity, LeftOut, Limits, Organization, Workflow
from artui.sim.photos import noise_jpeg

ACCEPTS = Accepts(frozenset({"image/jpeg", "image/png"}), max_side=10_000, scaled_above=50)
OFFER = Offer(
    account="studio",
    provider="autoretouch",
    identity=Identity("payer", "http://127.0.0.1", Organization("org", "Studio GmbH")),
    workflow=Workflow("wf", "v1", "Background Removal", 10),
    limits=Limits(ACCEPTS, 100),
    labels={"sku": "1"},
)
BATCH = Batch("b1", "aw26", "studio", 0.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state" / "journal.db") as journal:
        yield journal


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def photo(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise_jpeg(path, 20_000, seed)
    return path


def planned(journal: Journal, inbox: Path, *, again: bool = False, recursive: bool = False, output: str = "") -> Plan:
    target = Target.of(output or str(inbox.parent / "out"), "{stem}")
    planner = Planner(journal, OFFER, target, "aw26", dt.date(2026, 11, 22))
    return planner.plan(*check(collect([inbox], recursive=recursive), ACCEPTS, lambda *_: None), again=again)


def finish(journal: Journal, plan: Plan) -> list[Job]:
    """Add the plan's jobs and let each be done, with its result on disk."""
    done = []
    for number in journal.write(jobs.add, BATCH, new_jobs(plan, BATCH)):
        job = journal.read(jobs.get, number)
        assert job
        digest = next(one.photo.digest for one in plan.queued if one.found.path == job.source)
        job = journal.write(jobs.move, job, job.stage, Status.RUNNING, "taken")
        job = journal.write(jobs.check_in, job, digest=digest, media_type="image/jpeg", width=1, height=1)
        job.folder.mkdir(parents=True, exist_ok=True)
        result = job.folder / f"{os.fsdecode(job.stem)}.png"
        result.write_bytes(b"result")
        results = (Result("x", path=str(result)),)
        done.append(journal.write(jobs.move, job, Stage.SAVED, Status.DONE, "saved", results=results))
    return done


# ------------------------------------------------------------------------------------------------------ collecting


def test_a_folder_gives_its_files_and_with_recursive_those_below(inbox: Path) -> None:
    for name in ("b.jpg", "a.jpg", ".hidden.jpg", "c.jpg~", "d.part", "Thumbs.db", "sub/e.jpg", "@eaDir/f.jpg"):
        photo(inbox / name)
    (inbox / "elsewhere").symlink_to(inbox / "sub")
    assert [found.path.name for found in collect([inbox])] == ["a.jpg", "b.jpg", "elsewhere"]
    deep = collect([inbox], recursive=True)
    assert [str(found.relative / found.path.name) for found in deep] == ["a.jpg", "b.jpg", "elsewhere", "sub/e.jpg"]


def test_a_named_file_counts_even_when_hidden_and_each_file_once(inbox: Path) -> None:
    hidden = photo(inbox / ".a.jpg")
    plain = photo(inbox / "b.jpg")
    found = collect([hidden, plain, inbox, inbox / ".." / "in" / "b.jpg"])
    assert [one.path.name for one in found] == [".a.jpg", "b.jpg"]
    assert all(one.is_named for one in found)
    with pytest.raises(PlanProblem, match="is not there"):
        collect([inbox / "nope"])


def test_other_files_of_a_folder_are_passed_over_but_bad_photos_named(inbox: Path) -> None:
    photo(inbox / "good.jpg")
    for name in ("notes.txt", "bad.jpg", "raw.CR2"):
        (inbox / name).write_text("no photo")
    photos, refused, passed_over = check(collect([inbox]), ACCEPTS, lambda *_: None)
    assert [found.path.name for found, _ in photos] == ["good.jpg"]
    assert sorted(one.path.name for one in refused) == ["bad.jpg", "raw.CR2"]
    assert passed_over == 1
    _, named, _ = check(collect([inbox / "notes.txt"]), ACCEPTS, lambda *_: None)
    assert [one.reason for one in named] == ["not-a-photo"]


def test_checking_counts_every_file(inbox: Path) -> None:
    for seed in range(5):
        photo(inbox / f"{seed}.jpg", seed)
    seen: list[tuple[int, int]] = []
    check(collect([inbox]), ACCEPTS, lambda done, of: seen.append((done, of)))
    assert seen == [(number, 5) for number in range(1, 6)]


# ------------------------------------------------------------------------------------------------------- the target


def test_an_output_folder_may_hold_placeholders(tmp_path: Path) -> None:
    target = Target.of(f"{tmp_path}/out/{{date}}/x", "{n:03}-{stem}")
    assert (target.folder, target.template) == (tmp_path / "out", "{date}/x/{n:03}-{stem}")
    assert Target.of("out", "{stem}").folder == Path.cwd() / "out"


def test_results_among_the_photos_sent_are_refused(tmp_path: Path, inbox: Path) -> None:
    (tmp_path / "link").symlink_to(inbox)
    for output, recursive in ((inbox, False), (tmp_path / "link", False), (inbox / "out", True)):
        with pytest.raises(PlanProblem, match="would be sent again"):
            Target(output, "{stem}").refuse_loop([inbox], recursive=recursive)
    Target(inbox / "out", "{stem}").refuse_loop([inbox], recursive=False)
    Target(inbox, "{stem}").refuse_loop([photo(inbox / "a.jpg")], recursive=True)


def test_names_are_made_from_the_template_and_never_twice(journal: Journal, inbox: Path, tmp_path: Path) -> None:
    photo(inbox / "a.jpg", 1)
    photo(inbox / "A.jpeg", 2)
    photo(inbox / "sub" / "a.jpg", 3)
    plan = planned(journal, inbox, recursive=True, output=f"{tmp_path}/out/{{date}}/{{relative}}")
    out = tmp_path / "out" / "2026-11-22"
    places = {str(one.found.relative / one.found.path.name): one.folder / one.stem for one in plan.photos}
    assert places == {"A.jpeg": out / "A", "a.jpg": out / "a-2", "sub/a.jpg": out / "sub" / "a"}
    with pytest.raises(PlanProblem, match="unknown"):
        planned(journal, inbox, output=f"{tmp_path}/out/{{nope}}")


# --------------------------------------------------------------------------------------------------------- the plan


def test_the_price_counts_each_content_once(journal: Journal, inbox: Path) -> None:
    for name, seed in (("a.jpg", 1), ("b.jpg", 1), ("c.jpg", 2)):
        photo(inbox / name, seed)
    plan = planned(journal, inbox)
    assert [one.verdict for one in plan.photos] == [Verdict.SEND, Verdict.TWIN, Verdict.SEND]
    assert plan.photos[1].twin_of == inbox / "a.jpg"
    assert (plan.most, len(plan.queued)) == (20, 3)
    assert [str(remark) for remark in plan.remarks][:1] == ["2 will be scaled down by the service"]
    assert replace(plan, offer=replace(OFFER, workflow=replace(OFFER.workflow, price=None))).most is None


def test_what_was_delivered_to_this_folder_is_known_elsewhere_it_is_copied(journal: Journal, inbox: Path) -> None:
    photo(inbox / "a.jpg")
    [job] = finish(journal, planned(journal, inbox))
    again = planned(journal, inbox)
    assert [(one.verdict, one.job) for one in again.photos] == [(Verdict.KNOWN, job.id)]
    assert (again.most, again.queued) == (0, [])
    elsewhere = planned(journal, inbox, output=str(inbox.parent / "else"))
    assert [(one.verdict, one.job) for one in elsewhere.photos] == [(Verdict.TWIN, job.id)]
    assert elsewhere.most == 0
    Path(job.results[0].path or "").unlink()
    assert [one.verdict for one in planned(journal, inbox).photos] == [Verdict.TWIN]


def test_what_is_queued_already_is_not_queued_twice(journal: Journal, inbox: Path) -> None:
    photo(inbox / "a.jpg", 1)
    journal.write(jobs.add, BATCH, new_jobs(planned(journal, inbox), BATCH))
    assert [one.note for one in planned(journal, inbox).photos] == ["queued already (job 1), not paid again"]
    photo(inbox / "a.jpg", 2)
    assert [one.verdict for one in planned(journal, inbox).photos] == [Verdict.SEND]


def test_buying_anew_takes_the_next_copy(journal: Journal, inbox: Path) -> None:
    photo(inbox / "a.jpg", 1)
    photo(inbox / "b.jpg", 1)
    assert [one.copy for one in planned(journal, inbox, again=True).photos] == [0, 1]
    finish(journal, planned(journal, inbox, again=True))
    plan = planned(journal, inbox, again=True)
    assert [(one.verdict, one.copy) for one in plan.photos] == [(Verdict.SEND, 2), (Verdict.SEND, 3)]
    assert plan.most == 20


def test_a_result_is_sent_only_where_it_is_named(journal: Journal, inbox: Path) -> None:
    made = photo(inbox / "a.jpg", 1)
    [job] = finish(journal, planned(journal, inbox))
    other = photo(inbox / "b.jpg", 2)
    digests = {path: files.sha256(files.inspect(path, ACCEPTS)).digest for path in (made, other)}
    journal.write(published.note, job.id, [(digest, 20_000) for digest in digests.values()])
    plan = planned(journal, inbox)
    assert [(one.path, one.reason) for one in plan.refused] == [(other, Skip.RESULT)]
    assert plan.refused[0].message.startswith(f"b.jpg is a result of job {job.id}; not sent. Name the file itself")
    assert [one.verdict for one in plan.photos] == [Verdict.KNOWN], "what needs no sending needs no refusal"
    assert planned(journal, inbox, again=True).photos == ()
    named = planned(journal, other)
    assert ([one.verdict for one in named.photos], named.refused) == ([Verdict.SEND], ())


def test_what_was_bought_under_another_key_or_payer_is_said(journal: Journal, inbox: Path) -> None:
    for seed in range(3):
        photo(inbox / f"{seed}.jpg", seed)

    def at(payer: str, provider: str) -> Offer:
        return replace(OFFER, provider=provider, identity=replace(OFFER.identity, payer=payer))

    def plan_for(offer: Offer) -> Plan:
        target = Target.of(str(inbox.parent / "elsewhere"), "{stem}")
        photos = check(collect([inbox]), ACCEPTS, lambda *_: None)
        return Planner(journal, offer, target, "aw26", dt.date(2026, 11, 22)).plan(*photos)

    one, two = (f"retouch4me http://localhost {key}" for key in ("a", "b"))
    first = plan_for(at(one, "retouch4me"))
    numbers = journal.write(jobs.add, BATCH, new_jobs(first, BATCH))
    assert plan_for(at(two, "retouch4me")).before == {How.OTHER_PAYER: 3}, "queued there, by place, before any digest"
    bought = journal.write(take_and_intend, numbers[0], first.photos[0].photo.digest)
    now = plan_for(at(two, "retouch4me"))
    assert now.before == {How.OTHER_KEY: 1, How.OTHER_PAYER: 2}
    told = {one.found.path.name: (one.before, one.job, one.may_cost) for one in now.photos}
    assert told["0.jpg"] == (How.OTHER_KEY, bought.id, False)
    assert told["1.jpg"] == (How.OTHER_PAYER, numbers[1], True)
    assert plan_for(at(two, "autoretouch")).before == {How.OTHER_PAYER: 3}, "a payer of its own is no renewed key"
    assert plan_for(at(one, "retouch4me")).before == {}
    journal.write(payers.other_customer, one, two)
    assert plan_for(at(two, "retouch4me")).before == {}
    journal.write(suspended.suspend, [two], suspended.SuspensionCause.UNLISTED, "nobody knows")
    assert plan_for(at(two, "retouch4me")).before == {How.UNKNOWN: 3}
    journal.write(found.note_elsewhere, two, OFFER.workflow.id, first.photos[2].photo.digest, "e1")
    assert plan_for(at(two, "retouch4me")).before == {How.UNKNOWN: 2, How.WITHOUT_KEY: 1}


def take_and_intend(db: Connection, number: int, digest: str) -> Job:
    """A job whose photo was checked, and for which a paid call was made."""
    job = jobs.get(db, number)
    assert job
    job = jobs.move(db, job, job.stage, Status.RUNNING, "taken")
    job = jobs.check_in(db, job, digest=digest, media_type="image/jpeg", width=1, height=1)
    day = {"day": "2026-01-01", "month": "2026-01"}
    purchases.intend(db, job, key="k", number=1, kind=Kind.CREATE, draft="", reserved=1, mark="", **day)
    return job


def test_what_was_found_at_the_service_is_not_counted_as_to_pay(journal: Journal, inbox: Path) -> None:
    photo(inbox / "a.jpg")
    first = planned(journal, inbox)
    [new] = new_jobs(first, BATCH)
    digest = first.photos[0].photo.digest
    theirs = replace(new, batch=None, source=Path("theirs.jpg"), stem_key="theirs")
    journal.write(partial(found.add, new=theirs, key="k", execution="e", reference=digest, day="2026-01-01"))
    after = planned(journal, inbox)
    assert [one.verdict for one in after.photos] == [Verdict.BOUGHT]
    assert (after.most, after.before, len(after.queued)) == (0, {How.FOUND: 1}, 1)


@pytest.mark.usefixtures("byte_names")
def test_jobs_hold_everything_the_price_depends_on(journal: Journal, inbox: Path) -> None:
    path = photo(inbox / os.fsdecode(b"caf\xe9.jpg"))
    [job] = new_jobs(planned(journal, inbox), BATCH)
    assert (job.workflow, job.version, job.quoted, job.payer) == ("wf", "v1", 10, "payer")
    assert (job.source, job.size, job.batch, job.labels) == (path, 20_000, "b1", {"sku": "1"})
    assert (job.folder, job.stem) == (inbox.parent / "out", path.stem)
    [number] = journal.write(jobs.add, BATCH, [job])
    stored = journal.read(jobs.get, number)
    assert stored
    assert stored.source == path


def test_a_name_taken_in_between_is_chosen_anew(journal: Journal, inbox: Path) -> None:
    photo(inbox / "a.jpg")
    target = Target(inbox.parent / "out", "{stem}")
    planner = Planner(journal, OFFER, target, "aw26", dt.date(2026, 11, 22))
    plan = planner.plan(*check([SourceFile(inbox / "a.jpg", inbox)], ACCEPTS, lambda *_: None))
    journal.write(jobs.add, BATCH, new_jobs(plan, BATCH))
    added, numbers = submit(journal, planner, plan, add)
    assert ([one.stem for one in added.photos], numbers) == (["a-2"], [2])


def test_names_that_are_always_taken_add_nothing(journal: Journal, inbox: Path) -> None:
    photo(inbox / "a.jpg")
    tried: list[str] = []

    def taken(db: Connection, plan: Plan) -> None:
        tried.append(plan.photos[0].stem)
        add(db, plan)
        raise jobs.StemTaken("by another program")

    planner = Planner(journal, OFFER, Target(inbox.parent / "out", "{stem}"), "aw26", dt.date(2026, 11, 22))
    with pytest.raises(NamesTaken):
        submit(journal, planner, planned(journal, inbox), taken)
    assert len(tried) == ANEW
    assert journal.read(jobs.select, "1") == []


def add(db: Connection, plan: Plan) -> list[int]:
    return jobs.add(db, BATCH, new_jobs(plan, BATCH))


# ------------------------------------------------------------------------------------------------------- an offer


class Service:
    """A service with these workflows; ``asked`` is what it was asked for."""

    name = "autoretouch"
    limits = OFFER.limits
    left_out = (LeftOut("wf-9", "Broken", "its price is no number"),)

    def __init__(self, *workflows: Workflow) -> None:
        self.known = list(workflows)
        self.asked: list[str] = []

    async def identify(self) -> Identity:
        return OFFER.identity

    async def workflows(self) -> list[Workflow]:
        self.asked.append("list")
        return self.known

    async def workflow(self, workflow_id: str) -> Workflow:
        self.asked.append(workflow_id)
        return next(one for one in self.known if one.id == workflow_id)

    async def told_balance(self) -> Balance:
        return Balance(70, at=1.0)


CUT, CUTOUT, OTHER = (Workflow(f"wf-{i}", "v1", name, 10 + i) for i, name in enumerate(("Cut", "Cut out", "cut out")))


@pytest.mark.parametrize(("wanted", "chosen"), [("wf-1", CUTOUT), ("cut", CUT), ("Cut o", None), ("Cut out", CUTOUT)])
async def test_an_offer_is_of_the_one_workflow_that_is_meant(wanted: str, chosen: Workflow | None) -> None:
    service: Any = Service(CUT, CUTOUT, OTHER)
    if chosen is None:
        with pytest.raises(UnknownWorkflows) as refused:
            await fetch_offers(service, "studio", [wanted])
        assert [one.found for one in refused.value.problems] == [[CUTOUT, OTHER]]
        return
    offer = (await fetch_offers(service, "studio", [wanted]))[wanted]
    assert (offer.workflow, offer.balance, offer.identity) == (chosen, Balance(70, at=1.0), OFFER.identity)
    assert service.asked == ["list", chosen.id]


async def test_an_id_that_is_known_needs_no_list() -> None:
    service: Any = Service(CUT)
    assert (await fetch_offer(service, "studio", "wf-0")).workflow == CUT
    assert service.asked == ["wf-0"]


@pytest.mark.parametrize(
    ("wanted", "said"), [("none", "no workflow none"), ("Cut o", "no workflow"), ("broken", "its price")]
)
async def test_no_offer_is_made_of_what_is_not_there(wanted: str, said: str) -> None:
    service: Any = Service(CUT, CUTOUT)
    with pytest.raises(UnknownWorkflows, match=said):
        await fetch_offers(service, "studio", [wanted], beginning=False)
    assert service.asked == ["list"]


def test_an_archive_has_no_price_that_anybody_knows(journal: Journal, inbox: Path) -> None:
    takes = replace(ACCEPTS, archives=True)
    with zipfile.ZipFile(inbox / "shoot.zip", "w") as archive:
        archive.write(photo(inbox / "a.jpg"), "a.jpg")
    planner = Planner(journal, OFFER, Target.of(str(inbox.parent / "out"), "{stem}"), "aw26", dt.date(2026, 11, 22))
    plan = planner.plan(*check(collect([inbox, inbox / "shoot.zip"]), takes, lambda *_: None))
    assert [(new.source.name, new.quoted) for new in new_jobs(plan, BATCH)] == [("a.jpg", 10), ("shoot.zip", None)]
    assert (plan.most, plan.archives) == (None, 1)
