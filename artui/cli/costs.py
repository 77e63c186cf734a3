"""``artui costs``: what was paid, in sums by day, workflow, folder, label and more, for people and for spreadsheets."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import ACCOUNT, AS_JSON, SINCE, Since, in_zone
from artui.cli.session import Session
from artui.cli.terminal import put, put_csv, put_json, put_table
from artui.journal.books import CostLine, Costs, Grouping

if TYPE_CHECKING:
    from artui.cli.documents import CostsOfGroup

_BY_LABEL = "label:"
_COLUMNS = {
    "photos": "photos",
    "quoted": "quoted",
    "charged": "charged",
    "difference": "difference",
    "open": "not charged yet",
    "lost": "lost",
    "waived": "charged nothing",
    "no_result": "no result",
    "no_result_charged": "paid without result",
    "free_results": "results for nothing",
    "copies": "copies",
    "saved": "saved by copies",
}
_ALWAYS = ("photos", "quoted", "charged", "difference")


class _By(click.ParamType):  # type: ignore[type-arg]
    name = "GROUPING"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Grouping, str]:
        """The grouping, and which label it is by."""
        if value.startswith(_BY_LABEL) and value != _BY_LABEL:
            return Grouping.LABEL, value.removeprefix(_BY_LABEL)
        plain = [by.value for by in Grouping if by is not Grouping.LABEL]
        if value not in plain:
            self.fail(f"{value!r} is none of {', '.join(plain)}, label:NAME", param, ctx)
        return Grouping(value), ""


@click.command("costs")
@click.option(
    "--by",
    type=_By(),
    default="day",
    show_default=True,
    help="day, week, month, workflow, account, service, rule, folder, batch or label:NAME.",
)
@SINCE
@click.option("--until", type=Since(), help="Only up to this day, included.")
@click.option("--month", metavar="YYYY-MM", help="Only this month.")
@ACCOUNT
@click.option("--csv", "as_csv", is_flag=True, help="Print a table for a spreadsheet.")
@click.option(
    "--locale",
    type=click.Choice(["en", "de"]),
    default="en",
    show_default=True,
    help="How the spreadsheet reads its table: de parts the fields by semicolons.",
)
@AS_JSON
@click.pass_obj
def costs_command(
    session: Session, by: tuple[Grouping, str], since: dt.datetime | None, until: dt.datetime | None,
    month: str | None, account: str | None, locale: str, *, as_csv: bool, as_json: bool,
) -> Exit:  # fmt: skip
    """Show what was paid: quoted, charged, the difference, and what came to nothing. Days are those of the caps."""
    from artui.journal import books

    grouping, label = by
    config = session.config
    if month is None:
        first, last = (in_zone(day, config.timezone).date().isoformat() if day else "" for day in (since, until))
    elif since or until:
        raise CommandError(Exit.USAGE, "Say either --month, or --since and --until.")
    else:
        try:
            dt.date.fromisoformat(f"{month}-01")
        except ValueError:
            raise CommandError(Exit.USAGE, f"{month!r} is no month, as in 2026-11.") from None
        first, last = f"{month}-01", f"{month}-31"  # days are compared as text: none comes after the 31st
    name = session.account(account).name if account else ""
    with session.journal() as journal:
        lines = journal.read(
            books.costs, grouping, config.timezone, label=label, since=first, until=last, account=name
        )  # fmt: skip
    title = label or grouping.value
    # One sum for each service: the credits of one are not those of another.
    services = sorted({line.service for line in lines})
    totals = [
        CostLine("total", service, reduce(add, (line.costs for line in lines if line.service == service), Costs()))
        for service in services
    ]
    if as_json:
        put_json(
            {
                "by": f"{_BY_LABEL}{label}" if label else grouping.value, "since": first, "until": last,
                "lines": [_document(line) for line in lines],
                "totals": [_document(line) for line in totals],
            }
        )  # fmt: skip
    elif as_csv:
        head = (title, "service", *_COLUMNS)
        rows = ([line.group, line.service, *(getattr(line.costs, column) for column in _COLUMNS)] for line in lines)
        put_csv([head, *rows], locale)
    elif lines:
        # For a person the columns that say something.
        telling = [name for name in _COLUMNS if name in _ALWAYS or any(getattr(line.costs, name) for line in lines)]
        table = [
            [line.group or "-", line.service, *(f"{getattr(line.costs, name):,}" for name in telling)]
            for line in (*lines, *totals)
        ]
        heads = (title, "service", *(_COLUMNS[name] for name in telling))
        put_table([heads, *table], right=range(2, len(heads)))
    else:
        put("Nothing was paid in these days." if first or last else "Nothing was paid yet.")
    return Exit.OK


def _document(line: CostLine) -> CostsOfGroup:
    costs = line.costs
    return {
        "group": line.group, "service": line.service, "photos": costs.photos, "quoted": costs.quoted,
        "charged": costs.charged, "difference": costs.difference, "open": costs.open, "lost": costs.lost,
        "waived": costs.waived, "no_result": costs.no_result, "no_result_charged": costs.no_result_charged,
        "free_results": costs.free_results, "copies": costs.copies, "saved": costs.saved,
    }  # fmt: skip
