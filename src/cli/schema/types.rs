//! The type of each field by its name: one table for all results, so that equal names have equal types.

use std::fmt;

/// What a field holds where it is not null.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    Text,
    Number,
    Bool,
    /// A moment in UTC, as text (RFC 3339).
    Time,
    /// Texts by names that are not known beforehand.
    Texts,
    List(&'static Type),
    /// Exactly these fields, each with its type in the table.
    Object(&'static [&'static str]),
    /// The fields of this result or part.
    Of(&'static str),
}

use Type::{Bool, List, Number, Object, Of, Text, Texts, Time};

const WORDS: Type = List(&Text);
const NUMBERS: Type = List(&Number);
const USER: Type = Object(&["id", "username"]);
const NAMED: Type = Object(&["id", "name"]);
const THING: Type = Object(&["type", "id"]);
const MAILBOX: Type = Object(&["name", "address"]);
const MAILBOXES: Type = List(&MAILBOX);
const SERVER: Type = Object(&["host", "port", "tls", "login"]);

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text => f.write_str("string"),
            Number => f.write_str("number"),
            Bool => f.write_str("boolean"),
            Time => f.write_str("time"),
            Texts => f.write_str("{*: string}"),
            List(one) => write!(f, "[{one}]"),
            Object(fields) => {
                let field = |name: &&str| format!("{name}: {}", find(name).unwrap_or(&Text));
                write!(f, "{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
            }
            Of(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
impl Type {
    /// The fields of the objects in it.
    pub fn keys(&self) -> Vec<&'static str> {
        match self {
            List(one) => one.keys(),
            Object(fields) => fields.to_vec(),
            Text | Number | Bool | Time | Texts | Of(_) => Vec::new(),
        }
    }

    /// The results that it refers to.
    pub fn shapes(&self) -> Vec<&'static str> {
        match self {
            List(one) => one.shapes(),
            Of(name) => vec![name],
            Text | Number | Bool | Time | Texts | Object(_) => Vec::new(),
        }
    }
}

/// A field that goes with the next release.
pub struct Old {
    pub result: &'static str,
    pub field: &'static str,
    /// What to read instead.
    pub instead: &'static str,
    kind: Type,
}

const fn old(result: &'static str, field: &'static str, instead: &'static str, kind: Type) -> Old {
    Old { result, field, instead, kind }
}

/// They keep their types, also where the field of that name has another one in other results.
pub const DEPRECATED: &[Old] = &[
    old("cases", "waiting_for", "waiting", Text),
    old("case", "waiting_for", "waiting", Text),
    old("cases", "name", "subject", Text),
    old("case", "name", "subject", Text),
    old("emails", "variants", "variant_count", Number),
    old("emails", "flagged", "remarks", Text),
    old("email", "flagged", "remarks", Text),
    old("exported-email", "flagged", "remarks", Text),
    old("accounts", "folders", "imap_folders", WORDS),
    old("account", "folders", "imap_folders", WORDS),
    old("users", "emails", "addresses", WORDS),
    old("user", "emails", "addresses", WORDS),
    old("records", "emails", "addresses", WORDS),
    old("record", "emails", "addresses", WORDS),
    old("result", "id", "the field of the noun", Number),
    old("error", "hint", "hints", Text),
];

fn deprecated(result: &str, field: &str) -> Option<&'static Old> {
    DEPRECATED.iter().find(|old| old.result == result && old.field == field)
}

/// What to read instead of a field that goes with the next release.
pub fn successor(result: &str, field: &str) -> Option<&'static str> {
    deprecated(result, field).map(|old| old.instead)
}

/// The type of a field of a result, in the words of `schema`.
pub fn of(result: &str, field: &str) -> String {
    let old = deprecated(result, field).map(|old| &old.kind);
    old.or_else(|| find(field)).map(ToString::to_string).unwrap_or_default()
}

pub fn find(field: &str) -> Option<&'static Type> {
    TYPES.iter().find(|(name, _)| *name == field).map(|(_, kind)| kind)
}

/// All fields of all results.
pub const TYPES: &[(&str, Type)] = &[
    ("account", NAMED),
    ("accounts", WORDS),
    ("actions", WORDS),
    ("active", Bool),
    ("add_all_team_users", Bool),
    ("added", Number),
    ("address", Text),
    ("addresses", WORDS),
    ("after", Text),
    ("aliases", WORDS),
    ("allowed", Bool),
    ("already_there", Number),
    ("answer", Text),
    ("answer_failed_at", Time),
    ("argument", Text),
    ("as", USER),
    ("asked", Number),
    ("assign_to", USER),
    ("assigned_user", USER),
    ("at", Time),
    ("attachments", List(&Of("attachment"))),
    ("attempts", Number),
    ("auth", Text),
    ("author", MAILBOX),
    ("authserv_id", Text),
    ("auto_mail", Text),
    ("auto_reply", NAMED),
    ("automatic", Bool),
    ("automatic_kind", Text),
    ("away", Bool),
    ("away_until", Time),
    ("bcc", MAILBOXES),
    ("body", Text),
    ("bounce", Object(&["hard", "delayed", "recipients", "status", "original_message_id"])),
    ("breaker_tripped_at", Time),
    ("by", WORDS),
    ("by_email", Text),
    ("by_way_of", Text),
    ("ca", Text),
    ("caller_uid", Number),
    ("case", Number),
    ("case_team", NAMED),
    ("cases", NUMBERS),
    ("cc", MAILBOXES),
    ("changed", Number),
    ("check", Text),
    ("chosen", Bool),
    ("code", Text),
    ("command", Text),
    ("companies_added", Number),
    ("company", NAMED),
    ("concerns", WORDS),
    ("condition", Text),
    ("conditions", WORDS),
    ("contact", NAMED),
    ("contacts", List(&NAMED)),
    ("contents", List(&Of("attachment"))),
    ("continue", Bool),
    ("converted_to", List(&Object(&["type", "id", "name"]))),
    ("copied", Text),
    ("count", Number),
    ("create_case", Bool),
    ("create_contact", Bool),
    ("created_at", Time),
    ("customer", Object(&["name", "address", "by_way_of"])),
    ("cut_off", Number),
    ("database", Text),
    ("database_version", Number),
    ("date", Time),
    ("date_utc", Time),
    ("decision", Text),
    ("defects", WORDS),
    ("delayed", Bool),
    ("deprecated", Texts),
    ("description", Text),
    ("distribution", Text),
    ("dmarc_none", Text),
    ("draft_emails", List(&Of("emails"))),
    ("drafts", List(&Object(&["email", "user", "since"]))),
    ("drafts_count", Number),
    ("dry_run", Bool),
    ("email", Number),
    ("emails", NUMBERS),
    ("enabled", Bool),
    ("error", Text),
    ("exclude_from_reply", Bool),
    ("exit", Number),
    ("expires_at", Time),
    ("failed", Number),
    ("failed_at", Time),
    ("failed_count", Number),
    ("failed_letters", List(&Of("outbox"))),
    ("failed_runs", Number),
    ("failing_since", Time),
    ("failure", Text),
    ("faults", WORDS),
    ("fields", WORDS),
    ("file", Text),
    ("filter", NAMED),
    ("first_response_at", Time),
    ("flow", Text),
    ("folder", Text),
    ("folder_map", WORDS),
    ("followers", List(&USER)),
    ("form", Text),
    ("form_senders", WORDS),
    ("from", MAILBOXES),
    ("from_addr", Text),
    ("from_name", Text),
    ("hard", Bool),
    ("hint", Text),
    ("hints", WORDS),
    ("hits", Number),
    ("holds", Bool),
    ("host", Text),
    ("html", Text),
    ("id", Number),
    ("imap", SERVER),
    ("imap_folders", List(&Object(&["name", "last_uid", "failure", "sent_folder"]))),
    ("important", Bool),
    ("imported", Number),
    ("in_reply_to", WORDS),
    ("inline", Bool),
    ("inner", Number),
    ("invalid_addresses", List(&Object(&["address", "reason", "since"]))),
    ("is_auto_reply", Bool),
    ("is_bounce", Bool),
    ("kind", Text),
    ("language", Text),
    ("last_backup_at", Time),
    ("last_error", Text),
    ("last_fetch_at", Time),
    ("last_good_at", Time),
    ("last_hit", Time),
    ("last_uid", Number),
    ("lead", NAMED),
    ("level", Text),
    ("listed", Bool),
    ("login", Text),
    ("mail", Object(&["to", "cc", "reply_to", "writer", "automatic", "automatic_kind", "attachments"])),
    ("marks", WORDS),
    ("max_size", Number),
    ("members", List(&Object(&["id", "username", "position"]))),
    ("message", Text),
    ("message_id", Text),
    ("messages", List(&Object(&["name", "count"]))),
    ("mode", Text),
    ("monitored", Bool),
    ("more", Number),
    ("must_not_auto_respond", Bool),
    ("name", Text),
    ("new_24h", Number),
    ("next_try_at", Time),
    ("note", Text),
    ("notify", Text),
    ("null_sender_refused", Bool),
    ("number", Number),
    ("oauth", Text),
    ("oauth_client_id", Text),
    ("oauth_client_secret", Text),
    ("oauth_tenant", Text),
    ("object", THING),
    ("objects", List(&Object(&["type", "id", "name"]))),
    ("of", Text),
    ("on_closed", Text),
    ("open", Bool),
    ("opportunity", NAMED),
    ("optional", Bool),
    ("order", Number),
    ("original_message_id", Text),
    ("other", Number),
    ("outbox", Number),
    ("outbox_failed", Number),
    ("outbox_messages", NUMBERS),
    ("outbox_oldest_seconds", Number),
    ("outbox_refused", Number),
    ("outbox_scheduled", Number),
    ("outbox_uncertain", Number),
    ("outbox_waiting", Number),
    ("outcome", Text),
    ("over_global", Bool),
    ("parent", THING),
    ("part", Number),
    ("path", Text),
    ("paths", WORDS),
    ("people", List(&Of("people"))),
    ("permission", Text),
    ("permissions", Texts),
    ("pin", WORDS),
    ("plus_addressing", Bool),
    ("port", Number),
    ("portion", Number),
    ("position", Text),
    ("priority", Text),
    ("private", Bool),
    ("profile", Text),
    ("protocol", Text),
    ("provider", Text),
    ("put_in", NAMED),
    ("quarantine", Number),
    ("quarantine_messages", NUMBERS),
    ("quarantined", Number),
    ("query", Text),
    ("raw_base64", Text),
    ("read", Bool),
    ("read_sent", Text),
    ("reason", Text),
    ("received_at", Time),
    ("recipients", List(&Object(&["address", "state", "reply", "report"]))),
    ("references", WORDS),
    ("refused", Number),
    ("remarks", WORDS),
    ("renewed_at", Time),
    ("reply", Text),
    ("reply_from", Text),
    ("reply_name", Text),
    ("reply_to", MAILBOXES),
    ("reply_to_own_list", Bool),
    ("report", Number),
    ("result", Text),
    ("role", Text),
    ("roles", WORDS),
    ("rows", Number),
    ("scope", Text),
    ("scopes", Text),
    ("search", Text),
    ("seconds", Number),
    ("secret", Text),
    ("secrets_path", Text),
    ("selectable", Bool),
    ("send_failing_since", Time),
    ("send_failure", Text),
    ("send_next_try_at", Time),
    ("sent", Number),
    ("sent_copies", Number),
    ("sent_folder", Bool),
    ("server", Text),
    ("sha256", Text),
    ("share", Text),
    ("shared", Bool),
    ("shared_with", Text),
    ("signature", Text),
    ("signed_in_as", Text),
    ("signed_in_at", Time),
    ("since", Time),
    ("size", Number),
    ("smtp", SERVER),
    ("smtp_auth", Text),
    ("smtp_login", Text),
    ("smtp_pin", WORDS),
    ("smtp_secret", Text),
    ("snoozed_until", Time),
    ("sound", Bool),
    ("special_use", Text),
    ("staff_forward", Text),
    ("state", Text),
    ("status", Text),
    ("step", Text),
    ("stopped", Bool),
    ("store_sent", Text),
    ("stream", List(&Of("note"))),
    ("subject", Text),
    ("table", Text),
    ("tag", Text),
    ("tags", WORDS),
    ("team", NAMED),
    ("teams", WORDS),
    ("template", NAMED),
    ("text", Text),
    ("third_parties", Text),
    ("tls", Text),
    ("to", MAILBOXES),
    ("troubles", WORDS),
    ("truncated", Bool),
    ("type", Text),
    ("types", Texts),
    ("uid", Number),
    ("unassigned_cases", List(&Of("cases"))),
    ("unassigned_count", Number),
    ("unchanged", Number),
    ("unfetchable", Number),
    ("unread", Bool),
    ("unsent", List(&Object(&["email", "outbox", "state", "why", "next_try_at"]))),
    ("unread_notifications", Number),
    ("unverified", Number),
    ("user", USER),
    ("username", Text),
    ("users", List(&USER)),
    ("variant_count", Number),
    ("variants", List(&Object(&["number", "account", "size"]))),
    ("verified", Bool),
    ("version", Text),
    ("waiting", Object(&["who", "since"])),
    ("waiting_cases", List(&Of("cases"))),
    ("waiting_count", Number),
    ("waiting_since", Time),
    ("warning", Text),
    ("what", Text),
    ("who", Text),
    ("whole", WORDS),
    ("why", Text),
    ("writer", USER),
];
