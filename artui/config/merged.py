"""What all layers together say: the configuration a program runs with, and the source of each value."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from artui.config.folders import ConfigError, Paths, paths
from artui.config.ignoring import USUAL, Ignoring
from artui.config.known import ACCOUNT, DAILY, GROUPS, TOP, closest, nearest, provider_names
from artui.config.layers import (
    Layer,
    Origin,
    Source,
    dotted,
    leaves,
    plant,
    read_environment,
    read_file,
    read_flags,
    read_usual_proxy,
)


class Caps(NamedTuple):
    """The most an account may spend per run, day and month, in its own unit; None is no cap."""

    run: int | None = None
    day: int | None = None
    month: int | None = None


class Pace(NamedTuple):
    """The most at one time for one account, of which uploads and downloads take as many as are of use; None is the
    provider's own number."""

    uploads: int = 32
    downloads: int = 16
    calls: int = 4
    in_flight: int | None = None


class AccountConfig(NamedTuple):
    """One account as it is set.

    ``login`` is the name its token is kept under: accounts of one sign-in, for several organizations, share it.
    ``production`` marks it for people wherever it is named, and changes nothing else.
    ``workflow``, ``output``, ``strict``, ``twins`` and ``metadata`` are what is taken where a command or rule names
    none, ``mode`` (octal digits) and ``group`` what results get then. ``ratings``: whether the console tells the
    service what is liked. ``low``: the balance below which people are told. ``after_saved``: the command that is run
    once a photo's results are saved or, by ``deliver``, once they are kept. Outside of ``hours`` nothing new is sent;
    ``bandwidth`` is how fast photos and results move, a rate, or several with hours of which the first counts.
    ``sku_pattern`` takes the label ``sku`` out of names. ``settings`` is all the rest of its table,
    for the provider to check.
    """

    name: str
    provider: str
    login: str
    caps: Caps = Caps()
    pace: Pace = Pace()
    production: bool = False
    workflow: str | None = None
    output: str | None = None
    strict: bool = False
    twins: str = "once"
    ratings: bool = False
    metadata: str = "none"
    mode: str | None = None
    group: str | None = None
    low: int | None = None
    sku_pattern: str | None = None
    after_saved: tuple[str, ...] = ()
    deliver: str = "saved"
    hours: str | None = None
    bandwidth: tuple[str, ...] = ()
    settings: Mapping[str, object] = MappingProxyType({})

    @property
    def called(self) -> str:
        """Its name as people read it, with the mark of a production account."""
        return f"PRODUCTION {self.name}" if self.production else self.name

    def opens(self, now: float, zone: dt.tzinfo) -> float | None:
        """When something new is sent next, in epoch seconds; None where it is at any time, or now."""
        if not self.hours:
            return None
        from artui.config.hours import opening  # only where any are set

        return opening(self.hours, now, zone)


class NotifyTarget(NamedTuple):
    """Who is told of the topics in ``on``: a ``command`` that is started, or a ``url`` of a service for messages."""

    on: tuple[str, ...] = ("needs you", "trouble", "money")
    command: tuple[str, ...] = ()
    url: str = ""

    def __repr__(self) -> str:
        return f"NotifyTarget({self.name})"  # an address may have a secret in it

    @property
    def id(self) -> str:
        """What tells it from any other, whatever it is told of."""
        from hashlib import sha256  # slow to load, and needed where somebody is told

        return sha256(repr((self.command, self.url)).encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What to call it; an address may have a secret in it, and is cut."""
        return self.command[0] if self.command else f"{self.url.partition(':')[0]}:…"

    @property
    def topics(self) -> tuple[str, ...]:
        """What it is told of, without the hour of the summary."""
        return tuple("daily" if word.startswith("daily") else word for word in self.on)

    @property
    def daily(self) -> tuple[int, int] | None:
        """Hour and minute at which the summary of a day is told; None where it is not."""
        found = next((found for word in self.on if (found := DAILY.fullmatch(word))), None)
        return (int(found[1]), int(found[2])) if found else None


class HeartbeatSettings(NamedTuple):
    """An address that is asked for every so many seconds while nothing is wrong; none where ``url`` is empty."""

    url: str = ""
    every: float = 300.0

    def __repr__(self) -> str:
        return f"HeartbeatSettings(every={self.every:g})"  # an address may have a secret in it


class ReviewSettings(NamedTuple):
    """Who decides about results here, None where it is whoever is logged in; and the reasons to choose from."""

    reviewer: str | None = None
    reasons: tuple[str, ...] = (
        "mask or edges", "colour", "shadow or reflection", "crop or position", "dust or dirt left",
        "wrong product or order", "not sharp",
    )  # fmt: skip


class Config(NamedTuple):
    """Everything that is set, checked.

    ``watch`` holds the rules as written, each value checked, those of config.toml first. ``log`` is the form of the
    log's lines, ``notify`` who is told of what. ``values`` is for showing:
    each value under its dotted key, without passwords; ``sources`` says under the same keys, and for whole accounts and
    rules, who set it. ``fault``: why the files as they are now cannot be read, where this is what they said before.
    """

    paths: Paths
    timezone: dt.tzinfo
    accounts: Mapping[str, AccountConfig]
    default_account: str | None
    images: str
    glyphs: str
    theme: str
    notice: str
    proxy: str | None
    ca_file: Path | None
    idle_minutes: float
    ignore: tuple[str, ...] | None
    log: str
    notify: tuple[NotifyTarget, ...]
    heartbeat: HeartbeatSettings
    review: ReviewSettings
    watch: tuple[Mapping[str, object], ...]
    values: Mapping[str, object]
    sources: Mapping[str, Source]
    fault: str = ""

    def work_of(self, account: str) -> tuple[object, ...]:
        """All that the work of an account goes by: where this is another, that begins anew."""
        return self.accounts.get(account), str(self.timezone), self.proxy, self.ca_file

    def __repr__(self) -> str:
        return f"Config({self.paths.config_file})"  # the address of a proxy may hold a password

    @property
    def ignoring(self) -> Ignoring:
        """Which names and folders are left alone."""
        return USUAL.with_more(self.ignore)


def load(
    where: Paths | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] | None = None,
) -> Config:
    """Read and check all that is set; ``overrides`` are flags by dotted key. Raises ConfigError for the first fault."""
    where = where or paths(environ)
    where.check()
    return merge(where, environ, overrides or {}, read_file(Origin.SETTINGS, where.settings_file))


def merge(where: Paths, environ: Mapping[str, str], overrides: Mapping[str, object], settings: Layer) -> Config:
    """Do what `load` does, with settings that need not stand in their file yet. Raises ConfigError."""
    config = read_file(Origin.CONFIG, where.config_file)
    environment = read_environment(environ, sorted({*config.accounts(), *settings.accounts()}))
    # The strongest first: `plant` sets nothing a second time.
    layers = (read_flags(overrides), environment, config, settings, read_usual_proxy(environ))
    tree: dict[str, Any] = {"accounts": {}}
    sources: dict[str, Source] = {}
    for layer in layers:
        for key, value in layer.values():
            if plant(tree, key, value):
                sources[dotted(key)] = layer.source(key)
    for name, table in tree["accounts"].items():
        provider = table.get("provider")
        for word, value in tree.get("services", {}).get(provider, {}).items():
            if plant(table, (word,), value):
                sources[dotted(("accounts", name, word))] = sources[dotted(("services", provider, word))]
    for key, value in leaves(_defaults(tree["accounts"], environ)):
        if plant(tree, key, value):
            sources[dotted(key)] = Source(Origin.DEFAULT)
    _refuse_loose_ends(tree, sources)
    watch = _rules(layers, sources)
    shown = {**tree, "watch": {str(number): rule for number, rule in enumerate(watch)}}
    return Config(
        paths=where,
        accounts={
            name: AccountConfig(
                name=name,
                caps=Caps(**table["caps"]),
                pace=Pace(**table["pace"]),
                settings={word: value for word, value in table.items() if word not in ACCOUNT and word not in GROUPS},
                **{word: table[word] for word in ACCOUNT},
            )
            for name, table in sorted(tree["accounts"].items())
        },
        default_account=tree["account"],
        notify=tuple(NotifyTarget(**cast("Any", table)) for layer in layers for table in layer.notify()),
        heartbeat=HeartbeatSettings(**tree["heartbeat"]),
        review=ReviewSettings(**tree["review"]),
        watch=watch,
        values={
            # Fit to be shown: plain types, and no password in an address.
            dotted(key): re.sub(r"(?<=://)[^/@\s]+(?=@)", "…", str(value))
            if isinstance(value, (dt.tzinfo, Path, str))
            else value
            for key, value in leaves(shown)
            if dotted(key) in sources
        },
        sources=sources,
        **{word: tree[word] for word in TOP if word != "account"},
    )


def _defaults(accounts: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, Any]:
    common: dict[str, Any] = {"workflow": None, "output": None, "strict": False, "twins": "once", "ratings": False}
    common |= {
        "production": False,
        "metadata": "none",
        "mode": None,
        "group": None,
        "low": None,
        "sku_pattern": None,
        "after_saved": (),
        "deliver": "saved",
        "hours": None,
        "bandwidth": (),
        "caps": Caps()._asdict(),
        "pace": Pace()._asdict(),
    }
    return {
        "timezone": local_zone(environ),
        "account": next(iter(accounts)) if len(accounts) == 1 else None,
        "images": "blocks",
        "glyphs": "auto",
        "theme": "auto",
        "notice": "off",
        "proxy": None,
        "ca_file": None,
        "idle_minutes": 5,
        "ignore": None,
        "log": "text",
        "heartbeat": HeartbeatSettings()._asdict(),
        "review": ReviewSettings()._asdict(),
        "accounts": {name: {"login": name, **common} for name in accounts},
    }


def _refuse_loose_ends(tree: Mapping[str, Any], sources: Mapping[str, Source]) -> None:
    accounts, default = tree["accounts"], tree["account"]
    if default is not None and default not in accounts:
        known = f"; known: {', '.join(accounts)}" if accounts else "; none is set up yet, run artui login"
        raise ConfigError(f"{sources['account']}: account {default} is not set up{nearest(default, accounts) or known}")
    for name, table in accounts.items():
        if "provider" not in table:
            near = closest("provider", table)
            hint = f"; is {near} meant to be it?" if near else ""
            complaint = f'needs provider = "…", one of {", ".join(provider_names())}{hint}'
            raise ConfigError(f"{sources[dotted(('accounts', name))]}: accounts.{name} {complaint}")


def _rules(layers: Iterable[Layer], sources: dict[str, Source]) -> tuple[Mapping[str, object], ...]:
    """Join the rules of all layers, and note where each and its values stand."""
    rules: list[Mapping[str, object]] = []
    for layer in layers:
        for number, rule in enumerate(layer.rules()):
            for key in ((), *(key for key, _ in leaves(rule))):
                sources[dotted(("watch", len(rules), *key))] = layer.source(("watch", number, *key))
            rules.append(rule)
    return tuple(rules)


def local_zone(environ: Mapping[str, str] = os.environ) -> dt.tzinfo:
    """The time zone of this machine, with its summer time: ``TZ``, else /etc/localtime, else UTC."""
    with suppress(KeyError, OSError, ValueError):
        if name := environ.get("TZ", "").lstrip(":"):
            return ZoneInfo(name)
    with suppress(KeyError, OSError, ValueError):
        _, found, name = os.path.realpath("/etc/localtime").rpartition("zoneinfo/")
        if found:
            return ZoneInfo(name)
    with suppress(OSError, ValueError), Path("/etc/localtime").open("rb") as stream:
        return ZoneInfo.from_file(stream, key="local")
    return dt.UTC
