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

-- Whether the day of an account was taken by the rule that no single wrong clock can move it: an older one is looked at
-- once more, and set back where it is later than every clock.
ALTER TABLE accounts ADD COLUMN day_sure INTEGER NOT NULL DEFAULT 1;
UPDATE accounts SET day_sure = 0;
