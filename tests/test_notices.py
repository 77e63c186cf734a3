"""Being told: what begins and ends, in groups, each once; and commands that hang, flood, fork or are not there."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from artui.cli.exits import Exit
from artui.cli.metrics import metrics_command
from artui.cli.notify import notify_command
from artui.cli.session import Session
from artui.config import Config, ConfigError, NotifyTarget, load, paths
from artui.config.known import TOPICS
from artui.config.merged import HeartbeatSettings
from artui.core.health import Engine, Topic
from artui.engine import notices as worker
from artui.engine import telling
from artui.engine.heartbeat import Heartbeat
from artui.engine.notices import GROUPED, Notices
from artui.engine.telling import NoticeMessage, tell
from artui.journal import Journal, accounts, jobs, notices, requests, rules
from artui.journal.notices import Notice
from artui.journal.rules import RuleState
from artui.model.job import Batch
from artui.model.states import Reason, Stage, Status
from tests.peer import answering, serving
from tests.samples import new_job
from tests.waiting import PATIENCE, eventually

SCRIPT = NotifyTarget(command=("/bin/true",), on=("needs you", "trouble", "money", "done"))


@dataclass
class Studio:
    """An engine's notices with a clock that is turned by hand; ``heard`` are the messages, in their order."""

    journal: Journal
    config: Config
    clock: pytest.MonkeyPatch
    # A morning that no clock has reached yet: no day ends while something is told.
    now: float = field(default_factory=lambda: (time.time() // 86_400 + 1) * 86_400 + 6 * 3600)
    heard: list[NoticeMessage] = field(default_factory=list)
    fails: str = ""

    def __post_init__(self) -> None:
        self.notices = self.engine()

        async def tell_nobody(_: NotifyTarget, message: NoticeMessage) -> str:
            self.heard.append(message)
            return self.fails

        self.clock.setattr(worker, "tell", tell_nobody)

    def engine(self) -> Notices:
        return Notices(self.journal, lambda: self.config, Engine(is_watching=True), "mini")

    def command(self) -> Notices:
        return Notices(self.journal, lambda: self.config, None, "mini")

    async def turn(self, seconds: float = 0) -> None:
        self.now += seconds
        self.clock.setattr(time, "time", lambda: self.now)
        await self.notices.look()
        await self.notices.tell()

    def rule(self, state: RuleState, message: str = "") -> None:
        self.journal.write(rules.set_state, "r", state, message)


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    where = paths({"ARTUI_HOME": str(tmp_path / "home")})
    where.create()
    where.config_file.write_text('[accounts.studio]\nprovider = "autoretouch"\n')
    with Journal(where.journal) as journal:
        journal.write(
            rules.load, "r", name="boots", folder=tmp_path, account="studio", run=None, day=None, month=None,
            twins="once",
        )  # fmt: skip
        journal.write(rules.set_state, "r", RuleState.WATCHING)
        monkeypatch.setattr("artui.core.health._of_disks", lambda _: ())
        found = Studio(journal, load(where, {})._replace(notify=(SCRIPT,)), monkeypatch)
        await found.turn()
        assert found.heard == []
        yield found


async def test_a_trouble_is_told_once_and_once_more_when_it_is_over(studio: Studio) -> None:
    studio.rule(RuleState.OFFLINE, "not mounted")
    for _ in range(10):
        await studio.turn(5)
    [message] = studio.heard
    assert (message.topic, message.count) == ("trouble", 1)
    assert "boots is offline" in message.title
    assert "not mounted" in message.text
    assert message.notices[0]["code"] == "offline"
    studio.rule(RuleState.WATCHING)
    await studio.turn(5)
    assert len(studio.heard) == 1, "in groups of ten minutes"
    await studio.turn(GROUPED)
    assert studio.heard[1].text.startswith("Over: boots is offline")
    await studio.turn(GROUPED)
    assert len(studio.heard) == 2


async def test_what_needs_a_person_is_told_again_when_there_is_more_of_it(studio: Studio) -> None:
    async def fail(number: int) -> None:
        def write(db: Any) -> None:
            for made in jobs.add(db, None, [new_job() for _ in range(number)]):
                job = jobs.get(db, made)
                assert job is not None
                jobs.move(db, jobs.move(db, job, Stage.NEW, Status.RUNNING, "taken"), Stage.NEW, Status.FAILED, "no")

        studio.journal.write(write)
        await studio.turn(GROUPED)

    await fail(1)
    await fail(0)
    await fail(4)
    assert [message.text.split(":")[1] for message in studio.heard] == [" 1 job needs you", " 5 jobs need you"]


async def test_a_cap_is_told_at_70_90_and_100_per_cent_once_in_its_period(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    def load(day: int) -> None:
        studio.journal.write(
            rules.load, "r", name="boots", folder=Path(), account="studio", run=None, day=day, month=None, twins="once"
        )

    async def spend(amount: int) -> list[str]:
        sql = "INSERT OR REPLACE INTO spending VALUES ('studio', 'rule open', 'r', ?)"
        studio.journal.write(lambda db: db.execute(sql, (amount,)))
        before = len(studio.heard)
        await studio.turn(GROUPED)
        return [line for message in studio.heard[before:] for line in message.text.splitlines()]

    load(100)
    assert await spend(69) == []
    assert await spend(70) == ["boots: 70 % of the cap (rule day) are reached, 70 of 100."]
    assert await spend(60) == []
    assert await spend(75) == []
    assert await spend(99) == ["boots: 90 % of the cap (rule day) are reached, 99 of 100."]
    studio.notices = studio.engine()
    assert await spend(10) == []
    assert await spend(95) == []
    assert len(await spend(100)) == 1
    load(200)
    assert len(await spend(180)) == 1, "another limit is told of anew"
    await studio.turn(86_400)
    assert len(await spend(150)) == 1, "a new day"
    assert sum("of the cap" in line for line in caplog.messages) == 5


async def test_ten_thousand_events_in_an_hour_make_six_messages(studio: Studio) -> None:
    each = Notice(studio.now, "trouble", "offline", "boots", over=False, count=1, facts={"message": "", "cause": ""})
    for _ in range(3600 // 5):
        studio.journal.write(notices.note, [], [], [each] * 14)
        await studio.turn(5)
    assert len(studio.heard) <= 3600 / GROUPED + 1
    assert "more came before these" in studio.heard[-1].text
    assert len(studio.heard[-1].text.splitlines()) <= 21


async def test_a_kill_between_what_happened_and_the_telling_still_tells_it_once(studio: Studio) -> None:
    studio.rule(RuleState.OFFLINE)
    await studio.notices.look()
    studio.notices = studio.engine()
    await studio.turn(5)
    await studio.turn(GROUPED)
    assert len(studio.heard) == 1


async def test_what_could_not_be_told_is_tried_again_later_and_later(studio: Studio) -> None:
    studio.fails = "no network"
    studio.rule(RuleState.OFFLINE)
    at = []
    for _ in range(200):
        before = len(studio.heard)
        await studio.turn(5)
        at += [studio.now] * (len(studio.heard) - before)
    waits = [later - earlier for earlier, later in pairwise(at)]
    assert waits == sorted(waits)
    assert waits[:3] == [30, 60, 120]
    studio.fails = ""
    await studio.turn(3600)
    told = len(studio.heard)
    await studio.turn(3600)
    assert len(studio.heard) == told


async def test_a_batch_that_is_done_is_told_and_one_that_begins_is_not(studio: Studio) -> None:
    batch = Batch("b", "boots 1", "studio", studio.now)
    [number] = studio.journal.write(jobs.add, batch, [new_job(batch="b")])
    await studio.turn(5)
    assert studio.heard == []

    def end(db: Any) -> None:
        job = jobs.get(db, number)
        assert job is not None
        jobs.move(db, job, Stage.NEW, Status.CANCELLED, "cancelled")

    studio.journal.write(end)
    await studio.turn(5)
    [message] = studio.heard
    assert (message.topic, message.text) == ("done", "boots 1: 0 saved, 1 ended without a result, 0 need you.")
    studio.notices = studio.engine()
    await studio.turn(GROUPED)
    assert len(studio.heard) == 1


async def test_a_batch_that_comes_and_goes_before_the_first_look_is_told_too(studio: Studio) -> None:
    def come_and_go(db: Any) -> None:
        [number] = jobs.add(db, Batch("b", "boots 1", "studio", studio.now - 1), [new_job(batch="b")])
        job = jobs.get(db, number)
        assert job is not None
        jobs.move(db, job, Stage.NEW, Status.CANCELLED, "cancelled")

    studio.journal.write(come_and_go)
    studio.notices = studio.engine()
    for _ in range(3):
        await studio.turn(5)
    assert [message.topic for message in studio.heard] == ["done"]


async def test_a_day_has_one_summary_at_its_hour(studio: Studio) -> None:
    daily = SCRIPT._replace(on=("daily 18:00",))
    studio.config = studio.config._replace(notify=(daily,), timezone=UTC)
    studio.now = 1_700_000_000 // 86_400 * 86_400 + 17 * 3600
    for _ in range(3 * 24 * 12):
        await studio.turn(300)
    assert [message.topic for message in studio.heard] == ["daily"] * 3
    assert "0 saved, 0 failed, all is well" in studio.heard[0].text


async def test_a_watcher_that_was_killed_is_told_by_the_next(studio: Studio) -> None:
    for state in ("running", "ended"):
        studio.journal.write(requests.engine_starts, 1, "mini", requests.WATCH, "1")
        studio.journal.write(requests.engine_ready, 1)
        if state == "ended":
            studio.journal.write(lambda db: requests.engine_ends(db, requests.engine(db).generation))
    studio.journal.write(requests.engine_starts, 3, "mini", requests.WATCH, "1")
    await studio.turn(5)
    [message] = studio.heard
    assert [one["code"] for one in message.notices] == ["watch-killed"], "that which ended in order is not told"


async def test_that_watching_has_ended_is_told_once_by_a_command_and_over_by_the_next_watcher(studio: Studio) -> None:
    studio.config = studio.config._replace(watch=({"name": "boots"},))
    studio.journal.write(requests.engine_starts, 1, "mini", requests.WATCH, "1")
    studio.journal.write(requests.engine_ready, 1)
    studio.rule(RuleState.OFFLINE)
    await studio.turn(5)
    for _ in range(3):
        studio.notices = studio.command()
        await studio.turn(5)
    studio.journal.write(requests.engine_starts, 2, "mini", requests.WATCH, "1")
    studio.notices = studio.engine()
    await studio.turn(GROUPED)
    told = [(one["code"], one["over"]) for message in studio.heard for one in message.notices]
    assert told == [("offline", False), ("watch-ended", False), ("watch-ended", True)]


async def test_a_target_hears_only_of_its_topics_and_from_when_it_is_there(studio: Studio) -> None:
    studio.config = studio.config._replace(notify=(SCRIPT._replace(on=("money",)),))
    studio.rule(RuleState.OFFLINE)
    await studio.turn(5)
    assert studio.heard == []
    studio.config = studio.config._replace(notify=(SCRIPT._replace(command=("/bin/false",)),))
    await studio.turn(5)
    assert studio.heard == [], "it was wrong before anybody asked to be told"


async def test_what_an_unknown_version_noted_is_forgotten(studio: Studio) -> None:
    strange = Notice(1.0, "trouble", "of-tomorrow", "x", over=False, count=1, facts={})
    studio.journal.write(notices.note, [strange], [])
    await studio.turn(5)
    assert studio.heard == []
    assert studio.journal.read(notices.known) == {}


async def test_how_an_account_is_away_is_a_trouble_too(studio: Studio) -> None:
    studio.journal.write(accounts.set_away, "studio", studio.now - 7200, "refused")
    changes = studio.journal.read(studio.notices._changes)
    assert [one.code for one in changes.told] == ["service-away"]


# ----------------------------------------------------------------------------------------------------------- commands

MESSAGE = NoticeMessage("trouble", "artui on mini: boots", "boots is offline.", "mini", 1, [{"code": "offline"}])


def python(code: str) -> NotifyTarget:
    return NotifyTarget(command=(sys.executable, "-c", code))


async def test_a_command_gets_the_facts_and_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", "a secret")
    file = tmp_path / "told.json"
    code = f"import json,os,sys; json.dump([json.load(sys.stdin), dict(os.environ)], open({str(file)!r}, 'w'))"
    assert await tell(python(code), MESSAGE) == ""
    document, environment = json.loads(file.read_text())
    assert (document["schema"], document["text"], document["notices"]) == (1, MESSAGE.text, [{"code": "offline"}])
    assert environment["ARTUI_TITLE"] == MESSAGE.title
    assert environment["ARTUI_TOPIC"] == "trouble"
    assert "ARTUI_STUDIO_TOKEN" not in environment


async def test_no_shell_sees_a_command() -> None:
    assert "No such file" in await tell(NotifyTarget(command=("echo hello; true",)), MESSAGE)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import sys; sys.exit('not\\x1b now')", "it ended with 1: not"),
        ("raise SystemExit(3)", "it ended with 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "it ended with -9"),
        ("import sys; sys.stdout.write('x' * 20_000_000)", ""),
        ("import os; os.close(0)", ""),
    ],
)
async def test_what_a_command_says_and_how_it_ends(code: str, failure: str) -> None:
    found = await tell(python(code), MESSAGE)
    assert found.startswith(failure)
    assert bool(found) == bool(failure)
    assert found.isprintable()


async def test_a_command_that_hangs_is_killed_with_what_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "TIME_LIMIT", 0.5)
    file = tmp_path / "child"
    code = f"import os, time; child = os.fork(); child and open({str(file)!r}, 'w').write(str(child)); time.sleep(60)"
    assert "did not end" in await tell(python(code), MESSAGE)
    await eventually(lambda: file.exists() and not _lives(int(file.read_text() or 0)))


async def test_a_child_that_a_command_leaves_behind_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "child"
    code = (
        "import os, time\nchild = os.fork()\n"
        f"if child: open({str(file)!r}, 'w').write(str(child))\n"
        "else:\n os.close(1); os.close(2); time.sleep(60)"
    )
    assert await tell(python(code), MESSAGE) == ""
    await eventually(lambda: not _lives(int(file.read_text())))


async def test_a_command_that_writes_without_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "TIME_LIMIT", 0.5)
    async with asyncio.timeout(PATIENCE):
        assert "did not end" in await tell(NotifyTarget(command=("yes",)), MESSAGE)


async def test_a_command_that_has_ended_counts_whatever_its_child_holds_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "TIME_LIMIT", 0.5)
    assert await tell(NotifyTarget(command=("/bin/sh", "-c", "sleep 60 & exit 0")), MESSAGE) == ""
    assert "ended with 4" in await tell(NotifyTarget(command=("/bin/sh", "-c", "sleep 60 & exit 4")), MESSAGE)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path(f"/proc/{pid}").exists() else True


# ------------------------------------------------------------------------------------------- heartbeat, log, commands


async def test_a_sign_of_life_is_given_while_nothing_is_wrong(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(200, b"{}")) as peer:
        studio.config = studio.config._replace(heartbeat=HeartbeatSettings(f"{peer.url}/4c1f", 60))
        heartbeat, clock = Heartbeat(studio.notices), 1000.0
        heartbeat.sent_at = clock
        monkeypatch.setattr(time, "monotonic", lambda: clock)

        async def signs_after(seconds: float) -> int:
            nonlocal clock
            clock += seconds
            await heartbeat.beat()
            return b"".join(bytes(link.received) for link in peer.links).count(b"GET /4c1f")

        assert await signs_after(59) == 0
        assert await signs_after(1) == 1
        studio.rule(RuleState.OFFLINE)
        assert await signs_after(61) == 1, "silence is the alarm"
        studio.rule(RuleState.WATCHING)
        assert await signs_after(61) == 2
    assert await signs_after(61) == 2, "an address that does not answer ends nothing"


def test_a_log_of_json_has_an_object_in_each_line(tmp_path: Path) -> None:
    code = (
        "import logging, pathlib, sys; from artui.engine.log import log_to_file\n"
        "log_to_file(pathlib.Path(sys.argv[1]), as_json=True); log = logging.getLogger('a')\n"
        "log.warning('one %s', 'two\\nthree \\x1b')\n"
        "try: 1 / 0\nexcept ZeroDivisionError: log.exception('four')"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "log"], check=True)
    first, second = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (first["level"], first["logger"]) == ("warning", "a")
    assert first["message"].startswith("one two")
    assert "\x1b" not in first["message"]
    assert "ZeroDivisionError" in second["traceback"]


def test_notify_test_tells_everybody_and_says_what_came_of_it(studio_file: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    with studio_file.open("a") as file:
        file.write(f'[[notify]]\ncommand = ["/usr/bin/touch", "{told}"]\n[[notify]]\ncommand = ["/bin/false"]\n')
    session = Session(paths({"ARTUI_HOME": str(tmp_path)}))
    found = CliRunner().invoke(notify_command, ["test"], obj=session, standalone_mode=False)
    assert found.return_value == Exit.FAILED
    assert told.exists()
    assert "/usr/bin/touch: told (needs you, trouble, money)" in found.stdout
    assert "/bin/false: it ended with 1" in found.stdout


def test_metrics_are_openmetrics(studio_file: Path, tmp_path: Path) -> None:
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    session = Session(paths({"ARTUI_HOME": str(tmp_path)}))
    with session.journal() as journal:
        [number, _] = journal.write(jobs.add, None, [new_job(), new_job()])
        journal.write(accounts.set_balance, "studio", 70, time.time())

        def try_again(db: Any) -> None:
            job = jobs.get(db, number)
            assert job is not None
            job = jobs.move(db, job, Stage.NEW, Status.RUNNING, "taken")
            jobs.move(db, job, Stage.NEW, Status.WAITING, "try again", reason=Reason.TRY_AGAIN, due=1.0)

        journal.write(try_again)
    text = CliRunner().invoke(metrics_command, [], obj=session, standalone_mode=False).stdout
    samples = {
        " ".join([one.name, *sorted(one.labels.values())]).rstrip(): one.value
        for family in parser.text_string_to_metric_families(text) for one in family.samples
    }  # fmt: skip
    assert samples["artui_jobs  ready studio"] == 1
    assert samples["artui_failed_tries studio"] == 1
    assert samples["artui_balance_credits studio"] == 70
    assert samples["artui_cap_credits day studio"] == 100
    assert samples["artui_condition  engine-absent"] == 1
    assert samples["artui_engine_up"] == 0
    assert samples["artui_oldest_waiting_seconds"] >= 0


@pytest.fixture
def studio_file(tmp_path: Path) -> Path:
    where = paths({"ARTUI_HOME": str(tmp_path)})
    where.create()
    where.config_file.write_text('[accounts.studio]\nprovider = "autoretouch"\ncaps = { day = 100 }\n')
    return where.config_file


# ----------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[notify]]\non = ['done']", "needs a command or a url"),
        ("[[notify]]\ncommand = ['a']\nurl = 'ntfy://x'", "needs a command or a url"),
        ("[[notify]]\ncommand = 'a'", "must be a list of texts"),
        ("[[notify]]\ncommand = ['a']\non = ['troubles']", "did you mean trouble"),
        ("[[notify]]\ncommand = ['a']\non = ['daily 25:00']", "must list some of"),
        ("[[notify]]\ncommand = ['a']\nwhen = 1", "is no setting of a [[notify]] table"),
        ("[notify]\ncommand = ['a']", "must be an array of tables"),
        ("[heartbeat]\nurl = 'ftp://a'", "must start with http"),
        ("[heartbeat]\nevery = 1", "must be a number from 10"),
        ("log = 'xml'", "must be one of text, json"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    where = paths({"ARTUI_HOME": str(tmp_path)})
    where.create()
    where.config_file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load(where, {})
    assert complaint in str(refused.value)


def test_the_settings_know_every_topic() -> None:
    assert {word.removesuffix(" 18:00") for word in TOPICS} == set(Topic)


def test_without_a_word_three_topics_are_told(tmp_path: Path) -> None:
    where = paths({"ARTUI_HOME": str(tmp_path)})
    where.create()
    where.config_file.write_text("[[notify]]\ncommand = ['a']\n[[notify]]\nurl = 'ntfy://x'\non = ['daily 07:30']")
    first, second = load(where, {}).notify
    assert first.topics == ("needs you", "trouble", "money")
    assert (second.topics, second.daily, second.name) == (("daily",), (7, 30), "ntfy:…")


def test_notify_ended_tells_once_also_where_no_journal_remembers_it(studio_file: Path, tmp_path: Path) -> None:
    told, where = tmp_path / "told", paths({"ARTUI_HOME": str(tmp_path)})
    with studio_file.open("a") as file:
        file.write(f'[[notify]]\ncommand = ["/bin/sh", "-c", "echo $ARTUI_TEXT >> {told}"]\n')

    def ended() -> Any:
        return CliRunner().invoke(notify_command, ["ended"], obj=Session(where), standalone_mode=False).return_value

    assert ended() == Exit.OK
    assert not told.exists(), "no rule is written down that could be watched"
    where.journal.write_bytes(b"no journal" * 1000)
    assert [ended(), ended()] == [Exit.OK, Exit.OK]
    [line] = told.read_text().splitlines()
    assert line.startswith("Watching has ended and cannot go on: ")
    os.utime(where.state / "ended.told", (1.0, 1.0))
    assert (ended(), len(told.read_text().splitlines())) == (Exit.OK, 2)
    assert str(where.journal) in line
