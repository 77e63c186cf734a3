"""What a machine does to an engine: sleep, a journal nobody can write, no descriptors left, no room for a log."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import JournalProblem, store
from artui.model.states import Status
from artui.steps import paying
from tests.proof.test_security import own_log
from tests.studio import Studio


async def test_a_machine_that_slept_between_intent_and_sending_sends_nothing_stale(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, permit_of, awake = 0.0, paying.Paying._may_send, paying.boot_time
    seen = []

    def permit(self: paying.Paying, *given: Any) -> Callable[[str], Awaitable[None]]:
        decided = permit_of(self, *given)

        async def wake_up(payer: str) -> None:
            nonlocal asleep
            asleep += 0 if seen else 3600.0
            seen.append(studio.requests_to("/create"))
            await decided(payer)

        return wake_up

    monkeypatch.setattr(paying.Paying, "_may_send", permit)
    monkeypatch.setattr(paying, "boot_time", lambda: awake() + asleep)
    await studio.add(studio.photos(1))
    await studio.start()
    (job,) = await studio.at_rest()
    assert job.status is Status.DONE
    assert seen == [0, 0], "the first sending was refused before a byte of it left"
    assert len(studio.simulator.ledger) == job.purchase == 1
    studio.check()


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EISDIR])
def test_a_journal_that_cannot_be_opened_is_refused_in_a_sentence(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_journal(paths()):
        pass
    real, before = os.open, paths().journal.read_bytes()

    def refuse(path: str, *rest: int, **more: int) -> int:
        if Path(path) == paths().journal:
            raise OSError(code, os.strerror(code), str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(store.os, "open", refuse)
    with pytest.raises(JournalProblem) as caught:
        open_journal(paths())
    assert str(paths().journal) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert paths().journal.read_bytes() == before


@pytest.mark.usefixtures("procfs")
async def test_an_engine_out_of_descriptors_fails_no_photo_and_goes_on_when_it_has_some(studio: Studio) -> None:
    pid = await studio.spawn()
    await studio.add(studio.photos(1))
    await studio.at_rest()  # it has loaded all that it works with
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = len(list(Path(f"/proc/{pid}/fd").iterdir()))  # noqa: ASYNC240
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (taken + 1, usual[1]))
    await studio.add(studio.photos(12))
    await asyncio.sleep(1.5)  # nothing tells when a descriptor was missed
    assert not any(job.status is Status.FAILED for job in studio.jobs()), studio.places()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    # An output that could not be written for a moment is tried again after half a minute.
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()), patience=90)
    assert len(studio.simulator.ledger) == 13
    studio.check()


@pytest.mark.parametrize("is_full", [True, False])
def test_a_log_that_is_full_or_gone_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    if is_full:
        monkeypatch.setattr("artui.engine.log.open_private", lambda _, flags: os.open("/dev/full", flags))
    with own_log(tmp_path / "engine.log"):
        logging.getLogger("artui").error("before")
        if not is_full:
            (tmp_path / "engine.log").unlink()
        logging.getLogger("artui").error("after")
