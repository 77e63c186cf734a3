"""What becomes of a file in the watched folder once its job has ended: kept, or moved to done/ or failed/.

Moving is a step of its own: where a file goes is written down, then it is moved, then that is written down. A crash in
between leaves the file under one of the two names. Nothing is deleted, and nothing is replaced.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from artui import files
from artui.journal import Connection, Journal, jobs, seen
from artui.journal.seen import SeenFile
from artui.model.job import Job
from artui.model.states import Reason, Seen, Status
from artui.model.watching import Skip
from artui.sanitize import sanitize
from artui.watch.rules import After, Rule
from artui.watch.taking import UNFINISHED


@dataclass(frozen=True, slots=True)
class Tidied:
    """What became of one file. ``target`` is where it lies now, None where it was left; ``message`` why.

    ``is_same``: its picture was bought before.
    """

    name: str
    state: Seen | None
    target: Path | None
    message: str
    is_same: bool = False


@dataclass(frozen=True, slots=True)
class _Way:
    """What is to become of a file: ``folder`` (done or failed) where it is to move, ``moved`` where it already lies;
    ``forget``: it is seen anew."""

    folder: str = ""
    message: str = ""
    forget: bool = False
    moved: Path | None = None


class Linked(Exception):
    """A folder for photos that are dealt with is a link. The text says which."""

    def __init__(self, link: Path) -> None:
        super().__init__(f"{link} is a link, and a photo is never moved through one: remove it, or make it a folder")


def tidy(journal: Journal, rule: Rule, refuse_absent: Callable[[], object]) -> Iterator[list[Tidied]]:
    """Deal with the files whose jobs have ended, a group at a time; each group is durable when it is given out.

    ``refuse_absent`` raises where the folder is not there: it is asked before anything is moved, and again before a
    file counts as gone, for a disk may be unmounted at any moment. It blocks: for a thread. Raises what that raises,
    ``files.OutputProblem`` where done/ or failed/ cannot be written, :class:`Linked` where one is a link.
    """
    while ended := journal.read(seen.to_tidy, rule.id):
        ways = [(file, made, _way(journal, rule, file, made)) for file, made in ended]
        # Before anything is moved: under an unmounted disk done/ would be made on another one.
        refuse_absent()
        for file, _, way in ways:
            if way.folder and way.moved is None:
                refuse_links(rule, Path(way.folder, file.name))
        leaving = [
            (file.name, Seen.LEAVING, _free(rule.folder / way.folder / file.name))
            for file, _, way in ways
            if way.folder and way.moved is None
        ]
        # Where each goes is durable before it moves: after a kill it is found there.
        journal.write(seen.set_states, rule.id, leaving)
        targets = {name: target for name, _, target in leaving}
        tidied = [_carry_out(rule, file, made, way, targets.get(file.name)) for file, made, way in ways]
        if any(one.target is None for one in tidied):
            refuse_absent()
        journal.write(_note, rule.id, tidied)
        yield tidied


def _note(db: Connection, rule: str, tidied: list[Tidied]) -> None:
    for one in tidied:
        if one.state is None:
            seen.forget(db, rule, one.name)
    seen.set_states(db, rule, [(one.name, one.state, one.target) for one in tidied if one.state is not None])


def _way(journal: Journal, rule: Rule, file: SeenFile, made: Sequence[Job]) -> _Way:
    """What is to become of a file once all its jobs have ended: it is done with the last of its workflows."""
    # Moved, and not written down any more.
    if file.target is not None and _is_ours(file.target, file, made) and not os.path.lexists(rule.folder / file.name):
        return _Way(file.target.relative_to(rule.folder).parts[0], moved=file.target)  # by an engine that was killed
    changed = [job for job in made if job.status is Status.FAILED and job.reason in _NOT_THE_SAME]
    if changed:
        unpaid = all(journal.read(jobs.surely_unpaid, job.id) for job in changed)
        # Seen as new, unless what it held before may have been paid.
        return _Way(message=changed[0].message, forget=unpaid)
    if results := [job for job in made if job.status is Status.SKIPPED and job.reason == Skip.RESULT]:
        return _Way(message=results[0].message)  # it may lie where it was saved
    wanted = [job for job in made if job.status is not Status.CANCELLED]
    if rule.after is After.KEEP or (made and not wanted):
        edited = [job for job in made if job.reason == Skip.ONLY_METADATA]
        return _Way(message=edited[0].message if edited else "")
    if not _is_ours(rule.folder / file.name, file, made):
        gone = not os.path.lexists(rule.folder / file.name)
        return _Way(message="it is no longer there" if gone else "another file has its name", forget=not gone)
    if not wanted or any(map(_is_bad, wanted)):
        return _Way("failed")
    # Read once more in full: the photo leaves its place only once its results are surely there.
    saved = [one for job in wanted for one in job.results]
    if not all(one.path and files.published(Path(one.path), one.digest or "") for one in saved):
        return _Way(message="its result is no longer where it was saved; the photo is left where it is")
    return _Way("done")


_NOT_THE_SAME = (files.PhotoFault.CHANGED, files.PhotoFault.GONE)
"""Why a job failed whose file is another by now."""


def _is_bad(job: Job) -> bool:
    """Whether a job that has ended brought nothing for its photo."""
    return job.status is Status.FAILED or not job.results


def _carry_out(rule: Rule, file: SeenFile, made: Sequence[Job], way: _Way, target: Path | None) -> Tidied:
    if way.forget:
        return Tidied(file.name, None, None, way.message)
    if target is not None:
        source = rule.folder / file.name
        # Once more: a link may have been laid since the group was judged.
        refuse_links(rule, target.relative_to(rule.folder))
        try:
            target = _move(source, target)
        except FileNotFoundError:
            return Tidied(file.name, Seen.KEPT, None, "it is no longer there")
        # Looked at after the move, for only then nobody can put another file in its place.
        if not _is_ours(target, file, made):
            # Another file took the name at this very moment: it goes back, and is seen as new.
            with suppress(FileExistsError):
                files.move(target, source)
            return Tidied(file.name, None, None, "another file has its name")
    lies = target or way.moved
    if lies is None:
        is_same = any(job.reason == Skip.ONLY_METADATA for job in made)
        return Tidied(file.name, Seen.KEPT, None, way.message, is_same=is_same)
    bad = [job for job in made if _is_bad(job) and job.status is not Status.CANCELLED]
    if way.folder == "failed":
        files.leave_reason(lies, _reason_text(file, bad, made))
    told = [*bad, *made][:1]
    return Tidied(file.name, Seen.MOVED, lies, told[0].message if told else file.message)


def refuse_links(rule: Rule, target: Path) -> None:
    """Raise :class:`Linked` where a link stands between the watched folder and what is to lie in it."""
    for above in reversed(target.parents):
        if (rule.folder / above).is_symlink() and above != Path():
            raise Linked(rule.folder / above)


def _is_ours(path: Path, file: SeenFile, made: Sequence[Job]) -> bool:
    """Whether the file at a path is still the one that was taken."""
    try:
        stamp = files.stamp(path)
        if (stamp.size, stamp.mtime_ns) != (file.size, file.mtime_ns):
            return False
        job = next((job for job in made if job.digest), None)
        if job is None or stamp.inode == job.inode:  # same size, time and inode: the very file
            return True
        # Another inode may be another mount: only the content tells.
        photo = files.Photo(path, stamp, job.media_type, job.width, job.height)
        return files.sha256(photo).digest == job.digest
    except files.PhotoProblem:
        return False


def _free(target: Path) -> Path:
    """The target, or the first free name like it."""
    names = (target.with_name(f"{target.stem}-{number}{target.suffix}") for number in itertools.count(2))
    return next(name for name in itertools.chain([target], names) if not os.path.lexists(name))


def _move(source: Path, target: Path) -> Path:
    """Move a file to a name that is free, in one step; returns the name."""
    while True:
        try:
            files.move(source, target)
        except FileExistsError:
            target = _free(target)
        else:
            return target


# --------------------------------------------------------------------------------------------------------- reasons


def _reason_text(file: SeenFile, bad: Sequence[Job], made: Sequence[Job]) -> str:
    """Why a photo failed, in plain words: what happened, at which step, what it cost, what to do; of several workflows
    for each that brought nothing, and which did bring something."""
    name = sanitize(Path(file.name).name)
    good = [sanitize(job.workflow_name) for job in made if job.is_saved]
    lines = [f"{name} was retouched by {', '.join(good)} only." if good else f"{name} was not retouched."]
    if not bad:
        lines += [
            f"What happened: {sanitize(file.message)}", "Step: checking the file, before anything was sent.",
            "Charged: nothing.", f"What to do: {_advice(file.reason)}",
        ]  # fmt: skip
    for job in bad:
        before = "checking and uploading the file, before anything was paid"
        step = f"{job.workflow_name} at the service" if job.purchase else before
        if job.status is Status.SKIPPED:
            step = "comparing it with photos bought before"
        cost = "nothing" if not job.purchase else f"{'not known' if job.charged is None else job.charged}"
        advice = f"`artui job {job.id}` tells more, `artui redo {job.id}` would buy it anew and shows the price first."
        lines += [
            f"What happened: {sanitize(job.message)}", f"Step: {step} (job {job.id}).", f"Charged: {cost}.",
            f"What to do: {advice if job.purchase else _advice(job.reason)}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _advice(reason: str) -> str:
    if reason in (Skip.ONLY_METADATA, Reason.TWIN):
        return "nothing, its picture was bought before. `artui redo FILE` buys it anew and shows the price first."
    good = "put a good copy into the watched folder; artui takes it by itself."
    if reason == files.PhotoFault.SUSPECT:
        return f"look at it. If it is whole, `artui submit --suspect FILE` sends it; else {good}"
    return f"complete it here, or {good}" if reason in UNFINISHED else good


def forget_reason(target: Path, file: SeenFile) -> None:
    """Take away the reason beside a photo that was taken back, unless somebody has written something else there."""
    files.forget_reason(target, _reason_text(file, [], []))
