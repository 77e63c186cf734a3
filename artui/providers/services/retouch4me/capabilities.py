"""What Retouch4me takes and can do: it has no list of jobs, but takes the same order twice under one key."""

from __future__ import annotations

from typing import Final

from artui.model.capabilities import Accepts, Capabilities, Limits

KEEPS: Final = 86_400.0
"""Seconds a result stays at the service, at most."""

CAPABILITIES: Final = Capabilities(
    title="Retouch4me",
    limits=Limits(
        accepts=Accepts(
            frozenset({"image/jpeg", "image/png"}),
            max_bytes=100_000_000,  # "100 MB" in its smaller reading
            max_pixels=250_000_000,
            archives=True,
        ),
        in_flight=4,  # no limit is documented
        least_gap=2.0,  # the documents warn of asking too often, and name one second
        keeps_results=KEEPS,
        idempotent_submit=True,
        # How long a key is remembered is not documented: less than the day that results are kept.
        replay_within=20 * 3600,
        photo_in_order=True,
        names_photo=False,
        can_find=False,
        can_retry=False,
    ),
    key_name="retouch token",
    known_by_key=True,
    own_workflows=True,
    sign_in_lasts="no end is stated; one that has run out is told at the next call",
)
