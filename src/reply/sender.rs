//! From which address and by which account a letter goes (B13.2).
//!
//! A letter in a case goes by the group account that the case came by, if that one can send. Everything else: the user's
//! own address, where an active personal account with SMTP has it; else the group account that the mail came by; else a
//! shared group account of a team in common; else the system account, if it is shared; else the only group account that
//! the user could name. A group account that somebody names
//! only has to be one that `group-account` reaches. At the level `no` none of them is.

use anyhow::Result;

use super::Place;
use crate::access::Actor;
use crate::error;
use crate::intake::world::World;
use crate::mail::address::Mailbox;
use crate::store::accounts::{Account, AccountKind};
use crate::store::db::Tx;
use crate::store::permissions::Permission;
use crate::store::users::User;

/// What `--from` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FromWish {
    /// The first that there is.
    #[default]
    Usual,
    /// The user's own address.
    User,
    /// The group account.
    Group,
    /// This address, in lower case.
    Address(String),
}

/// Who sends.
#[derive(Debug, Clone, PartialEq)]
pub struct Sender {
    /// The account that hands it over.
    pub account: Account,
    pub from: Mailbox,
}

/// What is known when a sender is chosen.
pub(super) struct Choice<'a> {
    /// What `--from` says.
    pub wish: &'a FromWish,
    /// What `--account` says.
    pub named: Option<&'a Account>,
    /// The group account that the case or mail came by, if the actor may answer there.
    pub home: Option<&'a Account>,
    /// The letter is one in a case.
    pub in_case: bool,
}

/// Chooses who sends.
///
/// # Errors
/// Nobody can, or not as it was wished; the one that should cannot.
pub(super) fn choose(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, choice: &Choice<'_>) -> Result<Sender> {
    let account = match (choice.named, choice.wish) {
        (Some(named), _) => may_send(tx, world, actor, named, choice.home).map(|()| named.clone())?,
        (None, FromWish::Address(address)) => by_address(tx, world, actor, choice, address)?,
        (None, FromWish::User) => own(world, actor).ok_or_else(no_own)?.clone(),
        (None, FromWish::Group) => group(tx, world, actor, choice)?,
        (None, FromWish::Usual) => match (of_case(actor, choice), own(world, actor)) {
            (Some(home), _) => home.clone(),
            (None, Some(own)) => own.clone(),
            (None, None) => group(tx, world, actor, choice)?,
        },
    };
    refuse_unable(&account)?;
    let address = match choice.wish {
        FromWish::Address(address) if account.owns(address) => address.clone(),
        FromWish::Address(address) => return Err(not_yours(address)),
        FromWish::User if account.kind == AccountKind::Group => return Err(no_own()),
        _ => account.address.clone(),
    };
    let from = Mailbox { name: name(&account, actor.user()), address };
    Ok(Sender { account, from })
}

/// Who sends a letter that was begun, where its writer wishes somebody else.
///
/// # Errors
/// As [`choose`].
pub fn other_sender(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, place: &Place, wish: &FromWish) -> Result<Sender> {
    let case = super::case_of(tx, place)?;
    let home = case.as_ref().and_then(|case| case.account_id).map(|id| world.account(id)).transpose()?;
    choose(tx, world, actor, &Choice { wish, named: None, home, in_case: case.is_some() })
}

/// Whether the actor may send by this account: their own, that of the case or mail, the shared system account, one that
/// `group-account` reaches.
pub(super) fn may_send(
    tx: &Tx<'_>,
    world: &World<'_>,
    actor: &Actor,
    account: &Account,
    home: Option<&Account>,
) -> Result<()> {
    if account.kind == AccountKind::Personal {
        let is_own = actor.user_id().is_some() && account.user_id == actor.user_id();
        return if is_own { Ok(()) } else { Err(not_yours(&account.address)) };
    }
    let is_for_all = [home, shared_system(world)].into_iter().flatten().any(|open| open.id == account.id);
    if is_for_all { actor.require_some(Permission::GroupAccount) } else { actor.require_account(tx, account) }
}

fn shared_system<'w>(world: &'w World<'_>) -> Option<&'w Account> {
    world.system_account(None).filter(|account| account.sending.shared)
}

/// Refuses an account that cannot send.
pub(super) fn refuse_unable(account: &Account) -> Result<()> {
    if account.can_send() {
        return Ok(());
    }
    let name = &account.name;
    let (why, hint) = match account.active {
        false => ("is disabled", format!("espomail account enable {name}")),
        true => ("has no SMTP server", format!("espomail account edit {name} --smtp HOST")),
    };
    Err(error::data(format!("account {name} cannot send: it {why}")).hint(hint).into())
}

/// The user's personal account, that of the primary address first.
fn own<'w>(world: &'w World<'_>, actor: &Actor) -> Option<&'w Account> {
    let user = actor.user()?;
    let rank = |account: &&Account| user.addresses.iter().position(|a| *a == account.address).unwrap_or(usize::MAX);
    let is_own = |account: &&Account| account.kind == AccountKind::Personal && account.user_id == Some(user.id);
    world.accounts.iter().filter(|account| is_own(account) && account.can_send()).min_by_key(rank)
}

/// The group account of the case, where it can send and the actor may send by it.
fn of_case<'c>(actor: &Actor, choice: &Choice<'c>) -> Option<&'c Account> {
    let may = || actor.require_some(Permission::GroupAccount).is_ok();
    choice.home.filter(|home| choice.in_case && home.can_send() && may())
}

fn group(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, choice: &Choice<'_>) -> Result<Account> {
    actor.require_some(Permission::GroupAccount)?;
    if let Some(home) = choice.home {
        return Ok(home.clone());
    }
    let shared =
        |account: &&Account| account.kind == AccountKind::Group && account.sending.shared && account.can_send();
    let mut common = world.accounts.iter().filter(shared);
    let of_team = common.find(|account| actor.require_account(tx, account).is_ok());
    if let Some(found) = of_team.or_else(|| shared_system(world)) {
        return Ok(found.clone());
    }
    let is_open = |account: &&Account| account.kind == AccountKind::Group && account.can_send();
    let open = world.accounts.iter().filter(is_open);
    let mut open: Vec<&Account> = open.filter(|account| actor.require_account(tx, account).is_ok()).collect();
    match open.pop() {
        None => Err(nobody()),
        // There is nothing to choose.
        Some(only) if open.is_empty() => Ok(only.clone()),
        Some(last) => {
            let names: Vec<&str> =
                open.iter().map(|account| account.name.as_str()).chain([last.name.as_str()]).collect();
            Err(error::data("several accounts could send this letter")
                .hint(format!("choose one: --account {}", names.join(", or --account ")))
                .into())
        }
    }
}

fn by_address(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, choice: &Choice<'_>, address: &str) -> Result<Account> {
    let account = world.accounts.iter().find(|account| account.owns(address)).ok_or_else(|| not_yours(address))?;
    // Whose address it is, is nothing to be learned here.
    may_send(tx, world, actor, account, choice.home).map_err(|_| not_yours(address))?;
    Ok(account.clone())
}

/// The account's name, else the agent's, so that the customer sees a person behind the group address.
fn name(account: &Account, author: Option<&User>) -> String {
    match (&account.sending.from_name, author) {
        (Some(name), _) => name.clone(),
        (None, Some(user)) => user.name.clone(),
        (None, None) => String::new(),
    }
}

fn nobody() -> anyhow::Error {
    error::data("you have no account that can send this letter")
        .hint(
            "an administrator can let you use one: espomail account edit NAME --shared; or add your own: \
             espomail account add NAME --kind personal",
        )
        .into()
}

fn no_own() -> anyhow::Error {
    error::data("--from user: you have no active personal account with an SMTP server")
        .hint("espomail account list; or write from the group address: --from group")
        .into()
}

fn not_yours(address: &str) -> anyhow::Error {
    error::noperm(format!("--from: {address} is not an address that you can write from"))
        .hint("leave it out for the usual one; espomail whoami says who you are")
        .into()
}
