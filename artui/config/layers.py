"""The places a setting may come from: each is a layer, checked on its own, so that a complaint names the very line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from artui.config.folders import ConfigError
from artui.config.known import (
    ACCOUNT,
    GROUPS,
    NOTIFY,
    RULE,
    SECRETS,
    SERVICE,
    TABLES,
    TOP,
    Number,
    Reader,
    account_name,
    nearest,
    provider,
)
from artui.config.private import NotPrivate, read_private

Key = tuple[str | int, ...]
"""The way to a value through tables and, by number, arrays of tables."""

LISTS = {"watch": "rule", "notify": "target"}
"""The arrays of tables, and what each table of one is."""

_DEEPEST = 40  # no setting needs more, and every walk through the tables ends


class Origin(StrEnum):
    """Who set a value, the strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    CONFIG = "config.toml"
    SETTINGS = "settings.toml"
    DEFAULT = "default"


class Source(NamedTuple):
    """Where a value came from: ``name`` is the flag, the variable or the file, ``key`` its place there."""

    origin: Origin
    name: str = ""
    key: Key = ()
    text: str = ""

    @property
    def line(self) -> int | None:
        """The line of the file on which the value starts, the first being 1; None where there is no file."""
        return _lines(self.text).get(self.key) if self.text else None

    def __str__(self) -> str:
        return f"{self.name} line {line}" if (line := self.line) else self.name or self.origin

    def __repr__(self) -> str:
        return str(self)  # without the text, which may hold a password


class Layer(NamedTuple):
    """What one place sets: a tree of tables; ``names`` holds the variable or flag of each key."""

    origin: Origin
    tree: Mapping[str, Any]
    name: str = ""
    text: str = ""
    names: Mapping[Key, str] = MappingProxyType({})

    def source(self, key: Key) -> Source:
        """Where this layer sets a key."""
        return Source(self.origin, self.names.get(key, self.name), key, self.text)

    def accounts(self) -> Iterable[str]:
        """The names of the accounts this layer says something about."""
        tables = self.tree.get("accounts")
        return tables if isinstance(tables, dict) else ()

    def values(self) -> Iterator[tuple[Key, object]]:
        """Every value with its key, rules apart, checked and read. Raises ConfigError."""
        for word, value in self.tree.items():
            if word == "accounts":
                for name, table in self._table((word,), value).items():
                    yield from self._account(name, table)
            elif word == "services":
                for name, table in self._table((word,), value).items():
                    yield from self._service(name, table)
            elif word in TABLES:
                for inner, item in self._table((word,), value).items():
                    yield (word, inner), self._read(TABLES[word], (word, inner), item)
            elif word not in LISTS:
                yield (word,), self._read(TOP, (word,), value, ("accounts", "services", *TABLES, *LISTS))

    def rules(self) -> Iterator[dict[str, object]]:
        """The rules of watched folders, checked and read. Raises ConfigError."""
        for number, rule in enumerate(self._tables("watch")):
            read: dict[str, object] = {}
            for word, value in rule.items():
                key = ("watch", number, word)
                if word == "caps":
                    caps = self._table(key, value)
                    read[word] = {name: self._read(GROUPS[word], (*key, name), limit) for name, limit in caps.items()}
                else:
                    read[word] = self._read(RULE, key, value, ("caps",))
            yield read

    def notify(self) -> Iterator[dict[str, object]]:
        """Who is told of what, checked and read. Raises ConfigError."""
        for number, table in enumerate(self._tables("notify")):
            if len({"command", "url"} & table.keys()) != 1:
                self._refuse(("notify", number), "needs a command or a url, and not both")
            yield {word: self._read(NOTIFY, ("notify", number, word), value) for word, value in table.items()}

    def _tables(self, word: str) -> list[dict[str, object]]:
        written = self.tree.get(word, [])
        if not isinstance(written, list) or not all(isinstance(table, dict) for table in written):
            self._refuse((word,), f"must be an array of tables: write [[{word}]] above each {LISTS[word]}")
        return written

    def _service(self, name: str, value: object) -> Iterator[tuple[Key, object]]:
        try:
            provider(name)
        except ValueError as error:
            self._refuse(("services", name), str(error))
        for inner, item in self._table(("services", name), value).items():
            yield ("services", name, inner), self._read(SERVICE, ("services", name, inner), item)

    def _account(self, name: str, value: object) -> Iterator[tuple[Key, object]]:
        account = ("accounts", name)
        table = self._table(account, value)
        try:
            account_name(name)
        except ValueError as error:
            self._refuse(account, f"{error}")
        yield account, {}
        for word, item in table.items():
            key = (*account, word)
            if word in SECRETS:
                way = f"take it out, then run artui login, or set {variable(name, 'token')}"
                self._refuse(key, f"is a secret and may not stand in a setting: {way}")
            elif word in GROUPS:
                for inner, limit in self._table(key, item).items():
                    yield (*key, inner), self._read(GROUPS[word], (*key, inner), limit)
            elif word in ACCOUNT:
                yield key, self._read(ACCOUNT, key, item)
            else:
                yield from leaves(item, key)

    def _table(self, key: Key, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse(key, f"must be a table: write [{dotted(key)}], and its settings under it")
        return value

    def _read(self, known: Mapping[str, Reader], key: Key, value: object, tables: tuple[str, ...] = ()) -> object:
        *table, word = key
        reader = known.get(str(word))
        if reader is None:
            names = (*known, *tables)
            place = f"[{dotted(table)}]" if table else "the top of the file"
            place = "a [[watch]] rule" if known is RULE else "a [[notify]] table" if known is NOTIFY else place
            hint = nearest(str(word), names) or f"; known there: {', '.join(names)}"
            self._refuse(key, f"is no setting of {place}{hint}")
        if self.origin is Origin.ENVIRONMENT and isinstance(reader, Number):
            value = reader.from_text(str(value))
        try:
            return reader(value)
        except ValueError as error:
            self._refuse(key, str(error))

    def _refuse(self, key: Key, complaint: str) -> NoReturn:
        raise ConfigError(f"{self.source(key)}: {dotted(key)} {complaint}")


def read_file(origin: Origin, file: Path) -> Layer:
    """Read one TOML file, which may be a link; a missing one is empty. Raises ConfigError."""
    try:
        text = read_private(file, through_link=True).decode("utf-8-sig")  # some editors begin UTF-8 with a mark
        return Layer(origin, _parse(text), str(file), text)
    except FileNotFoundError:
        return Layer(origin, {}, str(file))
    except NotPrivate as refusal:
        raise ConfigError(str(refusal)) from None
    except OSError as error:
        complaint = f"cannot be read ({error.strerror}): make it a file that you may read, or move it away"
    except UnicodeDecodeError as error:
        complaint = f"is not UTF-8 text (at byte {error.start}): save it as UTF-8"
    except RecursionError:
        complaint = "nests its values too deeply: write them flatter"
    except ValueError as error:
        complaint = f"is not valid TOML: {' '.join(str(error).split())}: correct that place"
    raise ConfigError(f"{file} {complaint}")


def _parse(text: str) -> dict[str, Any]:
    tree = tomllib.loads(text)
    if any(len(key) > _DEEPEST for key, _ in leaves(tree)):
        raise RecursionError
    return tree


def read_flags(overrides: Mapping[str, object]) -> Layer:
    """Read flags given by dotted key: ``{"timezone": "UTC"}`` is ``--timezone UTC``."""
    tree: dict[str, Any] = {}
    names: dict[Key, str] = {}
    for text, value in overrides.items():
        key = parse_key(text)
        names[key] = f"--{str(key[-1]).replace('_', '-')}"
        plant(tree, key, value)
    return Layer(Origin.FLAG, tree, "a flag", names=names)


def read_environment(environ: Mapping[str, str], accounts: Iterable[str]) -> Layer:
    """Read the ``ARTUI_…`` variables; one that ends in ``_PROVIDER`` adds an account that no file names.

    An empty variable is an unset one, and one that names neither setting nor account is none of ours.
    """
    words = {name[6:]: text for name, text in environ.items() if name.startswith("ARTUI_") and text}
    stems: dict[str, str] = {}
    for account in accounts:
        twin = stems.setdefault(_upper(account), account)
        if twin != account:
            share = f"ARTUI_{_upper(account)}_…"
            raise ConfigError(
                f"the accounts {twin} and {account} would share the variables {share}: rename one of them"
            )
    for word in words:
        stem, suffix, end = word.rpartition("_PROVIDER")
        if stem and suffix and not end:
            stems.setdefault(stem, stem.lower())
    tree: dict[str, Any] = {}
    names: dict[Key, str] = {}
    for word, text in sorted(words.items()):
        if key := _key_of_variable(word, stems):
            names[key] = f"ARTUI_{word}"
            names.setdefault(key[:2], f"ARTUI_{word}")
            plant(tree, key, text)
    return Layer(Origin.ENVIRONMENT, tree, names=names)


def _key_of_variable(word: str, stems: Mapping[str, str]) -> Key | None:
    if word.lower() in TOP:
        return (word.lower(),)
    # The longest: of STUDIO and STUDIO_B a variable of the latter begins with both.
    stem = max((stem for stem in stems if word.startswith(f"{stem}_")), key=len, default=None)
    if stem is None or word in (f"{stem}_TOKEN", f"{stem}_WEBHOOK_TOKEN"):  # a token is for the credentials alone
        return None
    key = word[len(stem) + 1 :].lower()
    group, _, inner = key.partition("_")
    return ("accounts", stems[stem], *((group, inner) if group in GROUPS and inner else (key,)))


def read_usual_proxy(environ: Mapping[str, str]) -> Layer:
    """Read the variables that most programs take their proxy from."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        if value := environ.get(name):
            return Layer(Origin.ENVIRONMENT, {"proxy": value}, name)
    return Layer(Origin.ENVIRONMENT, {})


def variable(account: str, key: str) -> str:
    """The environment variable that sets a key of an account: ``ARTUI_STUDIO_TOKEN``."""
    return f"ARTUI_{_upper(account)}_{_upper(key)}"


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def dotted(key: Iterable[str | int]) -> str:
    """A key as TOML writes it, with quotes where a part is no plain word."""
    words = map(str, key)
    return ".".join(w if re.fullmatch(r"[A-Za-z0-9_-]+", w) else json.dumps(w, ensure_ascii=False) for w in words)


def parse_key(text: str) -> Key:
    """The parts of a dotted key. Raises ValueError for text that is none."""
    value: Any = tomllib.loads(f"{text} = 0")
    key: list[str] = []
    while isinstance(value, dict):
        ((word, value),) = value.items()
        key.append(word)
    return tuple(key)


def leaves(tree: object, key: Key = ()) -> Iterator[tuple[Key, object]]:
    """Every value of a tree of tables with its key, in the file's order; an empty table is one."""
    # By a list instead of by recursion: a file may nest its tables as deep as it likes.
    waiting = [(key, tree)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting.extend(((*key, word), inner) for word, inner in reversed(value.items()))
        elif key:
            yield key, value


def plant(tree: dict[str, Any], key: Key, value: object) -> bool:
    """Set a value in a tree of tables unless the tree holds one there; say whether it was set."""
    *tables, word = map(str, key)
    for table in tables:
        inner = tree.setdefault(table, {})
        if not isinstance(inner, dict):
            return False
        tree = inner
    if word in tree:
        return False
    tree[word] = value
    return True


@lru_cache(maxsize=4)
def _lines(text: str) -> Mapping[Key, int]:
    """Find the line on which each key of a TOML text starts.

    ``tomllib`` tells no positions, so this reads ever longer beginnings of the text: what a further line adds stands
    there. Slow, and only for messages and ``config show``.
    """
    found: dict[Key, int] = {}
    rows = text.replace("\r\n", "\n").split("\n")
    start = 0
    for end, row in enumerate(rows, 1):
        if start == end - 1 and row.strip()[:1] in ("", "#"):
            start = end
            continue
        try:
            tree = tomllib.loads("\n".join(rows[:end]))
        except ValueError:
            continue  # the value goes on below
        for key in _every_key(tree):
            found.setdefault(key, start + 1)
        start = end
    return found


def _every_key(value: object, key: Key = ()) -> Iterator[Key]:
    yield key
    if isinstance(value, dict):
        for word, inner in value.items():
            yield from _every_key(inner, (*key, word))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _every_key(inner, (*key, number))
