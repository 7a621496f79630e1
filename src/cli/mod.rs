//! The command line: flags -> one operation -> the result shown. One file per noun.
//!
//! Every leaf command begins its help with two real examples (`before_help`); a test walks the tree and
//! finds those without, and compares it with the man page.

pub mod account;
mod afar;
pub mod attachment;
pub mod case;
pub mod check;
pub mod completions;
pub mod config;
pub mod connect;
pub mod context;
pub mod db;
mod delegation;
pub mod delivery;
pub mod doctor;
mod email;
pub mod export;
pub mod fetch;
pub mod filter;
pub mod folder;
mod front;
pub mod import;
pub mod ingest;
pub mod init;
pub mod letter;
pub mod log;
pub mod man;
mod named;
pub mod notification;
pub mod outbox;
pub mod quarantine;
pub mod query;
pub mod record;
pub mod role;
pub mod schema;
pub mod status;
pub mod stream;
pub mod team;
pub mod template;
pub mod text;
pub mod user;
pub mod whoami;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::context::Context;
use crate::access::Actor;
use crate::caller::{Caller, Process, Standing};
use crate::config::{self as configuration, Config};
use crate::error::{self, Ended, Fault, Kind};
use crate::store::db::Tx;
use crate::ui::output::{self, Color, Format, Ui};
use crate::units;

/// Turns mailboxes into cases that agents answer from the shell.
#[derive(Debug, Parser)]
#[command(
    name = "espomail",
    version,
    about,
    max_term_width = 100,
    before_help = "Examples:\n  $ espomail init\n  $ espomail fetch\n  $ espomail case list --mine is:open"
)]
pub struct Cli {
    /// Database
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "PATH",
        env = "ESPOMAIL_DB",
        hide_env_values = true
    )]
    db: Option<PathBuf>,
    /// Configuration
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "PATH",
        env = "ESPOMAIL_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    /// Act as this user
    #[arg(long = "as", global = true, help_heading = "Global options", value_name = "USER")]
    acting_as: Option<String>,
    /// Only ids and errors
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    quiet: bool,
    /// Say more; twice for the protocol's steps
    #[arg(short, long, global = true, help_heading = "Global options", action = ArgAction::Count)]
    verbose: u8,
    /// Append the program's log to this file
    #[arg(long, global = true, help_heading = "Global options", value_name = "FILE")]
    log: Option<PathBuf>,
    /// table, plain, json, ndjson or csv
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value = "table")]
    format: Format,
    /// As --format json
    #[arg(long, global = true, help_heading = "Global options", conflicts_with = "format")]
    json: bool,
    /// Fields to be shown, in this order
    #[arg(long, global = true, help_heading = "Global options", value_name = "A,B", value_delimiter = ',')]
    fields: Vec<String>,
    /// No line of headings
    #[arg(long, global = true, help_heading = "Global options")]
    no_headers: bool,
    /// auto, always or never
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value = "auto")]
    color: Color,
    /// Never start a pager
    #[arg(long, global = true, help_heading = "Global options")]
    no_pager: bool,
    /// Times in UTC
    #[arg(long, global = true, help_heading = "Global options")]
    utc: bool,
    /// Never ask
    #[arg(long, global = true, help_heading = "Global options")]
    no_input: bool,
    /// Show what would happen, change nothing
    #[arg(long, global = true, help_heading = "Global options")]
    dry_run: bool,
    /// Yes to every question
    #[arg(short, long, global = true, help_heading = "Global options")]
    yes: bool,
    /// So many files stand before what comes by standard input; used by espomail itself, through sudo
    #[arg(long, global = true, hide = true, value_name = "N", default_value_t = 0)]
    front: u32,
    /// The editor runs on the other side; used by espomail itself, through sudo
    #[arg(long, global = true, hide = true)]
    edits_afar: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the database and says what comes next
    #[command(before_help = "Examples:\n  $ espomail init\n  $ espomail --db /srv/mail/espomail.db init")]
    Init(init::InitArgs),
    /// Polls the mailboxes, makes and follows up cases, sends what waits
    #[command(
        before_help = "Examples:\n  $ espomail fetch\n  $ espomail -v fetch support --limit 10\n  $ espomail --dry-run fetch"
    )]
    Fetch(fetch::FetchArgs),
    /// Sends what waits in the outbox
    #[command(before_help = "Examples:\n  $ espomail send\n  $ espomail send --summary")]
    Send(fetch::SendArgs),
    /// Takes one message on standard input
    #[command(
        before_help = "Examples:\n  $ espomail ingest --account support < mail.eml\n  | \"/usr/bin/espomail ingest --account support\"\n  $ espomail ingest --account support --recipient \"$RECIPIENT\" --sender \"$SENDER\" < mail.eml"
    )]
    Ingest(ingest::IngestArgs),
    /// Says whether everything works
    #[command(before_help = "Examples:\n  $ espomail status\n  $ espomail --json status")]
    Status(status::StatusArgs),
    /// Says in one line for a monitoring system whether everything works; exit code 0, 1, 2 or 3
    #[command(before_help = "Examples:\n  $ espomail check\n  $ espomail check --max-age 30m --max-quarantine 5")]
    Check(check::CheckArgs),
    /// Looks whether everything is as it has to be, and says what to do about what is not
    #[command(before_help = "Examples:\n  $ espomail doctor\n  $ espomail doctor --fix --offline")]
    Doctor(doctor::DoctorArgs),
    #[command(subcommand)]
    Account(account::AccountCommand),
    #[command(subcommand)]
    Filter(filter::FilterCommand),
    #[command(subcommand)]
    Template(template::TemplateCommand),
    #[command(subcommand)]
    Team(team::TeamCommand),
    #[command(subcommand)]
    Role(role::RoleCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand)]
    Case(case::CaseCommand),
    #[command(subcommand)]
    Email(email::EmailCommand),
    #[command(subcommand)]
    Folder(folder::FolderCommand),
    /// Shows what happened on a record
    #[command(before_help = "Examples:\n  $ espomail stream company/3\n  $ espomail --json stream case/12")]
    Stream(stream::StreamArgs),
    /// Writes an internal note on a record, which is never sent to a customer
    #[command(
        before_help = "Examples:\n  $ espomail note company/3 -m 'prefers to be called'\n  $ espomail note lead/7 -F notes.txt"
    )]
    Note(stream::NoteArgs),
    #[command(subcommand)]
    Notification(notification::NotificationCommand),
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineCommand),
    #[command(subcommand)]
    Db(db::DbCommand),
    #[command(subcommand)]
    Log(log::LogCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Says as whom you act
    #[command(before_help = "Examples:\n  $ espomail whoami\n  $ espomail --as ana whoami")]
    Whoami(whoami::WhoamiArgs),
    /// Prints the JSON fields of a command's result
    #[command(before_help = "Examples:\n  $ espomail schema\n  $ espomail schema cases")]
    Schema(schema::SchemaArgs),
    /// Prints the manual page, or writes it into a directory
    #[command(before_help = "Examples:\n  $ espomail man | man -l -\n  $ espomail man /usr/local/share/man/man1")]
    Man(man::ManArgs),
    /// Prints a completion script
    #[command(
        before_help = "Examples:\n  $ espomail completions bash > /etc/bash_completion.d/espomail\n  $ espomail completions fish > ~/.config/fish/completions/espomail.fish"
    )]
    Completions(completions::CompletionsArgs),
    #[command(subcommand)]
    Record(record::RecordCommand),
    #[command(subcommand)]
    Import(import::ImportCommand),
    #[command(subcommand)]
    Export(export::ExportCommand),
}

/// Runs the program; its exit code.
pub fn run() -> ExitCode {
    let mut command = Cli::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(refused) => return usage(&refused.format(&mut command)),
    };
    let ui = cli.ui();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| execute(cli, &command, &matches, &ui)));
    let error = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => error,
        Err(_) => Fault::new(Kind::Bug, "the program met a bug of its own and stopped; nothing half done was kept")
            .hint("please report it with the command you typed")
            .into(),
    };
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    if let Some(Ended(code)) = error.downcast_ref() {
        return ExitCode::from(*code);
    }
    ui.error(&error);
    ExitCode::from(error::classify(&error).0.exit_code())
}

/// Noun and verb of the command, without anything that was typed with them.
fn words(typed: &ArgMatches) -> String {
    match typed.subcommand() {
        Some((word, rest)) => format!("{word} {}", words(rest)).trim_end().to_owned(),
        None => String::new(),
    }
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn usage(refused: &clap::Error) -> ExitCode {
    if matches!(refused.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = refused.print();
        return ExitCode::SUCCESS;
    }
    // It repeats the arguments, which may be pasted from anywhere.
    output::complain(&refused.render().to_string(), asks_for_json());
    ExitCode::from(Kind::Usage.exit_code())
}

/// The command line could not be read, but this much of it can.
fn asks_for_json() -> bool {
    let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let is_format = |word: &str| matches!(word, "json" | "ndjson");
    let pair = words.windows(2).any(|pair| matches!(pair, [flag, format] if flag == "--format" && is_format(format)));
    pair || words.iter().any(|word| word == "--json" || word.strip_prefix("--format=").is_some_and(is_format))
}

fn execute(mut cli: Cli, command: &clap::Command, matches: &ArgMatches, ui: &Ui) -> Result<()> {
    // The default hook would print the panic's text, which may hold mail.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        ::log::error!("panic at {place}");
    }));
    // Where the parent ignores it, the end of a child process could not be waited for.
    signal_hook::flag::register(signal_hook::consts::SIGCHLD, Arc::default())?;
    let process = Process::current();
    if process.is_delegated() {
        named::only_sent(cli.front).map_err(|e| error::data(e.to_string()))?;
        delegation::check(command, matches, std::env::vars_os().map(|(name, _)| name))?;
        delegation::detach()?;
    }
    let config = Config::load(cli.config.as_deref());
    // `config` itself must work with a configuration that does not.
    if let Command::Config(command) = cli.command {
        if process.is_delegated() && matches!(command, config::ConfigCommand::Show(_)) {
            return Err(error::noperm("config show: is refused from a caller who came through sudo").into());
        }
        let services = Some(configuration::path_of_service()).filter(|path| path.exists());
        let is_services = cli.config.is_none() && !process.is_delegated() && front::owner_of_service().is_some();
        return match services.filter(|_| is_services) {
            // What is in force for whoever is taken through sudo.
            Some(path) => config::run(command, Some(&path), Config::load(Some(&path)), ui),
            None => config::run(command, cli.config.as_deref(), config, ui),
        };
    }
    let config = config?;
    let names_none = cli.db.is_none() && cli.config.is_none() && !matches!(cli.command, Command::Init(_));
    let may_be_services = cli.command.needs_database() && names_none && !process.is_delegated();
    if let Some(owner) = front::owner_of_service().filter(|_| may_be_services) {
        return front::run(&owner, command, matches, ui);
    }
    let db_path = cli.db.clone().or_else(|| config.database.clone()).unwrap_or_else(configuration::default_database);
    if let Command::Doctor(args) = &mut cli.command
        && process.is_root()
    {
        args.ask_as_root(&db_path);
    }
    let caller = Caller::of(&process, cli.command.needs_database().then_some(&db_path))?;
    if matches!(caller.standing, Standing::Service | Standing::Delegated) {
        // What is made here is the service user's alone.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    crate::log::start(cli.log.as_deref().or(config.log.file.as_deref()), config.log.level, cli.verbose)?;
    let ctx = Context {
        ui: ui.clone(),
        config,
        db_path,
        command: words(matches),
        caller,
        acting_as: cli.acting_as,
        dry_run: cli.dry_run,
        yes: cli.yes,
        no_input: cli.no_input,
        // Never to a terminal: what is to be edited holds mail.
        edits_afar: cli.edits_afar && process.is_delegated() && !io::stdout().is_terminal(),
    };
    if ctx.caller.is_delegated() && cli.command.needs_database() {
        // Also for what asks nobody.
        ctx.read(|_, _| Ok(()))?;
    }
    dispatch(cli.command, &ctx).inspect_err(|error| ctx.note_refusal(error)).map_err(|error| ctx.told_to_root(error))
}

impl Command {
    /// Whether the database is opened.
    fn needs_database(&self) -> bool {
        !matches!(self, Command::Config(_) | Command::Man(_) | Command::Schema(_) | Command::Completions(_))
    }
}

fn dispatch(command: Command, ctx: &Context) -> Result<()> {
    match command {
        Command::Init(args) => init::run(&args, ctx),
        Command::Fetch(args) => fetch::run(&args, ctx),
        Command::Send(args) => fetch::send(&args, ctx),
        Command::Ingest(args) => ingest::run(&args, ctx),
        Command::Status(args) => status::run(&args, ctx),
        Command::Check(args) => check::run(&args, ctx),
        Command::Doctor(args) => doctor::run(&args, ctx),
        Command::Account(command) => account::run(command, ctx),
        Command::Filter(command) => filter::run(command, ctx),
        Command::Template(command) => template::run(command, ctx),
        Command::Team(command) => team::run(command, ctx),
        Command::Role(command) => role::run(command, ctx),
        Command::User(command) => user::run(command, ctx),
        Command::Case(command) => case::run(command, ctx),
        Command::Email(command) => email::run(command, ctx),
        Command::Folder(command) => folder::run(command, ctx),
        Command::Stream(args) => stream::run(&args, ctx),
        Command::Note(args) => stream::note(&args, ctx),
        Command::Notification(command) => notification::run(command, ctx),
        Command::Outbox(command) => outbox::run(command, ctx),
        Command::Quarantine(command) => quarantine::run(command, ctx),
        Command::Db(command) => db::run(command, ctx),
        Command::Log(command) => log::run(command, ctx),
        Command::Whoami(args) => whoami::run(&args, ctx),
        Command::Schema(args) => schema::run(&args, ctx),
        Command::Man(args) => man::run(&args, ctx),
        Command::Completions(args) => completions::run(&args),
        Command::Config(_) => Ok(()),
        Command::Record(command) => record::run(command, ctx),
        Command::Import(command) => import::run(command, ctx),
        Command::Export(command) => export::run(command, ctx),
    }
}

impl Cli {
    fn ui(&self) -> Ui {
        let terminal = io::stdout().is_terminal();
        let width =
            terminal.then(|| std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or_else(terminal_width));
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Ui {
            format: if self.json { Format::Json } else { self.format },
            fields: self.fields.clone(),
            headers: !self.no_headers,
            color: match self.color {
                Color::Auto => terminal && !plain,
                Color::Always => true,
                Color::Never => false,
            },
            width,
            utc: self.utc,
            quiet: self.quiet,
            verbosity: self.verbose,
            now: Timestamp::now(),
        }
    }
}

fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| usize::from(size.ws_col)).max(20)
}

impl Context {
    /// Root, who became the owner of the database, hears whose rights were too few.
    fn told_to_root(&self, error: anyhow::Error) -> anyhow::Error {
        let became = self.caller.uid == 0 && self.caller.process_uid != 0;
        let denied = io::Error::from_raw_os_error(nix::errno::Errno::EACCES as i32).to_string();
        let (kind, hint) = error::classify(&error);
        let text = format!("{error:#}");
        if !became || hint.is_some() || !text.contains(&denied) {
            return error;
        }
        let owner = crate::caller::login_of(self.caller.process_uid).unwrap_or_else(|| "its owner".to_owned());
        let hint =
            format!("{owner}, who owns the database, opens files, also for root: name one that {owner} may open");
        Fault::new(kind, text).hint(hint).into()
    }

    /// Asks an administrator; others are refused before they are asked.
    ///
    /// # Errors
    /// The caller is none, the answer is no, or nobody can be asked.
    pub fn confirm_as_admin(&self, what: &str, question: &str) -> Result<()> {
        self.confirm_about(what, question, |_, _| Ok(()))
    }

    /// The same about something that has to be there: nobody is asked about what is not.
    ///
    /// # Errors
    /// Those of `find`, and as above.
    pub fn confirm_about<T>(
        &self,
        what: &str,
        question: &str,
        find: impl FnOnce(&Tx<'_>, &Actor) -> Result<T>,
    ) -> Result<()> {
        self.read(|tx, actor| {
            actor.require_admin(what)?;
            find(tx, actor).map(|_| ())
        })?;
        self.confirm(question)
    }

    /// Asks before something that cannot be taken back; without a terminal `--yes` is needed.
    ///
    /// # Errors
    /// The answer is no, or nobody can be asked.
    pub fn confirm(&self, question: &str) -> Result<()> {
        if self.yes || self.dry_run {
            return Ok(());
        }
        if self.no_input || !self.ui.stdin_is_terminal() {
            return Err(Fault::new(Kind::Usage, format!("not confirmed: {question}"))
                .hint("to go on without being asked, add --yes")
                .into());
        }
        if self.ui.ask(question)? {
            return Ok(());
        }
        Err(Fault::new(Kind::Usage, "nothing was changed").into())
    }
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

/// A date (its local midnight), a local date and time, or a moment with its zone (RFC 3339).
fn moment(field: &str, text: &str) -> Result<Timestamp> {
    match units::moment(text, &TimeZone::system()) {
        Some(moment) => Ok(moment),
        None => Err(error::data(format!("{field}: \"{text}\" is not a date"))
            .hint("write it as 2026-12-24 or 2026-12-24T09:00")
            .into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Every leaf command with its path.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name());
            if sub.has_subcommands() { leaves(sub, &path, found) } else { found.push((path, sub.clone())) }
        }
    }

    fn all() -> Vec<(String, clap::Command)> {
        let mut found = Vec::new();
        leaves(&Cli::command(), "espomail", &mut found);
        found
    }

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_begins_its_help_with_two_examples_that_parse() {
        for (path, command) in all() {
            let help = command.get_before_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().filter_map(|l| l.trim().strip_prefix("$ ")).collect();
            assert!(help.starts_with("Examples:") && examples.len() >= 2, "{path} has no two examples");
            assert!(examples.iter().any(|e| e.contains(path.trim_start_matches("espomail "))), "{path}: {examples:?}");
        }
    }

    #[test]
    fn every_command_and_flag_stands_in_the_man_page() {
        let page = man::PAGE;
        for (path, command) in all() {
            let words = path.trim_start_matches("espomail ");
            assert!(page.contains(&format!("Ic {words}")), "the man page does not mention `{words}`");
            for flag in command.get_arguments().filter_map(|a| a.get_long()) {
                assert!(page.contains(&format!("-{flag}")), "the man page does not mention --{flag} of `{words}`");
            }
        }
        for flag in Cli::command().get_arguments().filter_map(|a| a.get_long()) {
            assert!(page.contains(&format!("-{flag}")), "the man page does not mention --{flag}");
        }
    }

    #[test]
    fn every_configuration_key_stands_in_the_man_page() {
        for line in configuration::EXAMPLE.lines().filter_map(|l| l.strip_prefix('#')) {
            if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
                assert!(man::PAGE.contains(key), "the man page does not mention {key}");
            }
        }
    }

    #[test]
    fn moments_and_numbers() {
        assert_eq!(moment("--since", "2026-01-02T03:04:05Z").unwrap().to_string(), "2026-01-02T03:04:05Z");
        assert!(moment("--since", "2026-01-02").is_ok());
        assert!(moment("--since", "1969-01-02").is_ok());
        assert!(moment("--since", "yesterday").is_err());
        assert_eq!(case_number("#12"), Ok(12));
        for bad in ["", "#", "0", "-3", "x"] {
            assert!(case_number(bad).is_err(), "{bad}");
        }
    }
}
