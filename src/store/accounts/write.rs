//! Writing an account with everything that belongs to it.

use anyhow::Result;

use super::Account;
use crate::store::db::{Tx, params, seconds};
use crate::store::sent_copies;

/// Adds an account with its aliases and teams; the id.
pub fn add(tx: &Tx<'_>, account: &Account) -> Result<i64> {
    let id = tx.insert(
        "INSERT INTO accounts (name, kind, address, fetch_since, created_at, edited_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
        params![
            account.name,
            account.kind.as_str(),
            account.address,
            seconds(account.fetch_since),
            seconds(account.created_at)
        ],
    )?;
    update(tx, &Account { id, ..account.clone() })?;
    Ok(id)
}

/// Writes every setting back, aliases and teams included; health and wheel are left alone, but for the waiting
/// after refused logins and at a server's wish, and what was learnt of the server: a changed account is tried at once.
pub fn update(tx: &Tx<'_>, account: &Account) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET name = ?2, kind = ?3, user_id = ?4, address = ?5, active = ?6, ca_file = ?7, pin = ?8,
            fetch_since = ?9, after_import = ?10, portion = ?11, max_size = ?12, authserv_id = ?13, edited_at = ?14,
            next_try_at = NULL, rests = 0, send_next_try_at = NULL, null_sender_refused = 0 WHERE id = ?1",
        params![
            account.id,
            account.name,
            account.kind.as_str(),
            account.user_id,
            account.address,
            account.active,
            account.ca_file,
            account.pin,
            seconds(account.fetch_since),
            account.after_import.to_string(),
            account.portion,
            account.max_size.map(i64::try_from).transpose()?,
            account.authserv_id,
            seconds(account.edited_at),
        ],
    )?;
    update_servers(tx, account)?;
    update_cases(tx, account)?;
    update_sending(tx, account)?;
    sent_copies::make_due(tx, account.id)?;
    put_lists(tx, account)
}

fn update_servers(tx: &Tx<'_>, account: &Account) -> Result<()> {
    for (server, sql) in [
        (
            &account.imap,
            "UPDATE accounts SET imap_host = ?2, imap_port = ?3, imap_tls = ?4, imap_login = ?5, imap_secret = ?6,
                imap_auth = ?7, imap_confined = ?8 WHERE id = ?1",
        ),
        (
            &account.smtp,
            "UPDATE accounts SET smtp_host = ?2, smtp_port = ?3, smtp_tls = ?4, smtp_login = ?5, smtp_secret = ?6,
                smtp_auth = ?7, smtp_confined = ?8 WHERE id = ?1",
        ),
    ] {
        let tls = server.tls.as_str();
        let auth = server.auth.as_str();
        let (login, secret, confined) = (&server.login, &server.secret, server.confined);
        tx.execute(sql, params![account.id, server.host, server.port, tls, login, secret, auth, confined])?;
    }
    Ok(())
}

fn update_cases(tx: &Tx<'_>, account: &Account) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET case_team_id = ?2, create_case = ?3, distribution = ?4, assign_to_id = ?5, position = ?6,
            on_closed = ?7, auto_mail = ?8, create_contact = ?9, plus_addressing = ?10, add_all_team_users = ?11,
            staff_forward = ?12, group_folder_id = ?13, dmarc_none = ?14, reply_to_own_list = ?15
        WHERE id = ?1",
        params![
            account.id,
            account.case_team_id,
            account.create_case,
            account.distribution.as_str(),
            account.assign_to_id,
            account.position,
            account.on_closed.to_string(),
            account.auto_mail.as_str(),
            account.create_contact,
            account.plus_addressing,
            account.add_all_team_users,
            account.staff_forward.as_str(),
            account.group_folder_id,
            account.dmarc_none.as_str(),
            account.reply_to_own_list,
        ],
    )?;
    Ok(())
}

fn update_sending(tx: &Tx<'_>, account: &Account) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET auto_reply_id = ?2, reply_from = ?3, reply_name = ?4, reply_to = ?5, from_name = ?6,
            shared = ?7, exclude_from_reply = ?8, share = ?9, read_sent = ?10, store_sent = ?11,
            signature = ?12 WHERE id = ?1",
        params![
            account.id,
            account.auto_reply_id,
            account.reply_from,
            account.reply_name,
            account.reply_to,
            account.from_name,
            account.shared,
            account.exclude_from_reply,
            account.share.as_str(),
            account.read_sent.to_string(),
            account.store_sent.as_ref().map(ToString::to_string),
            account.signature,
        ],
    )?;
    Ok(())
}

/// Aliases, form senders and teams.
fn put_lists(tx: &Tx<'_>, account: &Account) -> Result<()> {
    tx.execute("DELETE FROM account_aliases WHERE account_id = ?1", params![account.id])?;
    for alias in &account.aliases {
        tx.execute(
            "INSERT OR IGNORE INTO account_aliases (address, account_id) VALUES (?1, ?2)",
            params![alias, account.id],
        )?;
    }
    tx.execute("DELETE FROM account_form_senders WHERE account_id = ?1", params![account.id])?;
    for sender in &account.form_senders {
        tx.execute(
            "INSERT OR IGNORE INTO account_form_senders (address, account_id) VALUES (?1, ?2)",
            params![sender, account.id],
        )?;
    }
    tx.execute("DELETE FROM account_teams WHERE account_id = ?1", params![account.id])?;
    for team in &account.team_ids {
        tx.execute(
            "INSERT OR IGNORE INTO account_teams (account_id, team_id) VALUES (?1, ?2)",
            params![account.id, team],
        )?;
    }
    Ok(())
}
