"""The upper part of the Submit screen: a folder, its list, a filter, and the marks that outlive both."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from artui.core.dropped import dropped
from artui.core.finding import Fields, SortKey
from artui.core.plan import PlanProblem, collect, promises_photo
from artui.files import Accepts
from artui.files.regular import status_of
from artui.journal import history
from artui.sanitize import beginning, sanitize, width
from artui.tui.choosing import ChoiceDialog
from artui.tui.columns import heads
from artui.tui.dialogs import Ask, TextDialog
from artui.tui.filter_line import FilterLine
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.shell import Line
from artui.tui.submit.checks import Checks
from artui.tui.submit.dialogs import Folders, absolute
from artui.tui.submit.marks import NOTHING, Item, LineKind, Listing, Marks, listing
from artui.tui.submit.pane import ends
from artui.tui.submit.picker import Facts, Picker, about, columns, say, warnings
from artui.tui.words import home, plural

if TYPE_CHECKING:
    from artui.tui.photo_pane import Shown


MOST_BACK = 50
"""Changes of marks that can be taken back."""


class Chooser(Narrowed, Vertical):
    """A folder to pick from. It owns the marks and the threads that check files; ``results`` is passed over when a
    whole folder is marked, ``judging`` tells whether the journal can be asked about a file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", tooltip="Mark this file, or all photos in this folder and below"),
        Binding("a", "mark_all", "all shown", tooltip="Mark all photos that are shown, or none"),
        Binding("plus", "pattern", "pattern", tooltip="Mark by a pattern of names, such as *_wide_*.jpg"),
        Binding("minus", "unmark_pattern", show=False, tooltip="Take marks away by a pattern of names"),
        Binding("u", "undo", show=False, tooltip="Take the last marks back, or those that were taken away"),
        Binding("v", "marked_only", "marked", tooltip="Show the marked only, or the folder again"),
        *Narrowed.NARROW,
        Binding("tilde", "path", show=False, key_display="~", tooltip="Type the path of a folder"),
        Binding("R", "recent", show=False, tooltip="Folders used before"),
        Binding("V", "range", show=False, tooltip="Begin a range here; again: mark it"),
    ]
    DEFAULT_CSS = """
    Chooser { height: 1fr; }
    Chooser #where { color: $quiet; }
    Chooser #listed { color: $quiet; text-style: bold; }
    Chooser #nothing { padding: 0 1; color: $quiet; height: auto; }
    """

    class Changed(Message):
        """Other files are marked, or more is known of them."""

    class Moved(Message):
        """The cursor is on another line."""

    class Told(Message):
        """Something a person should read."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    class News(Message):
        """The checks have found out something."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.marks = Marks()
        self.checks = Checks(lambda: self.post_message(self.News()))
        self.checks.ignoring = self.host.config.ignoring
        self.results: Path | None = None
        self.judging = False
        self.pane_cells = 0
        """The cells at its right that are not its own."""
        self.folder: Path | None = None
        self.listed = Listing(Path("/"), ())
        self._only_marked = False
        self._before: deque[Marks] = deque(maxlen=MOST_BACK)
        """The marks before each of the last changes."""
        self.sku_of: Callable[[Path], str] = lambda path: path.parent.name
        """The SKU that a photo would be labelled with."""
        self.narrowing: Narrowing[Item] = Narrowing(
            Fields(
                lambda item: (item.path.name,),
                named={
                    "sku": lambda item: self.sku_of(item.path),
                    "status": lambda item: say(item, self._facts()).verdict,
                    "type": lambda item: item.path.suffix,
                },
                orders=(
                    SortKey("name", "from Z", lambda item: (item.path.name.casefold(), item.path)),
                    SortKey("size", "largest first", lambda item: item.size),
                    SortKey("last change", "latest first", lambda item: item.mtime_ns),
                    SortKey("verdict", "from Z", lambda item: say(item, self._facts()).verdict),
                ),
            )
        )

    @property
    def files(self) -> Picker:
        """The list of files."""
        return self.query_one(Picker)

    def compose(self) -> ComposeResult:
        """The folder, its list."""
        yield Line(id="where")
        yield FilterLine(instead="#where", of="#files")
        yield Line(id="listed")
        yield Static("", id="nothing", markup=False)
        yield Picker(self._facts(), self.host.glyphs, id="files")

    def on_unmount(self) -> None:
        """End the threads that check."""
        self.checks.stop()

    # -------------------------------------------------------------------------------------------------- the folder

    async def begin(self) -> None:
        """Read the folder anew; the first time choose one."""
        folder = self.folder
        if folder is None:
            folder = await asyncio.to_thread(self._first_folder)
        if not self._only_marked:
            await self.open(folder)

    def _first_folder(self) -> Path:
        """Where to begin: here where there are photos, else where photos came from last."""
        here = Path.cwd()
        recent = self.host.journal.read(history.recent_folders, 5)
        for folder in (here, *recent, Path.home() / "Pictures"):
            if any(
                item.kind is LineKind.FILE and promises_photo(item.path)
                for item in listing(folder, self.host.config.ignoring).items
            ):
                return folder
        return here

    async def open(self, folder: Path, at: Path | None = None) -> None:
        """Show a folder, with the cursor on ``at``."""
        listed = await asyncio.to_thread(listing, folder, self.host.config.ignoring)
        self.folder, self.listed = folder, listed
        self._only_marked = False
        self._show(at)

    def _show(self, at: Path | None = None) -> None:
        self.files.with_folders = self._only_marked
        if self._only_marked:
            items: Iterable[Item] = [Item.of_file(one.path, status_of(one.path)) for one in self.marks.found()]
        else:
            items = self.listed.items
        kinds: dict[LineKind, list[Item]] = {kind: [] for kind in LineKind}
        for item in items:
            kinds[item.kind].append(item)
        narrowed = self.narrowing.of
        fits = [*kinds[LineKind.UP], *narrowed(kinds[LineKind.FOLDER]), *narrowed(kinds[LineKind.FILE])]
        self.files.put_items(fits, at)
        self.restate()

    def _facts(self) -> Facts:
        accepts = self.checks.accepts or Accepts(frozenset())
        return Facts(
            self.marks, self.checks.seen, self.checks.folders, accepts.max_side, accepts.scaled_above, self.judging,
            time.time(),
        )  # fmt: skip

    def restate(self) -> None:
        """Show what differs by now."""
        self.files.put_facts(self._facts())
        self.draw()
        self.post_message(self.Changed())

    def draw(self) -> None:
        """Draw the lines above the list, and why it is empty."""
        # Not by its own width, which is another one only after a pane has joined it.
        cells, glyphs = self.app.size.width - self.pane_cells, self.host.glyphs
        shown_now = [item for item in self.files.items if item.kind is LineKind.FILE]
        everything = [item for item in self.listed.items if item.kind is LineKind.FILE]
        sort = self.narrowing.sorted_by
        right = f"{sort}{' | ' * bool(sort)}shown {len(shown_now):,} of {max(len(everything), len(shown_now)):,}"
        if self.marks:
            right += f" | marked {len(self.marks):,} in {plural(self.marks.folders, 'folder')}"
        left = "marked only" if self._only_marked else home(self.folder or Path())
        self.query_one("#where", Line).say(
            ends(sanitize(left, max(8, cells - width(right) - 4), glyphs.ellipsis), right, cells)
        )
        self.query_one("#listed", Line).say(heads(columns(cells)))
        text = sanitize(self.listed.problem)
        if self.narrowing.typed and not shown_now:
            text = self.narrowing.none(len(everything))
        elif not text and not self._only_marked and not any(promises_photo(item.path) for item in everything):
            folders = sum(item.kind is LineKind.FOLDER for item in self.listed.items)
            holds = f"{plural(folders, 'folder')}, {plural(len(everything), 'other file')}"
            where = sanitize(home(self.listed.folder), 34)
            ways = "enter opens a folder · ~ types a path · R recent folders."
            text = f"No photos in {where} ({holds}).\n{ways}"
        nothing = self.query_one("#nothing", Static)
        nothing.display = bool(text)
        nothing.update(glyphs.plain(text))

    def shown(self, cells: int) -> Shown:
        """What a pane of so many cells shows of the file under the cursor."""
        from artui.tui.photo_pane import NOTHING as NONE
        from artui.tui.photo_pane import Shown

        item = self.files.current
        if item is None or item.kind is LineKind.UP:
            return NONE
        row = say(item, self._facts())
        told: list[Content] = [Content.styled(sanitize(row.verdict), "bold")]
        if item.kind is LineKind.FOLDER:
            return Shown(f"{item.path.name}/", told=told[0])
        known = self.checks.seen.get(item.path, NOTHING)
        told += [Content.assemble(("! ", "$warning"), one) for one in warnings(known, self.checks.planner)]
        if known.planned and known.planned.note:
            told.append(Content(sanitize(known.planned.note)))
        place = [one.path for one in self.files.items if one.kind is LineKind.FILE].index(item.path) + 1
        note = f"{place:,} of {sum(one.kind is LineKind.FILE for one in self.files.items):,}"
        return Shown(item.path.name, note if cells > 2 * len(note) else "", item.path, None, Content("\n").join(told))

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_chooser_news(self) -> None:
        """The checks have found out something: what is narrowed or sorted by that may be others now."""
        if self.narrowing.uses("status", "verdict"):
            self._show()
        else:
            self.restate()

    def on_line_list_wanted(self) -> None:
        """Other lines are in sight: they are looked at first; the rest too, piece by piece, where what is shown depends
        on what is found."""
        others: Iterable[Item] = self.listed.items if self.narrowing.uses("status", "verdict") else ()
        unseen = (item for item in others if item.path not in self.checks.seen)
        self.checks.look_at([*self.files.sight, *islice(unseen, 200)])

    def on_line_list_moved(self) -> None:
        """The cursor is on another line."""
        self.post_message(self.Moved())

    async def on_picker_up(self) -> None:
        """The folder above."""
        if self.folder and self.folder.parent != self.folder:
            await self.open(self.folder.parent, at=self.folder)

    async def on_line_list_opened(self) -> None:
        """Open a folder, or tell all about a file."""
        item = self.files.current
        if item is None:
            return
        if item.kind is LineKind.UP:
            await self.on_picker_up()
        elif item.kind is LineKind.FOLDER:
            self._clear_words()
            await self.open(item.path)
        else:
            self.app.push_screen(
                TextDialog(
                    sanitize(item.path.name, 70),
                    Content("\n".join(about(item, self.checks.seen.get(item.path, NOTHING)))),
                )
            )

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def renarrow(self) -> None:
        """Other words are typed, or another order is wanted."""
        self._show()

    def back(self) -> bool:
        """Take the filter away, then show the folder again."""
        if self.widen():
            return True
        if self._only_marked:
            self._only_marked = False
        else:
            return False
        self._show()
        return True

    def _clear_words(self) -> None:
        self.narrowing.typed = self.query_one(FilterLine).value = ""

    # ------------------------------------------------------------------------------------------- actions: marking

    def _markable(self, items: Iterable[Item]) -> list[Path]:
        """The files that are photos as far as is known."""
        seen = self.checks.seen
        found = []
        for item in items:
            known = seen.get(item.path)
            is_photo = known.refused is None and not known.is_by_choice if known else promises_photo(item.path)
            if item.kind is LineKind.FILE and is_photo:
                found.append(item.path)
        return found

    def put_marks(self, paths: Iterable[Path], *, on: bool, top: Path | None = None, alone: bool = False) -> None:
        """Mark files or take their marks away; they are checked from now on. ``alone``: each was chosen by itself."""
        self._before.append(self.marks.copy())
        self._put_marks(paths, on=on, top=top, alone=alone)

    def _put_marks(self, paths: Iterable[Path], *, on: bool, top: Path | None, alone: bool) -> None:
        if on:
            for path in (paths := list(paths)):
                if top is None or not path.is_relative_to(top):
                    self.marks.put([path], path.parent, alone=alone)
            if top is not None:
                self.marks.put(paths, top, alone=alone)
        else:
            self.marks.take(paths)
        self.checks.work_through(self.marks.found())
        self.restate()

    def forget(self, paths: Sequence[Path]) -> None:
        """Take the marks of what was sent away for good, and what is known of these files."""
        self.put_marks(paths, on=False)
        self._before.clear()
        self.checks.forget(paths)

    def action_undo(self) -> None:
        """Take the last change of marks back."""
        while self._before:
            before = self._before.pop()
            if number := len(before.tops.keys() ^ self.marks.tops.keys()):
                self.marks = before
                self.checks.work_through(self.marks.found())
                self._show()
                self.notify(f"Taken back: {plural(number, 'mark')}.", markup=False)
                return
        self.notify("Nothing to take back.", markup=False)

    async def take_dropped(self, text: str) -> bool:
        """Mark the photos that a pasted text names, all of each folder; False where it names no files."""
        paths = await asyncio.to_thread(dropped, text)
        if paths is None:
            return False
        folders = await asyncio.to_thread(lambda: [path for path in paths if path.is_dir()])
        top = paths[0] if paths == folders and len(paths) == 1 else Path(os.path.commonpath([p.parent for p in paths]))
        if top != self.folder or self._only_marked:
            self._clear_words()
            await self.open(top, at=paths[0])
        photos = [path for path in paths if path not in folders and promises_photo(path)]
        others = len(paths) - len(folders) - len(photos)
        try:
            for folder in folders:
                photos += await asyncio.to_thread(self._photos_in, folder)
        except PlanProblem as problem:
            self.post_message(self.Told(str(problem)))
        # One photo was chosen by itself; of many each comes along with the others.
        self.put_marks(photos, on=True, top=top, alone=len(paths) == 1 and not folders)
        known = f"; {plural(others, 'was no photo', 'were no photos')}" if others else ""
        self.notify(f"Marked {plural(len(photos), 'photo')} from what you dropped{known}.", markup=False)
        return True

    def _photos_in(self, folder: Path) -> list[Path]:
        """The photos in a folder and below it, but no results. Blocks."""
        found = collect([folder], recursive=True, ignoring=self.host.config.ignoring)
        promised = [one.path for one in found if promises_photo(one.path)]
        return [path for path in promised if self.results is None or not path.is_relative_to(self.results)]

    def mark_alone(self, paths: Sequence[Path]) -> None:
        """Mark these and nothing else, and show them; results keep the folders below the one they all lie in."""
        self._before.append(self.marks.copy())  # one act, taken back as one
        self.marks.take(list(self.marks))
        self._put_marks(paths, on=True, top=Path(os.path.commonpath([path.parent for path in paths])), alone=True)
        self._only_marked = True
        self._clear_words()
        self._show()

    def action_mark(self) -> None:
        """Mark what is under the cursor, and go on to the next line."""
        item = self.files.current
        if item is None or item.kind is LineKind.UP:
            return
        if item.kind is LineKind.FOLDER:
            self.run_worker(self._mark_folder(item.path))
        elif item.path in self.marks:
            self.put_marks([item.path], on=False)
        else:
            known = self.checks.seen.get(item.path)
            if known and known.refused:
                self.notify(beginning(known.refused.message, 200), markup=False)
                return
            self.put_marks([item.path], on=True, top=self.folder, alone=True)
        self.files.action_move(1)

    async def _mark_folder(self, folder: Path) -> None:
        """Mark all photos in a folder and below it, but no results; where some are marked, take the marks away."""
        if self.marks.below(folder):
            self.put_marks([path for path in self.marks if path.is_relative_to(folder)], on=False)
            return
        try:
            promised = await asyncio.to_thread(self._photos_in, folder)
        except PlanProblem as problem:
            self.post_message(self.Told(str(problem)))
            return
        if not promised:
            self.notify(f"No photos in {sanitize(folder.name, 40)} and below.", markup=False)
        self.put_marks(promised, on=True, top=self.folder)

    def action_mark_all(self) -> None:
        """Mark all photos that are shown, or none of them where all are."""
        paths = self._markable(self.files.items)
        if not paths:
            self.notify("No photos are shown. space on a folder marks all in it and below.", markup=False)
        self.put_marks(paths, on=not all(path in self.marks for path in paths), top=self.folder)

    def action_range(self) -> None:
        """Begin a range, or mark it."""
        items = self.files.range()
        if items is None:
            self.notify("A range begins here; V at its other end marks it.", markup=False)
        else:
            self.put_marks(self._markable(items), on=True, top=self.folder)

    def action_pattern(self) -> None:
        """Mark by a pattern."""
        self._ask_pattern("Mark by a pattern", "Of what is shown, these are marked.", on=True)

    def action_unmark_pattern(self) -> None:
        """Take marks away by a pattern."""
        self._ask_pattern(
            "Unmark by a pattern", "Of all that is marked, in whatever folder, these lose their mark.", on=False
        )

    def _ask_pattern(self, title: str, what: str, *, on: bool) -> None:
        def typed(pattern: str | None) -> None:
            if pattern:
                like = pattern.casefold()
                paths = self._markable(self.files.items) if on else list(self.marks)
                fits = [path for path in paths if fnmatch.fnmatchcase(path.name.casefold(), like)]
                self.put_marks(fits, on=on, top=self.folder)
                where = "here" if on else "marked"
                self.notify(f"{plural(len(fits), 'photo')} {where} like {sanitize(pattern, 30)}.", markup=False)

        lines = ["* stands for anything, ? for one character.", what]
        self.app.push_screen(Ask(title, lines, value="*.jpg"), typed)

    def action_marked_only(self) -> None:
        """Show the marked only, or the folder again."""
        self._only_marked = not self._only_marked and bool(self.marks)
        self._show()

    # ------------------------------------------------------------------------------------------- actions: folders

    def action_path(self) -> None:
        """Type a path."""

        async def typed(text: str | None) -> None:
            if text:
                path = Path(absolute(text))
                folder = path if await asyncio.to_thread(path.is_dir) else path.parent
                self._clear_words()
                await self.open(folder, at=path)

        begin = home(self.folder or Path.home()).rstrip("/") + "/"
        self.app.push_screen(Ask("Open a folder", value=begin, suggester=Folders()), typed)

    async def action_recent(self) -> None:
        """Choose a folder used before."""
        sent = await self.host.view.ask(history.recent_folders)
        marked = dict.fromkeys(path.parent for path in self.marks)
        folders = list(dict.fromkeys([*marked, *sent]))
        if not folders:
            self.notify("No folder was used yet. ~ types a path.", markup=False)
            return

        async def chosen(folder: Path | None) -> None:
            if folder is not None:
                self._clear_words()
                await self.open(folder)

        rows = [(folder, Content(sanitize(home(folder), 72))) for folder in folders]
        self.app.push_screen(ChoiceDialog("Folders used before", rows, lambda folder: (home(folder),)), chosen)
