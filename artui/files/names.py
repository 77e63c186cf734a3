"""Names: what the service is told, where a result will lie, and which names are taken.

A name is data. What comes from a service, a template or a camera is made into one safe component of a path, and one
function joins it to a folder.
"""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from artui.config.system import MOST_PATH
from artui.files import values

_MOST_BYTES = 255  # of one name, on every file system that matters
_STEM_BYTES = _MOST_BYTES - 32  # leaves room for "-10000", a task and a suffix

_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/svg+xml": ".svg",
    "image/vnd.adobe.photoshop": ".psd",
    "application/zip": ".zip",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/xml": ".xml",
    "application/postscript": ".eps",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/vtt": ".vtt",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
}
"""Endings a result may get: nothing a double click would run, and the same on every machine."""


def extension(media_type: str) -> str:
    """The suffix for a media type, with its dot: ".jpg"; ".bin" for one this program does not know."""
    return _EXTENSIONS.get(plain_type(media_type), ".bin")


def plain_type(media_type: str) -> str:
    """A media type as a service spells it, without parameters and in small letters."""
    return media_type.partition(";")[0].strip().lower()


def safe_join(root: Path, name: str | Path) -> Path:
    """Join a folder and a relative name that somebody else chose; the only place that does.

    Raises ValueError when the name is empty, absolute, too long, holds NUL or leaves `root`, also through a link.
    """
    text = os.fspath(name)
    parts = text.split("/")
    if not text or "\0" in text or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"the name {text[:300]!r} does not stay inside {os.fspath(root)!r}; choose a plain one")
    path = root / text
    if max(len(os.fsencode(part)) for part in parts) > _MOST_BYTES or len(os.fsencode(path)) > MOST_PATH:
        raise ValueError(f"the name {text[:60]!r}... is too long; choose a shorter one")
    # Of the folder, not of the file: that is made, never followed.
    if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(root)):
        raise ValueError(
            f"{text[:300]!r} leads through a link out of {os.fspath(root)!r}; name the real folder instead"
        )
    return path


def ascii_name(name: str, media_type: str) -> str:
    """The name a service gets for a photo: at most 100 plain ASCII characters, with the suffix of its true type."""
    suffix = extension(media_type)
    plain = unicodedata.normalize("NFKD", Path(name).stem).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    plain = re.sub(r"\.{2,}", ".", plain)[: 100 - len(suffix)].strip("-._")
    return (plain or "photo") + suffix


def readable_name(name: str, media_type: str) -> str:
    """The name people see of a photo at a service that takes any: as it is, without what nobody can see or no text can
    hold, and with a suffix of its true type."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 — no path
    true = extension(media_type)
    if suffix.lower() not in _SPELLINGS.get(true, (true,)):
        stem, suffix = (stem if suffix.lower() in _SUFFIXES else name), true
    stem = "".join("-" if unicodedata.category(one) in _UNSEEN and one not in _JOINERS else one for one in stem)
    stem = stem.strip(" .")
    return (stem or "photo") + suffix


_SPELLINGS = {".jpg": (".jpg", ".jpeg", ".jpe", ".jfif"), ".tif": (".tif", ".tiff")}
_SUFFIXES = {*_EXTENSIONS.values(), *(spelling for spellings in _SPELLINGS.values() for spelling in spellings)}

# Controls, what turns the line around or breaks it, and half a character; what joins letters or pictures is neither.
_UNSEEN, _JOINERS = ("Cc", "Cf", "Cs", "Zl", "Zp"), "\u200c\u200d"


def render_stem(
    template: str,
    *,
    stem: str,
    relative: str | Path,
    batch: str,
    workflow: str,
    date: dt.date,
    n: int,
    value: values.Value = values.NOTHING,
    labels: Mapping[str, str] = MappingProxyType({}),
    account: str = "",
    rule: str = "",
    digest: str = "",
) -> tuple[Path, str]:
    """Fill an output template: the folder, relative to the output folder ("." is itself), and the stem in it.

    `{stem}`, `{relative}` (the photo's folder under the one that was given), `{batch}`, `{workflow}`, `{date}`
    (2026-11-22), `{account}`, `{rule}` (where one sends it), `{hash8}` (the first of its `digest`) and `{n}` (`{n:04}`
    pads); `{exif:date}`, `{iptc:objectname}`, `{xmp:dc:title}` and the like ask
    `value`, `{label:NAME}` and `{sku}` (the label of that name) its `labels`: where a photo has none its stem stands
    there, in a folder's name "unknown". Only the template and `{relative}` make folders. Raises ValueError for an
    unknown placeholder, and for a template that leaves the folder or names nothing.
    """
    words = {
        "stem": _component(stem),
        "relative": "/".join(_component(part) for part in PurePosixPath(relative).parts if part != "/"),
        "batch": tame(batch),
        "workflow": tame(workflow),
        "date": date.isoformat(),
        "account": tame(account),
        "hash8": digest[:8] or "hash8",  # not known yet where names are only shown
        **({"rule": tame(rule)} if rule else {}),
    }
    *folders, name = "".join(_filled(template, words, n, value, labels)).split("/")
    if template.startswith("/") or not name or any(part in (".", "..") for part in (*folders, name)):
        raise ValueError(f"the output template {template!r} must name a file inside the output folder")
    return Path(*filter(None, folders)), name


def stem_key(folder: Path, stem: str) -> str:
    """The reservation of a stem in a folder: equal for all spellings that some file system takes for one name.

    Case-folded, composed, and storable as UTF-8 whatever bytes the name has.
    """
    return folded(f"{os.fspath(folder)}/{stem}").encode("utf-8", "backslashreplace").decode()


class Stems:
    """The stems of one planning run: looks at each folder once, and remembers what it gave out.

    `taken` is asked with a `stem_key`, for what is reserved elsewhere.
    """

    def __init__(self, taken: Callable[[str], bool]) -> None:
        self._taken = taken
        self._on_disk: dict[Path, set[str]] = {}
        self._given: set[str] = set()
        self._next: dict[str, int] = {}

    def reserve(self, folder: Path, stem: str) -> str:
        """Give out the stem, or the first free one of stem-2, stem-3 ...; cut where a suffix would not fit."""
        if folder not in self._on_disk:
            names: list[str] = []
            # Missing or closed to us: publishing replaces nothing, whatever is planned here.
            with suppress(OSError), os.scandir(folder) as entries:
                names = [folded(entry.name) for entry in entries]
            # Each name up to each of its dots: "a.mask.png" keeps others from "a" and from "a.mask".
            self._on_disk[folder] = {name[: dot.start()] for name in names for dot in re.finditer(r"\.", name)}
        first, on_disk = _cut(stem, _STEM_BYTES), self._on_disk[folder]
        base = stem_key(folder, first)
        # Where it stopped: ten thousand of one name are not each counted from 1.
        for number in count(self._next.get(base, 1)):
            candidate = first if number == 1 else f"{first}-{number}"
            key = stem_key(folder, candidate)
            if key not in self._given and folded(candidate) not in on_disk and not self._taken(key):
                self._next[base] = number + 1
                self._given.add(key)
                break
        return candidate


def free_stem(folder: Path, stem: str, taken: Callable[[str], bool]) -> str:
    """Find a stem that is neither on disk, under any suffix, nor `taken`; `Stems` is the same for many."""
    return Stems(taken).reserve(folder, stem)


def result_name(stem: str, media_type: str, task: str = "", number: int = 1) -> str:
    """The file name of a result: `stem.png`, or `stem.task.png` when a job has several.

    `number` tells apart what would have one name.
    """
    ending = extension(media_type) if number == 1 else f"-{number}{extension(media_type)}"
    if not task:
        return stem + ending
    room = max(1, _MOST_BYTES - len(os.fsencode(stem)) - len(ending) - 1)
    return f"{stem}.{tame(task, room) or _cut('result', room)}{ending}"


def result_names(stem: str, results: Sequence[tuple[str, str]]) -> list[str]:
    """File names for all results of one job, each a (media type, task): different on every file system."""
    names: list[str] = []
    taken: set[str] = set()
    for media_type, task in results:
        numbered = (result_name(stem, media_type, task, number) for number in count(1))
        names.append(next(name for name in numbered if folded(name) not in taken))
        taken.add(folded(names[-1]))
    return names


def folded(text: str) -> str:
    """A name as the least careful file system compares it: composed and case-folded."""
    # Taken apart first, as Unicode's caseless match does.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _cut(text: str, most: int) -> str:
    """Shorten to so many bytes, between characters."""
    text = text[:most]  # no character has less than a byte
    while len(os.fsencode(text)) > most:
        text = text[:-1]
    return text


def _component(text: str) -> str:
    """One component of a path, and never more than one."""
    text = text.replace("/", "-").replace("\0", "-")
    return "_" * len(text) if text in (".", "..") else text


def tame(text: str, most: int = _MOST_BYTES) -> str:
    """A component made of what a service said: nothing in it that some file system or terminal would trip over.

    At most so many bytes; empty where nothing is left.
    """
    plain = "".join(character if character.isprintable() else "-" for character in text)
    # Windows and SMB shares take none of these, nor a name that ends in a dot or a blank.
    return _cut(re.sub(r'[<>:"/\\|?*]', "-", plain).strip(". "), most)


def _own(name: str, what: str, value: values.Value, labels: Mapping[str, str]) -> str | None:
    """What a photo itself fills a placeholder with, empty where it has nothing; None for one that asks for no such
    thing."""
    if name in values.KINDS:
        return value(name, what)
    if (name == "sku" and not what) or (name == "label" and what):
        return labels.get(what or name, "")
    return None


def _filled(
    template: str, words: dict[str, str], n: int, value: values.Value, labels: Mapping[str, str]
) -> Iterator[str]:
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the output template {template!r} cannot be read: {error}") from error
    for place, (text, name, padding, conversion) in enumerate(pieces):
        yield text
        if name is None:
            continue
        if not conversion and (own := _own(name, padding or "", value, labels)) is not None:
            is_folder = any("/" in later for later, *_ in pieces[place + 1 :])
            yield tame(own) or ("unknown" if is_folder else words["stem"])
            continue
        if name not in (*words, "n"):
            near = difflib.get_close_matches(name, [*words, "n", "sku"], n=1, cutoff=0.0)[0]
            raise ValueError(f"the output template {template!r} has an unknown {{{name}}}; the nearest is {{{near}}}")
        if conversion or (padding and not (name == "n" and re.fullmatch(r"0?[1-9]", padding))):
            raise ValueError(f"the output template {template!r} has a format it cannot use; only {{n:04}} pads")
        yield format(n, padding or "") if name == "n" else words[name]
