"""What of an answer does not fit: for a person the field and what stands there, for the log the answer's beginning."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from artui.credentials import scrub
from artui.credentials.secret import MASK
from artui.providers.base.heard import EXCERPT
from artui.sanitize import sanitize

log = logging.getLogger(__name__)

MOST_VALUE: Final = 60
"""Characters of a value that are shown."""

MOST_LOGGED: Final = 1_000
"""Misfits that are remembered, so that each is logged once."""

_NAMED: Final = (
    r"(?:token|password|secret|signature|policy|credential|authorization|cookie|session|api_?key|(?:device|user)_?code)"
)
"""Part of what secrets are called."""

_IS_SECRET: Final = re.compile(_NAMED, re.IGNORECASE)
_SEALED: Final = (
    # A member of JSON, also where its end was cut off, or where it is JSON within a text of JSON.
    (re.compile(rf'(?i)(\\?"[\w-]*{_NAMED}[\w-]*\\?"\s*:\s*)\\?"(?:[^"\\]|\\.)*"?'), rf'\1"{MASK}"'),
    # The query of a full address: storage hosts sign there.
    (re.compile(r"""(?i)(https?:(?:\\?/){2}(?:[^\s"'<>?\\]|\\/)*)\?(?:[^\s"'<>\\]|\\/|\\u0026)*"""), rf"\1?{MASK}"),
    (re.compile(rf"""(?i)([?&](?:sig|expires|[\w-]*(?:{_NAMED}|key)[\w-]*)=)[^&\s"'<>\\]+"""), rf"\1{MASK}"),
    (re.compile(r"""(?i)(\bsecurity=)[^/\s"'<>\\]+"""), rf"\1{MASK}"),
    (re.compile(r"eyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?"), MASK),
    (re.compile(r"""(?i)(\bbearer\s+)[^\s"'<>]+"""), rf"\1{MASK}"),
)


def excerpt(said: str | bytes) -> str:
    """The first 2 kB of what a service said, for a log: without anybody's secrets, nor what signs an address."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    text = scrub(text)[: 4 * EXCERPT]  # ours first, in the whole of it: a cut secret is no longer known
    # Before the last cut, so that none ends within a secret.
    for pattern, instead in _SEALED:
        text = pattern.sub(instead, text)
    return text[:EXCERPT]


def misfit(found: object, problem: Exception) -> str:
    """Which field of an answer does not fit, and what stands there: ```version` null``.

    ``found`` is what was read, ``problem`` how that failed.
    """
    if not isinstance(problem, ValidationError):
        return f"artui failed to read it ({type(problem).__name__})"
    first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    path, here = "", found
    # As far as the path can be walked in what came.
    for part in first["loc"]:  # names of shapes stand there too
        if isinstance(here, dict) and part in here:
            path, here = f"{path}.{part}" if path else str(part), here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            path, here = f"{path}[{part}]", here[part]
    if first["type"] == "missing" and here is not None:
        return f"`{path}.{first['loc'][-1]}` is missing" if path else f"`{first['loc'][-1]}` is missing"
    return f"`{path}` {value(here, path)}" if path else f"it is {value(here)}"


def value(said: Any, name: str = "") -> str:
    """A value as JSON for a person, cut where it is long; one whose name tells that it is a secret is not shown."""
    if _IS_SECRET.search(name.rpartition(".")[2]):
        return MASK
    text = json.dumps(said, ensure_ascii=False, default=str)
    text = sanitize(excerpt(" ".join(text.split())))
    return text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]}…"


def keep(sentence: str, said: str | bytes) -> None:
    """Have the log keep the beginning of an answer that does not fit, beside what is said of it; each once."""
    if sentence in _kept:
        return
    if len(_kept) >= MOST_LOGGED:
        _kept.clear()  # told twice at worst: better than to grow for ever
    _kept[sentence] = None
    log.info("%s. Said was: %s", sentence, excerpt(said) or "nothing")


_kept: Final[dict[str, None]] = {}


def counted(unread: int, of: int, what: str, reasons: Sequence[str]) -> str:
    """How many entries of a list could not be read, and why: ``1 of 9 workflows could not be read: `version` null``."""
    different = list(dict.fromkeys(filter(None, reasons)))
    why = "; ".join(different[:3]) + (f" and {len(different) - 3:,} more" if len(different) > 3 else "")
    return f"{unread:,} of {of:,} {what} could not be read" + (f": {why}" if why else "")
