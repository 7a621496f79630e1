-- From version 4.
-- Who writes, what proves it, and who is who in a case.
ALTER TABLE accounts ADD COLUMN dmarc_none TEXT NOT NULL DEFAULT 'trust' CHECK (dmarc_none IN ('trust', 'refuse'));
ALTER TABLE accounts ADD COLUMN reply_to_own_list INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN rests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account_folders ADD COLUMN messages INTEGER;
ALTER TABLE account_folders ADD COLUMN past INTEGER;
ALTER TABLE deliveries ADD COLUMN tried_at INTEGER;
UPDATE deliveries SET tried_at = received_at WHERE attempts > 0;
CREATE TABLE account_form_senders (
  address    TEXT    NOT NULL,
  account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  PRIMARY KEY (address, account_id)
) STRICT, WITHOUT ROWID;
ALTER TABLE emails ADD COLUMN verdict TEXT NOT NULL DEFAULT '' CHECK (verdict IN ('', 'pass', 'none', 'fail'));
ALTER TABLE emails ADD COLUMN author_name TEXT;
ALTER TABLE emails ADD COLUMN author_address TEXT;
ALTER TABLE emails ADD COLUMN undecided INTEGER NOT NULL DEFAULT 0;
CREATE INDEX emails_undecided ON emails (parent_id, created_at) WHERE undecided;
UPDATE emails SET undecided = 1 WHERE parent_type = 'case' AND NOT verified AND automatic = '' AND status = 'Archived'
  AND parent_id IN (SELECT id FROM cases WHERE status IN ('New', 'Assigned', 'Pending'));
UPDATE emails SET verdict = dmarc WHERE dmarc <> '';
ALTER TABLE emails DROP COLUMN dmarc;
ALTER TABLE email_variants ADD COLUMN text TEXT NOT NULL DEFAULT '';
CREATE INDEX email_variants_email ON email_variants (email_id);
DROP VIEW email_texts;
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
-- The full-text index is of words that the program makes. The first fetch or search fills it again, in short transactions.
DROP TRIGGER emails_leave_index;
DROP TRIGGER cases_change_index;
DROP TABLE email_index;
DROP TABLE case_index;
CREATE VIRTUAL TABLE email_index USING fts5 (
  subject, addresses, text, files, numbers, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE TRIGGER emails_leave_index BEFORE DELETE ON emails
WHEN EXISTS (SELECT 1 FROM email_index_docsize d WHERE d.id = old.id)
BEGIN
  DELETE FROM email_index WHERE rowid = old.id;
END;
CREATE VIRTUAL TABLE case_index USING fts5 (
  name, description, numbers, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE TABLE case_index_gaps (case_id INTEGER PRIMARY KEY REFERENCES cases ON DELETE CASCADE) STRICT;
CREATE TRIGGER cases_change_index AFTER UPDATE OF name, description ON cases
WHEN (old.name <> new.name OR old.description <> new.description)
  AND EXISTS (SELECT 1 FROM case_index_docsize d WHERE d.id = old.id)
BEGIN
  DELETE FROM case_index WHERE rowid = old.id;
  INSERT OR IGNORE INTO case_index_gaps (case_id) VALUES (old.id);
END;
CREATE TABLE case_people (
  case_id  INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  address  TEXT    NOT NULL,
  name     TEXT    NOT NULL DEFAULT '',
  role     TEXT    NOT NULL CHECK (role IN ('customer', 'copied', 'third party')),
  chosen   INTEGER NOT NULL DEFAULT 0,
  opened   INTEGER NOT NULL DEFAULT 0,
  reason   TEXT    NOT NULL,
  email_id INTEGER REFERENCES emails ON DELETE SET NULL,
  since    INTEGER NOT NULL,
  PRIMARY KEY (case_id, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_people_address ON case_people (address);
CREATE INDEX case_people_email ON case_people (email_id) WHERE email_id IS NOT NULL;
CREATE INDEX case_people_chosen ON case_people (case_id) WHERE role = 'customer' AND chosen;
-- Domains beyond ASCII are kept in one spelling, the one in ASCII.
UPDATE email_addresses SET address = in_ascii(address) WHERE address <> in_ascii(address);
UPDATE emails SET from_address = in_ascii(from_address) WHERE from_address <> in_ascii(from_address);
UPDATE OR IGNORE user_addresses SET address = in_ascii(address) WHERE address <> in_ascii(address);
UPDATE accounts SET address = in_ascii(address) WHERE address <> in_ascii(address);
UPDATE accounts SET reply_from = in_ascii(reply_from) WHERE reply_from <> in_ascii(reply_from);
UPDATE accounts SET reply_to = in_ascii(reply_to) WHERE reply_to <> in_ascii(reply_to);
UPDATE OR REPLACE account_aliases SET address = in_ascii(address) WHERE address <> in_ascii(address);
UPDATE OR REPLACE record_addresses SET address = in_ascii(address) WHERE address <> in_ascii(address);
UPDATE OR REPLACE outbox_recipients SET address = in_ascii(address) WHERE address <> in_ascii(address);
UPDATE outbox SET envelope_from = in_ascii(envelope_from) WHERE envelope_from <> in_ascii(envelope_from);
UPDATE auto_replies SET address = in_ascii(address) WHERE address <> in_ascii(address);
UPDATE OR REPLACE invalid_addresses SET address = in_ascii(address) WHERE address <> in_ascii(address);
-- The roles of the past, in the order in which an address keeps its first one. Own addresses and those of users have none.
CREATE TEMP TABLE ours AS
  SELECT address FROM accounts UNION SELECT address FROM account_aliases UNION SELECT address FROM user_addresses
  UNION SELECT a.address FROM email_addresses a JOIN accounts o
    ON a.address LIKE substr(o.address, 1, instr(o.address, '@') - 1) || '+%' || substr(o.address, instr(o.address, '@'));
CREATE TEMP TABLE said AS
  SELECT e.id, e.parent_id AS case_id, e.received_at, e.status <> 'Archived' AS ours, a.field, a.address, a.name,
    (SELECT count(*) FROM email_addresses n WHERE n.email_id = e.id AND n.field IN ('to', 'cc')) AS readers
  FROM emails e JOIN email_addresses a ON a.email_id = e.id
  WHERE e.parent_type = 'case' AND e.verified AND e.automatic = '' AND e.status <> 'Draft'
    AND a.address LIKE '_%@_%' AND a.address NOT IN (SELECT address FROM ours)
    AND a.address NOT LIKE 'no%reply%@%' AND a.address NOT LIKE 'do%not%reply%@%';
CREATE INDEX temp.said_email ON said (id, field);
-- The contact or lead that a case is linked to is its customer, without rows.
CREATE TEMP TABLE customers AS
  SELECT c.id AS case_id, r.address FROM cases c JOIN record_addresses r ON r.record_type = 'contact' AND r.record_id = c.contact_id
  UNION SELECT c.id, r.address FROM cases c JOIN record_addresses r ON r.record_type = 'lead' AND r.record_id = c.lead_id;
CREATE INDEX temp.customers_address ON customers (case_id, address);
-- Who opened it: Reply-To of a form's mail, else From. Somebody else than the linked contact passed the matter on.
INSERT INTO case_people (case_id, address, name, role, opened, reason, email_id, since)
  SELECT case_id, address, name,
    CASE WHEN address NOT IN (SELECT c.address FROM customers c WHERE c.case_id = s.case_id)
      AND EXISTS (SELECT 1 FROM customers c WHERE c.case_id = s.case_id) THEN 'third party' ELSE 'customer' END,
    1, 'opened the case', id, received_at FROM (
    SELECT *, row_number() OVER (PARTITION BY case_id ORDER BY received_at, id, field = 'reply-to') AS place
    FROM said WHERE NOT ours AND (field = 'from' OR (field = 'reply-to' AND NOT EXISTS (
      SELECT 1 FROM said f WHERE f.id = said.id AND f.field = 'from')))) s
  WHERE place = 1;
INSERT INTO customers SELECT case_id, address FROM case_people WHERE role = 'customer';
INSERT INTO customers SELECT s.case_id, s.address FROM said s
  WHERE s.field = 'reply-to' AND NOT s.ours AND EXISTS (SELECT 1 FROM said f JOIN customers p
    ON p.case_id = f.case_id AND p.address = f.address WHERE f.id = s.id AND f.field = 'from');
-- Everybody else, by the first mail that gave them a role: whom the customer names in Reply-To, To or Cc, and whom we wrote
-- to: with the customer copied, else third parties.
INSERT OR IGNORE INTO case_people (case_id, address, name, role, reason, email_id, since)
  SELECT case_id, address, name, role, reason, id, received_at FROM (
    SELECT *, row_number() OVER (PARTITION BY case_id, address ORDER BY received_at, id, rank) AS place FROM (
      SELECT s.case_id, s.address, s.name, s.id, s.received_at, s.field = 'bcc' AS rank,
        CASE WHEN s.ours AND (s.field = 'bcc' OR s.readers > 20 OR NOT EXISTS (SELECT 1 FROM said c JOIN customers p
            ON p.case_id = c.case_id AND p.address = c.address WHERE c.id = s.id AND c.field IN ('to', 'cc')))
          THEN 'third party' WHEN s.field = 'reply-to' THEN 'customer' ELSE 'copied' END AS role,
        CASE WHEN s.ours THEN 'we wrote to it' WHEN s.field = 'reply-to' THEN 'the customer names it in Reply-To'
          ELSE 'in To or Cc of a mail of the customer' END AS reason
      FROM said s
      WHERE (s.ours AND s.field IN ('to', 'cc', 'bcc'))
        OR (NOT s.ours AND (s.field = 'reply-to' OR (s.field IN ('to', 'cc') AND s.readers <= 20))
          AND EXISTS (SELECT 1 FROM said f JOIN customers p ON p.case_id = f.case_id AND p.address = f.address
            WHERE f.id = s.id AND f.field = 'from'))))
  WHERE place = 1 ORDER BY id;
-- Everybody else who wrote verified mail took part until now.
INSERT OR IGNORE INTO case_people (case_id, address, name, role, reason, email_id, since)
  SELECT case_id, address, name, 'copied', 'wrote in the case', id, received_at FROM said
  WHERE NOT ours AND field = 'from' AND NOT EXISTS (
    SELECT 1 FROM customers c WHERE c.case_id = said.case_id AND c.address = said.address) ORDER BY id;
DROP TABLE said;
DROP TABLE customers;
DROP TABLE ours;
CREATE INDEX outbox_recipients_failed ON outbox_recipients (outbox_id) WHERE state = 'failed';
-- What servers taught about sending.
ALTER TABLE accounts ADD COLUMN null_sender_refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN send_next_try_at INTEGER;
-- What the server of one user says holds for that account only.
ALTER TABLE invalid_addresses RENAME TO invalid_for_everybody;
CREATE TABLE invalid_addresses (
  address    TEXT    NOT NULL,
  account_id INTEGER REFERENCES accounts ON DELETE CASCADE,
  reason     TEXT    NOT NULL,
  since      INTEGER NOT NULL
) STRICT;
INSERT INTO invalid_addresses (address, reason, since) SELECT address, reason, since FROM invalid_for_everybody;
DROP TABLE invalid_for_everybody;
CREATE UNIQUE INDEX invalid_addresses_address ON invalid_addresses (address, coalesce(account_id, 0));
CREATE INDEX invalid_addresses_account ON invalid_addresses (account_id) WHERE account_id IS NOT NULL;
ALTER TABLE instance ADD COLUMN backup_made_at INTEGER;
ALTER TABLE instance ADD COLUMN restored_at INTEGER;
ALTER TABLE instance ADD COLUMN restored_from INTEGER;
-- What an import asks is answered by an index, however much there is already; and so is whether bytes are used still.
CREATE INDEX emails_from ON emails (from_address, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX emails_author ON emails (author_address, parent_id) WHERE author_address IS NOT NULL;
CREATE INDEX emails_letters ON emails (parent_id) WHERE status <> 'Archived' AND automatic = '';
CREATE INDEX emails_raw ON emails (raw_id) WHERE raw_id IS NOT NULL;
CREATE INDEX email_variants_delivery ON email_variants (delivery_id);
CREATE INDEX email_variants_raw ON email_variants (raw_id);
DROP INDEX deliveries_email;
CREATE INDEX deliveries_email ON deliveries (email_id, account_id, folder);
CREATE INDEX deliveries_raw ON deliveries (raw_id) WHERE raw_id IS NOT NULL;
CREATE INDEX notes_email ON notes (email_id) WHERE email_id IS NOT NULL;
CREATE INDEX notes_remarks ON notes (parent_type, parent_id) WHERE kind = 'remark' AND email_id IS NULL;
CREATE INDEX notifications_email ON notifications (email_id) WHERE email_id IS NOT NULL;
CREATE INDEX outbox_raw ON outbox (raw_id);
CREATE INDEX auto_replies_domain ON auto_replies (account_id, substr(address, instr(address, '@') + 1), created_at);
CREATE INDEX auto_replies_case ON auto_replies (case_id, address) WHERE case_id IS NOT NULL;
CREATE INDEX auto_replies_email ON auto_replies (email_id);
-- Answers that do not arrive.
ALTER TABLE cases ADD COLUMN answer_failed_at INTEGER;
ALTER TABLE outbox ADD COLUMN status_to TEXT;
ALTER TABLE outbox ADD COLUMN status_from TEXT;
ALTER TABLE notification_settings RENAME TO settings_before;
CREATE TABLE notification_settings (
  user_id  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  kind     TEXT    NOT NULL CHECK (kind IN ('assigned', 'email', 'note', 'failed', 'woken')),
  listed   INTEGER NOT NULL,
  by_email TEXT    NOT NULL CHECK (by_email IN ('immediately', 'digest', 'off')),
  PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO notification_settings SELECT user_id, kind, listed, by_email FROM settings_before;
DROP TABLE settings_before;
-- Lists: tags, cases that sleep, saved searches.
ALTER TABLE cases ADD COLUMN snoozed_until INTEGER;
CREATE INDEX cases_snoozed ON cases (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE TABLE case_tags (
  case_id INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
  tag     TEXT    NOT NULL,
  PRIMARY KEY (case_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_tags_tag ON case_tags (tag, case_id);
CREATE TABLE searches (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL COLLATE NOCASE,
  query      TEXT    NOT NULL,
  user_id    INTEGER REFERENCES users ON DELETE CASCADE,
  team_id    INTEGER REFERENCES teams ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  CHECK (user_id IS NULL OR team_id IS NULL)
) STRICT;
CREATE UNIQUE INDEX searches_name ON searches (coalesce(user_id, 0), name);
-- How accounts log in: more ways to present a password, and pins of each server. A pin was one of the certificate, for both.
ALTER TABLE accounts ADD COLUMN imap_way TEXT NOT NULL DEFAULT 'password'
  CHECK (imap_way IN ('password', 'plain', 'login', 'cram-md5', 'xoauth2', 'oauthbearer'));
UPDATE accounts SET imap_way = imap_auth;
ALTER TABLE accounts DROP COLUMN imap_auth;
ALTER TABLE accounts RENAME COLUMN imap_way TO imap_auth;
ALTER TABLE accounts ADD COLUMN smtp_way TEXT NOT NULL DEFAULT 'password'
  CHECK (smtp_way IN ('password', 'plain', 'login', 'cram-md5', 'xoauth2', 'oauthbearer'));
UPDATE accounts SET smtp_way = smtp_auth;
ALTER TABLE accounts DROP COLUMN smtp_auth;
ALTER TABLE accounts RENAME COLUMN smtp_way TO smtp_auth;
ALTER TABLE accounts ADD COLUMN imap_pins TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN smtp_pins TEXT NOT NULL DEFAULT '';
UPDATE accounts SET imap_pins = 'cert:' || pin WHERE pin IS NOT NULL;
ALTER TABLE accounts DROP COLUMN pin;
ALTER TABLE accounts ADD COLUMN language TEXT;
-- Access tokens instead of passwords.
ALTER TABLE accounts ADD COLUMN oauth_client_id TEXT;
ALTER TABLE accounts ADD COLUMN oauth_tenant TEXT;
ALTER TABLE accounts ADD COLUMN oauth_client_secret TEXT;
-- What a screen asks is answered by an index, however much there is.
CREATE INDEX message_id_aliases_email ON message_id_aliases (email_id);
CREATE INDEX drafts_parent ON drafts (parent_type, parent_id);
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX outbox_user ON outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX log_entries_at ON log_entries (at);
ALTER TABLE log_entries ADD COLUMN host TEXT;
CREATE INDEX cases_company ON cases (company_id) WHERE company_id IS NOT NULL;
CREATE INDEX cases_contact ON cases (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX cases_lead ON cases (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX companies_name ON companies (lower(name));
CREATE INDEX contacts_name ON contacts (lower(name));
CREATE INDEX leads_name ON leads (lower(name));
CREATE INDEX opportunities_name ON opportunities (lower(name));
-- The order of the addresses of a user.
ALTER TABLE user_addresses ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
UPDATE user_addresses SET position = rowid;
-- A draft whose fields could not all be read.
ALTER TABLE drafts ADD COLUMN unread TEXT NOT NULL DEFAULT '';
-- Attachments that come again are stored once.
ALTER TABLE raw_messages ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
CREATE TABLE raw_parts (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  size   INTEGER NOT NULL,
  sha256 BLOB    NOT NULL UNIQUE,
  codec  TEXT    NOT NULL CHECK (codec IN ('zstd', 'none')),
  data   BLOB    NOT NULL
) STRICT;
CREATE TABLE raw_uses (
  raw_id  INTEGER NOT NULL REFERENCES raw_messages ON DELETE CASCADE,
  number  INTEGER NOT NULL,
  part_id INTEGER NOT NULL REFERENCES raw_parts,
  place   INTEGER NOT NULL,
  line    INTEGER NOT NULL,
  crlf    INTEGER NOT NULL,
  PRIMARY KEY (raw_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX raw_uses_part ON raw_uses (part_id);
-- What points to cases and to messages of the outbox that are pruned.
CREATE INDEX cases_merged ON cases (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX cases_relates ON cases (relates_to_id) WHERE relates_to_id IS NOT NULL;
CREATE INDEX notes_about ON notes (about_type, about_id) WHERE about_id IS NOT NULL;
CREATE INDEX outbox_case ON outbox (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX auto_replies_outbox ON auto_replies (outbox_id);
-- Each death of a run at a message is counted once.
CREATE TABLE deaths (
  delivery_id INTEGER NOT NULL REFERENCES deliveries ON DELETE CASCADE,
  run         INTEGER NOT NULL,
  PRIMARY KEY (delivery_id, run)
) STRICT, WITHOUT ROWID;
-- Mail that is junk, the folder where a server keeps it, and the certificates of mail servers.
ALTER TABLE accounts ADD COLUMN junk_folder TEXT;
CREATE TABLE email_junk (
  email_id INTEGER PRIMARY KEY REFERENCES emails ON DELETE CASCADE,
  user_id INTEGER REFERENCES users,
  at INTEGER NOT NULL,
  case_id INTEGER REFERENCES cases ON DELETE SET NULL,
  rejected INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX email_junk_case ON email_junk (case_id) WHERE case_id IS NOT NULL;
CREATE TABLE account_certificates (
  account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  protocol TEXT NOT NULL CHECK (protocol IN ('imap', 'smtp')),
  host TEXT NOT NULL,
  ends_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, protocol)
) STRICT, WITHOUT ROWID;
