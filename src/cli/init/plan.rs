//! What a new database holds from its first moment on: made by the functions of `user add`, `team add`, `template add` and
//! `account add`, all in the transaction that makes the database.

use anyhow::Result;

use super::flags::InitArgs;
use crate::access::{self, Actor};
use crate::cli::account::add::{self, Add, New};
use crate::cli::account::doubts;
use crate::cli::context::{self, Context};
use crate::cli::{team, template, user};
use crate::error::{self, Fault};
use crate::store::accounts::Account;
use crate::store::db::{Store, Tx};
use crate::store::{instance, teams, templates};
use crate::ui::outcome::Thing;

/// The text of an automatic reply that nobody wrote.
pub const REPLY: &str = "Hello {{ sender.name }}, we have your message. This is case {{ case.number }}.";
const REPLY_SUBJECT: &str = "We have your message";

/// What is made, checked as far as words tell.
pub struct Plan {
    admin: Option<user::Checked>,
    team: Option<String>,
    /// Name and text.
    template: Option<(String, String)>,
    account: Option<Add>,
}

/// What was made.
#[derive(Default)]
pub struct Made {
    pub things: Vec<Thing>,
    /// The things in words.
    pub told: Vec<String>,
    pub account: Option<Account>,
    /// What will not work.
    pub doubts: Vec<String>,
}

impl Plan {
    /// # Errors
    /// Names the flag that is wrong.
    pub fn of(args: &InitArgs) -> Result<Plan> {
        let admin = args.admin.as_deref().map(|name| {
            let (shown, email) = (args.admin_name.as_deref(), args.admin_email.as_deref());
            user::Add::administrator(name, shown, email, args.admin_login.as_deref())
                .checked()
                .map_err(|error| of_admin(&error))
        });
        refuse_own_address(args)?;
        let team = args.case_team.as_deref().map(|team| context::name("--case-team", team)).transpose()?;
        let template = args.auto_reply.as_deref().map(|name| {
            let name = context::word("--auto-reply", name)?;
            let text = args.auto_reply_text.clone().unwrap_or_else(|| REPLY.to_owned());
            Ok::<_, anyhow::Error>((name, template::checked("--auto-reply-text", format!("{}\n", text.trim_end()))?))
        });
        let account = args.words_of_account().map(|words| {
            let typed: Vec<String> = std::iter::once("init".to_owned()).chain(words.iter().cloned()).collect();
            add::of_words(&words, &typed)
        });
        Ok(Plan { admin: admin.transpose()?, team, template: template.transpose()?, account: account.transpose()? })
    }

    /// Whether nothing but an empty database is made.
    pub fn is_empty(&self) -> bool {
        self.admin.is_none() && self.account.is_none()
    }

    /// Whether there is a mailbox.
    pub fn has_account(&self) -> bool {
        self.account.is_some()
    }

    /// Fills a database: one that has its tables and nothing else with its `secret`, or one that somebody has made before.
    ///
    /// # Errors
    /// Something does not fit together.
    pub fn carry_out(&self, tx: &Tx<'_>, secret: Option<&[u8; 32]>, ctx: &Context) -> Result<Made> {
        let now = ctx.now();
        let mut made = Made::default();
        if let Some(secret) = secret {
            instance::create(tx, secret, now)?;
            access::make_agent(tx, now)?;
        }
        let mut admin_id = None;
        if let Some(admin) = &self.admin {
            let id = admin.put(tx, now)?;
            made.add(Thing::user(id, &admin.username), format!("administrator {}", admin.username));
            admin_id = Some(id);
        }
        if let Some(name) = &self.team {
            let (id, _) = team::put(tx, name, true, now)?;
            admin_id.map_or(Ok(()), |admin| teams::put_member(tx, id, admin, ""))?;
            made.add(Thing::team(id, name), format!("team {name}"));
        }
        if let Some((name, text)) = &self.template {
            let id = templates::add(tx, name, REPLY_SUBJECT, text, None, now)?;
            made.add(Thing::template(id, name), format!("template {name}"));
        }
        if let Some(args) = &self.account {
            let account = New::named(args)?.put(tx, &Actor::Administrator, ctx)?;
            made.add(Thing::account(account.id, &account.name), format!("account {}", account.name));
            made.doubts = doubts::doubts_of(tx, &account, ctx)?;
            made.account = Some(account);
        }
        Ok(made)
    }

    /// Makes all of it in memory, so that nothing is written: what it would be.
    ///
    /// # Errors
    /// As [`Plan::carry_out`].
    pub fn rehearse(&self, ctx: &Context) -> Result<Made> {
        Store::in_memory()?.write(|tx| self.carry_out(tx, Some(&[0; 32]), ctx))
    }
}

/// The mailbox of the desk is not the address of a person, to which notices go.
fn refuse_own_address(args: &InitArgs) -> Result<()> {
    let (Some(own), Some(address)) = (&args.admin_email, &args.address) else { return Ok(()) };
    let (own, address) = (context::mail_address("--admin-email", own)?, context::mail_address("--address", address)?);
    if own != address {
        return Ok(());
    }
    Err(error::data(format!("--admin-email: {own} is the --address of the mailbox, and notices go to --admin-email"))
        .hint("name an address of the administrator's own, or leave --admin-email out")
        .into())
}

/// A fault of the flags of `user add` by those of this command.
fn of_admin(error: &anyhow::Error) -> anyhow::Error {
    let (kind, hint) = error::classify(error);
    let text = crate::system_words::chain(error);
    let own = [
        ("username:", "--admin:"),
        ("--name:", "--admin-name:"),
        ("--email:", "--admin-email:"),
        ("--login:", "--admin-login:"),
    ];
    let text =
        own.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", text.strip_prefix(theirs)?))).unwrap_or(text);
    Fault { hint, ..Fault::new(kind, text) }.into()
}

impl Made {
    fn add(&mut self, thing: Thing, told: String) {
        self.things.push(thing);
        self.told.push(told);
    }
}
