//! `espomail schema`: the JSON of every result. The columns of each noun are the only source of its fields, and a field has
//! the same type in every result ([`types`]).

mod old;
mod types;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::{
    account, case, check, day, db, doctor, email, events, export, filter, folder, host, import, log, notification,
    outbox, quarantine, record, report, role, search, status, stream, summary, team, template, user, whoami,
};
use crate::error;
use crate::ui::cell::{Cell, Column, Named, head, unlisted};
use crate::ui::machine;

/// `schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Result, such as cases or email
    #[arg(value_name = "RESULT")]
    result: Option<String>,
}

/// How a result stands in its document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `items`, each with the fields.
    List,
    /// The fields next to `schema`.
    Object,
    /// The fields in `error`, on the last line of standard error.
    Error,
    /// One of the fields on a line of standard error.
    Remark,
    /// Part of other results.
    Part,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::List => "list",
            Form::Object => "object",
            Form::Error => "error",
            Form::Remark => "remark",
            Form::Part => "part",
        }
    }
}

/// A result with its fields, and those of the whole list.
struct Shape {
    name: &'static str,
    form: Form,
    fields: &'static [&'static dyn Named],
    whole: &'static [&'static dyn Named],
    /// Whether a field may be missing.
    is_loose: bool,
}

const fn list(name: &'static str, fields: &'static [&'static dyn Named]) -> Shape {
    Shape { name, form: Form::List, fields, whole: &[], is_loose: false }
}

const fn object(name: &'static str, fields: &'static [&'static dyn Named]) -> Shape {
    Shape { form: Form::Object, ..list(name, fields) }
}

const fn with(shape: Shape, whole: &'static [&'static dyn Named]) -> Shape {
    Shape { whole, ..shape }
}

const ERROR: &[&str] = &["kind", "code", "exit", "message", "argument", "hint", "hints"];
const REMARK: &[&str] = &["note", "hint", "warning"];
const COUNT: &[&str] = &["of", "count"];
const TEXT: &[&str] = &["text"];
const CHANGE: &[&str] = &[
    "dry_run",
    "message",
    "id",
    "case",
    "cases",
    "email",
    "emails",
    "outbox",
    "outbox_messages",
    "quarantine",
    "quarantine_messages",
    "user",
    "account",
    "team",
    "role",
    "template",
    "folder",
    "filter",
    "host",
    "hosts",
    "search",
    "company",
    "contact",
    "lead",
    "opportunity",
    "path",
    "paths",
    "secrets_path",
    "count",
    "added",
    "changed",
    "unchanged",
    "companies_added",
    "refused",
];
const ATTACHMENT: &[&str] = &["part", "name", "type", "size", "sha256", "inline", "contents", "pruned"];
const NOTE: &[&str] = &["id", "kind", "user", "email", "text", "created_at", "mail"];
const WHOLE_OF_MATCHES: &[&str] = &["dry_run", "asked", "cut_off"];
const WHOLE_OF_PRUNED: &[&str] = &["dry_run"];
const WHOLE_OF_TABLES: &[&str] = &["size", "database"];
const WHOLE_OF_TEST: &[&str] = &["account"];

/// Every result with its fields.
const RESULTS: &[Shape] = &[
    list("accounts", &[&account::COLUMNS]),
    object("account", &[&account::COLUMNS]),
    with(list("account_test", &[&account::test::COLUMNS]), &[&WHOLE_OF_TEST]),
    object("discovery", &[&account::discover::COLUMNS]),
    list("presets", &[&account::presets::COLUMNS]),
    object("sign_in", &[&account::auth::COLUMNS]),
    list("audit", &[&account::audit::COLUMNS]),
    object("breaker", &[&account::breaker::BREAKER_COLUMNS]),
    list("folders", &[&account::FOLDER_COLUMNS]),
    list("filters", &[&filter::COLUMNS]),
    object("filter", &[&filter::COLUMNS]),
    list("filter-test", &[&filter::TEST_COLUMNS]),
    with(list("filter-matches", &[&filter::MATCH_COLUMNS]), &[&WHOLE_OF_MATCHES]),
    list("cases", &[&case::read::COLUMNS]),
    object("case", &[&case::read::COLUMNS, &case::read::SHOW_COLUMNS]),
    object("day", &[&day::COLUMNS]),
    list("people", &[&case::people::COLUMNS]),
    list("history", &[&case::read::HISTORY_COLUMNS]),
    list("thread", &[&case::read::THREAD_COLUMNS]),
    list("emails", &[&email::COLUMNS]),
    object("email", &[&email::MESSAGE_COLUMNS]),
    object("exported-email", &[&email::MESSAGE_COLUMNS, &export::RAW]),
    list("attachments", &[&email::attachment::COLUMNS]),
    list("skipped", &[&email::skipped::COLUMNS]),
    list("mail_folders", &[&folder::COLUMNS]),
    list("decisions", &[&email::DECISION_COLUMNS]),
    with(list("pruned", &[&db::prune::COLUMNS]), &[&WHOLE_OF_PRUNED]),
    list("stream", &[&stream::COLUMNS]),
    list("events", &[&events::COLUMNS]),
    list("notifications", &[&notification::COLUMNS]),
    list("settings", &[&notification::SETTINGS_COLUMNS]),
    list("outbox", &[&outbox::COLUMNS]),
    object("outbox_message", &[&outbox::COLUMNS, &outbox::SHOW_COLUMNS]),
    list("searches", &[&search::COLUMNS]),
    object("search", &[&search::COLUMNS]),
    list("quarantine", &[&quarantine::COLUMNS]),
    object("quarantine_message", &[&quarantine::COLUMNS]),
    with(list("status", &[&status::COLUMNS]), &[&status::WHOLE_COLUMNS]),
    object("check", &[&check::COLUMNS]),
    list("doctor", &[&doctor::COLUMNS]),
    list("hosts", &[&host::COLUMNS]),
    with(list("tables", &[&db::COLUMNS]), &[&WHOLE_OF_TABLES]),
    object("db_check", &[&db::CHECK_COLUMNS]),
    list("teams", &[&team::COLUMNS]),
    object("team", &[&team::COLUMNS]),
    list("roles", &[&role::COLUMNS]),
    object("role", &[&role::COLUMNS]),
    list("answers", &[&role::EXPLAIN_COLUMNS]),
    list("templates", &[&template::COLUMNS]),
    object("template", &[&template::COLUMNS]),
    object("template_preview", &[&template::PREVIEW_COLUMNS]),
    list("users", &[&user::COLUMNS]),
    object("user", &[&user::COLUMNS]),
    object("whoami", &[&whoami::COLUMNS]),
    list("records", &[&record::COLUMNS]),
    object("record", &[&record::COLUMNS, &record::SHOW_COLUMNS]),
    with(list("report_workload", &[&report::OVERVIEW]), &[&report::WHOLE]),
    with(list("report_first_response", &[&report::FIRST_RESPONSE]), &[&report::WHOLE]),
    with(list("report_resolution", &[&report::RESOLUTION]), &[&report::WHOLE]),
    with(list("report_backlog", &[&report::BACKLOG]), &[&report::WHOLE]),
    with(list("report_volume", &[&report::VOLUME]), &[&report::WHOLE]),
    with(list("report_accounts", &[&report::OVERVIEW]), &[&report::WHOLE]),
    with(list("report_tags", &[&report::OVERVIEW]), &[&report::WHOLE]),
    object("report_summary", &[&report::summary::COLUMNS]),
    object("import", &[&import::COLUMNS]),
    object("run", &[&summary::COLUMNS]),
    list("log_entries", &[&log::COLUMNS]),
    list("schema", &[&COLUMNS]),
    object("count", &[&COUNT]),
    object("text", &[&TEXT]),
    Shape { is_loose: true, ..object("result", &[&CHANGE]) },
    Shape { form: Form::Error, ..object("error", &[&ERROR]) },
    Shape { form: Form::Remark, is_loose: true, ..object("remark", &[&REMARK]) },
    Shape { form: Form::Part, ..object("attachment", &[&ATTACHMENT]) },
    Shape { form: Form::Part, ..object("note", &[&NOTE]) },
];

impl Shape {
    /// Names of the fields of an item or of the object.
    fn names(&self) -> Vec<&'static str> {
        self.fields.iter().flat_map(|part| part.names()).collect()
    }

    /// Names of the fields that a list has next to `items`.
    fn names_of_whole(&self) -> Vec<&'static str> {
        self.whole.iter().flat_map(|part| part.names()).collect()
    }

    /// Names and types.
    fn types(&self) -> Map<String, Value> {
        let all = self.names().into_iter().chain(self.names_of_whole());
        all.map(|field| (field.to_owned(), json!(old::of(self.name, field)))).collect()
    }

    /// Names of the fields that go with the next release, and what to read instead.
    fn deprecated(&self) -> Map<String, Value> {
        let old = self.names().into_iter().filter_map(|field| Some((field, old::successor(self.name, field)?)));
        old.map(|(field, instead)| (field.to_owned(), json!(instead))).collect()
    }
}

/// Fields of `schema` itself.
const COLUMNS: &[Column<&Shape>] = &[
    Column::new("result", head("RESULT"), |shape, _| Cell::text(shape.name)),
    Column::new("fields", head("FIELDS"), |shape, _| Cell::words(&shape.names())),
    Column::new("form", unlisted(), |shape, _| Cell::text(shape.form.name())),
    Column::new("tag", unlisted(), |shape, _| Cell::text(&machine::schema(shape.name))),
    Column::new("whole", unlisted(), |shape, _| Cell::words(&shape.names_of_whole())),
    Column::new("types", unlisted(), |shape, _| Cell::object(Value::Object(shape.types()), "")),
    Column::new("deprecated", unlisted(), |shape, _| Cell::object(Value::Object(shape.deprecated()), "")),
    Column::new("optional", unlisted(), |shape, _| Cell::bool(shape.is_loose)),
];

/// A field of one result, for people.
type Row = (String, String, String);

const FIELDS: &[Column<Row>] = &[
    Column::new("field", head("FIELD"), |(field, _, _), _| Cell::text(field)),
    Column::new("type", head("TYPE").shrinking(), |(_, kind, _), _| Cell::text(kind)),
    Column::new("note", head("NOTE").shrinking(), |(_, _, note), _| Cell::text(note)),
];

/// Runs `schema`.
pub fn run(args: &SchemaArgs, ctx: &Context) -> Result<()> {
    let Some(name) = args.result.as_deref() else {
        return ctx.ui.list("schema", COLUMNS, &RESULTS.iter().collect::<Vec<_>>());
    };
    let Some(shape) = RESULTS.iter().find(|shape| shape.name == name) else {
        let known: Vec<&str> = RESULTS.iter().map(|shape| shape.name).collect();
        let text = format!("\"{name}\" is not a result");
        return Err(error::usage(text).hint(format!("known: {}", known.join(", "))).into());
    };
    if !ctx.ui.tells_people() {
        return ctx.ui.list("schema", COLUMNS, &[shape]);
    }
    let whole = shape.names_of_whole();
    let row = |field: &&'static str| {
        let note = match old::successor(shape.name, field) {
            Some(instead) => format!("deprecated: read {instead}"),
            None if whole.contains(field) => "next to items".to_owned(),
            None => String::new(),
        };
        ((*field).to_owned(), old::of(shape.name, field), note)
    };
    let rows: Vec<Row> = whole.iter().map(row).chain(shape.names().iter().map(row)).collect();
    ctx.ui.list("fields", FIELDS, &rows)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One table of types for all results makes equal names equal; here it is complete, and has nothing else.
    #[test]
    fn each_field_of_each_result_has_a_type() {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut missing = Vec::new();
        for shape in RESULTS {
            for field in shape.names().into_iter().chain(shape.names_of_whole()) {
                known.insert(field);
                if old::successor(shape.name, field).is_none() && types::TYPES.iter().all(|(name, _)| *name != field) {
                    missing.push(format!("{}.{field}", shape.name));
                }
            }
        }
        let nested: BTreeSet<&str> = types::TYPES.iter().flat_map(|(_, kind)| kind.keys()).collect();
        missing.extend(nested.iter().filter(|key| types::find(key).is_none()).map(|key| format!("nested {key}")));
        assert!(missing.is_empty(), "without a type: {missing:#?}");
        let unused: Vec<&str> = types::TYPES.iter().map(|(name, _)| *name).collect();
        let unused: Vec<_> =
            unused.into_iter().filter(|name| !known.contains(name) && !nested.contains(name)).collect();
        assert!(unused.is_empty(), "a type of nothing: {unused:#?}");
    }

    #[test]
    fn types_and_shapes_have_each_name_once_and_old_fields_lead_to_new_ones() {
        let names: Vec<&str> = RESULTS.iter().map(|shape| shape.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let fields: BTreeSet<&str> = types::TYPES.iter().map(|(name, _)| *name).collect();
        assert_eq!(fields.len(), types::TYPES.len());
        for old in old::DEPRECATED {
            let shape = RESULTS.iter().find(|shape| shape.name == old.result);
            let has = |field: &str| shape.is_some_and(|shape| shape.names().contains(&field));
            let first = old.instead.split(&[' ', '.'][..]).next().unwrap_or_default();
            assert!(has(old.field) && (has(first) || old.result == "result"), "{}.{}", old.result, old.field);
        }
        for (_, kind) in types::TYPES {
            assert!(kind.shapes().iter().all(|name| names.contains(name)), "{kind}");
        }
    }
}
