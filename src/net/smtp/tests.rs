#![allow(clippy::unwrap_used, clippy::panic)]

mod messages;
mod sessions;

use std::time::{Duration, Instant};

use super::*;
use crate::net::testing::{Server, Step, certified, credentials, expect, send};
use crate::net::{Credentials, Endpoint, Mechanism, TlsMode};

const EHLO: &str = "250-mx.example\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n";
/// `\0me\0pa"ss`
const PLAIN: &str = "AUTH PLAIN AG1lAHBhInNz";

/// A script from the greeting to EHLO, then `steps`.
fn ready(steps: Vec<Step>) -> Server {
    let mut script = vec![send("220 mx.example\r\n"), expect("EHLO "), send(EHLO)];
    script.extend(steps);
    Server::play(script)
}

fn envelope(to: &[&str]) -> Envelope {
    Envelope { from: "support@x.example".into(), to: to.iter().map(ToString::to_string).collect() }
}

/// Sends one message to a@ and b@; what came of it, whether the body was begun, and what the server got.
fn sent(steps: Vec<Step>) -> (Result<Sent, SendError>, bool, Vec<String>) {
    let server = ready(steps);
    let mut transport = connect(&server.endpoint(), None).unwrap();
    let mut begun = false;
    let result = transport.send(&envelope(&["a@x.example", "b@x.example"]), b"Subject: x\r\n\r\n.y\r\n", &mut || {
        begun = true;
        Ok(())
    });
    transport.quit();
    drop(transport);
    (result, begun, server.lines())
}

fn mail() -> [Step; 2] {
    [expect("MAIL FROM:<support@x.example>"), send("250 ok\r\n")]
}

fn both() -> Vec<Step> {
    let mut steps = Vec::from(mail());
    steps.extend([expect("RCPT TO:<a@x.example>"), send("250 ok\r\n"), expect("RCPT TO:<b@x.example>")]);
    steps.push(send("250 ok\r\n"));
    steps
}

fn after(mut steps: Vec<Step>, more: impl IntoIterator<Item = Step>) -> Vec<Step> {
    steps.extend(more);
    steps
}
