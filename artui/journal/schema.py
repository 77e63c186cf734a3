"""The tables of the journal, and how an older file becomes a current one."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import apsw

from artui.job import FINAL, Kind, PurchaseState, Stage, Status


def _listed(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


TABLES = f"""
CREATE TABLE batches (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, account TEXT NOT NULL, cap INTEGER, created_at REAL NOT NULL
) STRICT;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL, provider TEXT NOT NULL, endpoint TEXT NOT NULL, organization TEXT NOT NULL,
    payer TEXT NOT NULL, workflow TEXT NOT NULL, workflow_name TEXT NOT NULL, version TEXT NOT NULL,
    quoted INTEGER,
    source BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    folder BLOB NOT NULL, stem BLOB NOT NULL, stem_key TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL, parameters TEXT NOT NULL, batch TEXT REFERENCES batches (id), labels TEXT NOT NULL,
    copy INTEGER NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ({_listed(Stage)})),
    status TEXT NOT NULL CHECK (status IN ({_listed(Status)})),
    reason TEXT NOT NULL, message TEXT NOT NULL, due REAL, attempts INTEGER NOT NULL,
    media_type TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, digest TEXT NOT NULL,
    buys INTEGER NOT NULL, twin_of INTEGER REFERENCES jobs (id),
    reference TEXT NOT NULL, purchase INTEGER NOT NULL, execution TEXT NOT NULL, word TEXT NOT NULL,
    results TEXT NOT NULL, charged INTEGER, cancel INTEGER NOT NULL, keep INTEGER NOT NULL,
    created_at REAL NOT NULL, stage_at REAL NOT NULL, finished_at REAL,
    CHECK ((status IN ({_listed(sorted(FINAL))})) = (finished_at IS NOT NULL)),
    CHECK (status <> 'held' OR reason <> '')
) STRICT;
CREATE UNIQUE INDEX one_buyer ON jobs (payer, workflow, version, parameters, digest, copy) WHERE buys = 1;
CREATE INDEX jobs_open ON jobs (account, stage, status, due)
    WHERE status IN ('ready', 'running', 'waiting', 'held');
CREATE INDEX jobs_status ON jobs (status, id);
CREATE INDEX jobs_batch ON jobs (batch, id);
CREATE INDEX jobs_twins ON jobs (twin_of) WHERE twin_of IS NOT NULL;
CREATE INDEX jobs_digest ON jobs (payer, digest) WHERE digest <> '';
CREATE INDEX jobs_source ON jobs (source);

CREATE TABLE purchases (
    key TEXT PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs (id), number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ({_listed(Kind)})),
    account TEXT NOT NULL, payer TEXT NOT NULL, endpoint TEXT NOT NULL, organization TEXT NOT NULL,
    workflow TEXT NOT NULL, version TEXT NOT NULL, reference TEXT NOT NULL, draft TEXT NOT NULL,
    mark TEXT NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0), charged INTEGER,
    state TEXT NOT NULL CHECK (state IN ({_listed(PurchaseState)})),
    execution TEXT NOT NULL, looks INTEGER NOT NULL,
    day TEXT NOT NULL, month TEXT NOT NULL, run TEXT NOT NULL, batch TEXT,
    intended_at REAL NOT NULL, known_at REAL,
    UNIQUE (job, number),
    CHECK (state <> 'known' OR execution <> '')
) STRICT;
CREATE INDEX purchases_job ON purchases (job);
CREATE UNIQUE INDEX one_in_the_air ON purchases (job) WHERE state = 'intended';
CREATE INDEX purchases_open ON purchases (account) WHERE charged IS NULL AND state IN ('intended', 'known');

CREATE TABLE facts (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, what TEXT NOT NULL, execution TEXT NOT NULL, at REAL NOT NULL
) STRICT;
CREATE INDEX facts_key ON facts (key);
CREATE TABLE executions (
    payer TEXT NOT NULL, execution TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (payer, execution)
) STRICT;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL REFERENCES jobs (id), at REAL NOT NULL,
    what TEXT NOT NULL, stage TEXT NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL
) STRICT;
CREATE INDEX events_job ON events (job, seq);

CREATE TABLE requests (
    id INTEGER PRIMARY KEY, what TEXT NOT NULL, arguments TEXT NOT NULL, job INTEGER,
    purchase INTEGER, status TEXT, made_at REAL NOT NULL, done_at REAL, refused INTEGER, outcome TEXT
) STRICT;
CREATE INDEX requests_open ON requests (id) WHERE done_at IS NULL;

CREATE TABLE accounts (
    name TEXT PRIMARY KEY, held TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
    labels_proven INTEGER NOT NULL DEFAULT 0, day TEXT NOT NULL DEFAULT '', balance INTEGER, balance_at REAL
) STRICT;
CREATE TABLE marks (
    payer TEXT NOT NULL, workflow TEXT NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (payer, workflow)
) STRICT;
CREATE TABLE workflows (
    account TEXT NOT NULL, id TEXT NOT NULL, definition TEXT NOT NULL, fetched_at REAL NOT NULL,
    PRIMARY KEY (account, id)
) STRICT;
CREATE TABLE durations (
    payer TEXT NOT NULL, workflow TEXT NOT NULL, usual REAL NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (payer, workflow)
) STRICT;

CREATE TABLE engine (
    only INTEGER PRIMARY KEY CHECK (only = 1), generation INTEGER NOT NULL, pid INTEGER, host TEXT NOT NULL,
    mode TEXT NOT NULL, started_at REAL, heartbeat REAL, state TEXT NOT NULL, version TEXT NOT NULL
) STRICT;
INSERT INTO engine VALUES (1, 0, NULL, '', '', NULL, NULL, 'ended', '');
"""

# What each purchase weighs, summed as it changes: a cap is then checked by reading one row, however many photos
# came before. An open purchase counts in every period, so open sums carry no period; run and batch never end.
_VALUE = "CASE WHEN {row}.state = 'refused' THEN 0 ELSE COALESCE({row}.charged, {row}.reserved) END"
_OPEN = "({row}.charged IS NULL AND {row}.state IN ('intended', 'known'))"
_SCOPES = (
    ("open", "''", _OPEN),
    ("day", "{row}.day", f"NOT {_OPEN}"),
    ("month", "{row}.month", f"NOT {_OPEN}"),
    ("run", "{row}.run", "1"),
    ("batch", "COALESCE({row}.batch, '')", "1"),
)


def _tally(row: str, sign: str) -> str:
    statements = []
    for scope, period, counts in _SCOPES:
        value = f"{sign} (CASE WHEN {counts} THEN {_VALUE} ELSE 0 END)".format(row=row)
        statements.append(
            f"INSERT INTO spending VALUES ({row}.account, '{scope}', {period.format(row=row)}, {value})"
            " ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;"
        )
    return "\n".join(statements)


SPENDING = f"""
CREATE TABLE spending (
    account TEXT NOT NULL, scope TEXT NOT NULL, period TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (account, scope, period)
) STRICT;
CREATE TRIGGER purchase_added AFTER INSERT ON purchases BEGIN
{_tally("new", "+")}
END;
CREATE TRIGGER purchase_changed AFTER UPDATE ON purchases BEGIN
{_tally("old", "-")}
{_tally("new", "+")}
END;
CREATE TRIGGER facts_stay BEFORE UPDATE ON facts BEGIN SELECT RAISE(ABORT, 'facts are never changed'); END;
CREATE TRIGGER facts_last BEFORE DELETE ON facts BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;
"""


def create_tables(db: apsw.Connection) -> None:
    """The first shape of the journal."""
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    db.execute("INSERT INTO meta VALUES ('uuid', ?)", (str(uuid4()),))
    db.execute(TABLES)
    db.execute(SPENDING)


MIGRATIONS: tuple[Callable[[apsw.Connection], None], ...] = (create_tables,)
"""Each step once, in this order; the number of steps taken is the file's ``user_version``."""
