"""`artui watch` as an operator's service: a real process, its lines, signals, hand-over, and the commands beside it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from artui import config
from artui.cli.exits import Exit
from artui.cli.watching import Outlet, Voice, VoiceLevel, WatchPrinter, leads_to_journald
from artui.config import ConfigError, load, paths
from artui.config.known import RULE
from artui.engine.anchor import open_journal
from artui.journal import requests, rules
from artui.journal.rules import RuleState
from artui.model.job import Event
from artui.model.states import Stage, Status
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator
from artui.watch.rules import load_rules
from tests.desk import Desk
from tests.studio import ASKING
from tests.waiting import PATIENCE, until
from tests.watch_post import land, written

ARTUI = [sys.executable, "-m", "artui"]


class Watch:
    """`artui watch` in a process of its own."""

    def __init__(self, folder: Path, *options: str, **more: Any) -> None:
        self.file = folder / f"said {time.monotonic_ns()}"
        with self.file.open("wb") as out:
            plain = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
            self.process = subprocess.Popen([*ARTUI, "watch", *options], **{**plain, **more})

    @property
    def said(self) -> str:
        return self.file.read_text()

    def says(self, *texts: str) -> None:
        """Wait until each text was said, in this order."""
        at = 0
        for text in texts:
            until(lambda text=text, at=at: text in self.said[at:], told=lambda: self.said)
            at = self.said.index(text, at)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and wait for its end; returns how it ended."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def stand_in(simulator: Simulator) -> Simulator:
    """A stand-in that knows no batch of a rule called alike, by which a doubt is counted."""
    return simulator


@pytest.fixture
def watch(desk: Desk, tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def start(*options: str, **more: Any) -> Watch:
        started.append(Watch(tmp_path, *options, **more))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(PATIENCE)


def write_rule(desk: Desk, more: str = "") -> None:
    """Write the one rule of these tests into config.toml."""
    desk.configure()
    desk.inbox.mkdir(exist_ok=True)
    with paths().config_file.open("a") as file:
        file.write(written("boots", desk.inbox, desk.out, more=more))


def drop(desk: Desk, name: str, seed: int = 0) -> Path:
    """Let a whole photo land in the inbox."""
    return land(desk.folder, desk.inbox / name, seed)


def charges(desk: Desk) -> int:
    return len(desk.simulator.ledger)


# ------------------------------------------------------------------------------------------------- the service


def test_what_lands_is_sent_saved_and_told_and_the_commands_see_it(desk: Desk, watch: Callable[..., Watch]) -> None:
    write_rule(desk, 'after = "move"\n[watch.caps]\nday = 500')
    before = charges(desk)
    service = watch()
    service.says("boots: watching")
    drop(desk, "a.jpg", 1)
    service.says("boots: 1 taken: a.jpg", "+ a.jpg: saved as a.png (10 credits)")
    assert charges(desk) == before + 1
    until((desk.inbox / "done" / "a.jpg").exists)

    status = desk("status")
    assert status.code == Exit.OK
    assert "boots: watching, today 10 of 500" in status.out
    assert desk("status", "--json").json["rules"][0]["jobs"]["done"] == 1
    other = watch()
    assert other.process.wait(PATIENCE) == Exit.LOCKED
    other.says(f"`artui watch` runs already (process {service.process.pid} on")
    assert desk("pause", "--rule", "boots").code == Exit.OK
    service.says("boots: paused")
    assert "boots: paused" in desk("status").out
    assert desk("allow", "boots", "200").code == Exit.USAGE, "what it may cost is agreed to first"
    assert "200 more until midnight" in desk("allow", "boots", "200", "--yes").out
    assert "today 10 of 700" in desk("status").out
    assert desk("resume", "--rule", str(desk.inbox)).code == Exit.OK
    assert desk("allow", "shoes", "200").code == Exit.USAGE

    done = desk.inbox / "done" / "a.jpg"
    assert [job["id"] for job in desk("why", done, "--json").json["jobs"]] == [1]
    assert "at most 10 credits" in desk("redo", done, "--dry-run").out
    assert service.end() == Exit.OK
    service.says("artui has ended in order.")
    assert "boots: not watched" in desk("status").out
    drop(desk, "b.jpg", 2)
    why = desk("why", desk.inbox / "b.jpg", "--json").json["rule"]
    assert (why["verdict"], why["price"], why["output"]) == ("take", 10, str(desk.out / "b"))


def test_hup_reads_the_rules_again_and_a_bad_file_keeps_the_old_ones(desk: Desk, watch: Callable[..., Watch]) -> None:
    write_rule(desk)
    service = watch()
    service.says("boots: watching")
    good = paths().config_file.read_text()
    paths().config_file.write_text(good + "\n[[watch]]\nfolder = '/nowhere'\n")
    assert desk("config", "check").code == Exit.USAGE
    service.process.send_signal(signal.SIGHUP)
    service.says("The rules stay as they were", "output")
    drop(desk, "a.jpg", 1)
    service.says("saved as a.png")
    (desk.folder / "in2").mkdir()
    paths().config_file.write_text(good + written("shirts", desk.folder / "in2", desk.out))
    service.process.send_signal(signal.SIGHUP)
    service.says("The rules were read again: 2 of them", "shirts: watching")
    drop(desk, "b.jpg", 2)
    service.says("saved as b.png")
    assert service.end() == Exit.OK


def test_a_restart_after_kill_submits_nothing_anew(desk: Desk, watch: Callable[..., Watch]) -> None:
    write_rule(desk)
    for seed in range(6):
        drop(desk, f"{seed}.jpg", seed)
    before = charges(desk)
    for done in (1, 3):
        service = watch()
        until(lambda done=done: charges(desk) >= before + done, told=desk.jobs)
        service.end(signal.SIGKILL)
    service = watch()
    until(lambda: len(list(desk.out.glob("*.png"))) == 6, told=lambda service=service: service.said)
    service.end()
    assert charges(desk) == before + 6
    assert len(desk.jobs()) == 6


def test_the_service_manager_is_told_all(desk: Desk, watch: Callable[..., Watch], tmp_path: Path) -> None:
    write_rule(desk)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        heard: list[str] = []

        def hears(text: str) -> None:
            while not any(line.startswith(text) for line in heard):
                heard.extend(manager.recv(4096).decode().splitlines())

        with (tmp_path / "journal").open("wb") as journal:
            there = os.fstat(journal.fileno())
            told = {
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "600000",
                "JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}",
            }
            service = watch(env={**os.environ, **told}, stderr=journal)
        hears("READY=1")
        hears("STATUS=1 folder")
        hears("WATCHDOG=1")
        heard.clear()
        hears("WATCHDOG=1")
        service.process.send_signal(signal.SIGHUP)
        hears("RELOADING=1")
        hears("MONOTONIC_USEC=")
        heard.clear()
        hears("READY=1")
        service.process.send_signal(signal.SIGUSR1)
        until(lambda: "status: no jobs; " in paths().log.read_text(), told=paths().log.read_text)
        for level in ("DEBUG", "INFO"):
            service.process.send_signal(signal.SIGUSR2)
            until(lambda level=level: f"level is {level} now" in paths().log.read_text(), told=paths().log.read_text)
        heard.clear()
        hears("WATCHDOG=1")
        service.process.send_signal(signal.SIGTERM)
        hears("STOPPING=1")
        assert service.process.wait(PATIENCE) == Exit.OK
    lines = (tmp_path / "journal").read_text().splitlines()
    assert all(line[:3] in ("<6>", "<4>") for line in lines), lines


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it is looked up there which signals wait")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_comes_before_it_watches_is_not_lost_and_no_failure(
    desk: Desk, watch: Callable[..., Watch], number: signal.Signals
) -> None:
    write_rule(desk)
    service = watch()
    status, waits = Path(f"/proc/{service.process.pid}/status"), 1 << (signal.SIGHUP - 1)
    until(lambda: int(re.findall(r"SigBlk:\s*(\w+)", status.read_text())[0], 16) & waits, rest=lambda: None)
    service.process.send_signal(number)
    if number is signal.SIGHUP:
        service.says("The rules were read again: 1 of them")
        assert service.end() == Exit.OK
    else:
        assert service.process.wait(PATIENCE) == Exit.OK


def test_a_hang_up_changes_nothing(desk: Desk, watch: Callable[..., Watch]) -> None:
    """The terminal goes away: the lines have nowhere to go, and the work goes on."""
    write_rule(desk)
    ours, theirs = pty.openpty()
    service = watch(stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_own_terminal)
    os.close(theirs)
    screen = b""
    while b"boots: watching" not in screen:
        screen += os.read(ours, 4096)
    os.close(ours)
    log = paths().log
    until(lambda: "The terminal is gone" in log.read_text(), told=log.read_text)
    drop(desk, "a.jpg", 1)
    until(lambda: "saved as a.png" in log.read_text(), told=log.read_text)
    assert "read again" not in log.read_text()
    assert service.end() == Exit.OK


def _own_terminal() -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_background_engine_hands_over_without_losing_a_step(desk: Desk, watch: Callable[..., Watch]) -> None:
    write_rule(desk)
    sent = desk.folder / "sent"
    sent.mkdir()
    for seed in range(8):
        noise_jpeg(sent / f"{seed}.jpg", 20_000, 100 + seed)
    before = charges(desk)
    assert desk("submit", sent, "-w", "Export only", "-o", desk.folder / "results", "--yes").code == Exit.OK
    service = watch()
    service.says("hands over", "boots: watching")
    until(lambda: len(list((desk.folder / "results").glob("*.png"))) == 8, told=lambda service=service: service.said)
    assert desk("status", "--json").json["engine"]["mode"] == "watch"
    assert desk("stop").code == Exit.OK
    assert service.process.wait(PATIENCE) == Exit.OK
    assert charges(desk) == before + 8


def test_a_second_term_leaves_at_once(desk: Desk, watch: Callable[..., Watch]) -> None:
    write_rule(desk)
    service = watch()
    service.says("boots: watching")
    fault(desk, "autoretouch.create", "delay:20")
    drop(desk, "a.jpg", 1)
    until(lambda: any(job["stage"] == "submitting" for job in desk.jobs()))
    service.process.send_signal(signal.SIGTERM)
    until(lambda: desk("status", "--json").json["engine"]["state"] == "ending")
    service.says("Ending in order: what is being paid is awaited.")
    assert service.process.poll() is None
    assert service.end() == 128 + signal.SIGTERM


def fault(desk: Desk, route: str, do: str) -> None:
    ASKING.post(f"{desk.simulator.url}/_sim/faults", json=[{"route": route, "do": do}]).raise_for_status()


# ------------------------------------------------------------------------------------------ a folder given by hand


def test_a_folder_alone_needs_a_yes_and_ends_as_its_jobs_did(desk: Desk, watch: Callable[..., Watch]) -> None:
    desk.photo("a.jpg", 1)
    given = ("watch", desk.inbox, "-w", "Export only", "-o", desk.out)
    said = desk(*given)
    assert (said.code, desk.jobs()) == (Exit.USAGE, [])
    assert "1 file lies in" in said.err
    assert "10 credits each, without a cap" in said.err
    plan = desk(*given, "--dry-run", "--json")
    assert [(one["verdict"], one["price"], one["output"]) for one in plan.json] == [("take", 10, str(desk.out / "a"))]
    assert not (desk.inbox / ".artui-folder").exists()

    once = watch(*map(str, given[1:]), "--once", "--yes", "--json")
    assert once.process.wait(PATIENCE) == Exit.OK
    lines = [json.loads(line) for line in once.said.splitlines()]
    assert {"note", "watch", "event"} == {line["type"] for line in lines}
    assert [job["status"] for job in desk.jobs()] == ["done"]
    drop(desk, "b.jpg", 2)
    capped = watch(*map(str, given[1:]), "--once", "--yes", "--cap", "5")
    assert capped.process.wait(PATIENCE) == Exit.CAP
    assert "is reached: 10 of 5" in capped.said
    assert "! 1 held: cap. `artui jobs --status held` lists them." in capped.said
    assert [job["status"] for job in desk.jobs()] == ["done", "held"]


def test_options_of_a_folder_need_one(desk: Desk) -> None:
    assert desk("watch", "--cap", "5").code == Exit.USAGE
    said = desk("watch")
    assert (said.code, "[[watch]]" in said.err) == (Exit.USAGE, True)


# ------------------------------------------------------------------------------------------------------ its voice


def test_a_yes_to_a_rule_that_nobody_watches_says_so(desk: Desk) -> None:
    with open_journal(paths()) as journal:
        given: dict[str, Any] = {"run": None, "day": None, "month": None, "twins": "copy"}
        journal.write(partial(rules.load, name="shoot", folder=desk.inbox, account="studio", **given), "r")
        journal.write(rules.set_state, "r", RuleState.ENDED, "no engine watches it")
        said = desk("resume", "--rule", "shoot", "--yes")
        assert said.code == Exit.FAILED
        assert "start `artui watch`" in said.err
        assert desk("resume", "--rule", "shoot", "--dry-run", "--json").json[0]["refused"]
        number = journal.write(lambda db: requests.enqueue(db, "resume rule", rule="r"))
        journal.write(lambda db: rules.carry_out(db, requests.pending(db)[0], rules.resume, "2026-01-01"))
        outcome = journal.read(requests.outcome, number)
        assert outcome is not None
        assert outcome.refused
        assert not journal.read(rules.row, "r").agreed
        assert desk("pause", "--rule", "shoot").code == Exit.OK
        resumed = desk("resume", "--rule", "shoot")
        assert (resumed.code, "as soon as `artui watch` runs" in resumed.out) == (Exit.OK, True)


def test_a_reader_who_does_not_read_holds_nothing_up() -> None:
    reader, writer = os.pipe()
    outlet = Outlet(writer)
    began = time.monotonic()
    for number in range(30_000):
        outlet.put(f"line {number} {'x' * 80}")
    assert time.monotonic() - began < 5
    os.close(reader)
    outlet.close()
    os.close(writer)


def test_trouble_that_many_share_is_one_line_and_each_end_is_its_own() -> None:
    lines: list[str] = []
    teller = WatchPrinter(Voice(SimpleNamespace(put=lines.append), in_journal=True))  # type: ignore[arg-type]
    for number in range(50):
        job = SimpleNamespace(source=Path(f"{number}.jpg"), reason="credits", rule="r", charged=10)
        held = Event(number, number, 0.0, "held", Stage.UPLOADED, Status.HELD, "4 credits are left, it costs 10")
        saved = Event(number, number, 0.0, "saved", Stage.SAVED, Status.DONE, f"{number}.png")
        teller.event(held, job)  # type: ignore[arg-type]
        if number < 2:
            teller.event(saved, job)  # type: ignore[arg-type]
    teller.pause()
    teller.pause()
    assert lines == [
        "<6>+ 0.jpg: saved as 0.png (10 credits)",
        "<6>+ 1.jpg: saved as 1.png (10 credits)",
        "<4>! 50 photos: credits; the first 0.jpg: 4 credits are left, it costs 10",
    ]


def test_a_quiet_watch_says_only_what_is_wrong() -> None:
    lines: list[str] = []
    voice = Voice(SimpleNamespace(put=lines.append), is_quiet=True)  # type: ignore[arg-type]
    voice.say("a photo is saved")
    voice.say("a folder is gone", VoiceLevel.WARNING)
    [line] = lines
    assert line.endswith("a folder is gone")


def test_only_journalds_own_stream_gets_priorities(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        there = os.fstat(file.fileno())
        assert leads_to_journald(file.fileno(), {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"})
        assert not leads_to_journald(file.fileno(), {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino + 1}"})
        assert not leads_to_journald(file.fileno(), {})


def test_the_example_shows_every_setting_of_a_rule() -> None:
    where = paths()
    where.create()
    _, _, watched = config.example().partition("## ---- Watched folders")
    text = "\n".join(line.removeprefix("# ") for line in watched.splitlines()[1:] if not line.startswith("##"))
    before = 'name = "cutout"\nfolder = "/srv/raw"\noutput = "/srv/photos/in"\nexisting = "ignore"\nworkflow = "w"\n'
    where.config_file.write_text(f'[accounts.studio]\nprovider = "autoretouch"\n{text}\n[[watch]]\n{before}')
    found = load()
    assert set(found.watch[0]) == {*RULE, "caps"}
    with pytest.raises(ConfigError, match="workflow and workflows both say"):
        load_rules(found)
    where.config_file.write_text(where.config_file.read_text().replace("\nworkflows = ", "\n# workflows = ", 1))
    assert load_rules(load())[0].name == "boots"
