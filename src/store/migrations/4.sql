-- From version 3.
-- Folders and states of mail per user.
CREATE TABLE folders (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL COLLATE NOCASE,
  user_id    INTEGER REFERENCES users ON DELETE CASCADE,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX folders_name ON folders (coalesce(user_id, 0), name);
CREATE TABLE folder_teams (
  folder_id INTEGER NOT NULL REFERENCES folders ON DELETE CASCADE,
  team_id   INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (folder_id, team_id)
) STRICT, WITHOUT ROWID;
ALTER TABLE accounts ADD COLUMN group_folder_id INTEGER REFERENCES folders ON DELETE SET NULL;
ALTER TABLE emails ADD COLUMN group_folder_id INTEGER REFERENCES folders ON DELETE SET NULL;
ALTER TABLE emails ADD COLUMN group_place TEXT NOT NULL DEFAULT '' CHECK (group_place IN ('', 'archive', 'trash'));
CREATE INDEX emails_group_folder ON emails (group_folder_id) WHERE group_folder_id IS NOT NULL;
ALTER TABLE email_users ADD COLUMN folder_id INTEGER REFERENCES folders ON DELETE SET NULL;
CREATE INDEX email_users_folder ON email_users (folder_id, email_id) WHERE folder_id IS NOT NULL;
-- Personal accounts and the privacy of their mail.
ALTER TABLE accounts ADD COLUMN read_sent TEXT NOT NULL DEFAULT 'no';
ALTER TABLE account_folders ADD COLUMN sent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account_folders ADD COLUMN put_in TEXT NOT NULL DEFAULT '' CHECK (put_in IN ('', 'archive', 'trash'));
ALTER TABLE account_folders ADD COLUMN folder_id INTEGER REFERENCES folders ON DELETE SET NULL;
ALTER TABLE emails ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
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
-- Filters.
CREATE TABLE filters (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  name        TEXT    NOT NULL COLLATE NOCASE,
  account_id  INTEGER REFERENCES accounts ON DELETE CASCADE,
  user_id     INTEGER REFERENCES users ON DELETE CASCADE,
  position    INTEGER NOT NULL,
  over_global INTEGER NOT NULL DEFAULT 0,
  continues   INTEGER NOT NULL DEFAULT 0,
  active      INTEGER NOT NULL DEFAULT 1,
  conditions  TEXT    NOT NULL CHECK (conditions <> ''),
  hits        INTEGER NOT NULL DEFAULT 0,
  last_hit_at INTEGER,
  created_at  INTEGER NOT NULL,
  CHECK (account_id IS NULL OR user_id IS NULL)
) STRICT;
CREATE UNIQUE INDEX filters_name ON filters (coalesce(user_id, 0), coalesce(account_id, 0), name);
CREATE INDEX filters_account ON filters (account_id) WHERE account_id IS NOT NULL;
CREATE TABLE filter_actions (
  filter_id INTEGER NOT NULL REFERENCES filters ON DELETE CASCADE,
  position  INTEGER NOT NULL,
  kind      TEXT    NOT NULL,
  value     TEXT    NOT NULL DEFAULT '',
  team_id   INTEGER REFERENCES teams,
  user_id   INTEGER REFERENCES users,
  folder_id INTEGER REFERENCES folders ON DELETE SET NULL,
  PRIMARY KEY (filter_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX filter_actions_team ON filter_actions (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX filter_actions_folder ON filter_actions (folder_id) WHERE folder_id IS NOT NULL;
-- Texts away from what lists and lookups read; a key only where an id was signed with it.
DROP TRIGGER emails_leave_index;
DROP VIEW email_texts;
CREATE TABLE email_bodies (
  email_id INTEGER PRIMARY KEY REFERENCES emails ON DELETE CASCADE,
  text     TEXT    NOT NULL
) STRICT;
INSERT INTO email_bodies SELECT id, text FROM emails ORDER BY id;
CREATE TABLE new_emails (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  key         TEXT,
  message_id  TEXT    NOT NULL,
  raw_id      INTEGER REFERENCES raw_messages,
  status      TEXT    NOT NULL CHECK (status IN ('Draft', 'Sending', 'Sent', 'Archived', 'Failed')),
  subject     TEXT    NOT NULL,
  from_name   TEXT    NOT NULL DEFAULT '',
  from_address TEXT   NOT NULL DEFAULT '',
  date        INTEGER,
  received_at INTEGER NOT NULL,
  has_html    INTEGER NOT NULL DEFAULT 0,
  parent_type TEXT CHECK (parent_type IN ('company', 'contact', 'lead', 'opportunity', 'case')),
  parent_id   INTEGER,
  verified    INTEGER NOT NULL DEFAULT 1,
  automatic   TEXT    NOT NULL DEFAULT '',
  user_id     INTEGER REFERENCES users,
  flow_account_id INTEGER REFERENCES accounts,
  truncated   INTEGER NOT NULL DEFAULT 0,
  flagged     TEXT    NOT NULL DEFAULT '',
  created_at  INTEGER NOT NULL,
  dmarc       TEXT    NOT NULL DEFAULT '' CHECK (dmarc IN ('', 'pass', 'fail')),
  group_folder_id INTEGER REFERENCES folders ON DELETE SET NULL,
  group_place TEXT    NOT NULL DEFAULT '' CHECK (group_place IN ('', 'archive', 'trash')),
  private     INTEGER NOT NULL DEFAULT 0,
  CHECK ((parent_type IS NULL) = (parent_id IS NULL))
) STRICT;
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_emails', seq FROM sqlite_sequence WHERE name = 'emails';
INSERT INTO new_emails (id, key, message_id, raw_id, status, subject, from_name, from_address, date, received_at, has_html,
  parent_type, parent_id, verified, automatic, user_id, flow_account_id, truncated, flagged, created_at, dmarc,
  group_folder_id, group_place, private)
  SELECT id, key, message_id, raw_id, status, subject, from_name, from_address, date, received_at, has_html,
  parent_type, parent_id, verified, automatic, user_id, flow_account_id, truncated, flagged, created_at, dmarc,
  group_folder_id, group_place, private FROM emails ORDER BY id;
DROP TABLE emails;
ALTER TABLE new_emails RENAME TO emails;
CREATE UNIQUE INDEX emails_key ON emails (key) WHERE key IS NOT NULL;
CREATE INDEX emails_message_id ON emails (message_id);
CREATE INDEX emails_parent ON emails (parent_type, parent_id, id);
CREATE INDEX emails_received ON emails (received_at);
CREATE INDEX emails_group_folder ON emails (group_folder_id) WHERE group_folder_id IS NOT NULL;
CREATE VIEW email_texts AS
  SELECT e.id, e.subject,
    (SELECT group_concat(name || ' ' || address, char(10)) FROM (SELECT a.name, a.address FROM email_addresses a
      WHERE a.email_id = e.id AND a.field <> 'bcc' ORDER BY a.field, a.position)) AS addresses,
    substr(b.text, 1, 262144) AS text
  FROM emails e JOIN email_bodies b ON b.email_id = e.id;
CREATE TRIGGER emails_leave_index BEFORE DELETE ON emails
WHEN EXISTS (SELECT 1 FROM email_index_docsize d WHERE d.id = old.id)
BEGIN
  DELETE FROM email_index WHERE rowid = old.id;
END;
-- The log of what commands wrote.
CREATE TABLE log_entries (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  uid        INTEGER NOT NULL,
  caller_uid INTEGER NOT NULL,
  user_id    INTEGER REFERENCES users,
  as_user_id INTEGER REFERENCES users,
  command    TEXT    NOT NULL,
  outcome    TEXT    NOT NULL CHECK (outcome IN ('done', 'begun', 'partial', 'failed')),
  more       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE log_objects (
  entry_id INTEGER NOT NULL REFERENCES log_entries ON DELETE CASCADE,
  kind     TEXT    NOT NULL,
  row_id   INTEGER NOT NULL,
  PRIMARY KEY (entry_id, kind, row_id)
) STRICT, WITHOUT ROWID;
-- Roles.
CREATE TABLE roles (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE role_permissions (
  role_id    INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
  permission TEXT    NOT NULL,
  level      TEXT    NOT NULL CHECK (level IN ('no', 'own', 'team', 'all', 'yes')),
  PRIMARY KEY (role_id, permission)
) STRICT, WITHOUT ROWID;
CREATE TABLE role_users (
  role_id INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  PRIMARY KEY (role_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_users_user ON role_users (user_id);
CREATE TABLE role_teams (
  role_id INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
  team_id INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (role_id, team_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_teams_team ON role_teams (team_id);
-- Notes that name another record.
ALTER TABLE notes ADD COLUMN about_type TEXT;
ALTER TABLE notes ADD COLUMN about_id INTEGER;
-- Servers that people named through sudo.
ALTER TABLE accounts ADD COLUMN imap_confined INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN smtp_confined INTEGER NOT NULL DEFAULT 0;
-- Names of what was deleted.
CREATE TABLE gone_things (
  kind   TEXT    NOT NULL,
  row_id INTEGER NOT NULL,
  name   TEXT    NOT NULL,
  PRIMARY KEY (kind, row_id)
) STRICT, WITHOUT ROWID;
