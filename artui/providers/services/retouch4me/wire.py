"""Retouch4me's answers: whether a photo was accepted, how a job goes, what is left, and what a refusal means.

The service says its codes twice, as the HTTP status and as ``status`` in the body; where they differ, the body counts.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final, TypeGuard

from pydantic import Field

from artui.model.capabilities import Accepts
from artui.providers.base import Blocked, Cause, ExecutionStatus, Output, Rejected, State, Transient
from artui.providers.base.wire import List, Status, WireModel, balance, moment, number, tell, text
from artui.providers.http import Answer
from artui.providers.http.answers import is_problem
from artui.providers.http.messages import one_line
from artui.providers.services.retouch4me.capabilities import KEEPS
from artui.providers.services.retouch4me.plugins import MODE, PRICE

NO_TOKEN: Final = frozenset({401, 460})
USED_UP: Final = 461

_REASONS: Final = {
    400: "bad request",
    403: "forbidden",
    404: "not found",
    413: "too large",
    415: "unsupported",
    422: "unprocessable",
    462: "invalid task",
}
_DOCUMENTED: Final = frozenset({400, 404, 462})
"""Refusals that the service documents; the others count only where HTTP says the same."""

_FINE: Final = frozenset({"ok", "success"})
"""Words that stand in ``status`` in place of 200."""

_NOT_NOW: Final = frozenset({408, 409, 425, 429})
_TYPES: Final = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
_STATES: Final = {
    "waiting": State.RUNNING,
    "active": State.RUNNING,
    "delayed": State.RUNNING,
    "completed": State.DONE,
    "failed": State.FAILED,
}


# -------------------------------------------------------------------------------------------------- codes and refusals


def code_of(answer: Answer) -> int:
    """The code that counts: ``status`` of the body where that is one, else the status of HTTP."""
    code = _code_said(answer)
    return answer.status if code in (None, 200) else code  # an HTTP error with 200 in its body is still one


def _code_said(answer: Answer) -> int | None:
    """The code in the body, which may be text; None where there is none."""
    code = (answer.json_object() or {}).get("status")
    if isinstance(code, str) and code.strip().casefold() in _FINE:
        return 200
    if isinstance(code, str) and re.fullmatch(r"[1-9][0-9]{2}", code):
        return int(code)
    return code if _is_int(code) and 100 <= code <= 999 else None


def is_of_the_token(answer: Answer) -> bool:
    """Whether a refusal is about the token: the customer system's code is passed on with words of its own."""
    # The one text that is compared: the documents print it, and the code beside it is another system's.
    return code_of(answer) in NO_TOKEN or answer.sentence == "Token issue"


def refusal(answer: Answer) -> Transient | Rejected | Blocked:
    """The error of an ordinary request that was not answered with 200."""
    code = code_of(answer)
    if code >= 500 or code in _NOT_NOW:
        wait = answer.asked_to_wait
        return Transient(f"{answer.about}: not now (status {code}): {answer.sentence}", retry_after=wait)
    return _refusal(answer, code)


def paid_refusal(answer: Answer) -> Rejected | Blocked | None:
    """The error of a paid request that surely was not carried out; None where nobody can tell.

    Sure is only what is worded in the service's own form, or as ``problem+json`` of the same status, without the id
    that an accepted job has.
    """
    code = code_of(answer)
    is_final = answer.status < 500 and answer.status not in _NOT_NOW and not 300 <= answer.status < 400
    is_usual = code in _DOCUMENTED or code == USED_UP or (code in _REASONS and code == answer.status)
    is_known = is_usual or (400 <= code < 500 and is_of_the_token(answer))
    # The documents let a job go on where the customer system fails: what is not clearly a no may be a yes.
    is_sure = _is_own(answer, code) and is_final and is_known and code not in _NOT_NOW
    return _refusal(answer, code) if is_sure else None


def _is_own(answer: Answer, code: int) -> bool:
    """Whether a refusal is in the service's form: its code in ``status``, or a ``message`` without other software's
    ``statusCode``; or a ``problem+json`` of the status it came with."""
    said = answer.json_object() or {}
    if isinstance(said.get("title"), str):
        return said.get("id") is None and is_problem(answer)
    is_told = isinstance(said.get("message"), str) and "statusCode" not in said
    # `statusCode` is another framework's word: a server before the service.
    return said.get("id") is None and (_code_said(answer) == code or is_told)


def _refusal(answer: Answer, code: int) -> Rejected | Blocked:
    words = answer.sentence
    said = f" ({words})" if words else ""
    if is_of_the_token(answer):
        return Blocked(f"{answer.about}: the key is not accepted{said}: sign in again", cause=Cause.LOGIN)
    if code == USED_UP:
        return Blocked(f"{answer.about}: nothing is left for today{said}", cause=Cause.QUOTA)
    reason = _REASONS.get(code, f"status {code}")
    return Rejected(f"{answer.about}: {words or reason}", reason=reason, status=code)


# ------------------------------------------------------------------------------------------------------------- answers


def accepted(answer: Answer) -> str | None:
    """The id of the job that a start began; None where the answer does not say so clearly.

    It may be a number, or anything that can stand in an address and does not lead elsewhere there.
    """
    said = answer.json_object() or {}
    execution = said.get("id")
    if _is_int(execution) and execution >= 0:
        execution = str(execution)  # an id may be a number
    is_clear = said.get("status") is None or _code_said(answer) == 200
    if code_of(answer) != 200 or not is_clear or not isinstance(execution, str):
        return None
    is_usable = 0 < len(execution) <= 500 and execution.isprintable() and execution.strip(" .") != ""
    return execution if is_usable else None


def names_job(answer: Answer) -> bool:
    """Whether an answer holds the id of a job, whatever else it says."""
    return (answer.json_object() or {}).get("id") is not None


def left_today(answer: Answer) -> int | None:
    """The starts left for the day, as an accepted one says; None where it does not."""
    return balance((answer.json_object() or {}).get("retouchQuota"))


def remaining(answer: Answer) -> int | None:
    """The credits left; None where the answer does not say."""
    said = (answer.json_object() or {}).get("remaining")
    left = said.get(MODE) if isinstance(said, dict) else said
    known = balance(left)
    if known is None and left is not None:
        tell(f"{answer.about}: {one_line(str(left))[:60]} is no balance: it counts as not known")
    return known


class Look(WireModel):
    """One look at a job. Only the state counts; what the rest should not be, it is not."""

    state: Status
    progress: Any = None
    reason: Any = None
    attempt: Any = None
    max_attempts: Any = None
    plugin_name: Any = None
    expire_date: Any = None

    def seen(self, execution: str, now: float, output: Output) -> ExecutionStatus:
        """The look in the program's words; ``output`` is where a result lies, ``now`` the service's epoch seconds."""
        state, until = _STATES.get(self.state.lower(), State.RUNNING), moment(self.expire_date)
        # Kept for 24 hours by the documents, until `expireDate` by the answer: the earlier counts.
        left = KEEPS if until is None else min(max(until.timestamp() - now, 0.0), KEEPS)
        return ExecutionStatus(
            execution=execution,
            state=state,
            word=self.state,
            charged=PRICE,  # deducted when a start is accepted; that a failed job is paid back is nowhere said
            outputs=(output,) if state is State.DONE else (),
            message=self._message(state),
            expires_in=left if state is State.DONE else None,
        )

    def _message(self, state: State) -> str:
        """Why it failed, or what is being done just now."""
        if state is not State.RUNNING:
            return one_line(text(self.reason)) if state is State.FAILED else ""
        parts = [one_line(text(self.plugin_name))]
        progress, attempt = (_shown_number(one) for one in (self.progress, self.attempt))
        if progress is not None:
            parts.append(f"{progress:.0f} %")
        if attempt is not None and attempt > 1:
            parts.append(f"attempt {attempt:.0f}")
        return ", ".join(part for part in parts if part)


class ImageLimits(WireModel):
    """What one image may be; what is no limit is none."""

    formats: List = ()
    max_file_size_in_mb: Any = Field(default=None, alias="maxFileSizeInMB")
    max_megapixels: Any = None


class FileLimits(WireModel):
    """What the service takes; an archive only where it says so."""

    image: ImageLimits
    archive: Any = None

    def within(self, known: Accepts) -> Accepts:
        """What is taken by these limits and by those known before."""
        types = known.media_types & {_TYPES.get(text(word).lower(), "") for word in self.image.formats}
        archives = self.archive.get("formats") if isinstance(self.archive, dict) else ()
        return replace(
            known,
            archives=known.archives and isinstance(archives, list) and "zip" in [text(one).lower() for one in archives],
            media_types=types or known.media_types,
            max_bytes=_less(known.max_bytes, self.image.max_file_size_in_mb),
            max_pixels=_less(known.max_pixels, self.image.max_megapixels),
        )


def _less(known: int | None, millions: object) -> int | None:
    """The smaller one of two limits, the other said in millions; one that cannot be is none."""
    said = number(millions)
    if said is None or not 0 < said <= 1e9:
        return known
    return int(said * 1e6) if known is None else min(known, int(said * 1e6))


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown_number(said: object) -> float | None:
    """A number that is only shown, also one that came as text, with its percent sign or not."""
    found = number(said.strip().removesuffix("%") if isinstance(said, str) else said)
    return found if found is not None and abs(found) < 1e9 else None
