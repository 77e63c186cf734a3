"""``artui jobs``, ``job``, ``why`` and ``wait``: what there is, what became of one photo, and waiting for the rest."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, SINCE, WAIT_QA, in_zone, label_given
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import Tint, money, put, put_json, put_json_list, put_table
from artui.config.known import nearest
from artui.config.system import iso
from artui.journal.listing import ORDERS
from artui.model.lines import JobLine, cost, waits_first
from artui.model.states import Delivery, Reason, Status, worded
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.cli.documents import WholeJob, WhyOfFile
    from artui.journal import Journal
    from artui.journal.deliveries import DeliveryRow
    from artui.journal.reviews import Decision
    from artui.model.job import Event, Job, Purchase
    from artui.watch.why import Why


_TINTS = {Status.DONE: Tint.GREEN, Status.FAILED: Tint.RED, Status.HELD: Tint.YELLOW}


@click.command("jobs")
@click.option("--batch", help="Only those of this batch, by its id or name.")
@click.option("-a", "--account", help="Only those of this account.")
@click.option("-w", "--workflow", help="Only those of this workflow, by its id or name.")
@click.option(
    "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Only those with this label; may be repeated."
)
@click.option(
    "--status",
    "statuses",
    type=click.Choice([status.value for status in Status]),
    multiple=True,
    help="Only those that stand so; may be repeated.",
)
@click.option("--reason", "reasons", multiple=True, help="Only those with this reason, as `cap`; may be repeated.")
@SINCE
@click.option(
    "--sort",
    default="id",
    show_default=True,
    metavar="ORDER",
    help=f"{', '.join(ORDERS)}; with a - before it the other way round.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only so many, the first in that order.")
@click.option("-n", "--newest", type=click.IntRange(min=1), help="Only so many of the newest.")
@AS_JSON
@click.pass_obj
def jobs_command(
    session: Session, batch: str | None, account: str | None, workflow: str | None, labels: tuple[str, ...],
    statuses: tuple[str, ...], reasons: tuple[str, ...], since: dt.datetime | None, sort: str, limit: int | None,
    newest: int | None, *, as_json: bool,
) -> Exit:  # fmt: skip
    """List the jobs, all or those that are asked for."""
    from artui.cli.naming import batch_called
    from artui.journal import deliveries
    from artui.journal.listing import JobFilter

    order, downwards = sort.removeprefix("-"), sort.startswith("-")
    if order not in ORDERS:
        raise CommandError(Exit.USAGE, f"--sort {sort!r} is none of {', '.join(ORDERS)}.")
    pairs = tuple(map(label_given, labels))
    with session.journal() as journal:
        wanted = JobFilter(
            batch_called(journal, batch).id if batch else "", account or "", workflow or "", pairs, statuses, reasons,
            in_zone(since, session.config.timezone).timestamp() if since else 0.0,
        )  # fmt: skip
        stands = journal.read(deliveries.states)
        newest, limit = newest or -1, limit or -1
        if as_json:
            from artui.core.follow import job_document

            found = journal.read(wanted.jobs, order, downwards=downwards, newest=newest, limit=limit)
            put_json_list(job_document(job) | {"delivery": stands.get(job.id)} for job in found)
            return Exit.OK
        listed = list(journal.read(wanted.lines, order, downwards=downwards, newest=newest, limit=limit))
        if sort == "id":  # what was put first stands first, in the order of its turn
            listed.sort(key=lambda job: -job.ahead if job.finished_at is None else 0)
        rows = [_row(job, stands.get(job.id)) for job in listed]
    if rows:
        tints = [_TINTS.get(job.status) for job in listed]
        put_table([("job", "file", "workflow", "stage", "status", "cost"), *rows], [0, 5], [None, *tints])
    elif wanted != JobFilter():
        known = [nearest(reason, list(Reason)) for reason in reasons if reason not in list(Reason)]
        put(f"No such jobs{next(filter(None, known), '.')}")
    else:
        put("No jobs. `artui submit` sends photos and shows the price before anything is sent.")
    return Exit.OK


_DELIVERY = {
    Delivery.PENDING: "to be delivered",
    Delivery.RUNNING: "being delivered",
    Delivery.FAILED: "not delivered",
}
"""What the table says of a delivery that is not done."""

_NAME = 40
"""Cells a name may take in the table."""


def _row(job: JobLine, delivery: Delivery | None) -> tuple[str, ...]:
    reason = worded(job.reason)
    status = f"{job.status}: {reason}" if reason and job.status is not Status.WAITING else reason
    if waits_first(job):
        status = f"{status or job.status}, comes first"
    if job.review:
        status = f"{job.review}: {sanitize(job.review_reason, _NAME)}" if job.review_reason else job.review
    return (
        str(job.id),
        sanitize(job.name, _NAME),
        sanitize(job.workflow_name, _NAME),
        job.stage,
        (status or job.status) + (f", {_DELIVERY[delivery]}" if delivery in _DELIVERY else ""),
        cost(job),
    )


# ------------------------------------------------------------------------------------------------------ one photo


@click.command("job")
@click.argument("number", type=int, metavar="JOB")
@AS_JSON
@click.pass_obj
def job_command(session: Session, number: int, *, as_json: bool) -> Exit:
    """Show all about one job: what it is, what happened, what was paid, what to do now."""
    from artui.cli.advice import advice
    from artui.cli.naming import job_numbered
    from artui.core.deliveries import standing
    from artui.journal import deliveries, history, purchases, reviews
    from artui.model.watching import Skip

    with session.journal() as journal:
        job = job_numbered(journal, number)
        delivery = journal.read(deliveries.of_job, number)
        events = journal.read(history.of_job, number)
        bought = journal.read(purchases.of_job, number)
        decided = journal.read(reviews.of_job, number)
    if as_json:
        put_json(_whole_document(job, events, bought, delivery, decided))
        return Exit.OK
    zone = session.config.timezone
    pixels = f", {job.width} x {job.height}" if job.width else ""
    put(f"job {job.id}: {job.source}")
    put(f"{job.size:,} bytes{pixels}{f', {job.media_type}' if job.media_type else ''}")
    put(f"{job.workflow_name} ({job.workflow}), account {job.account}")
    put(f"{job.stage}, {job.status}{f': {worded(job.reason)}' if job.reason else ''}")
    if job.review:
        put(f"{job.review}{f': {job.review_reason}' if job.review_reason else ''}")
    put(f"quoted {money(job.quoted)}, charged {money(job.charged)}")
    if job.execution:
        put(f"execution {job.execution}")
    if job.twin_of:
        put(f"same {'picture' if job.reason == Skip.ONLY_METADATA else 'photo'} as job {job.twin_of}")
    for path in filter(None, (result.path for result in job.results)):
        put(f"result {path}")
    if delivery:
        put(f"delivery {sanitize(standing(delivery, zone))}")
    put("history")
    for event in events:
        put(f"  {_clock(event.at, zone)}  {event.what}{f': {event.message}' if event.message else ''}")
    if bought:
        put("purchases")
    for one in bought:
        charged = "charge not confirmed" if one.charged is None else f"charged {one.charged:,}"
        put(
            f"  {one.number}  {_clock(one.intended_at, zone)}  {one.kind}, {one.state}, {charged}"
            f"  {one.execution or one.key}"
        )
    put(f"to do: {advice(job)}")
    return Exit.OK


def _whole_document(
    job: Job, events: list[Event], bought: list[Purchase], delivery: DeliveryRow | None,
    decided: list[Decision],
) -> WholeJob:  # fmt: skip
    from artui.cli.advice import advice
    from artui.core.follow import decision_document, event_document, job_document

    return {
        **job_document(job),
        "folder": str(job.folder),
        "stem": job.stem,
        "size": job.size,
        "digest": job.digest,
        "metadata": job.metadata,
        "results": [
            {"path": result.path, "digest": result.digest, "digest_as_served": result.served or result.digest}
            for result in job.results
            if result.path
        ],
        "labels": dict(job.labels),
        "delivery": None if delivery is None else {
            "command": list(delivery.command), "wanted": delivery.wanted, "state": delivery.state,
            "delivered": delivery.delivered, "attempts": delivery.attempts, "due": delivery.due,
            "due_iso": iso(delivery.due), "output": delivery.output, "changed_at": delivery.changed_at,
            "changed_at_iso": iso(delivery.changed_at),
        },
        "events": [event_document(event) for event in events],
        "purchases": [
            {
                "key": one.key, "job": one.job, "number": one.number, "kind": one.kind, "account": one.account,
                "payer": one.payer, "endpoint": one.endpoint, "organization": one.organization,
                "workflow": one.workflow, "version": one.version, "reference": one.reference, "reserved": one.reserved,
                "charged": one.charged, "state": one.state, "execution": one.execution, "looks": one.looks,
                "day": one.day, "month": one.month, "intended_at": one.intended_at,
                "intended_at_iso": iso(one.intended_at), "repeats": one.repeats, "digest": one.digest,
                "lookalikes": list(one.lookalikes),
            }
            for one in bought
        ],
        "reviews": [decision_document(one) for one in decided],
        "advice": advice(job),
    }  # fmt: skip


def _clock(at: float, zone: dt.tzinfo) -> str:
    return dt.datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")


@click.command("first")
@click.argument("numbers", nargs=-1, type=int, required=True, metavar="JOB...")
@click.option("--undo", is_flag=True, help="Back to their own turn.")
@AS_JSON
@click.pass_obj
def first_command(session: Session, numbers: tuple[int, ...], *, undo: bool, as_json: bool) -> Exit:
    """Put jobs before all others that wait to be sent. Costs nothing; changes nothing about what is sent already."""
    from artui.cli.naming import job_numbered
    from artui.core.order import put_first

    with session.journal() as journal:
        found = [job_numbered(journal, number) for number in dict.fromkeys(numbers)]
        placed = journal.write(put_first, found, undo=undo)
    if as_json:
        put_json(
            [{"job": one.job.id, "first": one.job.ahead > 0, "refused": bool(one.refused), "message": one.why,
              "with_job": one.buyer.id if one.buyer else None} for one in placed]
        )  # fmt: skip
    for one in () if as_json else placed:
        also = f", and job {one.buyer.id}, whose result it waits for" if one.buyer else ""
        said = "has its own turn again" if undo else "comes first"
        put(f"{one.why[:1].upper()}{one.why[1:]}." if one.refused else f"{sanitize(one.job.source.name)}: {said}{also}")
    return Exit.OK


@click.command("why")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@AS_JSON
@click.pass_obj
def why_command(session: Session, file: Path, *, as_json: bool) -> Exit:
    """Say what became of a file: what its folder's rule says to it, every job made from it, or why there is none."""
    from artui.cli.advice import advice
    from artui.cli.naming import absolute, made_of
    from artui.cli.rules import why_document

    path = absolute(file)
    with session.journal() as journal:
        made = made_of(journal, path)
        watched = _by_rule(session, journal, path)
    verdict = "" if made or watched else _verdict(session, path)
    if as_json:
        from artui.core.follow import job_document

        document: WhyOfFile = {
            "file": str(path),
            "jobs": [{**job_document(job), "advice": advice(job)} for job in made],
            "verdict": verdict,
            "rule": why_document(watched) if watched else None,
        }
        put_json(document)
        return Exit.OK
    if watched:
        name = watched.rule.name if watched.rule else ""
        place = f", saved as {' and '.join(map(str, watched.outputs))}" if watched.outputs else ""
        price = f", {money(watched.price)}" if watched.price is not None else ""
        then = "".join(f", then {money(price)} by the rule {name}" for name, price in watched.then)
        put(f"rule {name}: {watched.message}{place}{price}{then}")
    elif not made:
        put(f"{path} was never sent. {verdict}")
    for job in made:
        made_at = _clock(job.created_at, session.config.timezone)
        put(f"job {job.id}, {made_at}, {job.workflow_name}: {job.stage}, {job.status}, cost {cost(job)}")
        put(f"  {job.message or worded(job.reason) or job.status}")
        put(f"  to do: {advice(job)}")
    return Exit.OK


def _by_rule(session: Session, journal: Journal, path: Path) -> Why | None:
    """What a rule of the settings says to a file; None where none watches its folder."""
    if not session.config.watch:
        return None
    from artui.core.quote import quote
    from artui.journal.caps import Portion
    from artui.watch.rules import load_rules
    from artui.watch.why import FileVerdict, why

    config = session.config
    answer = why(path, load_rules(config), journal, session.offers(config), config.timezone)
    if answer.verdict is FileVerdict.NO_RULE:
        return None
    if not (answer.rule and answer.price):
        return answer
    account, photo = config.accounts[answer.rule.account], Portion(answer.rule.id, 1, None, answer.rule.id)
    found = journal.read(quote, account.name, account.caps, answer.price, [photo], config.timezone)
    if found.fits:
        return answer
    left = f"{account.name} has {found.balance or 0:,} credits left after what is under way"
    why_not = f"{cap.name} is reached: {cap.told}" if (cap := found.reached) else left
    return replace(answer, message=f"{answer.message}, but wait unsent: {why_not}")


def _verdict(session: Session, path: Path) -> str:
    """What a service would say to a file that was never sent."""
    from artui import files, providers

    if not os.path.lexists(path):
        return "There is no such file: check the path."
    config = session.config
    default = config.accounts[config.default_account].provider if config.default_account else providers.DEFAULT
    try:
        photo = files.inspect(path, providers.capabilities(default).limits.accepts, hashed=True)
    except files.PhotoProblem as problem:
        return str(problem)
    if photo.suspect:
        return str(files.suspicion(photo))
    pixels = f", {photo.width} x {photo.height}" if photo.width else ""
    return f"It could be: {photo.media_type}{pixels}. `artui submit` sends it."


@click.command("wait")
@click.option("--batch", help="Wait for the jobs of this batch only, by its id or name.")
@click.option("--following", hidden=True, help="What the command waits for that goes on as this one.")
@WAIT_QA
@AS_JSON
@click.pass_obj
def wait_command(
    session: Session, batch: str | None, following: str | None, *, wait_qa: bool, as_json: bool
) -> Exit:  # fmt: skip
    """Follow the jobs until each is saved, failed or held."""
    from artui.cli.following import Following, printer, wait_for
    from artui.cli.naming import batch_called
    from artui.journal import history

    if following:
        gone_on = Following.of(following)
        go_on(gone_on.done, has_data=as_json)
    with session.journal() as journal:
        if following is None:
            its = batch_called(journal, batch).id if batch else None
            gone_on = Following(its, (), journal.read(history.last_seq))
        return wait_for(session, journal, gone_on, printer(as_json=as_json), with_qa=wait_qa)
