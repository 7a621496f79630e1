//! A letter in the editor. What was typed becomes a letter, a draft, or stays in the editor's file: never lost.

use anyhow::Result;

use crate::cli::context::Context;
use crate::cli::editor::page::Page;
use crate::cli::editor::remote;
use crate::error::{self, Fault, Kind};
use crate::mail::draft_file::{self, Edited};
use crate::reply::Started;

/// A letter that is edited: here, or by somebody who came through sudo on their side.
pub struct Sheet {
    name: &'static str,
    written: String,
    /// `None` where the file is on the other side.
    page: Option<Page>,
    /// Whether it has been tried to keep it.
    rescued: std::cell::Cell<bool>,
    /// Whether what was typed is nowhere but in the file.
    is_only: std::cell::Cell<bool>,
}

impl Sheet {
    /// Writes the letter down.
    pub fn open(ctx: &Context, started: &Started) -> Result<Sheet> {
        let name = if started.letter.markdown { remote::MARKDOWN } else { remote::PLAIN };
        let written = draft_file::write(&comments(started), &started.letter.head, &started.letter.text);
        let page = if ctx.edits_afar { None } else { Some(Page::open(name, &written)?) };
        Ok(Sheet { name, written, page, rescued: false.into(), is_only: false.into() })
    }

    /// Lets the user edit the letter. One that is empty, or not changed where nothing was `prefilled`, is cancelled.
    pub fn edit(&self, ctx: &Context, started: &mut Started, prefilled: bool) -> Result<()> {
        let (ended, typed) = match &self.page {
            Some(page) => page.edit().inspect_err(|_| self.is_only.set(page.is_kept()))?,
            None => remote::edit(self.name, &self.written).inspect_err(|_| self.is_only.set(true))?,
        };
        let edited = draft_file::read(&typed);
        let cancelled = edited.text.trim().is_empty() || (typed == self.written && !prefilled);
        if cancelled {
            let kept = started.draft.map(|kept| format!("; draft {} is as it was", kept.email_id)).unwrap_or_default();
            ended?;
            return Err(
                Fault::new(Kind::Partial, format!("cancelled: the text is empty or was not changed{kept}")).into()
            );
        }
        let trouble = take(started, edited);
        let failed = ended.and_then(|()| trouble.map_or(Ok(()), |text| Err(error::data(text).into())));
        self.rescued(ctx, started, failed)
    }

    /// The result as it is; in front of an error the letter is kept as a draft, or where even that fails the file stays.
    pub fn rescued(&self, ctx: &Context, started: &Started, done: Result<()>) -> Result<()> {
        let Err(error) = done else { return Ok(()) };
        if self.rescued.replace(true) {
            return Err(error);
        }
        let kind = error::classify(&error).0;
        // In addition to a draft that is another now.
        let apart = || super::store(ctx, &Started { draft: None, ..started.clone() });
        Err(match super::store(ctx, started).or_else(|_| apart()) {
            Ok(id) => Fault::new(kind, format!("{error:#}; what you wrote is draft {id}"))
                .hint(format!("espomail email edit {id}; espomail email send {id}")),
            Err(_) => self.stays(kind, &error),
        }
        .into())
    }

    fn stays(&self, kind: Kind, error: &anyhow::Error) -> Fault {
        self.is_only.set(true);
        match &self.page {
            Some(page) => {
                page.keep();
                Fault::new(kind, format!("{error:#}; what you wrote is in {}", page.file().display()))
                    .hint("copy it from there; the directory is yours to remove")
            }
            // The other side says where.
            None => Fault::new(kind, format!("{error:#}")),
        }
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        if self.page.is_none() && !self.is_only.get() {
            remote::is_safe();
        }
    }
}

/// Takes over what was edited; what is wrong with it. Lines that could not be read go above the text.
fn take(started: &mut Started, edited: Edited) -> Option<String> {
    let letter = &mut started.letter;
    letter.head = edited.head;
    let mut text = edited.bad.join("\n");
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(edited.text.trim_start_matches('\n'));
    if text.trim_end() != letter.text.trim_end() {
        // HTML of a template says something else now.
        letter.html = None;
    }
    letter.text = text;
    edited.trouble
}

fn comments(started: &Started) -> Vec<String> {
    let mut comments = vec![format!("From: {}", started.sender.from)];
    if let Some(status) = started.status {
        comments.push(format!("The case will be {status}."));
    }
    let files: Vec<&str> = started.letter.attachments.iter().map(|file| file.name.as_str()).collect();
    if !files.is_empty() {
        comments.push(format!("Attached: {}", files.join(", ")));
    }
    comments.push("You can change the fields. Lines with # above the empty line are ignored.".to_owned());
    comments.push("An empty text, or one that is not changed, cancels.".to_owned());
    comments
}
