"""Anything in any order: files come, change and go, calls fail, clocks jump, engines are killed, people decide. When
all is mended and has come to rest, everything was paid once and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from artui.core.order import put_first
from artui.journal import rules
from artui.model.job import Job
from artui.model.states import Reason, Review
from artui.sim.server import running
from tests.proof import copies
from tests.proof.model_faults import SWITCHES, TROUBLES
from tests.proof.world import Stage, World
from tests.proof.zygote import Zygote

SEED = 5
RECIPES = (
    *([("studio", "Background Removal")] * 4), ("studio", "Fails once"), ("studio", "Always fails"),
    ("lab", "Natural"), ("lab", "Natural"), ("app", "Preview"), ("app", "Archive"),
)  # fmt: skip
"""Accounts, and what is ordered there."""

SEVERAL, AFTER = "several", "after"
"""A rule with several workflows, and one that takes its results."""
OF_SEVERAL, OF_AFTER = ("Background Removal", "Export only"), "Print Master"
"""What they buy."""

HOUR, YEAR = 3600.0, 365 * 86400.0

ROUTES = {
    "autoretouch.upload": "/upload", "autoretouch.create": "/create", "autoretouch.details": "/workflow/execution",
    "autoretouch.download": "/image/", "autoretouch.retry": "/retry", "retouch4me.start": "/start",
    "retouch4me.result": "/getFile/", "filestack.store": "/store/", "filestack.run": "/run_workflow=",
}  # fmt: skip
"""Calls in whose midst an engine is killed, and what their addresses have."""


class Anything(RuleBasedStateMachine):
    """What happens to a :class:`World`, in any order."""

    stage: Stage
    zygote: Zygote
    ground: Path
    worlds: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        folder = self.ground / str(next(self.worlds))
        folder.mkdir()
        self.world = World(self.stage, self.zygote, folder, beside=True)
        self.sent: set[tuple[Path, str, str]] = set()
        self.copy: copies.Copy | None = None
        self.elsewhere = False
        for name, follows in ((SEVERAL, ""), (AFTER, SEVERAL)):
            self.world.studio.journal.write(
                rules.load, name, name=name, folder=folder / name, account="studio", run=None, day=None, month=None,
                twins="once", follows=follows,
            )  # fmt: skip

    def teardown(self) -> None:
        world = self.world
        try:
            if self.copy is not None:
                self.a_copy_is_put_back()
            world.come_to_rest()
            world.check_end()
        finally:
            world.close()

    def one(self, which: int) -> Job | None:
        """One of the jobs; None in a copy from before the first."""
        found = self.world.studio.jobs()
        return found[which % len(found)] if found else None

    def send(self, path: Path, recipe: tuple[str, str]) -> None:
        account, workflow = recipe
        self.world.add(path, workflow, account)
        self.sent.add((path, *recipe))

    @invariant()
    def pays_once(self) -> None:
        self.world.check_payments()

    # Files.

    @initialize(
        rotates=st.sampled_from([False, False, True]),
        photos=st.integers(2, 5),
        recipes=st.lists(st.sampled_from(RECIPES), min_size=1, max_size=4),
        troubles=st.lists(TROUBLES, min_size=1, max_size=3),
        how=st.sampled_from([None, None, *copies.WAYS]),
        elsewhere=st.booleans(),
    )
    def begin(
        self, rotates: bool, photos: int, recipes: list[tuple[str, str]], troubles: list[tuple[str, str]],
        how: str | None, elsewhere: bool,
    ) -> None:  # fmt: skip
        self.rotates, self.photos = rotates, photos
        self.world.simulator.switch({"rotate_refresh_tokens": rotates})
        for number in range(photos):
            self.send(self.world.write(f"first-{number}", number), recipes[number % len(recipes)])
        for number, trouble in enumerate(troubles):
            self.calls_fail(trouble=trouble, after=number, times=1)
        self.world.start()
        if how is not None:
            self.world.wait_for_purchase()
            self.a_copy_is_made(how=how, bought=True, elsewhere=elsewhere)

    @rule(
        name=st.sampled_from("abc"), content=st.integers(0, 4), recipe=st.sampled_from(RECIPES), at_once=st.booleans()
    )
    def a_photo_is_sent(self, name: str, content: int, recipe: tuple[str, str], at_once: bool) -> None:
        self.send(self.world.write(name, content, at_once=at_once), recipe)

    @rule(name=st.sampled_from("abc"), content=st.integers(0, 4), at_once=st.booleans())
    def a_photo_lands_under_a_rule_with_several_workflows(self, name: str, content: int, at_once: bool) -> None:
        path = self.world.write(name, content, at_once=at_once)
        for workflow in OF_SEVERAL:
            self.world.add(path, workflow, rule=SEVERAL, run=SEVERAL)

    @rule(which=st.integers(0, 9))
    def a_result_goes_on_to_the_rule_that_takes_it(self, which: int) -> None:
        made = [
            Path(job.results[0].path or "") for job in self.world.studio.jobs() if job.rule == SEVERAL and job.results
        ]
        if made and (path := made[which % len(made)]).is_file():
            self.world.add(path, OF_AFTER, rule=AFTER, run=AFTER)

    @rule(name=st.sampled_from("abc"), content=st.integers(0, 4), at_once=st.booleans())
    def a_file_changes(self, name: str, content: int, at_once: bool) -> None:
        self.world.write(name, content, at_once=at_once)

    @rule(name=st.sampled_from("abc"))
    def a_file_vanishes(self, name: str) -> None:
        self.world.remove(name)

    # The service.

    @rule(trouble=TROUBLES, after=st.integers(0, 2), times=st.sampled_from([1, 1, 2, 5]))
    def calls_fail(self, trouble: tuple[str, str], after: int, times: int) -> None:
        route, do = trouble
        if self.rotates and route == "autoretouch.token" and do in ("drop_after", "truncate"):
            return
        if self.world.is_clone and route == "autoretouch.list":
            return  # it alone shows what the copy has bought
        fault = {"route": route, "do": do, "after": after, "times": times}
        self.world.simulator.faults.add([fault])

    @rule(switch=st.sampled_from(SWITCHES))
    def the_service_changes(self, switch: dict[str, Any]) -> None:
        if "labels" in switch and self.world.is_clone:
            return
        self.world.labels_show &= switch.get("labels", "keep") == "keep"
        self.world.simulator.switch(switch)

    @rule(price=st.sampled_from([10, 11, 25]), anew=st.booleans())
    def the_price_changes(self, price: int, anew: bool) -> None:
        recipe = self.world.studio.workflows["Background Removal"].id
        self.world.prices[recipe] += anew
        self.world.simulator.switch({"price" if anew else "raise": {recipe: price}})

    @rule(credits=st.sampled_from([0, 5, 15, 25]), unseen=st.booleans())
    def credits_run_out(self, credits: int, unseen: bool) -> None:  # noqa: A002
        """Where the balance cannot be read meanwhile, photos are sent all the same, and the service parks them."""
        if unseen:
            self.world.simulator.faults.add([{"route": "autoretouch.balance", "do": "status:503", "times": 3}])
        self.world.simulator.books.change_credits("autoretouch", owner=None, set_to=credits)

    @rule(credits=st.sampled_from([10, 30, 1_000]))
    def credits_are_bought(self, credits: int) -> None:  # noqa: A002
        for service in ("autoretouch", "retouch4me"):
            self.world.simulator.books.change_credits(service, owner=None, set_to=None, add=credits)
        self.world.leave("refresh", account="studio")

    @rule()
    def the_sign_in_is_revoked(self) -> None:
        self.world.simulator.switch({"token_lifetime": 1.0})
        self.world.studio.revoke()

    @rule()
    def somebody_signs_in(self) -> None:
        self.world.simulator.switch({"token_lifetime": 9e4})
        self.world.sign_in()

    # The machine.

    @rule(hundredths=st.integers(1, 15))
    def time_passes(self, hundredths: int) -> None:
        time.sleep(hundredths / 100)

    @rule()
    def something_is_bought(self) -> None:
        """Time passes until the service was asked to do something more, or for a moment."""
        self.world.wait_for_purchase()

    @rule(seconds=st.sampled_from([0.0, HOUR, -HOUR, YEAR, -YEAR]))
    def the_clock_jumps(self, seconds: float) -> None:
        self.world.jump(seconds)

    @rule(route=st.sampled_from(["autoretouch.create", "autoretouch.create", *ROUTES, None]))
    def the_engine_is_killed(self, route: str | None) -> None:
        """At once, or in the midst of a call for a photo that comes just then."""
        if self.rotates or not self.world.runs:
            return
        if route is not None:
            self.photos += 1
            service = route.partition(".")[0]
            recipe = next(one for one in RECIPES if self.world.shops[one[0]].provider == service)
            self.send(self.world.write(f"late-{self.photos}", 100 + self.photos), recipe)
            self.world.simulator.faults.add([{"route": route, "do": "delay:0.03"}])
            before, until = len(self.world.simulator.history), time.monotonic() + 0.5
            while not self.world.is_asked(ROUTES[route], before) and time.monotonic() < until:
                time.sleep(0.001)
        self.world.end(signal.SIGKILL)

    @rule()
    def the_engine_is_stopped(self) -> None:
        self.world.end(signal.SIGTERM)

    @rule()
    def an_engine_starts(self) -> None:
        self.world.start()  # where one runs, the second finds it

    @rule()
    def another_takes_over(self) -> None:
        self.world.start("hurried:successor")

    # People.

    @rule(which=st.integers(0, 9), keep=st.booleans())
    def a_job_is_cancelled(self, which: int, keep: bool) -> None:
        if (job := self.one(which)) is not None:
            self.world.leave("cancel", job, keep=keep)

    @rule(which=st.integers(0, 9), twice=st.booleans())
    def a_job_is_retried(self, which: int, twice: bool) -> None:
        if (job := self.one(which)) is not None:
            for _ in range(1 + twice):
                self.world.retry(job)

    @rule(which=st.integers(0, 9), how=st.sampled_from(["adopt", "adopt another", "again", "give up"]))
    def a_doubt_is_resolved(self, which: int, how: str) -> None:
        world = self.world
        in_doubt = [job for job in world.studio.jobs() if job.reason == Reason.IN_DOUBT]
        job = in_doubt[which % len(in_doubt)] if in_doubt else self.one(which)
        if job is None:
            return
        if how == "again":
            world.agree("again", job)
        elif how == "give up":
            world.leave(how, job)
        else:
            ledger = [charge["execution"] for charge in world.simulator.ledger] or ["no-such-execution-at-all"]
            own = world.execution_of(job) if how == "adopt" else None
            world.leave("adopt", job, execution=own or ledger[which % len(ledger)])

    @rule(which=st.integers(0, 9))
    def a_photo_is_bought_anew(self, which: int) -> None:
        job = self.one(which)
        if job is not None and job.source.exists() and job.digest:
            self.world.redo(job)

    @rule(which=st.integers(0, 9), decision=st.sampled_from([Review.REJECTED, Review.REJECTED, *Review]))
    def a_result_is_decided_about(self, which: int, decision: Review) -> None:
        if (job := self.one(which)) is not None:
            self.world.review(job, decision)

    @rule(which=st.integers(0, 9))
    def a_result_is_deleted_and_fetched_again(self, which: int) -> None:
        if (job := self.one(which)) is not None:
            self.world.lose(job)

    @rule(which=st.integers(0, 9))
    def a_photo_is_put_first(self, which: int) -> None:
        if (job := self.one(which)) is not None:
            self.world.studio.journal.write(put_first, [job])

    @rule(what=st.sampled_from(["pause", "resume", "refresh"]), account=st.sampled_from(["studio", "lab", "app"]))
    def the_account_is_asked(self, what: str, account: str) -> None:
        self.world.leave(what, account=account)

    # Copies.

    @rule(
        how=st.sampled_from(copies.WAYS), bought=st.sampled_from([False, True]),
        elsewhere=st.sampled_from([False, False, True]),
    )  # fmt: skip
    def a_copy_is_made(self, how: str, bought: bool, elsewhere: bool) -> None:
        """Of a journal that knows all or, where something is bought at once, all but that."""
        self.copy, self.elsewhere = copies.take(self.world, how), elsewhere
        if bought:
            self.photos += 1
            for number, recipe in enumerate((RECIPES[0], ("lab", "Natural"), ("app", "Preview"))):
                self.send(self.world.write(f"next-{self.photos}-{number}", 1000 * number + self.photos), recipe)
            self.world.start()
            self.world.wait_for_purchase()

    @rule()
    def a_copy_is_put_back(self) -> None:
        """Whoever does that sends everything once more that lies there, to be sure."""
        copy, self.copy = self.copy, None
        if copy is None or not copies.put_back(self.world, copy, elsewhere=self.elsewhere):
            return
        for path, account, workflow in sorted(self.sent):
            if path.exists():
                self.world.add(path, workflow, account)
        self.world.start()


@contextmanager
def playing(folder: Path, zygote: Zygote) -> Iterator[type[Anything]]:
    """A machine that is ready to be run."""
    with running(Stage()) as stage:
        given = {"stage": stage, "zygote": zygote, "ground": folder, "worlds": iter(range(10**9))}
        yield type("Anything", (Anything,), given)


@pytest.mark.timeout(3600)
def test_whatever_happens_it_pays_once_and_loses_nothing(
    zygote: Zygote, tmp_path: Path, long: bool, record_property: Any
) -> None:
    chosen = int(os.environ.get("ARTUI_PROOF_SEED", random.randrange(1 << 32) if long else SEED))
    print(f"ARTUI_PROOF_SEED={chosen}")  # noqa: T201 — what a failure shows
    how = settings(
        max_examples=500 if long else 10, stateful_step_count=20, deadline=None, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    with playing(tmp_path, zygote) as machine:
        run_state_machine_as_test(seed(chosen)(machine), settings=how)
