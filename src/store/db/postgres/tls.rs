//! TLS to a server: which of its certificates are taken is said by the room of the sockets.

use std::sync::Arc;

use anyhow::Result;
use postgres_openssl::MakeTlsConnector;
use tokio_postgres::config::SslMode as Asked;

use crate::error::{Fault, Kind};
use crate::net::NetError;
use crate::net::tls::database::{Check, Guard};
use crate::place::server::{Host, Server, SslMode, Target};

/// TLS for the connections to one host.
pub struct Tls {
    /// What is asked of the server.
    pub asked: Asked,
    /// Makes the connections; none where TLS is not asked for.
    pub connector: Option<MakeTlsConnector>,
    guard: Option<Arc<Guard>>,
}

impl Tls {
    /// As the name of the server says.
    ///
    /// # Errors
    /// The file of the authorities cannot be used.
    pub fn of(server: &Server, host: &Host) -> Result<Tls> {
        let authorities = server.authorities();
        let (asked, check) = match server.sslmode(host) {
            SslMode::Disable => return Ok(Tls { asked: Asked::Disable, connector: None, guard: None }),
            SslMode::Prefer => (Asked::Prefer, Check::Nothing),
            SslMode::Require if authorities.is_none() => (Asked::Require, Check::Nothing),
            SslMode::Require | SslMode::VerifyCa => (Asked::Require, Check::Chain),
            SslMode::VerifyFull => (Asked::Require, Check::Name),
        };
        let guard = Guard::kept(check, authorities.as_deref().filter(|_| check != Check::Nothing));
        let hint = "sslrootcert in the name of the database says which file it is";
        let guard = guard.map_err(|error| NetError { hint: error.hint.or(Some(hint.to_owned())), ..error })?;
        let mut connector = MakeTlsConnector::new(guard.connector.clone());
        let names = Arc::clone(&guard);
        connector.set_callback(move |setup, name| names.demand(setup, name));
        Ok(Tls { asked, connector: Some(connector), guard: Some(guard) })
    }

    /// Why a connection was not made, where TLS is the reason.
    pub fn fault(&self, host: &Host, words: &str) -> Option<anyhow::Error> {
        let Target::Name(name) = &host.target else { return None };
        if let Some(fault) = self.guard.as_ref().and_then(|guard| guard.fault(name)) {
            return Some(fault.into());
        }
        words.contains("does not support TLS").then(|| {
            let hint = "switch ssl on in its postgresql.conf; sslmode=disable sends everything in clear";
            Fault::new(Kind::Unavailable, format!("the server at {name} has no TLS")).hint(hint).into()
        })
    }
}
