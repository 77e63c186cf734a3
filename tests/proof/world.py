"""A small world for the model and the races: a stand-in, the engines that come and go, and what people do to them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from artui import files
from artui.cli.exits import Exit
from artui.config import load, paths, write_private
from artui.core import options, review
from artui.core.actions import Effect
from artui.core.options import ActionSet
from artui.credentials import KeyStore, Secret, Vault
from artui.engine.anchor import open_journal
from artui.engine.lock import lock_is_held
from artui.journal import Stale, jobs, purchases, requests
from artui.model.job import Job
from artui.model.states import PurchaseState, Reason, Review, Status
from artui.providers import open_provider
from artui.providers.base import Identity, Workflow
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator
from tests.proof import hurried, invariants
from tests.proof.evidence import Charge, Evidence, digest_of, snapshot
from tests.proof.zygote import Child, Zygote
from tests.studio import KEYS, Studio, open_studio

T = TypeVar("T")

SIZE = 4_000
SPEED = 2_000
SETTLE = 0.1
END = 30.0
"""Seconds in which everything comes to rest once it is mended."""

BROKEN = 70
"""What a forked process ends with that raised an error."""


PEACE: dict[str, Any] = {
    "labels": "keep", "result_gone": False, "unknown_status": "", "token_lifetime": 9e4, "ahead": 0.0, "others": 0,
    "others_come": 0, "odd": {}, "retry_shown_after": 0.0, "retry_fails": False, "failures_cost": False,
    "retry_new_id": False, "overcharge": 0, "clock": 0.0, "retouch4me.answer": "documented", "retouch4me.fails": "",
    "retouch4me.quota": 10_000, "filestack.answer": "own", "filestack.results_after": 0.0, "filestack.leaves_out": "",
    "filestack.sources": "list", "filestack.unknown_job": 404,
}  # fmt: skip
"""The options of services that are as they should be."""

BESIDE = {
    "lab": ("retouch4me", """
[accounts.lab]
provider = "retouch4me"
api_url = "{api_url}"
balance_url = "{balance_url}"
settle = {settle}
first_look = 0.1
[accounts.lab.workflows.natural]
title = "Natural"
tasks = [{{ plugin = "Heal", alpha1 = 0.7 }}]
"""),
    "app": ("filestack", """
[accounts.app]
provider = "filestack"
api_key = "{api_key}"
cdn_url = "{cdn_url}"
api_url = "{api_url}"
upload_url = "{upload_url}"
settle = {settle}
first_look = 0.1
[accounts.app.workflows.preview]
id = "{workflows[Preview]}"
title = "Preview"
[accounts.app.workflows.archive]
id = "{workflows[Archive]}"
title = "Archive"
tasks = ["store", "resize"]
all_results = true
"""),
}  # fmt: skip
"""The accounts at services that cannot be searched, with the text of each."""

COSTS_ANEW = {Effect.CONTINUE, Effect.RERUN, Effect.SEND_AGAIN}
"""What a person's yes to a retry may have charged once more."""


@dataclass(frozen=True)
class Shop:
    """An account: who pays there, and what it offers."""

    provider: str
    identity: Identity
    workflows: dict[str, Workflow]


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

    def __init__(self, stage: Stage, zygote: Zygote, folder: Path, *, beside: bool = False) -> None:
        self.simulator = stage.put_on()
        self.zygote = zygote
        self.engines: list[Child] = []
        self.bought_again: Counter[tuple[str, str]] = Counter()
        self.yes: dict[int, Job] = {}
        self.prices: Counter[str] = Counter()
        self.jumped = False
        self.gaps: list[tuple[float, float]] = []
        self.labels_show, self.is_clone = True, False
        self.files: dict[Path, str] = {}
        self._runner, self._patch = asyncio.Runner(), pytest.MonkeyPatch()
        self._patch.setenv("ARTUI_HOME", str(folder / "home"))
        self._opening = open_studio(self.simulator, self._patch, folder, settle=SETTLE)
        self.studio: Studio = self.run(self._opening.__aenter__())
        self.shops = {"studio": Shop("autoretouch", self.studio.identity, self.studio.workflows)}
        self.studio.inbox.mkdir()
        self.clock = folder / "clock"
        self.jump(0.0)
        self._vault = Vault(self.studio.config.paths, {})
        self.sign_in(os.environ["ARTUI_STUDIO_TOKEN"])
        if beside:
            self._open_beside()

    def _open_beside(self) -> None:
        """Have accounts at the services that cannot be searched as well."""
        said, where = self.simulator.announcement(), self.studio.config.paths
        texts = [text.format(**said[provider], settle=SETTLE) for provider, text in BESIDE.values()]
        write_private(where.config_file, (where.config_file.read_text() + "".join(texts)).encode())
        self.studio.config = load()
        for name, (provider, _) in BESIDE.items():
            self._vault.keep(name, Secret(said[provider][KEYS[provider]]), KeyStore.FILE)
            self.shops[name] = self.run(self._shop(name, provider))

    async def _shop(self, name: str, service: str) -> Shop:
        async with open_provider(self.studio.config, self.studio.config.accounts[name], self._vault) as provider:
            return Shop(service, await provider.identify(), {one.name: one for one in await provider.workflows()})

    def run(self, deed: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(deed)

    def until(self, holds: Callable[[], Any]) -> Any:
        def also() -> Any:
            assert BROKEN not in {engine.poll() for engine in self.engines}, "an engine broke: its log is above"
            return holds()

        return self.run(self.studio.until(also, END))

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        self.studio.journal.close()
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
        cleared away by the next that writes there."""
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

    def type(self, *words: str) -> int:
        """Type a command at a terminal; returns its exit code."""
        return self.beside("acting:typing", words).wait()

    def recover(self) -> None:
        """Do as artui says of a copy: where a service cannot be asked, see to that first, be it the clock."""
        if self.type("recover", "--yes") not in (Exit.OK, Exit.PERSON):
            self.jump(0.0)
            self.simulator.faults.clear()
            self.simulator.switch({"token_lifetime": PEACE["token_lifetime"]})
            self.sign_in()
            code = self.type("recover", "--yes")
            assert code in (Exit.OK, Exit.PERSON), f"artui recover ends with {code}"
        self.is_clone = False
        self.studio.journal.close()
        self.studio.journal = open_journal(paths())

    def move(self, home: Path) -> None:
        """Be at home in another place from now on, with the settings and sign-ins of this one."""
        before = self.studio.config.paths
        self._patch.setenv("ARTUI_HOME", str(home))
        paths().create()
        shutil.copy(before.config_file, paths().config_file)
        shutil.copytree(before.credentials, paths().credentials, dirs_exist_ok=True)
        self.studio.config = load()
        self._vault = Vault(paths(), {})
        self.sign_in()

    def sign_in(self, token: str | None = None) -> None:
        token = token or self.simulator.announcement()["autoretouch"]["refresh_token"]
        self._vault.keep("studio", Secret(token), KeyStore.FILE)

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

    def add(self, path: Path, recipe: str, account: str = "studio", **given: Any) -> None:
        shop = self.shops[account]
        studio = replace(self.studio, identity=shop.identity, workflows=shop.workflows)
        more = {"account": account, "provider": shop.provider, "parameters": shop.workflows[recipe].parameters}

        def queue(db: Any) -> None:
            stem = files.free_stem(self.studio.out, path.stem, partial(jobs.stem_taken, db))
            jobs.add(db, None, [studio.new_job(path, recipe, stem=stem, **more, **given)])

        self.studio.journal.write(queue)

    def leave(self, what: str, job: Job | None = None, **arguments: Any) -> int:
        return self.studio.journal.write(requests.enqueue, what, job, **arguments)

    def agree(self, what: str, job: Job, **arguments: Any) -> None:
        """Say yes to what may charge once more for a job."""
        self.yes[self.leave(what, job, **arguments)] = job

    def retry(self, job: Job) -> bool:
        """Have it tried again as the console would, on the terms known now; False where there is nothing to retry."""
        them = ActionSet.of(options.stamped(self.studio.journal.read(options.retrials, [job])))
        for act in them.actions:
            say = self.agree if act.effect in COSTS_ANEW else self.leave
            say("retry", job, **act.arguments)
        return bool(them.actions)

    def review(self, job: Job, decision: Review) -> None:
        """Decide about its result as a person would, whatever the engine does meanwhile."""
        with suppress(Stale):
            review.decide(self.studio.journal, [job], decision, who="mara", reason="colour")

    def lose(self, job: Job) -> None:
        """Have a saved result deleted, and fetched again, where its service keeps it."""
        if job.is_saved and job.provider == "autoretouch" and job.review != Review.REJECTED:
            for result in job.results:
                Path(result.path or "").unlink(missing_ok=True)
            self.leave("fetch", job)

    def fetch_lost(self) -> bool:
        """Have what is still deleted fetched again; tells whether there is such."""
        saved = [job for job in self.studio.jobs() if job.is_saved and job.review != Review.REJECTED]
        lost = [job for job in saved if not options.is_in_place(job)]
        for job in lost:
            self.leave("fetch", job)
        return bool(lost)

    def redo(self, job: Job) -> None:
        copy = self.studio.journal.read(jobs.highest_copy, job.payer, job.workflow, job.digest) + 1
        self.bought_again[digest_of(job.source), job.workflow] += 1
        self.add(job.source, job.workflow_name, job.account, copy=copy)

    def execution_of(self, job: Job) -> str | None:
        """What the service runs for the purchase in doubt, as a person would find it in the web app."""
        keys = {purchase.key for purchase in self.studio.journal.read(purchases.of_job, job.id)}
        taken = self.studio.evidence().key_of

        def is_its_own(charge: Charge) -> bool:
            if charge["key"] is not None:
                return charge["key"] in keys
            is_alike = (charge["digest"], charge["workflow"]) == (job.digest, job.workflow)
            return is_alike and taken.get(charge["execution"], "") in {"", *keys}

        found = [charge["execution"] for charge in self.simulator.ledger if is_its_own(charge)]
        return found[-1] if found else None

    def wait_for_purchase(self, patience: float = 0.5) -> None:
        """Wait until a service has charged something more, if one does."""
        before, until = len(self.simulator.ledger), time.monotonic() + patience
        while len(self.simulator.ledger) == before and self.runs and time.monotonic() < until:
            time.sleep(0.005)

    def is_asked(self, path: str, since: int) -> bool:
        """Whether the service was asked for this after so many requests."""
        return any(path in asked["path"] for asked in self.simulator.history[since:])

    # ------------------------------------------------------------------------------------------------ to the end

    def come_to_rest(self) -> None:
        """Mend everything, have an engine, decide as a person would whatever asks for it, until all is over."""
        self.mend()
        for account in self.shops:
            self.leave("resume", account=account)
            self.leave("refresh", account=account)
        if self.is_clone:
            self._heed_alarm()
        deadline = time.monotonic() + END
        while self.unsettled():
            assert time.monotonic() < deadline, f"no end: {self.studio.places()}"
            if not lock_is_held(self.studio.config.paths):
                self.start()
                self.until(lambda: lock_is_held(self.studio.config.paths))
            if held := [job for job in self.studio.jobs() if job.status is Status.HELD]:
                for job in held:
                    self.decide(job)
                for account in self.shops:
                    self.leave("refresh", account=account)
                self.until(lambda: not (self.runs and self.studio.journal.read(requests.pending)))
            time.sleep(0.02)
        self.end(signal.SIGTERM)

    def _heed_alarm(self) -> None:
        """Have artui look what a copy of it has bought, where an engine says that there was one."""
        if not self.runs:
            self.start()

        def rests(job: Job) -> bool:
            return is_over(job) or job.status is Status.HELD or job.reason == Reason.TWIN  # as the one it waits for

        self.until(lambda: all(map(rests, self.studio.jobs())))
        if any(job.reason == Reason.RECOVERED and not job.found for job in self.studio.jobs()):
            self.end(signal.SIGTERM)
            self.recover()

    def mend(self) -> None:
        """Have all services as they should be, credits enough, and a sign-in."""
        self.simulator.faults.clear()
        self.simulator.switch(PEACE)
        self.sign_in()
        for shop in self.shops.values():
            if shop.provider != "filestack":
                self.simulator.books.change_credits(shop.provider, owner=None, set_to=10_000)

    def unsettled(self) -> bool:
        """Whether anything is still to be done, or what something cost is still to be read."""
        if self.studio.journal.read(requests.pending) or not all(map(is_over, self.studio.jobs())):
            return True
        return self.fetch_lost() or any(self.studio.journal.read(purchases.accounts_to_read, hurried.LOOKS))

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
        asked_for = self._agreed()
        for what, times in Counter(self._bought(one) for one in self.simulator.ledger if one["credits"] > 0).items():
            (digest, workflow), most = what, 1 + self.prices[what[1]] + asked_for[what]
            assert times <= most, f"{times} charges for {digest[:8]} by {workflow}, asked for {most}"

    def _agreed(self) -> Counter[tuple[str, str]]:
        """How often people said yes to buying a photo once more, less what was refused; what waits counts."""
        for number in list(self.yes):
            outcome = self.studio.journal.read(requests.outcome, number)
            if outcome and outcome.refused:
                del self.yes[number]
        return self.bought_again + Counter((self._digest(job), job.workflow) for job in self.yes.values())

    def _digest(self, job: Job) -> str:
        """What is sent for a job, which may not have been looked at when a person decided."""
        return job.digest or self.studio.job(job.id).digest or self.files.get(job.source, "")

    def count_pending(self) -> None:
        """Count what waits for an engine as a yes that is carried out: a copy of the journal may hold it too."""
        self.bought_again = self._agreed()
        self.yes.clear()

    def _bought(self, charge: Charge) -> tuple[str, str]:
        """The photo and the workflow a charge was for: Retouch4me has no workflows, and ours is one."""
        is_ours = charge["provider"] == "retouch4me"
        return charge["digest"], self.shops["lab"].workflows["Natural"].id if is_ours else charge["workflow"]

    def evidence(self) -> Evidence:
        """What can be known: of the time that a copy lacks, only what was found out since. When an intent was, no clock
        can tell that has jumped."""
        seen = self.studio.evidence(clocks_agree=not self.jumped)

        def counts(at: float) -> bool:
            return not any(since <= at <= until for since, until in self.gaps)

        return replace(
            seen,
            bought_again=self.bought_again,
            killed=frozenset(engine.pid for engine in self.engines if engine.poll() == -signal.SIGKILL),
            charges=[one for one in seen.charges if counts(one["at"]) or seen.purchase_of(one)],
            requests=[one for one in seen.requests if counts(one["time"])],
        )

    def check(self) -> None:
        """All invariants, while nothing moves."""
        invariants.check(self.evidence())
        self.check_payments()

    def check_end(self) -> None:
        """All is over: what was charged was saved, unless somebody wished otherwise; no file of anybody was touched."""
        self.check()
        seen = self.evidence()
        for job in seen.jobs.values():
            assert is_over(job)
            bought = seen.made_for[job.id]
            charged = [purchase for purchase in bought if seen.charged[purchase.key]]
            if job.status is Status.DONE:
                assert charged, f"job {job.id} is done and the service charged nothing"
            elif charged and not job.found:
                wanted = job.status is Status.CANCELLED and not job.keep
                given_up = any(purchase.state is PurchaseState.PRESUMED_SPENT for purchase in bought)
                failed = job.status is Status.FAILED and job.reason == Reason.FAILED
                assert wanted or given_up or failed, f"job {job.id} is charged, {job.status}, no result: {job.message}"
        assert snapshot(self.studio.inbox) == self.files
        log = self.studio.config.paths.log
        assert not log.exists() or "Traceback" not in log.read_text(), log.read_text()


def is_over(job: Job) -> bool:
    """Whether nothing more becomes of a job: what was found without its photo is kept for whoever brings that."""
    return job.status.final or (job.found and job.status is Status.HELD and job.reason == Reason.RECOVERED)
