"""``artui sheet``: a page to look at, photos before and after, to be judged by somebody who has no artui."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, SINCE, in_zone
from artui.cli.session import Session
from artui.cli.terminal import counted, counter, put, put_json, say
from artui.core.sheet import GOOD_EDGE, LEAST_EDGE, MOST_BYTES, MOST_EDGE, Sheet, fitting_edge, read_sheet

if TYPE_CHECKING:
    from artui.cli.sheet.page import PageFacts, WrittenSheet
    from artui.journal import Connection
    from artui.journal.window import Filter

SPARE = 0.93
"""How much of the room the pictures may take by what a sample of them tells."""

_MOST_TOLD = 5
"""Pictures that are named where more of them cannot be shown."""


@click.command("sheet")
@click.argument("words", nargs=-1, metavar="[BATCH|WORD]...")
@SINCE
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The page to write.  [default: sheet.html]"
)
@click.option(
    "--publish", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Write index.html and the pictures as files of this folder, for a web server.",
)  # fmt: skip
@click.option(
    "--size", type=click.IntRange(LEAST_EDGE, MOST_EDGE), help="Pixels of the longer side, however large the page gets."
)
@click.option("--force", is_flag=True, help="Replace also what artui did not write.")
@AS_JSON
@click.pass_obj
def sheet_command(
    session: Session, words: tuple[str, ...], since: dt.datetime | None, output: Path | None, publish: Path | None,
    size: int | None, *, force: bool, as_json: bool,
) -> Exit:  # fmt: skip
    """Write a page that shows photos before and after, what each cost and what was decided, to be looked at anywhere.

    Which photos: those of a BATCH (its id or name), or in whose path, workflow, labels or state every WORD stands;
    !WORD, account:NAME, batch:NAME and status:WORD mean what they do in the console. What is rejected on the page comes
    out as a list for `artui reject --files-from`.
    """
    if not (find_spec("jinja2") and find_spec("PIL")):
        raise CommandError(Exit.USAGE, "sheet needs Jinja2 and Pillow: pip install 'artui[sheet]'.")
    if output and publish:
        raise CommandError(Exit.USAGE, "Say either --output, for one page, or --publish, for a folder.")
    if not (words or since):
        raise CommandError(Exit.USAGE, "Which photos? Name a batch, words to look for, or --since 7d.")
    from artui.cli.sheet.page import PageFacts, PlaceTaken, check_free
    from artui.files.publishing import OutputProblem

    target = publish or output or Path("sheet.html")
    try:
        if publish is None and target.is_dir():
            raise CommandError(Exit.USAGE, f"{target} is a folder: name a file, or say --publish {target}.")
        check_free(target, force=force)
    except PlaceTaken as taken:
        raise CommandError(Exit.USAGE, f"{taken}: nothing was written. Name another, or --force.") from taken
    zone = session.config.timezone
    with session.journal() as journal:
        wanted, title = journal.read(_wanted, words, in_zone(since, zone) if since else None)
        sheet = journal.read(read_sheet, wanted, zone)
    if not sheet.entries:
        raise CommandError(Exit.USAGE, f"No photo fits ({title}): nothing was written.")
    about = PageFacts(title, dt.datetime.now(zone))
    try:
        written = _written(sheet, about, target, size, is_folder=publish is not None)
    except FileExistsError:
        raise CommandError(Exit.USAGE, f"{target} was put there meanwhile, and is left as it is.") from None
    except (OSError, OutputProblem) as problem:
        why = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise CommandError(Exit.FAILED, f"{target} cannot be written ({why}).") from problem
    if as_json:
        put_json(
            {
                "sheet": str(target.absolute()), "photos": len(sheet.entries), "size": written.edge,
                "bytes": written.size,
                "not_shown": [
                    {"job": job.id, "file": str(path), "reason": why} for job, path, why in written.not_shown
                ],
            }
        )  # fmt: skip
    else:
        put(
            f"{target}: {counted(len(sheet.entries), 'photo')} at {written.edge:,} pixels, {written.size / 1e6:,.1f} MB"
        )
    _say_what_is_amiss(written, is_one_page=publish is None)
    return Exit.OK


def _wanted(db: Connection, words: tuple[str, ...], since: dt.datetime | None) -> tuple[Filter, str]:
    """The photos that are meant, and what they are called."""
    from artui.core.finding import filter_from
    from artui.journal import batches, window
    from artui.journal.window import Filter

    after = since.timestamp() if since else 0.0
    recent = [f"since {since:%Y-%m-%d %H:%M}"] if since else []
    called = [batch for batch in batches.find(db, words[0]) if words[0] in (batch.id, batch.name)] if words else []
    if len(words) != 1 or not called:
        wanted = replace(filter_from(" ".join(words), None, window.batches(db)), since=after)
        return wanted, " ".join(["Photos", *(f'"{word}"' for word in words), *recent])
    if len(called) > 1:
        ids = ", ".join(batch.id for batch in called[:5])
        raise CommandError(Exit.USAGE, f"{len(called)} batches are called {words[0]!r}: say the id of one: {ids}")
    return Filter(batch=called[0].id, since=after), " ".join([called[0].name, *recent])


def _written(sheet: Sheet, about: PageFacts, target: Path, size: int | None, *, is_folder: bool) -> WrittenSheet:
    """Write it; one page whose pictures turn out heavier than a sample told is written again with smaller ones."""
    from artui.cli.sheet.page import WORDS_BYTES, publish_page, write_page

    with counter("Showing") as told:
        if is_folder:
            return publish_page(sheet, about, size or MOST_EDGE, target, told)
        room = (MOST_BYTES - WORDS_BYTES * len(sheet.entries)) * 3 / 4  # four letters stand for three bytes
        edge = size or fitting_edge(sheet.entries, SPARE * room)
        written = write_page(sheet, about, edge, target, told)
        while size is None and written.size > MOST_BYTES and written.edge > LEAST_EDGE:
            # Weight grows a little less than with the square of the edge.
            smaller = max(LEAST_EDGE, int(written.edge * (SPARE * MOST_BYTES / written.size) ** 0.6))
            written = write_page(sheet, about, smaller, target, told)
        return written


def _say_what_is_amiss(written: WrittenSheet, *, is_one_page: bool) -> None:
    for job, path, why in written.not_shown[:_MOST_TOLD]:
        say(f"{path} (job {job.id}) cannot be shown: {why}.")
    if len(written.not_shown) > _MOST_TOLD:
        say(f"{len(written.not_shown) - _MOST_TOLD:,} more cannot be shown; the page says why.")
    if is_one_page and written.edge < GOOD_EDGE:
        say(
            f"At {written.edge} pixels little can be judged. `--publish FOLDER` writes the pictures as files beside the"
            f" page, up to {MOST_EDGE:,} pixels; fewer photos in one page are larger, too."
        )
    if is_one_page and written.size > MOST_BYTES:
        say(f"The page has {written.size / 1e6:,.1f} MB: browsers take long over it, and mail may refuse it.")
