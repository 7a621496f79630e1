//! Servers that ask to be left alone (B2.15), and are.

use std::time::Duration;

use crate::support::At::{Body, Greeting, Id, List, Login, Search, Select, Store};
use crate::support::Quirk::Say;
use crate::support::{At, Quirk, RogueImap, Sandbox};

/// Runs until nothing connects any more, and says how often something did.
fn connections_of(sandbox: &Sandbox, rogue: &RogueImap, args: &[&str], code: i32) -> usize {
    let before = rogue.connections();
    sandbox.run(args).exits(code);
    rogue.connections() - before
}

#[test]
fn a_server_that_asks_for_it_rests_for_the_time_it_names() {
    const MINUTES: Quirk = Say("{tag} NO [THROTTLED] try again in 10 minutes\r\n");
    const FAREWELL: Quirk = Say("* BYE Request is throttled. Suggested Backoff Time: 600000 Milliseconds\r\n");
    let all: [At; 8] = [Greeting, Login, Id, Select, Search, List, Body, Store];
    for (at, quirk) in all.into_iter().map(|at| (at, FAREWELL)).chain([(Login, MINUTES), (Body, MINUTES)]) {
        let sandbox = Sandbox::new();
        let rogue = RogueImap::new(at, quirk);
        rogue.account(&sandbox);
        assert_eq!(connections_of(&sandbox, &rogue, &["fetch"], 75), 1, "{at:?}");
        assert_eq!(connections_of(&sandbox, &rogue, &["fetch"], 75), 0, "{at:?}");
        let told = sandbox.run(&["-v", "fetch"]).exits(75).stderr;
        assert!(told.contains("the server asks to be left alone"), "{told}");
        rogue.behave();
        // Naming it tries at once, and a good run ends the waiting.
        assert_eq!(connections_of(&sandbox, &rogue, &["fetch", "rogue"], 0), 1, "{at:?}");
        assert_eq!(connections_of(&sandbox, &rogue, &["fetch"], 0), 1, "{at:?}");
        assert_eq!(sandbox.items(&["email", "list"]).len(), 5, "{at:?}");
        let attempts = sandbox.query("SELECT CAST(coalesce(sum(attempts), 0) AS TEXT) FROM deliveries");
        assert_eq!(attempts, ["0"], "{at:?}: being asked to wait is no attempt at a message");
    }
}

#[test]
fn an_edit_or_a_clock_that_ran_ahead_ends_the_rest() {
    let sandbox = Sandbox::new();
    let rogue = RogueImap::new(Login, Say("{tag} NO too many simultaneous connections, wait 3 hours\r\n"));
    rogue.account(&sandbox);
    assert_eq!(connections_of(&sandbox, &rogue, &["fetch"], 75), 1);
    assert_eq!(connections_of(&sandbox, &rogue, &["fetch"], 75), 0);
    let now = jiff::Timestamp::now().as_second();
    let wait = sandbox.query(&format!("SELECT CAST(next_try_at - {now} AS TEXT) FROM accounts"));
    let wait = Duration::from_secs(wait[0].parse().unwrap());
    assert!(wait <= Duration::from_secs(3_600) && wait > Duration::from_secs(3_000), "at most an hour: {wait:?}");
    sandbox.run(&["account", "edit", "rogue", "--from-name", "Desk"]).ok();
    assert_eq!(connections_of(&sandbox, &rogue, &["fetch"], 75), 1);
    sandbox.sql("UPDATE accounts SET next_try_at = next_try_at + 86400 * 365");
    assert_eq!(connections_of(&sandbox, &rogue, &["fetch"], 75), 1);
}
