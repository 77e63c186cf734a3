"""What AutoRetouch takes and can do."""

from __future__ import annotations

from typing import Final

from artui.model.capabilities import Accepts, Capabilities, Limits, SignInMethod

CAPABILITIES: Final = Capabilities(
    title="AutoRetouch",
    limits=Limits(
        accepts=Accepts(
            frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp"}), max_side=10_000, scaled_above=4_096
        ),
        in_flight=1_000,  # no limit is documented; parallel uploads are encouraged
        least_gap=0.25,  # none is documented; so short it is for jobs of a few seconds alone
        euro_per_credit=0.01,  # the official client says: one credit is one cent, without VAT
    ),
    key_name="refresh token",
    sign_in=SignInMethod.CODE,
    account_name="studio",
    web_app="webapp.autoretouch.com",
    own_labels="autoretouch_",
    takes_ratings=True,
    sign_in_lasts="no end is stated; artui renews it by itself",
)
