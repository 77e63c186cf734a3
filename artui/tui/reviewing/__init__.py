"""Review: saved results looked through one after the other, before and after, and what a person decides about each.

``lines`` is what stands around the pictures, ``questions`` what is asked, ``again`` orders the rejected anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from artui.core import review
from artui.core.finding import Fields, SortKey
from artui.core.plan import same_again
from artui.files import OutputProblem
from artui.journal import Connection, JournalProblem, Stale, jobs, reviews, window
from artui.journal.reviews import Decision, Entry
from artui.model.job import Job
from artui.model.states import Review
from artui.sanitize import beginning, sanitize
from artui.tui import another, desktop, sampling, thumbs
from artui.tui.above import Above
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.drawing import chosen
from artui.tui.filter_line import FilterLine
from artui.tui.look import Width
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.picture_view import Pair, PictureView, told_changes
from artui.tui.pictures import Frame, Unshowable, read_kept
from artui.tui.reviewing import lines
from artui.tui.reviewing.again import order_again
from artui.tui.reviewing.questions import REASON_CELLS, AfterReview, Reasons, after_review
from artui.tui.service import ServiceError
from artui.tui.shell import Keys, Line
from artui.tui.view import Look
from artui.tui.words import home, plural

if TYPE_CHECKING:
    from artui.core.actions import Action
    from artui.tui.host import Host
    from artui.tui.sampling import Sample


LINES = ("strip", "changes", "standing", "said")


def _read_one(db: Connection, number: int) -> tuple[Job | None, Decision | None]:
    made = reviews.of_job(db, number)
    return jobs.get(db, number), made[-1] if made else None


FIELDS: Fields[Entry] = Fields(
    lambda one: (one.photo.name, f"{one.photo.parent} {one.reason}"),
    named={"sku": lambda one: one.sku, "status": lambda one: one.review or "to see"},
    orders=(
        SortKey("file", "from the end", lambda one: (one.photo, one.job)),
        SortKey("decision", "from the end", lambda one: (one.review, one.reason, one.photo, one.job)),
    ),
)


class ReviewScreen(Narrowed, Above[None]):
    """Looks through the saved results of these jobs, from the one in this ``place`` on; ``about`` says in a few words
    which they are. ``sample``: they went ahead of a batch, the rest of which waits for a yes; that is asked in the end.
    """

    goes_elsewhere = False  # a digit answers why a photo is rejected, and may come once too often
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "keep", "keep, next", tooltip="It is good: on to the next"),
        Binding("x", "reject", "reject...", tooltip="Reject it: asks why, then its file moves to rejected/ (free)"),
        Binding("u", "undo", "take back", tooltip="Take back the last decision, or the one about this photo"),
        Binding("enter", "finish", "finish...", tooltip="Ask what becomes of the rejected; of a sample: of the rest"),
        Binding("escape,q", "back", "leave", tooltip="Leave; every decision is saved already"),
        Binding("z", "crop", "1:1", tooltip="The same piece of each, one pixel to a dot; again: the whole"),
        Binding("b", "swap", "swap", tooltip="Swap before and after"),
        Binding("n", "next", "next to see", tooltip="The next that nobody has decided about"),
        Binding("p", "pair", "one or two", tooltip="One picture, or both side by side"),
        Binding("W", "another", "other workflow...", tooltip="Send this photo, or its result, to another workflow"),
        Binding("o", "open", "open", tooltip="Open the result; over SSH its path, and a line that fetches it"),
        *Narrowed.NARROW,
        Binding("y", "copy", show=False, tooltip="Copy path and execution"),
        Binding("left", "side(-1)", show=False, tooltip="The photo before; in 1:1 the piece further left"),
        Binding("right", "side(1)", show=False, tooltip="The next photo, undecided; in 1:1 the piece further right"),
        Binding("up", "piece(0, -1)", show=False, tooltip="In 1:1 the piece further up"),
        Binding("down", "piece(0, 1)", show=False, tooltip="In 1:1 the piece further down"),
        Binding("k", "walk(-1)", show=False, tooltip="The photo before"),
        Binding("j", "walk(1)", show=False, tooltip="The next photo, undecided"),
        Binding("home,g", "edge(0)", show=False, tooltip="The first photo"),
        Binding("end,G", "edge(-1)", show=False, tooltip="The last photo"),
    ]
    CSS = """
    ReviewScreen #title { text-style: bold; }
    ReviewScreen #pair { height: 1fr; }
    ReviewScreen #nothing { height: 1fr; padding: 1 1; display: none; }
    ReviewScreen.-empty #nothing { display: block; }
    ReviewScreen.-empty #pair { display: none; }
    ReviewScreen #changes { color: $warning; }
    ReviewScreen #said { color: $quiet; }
    """
    changes = frozenset({"keep", "reject", "undo", "finish", "another"})

    def __init__(self, numbers: Sequence[int], about: str, place: int = 0, sample: Sample | None = None) -> None:
        super().__init__()
        self.numbers = tuple(numbers)
        self.about = about
        self.sample = sample
        self.entries: list[Entry] = []
        self.at = 0
        self.narrowing: Narrowing[Entry] = Narrowing(FIELDS)
        self._since: set[int] = set()
        """The jobs decided about since something was typed."""
        self._whole: list[Entry] = []
        """All that can be looked at, whatever is typed."""
        self.job: Job | None = None
        """The job in front, once it has been read."""
        self.crop = False
        self.middle = (0.5, 0.5)
        self._place = place
        self._begin: int | None = None
        self._made: Decision | None = None
        self._two: bool | None = None
        """Whether both pictures stand there; None: where there is room."""
        self._swapped = False
        self._asking = False
        self._last_reason = ""
        self._undecided = 0
        """How many decisions are not written down yet."""
        self._in_turn = asyncio.Lock()
        self._done: list[int] = []
        """The jobs decided about here, the last one last."""
        self._walked = False
        self._said = self._before = ""
        self._finishing = False
        self._reading = CoalescedRefresh(self, self._read)
        self._showing = CoalescedRefresh(self, self._show)

    def compose(self) -> ComposeResult:
        """Which of how many, whose photo, the pictures, the strip, what is known, what was decided, the keys."""
        plain = bool(self.host.glyphs.brackets[0])
        yield Line(id="title")
        yield FilterLine(instead="#title", of="#pair")
        yield Line(id="whose")
        yield Static("", id="nothing", markup=False)
        with Horizontal(id="pair"):
            yield PictureView("before", None, plain=plain, id="before")
            yield PictureView("after", None, plain=plain, id="after")
        for name in LINES:
            yield Line(id=name)
        yield Keys()

    async def on_mount(self) -> None:
        """Read the list. A key that is quicker waits for it."""
        view = self.host.view
        self._last_reason = await view.ask(reviews.last_reason)
        self._begin = await view.ask(review.first_saved, self.numbers[self._place :])
        await self._read()
        self.host.looked.subscribe(self, self._looked)

    # ----------------------------------------------------------------------------------------------------- reading

    @property
    def entry(self) -> Entry | None:
        """The result in front."""
        return self.entries[self.at] if self.entries else None

    def _looked(self, look: Look) -> None:
        """Somebody else may have decided, or more has come."""
        mine = look.changed is None or not look.changed.isdisjoint(self.numbers)
        if look.wrote and (mine or self.sample):
            self._reading.ask()

    async def _read(self) -> None:
        if self.sample is not None:
            found = await sampling.waiting(self.host, self.sample.batch.id)
            if found is None and self.is_current:
                self.dismiss(None)  # somebody else has answered
                return
            self.sample = found or self.sample
            self.numbers = tuple(job.id for job in self.sample.ahead)
        entries = await self.host.view.ask(review.to_look_at, self.numbers)
        if self._undecided or not self.is_whole:
            return  # it is read again once the last decision is written down
        front = self.entry.bought if self.entry else self._begin
        self._whole = entries
        self._put(self._narrowed(), front)

    def _narrowed(self) -> list[Entry]:
        """Those that fit what is typed, and those decided about since, which may be taken back."""
        fits = {one.job for one in self.narrowing.of(self._whole)} | self._since
        return [one for one in self.narrowing.sorted(self._whole) if one.job in fits]

    def renarrow(self) -> None:
        """Other words are typed, or another order is wanted."""
        front = self.entry
        self._since.clear()
        self._put(self._narrowed(), front.bought if front else self._begin)
        self.tell(self.narrowing.said(len(self.entries), len(self._whole)))

    def _put(self, entries: list[Entry], front: int | None) -> None:
        """Take these entries, and stay at the same photo."""
        places = {one.bought: place for place, one in enumerate(entries)}
        self.entries = entries
        self.at = places.get(front or 0, min(self.at, max(0, len(entries) - 1)))
        self.set_class(not entries, "-empty")
        self.draw()
        self._showing.ask()

    async def _show(self) -> None:
        """Read the photo in front and its pictures; where another is in front by then, that one."""
        entry = self.entry
        if entry is None:
            return
        job, made = await self.host.view.ask(_read_one, entry.job)
        if not self.is_whole or self.entry is None or self.entry.job != entry.job or job is None:
            return  # the next turn of this reading is about the other one
        self.job, self._made = job, made
        pair = Pair.of(job)
        before, after = self._views
        before.put("before", None if job.address or job.found else pair.before)
        after.put(f"after (and {pair.others} more)" if pair.others else "after", pair.after)
        self.draw()
        await asyncio.gather(*(view.show(self._frame(view)) for view in (before, after) if view.display))
        if self.is_whole and self.entry == entry:
            self.draw()
            self._look_ahead()

    @property
    def _views(self) -> tuple[PictureView, PictureView]:
        return self.query_one("#before", PictureView), self.query_one("#after", PictureView)

    def _frame(self, view: PictureView) -> Frame:
        return Frame(view.dots, self.crop, self.middle)

    def _look_ahead(self) -> None:
        """Have the next result's picture read, so that it is there when it is wanted."""
        if not self.crop and not chosen.off and self.at + 1 < len(self.entries):
            following, frame = self.entries[self.at + 1].job, self._frame(self._views[1])

            async def read() -> None:
                job, _ = await self.host.view.ask(_read_one, following)
                path = Pair.of(job).after if job else None
                if path is not None:
                    with suppress(Unshowable):  # said once it is in front
                        await asyncio.to_thread(read_kept, path, frame)

            self.run_worker(read(), exclusive=True, group="ahead")

    # ----------------------------------------------------------------------------------------------------- drawing

    @property
    def _is_pair(self) -> bool:
        return self._two if self._two is not None else self.app.size.width >= Width.WIDE

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self._arrange)

    def _arrange(self) -> None:
        """Give the pictures their room, and read them anew."""
        if not self.is_whole:
            return
        before, after = self._views
        asking, alone = self._asking, not self._is_pair
        after.display = not (alone and self._swapped) or asking
        before.display = not asking and (not alone or self._swapped)
        pair = self.query_one("#pair")
        first = after if self._swapped else before
        if pair.children[0] is not first:
            pair.move_child(first, before=0)
        pair.styles.padding = (0, REASON_CELLS if asking else 0, 0, 0)
        self.draw()
        self.call_after_refresh(self._showing.ask)

    def draw(self) -> None:
        """Draw all lines around the pictures."""
        if not self.is_whole:
            return
        cells, glyphs, now, entry = self.app.size.width, self.host.glyphs, time.time(), self.entry
        say = {
            name: self.query_one(f"#{name}", Line).say for name in ("title", "whose", "strip", "changes", "standing")
        }
        job = self.job if entry and self.job and self.job.id == entry.job else None
        heading = f"Review: {sanitize(self.about, 40)}"
        if self.sample:
            heading = sampling.heading(self.sample)
        elif job and cells >= Width.WIDE:
            heading = f"{heading}, {sanitize(job.workflow_name, 40)}"
        far = lines.counted(self.entries, self.at) if entry else ""
        if self.sample:
            far = sampling.come(self.sample) or (f"{self.at + 1:,} of {len(self.entries):,}" if entry else "")
        heading = beginning(glyphs.plain(heading), cells - len(far) - 4, glyphs.ellipsis)
        say["title"](lines.ends(heading, far, cells, glyphs.ellipsis))
        if entry is None:
            wait = f"{plural(len(self.numbers), 'photo is', 'photos are')} not there yet."
            under_way = wait if self.numbers else "There is no photo in it."
            nothing = f"Nothing to look at yet: none of {sanitize(self.about, 40)} is saved. {under_way}"
            self.query_one("#nothing", Static).update(self.narrowing.none(len(self._whole)) if self._whole else nothing)
            self.query_one(Keys).draw()
            return
        left, place = lines.about(job, self.entries, self.at, now) if job else (sanitize(entry.photo.name), "")
        say["whose"](lines.ends(left, place if cells >= Width.WIDE else "", cells, glyphs.ellipsis))
        say["strip"](lines.strip(self.entries, self.at, cells, glyphs))
        say["changes"](f" {beginning(glyphs.plain(self._told_changes()), cells - 2, glyphs.ellipsis)}")
        standing = f"this photo: {lines.standing(entry.review, entry.reason, self._made if job else None, now)}"
        say["standing"](lines.ends(standing, self._before, cells, glyphs.ellipsis))
        self.query_one("#said", Line).say(f" {beginning(glyphs.plain(self._said), cells - 2, glyphs.ellipsis)}")
        self.query_one(Keys).draw()

    def _told_changes(self) -> str:
        """What differs between the two pictures; of pieces of them only how large those are."""
        if self.crop:
            wide, high = self._views[1].dots
            return f"1:1, {wide:,} x {high:,} pixels of each: the arrows move the piece, z shows the whole."
        before, after = (view.picture for view in self._views)
        found = told_changes(before, after)
        if before and after and max(after.whole) < max(before.whole):
            found.append(f"scaled down from {max(before.whole):,} px")
        return f"! {' | '.join(found)}" if found else ""

    def tell(self, text: str) -> None:
        """Say what has happened, below the pictures and among the messages."""
        self._said = lines.moment(text) if text else ""
        self.draw()

    # ------------------------------------------------------------------------------------------------ actions: looking

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is about a photo needs one, a piece needs 1:1."""
        about_one = ("keep", "reject", "another", "open", "copy", "crop", "swap", "pair", "sort", "next", "undo")
        if action in about_one and self.is_mounted and not self.entries:
            return False
        if action == "piece" and not self.crop:
            return False
        if action == "filter" and self.sample is not None:
            return False  # its question is about all of it
        return super().check_action(action, parameters)

    def _turn_to(self, place: int) -> None:
        """Put another photo in front; its pictures follow."""
        self.at = max(0, min(place, len(self.entries) - 1))
        self.draw()
        for view in self._views:
            view.put(view.caption, None)
        self._showing.ask()

    def action_walk(self, by: int) -> None:
        """The photo beside this one."""
        self._walked = True
        self._said = ""
        if self.entries and 0 <= self.at + by < len(self.entries):
            self._turn_to(self.at + by)

    def action_side(self, by: int) -> None:
        """The photo beside this one, or in 1:1 the piece."""
        if self.crop:
            self.action_piece(by, 0)
        else:
            self.action_walk(by)

    def action_edge(self, place: int) -> None:
        """The first photo, or the last."""
        if self.entries:
            self._walked = True
            self._turn_to(place % len(self.entries))

    def action_next(self) -> None:
        """The next that nobody has decided about."""
        number = len(self.entries)
        around = [(self.at + step) % number for step in range(1, number)]
        place = next((place for place in around if not self.entries[place].review), None)
        if place is None:
            self.tell("All of them are decided about. enter finishes.")
        else:
            self._walked = True
            self._turn_to(place)

    def action_crop(self) -> None:
        """A piece of each, or the whole again."""
        self.crop = not self.crop
        self.refresh_bindings()
        self._showing.ask()

    def action_piece(self, across: int, down: int) -> None:
        """Move the piece by half its size in the larger of the two."""
        wholes = [view.picture.whole for view in self._views if view.picture]
        if wholes:
            dots, whole = self._views[1].dots, max(wholes)
            first, second = (
                max(0.0, min(1.0, at + step * room / 2 / total))
                for at, step, room, total in zip(self.middle, (across, down), dots, whole, strict=True)
            )
            self.middle = (first, second)
            self._showing.ask()

    def action_swap(self) -> None:
        """Let the two change places; of one picture, show the other."""
        self._swapped = not self._swapped
        self._arrange()

    def action_pair(self) -> None:
        """One picture, or both."""
        self._two = not self._is_pair
        self._arrange()

    def action_open(self) -> None:
        """Open what was saved."""
        if job := self._front_job():
            desktop.show(self.app, [Path(result.path) for result in job.results if result.path])

    def action_copy(self) -> None:
        """Copy path and execution."""
        if job := self._front_job():
            desktop.copy(self.app, desktop.whereabouts(job))

    def _front_job(self) -> Job | None:
        return self.job if self.job and self.entry and self.job.id == self.entry.job else None

    async def action_another(self) -> None:
        """Send this photo, or its result, to another workflow."""
        if job := self._front_job():
            await another.another_workflow(self.host, [job])

    async def action_back(self) -> None:
        """Take the filter away, then leave, once all is written down."""
        if self.widen():
            return
        async with self._in_turn:
            self.dismiss(None)

    # ----------------------------------------------------------------------------------------------- actions: deciding

    def action_keep(self) -> None:
        """It is good; on to the next."""
        if (entry := self.entry) is not None:
            if entry.review != Review.KEPT:
                self._decide(entry, Review.KEPT)
            self._go_on()

    def action_reject(self) -> None:
        """Ask why it is rejected."""
        if (entry := self.entry) is None:
            return
        name = entry.photo.name

        def decided(reason: str) -> None:
            self._last_reason = reason
            self._decide(entry, Review.REJECTED, reason)
            if self.entry and self.entry.job == entry.job:
                self._go_on()

        def answered(reason: str | None) -> None:
            self._asking = False
            self._arrange()
            if reason:
                decided(reason)
            elif reason is not None:
                self._ask_words(name, decided)

        self._asking = True
        self._arrange()
        self.app.push_screen(Reasons(name, self.host.config.review.reasons, self._last_reason), answered)

    def _ask_words(self, name: str, decided: Callable[[str], None]) -> None:
        from artui.tui.dialogs import Ask

        def typed(text: str | None) -> None:
            if text:
                try:
                    decided(review.reason_of(text, self.host.config.review.reasons))
                except ValueError as problem:
                    self.tell(f"Nothing is decided: {sanitize(str(problem))}.")

        self.app.push_screen(Ask(f"Why is {sanitize(name, 50)} rejected?", placeholder="in a few words"), typed)

    def action_undo(self) -> None:
        """Take back the last decision made here; after walking on, the one about the photo in front."""
        entry = self.entry
        last = self._done[-1] if self._done else None
        if entry is not None and entry.review and (self._walked or last is None):
            last = entry.job
        place = next((place for place, one in enumerate(self.entries) if one.job == last and one.review), None)
        if place is None:
            self.tell("Nothing to take back.")
            return
        self._decide(self.entries[place], Review.TAKEN_BACK)
        self._turn_to(place)

    def _decide(self, entry: Entry, decision: Review, reason: str = "") -> None:
        """Have a decision written down, after those before it; it is shown at once."""
        standing = "" if decision is Review.TAKEN_BACK else str(decision)
        self.entries = [
            one._replace(review=standing, reason=reason) if one.job == entry.job else one for one in self.entries
        ]
        self._done = [number for number in self._done if number != entry.job]
        self._since.add(entry.job)
        if standing:
            self._done.append(entry.job)
        self._walked = False
        why = f", {sanitize(reason)}" if reason else ""
        self._before = f"before it: {sanitize(entry.photo.name, 40)} {decision}{why}"
        self._said = ""
        self._undecided += 1
        self.host.soon(self._write(entry, decision, reason))
        self.draw()

    async def _write(self, seen: Entry, decision: Review, reason: str) -> None:
        """Write a decision down where the result still stands as it was ``seen``."""
        host = self.host

        def decide() -> list[review.Outcome]:
            job = host.journal.read(jobs.get, seen.job)
            them = [replace(job, review=seen.review, review_reason=seen.reason)] if job else []
            who = review.reviewer(host.config)
            return review.decide(host.journal, them, decision, who=who, reason=reason, as_seen=True)

        outcomes: list[review.Outcome] = []
        async with self._in_turn:
            try:
                outcomes = await asyncio.to_thread(decide)
                said = " ".join(_told(one) for one in outcomes)
            except (Stale, JournalProblem) as problem:
                said = f"Nothing is decided about {sanitize(seen.photo.name, 40)}: {beginning(str(problem), 200)}."
            self._undecided -= 1
        if said:
            host.news.tell(time.time(), said)
        if self.is_whole and said:
            self.tell(said)
        if self.is_whole and not self._undecided:
            self._reading.ask()
        if trouble := await thumbs.tell(host, outcomes):
            host.news.tell(time.time(), trouble)
            if self.is_whole:
                self.tell(trouble)

    def _go_on(self) -> None:
        """The next photo; after the last one the question at the end."""
        if self.at + 1 < len(self.entries):
            self._turn_to(self.at + 1)
        else:
            self.action_finish()

    # ------------------------------------------------------------------------------------------ actions: finishing

    @work
    async def action_finish(self) -> None:
        """Ask what becomes of the rejected, or of the rest behind a sample."""
        if self._finishing:
            return
        self._finishing = True
        try:
            async with self._in_turn:  # what is decided is written down before it is counted
                pass
            if self.sample is not None:
                agreed: Action | None = await self.host.ask(sampling.question(self.sample, self.entries))
                if agreed:
                    await self.host.decide([agreed])
                    self.dismiss(None)
            elif self.entries:
                await self._ask_end()
        finally:
            self._finishing = False

    async def _ask_end(self) -> None:
        rejected = {one.bought: one for one in self.entries if one.review == Review.REJECTED}
        if not rejected:
            kept = sum(one.review == Review.KEPT for one in self.entries)
            self.tell(f"{kept:,} of {len(self.entries):,} kept, none rejected. esc leaves.")
            return
        again = await self.host.view.ask(same_again, frozenset(rejected))
        chosen_one = await self.host.ask(after_review(self.entries, again, self.host.config.accounts))
        if chosen_one is None:
            self.tell(f"{plural(len(rejected), 'stays', 'stay')} rejected. esc leaves.")
        elif chosen_one is AfterReview.AGAIN:
            self.tell("Asking the service for the price ...")
            try:
                said = await order_again(self.host, again)
            except ServiceError as trouble:
                self.tell(str(trouble))
                return
            self.host.news.tell(time.time(), said)
            self.host.notify(said, markup=False)
            self.dismiss(None)
        else:
            numbers = [one.job for one in rejected.values()]
            if chosen_one is AfterReview.LIST:
                await self._write_list(frozenset(numbers))
            else:
                found = await self.host.view.ask(window.some, numbers)
                await another.another_workflow(self.host, list(found.values()))

    async def _write_list(self, numbers: frozenset[int]) -> None:
        def write() -> Path:
            found = review.rejected(self.host.journal)
            return review.write_list([one for one in found if one[0].id in numbers])

        try:
            place = await asyncio.to_thread(write)
        except (OutputProblem, OSError) as problem:
            self.tell(f"The list was not written: {beginning(str(problem), 200)}")
            return
        said = f"The list for the retoucher is {sanitize(place)}"
        self.host.news.tell(time.time(), said)
        self.tell(said)


def _told(outcome: review.Outcome) -> str:
    """What became of a decision, in a sentence; empty where nothing is worth one."""
    name = sanitize(outcome.job.source.name, 40)
    if outcome.refused is not None:
        return f"{name}: {outcome.why}."
    where = [path for path in outcome.moved if path.parent.name == review.FOLDER]
    # The line has room for the names of files; where they lie stands above the pictures.
    folders = {f"{Path(one.path).parent}/" for one in outcome.job.results if one.path}
    notes = ""
    for note in outcome.notes:
        for folder in folders:
            note = note.replace(folder, "")
        notes += f" {sanitize(note)}."
    if where:
        place = f"{sanitize(where[0].name, 40)} is in {sanitize(home(where[0].parent), 50)}"
        said = f"{place}. Nothing is paid by that; u takes it back."
    elif outcome.decision is Review.TAKEN_BACK:
        back = f"; its file is in {sanitize(home(outcome.moved[0].parent), 50)} again" if outcome.moved else ""
        said = f"Taken back: nobody has decided about {name}{back}."
    else:
        said = ""
    return f"{said}{notes}".strip()


async def review_sample(host: Host, batch: str | None = None) -> bool:
    """Look through a batch's sample (or the oldest one that waits), and ask; False where none waits."""
    sample = await sampling.waiting(host, batch)
    if sample is None or not sample.ahead:
        return False
    await host.push_screen(ReviewScreen([job.id for job in sample.ahead], sample.batch.name, sample=sample))
    return True


async def open_review(host: Host, numbers: Sequence[int], about: str, place: int = 0) -> None:
    """Open Review over these jobs, from the one in this place on."""
    await host.push_screen(ReviewScreen(numbers, about, place))
