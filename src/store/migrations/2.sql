-- From version 1: DMARC verdicts, tombstones, settings and digests of notifications, full-text search.
ALTER TABLE users ADD COLUMN digest_at INTEGER;
ALTER TABLE emails ADD COLUMN dmarc TEXT NOT NULL DEFAULT '' CHECK (dmarc IN ('', 'pass', 'fail'));
ALTER TABLE notifications ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;
CREATE INDEX notifications_digest ON notifications (user_id) WHERE digest;
CREATE TABLE notification_settings (
  user_id  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  kind     TEXT    NOT NULL CHECK (kind IN ('assigned', 'email', 'note')),
  listed   INTEGER NOT NULL,
  by_email TEXT    NOT NULL CHECK (by_email IN ('immediately', 'digest', 'off')),
  PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO notification_settings SELECT id, 'assigned', 1, notify_assignment FROM users WHERE notify_assignment <> 'immediately';
ALTER TABLE users DROP COLUMN notify_assignment;
CREATE TABLE tombstones (
  hash       BLOB    PRIMARY KEY,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIEW email_texts AS
  SELECT e.id, e.subject,
    (SELECT group_concat(name || ' ' || address, char(10)) FROM (SELECT a.name, a.address FROM email_addresses a
      WHERE a.email_id = e.id AND a.field <> 'bcc' ORDER BY a.field, a.position)) AS addresses,
    substr(e.text, 1, 262144) AS text
  FROM emails e;
CREATE VIRTUAL TABLE email_index USING fts5 (
  subject, addresses, text, content = 'email_texts', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');
CREATE TRIGGER emails_leave_index BEFORE DELETE ON emails
WHEN EXISTS (SELECT 1 FROM email_index_docsize d WHERE d.id = old.id)
BEGIN
  DELETE FROM email_index WHERE rowid = old.id;
END;
CREATE VIRTUAL TABLE case_index USING fts5 (
  name, description, content = 'cases', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');
CREATE TRIGGER cases_change_index AFTER UPDATE OF name, description ON cases
WHEN (old.name <> new.name OR old.description <> new.description)
  AND EXISTS (SELECT 1 FROM case_index_docsize d WHERE d.id = old.id)
BEGIN
  INSERT INTO case_index (case_index, rowid, name, description) VALUES ('delete', old.id, old.name, old.description);
  INSERT INTO case_index (rowid, name, description) VALUES (new.id, new.name, new.description);
END;
CREATE INDEX cases_requester ON cases (requester_user_id) WHERE requester_user_id IS NOT NULL;
