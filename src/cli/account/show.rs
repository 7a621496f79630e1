//! How accounts are shown: never a secret, only where it comes from.

use anyhow::Result;
use serde_json::json;

use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::store::accounts::{self, Account, AccountKind, Folder, PutIn, Server};
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
    Column::new("dmarc_none", ""),
    Column::new("form_senders", ""),
    Column::new("teams", ""),
    Column::new("assign_to", ""),
    Column::new("position", ""),
    Column::new("on_closed", ""),
    Column::new("auto_mail", ""),
    Column::new("create_contact", ""),
    Column::new("staff_forward", ""),
    Column::new("plus_addressing", ""),
    Column::new("reply_to_own_list", ""),
    Column::new("reply_from", ""),
    Column::new("reply_name", ""),
    Column::new("reply_to", ""),
    Column::new("from_name", ""),
    Column::new("shared", ""),
    Column::new("add_all_team_users", ""),
    Column::new("exclude_from_reply", ""),
    Column::new("put_in", ""),
    Column::new("store_sent", ""),
    Column::new("smtp_login", ""),
    Column::new("smtp_secret", ""),
    Column::new("smtp_auth", ""),
    Column::new("breaker_tripped_at", ""),
    Column::new("last_good_at", ""),
    Column::new("failing_since", ""),
    Column::new("failure", ""),
    Column::new("send_failing_since", "Cannot send since"),
    Column::new("send_failure", "Why"),
    Column::new("send_next_try_at", "Sends again"),
    Column::new("null_sender_refused", ""),
    Column::new("id", ""),
    Column::new("user", ""),
    Column::new("share", ""),
    Column::new("read_sent", ""),
    Column::new("folder_map", ""),
    Column::new("signature", ""),
];

/// `account list`.
pub fn list(ctx: &Context) -> Result<()> {
    let rows = ctx.read(|tx, actor| {
        let mut rows = Vec::new();
        for account in accounts::all(tx)? {
            if actor.knows_account(tx, &account)? {
                rows.push(cells(tx, actor, &account)?);
            }
        }
        Ok(rows)
    })?;
    ctx.ui.list("accounts", COLUMNS, rows)
}

/// `account show`: every setting has a label for people too.
pub fn one(name: &str, ctx: &Context) -> Result<()> {
    let row = ctx.read(|tx, actor| cells(tx, actor, &context::known_account(tx, actor, name)?))?;
    let labelled: Vec<Column> = COLUMNS.iter().map(|c| Column::new(c.field, c.field)).collect();
    ctx.ui.object("account", &labelled, row)
}

/// The login and the secret are shown only to people who can change the account.
fn cells(tx: &Tx<'_>, actor: &Actor, account: &Account) -> Result<Vec<Cell>> {
    let to_manager = |value: &str| if actor.manages(account) { Cell::text(value) } else { Cell::none() };
    let owner = account.user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    let team = account.case_team_id.map(|id| teams::by_id(tx, id)).transpose()?.flatten();
    let assign_to = account.assign_to_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
    let folder = account.group_folder_id.map(|id| folders::by_id(tx, id)).transpose()?.flatten();
    let template = account.auto_reply_id.map(|id| templates::by_id(tx, id)).transpose()?.flatten();
    let mut team_names = Vec::new();
    for id in &account.team_ids {
        team_names.extend(teams::by_id(tx, *id)?.map(|t| t.name));
    }
    let polled = accounts::folders(tx, account.id)?;
    let folders: Vec<String> = polled.iter().map(watermark).collect();
    let map: Vec<String> = polled.iter().map(|folder| mapped(tx, folder)).collect::<Result<Vec<_>>>()?.concat();
    let words = |list: &[String]| Cell::object(json!(list), &list.join(", "));
    let text = |value: &Option<String>| value.as_deref().map_or_else(Cell::none, Cell::text);
    let number = |value: Option<i64>| value.map_or_else(Cell::none, Cell::int);
    let health = &account.health;
    Ok(vec![
        Cell::text(&account.name),
        Cell::text(account.kind.as_str()),
        Cell::text(&account.address),
        Cell::bool(account.active),
        server(&account.imap, actor.manages(account)),
        server(&account.smtp, actor.manages(account)),
        Cell::bool(account.create_case),
        Cell::text(account.distribution.as_str()),
        text(&team.map(|t| t.name)),
        text(&template.map(|t| t.name)),
        words(&account.aliases),
        to_manager(&account.imap.login),
        to_manager(&account.imap.secret),
        Cell::text(account.imap.auth.as_str()),
        text(&account.ca_file),
        text(&account.pin),
        words(&folders),
        Cell::date_time(account.fetch_since),
        Cell::text(&account.after_import.to_string()),
        number(account.portion.map(i64::from)),
        number(account.max_size.map(i64::try_from).transpose()?),
        text(&account.authserv_id),
        Cell::text(account.dmarc_none.as_str()),
        words(&account.form_senders),
        words(&team_names),
        text(&assign_to.map(|u| u.username)),
        Cell::text(&account.position),
        Cell::text(&account.on_closed.to_string()),
        Cell::text(account.auto_mail.as_str()),
        Cell::bool(account.create_contact),
        Cell::text(account.staff_forward.as_str()),
        Cell::bool(account.plus_addressing),
        Cell::bool(account.reply_to_own_list),
        text(&account.reply_from),
        text(&account.reply_name),
        text(&account.reply_to),
        text(&account.from_name),
        Cell::bool(account.shared),
        Cell::bool(account.add_all_team_users),
        Cell::bool(account.exclude_from_reply),
        text(&folder.map(|f| f.name)),
        text(&account.store_sent.as_ref().map(ToString::to_string)),
        to_manager(&account.smtp.login),
        to_manager(&account.smtp.secret),
        Cell::text(account.smtp.auth.as_str()),
        account.breaker_tripped_at.map_or_else(Cell::none, Cell::date_time),
        health.last_good_at.map_or_else(Cell::none, Cell::time),
        health.failing_since.map_or_else(Cell::none, Cell::date_time),
        Cell::text(&health.failure),
        health.send_failing_since.map_or_else(Cell::none, Cell::date_time),
        Cell::text(&health.send_failure),
        health.send_next_try_at.map_or_else(Cell::none, Cell::date_time),
        Cell::bool(account.null_sender_refused),
        Cell::int(account.id),
        owner.map_or_else(Cell::none, |user| {
            Cell::object(json!({"id": user.id, "username": user.username}), &user.username)
        }),
        // Mail of a group account is never private.
        if account.kind == AccountKind::Personal { Cell::text(account.share.as_str()) } else { Cell::none() },
        Cell::text(&account.read_sent.to_string()),
        words(&map),
        Cell::text(&account.signature),
    ])
}

fn server(server: &Server, with_login: bool) -> Cell {
    match &server.host {
        None => Cell::none(),
        Some(host) => {
            let login = with_login.then_some(&server.login);
            let json = json!({"host": host, "port": server.port, "tls": server.tls.as_str(), "login": login});
            Cell::object(json, &format!("{host}:{} {}", server.port, server.tls))
        }
    }
}

/// `IMAP=FOLDER` as `--folder-map` takes it.
fn mapped(tx: &Tx<'_>, folder: &Folder) -> Result<Vec<String>> {
    let personal = folder.folder_id.map(|id| folders::by_id(tx, id)).transpose()?.flatten().map(|f| f.name);
    let target = match folder.put_in {
        PutIn::Usual => personal,
        place => Some(place.as_str().to_owned()),
    };
    Ok(target.map(|target| format!("{}={target}", folder.name)).into_iter().collect())
}

fn watermark(folder: &Folder) -> String {
    match folder.failure.as_str() {
        "" => format!("{} (up to UID {})", folder.name, folder.last_uid),
        failure => format!("{} (up to UID {}; {failure})", folder.name, folder.last_uid),
    }
}
