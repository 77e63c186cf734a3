"""``artui --spec``: the whole program for another program, as one JSON document: every command with its parameters,
what it prints as JSON Schema, exit codes, stable words, settings and variables. It is made as the pages of ``docs/``
are, of what the program is."""

from __future__ import annotations

import types
from enum import StrEnum
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import click

import artui
from artui.cli import manual
from artui.cli.documents import PRINTS, REASONS, ErrorDocument, Shape
from artui.cli.examples import EXAMPLES
from artui.config.described import VARIABLES
from artui.model.documents import EVENTS


def spec(root: click.Command) -> dict[str, Any]:
    """The program as a document."""
    from artui.cli.settings_page import settings

    assert isinstance(root, click.Group)  # noqa: S101
    context = click.Context(root, info_name="artui")
    tables: dict[str, list[dict[str, str]]] = {}
    table = ""
    for block in settings():
        if isinstance(block, manual.Heading):
            table = block.text
        elif isinstance(block, manual.TermTable):
            cells = ([cell.strip("`") for cell in row] for row in block.rows)
            heads = ("key", "holds", "default", "example", "means")
            tables[table] = [dict(zip(heads, row, strict=True)) for row in cells]
    documents: dict[str, dict[str, Any]] = {}
    for model in manual.models():
        fields = get_type_hints(model, include_extras=True)
        documents[model.__name__] = {
            "description": " ".join((model.__doc__ or "").split()),
            "type": "object",
            "properties": {name: _of(hint) for name, hint in fields.items()},
            "required": [name for name, hint in fields.items() if get_origin(hint) is not NotRequired],
        }
    return {
        "version": artui.__version__,
        "options": [_parameter(one) for one in root.get_params(context) if isinstance(one, click.Option)],
        "commands": [_command(*one) for one in manual.every_command(root, context)],
        "exit_codes": {str(int(code)): said for code, said in manual.EXITS.items()},
        "reasons": {reason.value: said for reason, said in REASONS.items()},
        "events": dict(EVENTS),
        "variables": dict(VARIABLES),
        "settings": tables,
        "documents": documents,
        "error": {"$ref": _place(ErrorDocument)},
    }


def _command(name: str, command: click.Command, context: click.Context) -> dict[str, Any]:
    params = command.get_params(context)
    return {
        "name": name,
        "help": " ".join((command.help or "").split()),
        "usage": " ".join((context.command_path, *command.collect_usage_pieces(context))),
        "arguments": [_parameter(one) for one in params if isinstance(one, click.Argument)],
        "options": [_parameter(one) for one in params if isinstance(one, click.Option)],
        "prints": [
            {
                "shape": one.shape.name.lower(),
                "document": {"$ref": _place(one.model)},
                "when": "" if one.shape is Shape.LINE else one.when,
                "type": one.when if one.shape is Shape.LINE else "",
            }
            for one in PRINTS.get(name, ())
        ],
        "examples": list(EXAMPLES[name]),
    }


def _parameter(param: click.Parameter) -> dict[str, Any]:
    """A parameter as click knows it; ``default`` is null where nothing holds without it."""
    told = param.to_info_dict()
    kind, default = told["type"], told["default"]
    document = {
        "name": param.name,
        "type": "flag" if told.get("is_flag") else kind["param_type"].lower(),
        "required": told["required"],
        "multiple": told["multiple"] or told["nargs"] == -1,
        "default": default if isinstance(default, (str, int, float, bool)) else None,
    }
    if isinstance(param, click.Option):
        document |= {"flags": [*param.opts, *param.secondary_opts], "metavar": param.metavar, "help": param.help or ""}
    document |= {"choices": list(kind["choices"])} if "choices" in kind else {}
    document |= {bound: kind[bound] for bound in ("min", "max") if kind.get(bound) is not None}
    return document


# ------------------------------------------------------------------------------------------------- as JSON Schema

_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}


def _place(model: type) -> str:
    return f"#/documents/{model.__name__}"


def _of(hint: Any) -> dict[str, Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _of(inner[0])
    if origin is Annotated:
        return _of(inner[0]) | {"description": inner[1]}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(one) for one in inner]}
    if origin is list:
        return {"type": "array", "items": _of(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(inner[1])}
    if is_typeddict(hint):
        return {"$ref": _place(hint)}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [word.value for word in hint]}
    return {"type": _TYPES[hint]} if hint in _TYPES else {}
