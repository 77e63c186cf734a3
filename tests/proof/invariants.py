"""What must hold after every run, whatever broke in it: sentences, each with the function that checks it.

They are asked of evidence that the engine has no hand in (the books of the stand-in and its list of requests, the disk)
and of the journal. A function yields what contradicts its sentence; :func:`check` asks them all.

That the ledger is what a balance went down by is so by the stand-in's own construction (``Books.charge``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from itertools import pairwise
from pathlib import Path

from artui import files
from artui.cli.advice import advice
from artui.config import Caps
from artui.engine import reconcile
from artui.journal import books, customers
from artui.journal.prices import weight
from artui.model.holds import HOLDS
from artui.model.job import Job, Purchase
from artui.model.states import FINAL, REPEATS, Kind, PurchaseState, Reason, Review, Stage, Status
from artui.sim import imaging
from tests.proof.evidence import Asked, Evidence, digest_of, is_unclear, snapshot

PART = re.compile(r"\.artui-(\d+)-[0-9a-f]{8}\.(?:part|result)")
PROBE = re.compile(r"\.artui-probe-[0-9a-f]+-(\d+)-")

NEW_TRIES = {
    "proved absent", "send again", "retried", "retry", "retry taken back", "upload used", "upload gone", "recovered",
    "payers joined", "adopted", "gave way", "fetch again",
}  # fmt: skip
"""Events that begin a new try: only with them may a stage fall."""

DECIDED = {"adopt": "adopted", "again": "send again", "give up": "given up", "take": "taken as it is"}
"""Requests whose effect is one event of the job, and that event."""

READ_IN_VAIN = {"look-up unfinished", "not found yet", "not taken yet"}
"""Events of a reading that settled nothing."""

NO_PICTURE = {"application/json"}


def charged_once(seen: Evidence) -> Iterator[str]:
    """No key is charged twice, and each key that is charged is a purchase of the journal."""
    taken = [charge for charge in seen.charges if charge["credits"] > 0]
    for key, times in Counter(charge["key"] for charge in taken if charge["key"]).items():
        if key not in seen.purchases:
            yield f"key {key} is charged and in no purchase"
            continue
        retries = sum(one.kind is Kind.RETRY for one in seen.made_for[seen.purchases[key].job])
        if times > 1 + retries:
            yield f"key {key} is charged {times} times"
    for charge in taken:
        if seen.purchase_of(charge) is None:
            yield f"execution {charge['execution']} is charged and belongs to no purchase"


def bought_once(seen: Evidence) -> Iterator[str]:
    """No photo, and no picture, is bought more often on the same terms than there are decisions to do so."""
    for (_, recipe, digest), made in [*seen.photos.items(), *seen.pictures.items()]:
        owners = {one.job for one in made}
        copies = {seen.jobs[job].copy for job in owners}
        again = sum(len(seen.happened(job, "proved absent", "send again")) for job in owners)
        retries = sum(one.kind is Kind.RETRY for one in made)
        # What a recovery found was decided by the journal that the copy was made of, and stands in its events alone.
        found = sum(len(seen.happened(job, "found")) for job in owners)
        maybe_paid = [one for one in made if not one.surely_unpaid]
        if len(maybe_paid) > len(copies) + again + retries + found:
            yield f"{len(maybe_paid)} purchases of {digest[:8]} by {recipe}, {again} decisions, {len(copies)} copies"
        # One ordered anew there has no copy here, but is known by whoever ordered it.
        orders = {(seen.jobs[job].digest, seen.jobs[job].workflow) for job in owners}
        anew = min(found, sum(seen.bought_again.get(order, 0) for order in orders))
        wanted = len(copies) + anew + retries + sum(len(seen.happened(job, "send again")) for job in owners)
        taken = sum(seen.charged[one.key] for one in made)
        if taken > wanted:
            yield f"{digest[:8]} was charged {taken} times by {recipe}, and wanted {wanted} times"


def bought_once_by_rule(seen: Evidence) -> Iterator[str]:
    """No rule buys a photo, or a picture, twice through one workflow."""
    bought: dict[tuple[str, str, str, int], list[Job]] = defaultdict(list)
    for job in seen.jobs.values():
        if job.rule and not all(one.surely_unpaid for one in seen.made_for[job.id]):
            for content in {job.digest, job.picture} - {""}:
                bought[job.rule, job.workflow, content, job.copy].append(job)
    for (rule, _, content, _), buyers in bought.items():
        for one, other in pairwise(buyers):
            yield f"the rule {rule} bought {content[:8]} with the jobs {one.id} and {other.id}"


def intended_first(seen: Evidence) -> Iterator[str]:
    """Each paid request follows an intent of its own, a resend follows two looks, a replay is the same request."""
    sent: dict[int, list[Asked]] = defaultdict(list)
    for purchase, asked in seen.paid_calls:
        if purchase is not None:
            sent[purchase.job].append(asked)
    for job, calls in sent.items():
        allowed = [event.at for event in seen.happened(job, "intent", "sent again")]
        for number, (asked, at) in enumerate(zip(sorted(calls, key=_time), allowed, strict=False)):
            if seen.clocks_agree and asked["time"] < at:
                yield f"paid request {number + 1} of job {job} left {at - asked['time']:.3f} s before its intent"
        if len(calls) > len(allowed):
            yield f"job {job} sent {len(calls)} paid requests with {len(allowed)} intents and replays"
    if seen.clocks_agree:
        yield from _unproven_resends(seen)
    yield from _changed_replays(seen)


def _unproven_resends(seen: Evidence) -> Iterator[str]:
    for job in seen.jobs.values():
        for proof in seen.happened(job.id, "proved absent"):
            intent = max(event.at for event in seen.happened(job.id, "intent") if event.seq < proof.seq)
            settle = seen.settle.get(job.account, 0.0)
            looks = [asked["time"] for asked in seen.requests if _is_look(asked) and asked["time"] < proof.at]
            late = [at for at in looks if at >= intent + settle]
            if not late or late[-1] - late[0] < settle:
                yield f"job {job.id} was sent again after {len(late)} looks {settle:g} s after its intent, too soon"


def _is_look(asked: Asked) -> bool:
    return asked["method"] == "GET" and asked["path"].endswith("/workflow/execution") and asked["answer"] == 200


def _changed_replays(seen: Evidence) -> Iterator[str]:
    replays: dict[str, list[Asked]] = defaultdict(list)
    for purchase, asked in seen.paid_calls:
        if purchase is not None and isinstance(asked["form"], dict) and "Idempotency-Key" in asked["form"]:
            replays[purchase.key].append(asked)
    for key, calls in replays.items():
        if any((one["path"], one["form"]) != (calls[0]["path"], calls[0]["form"]) for one in calls):
            yield f"key {key} was sent with different requests"


def _time(asked: Asked) -> float:
    return float(asked["time"])


def reserved(seen: Evidence) -> Iterator[str]:
    """No purchase is without its reservation, and the sums are what the purchases add up to."""
    for one in seen.purchases.values():
        if one.reserved <= 0 or not (one.day and one.month):
            yield f"purchase {one.key} reserves {one.reserved} on {one.day!r}"
    sums: Counter[tuple[str, str, str]] = Counter()
    more = {key: about for key, *about in seen.rows("SELECT key, run, rule, COALESCE(batch, '') FROM purchases")}
    for one in seen.purchases.values():
        for scope, period in _counts_in(one, *more[one.key]):
            sums[one.account, scope, period] += _value(one)
    for place in {*sums, *seen.spending}:
        if sums[place] != seen.spending.get(place, 0):
            yield f"{place}: the purchases add up to {sums[place]}, the sum says {seen.spending.get(place, 0)}"


def _counts_in(one: Purchase, run: str, rule: str, batch: str) -> list[tuple[str, str]]:
    """The sums in which a purchase counts: scope and period."""
    found = [("run", run), *([("batch", batch)] if batch else []), *([("rule", rule)] if rule else [])]
    if _is_open(one):
        return [*found, ("open", ""), *([("rule open", rule)] if rule else [])]
    of_rule = [("rule day", f"{rule} {one.day}"), ("rule month", f"{rule} {one.month}")] if rule else []
    return [*found, ("day", one.day), ("month", one.month), *of_rule]


def _is_open(one: Purchase) -> bool:
    return one.charged is None and one.state in (PurchaseState.INTENDED, PurchaseState.KNOWN)


def _value(one: Purchase) -> int:
    if one.state is PurchaseState.REFUSED:
        return 0
    return one.reserved if one.charged is None else one.charged


def executions_known(seen: Evidence) -> Iterator[str]:
    """Every execution that was charged belongs to one purchase, and every id that was read is in the journal."""
    for charge in seen.charges:
        purchase = seen.purchase_of(charge)
        if purchase is None:
            continue  # told above
        made = seen.made_for[purchase.job]  # a retry in the air may run under an id nobody has read
        if charge["execution"] not in seen.key_of and not any(map(is_unclear, made)):
            yield f"execution {charge['execution']} is charged, unknown, and its purchase {purchase.state}"
        if purchase.state is PurchaseState.REFUSED:
            yield f"purchase {purchase.key} counts as refused and is charged"
    facts = {(key, execution) for key, execution in seen.rows("SELECT key, execution FROM facts")}
    for one in seen.purchases.values():
        if one.state is PurchaseState.KNOWN and (one.key, one.execution) not in facts:
            yield f"purchase {one.key} is known without a fact"
        if one.execution and one.execution not in seen.key_of:
            yield f"execution {one.execution} of purchase {one.key} is not among the executions"
    for job in seen.jobs.values():
        owner = seen.purchases.get(seen.key_of.get(job.execution, ""))
        if job.execution and (owner is None or owner.job != job.id):
            yield f"job {job.id} follows execution {job.execution}, which is not its own"


def charges_delivered(seen: Evidence) -> Iterator[str]:
    """Every charge has its result on disk or in the spool, a job that is not over, or an end that shows the charge."""
    for charge in seen.charges:
        purchase = seen.purchase_of(charge)
        if purchase is None or charge["credits"] <= 0:
            continue
        job = seen.jobs[purchase.job]
        shown = job.charged is not None or purchase.state is PurchaseState.PRESUMED_SPENT or job.quoted is None
        ended_otherwise = job.status in FINAL and job.status is not Status.DONE
        if ended_otherwise and not (shown and job.status in (Status.FAILED, Status.CANCELLED)):
            yield f"execution {charge['execution']} was charged; job {job.id} is {job.status} and does not show it"
        if job.status is Status.DONE and not job.results:
            yield f"execution {charge['execution']} was charged; job {job.id} is done without a result"


def inputs_accounted(seen: Evidence) -> Iterator[str]:
    """Every photo is done, a twin with its copy, failed with a reason, cancelled by request, or has a next step."""
    asked = {job for (job,) in seen.rows("SELECT job FROM requests WHERE done_at IS NOT NULL AND NOT refused")}
    for job in seen.jobs.values():
        if job.status is Status.FAILED and not (job.reason and job.message):
            yield f"job {job.id} failed without a reason"
        if job.status is Status.SKIPPED and job.twin_of is None:
            yield f"job {job.id} is skipped and nobody's twin"
        if job.status is Status.CANCELLED and job.id not in asked and not (job.cancel or None in asked):
            yield f"job {job.id} is cancelled and nobody asked for it"


def results_right(seen: Evidence) -> Iterator[str]:
    """Every result on disk holds what was fetched, was made from this photo, has a path alone, and replaced nothing."""
    owners: dict[str, int] = {}
    for job in seen.jobs.values():
        if job.status not in (Status.DONE, Status.SKIPPED) or job.stage is not Stage.SAVED:
            continue
        for result in job.results:
            if result.path is None or not Path(result.path).is_file():
                yield f"job {job.id} is {job.status} and {result.path} is not there"
                continue
            if owners.setdefault(result.path, job.id) != job.id:
                yield f"{result.path} belongs to the jobs {owners[result.path]} and {job.id}"
            content = Path(result.path).read_bytes()
            if hashlib.sha256(content).hexdigest() != result.digest:
                yield f"{result.path} of job {job.id} holds other bytes than were fetched"
            elif not (job.address or job.as_is) and _made_from(content, result.media_type) not in _digests(seen, job):
                yield f"{result.path} of job {job.id} was made from another photo"
    for path, digest in seen.before.items():
        if not path.is_file() or digest_of(path) != digest:
            yield f"{path} was there before and is not what it was"


def _digests(seen: Evidence, job: Job) -> set[str | None]:
    """The digests of the photos whose result may be this job's: its own, and those of the same picture."""
    same = seen.jobs[job.twin_of] if job.twin_of else job
    return {None, job.digest, *([same.digest] if job.picture and same.picture == job.picture else [])}


def _made_from(content: bytes, media_type: str) -> str | None:
    """The digest of the photo that a result is stamped with; None for what carries no stamp."""
    if media_type in NO_PICTURE or not media_type.startswith(("image/", "application/zip")):
        return None
    return imaging.input_digest(content) or "no stamp"


def results_whole(seen: Evidence) -> Iterator[str]:
    """Every result on disk is whole and has the digest its service stated, unless a person took it as it was."""
    as_they_are = {name for (name,) in seen.rows("SELECT name FROM accounts WHERE digests = 'ignored'")}
    for job in seen.jobs.values():
        if job.status is not Status.DONE or job.as_is:
            continue
        for result in job.results:
            path = Path(result.path or "")
            if path.is_file() and (why := files.what_is_missing(path, result.media_type)):
                yield f"{path} of job {job.id} is not whole: {why}"
            stated = _stated(result.locator)
            if stated not in ("", result.served or result.digest) and job.account not in as_they_are:
                yield f"{path} of job {job.id} has another digest than was stated"


def _stated(locator: str) -> str:
    """The digest the service stated, where the journal still has it: AutoRetouch's address of a result names it."""
    try:
        place = json.loads(locator)
    except ValueError:
        return ""
    stated = place.get("hash", "") if isinstance(place, dict) else ""
    return stated if re.fullmatch(r"[0-9a-f]{64}", stated) else ""


def keys_of_one_photo(seen: Evidence) -> Iterator[str]:
    """What is charged under a key was made from the one photo that the key was made for."""
    for charge in seen.charges:
        purchase = seen.purchases.get(charge["key"] or "")
        if purchase is None or seen.jobs[purchase.job].address:
            continue
        if charge["digest"] != seen.jobs[purchase.job].digest:
            yield f"key {charge['key']} was charged for {charge['digest'][:8]}, and is of job {purchase.job}"


def no_strays(seen: Evidence) -> Iterator[str]:
    """No file stands under a final name without a job that names it, no part file without a job that is not over."""
    named = {result.path for job in seen.jobs.values() for result in job.results}
    folders = {job.folder for job in seen.jobs.values()} | {seen.spool}
    for path in {path for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_file()}:
        part = PART.fullmatch(path.name)
        owner = seen.jobs.get(int(part[1])) if part else None
        if part and (owner is None or owner.status in FINAL) and path not in seen.before:
            yield f"{path} is left of job {part[1]}, which is over"
        elif (probe := PROBE.match(path.name)) and int(probe[1]) not in seen.killed:
            yield f"{path} is left of a look whether the folder can be written"
        elif not part and str(path) not in named and path not in seen.before and _is_result(path):
            yield f"{path} is a result that no job names"


def _is_result(path: Path) -> bool:
    return imaging.input_digest(path.read_bytes()) is not None


def ends_justified(seen: Evidence) -> Iterator[str]:
    """What was sent fails by the service's own word or a person's only; what is cancelled has no purchase under way."""
    for job in seen.jobs.values():
        given_up = job.reason == "given up" and seen.happened(job.id, "given up")
        failed_there = job.status is Status.FAILED and job.stage.rank >= Stage.SUBMITTED.rank and not given_up
        if failed_there and not (job.reason == Reason.FAILED and job.word):
            yield f"job {job.id} failed after it was sent, for {job.reason!r}"
        if job.status is Status.CANCELLED:
            under_way = [one.key for one in seen.made_for[job.id] if one.state is PurchaseState.INTENDED]
            yield from (f"job {job.id} is cancelled and purchase {key} under way" for key in under_way)


def caps_kept(seen: Evidence) -> Iterator[str]:
    """No cap is overshot by what is charged and reserved, and what the journal calls charged is what was charged."""
    rules = {rule: (caps, more) for rule, *caps, more in seen.rows("SELECT id, run, day, month, allowed FROM rules")}
    batches = dict(seen.rows("SELECT id, cap FROM batches"))
    for (account, scope, period), amount in seen.spending.items():
        caps = seen.caps.get(account, Caps())
        (run, day, month), more = rules.get(period.partition(" ")[0], ((None, None, None), 0))
        cap, open_in = {
            "run": (caps.run, None),
            "day": (caps.day, ("open", "")),
            "month": (caps.month, ("open", "")),
            "batch": (batches.get(period), None),
            "rule": (run, None),
            "rule day": (day, ("rule open", period.partition(" ")[0])),
            "rule month": (month, ("rule open", period.partition(" ")[0])),
        }.get(scope, (None, None))
        total = amount + (seen.spending.get((account, *open_in), 0) if open_in else 0)
        if cap is not None and total > cap + more:
            yield f"{account}: {total} in {scope} {period}, the cap is {cap + more}"
    yield from _wrong_totals(seen)


def _wrong_totals(seen: Evidence) -> Iterator[str]:
    if not all(job.status in FINAL for job in seen.jobs.values()) or any(map(is_unclear, seen.purchases.values())):
        return
    paid = [job for job in seen.jobs.values() if job.provider != "filestack"]
    priced = [job for job in paid if job.quoted is not None or job.is_archive]  # that counts as one
    said = sum(job.charged or 0 for job in priced)
    taken = sum(charge["credits"] for charge in seen.charges if charge["provider"] != "filestack")
    if said != taken:
        yield f"the journal says {said} credits, the service took {taken}"
    runs = sum(charge["provider"] == "filestack" for charge in seen.charges)
    made = [one for one in seen.purchases.values() if seen.jobs[one.job].provider == "filestack"]
    if runs != sum(one.state is PurchaseState.KNOWN for one in made):
        yield f"Filestack ran {runs} jobs, the journal knows {len(made)}"


def doubt_counts(seen: Evidence) -> Iterator[str]:
    """What is in doubt or presumed spent keeps its place as the photo's buyer, and its weight in every cap: what was
    quoted when it was intended. A price that a person agrees to later counts from then on."""
    agreed = dict(seen.rows(
        "SELECT job, MAX(purchase) FROM requests WHERE what = 'retry' AND done_at IS NOT NULL AND NOT refused"
        " AND json_extract(arguments, '$.quoted') IS NOT NULL GROUP BY job"
    ))  # fmt: skip
    for one in seen.purchases.values():
        job = seen.jobs[one.job]
        if is_unclear(one) and not job.buys:
            yield f"purchase {one.key} is {one.state} and job {one.job} no buyer any more"
        is_at_this_price = one.version == job.version and one.number > agreed.get(job.id, 0)
        if is_unclear(one) and is_at_this_price and one.reserved < weight(job.quoted):
            yield f"purchase {one.key} is {one.state} and reserves {one.reserved}"


def history_whole(seen: Evidence) -> Iterator[str]:
    """Events have no gap and agree with the rows; a stage falls only where a new try begins."""
    numbers = [seq for (seq,) in seen.rows("SELECT seq FROM events ORDER BY seq")]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "events are missing"
    for job in seen.jobs.values():
        told = seen.events[job.id]
        if (told[-1].stage, told[-1].status) != job.place:
            yield f"job {job.id} is {job.stage}/{job.status}, its last event {told[-1].stage}/{told[-1].status}"
        for before, after in pairwise(told):
            if after.stage.rank < before.stage.rank and after.what not in NEW_TRIES:
                yield f"job {job.id} fell from {before.stage} to {after.stage} by {after.what!r}"


def requests_answered(seen: Evidence) -> Iterator[str]:
    """Each request of a person had one effect or a refusal that is shown."""
    effects: Counter[tuple[int, str]] = Counter()
    for what, job, refused, outcome in seen.rows(
        "SELECT what, job, refused, outcome FROM requests WHERE done_at IS NOT NULL"
    ):
        if refused is None or not outcome:
            yield f"the request to {what} job {job} is over without a word"
        if not refused and what in DECIDED:
            effects[job, DECIDED[what]] += 1
    for (job, event), times in effects.items():
        if len(seen.happened(job, event)) != times:
            yield f"job {job} had {times} requests for {event!r} and {len(seen.happened(job, event))} of them"


def nothing_stuck(seen: Evidence) -> Iterator[str]:
    """Nothing runs without an engine; what waits has a time or an event; what is held has a reason and an action."""
    (state,) = (state for (state,) in seen.rows("SELECT state FROM engine"))
    for job in seen.jobs.values():
        if job.status is Status.RUNNING and not seen.engine_lives and state == "ended":
            yield f"job {job.id} runs without an engine"
        if job.status is Status.WAITING and job.due is None and job.twin_of is None:
            yield f"job {job.id} waits for nothing"
        if job.status is Status.HELD and not (job.reason in HOLDS and advice(job)):
            yield f"job {job.id} is held without a way on"


def sources_safe(seen: Evidence) -> Iterator[str]:
    """No photo is lost or changed: its bytes lie where they were, or were put aside below that folder."""
    found: dict[Path, set[str]] = {}
    for path, digest in seen.sources.items():
        owners = [job for job in seen.jobs.values() if job.source == path]
        kept = {digest, *(job.digest for job in owners)}  # a person may have put another one there, and asked again
        if path.is_file() and digest_of(path) in kept:
            continue
        if any(job.status is Status.FAILED for job in owners):
            continue  # changed or taken away by somebody, and told so
        if not kept & found.setdefault(path.parent, set(snapshot(path.parent).values())):
            yield f"{path} is gone or changed"


def only_intents_pay(seen: Evidence) -> Iterator[str]:
    """No look, download or 404 caused a paid request: there are no more of them than intents and replays."""
    allowed = sum(len(seen.happened(job, "intent", "sent again")) for job in seen.jobs)
    if len(seen.paid_calls) > allowed:
        yield f"{len(seen.paid_calls)} paid requests, {allowed} intents and replays"
    for purchase, asked in seen.paid_calls:
        if purchase is None and asked["answer"] is not None and asked["answer"] < 300:
            yield f"{asked['method']} {asked['path']} was paid for and names no purchase"


def refreshed_once(seen: Evidence) -> Iterator[str]:
    """No refresh token is used again once another one came for it."""
    spent: set[str] = set()
    for asked in seen.requests:
        form = asked["form"] if isinstance(asked["form"], dict) else {}
        if asked["path"].endswith("/oauth/token") and "refreshed" in form:
            if form["refreshed"] in spent:
                yield f"refresh token {form['refreshed']} was used after it had been exchanged"
            if form["rotated"]:
                spent.add(form["refreshed"])


def payer_charged(seen: Evidence) -> Iterator[str]:
    """Whoever was charged is the payer of the purchase, as the journal has it and as it was sent."""
    for charge in seen.charges:
        purchase = seen.purchase_of(charge)
        if purchase is None:
            continue  # told above
        place, _, _ = purchase.payer.rpartition(" ")
        if charge["owner"] != purchase.organization:
            yield f"{charge['owner']} was charged for {purchase.key}, which was sent for {purchase.organization}"
        elif seen.journal.read(customers.current, f"{place} {charge['owner']}") != purchase.payer:
            yield f"{charge['owner']} was charged for {purchase.key}, which is of {purchase.payer}"


def look_ups_end(seen: Evidence) -> Iterator[str]:
    """Every look-up ends in bounded answered readings: then it is found, sent again, or a person is asked."""
    most = reconcile.MOST_READINGS + reconcile.LOOKS_NEEDED
    for job in seen.jobs.values():
        in_a_row = 0
        for event in seen.events[job.id]:
            in_a_row = in_a_row + (event.what in READ_IN_VAIN) if event.what not in ("intent", "retry") else 0
            if in_a_row == most + 1 and not _was_silent(seen, job.id):
                yield f"job {job.id} was looked up more than {most} times for one purchase"
    for key, looks, readings, pages in seen.rows("SELECT key, looks, readings, pages FROM purchases"):
        job = seen.jobs[seen.purchases[key].job]
        is_over = readings >= reconcile.MOST_READINGS or pages >= reconcile.MOST_PAGES
        is_sought = (job.status, job.reason, job.purchase) == (
            Status.WAITING, Reason.LOOKING, seen.purchases[key].number,
        )  # fmt: skip
        in_vain = looks if seen.purchases[key].state is not PurchaseState.KNOWN else 0  # else its charge was looked for
        if in_vain > reconcile.LOOKS_NEEDED or readings > reconcile.MOST_READINGS or (is_over and is_sought):
            yield f"purchase {key} of job {job.id} is {job.status} after {looks} and {readings} readings"


def _was_silent(seen: Evidence, job: int) -> bool:
    """Whether the service left some reading for a job unanswered: such a one is not bounded so closely."""
    return any(silences for of, silences in seen.rows("SELECT job, silences FROM purchases") if of == job)


def retried_once(seen: Evidence) -> Iterator[str]:
    """A service is asked to go on with an execution once per top-up by artui itself, and never again once that was
    taken: every further time is a person's decision."""
    taken = Counter(
        asked["path"].split("/")[-2]
        for _, asked in seen.paid_calls
        if asked["path"].endswith("/retry") and (asked["answer"] or 200) < 300
    )
    topups = seen.rows("SELECT account, rise, event FROM topups")
    for job in seen.jobs.values():
        by_itself, asked = seen.happened(job.id, "retried"), len(seen.happened(job.id, "retry", "send again"))
        if by_itself and taken[job.execution] > 1 + asked:
            yield f"execution {job.execution} was taken up {taken[job.execution]} times, {asked} asked for by a person"
        for event in by_itself:
            earlier = (one.seq for one in seen.happened(job.id, "intent", "retried") if one.seq < event.seq)
            since = max(earlier, default=0)
            price = weight(job.quoted)
            if not any(of == job.account and at >= since and rise >= price for of, rise, at in topups):
                yield f"job {job.id} was taken up by event {event.seq} without a top-up since event {since}"


def repeated_twice(seen: Evidence) -> Iterator[str]:
    """By itself artui sends a purchase at most twice more, whatever is answered: a further time is a person's yes."""
    most = 1 + REPEATS
    for key, times in Counter(one.key for one, _ in seen.paid_calls if one and one.kind is Kind.CREATE).items():
        asked = len(seen.happened(seen.purchases[key].job, "retry", "send again"))
        if times > most + asked:
            yield f"key {key} was sent {times} times, {asked} of them asked for by a person"
    nameless = Counter(charge["digest"] for charge in seen.charges if charge["key"] is None)
    for (_, recipe, digest), made in seen.photos.items():
        asked = sum(len(seen.happened(job, "retry", "send again")) for job in {one.job for one in made})
        if nameless[digest] > most * len(made) + asked:
            yield f"{digest[:8]} was run {nameless[digest]} times by {recipe}, {len(made)} purchases"
    for key, times in seen.rows("SELECT key, repeats FROM purchases"):
        if times > most:  # one that was turned away each time is not sent again
            yield f"purchase {key} was repeated {times} times"


def states_named(seen: Evidence) -> Iterator[str]:
    """Whatever was answered, the engine met no defect that ended it, and every job is in a named state."""
    if "Traceback" in seen.log:
        yield f"the engine's log tells of a defect: {seen.log[seen.log.index('Traceback') :][-500:]}"
    for job in seen.jobs.values():
        stands = f"job {job.id} is {job.status} for {job.reason!r}: {job.message!r}"
        if job.status in (Status.WAITING, Status.HELD) and job.reason not in {*Reason}:
            yield stands
        if job.status is Status.FAILED and not (job.reason and job.message):
            yield stands
        if job.reason == Reason.ERROR and "could not understand" not in job.message:
            yield stands


def journal_whole(seen: Evidence) -> Iterator[str]:
    """SQLite finds the journal whole."""
    said = seen.journal.read(lambda db: db.pragma("integrity_check"))
    if said != "ok":
        yield str(said)


def books_agree(seen: Evidence) -> Iterator[str]:
    """The books have the sums of the purchases, by whatever they are asked for, and of what the services took."""
    bought = [one for one in seen.purchases.values() if one.state is not PurchaseState.REFUSED]
    made = (len({one.job for one in bought}), sum(one.reserved for one in bought), sum(map(_value, bought)))
    for by in books.Grouping:
        lines = seen.journal.read(books.costs, by, UTC, label="sku")
        costs = sum((line.costs for line in lines), books.Costs())
        if (costs.photos, costs.quoted, costs.charged + costs.open + costs.lost) != made:
            yield f"by {by} the books say {costs}, the purchases {made}"
        said = sum(line.costs.charged for line in lines if line.service != "filestack")
        taken = sum(charge["credits"] for charge in seen.charges if charge["provider"] != "filestack")
        if _all_known(seen) and said != taken:
            yield f"by {by} the books say {said} credits, the services took {taken}"


def decided_once(seen: Evidence) -> Iterator[str]:
    """What is decided about a result is its last decision; its files lie where that puts them, none is on its way."""
    last = dict(seen.rows("SELECT job, decision FROM reviews ORDER BY seq"))
    for job in seen.jobs.values():
        if job.review != {"taken back": ""}.get(last.get(job.id, ""), last.get(job.id, "")):
            yield f"job {job.id} is {job.review!r}, its last decision {last.get(job.id)!r}"
        if job.is_saved and job.review == Review.REJECTED:
            lie = {Path(result.path).parent for result in job.results if result.path}
            yield from (f"job {job.id} is rejected and lies in {place}" for place in lie if place.name != "rejected")
    if seen.rows("SELECT 1 FROM moving"):
        yield "a file is on its way by a decision"


def _all_known(seen: Evidence) -> bool:
    """Whether what every photo cost is settled: none is under way or in doubt, and each had a price."""
    if any(map(is_unclear, seen.purchases.values())) or not all(job.status in FINAL for job in seen.jobs.values()):
        return False
    return all(job.quoted is not None or job.is_archive for job in seen.jobs.values())  # an archive counts as one


def deliveries_move_nothing(seen: Evidence) -> Iterator[str]:
    """What is delivered is saved before and stays so: a delivery moves no job and begins no purchase."""
    for number, state in seen.rows("SELECT job, state FROM deliveries"):
        job, told = seen.jobs[number], [event.what for event in seen.events[number]]
        if job.stage is not Stage.SAVED or job.status not in (Status.DONE, Status.SKIPPED):
            yield f"job {number} is {job.stage}/{job.status} and its delivery {state}"
        steps = [place for place, what in enumerate(told) if what in ("delivery done", "delivery failed")]
        moves = [place for place, what in enumerate(told) if what in ("intent", "sent", "saved", "delivered")]
        if steps and min(steps) < max(moves):
            yield f"job {number} moved after its delivery: {told}"
        if state in ("done", "failed") and f"delivery {state}" not in told:
            yield f"the delivery of job {number} is {state}, and no event says so"


INVARIANTS: tuple[Callable[[Evidence], Iterable[str]], ...] = (
    charged_once, bought_once, bought_once_by_rule, intended_first, reserved, executions_known, charges_delivered,
    inputs_accounted, results_right, no_strays, ends_justified, caps_kept, doubt_counts, history_whole,
    requests_answered, nothing_stuck, sources_safe, only_intents_pay, refreshed_once, payer_charged, look_ups_end,
    results_whole, keys_of_one_photo, retried_once, repeated_twice, states_named, journal_whole, books_agree,
    deliveries_move_nothing, decided_once,
)  # fmt: skip


def broken(seen: Evidence) -> dict[str, list[str]]:
    """What contradicts each invariant, by its name; those that hold are not in it."""
    found = {holds.__name__: list(holds(seen)) for holds in INVARIANTS}
    return {name: why for name, why in found.items() if why}


def check(seen: Evidence) -> None:
    """Ask all invariants; raises AssertionError with what contradicts them."""
    contradictions = broken(seen)
    sentences = {holds.__name__: f"{number}. {holds.__doc__}" for number, holds in enumerate(INVARIANTS, 1)}
    told = [f"{sentences[name]} But {'; '.join(why[:5])}" for name, why in contradictions.items()]
    assert not contradictions, "\n".join(told)
