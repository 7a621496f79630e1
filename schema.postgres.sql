-- The whole current schema of an espomail database on PostgreSQL, version 5. A new database begins here: there is no older
-- one to bring up. Its tables, columns, keys and rules are those of schema.sql, where comments say what they hold; a test
-- compares the two.
--
-- What differs: flags are BOOLEAN, numbers and seconds BIGINT. Text is compared by its bytes (collation "C"), so that it
-- comes in one order on every server. Names that differ in case alone are one name by an index over lower(name).
-- Keys to other tables can be looked at when a transaction ends, for copies of whole databases. Everything lies in the first
-- schema of the search_path.

-- The version, in one row.
CREATE TABLE schema_version (
  version BIGINT NOT NULL
);

-- One writer at a time: each transaction that may write takes this row first.
CREATE TABLE turns (
  name TEXT COLLATE "C" PRIMARY KEY,
  -- That of the server: a standby that takes over begins another one, and may lack what was committed last.
  timeline TEXT COLLATE "C",
  -- When that was noticed last, in seconds; NULL = never.
  replaced_at BIGINT
);
INSERT INTO turns (name) VALUES ('write');

-- Where a part begins in a text, counted from 1; 0 = nowhere.
CREATE FUNCTION instr(text TEXT, part TEXT) RETURNS INTEGER LANGUAGE SQL IMMUTABLE PARALLEL SAFE
  RETURN strpos(text, part);

-- A text in the form in which texts are compared: what `fold` of src/words/fold.rs makes of it, letter by letter. The program
-- puts another collation in where the server has no C.utf8, and letters that the server may not know.
CREATE FUNCTION folded(text TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  t TEXT COLLATE "C" := text;
  -- What nobody sees.
  unseen CONSTANT TEXT := '\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164'
    '\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff';
  -- Marks on letters of Europe and the Near East, where people leave them out.
  marks CONSTANT TEXT := '\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05bd\u05bf\u05c1'
    '\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8'
    '\u06ea-\u06ed\u0711\u0730-\u074a\u115f\u1160';
  -- Letters that may be composed with the one before.
  composing CONSTANT TEXT := '\u0900-\u1bff\u3099\u309a\U00010800-\U00016fff';
  -- Letters of scripts without blanks: a line that ends between two of them goes on.
  unspaced CONSTANT TEXT := '\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109f\u1780-\u17d3'
    '\u17d7\u17dc\u17dd\u1950-\u1974\u1980-\u19c9\u1a20-\u1a7f\u3005-\u3007\u3021-\u3029\u3031-\u3035'
    '\u3038-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf'
    '\u4e00-\u9fff\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f\U0001aff0-\U0001b16f\U00020000-\U000323af';
BEGIN
  IF t ~ ('[' || unseen || ']') THEN
    t := regexp_replace(t, '[' || unseen || ']+', '', 'g');
  END IF;
  -- (the program puts the newest letters here)
  t := regexp_replace(normalize(t, NFKD), '[' || marks || ']+', '', 'g');
  t := lower(t COLLATE "C.utf8");
  IF t ~ '[\u02bc\u2010-\u201f\u2032\u2044\u2212\u2215]' THEN
    t := regexp_replace(t, '[\u02bc\u2018\u2019\u201b\u2032]', '''', 'g');
    t := regexp_replace(t, '[\u201c-\u201f]', '"', 'g');
    t := regexp_replace(t, '[\u2010\u2012-\u2014\u2212]', '-', 'g');
    t := regexp_replace(t, '[\u2044\u2215]', '/', 'g');
  END IF;
  t := replace(t, 'ß', 'ss');
  IF t ~ '[\u00e6\u00f0\u00f8\u00fe\u0111\u0127\u0131\u0142\u0153\u0167\u03c2]' THEN
    t := replace(replace(replace(t, 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
    t := translate(t, 'øłđðħŧıς', 'olddhtiσ');
  END IF;
  IF t ~ ('[' || composing || ']') THEN
    t := normalize(t, NFC);
  END IF;
  IF t ~ ('[' || unspaced || ']\r?\n') THEN
    t := regexp_replace(t, '(?<=[' || unspaced || '])\r?\n(?=[' || unspaced || '])', '', 'g');
  END IF;
  RETURN t;
END
$$;

-- An address with its domain in letters (RFC 3492, section 6.2); NULL where it has no such spelling.
CREATE FUNCTION in_letters(address TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  domain CONSTANT TEXT := regexp_replace(address, '^.*@', '');
  labels TEXT[] := '{}';
  label TEXT; letters TEXT; digits TEXT;
  n BIGINT; i BIGINT; bias BIGINT; before BIGINT; weight BIGINT; k BIGINT; least BIGINT; digit BIGINT; delta BIGINT; size BIGINT;
BEGIN
  FOREACH label IN ARRAY string_to_array(domain, '.') LOOP
    IF lower(left(label, 4)) = 'xn--' THEN
      label := substr(label, 5);
      letters := coalesce(substring(label, '^(.*)-[^-]*$'), '');
      digits := substring(label, '[^-]*$');
      IF digits = '' THEN RETURN NULL; END IF;
      n := 128; i := 0; bias := 72;
      WHILE digits <> '' LOOP
        before := i; weight := 1; k := 36;
        LOOP
          digit := strpos('abcdefghijklmnopqrstuvwxyz0123456789', lower(left(digits, 1))) - 1;
          IF digits = '' OR digit < 0 OR weight > 1000000000 THEN RETURN NULL; END IF;
          digits := substr(digits, 2);
          i := i + digit * weight;
          least := CASE WHEN k <= bias THEN 1 WHEN k >= bias + 26 THEN 26 ELSE k - bias END;
          EXIT WHEN digit < least;
          weight := weight * (36 - least); k := k + 36;
        END LOOP;
        size := length(letters) + 1;
        delta := (i - before) / CASE WHEN before = 0 THEN 700 ELSE 2 END;
        delta := delta + delta / size;
        bias := 0;
        WHILE delta > 455 LOOP
          delta := delta / 35; bias := bias + 36;
        END LOOP;
        bias := bias + 36 * delta / (delta + 38);
        n := n + i / size; i := i % size;
        IF n > 1114111 OR n BETWEEN 55296 AND 57343 THEN RETURN NULL; END IF;
        letters := overlay(letters PLACING chr(CAST(n AS INTEGER)) FROM CAST(i + 1 AS INTEGER) FOR 0);
        i := i + 1;
      END LOOP;
      label := letters;
    END IF;
    labels := labels || label;
  END LOOP;
  RETURN left(address, length(address) - length(domain)) || array_to_string(labels, '.');
END
$$;

-- Whether a text has a part, which is folded (src/store/text.rs). An address has its domain in both spellings.
CREATE FUNCTION mentions(text TEXT, part TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  -- It is unpacked once.
  t CONSTANT TEXT COLLATE "C" := text || '';
BEGIN
  IF t IS NULL OR part IS NULL THEN
    RETURN FALSE;
  END IF;
  IF octet_length(t) <= 320 AND strpos(t, 'xn--') > 0 AND strpos(folded(in_letters(t)), part) > 0 THEN
    RETURN TRUE;
  END IF;
  RETURN strpos(CASE WHEN octet_length(t) = length(t) THEN lower(t) ELSE folded(t) END, part) > 0;
END
$$;

CREATE TABLE instance (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  secret BYTEA NOT NULL,
  next_case BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  last_fetch_at BIGINT,
  last_backup_at BIGINT,
  backup_made_at BIGINT,
  restored_at BIGINT,
  restored_from BIGINT
);

CREATE TABLE users (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  username TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL DEFAULT '',
  type TEXT COLLATE "C" NOT NULL DEFAULT 'regular' CHECK (type IN ('admin', 'regular')),
  active BOOLEAN NOT NULL DEFAULT TRUE,
  login TEXT COLLATE "C" NOT NULL,
  away BOOLEAN NOT NULL DEFAULT FALSE,
  away_until BIGINT,
  created_at BIGINT NOT NULL,
  digest_at BIGINT,
  signature TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE INDEX users_login ON users (login);

CREATE TABLE user_addresses (
  address TEXT COLLATE "C" PRIMARY KEY,
  user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE,
  is_primary BOOLEAN NOT NULL DEFAULT FALSE,
  position BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX user_addresses_user ON user_addresses (user_id);

CREATE TABLE teams (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX teams_name ON teams (lower(name));

CREATE TABLE team_members (
  team_id BIGINT NOT NULL REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE,
  position TEXT COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id);

CREATE TABLE roles (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX roles_name ON roles (lower(name));

CREATE TABLE role_permissions (
  role_id BIGINT NOT NULL REFERENCES roles ON DELETE CASCADE DEFERRABLE,
  permission TEXT COLLATE "C" NOT NULL,
  level TEXT COLLATE "C" NOT NULL CHECK (level IN ('no', 'own', 'team', 'all', 'yes')),
  PRIMARY KEY (role_id, permission)
);

CREATE TABLE role_users (
  role_id BIGINT NOT NULL REFERENCES roles ON DELETE CASCADE DEFERRABLE,
  user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (role_id, user_id)
);
CREATE INDEX role_users_user ON role_users (user_id);

CREATE TABLE role_teams (
  role_id BIGINT NOT NULL REFERENCES roles ON DELETE CASCADE DEFERRABLE,
  team_id BIGINT NOT NULL REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (role_id, team_id)
);
CREATE INDEX role_teams_team ON role_teams (team_id);

CREATE TABLE folders (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  user_id BIGINT REFERENCES users ON DELETE CASCADE DEFERRABLE,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX folders_name ON folders (coalesce(user_id, 0), lower(name));

CREATE TABLE folder_teams (
  folder_id BIGINT NOT NULL REFERENCES folders ON DELETE CASCADE DEFERRABLE,
  team_id BIGINT NOT NULL REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (folder_id, team_id)
);

CREATE TABLE templates (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  body TEXT COLLATE "C" NOT NULL,
  html TEXT COLLATE "C",
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX templates_name ON templates (lower(name));

CREATE TABLE accounts (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('group', 'personal')),
  user_id BIGINT REFERENCES users DEFERRABLE,
  address TEXT COLLATE "C" NOT NULL,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  imap_host TEXT COLLATE "C",
  imap_port BIGINT NOT NULL DEFAULT 993,
  imap_tls TEXT COLLATE "C" NOT NULL DEFAULT 'implicit' CHECK (imap_tls IN ('implicit', 'starttls', 'none')),
  imap_login TEXT COLLATE "C" NOT NULL DEFAULT '',
  imap_secret TEXT COLLATE "C" NOT NULL DEFAULT '',
  imap_auth TEXT COLLATE "C" NOT NULL DEFAULT 'password' CHECK (imap_auth IN ('password', 'plain', 'login', 'cram-md5', 'xoauth2', 'oauthbearer')),
  imap_pins TEXT COLLATE "C" NOT NULL DEFAULT '',
  imap_confined BOOLEAN NOT NULL DEFAULT FALSE,
  smtp_host TEXT COLLATE "C",
  smtp_port BIGINT NOT NULL DEFAULT 587,
  smtp_tls TEXT COLLATE "C" NOT NULL DEFAULT 'starttls' CHECK (smtp_tls IN ('implicit', 'starttls', 'none')),
  smtp_login TEXT COLLATE "C" NOT NULL DEFAULT '',
  smtp_secret TEXT COLLATE "C" NOT NULL DEFAULT '',
  smtp_auth TEXT COLLATE "C" NOT NULL DEFAULT 'password' CHECK (smtp_auth IN ('password', 'plain', 'login', 'cram-md5', 'xoauth2', 'oauthbearer')),
  smtp_pins TEXT COLLATE "C" NOT NULL DEFAULT '',
  smtp_confined BOOLEAN NOT NULL DEFAULT FALSE,
  ca_file TEXT COLLATE "C",
  fetch_since BIGINT NOT NULL,
  after_import TEXT COLLATE "C" NOT NULL DEFAULT 'seen',
  portion BIGINT,
  max_size BIGINT,
  authserv_id TEXT COLLATE "C",
  case_team_id BIGINT REFERENCES teams DEFERRABLE,
  create_case BOOLEAN NOT NULL DEFAULT FALSE,
  distribution TEXT COLLATE "C" NOT NULL DEFAULT 'none' CHECK (distribution IN ('none', 'direct', 'round-robin', 'least-busy')),
  assign_to_id BIGINT REFERENCES users DEFERRABLE,
  position TEXT COLLATE "C" NOT NULL DEFAULT '',
  wheel_user_id BIGINT,
  on_closed TEXT COLLATE "C" NOT NULL DEFAULT 'reopen',
  auto_mail TEXT COLLATE "C" NOT NULL DEFAULT 'archive' CHECK (auto_mail IN ('archive', 'case')),
  create_contact BOOLEAN NOT NULL DEFAULT FALSE,
  staff_forward TEXT COLLATE "C" NOT NULL DEFAULT 'all' CHECK (staff_forward IN ('all', 'attached', 'off')),
  plus_addressing BOOLEAN NOT NULL DEFAULT FALSE,
  auto_reply_id BIGINT REFERENCES templates DEFERRABLE,
  reply_from TEXT COLLATE "C",
  reply_name TEXT COLLATE "C",
  reply_to TEXT COLLATE "C",
  from_name TEXT COLLATE "C",
  shared BOOLEAN NOT NULL DEFAULT FALSE,
  add_all_team_users BOOLEAN NOT NULL DEFAULT FALSE,
  exclude_from_reply BOOLEAN NOT NULL DEFAULT FALSE,
  share TEXT COLLATE "C" NOT NULL DEFAULT 'private' CHECK (share IN ('private', 'record')),
  breaker_tripped_at BIGINT,
  created_at BIGINT NOT NULL,
  edited_at BIGINT NOT NULL,
  last_good_at BIGINT,
  failing_since BIGINT,
  failed_runs BIGINT NOT NULL DEFAULT 0,
  failure_kind TEXT COLLATE "C" NOT NULL DEFAULT '',
  failure TEXT COLLATE "C" NOT NULL DEFAULT '',
  alerted_at BIGINT,
  next_try_at BIGINT,
  rests BIGINT NOT NULL DEFAULT 0,
  send_failing_since BIGINT,
  send_failure TEXT COLLATE "C" NOT NULL DEFAULT '',
  group_folder_id BIGINT REFERENCES folders ON DELETE SET NULL DEFERRABLE,
  junk_folder TEXT COLLATE "C",
  read_sent TEXT COLLATE "C" NOT NULL DEFAULT 'no',
  store_sent TEXT COLLATE "C",
  breaker_reset_at BIGINT,
  signature TEXT COLLATE "C" NOT NULL DEFAULT '',
  dmarc_none TEXT COLLATE "C" NOT NULL DEFAULT 'trust' CHECK (dmarc_none IN ('trust', 'refuse')),
  reply_to_own_list BOOLEAN NOT NULL DEFAULT FALSE,
  null_sender_refused BOOLEAN NOT NULL DEFAULT FALSE,
  send_next_try_at BIGINT,
  language TEXT COLLATE "C",
  oauth_client_id TEXT COLLATE "C",
  oauth_tenant TEXT COLLATE "C",
  oauth_client_secret TEXT COLLATE "C"
);
CREATE UNIQUE INDEX accounts_name ON accounts (lower(name));

CREATE TABLE account_form_senders (
  address TEXT COLLATE "C" NOT NULL,
  account_id BIGINT NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (address, account_id)
);

CREATE TABLE account_aliases (
  address TEXT COLLATE "C" NOT NULL,
  account_id BIGINT NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (address, account_id)
);

CREATE TABLE account_teams (
  account_id BIGINT NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  team_id BIGINT NOT NULL REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (account_id, team_id)
);

CREATE TABLE account_folders (
  account_id BIGINT NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  name TEXT COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  uidvalidity BIGINT,
  last_uid BIGINT NOT NULL DEFAULT 0,
  past_uid BIGINT NOT NULL DEFAULT 0,
  messages BIGINT,
  past BIGINT,
  failure TEXT COLLATE "C" NOT NULL DEFAULT '',
  sent BOOLEAN NOT NULL DEFAULT FALSE,
  put_in TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (put_in IN ('', 'archive', 'trash')),
  folder_id BIGINT REFERENCES folders ON DELETE SET NULL DEFERRABLE,
  PRIMARY KEY (account_id, name)
);

CREATE TABLE companies (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  assigned_user_id BIGINT REFERENCES users DEFERRABLE,
  created_at BIGINT NOT NULL
);
CREATE INDEX companies_name ON companies (lower(name));

CREATE TABLE contacts (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  company_id BIGINT REFERENCES companies DEFERRABLE,
  assigned_user_id BIGINT REFERENCES users DEFERRABLE,
  created_at BIGINT NOT NULL
);
CREATE INDEX contacts_company ON contacts (company_id);
CREATE INDEX contacts_name ON contacts (lower(name));

CREATE TABLE leads (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  assigned_user_id BIGINT REFERENCES users DEFERRABLE,
  converted_company_id BIGINT REFERENCES companies DEFERRABLE,
  converted_contact_id BIGINT REFERENCES contacts DEFERRABLE,
  created_at BIGINT NOT NULL
);
CREATE INDEX leads_name ON leads (lower(name));

CREATE TABLE opportunities (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  company_id BIGINT REFERENCES companies DEFERRABLE,
  open BOOLEAN NOT NULL DEFAULT TRUE,
  assigned_user_id BIGINT REFERENCES users DEFERRABLE,
  created_at BIGINT NOT NULL
);
CREATE INDEX opportunities_company ON opportunities (company_id);
CREATE INDEX opportunities_name ON opportunities (lower(name));

CREATE TABLE opportunity_contacts (
  opportunity_id BIGINT NOT NULL REFERENCES opportunities ON DELETE CASCADE DEFERRABLE,
  contact_id BIGINT NOT NULL REFERENCES contacts ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (opportunity_id, contact_id)
);

CREATE TABLE record_addresses (
  address TEXT COLLATE "C" NOT NULL,
  record_type TEXT COLLATE "C" NOT NULL CHECK (record_type IN ('company', 'contact', 'lead')),
  record_id BIGINT NOT NULL,
  is_primary BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (address, record_type, record_id)
);
CREATE INDEX record_addresses_record ON record_addresses (record_type, record_id);

CREATE TABLE record_teams (
  record_type TEXT COLLATE "C" NOT NULL,
  record_id BIGINT NOT NULL,
  team_id BIGINT NOT NULL REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (record_type, record_id, team_id)
);

CREATE TABLE cases (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  number BIGINT NOT NULL UNIQUE,
  key TEXT COLLATE "C" NOT NULL UNIQUE,
  name TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL DEFAULT 'New' CHECK (status IN ('New', 'Assigned', 'Pending', 'Closed', 'Rejected', 'Duplicate')),
  priority TEXT COLLATE "C" NOT NULL DEFAULT 'Normal' CHECK (priority IN ('Low', 'Normal', 'High', 'Urgent')),
  type TEXT COLLATE "C" NOT NULL DEFAULT '',
  description TEXT COLLATE "C" NOT NULL DEFAULT '',
  company_id BIGINT REFERENCES companies DEFERRABLE,
  contact_id BIGINT REFERENCES contacts DEFERRABLE,
  lead_id BIGINT REFERENCES leads DEFERRABLE,
  account_id BIGINT REFERENCES accounts DEFERRABLE,
  requester_user_id BIGINT REFERENCES users DEFERRABLE,
  assigned_user_id BIGINT REFERENCES users DEFERRABLE,
  merged_into_id BIGINT REFERENCES cases DEFERRABLE,
  relates_to_id BIGINT REFERENCES cases DEFERRABLE,
  waiting_since BIGINT,
  waiting_for TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (waiting_for IN ('', 'us', 'customer')),
  auto_assigned_at BIGINT,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  closed_at BIGINT,
  first_response_at BIGINT,
  answer_failed_at BIGINT,
  snoozed_until BIGINT
);
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
  case_id BIGINT NOT NULL REFERENCES cases ON DELETE CASCADE DEFERRABLE,
  team_id BIGINT NOT NULL REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (case_id, team_id)
);
CREATE INDEX case_teams_team ON case_teams (team_id);

CREATE TABLE case_tags (
  case_id BIGINT NOT NULL REFERENCES cases ON DELETE CASCADE DEFERRABLE,
  tag TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (case_id, tag)
);
CREATE INDEX case_tags_tag ON case_tags (tag, case_id);

CREATE TABLE case_waits (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  case_id BIGINT NOT NULL REFERENCES cases ON DELETE CASCADE DEFERRABLE,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL
);
CREATE INDEX case_waits_case ON case_waits (case_id);

CREATE TABLE raw_messages (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  size BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  codec TEXT COLLATE "C" NOT NULL CHECK (codec IN ('zstd', 'none')),
  data BYTEA NOT NULL,
  parts BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE raw_parts (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  size BIGINT NOT NULL,
  sha256 BYTEA NOT NULL UNIQUE,
  codec TEXT COLLATE "C" NOT NULL CHECK (codec IN ('zstd', 'none')),
  data BYTEA NOT NULL
);

CREATE TABLE raw_uses (
  raw_id BIGINT NOT NULL REFERENCES raw_messages ON DELETE CASCADE DEFERRABLE,
  number BIGINT NOT NULL,
  part_id BIGINT NOT NULL REFERENCES raw_parts DEFERRABLE,
  place BIGINT NOT NULL,
  line BIGINT NOT NULL,
  crlf BOOLEAN NOT NULL,
  PRIMARY KEY (raw_id, number)
);
CREATE INDEX raw_uses_part ON raw_uses (part_id);

-- What a value has beyond its first MiB.
CREATE TABLE raw_messages_pieces (
  row_id BIGINT NOT NULL REFERENCES raw_messages ON DELETE CASCADE DEFERRABLE,
  number BIGINT NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (row_id, number)
);
CREATE TABLE raw_parts_pieces (
  row_id BIGINT NOT NULL REFERENCES raw_parts ON DELETE CASCADE DEFERRABLE,
  number BIGINT NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (row_id, number)
);
-- It is packed already.
ALTER TABLE raw_messages ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE raw_parts ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE raw_messages_pieces ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE raw_parts_pieces ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE emails (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  key TEXT COLLATE "C",
  message_id TEXT COLLATE "C" NOT NULL,
  raw_id BIGINT REFERENCES raw_messages DEFERRABLE,
  status TEXT COLLATE "C" NOT NULL CHECK (status = 'Draft' OR status = 'Sending' OR status = 'Sent' OR status = 'Archived'
                OR status = 'Failed'),
  subject TEXT COLLATE "C" NOT NULL,
  from_name TEXT COLLATE "C" NOT NULL DEFAULT '',
  from_address TEXT COLLATE "C" NOT NULL DEFAULT '',
  date BIGINT,
  received_at BIGINT NOT NULL,
  has_html BOOLEAN NOT NULL DEFAULT FALSE,
  parent_type TEXT COLLATE "C" CHECK (parent_type = 'company' OR parent_type = 'contact' OR parent_type = 'lead'
                OR parent_type = 'opportunity' OR parent_type = 'case'),
  parent_id BIGINT,
  verified BOOLEAN NOT NULL DEFAULT TRUE,
  automatic TEXT COLLATE "C" NOT NULL DEFAULT '',
  user_id BIGINT REFERENCES users DEFERRABLE,
  flow_account_id BIGINT REFERENCES accounts DEFERRABLE,
  truncated BOOLEAN NOT NULL DEFAULT FALSE,
  flagged TEXT COLLATE "C" NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  group_folder_id BIGINT REFERENCES folders ON DELETE SET NULL DEFERRABLE,
  group_place TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (group_place = '' OR group_place = 'archive'
                OR group_place = 'trash'),
  private BOOLEAN NOT NULL DEFAULT FALSE,
  verdict TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (verdict = '' OR verdict = 'pass' OR verdict = 'none'
                OR verdict = 'fail'),
  author_name TEXT COLLATE "C",
  author_address TEXT COLLATE "C",
  undecided BOOLEAN NOT NULL DEFAULT FALSE,
  CHECK ((parent_type IS NULL) = (parent_id IS NULL))
);
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

CREATE TABLE case_people (
  case_id BIGINT NOT NULL REFERENCES cases ON DELETE CASCADE DEFERRABLE,
  address TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL DEFAULT '',
  role TEXT COLLATE "C" NOT NULL CHECK (role IN ('customer', 'copied', 'third party')),
  chosen BOOLEAN NOT NULL DEFAULT FALSE,
  opened BOOLEAN NOT NULL DEFAULT FALSE,
  reason TEXT COLLATE "C" NOT NULL,
  email_id BIGINT REFERENCES emails ON DELETE SET NULL DEFERRABLE,
  since BIGINT NOT NULL,
  PRIMARY KEY (case_id, address)
);
CREATE INDEX case_people_address ON case_people (address);
CREATE INDEX case_people_email ON case_people (email_id) WHERE email_id IS NOT NULL;
CREATE INDEX case_people_chosen ON case_people (case_id) WHERE role = 'customer' AND chosen;

CREATE TABLE email_bodies (
  email_id BIGINT PRIMARY KEY REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  text TEXT COLLATE "C" NOT NULL
);

CREATE TABLE email_addresses (
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  field TEXT COLLATE "C" NOT NULL CHECK (field = 'from' OR field = 'reply-to' OR field = 'to' OR field = 'cc'
                OR field = 'bcc'),
  position BIGINT NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (email_id, field, position)
);
CREATE INDEX email_addresses_address ON email_addresses (address);

CREATE TABLE email_references (
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  position BIGINT NOT NULL,
  message_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (email_id, position)
);
CREATE INDEX email_references_message_id ON email_references (message_id);

CREATE TABLE email_attachments (
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  part BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  content_type TEXT COLLATE "C" NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT COLLATE "C" NOT NULL,
  content_id TEXT COLLATE "C",
  inline BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (email_id, part)
);

CREATE TABLE message_id_aliases (
  message_id TEXT COLLATE "C" PRIMARY KEY,
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE
);
CREATE INDEX message_id_aliases_email ON message_id_aliases (email_id);

CREATE TABLE email_users (
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE,
  folder TEXT COLLATE "C" NOT NULL DEFAULT 'inbox' CHECK (folder IN ('inbox', 'sent')),
  read BOOLEAN NOT NULL DEFAULT FALSE,
  important BOOLEAN NOT NULL DEFAULT FALSE,
  trash BOOLEAN NOT NULL DEFAULT FALSE,
  archive BOOLEAN NOT NULL DEFAULT FALSE,
  folder_id BIGINT REFERENCES folders ON DELETE SET NULL DEFERRABLE,
  PRIMARY KEY (email_id, user_id)
);
CREATE INDEX email_users_user ON email_users (user_id, email_id);
CREATE INDEX email_users_folder ON email_users (folder_id, email_id) WHERE folder_id IS NOT NULL;

CREATE TABLE email_teams (
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  team_id BIGINT NOT NULL REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (email_id, team_id)
);
CREATE INDEX email_teams_team ON email_teams (team_id, email_id);

CREATE TABLE email_decisions (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  step TEXT COLLATE "C" NOT NULL,
  decision TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX email_decisions_email ON email_decisions (email_id);

CREATE TABLE deliveries (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  account_id BIGINT NOT NULL REFERENCES accounts DEFERRABLE,
  folder TEXT COLLATE "C",
  uidvalidity BIGINT,
  uid BIGINT,
  internal_date BIGINT NOT NULL,
  size BIGINT NOT NULL,
  truncated BOOLEAN NOT NULL DEFAULT FALSE,
  raw_id BIGINT REFERENCES raw_messages DEFERRABLE,
  recipient TEXT COLLATE "C",
  outcome TEXT COLLATE "C" NOT NULL CHECK (outcome = 'received' OR outcome = 'imported' OR outcome = 'duplicate'
                OR outcome = 'own' OR outcome = 'skipped' OR outcome = 'quarantined' OR outcome = 'discarded'
                OR outcome = 'unfetchable' OR outcome = 'missing'),
  reason TEXT COLLATE "C" NOT NULL DEFAULT '',
  email_id BIGINT REFERENCES emails DEFERRABLE,
  deaths BIGINT NOT NULL DEFAULT 0,
  attempts BIGINT NOT NULL DEFAULT 0,
  tried_at BIGINT,
  received_at BIGINT NOT NULL,
  source TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (source = '' OR source = 'import' OR source = 'history'),
  UNIQUE (account_id, folder, uidvalidity, uid)
);
CREATE INDEX deliveries_outcome ON deliveries (outcome, account_id, folder, uid);
CREATE INDEX deliveries_email ON deliveries (email_id, account_id, folder);
CREATE INDEX deliveries_received ON deliveries (account_id, received_at);
CREATE INDEX deliveries_raw ON deliveries (raw_id) WHERE raw_id IS NOT NULL;

CREATE TABLE deaths (
  delivery_id BIGINT NOT NULL REFERENCES deliveries ON DELETE CASCADE DEFERRABLE,
  run BIGINT NOT NULL,
  PRIMARY KEY (delivery_id, run)
);

CREATE TABLE email_variants (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  email_id BIGINT NOT NULL REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  delivery_id BIGINT NOT NULL REFERENCES deliveries DEFERRABLE,
  raw_id BIGINT NOT NULL REFERENCES raw_messages DEFERRABLE,
  text TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX email_variants_email ON email_variants (email_id);
CREATE INDEX email_variants_delivery ON email_variants (delivery_id);
CREATE INDEX email_variants_raw ON email_variants (raw_id);

CREATE TABLE tombstones (
  hash BYTEA PRIMARY KEY,
  created_at BIGINT NOT NULL
);

CREATE TABLE server_actions (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  delivery_id BIGINT NOT NULL UNIQUE REFERENCES deliveries DEFERRABLE,
  action TEXT COLLATE "C" NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  last_error TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE email_junk (
  email_id BIGINT PRIMARY KEY REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  user_id BIGINT REFERENCES users DEFERRABLE,
  at BIGINT NOT NULL,
  case_id BIGINT REFERENCES cases ON DELETE SET NULL DEFERRABLE,
  rejected BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX email_junk_case ON email_junk (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE account_certificates (
  account_id BIGINT NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  protocol TEXT COLLATE "C" NOT NULL CHECK (protocol IN ('imap', 'smtp')),
  host TEXT COLLATE "C" NOT NULL,
  ends_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, protocol)
);

CREATE TABLE notes (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  parent_type TEXT COLLATE "C" NOT NULL,
  parent_id BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  user_id BIGINT REFERENCES users DEFERRABLE,
  email_id BIGINT REFERENCES emails DEFERRABLE,
  text TEXT COLLATE "C" NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  about_type TEXT COLLATE "C",
  about_id BIGINT
);
CREATE INDEX notes_parent ON notes (parent_type, parent_id, id);
CREATE INDEX notes_email ON notes (email_id) WHERE email_id IS NOT NULL;
CREATE INDEX notes_remarks ON notes (parent_type, parent_id) WHERE kind = 'remark' AND email_id IS NULL;
CREATE INDEX notes_about ON notes (about_type, about_id) WHERE about_id IS NOT NULL;

CREATE TABLE followers (
  parent_type TEXT COLLATE "C" NOT NULL,
  parent_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE,
  PRIMARY KEY (parent_type, parent_id, user_id)
);
CREATE INDEX followers_user ON followers (user_id);

CREATE TABLE notifications (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE,
  kind TEXT COLLATE "C" NOT NULL,
  parent_type TEXT COLLATE "C",
  parent_id BIGINT,
  email_id BIGINT REFERENCES emails DEFERRABLE,
  text TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  read_at BIGINT,
  digest BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX notifications_user ON notifications (user_id, read_at);
CREATE INDEX notifications_digest ON notifications (user_id) WHERE digest;
CREATE UNIQUE INDEX notifications_once ON notifications (user_id, email_id, kind) WHERE email_id IS NOT NULL;
CREATE INDEX notifications_email ON notifications (email_id) WHERE email_id IS NOT NULL;

CREATE TABLE notification_settings (
  user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE DEFERRABLE,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('assigned', 'email', 'note', 'failed', 'woken')),
  listed BOOLEAN NOT NULL,
  by_email TEXT COLLATE "C" NOT NULL CHECK (by_email IN ('immediately', 'digest', 'off')),
  PRIMARY KEY (user_id, kind)
);

CREATE TABLE outbox (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('mail', 'auto-reply', 'notice')),
  account_id BIGINT NOT NULL REFERENCES accounts DEFERRABLE,
  email_id BIGINT REFERENCES emails DEFERRABLE,
  case_id BIGINT REFERENCES cases DEFERRABLE,
  user_id BIGINT REFERENCES users DEFERRABLE,
  message_id TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  envelope_from TEXT COLLATE "C" NOT NULL,
  raw_id BIGINT NOT NULL REFERENCES raw_messages DEFERRABLE,
  state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'in doubt', 'sent', 'failed', 'held', 'cancelled')),
  attempts BIGINT NOT NULL DEFAULT 0,
  next_try_at BIGINT NOT NULL,
  last_error TEXT COLLATE "C" NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  settled_at BIGINT,
  failing_since BIGINT,
  not_before BIGINT,
  status_to TEXT COLLATE "C",
  status_from TEXT COLLATE "C"
);
CREATE INDEX outbox_state ON outbox (state, next_try_at);
CREATE INDEX outbox_message_id ON outbox (message_id);
CREATE INDEX outbox_email ON outbox (email_id);
CREATE INDEX outbox_raw ON outbox (raw_id);
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX outbox_user ON outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX outbox_case ON outbox (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE outbox_recipients (
  outbox_id BIGINT NOT NULL REFERENCES outbox ON DELETE CASCADE DEFERRABLE,
  address TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
  reply TEXT COLLATE "C" NOT NULL DEFAULT '',
  bounce_id BIGINT REFERENCES emails ON DELETE SET NULL DEFERRABLE,
  PRIMARY KEY (outbox_id, address)
);
CREATE INDEX outbox_recipients_bounce ON outbox_recipients (bounce_id) WHERE bounce_id IS NOT NULL;
CREATE INDEX outbox_recipients_failed ON outbox_recipients (outbox_id) WHERE state = 'failed';

CREATE TABLE invalid_addresses (
  address TEXT COLLATE "C" NOT NULL,
  account_id BIGINT REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  reason TEXT COLLATE "C" NOT NULL,
  since BIGINT NOT NULL
);
CREATE UNIQUE INDEX invalid_addresses_address ON invalid_addresses (address, coalesce(account_id, 0));
CREATE INDEX invalid_addresses_account ON invalid_addresses (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE sent_copies (
  outbox_id BIGINT PRIMARY KEY REFERENCES outbox ON DELETE CASCADE DEFERRABLE,
  attempts BIGINT NOT NULL DEFAULT 0,
  next_try_at BIGINT NOT NULL,
  last_error TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE drafts (
  email_id BIGINT PRIMARY KEY REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  account_id BIGINT NOT NULL REFERENCES accounts DEFERRABLE,
  parent_type TEXT COLLATE "C" CHECK (parent_type IN ('company', 'contact', 'lead', 'opportunity', 'case')),
  parent_id BIGINT,
  markdown BOOLEAN NOT NULL DEFAULT FALSE,
  case_status TEXT COLLATE "C",
  seen_id BIGINT,
  unread TEXT COLLATE "C" NOT NULL DEFAULT '',
  CHECK ((parent_type IS NULL) = (parent_id IS NULL))
);
CREATE INDEX drafts_parent ON drafts (parent_type, parent_id);

CREATE TABLE auto_replies (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  account_id BIGINT NOT NULL REFERENCES accounts DEFERRABLE,
  address TEXT COLLATE "C" NOT NULL,
  case_id BIGINT REFERENCES cases DEFERRABLE,
  email_id BIGINT NOT NULL REFERENCES emails DEFERRABLE,
  outbox_id BIGINT NOT NULL REFERENCES outbox DEFERRABLE,
  created_at BIGINT NOT NULL
);
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
    coalesce((SELECT string_agg(a.name || ' ' || a.address, E'\n' ORDER BY a.field, a.position) FROM email_addresses a
      WHERE a.email_id = e.id AND a.field <> 'bcc'), '')
      || coalesce(E'\n' || e.author_name || ' ' || e.author_address, '') AS addresses,
    CASE WHEN octet_length(b.text) <= 262144 THEN b.text ELSE substr(b.text, 1, 262144) END
      || coalesce((SELECT E'\n' || string_agg(substr(v.text, 1, 65536), E'\n' ORDER BY v.id) FROM (
        SELECT id, text FROM email_variants WHERE email_id = e.id ORDER BY id LIMIT 10) v), '') AS text,
    coalesce((SELECT string_agg(f.name, E'\n' ORDER BY f.part) FROM (
      SELECT name, part FROM email_attachments
        WHERE email_id = e.id AND NOT inline ORDER BY part LIMIT 1000) f), '') AS files
  FROM emails e JOIN email_bodies b ON b.email_id = e.id;

-- Words as the program makes them (src/words.rs), with a blank before and after each; a sign, which cannot be typed, stands
-- between the texts of a row and on both sides of each key of a number. Words that stand side by side are looked for in the
-- text, which the lexemes have found. A row that is not whole has words that are no lexemes (src/store/search/full_text).
CREATE TABLE email_words (
  id BIGINT PRIMARY KEY REFERENCES emails ON DELETE CASCADE DEFERRABLE,
  words TEXT COLLATE "C" NOT NULL,
  whole BOOLEAN NOT NULL,
  lexemes TSVECTOR NOT NULL
);
-- Whether words have some of them side by side. The text has to be unpacked for that: a server that knows the price asks the
-- index of the lexemes before.
CREATE FUNCTION stand_in(part TEXT, words TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
BEGIN
  RETURN strpos(words, part) > 0;
END
$$;
CREATE INDEX email_words_lexemes ON email_words USING gin (lexemes);

CREATE TABLE case_words (
  id BIGINT PRIMARY KEY REFERENCES cases ON DELETE CASCADE DEFERRABLE,
  words TEXT COLLATE "C" NOT NULL,
  whole BOOLEAN NOT NULL,
  lexemes TSVECTOR NOT NULL
);
CREATE INDEX case_words_lexemes ON case_words USING gin (lexemes);

-- Cases that were taken out of the index because their texts changed, until the next pass puts them back.
CREATE TABLE case_index_gaps (
  case_id BIGINT PRIMARY KEY REFERENCES cases ON DELETE CASCADE DEFERRABLE
);
CREATE FUNCTION case_leaves_index() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM case_words WHERE id = old.id;
  IF FOUND THEN
    INSERT INTO case_index_gaps (case_id) VALUES (old.id) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER cases_change_index AFTER UPDATE OF name, description ON cases FOR EACH ROW
  WHEN (old.name <> new.name OR old.description <> new.description) EXECUTE FUNCTION case_leaves_index();

CREATE TABLE searches (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  query TEXT COLLATE "C" NOT NULL,
  user_id BIGINT REFERENCES users ON DELETE CASCADE DEFERRABLE,
  team_id BIGINT REFERENCES teams ON DELETE CASCADE DEFERRABLE,
  created_at BIGINT NOT NULL,
  CHECK (user_id IS NULL OR team_id IS NULL)
);
CREATE UNIQUE INDEX searches_name ON searches (coalesce(user_id, 0), lower(name));

CREATE TABLE filters (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  account_id BIGINT REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  user_id BIGINT REFERENCES users ON DELETE CASCADE DEFERRABLE,
  position BIGINT NOT NULL,
  over_global BOOLEAN NOT NULL DEFAULT FALSE,
  continues BOOLEAN NOT NULL DEFAULT FALSE,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  conditions TEXT COLLATE "C" NOT NULL CHECK (conditions <> ''),
  hits BIGINT NOT NULL DEFAULT 0,
  last_hit_at BIGINT,
  created_at BIGINT NOT NULL,
  CHECK (account_id IS NULL OR user_id IS NULL)
);
CREATE UNIQUE INDEX filters_name ON filters (coalesce(user_id, 0), coalesce(account_id, 0), lower(name));
CREATE INDEX filters_account ON filters (account_id) WHERE account_id IS NOT NULL;

CREATE TABLE filter_actions (
  filter_id BIGINT NOT NULL REFERENCES filters ON DELETE CASCADE DEFERRABLE,
  position BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL DEFAULT '',
  team_id BIGINT REFERENCES teams DEFERRABLE,
  user_id BIGINT REFERENCES users DEFERRABLE,
  folder_id BIGINT REFERENCES folders ON DELETE SET NULL DEFERRABLE,
  PRIMARY KEY (filter_id, position)
);
CREATE INDEX filter_actions_team ON filter_actions (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX filter_actions_folder ON filter_actions (folder_id) WHERE folder_id IS NOT NULL;

CREATE TABLE log_entries (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  at BIGINT NOT NULL,
  uid BIGINT NOT NULL,
  caller_uid BIGINT NOT NULL,
  user_id BIGINT REFERENCES users DEFERRABLE,
  as_user_id BIGINT REFERENCES users DEFERRABLE,
  host TEXT COLLATE "C",
  command TEXT COLLATE "C" NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL CHECK (outcome IN ('done', 'begun', 'partial', 'failed')),
  more BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX log_entries_at ON log_entries (at);

CREATE TABLE log_objects (
  entry_id BIGINT NOT NULL REFERENCES log_entries ON DELETE CASCADE DEFERRABLE,
  kind TEXT COLLATE "C" NOT NULL,
  row_id BIGINT NOT NULL,
  PRIMARY KEY (entry_id, kind, row_id)
);

CREATE TABLE gone_things (
  kind TEXT COLLATE "C" NOT NULL,
  row_id BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, row_id)
);

-- The clock that all hosts share, in milliseconds.
CREATE FUNCTION this_moment() RETURNS BIGINT LANGUAGE SQL VOLATILE
  RETURN CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT);

-- Passwords of accounts that came by standard input, by the name of the file in which one of a database file is kept.
CREATE TABLE sealed_secrets (
  name TEXT COLLATE "C" PRIMARY KEY,
  account_id BIGINT NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  -- What the key is known by, which only the machines have.
  key_mark TEXT COLLATE "C" NOT NULL,
  sealed BYTEA NOT NULL
);

-- The machines that work on this database.
CREATE TABLE hosts (
  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  -- That of its state directory, which was made at random.
  key TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  -- Of the program.
  version TEXT COLLATE "C" NOT NULL,
  seen_at BIGINT NOT NULL,
  -- The keys that change what is decided, each with a fingerprint of its value (src/config/decisive.rs).
  configuration TEXT COLLATE "C" NOT NULL DEFAULT '',
  -- By how many milliseconds its clock was ahead of the shared one; NULL = nobody has looked.
  clock_ahead BIGINT,
  -- Runs that died at a message.
  deaths BIGINT NOT NULL DEFAULT 0,
  -- A copy of a machine has its key, and another name.
  UNIQUE (key, name)
);

-- Which host works for an account, in milliseconds of the shared clock: nobody else does so until then, and whoever takes it
-- over raises the epoch, so that the one before writes nothing any more (src/store/leases.rs).
CREATE TABLE leases (
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('fetch', 'send')),
  account_id BIGINT NOT NULL REFERENCES accounts ON DELETE CASCADE DEFERRABLE,
  host_id BIGINT NOT NULL REFERENCES hosts ON DELETE CASCADE DEFERRABLE,
  -- Process on that host.
  process BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  -- When the host took it.
  since BIGINT NOT NULL,
  -- 0 = it was given back.
  until BIGINT NOT NULL,
  -- When the work was last done; NULL = never.
  done_at BIGINT,
  PRIMARY KEY (kind, account_id)
);
