"""The Workflows screen: from the service, from the cache, filtered, ordered, compared; with names that mean harm."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.content import Content

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, accounts, offers
from artui.providers.services.autoretouch import lists
from artui.providers.services.autoretouch import provider as autoretouch
from artui.sim.server import Simulator
from artui.tui import catalogue, workflow_words
from artui.tui.columns import Column, layout, line
from artui.tui.dialogs import TextDialog
from artui.tui.look import ASCII
from artui.tui.submit import Submit
from artui.tui.workflows import Workflows
from tests.studio import ASKING, configure
from tests.tui.desk import FAILED, QUEUED, SAVED, Desk, at_desk, fill

pytestmark = pytest.mark.anyio

PIPELINE = [
    {"type": "input", "label": "Input", "settings": {}},
    {"type": "background_removal", "label": "Background Removal", "settings": {"edge": True}},
    {"type": "shadow", "label": "Shadow", "settings": {"reflection": 0.25}},
    {"type": "export", "label": "Export", "settings": {"targetFormat": "PNG", "targetMode": "RGBA"}},
]


@pytest.fixture
def at_service(stand_in: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """An account that is signed in at the stand-in."""
    stand_in.faults.clear()
    configure(stand_in, monkeypatch)
    return stand_in


def flow(flow_id: str = "wf", name: str = "Ghost Shoes", **given: Any) -> dict[str, Any]:
    plain = {
        "id": flow_id, "version": "v1", "name": name, "price": 10, "components": PIPELINE,
        "changed_at": "2026-11-03T10:00:00Z", "author": "Robin Sample",
    }  # fmt: skip
    return plain | given


def cache(*flows: dict[str, Any], at: float | None = None) -> None:
    """Workflows as an earlier look at the service left them."""

    def write(db: Connection) -> None:
        accounts.keep_workflows(db, "studio", {one["id"]: json.dumps(one) for one in flows})
        db.execute("UPDATE workflows SET fetched_at = ?", (time.time() if at is None else at,))

    with open_journal(paths()) as journal:
        journal.write(write)


async def open_workflows(desk: Desk) -> Workflows:
    await desk.press("3")
    await desk.until(lambda: isinstance(desk.console.place, Workflows) and desk.console.place.is_mounted)
    place = desk.console.place
    assert isinstance(place, Workflows)
    return place


async def test_workflows_come_from_the_service_with_prices(at_service: Simulator) -> None:
    async with at_desk((80, 30)) as desk:
        await open_workflows(desk)
        await desk.sees("studio | 11 workflows | as of", "Ghost Mannequin", "57", "Portrait Skin")
        await desk.sees("Background Removal (")  # two share the name: the day tells them apart
        assert {len(text) for text in desk.lines()} == {80}


async def test_settings_are_fetched_when_a_workflow_is_opened(at_service: Simulator) -> None:
    async with at_desk((80, 30)) as desk:
        place = await open_workflows(desk)
        await desk.sees("Ghost Mannequin")
        await desk.press("slash", *"ghost", "enter")
        await desk.until(lambda: len(place.shown_offers) == 1)
        assert not place.shown_offers[0].has_settings
        await desk.press("enter")
        await desk.sees("targetFormat: PNG", "neck: auto", "in -> remove background -> ghost mannequin")
        await desk.press("escape", "escape", "slash", *"ghost png", "enter")
        await desk.sees("1 of 11 match 'ghost png'", "PNG with alpha | 57 cr | never")


async def test_a_list_that_is_cut_says_so(at_service: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_PAGES", 1)
    monkeypatch.setattr(autoretouch, "ENTRIES", 4)
    async with at_desk((140, 30)) as desk:
        await open_workflows(desk)
        await desk.sees("only the first 4 of 11 workflows were read")


@pytest.mark.usefixtures("configured")
async def test_offline_shows_the_cache_with_its_age_and_says_what_is_missing() -> None:
    bare = [step | {"settings": {}} for step in PIPELINE]
    cache(flow(components=bare), at=time.time() - 7200)
    async with at_desk((140, 30)) as desk:
        await open_workflows(desk)
        await desk.sees("120 min old", "studio is not signed in", "Ghost Shoes", "settings not fetched yet")
        await desk.press("enter")
        await desk.sees("Settings not fetched yet. studio is not signed in")


@pytest.mark.usefixtures("configured")
def test_settings_stay_known_while_the_version_stays() -> None:
    bare = [step | {"settings": {}} for step in PIPELINE]
    cache(flow())
    cache(flow(components=bare, price=12))
    with open_journal(paths()) as journal:
        kept = json.loads(journal.read(accounts.cached_workflow, "studio", "wf") or "")
    assert (kept["components"], kept["price"]) == (PIPELINE, 12)
    cache(flow(components=bare, version="v2"))
    with open_journal(paths()) as journal:
        kept = json.loads(journal.read(accounts.cached_workflow, "studio", "wf") or "")
    assert kept["components"] == bare


@pytest.mark.usefixtures("configured")
async def test_our_history_is_told_in_one_plain_line() -> None:
    cache(flow())
    fill(SAVED, SAVED, FAILED, QUEUED)
    with open_journal(paths()) as journal:
        journal.write(accounts.add_duration, "autoretouch|http://127.0.0.1|org", "wf", 18.0)
    async with at_desk() as desk:
        await open_workflows(desk)
        await desk.sees("Ghost Shoes")
        text = " ".join(" ".join(desk.lines()).split())
        assert "in -> background removal -> shadow -> PNG with alpha | 10 cr | usually 18 s | 2 saved, 1 failed" in text


@pytest.mark.usefixtures("configured")
async def test_favourites_come_first_then_what_was_used_then_the_newest() -> None:
    cache(
        flow("a", "Anna", changed_at="2026-01-01"),
        flow("b", "Berta", changed_at="2026-02-01"),
        flow("c", "Clara", changed_at="2026-03-01"),
        flow("wf", "Used", changed_at="2025-01-01"),
    )
    fill(SAVED)
    async with at_desk() as desk:
        place = await open_workflows(desk)
        await desk.until(lambda: order(place) == ["Used", "Clara", "Berta", "Anna"])
        await desk.press("end", "f")
        await desk.until(lambda: order(place) == ["Anna", "Used", "Clara", "Berta"])
        assert place.offer
        assert place.offer.workflow.name == "Anna"
        await desk.sees("f Anna")
        assert desk.console.journal.read(offers.favourites, "studio") == {"a"}
        await desk.press("f")
        await desk.until(lambda: order(place) == ["Used", "Clara", "Berta", "Anna"])


def order(place: Workflows) -> list[str]:
    return [one.workflow.name for one in place.shown_offers]


@pytest.mark.usefixtures("configured")
async def test_the_filter_matches_steps_format_author_and_id() -> None:
    cache(flow("wf-17"), flow("other", "Else", components=[], author="Kim"))
    async with at_desk() as desk:
        place = await open_workflows(desk)
        await desk.until(lambda: len(place.shown_offers) == 2)
        for typed in ("png shoes", "shadow", "robin", "GHOST rgba", "wf-17"):
            await desk.press("slash", *["space" if letter == " " else letter for letter in typed], "enter")
            await desk.until(lambda: order(place) == ["Ghost Shoes"])
            await desk.press("escape")
            await desk.until(lambda: len(place.shown_offers) == 2)
        await desk.press("slash", *"boot", "enter")
        await desk.sees("None of 2 match. esc clears the filter.")


async def test_a_newer_version_is_compared_with_the_one_that_jobs_wait_for(at_service: Simulator) -> None:
    async with at_desk((80, 40)) as desk:
        place = await open_workflows(desk)
        await desk.sees("Export only")
        chosen = next(one.workflow for one in place.shown_offers if one.workflow.name == "Export only")
        fill(QUEUED, QUEUED)
        desk.write(lambda db: db.execute("UPDATE jobs SET workflow = ?, version = ?", (chosen.id, chosen.version)))
        assert "compare" not in desk.lines()[-1]
        at_service.switch({"price": {chosen.id: 12}})
        await desk.press("R")
        await desk.until(lambda: any(one.pinned for one in place.shown_offers))
        await desk.press("home")
        while not (place.offer and place.offer.pinned):
            await desk.press("down")
        await desk.sees("2 waiting for an older version: c compares", "c compare")
        await desk.press("c")
        await desk.sees("2 photos wait for version", "at 10 cr each; now 12 cr: 24", "The steps are the same.")


async def test_a_workflow_that_has_changed_since_its_last_use_says_so(at_service: Simulator) -> None:
    async with at_desk((80, 40)) as desk:
        place = await open_workflows(desk)
        await desk.sees("Export only")
        chosen = next(one.workflow for one in place.shown_offers if one.workflow.name == "Export only")
        fill(SAVED)
        desk.write(
            lambda db: db.execute("UPDATE jobs SET workflow = ?, version = ?, quoted = 10", (chosen.id, chosen.version))
        )
        at_service.switch({"price": {chosen.id: 12}})
        await desk.press("R")
        await desk.until(lambda: any(one.is_changed for one in place.shown_offers))
        await desk.press("home")
        while not (place.offer and place.offer.is_changed):
            await desk.press("down")
        await desk.sees("changed since it was used on", "c compare")
        await desk.press("c")
        await desk.sees("at 10 cr each; now 12 cr.", "The steps are the same.")
        at_service.switch({"price": {chosen.id: 10}})


@pytest.mark.usefixtures("configured")
async def test_changed_steps_are_listed() -> None:
    before = flow(version="v1")
    steps = [PIPELINE[0], PIPELINE[1], PIPELINE[2] | {"settings": {"reflection": 0.5}}, PIPELINE[3]]
    cache(before)
    fill(QUEUED)
    with open_journal(paths()) as journal:
        definition = catalogue.parse(json.dumps(flow(version="v2", components=steps))).document()
        journal.write(accounts.keep_workflows, "studio", {flow()["id"]: definition})
    async with at_desk((80, 40)) as desk:
        await open_workflows(desk)
        await desk.sees("! Ghost Shoes")
        await desk.press("c")
        await desk.sees("the price is the same, 10 cr each", "-     reflection: 0.25", "+     reflection: 0.5")


HOSTILE = [
    "\x1b[31mred",
    "[/]",
    "[@click=app.quit]x[/]",
    "a\nb",
    "\u202egnp",
    "\udcff",
    "é\u0301" * 40,
    "日本語" * 30,
    "",
]


@pytest.mark.usefixtures("configured")
async def test_hostile_names_stay_text_and_columns_stay_even() -> None:
    steps = [{"type": name, "label": name, "settings": {name: name, "k": [name]}} for name in HOSTILE]
    cache(*(flow(f"id{n}", name, author=name, version=name or "v", components=steps) for n, name in enumerate(HOSTILE)))
    for size in ((80, 40), (160, 45)):
        async with at_desk(size) as desk:
            await open_workflows(desk)
            await desk.sees(r"\x1b[31mred", "[@click=app.quit]x[/]", r"a\nb", r"\u202egnp")
            for _ in HOSTILE if size[0] == 80 else ():
                await desk.press("enter")
                await desk.until(lambda: isinstance(desk.console.screen, TextDialog))
                await desk.press("escape", "down")
            assert not {letter for text in desk.lines() for letter in text if ord(letter) < 32 or letter == "\u202e"}


async def test_without_an_account_it_says_where_to_make_one() -> None:
    async with at_desk() as desk:
        await open_workflows(desk)
        await desk.sees("seeing them needs an account: 5.")


@pytest.mark.usefixtures("configured")
async def test_an_organization_without_workflows_is_told_where_they_are_made() -> None:
    async with at_desk() as desk:
        place = await open_workflows(desk)
        await desk.sees("Nothing is known of these workflows yet", "R looks again")
        place._trouble = ""
        place.catalogue = catalogue.Catalogue((), time.time())
        place.draw()
        await desk.sees(
            "studio has no saved workflow", "(webapp.autoretouch.com); R looks again. Wrong organization? 5."
        )


@pytest.mark.usefixtures("configured")
async def test_a_readonly_console_neither_asks_the_service_nor_stars() -> None:
    cache(flow(), at=1.0)
    async with at_desk(readonly=True) as desk:
        place = await open_workflows(desk)
        await desk.sees("Ghost Shoes", "enter steps")
        assert "favourite" not in desk.lines()[-1]
        assert "look again" not in desk.lines()[-1]
        await desk.press("f", "R")
        assert not place._trouble


@pytest.mark.usefixtures("configured")
async def test_s_goes_where_photos_are_picked_with_this_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    cache(flow())
    taken: list[tuple[str, str]] = []
    monkeypatch.setattr(Submit, "take_workflow", lambda _, *given: taken.append(given))
    async with at_desk() as desk:
        await open_workflows(desk)
        await desk.sees("Ghost Shoes", "s submit")
        await desk.press("s")
        await desk.until(lambda: taken == [("studio", "wf")])


def test_a_line_fills_its_cells_exactly() -> None:
    columns = (Column("Name"), Column("Price", 8, right=True), Column("More", 10, wanted_from=60, gap=2))
    for cells in (40, 60, 77):
        for name in HOSTILE:
            assert Content(line(layout(columns, cells), (name, "1,234,567,890", name))).cell_length == cells


def test_the_age_of_a_version_is_its_day() -> None:
    one = catalogue.CatalogEntry(catalogue.parse(json.dumps(flow(changed_at="not a date"))))
    assert catalogue.day(one.workflow) == "not a date"
    assert workflow_words.plain_line(one, ASCII).startswith("in -> background removal -> shadow -> PNG with alpha")


@pytest.fixture
def with_strangers(at_service: Simulator) -> Iterator[None]:
    """A service where others have ordered too."""
    ASKING.post(f"{at_service.url}/_sim/options", json={"others": 2}).raise_for_status()
    yield
    ASKING.post(f"{at_service.url}/_sim/options", json={"others": 0}).raise_for_status()


@pytest.mark.usefixtures("with_strangers")
async def test_what_was_bought_of_a_workflow_is_listed_from_the_service() -> None:
    async with at_desk((80, 30)) as desk:
        await open_workflows(desk)
        await desk.sees("studio | 11 workflows | as of")
        await desk.press("h")
        await desk.sees("the newest executions", "not artui", "theirs.jpg")


@pytest.mark.usefixtures("configured")
async def test_what_a_service_does_not_tell_has_no_place() -> None:
    cache(flow(price=None, author="", changed_at="", version=""))
    async with at_desk((140, 40)) as desk:
        await open_workflows(desk)
        await desk.sees("Ghost Shoes", "id wf")
        text = "\n".join(desk.lines())
        assert not any(word in text for word in ("Credits", "Median", "Author", "saved -", "by -", "version"))


@pytest.mark.usefixtures("configured")
async def test_the_share_of_rejected_is_of_what_was_looked_at() -> None:
    fill({**SAVED, "review": "rejected"}, {**SAVED, "review": "kept"}, {**SAVED, "review": "kept"}, SAVED)
    cache(flow())
    async with at_desk((120, 30)) as desk:
        await open_workflows(desk)
        await desk.press("p")  # the pane takes the room of that column
        await desk.sees("Rejected", "33 %")
        await desk.press("enter")
        await desk.sees("rejected in review: 1 of 3 (33 %)")


@pytest.mark.usefixtures("configured")
async def test_a_filter_by_price_and_each_order_both_ways() -> None:
    cache(
        flow("a", "Anna", price=30, changed_at="2026-03-01"),
        flow("b", "Berta", price=10, changed_at="2026-02-01"),
        flow("wf", "Clara", price=20, changed_at="2026-01-01"),
    )
    fill(SAVED, SAVED)
    async with at_desk() as desk:
        place = await open_workflows(desk)
        await desk.until(lambda: order(place) == ["Clara", "Anna", "Berta"])
        await desk.sees("Steps", "background~ith alpha")
        found = []
        for _ in range(9):
            await desk.press("comma")
            found.append("".join(name[0] for name in order(place)))
        assert found == ["ABC", "CBA", "BCA", "ACB", "ABC", "CAB", "ABC", "CAB", "CAB"]
        for typed, names in (("price<20", "B"), ("price>=20", "CA"), ("anna price>1", "A"), ("price=10 clara", "")):
            await desk.press("slash", *["space" if letter == " " else letter for letter in typed], "enter")
            await desk.until(lambda names=names: "".join(name[0] for name in order(place)) == names)
            await desk.press("escape")


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_two_marked_are_compared_side_by_side(size: tuple[int, int]) -> None:
    soft = [*PIPELINE[:2], PIPELINE[3] | {"settings": {"targetFormat": "JPEG", "targetMode": "RGB"}}]
    cache(flow("wf", "Anna", price=30), flow("b", "Berta", price=20, components=soft))
    fill(SAVED, FAILED)
    async with at_desk(size=size) as desk:
        place = await open_workflows(desk)
        await desk.until(lambda: order(place) == ["Anna", "Berta"])
        await desk.press("space")
        assert "c compare" not in desk.lines()[-1]
        await desk.press("space")
        await desk.sees("c compare")
        await desk.press("c")
        await desk.sees("A  Anna", "B  Berta", "! price", "30 cr", "20 cr", "! shadow", "no such step", "targetFormat")
        said = [" ".join(line.split()) for line in desk.lines()]
        assert any("1 of 2, 1 failed 0 of 0, 0 failed" in line for line in said)
        assert any(line.startswith("edge true true") for line in said), "what is the same is not marked"
        await desk.press("end")
        await desk.sees("B costs 10 cr less a photo.")


@pytest.mark.usefixtures("configured")
async def test_a_default_is_made_after_a_yes_and_saved() -> None:
    cache(flow("wf", "Anna"))
    async with at_desk() as desk:
        place = await open_workflows(desk)
        await desk.until(lambda: order(place) == ["Anna"])
        await desk.press("D")
        await desk.sees("Make Anna the default of studio?", "what waits stays as it is")
        await desk.press("D", "enter")
        assert not paths().settings_file.exists()
        await desk.press("D", "y")
        await desk.until(lambda: desk.console.config.accounts["studio"].workflow == "wf")
        await desk.sees("D Anna")
    assert 'workflow = "wf"' in paths().settings_file.read_text()


@pytest.mark.usefixtures("configured")
async def test_the_pane_tells_the_steps_and_is_closed_and_moved() -> None:
    cache(flow())
    async with at_desk((120, 36)) as desk:
        await open_workflows(desk)
        await desk.sees("2 Background Removal", "reflection: 0.25")
        await desk.press("p")
        await desk.until(lambda: "reflection: 0.25" not in "\n".join(desk.lines()))
        await desk.press("p", "less_than_sign")
        await desk.sees("reflection: 0.25")
