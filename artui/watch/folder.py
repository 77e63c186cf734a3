"""One watched folder, turn by turn: is it there, what is new, take it, deal with what is done."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from artui.config.system import network_file_system, true_path
from artui.core.plan import Offer, PlanProblem
from artui.files import OutputProblem
from artui.journal import Journal, Unwritable, rules, seen
from artui.journal.rules import RuleRow, RuleState, SkipCount
from artui.journal.seen import NEWEST, SeenFile
from artui.journal.store import journal_uuid
from artui.model.states import Seen
from artui.model.watching import RuleCause, Skip
from artui.timing import Clock
from artui.watch import marker
from artui.watch.lock import Busy, FolderLock
from artui.watch.marker import Foreign, Marker, Offline
from artui.watch.offers import Offers, PinnedOffer
from artui.watch.outputs import mount_of, refuse_loop
from artui.watch.postprocess import Linked, Tidied, tidy
from artui.watch.rejections import Rejections
from artui.watch.returning import Returning
from artui.watch.rules import After, Existing, Rule, rule_id
from artui.watch.scanning import Glance, Scanner
from artui.watch.taking import Ingester, Taken

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_AT_ONCE = 500
"""New files in one scanning interval beyond which a rule with a history, and without a cap, asks."""

SCAN_EVERY = 30.0
"""Seconds between two scans when nothing wakes one."""

BUSY_AGAIN = 5.0
"""Seconds after which a folder that another watcher has is looked at again."""

SHARE = 4
"""What looks at many files is followed by so many times its own duration of rest."""

TIDYING = 1.0
"""Seconds for which photos are moved before it is scanned again."""

STUMBLED = 5.0
"""Seconds after which a turn that went wrong is tried again."""

LEAST_REST = 0.01

TIDY_AGAIN = 30.0
"""Seconds after which a folder that photos could not be moved into is tried again."""


class What(StrEnum):
    """What a watcher tells of, beside the state its rule comes into."""

    PAUSED = "paused"
    TAKEN = "taken"
    EXISTING = "existing"
    REMARK = "remark"
    REFUSED = "refused"
    SAME = "same picture"
    MOVED = "moved"
    LEFT = "left"
    BACK = "taken back"
    REJECTED = "rejected"
    OFFER = "offer"
    PROBLEM = "problem"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One thing a watcher did or found, or the state its rule came into. ``message`` is a sentence without the rule's
    name; ``names`` are the files it is about, by their paths in the folder; ``at`` in epoch seconds."""

    at: float
    rule: Rule
    what: What | RuleState
    message: str
    names: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The message with the first names, unless it begins with one."""
        if not self.names or self.message.startswith(self.names[0]):
            return self.message
        return f"{self.message}: {', '.join(self.names[:NEWEST])}{' …' if len(self.names) > NEWEST else ''}"


Tell = Callable[[WatchEvent], object]


class Watched:
    """One rule at work, one turn at a time. Its blocking parts run in a thread of its own, which a disk may hang."""

    def __init__(
        self, rule: Rule, journal: Journal, offers: Offers, zone: dt.tzinfo, clock: Clock, tell: Tell
    ) -> None:  # fmt: skip
        self.rule = rule
        self.is_scan_wanted = True
        self.root: tuple[int, int] | None = None
        self.true_path = rule.folder
        self.is_remote = False
        self.deaf = ""
        self.busy_since: float | None = None
        self._bell = asyncio.Event()
        self._stopping = False
        self._due = self._rested = 0.0
        self._decided = (False, False)
        self._journal = journal
        self._offers = offers
        self._clock = clock
        # One: its parts must never run side by side, not even after one that hung.
        self._thread = ThreadPoolExecutor(1, "watch")
        self._tell = tell
        self._taker = Ingester(journal, rule, offers, zone)
        self._returning = Returning(journal, rule, self._taker)
        self._rejections = Rejections(journal, rule)
        self._scanner: Scanner | None = None
        self._quote = PinnedOffer(rule, journal, offers, self._quoted)
        self._unmarked = False
        self._lock = FolderLock()
        self._is_busy = False
        self._lately: deque[tuple[float, int]] = deque()
        self._tidy_after = 0.0
        self._told_problem = ""
        self._told_rejected = False
        self._was_paused = False

    # ------------------------------------------------------------------------------------------------- the turn

    async def load(self) -> None:
        """Note the rule in the journal, and begin to ask what its workflow costs."""
        rule = self.rule
        await self._journal.write_async(
            rules.load, rule.id, name=rule.name, folder=rule.folder, account=rule.account, run=rule.caps.run,
            day=rule.caps.day, month=rule.caps.month, twins=str(rule.twins), file_mode=rule.mode or "",
            file_group=rule.group or "", after_saved=rule.after_saved, deliver=rule.deliver,
            hours=rule.hours or "", follows=rule_id(rule.after_rule) if rule.after_rule else "",
        )  # fmt: skip
        await self._quote.begin()

    async def close(self, *, ended: bool = True) -> None:
        """Stop asking; with ``ended`` the journal says that nobody watches the folder."""
        await self._quote.close()
        self._thread.shutdown(wait=False)
        # In another thread: the rule's own may be the one that hangs.
        closing = asyncio.ensure_future(asyncio.to_thread(self._lock.close))
        await asyncio.wait([closing], timeout=STUMBLED)  # a disk that hangs may keep it longer
        if ended:
            await self._say(RuleState.ENDED, "no engine watches it")

    async def run(self) -> None:
        """Load the rule, then turn by turn, until `stop`; what goes wrong in a turn is told, and tried again."""
        await self.load()
        while not self._stopping:
            try:
                await self.round()
            except Exception as problem:  # one folder's trouble must not end the others'
                if not isinstance(problem, Unwritable):
                    log.exception("the rule %s stumbled", self.rule.name)
                await self._tell_problem(str(problem) or type(problem).__name__)
                self._due = time.monotonic() + STUMBLED
            # Wait until the next scan is due, or something rings; after a long scan for longer.
            with suppress(TimeoutError):
                async with asyncio.timeout(max(LEAST_REST, self._due - time.monotonic())):
                    await self._bell.wait()
            self._bell.clear()
            if self.is_scan_wanted and not self._stopping:
                await asyncio.sleep(self._rested - time.monotonic())

    def stop(self) -> None:
        """End after the turn under way."""
        self._stopping = True
        self._bell.set()

    async def settle(self) -> None:
        """Turn by turn, until nothing in the folder is settling any more; what is not whole then stays as it is."""
        self._taker.is_patient = False
        while True:
            self.is_scan_wanted = True
            glance = await self.round()
            if glance is None or glance.growing is None:
                return
            await asyncio.sleep(max(LEAST_REST, glance.growing - time.monotonic()))

    async def round(self) -> Glance | None:
        """A scan where one is due or wanted; else only what is done is dealt with."""
        row = await self._row()
        decided = (row.paused, row.agreed)
        if not (self.is_scan_wanted or time.monotonic() >= self._due or decided != self._decided):
            await self.tidy()
            return None
        self.is_scan_wanted = False  # before it begins: what rings while it scans wants another one
        if row.paused != self._was_paused:
            self._was_paused = row.paused
            what = What.PAUSED if row.paused else RuleState.WATCHING
            said = "paused by a person: nothing new is taken or sent" if row.paused else "goes on"
            self._tell(WatchEvent(time.time(), self.rule, what, said))
        glance = await self._turn(row)
        self._decided = (row.paused, False)  # a yes is used up by the scan that followed it
        self._due = time.monotonic() + (BUSY_AGAIN if self._is_busy else SCAN_EVERY)
        if glance is not None and glance.growing is not None:
            self._due = min(self._due, glance.growing)
        return glance

    async def _turn(self, row: RuleRow) -> Glance | None:
        """Look at the folder once and deal with all there is; None where it could not be looked at."""
        try:
            glance = await self._look(row)
        except Offline as offline:
            self.root, self._is_busy = None, isinstance(offline, Busy)
            if row.agreed and RuleCause.OUTPUT_UNMOUNTED in (row.cause, offline.cause):
                await self._journal.write_async(rules.forget_yes, self.rule.id)
            await self._say(RuleState.OFFLINE, str(offline), offline.cause)
            return None
        except Foreign as foreign:
            self.root = None
            if row.agreed and row.cause is RuleCause.OUTPUT_UNMOUNTED:
                await self._journal.write_async(rules.forget_yes, self.rule.id)
            await self._say(RuleState.FOREIGN, str(foreign), foreign.cause)
            return None
        self._is_busy = False
        # Before anything is taken: only now is all that is new what lay there.
        if not row.begun and self.rule.existing is Existing.IGNORE:
            await self._leave_existing(glance)
            row = await self._row()
        await self._take(row, glance)
        await self.tidy()
        await self._take_back(glance)
        await self._reject()
        return glance

    async def tidy(self) -> None:
        """Deal with files whose jobs have ended, for a while: a scan is not to wait for long."""
        began = time.monotonic()
        if self.root is None or began < self._tidy_after:
            return
        groups = tidy(self._journal, self.rule, self._refuse_absent)
        try:
            # A group at a time, so that each is told when it is durable.
            while (group := await self._in_thread(lambda: next(groups, None))) is not None:
                await self._tell_tidied(group)
                if time.monotonic() - began > TIDYING:
                    self.ring(scan=False)
                    return
            self._tidy_after = time.monotonic() + SHARE * (time.monotonic() - began)
            self._told_problem = ""
        except (Offline, Foreign):
            self.root = None  # nothing in it is judged until the next scan has found it again
            self.ring()
        except (Linked, OutputProblem, OSError) as problem:
            self._tidy_after = time.monotonic() + TIDY_AGAIN
            await self._tell_problem(f"photos that are done cannot be moved: {problem}")

    async def _take_back(self, glance: Glance) -> None:
        """Take back what was completed in failed/; it is new to the next scan."""
        if self.rule.after is not After.MOVE or self.root is None:
            return
        try:
            names, again = await self._in_thread(self._returning.take_back)
        except (Linked, OutputProblem, OSError) as problem:
            await self._tell_problem(f"photos that were completed in failed/ cannot be taken back: {problem}")
            return
        if again is not None and self._taker.is_patient:
            glance.look_again(again)
        for name in names:
            await self._record(What.BACK, "taken back from failed/: it is whole now", (name,))
        if names:
            glance.look_again(time.monotonic())

    async def _reject(self) -> None:
        """Note what somebody has moved to the folder for rejected results."""
        if self.rule.rejected is None:
            return
        try:
            names = await self._in_thread(self._rejections.look)
            self._told_rejected = False
        except (OutputProblem, OSError) as problem:
            if not self._told_rejected:
                await self._record(What.PROBLEM, f"what was rejected cannot be looked at: {problem}")
            self._told_rejected = True
            return
        if names:
            await self._record(What.REJECTED, f"{len(names):,} rejected, nothing is bought by that", tuple(names))

    def ring(self, *, scan: bool = True) -> None:
        """Have the next turn come soon; without ``scan`` it only deals with what is done."""
        self.is_scan_wanted = self.is_scan_wanted or scan
        self._bell.set()

    # ------------------------------------------------------------------------------------------------- looking

    async def _look(self, row: RuleRow) -> Glance:
        scanner = await self._ready_scanner()
        started = time.monotonic()

        def look() -> tuple[bool, bool, tuple[int, int], Path, Glance]:
            try:
                return self._looked(row, scanner)
            except (Offline, Foreign):
                self._lock.release()  # nor does it keep a disk from being unmounted
                raise

        marked, self.is_remote, self.root, mount, glance = await self._in_thread(look)
        self._taker.is_remote = self.is_remote
        self._rested = time.monotonic() + min(SCAN_EVERY, SHARE * (time.monotonic() - started))
        if (row.marked == self.rule.folder) != marked:
            await self._journal.write_async(rules.set_marked, self.rule.id, self.rule.folder if marked else None)
        if row.output_mount != mount:
            await self._journal.write_async(rules.set_output_mount, self.rule.id, mount)
        self._unmarked = not marked
        return glance

    def _refuse_absent(self) -> None:
        """Raise :class:`Offline` or :class:`Foreign` where the folder is not the one that was looked at last."""
        folder = self.rule.folder
        if self._unmarked:
            if marker.identity(folder) != self.root:
                raise Offline(RuleCause.ANOTHER_FOLDER, f"{folder} is not the folder it was")
        else:
            marker.refuse_others(folder, self._marker())

    def _looked(self, row: RuleRow, scanner: Scanner) -> tuple[bool, bool, tuple[int, int], Path, Glance]:
        """One look: whether the folder is marked, is on a network, its device and inode, where the disk of its output
        is mounted, and what is in it."""
        folder, ours = self.rule.folder, self._marker()
        root = marker.identity(folder)
        if root != self.root:  # looked up once for each mount: it asks the disk for every part of the path
            self.true_path = true_path(folder)
        remote = self.is_remote if root == self.root else bool(network_file_system(folder))
        refuse_loop(self.rule, ours)  # at each scan: the output may be mounted or linked elsewhere by now
        # A person's yes is to what was shown, and to nothing else.
        is_of_output = row.cause is RuleCause.OUTPUT_UNMOUNTED
        mount = mount_of(self.rule.target.folder, None if row.agreed and is_of_output else row.output_mount)
        agreed = row.agreed and not is_of_output
        marked = marker.check(folder, ours, row.marked, begun=row.begun, agreed=agreed, lock=self._lock.take)
        return marked, remote, root, mount, scanner.look(root)

    async def _ready_scanner(self) -> Scanner:
        if self._scanner is None:
            known = await self._journal.read_async(seen.known, self.rule.id, archives=self.rule.archives)
            self._scanner = Scanner(self.rule, self._clock, known)
        return self._scanner

    def _marker(self) -> Marker:
        uuid = self._journal.read(journal_uuid)
        return Marker.of(self.rule.id, self.rule.name, uuid)

    async def _leave_existing(self, glance: Glance) -> None:
        """What lay in the folder before the rule is left alone for as long as it stays the same."""
        scanner = await self._ready_scanner()
        there = scanner.everything_new()
        noted = [
            SeenFile(one.name, one.stamp.size, one.stamp.mtime_ns, Seen.EXISTING, reason=Skip.BEFORE_THE_RULE)
            for one in there
        ]
        for begin in range(0, len(noted), 1000):
            await self._journal.write_async(seen.note_all, self.rule.id, noted[begin : begin + 1000])
        for one in there:
            scanner.knows(one, Seen.EXISTING)
        glance.settled.clear()  # noted a moment ago as not to be taken
        glance.passed.pop(Skip.GROWING, None)
        glance.growing = None
        await self._journal.write_async(rules.scanned, self.rule.id, {})
        if there:
            await self._record(What.EXISTING, f"left alone, here before the rule: {len(there):,}")

    # -------------------------------------------------------------------------------------------------- taking

    async def _take(self, row: RuleRow, glance: Glance) -> None:
        """Take what has settled, unless something holds the rule; then say how the rule stands."""
        if row.agreed:
            await self._quote.accept()
        held = self._held(row, glance)
        complete = True
        if row.paused or held or not self._quote.offers:
            for candidate in glance.settled:
                glance.pass_over(Skip.RULE_WAITS, candidate.name)
            complete = not glance.settled  # what waits behind a hold would count as there before, and a yes as used up
        elif glance.settled:
            await self._take_all(glance, self._quote.offers)
            if row.agreed:
                self._lately.clear()  # a person has seen these: they do not count towards the next question
        not_taken = {reason: SkipCount(one.count, tuple(one.names)) for reason, one in glance.passed.items()}
        news = (not_taken, True, False) != (row.not_taken, row.begun, row.agreed)
        if news and complete:
            await self._journal.write_async(rules.scanned, self.rule.id, not_taken)
        elif not_taken != row.not_taken:
            await self._journal.write_async(rules.set_not_taken, self.rule.id, not_taken)
        now = not_taken.get(Skip.UNREADABLE)
        if now and now != row.not_taken.get(Skip.UNREADABLE):
            await self._record(What.UNREADABLE, f"{now.count:,} cannot be read by this user", now.newest)
        await self._say_standing(held)

    async def _say_standing(self, held: tuple[RuleCause, str] | None) -> None:
        """Say how the rule stands after a scan."""
        if held:
            await self._say(RuleState.HELD, held[1], held[0])
        elif not self._quote.offers:
            await self._say(RuleState.WAITS, self._quote.problem or "the service is asked what the workflow costs")
        else:
            manner = []
            if self.is_remote:
                manner.append("only scanned, every 30 s: a network file system tells nothing of changes")
            elif self.deaf:
                manner.append(self.deaf)
            if self._unmarked:
                manner.append(f"without {marker.NAME}, which cannot be written here: a replaced folder is not noticed")
            cause = RuleCause.DEAF if self.deaf and not self.is_remote else None
            await self._say(RuleState.WATCHING, "; ".join(manner), cause)

    def _held(self, row: RuleRow, glance: Glance) -> tuple[RuleCause, str] | None:
        """What a person must say yes to before anything is taken, and its sentence; None where nothing is."""
        if row.agreed:
            return None
        if self._quote.dearer:
            return RuleCause.DEARER, self._quote.problem
        now = time.monotonic()
        while self._lately and now - self._lately[0][0] > SCAN_EVERY:
            self._lately.popleft()
        # Those taken within one interval, too: they may come in by the hundred.
        at_once = glance.new + sum(number for _, number in self._lately)
        # The first scan of a rule is what a person has just asked for.
        if row.begun and not self.rule.is_capped and at_once > MOST_AT_ONCE:
            sentence = f"more than {MOST_AT_ONCE} new files at once, and no cap bounds what they may cost"
            return RuleCause.MANY_AT_ONCE, sentence
        return None

    async def _take_all(self, glance: Glance, offers: Sequence[Offer]) -> None:
        scanner = await self._ready_scanner()
        taken = iter(self._taker.take(glance.settled, offers))
        try:
            while (group := await self._in_thread(lambda: next(taken, None))) is not None:
                for candidate in (*group.added, *group.same):
                    scanner.knows(candidate, Seen.TAKEN)
                for candidate, file in group.refused:
                    scanner.knows(candidate, file.state)
                for candidate, reason in group.waiting:
                    again = scanner.not_whole(candidate, reason)
                    if self._taker.is_patient:
                        glance.look_again(again)
                    glance.pass_over(reason, candidate.name)
                self._lately.append((time.monotonic(), len(group.added)))
                await self._tell_taken(group)
            self._told_problem = ""
        except (PlanProblem, Unwritable) as problem:
            await self._tell_problem(str(problem))

    async def _tell_taken(self, group: Taken) -> None:
        if group.added:
            names = tuple(candidate.name for candidate in group.added)
            await self._record(What.TAKEN, f"{len(names):,} taken", names)
        if group.remarks:
            await self._record(What.REMARK, f"of these {', '.join(map(str, group.remarks))}")
        same = tuple(file.name for _, file in group.refused if file.reason == Skip.ONLY_METADATA)
        if same:
            await self._record(What.SAME, f"{len(same):,} bought before, only the metadata changed: not sent", same)
        for _, file in group.refused:
            if file.reason != Skip.ONLY_METADATA:
                await self._record(What.REFUSED, file.message or file.reason, (file.name,))

    async def _tell_tidied(self, group: list[Tidied]) -> None:
        """Tell of what failed or stayed one by one, and of all that is done together."""
        done = []
        for one in group:
            # Another file of that name is new.
            if self._scanner is not None and (one.state is None or one.target is not None):
                self._scanner.forget(one.name)
            folder = one.target and one.target.relative_to(self.rule.folder).parts[0]
            if folder == "done":
                done.append(one.name)
            elif folder:
                await self._record(What.MOVED, f"moved to {folder}: {one.message}", (one.name,))
            elif one.is_same:  # how its job ended is told with the job
                await self._journal.write_async(rules.log, self.rule.id, What.SAME, f"{one.name}: {one.message}")
            elif one.message:
                await self._record(What.LEFT, one.message, (one.name,))
        if done:
            await self._record(What.MOVED, f"{len(done):,} moved to done", tuple(done))

    # ------------------------------------------------------------------------------------------------- telling

    async def _quoted(self, message: str) -> None:
        """The service has said what the workflow costs, or that it cannot be asked; ``message`` where that is news."""
        if message:
            await self._record(What.OFFER, message)
        self.ring()

    async def _row(self) -> RuleRow:
        return await self._journal.read_async(rules.row, self.rule.id)

    async def _say(self, state: RuleState, message: str, cause: RuleCause | None = None) -> None:
        """Say how the rule stands, once."""
        if await self._journal.write_async(rules.set_state, self.rule.id, state, message, cause):
            self._tell(WatchEvent(time.time(), self.rule, state, message))

    async def _record(self, what: What, message: str, names: tuple[str, ...] = ()) -> None:
        """Tell something, and write it into the rule's log."""
        event = WatchEvent(time.time(), self.rule, what, message, names)
        await self._journal.write_async(rules.log, self.rule.id, what, event.sentence)
        self._tell(event)

    async def _tell_problem(self, message: str) -> None:
        if message != self._told_problem:
            self._told_problem = message
            self._tell(WatchEvent(time.time(), self.rule, What.PROBLEM, message))

    async def _in_thread(self, act: Callable[[], T]) -> T:
        """Run what blocks; ``busy_since`` shows a disk that does not answer."""
        self.busy_since = time.monotonic()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, act)
        finally:
            self.busy_since = None

    async def does_not_answer(self) -> None:
        """Say that the folder's disk does not answer."""
        await self._say(RuleState.OFFLINE, f"{self.rule.folder} does not answer", RuleCause.NO_ANSWER)
