//! Writing an account with everything that belongs to it.

use anyhow::Result;

use super::setting::{Bound, Setting};
use super::{Account, servers};
use crate::store::db::{Tx, Value, params, seconds};
use crate::store::sent_copies;

/// Adds an account with its aliases and teams; the id.
pub fn add(tx: &Tx<'_>, account: &Account) -> Result<i64> {
    let mut bound = settings(account)?;
    bound.push(("created_at", seconds(account.created_at).into()));
    let places: Vec<String> = (1..=bound.len()).map(|place| format!("?{place}")).collect();
    let (columns, values): (Vec<&str>, Vec<Value>) = bound.into_iter().unzip();
    let sql = format!("INSERT INTO accounts ({}) VALUES ({})", columns.join(", "), places.join(", "));
    let id = tx.insert(&sql, values)?;
    put_lists(tx, &Account { id, ..account.clone() })?;
    Ok(id)
}

/// Writes every setting back, aliases and teams included; health and wheel are left alone, except the waiting
/// after refused logins and at a server's wish, and what was learnt of the server: a changed account is tried at once.
pub fn update(tx: &Tx<'_>, account: &Account) -> Result<()> {
    let (columns, mut values): (Vec<&str>, Vec<Value>) = settings(account)?.into_iter().unzip();
    let assigned: Vec<String> = columns.iter().zip(2..).map(|(column, place)| format!("{column} = ?{place}")).collect();
    let sql = format!(
        "UPDATE accounts SET {}, next_try_at = NULL, rests = 0, send_next_try_at = NULL, null_sender_refused = FALSE
            WHERE id = ?1",
        assigned.join(", ")
    );
    values.insert(0, account.id.into());
    tx.execute(&sql, values)?;
    sent_copies::make_due(tx, account.id)?;
    put_lists(tx, account)
}

/// Every setting that has a column, group by group.
fn settings(account: &Account) -> Result<Bound> {
    let own: Bound = vec![
        ("name", account.name.value()?),
        ("kind", account.kind.value()?),
        ("user_id", account.user_id.value()?),
        ("address", account.address.value()?),
        ("active", account.active.value()?),
        ("edited_at", account.edited_at.value()?),
    ];
    let groups = [
        own,
        account.imap.bind(&servers::IMAP)?,
        account.smtp.bind(&servers::SMTP)?,
        account.trust.bind()?,
        account.sign_in.bind()?,
        account.fetching.bind()?,
        account.cases.bind()?,
        account.auto_reply.bind()?,
        account.sending.bind()?,
        account.personal.bind()?,
    ];
    Ok(groups.into_iter().flatten().collect())
}

/// Aliases, form senders and teams.
fn put_lists(tx: &Tx<'_>, account: &Account) -> Result<()> {
    tx.execute("DELETE FROM account_aliases WHERE account_id = ?1", params![account.id])?;
    for alias in &account.aliases {
        tx.execute(
            "INSERT INTO account_aliases (address, account_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![alias, account.id],
        )?;
    }
    tx.execute("DELETE FROM account_form_senders WHERE account_id = ?1", params![account.id])?;
    for sender in &account.form_senders {
        tx.execute(
            "INSERT INTO account_form_senders (address, account_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![sender, account.id],
        )?;
    }
    tx.execute("DELETE FROM account_teams WHERE account_id = ?1", params![account.id])?;
    for team in &account.team_ids {
        tx.execute(
            "INSERT INTO account_teams (account_id, team_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![account.id, team],
        )?;
    }
    Ok(())
}
