"""The workflows of an account as the console knows them: definition, our own history, and what waits for an older one.

Definitions come from the journal's cache; :func:`renew` asks the service. What is kept there is the same JSON that the
command line keeps.
"""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from artui.config import AccountConfig
from artui.core.plan import match_workflow
from artui.credentials import Vault
from artui.journal import Connection, accounts, offers
from artui.journal.offers import Past, Waiting
from artui.sanitize import sanitize
from artui.tui.look import Glyphs
from artui.tui.service import at_service
from artui.tui.words import about, brief, plural

if TYPE_CHECKING:
    from artui.providers.base import Component, Workflow
    from artui.tui.host import Host

MOST_VALUE = 60
"""Cells of one setting's value; what is longer is cut."""


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
    found = [
        CatalogEntry(
            one,
            past.get(one.id, Past()),
            one.id in favourites,
            tuple(some for some in waiting if some.workflow == one.id),
            _apart(one, [other for other in workflows if other.name == one.name]),
        )
        for one in workflows
    ]
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
    short: list[str] = []
    async with at_service(host.config, account, Vault(host.paths), short.append) as provider:
        found = await provider.workflows()
        if any(one.id == wanted for one in found):
            whole = await provider.workflow(wanted)
            found = [whole if one.id == wanted else one for one in found]
    await host.journal.write_async(keep, account.name, found)
    return " ".join(short)


def keep(db: Connection, account: str, found: Sequence[Workflow]) -> None:
    """Remember these as the workflows of an account; older definitions stay known while jobs wait for them."""
    texts, _ = accounts.cached_workflows(db, account)
    pinned = {(one.workflow, one.version) for one in offers.waiting(db, account)}
    for before in map(parse, texts):
        if (before.id, before.version) in pinned:
            offers.keep_older(db, account, before.id, before.version, before.document())
    accounts.keep_workflows(db, account, {one.id: one.document() for one in found})


# ------------------------------------------------------------------------------------------------------- in words


def found_by(offer: CatalogEntry) -> tuple[str, str, str]:
    """What a workflow is found by: its name, its price, date, author and steps, and its id."""
    flow = offer.workflow
    parts = [f"{step.label} {step.type} {' '.join(map(str, step.settings.values()))}" for step in flow.components]
    price = "" if flow.price is None else f"{flow.price} cr"
    return flow.name, " ".join([price, day(flow), flow.changed_at[:10], flow.author, *steps(flow), *parts]), flow.id


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


def _apart(workflow: Workflow, namesakes: Sequence[Workflow]) -> str:
    """The day of a workflow that is not the only one of its name; with the author where they have several."""
    if len(namesakes) < 2:
        return ""
    who = f", {sanitize(workflow.author, 20)}" if len({one.author for one in namesakes}) > 1 else ""
    return f"({day(workflow)}{who})"


def name(offer: CatalogEntry) -> str:
    """The name, and what tells it from others of the same name."""
    return f"{offer.workflow.name} {offer.apart}".rstrip()


def steps(workflow: Workflow) -> list[str]:
    """The steps in a few words each, from ``in`` to the format that comes out; printable."""
    return [_step(component) for component in workflow.components]


def _step(component: Component) -> str:
    kind = component.type.casefold()
    if kind == "input":
        return "in"
    target = component.settings.get("targetFormat")
    if kind == "export" and isinstance(target, str) and target:
        alpha = " with alpha" if "A" in str(component.settings.get("targetMode", "")).upper() else ""
        return sanitize(f"{target}{alpha}", 40)
    return sanitize((component.label or component.type).casefold(), 40)


def plain_line(offer: CatalogEntry, glyphs: Glyphs) -> str:
    """A workflow in one line: its steps, its price, how long it takes, how often we ran it."""
    flow, past = offer.workflow, offer.past
    says = [f" {glyphs.arrow} ".join(steps(flow)) or "steps not known"]
    says.append("price not known" if flow.price is None else f"{flow.price:,} cr")
    if past.usual is not None:
        says.append(f"usually {about(past.usual)}")
    failed = f", {past.failed:,} failed" if past.failed else ""
    says.append(f"{past.saved:,} saved{failed}" if past.count else "never run here")
    return f" {glyphs.dot} ".join(says)


def setting_lines(workflow: Workflow) -> list[str]:
    """Each step with its settings, a line each; printable."""
    lines = []
    for number, component in enumerate(workflow.components, 1):
        kind = f" ({component.type})" if component.type and component.type != component.label else ""
        lines.append(sanitize(f"{number} {component.label or component.type}{kind}", 70))
        lines += [f"    {sanitize(key, 30)}: {_value(value)}" for key, value in sorted(component.settings.items())]
    return lines


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return sanitize(text, MOST_VALUE)


def compared(offer: CatalogEntry, known: Mapping[str, Workflow | None]) -> list[str]:
    """What changes for the jobs that wait for older versions; ``known`` has those versions' definitions."""
    now: list[str] = []
    flow = offer.workflow
    for waiting in offer.pinned:
        now += [_price_line(waiting, flow.price), ""]
        before = known.get(waiting.version)
        if before is None:
            now += ["The steps of that version were not kept here.", "", "Steps now:", *setting_lines(flow)]
        else:
            now += _differences(before, flow)
        now.append("")
    return now[:-1]


def _price_line(waiting: Waiting, price: int | None) -> str:
    said = f"{plural(waiting.jobs, 'photo waits', 'photos wait')} for version {brief(waiting.version)}"
    if waiting.quoted is None or price is None:
        return f"{said}; the price is not known."
    if waiting.quoted == price:
        return f"{said}; the price is the same, {price:,} cr each."
    before, now = waiting.jobs * waiting.quoted, waiting.jobs * price
    agreed = f"{said} at {waiting.quoted:,} cr each; now {price:,} cr: {now:,} instead of {before:,} cr."
    return f"{agreed} Nothing is sent at the new price without a yes."


def _differences(before: Workflow, now: Workflow) -> list[str]:
    if not any(step.settings for step in now.components) or not any(step.settings for step in before.components):
        before, now = _bare(before), _bare(now)
    changes = list(difflib.ndiff(setting_lines(before), setting_lines(now)))
    lines = [line for line in changes if not line.startswith("?")]
    same = all(line.startswith("  ") for line in lines)
    return ["The steps are the same."] if same else ["Steps: - before, + now", *lines]


def _bare(workflow: Workflow) -> Workflow:
    """The workflow without settings: those of one side are not here, and only the steps can be compared."""
    return replace(workflow, components=tuple(replace(step, settings={}) for step in workflow.components))
