"""The rules as they are written: each with its source, and with what is wrong with it where it cannot be used; saving.

Everything here reads or writes files, and loads what knows rules: it blocks, for a thread.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artui.config import Config, ConfigError, Origin, Paths, Source, dotted, load, save_setting
from artui.config.layers import read_file
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.journal.rules import RuleRow
    from artui.watch.rules import Rule

MOST_LINES = 40
"""The most lines of a rule that are shown as they are written."""


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule as far as it can be read. ``complaint``: what is wrong with it, with file and line; ``rule`` is then None.

    ``number`` is its place among the rules of settings.toml, None where it stands elsewhere. ``id`` is the rule's own,
    by which the journal knows it.
    """

    id: str
    name: str
    folder: Path
    output: str
    account: str
    workflows: tuple[str, ...]
    source: Source
    rule: Rule | None = None
    complaint: str = ""
    number: int | None = None

    @property
    def workflow(self) -> str:
        """Its workflows, as they are written."""
        return ", ".join(self.workflows)

    @property
    def title(self) -> str:
        """What to call it in a sentence; printable."""
        plain = self.folder.name if self.name in ("", str(self.folder)) else self.name
        return sanitize(plain or str(self.folder), 30)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """All rules there are, as ``config`` says them; ``complaint`` is about how they stand together, or about a
    configuration that cannot be read any more (``config`` is then the last one that could)."""

    config: Config
    entries: tuple[RuleEntry, ...] = ()
    complaint: str = ""


def read(config: Config) -> RuleFile:
    """The rules as the files say now."""
    from artui.watch.rules import refuse_conflicts

    complaint = ""
    try:
        config = load(config.paths)
    except ConfigError as problem:
        complaint = str(problem)
    entries: list[RuleEntry] = []
    for number, table in enumerate(config.watch):
        entries.append(_entry(config, number, table, entries))
    try:
        refuse_conflicts([entry.rule for entry in entries if entry.rule])
    except ConfigError as problem:
        complaint = complaint or str(problem)
    return RuleFile(config, tuple(entries), complaint)


def _entry(config: Config, number: int, table: Mapping[str, object], before: Sequence[RuleEntry]) -> RuleEntry:
    from artui.watch.rules import make_rule, refuse_conflicts

    source = config.sources[dotted(("watch", number))]
    try:
        rule = make_rule(config, table, source, number)
        # Two of one name are one rule to the journal: nothing could be asked about the second.
        refuse_conflicts([*(entry.rule for entry in before if entry.rule and entry.name == rule.name), rule])
    except ConfigError as problem:
        folder, said = str(table.get("folder", "")), {word: str(value) for word, value in table.items()}
        return RuleEntry(
            f"watch.{number}", said.get("name", folder), Path(folder), said.get("output", ""), said.get("account", ""),
            workflows_of(table), source, complaint=str(problem), number=_place(source),
        )  # fmt: skip
    output = os.path.join(rule.target.folder, rule.target.template)  # noqa: PTH118 — the template stays as it is
    return RuleEntry(
        rule.id, rule.name, rule.folder, output, rule.account, rule.workflows, source, rule, number=_place(source)
    )


def workflows_of(table: Mapping[str, object]) -> tuple[str, ...]:
    """The workflows that a rule's table names, be it wrong otherwise."""
    several, one = table.get("workflows"), table.get("workflow")
    return tuple(map(str, several)) if isinstance(several, (list, tuple)) else (str(one),) if one else ()


def _place(source: Source) -> int | None:
    return int(source.key[1]) if source.origin is Origin.SETTINGS else None


def at_work(row: RuleRow) -> RuleEntry:
    """A rule that is written nowhere: the running ``artui watch`` was given it on its command line."""
    return RuleEntry(
        row.id, row.name, row.folder, "", row.account, (), Source(Origin.FLAG, "the command line of `artui watch`")
    )


# ----------------------------------------------------------------------------------------------------------- saving


def table(where: Paths, entry: RuleEntry) -> dict[str, Any]:
    """A rule as it stands in settings.toml. Raises ConfigError where it does no more."""
    standing = _tables(where)
    if entry.number is None or entry.number >= len(standing):
        raise ConfigError("The rules were changed meanwhile: look again, nothing was saved")
    return standing[entry.number]


def _tables(where: Paths) -> list[dict[str, Any]]:
    return list(read_file(Origin.SETTINGS, where.settings_file).tree.get("watch", []))


def check(config: Config, table: Mapping[str, Any], others: Sequence[RuleEntry]) -> Rule:
    """The rule that a table would be, beside the others. Raises ConfigError with what is wrong."""
    from artui.watch.rules import make_rule, refuse_conflicts

    rule = make_rule(config, table, Source(Origin.SETTINGS, "the new rule"))
    refuse_conflicts([*(entry.rule for entry in others if entry.rule), rule])
    return rule


def save(where: Paths, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
    """Put a rule into settings.toml in the place of the one that was there ``before``, None: beside all others; with
    ``after`` None it is taken away. Raises ConfigError."""
    standing = _tables(where)
    if before is not None and before not in standing:
        raise ConfigError(f"{where.settings_file} was changed meanwhile: look again, nothing was saved")
    place = len(standing) if before is None else standing.index(dict(before))
    standing[place : place + 1] = [] if after is None else [dict(after)]
    save_setting(where, "watch", standing or None)


def excerpt(source: Source) -> list[str]:
    """The lines of a file in which a rule is written: from its heading to the next rule or table."""
    begin = source.line
    if begin is None:
        return []
    lines = source.text.splitlines()[begin - 1 : begin - 1 + MOST_LINES]
    for number, line in enumerate(lines[1:], 1):
        if line.startswith("[") and not line.startswith("[watch."):
            lines = lines[:number]
            break
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return lines
