"""What may be proposed to a person: acts on jobs together, the rest of a batch, a rule or an account that goes on.

Both faces put an :class:`ActionSet` into their words and leave what is agreed to with :func:`decide`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from artui.core import actions
from artui.core.actions import Action, Effect, Refusal, Risk
from artui.journal import Connection, crowds, holds, jobs, purchases, requests, rules
from artui.journal.crowds import HoldCount
from artui.journal.prices import together
from artui.journal.rules import RuleRow
from artui.model.commands import Command
from artui.model.holds import CapKind
from artui.model.job import Batch, Job
from artui.model.states import BEFORE_PAYING, Reason
from artui.model.watching import Skip
from artui.providers import capabilities


@dataclass(frozen=True, slots=True)
class ActionSet:
    """Acts that are proposed together, and those that do not fit, by why."""

    actions: tuple[Action, ...]
    refused: Mapping[Refusal, int]

    @classmethod
    def of(cls, found: Iterable[Action]) -> ActionSet:
        """What fits of these, and how many do not."""
        found = list(found)
        refused = Counter(one.refused for one in found if one.refused)
        return cls(tuple(one for one in found if not one.refused), refused)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs it is about."""
        return tuple(one.job for one in self.actions if one.job)

    @property
    def price(self) -> int | None:
        """What all of it may newly cost; None where some price is not known."""
        return together(one.price for one in self.actions)

    @property
    def asks(self) -> bool:
        """Whether some of it may cost what nobody has agreed to yet."""
        return any(one.asks for one in self.actions)


def total(found: Iterable[Job]) -> int | None:
    """What these cost together at most; None where some price is not known."""
    return together(job.quoted for job in found)


# ------------------------------------------------------------------------------------------------------- about jobs


def retrials(db: Connection, found: Sequence[Job]) -> list[Action]:
    """Try these again; of those that are saved, fetch the result again."""
    return [actions.fetch(db, job) if job.is_saved else _retrial(db, job) for job in found]


def _retrial(db: Connection, job: Job) -> Action:
    return actions.retry(db, job, can_retry=capabilities(job.provider).limits.can_retry)


def fetches(db: Connection, found: Sequence[Job]) -> list[Action]:
    """Fetch the results of these again; of those that are bought and not saved, fetch them after all."""
    tried = [(actions.fetch(db, job), _retrial(db, job)) for job in found]
    return [retry if retry.effect is Effect.FETCH else fetch for fetch, retry in tried]


def cancellations(db: Connection, found: Sequence[Job], *, keep: bool = True) -> list[Action]:
    """Cancel these; what cannot be stopped any more is saved, or without ``keep`` left where it is."""
    return [actions.cancel(db, job, keep=keep) for job in found]


def fitting(db: Connection, job: Job) -> dict[Command, Action]:
    """What can be done about one job, by its command; what does not fit is left out."""
    every = actions.job_options(db, job, can_retry=capabilities(job.provider).limits.can_retry)
    return {one.command: one for one in every if not one.refused}


def adoptions(db: Connection, job: Job) -> list[Action]:
    """Taking each execution for a job in doubt that artui itself has found for its photo."""
    purchase, act = purchases.current(db, job), fitting(db, job).get(Command.ADOPT)
    found = purchase.lookalikes if purchase and act else ()
    return [replace(act, arguments={"execution": one}) for one in found if act]


def stamped(found: Iterable[Action]) -> list[Action]:
    """These as the disk has it now: with the file where a photo begins anew, which may have been repaired; and no fetch
    of a result that lies in its place. Reads disks: for a thread."""
    return [_stamped(one) for one in found]


def _stamped(action: Action) -> Action:
    from artui.files import PhotoProblem, stamp

    if action.command is Command.FETCH and action.job and not action.refused:
        return Action(action.command, action.job, refused=Refusal.ON_DISK) if is_in_place(action.job) else action
    if action.effect is not Effect.SEND or action.job is None:
        return action
    try:
        now = asdict(stamp(action.job.source))
    except PhotoProblem:
        return action
    return replace(action, arguments={**now, **action.arguments})


def is_in_place(job: Job) -> bool:
    """Whether every result of a job lies where it was saved, as it was saved. Reads them: for a thread."""
    from artui.files.regular import holds

    return all(holds(Path(result.path or ""), result.digest) for result in job.results)


# ------------------------------------------------------------------------------------ about batches, rules, accounts


def approval(db: Connection, batch: str, *, yes: bool) -> Action:
    """The answer for the photos of a batch that wait now behind its sample: a yes may charge for all of them."""
    waiting = jobs.sum_behind_sample(db, batch)
    return Action(
        Command.APPROVE, price=waiting.cost if yes else 0, refused=None if waiting.number else Refusal.NOTHING_HELD,
        photos=waiting.number, arguments={"batch": batch, "yes": yes, "until": waiting.until},
    )  # fmt: skip


def of_account(command: Command, account: str) -> Action:
    """Pause an account, let it go on, or look at its balance."""
    return Action(command, arguments={"account": account})


def resumption(db: Connection, account: str) -> Action:
    """Let an account go on: ``amount`` is what its ``photos`` cost, which was agreed to when they were queued."""
    held = [job for job in holds.of_account(db, account) if job.stage in BEFORE_PAYING]
    return replace(of_account(Command.RESUME, account), amount=total(held), photos=len(held))


def recovery(db: Connection, account: str) -> Action:
    """Let an account send again what may have been paid before the journal was recovered."""
    held = holds.recovered(db, account)
    return Action(
        Command.RESUME, price=total(held), risk=Risk.PAYS_TWICE, photos=len(held),
        arguments={"account": account, "recovered": True},
    )  # fmt: skip


def of_rule(command: Command, rule: str) -> Action:
    """Pause a rule, let it go on, or have its folder looked at, by its id."""
    return Action(command, arguments={"rule": rule})


def allowance(rule: str, amount: int) -> Action:
    """Let a rule spend more than its caps until midnight."""
    return Action(Command.ALLOW, price=amount, arguments={"rule": rule, "amount": amount})


@dataclass(frozen=True, slots=True)
class BatchRoom:
    """What a batch with a cap of its own may spend and has spent, in its account's unit, and how many ``photos`` wait
    for room there, which ``need`` so much."""

    batch: Batch
    cap: int
    spent: int
    photos: int
    need: int

    def raised(self, more: int) -> Action:
        """Let the batch spend so much more, for good."""
        return Action(Command.ALLOW, price=more, arguments={"batch": self.batch.id, "cap": self.cap + more})


def batch_room(db: Connection, batch: Batch) -> BatchRoom | None:
    """How a batch stands to its cap; None where it has none."""
    if batch.cap is None:
        return None
    spent = purchases.amounts(db, batch.account, {CapKind.BATCH: batch.id})[CapKind.BATCH]
    waiting = crowds.crowds(db).get((batch.account, f"{CapKind.BATCH} {batch.id}"), HoldCount(0))
    return BatchRoom(batch, batch.cap, spent, waiting.jobs, waiting.needs)


@dataclass(frozen=True, slots=True)
class GoingOn:
    """What follows when a rule goes on: ``photos`` that a pause holds and ``files`` in its folder are sent, each with
    what they cost (None where that is not known); those ``behind`` the sample of a batch wait for their own yes."""

    action: Action
    photos: int
    photos_cost: int | None
    files: int
    files_cost: int | None
    behind: Mapping[str, int]


def going_on(db: Connection, row: RuleRow) -> GoingOn:
    """The end of a rule's pause, or a yes to what holds it. What a yes lets in nobody has counted: it has no price."""
    paused = rules.waiting(db, row.id, Reason.PAUSED)
    behind = Counter(job.batch or "" for job in rules.waiting(db, row.id, Reason.SAMPLE))
    there = row.not_taken.get(Skip.RULE_WAITS)
    files = there.count if there else 0
    each = row.price
    cost, files_cost = total(paused), files * each if each is not None else None if files else 0
    is_counted = row.paused or row.state not in rules.HOLDS
    price = cost + files_cost if is_counted and cost is not None and files_cost is not None else None
    refused = Refusal.NOTHING_HELD if rules.nothing_to_resume(row) else None
    action = replace(
        of_rule(Command.RESUME_RULE, row.id), price=0 if refused else price, photos=len(paused), refused=refused
    )
    return GoingOn(action, len(paused), cost, files, files_cost, behind)


# ---------------------------------------------------------------------------------------------------------- deciding


def decide(db: Connection, agreed: Iterable[Action]) -> list[int]:
    """Leave requests for what a person has agreed to; returns their numbers. ValueError for what does not fit."""
    agreed = list(agreed)
    if refused := [one for one in agreed if one.refused]:
        raise ValueError(f"{refused[0].command} was refused: {refused[0].refused}")
    return [requests.enqueue(db, one.command, one.job, **one.arguments) for one in agreed]
