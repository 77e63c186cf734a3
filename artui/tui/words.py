"""How the console says things: amounts, times, rates, and how a job stands, in a table's few cells."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from artui.journal.groups import group
from artui.journal.window import Totals
from artui.model.holds import Group
from artui.model.job import Job
from artui.model.lines import cost
from artui.model.states import Reason, Review, Stage, Status
from artui.sanitize import sanitize
from artui.tui.look import Glyphs, bar
from artui.tui.phrases import BRIEF_CELLS, CELLS, FAILED_CELLS, WAITING_CELLS
from artui.tui.view import Moving

BAR = 12
"""Cells of a bar in the table, brackets included."""


def amount(number: int | None) -> str:
    """An amount in the account's unit; a dash where it is not known."""
    return "-" if number is None else f"{number:,}"


def size(number: float) -> str:
    """Bytes as people say them."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"


def rate(bytes_a_second: float) -> str:
    """A speed as people say it."""
    return f"{size(bytes_a_second)}/s"


def lasting(seconds: float) -> str:
    """A length of time: ``0:04``, and from an hour on ``2:12h``, which moves once a minute."""
    whole = max(0, int(seconds))
    if whole >= 3600:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours}:{minutes:02}h" if hours < 100 else f"{hours // 24}d"
    return f"{whole // 60}:{whole % 60:02}"


def about(seconds: float) -> str:
    """A length of time that is only estimated."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 90 else f"{round(whole / 60)} min"


def clock(at: float, now: float) -> str:
    """A moment: the time of day, or the date where it was another day."""
    then = time.localtime(at)
    return time.strftime("%H:%M" if then[:3] == time.localtime(now)[:3] else "%d %b", then)


def brief(identity: str) -> str:
    """How an id is told in a line: it begins so, which is enough to find it."""
    return sanitize(identity[:8])


def short(cost: str, cells: int) -> str:
    """A cost as it is, or in thousands or millions where it has more than so many cells: ``(12.3k)``."""
    if len(cost) <= cells:
        return cost
    number = int(cost.strip("()").replace(",", ""))
    said = f"{number / 1e3:.1f}k" if number < 100_000 else f"{number // 1000}k"
    return cost.replace(f"{number:,}", said if number < 1_000_000 else f"{number / 1e6:.1f}M")


def plural(number: int, one: str, many: str = "") -> str:
    """``1 photo``, ``2,000 photos``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def whole_number(typed: str, most: int) -> int | None:
    """A typed whole number; None where it is none, or above ``most``."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= len(str(most))):
        return None
    found = int(typed)
    return found if found <= most else None


def standing(counts: Mapping[Group, int]) -> str:
    """How so many jobs stand, each number by itself, what needs a person last: ``231 saved, 5 ended, 4 need you``."""
    said = [f"{counts[one]:,} {one}" for one in Group if counts[one] and one is not Group.NEEDS]
    needs = counts[Group.NEEDS]
    return ", ".join([*said, *[plural(needs, "needs you", "need you")] * bool(needs)]) or "nothing in it"


def spent(totals: Iterable[Totals]) -> str:
    """What was charged, and how that stands to what was quoted: ``2,300 cr, 40 less than quoted``."""
    totals = list(totals)
    charged, sent = sum(one.charged for one in totals), sum(one.sent for one in totals)
    less = sum(one.unspent for one in totals)
    told = f"{charged + sent:,} cr"
    return f"{told}, {abs(less):,} {'less' if less > 0 else 'more'} than quoted" if less else told


@dataclass(frozen=True, slots=True)
class RowContext:
    """What a row needs to know beside its job."""

    moving: Mapping[int, Moving] = field(default_factory=dict)
    usual: Mapping[tuple[str, str], float] = field(default_factory=dict)
    next: int = 0
    queued: int = 0
    aside: frozenset[int] = frozenset()

    def with_moving(self, moving: Mapping[int, Moving]) -> RowContext:
        """The same, with the transfers as they are now."""
        return replace(self, moving=moving)


@dataclass(frozen=True, slots=True)
class Row:
    """A job as the table says it."""

    sign: str
    group: Group
    file: str
    stage: str
    time: str
    cost: str
    brief: str = ""
    """The stage where there is little room for it."""
    pulse: float | None = None
    """Seconds after which the row says something else by itself; None where it stands still."""


_RUNNING: Mapping[Stage, str] = {
    Stage.NEW: "checking",
    Stage.CHECKED: "about to upload",
    Stage.UPLOADED: "about to send",
    Stage.SUBMITTING: "sending",
    Stage.SUBMITTED: "looking",
    Stage.PROCESSED: "about to download",
    Stage.SAVED: "putting in place",
}


def say(job: Job, around: RowContext, glyphs: Glyphs, now: float) -> Row:
    """A job as one row; ``now`` in epoch seconds."""
    moving = around.moving.get(job.id)
    sign, stage, brief = _standing(job, moving, around, glyphs, now)
    aside = job.id in around.aside
    pulse = None
    if job.finished_at is None:
        spent = max(0.0, now - job.stage_at)
        pulse = 1.0 if spent < 3600 else 60.0 - spent % 60
    return Row(
        sign=sign,
        group=group(job.status, job.reason, job.hold_scope, aside=aside, review=job.review),
        file=f"{job.source.parent.name}/{job.source.name}" if job.source.parent.name else job.source.name,
        stage=f"{stage} (aside)" if aside else stage,
        time=clock(job.finished_at, now) if job.finished_at is not None else lasting(now - job.stage_at),
        cost=cost(job),
        brief=brief or stage,
        pulse=pulse,
    )


def _standing(job: Job, moving: Moving | None, around: RowContext, glyphs: Glyphs, now: float) -> tuple[str, str, str]:
    """The sign, the words for how a job stands, and fewer words, empty where those are few."""
    if job.status.final or job.status is Status.HELD:
        return _at_rest(job, glyphs)
    if moving:
        sign, word = (glyphs.up, "upload") if moving.way == "up" else (glyphs.down, "download")
        if not moving.total:
            return sign, f"{word} {size(moving.moved)}", f"{moving.way} {size(moving.moved)}"
        share = min(100, 100 * moving.moved // moving.total)
        return sign, f"{word} {bar(glyphs, moving.moved, moving.total, BAR)} {share}%", f"{moving.way} {share}%"
    if job.status is Status.READY:
        if job.stage in (Stage.PROCESSED, Stage.SAVED):
            return glyphs.down, "result ready, next to fetch", "ready"
        first = f"1st of {around.queued:,}" if job.id == around.next and around.queued > 1 else ""
        return glyphs.queued, f"queued{', ' * bool(first)}{first}", first
    if job.status is Status.RUNNING:
        return glyphs.working, _RUNNING[job.stage], ""
    if job.reason == Reason.AT_SERVICE:
        return glyphs.working, *processing(job, around.usual.get((job.payer, job.workflow)), now)
    if job.reason == Reason.TRY_AGAIN and job.due is not None:
        again = clock(job.due, now)
        return glyphs.working, f"will try again {again}", f"again {again}"
    if job.reason == Reason.HOURS and job.due is not None:
        start = clock(job.due, now)
        return glyphs.queued, f"sent from {start} on", f"from {start}"
    reason = Reason(job.reason)
    sign = {Reason.TWIN: glyphs.queued, Reason.IN_QA: glyphs.qa}.get(reason, glyphs.working)
    return sign, WAITING_CELLS[reason], BRIEF_CELLS.get(reason, reason)


def _at_rest(job: Job, glyphs: Glyphs) -> tuple[str, str, str]:
    if job.is_saved and job.review == Review.REJECTED:
        return glyphs.unpaid, sanitize(f"rejected: {job.review_reason}", 40), "rejected"
    match job.status:
        case Status.DONE:
            kept = job.review == Review.KEPT
            return glyphs.done, "saved, kept" if kept else "saved", "kept" if kept else ""
        case Status.SKIPPED:
            return glyphs.unpaid, "a copy, not paid", "a copy"
        case Status.CANCELLED:
            sent = "not saved" if job.is_left else "sent before" if job.may_have_cost else "not paid"
            return glyphs.unpaid, f"cancelled, {sent}", "cancelled"
        case Status.FAILED:
            if job.reason in FAILED_CELLS:
                reason = Reason(job.reason)
                return glyphs.failed, FAILED_CELLS[reason], BRIEF_CELLS.get(reason, reason)
            why = sanitize(job.reason or "failed", 40)
            return glyphs.failed, sanitize(f"{why}{'' if job.purchase else ', not sent'}", 40), why
        case _:
            return glyphs.needs, CELLS[Reason(job.reason)], BRIEF_CELLS.get(Reason(job.reason), job.reason)


def processing(job: Job, usual: float | None, now: float) -> tuple[str, str]:
    """How long an execution may still take, from how long its workflow usually does; and the same in fewer words."""
    if usual is None:
        return "processing", ""
    left = usual - (now - job.stage_at)
    if left > 0:
        return f"processing, ~{about(left)} left", f"~{about(left)} left"
    if left > -10:
        return "processing, done any moment", "any moment"
    over = f"{about(-left)} over"
    return f"processing, {over}" + (" usual" if left > -90 else ""), over


def home(path: str | os.PathLike[str]) -> str:
    """A path as people say it: their own folder is ``~``."""
    own = str(Path.home())
    text = os.fspath(path)
    return "~" + text.removeprefix(own) if text == own or text.startswith(own + os.sep) else text
