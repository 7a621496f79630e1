//! What an account is called, its addresses, and how its last runs went.

use anyhow::Result;
use clap::Args;

use super::flags::addresses;
use super::listed::Listed;
use crate::cli::context;
use crate::store::accounts::Account;
use crate::ui::cell::{Cell, Column, head, unlisted};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Address of the mailbox
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Further address of the mailbox
    #[arg(long = "alias", value_name = "ADDRESS")]
    aliases: Vec<String>,
}

impl Flags {
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    pub fn apply(&self, account: &mut Account) -> Result<()> {
        if let Some(address) = &self.address {
            account.address = context::mail_address("--address", address)?;
        }
        account.aliases = addresses("--alias", &self.aliases, std::mem::take(&mut account.aliases))?;
        Ok(())
    }
}

/// What lists show.
pub const LISTED: &[Column<Listed>] = &[
    Column::new("name", head("ACCOUNT").labelled().key(), |one, _| Cell::text(&one.account.name)),
    Column::new("kind", head("KIND").rank(4), |one, _| Cell::text(one.account.kind.as_str())),
    Column::new("address", head("ADDRESS").shrinking(), |one, _| Cell::text(&one.account.address)),
    Column::new("active", head("ACTIVE").rank(6), |one, _| Cell::bool(one.account.active)),
];

/// The other fields.
pub const COLUMNS: &[Column<Listed>] =
    &[Column::new("aliases", unlisted().labelled(), |one, _| Cell::words(&one.account.aliases))];

/// What the program remembers of the account.
pub const STATE: &[Column<Listed>] = &[
    Column::new("breaker_tripped_at", unlisted().labelled(), |one, _| {
        Cell::opt_date_time(one.account.breaker_tripped_at)
    }),
    Column::new("last_good_at", unlisted().labelled(), |one, _| {
        one.account.health.last_good_at.map_or_else(Cell::none, Cell::time)
    }),
    Column::new("failing_since", unlisted().labelled(), |one, _| Cell::opt_date_time(one.account.health.failing_since)),
    Column::new("failure", unlisted().labelled(), |one, _| Cell::text(&one.account.health.failure)),
    Column::new("host", unlisted().label("Fetched on"), |one, _| Cell::opt_text(one.host.as_deref())),
    Column::new("send_failing_since", unlisted().label("Cannot send since"), |one, _| {
        Cell::opt_date_time(one.account.health.send_failing_since)
    }),
    Column::new("send_failure", unlisted().label("Why"), |one, _| Cell::text(&one.account.health.send_failure)),
    Column::new("send_next_try_at", unlisted().label("Sends again"), |one, _| {
        Cell::opt_date_time(one.account.health.send_next_try_at)
    }),
    Column::new("null_sender_refused", unlisted().labelled(), |one, _| Cell::bool(one.account.null_sender_refused)),
    Column::new("id", unlisted().labelled(), |one, _| Cell::int(one.account.id)),
    Column::new("user", unlisted().labelled(), |one, _| {
        one.owner.as_ref().map_or_else(Cell::none, |user| Cell::user(user.id, &user.username))
    }),
];
