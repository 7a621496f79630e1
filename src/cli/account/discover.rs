//! `account discover`, and what `account add --discover` makes of it. Nothing is stored here, and nothing is sent to a server
//! that was found.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::presets::{self, tls_of};
use crate::cli::context::{self, Context};
use crate::config::oauth::{Profile, Provider};
use crate::error::{self, Fault, Kind};
use crate::mail::address;
use crate::net::discover::{self, Candidate, Found, Protocol, Search, Tried};
use crate::net::reach::Reach;
use crate::store::accounts::{Account, Auth};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// `account discover`
#[derive(Debug, Args)]
pub struct DiscoverArgs {
    /// E-mail address
    address: String,
    /// Also ask Thunderbird's public database, which learns the domain by that
    #[arg(long)]
    ispdb: bool,
}

/// What was found for an address.
pub struct Shown {
    address: String,
    pub found: Found,
    /// Of the configuration, for tokens.
    pub profile: Option<String>,
}

/// Fields of a discovery in their order.
pub const COLUMNS: &[Column<Shown>] = &[
    Column::new("address", head("ADDRESS").labelled(), |one, _| Cell::text(&one.address)),
    Column::new("source", head("FOUND BY").labelled(), |one, _| Cell::text(&one.found.source.told())),
    Column::new("preset", unlisted().labelled(), |one, _| Cell::opt_text(one.found.preset.map(|preset| preset.name))),
    Column::new("imap", head("IMAP").labelled(), |one, _| server(Some(&one.found.imap))),
    Column::new("smtp", head("SMTP").labelled(), |one, _| server(one.found.smtp.as_ref())),
    Column::new("auth", unlisted().labelled(), |one, _| Cell::text(auth(&one.found.imap).as_str())),
    Column::new("others", unlisted().labelled(), |one, _| {
        Cell::words(&one.found.others.iter().map(in_words).collect::<Vec<_>>())
    }),
    Column::new("doubts", unlisted().labelled(), |one, _| Cell::words(&one.found.doubts)),
    Column::new("command", unlisted().labelled(), |one, _| Cell::text(&command(one))),
];

fn server(candidate: Option<&Candidate>) -> Cell {
    let Some(one) = candidate else { return Cell::none() };
    let json = json!({"host": one.host, "port": one.port, "tls": tls_of(one.tls).as_str(), "login": one.login});
    Cell::object(json, &format!("{}, login {}", in_words(one), one.login))
}

fn in_words(one: &Candidate) -> String {
    format!("{}:{} {}", one.host, one.port, tls_of(one.tls))
}

fn auth(one: &Candidate) -> Auth {
    if one.only_tokens { Auth::XOAuth2 } else { Auth::Password }
}

/// The command that adds the account, with every value that is known.
fn command(one: &Shown) -> String {
    let name = one.address.split(['@', '+']).next().unwrap_or("mail");
    let mut words = ["espomail", "account", "add", name, "--address", &one.address].join(" ");
    match one.found.preset {
        Some(preset) => words += &format!(" --preset {}", preset.name),
        None => {
            for (flag, server) in [("", Some(&one.found.imap)), ("smtp-", one.found.smtp.as_ref())] {
                let Some(server) = server else { continue };
                let to = if flag.is_empty() { "imap" } else { "smtp" };
                words += &format!(" --{to} {}:{} --{flag}tls {}", server.host, server.port, tls_of(server.tls));
                if server.login != one.address {
                    words += &format!(" --{flag}login {}", shlex::try_quote(&server.login).unwrap_or_default());
                }
            }
        }
    }
    match (one.found.imap.only_tokens, &one.profile) {
        (true, profile) => words + " --oauth " + profile.as_deref().unwrap_or("PROFILE"),
        (false, _) => words + " --secret stdin",
    }
}

/// The only profile of the configuration for a provider.
fn profile<'a>(found: &Found, ctx: &'a Context) -> Option<&'a str> {
    let is_at_microsoft = found.preset.is_some_and(|preset| ["m365", "outlook"].contains(&preset.name));
    let is_meant = |profile: &Profile| (profile.provider() == Provider::M365) == is_at_microsoft;
    let mut names = ctx.config.oauth.iter().filter(|(_, profile)| is_meant(profile)).map(|(name, _)| name.as_str());
    names.next().filter(|_| names.next().is_none())
}

/// Runs `account discover`.
pub fn run(args: &DiscoverArgs, ctx: &Context) -> Result<()> {
    let shown = look(&args.address, args.ispdb, ctx)?;
    ctx.ui.object("discovery", COLUMNS, &shown)?;
    if let Some(preset) = shown.found.preset.filter(|preset| !preset.hint.is_empty()) {
        ctx.ui.hint(&format!("{}: {}", preset.name, preset.hint));
    }
    Ok(())
}

/// Looks for the servers of an address.
///
/// # Errors
/// It is not an address, or nothing was found.
pub fn look(given: &str, ispdb: bool, ctx: &Context) -> Result<Shown> {
    let address = context::mail_address("ADDRESS", given)?;
    let reach = match ctx.caller.is_delegated() {
        true => Reach::Public(ctx.config.allowed_hosts.clone()),
        false => Reach::Anywhere,
    };
    let search = Search { resolver: ctx.config.resolver, reach, ispdb };
    let (found, tried) = discover::discover(&address, &search);
    for Tried { asked, came } in &tried {
        ctx.ui.verbose(1, &format!("{asked}: {came}"));
    }
    match found {
        Some(found) => {
            let profile = profile(&found, ctx).map(str::to_owned);
            Ok(Shown { address, found, profile })
        }
        None => {
            // One line for each place: together they are a wall of words.
            let told: Vec<String> = tried.iter().map(|one| format!("{}: {}", one.asked, one.came)).collect();
            if ctx.ui.for_people() && ctx.ui.verbosity == 0 {
                told.iter().for_each(|line| ctx.ui.note(&ctx.ui.set_in(line, 0)));
            }
            Err(nothing(&address, &told, ispdb, ctx.ui.for_people()))
        }
    }
}

fn nothing(address: &str, told: &[String], ispdb: bool, for_people: bool) -> anyhow::Error {
    let tried = if for_people { String::new() } else { format!(": {}", told.join("; ")) };
    let words = format!("no servers found for {}{tried}", address::domain(address));
    let more = match ispdb {
        true => String::new(),
        false => format!("; espomail account discover {address} --ispdb also asks a public database"),
    };
    Fault::new(Kind::Unavailable, words)
        .hint(format!("ask the people who run the mailbox, and name its servers: --imap HOST --smtp HOST{more}"))
        .into()
}

/// What somebody has said of the login already.
pub struct Said<'a> {
    pub login: Option<&'a str>,
    /// Where access tokens come from.
    pub has_tokens: bool,
}

/// The servers of an address, to which somebody has said yes.
///
/// # Errors
/// Nothing was found, the servers want what was not given, the answer is no, or nobody can be asked about a doubt.
pub fn agreed(address: &str, said: &Said<'_>, ispdb: bool, ctx: &Context) -> Result<Found> {
    let Shown { mut found, .. } = look(address, ispdb, ctx)?;
    if let Some(login) = said.login {
        let usual = found.imap.login.clone();
        let servers = std::iter::once(&mut found.imap).chain(&mut found.smtp);
        servers.filter(|one| one.login == usual).for_each(|one| login.clone_into(&mut one.login));
    }
    tell(&found, "not found: add --smtp HOST, or the account only fetches", ctx);
    if found.imap.only_tokens && !said.has_tokens {
        let text = format!("--oauth is missing: {} takes access tokens and no password", found.imap.host);
        let hint = match profile(&found, ctx) {
            Some(name) => format!("by the profile of the configuration: --oauth {name}"),
            None => "make a profile in the configuration: espomail man oauth; then add --oauth PROFILE".to_owned(),
        };
        return Err(error::usage(text).hint(hint).into());
    }
    let asks = ctx.ui.stdin_is_terminal() && !ctx.no_input;
    if asks || !found.doubts.is_empty() {
        ctx.confirm("Use these servers?")?;
    }
    Ok(found)
}

/// Shows the servers that were found.
pub fn tell(found: &Found, without_smtp: &str, ctx: &Context) {
    ctx.ui.note(&ctx.ui.set_in(&format!("Found by {}:", found.source.told()), 0));
    for (name, server) in [("IMAP", Some(&found.imap)), ("SMTP", found.smtp.as_ref())] {
        let told = server
            .map_or_else(|| without_smtp.to_owned(), |server| format!("{}, login {}", in_words(server), server.login));
        ctx.ui.note(&ctx.ui.hanging(&format!("  {name}  "), &told));
    }
    found.doubts.iter().for_each(|doubt| ctx.ui.concern(doubt));
}

/// Gives an account what was found; what is given besides comes after it.
pub fn apply(found: &Found, account: &mut Account) {
    if let Some(preset) = found.preset {
        return presets::apply(preset, account);
    }
    for one in [Some(&found.imap), found.smtp.as_ref()].into_iter().flatten() {
        let server = match one.protocol {
            Protocol::Imap => &mut account.imap,
            Protocol::Smtp => &mut account.smtp,
        };
        (server.host, server.port, server.tls) = (Some(one.host.clone()), one.port, tls_of(one.tls));
        (server.login, server.auth) = (one.login.clone(), auth(one));
    }
}
