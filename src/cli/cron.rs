//! What starts `fetch`: the line for cron, and whether there is one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::context::Context;
use crate::caller::{self, Standing};
use crate::config;
use crate::place::{Database, Place, Server};

/// Where `make install-service` puts the line of a service.
const OF_SERVICE: &str = "/etc/cron.d/espomail";
/// The name of the timer that systemd knows, as the package brings it.
const TIMER: &str = "espomail.timer";
/// Where a timer may be: of the package, of `make install-service`, or by hand.
const TIMERS: [&str; 3] = ["/usr/lib/systemd/system", "/usr/local/lib/systemd/system", "/etc/systemd/system"];
/// What is here is started with the machine.
const ENABLED: &str = "/etc/systemd/system/timers.target.wants";

/// What fetches every minute.
enum Starter {
    /// A line for cron, and the file that has it.
    Line(&'static str),
    Timer,
}

impl Starter {
    /// What to look at where nothing is fetched in spite of it.
    fn advice(&self) -> String {
        match self {
            Starter::Line(file) => format!("is cron running? {file} has the line"),
            Starter::Timer => format!("does the timer run? systemctl status {TIMER}"),
        }
    }
}

/// The command that cron runs for this database: cron has neither the flags nor the variables of the person who asks.
pub fn command(ctx: &Context) -> String {
    line(&program(), flags(ctx))
}

/// The program as it is typed in any directory and with any variables.
pub fn typed_anywhere(ctx: &Context) -> String {
    let quoted = |text: String| shlex::try_quote(&text).map_or_else(|_| text.clone(), std::borrow::Cow::into_owned);
    let flag = |(name, value): (&str, Option<String>)| Some(format!(" {name} {}", quoted(value?)));
    format!("espomail{}", flags(ctx).into_iter().filter_map(flag).collect::<String>())
}

/// The flags that lead to this database without any variables.
fn flags(ctx: &Context) -> [(&'static str, Option<String>); 3] {
    let there = config::without_environment();
    let named = ctx.config_path.as_ref().filter(|path| **path != there);
    let found = match &ctx.config.database {
        Some(database) => named_in_line(database),
        None => Some(Place::of_file(config::database_without_environment())),
    };
    let is_found = found.is_some_and(|found| is_reached_alike(&found, &ctx.place));
    let state = ctx.place.named_state().filter(|state| ctx.config.state.as_deref() != Some(*state));
    let path = |path: &Path| absolute(path).display().to_string();
    let database = Some(ctx.place.typed()).filter(|_| !is_found);
    [("--config", named.map(|named| path(named))), ("--db", database), ("--state", state.map(path))]
}

/// What the name of a database is for a program that cron starts; `None` = nothing that can be read.
fn named_in_line(text: &str) -> Option<Place> {
    match Server::is_named_by(text) {
        true => Some(Place::new(Database::Server(Box::new(Server::without_variables(text).ok()?)), None)),
        false => Some(Place::of_file(text)),
    }
}

/// Whether both names lead to one database in the same way.
fn is_reached_alike(one: &Place, other: &Place) -> bool {
    match (one.server(), other.server()) {
        (Some(one), Some(other)) => one.uri() == other.uri(),
        _ => one.is_same_database(other),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn line(program: &str, flags: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let flag = |(name, value): (&str, Option<String>)| Some(format!(" {name} {}", word(&value?)));
    format!("{}{} fetch", word(program), flags.into_iter().filter_map(flag).collect::<String>())
}

/// A word of a command in a crontab: a shell reads it, and cron takes a bare % for the end of the line.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,".contains(c);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")).replace('%', "\\%"),
    }
}

/// What to do where nothing seems to start `fetch`: look at the line that is there, or write one.
pub fn advice(ctx: &Context) -> String {
    found(ctx).map_or_else(|| missing(ctx), |starter| starter.advice())
}

/// As [`advice`], for who must not wait: no other program is asked.
pub fn quick_advice(ctx: &Context) -> String {
    of_system(ctx).map_or_else(|| missing(ctx), |starter| starter.advice())
}

fn missing(ctx: &Context) -> String {
    let (file, line) = line_for(ctx);
    match ctx.caller.standing {
        Standing::Person => format!("is it in the crontab? {line}"),
        _ if timer_is_for(ctx) => format!("is the timer enabled? systemctl enable --now {TIMER}"),
        _ => format!("is it in {file}? {line}"),
    }
}

/// How to have the database fetched every minute: what to do, in words, and the command or line.
pub fn steps(ctx: &Context) -> (String, String) {
    match of_system(ctx) {
        Some(Starter::Line(file)) => {
            return ("Mail is fetched and sent every minute already".to_owned(), file.to_owned());
        }
        Some(Starter::Timer) => {
            let command = format!("systemctl status {TIMER}");
            return ("Mail is fetched and sent every minute already".to_owned(), command);
        }
        None => {}
    }
    match line_for(ctx) {
        _ if timer_is_for(ctx) => ("Fetch and send every minute".to_owned(), format!("systemctl enable --now {TIMER}")),
        (file, line) => (format!("The line for {file}"), line),
    }
}

/// Whether a timer is there that would fetch this database.
fn timer_is_for(ctx: &Context) -> bool {
    let is_there = || TIMERS.iter().any(|place| Path::new(place).join(TIMER).exists());
    ctx.place.is_same_database(&config::of_service()) && is_there()
}

/// Where the line that fetches belongs, and the line: that of a service names its user.
fn line_for(ctx: &Context) -> (&'static str, String) {
    match ctx.caller.standing {
        Standing::Person => ("`crontab -e`", format!("* * * * * {}", command(ctx))),
        _ => {
            let owner = caller::login_of(ctx.caller.process_uid).unwrap_or_else(|| "espomail".to_owned());
            (OF_SERVICE, format!("* * * * * {owner} {}", command(ctx)))
        }
    }
}

/// What there is that fetches this database.
fn found(ctx: &Context) -> Option<Starter> {
    of_system(ctx).or_else(|| {
        if ctx.caller.is_delegated() {
            return None;
        }
        let listed = Command::new("crontab").arg("-l").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        fetches(&String::from_utf8_lossy(&listed.stdout), ctx).then_some(Starter::Line("`crontab -l`"))
    })
}

fn of_system(ctx: &Context) -> Option<Starter> {
    // Its lines run as the service user, whose database is another one than that of a person. So does the timer.
    let is_services = ctx.place.is_same_database(&config::of_service());
    let lines = std::fs::read_to_string(OF_SERVICE).unwrap_or_default();
    if starts(&lines, &ctx.place, is_services) {
        return Some(Starter::Line(OF_SERVICE));
    }
    // The file that this leads to can be missing for a program in a cage.
    (is_services && Path::new(ENABLED).join(TIMER).symlink_metadata().is_ok()).then_some(Starter::Timer)
}

fn fetches(crontab: &str, ctx: &Context) -> bool {
    starts(crontab, &ctx.place, ctx.place.is_same_database(&usual(ctx)))
}

/// The database of a line that names none.
fn usual(ctx: &Context) -> Place {
    match ctx.caller.standing {
        Standing::Person => Place::of_file(config::database_without_environment()),
        _ => config::of_service(),
    }
}

/// Whether a line fetches this database; `is_usual` says that it is the one of lines that name none.
fn starts(crontab: &str, database: &Place, is_usual: bool) -> bool {
    crontab.lines().map(str::trim).filter(|line| !line.starts_with('#')).any(|line| {
        let line = line.replace("\\%", "%");
        let as_they_are = || line.split_whitespace().map(str::to_owned).collect();
        let words: Vec<String> = shlex::split(&line).unwrap_or_else(as_they_are);
        let runs = words.iter().any(|word| word.ends_with("espomail")) && words.iter().any(|word| word == "fetch");
        let after = |flag: &str| match words.iter().position(|word| word == flag) {
            Some(at) => words.get(at + 1).map(String::as_str),
            None => None,
        };
        let named = after("--db").or_else(|| words.iter().find_map(|word| word.strip_prefix("--db=")));
        runs && match named {
            Some(named) => named_in_line(named).is_some_and(|named| named.is_same_database(database)),
            None => is_usual || after("--config").is_some(),
        }
    })
}

/// The whole path of this program, as cron needs it.
pub fn program() -> String {
    std::env::current_exe().map_or_else(|_| "espomail".to_owned(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_names_what_cron_would_not_find() {
        for (config, database, state, expected) in [
            ("", "", "", "/usr/bin/espomail fetch"),
            ("", "/srv/mail/e.db", "", "/usr/bin/espomail --db /srv/mail/e.db fetch"),
            ("/etc/e.toml", "", "", "/usr/bin/espomail --config /etc/e.toml fetch"),
            ("", "/srv/e.db", "/var/lib/e", "/usr/bin/espomail --db /srv/e.db --state /var/lib/e fetch"),
            ("", "/srv/my mail/100%.db", "", "/usr/bin/espomail --db '/srv/my mail/100\\%.db' fetch"),
            ("", "/srv/o'neil.db", "", "/usr/bin/espomail --db '/srv/o'\\''neil.db' fetch"),
            ("", "postgresql://db/desk", "", "/usr/bin/espomail --db postgresql://db/desk fetch"),
            ("", "postgresql:///a%20b?schema=x", "", "/usr/bin/espomail --db 'postgresql:///a\\%20b?schema=x' fetch"),
            ("", "service=desk schema=x", "", "/usr/bin/espomail --db 'service=desk schema=x' fetch"),
        ] {
            let flags = [("--config", config), ("--db", database), ("--state", state)];
            let flags = flags.map(|(name, value)| (name, Some(value.to_owned()).filter(|value| !value.is_empty())));
            assert_eq!(line("/usr/bin/espomail", flags), expected);
        }
    }

    #[test]
    fn a_line_counts_for_the_database_that_it_fetches() {
        let file = Place::of_file("/srv/e.db");
        let server = named_in_line("postgresql://db/a%20b?schema=x").unwrap();
        for (crontab, usual, expected) in [
            ("* * * * * /usr/bin/espomail fetch", true, true),
            ("* * * * * /usr/bin/espomail fetch", false, false),
            ("# * * * * * /usr/bin/espomail fetch", true, false),
            ("*/5 * * * * espomail /usr/local/bin/espomail --db /srv/e.db fetch --summary", false, true),
            ("*/5 * * * * espomail --db=/srv/e.db fetch", false, true),
            ("*/5 * * * * espomail --db /srv/other.db fetch", true, false),
            ("*/5 * * * * espomail send", true, false),
            ("MAILTO=root", true, false),
        ] {
            assert_eq!(starts(crontab, &file, usual), expected, "{crontab}");
        }
        for (crontab, expected) in [
            ("* * * * * espomail --db 'postgresql://db/a\\%20b?schema=x' fetch", true),
            ("* * * * * espomail --db='host=db dbname=\\'a b\\' schema=x' fetch", false),
            ("* * * * * espomail --db \"host=db dbname='a b' schema=x\" fetch", true),
            ("* * * * * espomail --db 'postgresql://db/a\\%20b' fetch", false),
            ("* * * * * espomail --db /srv/e.db fetch", false),
            ("* * * * * espomail fetch", false),
        ] {
            assert_eq!(starts(crontab, &server, false), expected, "{crontab}");
        }
    }
}
