//! The server of the database is away, or lets nobody in yet: cron hears of that once it lasts, and people at once.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::support::{Cutter, Postgres, Sandbox};

/// A server that answers everybody with an error of this code.
fn refusing(code: &'static str, words: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |stream: &mut TcpStream| -> std::io::Result<()> {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4])?;
        let fields = format!("SFATAL\0VFATAL\0C{code}\0M{words}\0\0");
        let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
        stream.write_all(&[b"E".as_slice(), &length, fields.as_bytes()].concat())
    };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&mut stream.unwrap()).ok();
        }
    });
    port
}

#[test]
fn a_server_that_starts_or_stops_is_waited_for_in_silence() {
    let sandbox = Sandbox::new();
    for (code, words, told) in [
        ("57P03", "the database system is starting up", "lets nobody in yet"),
        ("57P03", "the database system is shutting down", "lets nobody in yet"),
        ("57P03", "the database system is in recovery mode", "lets nobody in yet"),
        ("57P01", "terminating connection due to administrator command", "does not let this process in now"),
        ("53300", "sorry, too many clients already", "has no room for another connection"),
    ] {
        let db = format!("postgresql://desk@127.0.0.1:{}/mail?sslmode=disable", refusing(code, words));
        let run = |args: &[&str]| sandbox.run(&[&["--db", &db, "--state", ".", "--log", "own.log"], args].concat());
        for verb in ["fetch", "send"] {
            run(&[verb]).exits(75).silent();
            let log = std::fs::read_to_string(sandbox.path("own.log")).unwrap();
            assert!(log.lines().last().is_some_and(|line| line.contains(words) && line.contains(verb)), "{log}");
        }
        for args in [&["-v", "fetch"][..], &["fetch", "support"], &["-v", "send"], &["email", "list"]] {
            run(args).exits(75).says(told).says(words).says("hint: ");
        }
    }
    // A person has to mend this.
    let db =
        format!("postgresql://desk@127.0.0.1:{}/mail?sslmode=disable", refusing("28000", "no entry in pg_hba.conf"));
    sandbox.run(&["--db", &db, "--state", ".", "fetch"]).exits(78).says("no entry in pg_hba.conf");
}

#[test]
fn cron_hears_of_a_server_that_is_away_once_it_lasts_and_once_when_it_is_back() {
    let (server, sandbox) = (Postgres::shared(), Sandbox::on(&Postgres::shared().server));
    let cutter = Cutter::new(&server.server);
    sandbox.run(&["init"]).ok();
    sandbox.connect_through(cutter.host());
    let (socket, aside) = (cutter.host().join(".s.PGSQL.5432"), cutter.host().join("aside"));
    let goes = || std::fs::rename(&socket, &aside).unwrap();
    let comes = || std::fs::rename(&aside, &socket).unwrap();
    let run = |verb: &str| sandbox.run(&[verb]);
    run("fetch").ok().silent();
    goes();
    // By the usual patience of a quarter of an hour.
    for verb in ["fetch", "send", "fetch", "send", "fetch"] {
        run(verb).exits(75).silent();
    }
    comes();
    run("send").ok().silent();
    run("fetch").ok().silent();
    sandbox.config("alert_after = 3\nalert_min_age = \"0s\"\n");
    goes();
    run("fetch").exits(75).silent();
    run("send").exits(75).silent();
    let told = run("fetch").exits(75);
    assert!(told.stderr.contains("cannot be reached") && told.stderr.contains("hint: is it running"), "{told:#?}");
    run("send").exits(75).silent();
    run("fetch").exits(75).silent();
    comes();
    let back = run("fetch").ok();
    assert!(
        back.stderr.contains(": works again after failing since ") && back.stderr.lines().count() == 1,
        "{back:#?}"
    );
    run("fetch").ok().silent();
    // Where nothing can be written down, each run tells.
    goes();
    let memory = std::fs::read_dir(sandbox.path("state")).unwrap();
    assert!(memory.flatten().all(|file| file.path().extension().is_none_or(|end| end != "away")));
    run("fetch").exits(75).silent();
    let memory = std::fs::read_dir(sandbox.path("state")).unwrap();
    let memory =
        memory.flatten().map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "away"));
    let memory = memory.unwrap();
    std::fs::remove_file(&memory).unwrap();
    std::fs::create_dir(&memory).unwrap();
    for _ in 0..2 {
        run("fetch").exits(75).says("cannot be reached");
    }
}
