//! A letter in the editor. What was typed becomes a letter, a draft, or stays in the editor's file: never lost.

use anyhow::Result;

use super::files;
use crate::cli::context::Context;
use crate::cli::editor::page::Page;
use crate::cli::editor::remote;
use crate::error::{self, Fault, Kind};
use crate::intake::world::World;
use crate::mail::address::parse_typed;
use crate::mail::draft_file::{self, Edited, Unread};
use crate::reply::{self, FromWish, Started};
use crate::store::records::ParentType;
use crate::system_words;

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
        let attached: Vec<&str> = started.letter.attachments.iter().map(|file| file.name.as_str()).collect();
        let status = started.status.map_or("", |status| status.as_str());
        let written = draft_file::write(&draft_file::Sheet {
            from: &started.sender.from,
            head: &started.letter.head,
            attached: &attached,
            status: is_in_case(started).then_some(status),
            unread: &started.unread,
            text: &started.letter.text,
        });
        let line = draft_file::text_line(&written);
        let page = if ctx.edits_afar { None } else { Some(Page::open(name, &written, line)?) };
        Ok(Sheet { name, written, page, rescued: false.into(), is_only: false.into() })
    }

    /// Lets the user edit the letter. One that is empty or not changed is cancelled.
    pub fn edit(&self, ctx: &Context, started: &mut Started, prefilled: bool) -> Result<()> {
        let (ended, typed) = match &self.page {
            Some(page) => page.edit().inspect_err(|_| self.is_only.set(page.is_kept()))?,
            None => remote::edit(self.name, &self.written).inspect_err(|_| self.is_only.set(true))?,
        };
        let (typed, guessed) = draft_file::decode(&typed);
        let edited = draft_file::read(&typed);
        let is_same = draft_file::same(&typed, &self.written);
        if is_same || edited.text.trim().is_empty() {
            ended?;
            return Err(cancelled(started, is_same, prefilled).into());
        }
        let attached = files::attached(&edited.attach, self.page.is_none(), ctx.config.attachment_max_size);
        let mut unread = Vec::new();
        for (file, read) in edited.attach.iter().zip(attached) {
            match read {
                Ok(file) => started.letter.attachments.push(file),
                Err(error) => {
                    let why = format!("Attach: {}", system_words::chain(&error));
                    unread.push(Unread::new(&format!("Attach: {file}"), why));
                }
            }
        }
        let headless = take(ctx, started, edited, unread);
        // One line says enough of a text that was typed above the fields.
        let unread = started.unread.iter().map(|unread| unread.why.as_str()).filter(|_| headless.is_none()).take(3);
        let trouble: Vec<&str> = guessed.into_iter().chain(headless).chain(unread).collect();
        let failed = ended.and_then(|()| match trouble.is_empty() {
            true => Ok(()),
            false => Err(error::data(trouble.join("; ")).into()),
        });
        self.rescued(ctx, started, failed)
    }

    /// The result as it is; in front of an error the letter is kept as a draft, or where even that fails the file stays.
    pub fn rescued(&self, ctx: &Context, started: &Started, done: Result<()>) -> Result<()> {
        let Err(error) = done else { return Ok(()) };
        if self.rescued.replace(true) {
            return Err(error);
        }
        let error = ctx.explained(error);
        let kind = error::classify(&error).0;
        // In addition to a draft that is another now.
        let apart = || super::store(ctx, &Started { draft: None, ..started.clone() });
        Err(match super::store(ctx, started).or_else(|_| apart()) {
            Ok(id) => {
                let send =
                    if started.unread.is_empty() { format!("; espomail email send {id}") } else { String::new() };
                Fault::new(kind, format!("{}; what you wrote is draft {id}", system_words::chain(&error)))
                    .hint(format!("espomail email edit {id}{send}"))
            }
            Err(_) => self.stays(kind, &error),
        }
        .into())
    }

    fn stays(&self, kind: Kind, error: &anyhow::Error) -> Fault {
        self.is_only.set(true);
        match &self.page {
            Some(page) => {
                page.keep();
                Fault::new(
                    kind,
                    format!("{}; what you wrote is in {}", system_words::chain(error), page.file().display()),
                )
                .hint("copy it from there; the directory is yours to remove")
            }
            // The other side says where.
            None => Fault::new(kind, system_words::chain(error)),
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

fn is_in_case(started: &Started) -> bool {
    started.place.parent.is_some_and(|parent| parent.kind == ParentType::Case)
}

/// Why a letter goes nowhere.
fn cancelled(started: &Started, is_same: bool, prefilled: bool) -> Fault {
    let why = if is_same { "nothing was changed" } else { "the text is empty" };
    let kept = started.draft.map(|kept| format!("; draft {} is as it was", kept.email_id)).unwrap_or_default();
    let fault = Fault::new(Kind::Partial, format!("cancelled: {why}{kept}"));
    if is_same && prefilled { fault.hint("to send it as it is, leave out --edit") } else { fault }
}

/// Takes over what was edited, with the fields that could not be read; what is wrong where there are no fields.
fn take(ctx: &Context, started: &mut Started, edited: Edited, unread: Vec<Unread>) -> Option<&'static str> {
    let text = edited.text.trim_start_matches('\n').to_owned();
    if text.trim_end() != started.letter.text.trim_end() {
        // HTML of a template says something else now.
        started.letter.html = None;
    }
    started.letter.text = text;
    if edited.headless {
        return Some("the fields above the text are missing, so they are as they were");
    }
    started.letter.head = edited.head;
    started.unread = edited.bad.into_iter().chain(unread).collect();
    if let Err(error) = take_status(started, &edited.status) {
        let why = format!("Status: {}", system_words::chain(&error));
        started.unread.push(Unread::new(&format!("Status: {}", edited.status), why));
    }
    if let Err(error) = take_from(ctx, started, &edited.from) {
        // The same field as the one of the flag.
        let text = system_words::chain(&error);
        let why =
            text.strip_prefix("--from").and_then(|rest| rest.split_once(": ")).map_or(text.as_str(), |(_, why)| why);
        started.unread.push(Unread::new(&format!("From: {}", edited.from), format!("From: {why}")));
    }
    None
}

fn take_status(started: &mut Started, typed: &str) -> Result<()> {
    if !typed.is_empty() && !is_in_case(started) {
        return Err(error::data("the letter does not belong to a case that you can see").into());
    }
    started.status = if typed.is_empty() { None } else { Some(typed.parse()?) };
    Ok(())
}

/// An address that another account owns is sent by that account.
fn take_from(ctx: &Context, started: &mut Started, typed: &str) -> Result<()> {
    let wish = match typed {
        "" => return Ok(()),
        "user" => FromWish::User,
        "group" => FromWish::Group,
        typed => match parse_typed(typed).as_deref() {
            Ok([one]) if one.address == started.sender.from.address => return Ok(()),
            Ok([one]) => FromWish::Address(one.address.clone()),
            _ => return Err(error::data(format!("\"{typed}\" is not an e-mail address")).into()),
        },
    };
    started.sender = ctx.read(|tx, actor| {
        let world = World::load(tx, &ctx.config, ctx.now())?;
        reply::other_sender(tx, &world, actor, &started.place, &wish)
    })?;
    Ok(())
}
