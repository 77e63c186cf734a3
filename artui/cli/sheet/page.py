"""The page of a sheet, from what the core tells and the thumbnails: one file, or a folder with the thumbnails in it."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import artui
from artui.config.system import sync
from artui.core.sheet import Sheet, SheetEntry, pictures
from artui.files.publishing import publish
from artui.files.regular import open_regular
from artui.files.thumbnails import NoThumbnail, Thumbnail, thumbnails
from artui.journal.books import CostLine
from artui.model.holds import Group
from artui.model.job import Job
from artui.model.states import Status, worded
from artui.providers import capabilities
from artui.sanitize import sanitize

_HERE = Path(__file__).parent
_SIGN = b'<meta name="generator" content="artui sheet '
_PHOTOS = "photos"
_PUBLISHED = re.compile(r"\d+-(before|after)-[0-9a-f]{16}\.webp")

WORDS_BYTES = 1_300
"""About what a photo takes on the page beside its pictures."""

_GROUPS = {
    Group.SAVED: "Saved", Group.NEEDS: "Needs a person", Group.ACTIVE: "Under way", Group.QUEUED: "Queued",
    Group.QA: "In QA", Group.ENDED: "Ended",
}  # fmt: skip


class PlaceTaken(Exception):
    """Something stands where a sheet is to be written that artui did not write; nothing was changed."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page says of itself: its title, and when it was made, in the zone that all its times are told in."""

    title: str
    made: dt.datetime


@dataclass(frozen=True, slots=True)
class WrittenSheet:
    """What was written: pixels of the pictures' longer side, bytes in all, and the pictures that cannot be shown, each
    with its job and why."""

    edge: int
    size: int
    not_shown: list[tuple[Job, Path, str]]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture of the page, or why there is none."""

    src: str = ""
    width: int = 0
    height: int = 0
    is_transparent: bool = False
    why: str = ""


def check_free(target: Path, *, force: bool) -> None:
    """Raise PlaceTaken where a file stands that is no sheet, or a folder that was not published by artui."""
    if target.is_dir():
        if any(target.iterdir()) and not (force or _is_sheet(target / "index.html")):
            raise PlaceTaken(f"{target} is a folder with other files in it")
    elif os.path.lexists(target) and not (force or _is_sheet(target)):
        raise PlaceTaken(f"{target} is there already, and is no sheet of artui's")


def _is_sheet(path: Path) -> bool:
    with suppress(OSError), open_regular(path) as file:
        return _SIGN in file.read(400)
    return False


def write_page(
    sheet: Sheet, about: PageFacts, edge: int, target: Path, told: Callable[[int, int], None]
) -> WrittenSheet:
    """Write a sheet as one page with all its pictures in it, which takes its name once it is whole.

    ``told`` hears how many photos of how many are done. Raises OSError, FileExistsError where the name was taken
    meanwhile.
    """
    not_shown: list[tuple[Job, Path, str]] = []

    def inlined(entry: SheetEntry, side: str, made: Thumbnail) -> str:
        del entry, side
        return Markup("data:image/webp;base64," + base64.b64encode(made.data).decode("ascii"))  # noqa: S704

    with _replaced(target) as page:
        _write(page, sheet, about, "data:", _photos(sheet, about, edge, inlined, not_shown, told))
    return WrittenSheet(edge, target.stat().st_size, not_shown)


def publish_page(
    sheet: Sheet, about: PageFacts, edge: int, folder: Path, told: Callable[[int, int], None]
) -> WrittenSheet:
    """Write a sheet as ``index.html`` with its pictures as files in a folder beside it; those of the sheet that was
    published there before go once the new page is whole. As :func:`write_page` otherwise."""
    not_shown: list[tuple[Job, Path, str]] = []
    photos = folder / _PHOTOS
    photos.mkdir(parents=True, exist_ok=True)
    names: dict[str, int] = {}

    def filed(entry: SheetEntry, side: str, made: Thumbnail) -> str:
        # Named by what is in it: the page that is there shows what it did until the new one takes its place.
        name = f"{entry.job.id}-{side}-{hashlib.sha256(made.data).hexdigest()[:16]}.webp"
        if not (photos / name).exists():
            with _replaced(photos / name) as file:
                file.write(made.data)
        names[name] = len(made.data)
        return f"{_PHOTOS}/{name}"

    page = folder / "index.html"
    with _replaced(page) as file:
        _write(file, sheet, about, "'self' file: data:", _photos(sheet, about, edge, filed, not_shown, told))
    for stale in photos.iterdir():
        if _PUBLISHED.fullmatch(stale.name) and stale.name not in names:
            stale.unlink(missing_ok=True)
    return WrittenSheet(edge, page.stat().st_size + sum(names.values()), not_shown)


@contextmanager
def _replaced(target: Path) -> Iterator[BinaryIO]:
    """A hidden file that takes the place of another, or its name, once it is whole and on disk."""
    existed = os.path.lexists(target)
    part = target.with_name(f".artui-{os.urandom(6).hex()}.tmp")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            sync(file.fileno())
        if existed:
            part.replace(target)
        else:
            publish(part, target)  # what was put there meanwhile stays
    finally:
        part.unlink(missing_ok=True)


def _write(file: BinaryIO, sheet: Sheet, about: PageFacts, images: str, photos: Iterable[dict[str, Any]]) -> None:
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src {images}; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    templates = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    number = len(sheet.entries)
    # What tells this sheet from others in a browser: what was chosen on another one stays there.
    jobs = ",".join(str(entry.job.id) for entry in sheet.entries)
    mark = hashlib.sha256(f"{about.made.isoformat()} {jobs}".encode()).hexdigest()[:16]
    groups = Counter(entry.group for entry in sheet.entries)
    verdicts = Counter(entry.review.decision for entry in sheet.entries if entry.review)
    chips: list[tuple[str, str, int]] = [(one, word, groups[one]) for one, word in _GROUPS.items() if groups[one]]
    chips += [(verdict, verdict.capitalize(), number) for verdict, number in sorted(verdicts.items())]
    chips += [("chosen", "To reject", 0)]
    page = templates.get_template("page.html").stream(
        version=artui.__version__, policy=policy, style=Markup(style), script=Markup(script),  # noqa: S704 — our own
        title=sanitize(about.title), made=_clock(about.made), made_iso=about.made.isoformat(timespec="seconds"),
        mark=mark, count="1 photo" if number == 1 else f"{number:,} photos", total=f"{number:,}",
        sums=[_sum(line) for line in sheet.sums], photos=photos,
        chips=[{"key": key, "word": word, "number": f"{number:,}"} for key, word, number in chips],
    )  # fmt: skip
    page.enable_buffering(40)
    page.dump(file, encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _clock(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


# -------------------------------------------------------------------------------------------------------- the photos


def _photos(
    sheet: Sheet, about: PageFacts, edge: int, source: Callable[[SheetEntry, str, Thumbnail], str],
    not_shown: list[tuple[Job, Path, str]], told: Callable[[int, int], None],
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """What the page says of each photo; what cannot be shown is added to a list."""
    made = thumbnails(pictures(sheet.entries), edge)

    def shown(entry: SheetEntry, side: str, path: Path | None) -> _Shown:
        match next(made):
            case Thumbnail() as small:
                return _Shown(source(entry, side, small), *small.size, small.is_transparent)
            case NoThumbnail() as none if path:
                not_shown.append((entry.job, path, str(none)))
                return _Shown(why=f"Cannot be shown: {sanitize(str(none))}.")
        if side == "after":
            return _Shown(why="No result." if entry.job.status.final else "No result yet.")
        known = "The service fetched this photo itself." if entry.job.address else "Its photo is not known here."
        return _Shown(why=known)

    for number, entry in enumerate(sheet.entries, 1):
        before = shown(entry, "before", entry.before)
        yield _photo(entry, before, shown(entry, "after", entry.after), about.made.tzinfo)
        told(number, len(sheet.entries))


def _photo(entry: SheetEntry, before: _Shown, after: _Shown, zone: dt.tzinfo | None) -> dict[str, Any]:
    job, review = entry.job, entry.review
    verdict = review.decision if review else ""
    name = job.source.name
    own = capabilities(job.provider).own_labels
    labels = [f"{key} {value}" for key, value in job.labels.items() if not (own and key.startswith(own))]
    more = [f"and {entry.others} more results"] if entry.others > 1 else ["and 1 more result"] if entry.others else []
    state = f"{job.status}: {worded(job.reason)}" if job.reason else str(job.status)
    if job.status is Status.DONE:
        state = "saved"
    elif job.status is Status.SKIPPED:
        state = f"has the result of job {job.twin_of}" if job.twin_of else "skipped"
    decided = ""
    if review:
        who, why = f" by {review.who}" if review.who else "", f": {review.reason}" if review.reason else ""
        decided = f"{verdict}{who}, {_clock(dt.datetime.fromtimestamp(review.at, zone))}{why}"
    cost = ""
    if job.charged is not None:
        cost = _credits(job.charged)
    elif job.twin_of is not None:
        cost = "a copy, free"
    elif job.quoted is not None and (job.purchase or not job.status.final):
        cost = f"{_credits(job.quoted)}{', not confirmed' if job.purchase else ' to come'}"
    file = os.fspath(job.source)
    try:
        file.encode()
    except UnicodeEncodeError:  # a name that is no text: a list knows the photo by its job
        file = sanitize(file)
    return {
        "name": sanitize(name), "path": sanitize(job.source), "before": before, "after": after,
        "group": entry.group, "verdict": verdict, "cost": cost,
        "state": sanitize(" · ".join([state, job.workflow_name, *more])), "labels": sanitize(" · ".join(labels)),
        "message": "" if entry.group is Group.SAVED else sanitize(job.message),
        "decided": sanitize(decided),
        "data": {"job": job.id, "file": file, "can": entry.after is not None and verdict != "rejected"},
    }  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- figures


def _credits(amount: int) -> str:
    return f"{amount:,} credit" if amount == 1 else f"{amount:,} credits"


def _sum(line: CostLine) -> dict[str, Any]:
    costs = line.costs
    told = {
        f"quoted {costs.quoted:,}": costs.difference,
        f"{costs.open:,} not charged yet": costs.open,
        f"{costs.lost:,} lost": costs.lost,
        f"nothing charged for {costs.waived:,} of it": costs.waived,
        f"{costs.no_result_charged:,} for {costs.no_result:,} without a result": costs.no_result_charged,
        f"{costs.copies:,} copies free, {costs.saved:,} saved": costs.copies,
    }
    return {
        "name": f"{capabilities(line.service).title}, {costs.photos:,} paid",
        "amount": _credits(costs.charged),
        "more": [words for words, wanted in told.items() if wanted],
    }
