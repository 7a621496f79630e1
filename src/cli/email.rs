//! `espomail email`: the archive.

pub mod attachment;
mod explain;
mod invitation;
mod junk;
mod link;
mod list;
mod open;
mod ours;
mod rest;
mod show;
pub mod skipped;
mod sort;
mod source;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::Timestamp;

pub use self::explain::COLUMNS as DECISION_COLUMNS;
pub use self::list::{COLUMNS, List, author, from};
pub use self::open::{Opener, SENT};
pub use self::show::{COLUMNS as MESSAGE_COLUMNS, Message, said_junk};
pub use self::sort::{Ids, is_reserved, was_seen};
pub use self::source::source;

use self::attachment::AttachmentCommand;
use super::context::{self, Context};
use super::letter::verbs;
use super::query;
use crate::desk::Sorting;
use crate::error::{self, Kind};
use crate::ui::outcome::Deed;

/// A decision about an email: step, text, moment.
type Decision = (String, String, Timestamp);

/// Emails
#[derive(Debug, Subcommand)]
pub enum EmailCommand {
    /// List emails, newest first
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail email list 'invoice from:eva has:attachment newer:30d'\n  $ espomail --json email list --case 12",
        after_help = query::HELP
    )]
    List(List),
    /// Show emails, or message files (which need no database)
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail email show 9131\n  $ espomail email show 9131 --raw > mail.eml\n  $ espomail --json email show mail.eml"
    )]
    Show(show::Show),
    /// Open an attachment with your own program
    #[command(
        before_help = "Examples:\n  $ espomail email open 9131\n  $ ESPOMAIL_OPENER=zathura espomail email open 9131 2"
    )]
    Open(open::Open),
    /// List, save and print attachments
    #[command(subcommand)]
    Attachment(AttachmentCommand),
    /// Mark emails in your mailbox as read
    #[command(before_help = "Examples:\n  $ espomail email read 9131\n  $ espomail email read 9131 9132")]
    Read(Ids),
    /// Mark emails as unread
    #[command(before_help = "Examples:\n  $ espomail email unread 9131\n  $ espomail --as ana email unread 9131 9132")]
    Unread(Ids),
    /// Mark emails as important
    #[command(before_help = "Examples:\n  $ espomail email important 9131\n  $ espomail email list --folder important")]
    Important(Ids),
    /// Clear the "important" mark
    #[command(before_help = "Examples:\n  $ espomail email unimportant 9131\n  $ espomail email unimportant 9131 9132")]
    Unimportant(Ids),
    /// Move emails into the archive; in a group folder this holds for everybody
    #[command(before_help = "Examples:\n  $ espomail email archive 9131 9132\n  $ espomail email move 9131 inbox")]
    Archive(Ids),
    /// Move emails into the trash; in a group folder this holds for everybody
    #[command(before_help = "Examples:\n  $ espomail email trash 9131 9132\n  $ espomail email move 9131 inbox")]
    Trash(Ids),
    /// Move emails into a folder, or back to the inbox
    #[command(
        before_help = "Examples:\n  $ espomail email move 9131 9132 Invoices\n  $ espomail email move 9131 inbox"
    )]
    Move(sort::Move),
    /// Call emails junk: they leave all lists, and the next fetch moves them to the junk folder of their server
    #[command(before_help = "Examples:\n  $ espomail email junk 9131 9132\n  $ espomail email junk --undo 9131")]
    Junk(junk::Junk),
    /// Link an email to a record, instead of the one it belongs to
    #[command(before_help = "Examples:\n  $ espomail email link 9131 case/12\n  $ espomail email link 9131 contact/7")]
    Link(link::Link),
    /// Remove the link of an email; it stays in the archive
    #[command(before_help = "Examples:\n  $ espomail email unlink 9131\n  $ espomail --dry-run email unlink 9131")]
    Unlink(Id),
    /// Delete a draft; or an email for good, so that it is not fetched again either
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail email delete 9140\n  $ espomail --yes email delete 9131 --reason 'sent to us by mistake'"
    )]
    Delete(link::Delete),
    /// Fetch the rest of a message of which only the beginning was fetched
    #[command(
        before_help = "Examples:\n  $ espomail email fetch-rest 9131\n  $ espomail email fetch-rest 9131 --max-size 1GiB"
    )]
    FetchRest(rest::Rest),
    /// Share mail of your personal account with everyone who can read its record
    #[command(before_help = "Examples:\n  $ espomail email share 9131\n  $ espomail --dry-run email share 9131 9132")]
    Share(Ids),
    /// Explain why an email went where it went
    #[command(before_help = "Examples:\n  $ espomail email explain 9131\n  $ espomail --json email explain 9131")]
    Explain(Id),
    /// Answer an email
    #[command(
        before_help = "Examples:\n  $ espomail email reply 9131 -m 'Thank you.'\n  $ espomail email reply 9131 --all --quote -F answer.txt --attach invoice.pdf"
    )]
    Reply(verbs::Reply),
    /// Answer an invitation: accept it, decline it, or say perhaps
    #[command(
        before_help = "Examples:\n  $ espomail email invitation 9131 accept\n  $ espomail email invitation 9131 decline -m 'I am away that day.'"
    )]
    Invitation(invitation::Invitation),
    /// Forward an email with its attachments
    #[command(
        before_help = "Examples:\n  $ espomail email forward 9131 --to lab@example.org -m 'What do you think?'\n  $ espomail email forward 9131 --to lab@example.org --as-attachment"
    )]
    Forward(verbs::Forward),
    /// Write a new email, or send a draft
    #[command(
        before_help = "Examples:\n  $ espomail email send --to 'Eva <eva@example.org>' --subject 'Your visit' -F letter.md --markdown\n  $ espomail email send 9140 --at 'tomorrow 9:00'"
    )]
    Send(verbs::Send),
    /// Change a draft, in an editor or by options
    #[command(
        before_help = "Examples:\n  $ espomail email edit 9140\n  $ espomail email edit 9140 --cc budi@example.org --attach plan.pdf"
    )]
    Edit(verbs::Edit),
}

/// An email's id.
#[derive(Debug, Args)]
pub struct Id {
    /// Email id
    #[arg(value_name = "ID")]
    id: i64,
}

/// Runs an `email` command.
pub fn run(command: EmailCommand, ctx: &Context) -> Result<()> {
    match command {
        EmailCommand::List(args) => list::list(&args, ctx),
        EmailCommand::Show(args) => show::run(&args, ctx),
        EmailCommand::Open(args) => open::run(&args, ctx),
        EmailCommand::Attachment(command) => attachment::run(command, ctx),
        EmailCommand::Read(args) => sort::run(&args.ids, &Sorting::Read(true), "read", ctx),
        EmailCommand::Unread(args) => sort::run(&args.ids, &Sorting::Read(false), "unread", ctx),
        EmailCommand::Important(args) => sort::run(&args.ids, &Sorting::Important(true), "important", ctx),
        EmailCommand::Unimportant(args) => sort::run(&args.ids, &Sorting::Important(false), "not important", ctx),
        EmailCommand::Archive(args) => sort::run(&args.ids, &Sorting::Archive, "in the archive", ctx),
        EmailCommand::Trash(args) => sort::run(&args.ids, &Sorting::Trash, "in the trash", ctx),
        EmailCommand::Move(args) => sort::to_folder(&args, ctx),
        EmailCommand::Junk(args) => junk::run(&args, ctx),
        EmailCommand::Link(args) => link::link(&args, ctx),
        EmailCommand::Unlink(args) => link::unlink(args.id, ctx),
        EmailCommand::Delete(args) => link::delete(&args, ctx),
        EmailCommand::FetchRest(args) => rest::run(&args, ctx),
        EmailCommand::Share(args) => sort::share(&args.ids, ctx),
        EmailCommand::Explain(args) => explain::explain(args.id, ctx),
        EmailCommand::Reply(args) => verbs::reply(&args, ctx),
        EmailCommand::Invitation(args) => invitation::run(&args, ctx),
        EmailCommand::Forward(args) => verbs::forward(&args, ctx),
        EmailCommand::Send(args) => verbs::send(&args, ctx),
        EmailCommand::Edit(args) => verbs::edit(&args, ctx),
    }
}

/// Tries the same with each of several emails; where one is refused, the others go on.
///
/// # Errors
/// The error of the only one, exit 1 after refusals were told, or what stops them all.
fn each(ids: &[i64], ctx: &Context, one: impl Fn(i64) -> Result<Deed>) -> Result<()> {
    if let [id] = ids {
        return ctx.done_each(vec![one(*id)?]);
    }
    let (mut deeds, mut ended) = (Vec::new(), Ok(()));
    for id in ids {
        match one(*id) {
            Ok(deed) => deeds.push(deed),
            Err(error) if error::classify(&error).0 == Kind::Data => {
                ctx.ui.error(&error);
                ended = Err(context::told(Kind::Partial));
            }
            Err(error) => {
                ended = Err(error);
                break;
            }
        }
    }
    ctx.done_each(deeds)?;
    ended
}
