//! `espomail template`: the texts of automatic replies.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::context::{self, Context};
use super::text::read_source;
use crate::access::Actor;
use crate::error;
use crate::mail::compose::signed;
use crate::mail::subject::with_case_number;
use crate::mail::template::{self, Values};
use crate::reply;
use crate::store::db::Tx;
use crate::store::templates::{self, Template};
use crate::store::{accounts, users};
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::outcome::Thing;

/// Templates of automatic replies
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Add a template
    #[command(
        before_help = "Examples:\n  $ espomail template add ack --subject 'We have your message' --body ack.txt\n  $ echo 'Hello {{ sender.name }}, your case is {{ case.number }}.' | espomail template add ack --subject 'Received: {{ email.subject }}' --body -",
        after_help = "Variables: case.number, case.name, case.status, user.name, contact.name, sender.name, email.subject, account.name, now"
    )]
    Add(Add),
    /// List templates
    #[command(
        visible_alias = "ls",
        before_help = "Examples:\n  $ espomail template list\n  $ espomail --json template list"
    )]
    List,
    /// Show the source of a template
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail template show ack\n  $ espomail --json template show ack"
    )]
    Show(Name),
    /// Change a template
    #[command(
        before_help = "Examples:\n  $ espomail template edit ack --subject 'We are on it'\n  $ espomail template edit ack --body ack.txt --html ack.html"
    )]
    Edit(Edit),
    /// Delete a template that no account uses
    #[command(
        visible_alias = "rm",
        before_help = "Examples:\n  $ espomail template delete ack\n  $ espomail --yes template delete ack"
    )]
    Delete(Name),
    /// Show what a customer would get
    #[command(
        before_help = "Examples:\n  $ espomail template preview ack\n  $ espomail template preview ack --case 12"
    )]
    Preview(Preview),
}

/// A template's name.
#[derive(Debug, Args)]
pub struct Name {
    /// Template
    template: String,
}

/// `template add`
#[derive(Debug, Args)]
pub struct Add {
    /// Template
    template: String,
    /// Subject; the case number is put before it
    #[arg(long)]
    subject: String,
    /// File with the plain text; - is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    body: String,
    /// File with HTML
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    html: Option<String>,
}

/// `template edit`
#[derive(Debug, Args)]
pub struct Edit {
    /// Template
    template: String,
    /// Subject
    #[arg(long)]
    subject: Option<String>,
    /// File with the plain text; - is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    body: Option<String>,
    /// File with HTML
    #[arg(long, value_name = "FILE", conflicts_with = "no_html", value_hint = clap::ValueHint::FilePath)]
    html: Option<String>,
    /// Remove the HTML; keep the plain text
    #[arg(long)]
    no_html: bool,
}

/// `template preview`
#[derive(Debug, Args)]
pub struct Preview {
    /// Template
    template: String,
    /// Case whose values are used
    #[arg(long, value_name = "N", value_parser = super::case_number)]
    case: Option<i64>,
}

/// A template with the accounts that answer with it.
pub type Listed = (Template, Vec<String>);

/// Fields of templates in their order.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("name", head("TEMPLATE").label("Template").key(), |(template, _), _| Cell::text(&template.name)),
    Column::new("subject", head("SUBJECT").shrinking(), |(template, _), _| Cell::text(&template.subject)),
    Column::new("accounts", head("ACCOUNTS").shrinking(), |(_, accounts), _| Cell::words(accounts)),
    Column::new("body", unlisted().labelled(), |(template, _), _| Cell::text(&template.body)),
    Column::new("html", unlisted().label("HTML"), |(template, _), _| Cell::opt_text(template.html.as_deref())),
    Column::new("id", unlisted(), |(template, _), _| Cell::int(template.id)),
];

/// A template with the values of a case.
pub struct Shown {
    template: (i64, String),
    case: Option<i64>,
    subject: String,
    body: String,
    html: Option<String>,
    /// Below the text of an agent's letter.
    signature: String,
}

/// Fields of `template preview` in their order.
pub const PREVIEW_COLUMNS: &[Column<Shown>] = &[
    Column::new("template", head("Template"), |shown, _| Cell::opt_named(Some(&shown.template))),
    Column::new("case", head("Case"), |shown, _| Cell::opt_int(shown.case)),
    Column::new("subject", head("Subject"), |shown, _| Cell::text(&shown.subject)),
    Column::new("body", head("Body"), |shown, _| Cell::text(&shown.body)),
    Column::new("html", head("HTML"), |shown, _| Cell::opt_text(shown.html.as_deref())),
    Column::new("signature", unlisted(), |shown, _| Cell::text(&shown.signature)),
];

/// What is said of a signature that is shown.
const SIGNED: &str = "The signature is that of a letter. An automatic reply goes without it.";

/// Runs a `template` command.
pub fn run(command: TemplateCommand, ctx: &Context) -> Result<()> {
    match command {
        TemplateCommand::Add(args) => add(&args, ctx),
        TemplateCommand::List => {
            let rows = ctx.read(|tx, actor| {
                let all = templates::all(tx)?;
                all.into_iter().map(|t| listed(tx, actor, t)).collect::<Result<Vec<_>>>()
            })?;
            ctx.ui.list("templates", COLUMNS, &rows)
        }
        TemplateCommand::Show(args) => {
            let row = ctx.read(|tx, actor| listed(tx, actor, context::template(tx, &args.template)?))?;
            ctx.ui.object("template", COLUMNS, &row)
        }
        TemplateCommand::Edit(args) => edit(args, ctx),
        TemplateCommand::Delete(args) => delete(&args.template, ctx),
        TemplateCommand::Preview(args) => preview(&args, ctx),
    }
}

/// The accounts that answer with a template, of those that the actor knows of.
fn used_by(tx: &Tx<'_>, actor: &Actor, template_id: i64) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for account in
        accounts::all(tx)?.into_iter().filter(|account| account.auto_reply.auto_reply_id == Some(template_id))
    {
        if actor.knows_account(tx, &account)? {
            names.push(account.name);
        }
    }
    Ok(names)
}

fn listed(tx: &Tx<'_>, actor: &Actor, template: Template) -> Result<Listed> {
    let accounts = used_by(tx, actor, template.id)?;
    Ok((template, accounts))
}

fn add(args: &Add, ctx: &Context) -> Result<()> {
    let name = context::word("template", &args.template)?;
    let subject = checked("--subject", args.subject.clone())?;
    let body = checked("--body", read_source("--body", &args.body)?)?;
    let html = args.html.as_ref().map(|file| checked("--html", read_source("--html", file)?)).transpose()?;
    let id = ctx.administer("template add", |tx| {
        if templates::by_name(tx, &name)?.is_some() {
            return Err(context::taken("template", &name));
        }
        templates::add(tx, &name, &subject, &body, html.as_deref(), ctx.now())
    })?;
    ctx.done(Thing::template(id, &name), &format!("template {name} added"))
}

fn edit(args: Edit, ctx: &Context) -> Result<()> {
    let subject = args.subject.map(|s| checked("--subject", s)).transpose()?;
    let body = args.body.map(|file| checked("--body", read_source("--body", &file)?)).transpose()?;
    let html = args.html.map(|file| checked("--html", read_source("--html", &file)?)).transpose()?;
    let id = ctx.administer("template edit", |tx| {
        let old = context::template(tx, &args.template)?;
        let template = Template {
            subject: subject.unwrap_or(old.subject),
            body: body.unwrap_or(old.body),
            html: if args.no_html { None } else { html.or(old.html) },
            ..old
        };
        templates::update(tx, &template)?;
        Ok(template.id)
    })?;
    ctx.done(Thing::template(id, &args.template), &format!("template {} changed", args.template))
}

fn delete(name: &str, ctx: &Context) -> Result<()> {
    let work = |tx: &Tx<'_>, actor: &Actor| {
        actor.require_admin("template delete")?;
        let template = context::template(tx, name)?;
        let accounts = templates::used_by_accounts(tx, template.id)?;
        if !accounts.is_empty() {
            return Err(error::data(format!("template {name}: the account {} still uses it", accounts.join(", ")))
                .hint(format!(
                    "take it away first: espomail account edit {} --auto-reply ''",
                    context::first_word(&accounts)
                ))
                .into());
        }
        templates::delete(tx, template.id)?;
        Ok(template.id)
    };
    ctx.confirm_tried(&format!("Delete template {name}?"), work)?;
    let id = ctx.write(work)?;
    ctx.done(Thing::template(id, name), &format!("template {name} deleted"))
}

fn preview(args: &Preview, ctx: &Context) -> Result<()> {
    let (template, values, signature) = ctx.read(|tx, actor| {
        let template = context::template(tx, &args.template)?;
        let mut values = Values { now: template::shown(ctx.now()), ..Values::sample() };
        let mut signature = reply::signature_of(None, actor.user()).to_owned();
        if let Some(number) = args.case {
            let row = context::case_row(tx, actor, number)?;
            values.case_number = Some(number);
            values.case_name = Some(row.case.name.clone());
            values.case_status = Some(row.case.status.to_string());
            values.email_subject = row.case.name;
            let assignee = row.case.assigned_user_id.map(|id| users::by_id(tx, id)).transpose()?.flatten();
            values.user_name = assignee.map(|user| user.shown().to_owned());
            values.contact_name = row.contact;
            let customer = row.customer.unwrap_or_default();
            values.sender_name = if customer.name.is_empty() { customer.address } else { customer.name };
            let account = row.case.account_id.map(|id| accounts::by_id(tx, id)).transpose()?.flatten();
            reply::signature_of(account.as_ref(), actor.user()).clone_into(&mut signature);
            values.account_name = account.map(|account| account.shown().to_owned()).unwrap_or_default();
        }
        Ok((template, values, signature))
    })?;
    let subject = template::render_subject(&template.subject, &values)?;
    let subject = values.case_number.map_or(subject.clone(), |n| with_case_number(&subject, n));
    let body = template::render_text(&template.body, &values)?;
    let html = template.html.as_ref().map(|html| template::render_html(html, &values)).transpose()?;
    if !ctx.ui.for_people() {
        let shown =
            Shown { template: (template.id, template.name), case: values.case_number, subject, body, html, signature };
        return ctx.ui.object("template_preview", PREVIEW_COLUMNS, &shown);
    }
    ctx.ui.text(&format!("Subject: {subject}\n\n{}", signed(&body, &signature)))?;
    html.map_or(Ok(()), |html| ctx.ui.text(&format!("\nHTML:\n{html}")))?;
    if !signature.trim().is_empty() {
        ctx.ui.note(&ctx.ui.set_in(SIGNED, 0));
    }
    Ok(())
}

/// The text of a template.
///
/// # Errors
/// It is empty, or a variable in it is not known.
pub fn checked(field: &str, source: String) -> Result<String> {
    if source.trim().is_empty() {
        return Err(error::usage(format!("{field}: must not be empty")).into());
    }
    template::check(&source).map_err(|e| error::data(format!("{field}: {e}")))?;
    Ok(source)
}
