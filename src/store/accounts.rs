//! E-mail accounts: what is polled and what sends (B1.2), with their monitored folders.

mod folders;
mod settings;
mod write;

use anyhow::Result;
use jiff::Timestamp;

use super::db::{Row, Tx, params, seconds};
use super::log;
use crate::mail::address;
pub use folders::*;
pub use settings::*;
pub use write::{add, update};

/// A server of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host; `None` = the account does not use this protocol.
    pub host: Option<String>,
    pub port: u16,
    /// Protection.
    pub tls: Tls,
    /// Login name; empty for SMTP = as IMAP.
    pub login: String,
    /// Reference to the secret, see `secret.rs`; empty for SMTP = as IMAP.
    pub secret: String,
    /// Mechanism.
    pub auth: Auth,
    /// Named by somebody who came through sudo, so that it must be reached at a public address.
    pub confined: bool,
}

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
    /// So many runs in a row the server asked to be left alone.
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
    /// Certificate authority (PEM file).
    pub ca_file: Option<String>,
    /// SHA-256 of the server certificate, hex.
    pub pin: Option<String>,
    /// INTERNALDATE before this is the past.
    pub fetch_since: Timestamp,
    /// What happens on the server after import.
    pub after_import: AfterImport,
    /// Messages per folder and run; 0 = all, `None` = configuration.
    pub portion: Option<u32>,
    /// Largest message in bytes; `None` = configuration.
    pub max_size: Option<u64>,
    /// Whose Authentication-Results are believed.
    pub authserv_id: Option<String>,
    /// Team of the cases, and whose members get them.
    pub case_team_id: Option<i64>,
    /// Email-to-case.
    pub create_case: bool,
    /// How cases find their assignee.
    pub distribution: Distribution,
    /// The user of `direct`.
    pub assign_to_id: Option<i64>,
    /// Target position; empty = any.
    pub position: String,
    /// Round-robin: assigned last.
    pub wheel_user_id: Option<i64>,
    /// Answers to closed cases.
    pub on_closed: OnClosed,
    /// Machine mail without a thread.
    pub auto_mail: AutoMail,
    /// A contact is made from the sender of a new case.
    pub create_contact: bool,
    /// Sub-addresses carry signed case ids.
    pub plus_addressing: bool,
    /// Mail that users forward for customers.
    pub staff_forward: StaffForward,
    /// Template of the automatic reply.
    pub auto_reply_id: Option<i64>,
    /// Automatic reply: From address.
    pub reply_from: Option<String>,
    /// Automatic reply: From name.
    pub reply_name: Option<String>,
    /// Reply-To of mail sent for this account.
    pub reply_to: Option<String>,
    /// Display name of the account's address.
    pub from_name: Option<String>,
    /// Others may send through it.
    pub shared: bool,
    /// Every active member of its teams gets the mail in the inbox.
    pub add_all_team_users: bool,
    /// Its address is left out of replies to all.
    pub exclude_from_reply: bool,
    /// The group folder that its mail goes into.
    pub group_folder_id: Option<i64>,
    /// Who may read personal mail besides its owner.
    pub share: Share,
    /// The Sent folder as a source.
    pub read_sent: ReadSent,
    /// Where copies of sent mail are kept; `None` = nowhere.
    pub store_sent: Option<StoreSent>,
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
    /// Signature of mail from this address, plain text without its line of dashes; may be empty.
    pub signature: String,
    /// Whether mail of a domain without a DMARC policy is believed (B4.12).
    pub dmarc_none: DmarcNone,
    /// Addresses that write for the people in Reply-To (B4.13), in lower case.
    pub form_senders: Vec<String>,
    /// Automatic replies also to mail that a list of ours has rewritten.
    pub reply_to_own_list: bool,
}

impl Account {
    /// An account before any setting, added at `now`.
    pub fn new(name: &str, kind: AccountKind, now: Timestamp) -> Account {
        let server = |port, tls| Server {
            host: None,
            port,
            tls,
            login: String::new(),
            secret: String::new(),
            auth: Auth::Password,
            confined: false,
        };
        Account {
            id: 0,
            name: name.to_owned(),
            kind,
            user_id: None,
            address: String::new(),
            active: true,
            imap: server(993, Tls::Implicit),
            smtp: server(587, Tls::StartTls),
            ca_file: None,
            pin: None,
            fetch_since: now,
            after_import: if kind == AccountKind::Group { AfterImport::Seen } else { AfterImport::Keep },
            portion: None,
            max_size: None,
            authserv_id: None,
            case_team_id: None,
            create_case: false,
            distribution: Distribution::None,
            assign_to_id: None,
            position: String::new(),
            wheel_user_id: None,
            on_closed: OnClosed::Reopen,
            auto_mail: AutoMail::Archive,
            create_contact: false,
            plus_addressing: false,
            staff_forward: StaffForward::All,
            auto_reply_id: None,
            reply_from: None,
            reply_name: None,
            reply_to: None,
            from_name: None,
            shared: false,
            add_all_team_users: false,
            exclude_from_reply: false,
            group_folder_id: None,
            share: Share::Private,
            read_sent: if kind == AccountKind::Group { ReadSent::No } else { ReadSent::Auto },
            store_sent: None,
            breaker_tripped_at: None,
            created_at: now,
            edited_at: now,
            null_sender_refused: false,
            health: Health::default(),
            aliases: Vec::new(),
            team_ids: Vec::new(),
            signature: String::new(),
            dmarc_none: DmarcNone::Trust,
            form_senders: Vec::new(),
            reply_to_own_list: false,
        }
    }

    /// Whether an address is the account's own, plus forms included (`support+x@…`).
    pub fn owns(&self, address: &str) -> bool {
        let plain = address::without_tag(address);
        std::iter::once(&self.address).chain(&self.aliases).any(|own| own == address || *own == plain)
    }

    /// The teams that its cases are for: the case team, else those that get the mail.
    pub fn case_teams(&self) -> Vec<i64> {
        self.case_team_id.map_or_else(|| self.team_ids.clone(), |team| vec![team])
    }

    /// What customers know it by: the display name of its address, else its name here.
    pub fn shown(&self) -> &str {
        self.from_name.as_deref().unwrap_or(&self.name)
    }

    /// Active, with a server to hand mail to.
    pub fn can_send(&self) -> bool {
        self.active && self.smtp.host.is_some()
    }

    /// Login and secret reference for sending.
    pub fn smtp_login(&self) -> (&str, &str) {
        (
            if self.smtp.login.is_empty() { &self.imap.login } else { &self.smtp.login },
            if self.smtp.secret.is_empty() { &self.imap.secret } else { &self.smtp.secret },
        )
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
            imap: Server {
                host: row.get("imap_host")?,
                port: row.get("imap_port")?,
                tls: row.label("imap_tls")?,
                login: row.get("imap_login")?,
                secret: row.get("imap_secret")?,
                auth: row.label("imap_auth")?,
                confined: row.get("imap_confined")?,
            },
            smtp: Server {
                host: row.get("smtp_host")?,
                port: row.get("smtp_port")?,
                tls: row.label("smtp_tls")?,
                login: row.get("smtp_login")?,
                secret: row.get("smtp_secret")?,
                auth: row.label("smtp_auth")?,
                confined: row.get("smtp_confined")?,
            },
            ca_file: row.get("ca_file")?,
            pin: row.get("pin")?,
            fetch_since: row.time("fetch_since")?,
            after_import: row.label("after_import")?,
            portion: row.get("portion")?,
            max_size: row.get::<Option<i64>>("max_size")?.map(u64::try_from).transpose()?,
            authserv_id: row.get("authserv_id")?,
            case_team_id: row.get("case_team_id")?,
            create_case: row.get("create_case")?,
            distribution: row.label("distribution")?,
            assign_to_id: row.get("assign_to_id")?,
            position: row.get("position")?,
            wheel_user_id: row.get("wheel_user_id")?,
            on_closed: row.label("on_closed")?,
            auto_mail: row.label("auto_mail")?,
            create_contact: row.get("create_contact")?,
            plus_addressing: row.get("plus_addressing")?,
            staff_forward: row.label("staff_forward")?,
            auto_reply_id: row.get("auto_reply_id")?,
            reply_from: row.get("reply_from")?,
            reply_name: row.get("reply_name")?,
            reply_to: row.get("reply_to")?,
            from_name: row.get("from_name")?,
            shared: row.get("shared")?,
            add_all_team_users: row.get("add_all_team_users")?,
            exclude_from_reply: row.get("exclude_from_reply")?,
            group_folder_id: row.get("group_folder_id")?,
            share: row.label("share")?,
            read_sent: row.label("read_sent")?,
            store_sent: row.get::<Option<String>>("store_sent")?.map(|text| text.parse()).transpose()?,
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
            signature: row.get("signature")?,
            dmarc_none: row.label("dmarc_none")?,
            form_senders: list("form_senders")?,
            reply_to_own_list: row.get("reply_to_own_list")?,
        })
    }
}

const SELECT: &str = "SELECT a.*,
        (SELECT group_concat(address, char(10)) FROM (SELECT address FROM account_aliases WHERE account_id = a.id ORDER BY address)) AS aliases,
        (SELECT group_concat(address, char(10)) FROM (SELECT address FROM account_form_senders WHERE account_id = a.id
            ORDER BY address)) AS form_senders,
        (SELECT group_concat(team_id, char(10)) FROM (SELECT team_id FROM account_teams WHERE account_id = a.id ORDER BY team_id)) AS team_ids
    FROM accounts a";

/// All accounts by id.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Account>> {
    tx.all(&format!("{SELECT} ORDER BY a.id"), [], Account::from_row)
}

pub fn by_id(tx: &Tx<'_>, id: i64) -> Result<Option<Account>> {
    tx.one(&format!("{SELECT} WHERE a.id = ?1"), params![id], Account::from_row)
}

/// By name, whatever its case.
pub fn by_name(tx: &Tx<'_>, name: &str) -> Result<Option<Account>> {
    tx.one(&format!("{SELECT} WHERE a.name = ?1"), params![name], Account::from_row)
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
    tx.execute("UPDATE accounts SET null_sender_refused = 1 WHERE id = ?1", params![id])?;
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
