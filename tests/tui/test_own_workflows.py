"""Workflows of our own: built with keys, checked as the settings are, saved beside config.toml, found by every face."""

from __future__ import annotations

import asyncio
import json
import tomllib
from typing import Any

import pytest

from artui.cli import run
from artui.config import ConfigError, load, paths
from artui.core import own_workflows
from artui.credentials import KeyStore, Secret, Vault
from artui.providers import capabilities, names
from artui.providers import own_workflows as own_of
from artui.tui.builder import Builder
from tests.tui.desk import Desk, at_desk
from tests.tui.test_workflows import open_workflows

pytestmark = pytest.mark.anyio

PLUGINS = """
[accounts.portraits]
provider = "retouch4me"
[accounts.portraits.workflows.mine]
title = "By hand"
[[accounts.portraits.workflows.mine.tasks]]
plugin = "Heal"
alpha1 = 0.9
"""
PORTAL = """
[accounts.files]
provider = "filestack"
api_key = "AbCdEfGhIj"
"""
ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(params=[PLUGINS])
def config(request: pytest.FixtureRequest) -> str:
    """The person's own config.toml, and a key of the account."""
    where = paths()
    where.create()
    where.config_file.write_text(request.param)
    (account,) = load(where).accounts
    Vault(where).keep(account, Secret("a-token:a-secret"), KeyStore.FILE)
    return account


async def build(desk: Desk, key: str = "a") -> Builder:
    await open_workflows(desk)
    await desk.until(lambda: "looking" not in desk.lines()[2])
    await desk.press(key)
    return await desk.until(lambda: isinstance(desk.console.screen, Builder) and desk.console.screen)


def saved(account: str = "portraits") -> dict[str, Any]:
    file = paths().settings_file
    settings = tomllib.loads(file.read_text()) if file.exists() else {}
    return settings.get("accounts", {}).get(account, {}).get("workflows", {})


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_from_a_preset_by_a_few_keys_to_a_workflow_that_commands_find(
    config: str, size: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand = paths().config_file.read_bytes()
    async with at_desk(size) as desk:
        await build(desk)
        await desk.sees("New workflow of portraits", "1 credit a photo", "1 subtle  2 normal  3 strong")
        await desk.sees("Nothing is switched on yet")
        await desk.press("2")
        await desk.sees("[x] Heal", "0.70 of 1", "Title is missing")
        await desk.press("t", *"Natural portrait", "enter")
        await desk.sees(
            "in the settings: natural-portrait", "in > heal 70 % > dodge burn 80 % > skin tone 50 %", "It fits."
        )
        await desk.press("down", "down", "down", "down", "right", "right")
        await desk.sees("0.80 of 1")
        assert {len(line) for line in desk.lines()} == {size[0]}
        await desk.press("s")
        await desk.sees("Natural portrait")
        await desk.until(lambda: saved())
    assert saved()["natural-portrait"]["tasks"][0] == {"plugin": "Heal", "alpha1": 0.8}
    assert paths().config_file.read_bytes() == by_hand
    assert await asyncio.to_thread(run, ["workflows", "-a", config, "--json"]) == 0
    assert {"natural-portrait", "mine"} <= {one["id"] for one in json.loads(capsys.readouterr().out)}
    assert await asyncio.to_thread(run, ["config", "check"]) == 0


async def test_what_is_off_keeps_its_strengths_and_layers_are_for_all(config: str) -> None:
    async with at_desk((80, 40)) as desk:
        builder = await build(desk)
        await desk.press("1", "t", *"Layered", "enter", "l")
        await desk.sees("one archive with a layer for each plugin")
        assert all(task["layer"] == 1 for task in builder.built.table["tasks"])
        assert builder.built.table["layers"] == "keep"
        await desk.press("down", "down", "down", "down", "space")  # Heal
        await desk.sees("[ ] Heal")
        assert [task["plugin"] for task in builder.built.table["tasks"]] == ["Dodge Burn", "Skin Tone"]
        await desk.press("enter", *"55 %", "enter")
        await desk.sees("[x] Heal", "0.55 of 1")
        await desk.press("enter", *"7", "enter")
        await desk.sees("must be a number from 0 to 1")
        await desk.press("s")
        await desk.sees("It is not saved: it does not fit yet.")
        await desk.press("escape")
    assert not saved()


async def test_keys_in_a_burst_save_nothing(config: str) -> None:
    async with at_desk() as desk:
        await open_workflows(desk)
        await desk.until(lambda: "looking" not in desk.lines()[2])
        await desk.burst("a", "2", "s", "s", "enter", "s")
        await desk.until(lambda: isinstance(desk.console.screen, Builder))
        await desk.press("escape")
    assert not saved()


async def test_one_of_ours_is_changed_and_taken_away_and_what_stands_elsewhere_is_not(config: str) -> None:
    account = load(paths()).accounts[config]
    table = {"title": "Natural", "tasks": [{"plugin": "Heal", "alpha1": 0.4}]}
    own_workflows.save(paths(), config, "natural", table)
    async with at_desk((100, 30)) as desk:
        place = await open_workflows(desk)
        await desk.sees("By hand", "Natural", "Portrait, subtle")

        async def on(name: str) -> None:
            rows = place.query_one("#offers")
            rows.highlighted = next(i for i, one in enumerate(place.shown_offers) if one.workflow.name == name)  # type: ignore[attr-defined]
            await desk.until(lambda: place.offer and place.offer.workflow.name == name)

        await on("By hand")
        await desk.press("e")
        await desk.sees("It is written in ", "config.toml line 5", "artui never writes to")
        await desk.press("escape")
        await on("Portrait, subtle")
        await desk.press("x")
        await desk.sees("It is ready-made")
        await desk.press("escape")
        await on("Natural")
        await desk.press("e")
        await desk.sees("Workflow of portraits", "0.40 of 1")
        await desk.press("down", "down", "down", "down", "left", "s")
        await desk.until(lambda: saved()["natural"]["tasks"][0]["alpha1"] == 0.35)
        await on("Natural")
        await desk.press("x")
        await desk.sees("Take Natural away?", "n  keep it")
        await desk.press("x", "enter")
        assert saved()
        await desk.press("x", "y")
        await desk.until(lambda: not saved())
        await desk.until(lambda: "Natural" not in {one.workflow.name for one in place.shown_offers})
    assert load(paths()).accounts[config].settings == account.settings


@pytest.mark.parametrize("config", [PORTAL], indirect=True)
async def test_a_workflow_of_a_portal_is_filled_in_and_an_unknown_price_is_said_to_be_so(config: str) -> None:
    async with at_desk() as desk:
        await open_workflows(desk)
        await desk.sees("has no workflow yet", "a makes one")
        await build(desk)
        await desk.sees("price not known", "Id is missing")
        await desk.press("t", *"Cut out", "enter", "i", *"no id", "enter")
        await desk.sees("id cannot be used")
        await desk.press("i", *ID, "enter")
        await desk.sees("It fits.", "price not known")
        await desk.press("p", *"4", "enter", "a", *"image/jpeg, image/png", "enter")
        await desk.sees("4 a photo")
        await desk.press("p", "backspace", "enter")
        await desk.sees("not known: a run counts as one in the caps")
        await desk.press("s")
        await desk.until(lambda: saved("files"))
        await desk.sees("Cut out")
        assert saved("files")["cut-out"] == {"title": "Cut out", "id": ID, "accepts": ["image/jpeg", "image/png"]}
        await desk.press("x", "y")
        await desk.until(lambda: not saved("files"))
        await desk.sees("files has no workflow yet")


def test_what_config_toml_has_is_never_taken_over(config: str) -> None:
    table = {"title": "Other", "tasks": [{"plugin": "Heal", "alpha1": 0.4}]}
    with pytest.raises(ConfigError, match="locked by"):
        own_workflows.save(paths(), config, "mine", table)
    with pytest.raises(ConfigError, match="same recipe"):
        own_workflows.save(
            paths(), config, "twin", {"title": "By hand too", "tasks": [{"plugin": "Heal", "alpha1": 0.9}]}
        )
    assert not saved()


@pytest.mark.parametrize("service", [name for name in names() if capabilities(name).own_workflows])
def test_what_is_set_is_the_same_after_reading_it_again(service: str) -> None:
    own = own_of(service)
    tables = [dict(one) for one in own.presets.values()] or [{"id": ID, "price": 4, "accepts": ["image/png"]}]
    for table in tables:
        assert own.parts(own.table(*own.parts(table))) == own.parts(table)
    for knob in (*own.values, *(knob for knobs in own.steps.values() for knob in knobs)):
        if knob.is_number:
            assert knob.turned(knob.most, 1) == knob.most
            assert knob.typed("0,5") == 0.5
            assert knob.turned(knob.turned(None, 1), -1) in (None, knob.low)
