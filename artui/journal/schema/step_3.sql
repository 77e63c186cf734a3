-- Since when an account's service does not answer, in epoch seconds, and why; NULL while it answers.
ALTER TABLE accounts ADD COLUMN away_since REAL;
ALTER TABLE accounts ADD COLUMN away_why TEXT NOT NULL DEFAULT '';

-- What is wrong now, as it was noticed last: what joins this table or leaves it becomes a notice.
CREATE TABLE conditions (
    code TEXT NOT NULL, subject TEXT NOT NULL, since REAL NOT NULL, count INTEGER NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (code, subject)
) STRICT;

-- What people are to be told, in the order in which it came about; `over` where a condition has ended.
CREATE TABLE notices (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL,
    subject TEXT NOT NULL, over INTEGER NOT NULL, count INTEGER NOT NULL, facts TEXT NOT NULL
) STRICT;
CREATE INDEX notices_by_kind ON notices (kind, seq);

-- How far each target was told of each kind: `told` is the last notice, `next_at` when it may hear again.
CREATE TABLE notified (
    target TEXT NOT NULL, kind TEXT NOT NULL, told INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL DEFAULT 0, PRIMARY KEY (target, kind)
) STRICT;

-- Who must do something: what is saved stands apart from what has ended without a result, and what a cap holds that no
-- day empties needs a person.
DROP INDEX jobs_pile;
ALTER TABLE jobs DROP COLUMN pile;
ALTER TABLE jobs ADD COLUMN pile TEXT NOT NULL GENERATED ALWAYS AS (CASE
    WHEN status IN ('done', 'skipped') THEN 'saved'
    WHEN status = 'cancelled' OR reason = 'given up' THEN 'ended'
    WHEN status = 'failed' OR status = 'held' AND reason NOT IN ('cap', 'paused', 'quota', 'same photo as another job') THEN 'needs you'
    WHEN status = 'held' AND reason = 'cap' AND hold_scope IN ('batch', 'rule', 'run') THEN 'needs you'
    WHEN status = 'waiting' AND reason = 'in QA' THEN 'in QA'
    WHEN status IN ('ready', 'held') OR reason = 'same photo as another job' THEN 'queued'
    ELSE 'active' END) VIRTUAL;
CREATE INDEX jobs_pile ON jobs (pile, batch, source);
CREATE INDEX jobs_capped ON jobs (account, batch)
    WHERE status = 'held' AND reason = 'cap' AND hold_scope IN ('batch', 'rule', 'run');
