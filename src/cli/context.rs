//! What every command gets: output, configuration, the database, and who is acting.

use std::path::PathBuf;

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::busy;
pub use super::busy::ACCOUNT_OF_OTHERS;
use crate::access::Actor;
pub use crate::access::account::unusable;
use crate::caller::Caller;
use crate::claim::{self, Asked, Claim, Leased};
use crate::config::Config;
use crate::dates::{self, Clock, Towards};
use crate::error::{self, Ended, Fault, Kind};
use crate::holder::Holder;
use crate::lock::{self, Attempt, Lock};
use crate::mail::address;
use crate::mail::compose::is_address;
use crate::place::Place;
use crate::store::accounts::{self, Account};
use crate::store::cases::{self, Case, CaseRow};
use crate::store::db::{self, Store, Tx};
use crate::store::emails::{self, Email};
use crate::store::folders::{self, Folder};
use crate::store::instance;
use crate::store::log;
use crate::store::permissions::Permission;
use crate::store::records::{self, Parent, ParentType};
use crate::store::restored;
use crate::store::teams::{self, Team};
use crate::store::templates::{self, Template};
use crate::store::users::{self, User};
use crate::ui::outcome::{self, Deed, Outcome, Thing};
use crate::ui::output::Ui;

/// The context of one command.
pub struct Context {
    /// Output.
    pub ui: Ui,
    /// Configuration.
    pub config: Config,
    /// File of the configuration; `None` = every value has its default.
    pub config_path: Option<PathBuf>,
    /// Where the database and its state are.
    pub place: Place,
    /// Noun and verb of the command.
    pub command: String,
    /// Who typed it.
    pub caller: Caller,
    /// `--as`.
    pub acting_as: Option<String>,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `--yes`.
    pub yes: bool,
    /// `--no-input`.
    pub no_input: bool,
    /// Whether the caller came through sudo, and their side of it runs the editor.
    pub edits_afar: bool,
}

impl Context {
    /// Opens the database for reading; writing is [`Context::write`]'s, which logs it.
    pub fn store(&self) -> Result<Store> {
        Store::open_to_read(&self.place)
    }

    /// Opens the database for work whose writes are in no log, because a ledger of their own tells of them, or that is
    /// logged as a whole ([`Context::long_work`]). A test knows who calls this.
    pub fn unlogged_store(&self) -> Result<Store> {
        let store = Store::open(&self.place)?;
        if !self.dry_run && !restored::after_failover(&store)? {
            restored::settle_backup(&store, self.now())?;
        }
        Ok(store)
    }

    /// The present moment. An editor or a question may have been open for an hour: what is stored after it must not be
    /// older than what arrived meanwhile.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Who is acting.
    pub fn actor(&self, tx: &Tx<'_>) -> Result<Actor> {
        Actor::find(tx, &self.caller, self.acting_as.as_deref())
    }

    /// What dates and times that people type are read by.
    pub fn clock(&self) -> Clock {
        let zone = if self.ui.utc { TimeZone::UTC } else { TimeZone::system() };
        Clock { now: self.now(), zone }
    }

    /// A date or time that has been: the last Monday, 2 weeks ago.
    ///
    /// # Errors
    /// Names the field (exit 2).
    pub fn past(&self, field: &str, text: &str) -> Result<Timestamp> {
        Ok(dates::read(field, text, Towards::Past, &self.clock())?)
    }

    /// A date or time that is to come: the next Monday, in 2 weeks.
    ///
    /// # Errors
    /// It is none (exit 2), or it is in the past (exit 65).
    pub fn future(&self, field: &str, text: &str) -> Result<Timestamp> {
        let at = dates::read(field, text, Towards::Future, &self.clock())?;
        if at <= self.now() {
            return Err(error::data(format!("{field}: {} is in the past", self.ui.local_time(at))).into());
        }
        Ok(at)
    }

    /// Writes something that is undone again.
    pub fn try_to_write(&self) -> Result<()> {
        Store::open(&self.place)?.rehearse(|tx| instance::backed_up(tx, self.now()))
    }

    /// Does something as the acting person and undoes it again.
    pub fn rehearse<T>(&self, work: impl FnOnce(&Tx<'_>, &Actor) -> Result<T>) -> Result<T> {
        Store::open(&self.place)?.rehearse(|tx| work(tx, &self.actor(tx)?))
    }

    /// Reads as the acting person.
    pub fn read<T>(&self, work: impl FnOnce(&Tx<'_>, &Actor) -> Result<T>) -> Result<T> {
        self.store()?.read(|tx| work(tx, &self.actor(tx)?))
    }

    /// Writes as the acting person and logs it; with `--dry-run` everything is undone again.
    pub fn write<T>(&self, work: impl FnOnce(&Tx<'_>, &Actor) -> Result<T>) -> Result<T> {
        let store = self.unlogged_store()?.watch(log::kind_of)?;
        let work = |tx: &Tx<'_>| self.logged(tx, work);
        if self.dry_run { store.rehearse(work) } else { store.write(work) }
    }

    /// Writes as an administrator.
    pub fn administer<T>(&self, what: &str, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.write(|tx, actor| {
            actor.require_admin(what)?;
            work(tx)
        })
    }

    /// Whether an editor may be started: somebody sits there, and it would run with their own rights.
    pub fn may_open_editor(&self) -> bool {
        let here = self.ui.stdin_is_terminal() && !self.no_input && !self.caller.is_delegated();
        here || self.edits_afar
    }

    /// An error as a person understands it: what the database says is told by what it means.
    pub fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        db::explain(&error, &self.place).map_or(error, anyhow::Error::from)
    }

    /// Says what would be done without `--dry-run`.
    pub fn rehearsed(&self, sentence: &str) -> Result<()> {
        self.told(Outcome { deeds: vec![Deed::new(Vec::new(), sentence)], dry_run: true, ..Outcome::default() })
    }

    /// Says what was done to things, or with `--dry-run` what would be.
    pub fn done(&self, things: impl Into<Vec<Thing>>, sentence: &str) -> Result<()> {
        self.done_with(things, sentence, Vec::new())
    }

    /// The same, with further fields for programs.
    pub fn done_with(
        &self,
        things: impl Into<Vec<Thing>>,
        sentence: &str,
        facts: Vec<(&'static str, Value)>,
    ) -> Result<()> {
        self.told(Outcome { deeds: vec![Deed::new(things, sentence)], facts, ..Outcome::default() })
    }

    /// Says what was done by a command that takes several things, one sentence for each.
    pub fn done_each(&self, deeds: Vec<Deed>) -> Result<()> {
        self.told(Outcome { deeds, takes_several: true, ..Outcome::default() })
    }

    fn told(&self, outcome: Outcome) -> Result<()> {
        let outcome = Outcome { dry_run: self.dry_run || outcome.dry_run, ..outcome };
        for Deed { sentence, .. } in &outcome.deeds {
            match outcome.dry_run {
                true => ::log::info!("{}: {}", self.command, outcome::rehearsed(sentence)),
                false => ::log::info!("{}: {sentence}", self.command),
            }
        }
        self.ui.outcome(&outcome)
    }
}

/// An account by name.
pub fn account(tx: &Tx<'_>, name: &str) -> Result<Account> {
    accounts::by_name(tx, name)?.ok_or_else(|| no_account(name))
}

/// An account by name, as far as the actor knows of it.
pub fn known_account(tx: &Tx<'_>, actor: &Actor, name: &str) -> Result<Account> {
    let account = account(tx, name)?;
    match actor.knows_account(tx, &account)? {
        true => Ok(account),
        false => Err(no_account(name)),
    }
}

/// An account by name that the actor may change.
///
/// # Errors
/// Exit 77 for a group account of one of their teams, and for their own without the permission to have one; one they do not
/// know of is not found.
pub fn managed_account(tx: &Tx<'_>, actor: &Actor, what: &str, name: &str) -> Result<Account> {
    let account = known_account(tx, actor, name)?;
    if !actor.manages(&account) {
        actor.require_admin(&format!("{what} on the group account {}", account.name))?;
    }
    actor.require_some(Permission::PersonalAccount)?;
    Ok(account)
}

fn no_account(name: &str) -> anyhow::Error {
    unknown("account", name, "espomail account list")
}

/// An account, for what must not go on while it is being fetched.
///
/// # Errors
/// Another process has it: exit 75.
pub fn claim<'a>(store: &'a Store, account: &Account) -> Result<Claim<'a>> {
    match claim::account(store, account.id, true, Timestamp::now())? {
        Asked::Held(claim) => Ok(claim),
        Asked::Busy(holder) | Asked::Done(holder) => {
            let text = format!("account {}: is being fetched by {}", account.name, busy::told(&holder));
            Err(Fault::new(Kind::TempFail, text).hint(holder.hint()).into())
        }
    }
}

/// The outbox: nobody sends while this is held.
pub struct Unsent<'a> {
    lock: Lock,
    _leased: Vec<Leased<'a>>,
}

impl Unsent<'_> {
    /// The lock of this machine alone.
    pub fn into_lock(self) -> Lock {
        self.lock
    }
}

/// The outbox, for what must not happen to a message that is on the wire. It is not kept while results are shown.
///
/// # Errors
/// Another process has it: exit 75.
pub fn unsent(store: &Store) -> Result<Unsent<'_>> {
    let busy = |holder: Holder| {
        let text = format!("the outbox is being sent by {}", busy::told(&holder));
        Fault::new(Kind::TempFail, text).hint(holder.hint())
    };
    let lock = match lock::attempt(store.place(), lock::OUTBOX, Timestamp::now())? {
        Attempt::Held(lock) => lock,
        Attempt::Busy(holder) => return Err(busy(holder).into()),
    };
    let mut leased = Vec::new();
    for account in store.read(accounts::all)? {
        match claim::sending(store, account.id)? {
            Asked::Held(one) => leased.push(one),
            Asked::Busy(holder) | Asked::Done(holder) => return Err(busy(holder).into()),
        }
    }
    Ok(Unsent { lock, _leased: leased })
}

/// A user by name.
pub fn user(tx: &Tx<'_>, name: &str) -> Result<User> {
    users::by_username(tx, name)?.ok_or_else(|| unknown("user", name, "espomail user list"))
}

/// What is typed for no user.
pub const NOBODY: &str = "@none";

/// A user by name; `@me` is the acting user.
pub fn user_or_me(tx: &Tx<'_>, actor: &Actor, field: &str, name: &str) -> Result<User> {
    match name {
        "@me" => Ok(actor.require_user(&format!("{field} @me"))?.clone()),
        name => user(tx, name),
    }
}

/// A team by name.
pub fn team(tx: &Tx<'_>, name: &str) -> Result<Team> {
    teams::by_name(tx, name)?.ok_or_else(|| unknown("team", name, "espomail team list"))
}

/// A folder by name: one of the actor's own, else a group folder that they see.
pub fn folder(tx: &Tx<'_>, actor: &Actor, field: &str, name: &str) -> Result<Folder> {
    let seen = folders::list(tx, actor.user_id(), actor.sight())?;
    // Folders of one's own come first.
    seen.into_iter().find(|folder| folder.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        error::data(format!("{field}: there is no folder \"{name}\"")).hint("see `espomail folder list`").into()
    })
}

/// A template by name.
pub fn template(tx: &Tx<'_>, name: &str) -> Result<Template> {
    templates::by_name(tx, name)?.ok_or_else(|| unknown("template", name, "espomail template list"))
}

/// A record as `TYPE/ID`. The id of a case is its number, which [`record`] resolves.
pub fn record_ref(field: &str, text: &str) -> Result<Parent> {
    let parts = text.split_once('/').and_then(|(kind, id)| Some((record_type(kind)?, id)));
    let found = parts.and_then(|(kind, id)| {
        let id = if kind == ParentType::Case { id.strip_prefix('#').unwrap_or(id) } else { id };
        Some(Parent { kind, id: id.parse().ok().filter(|id| *id > 0)? })
    });
    found.ok_or_else(|| {
        let of_case = text.parse::<i64>().ok().map(|number| format!("case number {number} is case/{number}"));
        let form = || "write it as contact/12; TYPE is company, contact, lead, opportunity or case".to_owned();
        error::usage(format!("{field}: \"{text}\" is not a record")).hint(of_case.unwrap_or_else(form)).into()
    })
}

/// A type of records; EspoCRM's word for a company is taken too.
pub fn record_type(text: &str) -> Option<ParentType> {
    match text {
        "account" => Some(ParentType::Company),
        other => other.parse().ok(),
    }
}

/// The record that a [`record_ref`] names, as far as it may be seen; a case by its number.
pub fn record(tx: &Tx<'_>, actor: &Actor, reference: Parent) -> Result<Parent> {
    let found = match reference.kind {
        ParentType::Case => cases::by_number(tx, reference.id, actor.sight())?.map(|case| Parent::case(case.id)),
        _ => records::exists(tx, reference, actor.sight())?.then_some(reference),
    };
    found.ok_or_else(|| not_found(reference.kind.as_str(), reference.id))
}

fn unknown(what: &str, name: &str, list: &str) -> anyhow::Error {
    error::data(format!("there is no {what} \"{name}\"")).hint(format!("see `{list}`")).into()
}

/// An email that the actor sees.
pub fn email(tx: &Tx<'_>, actor: &Actor, id: i64) -> Result<Email> {
    emails::by_id(tx, id, actor.sight())?.ok_or_else(|| not_found("email", id))
}

/// A case that the actor sees, by its number.
pub fn case(tx: &Tx<'_>, actor: &Actor, number: i64) -> Result<Case> {
    cases::by_number(tx, number, actor.sight())?.ok_or_else(|| not_found("case", number))
}

/// The same as it is listed.
pub fn case_row(tx: &Tx<'_>, actor: &Actor, number: i64) -> Result<CaseRow> {
    cases::row_by_number(tx, number, actor.sight())?.ok_or_else(|| not_found("case", number))
}

/// The "not found" of things with a number; what may not be seen does not exist.
pub fn not_found(what: &str, id: impl std::fmt::Display) -> anyhow::Error {
    error::data(format!("{what} {id}: not found")).into()
}

/// A name as people give it: one to 100 characters, no control characters, no blank at its ends.
pub fn name(field: &str, given: &str) -> Result<String> {
    let bad =
        given.is_empty() || given.chars().count() > 100 || given.chars().any(char::is_control) || given.trim() != given;
    if bad {
        return Err(error::usage(format!(
            "{field}: must be 1 to 100 characters, without control characters and without spaces at its ends"
        ))
        .into());
    }
    Ok(given.to_owned())
}

/// A username or account name: a name without blanks, commas, colons or slashes.
pub fn word(field: &str, given: &str) -> Result<String> {
    if given.starts_with('-') || given.starts_with('@') || given.contains([' ', ',', ':', '/']) {
        return Err(error::usage(format!(
            "{field}: \"{given}\" must not contain spaces, commas, colons or slashes, or start with - or @"
        ))
        .into());
    }
    name(field, given)
}

/// An e-mail address, in lower case.
pub fn mail_address(field: &str, given: &str) -> Result<String> {
    address::normalise(given).filter(|address| is_address(address)).ok_or_else(|| {
        error::usage(format!("{field}: \"{given}\" is not an e-mail address"))
            .hint("write it as name@example.org")
            .into()
    })
}

/// Refuses a second thing of the same name.
pub fn taken(field: &str, name: &str) -> anyhow::Error {
    error::data(format!("{field}: \"{name}\" exists already")).into()
}

/// The first of these names as it is typed in a shell.
pub fn first_word(names: &[String]) -> String {
    let name = names.first().map_or("", String::as_str);
    if name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}

/// A sentence of words that begin in lower case.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// An error that has been shown already; only its exit code is left.
pub fn told(kind: Kind) -> anyhow::Error {
    Ended::Partly(kind).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records_are_written_as_type_and_id() {
        for (text, kind, id) in [
            ("company/3", ParentType::Company, 3),
            ("account/3", ParentType::Company, 3),
            ("Contact/12", ParentType::Contact, 12),
            ("opportunity/1", ParentType::Opportunity, 1),
            ("case/12", ParentType::Case, 12),
            ("case/#12", ParentType::Case, 12),
        ] {
            assert_eq!(record_ref("record", text).unwrap(), Parent { kind, id }, "{text}");
        }
        for text in ["", "contact", "contact/", "/3", "contact/0", "contact/-1", "contact/#3", "user/3", "contact/3/4"]
        {
            let error = record_ref("record", text).err().map(|e| format!("{e:#}")).unwrap_or_default();
            assert!(error.starts_with("record: "), "{text}: {error}");
        }
    }
}
