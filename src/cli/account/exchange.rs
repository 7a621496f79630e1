//! `account export` and `account import`: accounts as TOML, for many mailboxes by configuration management. The keys are the
//! options of `account add` with `_` in the place of `-`, and are read by them.
//!
//! The file says all of an account: what it does not name has its default. Exceptions are what a file does not know: the
//! moment since which mail counts, and where the secrets come from, stay as they are.

mod place;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _, FromArgMatches as _};
use serde_json::json;
use toml::{Table, Value};

use self::place::Source;
use super::settings::Settings;
use super::written::{self, Entry};
use super::{folders, listed};
use crate::access::{Actor, account};
use crate::cli::context::{self, Context};
use crate::cli::text::read_source;
use crate::cli::{Cli, usage};
use crate::config;
use crate::error::{self, Fault};
use crate::secret::{OF_SMTP, SecretSpec};
use crate::store::accounts::{self, Account, AccountKind};
use crate::store::db::Tx;
use crate::suggest;

/// `account import`
#[derive(Debug, Args)]
pub struct Import {
    /// TOML file as `account export` prints it; - is standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: String,
}

/// Keys of the file that are not settings.
const OWN: [&str; 4] = ["name", "kind", "user", "enabled"];

pub fn export(names: &[String], ctx: &Context) -> Result<()> {
    let entries = ctx.read(|tx, actor| {
        actor.require_admin("account export")?;
        let chosen = match names {
            [] => accounts::all(tx)?,
            names => names.iter().map(|name| context::account(tx, name)).collect::<Result<_>>()?,
        };
        chosen.into_iter().map(|account| written::entry(&listed::read(tx, actor, account)?)).collect::<Result<Vec<_>>>()
    })?;
    let pages = entries.iter().map(page).collect::<Result<Vec<_>>>()?;
    ctx.ui.text(pages.join("\n").trim_end())
}

/// An account as a part of the file, its name first.
fn page(entry: &Entry) -> Result<String> {
    let mut page = "[[account]]\n".to_owned();
    let first = OWN.iter().filter_map(|key| entry.get_key_value(*key));
    let rest = entry.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
    for (key, value) in first.chain(rest) {
        let line = toml::to_string(&Table::from_iter([(key.clone(), value.clone())])).context("cannot write TOML")?;
        page.push_str(&line);
    }
    let is_kept = |key: &str| entry.get(key).and_then(Value::as_str) == Some(SecretSpec::Stored.to_string().as_str());
    if is_kept("secret") || is_kept("smtp_secret") {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        page.push_str(&format!("# The password is not in this file: espomail account secret {name} --secret stdin\n"));
    }
    Ok(page)
}

/// What an import did to one account.
struct Done {
    name: String,
    what: What,
}

enum What {
    Added,
    /// Each key with its value before and after.
    Changed(Vec<String>),
    Unchanged,
}

pub fn import(args: &Import, ctx: &Context) -> Result<()> {
    if ctx.caller.is_delegated() {
        // It would name secrets and files of the owner of the database.
        return Err(error::noperm("account import: you cannot use it when you come through sudo").into());
    }
    let text = read_source("", &args.file)?;
    let source = Source { file: &args.file, text: &text };
    let entries = read(&source)?;
    let command = command();
    let (done, lacking) = ctx.write(|tx, actor| {
        actor.require_admin("account import")?;
        let mut done = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let taken = take(tx, actor, ctx, entry);
            done.push(taken.map_err(|error| source.fault(&error, at, &name_of(entry), &command))?);
        }
        let all = accounts::all(tx)?;
        Ok((
            done,
            all.iter().filter(|account| lacks_secret(account, ctx)).map(|account| account.name.clone()).collect(),
        ))
    })?;
    tell(&done, lacking, ctx)
}

fn tell(done: &[Done], lacking: Vec<String>, ctx: &Context) -> Result<()> {
    let count = |is: fn(&What) -> bool| done.iter().filter(|one| is(&one.what)).count();
    let added = count(|what| matches!(what, What::Added));
    let changed = count(|what| matches!(what, What::Changed(_)));
    let unchanged = done.len() - added - changed;
    let would = if ctx.dry_run { "would be " } else { "" };
    for Done { name, what } in done {
        match what {
            What::Added => ctx.ui.note(&format!("account {name}: {would}added")),
            What::Changed(keys) => ctx.ui.note(&format!("account {name}: {would}changed: {}", keys.join("; "))),
            What::Unchanged => {}
        }
    }
    ctx.done_with(
        Vec::new(),
        &format!("accounts: {added} added, {changed} changed, {unchanged} as they were"),
        vec![("added", json!(added)), ("changed", json!(changed)), ("unchanged", json!(unchanged))],
    )?;
    for name in lacking.iter().filter(|name| done.iter().any(|one| one.name == **name)) {
        ctx.ui.concern(&format!("account {name}: its password is not kept here"));
        ctx.ui.hint(&format!("espomail account secret {name} --secret stdin"));
    }
    Ok(())
}

/// Whether an account waits for a secret that is to be kept.
fn lacks_secret(account: &Account, ctx: &Context) -> bool {
    let stored = SecretSpec::Stored.to_string();
    let lacks = |secret: &str, end: &str| {
        secret == stored && !ctx.place.secrets().join(format!("{}{end}", account.id)).exists()
    };
    lacks(&account.imap.secret, "") || lacks(&account.smtp.secret, OF_SMTP)
}

/// The accounts of a file.
fn read(source: &Source<'_>) -> Result<Vec<Entry>> {
    let form = || "see `espomail account export` for the form".to_owned();
    let whole: Table = toml::from_str(source.text).map_err(|e| {
        let refused = config::Refused::new(source.text, &e, &[]);
        error::data(format!("{}: {}", source.place(refused.line), refused.message))
            .hint(refused.hint.unwrap_or_else(form))
    })?;
    if let Some(key) = whole.keys().find(|key| *key != "account") {
        let line = config::Refused::of_key(source.text, key).line;
        let text = format!("{}: {key} is not a key; accounts begin with [[account]]", source.place(line));
        return Err(error::data(text).hint(form()).into());
    }
    let tables = match whole.get("account") {
        None => Some(Vec::new()),
        Some(entries) => entries.as_array().and_then(|all| all.iter().map(Value::as_table).collect::<Option<Vec<_>>>()),
    };
    let Some(tables) = tables else {
        let text = format!("{}: account must be a list: [[account]]", source.place(None));
        return Err(error::data(text).hint(form()).into());
    };
    if tables.is_empty() {
        let hint = "each account begins with [[account]]; `espomail account export` prints those of a database";
        return Err(error::data(format!("{}: it holds no account", source.place(None))).hint(hint).into());
    }
    let entries: Vec<Entry> = tables
        .into_iter()
        .map(|table| table.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
        .collect();
    for (at, entry) in entries.iter().enumerate() {
        let name = name_of(entry);
        if entries.iter().take(at).any(|other| name_of(other).eq_ignore_ascii_case(&name)) {
            let text = format!("{}: account \"{name}\" is there twice", source.place(source.line(at, "name").0));
            return Err(error::data(text).hint("remove one of both, or give it another name").into());
        }
    }
    Ok(entries)
}

fn name_of(entry: &Entry) -> String {
    entry.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Adds an account, or changes the one of that name.
fn take(tx: &Tx<'_>, actor: &Actor, ctx: &Context, entry: &Entry) -> Result<Done> {
    let own = |key: &str| match entry.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(error::data(format!("{key}: must be a text in quotes"))),
    };
    let given = own("name")?.ok_or_else(|| error::data("name: is missing").hint("add it: name = \"support\""))?;
    let name = context::word("name", given)?;
    let kind = match own("kind")? {
        None => AccountKind::Group,
        Some(kind) => kind.parse().map_err(|e| error::data(format!("kind: {e}")))?,
    };
    let active = match entry.get("enabled") {
        None => true,
        Some(Value::Boolean(yes)) => *yes,
        Some(_) => return Err(error::data("enabled: must be true or false").into()),
    };
    let user_id = match (kind, own("user")?) {
        (AccountKind::Group, None) => None,
        (AccountKind::Group, Some(_)) => return Err(error::data("user: a group account has no owner").into()),
        (AccountKind::Personal, Some(user)) => Some(context::user(tx, user)?.id),
        (AccountKind::Personal, None) => return Err(error::data("user: is missing for a personal account").into()),
    };
    let old = accounts::by_name(tx, &name)?;
    if old.as_ref().is_some_and(|old| (old.kind, old.user_id) != (kind, user_id)) {
        return Err(error::data("kind and user: of an account that is there cannot be changed")
            .hint("disable it, and add another one under another name")
            .into());
    }
    let settings = settings(entry, kind)?;
    settings.fit(kind)?;
    let mut base = Account { user_id, ..Account::new(&name, kind, ctx.now()) };
    if let Some(old) = &old {
        base.fetching.fetch_since = old.fetching.fetch_since;
        if !entry.contains_key("oauth") && !entry.contains_key("token") {
            base.imap.secret.clone_from(&old.imap.secret);
        }
        base.smtp.secret.clone_from(&old.smtp.secret);
    }
    let mut new = settings.apply(tx, base, None, ctx)?;
    new.active = active;
    let Some(old) = old else {
        account::check_addresses(tx, actor, None, &new)?;
        accounts::check(&new)?;
        account::refuse_taken(tx, actor, &new)?;
        let new = Account { id: accounts::add(tx, &new)?, ..new };
        folders::put(tx, &new, &settings, true)?;
        return Ok(Done { name, what: What::Added });
    };
    let new = keeping(new, &old);
    let before = written::entry(&listed::read(tx, actor, old.clone())?)?;
    account::check_addresses(tx, actor, Some(&old), &new)?;
    accounts::check(&new)?;
    account::refuse_taken(tx, actor, &new)?;
    let put = |tx: &Tx<'_>| {
        accounts::update(tx, &new)?;
        folders::put(tx, &new, &settings, false)
    };
    let after = tx.rehearse(|tx| {
        put(tx)?;
        written::entry(&listed::read(tx, actor, new.clone())?)
    })?;
    // What is as it was is not written.
    if after == before {
        return Ok(Done { name, what: What::Unchanged });
    }
    put(tx)?;
    Ok(Done { name, what: What::Changed(differences(&before, &after)) })
}

/// With what the program itself remembers of an account.
fn keeping(new: Account, old: &Account) -> Account {
    let mut new = Account {
        id: old.id,
        name: old.name.clone(),
        wheel_user_id: old.wheel_user_id,
        breaker_tripped_at: old.breaker_tripped_at,
        created_at: old.created_at,
        null_sender_refused: old.null_sender_refused,
        health: old.health.clone(),
        ..new
    };
    new.imap.confined = old.imap.confined && new.imap.host == old.imap.host;
    new.smtp.confined = old.smtp.confined && new.smtp.host == old.smtp.host;
    new
}

/// What is different, one text for each key.
fn differences(before: &Entry, after: &Entry) -> Vec<String> {
    let shown = |value: Option<&Value>| value.map_or("-".to_owned(), ToString::to_string);
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let is_different = |key: &&&String| before.get(**key) != after.get(**key);
    let told = |key: &String| format!("{key} {} -> {}", shown(before.get(key)), shown(after.get(key)));
    keys.iter().filter(is_different).map(|key| told(key)).collect()
}

/// The options, as they are typed after `account add NAME`.
fn command() -> clap::Command {
    Settings::augment_args(clap::Command::new("account").no_binary_name(true).disable_help_flag(true))
}

/// Reads the keys by the options of `account add`.
fn settings(entry: &Entry, kind: AccountKind) -> Result<Settings> {
    let command = command();
    let of_key = |key: &str| {
        let flag = key.replace('_', "-");
        command.get_arguments().find(|arg| arg.get_long() == Some(flag.as_str()))
    };
    let mut words: Vec<String> = Vec::new();
    for (key, value) in entry.iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
        let known = key == "create_case" || (of_key(key).is_some() && !key.contains('-') && key != "no_create_case");
        if !known {
            return Err(unknown(key, &command));
        }
        words.extend(typed(key, value)?);
    }
    // What the file does not name is as in a new account.
    let has = |key: &str| entry.contains_key(key);
    if !has("folder") {
        words.push("--folder=INBOX".to_owned());
    }
    if !has("read_sent") {
        let usual = Account::new("", kind, jiff::Timestamp::UNIX_EPOCH).fetching.read_sent;
        words.push(format!("--read-sent={usual}"));
    }
    if kind == AccountKind::Personal && !has("folder_map") {
        words.push("--folder-map=".to_owned());
    }
    let matches = command.try_get_matches_from(&words).map_err(|refused| refusal(&refused, &words))?;
    Ok(Settings::from_arg_matches(&matches)?)
}

/// A key and its value as options.
fn typed(key: &str, value: &Value) -> Result<Vec<String>, Fault> {
    let flag = key.replace('_', "-");
    let one = |value: &Value| match value {
        Value::String(text) => Ok(format!("--{flag}={text}")),
        Value::Integer(number) => Ok(format!("--{flag}={number}")),
        Value::Boolean(yes) => Ok(format!("--{flag}={}", if *yes { "yes" } else { "no" })),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            Err(error::data(format!("{key}: must be a text, a number, true or false, or a list of texts")))
        }
    };
    match (key, value) {
        ("create_case", Value::Boolean(yes)) => {
            Ok(vec![if *yes { "--create-case" } else { "--no-create-case" }.to_owned()])
        }
        ("create_case", _) => Err(error::data("create_case: must be true or false")),
        (_, Value::Array(all)) => all.iter().map(one).collect(),
        (_, value) => Ok(vec![one(value)?]),
    }
}

fn unknown(key: &str, command: &clap::Command) -> anyhow::Error {
    let flags = command.get_arguments().filter_map(|arg| arg.get_long()).map(|flag| flag.replace('-', "_"));
    let keys: Vec<String> = flags.chain(OWN.map(str::to_owned)).filter(|key| key != "no_create_case").collect();
    let near = suggest::similar(key, keys.iter().map(String::as_str));
    let hint =
        near.map_or("see `espomail account export` for the form".to_owned(), |near| format!("did you mean {near}?"));
    error::data(format!("{key} is not a key")).hint(hint).into()
}

/// What is wrong with the value of an option, by the key of the file.
fn refusal(refused: &clap::Error, words: &[String]) -> Fault {
    let typed: Vec<String> =
        ["account", "edit", "x"].map(str::to_owned).into_iter().chain(words.iter().cloned()).collect();
    let fault = usage::refusal(refused, &mut Cli::command(), &typed);
    let (field, rest) = fault.message.split_once(':').unwrap_or((fault.message.as_str(), ""));
    let key = field.trim_start_matches('-').replace('-', "_");
    let hint = fault.hint.clone().map(|hint| match hint.contains("--help") {
        true => "SETTINGS in `espomail man account` has the keys, as options".to_owned(),
        false => hint,
    });
    Fault { hint, ..error::data(format!("{key}:{rest}")) }
}
