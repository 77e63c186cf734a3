"""Those who act beside an engine, each in a process of its own: a console, a script, another program at the service."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from artui import cli
from artui.config import load, paths
from artui.core import options
from artui.core.actions import Action
from artui.core.options import ActionSet
from artui.credentials import Vault
from artui.engine.anchor import open_journal
from artui.journal import Connection, jobs, requests
from artui.model.job import Job
from artui.providers import open_provider
from tests.proof.hurried import make_haste


def asking(clock: str, times: int) -> int:
    """Use the account's sign-in, and have it renewed each time."""
    make_haste(clock)

    async def ask() -> None:
        config = load()
        async with open_provider(config, config.accounts["studio"], Vault(config.paths)) as provider:
            for _ in range(times):
                await provider._tokens.rejected(await provider._tokens.get())
                await provider.balance()

    asyncio.run(ask())
    return 0


def typing(clock: str, *commands: list[str]) -> int:
    """Type commands at a terminal, one after the other."""
    make_haste(clock)
    return max(cli.run(words) for words in commands)


def _left(db: Connection, found: Sequence[Job]) -> list[Action]:
    return options.cancellations(db, found, keep=False)


CHOICES = (options.retrials, options.cancellations, _left)


def console(clock: str, chance: int, times: int) -> int:
    """Decide about jobs as two hands at a console would: as they were seen a moment ago."""
    make_haste(clock)
    source = random.Random(chance)
    with open_journal(paths()) as journal:
        for _ in range(times):
            time.sleep(source.uniform(0, 0.03))
            seen = journal.read(jobs.select, "1 ORDER BY id")
            for job in source.sample(seen, min(2, len(seen))):
                them = ActionSet.of(options.stamped(journal.read(source.choice(CHOICES), [job])))
                journal.write(options.decide, them.actions)
            if source.random() < 0.1:
                journal.write(requests.enqueue, source.choice(("pause", "resume", "refresh")), account="studio")
    return 0
