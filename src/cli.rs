//! The command line: flags -> one operation -> the result shown. One file per noun.
//!
//! Every leaf command begins its help with two real examples (`before_help`); a test walks the tree and
//! finds those without, and compares it with the man page.

pub mod account;
mod apart;
mod arenas;
mod away;
mod busy;
pub mod case;
pub mod check;
mod command_words;
pub mod completions;
pub mod config;
mod confirm;
pub mod connect;
pub mod context;
mod cron;
pub mod day;
pub mod db;
pub mod delivery;
pub mod doctor;
mod editor;
mod email;
pub mod events;
pub mod export;
pub mod fetch;
pub mod filter;
pub mod folder;
pub mod help;
pub mod host;
pub mod import;
pub mod ingest;
pub mod init;
mod keyless;
mod labels;
pub mod letter;
pub mod log;
mod mail_page;
mod mailboxes;
pub mod man;
pub mod metrics;
mod named_files;
pub mod notification;
pub mod outbox;
mod page;
mod passwords;
mod ping;
pub mod quarantine;
pub mod query;
pub mod record;
mod replaced;
pub mod report;
pub mod role;
mod run;
mod same_place;
pub mod schema;
pub mod search;
pub mod send;
pub mod status;
pub mod stream;
mod sudo_front;
mod sudo_policy;
mod sudo_relay;
mod summary;
pub mod team;
pub mod template;
#[cfg(test)]
mod tests;
pub mod text;
mod typed;
mod unsent;
mod usage;
pub mod user;
pub mod whoami;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{ArgAction, Parser, Subcommand, ValueHint};

pub use self::run::run;
use crate::ui::output::Format;
use crate::ui::terminal::{Color, Facts};
use crate::units;

/// Turn mailboxes into cases that agents answer from the shell
#[derive(Debug, Parser)]
#[command(
    name = "espomail",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    before_help = "Examples:\n  $ espomail init\n  $ espomail fetch\n  $ espomail case list --mine is:open"
)]
pub struct Cli {
    // Of these three the last counts: an alias of the shell may name them.
    /// Database: a file, or the name of one on a server such as postgresql://HOST/NAME
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        overrides_with = "db",
        value_name = "PATH",
        env = "ESPOMAIL_DB",
        hide_env_values = true
    )]
    db: Option<PathBuf>,
    /// Configuration file
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        overrides_with = "config",
        value_name = "PATH",
        env = "ESPOMAIL_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    /// State directory: the passwords and tokens that are kept in files
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        overrides_with = "state",
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        env = "ESPOMAIL_STATE",
        hide_env_values = true
    )]
    state: Option<PathBuf>,
    /// Act as this user
    #[arg(long = "as", global = true, help_heading = "Global options", value_name = "USER")]
    acting_as: Option<String>,
    /// Print only ids and errors
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    quiet: bool,
    /// Print more; twice for the steps of the protocols
    #[arg(short, long, global = true, help_heading = "Global options", action = ArgAction::Count)]
    verbose: u8,
    /// Append the program's log to this file; syslog = to the system's log
    #[arg(long, global = true, help_heading = "Global options", value_name = "FILE")]
    log: Option<PathBuf>,
    /// Output format
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value = "table")]
    format: Format,
    /// Same as --format json
    #[arg(long, global = true, help_heading = "Global options", conflicts_with = "format")]
    json: bool,
    /// Fields to show, in this order
    #[arg(long, global = true, help_heading = "Global options", value_name = "A,B", value_delimiter = ',')]
    fields: Vec<String>,
    /// Print no headings
    #[arg(long, global = true, help_heading = "Global options")]
    no_headers: bool,
    /// When to use colour
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value = "auto")]
    color: Color,
    /// Start no pager
    #[arg(long, global = true, help_heading = "Global options")]
    no_pager: bool,
    /// Show times in UTC
    #[arg(long, global = true, help_heading = "Global options")]
    utc: bool,
    /// Never prompt
    #[arg(long, global = true, help_heading = "Global options")]
    no_input: bool,
    /// Show what would happen and change nothing
    #[arg(long, global = true, help_heading = "Global options")]
    dry_run: bool,
    /// Answer every question with yes
    #[arg(short, long, global = true, help_heading = "Global options")]
    yes: bool,
    /// Number of files that precede standard input; used by espomail itself, through sudo
    #[arg(long, global = true, hide = true, value_name = "N", default_value_t = 0)]
    front: u32,
    /// What the other side shows, asks and edits; used by espomail itself, through sudo
    #[arg(long, global = true, hide = true, value_name = "FACTS")]
    afar: Option<Facts>,
    /// `None` = the day of the user.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the database, on a terminal with the first mailbox by questions, and show the next steps
    #[command(
        before_help = "Examples:\n  $ espomail init\n  $ espomail init --admin ana --address support@example.org --secret stdin --create-case --case-team Support --distribution round-robin --fetch"
    )]
    Init(Box<init::InitArgs>),
    /// Fetch new mail, turn it into cases, and send queued mail
    #[command(
        before_help = "Examples:\n  $ espomail fetch\n  $ espomail -v fetch support --limit 10\n  $ espomail --dry-run fetch"
    )]
    Fetch(fetch::FetchArgs),
    /// Send queued mail
    #[command(before_help = "Examples:\n  $ espomail send\n  $ espomail send --summary")]
    Send(send::SendArgs),
    /// Take one message on standard input
    #[command(
        before_help = "Examples:\n  $ espomail ingest --account support < mail.eml\n  | \"/usr/bin/espomail ingest --account support\"\n  $ espomail ingest --account support --recipient \"$RECIPIENT\" --sender \"$SENDER\" < mail.eml"
    )]
    Ingest(ingest::IngestArgs),
    /// Show whether everything works
    #[command(before_help = "Examples:\n  $ espomail status\n  $ espomail --json status")]
    Status(status::StatusArgs),
    /// Report the state in one line for a monitoring system; exit status 0, 1, 2 or 3
    #[command(before_help = "Examples:\n  $ espomail check\n  $ espomail check --max-age 30m --max-quarantine 5")]
    Check(check::CheckArgs),
    /// Print numbers for Prometheus, or write them to a file for its node exporter
    #[command(
        before_help = "Examples:\n  $ espomail metrics\n  $ espomail metrics --textfile /var/lib/prometheus/node-exporter/espomail.prom"
    )]
    Metrics(metrics::MetricsArgs),
    /// Check the installation and suggest fixes
    #[command(before_help = "Examples:\n  $ espomail doctor\n  $ espomail doctor --fix --offline")]
    Doctor(doctor::DoctorArgs),
    #[command(subcommand, alias = "accounts")]
    Account(account::AccountCommand),
    #[command(subcommand, alias = "filters")]
    Filter(filter::FilterCommand),
    #[command(subcommand, alias = "templates")]
    Template(template::TemplateCommand),
    #[command(subcommand, alias = "teams")]
    Team(team::TeamCommand),
    #[command(subcommand, alias = "roles")]
    Role(role::RoleCommand),
    #[command(subcommand, alias = "users")]
    User(user::UserCommand),
    #[command(subcommand, alias = "cases")]
    Case(case::CaseCommand),
    #[command(subcommand, alias = "emails")]
    Email(email::EmailCommand),
    #[command(subcommand, alias = "searches")]
    Search(search::SearchCommand),
    #[command(subcommand, alias = "folders")]
    Folder(folder::FolderCommand),
    /// Show what happened on a record
    #[command(before_help = "Examples:\n  $ espomail stream company/3\n  $ espomail --json stream case/12")]
    Stream(stream::StreamArgs),
    /// Show what happened after an event, for other programs
    #[command(
        before_help = "Examples:\n  $ espomail --format ndjson events --after 4711\n  $ espomail -q events --limit 0 | tail -n 1"
    )]
    Events(events::EventsArgs),
    /// Write an internal note on a record, which is never sent to a customer
    #[command(
        before_help = "Examples:\n  $ espomail note company/3 -m 'prefers to be called'\n  $ espomail note lead/7 -F notes.txt"
    )]
    Note(stream::NoteArgs),
    #[command(subcommand, alias = "notifications")]
    Notification(notification::NotificationCommand),
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineCommand),
    #[command(alias = "hosts")]
    Host(host::HostArgs),
    #[command(subcommand)]
    Db(db::DbCommand),
    #[command(subcommand)]
    Log(log::LogCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show which user you are acting as
    #[command(before_help = "Examples:\n  $ espomail whoami\n  $ espomail --as ana whoami")]
    Whoami(whoami::WhoamiArgs),
    /// Print the JSON fields of a command's result
    #[command(before_help = "Examples:\n  $ espomail schema\n  $ espomail schema cases")]
    Schema(schema::SchemaArgs),
    /// Show a page of the manual, or write all pages into a directory
    #[command(
        before_help = "Examples:\n  $ espomail man\n  $ espomail man account\n  $ espomail man --to /usr/local/share/man"
    )]
    Man(man::ManArgs),
    /// Show the help of a command, or a topic of the manual
    #[command(before_help = "Examples:\n  $ espomail help case reply\n  $ espomail help query")]
    Help(help::HelpArgs),
    /// Print a completion script for a shell
    #[command(
        before_help = "Examples:\n  $ espomail completions bash > /etc/bash_completion.d/espomail\n  $ espomail completions fish > ~/.config/fish/completions/espomail.fish"
    )]
    Completions(completions::CompletionsArgs),
    #[command(subcommand, alias = "records")]
    Record(record::RecordCommand),
    #[command(subcommand, alias = "reports")]
    Report(report::ReportCommand),
    #[command(subcommand)]
    Import(import::ImportCommand),
    #[command(subcommand)]
    Export(export::ExportCommand),
}

// Values of flags ---------------------------------------------------------------------------------------

/// A case number, as `12` or `#12`.
fn case_number(text: &str) -> Result<i64, String> {
    let number = text.strip_prefix('#').unwrap_or(text).parse::<i64>().ok().filter(|n| *n > 0);
    number.ok_or_else(|| format!("\"{text}\" is not a case number; write it as 12"))
}

fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text)
}

fn size(text: &str) -> Result<u64, String> {
    units::size(text)
}
