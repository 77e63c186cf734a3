"""What the journal knows of an account's workflows beside their cache: our history, favourites, pinned versions.

Favourites, the names of organizations and older definitions are notes for the screens; nothing depends on them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from artui.journal import accounts
from artui.journal.store import Connection, note, rows, set_note, storable
from artui.model.offers import Organization
from artui.model.states import Status


@dataclass(frozen=True, slots=True)
class Past:
    """Our own history with one workflow: how many were bought of it, and how many of these are saved and failed, looked
    at and rejected. ``usual`` is in seconds, ``median`` and all that was ``charged`` in credits; ``last`` is what it
    was when it was used last."""

    count: int = 0
    saved: int = 0
    failed: int = 0
    last_used: float = 0.0
    median: int | None = None
    usual: float | None = None
    charged: int = 0
    reviewed: int = 0
    rejected: int = 0
    last: LastUse | None = None


class LastUse(NamedTuple):
    """A workflow as it was ordered last: ``at`` in epoch seconds, ``quoted`` the price of a photo."""

    at: float
    version: str
    name: str
    quoted: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs that wait, unsent, for one version of a workflow; ``quoted`` is the price they agreed to."""

    workflow: str
    version: str
    quoted: int | None
    jobs: int


def past(db: Connection, account: str) -> dict[str, Past]:
    """Our history with each workflow of an account, by the workflow's id."""
    found = rows(
        db,
        # Beside a single MAX the bare columns are those of its row.
        "SELECT workflow, payer, status, charged, COUNT(*), SUM(review <> ''), SUM(review = 'rejected'),"
        " MAX(created_at), version, workflow_name, quoted FROM jobs"
        " WHERE account = ? AND purchase > 0 GROUP BY 1, 2, 3, 4 ORDER BY charged",
        (account,),
    )
    groups: dict[str, list[_Group]] = {}
    for workflow, payer, status, charged, jobs, reviewed, rejected, *last in found:
        group = _Group(payer, status, charged, jobs, reviewed, rejected, LastUse(*last))
        groups.setdefault(workflow, []).append(group)
    return {workflow: _past(db, workflow, group) for workflow, group in groups.items()}


class _Group(NamedTuple):
    """Jobs of one workflow that are alike."""

    payer: str
    status: str
    charged: int | None
    jobs: int
    reviewed: int
    rejected: int
    last: LastUse


def _past(db: Connection, workflow: str, groups: list[_Group]) -> Past:
    newest = max(groups, key=lambda one: one.last.at)
    usual = accounts.usual(db, newest.payer, workflow)
    return Past(
        count=sum(one.jobs for one in groups),
        saved=sum(one.jobs for one in groups if one.status == Status.DONE),
        failed=sum(one.jobs for one in groups if one.status == Status.FAILED),
        last_used=newest.last.at,
        median=_median([(one.charged, one.jobs) for one in groups if one.charged]),
        usual=usual[0] if usual else None,
        charged=sum((one.charged or 0) * one.jobs for one in groups),
        reviewed=sum(one.reviewed for one in groups),
        rejected=sum(one.rejected for one in groups),
        last=newest.last,
    )


def _median(charges: list[tuple[int, int]]) -> int | None:
    """The middle one of charges that come sorted, each with how often it occurs."""
    left = sum(count for _, count in charges) / 2
    for charged, count in charges:
        left -= count
        if left <= 0:
            return charged
    return None


def waiting(db: Connection, account: str) -> list[Waiting]:
    """How many jobs of an account wait unsent for each version of each workflow."""
    found = rows(
        db,
        "SELECT workflow, version, quoted, COUNT(*) FROM jobs WHERE account = ? AND twin_of IS NULL"
        " AND stage IN ('new', 'checked', 'uploaded') AND status IN ('ready', 'running', 'waiting', 'held')"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (account,),
    )
    return [Waiting(*one) for one in found]


def unfinished(db: Connection, account: str) -> tuple[int, int]:
    """How many photos of an account are at the service or on their way back, and how many wait here unsent."""
    found = dict(
        rows(
            db,
            "SELECT stage IN ('new', 'checked', 'uploaded'), COUNT(*) FROM jobs WHERE account = ?"
            " AND status IN ('ready', 'running', 'waiting', 'held') GROUP BY 1",
            (account,),
        )
    )
    return found.get(0, 0), found.get(1, 0)


def favourites(db: Connection, account: str) -> frozenset[str]:
    """The workflows of an account that a person wants on top, by id."""
    return frozenset(json.loads(note(db, f"favourites {account}") or "[]"))


def set_favourite(db: Connection, account: str, workflow: str, *, on: bool) -> None:
    """Want a workflow on top, or no longer."""
    known = favourites(db, account)
    wanted = known | {workflow} if on else known - {workflow}
    set_note(db, f"favourites {account}", json.dumps(sorted(wanted)))


def organization_name(db: Connection, organization: str) -> str:
    """How the service called an organization when somebody last signed in for it; empty where nobody did here."""
    return note(db, f"organization {organization}")


def name_organization(db: Connection, organization: str, name: str) -> None:
    """Remember how the service calls an organization."""
    set_note(db, f"organization {organization}", storable(name))


def note_payers(db: Connection, found: Iterable[tuple[str, Organization, int | None, str]]) -> None:
    """Remember what a sign-in showed of each account: its name, who pays for it, and what is left or why that is
    unknown."""
    for account, organization, balance, unknown in found:
        name_organization(db, organization.id, organization.name)
        accounts.set_balance(db, account, balance, time.time(), unknown)


def paused_by_sign_out(db: Connection, account: str) -> bool:
    """Whether an account was paused only because somebody signed it out, and may go on after the next sign-in."""
    return bool(note(db, f"signed out {account}"))


def note_sign_out(db: Connection, account: str, *, paused: bool) -> None:
    """Remember that a sign-out paused an account, or that this is over."""
    set_note(db, f"signed out {account}", "paused" if paused else "")
