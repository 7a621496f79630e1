-- The whole current schema of an espomail database (SQLite, user_version 5).
-- New databases are made from this file; older ones get there by src/store/migrations/.
--
-- Times are whole seconds since 1970-01-01T00:00:00Z. Ids are never reused. Enums are text labels in
-- EspoCRM's words. Addresses and message ids are stored in the form they are compared in: addresses in
-- lower case, message ids without angle brackets. Where rows are many, a CHECK has OR: for a longer list after IN, SQLite makes a
-- table in each INSERT.

-- One row of facts about this installation.
CREATE TABLE instance (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  secret          BLOB    NOT NULL,               -- 32 random bytes: the key of the MAC in our message ids
  next_case       INTEGER NOT NULL DEFAULT 1,     -- the number of the next case
  created_at      INTEGER NOT NULL,
  last_fetch_at   INTEGER,                        -- end of the last `fetch` that polled something
  last_backup_at  INTEGER,
  backup_made_at  INTEGER,                        -- in a backup: when it was made; the first command that writes into it settles that
  restored_at     INTEGER,                        -- when that was; mail from before gets no automatic reply or notice
  restored_from   INTEGER                         -- when the backup was made
) STRICT;

-- People and teams ------------------------------------------------------------------------------------

CREATE TABLE users (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  username    TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  name        TEXT    NOT NULL DEFAULT '',
  type        TEXT    NOT NULL DEFAULT 'regular' CHECK (type IN ('admin', 'regular')),
  active      INTEGER NOT NULL DEFAULT 1,
  login       TEXT    NOT NULL,                   -- the operating system's name of this person
  away        INTEGER NOT NULL DEFAULT 0,
  away_until  INTEGER,                            -- with away: until then; NULL = until switched off
  created_at  INTEGER NOT NULL,
  digest_at   INTEGER,                            -- when the last digest of notifications went into the outbox
  signature   TEXT    NOT NULL DEFAULT ''         -- plain text, without its line of dashes
) STRICT;
CREATE INDEX users_login ON users (login);

CREATE TABLE user_addresses (
  address    TEXT    PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  is_primary INTEGER NOT NULL DEFAULT 0,
  position   INTEGER NOT NULL DEFAULT 0           -- order in which they are shown
) STRICT;
CREATE INDEX user_addresses_user ON user_addresses (user_id);

CREATE TABLE teams (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE team_members (
  team_id  INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  user_id  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  position TEXT    NOT NULL DEFAULT '',           -- free text, compared exactly (distribution)
  PRIMARY KEY (team_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_user ON team_members (user_id);

-- What people may see and do (B11.2). Where no role of a user says anything about a permission, its default holds.
CREATE TABLE roles (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE role_permissions (
  role_id    INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
  permission TEXT    NOT NULL,                    -- case-read, case-edit …: Permission in src/store/levels.rs
  level      TEXT    NOT NULL CHECK (level IN ('no', 'own', 'team', 'all', 'yes')),
  PRIMARY KEY (role_id, permission)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_users (
  role_id INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  PRIMARY KEY (role_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_users_user ON role_users (user_id);

-- A role of a team is one of all its members.
CREATE TABLE role_teams (
  role_id INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
  team_id INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (role_id, team_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_teams_team ON role_teams (team_id);

-- Mail folders ----------------------------------------------------------------------------------------

-- Personal ones, and group ones that the teams of the folder see (B6.3).
CREATE TABLE folders (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL COLLATE NOCASE,
  user_id    INTEGER REFERENCES users ON DELETE CASCADE, -- whose it is; NULL = a group folder
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX folders_name ON folders (coalesce(user_id, 0), name);

CREATE TABLE folder_teams (
  folder_id INTEGER NOT NULL REFERENCES folders ON DELETE CASCADE,
  team_id   INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (folder_id, team_id)
) STRICT, WITHOUT ROWID;

-- E-mail accounts -------------------------------------------------------------------------------------

CREATE TABLE templates (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  subject    TEXT    NOT NULL,
  body       TEXT    NOT NULL,                    -- plain text
  html       TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  name          TEXT    NOT NULL UNIQUE COLLATE NOCASE,
  kind          TEXT    NOT NULL CHECK (kind IN ('group', 'personal')),
  user_id       INTEGER REFERENCES users,         -- the owner of a personal account
  address       TEXT    NOT NULL,
  active        INTEGER NOT NULL DEFAULT 1,
  imap_host     TEXT,                             -- NULL = not polled
  imap_port     INTEGER NOT NULL DEFAULT 993,
  imap_tls      TEXT    NOT NULL DEFAULT 'implicit' CHECK (imap_tls IN ('implicit', 'starttls', 'none')),
  imap_login    TEXT    NOT NULL DEFAULT '',
  imap_secret   TEXT    NOT NULL DEFAULT '',      -- a reference such as file:PATH, never the secret itself
  imap_auth     TEXT    NOT NULL DEFAULT 'password'
    CHECK (imap_auth IN ('password', 'plain', 'login', 'cram-md5', 'xoauth2', 'oauthbearer')),
  imap_pins     TEXT    NOT NULL DEFAULT '',      -- words: sha256:HEX (key, besides the chain) or cert:HEX (instead of it)
  imap_confined INTEGER NOT NULL DEFAULT 0,       -- named by somebody who came through sudo: public addresses only
  smtp_host     TEXT,                             -- NULL = does not send
  smtp_port     INTEGER NOT NULL DEFAULT 587,
  smtp_tls      TEXT    NOT NULL DEFAULT 'starttls' CHECK (smtp_tls IN ('implicit', 'starttls', 'none')),
  smtp_login    TEXT    NOT NULL DEFAULT '',      -- empty = as IMAP
  smtp_secret   TEXT    NOT NULL DEFAULT '',      -- empty = as IMAP
  smtp_auth     TEXT    NOT NULL DEFAULT 'password'
    CHECK (smtp_auth IN ('password', 'plain', 'login', 'cram-md5', 'xoauth2', 'oauthbearer')),
  smtp_pins     TEXT    NOT NULL DEFAULT '',      -- empty = as IMAP, none = no pin
  smtp_confined INTEGER NOT NULL DEFAULT 0,
  ca_file       TEXT,
  fetch_since   INTEGER NOT NULL,                 -- INTERNALDATE before this is the past
  after_import  TEXT    NOT NULL DEFAULT 'seen',  -- seen | keep | delete | move:FOLDER
  portion       INTEGER,                          -- messages per folder and run; NULL = configuration, 0 = all
  max_size      INTEGER,                          -- bytes; NULL = configuration
  authserv_id   TEXT,                             -- whose Authentication-Results are believed; none = the topmost field, if it bears no id
  case_team_id  INTEGER REFERENCES teams,
  create_case   INTEGER NOT NULL DEFAULT 0,
  distribution  TEXT    NOT NULL DEFAULT 'none' CHECK (distribution IN ('none', 'direct', 'round-robin', 'least-busy')),
  assign_to_id  INTEGER REFERENCES users,
  position      TEXT    NOT NULL DEFAULT '',      -- target position within the case team; empty = any
  wheel_user_id INTEGER,                          -- round-robin: the user assigned last (only automatic assignments move it)
  on_closed     TEXT    NOT NULL DEFAULT 'reopen',-- reopen | new | reopen-within:DAYS
  auto_mail     TEXT    NOT NULL DEFAULT 'archive' CHECK (auto_mail IN ('archive', 'case')),
  create_contact INTEGER NOT NULL DEFAULT 0,
  staff_forward TEXT    NOT NULL DEFAULT 'all' CHECK (staff_forward IN ('all', 'attached', 'off')),
  plus_addressing INTEGER NOT NULL DEFAULT 0,
  auto_reply_id INTEGER REFERENCES templates,
  reply_from    TEXT,                             -- auto-reply: From address instead of the account's
  reply_name    TEXT,                             -- auto-reply: From name
  reply_to      TEXT,                             -- Reply-To of mail sent for this account
  from_name     TEXT,
  shared        INTEGER NOT NULL DEFAULT 0,
  add_all_team_users INTEGER NOT NULL DEFAULT 0,
  exclude_from_reply INTEGER NOT NULL DEFAULT 0,
  share         TEXT    NOT NULL DEFAULT 'private' CHECK (share IN ('private', 'record')),
  breaker_tripped_at INTEGER,                     -- set = no auto-replies until somebody resets it
  created_at    INTEGER NOT NULL,
  edited_at     INTEGER NOT NULL,                 -- an edit ends the waiting after refused logins
  last_good_at  INTEGER,
  failing_since INTEGER,                          -- NULL = the last run was fine
  failed_runs   INTEGER NOT NULL DEFAULT 0,       -- in a row
  failure_kind  TEXT    NOT NULL DEFAULT '',
  failure       TEXT    NOT NULL DEFAULT '',      -- the error with the server's words
  alerted_at    INTEGER,                          -- cron was last told about this failure
  next_try_at   INTEGER,                          -- after refused logins, or at the server's wish: not before this
  rests         INTEGER NOT NULL DEFAULT 0,       -- number of runs in a row in which the server asked to be left alone
  send_failing_since INTEGER,                     -- connect, TLS, AUTH or MAIL FROM of SMTP fails since
  send_failure  TEXT    NOT NULL DEFAULT '',
  group_folder_id INTEGER REFERENCES folders ON DELETE SET NULL, -- where its mail goes
  junk_folder   TEXT,                             -- where the server keeps junk; NULL = the folder that it marks as such
  read_sent     TEXT    NOT NULL DEFAULT 'no',    -- the Sent folder as a source: no | auto (found by itself) | its name
  store_sent    TEXT,                             -- folder for copies of sent mail; \Sent = the one the server has for that; NULL = no copies
  breaker_reset_at INTEGER,                       -- automatic replies from before this do not count for the breaker
  signature     TEXT    NOT NULL DEFAULT '',      -- of mail from this address; goes before that of the user
  dmarc_none    TEXT    NOT NULL DEFAULT 'trust' CHECK (dmarc_none IN ('trust', 'refuse')), -- mail of a domain without a policy
  reply_to_own_list INTEGER NOT NULL DEFAULT 0,   -- automatic replies also to mail that our own list has rewritten
  null_sender_refused INTEGER NOT NULL DEFAULT 0, -- its server takes no null sender; an edit forgets it
  send_next_try_at INTEGER,                       -- after refused logins and requests for a pause: SMTP not before this
  language      TEXT,                             -- of the people who write to it; NULL = that of the configuration
  oauth_client_id TEXT,                           -- client at the issuer of access tokens, where imap_secret names no profile
  oauth_tenant  TEXT,
  oauth_client_secret TEXT                        -- a reference, never the secret itself
) STRICT;

-- Addresses that write for other people, such as web forms; Reply-To names the person (B4.13).
CREATE TABLE account_form_senders (
  address    TEXT    NOT NULL,
  account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  PRIMARY KEY (address, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_aliases (
  address    TEXT    NOT NULL,
  account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  PRIMARY KEY (address, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_teams (
  account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  team_id    INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (account_id, team_id)
) STRICT, WITHOUT ROWID;

-- Monitored folders with their watermark: everything up to last_uid is in the ledger.
CREATE TABLE account_folders (
  account_id  INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name        TEXT    NOT NULL,
  position    INTEGER NOT NULL,                   -- order of polling
  uidvalidity INTEGER,                            -- NULL = never opened
  last_uid    INTEGER NOT NULL DEFAULT 0,
  past_uid    INTEGER NOT NULL DEFAULT 0,         -- was there at the first poll: for UIDs up to here fetch_since decides
  messages    INTEGER,                            -- how many it has; NULL = the last poll did not come to its end
  past        INTEGER,                            -- how many of these are from before fetch_since; NULL = no poll ever did
  failure     TEXT    NOT NULL DEFAULT '',        -- the folder's own last error
  sent        INTEGER NOT NULL DEFAULT 0,         -- the Sent folder: what lies there was written by the owner
  put_in      TEXT    NOT NULL DEFAULT '' CHECK (put_in IN ('', 'archive', 'trash')), -- folder map of a personal account:
  folder_id   INTEGER REFERENCES folders ON DELETE SET NULL, -- its mail goes into the owner's archive, trash or this folder
  PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;

-- Records of the CRM ----------------------------------------------------------------------------------

CREATE TABLE companies (                          -- EspoCRM: Account
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL,
  assigned_user_id INTEGER REFERENCES users,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX companies_name ON companies (lower(name));

CREATE TABLE contacts (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL,
  company_id INTEGER REFERENCES companies,
  assigned_user_id INTEGER REFERENCES users,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contacts_company ON contacts (company_id);
CREATE INDEX contacts_name ON contacts (lower(name));

CREATE TABLE leads (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL,
  assigned_user_id INTEGER REFERENCES users,
  converted_company_id INTEGER REFERENCES companies,
  converted_contact_id INTEGER REFERENCES contacts,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX leads_name ON leads (lower(name));

CREATE TABLE opportunities (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL,
  company_id INTEGER REFERENCES companies,
  open       INTEGER NOT NULL DEFAULT 1,
  assigned_user_id INTEGER REFERENCES users,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX opportunities_company ON opportunities (company_id);
CREATE INDEX opportunities_name ON opportunities (lower(name));

CREATE TABLE opportunity_contacts (
  opportunity_id INTEGER NOT NULL REFERENCES opportunities ON DELETE CASCADE,
  contact_id     INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
  PRIMARY KEY (opportunity_id, contact_id)
) STRICT, WITHOUT ROWID;

-- E-mail addresses of companies, contacts and leads. One address may belong to several of them.
CREATE TABLE record_addresses (
  address     TEXT    NOT NULL,
  record_type TEXT    NOT NULL CHECK (record_type IN ('company', 'contact', 'lead')),
  record_id   INTEGER NOT NULL,
  is_primary  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (address, record_type, record_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_addresses_record ON record_addresses (record_type, record_id);

CREATE TABLE record_teams (
  record_type TEXT    NOT NULL,
  record_id   INTEGER NOT NULL,
  team_id     INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (record_type, record_id, team_id)
) STRICT, WITHOUT ROWID;

-- Cases -----------------------------------------------------------------------------------------------

CREATE TABLE cases (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  number      INTEGER NOT NULL UNIQUE,
  key         TEXT    NOT NULL UNIQUE,            -- 16 hex digits, part of signed message ids, shown nowhere
  name        TEXT    NOT NULL,
  status      TEXT    NOT NULL DEFAULT 'New' CHECK (status IN ('New', 'Assigned', 'Pending', 'Closed', 'Rejected', 'Duplicate')),
  priority    TEXT    NOT NULL DEFAULT 'Normal' CHECK (priority IN ('Low', 'Normal', 'High', 'Urgent')),
  type        TEXT    NOT NULL DEFAULT '',
  description TEXT    NOT NULL DEFAULT '',
  company_id  INTEGER REFERENCES companies,
  contact_id  INTEGER REFERENCES contacts,
  lead_id     INTEGER REFERENCES leads,
  account_id  INTEGER REFERENCES accounts,        -- the group account it came by
  requester_user_id INTEGER REFERENCES users,     -- an internal user who opened it
  assigned_user_id  INTEGER REFERENCES users,
  merged_into_id    INTEGER REFERENCES cases,
  relates_to_id     INTEGER REFERENCES cases,
  waiting_since INTEGER,                          -- oldest customer mail after our last reply
  waiting_for   TEXT NOT NULL DEFAULT '' CHECK (waiting_for IN ('', 'us', 'customer')),
  auto_assigned_at INTEGER,                       -- least-busy: breaks ties
  created_at  INTEGER NOT NULL,
  modified_at INTEGER NOT NULL,
  closed_at   INTEGER,
  first_response_at INTEGER,                      -- when a colleague first answered
  answer_failed_at INTEGER,                       -- our last answer did not reach the customer, and they were not answered since
  snoozed_until INTEGER                           -- Pending until then; any other status forgets it
) STRICT;
CREATE INDEX cases_assigned ON cases (assigned_user_id, status);
CREATE INDEX cases_auto_assigned ON cases (assigned_user_id, auto_assigned_at);
CREATE INDEX cases_requester ON cases (requester_user_id) WHERE requester_user_id IS NOT NULL;
CREATE INDEX cases_status ON cases (status, number);
CREATE INDEX cases_account_created ON cases (account_id, created_at);
CREATE INDEX cases_company ON cases (company_id) WHERE company_id IS NOT NULL;
CREATE INDEX cases_contact ON cases (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX cases_lead ON cases (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX cases_snoozed ON cases (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX cases_merged ON cases (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX cases_relates ON cases (relates_to_id) WHERE relates_to_id IS NOT NULL;

CREATE TABLE case_teams (
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  team_id INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (case_id, team_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_teams_team ON case_teams (team_id);

-- Words that people and filters give to cases, in lower case.
CREATE TABLE case_tags (
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  tag     TEXT    NOT NULL,
  PRIMARY KEY (case_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_tags_tag ON case_tags (tag, case_id);

-- Who is who in a case (B4.9). Addresses of the linked contact or lead, of users and of accounts need no row.
CREATE TABLE case_people (
  case_id  INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  address  TEXT    NOT NULL,
  name     TEXT    NOT NULL DEFAULT '',
  role     TEXT    NOT NULL CHECK (role IN ('customer', 'copied', 'third party')),
  chosen   INTEGER NOT NULL DEFAULT 0,            -- by an agent: no mail changes it
  opened   INTEGER NOT NULL DEFAULT 0,            -- the person who opened the case
  reason   TEXT    NOT NULL,
  email_id INTEGER REFERENCES emails ON DELETE SET NULL, -- the mail that gave the role: who may not read it does not see the row
  since    INTEGER NOT NULL,
  PRIMARY KEY (case_id, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_people_address ON case_people (address);
CREATE INDEX case_people_email ON case_people (email_id) WHERE email_id IS NOT NULL;
CREATE INDEX case_people_chosen ON case_people (case_id) WHERE role = 'customer' AND chosen;

-- How long customers waited for answers, for reports: one row for each answer that ended a waiting.
CREATE TABLE case_waits (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  since   INTEGER NOT NULL,                       -- the oldest customer mail after the answer before
  until   INTEGER NOT NULL                        -- the answer
) STRICT;
CREATE INDEX case_waits_case ON case_waits (case_id);

-- Mail ------------------------------------------------------------------------------------------------

-- Source bytes as received or as sent, away from the tables that are listed.
CREATE TABLE raw_messages (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  size   INTEGER NOT NULL,                        -- bytes before compression
  sha256 BLOB    NOT NULL,
  codec  TEXT    NOT NULL CHECK (codec IN ('zstd', 'none')),
  data   BLOB    NOT NULL,                        -- the message without its parts
  parts  INTEGER NOT NULL DEFAULT 0               -- number of raw_uses
) STRICT;

-- Long runs of base64 in messages, decoded: an attachment that comes again is stored once.
CREATE TABLE raw_parts (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  size   INTEGER NOT NULL,                        -- bytes before compression
  sha256 BLOB    NOT NULL UNIQUE,
  codec  TEXT    NOT NULL CHECK (codec IN ('zstd', 'none')),
  data   BLOB    NOT NULL
) STRICT;

-- Where in a message its parts stood.
CREATE TABLE raw_uses (
  raw_id  INTEGER NOT NULL REFERENCES raw_messages ON DELETE CASCADE,
  number  INTEGER NOT NULL,
  part_id INTEGER NOT NULL REFERENCES raw_parts,
  place   INTEGER NOT NULL,                       -- bytes of raw_messages.data, unpacked, before it
  line    INTEGER NOT NULL,                       -- letters in a line
  crlf    INTEGER NOT NULL,                       -- whether lines end with CR LF, not with LF alone
  PRIMARY KEY (raw_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX raw_uses_part ON raw_uses (part_id);

CREATE TABLE emails (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  key         TEXT,                               -- 16 hex digits for signed message ids without a case; NULL until one is signed
  message_id  TEXT    NOT NULL,                   -- or sha256:… of the content where there is none
  raw_id      INTEGER REFERENCES raw_messages,
  status      TEXT    NOT NULL CHECK (status = 'Draft' OR status = 'Sending' OR status = 'Sent' OR status = 'Archived'
                OR status = 'Failed'),
  subject     TEXT    NOT NULL,
  from_name   TEXT    NOT NULL DEFAULT '',
  from_address TEXT   NOT NULL DEFAULT '',
  date        INTEGER,                            -- the Date header, where it can be read
  received_at INTEGER NOT NULL,                   -- INTERNALDATE, else when it came here; sent mail: when it was composed
  has_html    INTEGER NOT NULL DEFAULT 0,
  parent_type TEXT CHECK (parent_type = 'company' OR parent_type = 'contact' OR parent_type = 'lead'
                OR parent_type = 'opportunity' OR parent_type = 'case'),
  parent_id   INTEGER,
  verified    INTEGER NOT NULL DEFAULT 1,         -- 0 = attached by a signed id from somebody who does not take part (B4.10)
  automatic   TEXT    NOT NULL DEFAULT '',        -- the rule by which it is machine mail (B8.1), empty = written by a person
  user_id     INTEGER REFERENCES users,           -- the verified user who wrote it
  flow_account_id INTEGER REFERENCES accounts,    -- whose email-to-case flow ran for it (B5.2)
  truncated   INTEGER NOT NULL DEFAULT 0,
  flagged     TEXT    NOT NULL DEFAULT '',        -- e.g. the same Message-ID on another message
  created_at  INTEGER NOT NULL,
  group_folder_id INTEGER REFERENCES folders ON DELETE SET NULL,
  group_place TEXT    NOT NULL DEFAULT '' CHECK (group_place = '' OR group_place = 'archive' OR group_place = 'trash'), -- within the group folder, for everybody who works in it
  private     INTEGER NOT NULL DEFAULT 0,         -- personal accounts alone delivered it and nobody shared it (B6.1)
  verdict     TEXT    NOT NULL DEFAULT '' CHECK (verdict = '' OR verdict = 'pass' OR verdict = 'none' OR verdict = 'fail'), -- by the account's authserv-id (B4.12)
  author_name TEXT,                               -- the person who writes, where From is shared (B4.13); NULL = the one in From
  author_address TEXT,
  undecided   INTEGER NOT NULL DEFAULT 0,         -- unverified mail of a case that nobody has accepted, refused or answered (B4.10)
  CHECK ((parent_type IS NULL) = (parent_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX emails_key ON emails (key) WHERE key IS NOT NULL;
CREATE INDEX emails_message_id ON emails (message_id);
CREATE INDEX emails_parent ON emails (parent_type, parent_id, id);
CREATE INDEX emails_received ON emails (received_at);
CREATE INDEX emails_undecided ON emails (parent_id, created_at) WHERE undecided;
CREATE INDEX emails_from ON emails (from_address, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX emails_author ON emails (author_address, parent_id) WHERE author_address IS NOT NULL;
CREATE INDEX emails_letters ON emails (parent_id) WHERE status <> 'Archived' AND automatic = '';
CREATE INDEX emails_raw ON emails (raw_id) WHERE raw_id IS NOT NULL;
CREATE INDEX emails_group_folder ON emails (group_folder_id) WHERE group_folder_id IS NOT NULL;

-- The readable texts, away from what lists and lookups read.
CREATE TABLE email_bodies (
  email_id INTEGER PRIMARY KEY REFERENCES emails ON DELETE CASCADE,
  text     TEXT    NOT NULL
) STRICT;

CREATE TABLE email_addresses (
  email_id INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE,
  field    TEXT    NOT NULL CHECK (field = 'from' OR field = 'reply-to' OR field = 'to' OR field = 'cc' OR field = 'bcc'),
  position INTEGER NOT NULL,
  address  TEXT    NOT NULL,
  name     TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (email_id, field, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX email_addresses_address ON email_addresses (address);

CREATE TABLE email_references (
  email_id   INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE,
  position   INTEGER NOT NULL,                    -- oldest first; In-Reply-To last
  message_id TEXT    NOT NULL,
  PRIMARY KEY (email_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX email_references_message_id ON email_references (message_id);

CREATE TABLE email_attachments (
  email_id     INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE,
  part         INTEGER NOT NULL,                  -- the way back to the bytes in the raw message
  name         TEXT    NOT NULL,
  content_type TEXT    NOT NULL,
  size         INTEGER NOT NULL,
  sha256       TEXT    NOT NULL,
  content_id   TEXT,
  inline       INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (email_id, part)
) STRICT, WITHOUT ROWID;

-- Other names a server gave to our mail.
CREATE TABLE message_id_aliases (
  message_id TEXT    PRIMARY KEY,
  email_id   INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX message_id_aliases_email ON message_id_aliases (email_id);

CREATE TABLE email_users (
  email_id  INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE,
  user_id   INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  folder    TEXT    NOT NULL DEFAULT 'inbox' CHECK (folder IN ('inbox', 'sent')),
  read      INTEGER NOT NULL DEFAULT 0,
  important INTEGER NOT NULL DEFAULT 0,
  trash     INTEGER NOT NULL DEFAULT 0,
  archive   INTEGER NOT NULL DEFAULT 0,
  folder_id INTEGER REFERENCES folders ON DELETE SET NULL, -- the personal folder they moved it to
  PRIMARY KEY (email_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX email_users_user ON email_users (user_id, email_id);
CREATE INDEX email_users_folder ON email_users (folder_id, email_id) WHERE folder_id IS NOT NULL;

CREATE TABLE email_teams (
  email_id INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE,
  team_id  INTEGER NOT NULL REFERENCES teams ON DELETE CASCADE,
  PRIMARY KEY (email_id, team_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX email_teams_team ON email_teams (team_id, email_id);

-- The same message with another text (a list footer, an [EXTERNAL] banner).
CREATE TABLE email_variants (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  email_id    INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE,
  delivery_id INTEGER NOT NULL REFERENCES deliveries,
  raw_id      INTEGER NOT NULL REFERENCES raw_messages,
  text        TEXT    NOT NULL DEFAULT ''         -- what it says instead, for the index; empty = only attachments differ
) STRICT;
CREATE INDEX email_variants_email ON email_variants (email_id);
CREATE INDEX email_variants_delivery ON email_variants (delivery_id);
CREATE INDEX email_variants_raw ON email_variants (raw_id);

-- Every decision about an email with its reason, in the order it was taken (`email explain`).
CREATE TABLE email_decisions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  email_id   INTEGER NOT NULL REFERENCES emails ON DELETE CASCADE,
  step       TEXT    NOT NULL,                    -- arrived, parent, case, assigned, auto-reply, notified …
  decision   TEXT    NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX email_decisions_email ON email_decisions (email_id);

-- The ledger: one row for every message an account delivered, with every outcome.
CREATE TABLE deliveries (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id    INTEGER NOT NULL REFERENCES accounts,
  folder        TEXT,                             -- NULL = came by `ingest` or `import`
  uidvalidity   INTEGER,
  uid           INTEGER,
  internal_date INTEGER NOT NULL,
  size          INTEGER NOT NULL,                 -- as the server says, may be more than was stored
  truncated     INTEGER NOT NULL DEFAULT 0,
  raw_id        INTEGER REFERENCES raw_messages,
  recipient     TEXT,                             -- envelope recipient (ingest)
  outcome       TEXT    NOT NULL CHECK (outcome = 'received' OR outcome = 'imported' OR outcome = 'duplicate'
                OR outcome = 'own' OR outcome = 'skipped' OR outcome = 'quarantined' OR outcome = 'discarded'
                OR outcome = 'unfetchable' OR outcome = 'missing'),
  reason        TEXT    NOT NULL DEFAULT '',
  email_id      INTEGER REFERENCES emails,
  deaths        INTEGER NOT NULL DEFAULT 0,       -- runs that died while importing it
  attempts      INTEGER NOT NULL DEFAULT 0,       -- runs in which the server listed it but did not deliver it
  tried_at      INTEGER,                          -- the last of them
  received_at   INTEGER NOT NULL,
  source        TEXT    NOT NULL DEFAULT '' CHECK (source = '' OR source = 'import' OR source = 'history'), -- by `import --as-new`, by `import`
  UNIQUE (account_id, folder, uidvalidity, uid)
) STRICT;
CREATE INDEX deliveries_outcome ON deliveries (outcome, account_id, folder, uid);
CREATE INDEX deliveries_email ON deliveries (email_id, account_id, folder);
CREATE INDEX deliveries_received ON deliveries (account_id, received_at);
CREATE INDEX deliveries_raw ON deliveries (raw_id) WHERE raw_id IS NOT NULL;

-- Deaths that are counted: the run that counts one may die, too.
CREATE TABLE deaths (
  delivery_id INTEGER NOT NULL REFERENCES deliveries ON DELETE CASCADE,
  run         INTEGER NOT NULL,                   -- number of the run that died, made at random
  PRIMARY KEY (delivery_id, run)
) STRICT, WITHOUT ROWID;

-- Mail that was erased and does not come back: nothing is kept of it but this.
CREATE TABLE tombstones (
  hash       BLOB    PRIMARY KEY,                 -- SHA-256 of Message-ID, From and Date
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is still to be done on the server, after the import has been committed.
CREATE TABLE server_actions (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery_id INTEGER NOT NULL UNIQUE REFERENCES deliveries,
  action      TEXT    NOT NULL,                   -- seen | delete | move:FOLDER | junk | not-junk | came-back
  attempts    INTEGER NOT NULL DEFAULT 0,
  last_error  TEXT    NOT NULL DEFAULT ''
) STRICT;

-- Mail that people called junk: it is out of lists and reports until somebody takes that back.
CREATE TABLE email_junk (
  email_id INTEGER PRIMARY KEY REFERENCES emails ON DELETE CASCADE,
  user_id  INTEGER REFERENCES users,              -- who said so
  at       INTEGER NOT NULL,
  case_id  INTEGER REFERENCES cases ON DELETE SET NULL, -- the case that it belonged to
  rejected INTEGER NOT NULL DEFAULT 0             -- 1 = it alone had made that case, which was rejected; else it was taken out
) STRICT;
CREATE INDEX email_junk_case ON email_junk (case_id) WHERE case_id IS NOT NULL;

-- Until when the certificates of mail servers hold, as the last connection showed.
CREATE TABLE account_certificates (
  account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  protocol   TEXT    NOT NULL CHECK (protocol IN ('imap', 'smtp')),
  host       TEXT    NOT NULL,                    -- the server that had it
  ends_at    INTEGER NOT NULL,
  PRIMARY KEY (account_id, protocol)
) STRICT, WITHOUT ROWID;

-- Stream, followers, notifications ------------------------------------------------------------------------

CREATE TABLE notes (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  parent_type TEXT    NOT NULL,
  parent_id   INTEGER NOT NULL,
  kind        TEXT    NOT NULL,                   -- email-received, comment, created, merged …: NoteKind in src/store/stream.rs
  user_id     INTEGER REFERENCES users,           -- who did it; NULL = espomail or somebody outside
  email_id    INTEGER REFERENCES emails,
  text        TEXT    NOT NULL DEFAULT '',
  created_at  INTEGER NOT NULL,
  about_type  TEXT,                               -- another record that the text names: who may not read that does not
  about_id    INTEGER                             -- learn of it
) STRICT;
CREATE INDEX notes_parent ON notes (parent_type, parent_id, id);
CREATE INDEX notes_email ON notes (email_id) WHERE email_id IS NOT NULL;
CREATE INDEX notes_remarks ON notes (parent_type, parent_id) WHERE kind = 'remark' AND email_id IS NULL;
CREATE INDEX notes_about ON notes (about_type, about_id) WHERE about_id IS NOT NULL;

CREATE TABLE followers (
  parent_type TEXT    NOT NULL,
  parent_id   INTEGER NOT NULL,
  user_id     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  PRIMARY KEY (parent_type, parent_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX followers_user ON followers (user_id);

CREATE TABLE notifications (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  kind        TEXT    NOT NULL,                   -- assigned, email, note, failed, woken, alert
  parent_type TEXT,
  parent_id   INTEGER,
  email_id    INTEGER REFERENCES emails,
  text        TEXT    NOT NULL,
  created_at  INTEGER NOT NULL,
  read_at     INTEGER,
  digest      INTEGER NOT NULL DEFAULT 0          -- 1 = waits for the next digest by e-mail
) STRICT;
CREATE INDEX notifications_user ON notifications (user_id, read_at);
CREATE INDEX notifications_digest ON notifications (user_id) WHERE digest;
CREATE UNIQUE INDEX notifications_once ON notifications (user_id, email_id, kind) WHERE email_id IS NOT NULL;
CREATE INDEX notifications_email ON notifications (email_id) WHERE email_id IS NOT NULL;

-- How a user hears of what happens, where it is not the usual way (B7.4).
CREATE TABLE notification_settings (
  user_id  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  kind     TEXT    NOT NULL CHECK (kind IN ('assigned', 'email', 'note', 'failed', 'woken')),
  listed   INTEGER NOT NULL,                      -- 0 = not at all
  by_email TEXT    NOT NULL CHECK (by_email IN ('immediately', 'digest', 'off')),
  PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

-- Sending -----------------------------------------------------------------------------------------------

CREATE TABLE outbox (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  kind          TEXT    NOT NULL CHECK (kind IN ('mail', 'auto-reply', 'notice')),
  account_id    INTEGER NOT NULL REFERENCES accounts,
  email_id      INTEGER REFERENCES emails,        -- the archived email; NULL for notices
  case_id       INTEGER REFERENCES cases,         -- where a failure is shown
  user_id       INTEGER REFERENCES users,         -- who wrote it and hears of a failure
  message_id    TEXT    NOT NULL,
  subject       TEXT    NOT NULL,
  envelope_from TEXT    NOT NULL,                 -- empty = <>
  raw_id        INTEGER NOT NULL REFERENCES raw_messages,
  state         TEXT    NOT NULL CHECK (state IN ('waiting', 'in doubt', 'sent', 'failed', 'held', 'cancelled')),
  attempts      INTEGER NOT NULL DEFAULT 0,
  next_try_at   INTEGER NOT NULL,
  last_error    TEXT    NOT NULL DEFAULT '',
  created_at    INTEGER NOT NULL,
  settled_at    INTEGER,
  failing_since INTEGER,                          -- the first passing failure; two days later it is given up
  not_before    INTEGER,                          -- NULL = at once
  status_to     TEXT,                             -- status that the letter gives its case
  status_from   TEXT                              -- status that it had before; NULL = not changed yet
) STRICT;
CREATE INDEX outbox_state ON outbox (state, next_try_at);
CREATE INDEX outbox_message_id ON outbox (message_id);
CREATE INDEX outbox_email ON outbox (email_id);
CREATE INDEX outbox_raw ON outbox (raw_id);
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX outbox_user ON outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX outbox_case ON outbox (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE outbox_recipients (
  outbox_id INTEGER NOT NULL REFERENCES outbox ON DELETE CASCADE,
  address   TEXT    NOT NULL,
  state     TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
  reply     TEXT    NOT NULL DEFAULT '',          -- the server's words about this recipient
  bounce_id INTEGER REFERENCES emails ON DELETE SET NULL, -- the report by which a message that was sent came back (B9)
  PRIMARY KEY (outbox_id, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_recipients_bounce ON outbox_recipients (bounce_id) WHERE bounce_id IS NOT NULL;
CREATE INDEX outbox_recipients_failed ON outbox_recipients (outbox_id) WHERE state = 'failed';

-- Addresses that do not exist, by a report on our mail: no automatic mail to them until they write again (B9.2).
CREATE TABLE invalid_addresses (
  address    TEXT    NOT NULL,
  account_id INTEGER REFERENCES accounts ON DELETE CASCADE, -- a personal account whose own server says so; NULL = for everybody
  reason     TEXT    NOT NULL,                    -- status code and words of the server that refused
  since      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX invalid_addresses_address ON invalid_addresses (address, coalesce(account_id, 0));
CREATE INDEX invalid_addresses_account ON invalid_addresses (account_id) WHERE account_id IS NOT NULL;

-- Copies of sent mail that are still to be put into the Sent folder of their account (B13.7).
CREATE TABLE sent_copies (
  outbox_id   INTEGER PRIMARY KEY REFERENCES outbox ON DELETE CASCADE,
  attempts    INTEGER NOT NULL DEFAULT 0,
  next_try_at INTEGER NOT NULL,
  last_error  TEXT    NOT NULL DEFAULT ''
) STRICT;

-- What is being written: an email in status Draft, whose source is what will be sent except ids, date and the
-- signature of the case. It has no parent yet, so that nobody but its author sees it.
CREATE TABLE drafts (
  email_id    INTEGER PRIMARY KEY REFERENCES emails ON DELETE CASCADE,
  account_id  INTEGER NOT NULL REFERENCES accounts,
  parent_type TEXT CHECK (parent_type IN ('company', 'contact', 'lead', 'opportunity', 'case')),
  parent_id   INTEGER,                            -- what it will belong to
  markdown    INTEGER NOT NULL DEFAULT 0,         -- its text is Markdown
  case_status TEXT,                               -- status of the case once it is sent; NULL = as it is
  seen_id     INTEGER,                            -- the newest note of the case when it was begun
  unread      TEXT    NOT NULL DEFAULT '',        -- lines of its fields that could not be read, each after what is wrong and a tab
  CHECK ((parent_type IS NULL) = (parent_id IS NULL))
) STRICT;
CREATE INDEX drafts_parent ON drafts (parent_type, parent_id);

-- Who got an automatic reply, for the limits of B8.2.
CREATE TABLE auto_replies (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id INTEGER NOT NULL REFERENCES accounts,
  address    TEXT    NOT NULL,
  case_id    INTEGER REFERENCES cases,
  email_id   INTEGER NOT NULL REFERENCES emails,  -- the email that was answered
  outbox_id  INTEGER NOT NULL REFERENCES outbox,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX auto_replies_address ON auto_replies (account_id, address, created_at);
CREATE INDEX auto_replies_account ON auto_replies (account_id, created_at);
CREATE INDEX auto_replies_domain ON auto_replies (account_id, substr(address, instr(address, '@') + 1), created_at);
CREATE INDEX auto_replies_case ON auto_replies (case_id, address) WHERE case_id IS NOT NULL;
CREATE INDEX auto_replies_email ON auto_replies (email_id);
CREATE INDEX auto_replies_outbox ON auto_replies (outbox_id);

-- Search ------------------------------------------------------------------------------------------------

-- What the full-text index of emails is made of. Bcc is not in it: readers of the index would learn of it.
CREATE VIEW email_texts AS
  SELECT e.id, e.subject,
    coalesce((SELECT group_concat(name || ' ' || address, char(10)) FROM (SELECT a.name, a.address FROM email_addresses a
      WHERE a.email_id = e.id AND a.field <> 'bcc' ORDER BY a.field, a.position)), '')
      || coalesce(char(10) || e.author_name || ' ' || e.author_address, '') AS addresses,
    CASE WHEN octet_length(b.text) <= 262144 THEN b.text ELSE substr(b.text, 1, 262144) END
      || coalesce((SELECT char(10) || group_concat(substr(v.text, 1, 65536), char(10)) FROM (SELECT text FROM email_variants
        WHERE email_id = e.id ORDER BY id LIMIT 10) v), '') AS text,
    coalesce((SELECT group_concat(name, char(10)) FROM (SELECT f.name FROM email_attachments f
      WHERE f.email_id = e.id AND NOT f.inline ORDER BY f.part LIMIT 1000)), '') AS files
  FROM emails e JOIN email_bodies b ON b.email_id = e.id;

-- Filled in a pass of its own, in the order of ids: what is above the highest id is not in it yet (src/store/search/index.rs).
-- The program makes the words (src/words.rs): the index takes apart at blanks only. It holds no text of its own.
CREATE VIRTUAL TABLE email_index USING fts5 (
  subject, addresses, text, files, numbers, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE TRIGGER emails_leave_index BEFORE DELETE ON emails
WHEN EXISTS (SELECT 1 FROM email_index_docsize d WHERE d.id = old.id)
BEGIN
  DELETE FROM email_index WHERE rowid = old.id;
END;

CREATE VIRTUAL TABLE case_index USING fts5 (
  name, description, numbers, content = '', contentless_delete = 1, tokenize = 'ascii');
-- Cases that were taken out of the index because their texts changed, until the next pass puts them back.
CREATE TABLE case_index_gaps (case_id INTEGER PRIMARY KEY REFERENCES cases ON DELETE CASCADE) STRICT;
CREATE TRIGGER cases_change_index AFTER UPDATE OF name, description ON cases
WHEN (old.name <> new.name OR old.description <> new.description)
  AND EXISTS (SELECT 1 FROM case_index_docsize d WHERE d.id = old.id)
BEGIN
  DELETE FROM case_index WHERE rowid = old.id;
  INSERT OR IGNORE INTO case_index_gaps (case_id) VALUES (old.id);
END;

-- Queries that people keep under a name.
CREATE TABLE searches (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL COLLATE NOCASE,
  query      TEXT    NOT NULL,
  user_id    INTEGER REFERENCES users ON DELETE CASCADE, -- whose it is; NULL = shared
  team_id    INTEGER REFERENCES teams ON DELETE CASCADE, -- shared with this team; NULL = with everybody
  created_at INTEGER NOT NULL,
  CHECK (user_id IS NULL OR team_id IS NULL)
) STRICT;
CREATE UNIQUE INDEX searches_name ON searches (coalesce(user_id, 0), name);

-- Filters ---------------------------------------------------------------------------------------------------

-- What is done with mail that fulfils all conditions (B10). Without account and user it is asked about all mail.
CREATE TABLE filters (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  name        TEXT    NOT NULL COLLATE NOCASE,
  account_id  INTEGER REFERENCES accounts ON DELETE CASCADE, -- about mail of this account only
  user_id     INTEGER REFERENCES users ON DELETE CASCADE,    -- about the inbox of this user only
  position    INTEGER NOT NULL,                   -- order among those of the same scope
  over_global INTEGER NOT NULL DEFAULT 0,         -- of an account, asked before the global ones
  continues   INTEGER NOT NULL DEFAULT 0,         -- the filters after it are asked although it matched
  active      INTEGER NOT NULL DEFAULT 1,
  conditions  TEXT    NOT NULL CHECK (conditions <> ''), -- one a line: [not ]FIELD[ HEADER]=PATTERN
  hits        INTEGER NOT NULL DEFAULT 0,
  last_hit_at INTEGER,
  created_at  INTEGER NOT NULL,
  CHECK (account_id IS NULL OR user_id IS NULL)
) STRICT;
-- Every user and every personal account has names of their own; those of group accounts differ from the global ones, too.
CREATE UNIQUE INDEX filters_name ON filters (coalesce(user_id, 0), coalesce(account_id, 0), name);
CREATE INDEX filters_account ON filters (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE filter_actions (
  filter_id INTEGER NOT NULL REFERENCES filters ON DELETE CASCADE,
  position  INTEGER NOT NULL,
  kind      TEXT    NOT NULL,                     -- skip, folder, team …: ActionKind in src/store/filters.rs
  value     TEXT    NOT NULL DEFAULT '',          -- priority or type of a case; how what it names was called then
  team_id   INTEGER REFERENCES teams,
  user_id   INTEGER REFERENCES users,
  folder_id INTEGER REFERENCES folders ON DELETE SET NULL,
  PRIMARY KEY (filter_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX filter_actions_team ON filter_actions (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX filter_actions_folder ON filter_actions (folder_id) WHERE folder_id IS NOT NULL;

-- The log ---------------------------------------------------------------------------------------------------

-- What a command wrote, in the transaction of the write itself. It holds numbers and the command's own words only, so
-- that nothing of a mail, a secret or an erased person is in it.
CREATE TABLE log_entries (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  uid        INTEGER NOT NULL,                    -- with whose rights the process ran (effective uid)
  caller_uid INTEGER NOT NULL,                    -- who typed the command
  user_id    INTEGER REFERENCES users,            -- the user the caller is; NULL = the administrator
  as_user_id INTEGER REFERENCES users,            -- the user of --as
  host       TEXT,                                -- the machine it ran on, where several work on one database
  command    TEXT    NOT NULL,                    -- noun and verb, such as "case close"
  outcome    TEXT    NOT NULL CHECK (outcome IN ('done', 'begun', 'partial', 'failed')), -- begun: many transactions, the end is still to come
  more       INTEGER NOT NULL DEFAULT 0           -- objects beyond those that are listed
) STRICT;
CREATE INDEX log_entries_at ON log_entries (at);

CREATE TABLE log_objects (
  entry_id INTEGER NOT NULL REFERENCES log_entries ON DELETE CASCADE,
  kind     TEXT    NOT NULL,                      -- account, case, user …: THINGS in src/store/log.rs
  row_id   INTEGER NOT NULL,                      -- of the table of that kind; the row may be gone
  PRIMARY KEY (entry_id, kind, row_id)
) STRICT, WITHOUT ROWID;

-- What accounts, filters, roles, teams and templates that were deleted were called, for the entries about them.
CREATE TABLE gone_things (
  kind   TEXT    NOT NULL,
  row_id INTEGER NOT NULL,
  name   TEXT    NOT NULL,
  PRIMARY KEY (kind, row_id)
) STRICT, WITHOUT ROWID;
