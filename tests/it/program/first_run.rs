//! `init` by flags: what it refuses, and what a program gets.

use crate::support::Sandbox;

#[test]
fn the_mailbox_of_the_desk_is_not_the_address_of_a_person() {
    let sandbox = Sandbox::new();
    let mailbox = ["--imap", "127.0.0.1:1", "--tls", "none", "--secret", "env:PW", "--no-test"];
    let person = ["--admin", "ana", "--admin-email", "Support@shop.example"];
    let init = [&["init", "--address", "support@SHOP.example"][..], &person, &mailbox].concat();
    let refused = sandbox.run(&init).exits(65);
    assert!(
        refused.stderr.contains("--admin-email: support@shop.example is the --address of the mailbox"),
        "{refused:?}"
    );
    sandbox.run(&["user", "list"]).exits(78).says("init");
    let own = ["--admin", "ana", "--admin-email", "ana@shop.example"];
    sandbox.run(&[&["init", "--address", "support@shop.example"][..], &own, &mailbox].concat()).ok();
    let add = [&["account", "add", "x", "--address", "ana@shop.example"][..], &mailbox[..6]].concat();
    let refused = sandbox.run(&add).exits(65);
    assert!(refused.stderr.contains("--address: ana@shop.example is the address of user ana"), "{refused:?}");
    assert!(refused.stderr.contains("--kind personal --user ana"), "{refused:?}");
    sandbox.run(&["account", "edit", "support", "--alias", "ana@shop.example"]).exits(65);
    sandbox.run(&[&add[..], &["--kind", "personal", "--user", "ana"]].concat()).ok();
}

#[test]
fn what_comes_next_is_told_to_people_in_short_lines_and_to_no_program() {
    let told = Sandbox::new().run(&["init", "--admin", "ana"]).ok().stderr;
    assert!(told.contains("Who else works here"), "{told}");
    assert!(told.lines().filter(|line| !line.starts_with(' ')).all(|line| line.chars().count() <= 80), "{told}");
    let told = Sandbox::new().run(&["--json", "init", "--admin", "ana"]).ok();
    assert!(told.stderr.is_empty(), "{told:?}");
}
