//! Mail that people send by an account.

use anyhow::Result;
use clap::Args;

use super::flags::{Given, changed, check_folder, yes_or_no};
use super::listed::Listed;
use crate::cli::text::Signature;
use crate::cli::{context, labels, mailboxes};
use crate::store::accounts::{Account, Language};
use crate::ui::cell::{Cell, Column, unlisted};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Reply-To of mail sent for this account
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Option<String>,
    /// Display name of the account's address
    #[arg(long, value_name = "NAME", help_heading = "The mailbox")]
    from_name: Option<String>,
    /// Send letters of its teams' members by it where they name no account and have none of their own
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    shared: Option<bool>,
    /// Store copies of what people send in this folder of the mailbox (default: the server's folder for sent mail)
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true, default_missing_value = "\\Sent")]
    store_sent: Option<String>,
    #[command(flatten)]
    signature: Signature,
    /// Language of the line above a quotation, of dates and of forwards (default: that of the configuration)
    #[arg(long, value_name = "CODE", value_parser = labels::or_empty::<Language>())]
    language: Option<String>,
}

impl Flags {
    /// The flags of group accounts.
    pub fn of_groups(&self) -> Given {
        vec![
            ("--reply-to", self.reply_to.is_some()),
            ("--from-name", self.from_name.is_some()),
            ("--shared", self.shared.is_some()),
        ]
    }

    pub fn apply(&self, account: &mut Account) -> Result<()> {
        let sending = &mut account.sending;
        let address = |text: &str| context::mail_address("--reply-to", text);
        sending.reply_to = changed(self.reply_to.as_ref(), sending.reply_to.take(), address)?;
        let name = |text: &str| context::name("--from-name", text);
        sending.from_name = changed(self.from_name.as_ref(), sending.from_name.take(), name)?;
        sending.shared = self.shared.unwrap_or(sending.shared);
        sending.store_sent = changed(self.store_sent.as_ref(), sending.store_sent.take(), |folder| {
            check_folder("--store-sent", folder)?;
            Ok(folder.parse()?)
        })?;
        sending.language = changed(self.language.as_ref(), sending.language.take(), |code| Ok(code.parse()?))?;
        if let Some(signature) = self.signature.given()? {
            sending.signature = signature;
        }
        Ok(())
    }
}

/// Fields in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("reply_to", unlisted().labelled(), |one, _| {
        mailboxes::nameless(one.account.sending.reply_to.as_slice())
    }),
    Column::new("from_name", unlisted().labelled(), |one, _| Cell::opt_text(one.account.sending.from_name.as_deref())),
    Column::new("shared", unlisted().labelled(), |one, _| Cell::bool(one.account.sending.shared)),
    Column::new("store_sent", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.account.sending.store_sent.as_ref().map(ToString::to_string).as_deref())
    }),
    Column::new("language", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.account.sending.language.map(Language::as_str))
    }),
    Column::new("signature", unlisted().labelled(), |one, _| Cell::text(&one.account.sending.signature)),
];
