//! `case create` and `case edit`.

use anyhow::Result;
use clap::{ArgGroup, Args};

use super::targets::{Numbers, each};
use crate::cli::context::{self, Context};
use crate::cli::text::{Text, read_source};
use crate::desk::{self, ByHand};
use crate::intake::world::World;
use crate::store::cases::{CaseStatus, Priority};
use crate::ui::outcome::Thing;

/// `case create`
#[derive(Debug, Args)]
pub struct Create {
    /// Subject
    #[arg(long, value_name = "TEXT")]
    subject: String,
    /// Address of the customer (default: you)
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    #[command(flatten)]
    text: Text,
    /// Team (default: the account's, else your only one)
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Group account that answers are sent from
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// User who gets the case
    #[arg(long, value_name = "USER")]
    assign_to: Option<String>,
    /// How urgent it is
    #[arg(long, value_name = "PRIORITY", default_value = "Normal")]
    priority: Priority,
    /// Type, any text
    #[arg(long = "type", value_name = "TYPE", default_value = "", hide_default_value = true)]
    case_type: String,
}

/// `case edit`
#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("change")
        .args(["subject", "priority", "status", "case_type", "description", "file"])
        .required(true)
        .multiple(true)
))]
pub struct Edit {
    #[command(flatten)]
    cases: Numbers,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// How urgent it is
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<Priority>,
    /// New status
    #[arg(long, value_name = "STATUS")]
    status: Option<CaseStatus>,
    /// Type, any text; empty = none
    #[arg(long = "type", value_name = "TYPE")]
    case_type: Option<String>,
    /// Description; empty = none
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    description: Option<String>,
    /// File with the description; - is standard input
    #[arg(short = 'F', long = "file", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<String>,
}

pub fn create(args: &Create, ctx: &Context) -> Result<()> {
    let from = args.from.as_deref().map(|from| context::mail_address("--from", from)).transpose()?;
    let description = args.text.given()?.unwrap_or_default();
    let case = ctx.write(|tx, actor| {
        let team = args.team.as_deref().map(|team| context::team(tx, team)).transpose()?;
        let account = args.account.as_deref().map(|name| context::known_account(tx, actor, name)).transpose()?;
        let assignee = args.assign_to.as_deref().filter(|name| *name != context::NOBODY);
        let assignee = assignee.map(|user| context::user_or_me(tx, actor, "--assign-to", user)).transpose()?;
        let new = ByHand {
            subject: &args.subject,
            description: &description,
            from: from.as_deref(),
            team: team.as_ref(),
            account: account.as_ref(),
            assignee: assignee.as_ref(),
            priority: args.priority,
            case_type: &args.case_type,
        };
        desk::create(tx, &World::load(tx, &ctx.config, ctx.now())?, actor, &new)
    })?;
    ctx.done(Thing::case(case.number), &format!("case #{} made: {}", case.number, case.name))
}

pub fn edit(args: &Edit, ctx: &Context) -> Result<()> {
    let description = match &args.file {
        Some(file) => Some(read_source("--file", file)?),
        None => args.description.clone(),
    };
    let change = desk::Edit {
        subject: args.subject.as_deref(),
        priority: args.priority,
        status: args.status,
        case_type: args.case_type.as_deref(),
        description: description.as_deref(),
    };
    let Some(cases) = args.cases.choose(ctx, "Change {}?")? else { return Ok(()) };
    each(ctx, &cases, |_| "changed".to_owned(), |tx, world, actor, case| desk::edit(tx, world, actor, case, &change))
}
