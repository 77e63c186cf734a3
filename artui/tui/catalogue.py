"""The workflows of an account as the console knows them: definition, our own history, and what waits for an older one.

Definitions come from the journal's cache; :func:`renew` asks the service. What is kept there is the same JSON that the
command line keeps.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from artui.config import AccountConfig
from artui.core.plan import match_workflow
from artui.core.workflow_changes import is_changed
from artui.credentials import Vault
from artui.journal import Connection, accounts, offers
from artui.journal.offers import Past, Waiting
from artui.sanitize import sanitize
from artui.tui.service import at_service

if TYPE_CHECKING:
    from artui.providers.base import Workflow
    from artui.tui.host import Host


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One workflow with all the console knows of it; ``apart`` tells it from others of the same name, printable."""

    workflow: Workflow
    past: Past = field(default_factory=Past)
    is_favourite: bool = False
    waiting: tuple[Waiting, ...] = ()
    apart: str = ""

    @property
    def pinned(self) -> tuple[Waiting, ...]:
        """The jobs that wait for another version than the current one."""
        return tuple(one for one in self.waiting if one.version != self.workflow.version)

    @property
    def is_changed(self) -> bool:
        """Whether it is another than when it was used last."""
        return is_changed(self.workflow, self.past.last)

    @property
    def has_settings(self) -> bool:
        """Whether the settings of its steps are here; a list from the service leaves them out."""
        return any(component.settings for component in self.workflow.components)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All workflows of an account, in the order of the list; ``fetched_at`` is None where none were ever fetched."""

    offers: tuple[CatalogEntry, ...] = ()
    fetched_at: float | None = None

    def meant(self, wanted: str) -> CatalogEntry | None:
        """The one workflow of this id or name; None where there is none, or several are called so."""
        found = match_workflow([offer.workflow for offer in self.offers], wanted) if wanted else []
        return next(offer for offer in self.offers if offer.workflow is found[0]) if len(found) == 1 else None


def read(db: Connection, account: str) -> Catalogue:
    """What the journal knows of an account's workflows."""
    texts, fetched_at = accounts.cached_workflows(db, account)
    workflows = [parse(text) for text in texts]
    past, favourites = offers.past(db, account), offers.favourites(db, account)
    waiting = offers.waiting(db, account)
    found = []
    for one in workflows:
        apart, namesakes = "", [other for other in workflows if other.name == one.name]
        if len(namesakes) > 1:  # its day tells it from them, with the author where they have several
            who = f", {sanitize(one.author, 20)}" if len({other.author for other in namesakes}) > 1 else ""
            apart = f"({day(one)}{who})"
        pinned = tuple(some for some in waiting if some.workflow == one.id)
        found.append(CatalogEntry(one, past.get(one.id, Past()), one.id in favourites, pinned, apart))
    return Catalogue(tuple(ordered(found)), fetched_at)


def ordered(found: Sequence[CatalogEntry]) -> list[CatalogEntry]:
    """Favourites, then what was used here, then the rest; each the latest first."""
    latest_first = sorted(found, key=lambda one: (one.workflow.changed_at, one.workflow.name), reverse=True)
    used_first = sorted(latest_first, key=lambda one: -one.past.last_used)
    return sorted(used_first, key=lambda one: not one.is_favourite)


def parse(text: str) -> Workflow:
    """A workflow out of the cache."""
    from artui.providers.base import Workflow

    return Workflow.from_document(text)


async def renew(host: Host, account: AccountConfig, wanted: str = "") -> str:
    """Ask the service for all workflows of an account, the ``wanted`` one with its settings, and remember them.

    Returns a sentence where not all of them came, empty where they did. Raises ``ServiceError``.
    """
    from artui.providers.base import Rejected

    short: list[str] = []
    async with at_service(host.config, account, Vault(host.paths), short.append) as provider:
        try:
            found = await provider.workflows()
        except Rejected as problem:
            if problem.reason != "no workflows":
                raise
            found = []
        if any(one.id == wanted for one in found):
            whole = await provider.workflow(wanted)
            found = [whole if one.id == wanted else one for one in found]
    await host.journal.write_async(accounts.keep_workflows, account.name, {one.id: one.document() for one in found})
    return " ".join(short)


# ------------------------------------------------------------------------------------------------------- in words


def day(workflow: Workflow) -> str:
    """The day a workflow was last changed, as people write it; a dash where the service does not say."""
    try:
        then = datetime.fromisoformat(workflow.changed_at).astimezone()
    except ValueError:
        return sanitize(workflow.changed_at, 10) or "-"
    return _day(then)


def day_of(at: float) -> str:
    """The day of a moment, as people write it."""
    return _day(datetime.fromtimestamp(at).astimezone())


def _day(then: datetime) -> str:
    this_year = then.year == time.localtime().tm_year
    return f"{then.day} {then:%b}" if this_year else f"{then.day} {then:%b %Y}"


def name(offer: CatalogEntry) -> str:
    """The name, and what tells it from others of the same name."""
    return f"{offer.workflow.name} {offer.apart}".rstrip()
