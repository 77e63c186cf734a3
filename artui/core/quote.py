"""What photos would cost, what every cap and the balance say to that, and how many of them would be paid for now.

Whatever tells a person of caps and balance renders a :class:`Quote`: it adds up by the sums the engine pays by.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from artui.journal import Connection, accounts, caps, purchases
from artui.journal.caps import Cap, Portion
from artui.journal.prices import weight
from artui.model.holds import CapKind

if TYPE_CHECKING:
    from artui.config import Caps
    from artui.core.plan import Order, Planned
    from artui.model.documents import CapDocument
    from artui.model.job import Batch
    from artui.providers.base import Balance, Workflow

OWN = (CapKind.DAY, CapKind.MONTH)
"""The caps an account has for whatever it sends."""

_SPANS: Mapping[CapKind, str] = {
    CapKind.DAY: "today",
    CapKind.MONTH: "this month",
    CapKind.RUN: "this folder",
    CapKind.BATCH: "this batch",
    CapKind.RULE: "this rule",
    CapKind.RULE_DAY: "this rule today",
    CapKind.RULE_MONTH: "this rule this month",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A cap, how many of the photos it bounds, and for how many of these it has room; ``after`` is what counts in it
    once those are paid for that fit, ``span`` what it is about."""

    cap: Cap
    span: str
    count: int
    room: int
    after: int

    @property
    def is_short(self) -> bool:
        """Whether it lacks room for some of them."""
        return self.room < self.count


@dataclass(frozen=True, slots=True)
class Quote:
    """What ``count`` photos cost at ``price`` each, in the account's unit, and how many of them ``fits``.

    ``price`` is None where the service names none, each photo then counts as one; and where several workflows have
    several. ``cost`` is what all of them count in caps and balance. ``balance`` is what is left now, None
    where that is not known, and ``unknown`` why; ``held`` the reason that holds the account, ``away_since`` since
    when its service does not answer, in epoch seconds, ``rests_until`` until when it has asked to be left alone, None
    where that is over. ``today`` is what its day counts as spent, with a cap or without.
    """

    account: str
    price: int | None
    count: int
    cost: int
    balance: int | None
    unknown: str
    held: str
    away_since: float | None
    rests_until: float | None
    today: int
    bounds: tuple[Bound, ...]
    fits: int

    @property
    def is_away(self) -> bool:
        """Whether its service does not answer."""
        return self.away_since is not None

    @property
    def most(self) -> int | None:
        """What all of them cost."""
        return None if self.price is None else self.price * self.count

    @property
    def balance_after(self) -> int | None:
        """What is left once all of them are paid for; below 0 where it does not last."""
        return None if self.balance is None else self.balance - self.cost

    @property
    def telling(self) -> list[Bound]:
        """The caps a person should read: of those of several folders only what is short."""
        runs = sum(one.cap.kind is CapKind.RUN for one in self.bounds)
        return [one for one in self.bounds if runs == 1 or one.cap.kind is not CapKind.RUN or one.is_short]

    @property
    def reached(self) -> Cap | None:
        """The first cap without room for one more photo; None where each has it."""
        return next((one.cap for one in self.bounds if one.cap.room < weight(self.price)), None)

    def of_kind(self, kind: CapKind) -> Bound | None:
        """The first cap of this kind."""
        return next((one for one in self.bounds if one.cap.kind is kind), None)

    def cap_documents(self) -> list[CapDocument]:
        """The caps as JSON has them."""
        return [cap_document(one.cap) for one in self.bounds]


def cap_document(cap: Cap) -> CapDocument:
    """A cap as JSON has it."""
    return {
        "kind": cap.kind, "owner": cap.owner, "name": cap.name, "limit": cap.limit, "spent": cap.spent,
        "reserved": cap.reserved, "room": cap.room,
    }  # fmt: skip


def quote(
    db: Connection, account: str, own: Caps, price: int | None, portions: Iterable[Portion], zone: dt.tzinfo, *,
    told: Balance | None = None,
) -> Quote:  # fmt: skip
    """What these photos of an account with its ``own`` caps cost, on the day it is in the operator's ``zone``.

    The portions stand in the order in which the photos are sent, each photo at ``price`` unless they say what it
    counts; without any it says how the account itself stands. ``told`` is the balance as the service said it: the
    journal's counts where it is newer.
    """
    today = accounts.day_of(time.time(), zone)
    day, state = accounts.day(db, account, today), accounts.state(db, account)
    balance, unknown = purchases.left(db, state), state.balance_unknown
    # The engine may have read it since the plan was made.
    if told is not None and (state.balance_at is None or told.at > state.balance_at):
        balance, unknown = told.left, told.unknown
        if balance is not None:
            balance -= purchases.not_in_balance(db, account, told.at)
    sums, known = _Sums(balance), dict[Portion, list[Cap]]()
    for portion in portions:
        alike = replace(portion, count=0, weight=None)  # read once, however often its folder comes round
        if alike not in known:
            known[alike] = caps.of(db, account, portion, own, today)
        sums.add(known[alike], portion.count, weight(price) if portion.weight is None else portion.weight)
    if not known:
        sums.add([cap for cap in caps.of(db, account, Portion(""), own, today) if cap.kind in OWN], 0, 0)
    rests_until = state.rests_until if state.rests_until and state.rests_until > time.time() else None
    return Quote(
        account, price, sums.count, sums.cost, balance, unknown, state.held, state.away_since, rests_until,
        purchases.spent(db, account, day=day, month=day[:7]).day, sums.bounds(), sums.fits,
    )  # fmt: skip


@dataclass
class _Sums:
    """Adds photos up as the engine pays for them: in their order, each where all its caps and the balance last."""

    balance: int | None
    count: int = 0
    cost: int = 0
    fits: int = 0
    _caps: dict[tuple[CapKind, str], Cap] = field(default_factory=dict)
    _counts: Counter[tuple[CapKind, str]] = field(default_factory=Counter)
    _rooms: Counter[tuple[CapKind, str]] = field(default_factory=Counter)
    """For how many photos each cap has room, if it were the only one; and what these count."""
    _filled: Counter[tuple[CapKind, str]] = field(default_factory=Counter)
    _paid: Counter[tuple[CapKind, str]] = field(default_factory=Counter)
    _spent: int = 0

    def add(self, its: Sequence[Cap], count: int, each: int) -> None:
        found = {(cap.kind, cap.owner): cap for cap in its}
        rooms = [cap.room - self._paid[key] for key, cap in found.items()]
        # By what fits: what no cap lets through costs nothing.
        rooms += [] if self.balance is None else [self.balance - self._spent]
        # The tightest: a photo is paid for only where all of them last.
        fit = min((_photos(room, count, each) for room in rooms), default=count)
        alone = {key: _photos(cap.room - self._filled[key], count, each) for key, cap in found.items()}
        self.count, self.cost = self.count + count, self.cost + count * each
        self.fits, self._spent = self.fits + fit, self._spent + fit * each
        self._caps |= found
        self._counts.update(dict.fromkeys(found, count))
        self._paid.update(dict.fromkeys(found, fit * each))
        self._rooms.update(alone)
        self._filled.update({key: number * each for key, number in alone.items()})

    def bounds(self) -> tuple[Bound, ...]:
        runs = sum(kind is CapKind.RUN for kind, _ in self._caps)
        order = list(_SPANS)
        found = []
        for (kind, owner), cap in sorted(self._caps.items(), key=lambda one: order.index(one[0][0])):
            span = _SPANS[kind]
            if kind is CapKind.RUN and runs > 1:  # each is counted by a folder, and a workflow behind the last bar
                span = f"folder {owner.rpartition('|')[0].rstrip('/').rpartition('/')[2] or '/'}"
            after = cap.spent + self._paid[kind, owner]
            found.append(Bound(cap, span, self._counts[kind, owner], self._rooms[kind, owner], after))
        return tuple(found)


def _photos(room: int, most: int, each: int) -> int:
    """How many of so many photos that count so much each a room is enough for."""
    if room < each:
        return 0
    return min(most, room // each) if each else most  # what is free fits wherever nothing is overdrawn


def order_portions(order: Order, batch_of: Callable[[Planned], Batch]) -> Iterator[Portion]:
    """What of an order is paid for, as :func:`portions` has it for one workflow."""
    for plan, planned in order.photos:
        flow = plan.offer.workflow
        yield from (replace(one, weight=weight(flow.price)) for one in portions([planned], flow, batch_of))


def portions(photos: Iterable[Planned], workflow: Workflow, batch_of: Callable[[Planned], Batch]) -> Iterator[Portion]:
    """What of these photos is paid for, as the caps see it, in their order."""
    from artui.core.plan import Verdict, run_of

    paid = ((run_of(one.found.top, workflow), batch_of(one)) for one in photos if one.verdict is Verdict.SEND)
    for (run, batch), group in groupby(paid):
        yield Portion(run, sum(1 for _ in group), batch)
