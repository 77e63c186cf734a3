"""What an engine cannot write when it starts or ends is said in one sentence, and breaks nothing else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from artui import files
from artui.config import load, paths
from artui.engine import anchor
from artui.engine.anchor import open_journal
from artui.engine.lock import EngineLock, lock_is_held
from artui.engine.process import run_engine
from artui.engine.supervisor import Supervisor
from artui.journal import Connection, JournalProblem, Unwritable, accounts, requests, store


@pytest.fixture
def writable(home: Path) -> None:
    paths().create()


@pytest.mark.usefixtures("writable")
def test_a_lock_that_cannot_be_written_is_named() -> None:
    paths().lock.mkdir()
    for act in (EngineLock, lock_is_held):
        with pytest.raises(JournalProblem, match=r"engine.lock cannot be written .* then start again"):
            act(paths())


@pytest.mark.usefixtures("writable")
def test_an_engine_that_cannot_remember_its_journal_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(anchor, "write_private", full)
    with pytest.raises(JournalProblem, match=r"anchor.json cannot be written \(No space left .* then start again"):
        run_engine(paths(), "background", lambda engine: engine.run())
    assert not lock_is_held(paths())


@pytest.mark.usefixtures("writable")
def test_an_engine_works_without_a_log_that_cannot_be_opened() -> None:
    code = (
        "import logging, artui.config as c, artui.engine.log as l\n"
        "l.log_to_file(c.paths().state / 'gone' / 'engine.log')\n"
        "logging.info('lost')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.usefixtures("writable")
def test_a_writer_that_cannot_open_the_journal_says_so_and_the_next_write_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect, refused = store.connect, [True]

    def sometimes(path: Path, *, create: bool = True) -> Connection:
        if refused.pop():
            raise OSError(28, "No space left on device")
        return connect(path, create=create)

    with open_journal(paths()) as journal:
        monkeypatch.setattr(store, "connect", sometimes)
        with pytest.raises(Unwritable, match="No space left"):
            journal.write(accounts.keep_workflow, "studio", "wf", "{}")
        refused.append(False)
        journal.write(accounts.keep_workflow, "studio", "wf", "{}")


@pytest.mark.usefixtures("writable")
def test_what_is_written_after_the_engines_end_harms_nobody() -> None:
    lock = EngineLock(paths())
    with open_journal(paths()) as journal:
        generation = journal.write(requests.engine_starts, os.getpid(), "here", "background", "test")

        async def briefly() -> None:
            engine = Supervisor(paths(), journal, generation, lock.still_ours, load)
            working = asyncio.create_task(engine.run())
            await asyncio.sleep(0.05)
            engine.stop()
            await working

        asyncio.run(briefly())
        for text in ("{}", "[]"):
            journal.write(accounts.keep_workflow, "studio", "wf", text)
    lock.release()


def test_a_part_that_cannot_be_removed_is_told_of_its_folder(tmp_path: Path) -> None:
    part = files.part_path(tmp_path, 1)
    files.discard(part)
    part.mkdir()
    with pytest.raises(files.OutputProblem, match=str(tmp_path)):
        files.discard(part)
