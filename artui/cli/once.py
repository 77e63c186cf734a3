"""``artui watch --once``: what lies in the folders now is dealt with, and how that went is how the command ends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artui.cli.exits import Exit, first, of_jobs
from artui.journal import Connection, deliveries
from artui.journal.following import Scope
from artui.model.watching import Skip
from artui.watch.service import Service

if TYPE_CHECKING:
    from artui.engine.supervisor import Supervisor
    from artui.watch.watcher import Watcher

ONCE_EVERY = 0.5
"""Seconds between two looks at whether the jobs of ``--once`` have come to rest."""


@dataclass
class Once(Service):
    """Deals with what lies in the folders now and ends when all of it is done; ``ending`` says how that went."""

    ending: Exit = Exit.INTERRUPTED

    async def watch(self, engine: Supervisor, watcher: Watcher) -> None:
        """Deal with it, unless the engine is stopped before."""
        deal, stop = asyncio.create_task(self._deal(engine, watcher)), asyncio.create_task(engine.stopping.wait())
        await asyncio.wait((deal, stop), return_when=asyncio.FIRST_COMPLETED)
        for task in (deal, stop):
            task.cancel()
        (failure, _) = await asyncio.gather(deal, stop, return_exceptions=True)
        await watcher.close()
        if isinstance(failure, Exception):
            raise failure

    async def reread(self, watcher: Watcher) -> None:
        """The rules are those it began with."""

    async def _deal(self, engine: Supervisor, watcher: Watcher) -> None:
        ids = frozenset(rule.id for rule in watcher.rules)
        scope = Scope(rules=ids, since=time.time())
        refused = await engine.journal.read_async(_refused, ids)
        await watcher.scan_once()
        while await engine.journal.read_async(_moves, scope):  # noqa: ASYNC110 — what moves them may be another process
            await asyncio.sleep(ONCE_EVERY)
        await watcher.tidy()
        self.ending = await engine.journal.read_async(_ending, scope, refused)
        for remark in await engine.journal.read_async(_remarks, scope):
            self.teller.warn(remark)


def _moves(db: Connection, scope: Scope) -> bool:
    """Whether a job moves, or a result is delivered."""
    return bool(scope.moving(db)) or deliveries.are_due(db)


def _refused(db: Connection, ids: frozenset[str]) -> int:
    """How many files of some rules were photos and were refused; archives are left alone."""
    from artui.files import PhotoFault
    from artui.journal import seen

    harmless = (PhotoFault.NOT_A_PHOTO, PhotoFault.ARCHIVE, Skip.BEFORE_THE_RULE, Skip.ONLY_METADATA)
    found = (seen.not_taken(db, rule).items() for rule in ids)
    return sum(one.count for reasons in found for reason, one in reasons if reason not in harmless)


def _remarks(db: Connection, scope: Scope) -> list[str]:
    """What is not well with the jobs of some rules, in sentences."""
    from artui.cli.tally import remarks
    from artui.journal import rules
    from artui.sanitize import sanitize

    left = [
        f"{one.count:,} {reason}, left where {'it is' if one.count == 1 else 'they are'}:"
        f" {', '.join(map(sanitize, one.newest))}{' …' if one.count > len(one.newest) else ''}."
        for row in rules.every(db) if row.id in scope.rules for reason, one in row.left.items()
    ]  # fmt: skip
    return [*remarks(scope.counts(db)), *left]


def _ending(db: Connection, scope: Scope, refused: int) -> Exit:
    """How the work on some rules has ended: their jobs, the files they refused, and what keeps a folder from work."""
    from artui.journal import rules
    from artui.journal.rules import RuleState

    codes = [of_jobs(scope.counts(db)), Exit.FAILED if _refused(db, scope.rules) > refused else Exit.OK]
    codes += [Exit.FAILED for row in rules.every(db) if row.id in scope.rules and row.left]
    of_state = {RuleState.WAITS: Exit.NETWORK, RuleState.HELD: Exit.PERSON, RuleState.OFFLINE: Exit.PERSON,
                RuleState.FOREIGN: Exit.PERSON}  # fmt: skip
    codes += [of_state.get(row.state, Exit.OK) for row in rules.every(db) if row.id in scope.rules]
    return first(codes)
