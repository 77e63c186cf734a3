"""Reading an answer where it must be strict: what does not fit is named, and what stood there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from artui.providers.base import Puzzling
from artui.providers.http import Answer
from artui.providers.http.messages import one_line
from artui.providers.said import Shape

_SHOWN: Final = 60
"""Characters of what stood in a field."""


def read(answer: Answer, shape: type[Shape]) -> Shape:
    """The JSON object of an answer in a shape; :class:`Puzzling` that names the field which does not fit."""
    said = answer.json_object()
    if said is None:
        if answer.is_web_page:
            raise answer.unreadable()
        raise _unfit(answer, f"it is {quoted(answer.text)}")
    try:
        return shape.model_validate(said)
    except ValidationError as why:
        first = why.errors(include_url=False)[0]
        name, *within = map(str, first["loc"])
        raise unfit(answer, ".".join((name, *within)), first["input"] if within else said.get(name)) from None
    except RecursionError:
        raise answer.unreadable() from None


def unfit(answer: Answer, name: str, stood: object) -> Puzzling:
    """The error of an answer whose field ``name`` does not fit; ``stood`` is its value, None where it has none."""
    if stood is None:
        return _unfit(answer, f"it has no {name}, but {quoted(', '.join(answer.json_object() or ()) or 'nothing')}")
    return _unfit(answer, f"{name} is {quoted(stood)}")


def _unfit(answer: Answer, what: str) -> Puzzling:
    return Puzzling(f"{answer.about}: the answer (status {answer.status}) is not what the service documents: {what}")


def quoted(value: object) -> str:
    """A value of a service for a sentence: as JSON, on one line, not too long, without secrets of ours."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    line = one_line("".join(c if c.isprintable() else " " for c in text))
    return f"{line[:_SHOWN]}…" if len(line) > _SHOWN else line or '""'


def sentence(answer: Answer) -> str:
    """What a service says about a failure, also in the words of ``problem+json``; empty where it is silent."""
    if answer.sentence:
        return answer.sentence
    said: Mapping[str, Any] = answer.json_object() or {}
    told = (said.get(name) for name in ("detail", "title"))
    return next((one_line(words) for words in told if isinstance(words, str) and words.strip()), "")


def is_problem(answer: Answer) -> bool:
    """Whether an answer is a refusal as ``problem+json`` words it, of the very status it came with."""
    said = answer.json_object() or {}
    return isinstance(said.get("title"), str) and str(said.get("status")) == str(answer.status)
