"""A rule with several workflows: each photo is bought once for each, and leaves its folder when it is through with
all."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from artui.config import ConfigError, load, paths
from artui.journal import seen
from artui.model.states import Seen, Status
from artui.watch.folder import What
from artui.watch.rules import load_rules
from artui.watch.watcher import Watcher
from artui.watch.why import why
from tests.desk import Desk
from tests.studio import Studio
from tests.watch_post import land, offers_of, post_at, rule_for, watching, written

BOTH = ("Export only", "Ghost Mannequin")


def of_both(**given: Any) -> dict[str, Any]:
    return {"workflows": [*BOTH], **given}


def bought(studio: Studio) -> Counter[tuple[str, str]]:
    """How often the service charged each photo for each workflow."""
    return Counter((one["digest"], one["workflow"]) for one in studio.simulator.ledger)


def uploads(studio: Studio) -> int:
    return sum(asked["method"] == "POST" and asked["path"].endswith("/upload") for asked in studio.simulator.history)


def results(studio: Studio) -> list[str]:
    return sorted(str(path.relative_to(studio.out)) for path in studio.out.rglob("*") if path.is_file())


async def test_each_photo_goes_once_through_each_workflow_and_is_uploaded_once(studio: Studio) -> None:
    before = uploads(studio)
    async with watching(studio, **of_both(after="move")) as post:
        post.drop("a.jpg", 1)
        post.drop("b.jpg", 2)
        await post.all_done(4)
        await post.until(lambda: not [*post.rule.folder.glob("*.jpg")])
    assert len(bought(studio)) == 4
    assert {*bought(studio).values()} == {1}
    assert uploads(studio) - before == 2
    assert results(studio) == [
        "a-Export only.png", "a-Ghost Mannequin.png", "b-Export only.png", "b-Ghost Mannequin.png",
    ]  # fmt: skip
    assert sorted(path.name for path in (post.rule.folder / "done").iterdir()) == ["a.jpg", "b.jpg"]
    assert [event.message for event in post.told(What.TAKEN)][:1] in (["1 taken"], ["2 taken"])
    studio.check()


@pytest.mark.parametrize("how", ["renamed", "dropped again", "touched", "copied"])
async def test_a_file_that_comes_again_is_bought_for_none_again(studio: Studio, how: str) -> None:
    async with watching(studio, **of_both(after="move" if how == "dropped again" else "keep")) as post:
        photo = post.drop("a.jpg", 1)
        await post.all_done(2)
        if how == "touched":
            os.utime(photo, (1e9, 1e9))
            await post.until(lambda: (known := post.known("a.jpg")) and known.mtime_ns == 10**18)
        else:
            if how == "dropped again":
                await post.until(lambda: not photo.exists())
            if how == "renamed":
                photo.unlink()
            post.drop("a.jpg" if how == "dropped again" else "again.jpg", 1)
            await post.all_done(4)
    assert len(studio.jobs()) == (2 if how == "touched" else 4)
    assert {*bought(studio).values()} == {1}
    assert len(bought(studio)) == 2
    copies = {job.workflow_name: job for job in studio.jobs()[2:]}
    for job in studio.jobs()[: 2 if copies else 0]:
        assert copies[job.workflow_name].results[0].digest == job.results[0].digest, "a copy of the right result"
    studio.check()


async def test_it_leaves_its_folder_when_it_is_through_with_all_and_the_cap_counts_each(studio: Studio) -> None:
    first, second = (studio.workflows[name].price or 0 for name in BOTH)
    async with watching(studio, **of_both(after="move", caps={"day": first + second - 1})) as post:
        photo = post.drop("a.jpg", 1)
        await post.until(lambda: sorted(job.status for job in studio.jobs()) == [Status.DONE, Status.HELD])
        await post.until(lambda: post.known("a.jpg").state is Seen.TAKEN)
        assert studio.journal.read(seen.to_tidy, post.rule.id) == [], "one of two is done: it stays"
        assert photo.exists()
        await studio.ask("allow", rule=post.rule.id, amount=1)
        await post.until(lambda: not photo.exists())
    done = post.rule.folder / "done" / "a.jpg"
    assert done.exists()
    assert len(studio.simulator.ledger) == 2
    # Whichever of the two is named: it was made of the photo that lies there.
    made = studio.jobs()
    assert {studio.journal.read(seen.place_now, job) for job in made} == {done}
    asked = why(photo, [post.rule], studio.journal, offers_of(studio), dt.UTC)
    assert asked.message.startswith(f"taken as jobs 1 and 2; the file is now {done}")
    assert {job.id for job in studio.journal.read(seen.made_of, done)} == {job.id for job in made}
    studio.check()


async def test_where_one_workflow_fails_the_photo_is_failed_and_told_for_each(studio: Studio) -> None:
    async with watching(studio, **of_both(workflows=["Export only", "Always fails"], after="move")) as post:
        photo = post.drop("a.jpg", 1)
        await post.until(lambda: not photo.exists())
        await post.until(lambda: post.known("a.jpg").state is Seen.MOVED)
    assert post.known("a.jpg").target == post.rule.folder / "failed" / "a.jpg"
    [reason] = (post.rule.folder / "failed").glob("*.txt")
    assert reason.read_text().startswith("a.jpg was retouched by Export only only.")
    assert results(studio) == ["a-Export only.png"]


async def test_a_cancelled_one_does_not_keep_the_photo(studio: Studio) -> None:
    first = studio.workflows["Export only"].price or 0
    async with watching(studio, **of_both(after="move", caps={"day": first})) as post:
        photo = post.drop("a.jpg", 1)
        await post.until(lambda: sorted(job.status for job in studio.jobs()) == [Status.DONE, Status.HELD])
        [held] = [job for job in studio.jobs() if job.status is Status.HELD]
        await studio.ask("cancel", held.id)
        await post.until(lambda: not photo.exists())
    assert (post.rule.folder / "done" / "a.jpg").exists()


async def test_what_one_workflow_bought_stays_bought_when_the_rule_gets_another(studio: Studio) -> None:
    name: dict[str, Any] = {"name": "boots"}
    async with watching(studio, **name, workflow="Export only") as post:
        post.drop("a.jpg", 1)
        await post.all_done(1)
    async with watching(studio, **of_both(**name)) as post:
        await post.until(lambda: post.row.begun)
        post.drop("b.jpg", 1)
        await post.all_done(3)
    assert {*bought(studio).values()} == {1}
    assert {flow for _, flow in bought(studio)} == {studio.workflows[one].id for one in BOTH}
    async with watching(studio, **name, workflow="Ghost Mannequin") as post:
        post.drop("c.jpg", 1)
        await post.all_done(4)
    assert len(studio.simulator.ledger) == 2
    last, by_ghost = studio.jobs()[-1], studio.jobs()[2]
    assert last.results[0].digest == by_ghost.results[0].digest, "of two that were bought, the copy is of its own"
    studio.check()


async def test_the_result_of_a_workflow_is_never_given_as_that_of_the_one_that_takes_its_place(studio: Studio) -> None:
    """A photo of the same content lands under another name, and lies there with another time."""
    name: dict[str, Any] = {"name": "boots"}
    async with watching(studio, **name, workflow="Export only") as post:
        photo = post.drop("a.jpg", 1)
        await post.all_done(1)
    async with watching(studio, **name, workflow="Ghost Mannequin") as post:
        await post.until(lambda: post.row.begun)
        os.utime(photo, (1e9, 1e9))
        post.drop("again.jpg", 1)
        await post.all_done(2)
        post.drop("once more.jpg", 1)
        await post.all_done(3)
    first, other, copy = studio.jobs()
    assert bought(studio) == {(first.digest, studio.workflows[one].id): 1 for one in ("Export only", "Ghost Mannequin")}
    assert other.execution != first.execution
    assert copy.twin_of == other.id
    assert copy.results[0].digest == other.results[0].digest
    studio.check()


async def test_a_new_version_of_a_workflow_buys_nothing_again(studio: Studio) -> None:
    async with watching(studio, **of_both()) as post:
        post.drop("a.jpg", 1)
        await post.all_done(2)
    ghost = studio.workflows["Ghost Mannequin"]
    studio.simulator.switch({"price": {ghost.id: (ghost.price or 0) - 1}})
    async with watching(studio, **of_both()) as post:
        await post.until(lambda: post.row.workflows[1] == ("Ghost Mannequin", (ghost.price or 0) - 1))
        post.drop("again.jpg", 1)
        *_, copy = await post.all_done(4)
    assert {*bought(studio).values()} == {1}
    assert len(bought(studio)) == 2
    assert "Ghost Mannequin was another version then: `artui redo 4` buys it anew" in copy.message
    studio.check()


async def test_where_the_result_of_one_is_gone_only_that_is_fetched_anew(studio: Studio) -> None:
    async with watching(studio, **of_both()) as post:
        photo = post.drop("a.jpg", 1)
        await post.all_done(2)
        (studio.out / "a-Export only.png").unlink()
        os.utime(photo, (1e9, 1e9))
        await post.all_done(3)
    assert studio.jobs()[-1].workflow_name == "Export only"
    assert len(studio.simulator.ledger) == 2
    assert results(studio) == ["a-Export only.png", "a-Ghost Mannequin.png"]


async def test_a_sample_is_of_photos(studio: Studio) -> None:
    post = post_at(studio, **of_both(sample=1))
    for seed in (1, 2):
        post.drop(f"{seed}.jpg", seed)
    await studio.start()
    post.start()
    try:
        await post.until(lambda: Counter(job.status for job in studio.jobs()) == {Status.DONE: 2, Status.HELD: 2})
    finally:
        await post.stop()
    assert len({job.source for job in studio.jobs() if job.status is Status.DONE}) == 1


async def test_a_chain_takes_the_results_of_all(studio: Studio) -> None:
    middle = studio.folder / "mid"
    cut = rule_for(studio, **of_both(name="both", output=str(middle)))
    last = {"name": "last", "folder": str(middle), "after_rule": "both", "workflow": "Print Master"}
    ghost = rule_for(studio, **last)
    for rule in (cut, ghost):
        rule.folder.mkdir(exist_ok=True)
    watcher = Watcher(studio.journal, [cut, ghost], offers_of(studio), dt.UTC, lambda _: None)
    stopping = asyncio.Event()
    await studio.start()
    running = asyncio.create_task(watcher.run(stopping))
    try:
        land(studio.folder, cut.folder / "a.jpg", 1)
        await studio.until(lambda: [job.status for job in studio.jobs()] == [Status.DONE] * 4)
    finally:
        stopping.set()
        await running
    assert len(bought(studio)) == 4
    assert results(studio) == ["a-Export only.tif", "a-Ghost Mannequin.tif"]
    studio.check()


# ------------------------------------------------------------------------------------------------------- the settings


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('workflows = ["a", "A"]', "workflows names one twice"),
        ("workflows = []", "workflows names none"),
        ('workflow = "b"\nworkflows = ["a", "c"]', "workflow and workflows both say where photos are sent"),
        ('workflows = "a"', "must be a list of texts"),
    ],
)
def test_workflows_that_cannot_be_are_refused_by_their_line(more: str, said: str) -> None:
    where = paths()
    where.create()
    rule = f'[[watch]]\nfolder = "/in"\noutput = "/out"\nexisting = "ignore"\n{more}\n'
    text = f'[accounts.studio]\nprovider = "autoretouch"\n{rule}'
    where.config_file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_rules(load(where))
    assert said in str(refused.value)
    assert f"line {text[: text.index('workflows')].count(chr(10)) + 1}" in str(refused.value)


def configure(desk: Desk, more: str = "") -> None:
    own = paths().config_file
    rule = written("boots", desk.inbox, desk.out, more=more).replace('workflow = "Export only"\n', "")
    own.write_text(f"{own.read_text()}{rule}workflows = {json.dumps(BOTH)}\n")


def test_a_dry_run_names_each_result_and_the_sum(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    configure(desk)
    price = sum(desk.workflow(name)["price"] for name in BOTH)
    said = desk("watch", "--dry-run")
    names = [desk.out / f"a-{name}" for name in BOTH]
    assert f"a.jpg: taken, {price} credits, saved as {names[0]} and {names[1]}" in said.out
    [document] = desk("watch", "--dry-run", "--json").json
    assert (document["price"], document["outputs"]) == (price, [str(name) for name in names])
    assert desk("config", "check").code == 0
    # Bought by hand before for one of the two: only the other is paid.
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.folder / "hand", "--yes", "--wait")
    [document] = desk("watch", "--dry-run", "--json").json
    assert document["price"] == desk.workflow("Ghost Mannequin")["price"]


def test_several_workflows_are_named_on_the_command_line(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    asked = ("watch", str(desk.inbox), "-w", BOTH[0], "-w", BOTH[1], "-o", str(desk.out), "--once", "--yes")
    assert subprocess.run([sys.executable, "-m", "artui", *asked], check=False, timeout=60).returncode == 0
    assert sorted(path.name for path in desk.out.iterdir()) == [f"a-{name}.png" for name in BOTH]


def test_two_names_of_one_workflow_are_refused(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    said = desk("watch", desk.inbox, "-w", BOTH[0], "-w", desk.workflow(BOTH[0])["id"], "-o", desk.out, "--dry-run")
    assert said.code == 2
    assert "are one workflow: name it once" in said.err
