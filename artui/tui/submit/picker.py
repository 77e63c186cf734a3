"""The list of a folder: marks, names, sizes, pixels, and a verdict on each file as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from artui.core.plan import OF_ARCHIVES, OrderPlanner, RefusedFile, Verdict
from artui.files import PhotoFault, suspicion
from artui.sanitize import sanitize
from artui.tui.columns import Column, Slot, fitted, layout
from artui.tui.line_list import LineList, file_fitted
from artui.tui.look import UNICODE, Glyphs, Width
from artui.tui.submit.checks import WRITTEN
from artui.tui.submit.marks import NOTHING, FileCheck, Holds, Item, LineKind, Marks
from artui.tui.words import clock, plural, size

MARK = 5
"""Cells before the columns."""

COLUMNS = (
    Column("Name"),
    Column("Size", 9, right=True, wanted_from=Width.NORMAL),
    Column("Pixels", 14, right=True, wanted_from=Width.NORMAL),
    Column("Verdict", 23, gap=1, says=True),
)
WIDE_COLUMNS = (*COLUMNS[:-1], Column("Verdict", 41, gap=1, says=True))


def columns(cells: int) -> list[Slot]:
    """The columns of a list so wide."""
    return layout(COLUMNS if cells < Width.WIDE else WIDE_COLUMNS, cells, MARK, 1)


@dataclass(frozen=True, slots=True)
class PickerRow:
    """A line of the list in words; ``kind`` names its colour."""

    mark: str
    name: str
    size: str
    pixels: str
    verdict: str
    kind: str


_REFUSED: Mapping[str, str] = {
    PhotoFault.EMPTY: "empty, refused",
    PhotoFault.TRUNCATED: "cut off, refused",
    PhotoFault.DAMAGED: "damaged, refused",
    PhotoFault.SUSPECT: "suspect, not sent",
    PhotoFault.NOT_A_PHOTO: "not a photo",
    PhotoFault.UNSUPPORTED: "type not taken",
    PhotoFault.ARCHIVE: "ZIP: unpack it",
    PhotoFault.BAD_ARCHIVE: "ZIP not as needed",
    PhotoFault.TOO_LARGE: "too many bytes",
    PhotoFault.NOT_REGULAR: "no regular file",
    PhotoFault.UNREADABLE: "cannot be read",
    PhotoFault.IN_CLOUD: "in iCloud, not here",
    PhotoFault.NAME_TOO_LONG: "path too long",
    PhotoFault.CHANGED: "still being written",
    PhotoFault.GONE: "gone",
    WRITTEN: "still being written",
}


def refusal(refused: RefusedFile, max_side: int | None) -> str:
    """Why a file is not sent, in a few words."""
    if refused.reason == PhotoFault.TOO_MANY_PIXELS:
        return "too many pixels" if max_side is None else f"over {max_side:,} px"
    return _REFUSED[refused.reason] if refused.reason in _REFUSED else sanitize(refused.reason, 20)


@dataclass(frozen=True, slots=True)
class Facts:
    """All a line is said from."""

    marks: Marks
    seen: Mapping[Path, FileCheck]
    folders: Mapping[Path, Holds]
    max_side: int | None = None
    scaled_above: int | None = None
    judging: bool = False
    now: float = 0.0


def say(item: Item, facts: Facts) -> PickerRow:
    """A line of the list in words; the name is not printable yet."""
    if item.kind is LineKind.UP:
        return PickerRow("", f".. ({item.path.name or '/'})", "", "", "", "quiet")
    if item.kind is LineKind.FOLDER:
        return _folder(item, facts)
    known = facts.seen.get(item.path, NOTHING)
    marked = item.path in facts.marks
    if known.refused is not None:
        kind = "quiet" if known.refused.reason == PhotoFault.NOT_A_PHOTO else "refused"
        return PickerRow("[-]", item.path.name, size(item.size), "?", refusal(known.refused, facts.max_side), kind)
    photo = known.photo
    pixels = f"{photo.width} x {photo.height}" if photo and photo.width else ""
    words, kind = _verdict(known, facts, marked=marked)
    return PickerRow("[x]" if marked else "[ ]", item.path.name, size(item.size), pixels, words, kind)


def _folder(item: Item, facts: Facts) -> PickerRow:
    marked, found = facts.marks.below(item.path), facts.folders.get(item.path)
    if found is None:
        verdict, whole = f"{marked:,} marked" if marked else "", False
    elif not found.photos:
        others = f", {found.others:,} not photos" if found.others else ""
        verdict, whole = f"0 of 0{others}" if others else "empty", False
    else:
        number = f"{found.photos:,}" if found.is_all else f"{found.photos:,}+"
        verdict = f"{marked:,} of {number} marked" if marked else plural(found.photos, "photo")
        verdict = verdict if found.is_all or marked else f"{number} photos"
        whole = marked >= found.photos and found.is_all
    mark = "[x]" if whole and marked else "[~]" if marked else "[ ]"
    return PickerRow(mark, f"{item.path.name}/", "", "", verdict, "quiet")


def _verdict(known: FileCheck, facts: Facts, *, marked: bool) -> tuple[str, str]:
    photo, planned = known.photo, known.planned
    if planned is not None and planned.before:
        return ("bought before, not paid" if planned.verdict is Verdict.BOUGHT else "paid before?"), "scaled"
    if planned is not None and planned.verdict is Verdict.KNOWN:
        day = planned.done_at and clock(planned.done_at, facts.now)
        return (f"done {day}, not paid" if day else "queued before"), "done"
    if planned is not None and planned.verdict is Verdict.METADATA:
        is_by_hand = marked and facts.marks.is_alone(planned.found.path)
        return ("buy it anew?", "scaled") if is_by_hand else ("new metadata, unsent", "done")
    if planned is not None and planned.verdict is Verdict.TWIN:
        return f"as job {planned.job}, not paid", "done"
    if photo is None or (marked and facts.judging and planned is None):
        return "checking", "quiet"
    if photo.suspect:
        return "suspect: send it?" if marked and facts.marks.is_alone(photo.path) else "suspect, not sent", "refused"
    if photo.is_archive:
        is_chosen = marked and facts.marks.is_alone(photo.path)
        return ("ZIP, price not known", "scaled") if is_chosen else ("ZIP, only by itself", "quiet")
    if facts.scaled_above is not None and max(photo.width, photo.height) > facts.scaled_above:
        return "will be scaled down", "scaled"
    return "ready", "ready"


def about(item: Item, known: FileCheck) -> list[str]:
    """All that is known of a file, line by line; printable."""
    lines = [sanitize(item.path), f"{item.size:,} bytes"]
    if known.photo:
        pixels = f", {known.photo.width} x {known.photo.height} pixels" if known.photo.width else ""
        lines.append(f"{known.photo.media_type}{pixels}")
        lines.append(f"SHA-256 {known.photo.digest}" if known.photo.digest else "not hashed yet")
    if known.photo and known.photo.suspect:
        lines.append(sanitize(str(suspicion(known.photo))))
    if known.photo and known.photo.is_archive:
        lines.append(OF_ARCHIVES)
    if known.photo and known.photo.traits:
        told = (" ".join(filter(None, (one.trait.replace("-", " "), one.detail))) for one in known.photo.traits)
        lines.append(sanitize(f"worth knowing: {', '.join(told)}"))
    if known.planned and known.planned.note:
        lines.append(sanitize(known.planned.note))
    if known.refused:
        lines.append(sanitize(known.refused.message))
    return lines


def warnings(known: FileCheck, planner: OrderPlanner | None) -> list[str]:
    """What a person should know of a file before it is paid for, each a sentence without its end; printable."""
    found = [known.refused.message.rstrip(".")] if known.refused else []
    if known.photo and known.photo.suspect:
        found.append(str(suspicion(known.photo)).rstrip("."))
    if known.photo and known.photo.is_archive:
        found.append(OF_ARCHIVES.rstrip("."))
    if known.photo and planner is not None:
        photos = [known.photo]
        found += dict.fromkeys(one.said for each in planner.planners for one in each.worth.remarks(photos))
    return [sanitize(one) for one in found]


class Picker(LineList[Item, PickerRow]):
    """The files and folders of one folder, with a cursor. Marks and what is known belong to whoever uses it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right", "open", show=False, tooltip="Open this folder, or tell all about this file"),
        Binding("left,backspace", "up", show=False, tooltip="The folder above"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--ready", "lines--scaled", "lines--done", "lines--refused", "lines--mark",
    }  # fmt: skip
    DEFAULT_CSS = """
    Picker > .lines--ready { color: $foreground; }
    Picker > .lines--scaled { color: $accent; }
    Picker > .lines--done { color: $success; }
    Picker > .lines--refused { color: $warning; }
    Picker > .lines--mark { color: $primary; }
    """

    class Up(Message):
        """The folder above is wanted."""

    def __init__(self, facts: Facts, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(glyphs, id=id)
        self.facts = facts
        self.with_folders = False
        """Whether a file is named with its folder."""

    def put_items(self, items: Sequence[Item], at: Path | None = None) -> None:
        """Show these lines; the cursor goes to ``at``, or stays on its path, or else begins below the way up."""
        wanted = at or (self.current.path if self.current else None)
        place = self._place_of_path(items, wanted)
        begin = 1 if len(items) > 1 and items[0].kind is LineKind.UP else 0
        self.put(items, begin if place is None else place)

    def put_facts(self, facts: Facts) -> None:
        """Take in what is known by now; what says something else is repainted."""
        self.facts = facts
        self.restate()

    def place_of(self, item: Item) -> int | None:
        """Where the file or folder of this path is, whatever has become of its size."""
        return self._place_of_path(self.items, item.path)

    @staticmethod
    def _place_of_path(items: Sequence[Item], path: Path | None) -> int | None:
        places = (place for place, item in enumerate(items) if item.path == path and item.kind is not LineKind.UP)
        return next(places, None)

    def say(self, item: Item) -> PickerRow:
        """A file or a folder in words."""
        return say(item, self.facts)

    def pieces(self, item: Item, row: PickerRow | None) -> Iterable[tuple[str, str]]:
        """The mark, then the columns."""
        row = row or self.say(item)
        yield row.mark.ljust(MARK), "mark" if row.mark in ("[x]", "[~]") else "quiet"
        said = {"Size": (row.size, "quiet"), "Pixels": (row.pixels, "quiet"), "Verdict": (row.verdict, row.kind)}
        for slot in columns(self.size.width):
            if slot.title == "Name":
                folder = item.path.parent.name if self.with_folders and item.kind is LineKind.FILE else ""
                yield file_fitted(folder, row.name, slot.cells, self.glyphs.ellipsis), ""
            else:
                text, kind = said[slot.title]
                yield fitted(text, slot, self.glyphs.ellipsis), kind

    def action_up(self) -> None:
        """Ask for the folder above."""
        self.post_message(self.Up())
