"""What Filestack takes and can do: a run can be neither repeated nor looked up."""

from __future__ import annotations

from typing import Final

from artui.model.capabilities import Accepts, Capabilities, Limits

TITLE: Final = "Filestack"

CAPABILITIES: Final = Capabilities(
    title=TITLE,
    limits=Limits(
        accepts=Accepts(frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp", "image/gif"})),
        in_flight=20,  # no rates are published
        least_gap=2.0,
        keeps_results=172_800.0,  # the documented `ttl`: 48 hours
        fresh_upload=True,  # an answer may be cached by its address: so each run has one of its own
        takes_addresses=True,
        can_find=False,
        can_retry=False,
    ),
    key_name="app secret",
    wait_headers=("filestack-reset",),
    webhook_at="Filestack's portal",
    signs_webhooks=True,
    own_workflows=True,
    sign_in_lasts="it has no end; artui signs each hour anew",
)
