-- Since when an account's service does not answer, in epoch seconds, and why; NULL while it answers.
ALTER TABLE accounts ADD COLUMN away_since REAL;
ALTER TABLE accounts ADD COLUMN away_why TEXT NOT NULL DEFAULT '';

-- Mode (octal digits) and group that a rule's results get; '' where it says none.
ALTER TABLE rules ADD COLUMN file_mode TEXT NOT NULL DEFAULT '';
ALTER TABLE rules ADD COLUMN file_group TEXT NOT NULL DEFAULT '';
-- Where the disk was mounted that a rule's results went to; NULL until it was looked at.
ALTER TABLE rules ADD COLUMN output_mount BLOB;

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
