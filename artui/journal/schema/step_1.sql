-- The first shape of the journal, as it was written to disk: never edited. What changes is a step of its own.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

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
    stage TEXT NOT NULL CHECK (stage IN ('new', 'checked', 'uploaded', 'submitting', 'submitted', 'processed', 'saved')),
    status TEXT NOT NULL CHECK (status IN ('ready', 'running', 'waiting', 'held', 'done', 'skipped', 'failed', 'cancelled')),
    reason TEXT NOT NULL, message TEXT NOT NULL, due REAL, attempts INTEGER NOT NULL,
    media_type TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, digest TEXT NOT NULL,
    buys INTEGER NOT NULL, twin_of INTEGER REFERENCES jobs (id),
    reference TEXT NOT NULL, purchase INTEGER NOT NULL, execution TEXT NOT NULL, word TEXT NOT NULL,
    results TEXT NOT NULL, charged INTEGER, expires_at REAL, cancel INTEGER NOT NULL, keep INTEGER NOT NULL,
    created_at REAL NOT NULL, stage_at REAL NOT NULL, finished_at REAL,
    pile TEXT NOT NULL GENERATED ALWAYS AS (CASE
    WHEN status IN ('done', 'skipped', 'cancelled') OR reason = 'given up' THEN 'done'
    WHEN status = 'failed' OR status = 'held' AND reason NOT IN ('cap', 'paused', 'quota', 'same photo as another job') THEN 'needs you'
    WHEN status = 'waiting' AND reason = 'in QA' THEN 'in QA'
    WHEN status IN ('ready', 'held') OR reason = 'same photo as another job' THEN 'queued'
    ELSE 'active' END) VIRTUAL,
    CHECK ((status IN ('cancelled', 'done', 'failed', 'skipped')) = (finished_at IS NOT NULL)),
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
    kind TEXT NOT NULL CHECK (kind IN ('create', 'retry')),
    account TEXT NOT NULL, payer TEXT NOT NULL, endpoint TEXT NOT NULL, organization TEXT NOT NULL,
    workflow TEXT NOT NULL, version TEXT NOT NULL, reference TEXT NOT NULL, draft TEXT NOT NULL,
    mark TEXT NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0), charged INTEGER,
    state TEXT NOT NULL CHECK (state IN ('intended', 'refused', 'known', 'presumed spent')),
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
    not_taken TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE seen (
    rule TEXT NOT NULL REFERENCES rules (id), name BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('existing', 'refused', 'taken', 'leaving', 'kept', 'moved')),
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

CREATE TABLE spending (
    account TEXT NOT NULL, scope TEXT NOT NULL, period TEXT NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (account, scope, period)
) STRICT;
CREATE TRIGGER purchase_added AFTER INSERT ON purchases BEGIN
INSERT INTO spending SELECT new.account, 'open', '', + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'day', new.day, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'month', new.month, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'run', new.run, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE 1 ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'batch', new.batch, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.batch IS NOT NULL ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule', new.rule, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule open', new.rule, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' AND (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule day', new.rule || ' ' || new.day, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' AND NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule month', new.rule || ' ' || new.month, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' AND NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
END;
CREATE TRIGGER purchase_changed AFTER UPDATE ON purchases
WHEN (CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END, (old.charged IS NULL AND old.state IN ('intended', 'known')), old.day, old.month) IS NOT (CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END, (new.charged IS NULL AND new.state IN ('intended', 'known')), new.day, new.month) BEGIN
INSERT INTO spending SELECT old.account, 'open', '', - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE (old.charged IS NULL AND old.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'day', old.day, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE NOT (old.charged IS NULL AND old.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'month', old.month, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE NOT (old.charged IS NULL AND old.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'run', old.run, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE 1 ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'batch', old.batch, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE old.batch IS NOT NULL ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'rule', old.rule, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE old.rule <> '' ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'rule open', old.rule, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE old.rule <> '' AND (old.charged IS NULL AND old.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'rule day', old.rule || ' ' || old.day, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE old.rule <> '' AND NOT (old.charged IS NULL AND old.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT old.account, 'rule month', old.rule || ' ' || old.month, - CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END WHERE old.rule <> '' AND NOT (old.charged IS NULL AND old.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'open', '', + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'day', new.day, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'month', new.month, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'run', new.run, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE 1 ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'batch', new.batch, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.batch IS NOT NULL ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule', new.rule, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule open', new.rule, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' AND (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule day', new.rule || ' ' || new.day, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' AND NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
INSERT INTO spending SELECT new.account, 'rule month', new.rule || ' ' || new.month, + CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END WHERE new.rule <> '' AND NOT (new.charged IS NULL AND new.state IN ('intended', 'known')) ON CONFLICT (account, scope, period) DO UPDATE SET amount = amount + excluded.amount;
END;
CREATE TRIGGER facts_stay BEFORE UPDATE ON facts BEGIN SELECT RAISE(ABORT, 'facts are never changed'); END;
CREATE TRIGGER facts_last BEFORE DELETE ON facts BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;

CREATE TABLE tally (
    account TEXT NOT NULL, batch TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    jobs INTEGER NOT NULL, quoted INTEGER NOT NULL, charged INTEGER NOT NULL, to_come INTEGER NOT NULL,
    PRIMARY KEY (account, batch, status, reason)
) STRICT;
CREATE INDEX tally_held ON tally (account, reason) WHERE status = 'held' AND jobs > 0;
CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
INSERT INTO tally VALUES (new.account, COALESCE(new.batch, ''), new.status, new.reason, + 1, + COALESCE(new.quoted, 1), + COALESCE(new.charged, 0), + (CASE WHEN (new.buys OR new.stage = 'new') AND new.stage IN ('new', 'checked', 'uploaded') AND new.status IN ('ready', 'running', 'waiting', 'held') THEN COALESCE(new.quoted, 1) ELSE 0 END)) ON CONFLICT (account, batch, status, reason) DO UPDATE SET jobs = jobs + excluded.jobs, quoted = quoted + excluded.quoted, charged = charged + excluded.charged, to_come = to_come + excluded.to_come;
END;
CREATE TRIGGER job_changed AFTER UPDATE OF status, reason, stage, quoted, charged, buys ON jobs BEGIN
INSERT INTO tally VALUES (old.account, COALESCE(old.batch, ''), old.status, old.reason, - 1, - COALESCE(old.quoted, 1), - COALESCE(old.charged, 0), - (CASE WHEN (old.buys OR old.stage = 'new') AND old.stage IN ('new', 'checked', 'uploaded') AND old.status IN ('ready', 'running', 'waiting', 'held') THEN COALESCE(old.quoted, 1) ELSE 0 END)) ON CONFLICT (account, batch, status, reason) DO UPDATE SET jobs = jobs + excluded.jobs, quoted = quoted + excluded.quoted, charged = charged + excluded.charged, to_come = to_come + excluded.to_come;
INSERT INTO tally VALUES (new.account, COALESCE(new.batch, ''), new.status, new.reason, + 1, + COALESCE(new.quoted, 1), + COALESCE(new.charged, 0), + (CASE WHEN (new.buys OR new.stage = 'new') AND new.stage IN ('new', 'checked', 'uploaded') AND new.status IN ('ready', 'running', 'waiting', 'held') THEN COALESCE(new.quoted, 1) ELSE 0 END)) ON CONFLICT (account, batch, status, reason) DO UPDATE SET jobs = jobs + excluded.jobs, quoted = quoted + excluded.quoted, charged = charged + excluded.charged, to_come = to_come + excluded.to_come;
END;

CREATE TABLE aside (job INTEGER PRIMARY KEY REFERENCES jobs (id)) STRICT;
CREATE TRIGGER aside_until_it_moves AFTER UPDATE OF status ON jobs WHEN old.status <> new.status BEGIN
DELETE FROM aside WHERE job = new.id;
END;
