"""Following jobs from a command: until they stand still, with an engine that lives, to the exit code they mean."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from artui.cli.exits import CommandError, Exit, Onward, first, of_jobs
from artui.cli.session import Session
from artui.cli.streams import ENDING, go_on, volume
from artui.cli.tally import remarks, totals
from artui.cli.terminal import put_line, say
from artui.core.follow import Follower, Grouped, JsonLines, Lines, Printer, job_document
from artui.engine.client import ensure_running, find_engine, told_silent
from artui.journal import Journal, deliveries, requests
from artui.journal.following import Scope

MANY = 200
"""More photos than this are told of together on a terminal, in a log one by one."""

SOON = 1.5
"""Seconds for which a command waits as it is: to become another one takes a tenth of a second."""

SILENCE = 15.0
"""Seconds for which an engine may seem suspended before waiting for it ends."""


class Following(NamedTuple):
    """What a command waits for: the jobs of a ``batch`` (None: all jobs, unless some are named) and those with these
    ``numbers``, told from event ``since`` on.

    ``besides`` is how it ends whatever becomes of them, ``done`` the sentence for what it did before.
    """

    batch: str | None
    numbers: tuple[int, ...]
    since: int
    besides: Exit = Exit.OK
    done: str = ""

    @property
    def scope(self) -> Scope:
        """The jobs."""
        return Scope(self.batch, frozenset(self.numbers))

    def arguments(self, *, with_qa: bool, as_json: bool) -> list[str]:
        """The command that waits for them, after another one in the same process."""
        flags = {"--wait-qa": with_qa, "--json": as_json, "-q": volume() < 0, "-v": volume() > 0}
        return ["wait", *(flag for flag, is_set in flags.items() if is_set), "--following", json.dumps(self)]

    @classmethod
    def of(cls, text: str) -> Following:
        """What such a command is given."""
        batch, numbers, since, besides, done = json.loads(text)
        return cls(batch, tuple(numbers), since, Exit(besides), done)


def printer(*, as_json: bool) -> Printer:
    """The printer for a command: JSON lines on stdout, or lines for a person on stderr."""
    return JsonLines(put_line) if as_json else Lines(say, every_step=volume() > 0)


def wait_for(
    session: Session, journal: Journal, following: Following, printed: Printer, *, with_qa: bool,
    may_become: bool = False,
) -> Exit:  # fmt: skip
    """Tell what happens to the jobs until they stand still, then how they stand.

    Returns how the command ends. A reader that goes away changes nothing of that. Raises Onward where it ``may_become``
    another command and this takes long, since to wait takes a third of the memory that was needed to send.
    """
    go_on(following.done)
    scope = following.scope
    keep_alive = engine_keeper(session, journal)
    counts = journal.read(scope.counts)
    are_many = sum(count.number for count in counts) > MANY and sys.stderr.isatty()
    if isinstance(printed, Lines) and are_many and not printed.every_step:
        if may_become:  # at once, for what is put off to be told together would be lost
            raise Onward(following.arguments(with_qa=with_qa, as_json=False))
        printed = Grouped(printed.say, lambda: totals(journal.read(scope.counts)))
    follower = Follower(journal, scope, printed, following.since)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # what came while another command became this one
        if any(not count.status.final for count in counts) or journal.read(deliveries.are_due):
            keep_alive()  # first, for a new engine looks afresh at what is held, and delivers what is saved
        if not follower.until_still(keep_alive, with_qa=with_qa, patience=SOON if may_become else inf):
            onward = following._replace(since=follower.seq)
            raise Onward(onward.arguments(with_qa=with_qa, as_json=isinstance(printed, JsonLines)))
    except KeyboardInterrupt:
        printed.note("Not waiting any longer. The engine works on in the background; `artui wait` follows it again.")
        raise
    counts = journal.read(scope.counts)
    code = first((of_jobs(counts), following.besides))
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
            raise CommandError(Exit.LOCKED, f"{told_silent(alive, session.paths)}.")

    return keep
