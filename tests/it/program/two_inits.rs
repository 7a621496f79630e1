//! Two people make the same database at the same moment.

use crate::support::{Sandbox, no_file};

#[test]
fn of_two_who_make_a_database_at_once_one_has_it_with_its_own_password() {
    if no_file() {
        return;
    }
    for round in 0..12 {
        let sandbox = Sandbox::new();
        let begin = |admin: &str| {
            let flags = [
                &["init", "--admin", admin, "--address", "s@d.example", "--imap", "127.0.0.1:1", "--tls", "none"][..],
                &["--login", "u1", "--secret", "stdin", "--no-test"],
            ]
            .concat();
            sandbox.call(&flags).stdin(format!("of-{admin}\n").as_bytes()).spawn()
        };
        let both = [begin("ana"), begin("bea")].map(|running| running.wait());
        let [ana, bea] = &both;
        let (winner, loser) = if ana.code == 0 { ("ana", bea) } else { ("bea", ana) };
        assert!(both.iter().filter(|run| run.code == 0).count() == 1, "{round}: {both:#?}");
        let said = if loser.code == 75 { "another process is making a database in" } else { "exists already" };
        assert!([65, 75].contains(&loser.code) && loser.stderr.contains(said), "{round}: {loser:#?}");
        assert_eq!(sandbox.items(&["user", "list"])[0]["username"], winner, "{round}");
        let password = std::fs::read_to_string(sandbox.secrets("1")).unwrap();
        assert_eq!(password.trim_end(), format!("of-{winner}"), "{round}");
    }
}

#[test]
fn who_comes_while_another_process_makes_a_database_waits() {
    if no_file() {
        return;
    }
    let sandbox = Sandbox::new();
    let directory = std::fs::File::open(sandbox.path("")).unwrap();
    rustix::fs::flock(&directory, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let refused = sandbox.run(&["init", "--admin", "ana"]).exits(75);
    assert!(refused.stderr.contains("another process is making a database in"), "{refused:#?}");
    assert!(!sandbox.db().exists());
    drop(directory);
    sandbox.run(&["init", "--admin", "ana"]).ok();
}
