"""Each kind of dialog left from below, before it is there, and twice: nothing is lost, and nothing else is closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList

from artui import tui
from artui.config import AccountConfig, load, paths
from artui.journal import jobs
from artui.providers import capabilities, names, own_workflows
from artui.tui.above import Above, Dialog
from artui.tui.batches import BatchesScreen
from artui.tui.builder import Builder
from artui.tui.choosing import ChoiceDialog, ListDialog, SeveralDialog
from artui.tui.dialogs import Ask, InputDialog, No, Question, TextDialog
from artui.tui.job_details import DetailsScreen
from artui.tui.list_screen import ListScreen
from artui.tui.reviewing import ReviewScreen
from artui.tui.reviewing.questions import Reasons
from artui.tui.runs import RunsScreen
from artui.tui.sign_in_dialogs import CodeScreen, KeyScreen, PayersScreen
from artui.tui.watches.form import Draft, Form
from artui.tui.watches.rule_screen import RuleScreen
from tests.tui.desk import SAVED, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]


def builder() -> Builder:
    service = next(name for name in names() if capabilities(name).own_workflows)
    return Builder(AccountConfig("studio", service, "studio"), own_workflows(service), "It")


EACH: dict[type[Screen[Any]], Callable[[], Screen[Any]]] = {
    Question: lambda: Question("Really?", (), (No("no"),)),
    Reasons: lambda: Reasons("a.jpg", ("dust", "crop"), "crop"),
    Ask: lambda: Ask("What?"),
    KeyScreen: lambda: KeyScreen("Which key?"),
    ChoiceDialog: lambda: ChoiceDialog("Which?", [("a", Content("a"))], lambda one: (one,)),
    SeveralDialog: lambda: SeveralDialog("Which?", [("a", Content("a"))], lambda one: (one,)),
    RunsScreen: lambda: RunsScreen("It", [], UTC),
    TextDialog: lambda: TextDialog("A text", Content("to be read")),
    PayersScreen: lambda: PayersScreen([], sign="*"),
    BatchesScreen: lambda: BatchesScreen([]),
    Builder: builder,
    Form: lambda: Form(Draft({"folder": "/in", "output": "/out", "existing": "ignore", "workflow": "w"}), ()),
    ReviewScreen: lambda: ReviewScreen([1], "it"),
    DetailsScreen: lambda: DetailsScreen(1),
}
ELSEWHERE = {CodeScreen, RuleScreen}
"""They need a service or a rule: test_accounts and test_watches leave them from below."""


def every(kind: type[Above[Any]]) -> set[type[Above[Any]]]:
    return {kind}.union(*map(every, kind.__subclasses__()))


def test_all_kinds_are_here_and_leave_as_what_lies_above_a_screen_does() -> None:
    for module in walk_packages(tui.__path__, "artui.tui."):
        import_module(module.name)
    kinds = {kind for kind in every(Above) if kind.__module__.startswith("artui.")}
    assert kinds - {Above, Dialog, InputDialog, ListDialog, ListScreen} == EACH.keys() | ELSEWHERE
    assert {kind for kind in kinds - {Above} if {"dismiss", "on_event"} & vars(kind).keys()} == set()


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.__name__)
async def test_it_is_left_from_below_before_it_is_there_and_once(kind: type[Screen[Any]]) -> None:
    load(paths())
    fill(SAVED)
    async with at_desk() as desk:
        console, given = desk.console, []
        assert console.journal.read(jobs.get, 1)
        below = EACH[kind]()
        await console.push_screen(below, given.append)
        await console.push_screen(Question("above", (), (No("stay"),)))
        below.dismiss(None)
        below.dismiss(None)
        await desk.sees("above")
        assert given == []
        await desk.press("n")
        await desk.until(lambda: given == [None] and len(console.screen_stack) == 1)

        early = EACH[kind]()
        pushed = console.push_screen(early, given.append)
        early.dismiss(None)
        await pushed
        await desk.until(lambda: given == [None, None] and len(console.screen_stack) == 1)


async def test_what_was_clicked_is_taken_though_the_list_is_another_by_then() -> None:
    taken: list[str | None] = []
    async with at_desk() as desk:
        dialog = ChoiceDialog("Which?", [(name, Content(name)) for name in ("a", "b", "c")], lambda one: (one,))
        desk.console.push_screen(dialog, taken.append)
        await desk.read()
        listed = dialog.query_one(OptionList)
        listed.highlighted = 2
        listed.action_select()
        dialog._narrow("a")
        await desk.until(lambda: taken)
    assert taken == ["c"]
