"""One spelling for each payer: what the second step of the schema does beside its SQL. Frozen like that SQL.

A payer is written ``SERVICE ADDRESS WHO``. Two that were spelled differently and are the same become one here, with
everything that was kept under each; where both are to buy the same photo, what is not sent yet becomes the other's
twin, and what may have been paid twice keeps its place as another copy.
"""

from __future__ import annotations

import ipaddress
import json
import re
import time
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import apsw

_IN_PATHS = "/:@!$&'()*+,;=~"
_PORTS = {"http": 80, "https": 443}
_VENDOR = "https://retoucher.hz.labs.retouch4.me"
_VENDORS_HOST = re.compile(r"https://([a-z0-9-]+\.)*retouch4\.me")
_MAY_HAVE_COST = "NOT (state = 'refused' OR (state = 'known' AND charged IS NOT NULL AND charged = 0))"
_UNSENT = (
    "execution = '' AND stage IN ('new', 'checked', 'uploaded', 'submitting')"
    " AND status IN ('ready', 'running', 'waiting', 'held')"
    f" AND NOT EXISTS (SELECT 1 FROM purchases WHERE purchases.job = jobs.id AND {_MAY_HAVE_COST})"
)
"""The condition for a job that is not over and surely has cost nothing."""


def spell_payers_alike(db: apsw.Connection) -> None:
    """Give every payer and address of the journal its one spelling, and join those that are the same."""
    tables = ("jobs", "purchases", "executions", "marks", "durations")
    found = sorted({payer for table in tables for (payer,) in _rows(db, f"SELECT DISTINCT payer FROM {table}")})
    for payer in found:
        join(db, payer, canonical_payer(payer))
    for table in ("jobs", "purchases"):
        for (endpoint,) in _rows(db, f"SELECT DISTINCT endpoint FROM {table}"):
            db.execute(
                f"UPDATE {table} SET endpoint = ?1 WHERE endpoint = ?2 AND ?1 <> ?2",
                (canonical_address(endpoint), endpoint),
            )
    for rule, text in _rows(db, "SELECT id, offer FROM rules WHERE offer <> ''"):
        offer = json.loads(text)
        identity = offer["identity"]
        identity["payer"], identity["endpoint"] = (
            canonical_payer(identity["payer"]),
            canonical_address(identity["endpoint"]),
        )
        db.execute("UPDATE rules SET offer = ? WHERE id = ?", (json.dumps(offer), rule))


def _rows(db: apsw.Connection, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = db.execute(sql, values).fetchall()
    return found


def canonical_payer(payer: str) -> str:
    """A payer in its one spelling; as it is where it has another form."""
    service, _, rest = payer.partition(" ")
    address, _, who = rest.rpartition(" ")
    if not (service and address and who):
        return payer
    address = canonical_address(address)
    if service == "retouch4me" and _VENDORS_HOST.fullmatch(address):
        address = _VENDOR
    return f"{service} {address} {who}"


def canonical_address(address: str) -> str:
    """An address in its one spelling; as it is where it is none."""
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
        if parts.scheme not in _PORTS or not host:
            return address
        host = _spelled(host)
    except ValueError:
        return address
    shown = f"[{host}]" if ":" in host else host
    told = "" if port in (None, _PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{shown}{told}{quote(unquote(parts.path.rstrip('/')), safe=_IN_PATHS)}"


def _spelled(host: str) -> str:
    """A host in lower case as it is looked up, all names of this machine as one. Raises ValueError."""
    if not host.isascii():
        import idna  # seldom needed

        host = idna.encode(host).decode("ascii")
    host = host.lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return host
        address = address.ipv4_mapped or address
    return "localhost" if address.is_loopback else str(address)


# ------------------------------------------------------------------------------------------------------------ joining


def join(db: apsw.Connection, old: str, new: str) -> None:
    """Let everything of the payer ``old`` be the payer ``new``'s. Every job, purchase and sum is kept."""
    if old == new:
        return
    same_bytes = "(theirs.recipe, theirs.digest, theirs.copy) = (mine.recipe, mine.digest, mine.copy)"
    same_picture = (
        "(theirs.recipe, theirs.picture, theirs.copy) = (mine.recipe, mine.picture, mine.copy) AND theirs.picture <> ''"
    )
    both = "SELECT mine.id, theirs.id FROM jobs AS mine JOIN jobs AS theirs ON theirs.payer = ?2 AND theirs.buys = 1"
    meeting = {
        pair: None
        for same in (same_bytes, same_picture)
        for pair in _rows(db, f"{both} AND {same} WHERE mine.payer = ?1 AND mine.buys = 1 ORDER BY mine.id", (old, new))
    }
    for mine, theirs in meeting:
        if _is_unsent(db, mine):
            _begin_anew(db, mine, theirs)
        elif _is_unsent(db, theirs):
            _begin_anew(db, theirs, mine)
        else:
            db.execute(
                "UPDATE jobs SET copy = 1 + (SELECT MAX(copy) FROM jobs AS other WHERE other.digest = jobs.digest"
                " OR jobs.picture <> '' AND other.picture = jobs.picture) WHERE id = ?",
                (mine,),
            )
    for table in ("jobs", "purchases"):
        db.execute(f"UPDATE {table} SET payer = ? WHERE payer = ?", (new, old))
    db.execute("UPDATE OR IGNORE executions SET payer = ? WHERE payer = ?", (new, old))
    db.execute(
        "INSERT INTO marks SELECT ?, workflow, created_at FROM marks WHERE payer = ?"
        " ON CONFLICT DO UPDATE SET created_at = MAX(created_at, excluded.created_at)",
        (new, old),
    )
    db.execute(
        "INSERT INTO durations SELECT ?, workflow, usual, count FROM durations WHERE payer = ?"
        " ON CONFLICT DO UPDATE SET count = count + excluded.count,"
        " usual = (usual * count + excluded.usual * excluded.count) / (count + excluded.count)",
        (new, old),
    )
    for table in ("executions", "marks", "durations"):
        db.execute(f"DELETE FROM {table} WHERE payer = ?", (old,))


def _is_unsent(db: apsw.Connection, job: int) -> bool:
    return db.execute(f"SELECT 1 FROM jobs WHERE id = ? AND {_UNSENT}", (job,)).fetchone() is not None


def _begin_anew(db: apsw.Connection, job: int, buyer: int) -> None:
    """Have a job and its twins checked again: its photo is bought with another job, whose twin it becomes."""
    open_twins = "SELECT id FROM jobs WHERE twin_of = ? AND status IN ('ready', 'running', 'waiting', 'held')"
    twins = _rows(db, open_twins, (job,))
    ((status, reason),) = _rows(db, "SELECT status, reason FROM jobs WHERE id = ?", (job,))
    stays_held = status == "held" and reason not in ("account changed", "journal recovered")
    message = f"the same photo as job {buyer}, for the same payer: looked at again"
    _put_back(db, job, reason if stays_held else "", message)
    for (twin,) in twins:
        _put_back(db, twin, "", message)


def _put_back(db: apsw.Connection, job: int, held: str, message: str) -> None:
    """Let a job stand at its beginning, held as it was or ready."""
    status, now = "held" if held else "ready", time.time()
    db.execute(
        "UPDATE jobs SET stage = 'new', status = ?, reason = ?, message = ?, due = NULL, stage_at = ?, digest = '',"
        " picture = '', buys = 0, twin_of = NULL, reference = '', attempts = 0 WHERE id = ?",
        (status, held, message, now, job),
    )
    db.execute(
        "INSERT INTO events (job, at, what, stage, status, message) VALUES (?, ?, 'payers joined', 'new', ?, ?)",
        (job, now, status, message),
    )
