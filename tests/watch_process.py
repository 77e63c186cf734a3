"""An engine with a watched folder in a process of its own, to be killed or stopped.

``RULE HOW`` are JSON: the rule's keys, and ``engine`` (whether jobs are moved), ``scan_every`` in seconds, ``clock`` (a
file with the seconds by which the clock is wrong) and ``scans`` (a file that gets one line for each look at the folder:
how many new files it saw).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from artui.config import Origin, Source, load, paths
from artui.engine.anchor import open_journal
from artui.engine.lock import EngineLock
from artui.engine.supervisor import Supervisor
from artui.journal import Journal, requests
from artui.providers import open_provider
from artui.watch import folder, service
from artui.watch.offers import ServiceOffers
from artui.watch.rules import make_rule
from artui.watch.scanning import Glance, Scanner
from artui.watch.watcher import Watcher


async def serve(journal: Journal, generation: int, lock: EngineLock, rule: dict[str, Any], *, moves: bool) -> None:
    config = load()
    engine = Supervisor(config.paths, journal, generation, lock.still_ours, load)
    offers = ServiceOffers(config, lambda name: open_provider(config, config.accounts[name], engine.vault))
    watcher = Watcher(journal, [make_rule(config, rule, Source(Origin.FLAG))], offers, dt.UTC)
    engine.handlers.update(service.handlers(watcher, lambda: None))
    async with asyncio.TaskGroup() as both:
        both.create_task(watcher.run(engine.stopping))
        if moves:
            both.create_task(engine.run())


def set_clock_by(file: Path) -> None:
    """Have this process's wall clock be wrong by what stands in a file, from one moment to the next."""
    real = time.time
    time.time = lambda: real() + float(file.read_text())


def count_scans_in(file: Path) -> None:
    """Write down how many new files each look at the folder sees."""
    look = Scanner.look

    def counted(self: Scanner, root: tuple[int, int]) -> Glance:
        glance = look(self, root)
        with file.open("a") as lines:
            lines.write(f"{glance.new}\n")
        return glance

    Scanner.look = counted  # type: ignore[method-assign]


def main() -> None:
    rule, how = map(json.loads, sys.argv[1:])
    if "clock" in how:
        set_clock_by(Path(how["clock"]))
    if "scans" in how:
        count_scans_in(Path(how["scans"]))
    folder.SCAN_EVERY = how.get("scan_every", folder.SCAN_EVERY)
    where = paths()
    lock = EngineLock(where)
    with open_journal(where) as journal:
        generation = journal.write(requests.engine_starts, os.getpid(), "test", "watch", "test")
        asyncio.run(serve(journal, generation, lock, rule, moves=how.get("engine", True)))


if __name__ == "__main__":
    main()
