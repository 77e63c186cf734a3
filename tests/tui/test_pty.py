"""The whole console in a pseudo-terminal: keys, ends and kills as they happen to a person."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.engine.lock import lock_is_held
from artui.journal import Connection, jobs
from artui.model.states import Status
from artui.sim.server import Simulator, running
from tests.desk import Desk as CommandDesk
from tests.tui.desk import DOUBT, FAILED, QUEUED, SAVED, fill
from tests.tui.terminal import ARTUI, terminal
from tests.waiting import until

REST = 0.4
"""Seconds in which a console that has something to say would say it."""


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Simulator]:
    """One that is slow enough to be looked at while it works."""
    with running(Simulator(speed=5, seed=3)) as started:
        yield started


@pytest.mark.usefixtures("configured")
class TestAlone:
    def test_keys_work_and_leaving_gives_the_terminal_back(self) -> None:
        fill(FAILED, DOUBT, *[SAVED] * 30)
        with terminal("--ascii") as shown:
            shown.sees("[1 Jobs]", "2 need you", "failed at the service", "IMG_0000.jpg")
            shown.press("/")
            shown.sees("esc keeps the filter")
            shown.press("0001\r")
            shown.sees("[All 1]", "in doubt: paid or not?")
            shown.press("\x1b")
            shown.sees("[All 32]")
            shown.press("4")
            shown.sees("[4 Watch]", "No folder is watched")
            shown.press("?")
            shown.sees("Everywhere")
            shown.press("\x1b")
            shown.until(lambda: "Everywhere" not in shown.text)
            shown.press("q")
            assert shown.wait() == 0
            assert shown.sent.rindex(b"\x1b[?1049l") > shown.sent.rindex(b"\x1b[?1049h")
            assert b"\x1b[?25h" in shown.sent[shown.sent.rindex(b"\x1b[?1049h") :]

    def test_keys_typed_on_belong_to_what_the_first_one_opened(self) -> None:
        fill(FAILED, DOUBT, *[SAVED] * 30)
        with terminal("--ascii") as shown:
            shown.sees("[1 Jobs]", "IMG_0000.jpg")
            shown.press("/0001")  # no letter of it is a command
            shown.sees("1 job: quoted", "in doubt: paid or not?")
            shown.press("\r")
            shown.sees("enter details")
            shown.press("4")
            shown.sees("[4 Watch]", "No folder is watched")
            shown.press("1?")
            shown.sees("All about this job")

    def test_a_console_that_only_reads_offers_nothing_that_changes(self) -> None:
        fill(FAILED)
        with terminal("--ascii", "--readonly") as shown:
            shown.sees("failed at the service", "enter details")
            assert "r retry" not in shown.text
            shown.press("q")
            assert shown.wait() == 0

    def test_a_terminal_that_cannot_draw_gets_a_sentence(self) -> None:
        with terminal(environ={"TERM": "dumb"}) as shown:
            assert shown.wait() == 2
            shown.sees("This terminal cannot move its cursor")

    def test_a_small_terminal_gets_a_sentence_and_a_larger_one_the_console(self) -> None:
        fill(SAVED)
        with terminal("--ascii", size=(50, 12)) as shown:
            shown.sees("artui needs 60 x 18 cells")
            shown.resize(80, 24)
            shown.sees("[1 Jobs]", "IMG_0000.jpg")

    def test_a_resize_storm_ends_in_a_right_picture(self) -> None:
        fill(*[SAVED] * 50)
        with terminal("--ascii") as shown:
            shown.sees("IMG_0000.jpg")
            for size in [(60, 18), (160, 45), (40, 10), (81, 24), (139, 20)] * 6:
                shown.resize(*size)
                shown.read(0.01)
            shown.resize(100, 30)
            shown.sees("[All 50]", "50 jobs: quoted 500 = charged 500", "IMG_0020.jpg", "q leave")
            assert {len(line) for line in shown.lines} == {100}

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_told_to_end_it_gives_the_terminal_back(self, number: signal.Signals) -> None:
        fill(QUEUED)
        with terminal("--ascii") as shown:
            shown.sees("IMG_0000.jpg")
            shown.kill(number)
            assert shown.wait() == 130
            assert b"\x1b[?1049l" in shown.sent

    @pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGPROF"])
    def test_a_signal_that_means_nothing_changes_nothing(self, name: str) -> None:
        fill(QUEUED)
        with terminal("--ascii") as shown:
            shown.sees("IMG_0000.jpg")
            shown.kill(getattr(signal, name))
            shown.press("4")
            shown.sees("[4 Watch]")

    def test_ctrl_z_suspends_and_fg_shows_it_again(self) -> None:
        fill(QUEUED)
        shell = f"{shlex.join([*ARTUI, '--ascii'])}; echo SUSPENDED; read line; fg; echo LEFT"
        with terminal(program=("bash", "--norc", "-m", "-c", shell)) as shown:
            shown.sees("IMG_0000.jpg")
            shown.press("\x1a")
            shown.sees("SUSPENDED")
            shown.press("\r")
            shown.sees("[1 Jobs]", "IMG_0000.jpg", "q leave")
            shown.press("4")
            shown.sees("[4 Watch]", "No folder is watched")

    def test_a_closed_terminal_ends_it(self) -> None:
        fill(QUEUED)
        with terminal("--ascii") as shown:
            shown.sees("IMG_0000.jpg")
            shown.hang_up()
            assert shown.wait() in (130, 1, -signal.SIGHUP)

    def test_idle_it_sends_nothing(self) -> None:
        fill(SAVED, FAILED)
        with terminal("--ascii") as shown:
            shown.sees("IMG_0001.jpg")
            shown.read(REST)
            until(lambda: _quiet(shown))

    def test_a_hundred_thousand_jobs_open_and_every_key_answers(self) -> None:
        fill(FAILED, SAVED, QUEUED)
        with open_journal(paths()) as journal:
            journal.write(multiply, 3, 99_997)
        with terminal("--ascii") as shown:
            shown.sees("[All 100,000]", "Needs you 1", "IMG_0000.jpg", "failed at the service")
            shown.press("G")
            shown.sees("IMG_0099999.jpg", "queued")
            shown.press("g")
            shown.sees("failed at the service", "IMG_0000.jpg")
            shown.press("\x1b[C")
            shown.sees("[Needs you 1]")
            shown.until(lambda: "IMG_0100" not in shown.text)
            shown.press("0/")
            shown.sees("esc keeps the filter")
            shown.press("0054321\r")
            shown.sees("[All 1]", "IMG_0054321.jpg")
            shown.press("\x1b")
            shown.sees("[All 100,000]")
            shown.press("q")
            shown.reads("Leave the console?", "99,998 queued")
            shown.press("x")
            assert shown.wait() == 0


def multiply(db: Connection, number: int, times: int) -> None:
    """So many more jobs that stand as one job does: by one statement, a hundred thousand take two seconds."""
    own = {"source": "CAST('/photos/boots/IMG_' || printf('%07d', n) || '.jpg' AS BLOB)", "stem_key": "'more' || n"}
    columns = [name for _, name, *_ in db.execute("PRAGMA table_info(jobs)") if name != "id"]
    db.execute(
        f"INSERT INTO jobs ({', '.join(columns)}) SELECT {', '.join(own.get(name, name) for name in columns)}"
        " FROM (WITH RECURSIVE numbers (n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM numbers LIMIT ?) SELECT n"
        " FROM numbers), jobs WHERE id = ?",
        (times, number),
    )


def _quiet(shown: Any) -> bool:
    before = len(shown.sent)
    shown.read(3 * REST)
    return len(shown.sent) == before


class TestWithAnEngine:
    def test_an_engine_that_is_killed_is_told_of_and_shift_e_starts_another(self, desk: CommandDesk) -> None:
        desk.photo("boot.jpg")
        desk.control("options", qa=600)
        desk("submit", desk.inbox, "-w", "Human check", "-o", desk.out, "--yes")
        with terminal("--ascii") as shown:
            shown.sees("boot.jpg", "engine here")
            pid = int(paths().lock.read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            shown.sees("NO ENGINE", "E starts one")
            shown.press("E")
            shown.sees("engine here")
            assert int(paths().lock.read_text().split()[0]) != pid
            assert lock_is_held(paths())

    def test_jobs_go_on_when_the_console_is_killed(self, desk: CommandDesk) -> None:
        for number in range(4):
            desk.photo(f"boot {number}.jpg", number)
        desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
        with terminal("--ascii") as shown:
            shown.sees("boot 0.jpg", "engine here")
            shown.kill()
            shown.wait()
        with open_journal(paths()) as journal:
            until(lambda: all(job.status is Status.DONE for job in journal.read(jobs.select, "1")))
        with terminal("--ascii") as shown:
            shown.sees("boot 3.jpg", "Saved 4", "4 jobs: quoted 40 = charged 40")
            shown.press("q")
            assert shown.wait() == 0
