"""The same photo for several jobs: while the one that is to buy it is held, unpaid, another one that may go on does."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from artui.cli.exits import Exit, of_jobs
from artui.journal import rules, twins
from artui.journal.following import Scope
from artui.model.job import Batch
from artui.model.states import Reason, Status
from tests.studio import Studio


def batch(name: str, cap: int | None = None) -> Batch:
    return Batch(name, name, "studio", time.time(), cap)


async def rule(studio: Studio, name: str, **caps: int) -> None:
    await studio.journal.write_async(
        rules.load, name, name=name, folder=studio.folder / name, account="studio", twins="deliver",
        run=caps.get("run"), day=caps.get("day"), month=caps.get("month"),
    )  # fmt: skip


def same(studio: Studio, number: int) -> list[Path]:
    """The same photo under so many names."""
    [first] = studio.photos(1)
    made = [first, *(studio.inbox / f"{first.stem}-{index}.jpg" for index in range(1, number))]
    for path in made[1:]:
        shutil.copy(first, path)
    return made


async def held_by_cap(studio: Studio, photo: Path, **given: Any) -> int:
    """A photo of a rule whose cap is spent, held for it."""
    await rule(studio, "tight", day=15)
    [first] = await studio.add(studio.photos(1), rule="tight")
    await studio.start()
    await studio.until(lambda: studio.job(first).status is Status.DONE)
    [number] = await studio.add([photo], rule="tight", **given)
    await studio.until(lambda: studio.job(number).reason == Reason.CAP)
    return number


def bought(studio: Studio) -> int:
    return len(studio.simulator.ledger)


async def test_a_photo_held_by_a_rules_cap_is_bought_by_hand(studio: Studio) -> None:
    one, other = same(studio, 2)
    held = await held_by_cap(studio, one)
    [by_hand] = await studio.add([other])
    await studio.until(lambda: studio.job(by_hand).status is Status.DONE)
    await studio.until(lambda: studio.job(held).status is Status.SKIPPED)
    assert bought(studio) == 2, "the photo that spent the cap, and this one once"
    assert {path.stem for path in studio.out.iterdir()} >= {one.stem, other.stem}
    studio.check()


async def test_a_rule_with_room_buys_what_another_rules_cap_holds(studio: Studio) -> None:
    one, other, third = same(studio, 3)
    held = await held_by_cap(studio, one)
    waiting = (await studio.add([third], rule="tight"))[0]
    await rule(studio, "roomy")
    [roomy] = await studio.add([other], rule="roomy")
    await studio.until(lambda: studio.job(roomy).status is Status.DONE)
    await studio.until(lambda: all(studio.job(number).status is Status.SKIPPED for number in (held, waiting)))
    assert bought(studio) == 2
    spent = {scope: amount for (_, scope, period), amount in studio.evidence().spending.items() if period == "roomy"}
    assert spent == {"rule": 10, "rule open": 0}
    studio.check()


async def test_a_twin_that_waits_buys_when_its_buyer_comes_to_be_held(studio: Studio) -> None:
    one, other = same(studio, 2)
    await rule(studio, "tight")
    studio.fault("upload", "status:503", times=-1)
    [first] = await studio.add([one], rule="tight")
    await studio.start()
    await studio.until(lambda: studio.job(first).buys)
    [by_hand] = await studio.add([other])
    await studio.until(lambda: studio.job(by_hand).reason == Reason.TWIN)
    await studio.ask("pause rule", rule="tight")
    studio.mend()
    await studio.until(lambda: studio.job(by_hand).status is Status.DONE)
    await studio.until(lambda: studio.job(first).status is Status.SKIPPED)
    assert bought(studio) == 1
    studio.check()


async def test_a_twin_that_no_cap_has_room_for_waits_and_nothing_moves(studio: Studio) -> None:
    one, other = same(studio, 2)
    held = await held_by_cap(studio, one)
    await rule(studio, "also tight", day=5)
    [waiting] = await studio.add([other], rule="also tight")
    await studio.until(lambda: studio.job(waiting).reason == Reason.TWIN)
    seen = len(studio.evidence().events[waiting])
    await studio.ask("refresh", account="studio")
    await studio.ask("refresh", account="studio")
    assert len(studio.evidence().events[waiting]) == seen
    assert studio.job(held).reason == Reason.CAP
    assert bought(studio) == 1
    of_waiting = Scope(numbers=frozenset({waiting}))
    assert not studio.journal.read(of_waiting.moving)
    assert of_jobs(studio.journal.read(of_waiting.counts)) == Exit.CAP, "as the one it waits for"


async def test_what_gave_way_buys_again_where_the_other_ends_unpaid(studio: Studio) -> None:
    one, other = same(studio, 2)
    held = await held_by_cap(studio, one)
    studio.fault("upload", "status:503", times=-1)
    [by_hand] = await studio.add([other])
    await studio.until(lambda: studio.job(by_hand).reason == Reason.TRY_AGAIN)
    assert studio.job(held).reason == Reason.TWIN
    await studio.ask("cancel", by_hand)
    await studio.until(lambda: studio.job(by_hand).status is Status.CANCELLED)
    await studio.until(lambda: studio.job(held).reason == Reason.CAP)
    assert (studio.job(held).buys, studio.job(by_hand).buys) == (True, False)
    studio.mend()
    await studio.ask("allow", rule="tight", amount=20)
    await studio.until(lambda: studio.job(held).status is Status.DONE)
    assert bought(studio) == 2
    studio.check()


async def test_two_folders_that_cannot_be_written_do_not_pass_a_photo_to_and_fro(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = same(studio, 2)
    blocked = studio.folder / "a file"
    blocked.write_bytes(b"")
    [first] = await studio.add([one], folder=blocked / "one")
    await studio.start()
    await studio.until(lambda: studio.job(first).reason == Reason.OUTPUT)
    [second] = await studio.add([other], folder=blocked / "two")
    await studio.until(lambda: studio.job(second).reason == Reason.OUTPUT)
    await studio.ask("refresh", account="studio")
    await studio.ask("refresh", account="studio")
    assert [len(studio.evidence().happened(number, "gave way")) for number in (first, second)] == [1, 0]
    blocked.unlink()
    await studio.ask("retry", second)
    await studio.until(lambda: all(job.status in (Status.DONE, Status.SKIPPED) for job in studio.jobs()))
    assert bought(studio) == 1
    studio.check()


async def test_what_may_have_been_paid_gives_way_to_nobody(studio: Studio) -> None:
    one, other = same(studio, 2)
    studio.simulator.switch({"labels": "drop"})
    studio.fault("create", "drop_after")
    studio.fault("list", "hide", times=-1)
    [first] = await studio.add([one])
    await studio.start()
    await studio.until(lambda: studio.job(first).reason == Reason.IN_DOUBT)
    [second] = await studio.add([other])
    await studio.until(lambda: studio.job(second).reason == Reason.TWIN)
    for reason in (Reason.CAP, Reason.OUTPUT):  # whatever else holds it meanwhile
        studio.journal.write(lambda db, reason=reason: db.execute("UPDATE jobs SET reason = ? WHERE id = 1", (reason,)))
        assert not studio.journal.read(twins.gives_way, studio.job(first))
    assert studio.job(second).status is Status.HELD
    assert bought(studio) == 1
