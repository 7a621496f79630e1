//! TLS to the server of a database: the same library, versions and authorities as for mail servers. The driver of the
//! database says the handshake; what is trusted is decided here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::ssl::{ConnectConfiguration, SslConnector};
use openssl::x509::verify::X509CheckFlags;

use super::trust::{self, Seen};
use crate::net::NetError;

/// What is asked of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Nothing: others on the way can pretend to be the server.
    Nothing,
    /// A trusted authority has signed it.
    Chain,
    /// The same, and it is for the host that was named.
    Name,
}

/// TLS for the connections to one server.
pub struct Guard {
    /// The driver has to demand the name of the host of each of its connections by [`Guard::demand`].
    pub connector: SslConnector,
    check: Check,
    seen: Arc<Mutex<Seen>>,
}

impl Guard {
    /// Trusts the authorities of this file alone; `None` = those of the system.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub fn new(check: Check, authorities: Option<&Path>) -> Result<Guard, NetError> {
        let (connector, seen) = trust::watched(check != Check::Nothing, authorities)?;
        Ok(Guard { connector, check, seen })
    }

    /// As [`Guard::new`], made once in a process: to read the system's authorities takes longer than to connect.
    ///
    /// # Errors
    /// As [`Guard::new`].
    pub fn kept(check: Check, authorities: Option<&Path>) -> Result<Arc<Guard>, NetError> {
        static KEPT: Mutex<Vec<(Option<PathBuf>, Arc<Guard>)>> = Mutex::new(Vec::new());
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().find(|(file, guard)| guard.check == check && file.as_deref() == authorities);
        if let Some((_, guard)) = known {
            return Ok(Arc::clone(guard));
        }
        let guard = Arc::new(Guard::new(check, authorities)?);
        kept.push((authorities.map(Path::to_owned), Arc::clone(&guard)));
        Ok(guard)
    }

    /// Refuses a certificate for another host, where that is asked. The name must stand in its subject alternative names:
    /// OpenSSL still takes the common name for one where there is none (RFC 9525 2).
    ///
    /// # Errors
    /// The name is none of a host.
    pub fn demand(&self, setup: &mut ConnectConfiguration, host: &str) -> Result<(), ErrorStack> {
        // It would take the common name.
        setup.set_verify_hostname(false);
        if self.check != Check::Name {
            return Ok(());
        }
        let asked = setup.param_mut();
        asked.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS | X509CheckFlags::NEVER_CHECK_SUBJECT);
        match host.parse() {
            Ok(address) => asked.set_ip(address),
            Err(_) => asked.set_host(host),
        }
    }

    /// Why the certificate of this host was refused, where that ended the last handshake.
    pub fn fault(&self, host: &str) -> Option<NetError> {
        let hint =
            "see TLS in `espomail man postgresql`: the right name of the host, or sslrootcert with the authority";
        trust::distrust_seen(host, &self.seen).map(|error| NetError { hint: Some(hint.to_owned()), ..error })
    }
}
