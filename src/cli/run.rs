//! From the words that were typed to an exit code.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use jiff::Timestamp;

use super::context::Context;
use super::db::DbCommand;
use super::{
    Cli, Command, account, busy, case, check, command_words, completions, config, day, db, doctor, email, events,
    export, fetch, filter, folder, help, host, import, ingest, init, log, man, metrics, named_files, notification,
    outbox, quarantine, record, report, role, same_place, schema, search, send, status, stream, sudo_policy,
    sudo_relay, team, template, typed, usage, user, whoami,
};
use crate::caller::{Caller, Process, Standing};
use crate::config::{self as configuration, Config};
use crate::error::{self, Ended, Fault, Kind};
use crate::job_control;
use crate::place::Place;
use crate::system_words;
use crate::ui::output::{Format, Ui};
use crate::ui::remarks;
use crate::ui::terminal::{self, Habits, Screen};
use crate::ui::{afar, channel, pager};

/// Runs the program; its exit code.
pub fn run() -> ExitCode {
    let mut command = Cli::command();
    let words = typed::in_order(&command, std::env::args_os().collect());
    let parsed = command.try_get_matches_from_mut(words);
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(refused) => return refuse(&refused.format(&mut command), command),
    };
    let is_completion = matches!(&cli.command, Some(Command::Completions(args)) if args.is_asked());
    let (ui, is_check) = (cli.ui(), matches!(cli.command, Some(Command::Check(_))));
    let is_ingest = matches!(cli.command, Some(Command::Ingest(_)));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| execute(cli, &command, &matches, &ui)));
    let shown = channel::finish();
    let outcome = outcome.map(|done| done.and(shown));
    let error = match outcome {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => busy::in_words(error),
        Err(_) => Fault::new(Kind::Bug, "internal error: the command was stopped and nothing half done was kept")
            .hint("please report it with the command you typed")
            .into(),
    };
    if is_completion {
        // A key press gets words, or none.
        return ExitCode::SUCCESS;
    }
    let error = match error.downcast::<clap::Error>() {
        Ok(refused) => return refuse(&refused.format(&mut command), command),
        Err(error) => error,
    };
    if error.chain().any(is_broken_pipe) {
        return ExitCode::SUCCESS;
    }
    if let Some(Ended::Code(code)) = error.downcast_ref() {
        return ExitCode::from(*code);
    }
    if is_check {
        return ExitCode::from(check::unknown(&system_words::chain(&error), &ui));
    }
    ui.error(&error);
    let kind = match error::classify(&error).0 {
        // Also what went wrong before the command began, such as the configuration: a mail server keeps mail for 75 only.
        Kind::Config | Kind::Io | Kind::NoPerm | Kind::Bug if is_ingest => Kind::TempFail,
        kind => kind,
    };
    ExitCode::from(kind.exit_code())
}

fn is_broken_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Ends a command line that is not understood, or that asks for help.
fn refuse(refused: &clap::Error, mut command: clap::Command) -> ExitCode {
    let words = std::env::args_os();
    match refused.kind() {
        ErrorKind::DisplayHelp => {
            let _ = help::asked_for(words).map(|help| help.print());
            return ExitCode::SUCCESS;
        }
        ErrorKind::DisplayVersion => {
            let _ = refused.print();
            return ExitCode::SUCCESS;
        }
        // A noun alone asks for its verbs.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand if !asks_for_json() => {
            remarks::show_aside(&help::missing(words).render().to_string());
            return ExitCode::from(Kind::Usage.exit_code());
        }
        _ => {}
    }
    let typed: Vec<String> = words.skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    // It repeats the arguments, which may be pasted from anywhere.
    let fault = usage::refusal(refused, &mut command, &typed);
    let told = asks_for_json().then(|| usage::for_programs(refused, &fault));
    remarks::complain(&fault, told.as_ref());
    // For a monitoring system the exit code of usage means critical.
    let understood = command.ignore_errors(true).try_get_matches_from(std::env::args_os());
    let code = match understood.is_ok_and(|typed| typed.subcommand_name() == Some("check")) {
        true => check::UNKNOWN,
        false => Kind::Usage.exit_code(),
    };
    ExitCode::from(code)
}

/// The help, for a command line without a command where there is no day to show.
fn no_command() -> clap::Error {
    clap::Error::new(ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
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
    typed::refuse_empty_edit(command, matches)?;
    // Where the parent ignores it, the end of a child process could not be waited for.
    signal_hook::flag::register(signal_hook::consts::SIGCHLD, Arc::default())?;
    let process = Process::current();
    job_control::start(process.is_delegated());
    if process.is_delegated() {
        named_files::only_sent(cli.front).map_err(|e| error::data(system_words::reason(&e)))?;
        sudo_policy::check(command, matches, std::env::vars_os().map(|(name, _)| name))?;
        sudo_policy::detach()?;
    }
    if let Some(Command::Completions(args)) = &cli.command
        && !process.is_delegated()
    {
        // What the line says that is being typed.
        cli.db = args.typed_path("--db").or(cli.db.take());
        cli.config = args.typed_path("--config").or(cli.config.take());
        cli.state = args.typed_path("--state").or(cli.state.take());
        cli.acting_as = args.typed("--as").or(cli.acting_as.take());
    }
    say_unknown_zone(&cli, ui);
    page(&cli, &process, matches, ui);
    let config = Config::load(cli.config.as_deref());
    // `config` itself must work with a configuration that does not.
    if let Some(Command::Config(command)) = cli.command {
        return show_config(command, cli.config.as_deref(), config, &process, ui);
    }
    // What is about the program alone works with any configuration.
    let config = if cli.needs_database() { config? } else { config.unwrap_or_default() };
    let config_path = Some(cli.config.clone().unwrap_or_else(configuration::default_path)).filter(|path| path.exists());
    if let Some(Command::Db(DbCommand::Copy(args))) = &mut cli.command {
        if process.is_delegated() {
            return Err(error::noperm("db copy: you cannot use it when you come through sudo").into());
        }
        cli.db = Some(args.from.clone());
        args.take_state(&mut cli.state);
    }
    let is_named = cli.db.is_some() || cli.config.is_some() || cli.state.is_some();
    let names_none = !is_named && !matches!(cli.command, Some(Command::Init(_)));
    let may_be_services = cli.needs_database() && names_none && !process.is_delegated();
    if let Some(owner) = sudo_relay::owner_of_service().filter(|_| may_be_services) {
        return job_control::while_waiting(|| sudo_relay::run(&owner, command, matches, ui));
    }
    let place = match config.place(cli.db.as_deref(), cli.state.as_deref()) {
        Ok(place) => place,
        Err(fault) if cli.needs_database() => return Err(refused_place(fault, &cli, matches).into()),
        Err(_) => Place::of_file(configuration::default_database()),
    };
    if let Some(Command::Doctor(args)) = &mut cli.command
        && process.is_root()
    {
        args.ask_as_root(&place);
    }
    if !cli.dry_run && !matches!(cli.command, Some(Command::Init(_))) {
        init::unfinished::clear_if_nobody_makes_it(&place);
    }
    if cli.command.is_none() && place.is_missing() {
        return Err(no_command().into());
    }
    let caller = caller(&cli, &process, &place)?;
    if cli.needs_state() {
        place.admit(!cli.dry_run).map_err(|fault| same_place::with_flags(fault.into(), &config, &place))?;
    }
    crate::log::start(cli.log.as_deref().or(config.log.file.as_deref()), config.log.level, cli.verbose)?;
    let ctx = Context {
        ui: ui.clone(),
        config,
        config_path,
        place,
        command: command_words::of(matches),
        caller,
        acting_as: cli.acting_as,
        dry_run: cli.dry_run,
        yes: cli.yes,
        no_input: cli.no_input,
        edits_afar: afar::facts().is_some_and(|facts| facts.edits),
    };
    if ctx.caller.is_delegated() && cli.command.as_ref().is_none_or(Command::needs_database) {
        // Also for what asks nobody.
        ctx.read(|_, _| Ok(())).map_err(|error| ctx.explained(error))?;
    }
    let Some(command) = cli.command else {
        let is_shown = day::run(&ctx).map_err(|error| ctx.in_full(error))?;
        return if is_shown { Ok(()) } else { Err(no_command().into()) };
    };
    dispatch(command, &ctx)
        .inspect_err(|error| ctx.note_refusal(error))
        .map_err(|error| ctx.in_full(error))
        .inspect_err(|error| ctx.note_error(error))
}

/// What is said of the name of a database that cannot be used: by the variable where that has it. A mail server keeps the
/// mail then.
fn refused_place(fault: Fault, cli: &Cli, matches: &ArgMatches) -> Fault {
    let is_of_variable = matches.value_source("db") == Some(ValueSource::EnvVariable);
    let message = match fault.message.strip_prefix("--db: ") {
        Some(rest) if is_of_variable => format!("ESPOMAIL_DB: {rest}"),
        _ => fault.message,
    };
    let kind = if matches!(cli.command, Some(Command::Ingest(_))) { Kind::TempFail } else { fault.kind };
    Fault { kind, message, ..fault }
}

/// Runs `config`, of the service's configuration for those whom the front takes through sudo: it is in force for them.
fn show_config(
    command: config::ConfigCommand,
    named: Option<&Path>,
    config: Result<Config>,
    process: &Process,
    ui: &Ui,
) -> Result<()> {
    if process.is_delegated() && matches!(command, config::ConfigCommand::Show(_)) {
        return Err(error::noperm("config show: you cannot use it when you come through sudo").into());
    }
    let services = Some(configuration::path_of_service()).filter(|path| path.exists());
    let is_services = named.is_none() && !process.is_delegated() && sudo_relay::owner_of_service().is_some();
    match services.filter(|_| is_services) {
        Some(path) => config::run(command, Some(&path), Config::load(Some(&path)), ui),
        None => config::run(command, named, config, ui),
    }
}

/// Who is calling; root becomes the owner of the database. What a service makes is its own alone.
fn caller(cli: &Cli, process: &Process, place: &Place) -> Result<Caller> {
    let caller = Caller::of(process, cli.needs_database().then_some(place))?;
    if matches!(caller.standing, Standing::Service | Standing::Delegated) {
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    Ok(caller)
}

impl Command {
    /// Whether the database is opened.
    fn needs_database(&self) -> bool {
        match self {
            Command::Completions(args) => args.wants_names(),
            command => !matches!(command, Command::Config(_) | Command::Man(_) | Command::Help(_) | Command::Schema(_)),
        }
    }
}

fn dispatch(command: Command, ctx: &Context) -> Result<()> {
    match command {
        Command::Init(args) => init::run(&args, ctx),
        Command::Fetch(args) => fetch::run(&args, ctx),
        Command::Send(args) => send::run(&args, ctx),
        Command::Ingest(args) => ingest::run(&args, ctx),
        Command::Status(args) => status::run(&args, ctx),
        Command::Check(args) => check::run(&args, ctx),
        Command::Metrics(args) => metrics::run(&args, ctx),
        Command::Doctor(args) => doctor::run(&args, ctx),
        Command::Account(command) => account::run(command, ctx),
        Command::Filter(command) => filter::run(command, ctx),
        Command::Template(command) => template::run(command, ctx),
        Command::Team(command) => team::run(command, ctx),
        Command::Role(command) => role::run(command, ctx),
        Command::User(command) => user::run(command, ctx),
        Command::Case(command) => case::run(command, ctx),
        Command::Email(command) => email::run(command, ctx),
        Command::Search(command) => search::run(command, ctx),
        Command::Folder(command) => folder::run(command, ctx),
        Command::Stream(args) => stream::run(&args, ctx),
        Command::Events(args) => events::run(&args, ctx),
        Command::Note(args) => stream::note(&args, ctx),
        Command::Notification(command) => notification::run(command, ctx),
        Command::Outbox(command) => outbox::run(command, ctx),
        Command::Quarantine(command) => quarantine::run(command, ctx),
        Command::Host(args) => host::run(&args, ctx),
        Command::Db(command) => db::run(command, ctx),
        Command::Log(command) => log::run(command, ctx),
        Command::Whoami(args) => whoami::run(&args, ctx),
        Command::Schema(args) => schema::run(&args, ctx),
        Command::Man(args) => man::run(&args, ctx),
        Command::Help(args) => help::run(&args, ctx),
        Command::Completions(args) => completions::run(&args, ctx),
        Command::Config(_) => Ok(()),
        Command::Record(command) => record::run(command, ctx),
        Command::Report(command) => report::run(command, ctx),
        Command::Import(command) => import::run(command, ctx),
        Command::Export(command) => export::run(command, ctx),
    }
}

impl Cli {
    fn needs_database(&self) -> bool {
        self.command.as_ref().is_none_or(Command::needs_database)
    }

    /// Whether a state directory that cannot be used ends the command; `init` makes it, and others say what is wrong.
    fn needs_state(&self) -> bool {
        use Command::{Check, Completions, Db, Doctor, Init};
        match &self.command {
            Some(Init(_) | Check(_) | Doctor(_) | Completions(_)) => false,
            Some(Db(command)) => !command.makes_database(),
            _ => self.needs_database(),
        }
    }

    fn ui(&self) -> Ui {
        // Never to a terminal: what goes to the other side holds mail as it is.
        let is_afar = Process::current().is_delegated() && !io::stdout().is_terminal();
        let facts = self.afar.clone().filter(|_| is_afar);
        let screen = facts.as_ref().map_or_else(Screen::of_stdout, |facts| facts.screen);
        let color = facts.as_ref().map_or_else(|| self.is_colored(screen.is_some()), |facts| facts.color);
        facts.into_iter().for_each(afar::begin);
        Ui {
            format: if self.json { Format::Json } else { self.format },
            fields: self.fields.clone(),
            headers: !self.no_headers,
            color,
            width: screen.map(|screen| screen.width),
            wraps_remarks: false,
            utc: self.utc,
            quiet: self.quiet,
            verbosity: self.verbose,
            now: Timestamp::now(),
        }
    }

    fn is_colored(&self, is_terminal: bool) -> bool {
        let [no_color, force, color, term] =
            ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM"].map(|name| std::env::var(name).ok());
        let habits = Habits {
            no_color: no_color.as_deref(),
            force: force.as_deref(),
            color: color.as_deref(),
            term: term.as_deref(),
        };
        terminal::is_colored(self.color, is_terminal, habits)
    }
}

/// A time zone that is not known. What runs every minute says it once, to a person who starts it.
fn say_unknown_zone(cli: &Cli, ui: &Ui) {
    let by_cron = matches!(
        cli.command,
        Some(Command::Fetch(_) | Command::Send(_) | Command::Ingest(_) | Command::Check(_) | Command::Metrics(_))
    );
    let Ok(zone) = std::env::var("TZ") else { return };
    if (by_cron && !ui.is_terminal()) || jiff::tz::TimeZone::try_system().is_ok() {
        return;
    }
    ui.concern(&format!("the variable TZ has the time zone \"{zone}\", which is not known here: times are in UTC"));
}

/// Lets a pager show what is longer than the screen. Started with the rights of a service it would give them to everybody
/// who can type "!".
fn page(cli: &Cli, process: &Process, matches: &ArgMatches, ui: &Ui) {
    let is_wanted = !cli.no_pager && !cli.no_input && !cli.quiet && !ui.format.is_json();
    if is_wanted && !process.is_delegated() && command_words::only_shows(&command_words::of(matches)) {
        Screen::of_stdout().into_iter().for_each(pager::begin);
    }
}

impl Context {
    /// An error as the person who typed the command understands it, with the next step for them.
    fn in_full(&self, error: anyhow::Error) -> anyhow::Error {
        same_place::with_flags(self.told_to_root(self.explained(error)), &self.config, &self.place)
    }

    /// Root, who became the owner of the database, hears whose rights were too few.
    fn told_to_root(&self, error: anyhow::Error) -> anyhow::Error {
        let became = self.caller.uid == 0 && self.caller.process_uid != 0;
        let (kind, hint) = error::classify(&error);
        let text = system_words::chain(&error);
        if !became || hint.is_some() || !error::is_denied(&error) {
            return error;
        }
        let owner = crate::caller::login_of(self.caller.process_uid).unwrap_or_else(|| "its owner".to_owned());
        let hint = format!(
            "files are opened as {owner}, the owner of the database, even for root: name a file that {owner} can open"
        );
        Fault::new(kind, text).hint(hint).into()
    }
}
