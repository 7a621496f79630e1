//! Reaching a server: which of its hosts gives a connection, and what is said of those that give none.

use std::time::Duration;

use anyhow::Result;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::error::meaning;
use super::line::Client;
use super::tls::Tls;
use super::turn;
use crate::error::{self as errors, Fault, Kind};
use crate::place::server::{Host, Server, SessionAttrs, Source, Target};
use crate::store::db::busy::Gone;
use crate::store::db::meaning::Meaning;
use crate::system_words;

/// A server of which nothing is heard is asked, and given up, after this.
const ANSWER: Duration = Duration::from_secs(30);

/// What the library says of a server that takes no writes, where one that does was asked for.
const NO_WRITES: &str = "database does not allow writes";

/// What is said of such a server.
const IS_STANDBY: &str = "cannot be written: it is a standby, or read-only";

/// What is said where the others are gone.
const PROMOTE: &str = "if the primary does not come back, promote its standby: see FAILOVER in `espomail man postgresql`; \
                       target_session_attrs=any reads from a standby";

/// Where a password can be.
const WAYS: &str =
    "name its place in the configuration: database_password = \"file:PATH\"; or use PGPASSWORD or ~/.pgpass";

/// A connection to the first host that gives one.
///
/// # Errors
/// Why each of them gives none, with the status and the next step of the gravest reason.
pub(super) fn connected(server: &Server) -> Result<Client> {
    let mut refusals = Vec::new();
    for host in &server.hosts {
        match to_host(server, host) {
            Ok(client) => return Ok(client),
            Err(error) => refusals.push(error),
        }
    }
    Err(passing(of_all(server, refusals)))
}

/// The error; where it passes by itself, as one of a server that is gone.
fn passing(error: anyhow::Error) -> anyhow::Error {
    match errors::classify(&error) {
        (Kind::TempFail, hint) => Gone::shut(system_words::chain(&error), hint.unwrap_or_default()).into(),
        _ => error,
    }
}

fn of_all(server: &Server, mut refusals: Vec<anyhow::Error>) -> anyhow::Error {
    if refusals.len() < 2 {
        return refusals.pop().unwrap_or_else(|| anyhow::anyhow!("{server} names no host"));
    }
    let mut texts: Vec<String> = refusals.iter().map(system_words::chain).collect();
    texts.dedup();
    let classified = refusals.iter().map(errors::classify);
    let gravest = classified.reduce(|one, other| if one.0.worse(other.0) == one.0 { one } else { other });
    let (kind, hint) = match gravest.unwrap_or((Kind::TempFail, None)) {
        (Kind::TempFail, _) if texts.iter().any(|text| text.ends_with(IS_STANDBY)) => {
            (Kind::TempFail, Some(PROMOTE.to_owned()))
        }
        gravest => gravest,
    };
    Fault { hint, ..Fault::new(kind, format!("{server}: {}", texts.join("; "))) }.into()
}

fn to_host(server: &Server, host: &Host) -> Result<Client> {
    let tls = Tls::of(server, host)?;
    let mut config = Config::new();
    match &host.target {
        Target::Socket(directory) => config.host_path(directory),
        Target::Name(name) => config.host(name),
    };
    if let Some(address) = host.address {
        config.hostaddr(address);
    }
    if let Some(password) = server.password(host)? {
        config.password(password.as_bytes());
    }
    config
        .port(host.port)
        .user(server.user())
        .dbname(server.dbname())
        .application_name(turn::name(&server.application_name))
        .connect_timeout(server.connect_timeout)
        .tcp_user_timeout(ANSWER)
        .keepalives_idle(ANSWER)
        .target_session_attrs(match server.target_session_attrs {
            SessionAttrs::Any => TargetSessionAttrs::Any,
            SessionAttrs::ReadWrite => TargetSessionAttrs::ReadWrite,
        })
        .ssl_mode(tls.asked);
    let connected = match &tls.connector {
        Some(connector) => Client::connect(&config, connector.clone()),
        None => Client::connect(&config, NoTls),
    };
    connected.map_err(|error| match error.downcast::<tokio_postgres::Error>() {
        Ok(failure) => {
            let of_tls = tls.fault(host, &chain(&failure));
            of_tls.unwrap_or_else(|| fault(server, host, &failure).into())
        }
        Err(error) => error,
    })
}

/// The one that a sentence is about: of several hosts the host.
fn subject(server: &Server, host: &Host) -> String {
    if server.hosts.len() > 1 { host.to_string() } else { server.to_string() }
}

fn fault(server: &Server, host: &Host, failure: &tokio_postgres::Error) -> Fault {
    match (meaning(failure), failure.as_db_error()) {
        (Some(Meaning::Lost(_)), Some(said)) => {
            not_now(&subject(server, host), &server.user(), said.code().code(), said.message())
        }
        (Some(Meaning::Lost(loss)), None) => unreachable(server, host, &loss.words()),
        _ => refused(server, host, failure),
    }
}

/// A server that is there, and gives no connection at the moment.
fn not_now(subject: &str, role: &str, code: &str, words: &str) -> Fault {
    let (what, hint) = match code {
        "53300" => (
            "has no room for another connection",
            "run it again later, or raise max_connections in its postgresql.conf, or the limit of the role".to_owned(),
        ),
        "57P03" => ("lets nobody in yet", "run it again in a moment".to_owned()),
        "57014" => (
            "has ended the connection",
            format!("give the role more time: ALTER ROLE \"{role}\" SET statement_timeout = 0"),
        ),
        _ => ("does not let this process in now", "see what its log says, then run it again".to_owned()),
    };
    Fault::new(Kind::TempFail, format!("the server of {subject} {what}: {words}")).hint(hint)
}

/// A server that is not there, or is not the one that was asked for.
fn unreachable(server: &Server, host: &Host, words: &str) -> Fault {
    let subject = subject(server, host);
    if words == NO_WRITES {
        return Fault::new(Kind::TempFail, format!("the server of {subject} {IS_STANDBY}"))
            .hint("name the primary too, or run it again when this one is the primary; target_session_attrs=any reads from a standby");
    }
    let hint = match &host.target {
        Target::Socket(_) => {
            format!("is it running, and is this its socket: {host}? host and port name it; then run it again")
        }
        Target::Name(_) => "is it running, and are its host and port right? then run it again".to_owned(),
    };
    Fault::new(Kind::TempFail, format!("the server of {subject} cannot be reached: {words}")).hint(hint)
}

/// What a server that is there says against a connection.
fn refused(server: &Server, host: &Host, failure: &tokio_postgres::Error) -> Fault {
    let words = failure.as_db_error().map_or_else(|| chain(failure), |said| said.message().to_owned());
    let (subject, role) = (subject(server, host), server.user());
    let of_root = || {
        "the role is that of the user who owns the state directory: give that directory to the service user \
         (chown espomail: DIRECTORY), or name the role: user=ROLE"
            .to_owned()
    };
    let is_of_root = server.named_user.is_none() && rustix::process::geteuid().is_root();
    match failure.code() {
        _ if words.contains("password missing") => {
            errors::config(format!("{subject} asks for a password of the role {role}, and none is known"))
                .hint(if is_of_root { of_root() } else { without_password(server, host) })
        }
        Some(code) if *code == SqlState::INVALID_PASSWORD => {
            let hint = match server.password_source(host) {
                Ok(source) => {
                    format!("it comes from {source}: write the password of that role there, or give the role this one")
                }
                Err(_) => "write the password of that role where espomail finds it".to_owned(),
            };
            errors::config(format!("{subject} does not take the password of the role {role}")).hint(hint)
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            let name = server.dbname();
            errors::config(format!("{subject}: the server has no database \"{name}\""))
                .hint(format!("make it: createdb --encoding=UTF8 --template=template0 --owner={role} {name}"))
        }
        _ => {
            let steps = "see what its role, its password and the server's pg_hba.conf say; `espomail man postgresql` \
                         has the steps";
            errors::config(format!("{subject} does not let this process in: {words}")).hint(if is_of_root {
                of_root()
            } else {
                steps.to_owned()
            })
        }
    }
}

/// Where a password was looked for in vain, and where it can be.
fn without_password(server: &Server, host: &Host) -> String {
    let withheld = server
        .withheld
        .as_ref()
        .map(|own| format!("database_password is for {own} alone: name the database as the configuration does"));
    let looked = match server.password_source(host) {
        Ok(Source::Nowhere(looked)) => looked,
        _ => None,
    };
    [withheld, looked, Some(WAYS.to_owned())].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_server_that_answers_is_not_told_to_be_gone() {
        for (code, text, hint) in [
            ("53300", "the server of x has no room for another connection: said", "max_connections"),
            ("57P03", "the server of x lets nobody in yet: said", "run it again in a moment"),
            ("57014", "the server of x has ended the connection: said", "ALTER ROLE \"ana\" SET statement_timeout = 0"),
            ("57P01", "the server of x does not let this process in now: said", "its log"),
        ] {
            let fault = not_now("x", "ana", code, "said");
            assert_eq!((fault.kind, fault.message.as_str()), (Kind::TempFail, text));
            assert!(fault.hint.unwrap().contains(hint), "{code}");
        }
    }

    #[test]
    fn of_several_hosts_each_is_told_and_the_gravest_reason_decides() {
        let server: Server = "postgresql://a,b:6000/d".parse().unwrap();
        let refusal =
            |kind: Kind, text: &str| anyhow::Error::from(Fault::new(kind, text).hint(format!("after {text}")));
        let gone = || refusal(Kind::TempFail, "a is gone");
        for (second, kind, text, hint) in [
            (
                refusal(Kind::Config, "b asks"),
                Kind::Config,
                "postgresql://a,b:6000/d: a is gone; b asks",
                "after b asks",
            ),
            (
                refusal(Kind::TempFail, "b too"),
                Kind::TempFail,
                "postgresql://a,b:6000/d: a is gone; b too",
                "after a is gone",
            ),
            (
                refusal(Kind::TempFail, "b cannot be written: it is a standby, or read-only"),
                Kind::TempFail,
                "postgresql://a,b:6000/d: a is gone; b cannot be written: it is a standby, or read-only",
                PROMOTE,
            ),
            (gone(), Kind::TempFail, "postgresql://a,b:6000/d: a is gone", "after a is gone"),
        ] {
            let told = of_all(&server, vec![gone(), second]);
            assert_eq!((errors::classify(&told), told.to_string()), ((kind, Some(hint.to_owned())), text.to_owned()));
        }
        assert_eq!(of_all(&server, vec![gone()]).to_string(), "a is gone");
    }
}
