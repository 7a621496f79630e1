-- From version 3.
-- Sending: what came back, what is kept, what is measured.
ALTER TABLE accounts ADD COLUMN store_sent TEXT;
ALTER TABLE accounts ADD COLUMN breaker_reset_at INTEGER;
ALTER TABLE cases ADD COLUMN first_response_at INTEGER;
ALTER TABLE outbox ADD COLUMN failing_since INTEGER;
ALTER TABLE outbox_recipients ADD COLUMN bounce_id INTEGER REFERENCES emails ON DELETE SET NULL;
UPDATE cases SET first_response_at = (SELECT min(e.received_at) FROM emails e WHERE e.parent_type = 'case'
  AND e.parent_id = cases.id AND e.status IN ('Sending', 'Sent') AND e.automatic = '');
CREATE INDEX outbox_message_id ON outbox (message_id);
CREATE INDEX outbox_email ON outbox (email_id);
CREATE INDEX outbox_recipients_bounce ON outbox_recipients (bounce_id) WHERE bounce_id IS NOT NULL;
CREATE TABLE case_waits (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  since   INTEGER NOT NULL,
  until   INTEGER NOT NULL
) STRICT;
CREATE INDEX case_waits_case ON case_waits (case_id);
CREATE TABLE invalid_addresses (
  address TEXT    PRIMARY KEY,
  reason  TEXT    NOT NULL,
  since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE sent_copies (
  outbox_id   INTEGER PRIMARY KEY REFERENCES outbox ON DELETE CASCADE,
  attempts    INTEGER NOT NULL DEFAULT 0,
  next_try_at INTEGER NOT NULL,
  last_error  TEXT    NOT NULL DEFAULT ''
) STRICT;
