"""Reading an answer where it must be strict: what does not fit is named, and what stood there."""

from __future__ import annotations

from pydantic import ValidationError

from artui.providers.base import Transient
from artui.providers.base.misfits import value
from artui.providers.base.wire import Shape
from artui.providers.http import Answer


def read(answer: Answer, shape: type[Shape]) -> Shape:
    """The JSON object of an answer in a shape; :class:`Transient` that names the field which does not fit."""
    said = answer.json_object()
    if said is None:
        raise answer.unreadable(f"it is {_plain(answer.text)}")
    try:
        return shape.model_validate(said)
    except ValidationError as why:
        first = why.errors(include_url=False)[0]
        name, *within = map(str, first["loc"])
        raise unfit(answer, ".".join((name, *within)), first["input"] if within else said.get(name)) from None
    except RecursionError:
        raise answer.unreadable() from None


def unfit(answer: Answer, name: str, stood: object) -> Transient:
    """The error of an answer whose field ``name`` does not fit; ``stood`` is its value, None where it has none."""
    if stood is None:
        named = ", ".join(answer.json_object() or ()) or "nothing"
        return answer.unreadable(f"it has no {name}, but {_plain(named)}")
    return answer.unreadable(f"{name} is {_plain(stood, name)}")


def _plain(stood: object, name: str = "") -> str:
    """A value for a sentence; text stands there without its quotes, as far as there is any."""
    said = value(stood, name)
    return said.strip('"') or said if isinstance(stood, str) else said


def is_problem(answer: Answer) -> bool:
    """Whether an answer is a refusal as ``problem+json`` words it, of the very status it came with."""
    said = answer.json_object() or {}
    return isinstance(said.get("title"), str) and str(said.get("status")) == str(answer.status)
