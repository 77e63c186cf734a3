"""A rule: a watched folder and what is done with its photos; how rules are read, and which cannot stand together."""

from __future__ import annotations

import datetime as dt
import os
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from typing import Any

from artui import files
from artui.config import AccountConfig, Caps, Config, ConfigError, Origin, Source, dotted
from artui.config.ignoring import USUAL, Ignoring
from artui.config.known import nearest
from artui.config.sku_patterns import sku_of
from artui.core.plan import Target, fill_label
from artui.files import exiftool, values
from artui.files.metadata import Keeping
from artui.model.states import Twins
from artui.model.watching import Skip

_RULES = uuid.UUID("6b0c54f4-6f4c-4c5e-9a53-0a7f3c1f2a11")
"""The name space of the rules' ids."""

ASIDE = frozenset({"done", "failed"})
"""Folders in a watched folder that hold what was dealt with; nothing in one is ever taken."""


class After(StrEnum):
    """What becomes of a photo once its result is safe."""

    KEEP = "keep"
    MOVE = "move"


class Existing(StrEnum):
    """What becomes of photos that lay in the folder before the rule."""

    PROCESS = "process"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Rule:
    """A watched folder and what is done with its photos.

    ``id`` follows from ``name``, by which the journal knows what the rule has seen; without a name the folder is it.
    ``workflows`` are ids or names as a person wrote them, each photo goes through all of them; versions and prices are
    pinned when the rule is loaded.
    ``include`` and ``exclude`` are patterns for a file's name, or for its path in the folder where they hold a ``/``.
    ``sku`` is a template of the label, for names that ``sku_pattern`` does not fit. ``sample``: only so many photos are
    sent before a yes. A file that has not changed for ``quiet`` seconds is opened; one that is not whole is put aside
    after ``patience`` seconds. ``after_rule``: the name of the rule whose results it takes, which no other rule does.
    ``strict``: each photo is decoded before it is taken. ``mode`` (octal digits) and ``group``: what results get, None
    as the umask and the folder say. ``after_saved`` is the command that is run once results are saved or, by
    ``deliver``, kept. Outside of ``hours`` nothing new is sent. ``archives``: a ZIP of photos is taken too, where the
    service takes such. ``ignoring``: what is left alone by its name. ``rejected``: the folder in which results are
    rejected ones, whoever moves them there.
    A ``read_only`` rule stands in config.toml, or was given on the command line; others can be changed on the screen.
    """

    id: str
    name: str
    folder: Path
    account: str
    workflows: tuple[str, ...]
    target: Target
    existing: Existing
    recursive: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sku: str = "{folder}"
    sku_pattern: str = ""
    after_rule: str = ""
    caps: Caps = field(default_factory=Caps)
    sample: int | None = None
    after: After = After.KEEP
    twins: Twins = Twins.ONCE
    quiet: float = 2.0
    patience: float = 600.0
    strict: bool = False
    archives: bool = False
    mode: str | None = None
    group: str | None = None
    after_saved: tuple[str, ...] = ()
    deliver: str = "saved"
    hours: str | None = None
    ignoring: Ignoring = USUAL
    rejected: Path | None = None
    source: Source = field(default_factory=lambda: Source(Origin.FLAG))

    @property
    def read_only(self) -> bool:
        """Whether the rule is changed in its file, and not on the screen."""
        return self.source.origin is not Origin.SETTINGS

    @property
    def has_several(self) -> bool:
        """Whether a photo is bought once for each of several workflows."""
        return len(self.workflows) > 1

    @property
    def is_capped(self) -> bool:
        """Whether any cap of its own bounds the rule."""
        return self.caps != Caps()

    @property
    def refused_after(self) -> float:
        """Seconds after which a file that does not change any more, and is no whole photo, is taken for bad. It is
        looked at again when it changes, which costs nothing; to move it takes ``patience``."""
        return 30 * self.quiet

    @cached_property
    def _matchers(self) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
        """What ``include`` and ``exclude`` match, each by a name and by a path."""
        return [(_any_of(patterns, "name"), _any_of(patterns, "path")) for patterns in (self.include, self.exclude)]

    def wants(self, name: str, relative: str) -> bool:
        """Whether the patterns let a file in, by its name and its path in the folder."""
        included, excluded = self._matchers
        if self.include and not _matches(included, name, relative):
            return False
        return not (self.exclude and _matches(excluded, name, relative))

    def place_of(self, folder: Path) -> Path | None:
        """Where a folder lies in the watched one (``.`` for itself), by whatever way it is named; None where this rule
        does not see what lies in it."""
        found = files.inside(folder, self.folder)
        return found if self.recursive or found == Path() else None

    def covers(self, folder: Path) -> bool:
        """Whether what lies in a folder is seen by this rule, by whatever way that folder is named."""
        return self.place_of(folder) is not None

    def sku_of(self, relative: str, today: dt.date, value: values.Value = values.NOTHING) -> str:
        """The label of a photo, by its path in the folder and what its metadata says: as the pattern takes it from its
        name, else as the template has it; where that leaves nothing, the folder's name."""
        path = Path(relative)
        by_name = sku_of(self.sku_pattern, path.name) if self.sku_pattern else ""
        return by_name or fill_label(self.sku, path, self.folder.name, today, value)


def _any_of(patterns: Sequence[str], kind: str) -> re.Pattern[str]:
    # Folded: cameras and shares write .JPG.
    chosen = [pattern for pattern in patterns if ("/" in pattern) == (kind == "path")]
    return re.compile("|".join(translate(pattern.casefold()) for pattern in chosen) or r"(?!)")


def _matches(patterns: tuple[re.Pattern[str], re.Pattern[str]], name: str, relative: str) -> bool:
    by_name, by_path = patterns
    return bool(by_name.match(name.casefold()) or by_path.match(relative.casefold()))


def is_aside(name: str) -> bool:
    """Whether a name is that of done/ or failed/, on a disk or for clients of a share that ignore case too."""
    return name.casefold() in ASIDE


def ignored(name: str, ignoring: Ignoring, *, is_folder: bool) -> str:
    """Why a name in a watched folder is never taken; empty where nothing stands against it."""
    return Skip.OURS if is_aside(name) or name.startswith(".artui-") else ignoring.why(name, is_folder=is_folder)


def rule_id(name: str) -> str:
    """The id of the rule of this name."""
    # By its bytes: a folder's name need be no text.
    return str(uuid.uuid5(_RULES, name.encode("utf-8", "surrogateescape").hex()))


# ---------------------------------------------------------------------------------------------------------- reading


def load_rules(config: Config) -> tuple[Rule, ...]:
    """The rules of a configuration, checked one by one and together. Raises ConfigError with file, line and key."""
    rules = tuple(
        make_rule(config, written, config.sources[dotted(("watch", number))], number)
        for number, written in enumerate(config.watch)
    )
    refuse_conflicts(rules)
    return rules


def make_rule(config: Config, written: Mapping[str, Any], source: Source, number: int | None = None) -> Rule:
    """One rule out of what was written: the keys of a ``[[watch]]`` table. Raises ConfigError.

    ``number`` is its place among the rules of the configuration, None for one that stands in no file.
    """
    reading = _Reading(config, written, source, number)
    folder = Path(os.path.abspath(reading.needed("folder", "the folder to watch")))  # noqa: PTH100 — a link stays one
    name = str(written.get("name", folder))
    account = config.accounts.get(reading.account())
    recursive = bool(written.get("recursive", False))
    output = reading.needed("output", "where results go", account.output if account else None)
    workflows = reading.workflows(account)
    stem = "{stem}-{workflow}" if len(workflows) > 1 and "{workflow}" not in output else "{stem}"
    template = written.get("template", f"{{relative}}/{stem}" if recursive else stem)
    further: dict[str, Any] = {word: read(written[word]) for word, read in _FURTHER.items() if word in written}
    rule = Rule(
        id=rule_id(name),
        name=name,
        folder=folder,
        account=reading.account(),
        workflows=workflows,
        target=Target.of(output, template, written.get("metadata", account.metadata if account else "none")),
        existing=Existing(reading.needed("existing", '"process" or "ignore" the photos that lie there already')),
        recursive=recursive,
        caps=Caps(**written.get("caps", {})),
        ignoring=config.ignoring.with_more(written.get("ignore")),
        strict=bool(written.get("strict", account.strict if account else False)),
        twins=Twins(written.get("twins", account.twins if account else Twins.ONCE)),
        mode=written.get("mode", account.mode if account else None),
        group=written.get("group", account.group if account else None),
        sku_pattern=written.get("sku_pattern", account.sku_pattern if account else None) or "",
        after_saved=written.get("after_saved", account.after_saved if account else ()),
        hours=written.get("hours", account.hours if account else None),
        deliver=written.get("deliver", account.deliver if account else "saved"),
        source=source,
        **further,
    )
    # When it is read: not a photo is to be taken without what was wished.
    if rule.strict and not files.can_decode_all():
        raise reading.refusal(f"strict = true needs more libraries: {files.INSTALL}", "strict")
    if rule.target.metadata is not Keeping.NONE and (why := exiftool.fault()):
        raise reading.refusal(f'metadata = "{rule.target.metadata}" cannot be: {why}', "metadata")
    reading.check_templates(rule)
    return rule


_FURTHER: Mapping[str, Callable[[Any], Any]] = {
    "include": tuple, "exclude": tuple, "sku": str, "after_rule": str, "sample": int, "quiet": float, "patience": float,
    "after": After, "archives": bool,
    "rejected": lambda written: Path(os.path.abspath(written)),  # noqa: PTH100 — a link stays one
}  # fmt: skip
"""The keys a rule need not have."""


@dataclass(frozen=True)
class _Reading:
    """Reads one rule, and says which line it is about where that cannot be done."""

    config: Config
    written: Mapping[str, Any]
    source: Source
    number: int | None

    def refusal(self, complaint: str, word: str = "") -> ConfigError:
        key = dotted(("watch", self.number or 0, *([word] if word in self.written else [])))
        place = self.source if self.number is None else self.config.sources.get(key, self.source)
        return ConfigError(f"{place}: {complaint}")

    def needed(self, word: str, meaning: str, otherwise: str | None = None) -> str:
        value = self.written.get(word, otherwise)
        if value is None:
            raise self.refusal(f"the rule must say {word} = …, {meaning}")
        return str(value)

    def account(self) -> str:
        name = self.needed("account", "the account that pays", self.config.default_account)
        if name not in self.config.accounts:
            hint = nearest(name, self.config.accounts) or "; run artui login"
            raise self.refusal(f"account {name} is not set up{hint}", "account")
        return name

    def workflows(self, account: AccountConfig | None) -> tuple[str, ...]:
        several = tuple(self.written.get("workflows", ()))
        if "workflows" not in self.written:
            meaning = "the workflow to send photos through"
            return (self.needed("workflow", meaning, account.workflow if account else None),)
        if "workflow" in self.written:
            raise self.refusal("workflow and workflows both say where photos are sent: take one away", "workflows")
        if not several or len({one.casefold() for one in several}) < len(several):
            raise self.refusal(f"workflows names {'one twice' if several else 'none'}", "workflows")
        return several

    def check_templates(self, rule: Rule) -> None:
        """Fill both templates once, so that a fault in one is known before a photo comes."""
        try:
            fill_label(rule.sku, Path("a/b.jpg"), "a", dt.date.min)
        except ValueError as fault:
            raise self.refusal(f"sku = {fault}", "sku") from None
        try:
            files.render_stem(
                rule.target.template,
                stem="b",
                relative="a",
                batch="c",
                workflow="d",
                date=dt.date.min,
                n=1,
                account="e",
                rule="f",
            )
        except ValueError as fault:
            raise self.refusal(str(fault), "template" if "template" in self.written else "output") from None


# --------------------------------------------------------------------------------------------------------- together


def refuse_conflicts(rules: Sequence[Rule]) -> None:
    """Raise ConfigError where results would be sent again, two rules would take the same photo, or photos would leave a
    watched folder through a link."""
    for place, rule in enumerate(rules):
        if rule.covers(rule.target.folder):
            raise ConfigError(
                f"{rule.source}: the output {rule.target.folder} lies in the watched folder {rule.folder}: results"
                " would be sent again, without end. Choose an output outside of it"
            )
        # Photos that are dealt with never leave the watched folder through a link.
        linked = next((aside for name in sorted(ASIDE) if (aside := rule.folder / name).is_symlink()), None)
        if rule.after is After.MOVE and linked is not None:
            raise ConfigError(
                f'{rule.source}: {linked} is a link, and after = "move" would take photos out of the watched folder'
                " through it. Remove the link, or make it a folder"
            )
        for one in rules:
            _refuse_rejected(rule, one)
        for other in rules[:place]:
            if other.name == rule.name:
                said = f"{other.source} has a rule called {other.name} too: give each its own name"
                raise ConfigError(f"{rule.source}: {said}")
            if other.covers(rule.folder) or rule.covers(other.folder):
                raise ConfigError(
                    f"{rule.source}: {rule.folder} is watched by the rule of {other.source} too ({other.folder}): a"
                    " photo there would be sent by both. Take one of them out"
                )
    _refuse_circles(rules)
    for rule in rules:
        if rule.after_rule:
            _refuse_chain(rule, rules)


def _refuse_rejected(rule: Rule, other: Rule) -> None:
    """What is rejected is never taken for a photo, nor is what was only saved rejected."""
    if rule.rejected is None:
        return
    if other.covers(rule.rejected) or files.inside(other.target.folder, rule.rejected) is not None:
        holds = f"the watched folder {other.folder}" if other.covers(rule.rejected) else "the output of a rule"
        raise ConfigError(
            f"{rule.source}: rejected = {str(rule.rejected)!r} lies in or above {holds}: choose a folder of its own for"
            " rejected results"
        )


def _refuse_circles(rules: Sequence[Rule]) -> None:
    """Results of one rule may be the photos of another, but never, by whatever way, its own again."""
    seen_by = {folder: [one for one in rules if one.covers(folder)] for folder in {one.target.folder for one in rules}}
    follows = {
        rule.id: seen_by[rule.target.folder] + [other for other in rules if _may_make(rule, other)] for rule in rules
    }
    for rule in rules:
        reached, ahead = set[str](), [(rule, [rule.name])]
        while ahead:
            last, way = ahead.pop()
            for other in follows[last.id]:
                if other.id == rule.id:
                    raise ConfigError(
                        f"{rule.source}: results of the rule {rule.name} come back to its own folder by way of other"
                        f" rules ({' > '.join([*way, rule.name])}): they would be sent again, without end. Change one"
                        " of their outputs"
                    )
                if other.id not in reached:
                    reached.add(other.id)
                    ahead.append((other, [*way, other.name]))


def _refuse_chain(rule: Rule, rules: Sequence[Rule]) -> None:
    """The rule whose results another takes is there, and they lie where that one looks."""
    before = next((one for one in rules if one.name == rule.after_rule), None)
    if before is None:
        hint = nearest(rule.after_rule, [one.name for one in rules if one is not rule])
        raise ConfigError(f"{rule.source}: after_rule = {rule.after_rule!r}: there is no rule of that name{hint}")
    folder, is_nested = before.target.folder, "/" in before.target.template
    if not (rule.covers(folder) or _may_make(before, rule)):
        raise ConfigError(
            f"{rule.source}: after_rule = {rule.after_rule!r}: its results go to {folder}, which the folder"
            f" {rule.folder} does not hold. Watch that one"
        )
    if is_nested and not rule.recursive and rule.covers(folder):
        raise ConfigError(
            f"{rule.source}: after_rule = {rule.after_rule!r}: its results go to folders below {folder}"
            f" ({before.target.template}): say recursive = true"
        )


def followers(rule: Rule, rules: Sequence[Rule], results: int | None = None) -> list[tuple[Rule, int]]:
    """The rules that take a rule's results, and theirs, in their order, each with how many it takes at most of so many
    ``results`` (of one photo, where that is not said); there is no end to it only where :func:`refuse_conflicts` was
    not asked."""
    number = len(rule.workflows) if results is None else results
    found = [other for other in rules if other.after_rule == rule.name]
    return [
        one
        for other in found
        for one in ((other, number), *followers(other, rules, number * len(other.workflows)))
    ]  # fmt: skip


def _may_make(rule: Rule, other: Rule) -> bool:
    """Whether the template of a rule could make the very folder that another one watches."""
    is_nested = "/" in rule.target.template and rule is not other
    return is_nested and files.inside(other.folder, rule.target.folder) is not None
