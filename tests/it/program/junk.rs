//! `email junk` without a server: what becomes of the mail and its case here, who may, and what is refused.

use crate::support::Desk;

fn desk() -> Desk {
    let desk = Desk::new().team("Billing").user("dewi", &["Billing"]).piped_account("support", &["--team", "Support"]);
    for (from, subject) in [("kim@customer.example", "Help"), ("shop@ads.example", "Watches")] {
        desk.put(&desk.letter(from, subject));
    }
    desk
}

fn subjects(desk: &Desk, line: &str) -> Vec<String> {
    desk.items(line).iter().map(|email| email["subject"].as_str().unwrap().to_owned()).collect()
}

fn count(desk: &Desk, what: &str) -> String {
    desk.query(&format!("SELECT CAST(count(*) AS TEXT) FROM {what}")).remove(0)
}

#[test]
fn junk_is_out_of_every_list_and_report_until_that_is_taken_back() {
    let desk = desk();
    let opened = || desk.json("report volume --by day")["total"]["opened"].clone();
    assert_eq!(opened(), 2);
    desk.ok("--dry-run --as ana email junk 2");
    assert_eq!(subjects(&desk, "email list"), ["Watches", "Help"], "a dry run changes nothing");
    assert_eq!(desk.ana("email junk 2").stdout, "email 2: junk; case #2 is rejected as spam\n");
    assert_eq!(desk.ana("email junk 2").stdout, "email 2: junk already\n");
    for list in
        ["email list", "email list Watches", "email list --folder all", "email list --case 2", "email list from:shop"]
    {
        assert!(!subjects(&desk, list).contains(&"Watches".to_owned()), "{list}");
    }
    assert_eq!(subjects(&desk, "email list --folder junk"), ["Watches"]);
    assert_eq!(desk.items("email list folder:junk")[0]["folder"], "junk");
    assert_eq!((opened(), desk.json("report volume --by day")["total"]["received"].clone()), (1.into(), 1.into()));
    assert_eq!(desk.json("case show 2")["type"], "Spam");
    assert_eq!(desk.ok("email show 2").code, 0, "it can be read by its id");
    assert_eq!(desk.ana("email junk --undo 2").stdout, "email 2: not junk; case #2 is open again\n");
    assert_eq!((subjects(&desk, "email list"), opened()), (vec!["Watches".into(), "Help".into()], 2.into()));
    assert_eq!(desk.json("case show 2")["type"], "");
    let refused = desk.run_as("ana", "email junk --undo 2").exits(65);
    assert!(refused.stderr.contains("email 2 is not junk"), "{refused:?}");
}

#[test]
fn a_mail_and_its_case_say_that_it_is_junk_and_programs_hear_of_it() {
    let desk = desk();
    desk.ana("email junk 2");
    let events = |after: i64| -> Vec<String> {
        let all = desk.items(&format!("events --after {after}"));
        let junk = all.iter().filter(|one| one["event"].as_str().unwrap().contains("junk"));
        junk.map(|one| format!("{} {} {}", one["event"], one["email"], one["user"]["username"])).collect()
    };
    assert_eq!(events(0), ["\"email.junk\" 2 \"ana\""]);
    let shown = desk.ok("email show 2").stdout;
    assert!(shown.lines().any(|line| line.starts_with("Junk") && line.contains("said by ana on 20")), "{shown}");
    let case = desk.ok("case show 2").stdout;
    assert!(case.contains("Junk: said by ana on 20") && case.contains("espomail email junk --undo 2"), "{case}");
    assert_eq!((&desk.json("email show 2")["junk"], &desk.json("email show 1")["junk"]), (&true.into(), &false.into()));
    desk.run("email junk --undo 2").ok();
    assert!(
        !desk.ok("email show 2").stdout.contains("said by") && !desk.ok("case show 2").stdout.contains("Junk: said")
    );
    assert_eq!(events(0).len(), 2);
    assert!(events(0)[1].starts_with("\"email.not-junk\" 2"), "{:?}", events(0));
}

#[test]
fn junk_in_a_case_of_others_is_taken_out_and_put_back() {
    let desk = desk();
    let reply = desk.letter("shop@ads.example", "Re: [#1] Help");
    desk.put(&reply);
    desk.ok("email link 3 case/1");
    desk.ana("case note 1 -m Hm.");
    assert_eq!(desk.ana("email junk 3").stdout, "email 3: junk; taken out of case #1\n");
    assert_eq!(desk.json("case show 1")["status"], "New");
    assert_eq!(count(&desk, "emails WHERE parent_id = 1"), "1");
    assert_eq!(desk.ana("email junk --undo 3").stdout, "email 3: not junk; in case #1 again\n");
    assert_eq!(count(&desk, "emails WHERE parent_id = 1"), "2");
    // The second of two that are junk rejects the case.
    let said = desk.ana("email junk 3 1").stdout;
    assert!(said.ends_with("email 1: junk; case #1 is rejected as spam\n"), "{said}");
}

#[test]
fn only_mail_of_others_is_junk_and_only_for_those_who_may_change_it() {
    let desk = desk();
    desk.ana("case reply 1 -m Yes.");
    let ours = desk.query("SELECT CAST(id AS TEXT) FROM emails WHERE status <> 'Archived'").remove(0);
    let refused = desk.run_as("ana", &format!("email junk {ours}")).exits(65);
    assert!(refused.stderr.contains("was written by one of us"), "{refused:?}");
    let unknown = desk.run_as("dewi", "email junk 2").exits(65);
    assert!(unknown.stderr.contains("not found"), "{unknown:?}");
    let moved = desk.run_as("ana", "email move 2 junk").exits(2);
    assert!(moved.stderr.contains("espomail email junk ID"), "{moved:?}");
    // What was told of junk is read.
    desk.ana("email junk 2");
    assert_eq!(count(&desk, "notifications WHERE email_id = 2 AND read_at IS NULL"), "0");
}

#[test]
fn a_case_of_junk_is_open_again_with_the_first_mail_that_is_none() {
    let desk = desk();
    desk.put(&desk.letter("shop@ads.example", "Re: [#1] Help"));
    desk.ok("email link 3 case/1");
    desk.ana("email junk 3 1");
    assert_eq!(desk.json("case show 1")["status"], "Rejected");
    let said = desk.ana("email junk --undo 3").stdout;
    assert_eq!(said, "email 3: not junk; in case #1 again, which is open again\n");
    let shown = desk.json("case show 1");
    assert_eq!((&shown["status"], &shown["type"]), (&"New".into(), &"".into()));
    // What people decide after that stays.
    desk.ana("case edit 1 --status Rejected");
    assert_eq!(desk.ana("email junk --undo 1").stdout, "email 1: not junk\n");
    assert_eq!(desk.json("case show 1")["status"], "Rejected");
}

#[test]
fn private_mail_is_junk_for_its_owner_alone() {
    let desk = desk();
    desk.sandbox.sql("UPDATE emails SET private = TRUE WHERE id = 2");
    for line in ["email junk 2", "email trash 2", "email junk --undo 2"] {
        let refused = desk.run(line).exits(65);
        assert!(refused.stderr.contains("only a user has a mailbox to sort"), "{line}: {refused:?}");
    }
    assert_eq!(count(&desk, "email_junk"), "0");
}

#[test]
fn the_junk_folder_is_one_folder_and_not_the_inbox() {
    let desk = desk();
    for folder in ["INBOX", "inbox", "Ju*", "Spam%"] {
        let refused = desk.run(&format!("account edit support --junk-folder {folder}")).exits(2);
        assert!(refused.stderr.contains("--junk-folder: "), "{folder}: {refused:?}");
    }
    desk.ok("account edit support --junk-folder INBOX.Junk");
    assert_eq!(desk.json("account show support")["junk_folder"], "INBOX.Junk");
}
