"""All watched folders of one engine: each at its own pace, woken by the system; rules are exchanged while it runs."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Collection, Sequence
from contextlib import suppress

from artui.journal import Journal
from artui.journal.rules import end_others
from artui.timing import Clock
from artui.watch.folder import Tell, Watched
from artui.watch.offers import Offers
from artui.watch.rules import Rule, refuse_conflicts
from artui.watch.waking import Ear, Waker, is_text

TICK = 0.5
"""Seconds between two looks at the folders' own loops, and at what the engine wrote."""

ENDING = 5.0
"""Seconds a turn gets to end by itself."""

HUNG = 30.0
"""Seconds after which a disk that does not answer counts as offline."""


class Watcher:
    """Watches the folders of some rules: what lands there becomes jobs of ``journal``.

    It belongs to the one process that is the engine. ``zone`` is where days turn; ``tell`` hears what happens, on the
    event loop. ``turned_at`` is the monotonic time of its last turn, for a watchdog; a disk that hangs stops only its
    own folder.
    """

    def __init__(
        self, journal: Journal, rules: Sequence[Rule], offers: Offers, zone: dt.tzinfo, tell: Tell = lambda _: None
    ) -> None:
        refuse_conflicts(rules)
        self.turned_at = time.monotonic()
        self._journal = journal
        self._rules = tuple(rules)
        self._offers = offers
        self._zone = zone
        self._tell = tell
        self._clock = Clock()
        self._watched: dict[str, Watched] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turning = asyncio.Lock()  # one set of rules begins or ends at a time
        self._is_news = False
        self._wakers = {
            recursive: Waker(recursive=recursive, wake=self._wake, tell=self._heard) for recursive in (False, True)
        }

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are watched now."""
        return self._rules

    async def run(self, stopping: asyncio.Event) -> None:
        """Watch until ``stopping`` is set; what was begun is finished."""
        # Called in the writer's thread: only a flag is set there.
        self._journal.on_commit(self._news)
        listening = [asyncio.create_task(waker.run()) for waker in self._wakers.values()]
        try:
            async with self._turning:
                await self._begin()
            while not stopping.is_set():
                await self._tick()
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await stopping.wait()
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            await self._end()
            await self._offers.close()

    async def reload(
        self, rules: Sequence[Rule], offers: Offers | None = None, zone: dt.tzinfo | None = None
    ) -> None:  # fmt: skip
        """Go on with other rules; what each has seen stays, and all workflows are pinned anew.

        Raises ConfigError, with the old ones kept, where these cannot stand together.
        """
        # Before anything ends: the old rules go on where the new ones cannot stand together.
        refuse_conflicts(rules)
        async with self._turning:
            old_offers, self._offers = self._offers, offers or self._offers
            await self._end(staying={rule.id for rule in rules})
            self._rules, self._zone = tuple(rules), zone or self._zone
            if old_offers is not self._offers:
                await old_offers.close()
            await self._begin()

    async def scan_once(self) -> None:
        """Look at every folder until nothing in it is settling any more, and take what is whole; instead of `run`."""
        for rule in self._rules:
            if rule.id not in self._watched:
                self._watched[rule.id] = self._new(rule)
                await self._watched[rule.id].load()
        await asyncio.gather(*(watched.settle() for watched in self._watched.values()))

    async def tidy(self) -> None:
        """Deal with what is done by now: after `scan_once`, when the jobs have ended."""
        for watched in self._watched.values():
            await watched.tidy()

    async def close(self) -> None:
        """End what `scan_once` began."""
        await self._end()
        await self._offers.close()

    def look_now(self, wanted: str) -> str:
        """Scan the folder of the rule with this id now, or all where it is empty; returns what is said of that."""
        chosen = [watched for rule, watched in self._watched.items() if wanted in ("", rule)]
        for watched in chosen:
            watched.ring()
        return f"looking at {len(chosen)} folder{'' if len(chosen) == 1 else 's'} now"

    # --------------------------------------------------------------------------------------------------- inside

    def _new(self, rule: Rule) -> Watched:
        return Watched(rule, self._journal, self._offers, self._zone, self._clock, self._tell)

    async def _begin(self) -> None:
        await self._journal.write_async(end_others, [rule.id for rule in self._rules])
        for rule in self._rules:
            watched = self._watched[rule.id] = self._new(rule)
            self._tasks[rule.id] = asyncio.create_task(watched.run(), name=f"watch {rule.name}")

    async def _end(self, staying: Collection[str] = ()) -> None:
        """End all folders' loops, each between two turns; the rules ``staying`` go on as they are defined then."""
        while self._watched:
            number, watched = self._watched.popitem()
            self._wakers[watched.rule.recursive].leave(number)
            task = self._tasks.pop(number, None)
            if task is not None:
                watched.stop()
                await asyncio.wait([task], timeout=ENDING)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await watched.close(ended=number not in staying)

    async def _tick(self) -> None:
        self.turned_at = time.monotonic()
        news, self._is_news = self._is_news, False
        for number, watched in self._watched.items():
            task = self._tasks.get(number)
            if task is not None and task.done():
                task.result()  # a loop that ended by itself is a defect: no healthy-looking watcher without it
            waker, folder = self._wakers[watched.rule.recursive], watched.true_path
            # Only while it is there, on a disk of this machine: a share tells nothing of what other machines write.
            if watched.root is None or watched.is_remote or not is_text(folder):
                waker.leave(number)
            else:
                waker.listen(Ear(number, folder, watched.root))
            if watched.busy_since is not None and self.turned_at - watched.busy_since > HUNG:
                await watched.does_not_answer()
            if news:
                watched.ring(scan=False)

    def _wake(self, number: str) -> None:
        if number in self._watched:
            self._watched[number].ring()

    def _heard(self, number: str, why: str) -> None:
        """Whether a folder is listened to; where it is not, why."""
        if number in self._watched:
            self._watched[number].deaf = why

    def _news(self) -> None:
        """Something was written to the journal; told by its writer."""
        self._is_news = True
