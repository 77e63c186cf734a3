"""Every setting as a page has it: what each may hold, what holds without it, an example, and what it means."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from artui import providers
from artui.cli.manual import Block, Heading, TermTable
from artui.config import described, known
from artui.config.described import Described
from artui.config.known import Reader

_HEADS = ("key", "holds", "default", "example", "")


def settings() -> list[Block]:
    """All settings, table by table."""
    blocks: list[Block] = [Heading("At the top", 3), _table(known.TOP, described.TOP)]
    blocks += [Heading("[accounts.NAME]", 3), _table(known.ACCOUNT, described.ACCOUNT)]
    for name in providers.names():
        kind = providers.load(name)
        blocks += [
            Heading(f"[accounts.NAME] of {kind.capabilities.title}", 3),
            TermTable(_HEADS, list(_of_model(kind.Settings))),
        ]
        for key, field in kind.Settings.model_fields.items():
            for inner in get_args(field.annotation):
                if isinstance(inner, type) and issubclass(inner, BaseModel):  # a key that holds tables of its own
                    blocks += [Heading(f"[accounts.NAME.{key}.KEY]", 4), TermTable(_HEADS, list(_of_model(inner)))]
    blocks += [Heading("[accounts.NAME.caps] and [watch.caps]", 3), _table(known.GROUPS["caps"], described.CAPS)]
    blocks += [Heading("[accounts.NAME.pace]", 3), _table(known.GROUPS["pace"], described.PACE)]
    blocks += [Heading("[[watch]]", 3), _table(known.RULE, described.RULE)]
    blocks += [Heading("[[notify]]", 3), _table(known.NOTIFY, described.NOTIFY)]
    blocks += [Heading("[heartbeat]", 3), _table(known.HEARTBEAT, described.HEARTBEAT)]
    blocks += [Heading("[review]", 3), _table(known.REVIEW, described.REVIEW)]
    blocks += [Heading("[services.NAME]", 3), _table(known.SERVICE, described.SERVICE)]
    return blocks


def _table(readers: Mapping[str, Reader], said: Mapping[str, Described]) -> TermTable:
    rows = []
    for key, reader in readers.items():
        default, example, meaning = said[key]
        shown = f"`{default}`" if default[:1] in '"[0123456789' or default in ("true", "false") else default
        rows.append((f"`{key}`", holds(reader), shown, f"`{key} = {example}`", meaning))
    return TermTable(_HEADS, rows)


def holds(reader: Reader) -> str:
    """What a reader takes, in its own words: those of its refusal."""
    try:
        reader(object())
    except ValueError as refusal:
        said = str(refusal)
        return said.removeprefix("must be ").removeprefix("must list ").partition(", like")[0].partition("; did")[0]
    return "any"


def _of_model(model: type[BaseModel]) -> Iterator[Sequence[str]]:
    for name, field in model.model_fields.items():
        default = "must be set" if field.is_required() else _toml(field.get_default(call_default_factory=True))
        example = next(iter(field.examples or ()), None if field.is_required() else field.default)
        shown = "" if field.default_factory or example is None else f"`{name} = {_toml(example).strip('`')}`"
        yield f"`{name}`", _kind_of(field.annotation), default, shown, f"{field.description}."


def _toml(value: object) -> str:
    if value in ("", None) or (isinstance(value, (tuple, frozenset, dict)) and not value):
        return "none"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{json.dumps(value)}`"


_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): ""}


def _kind_of(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _kind_of(inner[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(filter(None, map(_kind_of, inner))))
    if origin is Literal:
        return " or ".join(f'"{word}"' for word in inner if word)
    if origin in (tuple, frozenset, list):
        return "a list of texts" if inner[0] is str else "an array of tables"
    if origin is not None:
        return "tables"
    return _KINDS.get(hint, "a table")
