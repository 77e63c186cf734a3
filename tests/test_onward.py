"""A command that sends and then waits becomes the lighter one that waits: nobody can tell but by its memory."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from artui.cli.exits import Exit
from artui.cli.following import Following
from tests.desk import Desk
from tests.waiting import until

ARTUI = [sys.executable, "-m", "artui"]


def submitting(desk: Desk, *more: str) -> list[str]:
    return [*ARTUI, "submit", str(desk.inbox), "-w", "Human check", "-o", str(desk.out), "--yes", "--wait", *more]


def words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def resident(pid: int) -> int:
    """Megabytes of its own memory that are in use."""
    fields = Path(f"/proc/{pid}/status").read_text()
    [line] = (line for line in fields.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


@pytest.mark.usefixtures("procfs")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_waits_as_the_same_process_and_ends_as_ever(desk: Desk, number: signal.Signals) -> None:
    desk.control("options", qa=10_000_000)
    desk.photo()
    with subprocess.Popen(submitting(desk, "--wait-qa"), stderr=subprocess.PIPE, text=True) as child:
        until(lambda: "wait" in words(child.pid))
        until(lambda: desk.jobs()[0]["reason"] == "in QA", told=desk.jobs)
        assert resident(child.pid) <= 40  # 25 by a build that is not instrumented; 70 as the command it was
        child.send_signal(number)
        assert child.wait(30) == Exit.INTERRUPTED
        assert child.stderr
        said = child.stderr.read()
    assert "Human check" in said
    assert said.count("Not waiting any longer.") == 1
    desk.control("options", qa=45.0)


def test_what_it_prints_is_what_it_prints_in_one_process(desk: Desk) -> None:
    for seed in range(2):
        desk.photo(f"{seed}.jpg", seed)
    here = desk.send("--json", "--batch", "one")
    ended = subprocess.run(
        [*ARTUI, "submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes", "--wait", "--json"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, here.code) == (Exit.OK, Exit.OK)
    assert [line["type"] for line in here.lines][:1] == ["queued"]
    assert ended.stdout.splitlines()[0].startswith('{"type": "queued"')
    assert ended.stdout.splitlines()[-1].startswith('{"type": "end", "schema": 1, "exit": 0')
    assert ended.stdout.count('"type": "queued"') == ended.stdout.count('"type": "end"') == 1


def test_what_comes_while_it_becomes_the_other_ends_it_as_well(desk: Desk) -> None:
    desk.control("options", qa=10_000_000)
    desk.photo()
    desk("submit", desk.inbox, "-w", "Human check", "-o", desk.out, "--yes")
    arguments = Following(None, (), 0).arguments(with_qa=True, as_json=False)
    program = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'artui', *sys.argv[1:]])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == Exit.INTERRUPTED
    assert "Not waiting any longer." in ended.stderr
    desk.control("options", qa=45.0)


def test_what_it_waits_for_is_told_whole() -> None:
    told = Following("batch", (3, 5), 17, Exit.FAILED, "Queued as job 3.")
    assert Following.of(told.arguments(with_qa=True, as_json=True)[-1]) == told


def test_more_jobs_than_a_command_can_name_are_waited_for_in_the_same_process() -> None:
    """The system takes no argument of 128 kB; whoever calls goes on by itself then."""
    program = (
        "import sys, artui.cli as cli\n"
        "cli._become(['wait', '--following', 'x' * 5_000_000])\n"
        "import signal\n"
        "assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "print('here')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    assert ended.stdout == "here\n", ended.stderr
