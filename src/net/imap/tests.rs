#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]

mod bodies;
mod commands;
mod logins;

use std::time::{Duration, Instant};

use super::*;
use crate::net::testing::{Server, Step, certified, credentials, expect, send};
use crate::net::{Credentials, Mechanism, TlsMode};

const LIMITS: Limits = Limits { literal_max: 1000 };

/// A script from the greeting to a folder that is open, then `steps`.
fn opened(steps: Vec<Step>) -> Server {
    let mut script = vec![
        send("* OK [CAPABILITY IMAP4rev1] hi\r\n"),
        expect("a1 LOGIN \"me\" \"pa\\\"ss\""),
        send("a1 OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE] in\r\n"),
        expect("a2 SELECT \"INBOX\""),
        send(
            "* FLAGS (\\Seen $x)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 14] x\r\na2 OK [READ-WRITE] ok\r\n",
        ),
    ];
    script.extend(steps);
    Server::play(script)
}

fn source(server: &Server) -> ImapSource {
    let mut source = connect(&server.endpoint(), &credentials(), LIMITS).unwrap();
    let folder = source.open("INBOX", false).unwrap();
    assert_eq!(folder, OpenFolder { uidvalidity: 9, uidnext: Some(14), exists: 3 });
    source
}

/// Fetches UIDs 11 and 12 and gives what was delivered and how it ended.
fn fetched(answer: impl AsRef<[u8]>) -> (Vec<(u32, String)>, Result<(), NetErrorKind>) {
    let server = opened(vec![expect("a3 UID FETCH 11:12 (UID BODY.PEEK[])"), send(answer)]);
    let mut source = source(&server);
    let mut bodies = Vec::new();
    let result = source.fetch(&[12, 11], None, &mut |body| {
        bodies.push((body.uid, String::from_utf8(body.raw).unwrap()));
    });
    drop(source);
    assert_eq!(server.lines().len(), 3);
    (bodies, result.map_err(|error| error.kind))
}

fn body(uid: u32, text: &str) -> (u32, String) {
    (uid, text.to_owned())
}

fn pause(milliseconds: u64) -> Step {
    Step::Pause(Duration::from_millis(milliseconds))
}
