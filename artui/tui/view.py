"""What the screens see of the journal: one thread reads it, at most four times a second, and tells what is new.

No screen opens the journal itself. A change is published once; between changes nothing is sent to the event loop, so
that a console that shows nothing new costs nothing.
"""

from __future__ import annotations

import queue
import threading
import time
from asyncio import wrap_future
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from artui.config import AccountConfig, Config, Paths
from artui.core.quote import Quote, quote
from artui.engine.client import EngineStatus, find_engine
from artui.journal import Connection, Journal, history, progress, requests
from artui.journal.caps import Portion
from artui.journal.requests import EngineRow
from artui.journal.window import Filter, overview, unfinished
from artui.model.holds import Group
from artui.model.job import Event
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.providers.base import Balance

P = ParamSpec("P")
T = TypeVar("T")

LOOK_EVERY = 0.25
ENGINE_EVERY = 1.0
MINUTES, MOST_SAVED = 12, 500
"""The minutes whose pace is told, and the most photos that are counted in them."""
MOST_EVENTS = 500
"""More news than this at once is not listed job by job: everything counts as changed."""


@dataclass(frozen=True, slots=True)
class Moving:
    """One transfer under way; ``rate`` in bytes a second, 0 until two looks have shown it."""

    way: str
    moved: int
    total: int | None
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has shown. ``changed`` holds the jobs that moved since the last one, None = any may have."""

    quotes: tuple[Quote, ...] = ()
    """How each account stands."""
    row: EngineRow | None = None
    engine: EngineStatus | None = None
    moving: Mapping[int, Moving] = field(default_factory=dict)
    changed: frozenset[int] | None = frozenset()
    events: tuple[Event, ...] = ()
    counts: Mapping[Group, int] = field(default_factory=dict)
    unfinished: Mapping[str, int] = field(default_factory=dict)
    """How many jobs of each batch are not finished."""
    wrote: bool = False
    """Whether anything in the journal is new."""
    pace: tuple[int, ...] = ()
    """How many photos were saved in each of the last minutes, the newest last; empty where nothing is under way."""

    def rate(self, way: str) -> float:
        """Bytes a second of all transfers that go ``up`` or ``down``."""
        return sum(one.rate for one in self.moving.values() if one.way == way)


@dataclass(slots=True)
class _Question:
    ask: Callable[[], Any]
    answer: Future[Any]


class View:
    """The reader of one journal, in a thread of its own."""

    def __init__(self, paths: Paths, config: Config, journal: Journal) -> None:
        self.paths = paths
        self.config = config
        self.journal = journal
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._publish: Callable[[Look], object] = lambda _: None
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)
        self._seen = -1
        self._seq = 0
        self._look = Look()
        self._told: dict[str, Balance] = {}
        self._engine_looked = 0.0
        self._sampled = 0.0
        self._saved: deque[float] | None = None
        """When the last photos were saved; None while nothing is under way."""

    def start(self, publish: Callable[[Look], object]) -> None:
        """Begin to look; ``publish`` is called in the view's thread, only with news."""
        self._publish = publish
        self._thread.start()

    def stop(self) -> None:
        """End the thread; questions that still wait are cancelled."""
        self._questions.put(None)
        if self._thread.is_alive():
            self._thread.join()

    async def ask(self, ask: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Put a question to the journal: ``ask(connection, …)`` runs in the view's thread."""
        question = _Question(lambda: self.journal.read(ask, *args, **kwargs), Future())
        self._questions.put(question)
        return await wrap_future(question.answer)

    async def quote(self, account: AccountConfig, price: int | None, portions: Sequence[Portion]) -> Quote:
        """What photos of an account would cost, and what its caps and the balance say to that."""
        question = _Question(lambda: self._quote(account, price, portions), Future())
        self._questions.put(question)
        found: Quote = await wrap_future(question.answer)
        return found

    def hear(self, account: str, balance: Balance) -> None:
        """Learn the balance of an account, as its service has just said it."""

        def hear() -> None:
            if self._told.get(account) != balance:
                self._told[account], self._seen = balance, -1

        self._questions.put(_Question(hear, Future()))

    # ----------------------------------------------------------------------------------------------- in the thread

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            try:
                question = self._questions.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                due = time.monotonic() + LOOK_EVERY
                self._look_again()
                continue
            if question is None:
                break
            if question.answer.set_running_or_notify_cancel():
                try:
                    question.answer.set_result(question.ask())
                except BaseException as raised:  # noqa: BLE001 — it belongs to whoever asked
                    question.answer.set_exception(raised)
        while not self._questions.empty():
            if left := self._questions.get():
                left.answer.cancel()

    def _look_again(self) -> None:
        """One look; publishes it where it shows anything new."""
        changes = self.journal.changes()
        wrote, self._seen = changes != self._seen, changes
        before = self._look
        news = self._read() if wrote else replace(before, changed=frozenset(), events=())
        engine = self._engine(news, wrote=wrote)
        moving = self._transfers(engine)
        pace = self._pace(news)
        self._look = replace(news, engine=engine, moving=moving, wrote=wrote, pace=pace)
        if wrote or (engine, moving, pace) != (before.engine, before.moving, before.pace):
            self._publish(self._look)

    def _read(self) -> Look:
        first, newest = not self._seq, self.journal.read(history.last_seq)
        events: list[Event] = []
        changed: frozenset[int] | None = None
        if not first and newest - self._seq <= MOST_EVENTS:
            events = self.journal.read(history.since, self._seq)
            changed = frozenset(event.job for event in events)
        self._seq = newest or self._seq
        return Look(
            quotes=tuple(self._quote(account, None, ()) for account in self.config.accounts.values()),
            row=self.journal.read(requests.engine),
            moving=self._look.moving,
            changed=changed,
            events=tuple(events),
            counts=self.journal.read(overview, Filter()).counts,
            unfinished=self.journal.read(unfinished),
        )

    def _quote(self, account: AccountConfig, price: int | None, portions: Sequence[Portion]) -> Quote:
        told, zone = self._told.get(account.name), self.config.timezone
        return self.journal.read(quote, account.name, account.caps, price, portions, zone, told=told)

    def _engine(self, news: Look, *, wrote: bool) -> EngineStatus | None:
        """The running engine. Its lock is tried only while it is believed to be held: an engine that starts this very
        moment must not find it taken by somebody who merely looks."""
        before = self._look.engine
        row = news.row
        believed = before is not None or (wrote and row is not None and row.state != "ended")
        now = time.monotonic()
        if not believed or (not wrote and now - self._engine_looked < ENGINE_EVERY):
            return before
        self._engine_looked = now
        alive = find_engine(self.paths, self.journal)
        if alive is None:
            return None
        # Without its heartbeat, which moves all the time and tells a person nothing.
        return alive._replace(row=alive.row._replace(host=sanitize(alive.row.host, 40), heartbeat=None))

    def _pace(self, news: Look) -> tuple[int, ...]:
        if not news.counts.get(Group.ACTIVE):
            self._saved = None
            return ()
        now = time.time()
        if self._saved is None or news.changed is None:
            self._saved = deque(sorted(self.journal.read(history.last_ends, most=MOST_SAVED)), MOST_SAVED)
        else:
            self._saved.extend(event.at for event in news.events if event.what == "saved")
        counts = [0] * MINUTES
        for at in self._saved:
            if 0 <= (minute := int(now - at) // 60) < MINUTES:
                counts[-1 - minute] += 1
        return tuple(counts)

    def _transfers(self, engine: EngineStatus | None) -> Mapping[int, Moving]:
        now = time.monotonic()
        before, seconds = self._look.moving, now - self._sampled
        found = progress.read(self.paths.transfers) if engine and not engine.stale else {}
        if {job: one.moved for job, one in found.items()} == {job: one.moved for job, one in before.items()}:
            if found and seconds > 2.0 and any(one.rate for one in before.values()):
                return {job: Moving(one.way, one.moved, one.total) for job, one in before.items()}
            return before
        self._sampled = now
        moving = {}
        for job, one in found.items():
            last, rate = before.get(job), 0.0
            if last and last.way == one.way and one.moved >= last.moved and 0 < seconds < 5:
                rate = (one.moved - last.moved) / seconds
                rate = (rate + last.rate) / 2 if last.rate else rate
            moving[job] = Moving(one.way, one.moved, one.total, rate)
        return moving
