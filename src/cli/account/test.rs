//! `account test`: the way to both servers step by step, each with its time, and what a fetch would bring.

mod unkept;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

pub use self::unkept::{Refused, before_it_is_kept, while_it_is_asked};
use super::readable;
use super::token;
use crate::cli::connect::{self, Connector, Protocol};
use crate::cli::context::{self, Context};
use crate::config::Config;
use crate::error::{self, Fault, Kind};
use crate::intake::trial::probe::{Arrived, Probe};
use crate::intake::trial::{self, Waiting};
use crate::intake::verdicts::Verdicts;
use crate::intake::{concerns, junk};
use crate::net::trail::{Taken, Trail};
use crate::net::{MailSource, MailTransport, NetError, Quota};
use crate::place::Place;
use crate::store::accounts::{self, Account, Folder};
use crate::system_words;
use crate::ui::cell::{Cell, Column, Field, head, unlisted};
use crate::units;

/// What stands for the issuer of tokens.
const ISSUER: &str = "OAuth";

/// A mailbox that is fuller, in percent, is soon full.
pub const NEARLY_FULL: u64 = 90;

/// `account test`
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Account
    account: String,
    /// Send a message from the account to itself, wait for it and remove it
    #[arg(long)]
    send_probe: bool,
    /// Maximum time to wait for the probe
    #[arg(long, value_name = "DURATION", default_value = "60s", allow_hyphen_values = true, value_parser = units::duration, requires = "send_probe")]
    wait: Duration,
}

/// Fields of a step in their order.
pub const COLUMNS: &[Column<Row>] = &[
    Column::new("protocol", head("PROTOCOL"), |row, _| Cell::text(row.protocol)),
    Column::new("step", head("STEP"), |row, _| Cell::text(row.step)),
    Column::new("state", head("STATE"), |row, _| Cell::text(row.state)),
    Column::new("ms", head("TIME"), |row, _| milliseconds(row.took)),
    Column::new("text", head("FOUND").wrapping(), |row, _| Cell::text(&row.text)),
    Column::new("hints", unlisted(), |row, _| Cell::words(&row.hints)),
    Column::new("messages", unlisted(), |row, _| {
        let folder = |(name, waiting): &(String, Waiting)| json!({"name": name, "count": waiting.messages, "new": waiting.new, "size": waiting.bytes});
        Cell::object(row.folder.iter().map(folder).collect(), "")
    }),
];

/// One step that was taken.
#[derive(Debug, Default)]
pub struct Row {
    protocol: &'static str,
    step: &'static str,
    state: &'static str,
    took: Option<Duration>,
    text: String,
    hints: Vec<String>,
    /// The folder that was opened, and what a fetch would bring.
    folder: Option<(String, Waiting)>,
}

fn milliseconds(took: Option<Duration>) -> Cell {
    let Some(took) = took else { return Cell::none() };
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Cell::object(json!(ms), &format!("{ms} ms"))
}

/// The steps so far.
struct Report<'a> {
    account: &'a Account,
    /// Secrets that are not kept yet.
    typed: Vec<(PathBuf, Zeroizing<String>)>,
    rows: Vec<Row>,
    failed: Option<anyhow::Error>,
    /// Certificates that are not trusted.
    unknown: Vec<(Protocol, String)>,
}

impl<'a> Report<'a> {
    fn new(account: &'a Account, typed: Vec<(PathBuf, Zeroizing<String>)>) -> Report<'a> {
        Report { account, typed, rows: Vec::new(), failed: None, unknown: Vec::new() }
    }

    /// What another server showed comes after what this one did.
    fn take(&mut self, other: Report<'_>) {
        self.rows.extend(other.rows);
        self.unknown.extend(other.unknown);
        self.failed = self.failed.take().or(other.failed);
    }

    fn connector<'c>(&self, trail: &Trail, config: &'c Config, place: &'c Place) -> Connector<'c> {
        Connector::new(config, place).at_once(true).watched(trail).knowing(self.typed.clone())
    }

    fn ok(&mut self, protocol: &'static str, step: &'static str, took: Option<Duration>, text: String) {
        self.rows.push(Row { protocol, step, state: "ok", took, text, ..Row::default() });
    }

    fn warn(&mut self, protocol: &'static str, step: &'static str, text: String, hint: String) {
        self.rows.push(Row { protocol, step, state: "warn", text, hints: vec![hint], ..Row::default() });
    }

    fn fail(&mut self, protocol: Protocol, step: &'static str, took: Option<Duration>, error: anyhow::Error) {
        let hints = connect::advice(self.account, protocol, &error).into_iter().collect();
        let (name, text) = (protocol.name(), system_words::chain(&error));
        self.rows.push(Row { protocol: name, step, state: "fail", took, text, hints, ..Row::default() });
        let seen = error.downcast_ref::<NetError>().and_then(|error| error.fingerprint.clone());
        self.unknown.extend(seen.filter(|seen| seen.starts_with("cert:")).map(|seen| (protocol, seen)));
        self.failed.get_or_insert(error);
    }

    /// The steps of a connection, and what it came to.
    fn connected<T>(&mut self, protocol: Protocol, trail: &Trail, session: Result<T>) -> Option<T> {
        let (taken, ended) = trail.told();
        for Taken { step, took, found } in taken {
            self.ok(protocol.name(), step.as_str(), Some(took), found);
        }
        match session {
            Ok(session) => Some(session),
            Err(error) => {
                // What does not even begin is the secret, or another setting.
                let step = ended.as_ref().map_or("settings", |ended| ended.step.as_str());
                self.fail(protocol, step, ended.map(|ended| ended.took), error);
                None
            }
        }
    }
}

/// Tries an account by its name, and sends nothing.
pub fn of_account(name: &str, ctx: &Context) -> Result<()> {
    run(&TestArgs { account: name.to_owned(), send_probe: false, wait: Duration::ZERO }, ctx)
}

/// Asks the issuer for an access token; whether the servers can be tried.
fn ask_issuer(report: &mut Report<'_>, ctx: &Context) -> bool {
    let Some(profile) = report.account.oauth() else { return true };
    let begun = Instant::now();
    match token::tested(report.account, profile, ctx) {
        Ok(found) => {
            let text = format!("{} ({})", found.text, found.server);
            report.ok(ISSUER, "token", Some(begun.elapsed()), text);
            if let Some(warning) = found.warning {
                report.warn(ISSUER, "clock", warning, "timedatectl set-ntp true".to_owned());
            }
            true
        }
        Err(error) => {
            let (text, hints) = (system_words::chain(&error), error::classify(&error).1.into_iter().collect());
            let took = Some(begun.elapsed());
            report.rows.push(Row {
                protocol: ISSUER,
                step: "token",
                state: "fail",
                took,
                text,
                hints,
                ..Row::default()
            });
            report.failed.get_or_insert(error);
            false
        }
    }
}

/// Runs `account test`.
pub fn run(args: &TestArgs, ctx: &Context) -> Result<()> {
    let account = readable(&args.account, "account test", ctx)?;
    if args.send_probe && (account.imap.host.is_none() || account.smtp.host.is_none()) {
        return Err(error::data(format!("--send-probe: account {} does not both send and fetch", account.name)).into());
    }
    let store = ctx.store()?;
    let _claim = if args.send_probe && !ctx.dry_run {
        // A fetch would import the message.
        Some(context::claim(&store, &account)?)
    } else {
        None
    };
    let mut report = Report::new(&account, Vec::new());
    let folders = ctx.store()?.read(|tx| accounts::folders(tx, account.id))?;
    // Without a token both servers would be told as the issuer was.
    let has_token = ask_issuer(&mut report, ctx);
    let mut source = if has_token && account.imap.host.is_some() { imap(&mut report, &folders, ctx) } else { None };
    if let Some(source) = &mut source {
        take_junk_folder(&mut report, source.as_mut());
    }
    let mut transport =
        if has_token && account.smtp.host.is_some() { smtp(&mut report, &ctx.config, &ctx.place) } else { None };
    if let (true, Some(source), Some(transport)) = (args.send_probe, &mut source, &mut transport) {
        let polled: Vec<String> = folders.iter().filter(|f| !f.sent).map(|f| f.name.clone()).collect();
        probe(&mut report, args, (source.as_mut(), transport.as_mut()), &polled, ctx);
    }
    if let Some(mut source) = source {
        source.logout();
    }
    if let Some(mut transport) = transport {
        transport.quit();
    }
    show(report, ctx)
}

fn smtp(report: &mut Report<'_>, config: &Config, place: &Place) -> Option<Box<dyn MailTransport>> {
    let trail = Trail::default();
    let session = report.connector(&trail, config, place).smtp(report.account, None);
    report.connected(Protocol::Smtp, &trail, session)
}

/// Logs in and looks at each folder, at one message and at the room that is left.
fn imap(report: &mut Report<'_>, folders: &[Folder], ctx: &Context) -> Option<Box<dyn MailSource>> {
    let trail = Trail::default();
    let session = report.connector(&trail, &ctx.config, &ctx.place).imap(report.account, None);
    let mut source = report.connected(Protocol::Imap, &trail, session)?;
    let mut judged_by = None;
    for folder in folders {
        let begun = Instant::now();
        let (open, waiting) = match trial::folder(source.as_mut(), folder, report.account.fetching.fetch_since) {
            Ok(found) => found,
            Err(error) => {
                let goes_on = error.downcast_ref().is_some_and(NetError::is_of_folder);
                report.fail(Protocol::Imap, "folder", Some(begun.elapsed()), error);
                if goes_on {
                    continue;
                }
                return None;
            }
        };
        let (text, took) = (brings(&folder.name, &waiting), Some(begun.elapsed()));
        let found = Some((folder.name.clone(), waiting));
        report.rows.push(Row {
            protocol: "IMAP",
            step: "folder",
            state: "ok",
            took,
            text,
            folder: found,
            ..Row::default()
        });
        if judged_by.is_none() && !folder.sent {
            let begun = Instant::now();
            match trial::newest(source.as_mut(), open) {
                Ok(None) => {}
                Ok(Some(newest)) => {
                    let text = format!("UID {} of {}, {}", newest.uid, folder.name, units::about(newest.size));
                    report.ok("IMAP", "message", Some(begun.elapsed()), text);
                    judged_by = Some(newest.judged_by);
                }
                Err(error) => {
                    report.fail(Protocol::Imap, "message", Some(begun.elapsed()), error);
                    return None;
                }
            }
        }
    }
    verdicts(report, judged_by.flatten(), ctx);
    let begun = Instant::now();
    match source.quota() {
        Ok(quota) => take_quota(report, quota, begun.elapsed()),
        Err(error) => report.fail(Protocol::Imap, "quota", Some(begun.elapsed()), error.into()),
    }
    Some(source)
}

fn brings(folder: &str, waiting: &Waiting) -> String {
    let messages = if waiting.messages == 1 { "message" } else { "messages" };
    let new = match waiting.new {
        0 => "a fetch brings none".to_owned(),
        new => format!("a fetch brings {new} ({})", units::about(waiting.bytes)),
    };
    format!("{folder}: {} {messages}; {new}", waiting.messages)
}

/// Where `email junk` lets mail go.
fn take_junk_folder(report: &mut Report<'_>, source: &mut dyn MailSource) {
    let (account, begun) = (report.account, Instant::now());
    let listed = match source.folders() {
        Ok(listed) => listed,
        Err(error) => return report.fail(Protocol::Imap, "junk", Some(begun.elapsed()), error.into()),
    };
    match junk::junk_folder_of(account, &listed) {
        Ok(folder) => report.ok("IMAP", "junk", Some(begun.elapsed()), format!("goes to {folder}")),
        // Who has no use for it has nothing to do.
        Err(why) if account.fetching.junk_folder.is_none() => report.ok("IMAP", "junk", Some(begun.elapsed()), why),
        Err(why) => report.warn("IMAP", "junk", why, concerns::name_junk_folder(&account.name)),
    }
}

fn take_quota(report: &mut Report<'_>, quota: Option<Quota>, took: Duration) {
    let Some(quota) = quota else {
        return report.ok("IMAP", "quota", Some(took), "the server does not tell".to_owned());
    };
    match quota.percent().filter(|percent| *percent >= NEARLY_FULL) {
        None => report.ok("IMAP", "quota", Some(took), filled(&quota)),
        Some(_) => report.warn("IMAP", "quota", filled(&quota), make_room(report.account)),
    }
}

/// What to do about a mailbox that is nearly full.
pub fn make_room(account: &Account) -> String {
    format!(
        "a full mailbox takes no mail: make room there, or remove what is fetched: espomail account edit {} --after delete",
        account.name
    )
}

/// How full a mailbox is, in words.
pub fn filled(quota: &Quota) -> String {
    let bytes = quota.bytes.map(|(used, limit)| format!("{} of {}", units::about(used), units::about(limit)));
    let messages = quota.messages.map(|(used, limit)| format!("{used} of {limit} messages"));
    let parts: Vec<String> = bytes.into_iter().chain(messages).collect();
    format!("{} used ({} %)", parts.join(", "), quota.percent().unwrap_or_default())
}

/// Who judges the mail, by what is in the database, else by the newest message of the mailbox.
fn verdicts(report: &mut Report<'_>, newest: Option<String>, ctx: &Context) {
    let known = ctx.read(|tx, _| Verdicts::of(tx, report.account.id)).unwrap_or_default();
    let known = if known.mails == 0 { newest.map_or(known, Verdicts::of_one) } else { known };
    match known.hint(report.account) {
        None => report.ok("IMAP", "DMARC", None, known.told()),
        Some(hint) => report.warn("IMAP", "DMARC", known.told(), hint),
    }
}

fn probe(
    report: &mut Report<'_>,
    args: &TestArgs,
    (source, transport): (&mut dyn MailSource, &mut dyn MailTransport),
    polled: &[String],
    ctx: &Context,
) {
    let address = report.account.address.clone();
    if ctx.dry_run {
        return report.ok("SMTP", "probe", None, format!("dry run: a message would go to {address}"));
    }
    let begun = Instant::now();
    let probe = match Probe::new(&address, ctx.now()).and_then(|probe| probe.send(transport).map(|()| probe)) {
        Ok(probe) => probe,
        Err(error) => return report.fail(Protocol::Smtp, "probe", Some(begun.elapsed()), error),
    };
    report.ok("SMTP", "probe", Some(begun.elapsed()), format!("handed over, to {address}"));
    match probe.wait(source, polled, args.wait) {
        Ok(Some(Arrived { folder, after })) => {
            report.ok("IMAP", "probe", Some(after), format!("arrived in {folder}, and removed"));
        }
        Ok(None) => {
            let waited = units::write_duration(args.wait);
            let error = Fault::new(Kind::TempFail, format!("it did not arrive within {waited}"))
                .hint("it stays in the mailbox if it comes later; wait longer: --wait 5m");
            report.fail(Protocol::Imap, "probe", Some(begun.elapsed()), error.into());
        }
        Err(error) => report.fail(Protocol::Imap, "probe", Some(begun.elapsed()), error),
    }
}

fn show(report: Report<'_>, ctx: &Context) -> Result<()> {
    let account = Field::unseen("account", Cell::named(report.account.id, &report.account.name));
    ctx.ui.list_with("account_test", COLUMNS, &report.rows, vec![account])?;
    if ctx.ui.for_people() {
        for row in report.rows.iter().filter(|row| row.state != "ok") {
            if row.state == "fail" {
                let step = match row.protocol {
                    ISSUER => ISSUER.to_owned(),
                    protocol => format!("{protocol} {}", row.step),
                };
                ctx.ui.warn(&format!("account \"{}\": {step}: {}", report.account.name, row.text));
            }
            row.hints.iter().for_each(|hint| ctx.ui.hint(hint));
        }
    }
    match report.failed {
        Some(error) => Err(context::told(error::classify(&error).0)),
        None => Ok(()),
    }
}
