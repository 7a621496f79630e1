//! A database on a server: by which role, password and TLS it is reached, and what cron would not find.

use anyhow::Result;

use super::{Finding, failed};
use crate::cli::context::Context;
use crate::place::server::{Host, Server, Source, SslMode, Target};

/// Looks at the name of the server; nothing is connected.
pub fn look(ctx: &Context) -> Vec<Finding> {
    let Some(server) = ctx.place.server() else { return Vec::new() };
    let mut findings = vec![password(server)];
    findings.extend(server.hosts.iter().filter_map(|host| open_way(server, host)));
    findings.extend(variables(server));
    findings
}

/// Tables of something else in the same schema.
pub fn foreign(ctx: &Context) -> Result<Vec<Finding>> {
    let tables = ctx.store()?.foreign_tables()?;
    let named = match tables.as_slice() {
        [] => return Ok(Vec::new()),
        [one] => format!("the table {one} in the schema is not of espomail"),
        [first, ..] => format!("{} tables in the schema are not of espomail, such as {first}", tables.len()),
    };
    let text = format!("{named}: no backup and no copy takes it");
    Ok(vec![Finding::warn(
        "schema",
        text,
        "give espomail a schema of its own; see MOVING A DATABASE in `espomail man postgresql`",
    )])
}

/// Other desks that the search_path hides.
pub fn hidden(ctx: &Context) -> Result<Vec<Finding>> {
    let Some(server) = ctx.place.server() else { return Ok(Vec::new()) };
    let used = server.expects_schema();
    let hidden = ctx.store()?.hidden_schemas()?;
    let found = |name: String| {
        let text =
            format!("the schema {name} has tables of espomail too, and the search_path hides them: {used} comes first");
        Finding::warn("schema", text, format!("name the one that is meant: schema={used} or schema={name}"))
    };
    Ok(hidden.into_iter().map(found).collect())
}

/// The next step for a password that cron does not find.
const REFERENCE: &str = "name its place in the configuration: database_password = \"file:PATH\"";

/// That cron does not find the password with which this process has been let in, and what to do about it.
pub fn lost_password(server: &Server) -> Option<(String, &'static str)> {
    let source = server.password_source(server.hosts.first()?).ok()?;
    let text = format!("the password of the role {} comes from {source}", server.user());
    server.password_is_lost(&source).then(|| (lost(&text), REFERENCE))
}

fn lost(text: &str) -> String {
    format!("{text}, and cron does not look for it there: it does not set your variables")
}

/// Where the password comes from.
fn password(server: &Server) -> Finding {
    let source = match server.hosts.first().map_or(Ok(Source::Nowhere(None)), |host| server.password_source(host)) {
        Ok(source) => source,
        Err(error) => return failed("password", &error),
    };
    if let (Source::Reference(reference), Some(host)) = (&source, server.hosts.first())
        && reference.starts_with("file:")
        && let Err(error) = server.password(host)
    {
        return failed("password", &error);
    }
    let text = format!("that of the role {} comes from {source}", server.user());
    match source {
        _ if server.password_is_lost(&source) => Finding::warn("password", lost(&text), REFERENCE),
        Source::Reference(_) | Source::Service(_) | Source::File(_) | Source::Variable => Finding::ok("password", text),
        Source::Nowhere(looked) => {
            let looked = looked.map(|looked| format!(": {looked}")).unwrap_or_default();
            Finding::ok("password", format!("none is known for the role {}{looked}", server.user()))
        }
    }
}

/// A way over the network on which the server is not checked.
fn open_way(server: &Server, host: &Host) -> Option<Finding> {
    let Target::Name(name) = &host.target else { return None };
    let what = match server.sslmode(host) {
        _ if host.is_here() => return None,
        SslMode::VerifyFull | SslMode::VerifyCa => return None,
        SslMode::Require if server.authorities().is_some() => return None,
        SslMode::Disable => format!("everything goes in clear to {name}: others on the way can read and change it"),
        SslMode::Prefer | SslMode::Require => {
            format!("nothing proves that {name} is the server: others on the way could read and change everything")
        }
    };
    Some(Finding::warn("TLS", what, "sslmode=verify-full, with an authority of your own also sslrootcert=FILE"))
}

/// Variables that say where the database is.
fn variables(server: &Server) -> Option<Finding> {
    let (names, say, them) = match server.variables.as_slice() {
        [] => return None,
        [one] => ((*one).to_owned(), "says", "it"),
        several => (several.join(", "), "say", "them"),
    };
    let text = format!("{names} {say} how the database is reached, and cron does not set {them}");
    let hint = format!("write it into the configuration: database = \"{}\"", server.uri());
    Some(Finding::warn("server", text, hint))
}
