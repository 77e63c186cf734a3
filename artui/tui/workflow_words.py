"""A workflow in words: its steps with their settings, in one line or all of them, and what a newer version changes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from artui.journal.offers import Past
from artui.sanitize import sanitize, width
from artui.tui.catalogue import CatalogEntry, day, day_of
from artui.tui.look import Glyphs
from artui.tui.words import about, amount, brief, plural

if TYPE_CHECKING:
    from artui.providers.base import Component, Workflow

MOST_VALUE = 60
"""Cells of one setting's value; what is longer is cut."""


def name_in(offer: CatalogEntry, cells: int, ellipsis: str) -> str:
    """The name in its cells; what tells it from others of the same name is not cut away."""
    name = sanitize(offer.workflow.name)
    if not offer.apart:
        return name
    return f"{sanitize(name, max(8, cells - width(offer.apart) - 1), ellipsis)} {offer.apart}"


def found_by(offer: CatalogEntry) -> tuple[str, str, str]:
    """What a workflow is found by: its name, its price, date, author and steps, and its id."""
    flow = offer.workflow
    parts = [f"{step.label} {step.type} {' '.join(map(str, step.settings.values()))}" for step in flow.components]
    price = "" if flow.price is None else f"{flow.price} cr"
    return flow.name, " ".join([price, day(flow), flow.changed_at[:10], flow.author, *steps(flow), *parts]), flow.id


def summary(offer: CatalogEntry, glyphs: Glyphs, *, with_settings: bool) -> Content:
    """What is known of a workflow, in a few lines; with all settings of its steps where there is room for them."""
    flow = offer.workflow
    parts: list[str | tuple[str, str]] = [
        (sanitize(flow.name, 50), "bold"),
        "\n",
        plain_line(offer, glyphs),
        "\n",
        (f" {glyphs.dot} ".join(_known(flow, brief)), "$quiet"),
    ]
    if offer.pinned:
        number = sum(one.jobs for one in offer.pinned)
        parts += ["\n", (f"{number:,} waiting for an older version: c compares", "$warning")]
    elif offer.is_changed:
        parts += ["\n", (f"changed since it was used on {day_of(offer.past.last_used)}: c compares", "$warning")]
    parts.append("\n")
    if with_settings and offer.has_settings:
        parts += ["\n", "\n".join(setting_lines(flow))]
    elif with_settings:
        parts.append(("\nsettings not fetched yet", "$quiet"))
    return Content.assemble(*parts)


def head(offer: CatalogEntry, glyphs: Glyphs) -> Content:
    """All about a workflow but its settings, line by line."""
    flow, past, dot = offer.workflow, offer.past, glyphs.dot
    lines = [plain_line(offer, glyphs)]
    if past.count:
        lines.append(f"last used {day_of(past.last_used)} {dot} median charge {amount(past.median)} cr")
    if past.reviewed:
        lines.append(f"rejected in review: {past.rejected:,} of {past.reviewed:,} ({rejected(past)})")
    lines += _known(flow, lambda word: sanitize(word, 60))
    return Content("\n".join(lines))


def _known(flow: Workflow, said: Callable[[str], str]) -> list[str]:
    """What the service tells of where a workflow comes from; not every service knows all of it."""
    when, author = day(flow), sanitize(flow.author, 30)
    saved = " ".join([*([f"saved {when}"] if when != "-" else []), *([f"by {author}"] if author else [])])
    version = f"version {said(flow.version)}" if flow.version else ""
    return [one for one in (saved, version, f"id {said(flow.id)}") if one]


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


def steps_line(workflow: Workflow, glyphs: Glyphs) -> str:
    """The steps between what comes in and what comes out, in one line; empty where they are not known."""
    arrow = ">" if glyphs.arrow == "->" else glyphs.arrow
    return f" {arrow} ".join(step for step in steps(workflow) if step != "in")


def rejected(past: Past) -> str:
    """The share of what was looked at that was rejected."""
    return f"{round(100 * past.rejected / past.reviewed)} %" if past.reviewed else "-"


def side_by_side(first: CatalogEntry, second: CatalogEntry, cells: int, glyphs: Glyphs) -> Content:
    """Two workflows with their prices, histories and steps in two columns; what differs is marked."""
    head = 26 if cells >= 100 else 18
    each = max(16, (cells - head - 4) // 2)
    lines: list[str | tuple[str, str]] = []
    rows = [("", f"A  {name_in(first, each - 4, glyphs.ellipsis)}", f"B  {name_in(second, each - 4, glyphs.ellipsis)}")]
    rows += [(title, said(first), said(second)) for title, said in _COMPARED]
    ours, theirs = _setting_pairs(first.workflow), _setting_pairs(second.workflow)
    for title in dict.fromkeys([*ours, *theirs]):
        is_step = not title.startswith("    ")
        gone = "no such step" if is_step else "-"
        rows.append((title, ours.get(title, gone), theirs.get(title, gone)))
    for title, left, right in rows:
        differs = bool(title) and left != right
        said = [sanitize(text, each - 1, glyphs.ellipsis) for text in (left, right)]
        name = (
            sanitize(title, head, glyphs.ellipsis)
            if title.strip() == title
            else f"  {sanitize(title, head - 2, glyphs.ellipsis)}"
        )
        padded = [text + " " * (each - width(text)) for text in said]
        whole = f"{'!' if differs else ' '} {name}{' ' * (head - width(name))} {padded[0]} {padded[1].rstrip()}\n"
        lines.append((whole, "bold" if differs or not title else ""))
    one, other = first.workflow.price, second.workflow.price
    if one is not None and other is not None:
        less = f"{'B' if other < one else 'A'} costs {abs(other - one):,} cr less a photo."
        lines.append(f"\nBoth cost {one:,} cr." if one == other else f"\n{less}")
    return Content.assemble(*lines)


_COMPARED: tuple[tuple[str, Callable[[CatalogEntry], str]], ...] = (
    ("price", lambda one: "not known" if one.workflow.price is None else f"{one.workflow.price:,} cr"),
    ("usually", lambda one: about(one.past.usual) if one.past.usual else "-"),
    ("saved here", lambda one: f"{one.past.saved:,} of {one.past.count:,}, {one.past.failed:,} failed"),
    ("last use", lambda one: day_of(one.past.last_used) if one.past.count else "never"),
    ("rejected in review", lambda one: f"{one.past.rejected:,} of {one.past.reviewed:,}" if one.past.reviewed else "-"),
    ("charged", lambda one: amount(one.past.charged) if one.past.count else "-"),
    ("version", lambda one: brief(one.workflow.version) + f" of {day(one.workflow)}" * (day(one.workflow) != "-")),
    ("author", lambda one: one.workflow.author or "-"),
)
"""What is compared of two workflows beside their steps."""


def _setting_pairs(workflow: Workflow) -> dict[str, str]:
    """The steps and their settings as titles with values; titles of settings are indented."""
    found: dict[str, str] = {}
    for component in workflow.components:
        kind = (component.label or component.type).casefold()
        found[sanitize(kind, 40)] = _step(component)
        for key, value in sorted(component.settings.items()):
            found[f"    {key}" if f"    {key}" not in found else f"    {kind} {key}"] = _value(value)
    return found


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
    """What changes for the jobs that wait for older versions, and since it was used last; ``known`` has those versions'
    definitions."""
    now: list[str] = []
    flow, last = offer.workflow, offer.past.last
    for waiting in offer.pinned:
        said = f"{plural(waiting.jobs, 'photo waits', 'photos wait')} for version {brief(waiting.version)}"
        if waiting.quoted is None or flow.price is None:
            said += "; the price is not known."
        elif waiting.quoted == flow.price:
            said += f"; the price is the same, {flow.price:,} cr each."
        else:
            agreed, asked = waiting.jobs * waiting.quoted, waiting.jobs * flow.price
            said += f" at {waiting.quoted:,} cr each; now {flow.price:,} cr: {asked:,} instead of {agreed:,} cr."
            said += " Nothing is sent at the new price without a yes."
        now += [said, "", *_steps_since(known.get(waiting.version), flow), ""]
    if last and offer.is_changed and last.version not in {one.version for one in offer.pinned}:
        name = f" It was called {sanitize(last.name, 40)}." if last.name != flow.name else ""
        price = "the price is not known"
        if last.quoted is not None and flow.price is not None:
            price = f"the price is the same, {flow.price:,} cr each"
            if last.quoted != flow.price:
                price = f"at {last.quoted:,} cr each; now {flow.price:,} cr"
        now += [f"Used last on {day_of(last.at)}, {price}.{name}", ""]
        now += [*_steps_since(known.get(last.version), flow), ""]
    return now[:-1]


def _steps_since(before: Workflow | None, now: Workflow) -> list[str]:
    if before is None:
        return ["The steps of that version were not kept here.", "", "Steps now:", *setting_lines(now)]
    if not any(step.settings for step in now.components) or not any(step.settings for step in before.components):
        before, now = _bare(before), _bare(now)
    changes = list(difflib.ndiff(setting_lines(before), setting_lines(now)))
    lines = [line for line in changes if not line.startswith("?")]
    same = all(line.startswith("  ") for line in lines)
    return ["The steps are the same."] if same else ["Steps: - before, + now", *lines]


def _bare(workflow: Workflow) -> Workflow:
    """The workflow without settings: those of one side are not here, and only the steps can be compared."""
    return replace(workflow, components=tuple(replace(step, settings={}) for step in workflow.components))
