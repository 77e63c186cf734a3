"""Telling people what is wrong: conditions become notices in the journal, and each target is told of them in groups.

What has begun or ended is durable before anybody is told, and a target counts as told once its command has ended well:
a kill in between tells it again rather than never.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from artui.config import Config, NotifyTarget
from artui.core.health import OF_RULES, Code, Condition, Engine, Topic, conditions, summary
from artui.core.health_phrases import sentence
from artui.engine.telling import NoticeMessage, tell
from artui.journal import Connection, Journal, Unwritable, notices, window
from artui.journal.notices import Notice, Pending
from artui.model.holds import Group
from artui.sanitize import sanitize

log = logging.getLogger(__name__)

FIRST_LOOK = 15.0
"""Seconds an engine gets to look at its folders and services before anything counts as wrong."""

LOOK = 5.0
"""Seconds between two looks at what is wrong."""

GROUPED = 600.0
"""Seconds within which a target hears at most once of a topic."""

RETRY, LONGEST_RETRY = 30.0, 3600.0
"""Seconds after a failed try, doubled with each; and the longest."""

ONLY_BEGUN = (Topic.MONEY, Topic.NEEDS_YOU)
"""Topics of which only the beginning is told: who did something about it knows, and a cap has room each midnight."""

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look has shown: conditions that began or changed, those that ended, and what of both is to be told;
    ``strangers`` are targets and topics that were never told of anything, ``due`` those whose summary is due."""

    begun: tuple[Notice, ...] = ()
    ended: tuple[tuple[str, str], ...] = ()
    told: tuple[Notice, ...] = ()
    strangers: tuple[tuple[str, str], ...] = ()
    due: tuple[NotifyTarget, ...] = ()


@dataclass
class Notices:
    """Looks at what is wrong and tells the targets. ``engine`` is the process this runs in, None for a command while
    there is none; ``host`` is this machine."""

    journal: Journal
    config: Callable[[], Config]
    engine: Engine | None
    host: str = field(default_factory=lambda: os.uname().nodename)
    _since: float = field(default_factory=lambda: time.time() - FIRST_LOOK)

    async def run(self) -> None:
        """Look and tell until cancelled; nothing it meets ends the engine."""
        await asyncio.sleep(FIRST_LOOK)
        while True:
            try:
                await self.look()
                await self.tell()
            except Unwritable as problem:
                log.warning("%s", problem)
            except Exception:
                log.exception("artui itself failed at telling what is wrong")
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Take down what has begun, has grown or is over since the last look."""
        changes = await self.journal.read_async(self._changes)

        def write(db: Connection) -> None:
            for target, topic in changes.strangers:
                notices.meet(db, target, topic)
            notices.note(db, changes.begun, changes.ended, changes.told)
            for notice in changes.told:
                if notice.code == Code.CAP:
                    notices.note_cap(db, notice)
            for one in changes.due:
                notices.set_summary_due(db, one.id, self._next_summary(one))

        if changes != Changes():
            await self.journal.write_async(write)
        for notice in changes.told:
            if notice.code == Code.CAP:  # the log has it, whoever else is told
                log.warning("%s", sanitize(_said(notice, self.config().timezone)))

    def _changes(self, db: Connection) -> Changes:
        config, now, known = self.config(), time.time(), notices.known(db)
        found = {one.key: one for one in conditions(db, config, self.engine)} | self._under_way(db, now)
        begun, told = [], []
        for (code, subject), one in found.items():
            before = known.get((code, subject))
            if before is None or one.count != before.count:
                notice = Notice(one.since or now, one.topic, code, one.subject, False, one.count, one.facts)
                begun.append(replace(notice, subject=subject))  # by its whole key, which `known` gives back
                # Fewer of the same is no news.
                is_more = before is None or one.count > before.count
                if code == Code.CAP:  # what is spent may fall and rise: once in each period
                    is_more = one.count > notices.cap_level(db, notice)
                if code != Code.BATCH_DONE and is_more:
                    told.append(notice)
        is_watching = self.engine is not None and self.engine.is_watching
        unseen = () if is_watching else OF_RULES
        ended = tuple(key for key in known if key not in found and key[0] not in unseen)
        told += [over for key in ended if (over := _over(db, known[key], now)) is not None]
        hours = {one: notices.summary_due(db, one.id) for one in config.notify if one.daily}
        due = tuple(one for one, at in hours.items() if at <= now)
        if any(hours[one] for one in due):  # one that is new waits for its hour
            day = summary(db, config, now - DAY, wrong=len(found))
            told.append(Notice(now, day.topic, day.code, self.host, False, 0, day.facts))
        wanted = [(one.id, topic) for one in config.notify for topic in one.topics]
        return Changes(tuple(begun), ended, tuple(told), tuple(notices.strangers(db, wanted)), due)

    def _under_way(self, db: Connection, now: float) -> dict[tuple[str, str], Condition]:
        """The batches that are not finished, and those that came and went between two looks."""
        new = (one for one in window.batches_since(db, self._since) if not notices.was_told(db, Code.BATCH_DONE, one))
        batches = {*window.unfinished(db), *new}  # they count as a condition: that a batch is done is told when it ends
        self._since = now  # of before anything was read: what is made meanwhile belongs to the next look
        return {(Code.BATCH_DONE, one): Condition(Code.BATCH_DONE, one) for one in batches}

    def _next_summary(self, target: NotifyTarget) -> float:
        """When the next summary is due, in epoch seconds."""
        hour, minute = target.daily or (0, 0)
        now = dt.datetime.fromtimestamp(time.time(), self.config().timezone)
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return (due if due > now else due + dt.timedelta(days=1)).timestamp()

    # ------------------------------------------------------------------------------------------------------- telling

    async def tell(self) -> None:
        """Tell every target what it has not heard yet; those of one machine do not wait for each other."""
        await asyncio.gather(*(self._tell(target, topic) for target in self.config().notify for topic in target.topics))

    async def _tell(self, target: NotifyTarget, topic: str) -> None:
        # A command is not there any more when a group would be full.
        at = math.inf if self.engine is None else time.time()
        found = await self.journal.read_async(notices.pending, target.id, topic, at)
        if found is None:
            return
        failure = await tell(target, self.message(topic, found))
        now = time.time()
        if failure:
            wait = min(LONGEST_RETRY, RETRY * 2 ** min(found.tries, 10))
            log.warning("%s could not be told (%s); it is tried again in %.0f s", target.name, failure, wait)
            await self.journal.write_async(notices.not_told, target.id, topic, now + wait)
        else:
            # Up to the last one that was read: what came while it was told is told next.
            await self.journal.write_async(notices.told, target.id, topic, found.last, now + GROUPED)

    def message(self, topic: str, found: Pending) -> NoticeMessage:
        """What a target is told: a sentence for each notice, in their order, and how many more there are."""
        zone = self.config().timezone
        lines = [f"{'Over: ' if one.over and topic == Topic.TROUBLE else ''}{_said(one, zone)}" for one in found.newest]
        if more := found.number - len(found.newest):
            lines.insert(0, f"{more:,} more came before these:")
        title = f"artui on {self.host}: {lines[0] if len(lines) == 1 else f'{topic}, {found.number:,} notices'}"
        documents = [
            {"code": one.code, "subject": one.subject, "at": one.at, "over": one.over, "count": one.count, **one.facts}
            for one in found.newest
        ]
        return NoticeMessage(topic, title, "\n".join(lines), self.host, found.number, documents)


def _over(db: Connection, before: Notice, now: float) -> Notice | None:
    """What is told of a condition that has ended; None where nothing is."""
    if before.code not in list(Code):
        return None  # another version of this program knew it
    topic, facts, subject = Condition(Code(before.code)).topic, before.facts, before.subject
    if before.code == Code.BATCH_DONE:
        if (batch := window.finished_batch(db, subject)) is None:
            return None
        name, figures = batch
        counts = figures.counts
        facts = {
            "name": name, "saved": counts[Group.SAVED], "ended": counts[Group.ENDED], "needing": counts[Group.NEEDS],
        }  # fmt: skip
    return None if topic in ONLY_BEGUN else replace(before, topic=topic, at=now, over=True, facts=facts)


def _said(notice: Notice, zone: dt.tzinfo) -> str:
    facts: dict[str, Any] = dict(notice.facts)
    return sentence(Condition(Code(notice.code), notice.subject, notice.at, notice.count, facts), zone)
