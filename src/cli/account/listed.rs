//! An account as it is shown, with what it refers to looked up.

use anyhow::Result;

use crate::access::Actor;
use crate::holder;
use crate::store::accounts::{self, Account, Folder, PutIn};
use crate::store::db::Tx;
use crate::store::users::{self, User};
use crate::store::{folders, hosts, teams, templates};
use crate::ui::cell::Cell;

/// An account with the names of what it refers to, as its reader may know it.
pub struct Listed {
    pub(super) account: Account,
    /// Whether the reader can change it: login and secret are shown to nobody else.
    pub(super) is_manager: bool,
    pub(super) owner: Option<User>,
    pub(super) case_team: Option<(i64, String)>,
    pub(super) assign_to: Option<User>,
    pub(super) put_in: Option<(i64, String)>,
    pub(super) auto_reply: Option<(i64, String)>,
    pub(super) teams: Vec<String>,
    /// The folders that are polled.
    pub(super) polled: Vec<Folder>,
    pub(super) folder_map: Vec<String>,
    /// The machine that fetches it, where that is not always this one.
    pub(super) host: Option<String>,
}

impl Listed {
    /// A value that only those see who can change the account.
    pub(super) fn to_manager(&self, value: &str) -> Cell {
        Cell::opt_text(Some(value).filter(|_| self.is_manager))
    }
}

/// Looks up what an account refers to.
pub(super) fn read(tx: &Tx<'_>, actor: &Actor, account: Account) -> Result<Listed> {
    let user = |id: Option<i64>| Ok::<_, anyhow::Error>(id.map(|id| users::by_id(tx, id)).transpose()?.flatten());
    let team = |id: i64| Ok::<_, anyhow::Error>(teams::by_id(tx, id)?.map(|team| (team.id, team.name)));
    let polled = accounts::folders(tx, account.id)?;
    let folder = account.cases.group_folder_id.map(|id| folders::by_id(tx, id)).transpose()?.flatten();
    let template = account.auto_reply.auto_reply_id.map(|id| templates::by_id(tx, id)).transpose()?.flatten();
    let team_names = account.team_ids.iter().map(|id| team(*id)).collect::<Result<Vec<_>>>()?;
    let fetchers = hosts::fetchers(tx, &holder::host())?;
    Ok(Listed {
        host: fetchers.into_iter().find(|one| one.account_id == account.id).map(|one| one.host),
        is_manager: actor.manages(&account),
        owner: user(account.user_id)?,
        case_team: account.cases.case_team_id.map(team).transpose()?.flatten(),
        assign_to: user(account.cases.assign_to_id)?,
        put_in: folder.map(|folder| (folder.id, folder.name)),
        auto_reply: template.map(|template| (template.id, template.name)),
        teams: team_names.into_iter().flatten().map(|(_, name)| name).collect(),
        folder_map: polled.iter().map(|folder| mapped(tx, folder)).collect::<Result<Vec<_>>>()?.concat(),
        polled,
        account,
    })
}

/// `IMAP=FOLDER` as `--folder-map` takes it.
fn mapped(tx: &Tx<'_>, folder: &Folder) -> Result<Vec<String>> {
    let personal = folder.folder_id.map(|id| folders::by_id(tx, id)).transpose()?.flatten().map(|f| f.name);
    let target = match folder.put_in {
        PutIn::Usual => personal,
        PutIn::Archive | PutIn::Trash => Some(folder.put_in.as_str().to_owned()),
    };
    Ok(target.map(|target| format!("{}={target}", folder.name)).into_iter().collect())
}

/// A folder with how far it was read, and why it cannot be.
pub(super) fn watermark(folder: &Folder) -> String {
    match folder.failure.as_str() {
        "" => format!("{} (up to UID {})", folder.name, folder.last_uid),
        failure => format!("{} (up to UID {}; {failure})", folder.name, folder.last_uid),
    }
}
