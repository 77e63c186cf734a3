"""Purchases in the journal: the intent before a paid call, the facts after it, and what each weighs in a cap.

What the service said is a fact, not a move: it is accepted whatever became of the job meanwhile, from whichever engine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from artui.journal import accounts, origins, prices, requests
from artui.journal.store import Connection, Stale, first, rows, value
from artui.model.states import Kind, PurchaseState

if TYPE_CHECKING:
    from artui.journal.accounts import AccountState
    from artui.model.job import Job, Purchase

_COLUMNS = (
    "key", "job", "number", "kind", "account", "payer", "endpoint", "organization", "workflow", "version", "reference",
    "draft", "mark", "reserved", "charged", "state", "execution", "looks", "day", "month", "intended_at",
    "repeats", "digest", "lookalikes",
)  # fmt: skip
_ALL = ", ".join(_COLUMNS)
_SELECT = f"SELECT {_ALL} FROM purchases"
_KIND, _STATE = _COLUMNS.index("kind"), _COLUMNS.index("state")


def _purchase(columns: Sequence[Any]) -> Purchase:
    from artui.model.job import Purchase

    values = list(columns)
    values[_KIND], values[_STATE] = Kind(values[_KIND]), PurchaseState(values[_STATE])
    values[-1] = tuple(json.loads(values[-1]))
    return Purchase(*values)


def of_job(db: Connection, job_id: int) -> list[Purchase]:
    """All purchases of a job, first to last."""
    return [_purchase(found) for found in rows(db, f"{_SELECT} WHERE job = ? ORDER BY number", (job_id,))]


def current(db: Connection, job: Job) -> Purchase | None:
    """The purchase under way, or the last one."""
    found = first(db, f"{_SELECT} WHERE job = ? AND number = ?", (job.id, job.purchase))
    return _purchase(found) if found else None


def by_key(db: Connection, key: str) -> Purchase:
    """One purchase by its key; :class:`artui.journal.Stale` where there is none."""
    found = first(db, f"{_SELECT} WHERE key = ?", (key,))
    if found is None:
        raise Stale(f"there is no purchase {key}")
    return _purchase(found)


def is_pending(db: Connection, job: Job) -> bool:
    """Whether the current purchase of a job was intended and nothing is known of it yet."""
    purchase = current(db, job)
    return purchase is not None and purchase.state is PurchaseState.INTENDED


def note_lookalikes(db: Connection, key: str, executions: Iterable[str]) -> None:
    """Remember which executions a look-up found for the photo of a purchase, without its label."""
    db.execute("UPDATE purchases SET lookalikes = ? WHERE key = ?", (json.dumps(sorted(executions)), key))


def any_of_ours(db: Connection, payer: str, keys: Iterable[str]) -> bool:
    """Whether any of these keys belongs to a purchase of this payer."""
    wanted = list(keys)
    marks = ", ".join("?" * len(wanted))
    return first(db, f"SELECT 1 FROM purchases WHERE payer = ? AND key IN ({marks})", (payer, *wanted)) is not None


def mislabelled(db: Connection, payer: str, labels: Mapping[str, str]) -> list[str]:
    """Which of these executions, each with the key that its service shows for it, are a purchase's of this journal and
    shown without a key of its job."""
    sql = (
        "SELECT shown.key FROM json_each(?) AS shown"
        " JOIN executions AS known ON known.payer = ? AND known.execution = shown.key"
        " JOIN purchases AS bought ON bought.key = known.key"
        " LEFT JOIN purchases AS named ON named.key = shown.value WHERE named.job IS NOT bought.job"
    )
    return [execution for (execution,) in rows(db, sql, (json.dumps(labels), payer))]


def new_key(db: Connection) -> str:
    """A key no purchase ever had. Its origin tells the keys of this journal and its copies from those of others."""
    return origins.begin(db, str(uuid4()))


def strange(db: Connection, keys: Iterable[str]) -> set[str]:
    """Which of these keys, seen at a service, only a copy of this journal can have sent: they bear an origin of its
    family, and none of its purchases was carried out under them."""
    bearing = {key: origins.of_key(key)[: origins.FAMILY] for key in keys}
    if not any(bearing.values()):
        return set()
    own = origins.families(db)
    ours = {key for key, family in bearing.items() if family in own}
    marks = ", ".join("?" * len(ours))
    sent = rows(db, f"SELECT key FROM purchases WHERE key IN ({marks}) AND state <> 'refused'", (*ours,))
    return ours - {key for (key,) in sent}


def is_known(db: Connection, key: str) -> bool:
    """Whether any purchase was made under this key, whatever became of it."""
    return first(db, "SELECT 1 FROM purchases WHERE key = ?", (key,)) is not None


def job_of(db: Connection, payer: str, execution: str) -> int | None:
    """The number of the job that bought an execution; None where none did."""
    found = first(
        db,
        "SELECT job FROM purchases WHERE key = (SELECT key FROM executions WHERE payer = ? AND execution = ?)",
        (payer, execution),
    )
    return found[0] if found else None


def job_of_key(db: Connection, key: str) -> int | None:
    """The number of the job that a purchase was made for; None where this journal knows no such key."""
    found = first(db, "SELECT job FROM purchases WHERE key = ?", (key,))
    return found[0] if found else None


def last_intent(db: Connection, account: str) -> float | None:
    """When the newest paid call of an account was intended; None before the first."""
    newest: float | None = value(db, "SELECT MAX(intended_at) FROM purchases WHERE account = ?", (account,))
    return newest


# ---------------------------------------------------------------------------------------------- intent and facts


def intend(
    db: Connection, job: Job, *, key: str, number: int, kind: Kind, draft: str, reserved: int, mark: str,
    day: str, month: str,
) -> Purchase:  # fmt: skip
    """Write the intent of one paid call, with its reservation.

    A purchase that surely was not carried out is intended again under its own key for the same content; otherwise
    ``key`` is new. Raises ValueError where an earlier purchase of the job is still in the air, or was carried out and
    this would order anew.
    """
    # What a retry is for was carried out: that one is known by its nature.
    living = {PurchaseState.INTENDED} if kind is Kind.RETRY else {PurchaseState.INTENDED, PurchaseState.KNOWN}
    earlier = of_job(db, job.id)
    if any(purchase.state in living for purchase in earlier):
        raise ValueError(f"job {job.id} has a purchase already")
    # The look-up begins anew with the intent; repeats do not, for they bound all sendings under the key.
    if any((purchase.number, purchase.key) == (number, key) for purchase in earlier):
        intended = rows(
            db,
            "UPDATE purchases SET state = 'intended', draft = ?, reference = ?, reserved = ?, version = ?, day = ?,"
            " month = ?, looks = 0, readings = 0, pages = 0, silences = 0, intended_at = ?, endpoint = ?,"
            " organization = ? WHERE job = ? AND number = ?"
            # By content: a key that came with other bytes may be answered for those.
            f" AND key = ? AND state = 'refused' AND digest = ? RETURNING {_ALL}",
            (
                draft,
                job.reference,
                reserved,
                job.version,
                day,
                month,
                time.time(),
                job.endpoint,
                job.organization,
                job.id,
                number,
                key,
                job.digest,
            ),
        )
    else:
        intended = rows(
            db,
            "INSERT INTO purchases (key, job, number, kind, account, payer, endpoint, organization, workflow, version,"
            " reference, draft, mark, reserved, charged, state, execution, looks, day, month, run, rule, batch,"
            " intended_at, digest)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 'intended', '', 0, ?, ?, ?, ?, ?, ?, ?)"
            f" RETURNING {_ALL}",
            (
                key, job.id, number, kind, job.account, job.payer, job.endpoint, job.organization, job.workflow,
                job.version, job.reference, draft, mark, reserved, day, month, job.run, job.rule, job.batch,
                time.time(), job.digest,
            ),
        )  # fmt: skip
    if not intended:
        raise ValueError(f"job {job.id} gave the purchase {key} up")
    requests.count_intent(db)  # in the intent's own transaction: the anchor is told this number
    return _purchase(intended[0])


def record_execution(db: Connection, key: str, execution: str, *, instead: bool = False) -> None:
    """The fact that the service runs ``execution`` for this purchase. Insert-only, guarded by the key alone.

    ``instead``: it is known to be this purchase's, whatever was believed of either before.
    """
    _fact(db, key, "execution", execution)
    db.execute(
        "INSERT INTO executions (payer, execution, key) SELECT payer, ?1, key FROM purchases WHERE key = ?2"
        # '': seen before, and nobody's.
        " ON CONFLICT DO UPDATE SET key = excluded.key WHERE executions.key = '' OR ?3",
        (execution, key, instead),
    )
    db.execute(
        "UPDATE purchases SET state = 'known', known_at = ?1,"
        # A second execution under one key stands in its own row; the job goes on following the first.
        " execution = CASE WHEN execution = '' OR ?4 THEN ?2 ELSE execution END WHERE key = ?3",
        (time.time(), execution, key, instead),
    )


class Claim(NamedTuple):
    """What the journal knows of an execution: the job it belongs to, None where it is nobody's here, and whether the
    service itself has shown that."""

    job: int | None
    is_proven: bool


def claim_on(db: Connection, payer: str, execution: str) -> Claim | None:
    """Who has an execution; None where it was never heard of."""
    found = first(
        db,
        "SELECT purchases.job, proven FROM executions LEFT JOIN purchases ON purchases.key = executions.key"
        " WHERE executions.payer = ? AND executions.execution = ?",
        (payer, execution),
    )
    return Claim(found[0], bool(found[1])) if found else None


def prove(db: Connection, payer: str, execution: str) -> None:
    """Remember that the service has shown an execution to be its purchase's."""
    db.execute("UPDATE executions SET proven = 1 WHERE payer = ? AND execution = ? AND NOT proven", (payer, execution))


def note_answer(db: Connection, key: str, execution: str) -> None:
    """The fact that a paid call was answered with an execution that is not known to be its own: it stays in doubt."""
    _fact(db, key, "answered", execution)


def withdraw(db: Connection, job: Job, execution: str) -> None:
    """Take back that an execution is this job's: its purchase is in doubt again, and counts as such."""
    keys = [purchase.key for purchase in of_job(db, job.id) if purchase.execution == execution]
    for key in keys:
        _fact(db, key, "withdrawn", execution)
        db.execute(
            "UPDATE executions SET key = '', proven = 0 WHERE payer = ? AND execution = ? AND key = ?",
            (job.payer, execution, key),
        )
        db.execute(
            # One alone may be in the air, and only the last is looked up: an earlier one counts as spent instead.
            "UPDATE purchases SET execution = '', charged = NULL, state = CASE WHEN number ="
            " (SELECT MAX(number) FROM purchases WHERE job = ?1) THEN 'intended' ELSE 'presumed spent' END"
            " WHERE key = ?2",
            (job.id, key),
        )


def withdrawals(db: Connection, job_id: int, execution: str) -> int:
    """How often it was taken back that an execution is this job's."""
    return int(
        value(
            db,
            "SELECT COUNT(*) FROM facts JOIN purchases USING (key)"
            " WHERE job = ? AND facts.execution = ? AND what = 'withdrawn'",
            (job_id, execution),
        )
    )


def record_refusal(db: Connection, key: str, *, turned_away: bool = False) -> None:
    """The fact that this purchase surely was not carried out; its reservation ends, and the job has cost nothing so far
    unless something else was bought for it. ``turned_away``: the service has seen it and says so."""
    _fact(db, key, "refused", "")
    db.execute(
        # A refusal that comes in late says nothing of what is known, or was given up, by then.
        "UPDATE purchases SET state = 'refused', repeats = repeats + ? WHERE key = ? AND state = 'intended'",
        (turned_away, key),
    )
    db.execute(
        "UPDATE jobs SET charged = 0 WHERE id = (SELECT job FROM purchases WHERE key = ?) AND charged IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM purchases WHERE job = jobs.id AND state <> 'refused'"
        "  AND (charged IS NULL OR charged <> 0))",
        (key,),
    )


def count_repeat(db: Connection, key: str) -> None:
    """Count, before its first byte leaves, that a purchase in doubt is sent once more.

    Raises :class:`artui.journal.Stale` where there is no doubt about it any more.
    """
    if not rows(
        db, "UPDATE purchases SET repeats = repeats + 1 WHERE key = ? AND state = 'intended' RETURNING key", (key,)
    ):
        raise Stale(f"purchase {key} is settled")


def allow_once_more(db: Connection, job: Job, repeats: int) -> None:
    """Let the purchase of a job that was turned away ``repeats`` times and more be sent once again."""
    db.execute(
        "UPDATE purchases SET repeats = MIN(repeats, ?) WHERE job = ? AND number = ? AND state = 'refused'",
        (repeats, job.id, job.purchase),
    )


def hand_over(db: Connection, found: int, job: Job, number: int) -> None:
    """Make the purchase of a found execution the ``number``-th one of its photo's job, which has it count in that job's
    rule and batch; one that was a rule's or a batch's before stays theirs."""
    db.execute(
        "UPDATE purchases SET job = ?, number = ?, rule = iif(rule = '', ?, rule), batch = COALESCE(batch, ?)"
        " WHERE job = ?",
        (job.id, number, job.rule, job.batch, found),
    )


def of_nobody(db: Connection, account: str) -> list[tuple[bool, str, int]]:
    """What found executions of an account cost whose photos have not turned up: whether that is still open, the day
    (``YYYY-MM-DD``), and the sum. Nobody knows which rule had ordered them."""
    found = rows(
        db,
        "SELECT purchases.charged IS NULL AND state IN ('intended', 'known'), day,"
        " SUM(COALESCE(purchases.charged, reserved)) FROM purchases JOIN jobs ON jobs.id = job"
        " WHERE jobs.found = 1 AND purchases.account = ? AND purchases.rule = '' AND state <> 'refused' GROUP BY 1, 2",
        (account,),
    )
    return [(bool(is_open), day, amount) for is_open, day, amount in found]


def presume_spent(db: Connection, key: str) -> None:
    """Give a purchase in doubt up: it stays in every index and cap."""
    _fact(db, key, "presumed spent", "")
    db.execute("UPDATE purchases SET state = 'presumed spent' WHERE key = ? AND state = 'intended'", (key,))


def _fact(db: Connection, key: str, what: str, execution: str) -> None:
    db.execute(
        "INSERT INTO facts (key, what, execution, at) VALUES (?, ?, ?, ?)",
        (key, what, execution, time.time()),
    )


def record_charge(db: Connection, job: Job, total: int, execution: str = "") -> int:
    """What the service says it charged for an execution in all, the one the job follows where none is given; returns
    what the job cost altogether.

    An execution that was asked to run again carries the sum over its tries: it closes every purchase of it. The last
    one gets what the earlier ones did not.
    """
    made = of_job(db, job.id)
    charged = {purchase.key: purchase.charged for purchase in made}
    own, left = [purchase for purchase in made if purchase.execution == (execution or job.execution)], total
    for purchase in own:
        share = left if purchase is own[-1] else min(left, purchase.charged or 0)
        charged[purchase.key], left = share, left - share
        if share != purchase.charged:
            db.execute("UPDATE purchases SET charged = ? WHERE key = ?", (share, purchase.key))
    return sum(one or 0 for one in charged.values())


def accounts_to_read(db: Connection, looks: int) -> list[str]:
    """The accounts that have such purchases as :func:`to_read` gives."""
    found = rows(db, "SELECT DISTINCT account FROM purchases WHERE charged IS NULL AND state = 'known'")
    return [account for (account,) in found if to_read(db, account, looks)]


def to_read(db: Connection, account: str, looks: int) -> list[Purchase]:
    """The purchases of an account whose execution is not the one their job follows, and whose charge is not known: a
    retry went on under another id, or the service ran a photo twice. None that was looked at ``looks`` times."""
    found = rows(
        db,
        f"SELECT {', '.join(f'purchases.{name}' for name in _COLUMNS)} FROM purchases"
        " JOIN jobs ON jobs.id = purchases.job"
        " WHERE purchases.account = ? AND purchases.charged IS NULL AND purchases.state = 'known'"
        " AND purchases.execution <> jobs.execution AND purchases.looks < ? ORDER BY purchases.intended_at",
        (account, looks),
    )
    return [_purchase(one) for one in found]


def looked(db: Connection, key: str) -> int:
    """Count one complete look that showed nothing; returns how many there were."""
    return int(value(db, "UPDATE purchases SET looks = looks + 1 WHERE key = ? RETURNING looks", (key,)))


class InVain(NamedTuple):
    """What was read in vain for a purchase in doubt: readings that the service answered, wholly or in part, the pages
    it gave, and readings that it did not answer."""

    readings: int
    pages: int
    silences: int


def read_in_vain(db: Connection, key: str, pages: int) -> InVain:
    """Count one reading that settled nothing, of so many answered pages, and return all there were."""
    sql = (
        "UPDATE purchases SET readings = readings + (?1 > 0), pages = pages + ?1, silences = silences + (?1 = 0)"
        " WHERE key = ?2 RETURNING readings, pages, silences"
    )
    return InVain(*rows(db, sql, (pages, key))[0])


def payers_of(db: Connection, keys: Iterable[str]) -> set[str]:
    """The payers of the purchases made under these keys."""
    wanted = list(keys)
    marks = ", ".join("?" * len(wanted))
    return {payer for (payer,) in rows(db, f"SELECT DISTINCT payer FROM purchases WHERE key IN ({marks})", wanted)}


def known_executions(db: Connection, payer: str, executions: Sequence[str]) -> set[str]:
    """Which of these executions the journal knows, ordered here or not."""
    return {execution for execution, _ in _known(db, payer, executions)}


def bought_executions(db: Connection, payer: str, executions: Sequence[str]) -> set[str]:
    """Which of these executions belong to a purchase of this journal."""
    return {execution for execution, key in _known(db, payer, executions) if key}


def _known(db: Connection, payer: str, executions: Sequence[str]) -> list[tuple[Any, ...]]:
    marks = ", ".join("?" * len(executions))
    sql = f"SELECT execution, key FROM executions WHERE payer = ? AND execution IN ({marks})"
    return rows(db, sql, (payer, *executions))


def executions_in_batch(db: Connection, payer: str, batch: str) -> int:
    """How many executions the journal knows of purchases that were made for jobs of a batch."""
    sql = "SELECT COUNT(*) FROM executions JOIN purchases USING (key) WHERE executions.payer = ? AND batch = ?"
    return int(value(db, sql, (payer, batch)))


def note_executions(db: Connection, payer: str, executions: Iterable[str]) -> None:
    """Remember executions that were seen and are nobody's purchase here."""
    db.executemany(
        "INSERT OR IGNORE INTO executions (payer, execution, key) VALUES (?, ?, '')",
        [(payer, execution) for execution in executions],
    )


# ------------------------------------------------------------------------------------------------------- spending


class Spent(NamedTuple):
    """What an account has spent or reserved, in its unit, in each of the sums a cap may bound."""

    open: int = 0
    day: int = 0
    month: int = 0
    run: int = 0
    batch: int = 0


def spent(db: Connection, account: str, *, day: str, month: str, run: str = "", batch: str | None = None) -> Spent:
    """The sums for these periods; open reservations count in the day and the month whenever they were made."""
    sums = amounts(db, account, {"open": "", "day": day, "month": month, "run": run, "batch": batch or ""})
    # Triggers count what is open in run and batch at once, in day and month only when it is charged.
    return Spent(sums["open"], sums["day"] + sums["open"], sums["month"] + sums["open"], sums["run"], sums["batch"])


def spent_a_day(db: Connection, account: str, days: int) -> float:
    """What was spent on average on the last ``days`` days on which anything was, by the account's own days."""
    sql = (
        "SELECT COALESCE(AVG(amount), 0) FROM (SELECT amount FROM spending WHERE account = ? AND scope = 'day'"
        " ORDER BY period DESC LIMIT ?)"
    )
    return float(value(db, sql, (account, days)))


def amounts(db: Connection, account: str, periods: Mapping[str, str]) -> dict[str, int]:
    """What the sums of an account are by scope, each in one period of it; 0 where nothing was spent."""
    marks = ", ".join(["(?, ?)"] * len(periods))
    found = rows(
        db,
        f"SELECT scope, amount FROM spending WHERE account = ? AND (scope, period) IN (VALUES {marks})",
        (account, *(word for pair in periods.items() for word in pair)),
    )
    return dict.fromkeys(periods, 0) | dict(found)


def not_in_balance(db: Connection, account: str, balance_at: float) -> int:
    """What was bought or reserved after the balance was last read, or lies in doubt: the balance does not show it."""
    amount = value(
        db,
        "SELECT COALESCE(SUM(amount), 0) FROM ("
        " SELECT COALESCE(charged, reserved) AS amount FROM purchases"
        # At the very moment of the question: counted, to be safe.
        "  WHERE account = ?1 AND intended_at >= ?2 AND state <> 'refused'"
        " UNION ALL SELECT reserved FROM purchases INDEXED BY one_in_the_air"  # few rows, however long the journal is
        "  WHERE account = ?1 AND intended_at < ?2 AND state = 'intended' AND charged IS NULL)",
        (account, balance_at),
    )
    return int(amount)


def left(db: Connection, state: AccountState) -> int | None:
    """The account's last balance less what it does not show yet; None where it is not known."""
    if state.balance is None or state.balance_at is None:
        return None
    return state.balance - not_in_balance(db, state.name, state.balance_at)


def affordable(db: Connection, account: str) -> bool:
    """Whether the balance, less what it does not show yet, pays the cheapest job that is held for credits."""
    there = left(db, accounts.state(db, account))
    cheapest = value(
        db,
        f"SELECT MIN({prices.WEIGHT_SQL}) FROM jobs WHERE account = ? AND status = 'held' AND reason = 'credits'",
        (account,),
    )
    return there is None or cheapest is None or bool(there >= cheapest)
