"""The engine as a process: started twice, stopped in order. Killed at every point it is in ``proof``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from artui.engine.anchor import Displaced, open_journal
from artui.engine.client import _engine_command, find_engine
from artui.engine.lock import AnotherEngine, EngineLock
from artui.engine.process import run_engine
from artui.journal import requests
from artui.model.states import Status
from tests.studio import Studio


async def test_a_second_engine_is_refused_by_name(studio: Studio) -> None:
    pid = await studio.spawn()
    with pytest.raises(AnotherEngine, match=str(pid)):
        run_engine(studio.config.paths, "background", lambda engine: engine.run())


async def test_terminated_in_the_middle_it_ends_in_order(studio: Studio) -> None:
    studio.fault("upload", "delay:0.2", times=-1)
    await studio.add(studio.photos(20))
    pid = await studio.spawn()
    await studio.until(lambda: studio.requests_to("/create") > 2)
    os.kill(pid, signal.SIGTERM)
    await studio.until(lambda: find_engine(studio.config.paths, studio.journal) is None, patience=15)
    assert not any(job.status is Status.RUNNING for job in studio.jobs())
    assert studio.journal.read(requests.engine).state == "ended"
    studio.mend()
    await studio.spawn()
    await studio.at_rest()
    assert len(studio.simulator.ledger) == 20
    assert studio.requests_to("/create") == 20
    studio.check()


async def test_a_journal_that_vanished_or_is_an_old_copy_is_not_begun_anew(studio: Studio) -> None:
    where = studio.config.paths
    await studio.spawn()
    await studio.end_process()
    studio.journal.close()
    old = where.journal.read_bytes()
    studio.journal = open_journal(where)
    await studio.spawn()
    await studio.end_process()
    studio.journal.close()
    whole = where.journal.read_bytes()
    where.journal.unlink()
    with pytest.raises(Displaced, match="missing"):
        open_journal(where)
    assert not where.journal.exists()
    where.journal.write_bytes(old)
    with pytest.raises(Displaced, match="older copy"):
        open_journal(where)
    where.journal.write_bytes(whole)
    studio.journal = open_journal(where)


def test_the_lock_ends_with_its_process_and_notices_a_replaced_file(home: Path) -> None:
    from artui.config import paths

    lock = EngineLock(paths())
    with pytest.raises(AnotherEngine):
        EngineLock(paths())
    assert lock.still_ours()
    paths().lock.unlink()
    assert not lock.still_ours()
    lock.release()


def test_where_logout_kills_the_engine_is_started_by_the_users_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", "canary-secret")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name, says in (("busctl", "b true"), ("systemd-run", "")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{says}'\n")
        program.chmod(0o755)
    command = _engine_command()
    assert command[:2] == ["systemd-run", "--user"]
    assert "--setenv=ARTUI_STUDIO_TOKEN" in command
    assert "canary-secret" not in " ".join(command)
    (tmp_path / "busctl").write_text("#!/bin/sh\necho 'b false'\n")
    assert "systemd-run" not in _engine_command()


async def test_what_is_added_while_an_engine_ends_gets_another_one(studio: Studio) -> None:
    studio.fault("upload", "delay:1.5", times=1)
    await studio.add(studio.photos(1))
    first = await studio.spawn()
    await studio.until(lambda: studio.requests_to("/upload") == 1)
    os.kill(first, signal.SIGTERM)
    await studio.until(lambda: studio.journal.read(requests.engine).state == "ending")
    await studio.add(studio.photos(1))
    assert await studio.spawn() != first
    await studio.at_rest()
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_a_stop_meant_for_an_engine_that_was_killed_does_not_end_the_next(studio: Studio) -> None:
    await studio.journal.write_async(requests.enqueue, "stop")
    await studio.add(studio.photos(2))
    await studio.spawn()
    await studio.at_rest()
    assert len(studio.simulator.ledger) == 2
