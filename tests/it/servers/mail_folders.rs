//! Where mail lies, for whom (B6): folders and states per user, and group folders that teams share.

use espomail::store::db::Tx;
use espomail::store::search::Place;
use espomail::store::{emails, folders, permissions::Levels, sight::Sight, users};

use crate::support::{Dovecot, Mailbox, Sandbox, mail};
use crate::support::{from, office};

/// Agents ana, budi and citra in Support; dian in Sales. The account `support` makes cases.
fn desk(extra: &[&str]) -> (Sandbox, Mailbox) {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, extra);
    for args in [
        &["team", "add", "Sales"][..],
        &["user", "add", "dian", "--email", "dian@staff.example"],
        &["team", "member", "add", "Sales", "dian"],
    ] {
        sandbox.run(args).ok();
    }
    (sandbox, mailbox)
}

fn subjects(sandbox: &Sandbox, user: &str, list: &[&str]) -> Vec<String> {
    let rows = sandbox.items(&[&["--as", user, "email", "list"], list].concat());
    let mut subjects: Vec<String> = rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect();
    subjects.sort();
    subjects
}

fn id(sandbox: &Sandbox, subject: &str) -> String {
    let found = sandbox.items(&["email", "list", &format!("subject:{subject}")]);
    found.first().unwrap_or_else(|| panic!("no email {subject}"))["id"].to_string()
}

/// What a user sees of one email in the list.
fn row(sandbox: &Sandbox, user: &str, subject: &str) -> serde_json::Value {
    let query = format!("subject:{subject} (folder:all OR folder:trash)");
    sandbox.items(&["--as", user, "email", "list", &query]).pop().unwrap_or_default()
}

#[test]
fn a_users_marks_and_folders_are_seen_by_nobody_else() {
    let (sandbox, mailbox) = desk(&[]);
    for subject in ["One", "Two", "Three"] {
        let letter = mail("kim@customer.example", &mailbox.address, subject);
        mailbox.append("INBOX", &letter.cc("ana@staff.example, budi@staff.example").bytes());
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    let ana = |args: &[&str]| sandbox.run(&[&["--as", "ana"], args].concat());
    let [one, two, three] = ["One", "Two", "Three"].map(|subject| id(&sandbox, subject));
    let all = ["One", "Three", "Two"];
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "inbox"]), all);
    assert_eq!(subjects(&sandbox, "ana", &["is:unread"]), all);
    assert_eq!(subjects(&sandbox, "citra", &["--folder", "inbox"]), [""; 0], "she sees it by her team");
    assert_eq!(subjects(&sandbox, "citra", &[]), all);

    ana(&["folder", "add", "Later"]).ok();
    ana(&["email", "read", &one, &two]).ok();
    ana(&["email", "important", &one]).ok();
    ana(&["email", "move", &two, "later"]).ok();
    ana(&["email", "trash", &three]).ok();
    for (list, expected) in [
        (&["is:unread"][..], &[][..]),
        (&["--folder", "inbox"], &["One"]),
        (&["--folder", "important"], &["One"]),
        (&["--folder", "Later"], &["Two"]),
        (&["folder:later"], &["Two"]),
        (&["--folder", "trash"], &["Three"]),
        (&["--folder", "trash", "is:unread"], &["Three"]),
        (&["--folder", "all"], &["One", "Two"]),
        (&[], &["One", "Two"]),
        (&["-folder:inbox"], &["Three", "Two"]),
        (&["Three"], &[]),
        (&["Three folder:trash"], &["Three"]),
        (&["--case", "3"], &["Three"]),
        (&["case:3"], &["Three"]),
    ] {
        let list: Vec<&str> = if list == ["-folder:inbox"] { vec!["--", "-folder:inbox"] } else { list.to_vec() };
        assert_eq!(subjects(&sandbox, "ana", &list), expected, "{list:?}");
    }
    let place = |user, subject| {
        let row = row(&sandbox, user, subject);
        (row["folder"].clone(), row["unread"].clone(), row["important"].clone())
    };
    assert_eq!(place("ana", "One"), ("inbox".into(), false.into(), true.into()));
    assert_eq!(place("ana", "Two"), ("Later".into(), false.into(), false.into()));
    assert_eq!(place("ana", "Three"), ("trash".into(), true.into(), false.into()));
    for subject in all {
        assert_eq!(place("budi", subject), ("inbox".into(), true.into(), false.into()), "{subject}");
        assert_eq!(place("citra", subject).0, serde_json::Value::Null, "{subject}");
    }
    let refused = sandbox.run(&["--as", "budi", "email", "list", "--folder", "Later"]).exits(65);
    assert!(refused.stderr.contains("--folder: there is no folder \"Later\""), "{refused:?}");
    assert!(sandbox.items(&["--as", "budi", "folder", "list"]).is_empty());

    // The way back.
    ana(&["email", "unread", &one]).ok();
    ana(&["email", "unimportant", &one]).ok();
    ana(&["email", "archive", &one]).ok();
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "archive"]), ["One"]);
    ana(&["email", "trash", &one]).ok();
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "archive"]), [""; 0]);
    ana(&["email", "archive", &one]).ok();
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "archive"]), ["One"], "out of the trash");
    ana(&["email", "move", &one, &three, "inbox"]).ok();
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "inbox"]), ["One", "Three"]);
    ana(&["--yes", "folder", "delete", "Later"]).ok();
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "inbox"]), all, "the mail of a deleted folder");
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "important"]), [""; 0]);
}

#[test]
fn what_cannot_be_sorted_is_said_and_the_rest_is_done() {
    let (sandbox, mailbox) = desk(&[]);
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "One").cc("ana@staff.example").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    let one = id(&sandbox, "One");
    let before = sandbox.canon();
    let refused = |args: &[&str], code: i32, text: &str| {
        let run = sandbox.run(args).exits(code);
        assert!(run.stderr.contains(text), "{run:?}");
    };
    refused(&["--as", "citra", "email", "read", &one], 65, "is not in your mailbox");
    refused(&["--as", "dian", "email", "read", &one], 65, "email 1: not found");
    refused(&["email", "trash", &one], 65, "only a user has a mailbox to sort");
    refused(&["--as", "ana", "email", "move", &one, "Nowhere"], 65, "there is no folder \"Nowhere\"");
    refused(&["--as", "ana", "email", "move", &one, "important"], 2, "nothing can be moved to important");
    refused(&["--as", "ana", "email", "move", "Later", &one], 2, "\"Later\" is not an email id");
    refused(&["--as", "ana", "email", "move", &one, "none"], 65, "is in no group folder that you work in");
    refused(&["--as", "ana", "folder", "add", "Trash"], 2, "is a reserved name");
    refused(&["--as", "ana", "folder", "add", "Team", "--group", "Support"], 77, "only administrators can");
    refused(&["folder", "add", "Mine"], 77, "no user has your login name");
    refused(&["email", "list", "--folder", "inbox"], 77, "no user has your login name");
    refused(&["account", "edit", "support", "--put-in", "Nowhere"], 65, "there is no group folder \"Nowhere\"");
    assert_eq!(sandbox.canon(), before);
    let run = sandbox.run(&["--as", "ana", "email", "trash", "7", &one, "8"]).exits(1);
    assert!(run.stderr.contains("email 7: not found") && run.stderr.contains("email 8: not found"), "{run:?}");
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "trash"]), ["One"]);
    sandbox.run(&["--as", "ana", "folder", "add", "Later"]).ok();
    refused(&["--as", "ana", "folder", "add", "LATER"], 65, "exists already");
    sandbox.run(&["--as", "budi", "folder", "add", "Later"]).ok();
    sandbox.run(&["--as", "ana", "--dry-run", "email", "move", &one, "Later"]).ok();
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "trash"]), ["One"]);
}

#[test]
fn a_group_folder_gives_its_mail_to_its_teams_and_shares_trash_and_archive() {
    let (sandbox, mailbox) = desk(&[]);
    sandbox.run(&["folder", "add", "Orders", "--group", "Sales"]).ok();
    sandbox.run(&["account", "edit", "support", "--put-in", "orders"]).ok();
    sandbox.run(&["user", "add", "eko", "--email", "eko@staff.example"]).ok();
    sandbox.run(&["team", "member", "add", "Sales", "eko"]).ok();
    let letter = mail("kim@customer.example", &mailbox.address, "One").cc("ana@staff.example, dian@staff.example");
    mailbox.append("INBOX", &letter.bytes());
    mailbox.append("INBOX", &mail("kim@customer.example", &mailbox.address, "Two").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    let [one, two] = ["One", "Two"].map(|subject| id(&sandbox, subject));
    let run = |user: &str, args: &[&str]| drop(sandbox.run(&[&["--as", user], args].concat()).ok());
    assert_eq!(subjects(&sandbox, "eko", &["--folder", "Orders"]), ["One", "Two"], "the teams of the folder get it");
    assert_eq!(row(&sandbox, "eko", "Two")["folder"], "Orders");
    assert_eq!(subjects(&sandbox, "ana", &[]), ["One", "Two"], "so does the team of the account");
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "inbox"]), ["One"]);
    sandbox.run(&["--as", "ana", "email", "list", "--folder", "Orders"]).exits(65);

    // Dian has a copy of One in her inbox and works in the folder; Eko only works there; Ana only has a copy.
    run("eko", &["email", "trash", &one, &two]);
    assert_eq!(subjects(&sandbox, "eko", &["--folder", "trash"]), ["One", "Two"]);
    assert_eq!(subjects(&sandbox, "dian", &["--folder", "trash"]), ["One", "Two"]);
    assert_eq!(subjects(&sandbox, "dian", &["--folder", "inbox"]), [""; 0]);
    assert_eq!(subjects(&sandbox, "dian", &[]), [""; 0]);
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "inbox"]), ["One"], "her copy is hers");
    assert_eq!(subjects(&sandbox, "ana", &["--folder", "trash"]), [""; 0]);
    run("ana", &["email", "archive", &one]);
    assert_eq!(subjects(&sandbox, "dian", &["--folder", "trash"]), ["One", "Two"]);
    run("dian", &["email", "move", &one, &two, "inbox"]);
    assert_eq!(subjects(&sandbox, "eko", &["--folder", "Orders"]), ["One", "Two"], "back in the folder");
    assert_eq!(subjects(&sandbox, "dian", &["--folder", "inbox"]), ["One"]);
    run("dian", &["folder", "add", "Mine"]);
    run("dian", &["email", "move", &one, "Mine"]);
    run("eko", &["email", "archive", &one]);
    assert_eq!(subjects(&sandbox, "dian", &["--folder", "Mine"]), ["One"], "what she filed stays");
    assert_eq!(row(&sandbox, "dian", "One")["folder"], "Mine");
    assert_eq!(row(&sandbox, "eko", "One")["folder"], "archive");
    run("dian", &["email", "trash", &one]);
    assert_eq!(row(&sandbox, "dian", "One")["folder"], "trash", "and is what she throws away");
    assert_eq!(row(&sandbox, "eko", "One")["folder"], "archive");
    run("dian", &["email", "move", &one, "Mine"]);

    // Other teams, another folder, no folder; and a new delivery does not put it back.
    sandbox.run(&["folder", "add", "Complaints", "--group", "Support"]).ok();
    sandbox.run(&["email", "move", &two, "Complaints"]).ok();
    assert_eq!(subjects(&sandbox, "eko", &["--folder", "all"]), ["One"], "the old folder's team sees it no longer");
    sandbox.run(&["folder", "edit", "Complaints", "--group", "Support", "--group", "Sales"]).ok();
    assert_eq!(subjects(&sandbox, "eko", &["--folder", "Complaints"]), ["Two"]);
    sandbox.run(&["folder", "edit", "Complaints", "--group", "Support"]).ok();
    assert_eq!(subjects(&sandbox, "eko", &["Two"]), [""; 0]);
    run("budi", &["email", "move", &two, "none"]);
    assert_eq!(subjects(&sandbox, "budi", &["--folder", "Complaints"]), [""; 0]);
    assert_eq!(subjects(&sandbox, "budi", &["Two"]), ["Two"]);
    sandbox.run(&["--yes", "account", "reset", "support"]).ok();
    sandbox.run(&["fetch", "--no-send"]).ok();
    mailbox.recreate("INBOX");
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(sandbox.ledger()[&mailbox.address].len(), 4);
    assert_eq!(subjects(&sandbox, "eko", &["Two"]), [""; 0]);
    let refused = sandbox.run(&["--yes", "folder", "delete", "Orders"]).exits(65);
    assert!(refused.stderr.contains("the mail of support goes there"), "{refused:?}");
    sandbox.run(&["account", "edit", "support", "--put-in", ""]).ok();
    sandbox.run(&["--yes", "folder", "delete", "Orders"]).ok();
    assert_eq!(subjects(&sandbox, "dian", &["--folder", "inbox"]), [""; 0], "in her own folder");
    assert_eq!(subjects(&sandbox, "eko", &[]), ["One"], "whoever saw it goes on seeing it");
}

#[test]
fn states_are_for_those_who_have_a_copy() {
    let office = office(|_| {});
    office.deliver(&from("kim@customer.example", "One").cc("ana@staff.example"));
    let copies = || {
        office.query("SELECT user_id || ' ' || CAST(read AS INTEGER) || CAST(important AS INTEGER) || CAST(trash AS INTEGER) || CAST(archive AS INTEGER) FROM email_users")
    };
    office.sql("INSERT INTO users (username, login, created_at) VALUES ('budi', 'budi', 0)");
    let write = |work: &dyn Fn(&Tx<'_>) -> anyhow::Result<()>| office.store.write(|tx| work(tx)).unwrap();
    for user in [1, 2] {
        write(&|tx| {
            emails::set_read(tx, 1, user, true)?;
            emails::set_important(tx, 1, user, true)?;
            emails::set_trash(tx, 1, user, true)
        });
    }
    assert_eq!(copies(), ["1 1110"], "nobody gets a copy by being told where it lies");
    write(&|tx| emails::set_archive(tx, 1, 1, true));
    assert_eq!(copies(), ["1 1101"]);
    write(&|tx| emails::set_trash(tx, 1, 1, true));
    write(&|tx| emails::move_to(tx, 1, 1, None));
    assert_eq!(copies(), ["1 1100"]);
}

#[test]
fn folder_is_seen_and_changed_by_its_owner_only() {
    let office = office(|_| {});
    office.sql("INSERT INTO users (username, login, created_at) VALUES ('budi', 'budi', 0)");
    office
        .store
        .write(|tx| {
            assert!(users::by_id(tx, 2)?.is_some());
            for owner in [Some(1), Some(2), None] {
                folders::add(tx, owner, "Invoices", office.now)?;
            }
            assert!(tx.savepoint(|tx| folders::add(tx, Some(1), "INVOICES", office.now)).is_err());
            assert!(tx.savepoint(|tx| folders::add(tx, None, "INVOICES", office.now)).is_err());
            let seen = |user, sight| -> anyhow::Result<Vec<i64>> {
                Ok(folders::list(tx, user, sight)?.iter().map(|folder| folder.id).collect())
            };
            assert_eq!(
                seen(Some(1), Sight::User(1, Levels::USUAL))?,
                [1],
                "a group folder without teams is seen by nobody"
            );
            assert_eq!(seen(None, Sight::Everything)?, [3]);
            folders::set_teams(tx, 3, &[1])?;
            assert_eq!(seen(Some(1), Sight::User(1, Levels::USUAL))?, [1, 3]);
            assert_eq!(seen(Some(2), Sight::User(2, Levels::USUAL))?, [2]);
            assert!(folders::works_in(tx, 1, 3)? && !folders::works_in(tx, 2, 3)?);
            Ok(())
        })
        .unwrap();
    assert_eq!("TRASH".parse(), Ok(Place::Trash));
}

#[test]
fn an_email_is_linked_and_unlinked_by_hand() {
    let (sandbox, mailbox) = desk(&[]);
    for args in [&["record", "add", "company", "PT Sinar", "--team", "Support"][..], &["record", "add", "lead", "Lee"]]
    {
        sandbox.run(args).ok();
    }
    for (from, subject) in
        [("kim@customer.example", "One"), ("kim@customer.example", "Two"), ("eve@x.example", "Three")]
    {
        mailbox.append("INBOX", &mail(from, &mailbox.address, subject).bytes());
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    let [two, three] = ["Two", "Three"].map(|subject| id(&sandbox, subject));
    let thread = |number: &str| -> Vec<(String, bool)> {
        let mails = sandbox.items(&["case", "thread", number]);
        let shown = |mail: &serde_json::Value| {
            (mail["subject"].as_str().unwrap().to_owned(), mail["verified"].as_bool().unwrap())
        };
        mails.iter().map(shown).collect()
    };
    let waiting = |number: &str| sandbox.json(&["case", "show", number])["waiting_for"].clone();
    let budi = |args: &[&str]| sandbox.run(&[&["--as", "budi"], args].concat());
    budi(&["email", "link", &two, "case/1"]).ok();
    assert_eq!(thread("1"), [("One".to_owned(), true), ("Two".to_owned(), true)]);
    assert_eq!((thread("2").len(), waiting("2")), (0, "".into()), "nobody waits in an empty case");
    let run = budi(&["email", "link", &three, "case/#1"]).ok();
    assert!(run.stderr.contains(&format!("espomail case accept {three}")), "{run:?}");
    assert_eq!(thread("1").last().unwrap(), &("Three".to_owned(), false), "no standing by the link");
    let history = serde_json::Value::from(sandbox.items(&["case", "history", "1"])).to_string();
    assert!(history.contains("email 3 linked: Three"), "{history}");

    budi(&["email", "link", &two, "company/1"]).ok();
    let mut stream = sandbox.items(&["stream", "company/1"]);
    stream.retain(|note| note["kind"] == "email-received");
    assert_eq!(stream.len(), 1, "the note of its arrival went along: {stream:?}");
    let hidden = budi(&["email", "link", &two, "lead/1"]).exits(65);
    assert!(hidden.stderr.contains("lead 1: not found"), "{hidden:?}");
    budi(&["email", "unlink", &two]).ok();
    let refused = budi(&["email", "unlink", &two]).exits(65);
    assert!(refused.stderr.contains("is linked to nothing"), "{refused:?}");
    budi(&["email", "unlink", &three]).ok();
    assert_eq!(thread("1"), [("One".to_owned(), true)]);
    let refused = sandbox.run(&["--as", "dian", "email", "link", &two, "case/1"]).exits(65);
    assert!(refused.stderr.contains("not found"), "{refused:?}");
    let explained = sandbox.run(&["email", "explain", &two]).ok().stdout;
    assert!(explained.contains("unlinked from company PT Sinar by budi"), "{explained}");
}

#[test]
fn a_deleted_email_does_not_come_back() {
    let (sandbox, mailbox) = desk(&["--auto-reply", "Thanks"]);
    let letter = mail("kim@customer.example", &mailbox.address, "Zeppelin").body("the words quokka\n");
    mailbox.append("INBOX", &letter.bytes());
    mailbox.append("INBOX", &mail("eva@customer.example", &mailbox.address, "Other").bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    let one = id(&sandbox, "Zeppelin");
    let reply = sandbox.items(&["email", "list", "status:Sending", "case:1"])[0]["id"].to_string();
    sandbox.run(&["--as", "ana", "--yes", "email", "delete", &one, "--reason", "x"]).exits(77);
    sandbox.run(&["email", "delete", &one, "--reason", "x"]).exits(2);
    sandbox.run(&["--yes", "email", "delete", &one, "--reason", " "]).exits(2);
    sandbox.run(&["--yes", "--dry-run", "email", "delete", &one, "--reason", "x"]).ok();
    let refused = sandbox.run(&["--yes", "email", "delete", &reply, "--reason", "x"]).exits(65);
    assert!(refused.stderr.contains("hint: take it back first: espomail outbox cancel"), "{refused:?}");
    assert_eq!(subjects(&sandbox, "ana", &["quokka"]), ["Zeppelin"]);

    sandbox.run(&["--yes", "email", "delete", &one, "--reason", "sent by mistake"]).ok();
    let gone = || {
        sandbox.run(&["email", "show", &one]).exits(65);
        assert_eq!(subjects(&sandbox, "ana", &["quokka"]), [""; 0]);
        assert_eq!(subjects(&sandbox, "ana", &["subject:Zeppelin", "from:kim"]), [""; 0]);
        let shown = sandbox.json(&["case", "show", "1"]);
        assert!(!shown.to_string().contains("quokka"), "{shown}");
        assert_eq!(shown["waiting_for"], "", "the automatic reply is all there is");
    };
    gone();
    let cases = sandbox.items(&["case", "list"]).len();
    sandbox.run(&["--yes", "account", "reset", "support"]).ok();
    sandbox.run(&["fetch", "--no-send"]).ok();
    gone();
    mailbox.recreate("INBOX");
    sandbox.run(&["fetch", "--no-send"]).ok();
    gone();
    assert_eq!(sandbox.items(&["case", "list"]).len(), cases);
    let ledger = sandbox.items(&["email", "list", "--skipped"]);
    let reasons: Vec<_> = ledger.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["erased: does not come back", "deleted: sent by mistake"]);
    sandbox.run(&["db", "check"]).ok();
}

#[test]
fn one_email_whichever_account_brought_it_first() {
    for order in [["support", "sales"], ["sales", "support"]] {
        let (sandbox, mailbox) = desk(&["--distribution", "none"]);
        let sales = Dovecot::shared().mailbox();
        sandbox.run(&["folder", "add", "Orders", "--group", "Sales"]).ok();
        sandbox.group_account(
            "sales",
            &sales,
            &["--team", "Sales", "--case-team", "Sales", "--create-case", "--put-in", "Orders"],
        );
        let letter = mail("kim@customer.example", &format!("{}, {}", mailbox.address, sales.address), "Offer");
        let letter = letter.cc("ana@staff.example, budi@staff.example");
        mailbox.append("INBOX", &letter.bytes());
        sales.append("INBOX", &letter.clone().body("Hello,\n\nan [EXTERNAL] banner\n").bytes());
        for account in order {
            sandbox.run(&["fetch", "--no-send", account]).ok();
        }
        let emails = sandbox.items(&["email", "list"]);
        assert_eq!(emails.len(), 1, "{order:?}");
        let email = &emails[0];
        assert_eq!(email["accounts"], serde_json::json!(["sales", "support"]));
        assert_eq!(email["variants"], 1);
        let cases = sandbox.items(&["case", "list"]);
        assert_eq!(cases.len(), 1, "{order:?}");
        assert_eq!(cases[0]["account"]["name"], "support", "the first in To owns the case");
        assert_eq!(email["case"], cases[0]["number"]);
        for (user, inbox) in [("ana", true), ("budi", true), ("citra", false), ("dian", false)] {
            assert_eq!(subjects(&sandbox, user, &[]), ["Offer"], "{user} {order:?}");
            assert_eq!(subjects(&sandbox, user, &["--folder", "inbox"]).len(), usize::from(inbox), "{user} {order:?}");
        }
        assert_eq!(subjects(&sandbox, "dian", &["--folder", "Orders"]), ["Offer"]);
        sandbox.run(&["user", "add", "eve", "--email", "eve@staff.example"]).ok();
        assert_eq!(subjects(&sandbox, "eve", &[]), [""; 0]);

        let show = |extra: &[&str]| sandbox.json(&[&["email", "show", "1"], extra].concat());
        assert_eq!(show(&[])["variants"][0]["account"]["name"], order[1], "the second text is a variant");
        let texts = [show(&[]), show(&["--variant", "1"])].map(|shown| shown["text"].to_string().contains("EXTERNAL"));
        assert_eq!(texts, [order[0] == "sales", order[1] == "sales"]);
        let refused = sandbox.run(&["email", "show", "1", "--variant", "2"]).exits(65);
        assert!(refused.stderr.contains("email 1 has no variant 2"), "{refused:?}");
    }
}

/// A message of 3 MiB whose text and second attachment lie behind its beginning.
fn large(from: &str, to: &str, subject: &str) -> Vec<u8> {
    let part = |kind: &str, extra: &str| format!("--b\r\nContent-Type: {kind}\r\n{extra}\r\n");
    let letter = mail(from, to, subject).header("Content-Type", "multipart/mixed; boundary=b").body("");
    let mut raw = letter.bytes();
    raw.extend_from_slice(
        part("application/zip", "Content-Disposition: attachment; filename=large.zip\r\n").as_bytes(),
    );
    raw.extend_from_slice("filler words in a line\r\n".repeat(1 << 17).as_bytes());
    raw.extend_from_slice(part("text/plain", "").as_bytes());
    raw.extend_from_slice(b"kookaburra\r\n");
    raw.extend_from_slice(part("application/pdf", "Content-Disposition: attachment; filename=end.pdf\r\n").as_bytes());
    raw.extend_from_slice(b"%PDF\r\n--b--\r\n");
    raw
}

#[test]
fn the_rest_of_a_large_mail_is_fetched_whole() {
    let (sandbox, mailbox) = desk(&["--max-size", "1MiB", "--after", "delete"]);
    let raw = large("kim@customer.example", &mailbox.address, "Large");
    mailbox.append("INBOX", &raw);
    mailbox.append("INBOX", &large("eve@customer.example", &mailbox.address, "Gone"));
    sandbox.run(&["fetch", "--no-send"]).ok();
    let [large, gone] = ["Large", "Gone"].map(|subject| id(&sandbox, subject));
    let shown = |id: &str| sandbox.json(&["email", "show", id]);
    assert_eq!(shown(&large)["truncated"], true);
    let text = sandbox.run(&["email", "show", &large]).ok().stdout;
    assert!(
        text.contains(&format!("espomail email fetch-rest {large}")),
        "{}",
        text.lines().take(12).collect::<String>()
    );
    assert_eq!(subjects(&sandbox, "ana", &["large OR gone"]), ["Gone", "Large"]);
    assert_eq!(subjects(&sandbox, "ana", &["kookaburra"]), [""; 0]);

    let before = sandbox.canon();
    let refused = sandbox.run(&["email", "fetch-rest", &large, "--max-size", "2MiB"]).exits(65);
    assert!(refused.stderr.contains("more than 2MiB") && refused.stderr.contains("--max-size 4MiB"), "{refused:?}");
    let refused = sandbox.run(&["--as", "dian", "email", "fetch-rest", &large]).exits(65);
    assert!(refused.stderr.contains("not found"), "{refused:?}");
    sandbox.run(&["--dry-run", "email", "fetch-rest", &large]).ok();
    let place = mailbox.messages("INBOX").iter().map(|message| message.uid).max().unwrap();
    mailbox.expunge("INBOX", place);
    let refused = sandbox.run(&["email", "fetch-rest", &gone]).exits(65);
    assert!(refused.stderr.contains("is no longer on the server"), "{refused:?}");
    assert_eq!(sandbox.canon(), before, "nothing changed");

    sandbox.run(&["--as", "ana", "email", "fetch-rest", &large]).ok();
    assert_eq!(sandbox.call(&["email", "show", &large, "--raw"]).run().ok().stdout.as_bytes(), raw);
    let whole = shown(&large);
    assert_eq!((&whole["truncated"], &whole["attachments"][1]["name"]), (&false.into(), &"end.pdf".into()));
    assert_eq!(sandbox.items(&["email", "attachment", "list", &large]).len(), 2);
    for (words, expected) in [("kookaburra", &["Large"][..]), ("large OR gone", &["Gone", "Large"])] {
        assert_eq!(subjects(&sandbox, "ana", &[words]), expected, "{words}");
    }
    let refused = sandbox.run(&["email", "fetch-rest", &large]).exits(65);
    assert!(refused.stderr.contains("is here whole already"), "{refused:?}");
    assert_eq!(mailbox.messages("INBOX").len(), 1, "not by this command");
    sandbox.run(&["fetch", "--no-send"]).ok();
    assert_eq!(mailbox.messages("INBOX").len(), 0, "what the account does after the import");
    assert_eq!((sandbox.items(&["case", "list"]).len(), sandbox.items(&["email", "list"]).len()), (2, 2));
    sandbox.run(&["db", "check"]).ok();
}

#[test]
fn a_beginning_that_comes_again_is_not_a_variant() {
    let (sandbox, mailbox) = desk(&["--max-size", "1MiB"]);
    let letter = String::from_utf8(large("kim@customer.example", &mailbox.address, "Large")).unwrap();
    let nameless = letter.lines().filter(|line| !line.starts_with("Message-ID")).collect::<Vec<_>>().join("\r\n");
    mailbox.append("INBOX", letter.as_bytes());
    mailbox.append("INBOX", nameless.replace("Subject: Large", "Subject: Nameless").as_bytes());
    sandbox.run(&["fetch", "--no-send"]).ok();
    mailbox.recreate("INBOX");
    for subject in ["Large", "Nameless"] {
        let id = id(&sandbox, subject);
        let refused = sandbox.run(&["email", "fetch-rest", &id]).exits(65);
        assert!(refused.stderr.contains("was renumbered"), "{refused:?}");
    }
    sandbox.run(&["fetch", "--no-send"]).ok();
    for subject in ["Large", "Nameless"] {
        sandbox.run(&["email", "fetch-rest", &id(&sandbox, subject)]).ok();
    }
    mailbox.recreate("INBOX");
    sandbox.run(&["fetch", "--no-send"]).ok();
    let rows = sandbox.items(&["email", "list"]);
    assert!(rows.len() == 2 && rows.iter().all(|row| row["variants"] == 0), "{rows:?}");
}
