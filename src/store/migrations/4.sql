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
