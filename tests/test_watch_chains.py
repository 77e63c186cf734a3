"""Chains of rules: one takes the results of another, by its name, and no others; loops and misfits are refused."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from artui.config import ConfigError, load, paths
from artui.credentials import Vault
from artui.model.capabilities import Accepts, Limits
from artui.model.states import Status
from artui.model.watching import Skip
from artui.providers import open_provider
from artui.watch.offers import ServiceOffers
from artui.watch.rules import followers, load_rules, refuse_conflicts
from artui.watch.watcher import Watcher
from tests.desk import Desk
from tests.studio import Studio
from tests.watch_post import land, offers_of, rule_for, written


def charges(studio: Studio) -> int:
    return len(studio.simulator.ledger)


def chain(studio: Studio, **second: Any) -> list[Any]:
    cut = rule_for(
        studio, name="cutout", output=str(studio.folder / "mid"), workflow=studio.workflows["Export only"].id
    )
    ghost = {"folder": str(studio.folder / "mid"), "workflow": studio.workflows["Ghost Mannequin"].id}
    return [cut, rule_for(studio, **{"name": "ghost", "after_rule": "cutout", **ghost, **second})]


@asynccontextmanager
async def watching(studio: Studio, found: list[Any]) -> AsyncIterator[None]:
    refuse_conflicts(found)
    for rule in found:
        rule.folder.mkdir(exist_ok=True)
    watcher, stopping = Watcher(studio.journal, found, offers_of(studio), dt.UTC, lambda _: None), asyncio.Event()
    if studio.engine is None:
        await studio.start()
    running = asyncio.create_task(watcher.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


async def test_each_result_goes_once_through_the_rule_that_follows(studio: Studio) -> None:
    before = charges(studio)
    cut, ghost = found = chain(studio)
    async with watching(studio, found):
        land(studio.folder, cut.folder / "a.jpg", 1)
        land(studio.folder, cut.folder / "copy of a.jpg", 1)
        done = {Status.DONE, Status.SKIPPED}
        await studio.until(lambda: len(studio.jobs()) == 4 and {job.status for job in studio.jobs()} <= done)
    assert charges(studio) - before == 2, "each recipe once, for the copy nothing"
    assert len(list(studio.out.iterdir())) == 2
    made = {(job.rule, job.source.parent) for job in studio.jobs()}
    assert made == {(cut.id, cut.folder), (ghost.id, cut.target.folder)}
    studio.check()


async def test_it_takes_the_results_of_no_other_rule_and_of_nobody_else(studio: Studio) -> None:
    cut, ghost = found = chain(studio)
    other = rule_for(studio, name="other", folder=str(studio.folder / "o"), output=str(studio.folder / "o out"))
    async with watching(studio, [*found, other]):
        land(studio.folder, other.folder / "b.jpg", 2)
        by_hand = land(studio.folder, studio.folder / "h" / "h.jpg", 9)
        await studio.add([by_hand], folder=studio.folder / "hand", workflow="Export only")
        land(studio.folder, cut.folder / "own.jpg", 5)
        await studio.until(lambda: [job.status for job in studio.jobs()] == [Status.DONE] * 4)
        paid = charges(studio)
        for job in (one for one in studio.jobs() if one.rule not in (cut.id, ghost.id)):
            (path,) = [Path(result.path) for result in job.results if result.path]
            path.rename(ghost.folder / f"strange {job.id}{path.suffix}")

        def refused() -> list[str]:
            asked = "SELECT reason FROM seen WHERE rule = ?"
            return [str(reason) for (reason,) in studio.journal.read(lambda db: list(db.execute(asked, (ghost.id,))))]

        await studio.until(lambda: refused().count(Skip.RESULT) == 2)
        assert [job.source.stem for job in studio.jobs() if job.rule == ghost.id] == ["own"]
    assert charges(studio) == paid


# ------------------------------------------------------------------------------------------------------------ refusals

A, B, C = (f'[[watch]]\nname = "{one}"\nfolder = "/{one}"\nworkflow = "w"\nexisting = "ignore"\n' for one in "abc")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (A + 'output = "/b"\n' + B + 'output = "/c"\nafter_rule = "aa"\n', "no rule of that name; did you mean a"),
        (A + 'output = "/x"\n' + B + 'output = "/c"\nafter_rule = "a"\n', "its results go to /x, which the folder /b"),
        (A + 'output = "/b/{date}"\n' + B + 'output = "/c"\nafter_rule = "a"\n', "say recursive = true"),
        (
            A + 'output = "/b"\nafter_rule = "c"\n' + B + 'output = "/c"\nafter_rule = "a"\n'
            + C + 'output = "/a"\nafter_rule = "b"\n', "rules (a > b > c > a): they would be sent again",
        ),
        (A + 'output = "/b"\nafter_rule = "a"\n', "its results go to /b, which the folder /a does not hold"),
    ],
)  # fmt: skip
def test_a_chain_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configured(text)
    assert said in str(refused.value)


def test_a_chain_of_three_is_read() -> None:
    text = A + 'output = "/b"\n' + B + 'output = "/c"\nafter_rule = "a"\n' + C + 'output = "/d"\nafter_rule = "b"\n'
    found = configured(text)
    assert [[one.name for one in followers(rule, found)] for rule in found] == [["b", "c"], ["c"], []]


def configured(text: str) -> Any:
    where = paths()
    where.create()
    where.config_file.write_text('[accounts.studio]\nprovider = "autoretouch"\n' + text)
    return load_rules(load(where))


def test_both_prices_are_shown_before_anything_is_sent(desk: Desk) -> None:
    middle = desk.folder / "mid"
    middle.mkdir()
    desk.photo("a.jpg", 3)
    first, second = (desk.workflow(name)["price"] for name in ("Export only", "Ghost Mannequin"))
    own = paths().config_file
    own.write_text(
        own.read_text() + written("cutout", desk.inbox, middle)
        + written("ghost", middle, desk.out, "Ghost Mannequin", 'after_rule = "cutout"')
    )  # fmt: skip
    said = desk("watch", "--dry-run")
    assert f"a.jpg: taken, {first} credits, then {second} credits by the rule ghost, saved as" in said.out
    assert f"1 of 1 new file would be taken: at most {first + second:,}" in said.err
    # Bought by hand before: its copy costs nothing, and what the next rule makes of that does.
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.folder / "hand", "--yes", "--wait")
    assert f"at most {second:,}" in desk("watch", "--dry-run").err
    desk.photo("a.jpg", 30)
    [document] = desk("watch", "--dry-run", "--json").json
    assert (document["price"], document["then"]) == (first, [{"rule": "ghost", "price": second}])


async def test_a_result_that_the_next_service_does_not_take_is_told_before_paying(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = paths().config_file
    own.write_text(
        own.read_text() + written("cutout", studio.inbox, studio.folder / "mid")
        + written("ghost", studio.folder / "mid", studio.out, more='after_rule = "cutout"')
    )  # fmt: skip
    config = load()
    first, second = load_rules(config)
    offers = ServiceOffers(config, lambda name: open_provider(config, config.accounts[name], Vault(config.paths)))
    accepts = Accepts(frozenset({"image/jpeg"}))
    monkeypatch.setattr(offers, "limits", lambda rule: Limits(accepts, 1))
    try:
        with pytest.raises(ConfigError, match=r"results of the rule cutout are image/png \(Export only\), which"):
            await offers.ask(first)
        assert (await offers.ask(second)).workflow.name == "Export only"
    finally:
        await offers.close()
