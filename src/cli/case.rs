//! `espomail case`: what agents see, take and answer.

mod change;
mod create;
mod follow;
mod link;
mod list;
mod order;
pub mod people;
pub mod read;
mod targets;
mod write;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::case_number;
use super::context::{self, Context};
use super::letter::{How, Parts, StatusFlags};
use super::text::{Text, Words};
use crate::access::Actor;
use crate::store::cases::{Case, CaseStatus};
use crate::store::db::Tx;
use crate::store::records::Parent;
use crate::store::sight::Object;
use targets::{ByQuery, Numbers};

/// Cases
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// List cases
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail case list --mine is:open\n  $ espomail --json case list 'invoice (from:eva OR company:sinar) -status:Closed older:7d'",
        after_help = crate::cli::query::HELP
    )]
    List(list::List),
    /// Show a case with its stream
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail case show 12\n  $ espomail case show '#12' --full"
    )]
    Show(Show),
    /// Show all mail of a case with its headers, oldest first
    #[command(before_help = "Examples:\n  $ espomail case thread 12\n  $ espomail case thread 12 --full")]
    Thread(ShowThread),
    /// Show what was done to a case, by whom and when
    #[command(before_help = "Examples:\n  $ espomail case history 12\n  $ espomail --json case history 12")]
    History(Number),
    /// Create a case
    #[command(
        before_help = "Examples:\n  $ espomail case create --subject 'Called: no invoice yet' --from eva@example.org --assign-to ana\n  $ espomail case create --subject 'New printer' --team IT --priority Low -F wishes.txt"
    )]
    Create(create::Create),
    /// Change the fields of a case
    #[command(
        before_help = "Examples:\n  $ espomail case edit 12 --subject 'Invoice 2231' --priority High\n  $ espomail case edit 12 --type question --status Pending"
    )]
    Edit(create::Edit),
    /// Assign cases to a user
    #[command(
        before_help = "Examples:\n  $ espomail case assign 12 ana\n  $ espomail case assign 12 13 14 budi\n  $ espomail case assign --query 'is:unassigned tag:billing' budi"
    )]
    Assign(Assign),
    /// Assign cases to yourself
    #[command(before_help = "Examples:\n  $ espomail case take 12\n  $ espomail case take 12 13")]
    Take(Numbers),
    /// Take the case of your teams that nobody has and that has been waiting longest
    #[command(before_help = "Examples:\n  $ espomail case next\n  $ espomail case next --team Support")]
    Next(Next),
    /// Remove the assignee from cases
    #[command(before_help = "Examples:\n  $ espomail case release 12\n  $ espomail --dry-run case release 12 13")]
    Release(Numbers),
    /// Close cases, also with an answer to the customer
    #[command(
        before_help = "Examples:\n  $ espomail case close 12 13\n  $ espomail case close 12 -m 'We have sent it again.'\n  $ espomail case close --query 'older:90d -is:waiting'"
    )]
    Close(Close),
    /// Close cases as spam: status Rejected and type Spam
    #[command(before_help = "Examples:\n  $ espomail case spam 12\n  $ espomail case spam 12 13")]
    Spam(Numbers),
    /// Set cases aside until a time: they are Pending until then, or until the customer writes
    #[command(
        before_help = "Examples:\n  $ espomail case snooze 12 'monday 9:00'\n  $ espomail case snooze 12 13 2w\n  $ espomail case snooze 12 --off"
    )]
    Snooze(Snooze),
    /// Give cases tags
    #[command(
        before_help = "Examples:\n  $ espomail case tag 12 vip\n  $ espomail case tag 12 13 billing refund\n  $ espomail case tag --query 'from:sinar' vip"
    )]
    Tag(Tag),
    /// Remove tags from cases
    #[command(
        before_help = "Examples:\n  $ espomail case untag 12 vip\n  $ espomail case untag --query 'is:closed tag:refund' refund"
    )]
    Untag(Tag),
    /// Reopen cases
    #[command(before_help = "Examples:\n  $ espomail case reopen 12\n  $ espomail case reopen 12 13")]
    Reopen(Numbers),
    /// Merge cases into another one, which remains
    #[command(
        before_help = "Examples:\n  $ espomail case merge 13 12\n  $ espomail case merge 13 14 15 12\n  $ espomail --yes case merge 13 12"
    )]
    Merge(order::Merge),
    /// Move a mail and the answers to it into a new case
    #[command(
        before_help = "Examples:\n  $ espomail case split 12 --from 9131\n  $ espomail case split 12 --from 9131 --subject 'Another invoice'"
    )]
    Split(order::Split),
    /// Hand a case over to another team
    #[command(
        before_help = "Examples:\n  $ espomail case move 12 --team Billing\n  $ espomail --dry-run case move 12 --team Billing"
    )]
    Move(order::Move),
    /// Show who is who in a case, or say who is the customer, copied or a third party
    #[command(
        before_help = "Examples:\n  $ espomail case people 12\n  $ espomail case people 12 --customer eva@example.org\n  $ espomail case people 12 --third-party lab@example.org"
    )]
    People(people::People),
    /// Let the sender of an unverified mail take part in its case
    #[command(before_help = "Examples:\n  $ espomail case accept 9131\n  $ espomail case accept 9131 --add-address")]
    Accept(order::Accept),
    /// Decide that the sender of an unverified mail does not take part in its case
    #[command(before_help = "Examples:\n  $ espomail case refuse 9131\n  $ espomail --dry-run case refuse 9131")]
    Refuse(order::Refuse),
    /// Link a case to a company, contact or lead
    #[command(before_help = "Examples:\n  $ espomail case link 12 contact/7\n  $ espomail case link '#12' company/3")]
    Link(link::Link),
    /// Remove a link, or take a mail out of a case
    #[command(before_help = "Examples:\n  $ espomail case unlink 12 contact\n  $ espomail case unlink 12 email/9131")]
    Unlink(link::Unlink),
    /// Follow a case: be notified of its mail and notes
    #[command(before_help = "Examples:\n  $ espomail case follow 12\n  $ espomail case follow 12 --user budi")]
    Follow(follow::Follow),
    /// Stop following a case
    #[command(before_help = "Examples:\n  $ espomail case unfollow 12\n  $ espomail case unfollow 12 --user budi")]
    Unfollow(follow::Follow),
    /// Write an internal note, which is never sent to anybody
    #[command(
        before_help = "Examples:\n  $ espomail case note 12 -m 'called back, waits for the invoice'\n  $ espomail case note 12 -F notes.txt"
    )]
    Note(NoteArgs),
    /// Answer the customer from the group address
    #[command(
        before_help = "Examples:\n  $ espomail case reply 12 -m 'We have sent it again.' --close\n  $ espomail case reply 12 -F answer.md --markdown --attach invoice.pdf --status Pending\n  $ echo 'Thank you.' | espomail case reply 12 - --at 'tomorrow 9:00'\n  $ espomail case reply 12            (opens $VISUAL or $EDITOR)"
    )]
    Reply(Reply),
}

/// A case's number.
#[derive(Debug, Args)]
pub struct Number {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
}

/// `case show`
#[derive(Debug, Args)]
pub struct Show {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// Show mail in full, with quoted text
    #[arg(long)]
    full: bool,
}

/// `case thread`
#[derive(Debug, Args)]
pub struct ShowThread {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    /// Show mail in full, with quoted text
    #[arg(long)]
    full: bool,
}

/// `case assign`
#[derive(Debug, Args)]
pub struct Assign {
    /// Case numbers, then the user; @me is you, @none removes the assignee
    #[arg(value_name = "N… USER", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    by: ByQuery,
}

/// `case tag` and `case untag`
#[derive(Debug, Args)]
pub struct Tag {
    /// Case numbers, then tags
    #[arg(value_name = "N… TAG", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    by: ByQuery,
}

/// `case snooze`
#[derive(Debug, Args)]
pub struct Snooze {
    /// Case numbers, then the time, such as 'tomorrow 9:00', monday or 2w
    #[arg(value_name = "N… UNTIL", required_unless_present = "query")]
    words: Vec<String>,
    /// Wake them now
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    by: ByQuery,
}

/// `case next`
#[derive(Debug, Args)]
pub struct Next {
    /// Take a case of this team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
}

/// `case close`
#[derive(Debug, Args)]
pub struct Close {
    #[command(flatten)]
    cases: Numbers,
    /// Status: Closed, Rejected or Duplicate
    #[arg(long, value_name = "STATUS", default_value = "Closed")]
    status: CaseStatus,
    #[command(flatten)]
    answer: Words,
    /// Answer the customer with the text of this template
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["message", "file"])]
    template: Option<String>,
}

/// `case note`
#[derive(Debug, Args)]
pub struct NoteArgs {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    #[command(flatten)]
    text: Text,
    /// The customer was answered in another way, for example by telephone: they wait no longer
    #[arg(long)]
    answered: bool,
}

/// `case reply`
#[derive(Debug, Args)]
pub struct Reply {
    /// Case number
    #[arg(value_name = "N", value_parser = case_number)]
    number: i64,
    #[command(flatten)]
    text: Text,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    status: StatusFlags,
}

/// Runs a `case` command.
pub fn run(command: CaseCommand, ctx: &Context) -> Result<()> {
    match command {
        CaseCommand::List(args) => list::list(&args, ctx),
        CaseCommand::Show(args) => read::show(&args, ctx),
        CaseCommand::Thread(args) => read::thread(&args, ctx),
        CaseCommand::History(args) => read::history(args.number, ctx),
        CaseCommand::Create(args) => create::create(&args, ctx),
        CaseCommand::Edit(args) => create::edit(&args, ctx),
        CaseCommand::Assign(args) => change::assign_to(&args, ctx),
        CaseCommand::Take(args) => change::take(&args, ctx),
        CaseCommand::Next(args) => change::next(&args, ctx),
        CaseCommand::Release(args) => change::release(&args, ctx),
        CaseCommand::Close(args) => change::close(&args, ctx),
        CaseCommand::Spam(args) => change::spam(&args, ctx),
        CaseCommand::Reopen(args) => change::reopen(&args, ctx),
        CaseCommand::Snooze(args) => change::snooze(&args, ctx),
        CaseCommand::Tag(args) => change::tag(&args, ctx),
        CaseCommand::Untag(args) => change::untag(&args, ctx),
        CaseCommand::Merge(args) => order::merge(&args, ctx),
        CaseCommand::Split(args) => order::split(&args, ctx),
        CaseCommand::Move(args) => order::hand_over(&args, ctx),
        CaseCommand::People(args) => people::run(&args, ctx),
        CaseCommand::Accept(args) => order::accept(&args, ctx),
        CaseCommand::Refuse(args) => order::refuse(&args, ctx),
        CaseCommand::Link(args) => link::link(&args, ctx),
        CaseCommand::Unlink(args) => link::unlink(&args, ctx),
        CaseCommand::Follow(args) => follow::follow(&args, ctx),
        CaseCommand::Unfollow(args) => follow::unfollow(&args, ctx),
        CaseCommand::Note(args) => write::note(args, ctx),
        CaseCommand::Reply(args) => write::reply_to(&args, ctx),
    }
}

/// A case that the actor may change.
fn find_to_edit(tx: &Tx<'_>, actor: &Actor, number: i64) -> Result<Case> {
    let case = context::case(tx, actor, number)?;
    actor.require_edit(tx, Object::Record(Parent::case(case.id)))?;
    Ok(case)
}
