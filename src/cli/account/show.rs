//! How accounts are shown: never a secret, only where it comes from.

use anyhow::Result;
use serde_json::json;

use crate::cli::context::{self, Context};
use crate::store::accounts::{self, Account, Folder, Server};
use crate::store::db::Tx;
use crate::store::{folders, teams, templates, users};
use crate::ui::cell::{Cell, Column};

/// Fields of accounts in their order.
pub const COLUMNS: &[Column] = &[
    Column::new("name", "ACCOUNT"),
    Column::new("kind", "KIND"),
    Column::new("address", "ADDRESS").shrinking(),
    Column::new("active", "ACTIVE"),
    Column::new("imap", "IMAP").shrinking(),
    Column::new("smtp", "SMTP").shrinking(),
    Column::new("create_case", "CASES"),
    Column::new("distribution", "DISTRIBUTION"),
    Column::new("case_team", "TEAM").shrinking(),
    Column::new("auto_reply", "AUTO-REPLY"),
    Column::new("aliases", ""),
    Column::new("login", ""),
    Column::new("secret", ""),
    Column::new("auth", ""),
    Column::new("ca", ""),
    Column::new("pin", ""),
    Column::new("folders", ""),
    Column::new("since", ""),
    Column::new("after", ""),
    Column::new("portion", ""),
    Column::new("max_size", ""),
    Column::new("authserv_id", ""),
    Column::new("teams", ""),
    Column::new("assign_to", ""),
    Column::new("position", ""),
    Column::new("on_closed", ""),
    Column::new("auto_mail", ""),
    Column::new("create_contact", ""),
    Column::new("staff_forward", ""),
    Column::new("plus_addressing", ""),
    Column::new("reply_from", ""),
    Column::new("reply_name", ""),
    Column::new("reply_to", ""),
    Column::new("from_name", ""),
    Column::new("shared", ""),
    Column::new("add_all_team_users", ""),
    Column::new("exclude_from_reply", ""),
    Column::new("put_in", ""),
    Column::new("breaker_tripped_at", ""),
    Column::new("last_good_at", ""),
    Column::new("failing_since", ""),
    Column::new("failure", ""),
    Column::new("id", ""),
];

/// `account list`.
pub fn list(ctx: &Context) -> Result<()> {
    let rows = ctx.read(|tx, actor| {
        actor.require_admin("account list")?;
        accounts::all(tx)?.iter().map(|a| cells(tx, a)).collect::<Result<_>>()
    })?;
    ctx.ui.list("accounts", COLUMNS, rows)
}

/// `account show`: every setting has a label for people too.
pub fn one(name: &str, ctx: &Context) -> Result<()> {
    let row = ctx.read(|tx, actor| {
        actor.require_admin("account show")?;
        cells(tx, &context::account(tx, name)?)
    })?;
    let labelled: Vec<Column> = COLUMNS.iter().map(|c| Column::new(c.field, c.field)).collect();
    ctx.ui.object("account", &labelled, row)
}

fn cells(tx: &Tx<'_>, account: &Account) -> Result<Vec<Cell>> {
    let team = account.case_team_id.map(|id| teams::by_id(tx, id)).transpose()?.flatten();
    let assign_to = account.assign_to_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    let folder = account.group_folder_id.map(|id| folders::by_id(tx, id)).transpose()?.flatten();
    let template = account.auto_reply_id.map(|id| templates::by_id(tx, id)).transpose()?.flatten();
    let mut team_names = Vec::new();
    for id in &account.team_ids {
        team_names.extend(teams::by_id(tx, *id)?.map(|t| t.name));
    }
    let folders: Vec<String> = accounts::folders(tx, account.id)?.iter().map(watermark).collect();
    let words = |list: &[String]| Cell::object(json!(list), &list.join(", "));
    let text = |value: &Option<String>| value.as_deref().map_or_else(Cell::none, Cell::text);
    let number = |value: Option<i64>| value.map_or_else(Cell::none, Cell::int);
    let health = &account.health;
    Ok(vec![
        Cell::text(&account.name),
        Cell::text(account.kind.as_str()),
        Cell::text(&account.address),
        Cell::bool(account.active),
        server(&account.imap),
        server(&account.smtp),
        Cell::bool(account.create_case),
        Cell::text(account.distribution.as_str()),
        text(&team.map(|t| t.name)),
        text(&template.map(|t| t.name)),
        words(&account.aliases),
        Cell::text(&account.imap.login),
        Cell::text(&account.imap.secret),
        Cell::text(account.imap.auth.as_str()),
        text(&account.ca_file),
        text(&account.pin),
        words(&folders),
        Cell::date_time(account.fetch_since),
        Cell::text(&account.after_import.to_string()),
        number(account.portion.map(i64::from)),
        number(account.max_size.map(i64::try_from).transpose()?),
        text(&account.authserv_id),
        words(&team_names),
        text(&assign_to.map(|u| u.username)),
        Cell::text(&account.position),
        Cell::text(&account.on_closed.to_string()),
        Cell::text(account.auto_mail.as_str()),
        Cell::bool(account.create_contact),
        Cell::text(account.staff_forward.as_str()),
        Cell::bool(account.plus_addressing),
        text(&account.reply_from),
        text(&account.reply_name),
        text(&account.reply_to),
        text(&account.from_name),
        Cell::bool(account.shared),
        Cell::bool(account.add_all_team_users),
        Cell::bool(account.exclude_from_reply),
        text(&folder.map(|f| f.name)),
        account.breaker_tripped_at.map_or_else(Cell::none, Cell::date_time),
        health.last_good_at.map_or_else(Cell::none, Cell::time),
        health.failing_since.map_or_else(Cell::none, Cell::date_time),
        Cell::text(&health.failure),
        Cell::int(account.id),
    ])
}

fn server(server: &Server) -> Cell {
    match &server.host {
        None => Cell::none(),
        Some(host) => {
            let json = json!({"host": host, "port": server.port, "tls": server.tls.as_str(), "login": server.login});
            Cell::object(json, &format!("{host}:{} {}", server.port, server.tls))
        }
    }
}

fn watermark(folder: &Folder) -> String {
    match folder.failure.as_str() {
        "" => format!("{} (up to UID {})", folder.name, folder.last_uid),
        failure => format!("{} (up to UID {}; {failure})", folder.name, folder.last_uid),
    }
}
