//! `account test` and `account breaker`: whether an account works.

use anyhow::Result;
use serde_json::json;

use super::{Breaker, readable, token};
use crate::cli::connect::{self, Protocol};
use crate::cli::context::{self, Context};
use crate::error;
use crate::intake::verdicts::Verdicts;
use crate::net::NetError;
use crate::store::accounts::{self, Account};
use crate::ui::cell::{Cell, Column, Field, head, unlisted};
use crate::ui::outcome::Thing;

/// What was tried of an account, and what came of it.
#[derive(Default)]
pub struct Tried {
    protocol: &'static str,
    state: &'static str,
    server: Option<String>,
    /// Folders that could be opened, with the number of their messages.
    folders: Vec<(String, u32)>,
    text: String,
    hints: Vec<String>,
}

/// What stands for the issuer of tokens.
pub const TOKEN: &str = "OAuth";

impl Tried {
    /// A token that came, with what is wrong all the same.
    pub fn token(server: String, text: String, warning: Option<String>) -> Tried {
        let state = if warning.is_some() { "warn" } else { "ok" };
        Tried {
            protocol: TOKEN,
            state,
            server: Some(server),
            text,
            hints: warning.into_iter().collect(),
            ..Tried::default()
        }
    }
}

/// Fields of `account test` in their order.
pub const COLUMNS: &[Column<Tried>] = &[
    Column::new("protocol", head("PROTOCOL"), |tried, _| Cell::text(tried.protocol)),
    Column::new("state", head("STATE"), |tried, _| Cell::text(tried.state)),
    Column::new("server", head("SERVER"), |tried, _| Cell::opt_text(tried.server.as_deref())),
    Column::new("text", head("TEXT").shrinking(), |tried, _| Cell::text(&tried.text)),
    Column::new("hints", unlisted(), |tried, _| Cell::words(&tried.hints)),
    Column::new("messages", unlisted(), |tried, _| {
        let folder = |(name, messages): &(String, u32)| json!({"name": name, "count": messages});
        Cell::object(tried.folders.iter().map(folder).collect(), "")
    }),
];

/// Fields of `account breaker` in their order.
pub const BREAKER_COLUMNS: &[Column<Account>] = &[
    Column::new("account", head("Account"), |account, _| Cell::named(account.id, &account.name)),
    Column::new("stopped", head("Stopped"), |account, _| Cell::bool(account.breaker_tripped_at.is_some())),
    Column::new("breaker_tripped_at", head("Since"), |account, _| Cell::opt_date_time(account.breaker_tripped_at)),
];

pub fn test(name: &str, ctx: &Context) -> Result<()> {
    let account = readable(name, "account test", ctx)?;
    let (mut rows, mut failed) = (Vec::new(), None);
    if let Some(profile) = account.oauth() {
        let row = match token::tested(&account, profile, ctx) {
            Ok(found) => Tried::token(found.server, found.text, found.warning),
            Err(error) => {
                let (text, hints) = (format!("{error:#}"), error::classify(&error).1.into_iter().collect());
                failed.get_or_insert(error);
                Tried { protocol: TOKEN, state: "fail", text, hints, ..Tried::default() }
            }
        };
        say(name, &row, ctx)?;
        rows.push(row);
    }
    // Without a token both servers would be told as the issuer was.
    let has_token = failed.is_none();
    let mut told = |protocol: Protocol, tried: Result<Tried>| -> Result<()> {
        let row = match tried {
            Ok(tried) => Tried { protocol: protocol.name(), state: "ok", ..tried },
            Err(error) => {
                let hint = connect::advice(&account, protocol, &error);
                let (text, hints) = (format!("{error:#}"), hint.into_iter().collect());
                failed.get_or_insert(error);
                Tried { protocol: protocol.name(), state: "fail", text, hints, ..Tried::default() }
            }
        };
        say(name, &row, ctx)?;
        rows.push(row);
        Ok(())
    };
    if account.imap.host.is_some() && has_token {
        told(Protocol::Imap, test_imap(&account, ctx))?;
    }
    if account.smtp.host.is_some() && has_token {
        told(Protocol::Smtp, test_smtp(&account, ctx))?;
    }
    if account.imap.host.is_some() {
        let verdicts = ctx.read(|tx, _| Verdicts::of(tx, account.id))?;
        let hints: Vec<String> = verdicts.hint(&account).into_iter().collect();
        let state = if hints.is_empty() { "ok" } else { "warn" };
        let row = Tried { protocol: "DMARC", state, text: verdicts.told(), hints, ..Tried::default() };
        say(name, &row, ctx)?;
        rows.push(row);
    }
    if !ctx.ui.for_people() {
        let account = Field::unseen("account", Cell::named(account.id, &account.name));
        ctx.ui.list_with("account_test", COLUMNS, &rows, vec![account])?;
    }
    match failed {
        Some(error) => Err(context::told(error::classify(&error).0)),
        None => Ok(()),
    }
}

/// Says at once what came of one try: the next one may take a while. Programs get all of them at the end.
fn say(name: &str, row: &Tried, ctx: &Context) -> Result<()> {
    let Tried { protocol, state, text, hints, .. } = row;
    if !ctx.ui.for_people() {
        return Ok(());
    }
    match (*state, *protocol) {
        ("fail", _) => ctx.ui.warn(&format!("account \"{name}\": {protocol}: {text}")),
        ("warn", TOKEN) => {
            ctx.ui.text(&format!("{TOKEN} ok: {text}"))?;
            hints.iter().for_each(|warning| ctx.ui.warn(&format!("account \"{name}\": {warning}")));
            ctx.ui.hint("timedatectl set-ntp true");
            return Ok(());
        }
        (_, TOKEN) => ctx.ui.text(&format!("{TOKEN} ok: {text}"))?,
        (_, "DMARC") => ctx.ui.text(&format!("DMARC {text}"))?,
        _ => ctx.ui.text(&format!("{protocol}  ok: {text}"))?,
    }
    hints.iter().for_each(|hint| ctx.ui.hint(hint));
    Ok(())
}

fn test_smtp(account: &Account, ctx: &Context) -> Result<Tried> {
    connect::smtp(account, &ctx.config, &ctx.db_path)?.quit();
    let server = format!("{}:{}", account.smtp.host.as_deref().unwrap_or_default(), account.smtp.port);
    Ok(Tried { text: server.clone(), server: Some(server), ..Tried::default() })
}

fn test_imap(account: &Account, ctx: &Context) -> Result<Tried> {
    let mut source = connect::imap(account, &ctx.config, &ctx.db_path, None)?;
    let store = ctx.store()?;
    let mut folders = Vec::new();
    for folder in store.read(|tx| accounts::folders(tx, account.id))? {
        let open = source.open(&folder.name, true).map_err(|error| NetError::of_folder(error.into(), &folder.name))?;
        folders.push((folder.name, open.exists));
    }
    source.logout();
    let server = format!("{}:{}", account.imap.host.as_deref().unwrap_or_default(), account.imap.port);
    let said: Vec<String> = folders.iter().map(|(name, messages)| format!("{name} has {messages} messages")).collect();
    Ok(Tried { text: format!("{server}, {}", said.join(", ")), server: Some(server), folders, ..Tried::default() })
}

pub fn breaker(args: &Breaker, ctx: &Context) -> Result<()> {
    if !args.reset {
        let account = readable(&args.account, "account breaker", ctx)?;
        if !ctx.ui.for_people() {
            return ctx.ui.object("breaker", BREAKER_COLUMNS, &account);
        }
        let text = match account.breaker_tripped_at {
            Some(at) => format!("automatic replies are stopped since {}", ctx.ui.local_time(at)),
            None => "automatic replies are not stopped".to_owned(),
        };
        return ctx.ui.text(&text);
    }
    let account = ctx.write(|tx, actor| {
        let account = context::managed_account(tx, actor, "account breaker", &args.account)?;
        accounts::reset_breaker(tx, account.id, ctx.now())?;
        Ok(account)
    })?;
    let sentence = format!("account {}: automatic replies go on", account.name);
    ctx.done(Thing::account(account.id, &account.name), &sentence)
}
