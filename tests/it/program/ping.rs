//! `ping_url`: what a service hears of a run, and that it changes nothing of the run.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::Desk;

/// A service on loopback that writes down what it is posted: path and body.
pub struct Service {
    pub url: String,
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Service {
    /// `answer` = what it says; nothing = it is silent.
    pub fn new(answer: &'static str) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/uuid", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut first, mut length) = (String::new(), 0);
                reader.read_line(&mut first).unwrap();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                assert!(first.starts_with("POST "), "{first}");
                told.lock().unwrap().push((path, String::from_utf8(body).unwrap()));
                if answer.is_empty() {
                    thread::spawn(move || {
                        thread::sleep(Duration::from_secs(30));
                        drop(stream);
                    });
                    continue;
                }
                let _ = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Service { url, heard }
    }

    /// What it heard since the last time.
    pub fn heard(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    #[track_caller]
    fn heard_one(&self) -> (String, String) {
        let mut heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }
}

fn forget_limit(desk: &Desk) {
    for file in std::fs::read_dir(desk.sandbox.path("")).unwrap().chain(std::fs::read_dir(desk.state()).unwrap()) {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|end| end == "pings") {
            std::fs::remove_file(file).unwrap();
        }
    }
}

impl Desk {
    /// The state directory.
    fn state(&self) -> std::path::PathBuf {
        let state = self.sandbox.path("state");
        if state.is_dir() { state } else { self.sandbox.path("") }
    }
}

/// Adds an account whose fetch ends with this exit code.
fn failing(desk: &Desk, code: i32) {
    let secret = if code == 75 { "env:PW" } else { "env:NOT_SET" };
    desk.sandbox.env("PW", "pw");
    let words = ["account", "add", "wrong", "--kind", "group", "--address", "w@desk.example", "--imap", "127.0.0.1:9"];
    desk.ok(&[&words[..], &["--tls", "none", "--secret", secret]].concat());
    desk.run("fetch wrong").exits(code);
}

#[test]
fn a_service_hears_of_good_and_of_failing_runs_by_numbers_alone() {
    let service = Service::new("200 OK");
    let desk = Desk::new().piped_account("support", &[]);
    desk.sandbox.config(&format!("ping_url = \"{}\"\n", service.url));
    desk.put(&desk.letter("kim@customer.example", "Secret subject"));
    assert_eq!(service.heard(), [], "only fetch tells");
    desk.ok("fetch").silent();
    let (path, body) = service.heard_one();
    assert_eq!(path, "/uuid");
    assert!(body.starts_with("exit=0 imported=0 other=0 quarantined=0 sent=0 failed=0 seconds="), "{body}");
    let is_number = |word: &str| word.split_once('=').is_some_and(|(_, n)| n.chars().all(|c| c.is_ascii_digit()));
    assert!(body.split_whitespace().all(is_number), "{body}");
    desk.ok("--dry-run fetch");
    assert_eq!(service.heard(), [], "a dry run");
    // What passes by itself.
    failing(&desk, 75);
    assert_eq!(service.heard(), [], "a run for one account says nothing of the others");
    desk.run("fetch").exits(75);
    let (path, body) = service.heard_one();
    assert!(path == "/uuid" && body.starts_with("exit=75 "), "{path} {body}");
    desk.ok("account edit wrong --secret env:NOT_SET");
    desk.run("fetch").exits(78);
    let (path, body) = service.heard_one();
    assert!(path == "/uuid/fail" && body.starts_with("exit=78 "), "{path} {body}");
    // One of its own.
    desk.run(&["fetch", "wrong", "--ping-url", &format!("{}/wrong", service.url)]).exits(78);
    assert_eq!(service.heard_one().0, "/uuid/wrong/fail");
    let refused = desk.run("fetch --ping-url http://hc.example/SECRET").exits(2);
    assert!(refused.stderr.contains("--ping-url") && !refused.stderr.contains("SECRET"), "{refused:#?}");
}

#[test]
fn a_beginning_is_told_if_it_is_asked_for_and_at_most_five_go_out_in_a_minute() {
    let service = Service::new("200 OK");
    let desk = Desk::new().piped_account("support", &[]);
    desk.sandbox.config(&format!("ping_url = \"{}\"\nping_start = true\n", service.url));
    desk.ok("fetch");
    let paths: Vec<String> = service.heard().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/uuid/start", "/uuid"]);
    (0..4).for_each(|_| drop(desk.ok("fetch")));
    assert_eq!(service.heard().len(), 3, "five in all");
    let log = desk.sandbox.path("log").display().to_string();
    desk.ok(&["--log", &log, "fetch"]);
    assert_eq!(service.heard(), []);
    assert!(std::fs::read_to_string(log).unwrap().contains("left out, there were 5 within a minute"));
}

#[test]
fn a_service_that_fails_is_logged_and_changes_nothing() {
    let desk = Desk::new().piped_account("support", &[]);
    let log = desk.sandbox.path("log");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (wrong, slow, away) =
        (Service::new("404 Not Found"), Service::new(""), Service::new("302 Found\r\nLocation: /x"));
    for (url, said, least) in [
        (format!("http://{gone}/SECRET"), "127.0.0.1: cannot connect: connection refused", 0),
        (wrong.url.clone(), "ping of 127.0.0.1: the server answers 404", 0),
        (away.url.clone(), "ping of 127.0.0.1: the server answers 302", 0),
        (slow.url.clone(), "ping of 127.0.0.1: no answer within 5 s", 4),
    ] {
        forget_limit(&desk);
        std::fs::write(&log, "").unwrap();
        let begun = Instant::now();
        let run = desk.ok(&["--log", &log.display().to_string(), "fetch", "--ping-url", &url]);
        run.silent();
        let took = begun.elapsed().as_secs();
        assert!((least..15).contains(&took), "{url}: {took} s");
        let logged = std::fs::read_to_string(&log).unwrap();
        assert!(logged.contains(said) && !logged.contains("SECRET") && !logged.contains("uuid"), "{said}: {logged}");
        // Not only the log tells it.
        let why = said.trim_start_matches("ping of ");
        let status = desk.ok("status").stdout;
        assert!(status.contains("Pings fail since ") && status.contains(why), "{why}: {status}");
        assert!(!status.contains("SECRET") && !status.contains("uuid"), "{status}");
        assert!(!desk.run("--as ana status").stdout.contains("Pings fail"), "it is for administrators");
        let found = desk.items("doctor --offline").into_iter().find(|one| one["check"] == "pings").unwrap();
        assert!(found["state"] == "warn" && found["text"].as_str().unwrap().contains(why), "{found}");
    }
    assert_eq!(away.heard().len(), 1, "it is not followed");
    // The first one that is heard ends it.
    forget_limit(&desk);
    let good = Service::new("200 OK");
    desk.sandbox.config(&format!("ping_url = \"{}\"\n", good.url));
    desk.ok("fetch");
    assert!(!desk.ok("status").stdout.contains("Pings fail"));
    let found = desk.items("doctor --offline").into_iter().find(|one| one["check"] == "pings").unwrap();
    assert!(found["state"] == "ok" && found["text"].as_str().unwrap().contains("127.0.0.1 heard of a run"), "{found}");
    failing(&desk, 78);
    desk.run(&["fetch", "--ping-url", &format!("http://{gone}/x")]).exits(78);
}
