//! Automatic replies of an account.

use anyhow::Result;
use clap::Args;

use super::flags::{Given, changed, yes_or_no};
use super::listed::Listed;
use crate::cli::context;
use crate::store::accounts::Account;
use crate::store::db::Tx;
use crate::ui::cell::{Cell, Column, head, unlisted};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Template of the automatic reply
    #[arg(long, value_name = "TEMPLATE")]
    auto_reply: Option<String>,
    /// Send automatic replies also to mail that your own mailing list has rewritten
    #[arg(long, alias = "answer-own-list", value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    reply_to_own_list: Option<bool>,
    /// From address of automatic replies (default: the account's)
    #[arg(long, value_name = "ADDRESS")]
    reply_from: Option<String>,
    /// From name of automatic replies
    #[arg(long, value_name = "NAME")]
    reply_name: Option<String>,
}

impl Flags {
    /// The flags of group accounts.
    pub fn of_groups(&self) -> Given {
        vec![
            ("--auto-reply", self.auto_reply.is_some()),
            ("--reply-to-own-list", self.reply_to_own_list.is_some()),
            ("--reply-from", self.reply_from.is_some()),
            ("--reply-name", self.reply_name.is_some()),
        ]
    }

    pub fn apply(&self, tx: &Tx<'_>, account: &mut Account) -> Result<()> {
        let replies = &mut account.auto_reply;
        let template = |name: &str| Ok(context::template(tx, name)?.id);
        replies.auto_reply_id = changed(self.auto_reply.as_ref(), replies.auto_reply_id, template)?;
        replies.reply_to_own_list = self.reply_to_own_list.unwrap_or(replies.reply_to_own_list);
        let address = |text: &str| context::mail_address("--reply-from", text);
        replies.reply_from = changed(self.reply_from.as_ref(), replies.reply_from.take(), address)?;
        let name = |text: &str| context::name("--reply-name", text);
        replies.reply_name = changed(self.reply_name.as_ref(), replies.reply_name.take(), name)?;
        Ok(())
    }
}

/// What lists show.
pub const LISTED: &[Column<Listed>] = &[Column::new("auto_reply", head("AUTO-REPLY").optional().rank(2), |one, _| {
    Cell::opt_named(one.auto_reply.as_ref())
})];

/// The other fields.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("reply_to_own_list", unlisted().labelled(), |one, _| {
        Cell::bool(one.account.auto_reply.reply_to_own_list)
    }),
    Column::new("reply_from", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.account.auto_reply.reply_from.as_deref())
    }),
    Column::new("reply_name", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.account.auto_reply.reply_name.as_deref())
    }),
];
