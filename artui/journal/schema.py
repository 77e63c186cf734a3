"""The tables of the journal, and how an older file becomes a current one."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import apsw

from artui.journal.groups import PILE
from artui.states import FINAL, Kind, PurchaseState, Seen, Stage, Status


def _listed(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


TABLES = f"""
CREATE TABLE batches (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, account TEXT NOT NULL, created_at REAL NOT NULL, cap INTEGER,
    sample INTEGER
) STRICT;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL, provider TEXT NOT NULL, endpoint TEXT NOT NULL, organization TEXT NOT NULL,
    payer TEXT NOT NULL, workflow TEXT NOT NULL, workflow_name TEXT NOT NULL, version TEXT NOT NULL,
    quoted INTEGER,
    source BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    folder BLOB NOT NULL, stem BLOB NOT NULL, stem_key TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL, parameters TEXT NOT NULL, address TEXT NOT NULL, rule TEXT NOT NULL,
    batch TEXT REFERENCES batches (id), labels TEXT NOT NULL,
    copy INTEGER NOT NULL,
    recipe TEXT NOT NULL GENERATED ALWAYS AS (iif(parameters = '', workflow || '@' || version, version)) VIRTUAL,
    stage TEXT NOT NULL CHECK (stage IN ({_listed(Stage)})),
    status TEXT NOT NULL CHECK (status IN ({_listed(Status)})),
    reason TEXT NOT NULL, message TEXT NOT NULL, due REAL, attempts INTEGER NOT NULL,
    media_type TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, digest TEXT NOT NULL,
    buys INTEGER NOT NULL, twin_of INTEGER REFERENCES jobs (id),
    reference TEXT NOT NULL, purchase INTEGER NOT NULL, execution TEXT NOT NULL, word TEXT NOT NULL,
    results TEXT NOT NULL, charged INTEGER, expires_at REAL, cancel INTEGER NOT NULL, keep INTEGER NOT NULL,
    created_at REAL NOT NULL, stage_at REAL NOT NULL, finished_at REAL,
    pile TEXT NOT NULL GENERATED ALWAYS AS ({PILE}) VIRTUAL,
    CHECK ((status IN ({_listed(sorted(FINAL))})) = (finished_at IS NOT NULL)),
    CHECK (status <> 'held' OR reason <> '')
) STRICT;
CREATE UNIQUE INDEX one_buyer ON jobs (payer, recipe, digest, copy) WHERE buys = 1;
CREATE UNIQUE INDEX one_buyer_of_rule ON jobs (rule, digest, copy) WHERE buys = 1 AND rule <> '';
CREATE INDEX jobs_open ON jobs (account, stage, status, due)
    WHERE status IN ('ready', 'running', 'waiting', 'held');
CREATE INDEX jobs_status ON jobs (status, id);
CREATE INDEX jobs_batch ON jobs (batch, id);
CREATE INDEX jobs_order ON jobs (batch, source);
CREATE INDEX jobs_pile ON jobs (pile, batch, source);
CREATE INDEX jobs_twins ON jobs (twin_of) WHERE twin_of IS NOT NULL;
CREATE INDEX jobs_digest ON jobs (payer, digest);
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
    day TEXT NOT NULL, month TEXT NOT NULL, run TEXT NOT NULL, rule TEXT NOT NULL, batch TEXT,
    intended_at REAL NOT NULL, known_at REAL,
    UNIQUE (job, number),
    CHECK (state <> 'known' OR execution <> '')
) STRICT;
CREATE INDEX purchases_intended ON purchases (account, intended_at);
CREATE INDEX purchases_given_up ON purchases (account) WHERE state = 'presumed spent';
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
    name TEXT PRIMARY KEY, held TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', held_until REAL,
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

CREATE TABLE rules (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, folder BLOB NOT NULL, account TEXT NOT NULL,
    run INTEGER, day INTEGER, month INTEGER, twins TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'new', message TEXT NOT NULL DEFAULT '', since REAL NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0, agreed INTEGER NOT NULL DEFAULT 0,
    marked BLOB, begun INTEGER NOT NULL DEFAULT 0, offer TEXT NOT NULL DEFAULT '',
    allowed INTEGER NOT NULL DEFAULT 0, allowed_day TEXT NOT NULL DEFAULT '',
    not_taken TEXT NOT NULL DEFAULT '{{}}'
) STRICT;
CREATE TABLE seen (
    rule TEXT NOT NULL REFERENCES rules (id), name BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_listed(Seen)})),
    job INTEGER REFERENCES jobs (id), reason TEXT NOT NULL, message TEXT NOT NULL, target BLOB, at REAL NOT NULL,
    PRIMARY KEY (rule, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_to_tidy ON seen (rule, state) WHERE state IN ('taken', 'leaving');
CREATE INDEX seen_not_taken ON seen (rule, reason, at) WHERE job IS NULL;
CREATE INDEX seen_job ON seen (job) WHERE job IS NOT NULL;
CREATE TABLE happenings (
    seq INTEGER PRIMARY KEY, rule TEXT NOT NULL REFERENCES rules (id), at REAL NOT NULL, what TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;
CREATE INDEX happenings_rule ON happenings (rule, seq);
CREATE INDEX jobs_rule ON jobs (rule, status, reason) WHERE rule <> '';

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
_RULED = "{row}.rule <> ''"
_SCOPES = (
    ("open", "''", _OPEN),
    ("day", "{row}.day", f"NOT {_OPEN}"),
    ("month", "{row}.month", f"NOT {_OPEN}"),
    ("run", "{row}.run", "1"),
    ("batch", "{row}.batch", "{row}.batch IS NOT NULL"),
    ("rule", "{row}.rule", _RULED),
    ("rule open", "{row}.rule", f"{_RULED} AND {_OPEN}"),
    ("rule day", "{row}.rule || ' ' || {row}.day", f"{_RULED} AND NOT {_OPEN}"),
    ("rule month", "{row}.rule || ' ' || {row}.month", f"{_RULED} AND NOT {_OPEN}"),
)
_WEIGHT = f"({_VALUE}, {_OPEN}, {{row}}.day, {{row}}.month)"


def _tally(row: str, sign: str) -> str:
    statements = []
    for scope, period, counts in _SCOPES:
        statements.append(
            f"INSERT INTO spending SELECT {row}.account, '{scope}', {period}, {sign} {_VALUE} WHERE {counts}"
            " ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;".format(row=row)
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
CREATE TRIGGER purchase_changed AFTER UPDATE ON purchases
WHEN {_WEIGHT.format(row="old")} IS NOT {_WEIGHT.format(row="new")} BEGIN
{_tally("old", "-")}
{_tally("new", "+")}
END;
CREATE TRIGGER facts_stay BEFORE UPDATE ON facts BEGIN SELECT RAISE(ABORT, 'facts are never changed'); END;
CREATE TRIGGER facts_last BEFORE DELETE ON facts BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;
"""


# What a table over all jobs says of them, summed as they change, so that it need not read them. What a person puts
# aside comes back as soon as it moves.
_TO_COME = (
    "(CASE WHEN ({row}.buys OR {row}.stage = 'new') AND {row}.stage IN ('new', 'checked', 'uploaded')"
    " AND {row}.status IN ('ready', 'running', 'waiting', 'held') THEN COALESCE({row}.quoted, 1) ELSE 0 END)"
)


def _count(row: str, sign: str) -> str:
    return (
        f"INSERT INTO tally VALUES ({row}.account, COALESCE({row}.batch, ''), {row}.status, {row}.reason, {sign} 1,"
        f" {sign} COALESCE({row}.quoted, 1), {sign} COALESCE({row}.charged, 0), {sign} {_TO_COME.format(row=row)})"
        " ON CONFLICT (account, batch, status, reason) DO UPDATE SET jobs = jobs + excluded.jobs,"
        " quoted = quoted + excluded.quoted, charged = charged + excluded.charged,"
        " to_come = to_come + excluded.to_come;"
    )


COUNTING = f"""
CREATE TABLE tally (
    account TEXT NOT NULL, batch TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    jobs INTEGER NOT NULL, quoted INTEGER NOT NULL, charged INTEGER NOT NULL, to_come INTEGER NOT NULL,
    PRIMARY KEY (account, batch, status, reason)
) STRICT;
CREATE INDEX tally_held ON tally (account, reason) WHERE status = 'held' AND jobs > 0;
CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
{_count("new", "+")}
END;
CREATE TRIGGER job_changed AFTER UPDATE OF status, reason, stage, quoted, charged, buys ON jobs BEGIN
{_count("old", "-")}
{_count("new", "+")}
END;

CREATE TABLE aside (job INTEGER PRIMARY KEY REFERENCES jobs (id)) STRICT;
CREATE TRIGGER aside_until_it_moves AFTER UPDATE OF status ON jobs WHEN old.status <> new.status BEGIN
DELETE FROM aside WHERE job = new.id;
END;
"""


def create_tables(db: apsw.Connection) -> None:
    """The first shape of the journal."""
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    db.execute("INSERT INTO meta VALUES ('uuid', ?)", (str(uuid4()),))
    db.execute(TABLES)
    db.execute(SPENDING)
    db.execute(COUNTING)


MIGRATIONS: tuple[Callable[[apsw.Connection], None], ...] = (create_tables,)
"""Each step once, in this order; the number of steps taken is the file's ``user_version``."""
