"""The manual: what there is to say of commands, exit codes, JSON and words, made of what the program itself is, in the
form of a terminal, of a page of ``docs/`` or of a man page."""

from __future__ import annotations

import re
import textwrap
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import click

from artui.cli.examples import EXAMPLES
from artui.model.holds import HOLDS, EndsBy, Exit
from artui.model.states import Reason

# ------------------------------------------------------------------------------------------------------- its blocks


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; ``depth`` 2 is a section."""

    text: str
    depth: int = 2


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or as ``verbatim`` lines that stay as they are."""

    text: str
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class TermTable:
    """TermTable under their heads; in a terminal the first cell is the term for the rest."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


Block = Heading | Text | TermTable


def markdown(blocks: Iterable[Block]) -> str:
    """As a page has it."""
    parts = []
    for block in blocks:
        match block:
            case Heading():
                parts.append(f"{'#' * block.depth} {block.text}")
            case Text(verbatim=True):
                parts.append(f"```\n{block.text}\n```")
            case Text():
                parts.append("\n".join(textwrap.wrap(block.text, 120, break_on_hyphens=False, break_long_words=False)))
            case TermTable():
                rows = [block.heads, ["---"] * len(block.heads), *block.rows]
                lines = (" | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) for row in rows)
                parts.append("\n".join(f"| {line} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def plain(blocks: Iterable[Block], width: int = 80) -> Iterator[str]:
    """As a terminal has it, line by line."""
    for number, block in enumerate(blocks):
        if number:
            yield ""
        match block:
            case Heading():
                yield block.text.upper() if block.depth == 2 else block.text
            case Text(verbatim=True):
                yield from (f"  {line}" for line in block.text.splitlines())
            case Text():
                yield from textwrap.wrap(_bare(block.text), width)
            case TermTable():
                column = min(24, max(len(_bare(row[0])) for row in block.rows) + 2)
                for term, *others in block.rows:
                    said = "; ".join(_bare(other) for other in others if other)
                    lines = textwrap.wrap(said, width - column - 2) or [""]
                    head = f"  {_bare(term)}".ljust(column + 2)
                    if len(head) > column + 2 or not head.endswith(" "):
                        yield head.rstrip()
                    else:
                        yield (head + lines.pop(0)).rstrip()
                    yield from (" " * (column + 2) + line for line in lines)


def _bare(text: str) -> str:
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text).replace("`", "")


def roff(blocks: Iterable[Block]) -> str:
    """As a man page has it."""
    lines = []
    for block in blocks:
        match block:
            case Heading(depth=2):
                lines.append(f".SH {_escaped(block.text.upper())}")
            case Heading():
                lines.append(f".SS {_escaped(block.text)}")
            case Text(verbatim=True):
                lines += [".PP", ".nf", _escaped(block.text), ".fi"]
            case Text():
                lines += [".PP", _escaped(_bare(block.text))]
            case TermTable():
                for term, *others in block.rows:
                    said = "; ".join(_bare(other) for other in others if other)
                    lines += [".TP", f".B {_escaped(_bare(term))}", _escaped(said)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in escaped.splitlines())


# ------------------------------------------------------------------------------------------------------- exit codes

EXITS: dict[Exit, str] = {
    Exit.INTERRUPTED: "interrupted, or the engine was stopped by somebody while the command waited",
    Exit.USAGE: "usage, settings or journal: nothing was done (a `login` that lacks only its organization has kept the"
    " sign-in)",
    Exit.LOCKED: "another engine has the lock, or the one that has it gives no sign of life",
    Exit.LOGIN: "held: sign in; or a sign-in that was denied or ran out",
    Exit.CREDIT: "held: credit or quota",
    Exit.CAP: "held: a cap",
    Exit.PERSON: "held: needs a person",
    Exit.NETWORK: "the network or the service: try again",
    Exit.FAILED: "some photos failed or were refused, or something was done that could not be told or finished",
    Exit.OK: "all is well",
}
"""What each exit code means, in the order in which one goes before the others."""


def exit_codes() -> list[Block]:
    """The exit codes, the first that applies."""
    return [TermTable(("code", "means"), [(str(int(code)), said) for code, said in EXITS.items()])]


# --------------------------------------------------------------------------------------------------------- commands


def every_command(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command that is no group, by its whole name, in the order of the help."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from every_command(command, inner)
        else:
            yield inner.command_path.partition(" ")[2], command, inner


def commands(root: click.Group) -> list[Block]:
    """Every command with its arguments and options."""
    context = click.Context(root, info_name="artui")
    blocks: list[Block] = []
    for name, command, inner in every_command(root, context):
        usage = " ".join((inner.command_path, *command.collect_usage_pieces(inner)))
        blocks += [Heading(name, 3), Text(usage, verbatim=True)]
        blocks += [Text(" ".join(part.split())) for part in (command.help or "").split("\n\n")]
        records = [
            record
            for param in command.get_params(inner)
            if "--help" not in param.opts and (record := param.get_help_record(inner))
        ]
        if records:
            blocks.append(TermTable(("option", ""), [(f"`{option}`", said) for option, said in records]))
        blocks.append(Text("\n".join(EXAMPLES[name]), verbatim=True))
    return blocks


# ------------------------------------------------------------------------------------------------------------- JSON


def printed() -> list[Block]:
    """What each command prints with ``--json``, and every model with its fields."""
    from artui.cli.documents import PRINTS, Shape

    rows = []
    for command, several in PRINTS.items():
        said = []
        for one in several:
            link = _link(one.model)
            match one.shape:
                case Shape.LINE:
                    said.append(f"a line of type `{one.when}`: {link}")
                case Shape.LIST | Shape.MAP:
                    kind = "a list of" if one.shape is Shape.LIST else "by key"
                    said.append(f"{kind} {link}" + (f" (`{one.when}`)" if one.when else ""))
                case Shape.ONE:
                    said.append(link + (f" (`{one.when}`)" if one.when else ""))
        rows.append((f"`{command}`", "; ".join(said)))
    every = models()
    blocks: list[Block] = [TermTable(("command", "prints"), rows)]
    hints = {model: get_type_hints(model, include_extras=True) for model in every}
    for model, fields in hints.items():
        within = [one for one in every if one is not model and hints[one].items() <= fields.items()]
        base = max(within, key=lambda one: len(hints[one]), default=None)
        told, text = {}, " ".join((model.__doc__ or "").split())
        if base and len(hints[base]) > 1:
            told, text = hints[base], f"{text} All of {_link(base)}, and:"
        terms = [(f"`{name}`", *_said(hint)) for name, hint in fields.items() if name not in told]
        blocks += [Heading(model.__name__, 4), Text(text), TermTable(("field", "type", ""), terms)]
    return blocks


def models() -> list[type]:
    """Every model of what is printed with ``--json``."""
    from artui.cli.documents import PRINTS, ErrorDocument

    return list(_models([ErrorDocument, *(one.model for several in PRINTS.values() for one in several)]))


def _models(wanted: Iterable[type]) -> dict[type, None]:
    """The models and all that stand in them, each once."""
    found: dict[type, None] = {}
    for model in wanted:
        if model not in found:
            found[model] = None
            found |= _models(_inside(get_type_hints(model).values(), found))
    return found


def _inside(hints: Iterable[Any], known: Iterable[type]) -> Iterator[type]:
    for hint in hints:
        if is_typeddict(hint):
            if hint not in known:
                yield hint
        else:
            yield from _inside(get_args(hint), known)


def _said(hint: Any) -> tuple[str, str]:
    """The type of a field in words, and what it means."""
    if get_origin(hint) is NotRequired:
        kind, said = _said(get_args(hint)[0])
        return f"{kind}, or absent", said
    if get_origin(hint) is Annotated:
        inner, said = get_args(hint)
        words = _words(inner)
        return _kind(inner), said + (f": {words}" if words else "")
    return _kind(hint), ""


_KINDS = {int: "number", float: "number", str: "text", bool: "true or false", Any: "any", type(None): "null"}


def _kind(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_kind, inner)))
    if origin is list:
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return f"by key {_kind(inner[1])}"
    if is_typeddict(hint):
        return _link(hint)
    return _KINDS.get(hint, "word")


def _words(hint: Any) -> str:
    """The stable words of a field, where they are few enough to be listed with it."""
    inner = get_args(hint)
    if inner:
        return ", ".join(filter(None, map(_words, inner)))
    is_words = isinstance(hint, type) and issubclass(hint, StrEnum)
    return ", ".join(f"`{word.value}`" for word in hint) if is_words else ""


def _link(model: type) -> str:
    return f"[{model.__name__}](#{model.__name__.lower()})"


# ------------------------------------------------------------------------------------------------------------ words


def reasons() -> list[Block]:
    """What a job is held for, waits for or has failed for: what each word means, and what there is to do."""
    from artui.cli.documents import REASONS
    from artui.cli.phrases import FAILED, HELD

    rows = []
    for reason, meaning in REASONS.items():
        hold, todo = HOLDS.get(reason), HELD.get(reason) or FAILED.get(reason) or "nothing"
        names = {name: name.upper() for name in ("id", "account", "batch", "execution", "folder", "twin_of")}
        names |= {"where": "see at the service whether it was carried out", "twin_of": "JOB", "id": "JOB"}
        code = str(int(hold.exit)) if hold else "1" if reason in FAILED else ""
        rows.append((f"`{reason}`", meaning, _ENDS[hold.ends_by] if hold else "", code, todo.format(**names)))
    return [TermTable(("reason", "means", "goes on by itself", "exit", "what to do where it is held"), rows)]


_ENDS = {
    EndsBy.NEVER: "no",
    EndsBy.SIGN_IN: "once you are signed in",
    EndsBy.BALANCE: "once there is credit",
    EndsBy.NEXT_DAY: "the next day",
    EndsBy.PLACE: "once one has moved on",
    EndsBy.ROOM: "once the cap has room",
    EndsBy.TOP_UP: "once there is credit",
    EndsBy.POLL: "where it turns up",
    EndsBy.DUE: "it is tried again",
    EndsBy.ACCOUNT_BACK: "once it is as it was",
    EndsBy.BUYER: "with that job",
}


def environment() -> list[Block]:
    """The variables that mean something."""
    from artui.config.described import VARIABLES

    return [TermTable(("variable", ""), [(f"`{name}`", said) for name, said in VARIABLES.items()])]


def words() -> list[Block]:
    """The stable words that no field's own type lists."""
    from artui.files import PhotoFault
    from artui.model.documents import EVENTS
    from artui.model.watching import RuleCause, Skip

    def listed(several: type[StrEnum]) -> str:
        return ", ".join(f"`{word.value}`" for word in several)

    return [
        Heading("`reason` of a job", 4),
        Text(
            f"{listed(Reason)}. [operating.md](operating.md#when-photos-are-held) says what each means and what to do."
            " A failed job also has the words of PhotoFault, or the service's own word; a skipped one those of Skip."
        ),
        Heading("`what` of an event", 4),
        TermTable(("what", "means"), [(f"`{word}`", said) for word, said in EVENTS.items()]),
        Heading("PhotoFault: `reason` of a refused file", 4),
        Text(listed(PhotoFault)),
        Heading("Skip: `reason` of a file that a rule does not take", 4),
        Text(f"{listed(Skip)}, the words of PhotoFault, and those of `artui help ignore`."),
        Heading("RuleCause: `cause` of a folder that is not watched", 4),
        Text(listed(RuleCause)),
    ]
