//! The flags of letters.

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;

use super::files;
use crate::cli::context::Context;
use crate::error;
use crate::mail::address::{Mailbox, parse_typed};
use crate::reply::Started;
use crate::store::cases::CaseStatus;

/// The parts of a letter besides its text.
#[derive(Debug, Default, Args)]
pub struct Parts {
    /// Recipient, as ADDRESS or 'Name <ADDRESS>'; replaces the usual recipients of an answer
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Further recipient
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Recipient hidden from the others
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    pub subject: Option<String>,
    /// File to attach
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub attach: Vec<String>,
}

/// How a letter is made and sent.
#[derive(Debug, Default, Args)]
pub struct How {
    /// From address: user, group or an address (default: in a case the group's, else your personal account's)
    #[arg(long, value_name = "user|group|ADDRESS")]
    pub from: Option<String>,
    /// Account to send from
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Template of the text
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["message", "file"])]
    pub template: Option<String>,
    /// Read the text as Markdown and send it as HTML too
    #[arg(long)]
    pub markdown: bool,
    /// Quote the original below the text (an editor always has it, unless --no-quote)
    #[arg(long, conflicts_with = "no_quote")]
    pub quote: bool,
    /// Start the editor without the original
    #[arg(long)]
    pub no_quote: bool,
    /// Open the editor even if a text is given
    #[arg(short, long)]
    pub edit: bool,
    /// Send later: +2h, 9am, 'tomorrow 9:00', monday, 2026-12-24T09:00
    #[arg(long, value_name = "TIME", conflicts_with = "draft")]
    at: Option<String>,
    /// Keep it as a draft
    #[arg(long)]
    pub draft: bool,
    /// Nobody is written to if the case is closed already.
    #[arg(skip)]
    pub only_open: bool,
}

/// What becomes of the case.
#[derive(Debug, Args)]
pub struct StatusFlags {
    /// Status of the case after the answer
    #[arg(long, value_name = "STATUS", conflicts_with = "close")]
    status: Option<CaseStatus>,
    /// Close the case
    #[arg(long)]
    close: bool,
}

impl StatusFlags {
    /// The status that is asked for.
    pub fn status(&self) -> Option<CaseStatus> {
        if self.close { Some(CaseStatus::Closed) } else { self.status }
    }
}

impl How {
    /// With the text of a template, if one is named, and for an open case.
    pub fn closing(template: Option<String>) -> How {
        How { template, only_open: true, ..How::default() }
    }

    /// Whether nothing is asked for but perhaps a time.
    pub fn is_plain(&self) -> bool {
        let named = self.from.is_some() || self.account.is_some() || self.template.is_some();
        !(named || self.markdown || self.quote || self.no_quote || self.edit || self.draft)
    }

    /// The moment of `--at`.
    pub fn at(&self, ctx: &Context) -> Result<Option<Timestamp>> {
        self.at.as_deref().map(|text| ctx.future("--at", text)).transpose()
    }
}

impl Parts {
    /// To, Cc and Bcc.
    pub fn recipients(&self) -> Result<(Vec<Mailbox>, Vec<Mailbox>, Vec<Mailbox>)> {
        Ok((list("--to", &self.to)?, list("--cc", &self.cc)?, list("--bcc", &self.bcc)?))
    }

    pub fn has_recipient(&self) -> bool {
        [&self.to, &self.cc, &self.bcc].iter().any(|list| !list.is_empty())
    }

    /// Whether any was given.
    pub fn any(&self) -> bool {
        let lists = [&self.to, &self.cc, &self.bcc, &self.attach];
        self.subject.is_some() || lists.iter().any(|list| !list.is_empty())
    }

    /// Replaces what was given; files are added.
    pub fn change(&self, ctx: &Context, started: &mut Started) -> Result<()> {
        let (to, cc, bcc) = self.recipients()?;
        let letter = &mut started.letter;
        let head = &mut letter.head;
        for (given, new, old) in
            [(&self.to, to, &mut head.to), (&self.cc, cc, &mut head.cc), (&self.bcc, bcc, &mut head.bcc)]
        {
            if !given.is_empty() {
                *old = new;
            }
        }
        if let Some(subject) = &self.subject {
            head.subject.clone_from(subject);
        }
        letter.attachments.extend(files::read(&self.attach, ctx.config.attachment_max_size)?);
        // What is given now takes the place of what could not be read.
        let lists = [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc), ("attach", &self.attach)];
        for (field, _) in lists.into_iter().filter(|(_, given)| !given.is_empty()) {
            started.unread.retain(|unread| !unread.is_of(field));
        }
        Ok(())
    }
}

fn list(field: &str, given: &[String]) -> Result<Vec<Mailbox>> {
    let mut all = Vec::new();
    for text in given {
        all.extend(parse_typed(text).map_err(|item| {
            error::usage(format!("{field}: \"{item}\" is not an e-mail address")).hint("write it as name@example.org")
        })?);
    }
    Ok(all)
}
