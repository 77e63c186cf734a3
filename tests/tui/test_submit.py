"""The Submit screen: picking, verdicts, a sum that only falls, the question, what is in the journal after a yes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from artui.core.plan import Plan, Planner, SourceFile, Target, new_job
from artui.files import decoding, inspect
from artui.journal import Connection, jobs, requests
from artui.model.job import Batch, Result
from artui.model.states import Reason, Stage, Status
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator
from artui.tui.dialogs import Question
from artui.tui.submit import Submit
from artui.tui.submit.batches import Batching, Split, label_of
from artui.tui.submit.marks import LineKind, Marks, Sum
from artui.tui.submit.ordering import marked_line, target_of
from tests import retagged
from tests.damaged import holey_photo
from tests.studio import configure
from tests.tui.desk import Desk, at_desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos, others, and a folder below; the console begins there."""
    folder = tmp_path / "boots"
    for number in range(3):
        photo(folder / f"IMG_{number:04}.jpg", number)
    photo(folder / "details" / "heel.jpg", 8)
    photo(folder / "details" / "sole.jpg", 9)
    (folder / "notes.txt").write_text("notes")
    (folder / ".hidden.jpg").write_bytes(b"x")
    monkeypatch.chdir(folder)
    return folder


def photo(path: Path, seed: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    noise_jpeg(path, 20_000, seed)
    return path


def submit(desk: Desk) -> Submit:
    place = desk.console.place
    assert isinstance(place, Submit)
    return place


def screen(desk: Desk) -> str:
    return "\n".join(desk.lines())


@asynccontextmanager
async def submitting(size: tuple[int, int] = (80, 24), **given: Any) -> AsyncIterator[Desk]:
    async with at_desk(size, **given) as desk:
        await desk.press("2")
        await desk.until(lambda: submit(desk).chooser.files.items)
        yield desk


@asynccontextmanager
async def signed_in(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, out: Path, size: tuple[int, int] = (80, 24), more: str = ""
) -> AsyncIterator[Desk]:
    """The screen with an account at the stand-in and its workflow chosen."""
    lines = f'workflow = "Ghost Mannequin"\noutput = "{out}"\n{more}'
    configure(stand_in, monkeypatch, more=lines)
    async with submitting(size) as desk:
        await desk.until(lambda: submit(desk).planner)
        yield desk


def all_jobs(desk: Desk) -> list[Any]:
    return desk.console.journal.read(jobs.select, "1 ORDER BY id")


async def test_without_an_account_files_can_be_looked_at(boots: Path) -> None:
    (boots / "cut.jpg").write_bytes((boots / "IMG_0000.jpg").read_bytes()[:9000])
    os.utime(boots / "cut.jpg", (1, 1))
    async with submitting() as desk:
        await desk.sees("cut off, refused", "not a photo", "ready", "2 photos", "sending needs an account: 5")
        assert ".hidden" not in screen(desk)
        await desk.press("a", "s")
        await desk.sees("3 marked = 3 not checked yet", "marked 3 in 1 folder")
        assert not isinstance(desk.console.screen, Question)


async def test_a_folder_is_marked_with_all_below_it(boots: Path) -> None:
    async with submitting() as desk:
        await desk.sees("details/", "2 photos")
        await desk.press("space")
        await desk.sees("[x]  details/", "2 of 2 marked")
        await desk.press("up", "right")
        await desk.sees("[x]  heel.jpg", "[x]  sole.jpg")
        await desk.press("down", "space", "left")
        await desk.sees("[~]  details/", "1 of 2 marked")
        await desk.press("v")
        await desk.sees("marked only", "details/")
        await desk.press("escape")
        await desk.sees("IMG_0002.jpg")


async def test_patterns_ranges_and_filters_mark_what_is_shown(boots: Path) -> None:
    async with submitting() as desk:
        await desk.press("plus", *["backspace"] * 5, *"*1.JPG", "enter")
        await desk.until(lambda: len(submit(desk).chooser.marks) == 1)
        await desk.press("end", "up", "up", "V", "down", "V")
        await desk.until(lambda: len(submit(desk).chooser.marks) == 2)
        await desk.press("slash", *"0000", "enter", "a")
        await desk.sees("shown 1 of 4")
        assert len(submit(desk).chooser.marks) == 3
        await desk.press("escape")
        await desk.sees("shown 4 of 4")
        await desk.press("minus", *["backspace"] * 5, *"*1.JPG", "enter")
        await desk.until(lambda: len(submit(desk).chooser.marks) == 2)


async def test_a_typed_path_is_completed_and_recent_folders_are_offered(boots: Path) -> None:
    async with submitting() as desk:
        await desk.press("tilde", *"det")
        await desk.until(lambda: desk.console.screen.query_one(Input)._suggestion.endswith("details/"))
        await desk.press("tab", "enter")
        await desk.sees("heel.jpg")
        await desk.press("a", "left", "R")
        await desk.sees("Folders used before")
        await desk.press("enter")
        await desk.sees("sole.jpg")


async def test_a_whole_path_takes_the_place_of_the_folder_offered(boots: Path) -> None:
    async with submitting() as desk:
        await desk.press("tilde", *f"{boots}/details", "enter")
        await desk.sees("heel.jpg")
        await desk.press("tilde", *"../", "enter")
        await desk.sees("IMG_0002.jpg")
        await desk.press("tilde", *"~/x")
        assert desk.console.screen.query_one(Input).value == "~/x"


async def test_an_empty_folder_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path / "none")
    async with submitting() as desk:
        await desk.sees("No photos in", "(0 folders, 0 other files).", "~ types a path")


async def test_what_is_marked_is_sent_at_the_price_that_was_shown(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        price = submit(desk).order.each
        await desk.press("a", "space")
        await desk.sees("Ghost Mannequin", f"{price} cr each", "checked 5 of 5")
        await desk.until(lambda: submit(desk).total.to_send == 5)
        assert f"{5 * price:,} cr" in screen(desk)
        assert "AT MOST" not in screen(desk)
        await desk.press("s")
        await desk.sees("Send 5 photos to Ghost Mannequin", f"At most {5 * price:,} cr", "Account studio, ")
        await desk.press("enter")
        await desk.until(lambda: desk.console.screen is desk.console.screen_stack[0])
        assert all_jobs(desk) == []
        await desk.press("s")
        await desk.sees("n  not now", "y  send")
        await desk.press("down", "enter")
        await desk.sees("enter never spends")
        await desk.press("y")
        await desk.until(lambda: len(all_jobs(desk)) == 5)
        assert {job.quoted for job in all_jobs(desk)} == {price}
        assert {(job.folder, job.stem) for job in all_jobs(desk)} == {
            (tmp_path / "out", "IMG_0000"), (tmp_path / "out", "IMG_0001"), (tmp_path / "out", "IMG_0002"),
            (tmp_path / "out" / "details", "heel"), (tmp_path / "out" / "details", "sole"),
        }  # fmt: skip
        assert {job.labels["sku"] for job in all_jobs(desk)} == {"boots", "details"}
        assert all("autoretouch_batch_id" in job.labels for job in all_jobs(desk))
        await desk.until(lambda: desk.console.place.id == "jobs")
        await desk.press("2", "a")
        await desk.sees("3 done before", "queued before", "0 to send")
        await desk.press("s")
        await desk.sees("nothing to send, nothing to pay")


async def test_several_workflows_are_one_order_with_one_question(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        await desk.press("w")
        await desk.sees("Which workflow?", "tab marks it, for several")
        await desk.press(*"export only", "tab", *["backspace"] * 11, *"mannequin", "tab", "enter")
        await desk.until(lambda: len(submit(desk).order.choices) == 2)
        prices = {one.workflow.name: one.workflow.price for one in submit(desk).order.choices}
        both = sum(prices.values())
        await desk.press("a")
        await desk.until(lambda: submit(desk).total.checked == 3)
        await desk.sees(f"{both} cr each", "3 to send (6 results)", f"{3 * both:,} cr", "{stem}-{workflow}")
        await desk.press("s")
        await desk.sees(
            "Send 3 photos to", f"At most {3 * both:,} cr", f"Export only 3: {3 * prices['Export only']} cr"
        )
        await desk.press("y")
        await desk.until(lambda: len(all_jobs(desk)) == 6)
        assert {(job.workflow_name, job.quoted) for job in all_jobs(desk)} == {*prices.items()}
        stems = {job.stem for job in all_jobs(desk)}
        assert stems == {f"IMG_000{number}-{name}" for number in range(3) for name in prices}
        assert len({job.batch for job in all_jobs(desk)}) == 1
        await desk.until(lambda: desk.console.place.id == "jobs")
        await desk.press("2", "w", *"print", "enter")
        await desk.until(lambda: [one.workflow.name for one in submit(desk).order.choices] == ["Print Master"])


@pytest.mark.parametrize(
    ("total", "said"),
    [
        (Sum(33, 33, open=33), "33 marked = 33 not checked yet"),
        (Sum(33, 30, refused=3, open=30), "33 marked = 0 to send + 3 refused + 30 not checked yet"),
        (Sum(23, 22, 1, open=10, sends={("a", Path()): 22, ("b", Path()): 22}),
         "23 marked = 12 to send + 1 done before + 10 not checked yet"),
        (Sum(33, 30, refused=3, sends={("a", Path()): 30}), "33 marked = 30 to send + 3 refused"),
        (Sum(2, 2, sends={("a", Path()): 2, ("b", Path()): 2}), "2 marked = 2 to send (4 results)"),
    ],
)  # fmt: skip
def test_what_is_not_checked_yet_is_not_said_to_be_sent(total: Sum, said: str) -> None:
    assert marked_line(total) == said


async def test_the_sum_only_falls(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    for number in range(30):
        (boots / f"copy {number}.jpg").write_bytes((boots / "IMG_0000.jpg").read_bytes())
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        seen: list[tuple[int, int]] = []
        place = submit(desk)
        draw = place.draw

        def watched() -> None:
            seen.append((place.total.marked, place.total.to_send))
            draw()

        monkeypatch.setattr(place, "draw", watched)
        await desk.press("a")
        await desk.until(lambda: place.total.marked == 33 and not place.total.open)
        sums = [to_send for marked, to_send in seen if marked == 33]
        assert sums == sorted(sums, reverse=True)
        assert sums[-1] == 3
        await desk.sees("3 to send + 30 same photo")


async def test_a_price_that_moves_sends_nothing_and_is_asked_about_by_the_key_that_sends(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    from artui.tui.submit import sending

    renew = sending.renew
    asked: list[int] = []

    async def dearer(*given: Any) -> Any:
        order = await renew(*given)
        asked.append(1)
        if len(asked) > 1:
            from dataclasses import replace

            [choice] = order.choices
            order = replace(order, choices=(replace(choice, workflow=replace(choice.workflow, price=12)),))
        return order

    monkeypatch.setattr(sending, "renew", dearer)
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        await desk.press("a")
        await desk.until(lambda: submit(desk).total.checked == 3)
        await desk.press("s")
        await desk.sees("y  send")
        await desk.press("y")
        await desk.until(lambda: "Nothing was sent; s shows what holds now" in submit(desk).said)
        assert re.match(r"Ghost Mannequin.* now costs 12, not \d+\. Nothing was sent", submit(desk).said)
        assert desk.console.screen is desk.console.screen_stack[0]
        assert all_jobs(desk) == []
        await desk.press("s")
        await desk.sees("At most 36 cr")
        assert "·" not in screen(desk)
        await desk.press("y")
        await desk.until(lambda: len(all_jobs(desk)) == 3)
        assert {job.quoted for job in all_jobs(desk)} == {12}


async def test_batches_labels_and_a_sample(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        await desk.press("b", "f")
        await desk.press("b", "s", "1", "enter")
        await desk.press("b", "k", *"x-{stem}", "enter")
        await desk.sees("one per folder", "first 1, then ask", "sku=x-{stem}")
        await desk.press("a", "space")
        await desk.until(lambda: submit(desk).total.checked == 5)
        await desk.press("s")
        await desk.sees("The first 1 of each batch go ahead; 3 wait for your yes.", "2 batches.")
        await desk.press("y")
        await desk.until(lambda: len(all_jobs(desk)) == 5)
        held = [job for job in all_jobs(desk) if job.status is Status.HELD]
        assert [job.reason for job in held] == [Reason.SAMPLE] * 3
        assert len({job.batch for job in all_jobs(desk)}) == 2
        assert {job.labels["sku"] for job in all_jobs(desk)} >= {"x-heel", "x-sole"}
        await desk.press("2")
        await desk.sees("wait: y")
        await desk.press("y")
        await desk.sees("Send the other", "0 of 1 have come", "enter finish...  esc leave")
        await desk.press("y", "enter")
        await desk.sees("n  later")
        assert desk.requests() == []
        await desk.press("x")
        await desk.until(desk.requests)
        (request,) = desk.console.journal.read(requests.pending)
        assert (request.what, request.arguments["yes"]) == ("approve", False)


async def test_a_workflow_is_chosen_by_words_and_prices_follow(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    configure(stand_in, monkeypatch)
    async with submitting() as desk:
        await desk.sees("w chooses one and shows its price")
        await desk.press("a")
        await desk.sees("w chooses the workflow: then its price is known")
        await desk.press("s")
        await desk.sees("Which workflow?")
        await desk.until(lambda: submit(desk).order.standing)
        await desk.press("w")
        await desk.sees("Which workflow?", "up and down move")
        await desk.press(*"export only", "enter")
        await desk.sees("Export only", "10 cr each", "30 cr")


async def test_a_file_that_changes_after_its_check_is_not_sent(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        await desk.press("a")
        await desk.until(lambda: submit(desk).total.checked == 3)
        photo(boots / "IMG_0001.jpg", 77)
        await desk.press("s")
        await desk.sees("1 photo changed meanwhile", "Nothing was sent")
        assert all_jobs(desk) == []


async def test_a_file_marked_by_itself_is_named_and_one_marked_with_others_is_not(boots: Path) -> None:
    async with submitting() as desk:
        await desk.press("a")
        await desk.until(lambda: len(submit(desk).chooser.marks) == 3)
        assert not any(found.is_named for found in submit(desk).chooser.marks.found())
        await desk.press("a", "down", "space")
        await desk.until(lambda: len(submit(desk).chooser.marks) == 1)
        assert [found.is_named for found in submit(desk).chooser.marks.found()] == [True]
        await desk.press("a")
        await desk.until(lambda: len(submit(desk).chooser.marks) == 3)
        assert sum(found.is_named for found in submit(desk).chooser.marks.found()) == 1


async def test_a_suspect_photo_is_sent_only_where_it_was_marked_by_itself(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(decoding, "can_decode", lambda _: False)
    holey_photo(boots / "IMG_0000.jpg")
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        await desk.press("a")
        await desk.until(lambda: submit(desk).total.checked == submit(desk).total.marked)
        await desk.sees("suspect, not sent")
        submit(desk).chooser.put_marks([boots / "IMG_0000.jpg"], on=True, top=boots)  # with others, before it was known
        await desk.until(lambda: (submit(desk).total.to_send, submit(desk).total.refused) == (2, 1))
        await desk.press("s")
        await desk.sees("Send 2 photos", "1 refused and left out")
        await desk.press("n")
        submit(desk).chooser.put_marks([boots / "IMG_0000.jpg"], on=False)
        chooser = submit(desk).chooser
        chooser.files.put_items(chooser.files.items, at=boots / "IMG_0000.jpg")
        await desk.press("space")
        await desk.until(lambda: submit(desk).total.to_send == 3)
        await desk.press("s")
        await desk.sees("Send 3 photos", "1 photo may not be whole, and sent by your word: IMG_0000.jpg")


async def test_a_photo_with_new_metadata_is_bought_anew_only_where_it_was_marked_by_itself(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    async with signed_in(stand_in, monkeypatch, tmp_path / "out") as desk:
        bought = boots / "IMG_0000.jpg"
        desk.console.journal.write(done_before, submit(desk).planner.planners[0], bought)
        bought.write_bytes(retagged.rated(bought.read_bytes()))
        submit(desk).chooser.checks.forget([bought])
        await desk.press("a")
        await desk.until(lambda: submit(desk).total.checked == submit(desk).total.marked == 3)
        await desk.sees("new metadata, unsent", "1 done before")
        assert submit(desk).total.to_send == 2
        await desk.press("s")
        await desk.sees("Send 2 photos", "1 was bought before, only its metadata changed: not sent.")
        await desk.press("n")
        chooser = submit(desk).chooser
        chooser.put_marks([bought], on=False)
        chooser.files.put_items(chooser.files.items, at=bought)
        await desk.sees("Bought as job 1, only its metadata changed. A mark buys it anew.")
        await desk.press("space")
        await desk.until(lambda: submit(desk).total.to_send == 3)
        await desk.sees("buy it anew?")
        await desk.press("s")
        await desk.sees("Send 3 photos", "1 photo with new metadata bought anew, by your word: IMG_0000.jpg.")
        await desk.press("y")
        await desk.until(lambda: len(all_jobs(desk)) == 4)
        assert [job.copy for job in all_jobs(desk) if job.source == bought] == [0, 1]


def done_before(db: Connection, planner: Planner, path: Path) -> None:
    """Have a photo be bought and saved."""
    photo = inspect(path, planner.offer.limits.accepts, hashed=True)
    [planned] = planner.renamed(
        Plan(planner.offer, planner.target, (planner.judged(SourceFile(path, path.parent), replace(photo, digest="")),))
    ).photos
    [number] = jobs.add(db, None, [replace(new_job(planner.offer, planned, Batch("", "", "", 0.0)), batch=None)])
    job = jobs.get(db, number)
    assert job
    job = jobs.move(db, job, job.stage, Status.RUNNING, "taken")
    job = jobs.check_in(
        db, job, digest=photo.digest, picture=photo.picture, media_type=photo.media_type, width=1, height=1
    )
    result = Result("x", path=str(path))  # it lies somewhere
    jobs.move(db, job, Stage.SAVED, Status.DONE, "saved", results=(result,))


@pytest.mark.usefixtures("byte_names")
async def test_hostile_names_stay_in_their_cells(boots: Path) -> None:
    names = [
        b"a\x1b[31m.jpg",
        b"[bold]b.jpg",
        b"[@click=app.bell]c.jpg",
        b"d\xff.jpg",
        "e\u202egpj.jpg".encode(),
        b"f\n.jpg",
    ]
    for seed, name in enumerate(names):
        photo(boots / os.fsdecode(name), 20 + seed)
    async with submitting() as desk:
        await desk.sees(r"a\x1b[31m.jpg", "[bold]b.jpg", "[@click=app.bell]c.jpg", r"d\xff.jpg", r"f\n.jpg")
        for line in desk.lines():
            assert line.isprintable()
        await desk.press("a", "s", "v", "enter")
        await desk.sees("SHA-256")


async def test_readonly_takes_the_sending_away(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    configure(stand_in, monkeypatch)
    async with submitting(readonly=True) as desk:
        assert "send..." not in screen(desk)
        await desk.press("a", "s", "y")
        await desk.sees("3 marked")
        assert submit(desk).said == ""


async def test_thousands_of_files_stay_smooth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool) -> None:
    count = 10_000 if long else 3_000
    folder = tmp_path / "many"
    first = photo(folder / "IMG_00000.jpg", 1)
    for number in range(1, count):
        os.link(first, folder / f"IMG_{number:05}.jpg")
    monkeypatch.chdir(folder)
    async with submitting() as desk:
        await desk.press("a")
        await desk.until(lambda: len(submit(desk).chooser.marks) == count)
        times = []
        for _ in range(20):
            begin = time.process_time()
            await desk.press("down")
            times.append(time.process_time() - begin)
        assert sorted(times)[10] < 0.2


def test_every_so_many_photos_make_a_batch() -> None:
    found = [SourceFile(Path(f"/srv/boots/{number}.jpg"), Path("/srv/boots")) for number in range(5)]
    names = Batching(Split.EVERY, every=2).names(found, 0.0)
    assert [name.partition(" of ")[0] for name in names.values()] == ["boots 1"] * 2 + ["boots 2"] * 2 + ["boots 3"]


def test_a_label_with_an_unknown_placeholder_is_refused() -> None:
    file = SourceFile(Path("/srv/boots/heel/1.jpg"), Path("/srv/boots"))
    assert label_of("{folder}-{relative}-{stem}", file) == "heel-heel-1"
    with pytest.raises(ValueError, match=r"unknown \{nope\}"):
        label_of("{nope}", file)


def test_an_output_may_name_a_folder_or_a_template() -> None:
    assert target_of("/out") == Target(Path("/out"), "{relative}/{stem}")
    assert target_of("/out/{date}/{stem}{ext}") == Target(Path("/out"), "{date}/{stem}")
    assert target_of("/out/{sku}-{n}") == Target(Path("/out"), "{sku}-{n}")
    assert target_of("/out/{date}") == Target(Path("/out"), "{date}/{relative}/{stem}")
    assert target_of("/out/{relative}") == Target(Path("/out"), "{relative}/{stem}")


async def test_an_account_may_have_a_folder_for_each_folder_of_photos(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, boots: Path, tmp_path: Path
) -> None:
    async with signed_in(stand_in, monkeypatch, tmp_path / "out" / "{relative}") as desk:
        await desk.press("a", "space")
        await desk.until(lambda: submit(desk).total.to_send == 5)
        await desk.press("s")
        await desk.sees("Send 5 photos")
        await desk.press("y")
        await desk.until(lambda: len(all_jobs(desk)) == 5)
        assert {(job.folder, job.stem) for job in all_jobs(desk)} == {
            (tmp_path / "out", "IMG_0000"), (tmp_path / "out", "IMG_0001"), (tmp_path / "out", "IMG_0002"),
            (tmp_path / "out" / "details", "heel"), (tmp_path / "out" / "details", "sole"),
        }  # fmt: skip


async def test_what_is_dropped_is_marked_and_taken_back(boots: Path, tmp_path: Path) -> None:
    async with submitting() as desk:
        chooser = submit(desk).chooser

        def paste(text: str) -> None:
            desk.console.post_message(events.Paste(text))

        paste(f"'{boots}/IMG_0000.jpg' {boots}/notes.txt {boots}/IMG_0001.jpg ")
        await desk.until(lambda: len(chooser.marks) == 2)
        assert not any(map(chooser.marks.is_alone, chooser.marks))
        paste(f"file://{boots}/details\n")
        await desk.until(lambda: len(chooser.marks) == 4)
        assert chooser.folder == boots / "details"
        paste("these are\nno paths")
        paste(str(boots / "IMG_0002.jpg"))
        await desk.until(lambda: chooser.marks.is_alone(boots / "IMG_0002.jpg"))
        for left in (4, 2, 0, 0):
            await desk.press("u")
            await desk.until(lambda left=left: len(chooser.marks) == left)
        await desk.press("slash")
        paste(str(boots))
        await desk.sees(str(boots)[:30])
        assert not chooser.marks, "what is pasted into an input is typed"


async def test_the_list_is_narrowed_by_sku_and_verdict_and_sorted(boots: Path) -> None:
    (boots / "cut.jpg").write_bytes((boots / "IMG_0000.jpg").read_bytes()[:9000])
    os.utime(boots / "cut.jpg", (1e9, 1e9))
    async with submitting() as desk:
        files = submit(desk).chooser.files

        def names() -> list[str]:
            return [item.path.name for item in files.items if item.kind is LineKind.FILE]

        await desk.press("slash", *"status:refused", "enter")
        await desk.until(lambda: names() == ["cut.jpg"])
        await desk.press("escape", "slash", *"sku:boots type:jpg", "enter")
        await desk.until(lambda: len(names()) == 4)
        await desk.press("comma", "comma", "comma")
        await desk.sees("by size")
        assert names()[0] == "cut.jpg"
        await desk.press("slash", *"ghots", "enter")
        await desk.sees("match 'ghots'. esc clears the filter.")


def test_results_keep_the_folders_below_the_deepest_that_all_marked_lie_in() -> None:
    marks = Marks()
    marks.put([Path("/a/boots/left/1.jpg")], Path("/a"))
    assert [file.relative.as_posix() for file in marks.found()] == ["."]
    marks.put([Path("/a/boots/right/2.jpg")], Path("/a/boots/right"))
    assert [file.relative.as_posix() for file in marks.found()] == ["left", "right"]
    assert [file.top for file in marks.found()] == [Path("/a"), Path("/a/boots/right")], "a run is counted as before"
    marks.put([Path("/a/shirts/3.jpg")], Path("/a"))
    assert [file.relative.as_posix() for file in marks.found()] == ["boots/left", "boots/right", "shirts"]
