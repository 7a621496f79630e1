//! What is fetched, what happens to it on the server, and whose word about it counts.

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::flags::{ALL_MAIL, addresses, changed, check_folder, check_junk_folder};
use super::listed::{Listed, watermark};
use crate::cli::context::{self, Context};
use crate::error;
use crate::store::accounts::{Account, AfterImport, DmarcNone, Folder, ReadSent};
use crate::store::label::UnknownLabel;
use crate::ui::cell::{Cell, Column, unlisted};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Folder to fetch from (default: INBOX)
    #[arg(long = "folder", value_name = "FOLDER")]
    pub folders: Vec<String>,
    /// Leave mail that arrived before this date or time alone; all = fetch all mail (default: now)
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// What to do on the server after the import: seen, keep, delete or move:FOLDER (default: seen, of personal mail keep)
    #[arg(long, value_name = "ACTION")]
    after: Option<AfterImport>,
    /// Maximum number of messages per folder and run; 0 = all
    #[arg(long, value_name = "N")]
    portion: Option<u32>,
    /// Fetch only the beginning of messages larger than this
    #[arg(long, value_name = "SIZE", value_parser = crate::cli::size)]
    max_size: Option<u64>,
    /// Trust the Authentication-Results of the mail server with this id; none = the topmost field without an id
    #[arg(long, value_name = "ID")]
    authserv_id: Option<String>,
    /// Trust or refuse mail of a domain that has no DMARC policy, where --authserv-id is set
    #[arg(long, value_name = "POLICY")]
    dmarc_none: Option<DmarcNone>,
    /// Address of a web form that writes for the person in its Reply-To; repeat it for several, empty for none
    #[arg(long = "form-sender", value_name = "ADDRESS")]
    form_senders: Vec<String>,
    /// Folder on the server that takes mail of `email junk`; empty = the one that the server marks (default)
    #[arg(long, value_name = "FOLDER", help_heading = "The mailbox")]
    junk_folder: Option<String>,
    /// Read the Sent folder, so that answers written in other programs are known: auto, no or its name (default: auto for personal accounts, no for group accounts)
    #[arg(long, value_name = "auto|no|FOLDER", value_parser = read_sent, help_heading = "The mailbox")]
    pub read_sent: Option<ReadSent>,
}

fn read_sent(text: &str) -> Result<ReadSent, String> {
    text.parse().map_err(|e: UnknownLabel| e.to_string())
}

impl Flags {
    pub fn apply(&self, account: &mut Account, ctx: &Context) -> Result<()> {
        self.folders.iter().try_for_each(|folder| match folder.as_str() {
            "" => Err(error::usage("--folder: \"\" is not a folder name").into()),
            folder => check_folder("--folder", folder),
        })?;
        if self.max_size == Some(0) {
            return Err(error::usage("--max-size: must be at least one byte").into());
        }
        let fetching = &mut account.fetching;
        if let Some(since) = &self.since {
            let is_all = since.eq_ignore_ascii_case(ALL_MAIL);
            fetching.fetch_since = if is_all { Timestamp::UNIX_EPOCH } else { ctx.past("--since", since)? };
        }
        if let Some(after) = &self.after {
            fetching.after_import = after.clone();
        }
        if let Some(read_sent) = &self.read_sent {
            fetching.read_sent = read_sent.clone();
        }
        fetching.junk_folder = changed(self.junk_folder.as_ref(), fetching.junk_folder.take(), |folder| {
            check_junk_folder(folder)?;
            Ok(folder.to_owned())
        })?;
        fetching.portion = self.portion.or(fetching.portion);
        fetching.max_size = self.max_size.or(fetching.max_size);
        fetching.authserv_id = changed(self.authserv_id.as_ref(), fetching.authserv_id.take(), |id| {
            Ok(context::word("--authserv-id", id)?.to_lowercase())
        })?;
        fetching.dmarc_none = self.dmarc_none.unwrap_or(fetching.dmarc_none);
        account.form_senders =
            addresses("--form-sender", &self.form_senders, std::mem::take(&mut account.form_senders))?;
        Ok(())
    }
}

/// Fields in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("folders", unlisted().labelled(), |one, _| {
        Cell::words(&one.polled.iter().map(watermark).collect::<Vec<_>>())
    }),
    Column::new("imap_folders", unlisted(), |one, _| {
        let folder = |folder: &Folder| json!({"name": folder.name, "last_uid": folder.last_uid, "failure": folder.failure, "sent_folder": folder.sent});
        Cell::object(one.polled.iter().map(folder).collect(), "")
    }),
    Column::new("since", unlisted().labelled(), |one, _| Cell::date_time(one.account.fetching.fetch_since)),
    Column::new("after", unlisted().labelled(), |one, _| Cell::text(&one.account.fetching.after_import.to_string())),
    Column::new("portion", unlisted().labelled(), |one, _| Cell::opt_int(one.account.fetching.portion.map(i64::from))),
    Column::new("max_size", unlisted().labelled(), |one, _| {
        Cell::opt_int(one.account.fetching.max_size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)))
    }),
    Column::new("authserv_id", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.account.fetching.authserv_id.as_deref())
    }),
    Column::new("dmarc_none", unlisted().labelled(), |one, _| Cell::text(one.account.fetching.dmarc_none.as_str())),
    Column::new("form_senders", unlisted().labelled(), |one, _| Cell::words(&one.account.form_senders)),
    Column::new("junk_folder", unlisted().labelled(), |one, _| {
        Cell::opt_text(one.account.fetching.junk_folder.as_deref())
    }),
    Column::new("read_sent", unlisted().labelled(), |one, _| Cell::text(&one.account.fetching.read_sent.to_string())),
];
