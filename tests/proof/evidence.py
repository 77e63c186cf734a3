"""What is known after a run: the books of the stand-in, its list of requests, the journal, the disk."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from artui.config import Caps
from artui.journal import Connection, Journal, history, jobs, purchases
from artui.journal.store import rows
from artui.model.job import Event, Job, Purchase
from artui.model.states import Kind, PurchaseState

Charge = Mapping[str, Any]
Asked = Mapping[str, Any]
"""One request as the stand-in saw it."""


@dataclass(frozen=True)
class Evidence:
    """What is known after a run. ``sources``: the photos' digests when they were queued; ``before``: those of the files
    that lay in the output folders then; ``engine_lives``: whether one works on this journal now; ``clocks_agree``:
    whether times of the journal and of the stand-in can be compared; ``log``: what the engine wrote into its log;
    ``bought_again``: how often a person has ordered a photo anew, by its digest and workflow, in whatever journal;
    ``killed``: the engines that were killed and whose successor may not have looked at each folder yet."""

    charges: Sequence[Charge]
    requests: Sequence[Asked]
    journal: Journal
    caps: Mapping[str, Caps]
    settle: Mapping[str, float]
    sources: Mapping[Path, str]
    before: Mapping[Path, str]
    spool: Path
    engine_lives: bool
    clocks_agree: bool
    log: str = ""
    bought_again: Mapping[tuple[str, str], int] = field(default_factory=dict)
    killed: frozenset[int] = frozenset()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.journal.read(rows, sql)

    @cached_property
    def jobs(self) -> dict[int, Job]:
        return {job.id: job for job in self.journal.read(jobs.select, "1 ORDER BY id")}

    @cached_property
    def purchases(self) -> dict[str, Purchase]:
        """All purchases by their key, in the order of their intents."""

        def ask(db: Connection) -> list[Purchase]:
            return [one for job in self.jobs for one in purchases.of_job(db, job)]

        return {one.key: one for one in self.journal.read(ask)}

    @cached_property
    def made_for(self) -> dict[int, list[Purchase]]:
        """The purchases of each job."""
        found: dict[int, list[Purchase]] = {job: [] for job in self.jobs}
        for one in self.purchases.values():
            found[one.job].append(one)
        return found

    @cached_property
    def charged(self) -> Counter[str]:
        """How often each purchase was charged, by its key."""
        made = [self.purchase_of(charge) for charge in self.charges if charge["credits"] > 0]
        return Counter(one.key for one in made if one is not None)

    @cached_property
    def events(self) -> dict[int, list[Event]]:
        """The history of each job."""
        return {job: self.journal.read(history.of_job, job) for job in self.jobs}

    @cached_property
    def key_of(self) -> dict[str, str]:
        """The purchase that each execution of the journal belongs to."""
        return dict(self.rows("SELECT execution, key FROM executions WHERE key <> ''"))

    @cached_property
    def photos(self) -> dict[tuple[str, str, str], list[Purchase]]:
        """The purchases made for each photo, whatever copy: by payer, recipe and digest."""
        found = defaultdict(list)
        for one in self.purchases.values():
            found[one.payer, _recipe(self.jobs[one.job]), self.jobs[one.job].digest].append(one)
        return found

    @cached_property
    def pictures(self) -> dict[tuple[str, str, str], list[Purchase]]:
        """The purchases made for each picture, whatever else is written into its files: by payer, recipe and digest."""
        found = defaultdict(list)
        for one in self.purchases.values():
            if picture := self.jobs[one.job].picture:
                found[one.payer, _recipe(self.jobs[one.job]), picture].append(one)
        return found

    @cached_property
    def paid_calls(self) -> list[tuple[Purchase | None, Asked]]:
        """Every paid request that reached the stand-in, with the purchase it names; None where it names none."""
        return [(self._named(asked), asked) for asked in self.requests if _is_paid(asked)]

    @cached_property
    def spending(self) -> dict[tuple[str, str, str], int]:
        """What the journal adds up, by account, scope and period."""
        found = self.rows("SELECT account, scope, period, amount FROM spending")
        return {(account, scope, period): amount for account, scope, period, amount in found}

    def _named(self, asked: Asked) -> Purchase | None:
        form = asked["form"] if isinstance(asked["form"], dict) else {}
        path = asked["path"]
        if "/run_workflow=" in path:
            handle = path.rpartition("/")[2]
            return next((one for one in self.purchases.values() if one.reference == handle), None)
        if path.endswith("/retry"):
            execution = path.split("/")[-2]
            retries = (one for one in self.purchases.values() if one.kind is Kind.RETRY)
            return next((one for one in retries if json.loads(one.draft)["retry"] == execution), None)
        key = form.get("Idempotency-Key") or (form.get("labels") or {}).get("artui_job")
        return self.purchases.get(key or "")

    def purchase_of(self, charge: Charge) -> Purchase | None:
        """The purchase a charge was made for: by its key, its execution, or as the one in doubt for this photo."""
        if charge["key"] is not None:
            return self.purchases.get(charge["key"])
        if charge["execution"] in self.key_of:
            return self.purchases.get(self.key_of[charge["execution"]])
        of_this = (one for one in self.purchases.values() if self.jobs[one.job].digest == charge["digest"])
        return next((one for one in of_this if is_unclear(one)), None)

    def happened(self, job: int, *whats: str) -> list[Event]:
        """The events of a job with these names."""
        return [event for event in self.events[job] if event.what in whats]


def _recipe(job: Job) -> str:
    return job.version if job.parameters else f"{job.workflow}@{job.version}"


def is_unclear(purchase: Purchase) -> bool:
    """Whether it may have been carried out, and nobody knows."""
    return purchase.state in (PurchaseState.INTENDED, PurchaseState.PRESUMED_SPENT)


def _is_paid(asked: Asked) -> bool:
    path, is_post = asked["path"], asked["method"] == "POST"
    posted = path.endswith(("/workflow/execution/create", "/retoucher/start")) or (
        "/workflow/execution/" in path and path.endswith("/retry")
    )
    return (is_post and posted) or "/run_workflow=" in path


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def snapshot(folder: Path) -> dict[Path, str]:
    """The digests of all files below a folder."""
    return {path: digest_of(path) for path in folder.rglob("*") if path.is_file()} if folder.is_dir() else {}
