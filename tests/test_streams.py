"""Commands whose output nobody takes: full, closed, or its reader gone. What was done decides how they end."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from artui.cli import run
from artui.cli.exits import Exit
from artui.config import paths
from artui.engine.lock import lock_is_held
from tests.desk import Desk
from tests.waiting import until

ARTUI = [sys.executable, "-m", "artui"]
CLOSED, FULL, GONE, FINE = "closed", "full", "gone", "fine"
FILLED = "No space left on device"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@contextmanager
def stream(state: str) -> Iterator[int]:
    """What a stream leads to; what is closed is closed by the shell."""
    if state == GONE:
        reader, end = os.pipe()
        os.close(reader)
    else:
        end = os.open("/dev/full" if state == FULL else os.devnull, os.O_WRONLY)
    try:
        yield end
    finally:
        os.close(end)


def artui(*arguments: str | Path, out: str = FINE, err: str = FINE) -> Ended:
    """Run a command as a process of its own, its streams in these states."""
    closed = (" >&-" if out == CLOSED else "") + (" 2>&-" if err == CLOSED else "")
    command = ["sh", "-c", f'exec "$@"{closed}', "sh", *ARTUI, *map(os.fspath, arguments)]
    with stream(out) as to, stream(err) as other:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, check=False, timeout=60, text=True,
            stdout=subprocess.PIPE if out == FINE else to, stderr=subprocess.PIPE if err == FINE else other,
        )  # fmt: skip
    return Ended(ended.returncode, ended.stdout or "", ended.stderr or "")


ONE = [(state, FINE) for state in (CLOSED, FULL, GONE)]
OTHER = [(FINE, state) for state in (CLOSED, FULL, GONE)]
BOTH = [(CLOSED, CLOSED), (FULL, FULL), (GONE, GONE), (GONE, FULL)]


def check_said(said: Ended, sentence: str) -> None:
    """Nothing that looks like a defect, and the one sentence where there is one to say."""
    for text in (said.out, said.err):
        assert "Traceback" not in text
        assert "Exception ignored" not in text
        assert "itself failed" not in text
    assert said.err.count("cannot be written") == (1 if sentence else 0), said.err
    assert sentence in said.err


def why(state: str) -> str:
    return f"stdout cannot be written ({'it is closed' if state == CLOSED else FILLED})"


# ---------------------------------------------------------------------------------------------- commands that look

LOOKS = (
    ("status",),
    ("status", "--json"),
    ("jobs",),
    ("jobs", "--json"),
    ("config", "show"),
    ("accounts", "--json"),
    ("--help",),
    ("submit", "--help"),
    ("--version",),
)


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_what_only_looks_ends_with_two_or_quietly(desk: Desk, command: tuple[str, ...], *, long: bool) -> None:
    for out, err in ONE:
        said = artui(*command, out=out, err=err)
        check_said(said, "" if out == GONE else f"{why(out)}. Nothing was done.")
        assert said.code == (Exit.OK if out == GONE else Exit.USAGE), (out, said)
    if not long and command not in (LOOKS[0], LOOKS[3]):  # the other streams are everywhere written to in one way
        return
    for out, err in OTHER:
        said = artui(*command, out=out, err=err)
        assert (said.code, bool(said.out)) == (Exit.OK, True), (err, said)
    for out, err in BOTH:
        assert artui(*command, out=out, err=err).code == (Exit.OK if out == GONE else Exit.USAGE), (out, err)


@pytest.mark.parametrize(("out", "err"), [*ONE, *OTHER, *BOTH])
def test_a_mistake_keeps_its_code(out: str, err: str) -> None:
    assert artui("nope", out=out, err=err).code == Exit.USAGE
    assert artui("balance", out=out, err=err).code == Exit.USAGE


def test_a_reader_who_has_seen_enough_ends_it_quietly(desk: Desk) -> None:
    for seed in range(3):
        desk.photo(f"{seed}.jpg", seed)
    desk.send()
    for command in ("jobs", "jobs --json", "job 1", "config show"):
        ended = subprocess.run(
            ["bash", "-c", f'"$@" {command} | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}', "bash", *ARTUI],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (ended.returncode, ended.stderr) == (Exit.OK, ""), command


# ---------------------------------------------------------------------------------------------------------- sending

FLAGS = ((), ("--json",), ("--wait",), ("--wait", "--json"))


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: " ".join(flags) or "plain")
def test_submit_ends_by_what_was_queued(desk: Desk, flags: tuple[str, ...], *, long: bool) -> None:
    jobs = 0
    # With nothing also both streams amiss, with everything the other one; each flag alone with one amiss.
    small = {(): [*ONE, *BOTH], FLAGS[-1]: [*ONE, OTHER[1]]}.get(flags, ONE)
    for seed, (out, err) in enumerate([*ONE, *OTHER, *BOTH] if long else small):
        photo = desk.photo(f"{seed}.jpg", seed)
        charges = len(desk.simulator.ledger)
        said = artui(
            "submit", photo, "-w", "Export only", "-o", desk.out, "--yes", "--cap", "10", *flags, out=out, err=err
        )
        desk("wait")
        if err != FINE:  # the plan could not be shown
            assert said.code == Exit.USAGE, (out, err)
            assert (len(desk.jobs()), len(desk.simulator.ledger)) == (jobs, charges)
            continue
        jobs += 1
        assert (len(desk.jobs()), len(desk.simulator.ledger)) == (jobs, charges + 1)
        lacks = out == CLOSED or (out == FULL and "--json" in flags)
        check_said(said, why(out) if lacks else "")
        assert f"Queued as job {jobs}." in said.err or "--wait" in flags or not lacks
        assert said.code == (Exit.FAILED if lacks else Exit.OK), (out, said)


def test_a_reader_that_leaves_after_the_queueing_leaves_the_photos_code(desk: Desk) -> None:
    for seed in range(2):
        desk.photo(f"{seed}.jpg", seed)
    said = artui(
        "submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes", "--wait", "--json", "--cap", "10", out=GONE
    )
    assert said.code == Exit.CAP
    assert artui("wait", "--json", out=GONE).code == Exit.CAP
    assert artui("wait", err=GONE).code == Exit.CAP
    assert artui("wait", err=FULL).code == Exit.CAP
    desk("cancel", "--batch", desk.jobs()[0]["batch"])
    assert artui("wait", err=GONE).code == Exit.OK
    assert artui("wait", err=FULL).code == Exit.FAILED
    assert artui("wait", "--json", out=FULL).code == Exit.FAILED
    assert artui("wait", out=FULL).code == Exit.OK


def test_a_terminal_that_goes_while_photos_are_waited_for_changes_nothing(desk: Desk) -> None:
    desk.photo()
    command = [*ARTUI, "submit", str(desk.inbox), "-w", "Export only", "-o", str(desk.out), "--yes", "--wait"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr
        for line in child.stderr:
            if "at most" in line:
                break
        until(desk.jobs)
        child.stderr.close()
        assert child.wait(30) == Exit.OK
    assert [job["status"] for job in desk.jobs()] == ["done"]


@pytest.mark.parametrize("err", [FULL, CLOSED, GONE])
@pytest.mark.usefixtures("procfs")
def test_an_interrupt_is_one_however_little_can_be_said(desk: Desk, err: str) -> None:
    desk.control("options", qa=10_000_000)
    desk.photo()
    desk("submit", desk.inbox, "-w", "Human check", "-o", desk.out, "--yes")
    closed = " 2>&-" if err == CLOSED else ""
    with (
        stream(err) as other,
        subprocess.Popen(["sh", "-c", f'exec "$@"{closed}', "sh", *ARTUI, "wait", "--wait-qa"], stderr=other) as child,
    ):
        journal = paths().journal
        until(lambda: any(_leads(one) == journal for one in Path(f"/proc/{child.pid}/fd").iterdir()))
        until(lambda: child.send_signal(signal.SIGINT) or child.poll() is not None)
        assert child.returncode in (Exit.INTERRUPTED, -signal.SIGINT)
    desk.control("options", qa=45.0)


def _leads(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None


# ------------------------------------------------------------------------------------- each write fails, one by one


class Failing(io.StringIO):
    """A stream that takes so many writes and then none."""

    def __init__(self, takes: int, problem: int) -> None:
        super().__init__()
        self.takes = takes
        self.problem = problem
        self.failed = False

    def write(self, text: str) -> int:
        self.takes -= 1
        if self.takes < 0:
            self.failed = True
            raise OSError(self.problem, os.strerror(self.problem))
        return super().write(text)

    def isatty(self) -> bool:
        return False


SENT_BY: tuple[tuple[str, ...], ...] = (
    ("submit", "{photo}", "-w", "Export only", "-o", "{out}", "--yes"),
    ("submit", "{photo}", "-w", "Export only", "-o", "{out}", "--yes", "--wait"),
    ("submit", "{photo}", "-w", "Export only", "-o", "{out}", "--yes", "--wait", "--json"),
    ("redo", "1", "--yes"),
)


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EPIPE], ids=errno.errorcode.get)
@pytest.mark.parametrize("command", SENT_BY, ids=lambda words: " ".join(words[0:1] + words[6:]))
def test_whichever_write_fails_the_code_tells_whether_photos_were_queued(
    desk: Desk, command: tuple[str, ...], problem: int, *, long: bool
) -> None:
    if not long and problem == errno.EPIPE and command not in (SENT_BY[0], SENT_BY[-2]):
        pytest.skip("runs with --long: the disk that is full fails each write of each command")
    desk.photo("first.jpg", 1000)
    desk.send()
    for name in ("stderr", "stdout"):
        takes = 0
        while True:
            photo = desk.photo(f"{name}-{takes}.jpg", takes + (500 if name == "stdout" else 0))
            words = [word.format(photo=photo, out=desk.out) for word in command]
            before = len(desk.jobs())
            failing = Failing(takes, problem)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(sys, name, failing)
                code = run(words)
            queued = len(desk.jobs()) - before
            if not failing.failed:
                assert (code, queued) == (Exit.OK, 1)
                break
            right = Exit.USAGE if not queued else Exit.OK if problem == errno.EPIPE else Exit.FAILED
            assert code == right, (name, takes, queued)
            takes += 1
        assert takes or name == "stdout"
    desk("wait")


def test_a_failing_write_is_told_on_the_other_stream(desk: Desk) -> None:
    desk.photo()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", Failing(0, errno.ENOSPC))
        said = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes", "--json")
    assert said.code == Exit.FAILED
    assert said.err.splitlines()[-1].startswith("Queued as job 1. ")
    assert said.err.endswith(f"But stdout cannot be written ({FILLED}).\n")


# ------------------------------------------------------------------------------------------------- other decisions


def test_decisions_that_cannot_be_told_end_with_one(desk: Desk) -> None:
    desk.photo()
    for state in (CLOSED, FULL):
        for command in (("pause",), ("pause", "--json"), ("resume",), ("resume", "--json")):
            said = artui(*command, out=state)
            check_said(
                said, f"The engine was asked; `artui jobs` and `artui status` show what comes of it. But {why(state)}"
            )
            assert said.code == Exit.FAILED, command
    assert artui("pause", out=GONE).code == Exit.OK
    assert desk("accounts", "--json").json[0]["held"] == "paused"
    assert artui("resume", err=FULL).code == Exit.OK
    desk("submit", desk.inbox, "-w", "Always fails", "-o", desk.out, "--yes", "--wait")
    before = desk.jobs()
    assert artui("retry", "1", "--yes", err=FULL).code == Exit.USAGE  # what it costs could not be shown
    assert artui("retry", "1", "--yes", err=GONE).code == Exit.USAGE
    assert desk.jobs() == before
    assert artui("stop", err=FULL).code == Exit.FAILED
    assert not lock_is_held(paths())
    assert artui("stop", err=GONE).code == Exit.OK


def test_a_sign_in_that_cannot_be_told_is_kept(desk: Desk) -> None:
    token = os.environ["ARTUI_STUDIO_TOKEN"]
    desk.monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
    for number, (state, code) in enumerate(((FULL, Exit.FAILED), (CLOSED, Exit.FAILED), (GONE, Exit.OK))):
        with stream(state) as other:
            closed = " 2>&-" if state == CLOSED else ""
            command = [
                "sh",
                "-c",
                f'exec "$@"{closed}',
                "sh",
                *ARTUI,
                "login",
                "studio",
                "--with-token",
                "--store",
                "file",
            ]
            ended = subprocess.run(command, input=token, text=True, stderr=other, check=False, timeout=60)
        assert ended.returncode == code, number
        assert desk("balance").code == Exit.OK
        assert artui("logout", "studio", "--local", err=state).code == code
        assert desk("balance").code == Exit.LOGIN


def test_an_engine_that_does_not_come_up_after_the_queueing_is_no_two(desk: Desk) -> None:
    desk.photo()
    paths().create()
    paths().log.symlink_to(desk.folder / "elsewhere")
    said = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    assert said.code == Exit.FAILED
    assert "Queued as job 1." in said.err
    assert f"{paths().log} is a link and is not used: remove it" in said.err
    assert not (desk.folder / "elsewhere").exists()
    paths().log.unlink()
    assert desk("wait").code == Exit.OK


def test_config_init_and_the_stand_in_say_where_they_could_not(desk: Desk) -> None:
    paths().config_file.unlink()
    said = artui("config", "init", out=FULL)
    check_said(said, f"{paths().config_file} was made. But {why(FULL)}")
    assert (said.code, paths().config_file.exists()) == (Exit.FAILED, True)
    said = artui("sim", out=FULL)
    check_said(said, f"{why(FULL)}. Nothing was done.")
    assert said.code == Exit.USAGE


# ----------------------------------------------------------------------------------------------- streams not there


@pytest.mark.usefixtures("procfs")
def test_no_file_of_artuis_gets_the_number_of_a_closed_stream(desk: Desk) -> None:
    code = (
        "import sys, os, artui.cli.streams as s; s.open_missing();"
        "n = [os.path.realpath(f'/proc/self/fd/{i}') for i in range(3)];"
        "os.write(int(sys.argv[1]), repr(n).encode())"
    )
    with (desk.folder / "said").open("w") as said:
        command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code, str(said.fileno())]
        subprocess.run(command, pass_fds=[said.fileno()], check=True, timeout=60)
    assert (desk.folder / "said").read_text() == repr([os.devnull] * 3)


def test_data_never_goes_to_stdout_for_want_of_stderr(desk: Desk) -> None:
    said = artui("jobs", "--json", err=CLOSED)
    assert json.loads(said.out) == []
    assert artui("balance", "-a", "nope", err=CLOSED).out == ""
    assert artui("wait", "--json", err=CLOSED).out.startswith('{"type": "end"')


def test_a_watch_whose_reader_goes_watches_on(desk: Desk) -> None:
    desk.inbox.mkdir()
    for out, err, flags in ((GONE, FINE, ("--json",)), (FINE, FULL, ()), (FINE, GONE, ()), (CLOSED, CLOSED, ())):
        photo = desk.photo(f"{out}-{err}.jpg", len(desk.jobs()))
        said = artui(
            "watch", desk.inbox, "-w", "Export only", "-o", desk.out, "--once", "--yes", "--existing", "process",
            *flags, out=out, err=err,
        )  # fmt: skip
        assert said.code == Exit.OK, (out, err, said)
        assert desk("why", photo, "--json").json["jobs"][0]["status"] == "done"
