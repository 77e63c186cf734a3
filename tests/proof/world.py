"""A small world for the model and the races: a stand-in, the engines that come and go, and what people do to them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from artui import files
from artui.background import lock_is_held
from artui.credentials import Place, Secret, Vault
from artui.job import Job
from artui.journal import jobs, purchases, requests
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator
from artui.states import PurchaseState, Reason, Status
from artui.tui import acts
from tests.proof.evidence import digest_of, snapshot
from tests.proof.zygote import Child, Zygote
from tests.studio import Studio, open_studio

T = TypeVar("T")

SIZE = 4_000
SPEED = 2_000
SETTLE = 0.1
END = 30.0
"""Seconds in which everything comes to rest once it is mended."""

BROKEN = 70
"""What a forked process ends with that raised an error."""


class Stage:
    """One server on which a fresh stand-in follows the other."""

    def __init__(self) -> None:
        self.url = ""
        self.playing = Simulator()

    @property
    def app(self) -> ASGIApp:
        async def play(scope: Scope, receive: Receive, send: Send) -> None:
            await self.playing.app(scope, receive, send)

        return play

    def put_on(self) -> Simulator:
        self.playing = Simulator(speed=SPEED)
        self.playing.url = self.url
        return self.playing


class World:
    """A studio, the process that is its engine, and what people did; this process is the other one that writes."""

    def __init__(self, stage: Stage, zygote: Zygote, folder: Path) -> None:
        self.simulator = stage.put_on()
        self.zygote = zygote
        self.engines: list[Child] = []
        self.bought_again: Counter[tuple[str, str]] = Counter()
        self.prices: Counter[str] = Counter()
        self.jumped = False
        self.files: dict[Path, str] = {}
        self._runner, self._patch = asyncio.Runner(), pytest.MonkeyPatch()
        self._patch.setenv("ARTUI_HOME", str(folder / "home"))
        self._opening = open_studio(self.simulator, self._patch, folder, settle=SETTLE)
        self.studio: Studio = self.run(self._opening.__aenter__())
        self.studio.inbox.mkdir()
        self.clock = folder / "clock"
        self.jump(0.0)
        self._vault = Vault(self.studio.config.paths, {})
        self.sign_in(os.environ["ARTUI_STUDIO_TOKEN"])

    def run(self, deed: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(deed)

    def until(self, holds: Callable[[], Any]) -> Any:
        def also() -> Any:
            assert BROKEN not in {engine.poll() for engine in self.engines}, "an engine broke: its log is above"
            return holds()

        return self.run(self.studio.until(also, END))

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        self.run(self._opening.__aexit__(None, None, None))
        self._runner.close()
        self._patch.undo()

    # ------------------------------------------------------------------------------------------------- the engine

    @property
    def runs(self) -> bool:
        return any(engine.poll() is None for engine in self.engines)

    def start(self, entry: str = "hurried:engine", *arguments: Any) -> Child:
        """Have an engine started."""
        self.engines.append(self.beside(entry, *arguments))
        return self.engines[-1]

    def beside(self, entry: str, *arguments: Any) -> Child:
        """Start a process of this studio, which finds the sign-in where people keep it."""
        environment = {name: value for name, value in os.environ.items() if name != "ARTUI_STUDIO_TOKEN"}
        return self.zygote.spawn(f"tests.proof.{entry}", str(self.clock), *arguments, environment=environment)

    def end(self, number: int) -> None:
        """End every engine, and whoever waits to be one, by a signal. What one that was killed leaves in a folder is
        cleared away by the next."""
        self._signal(number)
        if number == signal.SIGKILL:
            self.check_payments()
        else:
            self.check()

    def _signal(self, number: int) -> None:
        for engine in self.engines:
            engine.send(number)
        self.run(self.studio.until(lambda: not self.runs, END))

    def jump(self, seconds: float) -> None:
        self.jumped |= seconds != 0
        part = self.clock.with_suffix(".part")
        part.write_text(str(seconds))
        part.rename(self.clock)

    def sign_in(self, token: str | None = None) -> None:
        token = token or self.simulator.announcement()["autoretouch"]["refresh_token"]
        self._vault.keep("studio", Secret(token), Place.FILE)

    # ----------------------------------------------------------------------------------------- files and requests

    def write(self, name: str, content: int, *, at_once: bool = True) -> Path:
        path = self.studio.inbox / f"{name}.jpg"
        part = path.with_suffix(".part") if at_once else path
        noise_jpeg(part, SIZE, content)
        part.replace(path)
        self.files[path] = digest_of(path)
        return path

    def remove(self, name: str) -> None:
        path = self.studio.inbox / f"{name}.jpg"
        path.unlink(missing_ok=True)
        self.files.pop(path, None)

    def add(self, path: Path, recipe: str, **given: Any) -> None:
        def queue(db: Any) -> None:
            stem = files.free_stem(self.studio.out, path.stem, partial(jobs.stem_taken, db))
            jobs.add(db, None, [self.studio.new_job(path, recipe, stem=stem, **given)])

        self.studio.journal.write(queue)

    def leave(self, what: str, job: Job | None = None, **arguments: Any) -> None:
        self.studio.journal.write(requests.leave, what, job, **arguments)

    def retry(self, job: Job) -> bool:
        """Have it tried again as the console would, on the terms known now; False where there is nothing to retry."""
        for act in (plan := acts.plan(self.studio.journal.read(acts.retrials, [job])).acts):
            self.leave("retry", job, **act.arguments)
        return bool(plan)

    def again(self, job: Job) -> None:
        self.bought_again[job.digest, job.workflow] += 1
        self.leave("again", job)

    def redo(self, job: Job) -> None:
        copy = self.studio.journal.read(jobs.highest_copy, job.payer, job.workflow, job.digest) + 1
        self.bought_again[digest_of(job.source), job.workflow] += 1
        self.add(job.source, job.workflow_name, copy=copy)

    def execution_of(self, job: Job) -> str | None:
        """What the service runs for the purchase in doubt, as a person would find it in the web app."""
        keys = {purchase.key for purchase in self.studio.journal.read(purchases.of_job, job.id)}
        found = [charge["execution"] for charge in self.simulator.ledger if charge["key"] in keys]
        return found[-1] if found else None

    def is_asked(self, path: str, since: int) -> bool:
        """Whether the service was asked for this after so many requests."""
        return any(path in asked["path"] for asked in self.simulator.history[since:])

    # ------------------------------------------------------------------------------------------------ to the end

    def come_to_rest(self) -> None:
        """Mend everything, have an engine, decide as a person would whatever asks for it, until all is over."""
        self.simulator.faults.clear()
        self.simulator.switch({"labels": "keep", "result_gone": False, "unknown_status": "", "token_lifetime": 9e4})
        self.simulator.books.change_credits("autoretouch", owner=None, set_to=10_000)
        self.leave("resume", account="studio")
        deadline = time.monotonic() + END
        while self.unsettled():
            assert time.monotonic() < deadline, f"no end: {self.studio.places()}"
            if not lock_is_held(self.studio.config.paths):
                self.start()
                self.until(lambda: lock_is_held(self.studio.config.paths))
            if held := [job for job in self.studio.jobs() if job.status is Status.HELD]:
                for job in held:
                    self.decide(job)
                self.leave("refresh", account="studio")
                self.until(lambda: not (self.runs and self.studio.journal.read(requests.waiting)))
            time.sleep(0.02)
        self.end(signal.SIGTERM)

    def unsettled(self) -> bool:
        """Whether anything is still to be done."""
        waiting = self.studio.journal.read(requests.waiting)
        return bool(waiting) or not all(job.status.final for job in self.studio.jobs())

    def decide(self, job: Job) -> None:
        assert job.reason != Reason.ERROR, job.message
        execution = self.execution_of(job)
        if job.reason == Reason.IN_DOUBT and execution:
            self.leave("adopt", job, execution=execution)
        elif job.reason == Reason.IN_DOUBT:
            self.leave("give up", job)
        elif job.reason == Reason.LOGIN:
            self.sign_in()
        elif job.reason == Reason.TWIN:
            if self.studio.job(job.twin_of or 0).status.final:
                self.leave("cancel", job)
        elif job.reason != Reason.CREDITS:
            self.retry(job)

    # --------------------------------------------------------------------------------------------------- must hold

    def check_payments(self) -> None:
        """No photo was charged more often than people asked for it, and each asked for version once."""
        charged = Counter((charge["digest"], charge["workflow"]) for charge in self.simulator.ledger)
        for (digest, workflow), times in charged.items():
            asked = 1 + self.prices[workflow] + self.bought_again[digest, workflow]
            assert times <= asked, f"{times} charges for {digest[:8]}, asked for {asked}"

    def check(self) -> None:
        """All invariants, while nothing moves. When an intent was, no clock can tell that has jumped."""
        self.studio.check(clocks_agree=not self.jumped)
        self.check_payments()

    def check_end(self) -> None:
        """All is over: what was charged was saved, unless somebody wished otherwise; no file of anybody was touched."""
        self.check()
        by_key = {charge["key"]: charge for charge in self.simulator.ledger}
        for job in self.studio.jobs():
            assert job.status.final
            bought = self.studio.journal.read(purchases.of_job, job.id)
            charged = [purchase for purchase in bought if purchase.key in by_key]
            if job.status is Status.DONE:
                assert charged, f"job {job.id} is done and the service charged nothing"
            elif charged:
                wanted = job.status is Status.CANCELLED and not job.keep
                given_up = any(purchase.state is PurchaseState.PRESUMED_SPENT for purchase in bought)
                assert wanted or given_up, f"job {job.id} is charged, {job.status} and without a result: {job.message}"
        assert snapshot(self.studio.inbox) == self.files
        log = self.studio.config.paths.log
        assert not log.exists() or "Traceback" not in log.read_text(), log.read_text()
