"""Lists of photos to send: plain lines, lines that end in NUL, or a table whose columns say more of each photo."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from artui.core.plan.collecting import PlanProblem, SourceFile
from artui.core.tables import decoded, table_rows
from artui.files.regular import status_of
from artui.sanitize import sanitize

FILE, NAME, SKU, WORKFLOW, BATCH, OUTPUT, LABEL = "file", "name", "sku", "workflow", "batch", "output", "label:"
KNOWN = (FILE, NAME, SKU, WORKFLOW, BATCH, OUTPUT)
COLUMNS = f"{', '.join(KNOWN)}, {LABEL}…"

MOST_TOLD = 5
"""Lines that are named where more of them are wrong in one way."""

MOST_BYTES = 64 * 2**20
"""A list that is longer is none: a hundred thousand photos with long names and labels need a third of it."""

_DELIMITERS = ",;\t"
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A photo as the list has it, and where."""

    place: str
    path: Path
    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    workflow: str = ""
    batch: str = ""
    output: str = ""


def read_list(content: bytes, base: Path, *, nul: bool = False) -> list[SourceFile]:
    """The photos of a list, in its order; relative names are below ``base``.

    A first line with a field ``file`` makes it a table, its fields parted by comma, semicolon or tab: ``name`` is the
    photo's name where templates say ``{stem}``, ``sku`` and ``label:…`` are labels of its job, ``workflow``, ``batch``
    and ``output`` are its own. ``nul``: names that end in NUL, and nothing else. Raises :class:`PlanProblem`, which
    names the lines, where one is no file, stands there twice for one workflow, or cannot be read; nothing of such a
    list is sent.
    """
    if len(content) > MOST_BYTES:
        raise PlanProblem(f"the list has more than {MOST_BYTES // 2**20:,} MB: is it one?")
    entries = list(_named(content.split(b"\0"), base, "name") if nul else _read(content, base))
    if not entries:
        raise PlanProblem("the list names no photo")
    first: dict[tuple[Path, str], _Entry] = {}
    again = [one for one in entries if first.setdefault((one.path, one.workflow), one) is not one]
    _refuse(again, "stands in the list before")
    # Looked at once: a list may be long.
    modes = [found.st_mode if (found := status_of(one.path)) else 0 for one in entries]
    _refuse([one for one, mode in zip(entries, modes, strict=True) if not mode], "is not there")
    folders = [one for one, mode in zip(entries, modes, strict=True) if stat.S_ISDIR(mode)]
    _refuse(folders, "is a folder: a list names files")
    others = [one for one, mode in zip(entries, modes, strict=True) if not stat.S_ISREG(mode)]
    _refuse(others, "is a link or device, no file")
    return [
        SourceFile(
            one.path, one.path.parent, is_named=True, name=one.name, labels=one.labels, workflow=one.workflow,
            batch=one.batch, output=one.output, place=one.place,
        )
        for one in entries
    ]  # fmt: skip


def refuse_lines(wrong: Sequence[SourceFile], what: str) -> None:
    """Raise :class:`PlanProblem` where there is any, which names the first by their lines."""
    _refuse(wrong, what)


def _refuse(wrong: Sequence[_Entry | SourceFile], what: str) -> None:
    if wrong:
        told = [f"{one.place}: {sanitize(os.fspath(one.path))} {what}" for one in wrong[:MOST_TOLD]]
        more = [f"and {len(wrong) - MOST_TOLD:,} more"] if len(wrong) > MOST_TOLD else []
        raise PlanProblem("\n".join(told + more))


def _read(content: bytes, base: Path) -> Iterator[_Entry]:
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    if mark:  # a spreadsheet's
        content = decoded(content, _MARKS[mark], PlanProblem).encode("utf-8")
    lines = content.replace(b"\r\n", b"\n").split(b"\n")  # no other break: a name may hold what else splits lines
    head = lines[0].decode("utf-8", "replace") if lines else ""
    delimiter = max(_DELIMITERS, key=head.count)
    columns = [column.strip().strip('"').casefold() for column in head.split(delimiter)]
    if FILE not in columns:
        return _named(lines, base, "line")
    return _rows(decoded(content, "utf-8", PlanProblem), delimiter, base)


def _named(names: Iterable[bytes], base: Path, word: str) -> Iterator[_Entry]:
    """Names alone, whatever bytes they have."""
    for number, name in enumerate(names, 1):
        if name.strip():
            yield _Entry(f"{word} {number}", _below(base, os.fsdecode(name)))


def _below(base: Path, name: str) -> Path:
    return Path(os.path.abspath(os.path.join(base, name)))  # noqa: PTH100, PTH118 — a link stays the name one knows


def _rows(text: str, delimiter: str, base: Path) -> Iterator[_Entry]:
    table = table_rows(text, delimiter, PlanProblem)
    head = [column.strip() for column in next(table)[1]]
    kinds = [column if column.startswith(LABEL) else column.casefold() for column in head]
    strange = [kind for kind in kinds if kind not in KNOWN and not (kind.startswith(LABEL) and kind != LABEL)]
    if strange:
        raise PlanProblem(f"line 1: the column {sanitize(strange[0])!r} means nothing here; there are {COLUMNS}")
    double = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if double:
        raise PlanProblem(f"line 1: the column {sanitize(double)} stands there twice")
    for line, row in table:
        if any(cell.strip() for cell in row):
            yield _entry(line, kinds, row, base)


def _entry(line: int, kinds: Sequence[str], row: Sequence[str], base: Path) -> _Entry:
    if len(row) > len(kinds):
        raise PlanProblem(f"line {line} has {len(row)} fields where the first line has {len(kinds)}")
    cells = {kind: cell.strip() for kind, cell in zip(kinds, row, strict=False)}
    if not cells.get(FILE):
        raise PlanProblem(f"line {line} names no file")
    labels = {
        sanitize(kind.removeprefix(LABEL)): sanitize(cell)
        for kind, cell in cells.items()
        if cell and (kind == SKU or kind.startswith(LABEL))
    }
    own = {kind: cells.get(kind, "") for kind in (WORKFLOW, BATCH, OUTPUT)}
    return _Entry(f"line {line}", _below(base, cells[FILE]), cells.get(NAME, ""), labels, **own)
