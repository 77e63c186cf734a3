"""``artui submit`` and ``artui redo``: what would be sent and what it costs, a yes, then jobs in the journal."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import TWINS, options
from artui.cli.ordering import (
    SPENDING,
    OrderBatches,
    OrderLabels,
    Spending,
    after_saved_of,
    ask_offers,
    checked_photos,
    given_labels,
    listed_photos,
    made_before,
    naming_list,
    new_batch,
    order_planner,
    outputs_of,
    refuse_alike,
    refuse_watched_outputs,
)
from artui.cli.sending import OrderSending, carry_out
from artui.cli.session import Session
from artui.cli.terminal import put_json, say

if TYPE_CHECKING:
    from artui.core.plan import Order

DEFAULT_OUTPUT = "retouched"
"""The folder for results where nothing names one, below where one is."""


@click.command("submit")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--files-from",
    "listed",
    type=click.File("rb"),
    metavar="FILE",
    help="A list of photos, - for stdin: a name a line, or a table with file, name, sku, workflow, batch, output,"
    " label:NAME.",
)
@click.option(
    "-0", "--null", "nul", is_flag=True, help="The names of that list end in NUL, as `find -print0` has them."
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="The folder that relative names of the list are below; without it the list's own.",
)
@click.option("--url", "urls", multiple=True, help="A photo the service fetches itself, where it can; may be repeated.")
@click.option("--alias", "aliases", multiple=True, metavar="NAME/PATH", help="A photo in a storage the service knows.")
@click.option("-a", "--account", help="The account that pays; without it the one set as `account`.")
@click.option(
    "-w",
    "--workflow",
    "workflows",
    multiple=True,
    help="Workflow by id or name; without it the account's `workflow`. Several: each photo through each.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    help="Folder for results (`artui help templates`); without it the account's, else ./retouched.",
)
@click.option(
    "--template",
    help="Name of each result in that folder; without it {stem}, for several workflows {stem}-{workflow}.",
)
@click.option("-r", "--recursive", is_flag=True, help="Also take the photos of sub-folders.")
@click.option("--batch", "name", help="Name of the batch, shown at the service too.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    help="A label for every photo, which may hold {folder}, {stem} and so on; may be repeated.",
)
@click.option(
    "--sku-pattern",
    metavar="REGEX",
    help="Take the label sku out of names, as in '(?P<sku>[A-Z0-9]+)_.*'; without it the account's `sku_pattern`.",
)
@click.option(
    "--after-saved",
    metavar="COMMAND",
    help="What is run with each photo's results, split as a shell does and run without one; '' for nothing.",
)
@click.option(
    "--deliver",
    type=click.Choice(["saved", "kept"]),
    help="When that is run; without it as the account says, else saved.",
)
@click.option("--cap", type=click.IntRange(min=0), help="The most this batch may spend.")
@click.option("--sample", type=click.IntRange(min=1), help="Send so many first; the rest waits for `artui approve`.")
@options((TWINS, *SPENDING))
@click.pass_obj
def submit_command(
    session: Session, /, paths: tuple[Path, ...], listed: BinaryIO | None, base: Path | None, urls: tuple[str, ...],
    aliases: tuple[str, ...], account: str | None, workflows: tuple[str, ...], output: str | None,
    template: str | None, recursive: bool, name: str | None,
    labels: tuple[str, ...], sku_pattern: str | None, after_saved: str | None, deliver: str | None,
    cap: int | None, sample: int | None, twins: str | None, *,
    nul: bool, **flags: Any,
) -> Exit:  # fmt: skip
    """Send photos, or folders of them, through one or several workflows."""
    addresses = dict.fromkeys([*urls, *(f"src://{alias}" for alias in aliases)])
    if not (paths or addresses or listed):
        raise CommandError(Exit.USAGE, "Which photos? Name files or folders, --files-from a list, --url, or --alias.")
    chosen, spending = session.account(account), Spending(**flags)
    spending.refuse_strict(chosen)
    spending.start_ahead(session)
    from artui.core.plan import PlanProblem, Target, at_address, collect, named_after  # takes as long as all before

    own_labels, delivery = given_labels(labels, chosen), (after_saved_of(after_saved), deliver or "")
    metadata = spending.keeping(chosen.metadata)
    into = output or chosen.output or DEFAULT_OUTPUT
    try:
        Target.of(into, "{stem}").refuse_loop(paths, recursive=recursive)
        left = Counter[str]()
        found = collect(paths, recursive=recursive, ignoring=session.config.ignoring, left=left)
        rows = listed_photos(listed, base, chosen, nul=nul) if listed else []
        named = {one.path for one in rows}
        found = [*rows, *(one for one in found if one.path not in named)]
        elsewhere = [at_address(address) for address in addresses]
        today = dt.datetime.now(session.config.timezone).date()
        # What is named by hand comes before what the account is set to.
        pattern = sku_pattern or (None if "sku" in own_labels else chosen.sku_pattern)
        labelling = OrderLabels(own_labels, pattern, today)
        found = [labelling.labelled(one) for one in found]
        elsewhere = [(labelling.labelled(one), photo) for one, photo in elsewhere]
        every = [*found, *(one for one, _ in elsewhere)]
        batches = OrderBatches(new_batch(name or named_after(every), chosen, cap, sample), every)
        with session.journal() as journal:
            offers = ask_offers(session, journal, chosen, workflows, every, labelling.fixed, batches)
            with naming_list(listed):
                refuse_alike(offers, rows)
                outputs = outputs_of(into, template or offers.template(into), metadata, rows)
            for target in outputs.values():
                target.refuse_loop(paths, recursive=recursive)
            refuse_watched_outputs(outputs, session, journal)
            planner = order_planner(session, journal, offers, outputs, batches, twins or chosen.twins)
            order = planner.plan(*checked_photos(found, offers.first, chosen, spending, elsewhere))
            order = replace(order, ignored=left, unmatched=labelling.unmatched if pattern else None)
            has_subfolders = not recursive and any(_has_subfolders(path) for path in paths)
            sending = OrderSending(session, journal, planner, batches, spending, delivery, has_subfolders)
            return carry_out([(sending, order)])
    except PlanProblem as problem:
        raise CommandError(Exit.USAGE, str(problem)) from None


def _has_subfolders(path: Path) -> bool:
    if not path.is_dir():
        return False
    with os.scandir(path) as entries:
        return any(entry.is_dir(follow_symlinks=False) for entry in entries)


@click.command("redo")
@click.argument("what", metavar="[FILE|JOB]", required=False)
@click.option("--rejected", is_flag=True, help="All whose result was rejected, and that were not ordered again since.")
@click.option(
    "-w",
    "--workflow",
    "workflows",
    multiple=True,
    help="Another workflow, by id or name; without it the one of the last time. May be repeated.",
)
@click.option(
    "-o", "--output", metavar="FOLDER", help="Another folder for the result; without it the one of the last time."
)
@options(SPENDING)
@click.pass_obj
def redo_command(
    session: Session, /, what: str | None, workflows: tuple[str, ...], output: str | None, *, rejected: bool,
    **flags: Any,
) -> Exit:  # fmt: skip
    """Buy a photo anew that was bought before."""
    from artui.core import review
    from artui.core.plan import PlanProblem, redo_orders

    if rejected == bool(what):
        raise CommandError(Exit.USAGE, "Say which: a FILE or the number of a JOB, or --rejected.")
    spending = Spending(**flags)
    with session.journal() as journal:
        if what is None:
            made, made_for = review.to_redo(journal), set[str]()
        else:
            last, made_for = made_before(journal, what, workflows)
            made = [last]
        if not made:
            say("No result is rejected whose photo was not ordered again.")
            if spending.as_json:
                put_json([])
            return Exit.OK
        gone = False
        planned: list[tuple[OrderSending, Order]] = []
        try:
            orders = redo_orders(
                journal, made, workflows=workflows, output=output, metadata=spending.metadata,
                is_one_of_several=len(made_for) > 1,
            )  # fmt: skip
            for redo in orders:
                chosen = session.account(redo.account)
                spending.refuse_strict(chosen)
                spending.keeping(redo.target.metadata)
                every = [*redo.found, *(one for one, _ in redo.elsewhere)]
                name = made[0].source.name if what is not None else f"{len(every):,} rejected"
                batches = OrderBatches(new_batch(f"redo {name}", chosen))
                spending.start_ahead(session)
                offers = ask_offers(session, journal, chosen, redo.workflows, every, {}, batches)
                planner = order_planner(session, journal, offers, {"": redo.target}, batches, chosen.twins)
                checked = checked_photos(redo.found, offers.first, chosen, spending, redo.elsewhere)
                order = planner.plan(*checked, again=True)
                if order.photos or len(orders) == 1:
                    sending = OrderSending(
                        session, journal, planner, batches, spending, redo.delivery, is_rework=what is None
                    )
                    planned.append((sending, order))
                else:  # its photos are gone: the others are ordered all the same
                    for refused in order.refused:
                        say(refused.message)
                    gone = True
            return carry_out(planned, as_list=rejected, besides=[Exit.FAILED] * gone)
        except PlanProblem as problem:
            raise CommandError(Exit.USAGE, str(problem)) from None
