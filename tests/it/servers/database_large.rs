//! One mail of 50 MiB on a server: neither the program nor the server's process for it needs much more than on a file.

use std::time::Duration;

use crate::support::{Call, Dovecot, Postgres, Sandbox, is_on_server, noise, promise};

const LIMIT: Duration = Duration::from_secs(120);
const MIB: u64 = 1 << 10;

/// A number of `/proc/PID/status`, in KiB.
fn of_process(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The most that was needed, in KiB: by the program, and by the server's process for it alone.
#[derive(Debug, Default, Clone, Copy)]
struct Peak {
    program: u64,
    session: u64,
}

/// Runs a command to its end, with a session in this database where it is on a server.
fn peak(call: Call<'_>, database: Option<&str>) -> (Peak, String) {
    let (mut peak, mut session) = (Peak::default(), None);
    let mut server = database.map(|database| (Postgres::shared().superuser("postgres"), database));
    let run = call.spawn().watch(LIMIT, &mut |pid| {
        peak.program = peak.program.max(of_process(pid, "VmHWM:").unwrap_or_default());
        if let (Some((client, database)), None) = (&mut server, session) {
            let sql = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND usename = 'espomail'";
            let row = client.query_opt(sql, &[database]).unwrap();
            session = row.map(|row| u32::try_from(row.get::<_, i32>(0)).unwrap());
        }
        let own = session.and_then(|pid| of_process(pid, "RssAnon:"));
        peak.session = peak.session.max(own.unwrap_or_default());
    });
    (peak, run.ok().stdout)
}

/// A mail with an attachment of 37 MiB.
fn letter() -> Vec<u8> {
    let encoded = base64_simd::STANDARD.encode_to_string(noise(7, 37 << 20));
    let mut text = b"From: c@customer.example\r\nTo: support@desk.example\r\nSubject: Plans\r\nMessage-ID: <p@customer.example>\r\n\
        Date: Mon, 30 Nov 2026 07:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nHere they are.\r\n--b\r\nContent-Type: application/octet-stream; name=plans.bin\r\n\
        Content-Disposition: attachment; filename=plans.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    for line in encoded.as_bytes().chunks(76) {
        text.extend(line);
        text.extend(b"\r\n");
    }
    text.extend(b"--b--\r\n");
    text
}

/// To be received, shown, and read whole.
fn peaks(sandbox: &Sandbox, letter: &[u8], database: Option<&str>) -> [Peak; 3] {
    let (fetched, _) = peak(sandbox.call(&["fetch", "--no-send"]), database);
    let (shown, text) = peak(sandbox.call(&["email", "show", "1"]), database);
    assert!(text.contains("plans.bin"), "{text}");
    let (read, raw) = peak(sandbox.call(&["email", "show", "1", "--raw"]), database);
    assert!(raw.as_bytes() == letter, "{} bytes", raw.len());
    [fetched, shown, read]
}

#[test]
fn a_mail_of_50_mib_is_received_and_read_in_pieces() {
    let letter = letter();
    assert!(letter.len() > 50 << 20);
    let prepared = |sandbox: Sandbox| {
        let mailbox = Dovecot::shared().mailbox();
        sandbox.support_account(&mailbox, &[]);
        sandbox.config("message_max_size = \"60MiB\"\n");
        mailbox.append("INBOX", &letter);
        sandbox
    };
    let server = prepared(Sandbox::on(&Postgres::shared().server));
    let (database, _) = server.schema();
    let on_server = peaks(&server, &letter, Some(&database));
    for Peak { program, session } in on_server {
        assert!(session <= 16 * MIB && session > 0, "the session: {on_server:?}");
        assert!(program <= 240 * MIB, "the program: {on_server:?}");
    }
    let most = |of: fn(&Peak) -> u64| on_server.iter().map(of).max().unwrap() >> 10;
    let (program, session) = (most(|peak| peak.program), most(|peak| peak.session));
    promise(
        "R10",
        "a mail of 50 MiB on PostgreSQL: memory of the program and of the session",
        &format!("{program} MB, {session} MB"),
    );
    if is_on_server() {
        return;
    }
    let in_file = peaks(&prepared(Sandbox::new()), &letter, None);
    for (file, server) in in_file.iter().zip(&on_server) {
        assert!(server.program <= file.program + 16 * MIB, "{in_file:?} {on_server:?}");
    }
}
