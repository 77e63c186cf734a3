"""What a person decides about a saved result: kept, rejected, or taken back. It is never paid for, and buys nothing.

The file of a rejected result moves to ``rejected/`` beside where it was saved, with its reason beside it, and back
where that is taken back; nothing is replaced. Where each file goes is written down before it moves, so that whoever
comes after a crash finds it under one of the two names and ends the move. A decision is about one result, and so about
every copy of it.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from artui import files
from artui.config import Config
from artui.core.actions import Refusal, explained
from artui.core.tables import decoded, table_rows
from artui.files.regular import digest_of, holds
from artui.journal import Connection, Journal, Stale, deliveries, history, jobs, published, reviews
from artui.journal.reviews import Decision, Entry, Move
from artui.model.job import Job, Result
from artui.model.states import Delivery, Review, Status
from artui.providers import capabilities
from artui.sanitize import as_cell, sanitize

FOLDER = "rejected"
"""Where rejected results go, beside the others."""

REASON = ".reason.txt"
"""The end of the name of what lies beside a rejected result."""

LONGEST = 200
"""Cells of a reason that are kept."""

_TRIES = 3


def reviewer(config: Config) -> str:
    """Who decides here: as the settings say, else by the name of the login."""
    from getpass import getuser

    if config.review.reviewer:
        return sanitize(config.review.reviewer, 60)
    try:
        return sanitize(getuser(), 60)
    except (KeyError, OSError, ImportError):
        return "somebody"  # a user without a name


def reason_of(text: str, reasons: Sequence[str]) -> str:
    """The reason a person means: one of the settings by its number from 1, or their own words.

    Raises ValueError for a number that none has, and for no words.
    """
    said = sanitize(text.strip(), LONGEST)
    if said.isascii() and said.isdigit():
        if not 1 <= int(said) <= len(reasons):
            raise ValueError(f"there is no reason {said}: they go from 1 to {len(reasons)}")
        return reasons[int(said) - 1]
    if not said:
        raise ValueError("a rejection says why")
    return said


# ------------------------------------------------------------------------------------------------------------ deciding


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision about a job, as the job then is: the ``copies`` it also counts for, where files were
    moved, and what a person should know (``notes``); or why it does not fit."""

    job: Job
    decision: Review
    copies: tuple[Job, ...] = ()
    moved: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    refused: Refusal | None = None

    @property
    def why(self) -> str:
        """Why it does not fit; empty where it does."""
        return explained(self.refused, self.job)


def decide(
    journal: Journal, found: Iterable[Job], decision: Review, *, who: str, reason: str = "",
    moved: Mapping[str, str] | None = None, as_seen: bool = False, dry_run: bool = False,
) -> list[Outcome]:  # fmt: skip
    """Write down a decision about each of these results, and move their files; those that are copies of one result
    together. ``moved``: files of them that a person has moved already, from where to where. ``as_seen``: only where it
    still stands as these jobs say. ``dry_run``: only say what would become of it. It blocks: for a thread."""
    if not dry_run:
        finish_moves(journal)
    outcomes: list[Outcome] = []
    dealt_with: set[int] = set()
    for job in found:
        if job.id not in dealt_with:
            outcome = _decide(journal, job, decision, who, reason, moved or {}, as_seen=as_seen, dry_run=dry_run)
            dealt_with |= {job.id, *(one.id for one in outcome.copies)}
            outcomes.append(outcome)
    return outcomes


def _decide(
    journal: Journal, job: Job, decision: Review, who: str, reason: str, by_hand: Mapping[str, str], *, as_seen: bool,
    dry_run: bool,
) -> Outcome:  # fmt: skip
    for left in reversed(range(_TRIES)):
        now = journal.read(jobs.get, job.id) or job
        if not now.is_saved:
            return Outcome(now, decision, refused=Refusal.NOT_SAVED)
        if as_seen and (now.review, now.review_reason) != (job.review, job.review_reason):
            return Outcome(now, decision, refused=Refusal.DECIDED_MEANWHILE)
        about = [one for one in journal.read(reviews.copies, now) if not _stands(one, decision, reason)]
        if not about:
            refused = Refusal.UNDECIDED if decision is Review.TAKEN_BACK else Refusal.DECIDED
            return Outcome(now, decision, refused=refused)
        given = dict(by_hand)
        planned = [(one, *_moves(one, decision, given)) for one in about]
        if dry_run:
            targets = tuple(Path(move.target) for _, _, moves in planned for move in moves)
            others = tuple(one for one in about if one.id != now.id)
            return Outcome(replace(now, review_reason=reason), decision, others, targets)
        try:
            written = journal.write(_write, planned, decision, who, reason)
        except Stale:
            if not left:
                raise
        else:
            break
    notes: list[str] = []
    for before, _, moves in planned:
        notes += _left(before, decision, {*given, *(move.source for move in moves)})
    found = [(one, moves) for one, (_, _, moves) in zip(written, planned, strict=True)]
    return _carried_out(journal, job, decision, found, notes)


def _carried_out(
    journal: Journal, job: Job, decision: Review, written: Sequence[tuple[Job, Sequence[Move]]], notes: list[str]
) -> Outcome:
    """Move the files of a decision about a job and its copies, which is written down."""
    moved: list[Path] = []
    for one, moves in written:
        if not moves and one.review == Review.REJECTED:  # for another reason than before
            _tell_why(journal, one, [Path(result.path) for result in one.results if result.path])
        carried = _carry_out(journal, one, moves)
        moved += carried.moved
        notes += carried.notes
        delivery = journal.read(deliveries.of_job, one.id)
        if decision is Review.REJECTED and delivery and delivery.was_handed_over:
            sure = "was" if delivery.state is Delivery.DONE or delivery.delivered else "may have been"
            notes.append(f"the result of job {one.id} {sure} delivered before: whoever got it has it still")
    after = journal.read(jobs.get, job.id) or job
    copies = tuple(one for one, _ in written if one.id != job.id)
    return Outcome(after, decision, copies, tuple(moved), tuple(notes))


def _is_away(job: Job) -> bool:
    """Whether a result of a job lies elsewhere than where it was saved."""
    return any(result.path and Path(result.path).parent != job.folder for result in job.results)


def _stands(job: Job, decision: Review, reason: str) -> bool:
    """Whether a decision would change nothing."""
    if decision is not Review.REJECTED and _is_away(job):
        return False  # it could not be moved back at first
    standing = "" if decision is Review.TAKEN_BACK else decision
    return job.review == standing and (decision is not Review.REJECTED or job.review_reason == reason)


def _write(
    db: Connection, planned: Sequence[tuple[Job, tuple[Result, ...], list[Move]]], decision: Review, who: str,
    reason: str,
) -> list[Job]:  # fmt: skip
    return [
        reviews.add(db, job, decision, who, reason, results=results, moves=moves) for job, results, moves in planned
    ]


# -------------------------------------------------------------------------------------------------------- moving files


def _moves(job: Job, decision: Review, given: dict[str, str]) -> tuple[tuple[Result, ...], list[Move]]:
    """Where the results of a job will lie by a decision, and which files have to be moved for that. ``given``: which
    files are moved already for its copies, and where to; one file may be the result of two."""
    names = files.result_names(job.stem, [(result.media_type, result.task) for result in job.results])
    if decision is Review.REJECTED and job.review != Review.REJECTED:
        wanted = [Path(result.path or "").parent / FOLDER / Path(result.path or "").name for result in job.results]
    elif decision is not Review.REJECTED and (job.review == Review.REJECTED or _is_away(job)):
        wanted = [job.folder / name for name in names]
    else:
        return job.results, []
    # Each stays whose bytes are not those that were saved: a person has made another file of it.
    there = {
        result.path: target
        for result, target in zip(job.results, wanted, strict=True)
        if result.path and result.path not in given and holds(Path(result.path), result.digest)
    }
    targets = dict(zip(there, map(os.fspath, _free(list(there.values()), given.values())), strict=True))
    given |= targets
    digests = {result.path: result.digest or "" for result in job.results}
    results = []
    for result, target in zip(job.results, wanted, strict=True):
        # Where nothing moves, what is fetched again later gets the name it was saved under.
        other = os.fspath(target) if decision is not Review.REJECTED and result.path else result.path
        results.append(replace(result, path=given.get(result.path or "", other)))
    return tuple(results), [Move(source, target, digests[source]) for source, target in targets.items()]


def _left(job: Job, decision: Review, dealt_with: Collection[str]) -> list[str]:
    """What a person should know of files that a decision would have moved, and that are not as they were saved."""
    is_rejected = job.review == Review.REJECTED
    if is_rejected if decision is Review.REJECTED else not (is_rejected or _is_away(job)):
        return []  # it moves none
    left = [Path(one.path) for one in job.results if one.path and one.path not in dealt_with]
    return [
        f"{path} is not as it was saved: it stays where it is"
        if os.path.lexists(path)
        else f"{path} is no longer there: nothing was moved"
        for path in left
    ]


def _free(wanted: Sequence[Path], given: Collection[str] = ()) -> list[Path]:
    """These names, or all with the first number behind their stems that leaves each free."""
    for number in count(1):
        names = [path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}") for path in wanted]
        if not any(os.path.lexists(name) or os.fspath(name) in given for name in names):
            return names
    raise AssertionError  # there is always another number


@dataclass
class _Carried:
    moved: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def finish_moves(journal: Journal) -> None:
    """End the moves that another process has begun and did not end, or is about to. It blocks: for a thread."""
    for job, moves in journal.read(reviews.moving):
        _carry_out(journal, job, moves)


def _carry_out(journal: Journal, job: Job, moves: Sequence[Move]) -> _Carried:
    """Move files as it is written down, each to the next free name where its own was taken meanwhile; then write down
    where they lie."""
    carried = _Carried()
    if not moves:
        return carried
    is_away = job.review == Review.REJECTED
    lies: dict[str, str] = {}
    for move in moves:
        source, target = Path(move.source), Path(move.target)
        try:
            target = _move(source, target, move.digest)
        except (files.OutputProblem, FileNotFoundError) as problem:
            why = f"{problem}" if isinstance(problem, files.OutputProblem) else "it is no longer there"
            carried.notes.append(f"{source.name} was not moved: {why.rstrip('.')}")
            # What is gone can be fetched again to where it was saved.
            is_gone = isinstance(problem, FileNotFoundError)
            lies[move.target] = move.target if is_gone and not is_away else move.source
            continue
        lies[move.target] = os.fspath(target)
        carried.moved.append(target)
        _tell_why(journal, job, [target if is_away else source])
    results = tuple(replace(one, path=lies.get(one.path or "", one.path)) for one in job.results)
    told = [f"{path.name} lies in {path.parent}" for path in carried.moved]
    journal.write(reviews.end_move, job, results, "; ".join([*told, *carried.notes]))
    return carried


def _move(source: Path, target: Path, digest: str) -> Path:
    """Move a file to a name that is free; one that is there already was moved by whoever began it."""
    while True:
        if holds(target, digest) and not os.path.lexists(source):
            return target
        try:
            files.move(source, target)
        except FileExistsError:
            [target] = _free([target])
        except FileNotFoundError:
            if not holds(target, digest):
                raise
            return target
        else:
            return target


def _tell_why(journal: Journal, job: Job, places: Iterable[Path]) -> None:
    """Lay beside files of a rejected result why it is, and take away what was said before."""
    made = [one for one in journal.read(reviews.of_job, job.id) if one.decision is Review.REJECTED]
    for place in places:
        # Of a file that never lay where such are put there is nothing to say there.
        if place.parent.name != FOLDER:
            continue
        with suppress(files.OutputProblem, OSError):  # it is only a help
            for one in made:
                files.forget_reason(place, _reason_text(job, one))
            if made and job.review == Review.REJECTED:
                files.leave_reason(place, _reason_text(job, made[-1]))


def _reason_text(job: Job, made: Decision) -> str:
    at = datetime.fromtimestamp(made.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"Rejected by {made.who}, {at}: {made.reason or 'no reason given'}.\n"
        f"It is the result of {sanitize(job.source.name)} (job {job.id}, {job.workflow_name}).\n"
        f"`artui reject --undo {job.id}` takes that back; `artui redo --rejected` buys it anew, and shows the price.\n"
    )


# ---------------------------------------------------------------------------------------------- which results are meant


class SeveralResults(ValueError):
    """A photo was named that has a result of each of several workflows."""


def of_file(journal: Journal, path: Path) -> Job | None:
    """The saved job of which a file is a result, wherever it lies by now, or whose photo it is; None where there is
    none. It may read the file. Raises :class:`SeveralResults`."""
    names = [path.name[:dot] for dot, sign in enumerate(path.name) if sign == "."]
    keys = [files.stem_key(folder, name) for folder in (path.parent, path.parent.parent) for name in names]
    for job in journal.read(reviews.named, keys):
        if job.is_saved and any(result.path == os.fspath(path) for result in job.results):
            return job
    found = _of_bytes(journal, path)
    made = [job for job in journal.read(history.by_source, path) if job.is_saved]
    # What is the photo of another job by now, which takes the results of the first, is a result before it is that.
    is_its_place = found is not None and any(result.path == os.fspath(path) for result in found.results)
    if not made or is_its_place:
        return found
    meant = {job.workflow: job for job in reversed(made) if job.digest == made[0].digest}
    if len(meant) > 1:
        named = " and ".join(f"job {job.id} ({sanitize(job.workflow_name)})" for job in meant.values())
        raise SeveralResults(f"{sanitize(path.name)} has the results of {named}: name one of these jobs, or its result")
    return made[0]


def _of_bytes(journal: Journal, path: Path) -> Job | None:
    try:
        number = journal.read(published.job_of, digest_of(path))
    except OSError:
        return None
    found = journal.read(jobs.get, number) if number is not None else None
    return found if found and found.is_saved else None


_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a list begins that a spreadsheet has written as "Unicode text"."""


class ListProblem(Exception):
    """A list of decisions cannot be read; the text says which line, and why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of a list of decisions: where it stands, the job or file it names, or both, and its reason."""

    place: str
    job: int | None
    file: Path | None
    reason: str


def read_decisions(content: bytes, base: Path) -> list[Listed]:
    """The lines of a list: a job's number or a file each, with a reason behind a tab; or a table with the columns
    ``job`` or ``file``, and ``reason``. Relative names are below ``base``. Raises :class:`ListProblem`."""
    text = decoded(content, "utf-16" if content[:2] in _UTF_16 else "utf-8-sig", ListProblem)
    lines = [line.rstrip("\r") for line in text.split("\n")]
    delimiter = max(",;\t", key=lines[0].count)
    head = [column.strip().strip('"').casefold() for column in lines[0].split(delimiter)]
    found: list[Listed] = []
    if {"job", "file"} & {*head}:
        table = table_rows(text, delimiter, ListProblem)
        columns = [column.strip().casefold() for column in next(table)[1]]
        for place, row in table:
            cells = {column: cell.strip() for column, cell in zip(columns, row, strict=False)}
            job, file = cells.get("job", ""), cells.get("file", "")
            if job or file:
                reason = cells.get("reason", "")
                found.append(_listed(f"line {place}", job or file, reason, base, file if job else ""))
            elif row:
                raise ListProblem(f"line {place} names neither a job nor a file")
    else:
        for number, line in enumerate(lines, 1):
            name, _, reason = line.partition("\t")
            if name.strip():
                found.append(_listed(f"line {number}", name.strip(), reason, base))
    if not found:
        raise ListProblem("the list names nothing")
    return found


def _listed(place: str, name: str, reason: str, base: Path, file: str = "") -> Listed:
    reason = sanitize(reason.strip(), LONGEST)
    number = int(name) if name.isascii() and name.isdigit() else None
    file = file if number is not None else name
    path = Path(os.path.abspath(base / file)) if file else None  # noqa: PTH100 — a link stays as it is named
    return Listed(place, number, path, reason)


def is_about(job: Job, file: Path) -> bool:
    """Whether a list that names both means this: the photo of the job, or one of its results, by its name at least."""
    own = [job.source.name, *(Path(result.path).name for result in job.results if result.path)]
    return file.name in own


def rejected(journal: Journal, since: float = 0.0) -> list[tuple[Job, Decision]]:
    """The results that are rejected as things stand, by a decision at or after ``since`` in epoch seconds."""
    return journal.read(reviews.rejected, since)


def to_redo(journal: Journal) -> list[Job]:
    """The rejected jobs whose photo may be ordered again by a person: paid for, and not ordered again before."""
    return journal.read(reviews.to_redo)


# --------------------------------------------------------------------------------------------------- looking through


def to_look_at(db: Connection, numbers: Sequence[int]) -> list[Entry]:
    """The saved results of these jobs by SKU and file, each once however many copies it has; those without a SKU come
    last."""
    each: dict[int, Entry] = {}
    for one in reviews.saved(db, numbers):
        if one.job == one.bought or one.bought not in each:
            each[one.bought] = one
    return sorted(each.values(), key=lambda one: (not one.sku, one.sku, one.photo, one.job))


def first_saved(db: Connection, numbers: Sequence[int]) -> int | None:
    """The first of these jobs, in their order, that has a saved result, or the one whose copy it is; None where none
    has."""
    found = {one.job: one.bought for one in reviews.saved(db, numbers)}
    return next((found[number] for number in numbers if number in found), None)


def write_list(found: Sequence[tuple[Job, Decision]]) -> Path:
    """Write what is rejected as a table for a retoucher, where the first of the files lies; returns its place. Nothing
    is replaced. Raises OutputProblem. It blocks: for a thread."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(("job", "file", "photo", "reason", "by", "workflow"))
    for job, made in found:
        path = next((one.path for one in job.results if one.path), "")
        words = map(as_cell, (made.reason, made.who, job.workflow_name))
        table.writerow((job.id, path, os.fspath(job.source), *words))
    folder = Path(next(one.path for job, _ in found for one in job.results if one.path)).parent
    name = f"retouch {datetime.now(UTC).astimezone():%Y-%m-%d %H.%M}"
    with files.Part(files.part_path(folder, "list")) as part:
        part.write(text.getvalue().encode("utf-8", "surrogateescape"))
        part.finish()
        while True:
            [target] = _free([folder / f"{name}.csv"])
            with suppress(FileExistsError):
                files.publish(part.path, target)
                return target


def thumbs(config: Config, outcomes: Iterable[Outcome]) -> dict[str, list[tuple[Job, bool]]]:
    """What services want to be told of these decisions, by account: the bought job of each, and whether it is liked.
    Only where the account says ``ratings = true``, and its service takes them."""
    told: dict[str, list[tuple[Job, bool]]] = {}
    for one in outcomes:
        account = config.accounts.get(one.job.account)
        is_wanted = account is not None and account.ratings and capabilities(account.provider).takes_ratings
        bought = next((job for job in (one.job, *one.copies) if job.status is Status.DONE), None)
        if is_wanted and bought and not one.refused and one.decision is not Review.TAKEN_BACK:
            told.setdefault(bought.account, []).append((bought, one.decision is Review.KEPT))
    return told
