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
CREATE INDEX jobs_found ON jobs (payer, workflow, digest) WHERE found = 1;
