"""How calls fail in the model, and what services say that is not so.

Not among them is what nobody can tell from a request that never came, or from the truth: an order that the service
carries out later than both looks, or refuses in its own documented words and carries out all the same; another photo
taken for ours at the upload, or another's result sent for one that has no digest; half of an
execution's id, which is followed as it is and held as gone; where the service renews refresh
tokens, what loses the new one between there and this disk.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

LOST = ("drop_before", "drop_after", "truncate", "html", "status:503", "status:429")
"""How an answer gets lost."""

TWISTED = ("old", "swap", "cut")
"""How an answer comes that is another's, or not whole."""

DONE_AND_DENIED = ("act:500", "act:503:1", "act:409")

PAID_ROUTES = ("autoretouch.create", "retouch4me.start", "filestack.run")

PAID = (
    *((route, do) for route in PAID_ROUTES for do in (*LOST, "old", "swap", *DONE_AND_DENIED)),
    *((route, "cut") for route in PAID_ROUTES[1:]),
    *(("autoretouch.create", f"status:{status}") for status in (401, 404, 422)),
    *(("autoretouch.create", do) for do in ("drop_after", "drop_before")),
    *(("autoretouch.retry", do) for do in (*LOST, *DONE_AND_DENIED, "old", "cut", "status:422")),
    *(("retouch4me.start", f"status:{status}") for status in (460, 461)),
    ("filestack.run", "status:403"),
)  # fmt: skip

_ASKED = {
    "autoretouch": ("token", "upload", "workflow", "list", "details"),
    "retouch4me": ("status",),
    "filestack": ("store", "status"),
}
_FETCHED = ("autoretouch.download", "retouch4me.result", "filestack.download")
FREE = (
    *((f"{service}.{route}", do) for service, routes in _ASKED.items() for route in routes for do in LOST),
    *((route, do) for route in _FETCHED for do in ("drop_before", "truncate", "html", "status:503", "status:404")),
    *((route, "cut") for route in _FETCHED),
    ("autoretouch.download", "lie"), ("autoretouch.download", "old"), ("autoretouch.upload", "early:401"),
    *((f"autoretouch.{route}", "delay:0.05") for route in ("upload", "details", "download")),
    ("autoretouch.balance", "status:503"), ("retouch4me.balance", "status:503"),
)  # fmt: skip

LIES = (
    *((f"autoretouch.{route}", do) for route in ("list", "details") for do in ("mislabel", "misinput", "cut", "old")),
    ("autoretouch.details", "swap"),
    *((route, do) for route in ("retouch4me.status", "filestack.status") for do in TWISTED),
)  # fmt: skip

TROUBLES = st.one_of(st.sampled_from(PAID), st.sampled_from(FREE), st.sampled_from(LIES))
"""The route that fails, and how."""

ODD = (
    {"chargedCredits": 1.5, "createdAt": "2026-11-29T12:00:00"},
    {"chargedCredits": 10**30},
    {"status": None},
    {"id": 7},
)

SWITCHES: tuple[dict[str, Any], ...] = (
    {"labels": "drop"}, {"labels": "keep"}, {"labels": "details"}, {"charge": "end"}, {"charge": "start"},
    {"result_gone": True}, {"result_gone": False}, {"unknown_status": "PONDERING"}, {"token_lifetime": 1.0},
    {"ahead": 7200.0}, {"ahead": 0.0}, {"others": 30}, {"others": 30, "others_come": 1}, {"others_come": 0},
    *({"others": 3, "odd": odd} for odd in ODD),
    {"retry_shown_after": 1e9}, {"retry_shown_after": 0.0}, {"retry_fails": True}, {"retry_fails": False},
    {"failures_cost": True}, {"failures_cost": False}, {"retry_new_id": True}, {"retry_new_id": False},
    {"overcharge": 7}, {"overcharge": 0},
    {"clock": 40 * 86400.0, "clock_for": 0.3}, {"clock": -86400.0, "clock_for": 0.3}, {"clock": 30 * 3600.0},
    *({"retouch4me.answer": answer} for answer in (
        "documented", "documented", "documented", "number", "earlier", "error", "created", "conflict", "page",
        "shape 400", "shape 403",
    )),
    {"retouch4me.fails": "no face was found"}, {"retouch4me.fails": ""},
    {"filestack.answer": "null error"}, {"filestack.answer": "own"}, {"filestack.results_after": 0.3},
    {"filestack.leaves_out": "store"}, {"filestack.leaves_out": ""},
    *({"filestack.sources": told} for told in ("list", "text", "address", "none")),
    {"filestack.unknown_job": 400}, {"filestack.unknown_job": 404},
)  # fmt: skip
"""What else a service does, and says."""
