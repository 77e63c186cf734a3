"""What artui itself fails on: logged once, with the answer it may have failed on, and never the end of anything."""

from __future__ import annotations

import logging

from artui.providers.base import excerpt, last_heard

log = logging.getLogger(__name__)

REST = 30.0
"""Seconds until what concerns a whole account is tried again."""

LOOK_AGAIN = 900.0
"""Seconds until a job is looked at again that is bought, and held for a defect."""


class Defects:
    """The defects met at one account."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._told: set[tuple[str, type[BaseException], str, int]] = set()

    def tell(self, doing: str, failure: BaseException, said: str = "") -> None:
        """Log that artui failed ``doing`` something, the first time it does so there; ``said`` is what it failed on,
        the last answer where that is not known."""
        trace = failure.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = ("", 0) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        if (key := (doing, type(failure), *place)) in self._told:
            return
        self._told.add(key)
        log.error(
            "%s: artui itself failed %s (%s); it is tried again slowly. Said was: %s",
            self._account, doing, type(failure).__name__, excerpt(said or last_heard()) or "nothing", exc_info=failure,
        )  # fmt: skip


def not_understood(name: str, why: str) -> str:
    """For a person: what came of a photo cannot be understood."""
    return f"artui could not understand what the service says of {name} ({why}); the engine's log says more"
