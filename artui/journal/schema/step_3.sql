-- Since when an account's service does not answer, in epoch seconds, and why; NULL while it answers.
ALTER TABLE accounts ADD COLUMN away_since REAL;
ALTER TABLE accounts ADD COLUMN away_why TEXT NOT NULL DEFAULT '';
-- Until when a service has asked to be left alone, in epoch seconds.
ALTER TABLE accounts ADD COLUMN rests_until REAL;

-- Mode (octal digits) and group that a rule's results get; '' where it says none.
ALTER TABLE rules ADD COLUMN file_mode TEXT NOT NULL DEFAULT '';
ALTER TABLE rules ADD COLUMN file_group TEXT NOT NULL DEFAULT '';
-- Where the disk was mounted that a rule's results went to; NULL until it was looked at.
ALTER TABLE rules ADD COLUMN output_mount BLOB;
-- The id of the rule whose results it takes; '' for a rule that takes no results.
ALTER TABLE rules ADD COLUMN follows TEXT NOT NULL DEFAULT '';

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

-- What a person has decided about a result, as it stands now, and each decision as it was made: no row is ever changed.
ALTER TABLE jobs ADD COLUMN review TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN review_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_rejected ON jobs (account, batch) WHERE review = 'rejected';
CREATE TABLE reviews (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL REFERENCES jobs (id), at REAL NOT NULL,
    who TEXT NOT NULL, decision TEXT NOT NULL CHECK (decision IN ('kept', 'rejected', 'taken back')),
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX reviews_job ON reviews (job, seq);
CREATE TRIGGER reviews_stay BEFORE UPDATE ON reviews BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END;
CREATE TRIGGER reviews_last BEFORE DELETE ON reviews BEGIN SELECT RAISE(ABORT, 'a decision is never removed'); END;
-- Files of results that are about to be moved, written before the first of them is: JSON, a list of from, to, digest.
CREATE TABLE moving (job INTEGER PRIMARY KEY REFERENCES jobs (id), files TEXT NOT NULL) STRICT;

-- The stem a job's results would have had, had the name been free; which job's result it is to replace; and what a
-- person has put first among those that wait for their turn.
ALTER TABLE jobs ADD COLUMN wanted BLOB NOT NULL DEFAULT x'';
ALTER TABLE jobs ADD COLUMN redo_of INTEGER REFERENCES jobs (id);
CREATE INDEX jobs_redo_of ON jobs (redo_of) WHERE redo_of IS NOT NULL;
ALTER TABLE jobs ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_ahead ON jobs (account, stage, ahead DESC, id)
    WHERE ahead > 0 AND status IN ('ready', 'running', 'waiting', 'held');
CREATE INDEX jobs_first ON jobs (ahead DESC, id) WHERE ahead > 0 AND status = 'ready';

-- Who must do something: what is saved stands apart from what has ended without a result, and what a cap holds that no
-- day empties needs a person.
DROP INDEX jobs_pile;
ALTER TABLE jobs DROP COLUMN pile;
ALTER TABLE jobs ADD COLUMN pile TEXT NOT NULL GENERATED ALWAYS AS (CASE
    WHEN status IN ('done', 'skipped') THEN iif(review = 'rejected', 'ended', 'saved')
    WHEN status = 'cancelled' OR reason = 'given up' THEN 'ended'
    WHEN status = 'failed' OR status = 'held' AND reason NOT IN ('cap', 'paused', 'quota', 'same photo as another job') THEN 'needs you'
    WHEN status = 'held' AND reason = 'cap' AND hold_scope IN ('batch', 'rule', 'run') THEN 'needs you'
    WHEN status = 'waiting' AND reason = 'in QA' THEN 'in QA'
    WHEN status IN ('ready', 'held') OR reason IN ('same photo as another job', 'outside its hours') THEN 'queued'
    ELSE 'active' END) VIRTUAL;
CREATE INDEX jobs_pile ON jobs (pile, batch, source);
CREATE INDEX jobs_capped ON jobs (account, batch)
    WHERE status = 'held' AND reason = 'cap' AND hold_scope IN ('batch', 'rule', 'run');

-- A copy of a photo that is bought costs nothing, and is nothing that is to come.
ALTER TABLE jobs ADD COLUMN known_copy INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER job_added;
DROP TRIGGER job_changed;
CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
INSERT INTO tally VALUES (new.account, COALESCE(new.batch, ''), new.status, new.reason, + 1, + iif(new.buys = 0 AND (new.known_copy OR new.twin_of IS NOT NULL), 0, COALESCE(new.quoted, 1)), + COALESCE(new.charged, 0), + (CASE WHEN (new.buys OR new.stage = 'new') AND new.stage IN ('new', 'checked', 'uploaded') AND new.status IN ('ready', 'running', 'waiting', 'held') THEN iif(new.buys = 0 AND (new.known_copy OR new.twin_of IS NOT NULL), 0, COALESCE(new.quoted, 1)) ELSE 0 END)) ON CONFLICT (account, batch, status, reason) DO UPDATE SET jobs = jobs + excluded.jobs, quoted = quoted + excluded.quoted, charged = charged + excluded.charged, to_come = to_come + excluded.to_come;
END;
CREATE TRIGGER job_changed AFTER UPDATE OF status, reason, stage, quoted, charged, buys, twin_of ON jobs BEGIN
INSERT INTO tally VALUES (old.account, COALESCE(old.batch, ''), old.status, old.reason, - 1, - iif(old.buys = 0 AND (old.known_copy OR old.twin_of IS NOT NULL), 0, COALESCE(old.quoted, 1)), - COALESCE(old.charged, 0), - (CASE WHEN (old.buys OR old.stage = 'new') AND old.stage IN ('new', 'checked', 'uploaded') AND old.status IN ('ready', 'running', 'waiting', 'held') THEN iif(old.buys = 0 AND (old.known_copy OR old.twin_of IS NOT NULL), 0, COALESCE(old.quoted, 1)) ELSE 0 END)) ON CONFLICT (account, batch, status, reason) DO UPDATE SET jobs = jobs + excluded.jobs, quoted = quoted + excluded.quoted, charged = charged + excluded.charged, to_come = to_come + excluded.to_come;
INSERT INTO tally VALUES (new.account, COALESCE(new.batch, ''), new.status, new.reason, + 1, + iif(new.buys = 0 AND (new.known_copy OR new.twin_of IS NOT NULL), 0, COALESCE(new.quoted, 1)), + COALESCE(new.charged, 0), + (CASE WHEN (new.buys OR new.stage = 'new') AND new.stage IN ('new', 'checked', 'uploaded') AND new.status IN ('ready', 'running', 'waiting', 'held') THEN iif(new.buys = 0 AND (new.known_copy OR new.twin_of IS NOT NULL), 0, COALESCE(new.quoted, 1)) ELSE 0 END)) ON CONFLICT (account, batch, status, reason) DO UPDATE SET jobs = jobs + excluded.jobs, quoted = quoted + excluded.quoted, charged = charged + excluded.charged, to_come = to_come + excluded.to_come;
END;
DELETE FROM tally;
INSERT INTO tally
    SELECT account, COALESCE(batch, ''), status, reason, COUNT(*),
        SUM(iif(buys = 0 AND twin_of IS NOT NULL, 0, COALESCE(quoted, 1))), SUM(COALESCE(charged, 0)),
        SUM(CASE WHEN (buys OR stage = 'new') AND stage IN ('new', 'checked', 'uploaded')
            AND status IN ('ready', 'running', 'waiting', 'held')
            THEN iif(buys = 0 AND twin_of IS NOT NULL, 0, COALESCE(quoted, 1)) ELSE 0 END)
    FROM jobs GROUP BY 1, 2, 3, 4;

-- The executions that a look-up found for the photo of a purchase in doubt, without its label: JSON, a list of ids.
ALTER TABLE purchases ADD COLUMN lookalikes TEXT NOT NULL DEFAULT '[]';

-- A found execution counts in the sums of its photo's rule and batch once that has turned up: a purchase that gets others
-- moves from the sums of the ones to those of the others.
DROP TRIGGER purchase_changed;
CREATE TRIGGER purchase_changed AFTER UPDATE ON purchases
WHEN (CASE WHEN old.state = 'refused' THEN 0 ELSE COALESCE(old.charged, old.reserved) END, (old.charged IS NULL AND old.state IN ('intended', 'known')), old.day, old.month, old.rule, old.batch) IS NOT (CASE WHEN new.state = 'refused' THEN 0 ELSE COALESCE(new.charged, new.reserved) END, (new.charged IS NULL AND new.state IN ('intended', 'known')), new.day, new.month, new.rule, new.batch) BEGIN
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

-- The operator's command that is run with results once they are saved, and when: as a rule says (JSON, a list), and as was
-- said for a job alone ('' where nothing was).
ALTER TABLE rules ADD COLUMN after_saved TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rules ADD COLUMN deliver TEXT NOT NULL DEFAULT 'saved';
-- The hours outside of which a rule sends nothing new; '' for none.
ALTER TABLE rules ADD COLUMN hours TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN after_saved TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN deliver TEXT NOT NULL DEFAULT '';

-- What is to be run with a job's saved results, and how far that has come: `delivered` of them were handed over, `due` in
-- epoch seconds is NULL while nothing is to be done by itself, `output` the end of what the command said last, or why not.
CREATE TABLE deliveries (
    job INTEGER PRIMARY KEY REFERENCES jobs (id), command TEXT NOT NULL, wanted TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'done', 'failed')),
    delivered INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, due REAL, output TEXT NOT NULL DEFAULT '',
    changed_at REAL NOT NULL
) STRICT;
CREATE INDEX deliveries_due ON deliveries (due) WHERE state = 'pending' AND due IS NOT NULL;
CREATE INDEX deliveries_open ON deliveries (state, job) WHERE state <> 'done';

-- The highest share of a cap in per cent that was told of in its period; another limit is told of anew.
CREATE TABLE cap_levels (
    subject TEXT NOT NULL, cap TEXT NOT NULL, period TEXT NOT NULL, "limit" INTEGER NOT NULL, level INTEGER NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (subject, cap, period, "limit")
) STRICT;

-- A rule buys a photo, and a picture, once for each workflow it has or had: the result of one is never another's.
DROP INDEX one_buyer_of_rule;
DROP INDEX one_buyer_of_picture_of_rule;
CREATE UNIQUE INDEX one_buyer_of_rule ON jobs (rule, digest, copy, workflow) WHERE buys = 1 AND rule <> '';
CREATE UNIQUE INDEX one_buyer_of_picture_of_rule ON jobs (rule, picture, copy, workflow)
    WHERE buys = 1 AND rule <> '' AND picture <> '';

-- What a service calls an upload is of one photo.
CREATE INDEX jobs_reference ON jobs (payer, reference) WHERE reference <> '';

-- Which execution each file at a service is a result of, where no file can be one of two.
CREATE TABLE result_files (
    payer TEXT NOT NULL, file TEXT NOT NULL, execution TEXT NOT NULL, PRIMARY KEY (payer, file)
) STRICT;
