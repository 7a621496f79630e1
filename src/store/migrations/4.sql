-- From version 3.

-- Writing and sending: drafts, signatures, mail for later.
ALTER TABLE users ADD COLUMN signature TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN signature TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN not_before INTEGER;
CREATE TABLE drafts (
  email_id    INTEGER PRIMARY KEY REFERENCES emails ON DELETE CASCADE,
  account_id  INTEGER NOT NULL REFERENCES accounts,
  parent_type TEXT CHECK (parent_type IN ('company', 'contact', 'lead', 'opportunity', 'case')),
  parent_id   INTEGER,
  markdown    INTEGER NOT NULL DEFAULT 0,
  case_status TEXT,
  seen_id     INTEGER,
  CHECK ((parent_type IS NULL) = (parent_id IS NULL))
) STRICT;
