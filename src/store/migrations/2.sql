-- From version 1: DMARC verdicts, tombstones, settings and digests of notifications.
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
