"""What each hold of a job means: who ends it, whether it ends by itself, and what a command says of it. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import NamedTuple

from artui.model.states import Reason, Stage


class Actor(StrEnum):
    """Who has to act before a held job goes on."""

    PERSON = "person"
    TIME = "time"
    SERVICE = "service"
    BUYER = "buyer"


class EndsBy(StrEnum):
    """What ends a hold without a decision about the job.

    ``sign in``, ``balance`` and ``next day``: the account's service is asked, and answers. ``place``: one of the
    executions that keep all places at the service moves on. ``room``: in every cap. ``top up``: the service goes on
    with what it parked. ``poll``: it is looked at all the time. ``due``: it is tried again at the time that stands with
    it, if one does. ``account back``: the account pays as before. ``buyer``: with the job that buys the same photo.
    """

    NEVER = "never"
    SIGN_IN = "sign in"
    BALANCE = "balance"
    NEXT_DAY = "next day"
    PLACE = "place"
    ROOM = "room"
    TOP_UP = "top up"
    POLL = "poll"
    DUE = "due"
    ACCOUNT_BACK = "account back"
    BUYER = "buyer"


class Group(StrEnum):
    """Who has to do something about a job: each is in exactly one."""

    NEEDS = "needs you"
    ACTIVE = "active"
    QUEUED = "queued"
    QA = "in QA"
    SAVED = "saved"
    ENDED = "ended"


class Exit(IntEnum):
    """The exit codes of commands."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NETWORK = 3
    LOGIN = 4
    CREDIT = 5
    LOCKED = 6
    PERSON = 7
    CAP = 8
    INTERRUPTED = 130


class Stays(StrEnum):
    """Whether an engine with nothing else to do stays for a held job: ``always``; ``bought``: while it is due at some
    time, and for what is bought; ``due``: only while it is due at some time."""

    ALWAYS = "always"
    BOUGHT = "bought"
    DUE = "due"


class Retry(StrEnum):
    """What a retry of a held job is. ``free``: it costs nothing that nobody has agreed to yet; ``priced``: it may;
    ``risky``: it may, beside, pay for the photo a second time."""

    REFUSED = "refused"
    FREE = "free"
    PRICED = "priced"
    RISKY = "risky"


class CapKind(StrEnum):
    """Which cap it is: one of the account, of a batch or run, or of a rule; the values are the scopes of what was
    spent, as the journal's sums have them."""

    RUN = "run"
    DAY = "day"
    MONTH = "month"
    BATCH = "batch"
    RULE = "rule"
    RULE_DAY = "rule day"
    RULE_MONTH = "rule month"


LASTING = (CapKind.BATCH, CapKind.RULE, CapKind.RUN)
"""The caps that no day and no month empties: only a person makes room in them."""


class PauseOf(StrEnum):
    """What a person has paused."""

    ACCOUNT = "account"
    RULE = "rule"


class GivesWay(StrEnum):
    """When a job that is held unpaid lets a twin buy the photo instead: ``sums``: wherever what bounds the twin lets it
    go on; ``price``: to a twin that was quoted more; ``once``: only the twin's try tells, and it is tried once."""

    NEVER = "never"
    SUMS = "sums"
    PRICE = "price"
    ONCE = "once"


_START = frozenset({Stage.NEW, Stage.CHECKED, Stage.UPLOADED, Stage.SUBMITTING})
_CHECKED = _START - {Stage.NEW}
_ABOUT_TO_PAY = _CHECKED - {Stage.CHECKED}
_BOUGHT = frozenset({Stage.SUBMITTED, Stage.PROCESSED, Stage.SAVED})
_ALL = frozenset(Stage)


class HoldFacts(NamedTuple):
    """What is true of every job that is held for one reason.

    ``account_wide``: it begins and ends for all jobs of an account together. ``told_once``: many jobs share it, and are
    told of together. ``stops_rule``: it says how a whole rule of a watched folder stands, the gravest first.
    ``stages``: where a job can be held for it.
    """

    actor: Actor
    stages: frozenset[Stage]
    ends_by: EndsBy = EndsBy.NEVER
    group: Group = Group.NEEDS
    exit: Exit = Exit.PERSON
    stays: Stays = Stays.BOUGHT
    retry: Retry = Retry.FREE
    gives_way: GivesWay = GivesWay.NEVER
    account_wide: bool = False
    told_once: bool = False
    stops_rule: bool = False


HOLDS: Mapping[Reason, HoldFacts] = {
    Reason.IN_DOUBT: HoldFacts(
        Actor.PERSON, frozenset({Stage.SUBMITTING, Stage.SUBMITTED, Stage.PROCESSED}), retry=Retry.REFUSED,
    ),
    Reason.RECOVERED: HoldFacts(Actor.PERSON, _START, retry=Retry.RISKY),
    Reason.REJECTED: HoldFacts(Actor.PERSON, _CHECKED, retry=Retry.RISKY),
    Reason.LOGIN: HoldFacts(
        Actor.PERSON, _ALL, EndsBy.SIGN_IN, exit=Exit.LOGIN,
        gives_way=GivesWay.SUMS, account_wide=True, told_once=True, stops_rule=True,
    ),
    Reason.CREDITS: HoldFacts(
        Actor.PERSON, _START, EndsBy.BALANCE, exit=Exit.CREDIT, stays=Stays.ALWAYS,
        gives_way=GivesWay.SUMS, account_wide=True, told_once=True, stops_rule=True,
    ),
    Reason.QUOTA: HoldFacts(
        Actor.TIME, _START, EndsBy.NEXT_DAY, Group.QUEUED, Exit.CREDIT, Stays.ALWAYS,
        gives_way=GivesWay.SUMS, account_wide=True, told_once=True, stops_rule=True,
    ),
    Reason.PLACES: HoldFacts(
        Actor.PERSON, _START, EndsBy.PLACE, stays=Stays.ALWAYS,
        gives_way=GivesWay.SUMS, account_wide=True, told_once=True, stops_rule=True,
    ),
    Reason.CAP: HoldFacts(
        Actor.TIME, _CHECKED, EndsBy.ROOM, Group.QUEUED, Exit.CAP, Stays.ALWAYS,
        gives_way=GivesWay.SUMS, told_once=True, stops_rule=True,
    ),
    Reason.PAUSED: HoldFacts(
        Actor.PERSON, _START, group=Group.QUEUED, gives_way=GivesWay.SUMS, account_wide=True, told_once=True
    ),
    Reason.SAMPLE: HoldFacts(Actor.PERSON, frozenset({Stage.NEW}), retry=Retry.REFUSED, stops_rule=True),
    Reason.PRICE: HoldFacts(
        Actor.PERSON, _ABOUT_TO_PAY, retry=Retry.PRICED, gives_way=GivesWay.PRICE, stops_rule=True,
    ),
    Reason.PAYMENT: HoldFacts(
        Actor.PERSON, frozenset({Stage.SUBMITTED}), EndsBy.TOP_UP, exit=Exit.CREDIT, retry=Retry.PRICED
    ),
    Reason.OVERDUE: HoldFacts(Actor.SERVICE, frozenset({Stage.SUBMITTED}), EndsBy.POLL),
    Reason.GONE: HoldFacts(Actor.PERSON, _BOUGHT, EndsBy.POLL, stays=Stays.DUE),
    Reason.DAMAGED: HoldFacts(Actor.PERSON, _BOUGHT, stays=Stays.DUE),
    Reason.TROUBLE: HoldFacts(Actor.PERSON, _CHECKED | _BOUGHT, EndsBy.DUE),
    Reason.OUTPUT: HoldFacts(
        Actor.PERSON, _ABOUT_TO_PAY | _BOUGHT, EndsBy.DUE, gives_way=GivesWay.ONCE
    ),
    Reason.METADATA: HoldFacts(
        Actor.PERSON, _ABOUT_TO_PAY, EndsBy.DUE, gives_way=GivesWay.ONCE
    ),
    Reason.DISK_FULL: HoldFacts(
        Actor.PERSON, _ABOUT_TO_PAY | _BOUGHT, EndsBy.DUE, gives_way=GivesWay.ONCE
    ),
    Reason.ACCOUNT: HoldFacts(Actor.PERSON, _ALL, EndsBy.ACCOUNT_BACK, stays=Stays.DUE, gives_way=GivesWay.ONCE),
    Reason.ERROR: HoldFacts(Actor.PERSON, _ALL, EndsBy.DUE, stays=Stays.DUE, gives_way=GivesWay.ONCE),
    Reason.TWIN: HoldFacts(Actor.BUYER, frozenset({Stage.CHECKED}), EndsBy.BUYER, Group.QUEUED, retry=Retry.REFUSED),
}  # fmt: skip
"""Every hold there is, by the reason a job or an account is held for; the gravest first, as far as that matters."""

WAITS = frozenset({Reason.AT_SERVICE, Reason.IN_QA, Reason.TRY_AGAIN, Reason.LOOKING, Reason.TWIN, Reason.HOURS})
"""What a job waits for that is not held."""

ENDS = frozenset({Reason.FAILED, Reason.REJECTED, Reason.GIVEN_UP})
"""Why a job has failed, beside the codes of files and the words of services."""

TOLD_ONCE = frozenset(reason for reason, hold in HOLDS.items() if hold.told_once)
"""The holds that many jobs share, and that are told once for all of them."""

ACCOUNT_WIDE = frozenset(reason for reason, hold in HOLDS.items() if hold.account_wide)
"""The holds of an account as a whole."""

STOPS_RULE = tuple(reason for reason, hold in HOLDS.items() if hold.stops_rule)
"""The holds of jobs that say how a whole rule stands, the gravest first."""
