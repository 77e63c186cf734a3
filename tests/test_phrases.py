"""What both faces say: every reason, refusal and effect has its phrase in each, and every place in one is filled."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from artui.cli import acts as typed
from artui.cli import advice as cli
from artui.cli import phrases as cli_phrases
from artui.core import actions
from artui.core.actions import Action, Effect, Refusal
from artui.core.options import ActionSet
from artui.files import PhotoFault
from artui.journal.crowds import HoldCount
from artui.journal.rules import RuleState
from artui.journal.watching import FileGroup
from artui.model.capabilities import Clears
from artui.model.commands import Command
from artui.model.holds import ACCOUNT_WIDE, ENDS, HOLDS, STOPS_RULE, WAITS, Actor, CapKind, EndsBy, PauseOf
from artui.model.job import Job
from artui.model.states import Reason, Stage, Status
from artui.model.watching import OF_OFFLINE, WILL_BE_TAKEN, Skip
from artui.providers import names
from artui.tui import acting as pressed
from artui.tui import advice as tui
from artui.tui import phrases as tui_phrases
from artui.tui.look import glyphs
from artui.tui.submit import checks, picker
from artui.tui.watches.reasons import why
from artui.tui.words import RowContext, say

GLYPHS = glyphs("ascii")
HELD = (Status.HELD, Status.FAILED)
WORDED = (RuleState.WATCHING, RuleState.OFFLINE, RuleState.ENDED)
SCOPES: dict[str, tuple[str, ...]] = {Reason.CAP: ("", *CapKind), Reason.PAUSED: ("", *PauseOf)}
PLACES = [
    *((stage, Status.HELD, reason) for reason, hold in HOLDS.items() for stage in hold.stages),
    *((stage, Status.WAITING, reason) for reason in WAITS for stage in Stage),
    *((stage, Status.FAILED, reason) for reason in (*ENDS, "truncated", "") for stage in Stage),
    *((stage, status, "") for stage, status in product(Stage, set(Status) - {*HELD, Status.WAITING})),
]


def job_at(stage: Stage, status: Status, reason: str, **given: Any) -> Job:
    about: dict[str, Any] = {
        "account": "studio", "provider": "autoretouch", "endpoint": "e", "organization": "o", "payer": "p",
        "workflow": "w", "workflow_name": "Background", "version": "v1", "quoted": 10, "size": 1, "mtime_ns": 1,
        "inode": 1, "device": 1, "source": Path("/in/{boots}.jpg"), "folder": Path("/out"), "stem": "s",
        "stem_key": "s", "run": "r", "batch": "b-1", "twin_of": 7, "execution": "e-1", "id": 3,
    }  # fmt: skip
    return Job(**about | {"stage": stage, "status": status, "reason": reason, "message": "so it is."} | given)


TABLES = {
    "a hold, at the command line": (cli_phrases.HELD, HOLDS),
    "a hold, in the console": (tui_phrases.HELD, HOLDS),
    "a hold, in a cell": (tui_phrases.CELLS, HOLDS),
    "a hold, when the console opens": (tui_phrases.SINCE, HOLDS),
    "a cap, at the command line": (cli_phrases.CAPS, CapKind),
    "a cap, in the console": (tui_phrases.CAPS, CapKind),
    "a pause, at the command line": (cli_phrases.PAUSES, PauseOf),
    "a wait, in a cell": (tui_phrases.WAITING_CELLS, {*WAITS, Reason.DISK_FULL} - {Reason.AT_SERVICE}),
    "an end, at the command line": (cli_phrases.FAILED, ENDS - {Reason.GIVEN_UP}),
    "an end, in the console": (tui_phrases.FAILED, ENDS),
    "an end, in a cell": (tui_phrases.FAILED_CELLS, ENDS),
    "an account": (tui_phrases.ACCOUNT_CELLS, ACCOUNT_WIDE),
    "a rule": (tui_phrases.RULE_STOPPED, STOPS_RULE),
    "a folder that is offline": (tui_phrases.RULE_OFFLINE, OF_OFFLINE),
    "a file that is not taken": (tui_phrases.SKIPPED_FILES, {*Skip, *PhotoFault}),
    "a file that only waits": (tui_phrases.WAITING_FILES, WILL_BE_TAKEN),
    "a file that is refused": (picker._REFUSED, {*PhotoFault, checks.WRITTEN} - {PhotoFault.TOO_MANY_PIXELS}),
    "a rule, in a cell": (
        tui_phrases.RULE_CELLS,
        {*RuleState} - {RuleState.WATCHING, RuleState.OFFLINE, RuleState.ENDED},
    ),
    "an effect, at the command line": (cli_phrases.SAYS, Effect),
    "an effect, in the console": (tui_phrases.SAYS, {*Effect} - {Effect.SEND}),
    "a refusal, at the command line": (actions.WHY, Refusal),
    "a refusal, in the console": (tui_phrases.SKIPPED, Refusal),
    "where it is seen, at the command line": (cli_phrases.WHERE, Clears),
    "where it is seen, in the console": (tui_phrases.WHERE, Clears),
    "a lost answer, at the command line": (cli_phrases.LOOKING, Clears),
    "a lost answer, in the console": (tui_phrases.LOOKING, Clears),
    "the rest, at the command line": (cli_phrases.OTHERS, {*Status} - {*HELD}),
    "the rest, in the console": (tui_phrases.OTHERS, {*Status} - {*HELD}),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_has_its_phrase(table: str) -> None:
    phrases, keys = TABLES[table]
    assert set(phrases) == set(keys)
    assert all(phrases.values())


def is_filled(said: str) -> bool:
    """Whether no place is left, and none was filled with nothing; a brace of the file's name stays as it is."""
    left = said.replace("{boots}", "")
    return bool(said) and not re.search(r"[{}]|\bNone\b|  |\.\.(?!/)", left)


@pytest.mark.parametrize("provider", names())
def test_what_to_do_is_said_wherever_a_job_can_be(provider: str) -> None:
    for (stage, status, reason), found, due, bought in product(PLACES, (False, True), (None, 5.0), (0, 1)):
        job = job_at(stage, status, reason, provider=provider, found=found, due=due, purchase=bought)
        for crowd in (None, HoldCount(3, 30, 1), HoldCount(1), HoldCount(2, 20, 2)):
            assert is_filled(tui.what_now(job, crowd)), (job.place, reason, tui.what_now(job, crowd))
        for scope in SCOPES.get(Reason(reason), ("",)) if status is Status.HELD else ("",):
            scoped = replace(job, hold_scope=scope)
            assert is_filled(tui.what_now(scoped)), (job.place, reason, scope)
            assert is_filled(cli.advice(scoped)), (job.place, reason, scope)
        assert is_filled(cli.advice(job)), (job.place, reason, cli.advice(job))
        cell = say(job, RowContext(), GLYPHS, 10.0).stage
        assert is_filled(cell), (job.place, reason, cell)


def test_the_words_of_a_hold_agree_with_its_facts() -> None:
    """Nothing is said to go on by itself that does not, and whoever need not act is told so."""
    for reason, hold in HOLDS.items():
        for said in (cli_phrases.HELD[reason], tui_phrases.HELD[reason]):
            assert hold.ends_by is not EndsBy.NEVER or "by itself" not in said, said
        if hold.actor in (Actor.TIME, Actor.SERVICE):
            assert re.search(r"by itself|nothing, it is still looked at", cli_phrases.HELD[reason]), reason
            assert re.search(r"by itself|\{goes_on\}|nothing to do here", tui_phrases.HELD[reason]), reason
        if hold.actor is Actor.BUYER:
            assert "{twin_of}" in cli_phrases.HELD[reason]
            assert "{twin}" in tui_phrases.HELD[reason]


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("price", [None, 0, 10])
def test_what_a_decision_does_is_said_in_full(effect: Effect, price: int | None) -> None:
    job = job_at(Stage.NEW, Status.HELD, Reason.PRICE)
    action = Action(Command.RETRY, job, effect, price, amount=price, arguments={"execution": "e-2"})
    assert is_filled(typed.act_of(action).told)
    assert all(map(is_filled, pressed.lines(ActionSet.of([action]))))


@pytest.mark.parametrize("refusal", Refusal)
def test_why_a_decision_does_not_fit_is_said_in_full(refusal: Refusal) -> None:
    action = Action(Command.RETRY, job_at(Stage.NEW, Status.HELD, Reason.PRICE), refused=refusal)
    assert is_filled(typed.act_of(action).told)
    assert all(map(is_filled, pressed.lines(ActionSet.of([action]))))


def test_a_copy_that_is_not_wanted_is_told_apart_from_a_file_that_was_never_a_job() -> None:
    file = FileGroup(Skip.ONLY_METADATA, 1, ("a.jpg",))
    assert why(file).word == "only its metadata changed"
    assert why(replace(file, status=Status.SKIPPED)).word == "same picture, other metadata"
    assert why(replace(file, reason=Skip.RESULT, status=Status.SKIPPED)).word == "artui's own result"
    assert why(replace(file, reason="", status=Status.SKIPPED)).word == "same content, copied"
