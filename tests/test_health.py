"""What is wrong now: each broken situation by its code, in the journal as an engine leaves it, and a sentence each."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from artui.cli.engine import status_command
from artui.cli.exits import Exit
from artui.cli.session import Session
from artui.config import Config, load, paths
from artui.core import health
from artui.core.health import Code, Condition, Engine, Topic, conditions
from artui.core.health_phrases import SENTENCES, sentence
from artui.journal import Connection, Journal, accounts, jobs, requests, rules
from artui.journal.rules import RuleState, SkipCount
from artui.model.states import Reason, Stage, Status
from artui.model.watching import Skip
from tests.samples import new_job
from tests.waiting import until

WATCHING = Engine(is_watching=True)
ROOM = SimpleNamespace(f_bavail=85, f_bfree=90, f_blocks=100, f_frsize=10**9)


@dataclass
class House:
    """A journal with one account and one watched rule, nothing of it wrong."""

    journal: Journal
    config: Config

    def codes(self, engine: Engine | None = WATCHING, **given: float) -> list[Code]:
        return [one.code for one in self.conditions(engine, **given)]

    def conditions(self, engine: Engine | None = WATCHING, **given: float) -> tuple[Condition, ...]:
        return self.journal.read(conditions, self.config, engine, **given)

    def do(self, act: Callable[[Connection], object]) -> None:
        self.journal.write(act)

    def job(self, status: Status, reason: str = "") -> None:
        def write(db: Connection) -> None:
            [number] = jobs.add(db, None, [new_job()])
            job = jobs.get(db, number)
            assert job is not None
            job = jobs.move(db, job, Stage.NEW, Status.RUNNING, "taken")
            jobs.move(db, job, Stage.NEW if status is Status.FAILED else Stage.CHECKED, status, "so", reason=reason)

        self.do(write)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(os, "statvfs", lambda _: ROOM)
    where = paths({"ARTUI_HOME": str(tmp_path / "home")})
    where.create()
    (tmp_path / "boots").mkdir()
    where.config_file.write_text(
        f'[accounts.studio]\nprovider = "autoretouch"\nlow = 50\ncaps = {{ day = 100 }}\n'
        f'[[watch]]\nname = "boots"\nfolder = "{tmp_path / "boots"}"\naccount = "studio"\nworkflow = "wf"\n'
        f'output = "{tmp_path / "out"}/{{date}}"\n'
    )
    with Journal(where.journal) as journal:
        journal.write(
            rules.load, "r", name="boots", folder=tmp_path / "boots", account="studio", run=None, day=100, month=None,
            twins="once",
        )  # fmt: skip
        journal.write(rules.set_state, "r", RuleState.WATCHING)
        yield House(journal, load(where, {}))


def spend(amount: int) -> Callable[[Connection], None]:
    def write(db: Connection) -> None:
        day = accounts.day(db, "studio", accounts.day_of(time.time(), UTC))
        for scope, period in (("day", day), ("rule day", f"r {day}")):
            db.execute("INSERT INTO spending VALUES ('studio', ?, ?, ?)", (scope, period, amount))

    return write


def test_nothing_is_wrong_where_all_is_well(house: House) -> None:
    assert house.codes() == []


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (RuleState.OFFLINE, Code.OFFLINE),
        (RuleState.FOREIGN, Code.FOREIGN),
        (RuleState.HELD, Code.RULE_HELD),
    ],
)
def test_a_rule_that_takes_nothing(house: House, state: RuleState, code: Code) -> None:
    house.do(lambda db: rules.set_state(db, "r", state, "it is gone"))
    [found] = house.conditions()
    assert (found.code, found.subject, found.facts["message"]) == (code, "boots", "it is gone")
    assert found.since is not None


def test_a_rule_that_waits_for_its_service_is_wrong_after_a_while(house: House) -> None:
    house.do(lambda db: rules.set_state(db, "r", RuleState.WAITS, "no network"))
    assert house.codes() == []
    assert house.codes(away_for=-1) == [Code.RULE_WAITS]


def test_a_rule_that_nobody_has_looked_at_yet_is_wrong_after_a_minute(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.do(lambda db: rules.set_state(db, "r", RuleState.NEW))
    assert house.codes() == []
    monkeypatch.setattr(health, "LOOKED_AT_WITHIN", -1.0)
    assert house.codes() == [Code.NOT_WATCHED]


def test_a_rule_that_the_engine_does_not_know_is_not_watched(house: House) -> None:
    house.do(lambda db: rules.end_others(db, []))
    [found] = house.conditions()
    assert (found.code, found.subject) == (Code.NOT_WATCHED, "boots")


def test_a_watcher_that_is_gone_is_told_from_one_that_never_was(house: House) -> None:
    assert house.codes(None) == [Code.NOT_WATCHED]
    assert house.codes(Engine()) == [Code.NOT_WATCHED], "an engine in the background watches nothing"
    house.do(lambda db: requests.engine_starts(db, 1, "here", "background", "1"))
    assert house.codes(None) == [Code.NOT_WATCHED]
    house.do(lambda db: requests.engine_starts(db, 1, "here", requests.WATCH, "1"))
    assert house.codes(None) == [Code.WATCH_ENDED]


def test_what_a_person_paused(house: House) -> None:
    house.do(lambda db: db.execute("UPDATE rules SET paused = 1"))
    house.do(lambda db: accounts.set_hold(db, "studio", Reason.PAUSED, "by a person"))
    assert [(one.code, one.facts["what"]) for one in house.conditions()] == [
        (Code.PAUSED, "rule"),
        (Code.PAUSED, "account"),
    ]


@pytest.mark.parametrize(
    ("reason", "code"),
    [(Reason.LOGIN, Code.SIGN_IN), (Reason.CREDITS, Code.ACCOUNT_HELD), (Reason.QUOTA, Code.ACCOUNT_HELD)],
)
def test_an_account_that_is_held(house: House, reason: Reason, code: Code) -> None:
    house.do(lambda db: accounts.set_hold(db, "studio", reason, "why"))
    assert house.codes() == [code]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.FAILED, Reason.REJECTED), (Status.HELD, Reason.IN_DOUBT), (Status.HELD, Reason.PRICE)],
)
def test_what_needs_a_person(house: House, status: Status, reason: str) -> None:
    house.job(status, reason)
    [found] = house.conditions()
    assert (found.code, found.count, found.topic) == (Code.NEEDS_YOU, 1, Topic.NEEDS_YOU)


def test_work_that_waits_for_an_engine(house: House) -> None:
    house.job(Status.READY)
    assert Code.ENGINE_ABSENT in house.codes(None)
    assert house.codes() == []


def test_an_engine_that_gives_no_sign(house: House) -> None:
    assert Code.ENGINE_SILENT in house.codes(Engine(silent_since=time.time()))


def test_a_service_that_does_not_answer_for_longer_than_was_asked_for(house: House) -> None:
    house.do(lambda db: accounts.set_away(db, "studio", time.time() - 300, "connection refused"))
    assert house.codes() == []
    [found] = house.conditions(away_for=200)
    assert (found.code, found.facts["message"]) == (Code.SERVICE_AWAY, "connection refused")
    house.do(lambda db: accounts.set_away(db, "studio", None))
    assert house.codes(away_for=0) == []


@pytest.mark.parametrize(
    ("spent", "level", "is_grave"), [(69, 0, False), (70, 70, False), (90, 90, True), (100, 100, True)]
)
def test_a_cap_is_told_at_70_and_is_wrong_from_90_per_cent_on(
    house: House, spent: int, level: int, is_grave: bool
) -> None:
    house.do(spend(spent))
    found = house.conditions()
    assert [(one.subject, one.facts["level"], one.is_grave) for one in found] == (
        [("boots", level, is_grave), ("studio", level, is_grave)] if level else []
    )


def test_credits_that_run_low_are_told_with_the_days_they_last(house: House) -> None:
    house.do(lambda db: accounts.set_balance(db, "studio", 49, time.time()))
    house.do(spend(14))
    [found] = house.conditions()
    assert (found.code, found.is_grave, found.facts) == (Code.CREDITS_LOW, False, {"left": 49, "low": 50, "days": 3})


def test_a_disk_that_is_nearly_full(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=9, f_bfree=14, f_blocks=109, f_frsize=10**9))
    [found] = house.conditions()
    assert (found.code, found.facts) == (Code.DISK, {"free": 9 * 10**9, "used": 91})


def test_a_disk_that_hangs_holds_nobody_up_and_is_not_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, goes_on = [], Event()

    def hang(place: object) -> object:
        asked.append(place)
        goes_on.wait()
        return ROOM

    monkeypatch.setattr(os, "statvfs", hang)
    monkeypatch.setattr(health, "ANSWERS_WITHIN", 0.05)
    assert house.codes() == []
    assert house.codes() == []
    number = len(asked)
    assert number == len(set(asked)), "each place once"
    goes_on.set()
    until(lambda: not health._under_way)
    assert house.codes() == []
    assert len(asked) == 2 * number, "it answers again"


def test_files_that_cannot_be_read(house: House) -> None:
    house.do(lambda db: rules.set_not_taken(db, "r", {Skip.UNREADABLE: SkipCount(2, ("a.jpg", "b.jpg"))}))
    [found] = house.conditions()
    assert (found.code, found.count, found.facts) == (Code.UNREADABLE, 2, {"names": "a.jpg, b.jpg"})


FACTS = {
    "message": "why", "what": "rule", "names": "a", "reason": "credits", "used": 91, "free": 1, "cap": "day",
    "level": 90, "spent": 9, "limit": 10, "left": 1, "low": 2, "days": 3,
    "name": "boots", "saved": 1, "ended": 0, "needing": 0, "failed": 0, "wrong": 2, "today": {"studio": 1},
}  # fmt: skip


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_sentence(code: Code) -> None:
    assert SENTENCES.keys() == set(Code)
    said = sentence(Condition(code, "boots", 1.0, 2, FACTS), UTC)
    assert said.endswith(".")
    assert "{" not in said


def test_the_check_tells_by_its_exit_and_codes(house: House) -> None:
    found = CliRunner().invoke(
        status_command, ["--check", "--json"], obj=Session(house.config.paths), standalone_mode=False
    )
    document = json.loads(found.stdout)
    assert (found.return_value, document["ok"]) == (Exit.FAILED, False)
    assert [one["code"] for one in document["reasons"]] == ["not-watched"]
    assert "not watched" in document["reasons"][0]["message"]
