//! Until when the certificates of mail servers hold, as the connections of `fetch` and `send` showed.

use anyhow::Result;
use jiff::Timestamp;

use crate::store::db::{Tx, params, seconds};
use crate::store::label::labels;

labels! {
    /// Which server of an account had a certificate.
    pub enum Served {
        Imap = "imap",
        Smtp = "smtp",
    }
}

/// A certificate that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub account_id: i64,
    pub served: Served,
    pub host: String,
    pub ends: Timestamp,
}

/// Those of the servers that the accounts have now.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Certificate>> {
    tx.all(
        "SELECT c.account_id, c.protocol, c.host, c.ends_at FROM account_certificates c JOIN accounts a ON a.id = c.account_id
            WHERE (c.protocol = 'imap' AND c.host = a.imap_host AND a.imap_tls <> 'none')
                OR (c.protocol = 'smtp' AND c.host = a.smtp_host AND a.smtp_tls <> 'none')
            ORDER BY c.account_id, c.protocol",
        [],
        |row| {
            Ok(Certificate {
                account_id: row.get("account_id")?,
                served: row.label("protocol")?,
                host: row.get("host")?,
                ends: row.time("ends_at")?,
            })
        },
    )
}

/// Whether this is what is known already: most connections show nothing new, and cost no commit.
pub fn is_known(tx: &Tx<'_>, seen: &Certificate) -> Result<bool> {
    let known: Option<i64> = tx.value(
        "SELECT 1 FROM account_certificates WHERE account_id = ?1 AND protocol = ?2 AND host = ?3 AND ends_at = ?4",
        params![seen.account_id, seen.served.as_str(), seen.host, seconds(seen.ends)],
    )?;
    Ok(known.is_some())
}

/// Remembers the certificate of a server, in the place of what it had before.
pub fn remember(tx: &Tx<'_>, seen: &Certificate) -> Result<()> {
    tx.execute(
        "INSERT INTO account_certificates (account_id, protocol, host, ends_at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (account_id, protocol) DO UPDATE SET host = excluded.host, ends_at = excluded.ends_at",
        params![seen.account_id, seen.served.as_str(), seen.host, seconds(seen.ends)],
    )?;
    Ok(())
}
