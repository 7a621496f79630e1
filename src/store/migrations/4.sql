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
CREATE UNIQUE INDEX filters_name ON filters (coalesce(user_id, 0), name);
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
