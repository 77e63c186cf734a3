-- A journal knows how many paid calls were ever intended, on which machine and in which folder it is at home, the marks
-- its keys carry, which payers may have been charged for what it does not know of, and executions without a photo here.

ALTER TABLE engine ADD COLUMN intents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE engine ADD COLUMN machine TEXT NOT NULL DEFAULT '';
ALTER TABLE engine ADD COLUMN folder BLOB NOT NULL DEFAULT x'';
UPDATE engine SET intents = (SELECT COUNT(*) FROM purchases);

CREATE TABLE origins (seq INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, since REAL NOT NULL) STRICT;
CREATE TABLE suspended (
    payer TEXT PRIMARY KEY, cause TEXT NOT NULL, message TEXT NOT NULL, since REAL NOT NULL
) STRICT;

CREATE TABLE cleared (payer TEXT PRIMARY KEY) STRICT;

ALTER TABLE jobs ADD COLUMN agreed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN found INTEGER NOT NULL DEFAULT 0;
-- What artui itself has saved, by its content: it is never taken for a photo by itself. Results come in by triggers, so
-- that no way leads past them; the layers of an archive are written before they are laid out.
CREATE TABLE published (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, job INTEGER NOT NULL REFERENCES jobs (id)
) STRICT;
CREATE INDEX published_size ON published (size);
CREATE TRIGGER results_added AFTER INSERT ON jobs WHEN new.results <> '[]' BEGIN
INSERT OR IGNORE INTO published SELECT result.value ->> 'digest', COALESCE(result.value ->> 'size', -1), new.id FROM json_each(new.results) AS result WHERE result.value -> 'path' <> 'null' AND result.value -> 'digest' <> 'null';
END;
CREATE TRIGGER results_changed AFTER UPDATE OF results ON jobs WHEN new.results <> '[]' BEGIN
INSERT OR IGNORE INTO published SELECT result.value ->> 'digest', COALESCE(result.value ->> 'size', -1), new.id FROM json_each(new.results) AS result WHERE result.value -> 'path' <> 'null' AND result.value -> 'digest' <> 'null';
END;
INSERT OR IGNORE INTO published SELECT result.value ->> 'digest', COALESCE(result.value ->> 'size', -1), jobs.id FROM jobs, json_each(jobs.results) AS result WHERE result.value -> 'path' <> 'null' AND result.value -> 'digest' <> 'null' ORDER BY jobs.id;

CREATE INDEX jobs_found ON jobs (payer, workflow, digest) WHERE found = 1;
-- Executions that show no key and may have been ordered while the journal was not this one, by the photo they are of.
CREATE TABLE elsewhere (
    payer TEXT NOT NULL, workflow TEXT NOT NULL, reference TEXT NOT NULL, execution TEXT NOT NULL,
    PRIMARY KEY (payer, workflow, reference)
) STRICT;

-- What bounds a look-up: readings that the service answered, wholly or in part, without settling it; the pages of its
-- list that came; and readings that it did not answer.
ALTER TABLE purchases ADD COLUMN readings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE purchases ADD COLUMN pages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE purchases ADD COLUMN silences INTEGER NOT NULL DEFAULT 0;

-- Labels are proven by the list alone, and for a payer: what counted so far may have been seen elsewhere.
CREATE TABLE labels_proven (payer TEXT PRIMARY KEY) STRICT;
ALTER TABLE accounts DROP COLUMN labels_proven;

-- A mark that lies ahead hides what is ordered next.
DELETE FROM marks WHERE unixepoch(created_at) > unixepoch();
UPDATE purchases SET mark = '' WHERE state = 'intended' AND unixepoch(mark) > intended_at;

-- How often a purchase was sent by itself beyond its first time, as far as bytes left or the service turned it away; the
-- content it was made for, which its key serves alone; and whether a person takes what there is of a result with gaps.
ALTER TABLE purchases ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE purchases ADD COLUMN digest TEXT NOT NULL DEFAULT '';
UPDATE purchases SET digest = (SELECT digest FROM jobs WHERE jobs.id = purchases.job) WHERE state <> 'refused';
ALTER TABLE jobs ADD COLUMN partial INTEGER NOT NULL DEFAULT 0;

-- Which executions the service itself has shown to be their purchase's, which accounts name photos as artui does, and
-- what is known of the digests an account states: nothing, asked (never right so far), matched, or ignored by a person.
-- as_is: a person takes a job's result however it comes.
ALTER TABLE executions ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN shows_photos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN digests TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN as_is INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_unsaved ON jobs (folder, status, stage, reason, size)
    WHERE status IN ('ready', 'running', 'waiting', 'held')
        AND stage IN ('submitting', 'submitted', 'processed', 'saved');

-- Retries. Where an execution was parked and asked to go on, only the last purchase of it got its charge: the earlier
-- ones stayed open beside that and counted in every cap, for good.
UPDATE purchases SET charged = 0 WHERE charged IS NULL AND state = 'known' AND EXISTS (
    SELECT 1 FROM purchases AS later WHERE later.job = purchases.job AND later.execution = purchases.execution
    AND later.number > purchases.number AND later.charged IS NOT NULL
);
-- The balance as the engine read it last, and its readings that were higher than the one before: by how much, and the
-- newest event when the service was asked.
ALTER TABLE accounts ADD COLUMN engine_balance INTEGER;
UPDATE accounts SET engine_balance = balance;
CREATE TABLE topups (
    seq INTEGER PRIMARY KEY, account TEXT NOT NULL, rise INTEGER NOT NULL, event INTEGER NOT NULL, at REAL NOT NULL
) STRICT;
CREATE INDEX topups_account ON topups (account, event);
-- Executions of a job beside the one it follows are read until what they cost is known, but not without end.
CREATE INDEX purchases_to_read ON purchases (account) WHERE charged IS NULL AND state = 'known';
-- What a version of a workflow was charged above what it was quoted at, and which price a person has accepted for it.
CREATE TABLE dearer (
    payer TEXT NOT NULL, workflow TEXT NOT NULL, version TEXT NOT NULL, charged INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0, job INTEGER NOT NULL REFERENCES jobs (id), at REAL NOT NULL,
    PRIMARY KEY (payer, workflow, version)
) STRICT;

-- Whether the day of an account was taken by the rule that no single wrong clock can move it: an older one is looked at
-- once more, and set back where it is later than every clock.
ALTER TABLE accounts ADD COLUMN day_sure INTEGER NOT NULL DEFAULT 1;
UPDATE accounts SET day_sure = 0;

-- Why a service did not tell the balance when it was asked last; empty where it did, or counts nothing.
ALTER TABLE accounts ADD COLUMN balance_unknown TEXT NOT NULL DEFAULT '';

-- What artui has stored at a service for one job each, where the account wants it removed afterwards. due: the job's
-- result is saved; shared: the service gave the same place for another job, so that it is nobody's to remove.
CREATE TABLE uploads (
    payer TEXT NOT NULL, reference TEXT NOT NULL, job INTEGER NOT NULL REFERENCES jobs (id),
    shared INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (payer, reference)
) STRICT;
CREATE INDEX uploads_due ON uploads (payer) WHERE due = 1;

-- The part of the address of webhooks that nobody can guess: it is sent to services, and whoever calls must know it.
ALTER TABLE engine ADD COLUMN webhook TEXT NOT NULL DEFAULT '';
UPDATE engine SET webhook = lower(hex(randomblob(16)));

-- The digest of the picture alone, '' where there is none and for what was checked before: one picture has one buyer,
-- whatever else is written into its file.
ALTER TABLE jobs ADD COLUMN picture TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX one_buyer_of_picture ON jobs (payer, recipe, picture, copy) WHERE buys = 1 AND picture <> '';
CREATE UNIQUE INDEX one_buyer_of_picture_of_rule ON jobs (rule, picture, copy)
    WHERE buys = 1 AND rule <> '' AND picture <> '';
CREATE INDEX jobs_picture ON jobs (payer, picture) WHERE picture <> '';

-- What of a photo's metadata its results get: none, keep-rights or keep.
ALTER TABLE jobs ADD COLUMN metadata TEXT NOT NULL DEFAULT 'none';

-- Which cap holds a job, or what is paused: so far only the sentence told, which began so.
ALTER TABLE jobs ADD COLUMN hold_scope TEXT NOT NULL DEFAULT '';
UPDATE jobs SET hold_scope = CASE
    WHEN message LIKE 'the cap of this run is reached%' THEN 'run'
    WHEN message LIKE 'the cap of this batch is reached%' THEN 'batch'
    WHEN message LIKE 'today''s cap for the rule %' THEN 'rule day'
    WHEN message LIKE 'this month''s cap for the rule %' THEN 'rule month'
    WHEN message LIKE 'the cap of the rule %' THEN 'rule'
    WHEN message LIKE 'today''s cap of %' THEN 'day'
    WHEN message LIKE 'this month''s cap of %' THEN 'month'
    ELSE '' END
WHERE status = 'held' AND reason = 'cap';
UPDATE jobs SET hold_scope = iif(message LIKE 'the rule % is paused by a person (%', 'rule', 'account')
WHERE status = 'held' AND reason = 'paused';

-- Why a rule takes nothing (its message told that only in words): the next look at its folder says it.
ALTER TABLE rules ADD COLUMN cause TEXT NOT NULL DEFAULT '';
