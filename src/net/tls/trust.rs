//! Whether a server is the one that it says: an authority that is trusted, the name, the dates, and the pins. Each check that
//! fails is named, with what the certificate says of itself.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::ssl::{
    self, HandshakeError, SslConnector, SslConnectorBuilder, SslMethod, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{GeneralNameRef, X509, X509Ref, X509StoreContextRef, X509VerifyResult};

use super::super::pin::Pin;
use super::super::wire::Wire;
use super::super::{Endpoint, NetError, NetErrorKind};
use crate::system_words;

/// Names of a certificate that an error shows.
const NAMES_SHOWN: usize = 3;
/// Longest name that is shown.
const NAME_MAX: usize = 80;

/// What the check of a chain met.
#[derive(Default)]
pub(super) struct Seen {
    /// The first check that failed, and how far from the server's own certificate.
    failed: Option<(X509VerifyResult, u32)>,
    /// The server's own certificate.
    own: Option<X509>,
}

/// What OpenSSL says of its own state, without its numbers and the places of its sources.
fn cannot(error: ErrorStack) -> NetError {
    let reasons: Vec<&str> = error.errors().iter().filter_map(openssl::error::Error::reason).collect();
    NetError::new(NetErrorKind::Tls, format!("TLS cannot be set up: {}", reasons.join(", ")))
}

/// TLS over a stream on which nothing was said yet in TLS.
///
/// # Errors
/// The handshake failed, or a check of the certificate.
pub(super) fn handshake(endpoint: &Endpoint, mut wire: Wire) -> Result<SslStream<Wire>, NetError> {
    let mut setup = connector(endpoint.ca.as_deref())?.configure().map_err(cannot)?;
    let by_certificate = endpoint.pins.iter().any(Pin::is_of_certificate);
    let seen = Arc::new(Mutex::new(Seen::default()));
    if by_certificate {
        // It is compared before the first byte is sent.
        setup.set_verify_hostname(false);
        setup.set_verify(SslVerifyMode::NONE);
    } else {
        let seen = Arc::clone(&seen);
        setup.set_verify_callback(SslVerifyMode::PEER, move |is_right, context| {
            if !is_right {
                note(&seen, context);
            }
            is_right
        });
    }
    wire.begin_handshake(endpoint.timeouts.tls);
    let started = Instant::now();
    let stream = setup.connect(&endpoint.host, wire).map_err(|error| {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            HandshakeError::SetupFailure(error) => cannot(error),
            HandshakeError::WouldBlock(_) => stalled(endpoint),
            HandshakeError::Failure(stream) if is_late(stream.error(), started, endpoint) => stalled(endpoint),
            HandshakeError::Failure(stream) => match (seen.failed, &seen.own) {
                (Some((failed, depth)), own) => distrusted(&endpoint.host, failed, depth, own.as_deref()),
                (None, _) => {
                    let words = failed_handshake(&stream.error().to_string(), endpoint.port);
                    NetError::new(NetErrorKind::Tls, format!("{}: {words}", endpoint.host))
                }
            },
        }
    })?;
    let own = stream.ssl().peer_certificate();
    let own = own.as_deref().ok_or_else(|| distrust(&endpoint.host, "the server shows no certificate", None, None))?;
    if !by_certificate {
        check_names(endpoint, own)?;
    }
    check_pins(endpoint, own)?;
    tell(endpoint, &stream, own);
    Ok(stream)
}

/// TLS to the server of a database. What its certificate is checked for is the connector's; that it is for the host is
/// asked of each connection.
pub(super) fn watched(is_checked: bool, only: Option<&Path>) -> Result<(SslConnector, Arc<Mutex<Seen>>), NetError> {
    let mut builder = if is_checked && only.is_none() { of_system() } else { bare() }.map_err(cannot)?;
    for certificate in only.map(authorities).transpose()?.unwrap_or_default() {
        builder.cert_store_mut().add_cert(certificate).map_err(cannot)?;
    }
    let seen = Arc::new(Mutex::new(Seen::default()));
    if is_checked {
        let seen = Arc::clone(&seen);
        builder.set_verify_callback(SslVerifyMode::PEER, move |is_right, context| {
            if !is_right {
                note(&seen, context);
            }
            is_right
        });
    } else {
        builder.set_verify(SslVerifyMode::NONE);
    }
    Ok((builder.build(), seen))
}

/// What the check of a certificate that failed has met, in words; `None` = none has failed.
pub(super) fn distrust_seen(host: &str, seen: &Mutex<Seen>) -> Option<NetError> {
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let (failed, depth) = seen.failed?;
    Some(distrusted(host, failed, depth, seen.own.as_deref()))
}

/// Whether a handshake failed because its time was over.
fn is_late(error: &ssl::Error, started: Instant, endpoint: &Endpoint) -> bool {
    let timed_out = |e: &io::Error| matches!(e.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
    error.io_error().is_some_and(timed_out) || started.elapsed() >= endpoint.timeouts.tls
}

fn note(seen: &Mutex<Seen>, context: &X509StoreContextRef) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.failed.is_none() {
        seen.failed = Some((context.error(), context.error_depth()));
        seen.own = context.chain().and_then(|chain| chain.get(0)).map(ToOwned::to_owned);
    }
}

/// A connector costs 70 ms to build (it reads every authority of the system), so one is kept per setting.
fn connector(ca: Option<&Path>) -> Result<SslConnector, NetError> {
    static KEPT: Mutex<Option<HashMap<Option<PathBuf>, SslConnector>>> = Mutex::new(None);
    let setting = ca.map(Path::to_owned);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some(connector) = kept.get(&setting) {
        return Ok(connector.clone());
    }
    let authorities = ca.map(authorities).transpose()?.unwrap_or_default();
    let connector = build(authorities).map_err(cannot)?;
    kept.insert(setting, connector.clone());
    Ok(connector)
}

/// Trusts the system's authorities and these; a system without any of them can still use pinned certificates.
fn build(authorities: Vec<X509>) -> Result<SslConnector, ErrorStack> {
    let mut builder = of_system()?;
    for certificate in authorities {
        builder.cert_store_mut().add_cert(certificate)?;
    }
    Ok(builder.build())
}

fn bare() -> Result<SslConnectorBuilder, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    // Only those that are named are trusted.
    builder.set_cert_store(X509StoreBuilder::new()?.build());
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    Ok(builder)
}

/// With the system's authorities.
fn of_system() -> Result<SslConnectorBuilder, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    // OpenSSL that was built from source looks in places of its own.
    let system = openssl_probe::probe();
    let places = system.cert_file.iter().map(|file| (Some(file.as_path()), None));
    for (file, directory) in places.chain(system.cert_dir.iter().map(|dir| (None, Some(dir.as_path())))) {
        let _ = builder.load_verify_locations(file, directory);
    }
    Ok(builder)
}

/// Whether a file holds certificates of authorities.
///
/// # Errors
/// It cannot be read, or holds none.
pub fn check_authorities(path: &Path) -> Result<(), NetError> {
    authorities(path).map(drop)
}

fn authorities(path: &Path) -> Result<Vec<X509>, NetError> {
    let wrong = |why: String| NetError::new(NetErrorKind::Setting, format!("CA file {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|e| {
        let hint =
            system_words::closed_to(path, &e).map(|who| format!("let {who} read it: chmod 644 {}", path.display()));
        NetError { hint, ..wrong(system_words::reason(&e)) }
    })?;
    match X509::stack_from_pem(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(wrong("no certificate in it".into())),
        Err(_) => Err(wrong("it is not in PEM format".into())),
    }
}

/// A name of the kind that was asked for must stand in the certificate itself: OpenSSL still takes the common name for one
/// where there is none (RFC 9525 2).
fn check_names(endpoint: &Endpoint, own: &X509Ref) -> Result<(), NetError> {
    let by_address = endpoint.host.parse::<std::net::IpAddr>().is_ok();
    let is_named = |name: &GeneralNameRef| match by_address {
        true => name.ipaddress().is_some(),
        false => name.dnsname().is_some(),
    };
    if own.subject_alt_names().is_some_and(|names| names.iter().any(is_named)) {
        return Ok(());
    }
    let words = "the certificate names no server in its subject alternative names";
    Err(distrust(&endpoint.host, words, Some(own), Pin::of_certificate(own)))
}

/// What is worth knowing of a handshake that succeeded.
fn tell(endpoint: &Endpoint, stream: &SslStream<Wire>, own: &X509Ref) {
    let Some(ends) = moment(own.not_after()) else { return };
    endpoint.trail.certificate(ends);
    let version = stream.ssl().version_str();
    endpoint.trail.found(format!("{version}, certificate valid until {}", ends.strftime("%Y-%m-%d")));
}

fn check_pins(endpoint: &Endpoint, own: &X509Ref) -> Result<(), NetError> {
    let by_certificate = endpoint.pins.iter().any(Pin::is_of_certificate);
    let shown = if by_certificate { Pin::of_certificate(own) } else { Pin::of_key(own) };
    if endpoint.pins.is_empty() || shown.as_ref().is_some_and(|shown| endpoint.pins.contains(shown)) {
        return Ok(());
    }
    let seen = shown.as_ref().map(Pin::to_string).unwrap_or_default();
    let words = match by_certificate {
        true => format!("the certificate is not the pinned one; it is {seen}"),
        false => format!("authority, name and dates are right, but the key is not a pinned one; it is {seen}"),
    };
    Err(distrust(&endpoint.host, &words, Some(own), shown))
}

fn stalled(endpoint: &Endpoint) -> NetError {
    let seconds = endpoint.timeouts.tls.as_secs_f32();
    NetError::new(NetErrorKind::Timeout, format!("{}: no TLS handshake within {seconds} s", endpoint.host))
}

/// Plain words for a failed handshake.
fn failed_handshake(error: &str, port: u16) -> String {
    // A greeting in clear, read as the beginning of TLS.
    let clear = ["wrong version number", "packet length too long", "unknown protocol", "http request"];
    if clear.iter().any(|words| error.contains(words)) {
        return format!("the server does not speak TLS on port {port}");
    }
    // error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:DATA
    let reason =
        error.strip_prefix("error:").and_then(|rest| rest.split(':').nth(3)).filter(|reason| !reason.is_empty());
    format!("TLS handshake failed: {}", reason.unwrap_or(error))
}

/// A check of the chain that failed, in words.
fn distrusted(host: &str, failed: X509VerifyResult, depth: u32, own: Option<&X509Ref>) -> NetError {
    let of = if depth == 0 { "the certificate" } else { "a certificate of its authority" };
    let reason = failed.error_string();
    let why = match reason {
        "certificate has expired" => format!("{of} has expired"),
        "certificate is not yet valid" => format!("{of} is not valid yet"),
        "self-signed certificate" | "self signed certificate" => "the certificate is self-signed".to_owned(),
        reason if reason.to_ascii_lowercase().contains("mismatch") => {
            let names = own.map(names).filter(|names| !names.is_empty());
            let of = names.map(|names| format!("for {}, ", names.join(", "))).unwrap_or_default();
            format!("the certificate is {of}not for {host}")
        }
        reason if reason.contains("issuer certificate") || reason.contains("in certificate chain") => {
            let by = own.and_then(issuer).map(|by| format!(" {by}")).unwrap_or_default();
            format!("the certificate is from an authority that is not trusted:{by} ({reason})")
        }
        reason => format!("the certificate is not trusted ({reason})"),
    };
    distrust(host, &why, own, own.and_then(Pin::of_certificate))
}

/// An error of a certificate, with its dates.
fn distrust(host: &str, why: &str, own: Option<&X509Ref>, pin: Option<Pin>) -> NetError {
    let dates = own.and_then(|own| Some((moment(own.not_before())?, moment(own.not_after())?)));
    let dates = dates.map(|(from, until)| dates_in_words(from, until, Timestamp::now())).unwrap_or_default();
    NetError {
        fingerprint: pin.map(|pin| pin.to_string()),
        ..NetError::new(NetErrorKind::Certificate, format!("{host}: {why}{dates}"))
    }
}

fn dates_in_words(from: Timestamp, until: Timestamp, now: Timestamp) -> String {
    let day = |moment: Timestamp| moment.strftime("%Y-%m-%d").to_string();
    match (from > now, until < now) {
        (true, _) => format!(" (valid from {} until {})", day(from), day(until)),
        (false, true) => format!(" (it was valid until {})", day(until)),
        (false, false) => format!(" (valid until {})", day(until)),
    }
}

pub(super) fn moment(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Timestamp::from_second(i64::from(since.days) * 86_400 + i64::from(since.secs)).ok()
}

/// The first names of servers in a certificate, fit to be shown: a stranger may have chosen them.
fn names(certificate: &X509Ref) -> Vec<String> {
    let Some(names) = certificate.subject_alt_names() else { return Vec::new() };
    names.iter().filter_map(|name| name.dnsname()).map(shown).take(NAMES_SHOWN).collect()
}

fn issuer(certificate: &X509Ref) -> Option<String> {
    let name = certificate.issuer_name();
    let words =
        [Nid::COMMONNAME, Nid::ORGANIZATIONNAME].into_iter().find_map(|kind| name.entries_by_nid(kind).next())?;
    Some(shown(&words.data().to_string().ok()?))
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

#[cfg(test)]
mod tests;
