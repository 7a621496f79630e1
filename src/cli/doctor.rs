//! `espomail doctor`: looks whether everything is as it has to be, and says what to do about what is not.

mod desk;
mod disk;
mod files;
mod hosts;
mod locks;
mod pings;
mod server;
mod service;
mod tokens;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;

use super::account::test;
use super::busy;
use super::connect::{self, Connector, Protocol};
use super::context::{self, Context};
use crate::config;
use crate::error::{self, Kind};
use crate::intake::concerns;
use crate::intake::verdicts::Verdicts;
use crate::net::Quota;
use crate::net::trail::Trail;
use crate::place::Place;
use crate::store;
use crate::store::accounts::{self, Account};
use crate::store::db::after_damage;
use crate::store::disk::Disk;
use crate::system_words;
use crate::ui::cell::{Cell, Column, head, unlisted};
use crate::ui::tint::Tint;

pub use server::lost_password;

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Remove file permissions that others must not have
    #[arg(long)]
    fix: bool,
    /// Connect to no server
    #[arg(long)]
    offline: bool,
    /// What sudo told root.
    #[arg(skip)]
    rule: Option<service::Rule>,
}

impl DoctorArgs {
    /// Asks sudo, as root can before it becomes the owner of the database.
    pub fn ask_as_root(&mut self, place: &Place) {
        self.rule = service::ask(place);
    }
}

/// Fields of a finding in their order.
pub const COLUMNS: &[Column<Finding>] = &[
    Column::new("check", head("CHECK"), |found, _| Cell::text(&found.check)),
    Column::tinted(
        "state",
        head("STATE"),
        |found, _| Cell::text(found.state.name()),
        |found, _| match found.state {
            State::Ok => None,
            State::Warn => Some(Tint::Doubtful),
            State::Fail(_) => Some(Tint::Failing),
        },
    ),
    Column::new("text", head("FOUND").wrapping(), |found, _| Cell::text(&found.text)),
    Column::new("hint", unlisted(), |found, _| Cell::text(&found.hint)),
    Column::new("account", unlisted(), |found, _| Cell::opt_named(found.account.as_ref())),
    Column::new("exit", unlisted(), |found, _| {
        Cell::int(if let State::Fail(kind) = found.state { kind.exit_code().into() } else { 0 })
    }),
];

/// What was found about one thing.
pub struct Finding {
    check: String,
    state: State,
    text: String,
    hint: String,
    /// Id and name of the account that it is about.
    account: Option<(i64, String)>,
}

enum State {
    Ok,
    Warn,
    Fail(Kind),
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail(_) => "fail",
        }
    }
}

impl Finding {
    fn is_failure(&self) -> bool {
        matches!(self.state, State::Fail(_))
    }

    fn ok(check: &str, text: impl Into<String>) -> Finding {
        Finding { check: check.to_owned(), state: State::Ok, text: text.into(), hint: String::new(), account: None }
    }

    fn warn(check: &str, text: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding { state: State::Warn, hint: hint.into(), ..Finding::ok(check, text) }
    }

    fn fail(check: &str, kind: Kind, text: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding { state: State::Fail(kind), hint: hint.into(), ..Finding::ok(check, text) }
    }

    fn of(self, account: &Account) -> Finding {
        Finding { account: Some((account.id, account.name.clone())), ..self }
    }
}

/// Runs `doctor`.
pub fn run(args: &DoctorArgs, ctx: &Context) -> Result<()> {
    let mut findings = vec![configuration(ctx)];
    // Before it is opened, which may take helpers away that nobody can write.
    let disk = store::disk::look_at(&ctx.place).ok();
    match ctx.read(|_, actor| actor.require_admin("doctor")) {
        Err(error) if ctx.place.is_missing() || !is_of_database(&error) => return Err(error),
        // What is wrong with it is what is asked.
        Err(error) => {
            findings.extend(server::look(ctx));
            take(&mut findings, disk::look(ctx, args.fix, disk), ctx);
            take(&mut findings, Err(error), ctx);
        }
        Ok(()) => everything(args, ctx, disk, &mut findings),
    }
    ctx.ui.list("doctor", COLUMNS, &findings)?;
    if ctx.ui.tells_people() {
        findings
            .iter()
            .filter(|one| !one.hint.is_empty())
            .for_each(|one| ctx.ui.hint(&format!("{}: {}", one.check, one.hint)));
    }
    let kinds = findings.iter().filter_map(|one| if let State::Fail(kind) = one.state { Some(kind) } else { None });
    kinds.reduce(Kind::worse).map_or(Ok(()), |kind| Err(context::told(kind)))
}

/// Whether an error says that the database is there, but cannot be used.
fn is_of_database(error: &anyhow::Error) -> bool {
    matches!(error::classify(error).0, Kind::Io | Kind::Bug | Kind::TempFail | Kind::Config)
}

/// Looks at one thing after the other: what a damaged database does not tell keeps back nothing of the rest.
fn everything(args: &DoctorArgs, ctx: &Context, disk: Option<Disk>, findings: &mut Vec<Finding>) {
    take(findings, disk::look(ctx, args.fix, disk), ctx);
    findings.extend(server::look(ctx));
    findings.push(integrity(ctx));
    take(findings, server::foreign(ctx), ctx);
    take(findings, server::hidden(ctx), ctx);
    take(findings, hosts::look(ctx), ctx);
    take(findings, locks::look(ctx), ctx);
    take(findings, service::look(args.rule.as_ref(), ctx), ctx);
    take(findings, desk::look(ctx), ctx);
    findings.extend(pings::look(ctx));
    // What keeps them from being read has been said of the desk.
    let accounts = ctx.read(|tx, _| accounts::all(tx)).unwrap_or_default();
    findings.extend(tokens::look(&accounts, ctx));
    for account in accounts.iter().filter(|account| account.active && !args.offline) {
        let tried = servers(account, ctx);
        // What keeps failing is said once, by what fails now.
        let again = |one: &Finding| tried.iter().any(|now| now.is_failure() && one.text.contains(&now.text));
        findings
            .retain(|one| one.check != account.name || !(again(one) || one.text.starts_with(concerns::CERTIFICATE)));
        findings.extend(tried);
    }
    for account in accounts.iter().filter(|a| a.active && a.imap.host.is_some()) {
        take(findings, judged(account, ctx).map(|one| vec![one]), ctx);
    }
}

/// Takes what was found, or what kept it from being found, which is said once.
fn take(findings: &mut Vec<Finding>, found: Result<Vec<Finding>>, ctx: &Context) {
    match found {
        Ok(found) => {
            // What keeps a server from being asked is met by each question.
            let is_new = |findings: &[Finding], one: &Finding| findings.iter().all(|before| before.text != one.text);
            let new: Vec<Finding> =
                found.into_iter().filter(|one| !one.is_failure() || is_new(findings, one)).collect();
            findings.extend(new);
        }
        Err(error) => {
            let fault = failed("database", &busy::in_words(ctx.explained(error)));
            if findings.iter().all(|one| one.text != fault.text) {
                findings.push(fault);
            }
        }
    }
}

/// What an error is as a finding.
fn failed(check: &str, error: &anyhow::Error) -> Finding {
    let (kind, hint) = error::classify(error);
    Finding::fail(check, kind, system_words::chain(error), hint.unwrap_or_default())
}

fn configuration(ctx: &Context) -> Finding {
    // It was read before this command was begun.
    let path = ctx.config_path.clone().unwrap_or_else(config::default_path);
    if let Some(fault) = service::rights_of_configuration(&path, ctx) {
        return fault;
    }
    let there = if path.exists() { "is right" } else { "is not there; every value has its default" };
    Finding::ok("configuration", format!("{} {there}; database {}", path.display(), ctx.place))
}

fn integrity(ctx: &Context) -> Finding {
    let looked =
        if ctx.place.file().is_some() { "every page, index and reference" } else { "every table, key, index and rule" };
    match ctx.store().and_then(|store| store.check()) {
        Err(error) => failed("integrity", &ctx.explained(error)),
        Ok(faults) => match faults.first() {
            None => Finding::ok("integrity", looked),
            Some(fault) => {
                let text = format!("{} faults, such as: {fault}", faults.len());
                Finding::fail("integrity", Kind::Io, text, after_damage(&ctx.place))
            }
        },
    }
}

/// Whether an account believes the verdicts of a mail server, and that one still judges its mail: without that no author is
/// proven.
fn judged(account: &Account, ctx: &Context) -> Result<Finding> {
    let verdicts = ctx.read(|tx, _| Verdicts::of(tx, account.id))?;
    let check = format!("{} DMARC", account.name);
    let is_set = account.fetching.authserv_id.is_some();
    let found = match verdicts.hint(account) {
        None if is_set => Finding::ok(&check, verdicts.told()),
        hint => {
            let text = if is_set { verdicts.told() } else { format!("{}; {}", Verdicts::UNSET, verdicts.told()) };
            Finding::warn(&check, text, hint.unwrap_or_default())
        }
    };
    Ok(found.of(account))
}

/// Connects and logs in; asks how full the mailbox is, and how long the certificates are valid.
fn servers(account: &Account, ctx: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for protocol in [Protocol::Imap, Protocol::Smtp] {
        let Some(host) = protocol.server(account).host.as_deref() else { continue };
        let check = format!("{} {}", account.name, protocol.name());
        let trail = Trail::default();
        let connector = Connector::new(&ctx.config, &ctx.place).at_once(true).watched(&trail);
        let tried = match protocol {
            Protocol::Imap => connector.imap(account, None).and_then(|mut session| {
                let quota = session.quota()?;
                session.logout();
                Ok(quota)
            }),
            Protocol::Smtp => connector.smtp(account, None).map(|mut session| {
                session.quit();
                None
            }),
        };
        match tried {
            Ok(quota) => {
                findings.push(Finding::ok(&check, host).of(account));
                findings.extend(quota.and_then(|quota| room(&check, account, &quota)).map(|one| one.of(account)));
                findings.extend(
                    trail.certificate_ends().and_then(|ends| certificate(&check, ends, ctx)).map(|one| one.of(account)),
                );
            }
            Err(error) => {
                let hint = connect::advice(account, protocol, &error).unwrap_or_default();
                findings.push(
                    Finding::fail(&check, error::classify(&error).0, system_words::chain(&error), hint).of(account),
                );
            }
        }
    }
    findings
}

fn room(check: &str, account: &Account, quota: &Quota) -> Option<Finding> {
    quota.percent().filter(|percent| *percent >= test::NEARLY_FULL)?;
    Some(Finding::warn(&format!("{check} quota"), test::filled(quota), test::make_room(account)))
}

/// A certificate that is over soon and that nobody has renewed yet.
fn certificate(check: &str, ends: Timestamp, ctx: &Context) -> Option<Finding> {
    (ends < ctx.now() + concerns::ENDING).then(|| {
        let text = format!("valid until {}", ctx.ui.local_time(ends));
        Finding::warn(&format!("{check} certificate"), text, "ask the people who run the server to renew it")
    })
}
