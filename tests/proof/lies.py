"""The ways in which the stand-ins lie, each by its name: what they are switched to, and what that may cost at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from artui.model.states import REPEATS, Reason
from artui.sim.autoretouch.studio import Options as AutoRetouch
from artui.sim.filestack.darkroom import Options as Filestack
from artui.sim.retouch4me.laboratory import ANSWERS
from artui.sim.retouch4me.laboratory import Options as Retouch4me

DAY = 86_400


@dataclass(frozen=True)
class Lie:
    """How a service lies while ``photos`` are sent.

    ``faults`` are routes of the service, what they do and how often. ``raised``: what every workflow costs from then
    on. ``before``: photos that were sent while it did not lie. ``late``: it does only once the first engine is dead.
    ``proven``: labels are known to come back in its list. ``believed``: it carries out what it says it has refused,
    which is believed, or a request again that came under a key it knows, and that may cost a photo so many charges
    more; None where it does no such thing. ``held``: for what everything that is sent meanwhile comes to be held.
    """

    service: str
    switches: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[tuple[str, str, int], ...] = ()
    raised: int = 0
    photos: int = 1
    before: int = 0
    late: bool = False
    proven: bool = True
    believed: int | None = None
    held: Reason | None = None

    @property
    def wanted_faults(self) -> list[dict[str, Any]]:
        """The faults as the stand-in takes them."""
        return [{"route": f"{self.service}.{route}", "do": do, "times": times} for route, do, times in self.faults]


def _studio(**switches: Any) -> Lie:
    return Lie("autoretouch", switches)


_PAID = {"autoretouch": "create", "retouch4me": "start", "filestack": "run"}
_RESULT = {"autoretouch": "download", "retouch4me": "result", "filestack": "download"}
_UNPROVEN = {"switches": {"labels": "details"}, "proven": False}

LIES: dict[str, Lie] = {
    **{f"{name}: another's id": Lie(name, faults=((paid, "old", 2),), photos=2) for name, paid in _PAID.items()},
    **{f"{name}: an id from before": Lie(name, faults=((paid, "old", 3),), photos=3) for name, paid in _PAID.items()},
    **{f"{name}: ids swapped": Lie(name, faults=((paid, "swap", 2),), photos=2) for name, paid in _PAID.items()},
    **{f"{name}: acts and says 500": Lie(name, faults=((paid, "act:500", 1),)) for name, paid in _PAID.items()},
    **{f"{name}: acts and says 503": Lie(name, faults=((paid, "act:503", -1),)) for name, paid in _PAID.items()},
    "autoretouch: acts and says 429": Lie("autoretouch", faults=(("create", "act:429:1", 1),)),
    "retouch4me: acts and says 429": Lie("retouch4me", faults=(("start", "act:429:1", 1),)),
    "filestack: acts and says 429": Lie("filestack", faults=(("run", "act:429:1", 1),), believed=1),
    "autoretouch: acts and says 422": Lie("autoretouch", faults=(("create", "act:422", 1),), believed=0),
    **{
        f"{name}: results cut": Lie(name, faults=((result, "cut", -1),), held=Reason.DAMAGED)
        for name, result in _RESULT.items()
    },
    "autoretouch: another's label": Lie(
        "autoretouch", faults=(("details", "mislabel", -1), ("list", "mislabel", -1)), before=1, held=Reason.IN_DOUBT
    ),
    "autoretouch: another's photo": Lie(
        "autoretouch", faults=(("details", "misinput", -1), ("list", "misinput", -1)), before=1, held=Reason.IN_DOUBT
    ),
    "autoretouch: labels in details alone": Lie("autoretouch", **_UNPROVEN),
    "autoretouch: labels in details alone, an answer lost": Lie(
        "autoretouch", faults=(("create", "drop_after", 1),), before=1, **_UNPROVEN
    ),
    "autoretouch: made ahead of its time": _studio(ahead=7_200.0),
    "autoretouch: among others": _studio(others=60),
    "autoretouch: a list that grows": _studio(others=60, others_come=1),
    "autoretouch: an odd entry": _studio(others=3, odd={"chargedCredits": 9.5, "createdAt": None, "labels": "x"}),
    "autoretouch: charged above the quote": Lie("autoretouch", {"overcharge": 47}, photos=2),
    "autoretouch: charged above the quote late": Lie("autoretouch", {"overcharge": 47, "charge": "end"}, photos=2),
    "autoretouch: the price raised": Lie("autoretouch", raised=57, photos=2, late=True),
    **{
        f"{name}: a date {days} days off": Lie(name, {"clock": days * DAY, "clock_for": None})
        for name in _PAID for days in (40, -40)
    },
    "autoretouch: a date off for a while": _studio(clock=40 * DAY, clock_for=0.2),
    **{
        f"retouch4me: answers {answer!r}": Lie(
            "retouch4me", {"retouch4me.answer": answer}, photos=2 if answer == "earlier" else 1,
            held=None if answer in ("number", "earlier") else Reason.IN_DOUBT,
        )
        for answer in ANSWERS if answer != "documented"
    },
    "retouch4me: keys ignored, acts and says 503": Lie(
        "retouch4me", {"retouch4me.keeps_keys": False}, faults=(("start", "act:503", -1),), believed=REPEATS,
        held=Reason.IN_DOUBT,
    ),
    "retouch4me: keys ignored, answers 'error'": Lie(
        "retouch4me", {"retouch4me.keeps_keys": False, "retouch4me.answer": "error"}, believed=1, held=Reason.IN_DOUBT
    ),
    "filestack: a null error": Lie("filestack", {"filestack.answer": "null error"}, held=Reason.IN_DOUBT),
    "filestack: turned away": Lie("filestack", {"filestack.answer": "turned away"}, believed=REPEATS),
    "filestack: results later": Lie("filestack", {"filestack.results_after": 0.3}),
    "filestack: a result left out": Lie(
        "filestack", {"filestack.leaves_out": "resize_1571950225780"}, held=Reason.DAMAGED
    ),
    **{
        f"filestack: sources told as {told}": Lie("filestack", {"filestack.sources": told}, photos=2)
        for told in ("text", "address", "none")
    },
    **{
        f"filestack: jobs unknown with {status}": Lie("filestack", {"filestack.unknown_job": status})
        for status in (400, 422)
    },
}  # fmt: skip

MENDED: Mapping[str, Any] = {
    "clock": 0.0,
    "clock_for": None,
    **{
        prefix + option.name: getattr(options, option.name)
        for prefix, options in (
            ("", AutoRetouch()), ("retouch4me.", Retouch4me()), ("filestack.", Filestack()),
        )
        for option in fields(options)
    },
}  # fmt: skip
"""What ends every lie."""

RETRIES = ("retry_shown_after", "retry_fails", "failures_cost", "retry_new_id")
"""Switches that only a retry meets: ``test_retry_sweep`` sweeps them."""
