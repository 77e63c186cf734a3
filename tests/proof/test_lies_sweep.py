"""Killed at a point while the service lies, started again, run to its end: no photo is charged more often than people
said yes to, none is saved as another's, and each is on disk or held under a name.

Small form: one point of one lie, which ones goes by the day. ``--long``: eight points of each.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from artui.core import options
from artui.core.actions import Refusal
from artui.core.options import ActionSet
from artui.journal import jobs
from artui.model.job import Job
from artui.model.states import Reason, Status
from artui.sim import faults
from artui.sim.autoretouch.studio import Options
from tests.proof.day import DAY
from tests.proof.doomed import NEVER
from tests.proof.invariants import broken, no_strays
from tests.proof.lies import LIES, MENDED, RETRIES, Lie
from tests.proof.test_crash_sweep import Scene, scene
from tests.proof.zygote import Child, Zygote

POINTS = range(6, 70, 8)
"""Where the engine is killed; which of the eight around each goes by the day."""

UNSEEN = {"charged_once", "bought_once", "executions_known", "caps_kept", "charges_delivered", "books_agree"}
"""What cannot hold where a service carries out what it says it has refused: that is told here by its books alone."""

ROUNDS = 8
"""How often a person decides about what asks for it until that is too often."""


class Liars:
    """A scene at a service that lies, and a person who decides about what is held once it does no more."""

    def __init__(self, here: Scene, lie: Lie) -> None:
        self.here, self.studio, self.lie = here, here.studio, lie
        self.yes: Counter[str] = Counter()

    async def work(self, point: int = NEVER) -> str:
        """Have an engine work until it dies at its point or nothing moves by itself; at what it died."""
        child = self.here.engine(point)
        await self.here._until_rest(child)
        return await self.end(child)

    async def end(self, child: Child) -> str:
        child.send(signal.SIGTERM)
        code = await asyncio.to_thread(child.wait)
        assert code in (0, -signal.SIGKILL), self.here._log()
        self.check({no_strays.__name__})
        return self.here.told.read_text().splitlines()[-1] if code else ""

    def begin(self) -> None:
        self.studio.simulator.faults.add(self.lie.wanted_faults)
        self.studio.simulator.switch(dict(self.lie.switches))
        if self.lie.raised:
            dearer = {flow.id: self.lie.raised for flow in self.studio.workflows.values()}
            self.studio.simulator.switch({"raise": dearer})

    async def mend(self) -> None:
        """Have it lie no more, and decide about each photo that is not saved until all are."""
        self.studio.simulator.faults.clear()
        self.studio.simulator.switch(dict(MENDED))
        child = self.here.engine()
        for _ in range(ROUNDS):
            await self.here._until_rest(child)
            unsaved = self.unsaved()
            for job in unsaved:
                await self.decide(job)
            if not unsaved:
                break
        await self.end(child)

    def unsaved(self) -> list[Job]:
        """What was ordered last of each photo that is not saved."""
        last = {job.source: job for job in self.studio.jobs()}
        return [job for job in last.values() if job.status is not Status.DONE]

    async def decide(self, job: Job) -> None:
        """What a person does who looks at the service's web app."""
        if self.studio.job(job.id) != job:
            return  # it has gone on by itself
        if job.reason == Reason.IN_DOUBT:
            others = {one.execution for one in self.studio.jobs() if one.id != job.id}
            refused: list[str] = []
            for execution in reversed([charge["execution"] for charge in self.charges(job)]):
                if execution not in others:
                    outcome = await self.studio.ask("adopt", job.id, execution=execution)
                    if not outcome.refused or self.studio.job(job.id).place != job.place:
                        return
                    refused.append(outcome.message)
            assert not refused or self.lie.believed, refused  # what was told as refused is not its purchase's
            self.yes[job.digest] += 1
            await self.studio.ask("again", job.id)
            return
        found = self.studio.journal.read(options.retrials, [job])
        if any(action.refused is Refusal.MAY_BE_PAID for action in found):
            self.yes[job.digest] += 1
            copy = self.studio.journal.read(jobs.highest_copy, job.payer, job.workflow, job.digest) + 1
            await self.here.order([job.source], copy=copy, stem=f"{job.stem}-{copy}")
            return
        them = ActionSet.of(options.stamped(found))
        for act in them.actions:
            self.yes[job.digest] += act.asks
            await self.studio.ask("retry", job.id, **act.arguments)
        assert them.actions or job.due is not None, self.studio.places()

    def charges(self, job: Job) -> list[dict[str, Any]]:
        return [charge for charge in self.studio.simulator.ledger if charge["digest"] == job.digest]

    def check(self, apart: set[str]) -> None:
        """All invariants hold, but for some; no photo was charged more often than somebody said yes to."""
        told, unseen = broken(self.studio.evidence()), set() if self.lie.believed is None else UNSEEN
        wrong = {name: why for name, why in told.items() if name not in apart | unseen}
        assert not wrong, wrong
        for digest, times in Counter(charge["digest"] for charge in self.studio.simulator.ledger).items():
            most = 1 + self.yes[digest] + (self.lie.believed or 0)
            assert times <= most, f"{times} charges for {digest[:8]}, {self.yes[digest]} of them by a person's yes"

    def check_held(self) -> None:
        """While it lies: what is not saved has a name and a way on; nobody else's picture is saved. What the kill left
        in doubt waits for a person where nothing can be looked up."""
        held = {self.lie.held} | ({Reason.IN_DOUBT} if self.lie.service == "filestack" else set())
        for job in self.studio.jobs():
            assert job.status is Status.DONE or (job.reason and job.message), self.studio.places()
            assert job.reason != Reason.ERROR, self.studio.places()
            meanwhile = job.id > self.lie.before and self.lie.held
            assert not meanwhile or (job.status is Status.HELD and job.reason in held), self.studio.places()

    def check_end(self) -> None:
        self.check(set())
        assert not self.unsaved(), self.studio.places()

    @property
    def has_lied(self) -> bool:
        """Whether what was to go wrong with single requests did."""
        met = {asked["fault"] for asked in self.studio.simulator.history}
        return met >= {do for _, do, _ in self.lie.faults}


async def crash(lie: Lie, zygote: Zygote, folder: Path, point: int) -> bool:
    """One run while the service lies, killed at this point; whether it lied: a kill may come before it could."""
    async with scene(lie.service, zygote, folder, proven=lie.proven) as here:
        there = Liars(here, lie)
        if lie.before:
            await here.add(lie.before)
            await there.work()
        if not lie.late:
            there.begin()
        await here.add(lie.photos)
        died = await there.work(point)
        try:
            if lie.late:
                there.begin()
            await there.work()
            there.check_held()
            await there.mend()
            there.check_end()
            assert died or there.has_lied, "it did not lie"
        except AssertionError as failure:
            raise AssertionError(f"killed at {point} ({died}): {failure}") from failure
        return there.has_lied


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each lie, which meets some points; in the small form for today's."""
    names = [*LIES] if metafunc.config.getoption("--long") else [[*LIES][DAY % len(LIES)]]
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", names)


@pytest.mark.timeout(1200)
async def test_killed_while_the_service_lies_it_pays_once_and_saves_nobody_elses(
    name: str, zygote: Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    monkeypatch.setattr(faults, "_PAIRED", 0.3)
    points = [start + DAY % POINTS.step for start in POINTS]
    if not long:
        points = [points[DAY // len(LIES) % len(points)]]
    lied = [await crash(LIES[name], zygote, tmp_path / str(point), point) for point in points]
    assert any(lied) or not long, "it never lied"


def test_every_switch_of_the_stand_ins_that_lies_is_swept() -> None:
    swept = {name for lie in LIES.values() for name in lie.switches} | {*RETRIES}
    swept |= {do.partition(":")[0] for lie in LIES.values() for _, do, _ in lie.faults}
    swept |= {"raise" for lie in LIES.values() if lie.raised}
    assert swept >= {"cut", "old", "swap", "mislabel", "misinput", "act", "clock", "clock_for", "raise"}
    truthful = {
        "asides",
        "rotate_refresh_tokens",
        "token_lifetime",
        "device_lifetime",
        "unknown_status",
        "result_gone",
        "qa",
    }
    assert swept >= {option.name for option in fields(Options)} - truthful
