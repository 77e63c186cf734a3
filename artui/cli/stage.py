"""What the demo's console opens on: photos, and jobs of which some succeed, some fail and some need a person.

Nothing is pretended: the jobs are queued as ``artui submit`` does it, and the stand-in is told what to do to them.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

from artui.cli.session import Session
from artui.model.commands import Command
from artui.model.job import Batch

if TYPE_CHECKING:
    from artui.providers.base import Identity, Limits, Provider, Workflow

ACCOUNT = "demo"
PATIENCE = 10.0
"""Seconds the stand-in gets for an answer."""

SENT, UNSENT = ("boots", "summer"), "arrivals"
"""Folders whose photos are queued, and one that is left for the picker."""

INBOX, COMING = "inbox", "coming"
"""The watched folder, and one whose photos arrive there one after the other."""

FIRST_ARRIVAL, ARRIVALS = 15.0, 9.0
"""Seconds until the first photo arrives, late enough to be no part of what is queued first, and between two."""

INBOX_WORKFLOW, INBOX_CAP = "Marketplace Square", 54
"""What the watched folder's photos go through, and what they may cost in a day: less than all of them do."""


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """Photos of one folder to be sent through one workflow."""

    workflow: str
    folder: str
    photos: tuple[str, ...] = ()
    """Names; none means all."""


ORDERS = (
    DemoOrder(
        "Background Removal", "boots", ("10482 boot cognac.jpg", "10517 shirt navy.jpg", "10519 shirt rust.webp")
    ),
    DemoOrder("Marketplace Square", "summer", ("10482 boot cognac.jpg", "20931 bottle pine.png")),
    DemoOrder("Always fails", "summer", ("20934 bottle amber.jpg", "10517 shirt navy.jpg")),
    DemoOrder("Human check", "summer", ("portrait 0127.jpg", "10519 shirt rust.webp")),
    DemoOrder("Print Master", "summer", ("10486 boot black.tif",)),
    DemoOrder("Ghost Mannequin", "summer"),
)
"""What is queued, and so sent, first to last."""

DEARER = {"Print Master": 34}
"""Workflows whose price rises between queueing and sending, and to what: their jobs are held."""

LOST = {"route": "autoretouch.create", "do": "drop_after"}
"""The first paid call goes through and loses its answer; without labels it cannot be found again: in doubt."""

SLOW = [{"route": f"autoretouch.{way}", "do": "slow:400000", "times": -1} for way in ("upload", "download")]
"""As fast as a common line, so that something of uploads and downloads is to be seen."""

OPTIONS = {"labels": "drop", "qa": 180}
"""How the stand-in behaves; ``qa`` are the seconds a person there takes to check a result, at
normal speed."""


def make_photos(folder: Path) -> Path:
    """Make the demo's folders of photos. Raises ImportError without Pillow."""
    from artui.sim.photos import sample_photos

    for seed, name in enumerate(SENT):
        sample_photos(folder / name, seed)
    sample_photos(folder / UNSENT, len(SENT), 12)
    sample_photos(folder / COMING, len(SENT) + 1, 12)
    (folder / INBOX).mkdir()
    return folder


def inbox_rule(photos: Path, results: Path) -> str:
    """The rule of the watched folder, as it stands in a config.toml."""
    return (
        f"[[watch]]\nfolder = {json.dumps(str(photos / INBOX))}\noutput = {json.dumps(str(results / INBOX))}\n"
        f'account = "{ACCOUNT}"\nworkflow = "{INBOX_WORKFLOW}"\nexisting = "process"\nname = "{INBOX}"\n'
        f"caps = {{ day = {INBOX_CAP} }}\n"
    )


@contextmanager
def arriving(photos: Path, first: float = FIRST_ARRIVAL, every: float = ARRIVALS) -> Iterator[None]:
    """Have photos arrive in the watched folder by themselves until the block ends; in seconds."""
    ended = threading.Event()

    def arrive() -> None:
        wait = first
        for photo in sorted((photos / COMING).iterdir()):
            if ended.wait(wait):
                return
            photo.rename(photos / INBOX / photo.name)  # whole at once, as a finished copy is
            wait = every

    thread = threading.Thread(target=arrive, name="arrivals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass
class DemoSetup:
    """Sets the demo up: ``url`` is the stand-in's."""

    session: Session
    url: str

    def set_up(self, photos: Path, results: Path) -> None:
        """Queue all orders and tell the stand-in what is to become of them; an engine that starts now does the rest."""
        from artui.core import plan
        from artui.core.options import decide, of_account
        from artui.journal import jobs, offers

        async def question(provider: Provider[Any]) -> tuple[Identity, dict[str, Workflow], Limits, int | None]:
            # Two recipes share a name: the cheaper one is meant.
            dearest_first = sorted(await provider.workflows(), key=lambda one: -(one.price or 0))
            found = {one.name: one for one in dearest_first}
            whole = {name: await provider.workflow(found[name].id) for name in {order.workflow for order in ORDERS}}
            return await provider.identify(), whole, provider.limits, await provider.balance()

        account = self.session.account(ACCOUNT)
        identity, workflows, limits, balance = self.session.ask(account, question)
        self._control("options", OPTIONS)
        self._control("faults", [LOST, *SLOW])
        for order in ORDERS:
            offer = plan.Offer(ACCOUNT, account.provider, identity, workflows[order.workflow], limits)
            folder = photos / order.folder
            batch = Batch(str(uuid4()), f"{order.folder}, {order.workflow.lower()}", ACCOUNT, time.time())
            target = plan.Target.of(str(results / order.workflow.lower()), "{stem}")
            wanted = [folder / name for name in order.photos] or [folder]
            good, _, _ = plan.check(plan.collect(wanted), limits.accepts, lambda *_: None)
            with self.session.journal() as journal:
                today = dt.datetime.now(self.session.config.timezone).date()
                made = plan.Planner(journal, offer, target, batch.name, today).plan(good)
                journal.write(jobs.add, batch, plan.new_jobs(made, batch))
        self._control("options", {"price": {workflows[name].id: price for name, price in DEARER.items()}})
        with self.session.journal() as journal:
            # What a sign-in would have told of the account; then its engine is to look at it.
            journal.write(offers.note_payers, [(ACCOUNT, identity.organization, balance, "")])
            journal.write(decide, [of_account(Command.REFRESH, ACCOUNT)])

    def _control(self, path: str, body: object) -> None:
        """Turn a switch of the stand-in."""
        headers = {"Content-Type": "application/json"}
        wanted = Request(f"{self.url}/_sim/{path}", json.dumps(body).encode(), headers)  # noqa: S310 — our own address
        build_opener(ProxyHandler({})).open(wanted, timeout=PATIENCE).close()  # a proxy leads away from this machine
