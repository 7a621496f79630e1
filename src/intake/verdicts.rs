//! Whose Authentication-Results recent mail of an account bears (B4.12): what `--authserv-id` should name, and whether the
//! server that it names still writes them.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::mail::authentication_results::{Trusted, topmost_id};
use crate::mail::message;
use crate::store::accounts::{self, Account};
use crate::store::db::Tx;
use crate::store::{deliveries, raw};

/// Mails that are looked at.
const RECENT: i64 = 20;

/// What the newest mails of an account bear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Mails that were looked at.
    pub mails: usize,
    /// How many of them bear which authserv-id in their topmost field; `none` stands for a field without an id.
    pub ids: BTreeMap<String, usize>,
}

impl Verdicts {
    /// What it means that an account names no server whose verdicts it believes.
    pub const UNSET: &str = "without --authserv-id everybody is believed to be who From says";

    /// Of one mail, which bears this id.
    pub fn of_one(id: String) -> Verdicts {
        Verdicts { mails: 1, ids: BTreeMap::from([(id, 1)]) }
    }

    /// The newest mails of the other accounts on the same server, where this one has none yet.
    pub fn of_neighbours(tx: &Tx<'_>, account: &Account) -> Result<Verdicts> {
        let mut all = Verdicts::default();
        for other in accounts::all(tx)? {
            if other.id == account.id || other.imap.host.is_none() || other.imap.host != account.imap.host {
                continue;
            }
            let Verdicts { mails, ids } = Verdicts::of(tx, other.id)?;
            all.mails += mails;
            ids.into_iter().for_each(|(id, count)| *all.ids.entry(id).or_default() += count);
        }
        Ok(all)
    }

    /// What a new account is told that names no such server.
    pub fn warning(&self, account: &Account) -> Option<String> {
        if account.imap.host.is_none() || account.fetching.authserv_id.is_some() {
            return None;
        }
        let next = match self.hint(account) {
            Some(hint) => format!("recent mail of the same server bears an id; {hint}"),
            None => format!("espomail account test {} names the id that its mail bears", account.name),
        };
        Some(format!("{}; {next}", Verdicts::UNSET))
    }

    /// Looks at the newest mails that came through an account.
    pub fn of(tx: &Tx<'_>, account_id: i64) -> Result<Verdicts> {
        let mut verdicts = Verdicts::default();
        for raw_id in deliveries::newest_raws(tx, account_id, RECENT)? {
            verdicts.mails += 1;
            if let Some(id) = topmost_id(&message::parse(&raw::bytes(tx, raw_id)?)) {
                *verdicts.ids.entry(id).or_default() += 1;
            }
        }
        Ok(verdicts)
    }

    /// One sentence.
    pub fn told(&self) -> String {
        let by = self.borne();
        match (self.mails, by.is_empty()) {
            (0, _) => "no mail has come yet, so it is not known who judges its authors".to_owned(),
            (mails, true) => format!("none of the last {mails} mails bears a verdict (Authentication-Results)"),
            (mails, false) => format!("of the last {mails} mails {by}"),
        }
    }

    /// Whose verdicts how many bear.
    fn borne(&self) -> String {
        let by: Vec<String> = self
            .ids
            .iter()
            .map(|(id, count)| match id.as_str() {
                Trusted::UNNAMED => format!("{count} bear a verdict without an id"),
                id => format!("{count} bear a verdict of {id}"),
            })
            .collect();
        by.join(", ")
    }

    /// The next step, where the setting of the account does not fit.
    pub fn hint(&self, account: &Account) -> Option<String> {
        let (id, _) = self.ids.iter().max_by_key(|(_, count)| **count)?;
        let edit = || format!("espomail account edit {} --authserv-id {id}", account.name);
        match Trusted::of(account.fetching.authserv_id.as_deref()) {
            Trusted::Nobody => Some(format!("if that is your own mail server, believe it: {}", edit())),
            Trusted::Server(known) if self.ids.keys().any(|bears| bears.eq_ignore_ascii_case(known)) => None,
            Trusted::Unnamed if self.ids.contains_key(Trusted::UNNAMED) => None,
            _ => Some(format!("--authserv-id names another server, so that no author is believed: {}", edit())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::accounts::AccountKind;

    #[test]
    fn the_setting_is_compared_with_what_mail_bears() {
        let bears = |ids: &[(&str, usize)]| Verdicts {
            mails: 20,
            ids: ids.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect(),
        };
        for (ids, setting, hinted) in [
            (&[("mx.example", 18), ("other.example", 2)][..], None, Some("--authserv-id mx.example")),
            (&[("mx.example", 18)], Some("MX.example"), None),
            (&[("mx.example", 18)], Some("old.example"), Some("names another server")),
            (&[("none", 20)], Some("none"), None),
            (&[("none", 20)], None, Some("--authserv-id none")),
            (&[], Some("mx.example"), None),
        ] {
            let mut account = Account::new("support", AccountKind::Group, jiff::Timestamp::UNIX_EPOCH);
            account.fetching.authserv_id = setting.map(str::to_owned);
            let hint = bears(ids).hint(&account);
            assert_eq!(hint.is_some(), hinted.is_some(), "{ids:?} {setting:?}: {hint:?}");
            assert!(hint.unwrap_or_default().contains(hinted.unwrap_or_default()));
        }
        assert!(bears(&[("mx.example", 18)]).told().ends_with("of the last 20 mails 18 bear a verdict of mx.example"));
        assert!(Verdicts::default().told().contains("no mail has come yet"));
    }
}
