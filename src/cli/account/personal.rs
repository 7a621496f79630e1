//! What only accounts of one user have.

use clap::Args;

use super::flags::{Given, yes_or_no};
use super::listed::Listed;
use crate::store::accounts::{Account, AccountKind, Share};
use crate::ui::cell::{Cell, Column, unlisted};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Leave the address of this personal account out of answers to all (group addresses never get them)
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no, help_heading = "Sending")]
    exclude_from_reply: Option<bool>,
    /// Personal account: fetch this IMAP folder into the owner's folder, archive or trash
    #[arg(long = "folder-map", value_name = "IMAP=FOLDER")]
    pub folder_map: Vec<String>,
    /// Personal account: who can read mail that is linked to a record: only the owner (private) or everyone who can read the record (record)
    #[arg(long, value_name = "WHO", hide_possible_values = true)]
    share: Option<Share>,
}

impl Flags {
    /// The flags of personal accounts: all of them.
    pub fn of_persons(&self) -> Given {
        vec![
            ("--folder-map", !self.folder_map.is_empty()),
            ("--share", self.share.is_some()),
            ("--exclude-from-reply", self.exclude_from_reply.is_some()),
        ]
    }

    pub fn apply(&self, account: &mut Account) {
        let personal = &mut account.personal;
        personal.share = self.share.unwrap_or(personal.share);
        personal.exclude_from_reply = self.exclude_from_reply.unwrap_or(personal.exclude_from_reply);
    }
}

/// Fields in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    // Mail of a group account is never private.
    Column::new("share", unlisted().labelled(), |one, _| match one.account.kind {
        AccountKind::Personal => Cell::text(one.account.personal.share.as_str()),
        AccountKind::Group => Cell::none(),
    }),
    Column::new("exclude_from_reply", unlisted().labelled(), |one, _| {
        Cell::bool(one.account.personal.exclude_from_reply)
    }),
    Column::new("folder_map", unlisted().labelled(), |one, _| Cell::words(&one.folder_map)),
];
