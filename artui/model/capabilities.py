"""What is known of a service without asking it: what it takes, how it signs people in, what it can be asked later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Accepts:
    """What a service takes: media types, pixels a side, bytes, pixels in all; None is no limit it states.

    Above `scaled_above` pixels a side it takes the photo and scales it down. `archives`: a ZIP of such photos is taken
    as one. `strict`: a person wants each decoded.
    """

    media_types: frozenset[str]
    max_side: int | None = None
    max_bytes: int | None = None
    max_pixels: int | None = None
    scaled_above: int | None = None
    archives: bool = False
    strict: bool = False

    def scales_down(self, width: int, height: int) -> bool:
        """Tell whether the service would make a photo of so many pixels smaller."""
        return self.scaled_above is not None and max(width, height) > self.scaled_above


class SignInMethod(StrEnum):
    """How people sign in to a service."""

    CODE = "code"
    """With a code confirmed on any device; a key may be pasted too."""
    KEY = "key"
    """With a key that is pasted."""


class Clears(StrEnum):
    """How it is found out what became of a paid request whose answer got lost."""

    BY_LOOKING = "looked up in the service's list"
    BY_SENDING = "sent again under its key"
    BY_ASKING = "asked of a person"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service takes and bears. ``in_flight``: executions at once; ``least_gap``: seconds between two looks at
    one execution; ``keeps_results``: seconds a result stays at the service, None where it is not stated;
    ``idempotent_submit``: the same draft under the same key may be sent again within ``replay_within`` seconds, and is
    carried out once; ``fresh_upload``: every purchase needs an upload of its own; ``photo_in_order``: the paid request
    itself carries the photo, and nothing goes up before it; ``takes_addresses``: the service fetches photos from a URL
    or a storage alias itself; ``names_photo``: a look at an execution says what it was made from; ``can_find``: its
    executions are listed, and what was lost is found there; ``can_retry``: it can run an execution again;
    ``euro_per_credit``: what a credit costs before tax, about, None where that is not known."""

    accepts: Accepts
    in_flight: int
    least_gap: float = 1.0
    keeps_results: float | None = None
    idempotent_submit: bool = False
    replay_within: float = 0.0
    fresh_upload: bool = False
    photo_in_order: bool = False
    takes_addresses: bool = False
    names_photo: bool = True
    can_find: bool = True
    can_retry: bool = True
    euro_per_credit: float | None = None

    @property
    def clears_doubt(self) -> Clears:
        """How a doubt about an order is cleared: the surest way the service offers."""
        if self.idempotent_submit:
            return Clears.BY_SENDING
        return Clears.BY_LOOKING if self.can_find else Clears.BY_ASKING


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A service as the program knows it before it is asked.

    ``title`` is its name for people, ``key_name`` what it calls the secret that is pasted to sign in.
    ``known_by_key``: nothing but its key tells a customer, so that a renewed key looks like another customer.
    ``account_name``: what a first account is called; empty: as the service. ``web_app``: where its workflows are made.
    ``own_labels``: what the labels begin with that it reads itself. ``wait_headers``: headers of its own that say, in
    epoch seconds, until when to wait. ``webhook_at``: where a person tells it the webhook's address; empty where each
    order does. ``signs_webhooks``: their calls are believed by a signature alone, whose secret is kept beside the key.
    ``takes_ratings``: it wants to know which results are liked. ``own_workflows``: its workflows stand in the account's
    settings. ``sign_in_lasts``: what it states of how long a sign-in holds, after a colon.
    """

    title: str
    limits: Limits
    key_name: str = "key"
    sign_in: SignInMethod = SignInMethod.KEY
    known_by_key: bool = False
    account_name: str = ""
    web_app: str = ""
    own_labels: str = ""
    wait_headers: tuple[str, ...] = ()
    webhook_at: str = ""
    signs_webhooks: bool = False
    takes_ratings: bool = False
    own_workflows: bool = False
    sign_in_lasts: str = "no end is stated"

    @property
    def taken_labels(self) -> tuple[str, ...]:
        """What no label of a person's begins with."""
        return tuple(filter(None, ("artui_", self.own_labels)))
