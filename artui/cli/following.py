"""Following jobs from a command: until they stand still, with an engine that lives, to the exit code they mean."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from artui.cli.exits import CommandError, Exit, first, of_jobs
from artui.cli.session import Session
from artui.cli.streams import go_on, volume
from artui.cli.tally import remarks, totals
from artui.cli.terminal import put_line, say
from artui.core.follow import Follower, Grouped, JsonLines, Lines, Printer, job_document
from artui.engine.client import ensure_running, find_engine
from artui.journal import Journal, deliveries, requests
from artui.journal.following import Scope

MANY = 200
"""More photos than this are told of together on a terminal, in a log one by one."""

SILENCE = 15.0
"""Seconds for which an engine may seem suspended before waiting for it ends."""


def printer(*, as_json: bool) -> Printer:
    """The printer for a command: JSON lines on stdout, or lines for a person on stderr."""
    return JsonLines(put_line) if as_json else Lines(say, every_step=volume() > 0)


def wait_for(
    session: Session,
    journal: Journal,
    scope: Scope,
    since: int,
    printed: Printer,
    *,
    with_qa: bool,
    besides: Exit = Exit.OK,
) -> Exit:
    """Tell what happens to the jobs from event ``since`` on until they stand still, then how they stand.

    Returns how the command ends; ``besides`` is what holds whatever becomes of the jobs. A reader that goes away
    changes nothing of that.
    """
    go_on()
    keep_alive = engine_keeper(session, journal)
    counts = journal.read(scope.counts)
    are_many = sum(count.number for count in counts) > MANY and sys.stderr.isatty()
    if isinstance(printed, Lines) and are_many and not printed.every_step:
        printed = Grouped(printed.say, lambda: totals(journal.read(scope.counts)))
    try:
        if any(not count.status.final for count in counts) or journal.read(deliveries.are_due):
            keep_alive()  # first, for a new engine looks afresh at what is held, and delivers what is saved
        Follower(journal, scope, printed, since).until_still(keep_alive, with_qa=with_qa)
    except KeyboardInterrupt:
        printed.note("Not waiting any longer. The engine works on in the background; `artui wait` follows it again.")
        raise
    counts = journal.read(scope.counts)
    code = first((of_jobs(counts), besides))
    if isinstance(printed, JsonLines):
        documents = [job_document(job) for job in journal.read(lambda db: list(scope.jobs(db)))]
        printed.document("end", {"exit": code, "jobs": documents})
        return code
    printed.note(totals(counts))
    for line in remarks(counts):
        printed.note(line)
    return code


def engine_keeper(session: Session, journal: Journal) -> Callable[[], None]:
    """What keeps an engine alive while somebody waits: one that was killed is started again, one that a person ended
    or suspended ends the waiting too."""
    generations: set[int] = set()
    silent_since: float | None = None

    def keep() -> None:
        nonlocal silent_since
        alive = find_engine(session.paths, journal)
        if alive is None:
            # One is started where none runs, unless it was ended on purpose.
            row = journal.read(requests.engine)
            if row.state == "ended" and row.generation in generations and journal.read(requests.has_work):
                raise CommandError(
                    Exit.INTERRUPTED,
                    "The engine was stopped while jobs were under way. Nothing is lost: `artui wait` goes on.",
                )
            generations.add(ensure_running(session.paths, journal).row.generation)
            return
        generations.add(alive.row.generation)
        # Seen for a while, for a machine that wakes up finds the sign of life old at first.
        silent_since = (silent_since or time.monotonic()) if alive.stale else None
        if silent_since is not None and time.monotonic() - silent_since > SILENCE:
            wake = f"`kill -CONT {alive.row.pid}` wakes it"
            raise CommandError(Exit.LOCKED, f"The engine (process {alive.row.pid}) gives no sign of life: {wake}.")

    return keep
