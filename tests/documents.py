"""Whether what a command printed with ``--json`` is what its pages say: every field, and nothing else."""

from __future__ import annotations

import json
import types
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from artui.cli.documents import PRINTS, ErrorDocument, Printed, Shape
from artui.model import SCHEMA
from artui.model.documents import EVENTS, EventDocument


def check(arguments: Sequence[str], out: str) -> None:
    """Fail where a line on stdout is no document of this command."""
    words = [word for word in arguments if not word.startswith("-")]
    command = next((name for name in (" ".join(words[:2]), words[0]) if name in PRINTS), "")
    for line in out.splitlines():
        document = json.loads(line)
        if isinstance(document, dict) and "error" in document:
            _fits_top(document, ErrorDocument)
            continue
        faults = [_fault(document, one) for one in PRINTS[command]]
        assert None in faults, f"{command} prints {line[:300]}: {faults}"


def _fault(document: Any, one: Printed) -> str | None:
    try:
        match one.shape:
            case Shape.LIST:
                assert isinstance(document, list), "no list"
                for entry in document:
                    _fits_top(entry, one.model)
            case Shape.MAP:
                assert isinstance(document, dict), "no object"
                for entry in (value for key, value in document.items() if key != "schema"):
                    _fits(entry, one.model)
            case Shape.LINE:
                assert isinstance(document, dict), "no object"
                assert document.get("type") == one.when, "another type"
                _fits_top({key: value for key, value in document.items() if key != "type"}, one.model)
            case Shape.ONE:
                _fits_top(document, one.model)
    except AssertionError as fault:
        return str(fault)
    return None


def _fits_top(document: Any, model: type) -> None:
    assert isinstance(document, dict), "no object"
    assert document.get("schema") == SCHEMA, "without its schema"
    _fits({key: value for key, value in document.items() if key != "schema"}, model)


def _fits(value: Any, wanted: Any) -> None:
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Annotated, NotRequired):
        _fits(value, inner[0])
    elif origin in (Union, types.UnionType):
        assert any(_is(value, one) for one in inner), f"{value!r} is none of {inner}"
    elif origin in (list, dict):
        assert isinstance(value, origin), f"{value!r} is no {origin.__name__}"
        for one in value.values() if origin is dict else value:
            _fits(one, inner[-1])
    elif is_typeddict(wanted):
        _fits_model(value, wanted)
    elif wanted is not Any:
        kinds = (int, float) if wanted is float else (str,) if issubclass(wanted, StrEnum) else (wanted,)
        assert isinstance(value, kinds), f"{value!r} is no {wanted}"
        assert not issubclass(wanted, StrEnum) or value in list(wanted), f"{value!r} is no {wanted.__name__}"


def _fits_model(value: Any, model: Any) -> None:
    fields = get_type_hints(model, include_extras=True)
    assert isinstance(value, dict), f"{value!r} is no {model.__name__}"
    required = {name for name, hint in fields.items() if get_origin(hint) is not NotRequired}
    unknown, missing = value.keys() - fields.keys(), required - value.keys()
    assert not unknown, f"{model.__name__} has no {unknown}"
    assert not missing, f"{model.__name__} lacks {missing}"
    for key, one in value.items():
        _fits(one, fields[key])
    if fields.keys() >= EventDocument.__annotations__.keys():
        assert value["what"] in EVENTS, f"an event {value['what']!r} is documented nowhere"


def _is(value: Any, wanted: Any) -> bool:
    try:
        _fits(value, wanted)
    except AssertionError:
        return False
    return True
