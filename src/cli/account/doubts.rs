//! Settings that can be written and yet cannot work: said when they are made, and not when a mail does not come.

use std::path::PathBuf;

use anyhow::Result;
use jiff::Timestamp;

use crate::cli::connect;
use crate::cli::context::Context;
use crate::error;
use crate::secret::SecretSpec;
use crate::store::accounts::{self, Account, AfterImport, StoreSent};
use crate::store::db::Tx;
use crate::store::{teams, users};

/// Refuses what would lose mail out of sight.
///
/// # Errors
/// Names the flag.
pub fn refuse(tx: &Tx<'_>, account: &Account, now: Timestamp) -> Result<()> {
    if account.fetching.fetch_since > now {
        return Err(error::data("--since: is still to come, and mail from before it is left alone")
            .hint("leave it out: then mail is fetched from now on")
            .into());
    }
    let polled = accounts::folders(tx, account.id)?;
    let polls = |name: &str| polled.iter().any(|folder| is_same(&folder.name, name));
    if let AfterImport::Move(to) = &account.fetching.after_import
        && polls(to)
    {
        return Err(error::data(format!(
            "--after: move:{to} is a folder that is polled, so the mail would come again"
        ))
        .hint("name another folder, which the server has: --after move:Done")
        .into());
    }
    if let Some(StoreSent::Folder(to)) = &account.sending.store_sent
        && polled.iter().any(|folder| !folder.sent && is_same(&folder.name, to))
    {
        return Err(error::data(format!("--store-sent: {to} is polled, so the copies would come as mail"))
            .hint("leave the name out: --store-sent takes the server's own folder for sent mail")
            .into());
    }
    Ok(())
}

/// INBOX is the one name without case (RFC 9051, 5.1).
fn is_same(a: &str, b: &str) -> bool {
    a == b || (a.eq_ignore_ascii_case("INBOX") && b.eq_ignore_ascii_case("INBOX"))
}

/// What will not work as the account is set now, each with what to do.
pub fn doubts_of(tx: &Tx<'_>, account: &Account, ctx: &Context) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if account.cases.create_case {
        found.extend(of_case_team(tx, account)?);
    }
    if let Some(id) = account.cases.assign_to_id
        && let Some(user) = users::by_id(tx, id)?.filter(|user| !user.active)
    {
        found.push(format!("--assign-to: {} is disabled and gets no cases", user.username));
    }
    if let Some(address) = &account.sending.reply_to
        && !accounts::all(tx)?.iter().any(|other| other.active && other.owns(address))
    {
        found.push(format!("--reply-to: no account of this database has {address}, so answers do not come back here"));
    }
    found.extend(of_secrets(account, ctx));
    Ok(found)
}

/// The same of its secrets alone.
pub fn of_secrets(account: &Account, ctx: &Context) -> Vec<String> {
    let (of_imap, of_smtp) =
        (connect::secret_file(&ctx.place, account.id), connect::smtp_secret_file(&ctx.place, account.id));
    let secrets = [("--secret", &account.imap.secret, of_imap), ("--smtp-secret", &account.smtp.secret, of_smtp)];
    let doubt = |(flag, secret, stored): (&str, &String, PathBuf)| {
        let fault = secret.parse().ok().and_then(|spec: SecretSpec| spec.fault(&stored));
        fault.map(|fault| format!("{flag}: {fault}"))
    };
    secrets.into_iter().filter_map(doubt).collect()
}

fn of_case_team(tx: &Tx<'_>, account: &Account) -> Result<Option<String>> {
    let Some(team_id) = account.cases.case_team_id else {
        return Ok(account.cases.assign_to_id.is_none().then(|| {
            "--create-case: without --case-team TEAM only administrators see the cases or hear of them".to_owned()
        }));
    };
    let team = teams::by_id(tx, team_id)?.map(|team| team.name).unwrap_or_default();
    let has = |position: &str| Ok::<_, anyhow::Error>(users::in_team(tx, team_id, position)?.iter().any(|u| u.active));
    Ok(match (has("")?, has(&account.cases.position)?) {
        (false, _) => Some(format!(
            "--case-team: {team} has no active member, so nobody hears of cases: espomail team member add {team} USER"
        )),
        (true, false) => Some(format!(
            "--position: no active member of {team} has the position \"{}\", so nobody gets cases",
            account.cases.position
        )),
        (true, true) => None,
    })
}
