//! E-mail accounts: what is polled and what sends (B1.2), with their monitored folders.

mod auto_reply;
mod cases;
pub mod certificates;
mod fetching;
mod fit;
mod folders;
mod personal;
mod sending;
mod servers;
mod setting;
mod settings;
mod sign_in;
mod write;

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::log;
use crate::mail::address;
pub use auto_reply::AutoReply;
pub use cases::Cases;
pub use fetching::Fetching;
pub use fit::check;
pub use folders::*;
pub use personal::Personal;
pub use sending::Sending;
pub use servers::{Server, Trust};
pub use settings::*;
pub use sign_in::{SignIn, profile_in};
pub use write::{add, update};

/// What an account remembers about its last runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// End of the last good run.
    pub last_good_at: Option<Timestamp>,
    /// First failure since then.
    pub failing_since: Option<Timestamp>,
    /// Failures in a row.
    pub failed_runs: u32,
    /// Error kind by name (`noperm`, `tempfail` …).
    pub failure_kind: String,
    /// The error with the server's words.
    pub failure: String,
    /// When cron was last told.
    pub alerted_at: Option<Timestamp>,
    /// After refused logins, or at the server's wish: not before this.
    pub next_try_at: Option<Timestamp>,
    /// Number of runs in a row in which the server asked to be left alone.
    pub rests: u32,
    /// SMTP of this account fails since.
    pub send_failing_since: Option<Timestamp>,
    /// SMTP's error.
    pub send_failure: String,
    /// After refused logins and requests for a pause: SMTP not before this.
    pub send_next_try_at: Option<Timestamp>,
}

/// An e-mail account with all its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Id; 0 before it is added.
    pub id: i64,
    /// Unique name.
    pub name: String,
    /// Group or personal.
    pub kind: AccountKind,
    /// Owner of a personal account.
    pub user_id: Option<i64>,
    /// Address in lower case.
    pub address: String,
    /// Polled and used for sending.
    pub active: bool,
    /// Where mail is fetched.
    pub imap: Server,
    /// Where mail is handed over.
    pub smtp: Server,
    /// Which authorities of both are trusted.
    pub trust: Trust,
    /// How it signs in with access tokens.
    pub sign_in: SignIn,
    /// How mail is fetched.
    pub fetching: Fetching,
    /// How mail becomes cases.
    pub cases: Cases,
    /// Round-robin: assigned last.
    pub wheel_user_id: Option<i64>,
    /// Automatic replies.
    pub auto_reply: AutoReply,
    /// How mail of people is sent.
    pub sending: Sending,
    /// What only personal accounts have.
    pub personal: Personal,
    /// Set = no automatic replies until it is reset.
    pub breaker_tripped_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its settings were changed last.
    pub edited_at: Timestamp,
    /// Its server takes no null sender (B13.5).
    pub null_sender_refused: bool,
    /// What is known about its last runs.
    pub health: Health,
    /// Further addresses in lower case.
    pub aliases: Vec<String>,
    /// Teams that get the mail.
    pub team_ids: Vec<i64>,
    /// Addresses that write for the people in Reply-To (B4.13), in lower case.
    pub form_senders: Vec<String>,
}

/// In the place of pins for SMTP: none, also if IMAP has some.
pub const NO_PINS: &str = "none";

impl Account {
    /// An account before any setting, added at `now`.
    pub fn new(name: &str, kind: AccountKind, now: Timestamp) -> Account {
        Account {
            id: 0,
            name: name.to_owned(),
            kind,
            user_id: None,
            address: String::new(),
            active: true,
            imap: Server::none(993, Tls::Implicit),
            smtp: Server::none(587, Tls::StartTls),
            trust: Trust::new(kind, now),
            sign_in: SignIn::new(kind, now),
            fetching: Fetching::new(kind, now),
            cases: Cases::new(kind, now),
            wheel_user_id: None,
            auto_reply: AutoReply::new(kind, now),
            sending: Sending::new(kind, now),
            personal: Personal::new(kind, now),
            breaker_tripped_at: None,
            created_at: now,
            edited_at: now,
            null_sender_refused: false,
            health: Health::default(),
            aliases: Vec::new(),
            team_ids: Vec::new(),
            form_senders: Vec::new(),
        }
    }

    /// Whether an address is the account's own, plus forms included (`support+x@…`).
    pub fn owns(&self, address: &str) -> bool {
        let plain = address::without_tag(address);
        std::iter::once(&self.address).chain(&self.aliases).any(|own| own == address || *own == plain)
    }

    /// The teams that its cases are for: the case team, else those that get the mail.
    pub fn case_teams(&self) -> Vec<i64> {
        self.cases.case_team_id.map_or_else(|| self.team_ids.clone(), |team| vec![team])
    }

    /// What customers know it by: the display name of its address, else its name here.
    pub fn shown(&self) -> &str {
        self.sending.from_name.as_deref().unwrap_or(&self.name)
    }

    /// Active, with a server to hand mail to.
    pub fn can_send(&self) -> bool {
        self.active && self.smtp.host.is_some()
    }

    /// Login for fetching.
    pub fn imap_login(&self) -> &str {
        if self.imap.login.is_empty() { &self.address } else { &self.imap.login }
    }

    /// Login and secret reference for sending.
    pub fn smtp_login(&self) -> (&str, &str) {
        (
            if self.smtp.login.is_empty() { self.imap_login() } else { &self.smtp.login },
            if self.smtp.secret.is_empty() { &self.imap.secret } else { &self.smtp.secret },
        )
    }

    /// What the server of SMTP must show: its own pins, else those of IMAP.
    pub fn smtp_pins(&self) -> &str {
        match self.smtp.pins.as_str() {
            "" => &self.imap.pins,
            NO_PINS => "",
            own => own,
        }
    }

    fn from_row(row: &Row<'_>) -> Result<Account> {
        let list = |column: &str| -> Result<Vec<String>> {
            let joined: Option<String> = row.get(column)?;
            Ok(joined.unwrap_or_default().split('\n').filter(|s| !s.is_empty()).map(str::to_owned).collect())
        };
        Ok(Account {
            id: row.get("id")?,
            name: row.get("name")?,
            kind: row.label("kind")?,
            user_id: row.get("user_id")?,
            address: row.get("address")?,
            active: row.get("active")?,
            imap: Server::read(row, &servers::IMAP)?,
            smtp: Server::read(row, &servers::SMTP)?,
            trust: Trust::read(row)?,
            sign_in: SignIn::read(row)?,
            fetching: Fetching::read(row)?,
            cases: Cases::read(row)?,
            wheel_user_id: row.get("wheel_user_id")?,
            auto_reply: AutoReply::read(row)?,
            sending: Sending::read(row)?,
            personal: Personal::read(row)?,
            breaker_tripped_at: row.opt_time("breaker_tripped_at")?,
            created_at: row.time("created_at")?,
            edited_at: row.time("edited_at")?,
            null_sender_refused: row.get("null_sender_refused")?,
            health: Health {
                last_good_at: row.opt_time("last_good_at")?,
                failing_since: row.opt_time("failing_since")?,
                failed_runs: row.get("failed_runs")?,
                failure_kind: row.get("failure_kind")?,
                failure: row.get("failure")?,
                alerted_at: row.opt_time("alerted_at")?,
                next_try_at: row.opt_time("next_try_at")?,
                rests: row.get("rests")?,
                send_failing_since: row.opt_time("send_failing_since")?,
                send_failure: row.get("send_failure")?,
                send_next_try_at: row.opt_time("send_next_try_at")?,
            },
            aliases: list("aliases")?,
            team_ids: list("team_ids")?.iter().map(|id| Ok(id.parse()?)).collect::<Result<_>>()?,
            form_senders: list("form_senders")?,
        })
    }
}

const SELECT: &str = "SELECT a.*,
        (SELECT string_agg(address, '\n') FROM (SELECT address FROM account_aliases
            WHERE account_id = a.id ORDER BY address) AS those) AS aliases,
        (SELECT string_agg(address, '\n') FROM (SELECT address FROM account_form_senders WHERE account_id = a.id
            ORDER BY address) AS those) AS form_senders,
        (SELECT string_agg(CAST(team_id AS TEXT), '\n') FROM (SELECT team_id FROM account_teams
            WHERE account_id = a.id ORDER BY team_id) AS those) AS team_ids
    FROM accounts a";

/// All accounts by id.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Account>> {
    tx.all(&format!("{SELECT} ORDER BY a.id"), [], Account::from_row)
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Account>> {
    tx.one(&format!("{SELECT} WHERE a.id = ?1"), params![id], Account::from_row)
}

/// By name, in any case.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<Account>> {
    tx.one(&format!("{SELECT} WHERE lower(a.name) = lower(?1)"), params![name], Account::from_row)
}

/// How many personal accounts a user has.
pub fn count_of_user(tx: &Tx<'_>, user_id: i64) -> Result<u32> {
    Ok(tx.value("SELECT count(*) FROM accounts WHERE user_id = ?1", params![user_id])?.unwrap_or_default())
}

/// Deletes an account that never delivered anything; whether that was so. One with mail can only be disabled.
pub fn delete(tx: &Tx<'_>, id: i64) -> Result<bool> {
    let used: bool = tx
        .value(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE account_id = ?1) OR EXISTS (SELECT 1 FROM outbox WHERE account_id = ?1)
                OR EXISTS (SELECT 1 FROM cases WHERE account_id = ?1) OR EXISTS (SELECT 1 FROM drafts WHERE account_id = ?1)",
            params![id],
        )?
        .unwrap_or(true);
    if used {
        return Ok(false);
    }
    log::remember(tx, "account", id)?;
    tx.execute("DELETE FROM accounts WHERE id = ?1", params![id])?;
    Ok(true)
}

/// The round-robin pointer as it is now.
pub fn wheel(tx: &Tx<'_>, id: i64) -> Result<Option<i64>> {
    Ok(tx.value("SELECT wheel_user_id FROM accounts WHERE id = ?1", params![id])?.flatten())
}

/// Moves the round-robin pointer to the user who was just assigned automatically (B5.5).
pub fn turn_wheel(tx: &Tx<'_>, id: i64, user_id: i64) -> Result<()> {
    tx.execute("UPDATE accounts SET wheel_user_id = ?2 WHERE id = ?1", params![id, user_id])?;
    Ok(())
}

/// Whether the breaker of automatic replies has tripped.
pub fn breaker_tripped(tx: &Tx<'_>, id: i64) -> Result<bool> {
    let tripped = tx.value("SELECT breaker_tripped_at IS NOT NULL FROM accounts WHERE id = ?1", params![id])?;
    Ok(tripped.unwrap_or_default())
}

/// Trips the breaker of automatic replies (B8.2).
pub fn trip_breaker(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE accounts SET breaker_tripped_at = ?2 WHERE id = ?1", params![id, seconds(now)])?;
    Ok(())
}

/// Lets automatic replies go on; those before this moment do not count any more.
pub fn reset_breaker(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET breaker_tripped_at = NULL, breaker_reset_at = ?2 WHERE id = ?1",
        params![id, seconds(now)],
    )?;
    Ok(())
}

/// Remembers that the server of an account takes no null sender; an edit of the account forgets it.
pub fn remember_refused_null_sender(tx: &Tx<'_>, id: i64) -> Result<()> {
    tx.execute("UPDATE accounts SET null_sender_refused = TRUE WHERE id = ?1", params![id])?;
    Ok(())
}

/// When the breaker was last reset.
pub fn breaker_reset_at(tx: &Tx<'_>, id: i64) -> Result<Option<Timestamp>> {
    tx.one("SELECT breaker_reset_at FROM accounts WHERE id = ?1", params![id], |row| row.opt_time("breaker_reset_at"))
        .map(Option::flatten)
}

/// Leaves the server of an account alone until then.
pub fn rest(tx: &Tx<'_>, id: i64, until: Timestamp) -> Result<()> {
    tx.execute("UPDATE accounts SET next_try_at = ?2 WHERE id = ?1", params![id, seconds(until)])?;
    Ok(())
}

/// Remembers that an account was fetched, unless another run has written that since it was fetched `before`.
pub fn set_last_good(tx: &Tx<'_>, id: i64, before: Option<Timestamp>, at: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET last_good_at = ?3 WHERE id = ?1 AND last_good_at IS NOT DISTINCT FROM ?2",
        params![id, before.map(seconds), seconds(at)],
    )?;
    Ok(())
}

/// Writes what the last run found out.
pub fn set_health(tx: &Tx<'_>, id: i64, health: &Health) -> Result<()> {
    tx.execute(
        "UPDATE accounts SET last_good_at = ?2, failing_since = ?3, failed_runs = ?4, failure_kind = ?5, failure = ?6,
            alerted_at = ?7, next_try_at = ?8, send_failing_since = ?9, send_failure = ?10, send_next_try_at = ?11, rests = ?12
            WHERE id = ?1",
        params![
            id,
            health.last_good_at.map(seconds),
            health.failing_since.map(seconds),
            health.failed_runs,
            health.failure_kind,
            health.failure,
            health.alerted_at.map(seconds),
            health.next_try_at.map(seconds),
            health.send_failing_since.map(seconds),
            health.send_failure,
            health.send_next_try_at.map(seconds),
            health.rests,
        ],
    )?;
    Ok(())
}
