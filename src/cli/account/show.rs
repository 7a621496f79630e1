//! How accounts are shown: never a secret, only where it comes from.

use anyhow::Result;
use serde_json::json;

use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::store::accounts::{self, Account, AccountKind, Folder, PutIn, Server};
use crate::store::db::Tx;
use crate::store::users::{self, User};
use crate::store::{folders, teams, templates};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// An account with the names of what it refers to, as its reader may know it.
pub struct Listed {
    account: Account,
    /// Whether the reader can change it: login and secret are shown to nobody else.
    is_manager: bool,
    owner: Option<User>,
    case_team: Option<String>,
    assign_to: Option<String>,
    put_in: Option<String>,
    auto_reply: Option<String>,
    teams: Vec<String>,
    folders: Vec<String>,
    folder_map: Vec<String>,
}

/// Fields of accounts in their order. `account show` has a label for each of them.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("name", head("ACCOUNT").labelled(), |one, _| Cell::text(&one.account.name)),
    Column::new("kind", head("KIND").labelled(), |one, _| Cell::text(one.account.kind.as_str())),
    Column::new("address", head("ADDRESS").shrinking().labelled(), |one, _| Cell::text(&one.account.address)),
    Column::new("active", head("ACTIVE").labelled(), |one, _| Cell::bool(one.account.active)),
    Column::new("imap", head("IMAP").shrinking().labelled(), |one, _| one.server(&one.account.imap)),
    Column::new("smtp", head("SMTP").shrinking().labelled(), |one, _| one.server(&one.account.smtp)),
    Column::new("create_case", head("CASES").labelled(), |one, _| Cell::bool(one.account.create_case)),
    Column::new("distribution", head("DISTRIBUTION").labelled(), |one, _| {
        Cell::text(one.account.distribution.as_str())
    }),
    Column::new("case_team", head("TEAM").shrinking().labelled(), |one, _| Cell::opt_text(one.case_team.as_deref())),
    Column::new("auto_reply", head("AUTO-REPLY").labelled(), |one, _| Cell::opt_text(one.auto_reply.as_deref())),
    Column::new("aliases", unlisted().labelled(), |one, _| Cell::words(&one.account.aliases)),
    Column::new("login", unlisted().labelled(), |one, _| one.to_manager(&one.account.imap.login)),
    Column::new("secret", unlisted().labelled(), |one, _| one.to_manager(&one.account.imap.secret)),
    Column::new("auth", unlisted().labelled(), |one, _| Cell::text(one.account.imap.auth.as_str())),
    Column::new("ca", unlisted().labelled(), |one, _| Cell::opt_text(one.account.ca_file.as_deref())),
    Column::new("pin", unlisted().labelled(), |one, _| Cell::opt_text(one.account.pin.as_deref())),
    Column::new("folders", unlisted().labelled(), |one, _| Cell::words(&one.folders)),
    Column::new("since", unlisted().labelled(), |one, _| Cell::date_time(one.account.fetch_since)),
    Column::new("after", unlisted().labelled(), |one, _| Cell::text(&one.account.after_import.to_string())),
    Column::new("portion", unlisted().labelled(), |one, _| Cell::opt_int(one.account.portion.map(i64::from))),
    Column::new("max_size", unlisted().labelled(), |one, _| {
        Cell::opt_int(one.account.max_size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)))
    }),
    Column::new("authserv_id", unlisted().labelled(), |one, _| Cell::opt_text(one.account.authserv_id.as_deref())),
    Column::new("dmarc_none", unlisted().labelled(), |one, _| Cell::text(one.account.dmarc_none.as_str())),
    Column::new("form_senders", unlisted().labelled(), |one, _| Cell::words(&one.account.form_senders)),
    Column::new("teams", unlisted().labelled(), |one, _| Cell::words(&one.teams)),
    Column::new("assign_to", unlisted().labelled(), |one, _| Cell::opt_text(one.assign_to.as_deref())),
    Column::new("position", unlisted().labelled(), |one, _| Cell::text(&one.account.position)),
    Column::new("on_closed", unlisted().labelled(), |one, _| Cell::text(&one.account.on_closed.to_string())),
    Column::new("auto_mail", unlisted().labelled(), |one, _| Cell::text(one.account.auto_mail.as_str())),
    Column::new("create_contact", unlisted().labelled(), |one, _| Cell::bool(one.account.create_contact)),
    Column::new("staff_forward", unlisted().labelled(), |one, _| Cell::text(one.account.staff_forward.as_str())),
    Column::new("plus_addressing", unlisted().labelled(), |one, _| Cell::bool(one.account.plus_addressing)),
    Column::new("reply_to_own_list", unlisted().labelled(), |one, _| Cell::bool(one.account.reply_to_own_list)),
    Column::new("reply_from", unlisted().labelled(), |one, _| Cell::opt_text(one.account.reply_from.as_deref())),
    Column::new("reply_name", unlisted().labelled(), |one, _| Cell::opt_text(one.account.reply_name.as_deref())),
    Column::new("reply_to", unlisted().labelled(), |one, _| Cell::opt_text(one.account.reply_to.as_deref())),
    Column::new("from_name", unlisted().labelled(), |one, _| Cell::opt_text(one.account.from_name.as_deref())),
    Column::new("shared", unlisted().labelled(), |one, _| Cell::bool(one.account.shared)),
    Column::new("add_all_team_users", unlisted().labelled(), |one, _| Cell::bool(one.account.add_all_team_users)),
    Column::new("exclude_from_reply", unlisted().labelled(), |one, _| Cell::bool(one.account.exclude_from_reply)),
    Column::new("put_in", unlisted().labelled(), |one, _| Cell::opt_text(one.put_in.as_deref())),
    Column::new("store_sent", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.account.store_sent.as_ref().map(ToString::to_string).as_deref())
    }),
    Column::new("smtp_login", unlisted().labelled(), |one, _| one.to_manager(&one.account.smtp.login)),
    Column::new("smtp_secret", unlisted().labelled(), |one, _| one.to_manager(&one.account.smtp.secret)),
    Column::new("smtp_auth", unlisted().labelled(), |one, _| Cell::text(one.account.smtp.auth.as_str())),
    Column::new("breaker_tripped_at", unlisted().labelled(), |one, _| {
        Cell::opt_date_time(one.account.breaker_tripped_at)
    }),
    Column::new("last_good_at", unlisted().labelled(), |one, _| {
        one.account.health.last_good_at.map_or_else(Cell::none, Cell::time)
    }),
    Column::new("failing_since", unlisted().labelled(), |one, _| Cell::opt_date_time(one.account.health.failing_since)),
    Column::new("failure", unlisted().labelled(), |one, _| Cell::text(&one.account.health.failure)),
    Column::new("send_failing_since", unlisted().labelled(), |one, _| {
        Cell::opt_date_time(one.account.health.send_failing_since)
    }),
    Column::new("send_failure", unlisted().labelled(), |one, _| Cell::text(&one.account.health.send_failure)),
    Column::new("send_next_try_at", unlisted().labelled(), |one, _| {
        Cell::opt_date_time(one.account.health.send_next_try_at)
    }),
    Column::new("null_sender_refused", unlisted().labelled(), |one, _| Cell::bool(one.account.null_sender_refused)),
    Column::new("id", unlisted().labelled(), |one, _| Cell::int(one.account.id)),
    Column::new("user", unlisted().labelled(), |one, _| one.owner()),
    Column::new("share", unlisted().labelled(), |one, _| one.share()),
    Column::new("read_sent", unlisted().labelled(), |one, _| Cell::text(&one.account.read_sent.to_string())),
    Column::new("folder_map", unlisted().labelled(), |one, _| Cell::words(&one.folder_map)),
    Column::new("signature", unlisted().labelled(), |one, _| Cell::text(&one.account.signature)),
];

/// `account list`.
pub fn list(ctx: &Context) -> Result<()> {
    let rows = ctx.read(|tx, actor| {
        let mut rows = Vec::new();
        for account in accounts::all(tx)? {
            if actor.knows_account(tx, &account)? {
                rows.push(listed(tx, actor, account)?);
            }
        }
        Ok(rows)
    })?;
    ctx.ui.list("accounts", COLUMNS, &rows)
}

/// `account show`.
pub fn one(name: &str, ctx: &Context) -> Result<()> {
    let row = ctx.read(|tx, actor| listed(tx, actor, context::known_account(tx, actor, name)?))?;
    ctx.ui.object("account", COLUMNS, &row)
}

fn listed(tx: &Tx<'_>, actor: &Actor, account: Account) -> Result<Listed> {
    let user = |id: Option<i64>| Ok::<_, anyhow::Error>(id.map(|id| users::by_id(tx, id)).transpose()?.flatten());
    let team = |id: i64| Ok::<_, anyhow::Error>(teams::by_id(tx, id)?.map(|team| team.name));
    let polled = accounts::folders(tx, account.id)?;
    let folder = account.group_folder_id.map(|id| folders::by_id(tx, id)).transpose()?.flatten();
    let template = account.auto_reply_id.map(|id| templates::by_id(tx, id)).transpose()?.flatten();
    let team_names = account.team_ids.iter().map(|id| team(*id)).collect::<Result<Vec<_>>>()?;
    Ok(Listed {
        is_manager: actor.manages(&account),
        owner: user(account.user_id)?,
        case_team: account.case_team_id.map(team).transpose()?.flatten(),
        assign_to: user(account.assign_to_id)?.map(|user| user.username),
        put_in: folder.map(|folder| folder.name),
        auto_reply: template.map(|template| template.name),
        teams: team_names.into_iter().flatten().collect(),
        folders: polled.iter().map(watermark).collect(),
        folder_map: polled.iter().map(|folder| mapped(tx, folder)).collect::<Result<Vec<_>>>()?.concat(),
        account,
    })
}

impl Listed {
    fn to_manager(&self, value: &str) -> Cell {
        Cell::opt_text(Some(value).filter(|_| self.is_manager))
    }

    fn server(&self, server: &Server) -> Cell {
        let Some(host) = &server.host else { return Cell::none() };
        let login = self.is_manager.then_some(&server.login);
        let json = json!({"host": host, "port": server.port, "tls": server.tls.as_str(), "login": login});
        Cell::object(json, &format!("{host}:{} {}", server.port, server.tls))
    }

    fn owner(&self) -> Cell {
        self.owner.as_ref().map_or_else(Cell::none, |user| {
            Cell::object(json!({"id": user.id, "username": user.username}), &user.username)
        })
    }

    /// Mail of a group account is never private.
    fn share(&self) -> Cell {
        match self.account.kind {
            AccountKind::Personal => Cell::text(self.account.share.as_str()),
            AccountKind::Group => Cell::none(),
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
