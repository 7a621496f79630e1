//! `email junk` on a real server: with MOVE and without, killed at points, after the message went elsewhere, and back.

use crate::support::{Child, Deed, Dovecot, Mailbox, Proxy, Rule, Sandbox, Side, When, mail, promise};

/// The folder that the test server marks as \Junk.
const JUNK: &str = "Unwanted";

/// An account whose INBOX has a customer's mail (email 1, case 1) and an advertisement (email 2, case 2), both imported.
fn filled(dovecot: &Dovecot, extra: &[&str]) -> (Sandbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::new(), dovecot.mailbox());
    mailbox.create(JUNK);
    let imap = format!("127.0.0.1:{}", dovecot.imap);
    let own = if extra.contains(&"--imap") { &[][..] } else { &["--imap", &imap] };
    sandbox.support_account(&mailbox, &[extra, own].concat());
    for (from, subject) in [("kim@customer.example", "Help"), ("shop@ads.example", "Watches")] {
        mailbox.append("INBOX", &mail(from, &mailbox.address, subject).bytes());
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    (sandbox, mailbox)
}

fn there(mailbox: &Mailbox, folder: &str) -> Vec<String> {
    mailbox.messages(folder).iter().map(|message| message.header("Subject")).collect()
}

fn subjects(sandbox: &Sandbox, line: &[&str]) -> Vec<String> {
    let listed = sandbox.json(&[&["email", "list"], line].concat());
    listed["items"].as_array().unwrap().iter().map(|email| email["subject"].as_str().unwrap().to_owned()).collect()
}

fn count(sandbox: &Sandbox, table: &str) -> String {
    sandbox.query(&format!("SELECT CAST(count(*) AS TEXT) FROM {table}")).remove(0)
}

#[test]
fn junk_goes_to_the_junk_folder_and_out_of_lists_and_comes_back() {
    for options in [&[][..], &["--no-move"]] {
        let dovecot = Dovecot::with(options);
        let (sandbox, mailbox) = filled(&dovecot, &[]);
        let said = sandbox.run(&["--as", "ana", "email", "junk", "2"]).ok().stdout;
        assert!(
            said.contains("case #2 is rejected as spam; the next fetch moves it to the junk folder of support"),
            "{said}"
        );
        assert_eq!(there(&mailbox, JUNK), [""; 0], "the server is touched by fetch alone");
        assert_eq!(subjects(&sandbox, &[]), ["Help"]);
        assert_eq!(subjects(&sandbox, &["--folder", "junk"]), ["Watches"]);
        for _ in 0..2 {
            sandbox.run(&["fetch", "--no-send"]).ok().silent();
            assert_eq!(
                (there(&mailbox, "INBOX"), there(&mailbox, JUNK)),
                (vec!["Help".into()], vec!["Watches".into()])
            );
        }
        assert_eq!(count(&sandbox, "emails"), "2", "nothing was imported again");
        let why = sandbox.run(&["email", "explain", "2"]).ok().stdout;
        assert!(why.contains("called junk by ana") && why.contains("lies in support/Unwanted on the server"), "{why}");

        sandbox.run(&["--as", "ana", "email", "junk", "--undo", "2"]).ok();
        assert_eq!(subjects(&sandbox, &[]), ["Watches", "Help"]);
        for _ in 0..2 {
            sandbox.run(&["fetch", "--no-send"]).ok().silent();
            assert_eq!(there(&mailbox, "INBOX").len(), 2, "{options:?}");
            assert_eq!(there(&mailbox, JUNK), [""; 0], "{options:?}");
        }
        assert_eq!((count(&sandbox, "emails"), count(&sandbox, "cases")), ("2".into(), "2".into()));
        assert_eq!(sandbox.query("SELECT status FROM cases WHERE number = 2"), ["New"]);
    }
}

#[test]
fn a_kill_neither_loses_nor_doubles_junk() {
    let moving = Dovecot::with(&[]);
    let copying = Dovecot::with(&["--no-move"]);
    let points: &[(&Dovecot, Side, &str, usize, When)] = &[
        (&moving, Side::Client, "LIST", 1, When::After),
        (&moving, Side::Client, "UID MOVE", 1, When::Before),
        (&moving, Side::Client, "UID MOVE", 1, When::After),
        (&moving, Side::Client, "LOGOUT", 1, When::Before),
        (&copying, Side::Client, "UID COPY", 1, When::Before),
        (&copying, Side::Client, "UID COPY", 1, When::After),
        (&copying, Side::Server, "COPYUID", 1, When::After),
        (&copying, Side::Client, "Deleted", 1, When::After),
        (&copying, Side::Client, "UID EXPUNGE", 1, When::After),
    ];
    for (dovecot, side, text, nth, when) in points {
        let point = format!("{side:?} {text} {when:?}");
        let proxy = Proxy::new(dovecot.imap);
        let (sandbox, mailbox) = filled(dovecot, &["--imap", &proxy.address()]);
        sandbox.run(&["email", "junk", "2"]).ok();
        let child = Child::default();
        proxy.set_rule(Some(Rule { side: *side, text, nth: *nth, when: *when, deed: Deed::Kill(child.clone()) }));
        let run = sandbox.call(&["fetch", "--no-send"]).known_to(&child).run();
        assert!(proxy.fired() && run.code == 128 + 9, "{point}: not killed: {run:?}");
        proxy.set_rule(None);
        for _ in 0..2 {
            sandbox.run(&["fetch", "--no-send"]).ok();
        }
        assert_eq!(
            (there(&mailbox, "INBOX"), there(&mailbox, JUNK)),
            (vec!["Help".into()], vec!["Watches".into()]),
            "{point}"
        );
        assert_eq!(count(&sandbox, "emails"), "2", "{point}");
        assert_eq!(count(&sandbox, "server_actions"), "0", "{point}");
    }
    promise("R1", &format!("SIGKILL at {} steps of moving junk: lost or doubled", points.len()), "0");
}

#[test]
fn only_the_message_that_is_meant_is_moved_and_what_is_gone_is_said() {
    let dovecot = Dovecot::with(&[]);
    let (sandbox, mailbox) = filled(&dovecot, &[]);
    sandbox.run(&["email", "junk", "2"]).ok();
    // Another message stands where the ledger saw it.
    sandbox.sql("UPDATE deliveries SET uid = 99 WHERE email_id = 1");
    sandbox.sql("UPDATE deliveries SET uid = 1 WHERE email_id = 2");
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!((there(&mailbox, "INBOX"), there(&mailbox, JUNK)), (vec!["Help".into()], vec!["Watches".into()]));
    // Somebody deletes it there before the fetch.
    sandbox.run(&["email", "junk", "1"]).ok();
    let mut imap = mailbox.imap();
    for command in ["SELECT INBOX", "STORE 1:* +FLAGS (\\Deleted)", "EXPUNGE"] {
        imap.ok(command);
    }
    sandbox.run(&["fetch", "--no-send"]).ok().silent();
    let why = sandbox.run(&["email", "explain", "1"]).ok().stdout;
    assert!(why.contains("gone from the server of support: nothing was moved"), "{why}");
    assert_eq!(count(&sandbox, "server_actions"), "0");
}

#[test]
fn mail_that_was_moved_after_the_import_is_found_and_a_setting_names_the_folder() {
    let dovecot = Dovecot::with(&[]);
    let (sandbox, mailbox) = (Sandbox::new(), dovecot.mailbox());
    let imap = format!("127.0.0.1:{}", dovecot.imap);
    sandbox.support_account(&mailbox, &["--after", "move:Done", "--imap", &imap]);
    // Without a Message-ID the content is its name.
    let letter = mail("shop@ads.example", &mailbox.address, "Watches").without("Message-ID");
    mailbox.append("INBOX", &letter.bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    sandbox.run(&["email", "junk", "1"]).ok();
    let waits = |why: &str| {
        let told = sandbox.run(&["fetch", "--no-send"]).ok().stderr;
        assert!(told.contains(&format!("1 mail waits for a folder for junk: {why}; there are: ")), "{told}");
        assert!(told.contains("Done") && told.contains("espomail account edit support --junk-folder FOLDER"), "{told}");
        // What cron has heard it does not hear again, and the move stays planned.
        sandbox.run(&["fetch", "--no-send"]).ok().silent();
        assert_eq!(count(&sandbox, "server_actions"), "1");
        assert!(sandbox.run(&["check"]).stdout.contains("1 mail waits for a folder for junk"));
    };
    waits("the server marks no folder as the one for junk");
    assert!(sandbox.run(&["account", "test", "support"]).ok().stdout.contains("marks no folder as the one for junk"));
    for line in [&["status"][..], &["email", "junk", "--undo", "1"], &["email", "junk", "1"]] {
        let said = sandbox.run(line).stdout;
        assert!(said.contains("espomail account edit support --junk-folder FOLDER"), "{line:?}: {said}");
    }
    // No folder is made for a name that is mistyped.
    sandbox.run(&["account", "edit", "support", "--junk-folder", "Spma"]).ok();
    waits("the server has no folder \"Spma\" for junk");
    let tested = sandbox.run(&["account", "test", "support"]).ok().stdout;
    assert!(tested.contains("has no folder \"Spma\" for junk"), "{tested}");
    mailbox.create("Spam");
    sandbox.run(&["account", "edit", "support", "--junk-folder", "Spam"]).ok();
    assert!(sandbox.run(&["account", "test", "support"]).ok().stdout.contains("goes to Spam"));
    assert!(!sandbox.run(&["check"]).stdout.contains("waits for a folder"), "nobody has tried the new one");
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!((there(&mailbox, "Done"), there(&mailbox, "Spam")), (vec![], vec!["Watches".to_owned()]));
    assert_eq!(sandbox.json(&["account", "show", "support"])["junk_folder"], "Spam");
}

#[test]
fn mail_that_is_moved_back_in_a_mail_program_is_not_junk() {
    for options in [&[][..], &["--no-move"]] {
        let dovecot = Dovecot::with(options);
        let (sandbox, mailbox) = filled(&dovecot, &[]);
        let advertisement = mailbox.messages("INBOX").pop().unwrap();
        sandbox.run(&["--as", "ana", "email", "junk", "2"]).ok();
        sandbox.run(&["fetch", "--no-send"]).ok();
        // The same mail once more is junk all the same.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        mailbox.append("INBOX", &advertisement.raw);
        for _ in 0..2 {
            sandbox.run(&["fetch", "--no-send"]).ok().silent();
        }
        // Without MOVE a second copy is not made.
        let copies = if options.is_empty() { 2 } else { 1 };
        assert_eq!((there(&mailbox, "INBOX").len(), there(&mailbox, JUNK).len()), (1, copies), "{options:?}");
        let mut imap = mailbox.imap();
        let back = if options.is_empty() {
            &["MOVE 1 INBOX"][..]
        } else {
            &["COPY 1 INBOX", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"]
        };
        imap.ok(&format!("SELECT {JUNK}"));
        back.iter().for_each(|command| drop(imap.ok(command)));
        for _ in 0..2 {
            sandbox.run(&["fetch", "--no-send"]).ok().silent();
        }
        assert_eq!((there(&mailbox, "INBOX").len(), there(&mailbox, JUNK).len()), (2, copies - 1), "{options:?}");
        assert_eq!((count(&sandbox, "emails"), count(&sandbox, "email_junk")), ("2".into(), "0".into()));
        assert_eq!(sandbox.query("SELECT status FROM cases WHERE number = 2"), ["New"]);
        assert_eq!(count(&sandbox, "server_actions"), "0");
        let why = sandbox.run(&["email", "explain", "2"]).ok().stdout;
        assert!(why.contains("not junk: somebody moved it back to support/INBOX on the server"), "{why}");
        assert_eq!(sandbox.items(&["status"])[0]["new_24h"], 2, "what came back is not new");
    }
}

#[test]
fn others_do_not_move_mail_in_a_personal_mailbox() {
    let dovecot = Dovecot::with(&[]);
    let (sandbox, mailbox) = filled(&dovecot, &[]);
    let own = dovecot.mailbox_at("staff.example");
    own.create(JUNK);
    let imap = format!("127.0.0.1:{}", dovecot.imap);
    sandbox.personal_account("budi", "budi", &own, &["--imap", &imap]);
    let advertisement = mailbox.messages("INBOX").pop().unwrap();
    own.append("INBOX", &advertisement.raw);
    sandbox.run(&["fetch", "--no-send"]).ok();
    sandbox.run(&["--as", "ana", "email", "junk", "2"]).ok();
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!((there(&mailbox, JUNK).len(), there(&own, JUNK).len()), (1, 0));
    // What the owner calls junk is, also after others did.
    let said = sandbox.run(&["--as", "budi", "email", "junk", "2"]).ok().stdout;
    assert_eq!(said, "email 2: junk already; the next fetch moves it to the junk folder of budi\n");
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!((there(&mailbox, JUNK).len(), there(&own, JUNK).len()), (1, 1));
}
