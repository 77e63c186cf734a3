"""What leaves the program: data on stdout, what is said to a person on stderr, and the questions to one.

Every line passes ``sanitize``, so that no name from a disk or a service reaches the terminal as a control code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from itertools import zip_longest
from typing import Any, Protocol

from artui.cli import streams
from artui.cli.exits import CommandError, Exit
from artui.model import SCHEMA
from artui.sanitize import as_cell, sanitize, width


def say(line: str = "") -> None:
    """Say one line to the person, on stderr; with ``--quiet`` only if the command fails with it."""
    if streams.volume() < 0:
        streams.keep_to_itself(sanitize(line))
    else:
        streams.write("stderr", f"{sanitize(line)}\n")


def complain(line: str) -> None:
    """Say what went wrong, whatever else is wanted."""
    streams.write("stderr", f"{sanitize(line)}\n")


def put(line: str = "") -> None:
    """Print one line of data for a person on stdout."""
    streams.write("stdout", f"{sanitize(line)}\n", flush=False)


def put_line(line: str) -> None:
    """Print one line for a program on stdout, at once."""
    streams.write("stdout", f"{line}\n")


def put_json(document: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """Print one JSON document, or a list of them, on one line, each with the version of its fields. A byte of a name
    that is no UTF-8 stands as an escaped lone surrogate."""
    put_line(_text(document) if isinstance(document, Mapping) else f"[{', '.join(map(_text, document))}]")


def put_json_list(documents: Iterable[Mapping[str, Any]]) -> None:
    """Print a JSON list on one line, piece by piece, however long it is."""
    texts = map(_text, documents)
    streams.write("stdout", f"[{next(texts, '')}", flush=False)
    for text in texts:
        streams.write("stdout", f", {text}", flush=False)
    streams.write("stdout", "]\n")


def _text(document: Mapping[str, Any]) -> str:
    if (wanted := streams.fields()) and "error" not in document:
        if unknown := next((name for name in wanted if name not in document), ""):
            raise CommandError(Exit.USAGE, f"There is no field {unknown!r}; there are: {', '.join(document)}.")
        document = {name: document[name] for name in wanted}
    return json.dumps({"schema": SCHEMA, **document}, default=str)


def columns(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Lay rows out in columns two cells apart; the columns numbered in ``right`` end evenly."""
    cells = [[sanitize(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    numbers = set(right)
    return [
        "  ".join(
            " " * (most - width(cell)) + cell if place in numbers else cell + " " * (most - width(cell))
            for place, (cell, most) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def put_table(rows: Sequence[Sequence[str]], right: Iterable[int] = (), tints: Sequence[Tint | None] = ()) -> None:
    """Print rows in columns on stdout, each in the tint of its place in ``tints`` where colours are wanted."""
    drawn = tints if wants_color() else ()
    for line, tint in zip_longest(columns(rows, right), drawn):
        streams.write("stdout", f"\x1b[{tint}m{line}\x1b[0m\n" if tint else f"{line}\n", flush=False)


class Tint(IntEnum):
    """A colour of the terminal's own, by its number; the same is always said in words too."""

    RED = 31
    GREEN = 32
    YELLOW = 33


def wants_color() -> bool:
    """Whether stdout has colours: never with ``NO_COLOR``, always with ``CLICOLOR_FORCE``, else in a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("CLICOLOR_FORCE", "0") != "0" or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def put_csv(rows: Iterable[Sequence[str | int]], locale: str) -> None:
    """Print rows as a spreadsheet of this language reads them: German ones take semicolons, and know by the mark at the
    beginning that the text is UTF-8. A name that a spreadsheet would compute as a formula gets a quote before it."""
    import csv
    import io

    text = io.StringIO("\ufeff" if locale == "de" else "")
    text.seek(0, io.SEEK_END)
    table = csv.writer(text, delimiter=";" if locale == "de" else ",", lineterminator="\n")
    for row in rows:
        table.writerow([as_cell(cell) if isinstance(cell, str) else cell for cell in row])
    streams.write("stdout", text.getvalue())


# ------------------------------------------------------------------------------------------------- a person at hand


def can_ask() -> bool:
    """Whether a person sits at both ends of the line, reads what is said, and wants to be asked."""
    is_wanted = not os.environ.get("ARTUI_NO_PROMPT") and streams.volume() >= 0
    return is_wanted and sys.stdin.isatty() and sys.stderr.isatty()


def agrees(question: str) -> bool:
    """Ask a question that only ``y`` or ``yes`` answers with yes."""
    return ask(f"{question} [y/N] ").lower() in ("y", "yes")


def ask(prompt: str) -> str:
    """Ask for a line of text; the end of the input is an empty answer."""
    streams.write("stderr", sanitize(prompt.rstrip()) + " ")
    return sys.stdin.readline().strip()


def may_draw() -> bool:
    """Whether colours and cursor movement are wanted on stderr."""
    return (
        streams.volume() >= 0
        and sys.stderr.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )


class Counter(Protocol):
    """Told how many of a number of things are done."""

    def __call__(self, done: int, of: int) -> None:
        """Show it."""


@contextmanager
def counter(doing: str) -> Iterator[Counter]:
    """Show how far something has come, on one line of a terminal; nowhere else."""
    drawing, width_of_last = may_draw(), 0

    def show(done: int, of: int) -> None:
        nonlocal width_of_last
        if drawing:
            line = sanitize(f"{doing} {done:,} of {of:,}")
            streams.write("stderr", f"\r{line}".ljust(width_of_last))
            width_of_last = len(line) + 1

    try:
        yield show
    finally:
        if width_of_last:
            streams.write("stderr", "\r" + " " * width_of_last + "\r")


def counted(number: int, noun: str) -> str:
    """So many of something, for a person."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def money(amount: int | None, unit: str = "credits") -> str:
    """An amount for a person; what is unknown is a dash."""
    return "-" if amount is None else f"{amount:,} {unit}".rstrip()
