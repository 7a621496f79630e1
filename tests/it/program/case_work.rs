//! What agents do to cases besides answering them, through the program; mail comes in by `ingest`.

use crate::support::{Desk, Dovecot, Letter, SUPPORT, Sandbox, from};

const KIM: &str = "kim@customer.example";

/// ana and budi are in Support, dewi in Billing, eko in both; account support makes cases of team Support.
fn desk(extra: &[&str]) -> Desk {
    let desk = Desk::new().team("Billing").user("dewi", &["Billing"]).user("eko", &["Support", "Billing"]);
    desk.piped_account("support", extra)
}

impl Desk {
    /// The number of the case that a letter ends in; 0 = none.
    #[track_caller]
    fn goes_to(&self, letter: &Letter) -> i64 {
        self.put(letter);
        self.email(letter.value("Subject"), "case").as_i64().unwrap_or_default()
    }

    fn case(&self, number: i64, field: &str) -> serde_json::Value {
        self.json(&["case", "show", &number.to_string()])[field].clone()
    }

    /// Subjects of the emails of a case.
    fn subjects(&self, number: i64) -> Vec<String> {
        let mails = self.items(&["case", "thread", &number.to_string()]);
        mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
    }

    /// Answers a case; the Message-ID of the answer.
    fn answer(&self, number: i64) -> String {
        self.ok(&format!("--as ana case reply {number} -m Done."));
        let rows = self.items(&["outbox", "list", "--all"]);
        let newest = rows.iter().max_by_key(|row| row["id"].as_i64()).unwrap();
        format!("<{}>", newest["message_id"].as_str().unwrap())
    }

    /// `kind user text` of the history.
    fn history(&self, number: i64) -> Vec<String> {
        let rows = self.items(&["case", "history", &number.to_string()]);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        rows.iter()
            .map(|r| format!("{} {} {}", text(&r["kind"]), text(&r["user"]["username"]), text(&r["text"])))
            .collect()
    }

    fn everything(&self) -> String {
        self.sandbox.every_row()
    }
}

#[test]
fn a_merged_case_hands_over_its_mail_people_and_later_mail() {
    let desk = desk(&[]);
    let (first, second) = (from(KIM, "One"), from(KIM, "Two"));
    desk.put(&first);
    desk.put(&second);
    desk.ok("case assign 1 eko");
    let ours = desk.answer(1);
    desk.ok("case move 2 --team Billing");
    desk.run(&["case", "merge", "1", "2"]).exits(2);
    desk.ok("--yes --as eko case merge 1 2");
    assert_eq!(desk.subjects(2).len(), 3, "two mails and an answer");
    assert!(desk.subjects(1).is_empty());
    assert_eq!((desk.case(1, "status"), desk.case(2, "status")), ("Duplicate".into(), "New".into()));
    assert_eq!(desk.case(2, "teams"), serde_json::json!(["Billing", "Support"]));
    assert_eq!(desk.items(&["--as", "dewi", "email", "list"]).len(), 3, "the teams of one see the mails of both");
    assert_eq!(desk.items(&["--as", "ana", "email", "list"]).len(), 3);
    assert_eq!(
        desk.query("SELECT u.username FROM followers f JOIN users u ON u.id = f.user_id WHERE parent_id = 2"),
        ["eko"]
    );
    assert!(desk.history(1).contains(&"merged eko merged into #2 Two".to_owned()), "{:?}", desk.history(1));
    assert!(desk.history(2).contains(&"merged eko #1 One was merged into this".to_owned()), "{:?}", desk.history(2));
    let stream = desk.case(2, "stream").to_string();
    assert!(stream.contains("email-sent"), "the notes of the mails go with them: {stream}");

    assert_eq!(desk.goes_to(&from(KIM, "by number [#1]")), 2);
    assert_eq!(desk.goes_to(&from(KIM, "to my own mail").in_reply_to(first.value("Message-ID"))), 2);
    assert_eq!(desk.goes_to(&from(KIM, "to your answer").in_reply_to(&ours)), 2);

    for (line, expected) in [
        ("--yes case merge 2 2", "case #2: cannot be merged into itself"),
        ("--yes case merge 1 2", "case #1: was merged into #2 already"),
        ("--yes case merge 2 1", "case #1: was merged into #2 already"),
        ("case reopen 1", "case #1: was merged"),
        ("case edit 1 --status New", "case #1: was merged"),
        ("case reply 1 -m Hello", "case #1: was merged"),
    ] {
        let run = desk.run(line).exits(65);
        assert!(run.stderr.contains(expected), "{run:?}");
    }
}

#[test]
fn replies_follow_a_split() {
    let desk = desk(&["--distribution", "direct", "--assign-to", "ana"]);
    let stays = from(KIM, "Invoice");
    desk.put(&stays);
    let old_answer = desk.answer(1);
    let other = from(KIM, "Printer").in_reply_to(stays.value("Message-ID")).references(&[stays.value("Message-ID")]);
    desk.put(&other);
    let new_answer = desk.answer(1);
    let later = from(KIM, "Printer again").in_reply_to(&new_answer);
    desk.put(&later);
    desk.put(&from(KIM, "Invoice again").in_reply_to(&old_answer));
    assert_eq!(desk.subjects(1).len(), 6);

    let made = desk.ok(&format!("--as budi case split 1 --from {}", desk.id("Printer"))).stdout;
    assert!(made.contains("case #2 made of 3 emails from #1: Printer"), "{made}");
    assert_eq!(desk.subjects(2), ["Printer", "[#1] Re: Printer", "Printer again"]);
    assert_eq!(desk.subjects(1), ["Invoice", "[#1] Re: Invoice", "Invoice again"]);
    assert_eq!(desk.case(2, "assigned_user")["username"], "ana", "distributed as the account says");
    assert_eq!((desk.case(1, "waiting_for"), desk.case(2, "waiting_for")), ("us".into(), "us".into()));
    let (of_old, of_new) = (desk.history(1), desk.history(2));
    assert!(of_old.iter().any(|n| n.starts_with("split budi ") && n.ends_with("went to #2 Printer")), "{of_old:?}");
    assert!(of_new.iter().any(|n| n.starts_with("created budi ") && n.ends_with("of #1 Invoice")), "{of_new:?}");

    for (number, subject, id) in [
        (1, "to the mail that stayed", stays.value("Message-ID")),
        (1, "to the answer that stayed", old_answer.as_str()),
        (2, "to the mail that went", other.value("Message-ID")),
        (2, "to the later mail that went", later.value("Message-ID")),
        (2, "to the answer that went", new_answer.as_str()),
    ] {
        assert_eq!(desk.goes_to(&from(KIM, subject).in_reply_to(id)), number, "{subject}");
    }
    // A mail client sends the whole chain; the id of the old thread stands at its beginning.
    let row = desk.query("SELECT '<' || message_id || '>' FROM email_references WHERE email_id = (SELECT id FROM emails WHERE subject = '[#1] Re: Printer') ORDER BY position");
    let chain: Vec<&str> = row.iter().map(String::as_str).chain([new_answer.as_str()]).collect();
    let reply = from(KIM, "with the whole chain").in_reply_to(&new_answer).references(&chain);
    assert_eq!(desk.goes_to(&reply), 2);
    let rewritten =
        from(KIM, "your id was rewritten").in_reply_to("<x@server.example>").references(&chain[..chain.len() - 1]);
    assert_eq!(desk.goes_to(&rewritten), 2, "by the newest mail that is known");
    // Somebody who does not take part: unverified, but in the case of the mail that is answered.
    let printer = other.value("Message-ID");
    let first_id = chain.first().copied().unwrap_or_default();
    let colleague = from("lee@customer.example", "from a colleague").in_reply_to(printer);
    assert_eq!(desk.goes_to(&colleague.references(&[first_id, old_answer.as_str(), printer])), 2);
    let thread = desk.items(&["case", "thread", "2"]);
    assert!(thread.iter().any(|m| m["subject"] == "from a colleague" && m["verified"] == false), "{thread:#?}");
    let answer_in_new = desk.answer(2);
    assert_eq!(desk.goes_to(&from(KIM, "to an answer of the new case").in_reply_to(&answer_in_new)), 2);

    let run = desk.run(&["case", "split", "2", "--from", &desk.id("Invoice")]).exits(65);
    assert!(run.stderr.contains("does not belong to case #2"), "{run:?}");
    let run = desk.run(&["case", "split", "2", "--from", &desk.id("Printer")]).exits(65);
    assert!(run.stderr.contains("nothing would stay in case #2"), "{run:?}");
}

#[test]
fn an_accepted_sender_takes_part() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "One"));
    let ours = desk.answer(1);
    desk.ok("case close 1");
    let guest = "guest@elsewhere.example";
    assert_eq!(desk.goes_to(&from(guest, "forwarded to me").in_reply_to(&ours)), 1);
    assert_eq!(desk.goes_to(&from(guest, "too early [#1]")), 2);
    assert_eq!(desk.case(1, "status"), "Closed");
    let id = desk.id("forwarded to me");
    let told = desk.query("SELECT id || '' FROM notifications").len();
    desk.ok(&format!("--as ana case accept {id}"));
    assert_eq!((desk.case(1, "status"), desk.case(1, "waiting_for")), ("New".into(), "us".into()), "as if it came now");
    assert_eq!(desk.query("SELECT id || '' FROM notifications").len(), told, "nobody is told again");
    assert!(desk.history(1).iter().any(|n| n.starts_with("accepted ana guest@elsewhere.example takes part")));
    assert_eq!(desk.goes_to(&from(guest, "about [#1]")), 1);
    let again = desk.run(&["case", "accept", &id]).exits(65);
    assert!(again.stderr.contains("is verified already"), "{again:?}");
    desk.ok(&format!("case unlink 1 email/{id}"));
    let free = desk.run(&["case", "accept", &id]).exits(65);
    assert!(free.stderr.contains("is in no case"), "{free:?}");
    desk.run(&["case", "accept", "999"]).exits(65);
}

#[test]
fn what_may_not_be_seen_does_not_exist() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "One"));
    let ours = desk.answer(1);
    desk.put(&from("guest@elsewhere.example", "unverified").in_reply_to(&ours));
    desk.put(&from(KIM, "Two"));
    desk.ok("case move 2 --team Billing");
    let before = desk.everything();
    let accept = format!("case accept {}", desk.id("unverified"));
    for line in [
        "case edit 1 --subject X",
        "case history 1",
        "case link 1 contact/1",
        "case unlink 1 contact",
        "case unlink 1 email/1",
        "--yes case merge 1 2",
        "--yes case merge 2 1",
        "case split 1 --from 1",
        "case move 1 --team Billing",
        "case follow 1",
        "case unfollow 1",
        "case assign 1 dewi",
        "case take 1",
    ] {
        let run = desk.run_as("dewi", line).exits(65);
        assert!(run.stderr.contains("case 1: not found"), "{run:?}");
    }
    let run = desk.run_as("dewi", &accept).exits(65);
    assert!(run.stderr.contains(": not found"), "{run:?}");
    assert_eq!(desk.everything(), before);
}

#[test]
fn mistakes_name_the_field_and_change_nothing_nor_does_a_dry_run() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "One"));
    let ours = desk.answer(1);
    desk.put(&from("guest@elsewhere.example", "unverified").in_reply_to(&ours));
    desk.put(&from(KIM, "Two"));
    desk.sandbox.sql(
        "INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0);
        INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Budi', 1, 0)",
    );
    let before = desk.everything();
    let rows: &[(&[&str], i32, &str)] = &[
        (&["case", "create"], 2, "--subject"),
        (&["case", "create", "--subject", " "], 2, "--subject"),
        (&["case", "create", "--subject", "two\nlines"], 2, "--subject"),
        (&["case", "create", "--subject", "x", "--from", "nobody"], 2, "--from"),
        (&["case", "create", "--subject", "x", "--team", "Nowhere"], 65, "team list"),
        (&["case", "create", "--subject", "x", "--account", "nobody"], 65, "account list"),
        (&["case", "create", "--subject", "x", "--assign-to", "nobody"], 65, "user list"),
        (&["case", "create", "--subject", "x", "--priority", "Mad"], 2, "--priority"),
        (&["case", "create", "--subject", "x", "--type", "a\tb"], 2, "--type"),
        (&["case", "create", "--subject", "x", "-F", "/no/such/file"], 65, "/no/such/file"),
        (&["--as", "ana", "case", "create", "--subject", "x", "--team", "Billing"], 77, "--team"),
        (
            &["--as", "dewi", "case", "create", "--subject", "x", "--account", "support"],
            65,
            "there is no account \"support\"",
        ),
        (&["--as", "eko", "case", "create", "--subject", "x"], 65, "--team"),
        (&["--as", "ana", "case", "create", "--subject", "x", "--assign-to", "dewi"], 77, "none of your teams"),
        (&["--as", "ana", "case", "assign", "1", "dewi"], 77, "none of your teams"),
        (&["case", "edit", "1"], 2, "--subject"),
        (&["case", "edit", "1", "--subject", ""], 2, "--subject"),
        (&["case", "edit", "1", "--status", "Lost"], 2, "--status"),
        (&["case", "edit", "1", "--type", "a\nb"], 2, "--type"),
        (&["case", "history", "x"], 2, "not a case number"),
        (&["case", "link", "1", "contact"], 2, "case link: \"contact\" is not a record"),
        (&["case", "link", "1", "contact/9"], 65, "contact 9: not found"),
        (&["--as", "ana", "case", "link", "1", "contact/1"], 65, "contact 1: not found"),
        (&["case", "link", "1", "opportunity/1"], 2, "not linked to an opportunity"),
        (&["case", "link", "1", "case/3"], 2, "case merge"),
        (&["case", "unlink", "1", "contact"], 65, "case #1 is not linked to contact"),
        (&["case", "unlink", "1", "opportunity"], 2, "not linked to an opportunity"),
        (&["case", "unlink", "1", "email"], 2, "\"email\" is not a type or a record"),
        (&["case", "unlink", "1", "email/99"], 65, "email 99"),
        (&["case", "unlink", "1", "thing/2"], 2, "\"thing/2\" is not a type or a record"),
        (&["--yes", "case", "merge", "1", "9"], 65, "case 9: not found"),
        (&["case", "split", "1"], 2, "--from"),
        (&["case", "split", "1", "--from", "99"], 65, "email 99"),
        (&["case", "split", "1", "--from", "2", "--subject", ""], 2, "--subject"),
        (&["case", "move", "1"], 2, "--team"),
        (&["case", "move", "1", "--team", "Nowhere"], 65, "team list"),
        (&["case", "accept", "x"], 2, "the id of the mail"),
        (&["case", "accept", "99"], 65, "email 99: not found"),
        (&["case", "follow", "1"], 77, "--as"),
        (&["case", "follow", "1", "--user", "dewi"], 65, "--user"),
        (&["--as", "ana", "case", "follow", "1", "--user", "budi"], 77, "case follow --user"),
        (&["case", "unfollow", "1", "--user", "budi"], 65, "budi does not follow"),
    ];
    for (args, code, words) in rows {
        let run = desk.run(*args).exits(*code);
        assert!(run.stderr.contains(words) && run.stdout.is_empty(), "no \"{words}\" in {run:?}");
    }
    assert_eq!(desk.everything(), before);
    let accept = format!("case accept {}", desk.id("unverified"));
    for line in [
        "case create --subject X --from new@customer.example --account support --assign-to ana",
        "case edit 1 --subject X --priority High --status Pending --type Y --description Z",
        "case link 1 contact/1",
        "case unlink 1 email/1",
        "case merge 1 2",
        "case split 1 --from 2",
        "case move 1 --team Billing",
        &accept,
        "case follow 1 --user ana",
    ] {
        let run = desk.ok(&format!("--dry-run {line}"));
        assert!(run.stderr.contains("dry run, nothing changed"), "{run:?}");
    }
    assert_eq!(desk.everything(), before);
}

#[test]
fn a_case_by_hand_has_its_people_and_its_answers_come_back() {
    let desk = desk(&["--create-contact"]);
    let own = ["--as", "ana", "case", "create", "--subject", "New printer", "--type", "wish", "-m", "A quiet one."];
    assert!(desk.ok(&own).stdout.contains("case #1 made: New printer"));
    assert_eq!(desk.case(1, "teams"), serde_json::json!(["Support"]), "her only team");
    assert_eq!((desk.case(1, "type"), desk.case(1, "status")), ("wish".into(), "New".into()));
    assert_eq!(desk.query("SELECT description FROM cases"), ["A quiet one."]);
    assert_eq!(desk.query("SELECT u.username FROM cases c JOIN users u ON u.id = c.requester_user_id"), ["ana"]);
    assert_eq!(desk.query("SELECT u.username FROM followers f JOIN users u ON u.id = f.user_id"), ["ana"]);
    assert_eq!(desk.history(1), ["created ana by hand"]);

    let call = ["--as", "ana", "case", "create", "--subject", "Called", "--from", "Kim@Customer.example", "--account"];
    desk.ok(&[&call[..], &["support", "--assign-to", "budi", "--priority", "Urgent"]].concat());
    assert_eq!(desk.case(2, "contact")["name"], KIM, "the account makes contacts");
    assert_eq!(desk.case(2, "assigned_user")["username"], "budi");
    assert_eq!((desk.case(2, "status"), desk.case(2, "priority")), ("Assigned".into(), "Urgent".into()));
    assert_eq!(
        desk.query("SELECT u.username || n.kind FROM notifications n JOIN users u ON u.id = n.user_id"),
        ["budiassigned"]
    );
    assert_eq!(desk.history(2), ["created ana by hand for kim@customer.example", "assigned ana assigned to budi"]);
    let ours = desk.answer(2);
    assert_eq!(desk.goes_to(&from(KIM, "Thank you").in_reply_to(&ours)), 2);
    assert_eq!(desk.goes_to(&from(KIM, "More [#2]")), 2);
    let quiet = desk.ok(&["-q", "case", "create", "--subject", "By the administrator"]);
    assert_eq!(quiet.stdout.trim(), "3");
}

#[test]
fn edits_are_told_in_the_history() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "One"));
    desk.ok("--as ana case edit 1 --subject Two --priority High --type bug --status Pending --description Long");
    desk.ok("--as ana case edit 1 --subject Two");
    assert_eq!(
        desk.history(1)[1..],
        [
            "edited ana subject: One -> Two",
            "edited ana priority: Normal -> High",
            "edited ana type: (none) -> bug",
            "edited ana description: changed",
            "status ana New -> Pending",
        ]
    );
    let shown = desk.ok("case history 1").stdout;
    assert!(shown.contains("WHO") && !shown.contains("this is about"), "{shown}");
    desk.sandbox.call(&["case", "edit", "1", "-F", "-"]).stdin(b"From a pipe.\n").run().ok();
    assert_eq!(desk.query("SELECT description FROM cases"), ["From a pipe."]);
}

#[test]
fn links_are_set_and_cleared_and_a_mail_is_taken_out() {
    let desk = desk(&[]);
    let (first, second) = (from(KIM, "One"), from(KIM, "Another thing"));
    desk.put(&first);
    let second = second.in_reply_to(first.value("Message-ID"));
    desk.put(&second);
    desk.sandbox.sql(
        "INSERT INTO companies (id, name, created_at) VALUES (1, 'PT Sinar', 0), (2, 'PT Bulan', 0);
        INSERT INTO contacts (id, name, company_id, created_at) VALUES (1, 'Kim', 1, 0);
        INSERT INTO leads (id, name, created_at) VALUES (1, 'Cold', 0);
        INSERT INTO record_teams VALUES ('contact', 1, 1)",
    );
    desk.ok("--as ana case link 1 contact/1");
    assert_eq!(desk.case(1, "contact")["name"], "Kim");
    assert_eq!(desk.case(1, "company")["name"], "PT Sinar", "a contact brings its company");
    desk.ok("case link 1 account/2");
    desk.ok("case link 1 lead/1");
    assert!(desk.case(1, "contact").is_null(), "a case is for one person");
    desk.run(&["case", "unlink", "1", "contact/1"]).exits(65);
    desk.ok("case unlink 1 lead");
    assert_eq!(desk.case(1, "company")["name"], "PT Bulan");
    assert!(desk.case(1, "contact").is_null() && desk.case(1, "lead").is_null());
    desk.run(&["case", "unlink", "1", "company/1"]).exits(65);
    let linked: Vec<String> = desk.history(1).into_iter().filter(|n| n.starts_with("linked ")).collect();
    assert_eq!(linked[..2], ["linked ana linked to contact Kim", "linked ana linked to company PT Sinar"]);

    desk.ok(&format!("--as ana case unlink 1 email/{}", desk.id("Another thing")));
    assert_eq!(desk.subjects(1), ["One"]);
    assert!(desk.email("Another thing", "case").is_null(), "the email stays");
    assert_eq!(desk.goes_to(&from(KIM, "to what was taken out").in_reply_to(second.value("Message-ID"))), 2);
    // Our own answer that was taken out: its signature names the old case, but it does not lead there.
    let ours = desk.answer(1);
    let id = desk.query("SELECT id || '' FROM emails WHERE status = 'Sending'").concat();
    assert_eq!(desk.goes_to(&from(KIM, "to our answer").in_reply_to(&ours)), 1);
    desk.ok(&format!("case unlink 1 email/{id}"));
    assert_ne!(desk.goes_to(&from(KIM, "to our answer taken out").in_reply_to(&ours)), 1);
}

#[test]
fn a_moved_case_belongs_to_the_other_team() {
    let desk = desk(&["--distribution", "direct", "--assign-to", "ana"]);
    desk.put(&from(KIM, "One"));
    let moved = desk.ok(&["--as", "ana", "case", "move", "1", "--team", "Billing"]);
    assert!(moved.stderr.contains("you cannot see case #1 any more"), "{moved:?}");
    assert_eq!(desk.case(1, "teams"), serde_json::json!(["Billing"]));
    assert!(desk.case(1, "assigned_user").is_null());
    assert_eq!(desk.case(1, "status"), "New");
    desk.run(&["--as", "ana", "case", "show", "1"]).exits(65);
    assert_eq!(desk.items(&["--as", "dewi", "email", "list"]).len(), 1);
    assert!(desk.items(&["--as", "budi", "email", "list"]).is_empty(), "it came to Support only by the case");
    assert!(desk.history(1).contains(&"moved ana team: Support -> Billing".to_owned()), "{:?}", desk.history(1));
    // Back again: the account distributes to its case team.
    desk.ok("case assign 1 dewi");
    desk.ok("--as eko case move 1 --team Support");
    assert_eq!(desk.case(1, "assigned_user")["username"], "ana");
    assert_eq!(desk.case(1, "status"), "Assigned");
}

#[test]
fn a_team_of_the_account_keeps_its_view_of_a_moved_case() {
    let desk = desk(&["--team", "Support"]);
    desk.put(&from(KIM, "One"));
    desk.ok("case move 1 --team Billing");
    assert_eq!(desk.items(&["--as", "budi", "email", "list"]).len(), 1);
    desk.run(&["--as", "budi", "case", "show", "1"]).exits(65);
}

#[test]
fn followers_hear_of_a_case() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "One"));
    desk.ok("--as budi case follow 1");
    desk.ok("case follow 1 --user ana");
    desk.ok("--as ana case note 1 -m Look.");
    let told = "SELECT u.username FROM notifications n JOIN users u ON u.id = n.user_id";
    assert_eq!(desk.query(told), ["budi"]);
    desk.ok("--as budi case unfollow 1");
    desk.ok("case unfollow 1 --user ana");
    desk.run(&["--as", "budi", "case", "unfollow", "1"]).exits(65);
    desk.ok("case note 1 -m Again.");
    assert_eq!(desk.query(told), ["budi"]);
}

#[test]
fn a_regular_user_assigns_within_their_teams_and_an_administrator_to_anybody() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "One"));
    desk.ok("--as ana case assign 1 eko");
    let refused = desk.run(&["--as", "ana", "case", "assign", "1", "dewi"]).exits(77);
    assert!(refused.stderr.contains("you cannot assign to dewi, who is in none of your teams"), "{refused:?}");
    desk.ok("--as eko case assign 1 dewi");
    desk.ok("case assign 1 ana");
    assert_eq!(desk.case(1, "assigned_user")["username"], "ana");
}

#[test]
fn what_a_merged_case_was_is_changed_no_more() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "First"));
    desk.put(&from("lee@customer.example", "Second"));
    desk.ok(&["case", "merge", "1", "2", "--yes"]);
    for verb in [&["close", "1"][..], &["assign", "1", "ana"], &["note", "1", "-m", "x"]] {
        let refused = desk.run(&[&["case"], verb].concat()).exits(65);
        assert!(refused.stderr.contains("case #1: was merged into #2"), "{refused:?}");
    }
    assert_eq!(desk.json(&["case", "show", "1"])["status"], "Duplicate");
}

#[test]
fn a_case_names_no_record_that_its_reader_may_not_see() {
    let desk = desk(&[]);
    desk.ok("record add company Hidden");
    desk.ok(&["record", "add", "contact", "Secretname", "--email", KIM, "--company", "Hidden"]);
    desk.put(&from(KIM, "Broken"));
    let shown = |user: &str| desk.json(&["--as", user, "case", "show", "1"]);
    let (admin, ana) = (desk.json(&["case", "show", "1"]), shown("ana"));
    assert_eq!(
        (admin["contact"]["name"].as_str(), admin["company"]["name"].as_str()),
        (Some("Secretname"), Some("Hidden"))
    );
    assert_eq!((&ana["contact"], &ana["company"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert!(!ana["customer"].to_string().contains("Secretname") && ana["customer"]["address"] == KIM, "{ana}");
    for query in ["contact:Secretname", "company:Hidden"] {
        assert_eq!(desk.items(&["case", "list", query]).len(), 1, "{query}");
        assert_eq!(desk.items(&["--as", "ana", "case", "list", query]).len(), 0, "{query}");
    }
}

#[test]
fn the_description_of_a_case_by_hand_is_shown() {
    let desk = desk(&[]);
    desk.ok(&["case", "create", "--subject", "Called", "-m", "wants a copy", "--team", "Support"]);
    assert_eq!(desk.json(&["case", "show", "1"])["description"], "wants a copy");
    assert!(desk.ok("case show 1").stdout.contains("wants a copy"));
}

#[test]
fn a_regular_user_answers_from_accounts_of_their_teams_only() {
    let desk = desk(&[]);
    let other = ["account", "add", "billing", "--address", "billing@desk.example", "--secret", "env:PW"];
    let sends = ["--smtp", "127.0.0.1:9", "--smtp-tls", "none", "--case-team", "Billing", "--create-case"];
    desk.ok(&[&other[..], &sends].concat());
    desk.put(&from(KIM, "Broken"));
    let reply = |user: &str| {
        let words = ["--as", user, "--dry-run", "case", "reply", "1", "-m", "x", "--account", "billing"];
        desk.run(&words)
    };
    let unknown = reply("ana").exits(65);
    assert!(unknown.stderr.contains("there is no account \"billing\""), "what is of no team of hers: {unknown:?}");
    reply("eko").ok();
}

#[test]
fn the_customer_of_a_case_is_not_a_stranger_in_it() {
    let desk = desk(&[]);
    desk.put(&from(KIM, "Broken"));
    desk.sandbox.sql("UPDATE emails SET verified = FALSE");
    desk.put(&from(KIM, "again").in_reply_to("<none@x.example>"));
    desk.sandbox
        .sql("UPDATE emails SET parent_type = 'case', parent_id = 1, from_address = 'x@y.example' WHERE id = 1");
    desk.sandbox.sql("UPDATE emails SET parent_type = 'case', parent_id = 1 WHERE id = 2");
    assert_eq!(desk.json(&["case", "show", "1"])["customer"]["address"], KIM);
}

#[test]
fn settings_that_would_fail_later_are_refused_or_made_whole() {
    let desk = desk(&[]);
    let taken = desk.run(&["user", "edit", "ana", "--email", SUPPORT]).exits(65);
    assert!(taken.stderr.contains("is the address of account support"), "{taken:?}");
    let two = desk.run(&["account", "edit", "support", "--authserv-id", "two words"]).exits(2);
    assert!(two.stderr.contains("--authserv-id"), "{two:?}");
    desk.sandbox.file("ca.pem", b"");
    let empty = desk.run(&["account", "edit", "support", "--ca", "ca.pem"]).exits(65);
    assert!(empty.stderr.contains("no certificate in it"), "{empty:?}");
    desk.sandbox.file("ca.pem", &std::fs::read(Dovecot::shared().ca()).unwrap());
    desk.ok("account edit support --ca ca.pem");
    let ca = desk.query("SELECT ca_file FROM accounts").concat();
    assert!(ca.starts_with('/') && ca.ends_with("/ca.pem"), "{ca}");
    desk.ok("record add contact Kim --assign-to ana");
    desk.ok(&["record", "edit", "contact", "Kim", "--assign-to", ""]);
    assert!(desk.json(&["record", "show", "contact", "Kim"])["assigned_user"].is_null());
    desk.put(&from(KIM, "Broken"));
    let body = desk.run(&["email", "attachment", "save", &desk.id("Broken"), "0"]).exits(65);
    assert!(body.stderr.contains("there is no attachment 0"), "{body:?}");
}

#[test]
fn command_without_permission_is_refused_before_the_confirmation_prompt() {
    let desk = desk(&[]);
    for line in ["team delete Support", "account delete support", "record delete contact Nobody"] {
        desk.run(&[&["--as", "ana"][..], &line.split(' ').collect::<Vec<_>>()].concat()).exits(77);
    }
    desk.run(&["--as", "ana", "db", "backup", "copy.db"]).exits(77);
    assert!(!desk.sandbox.path("copy.db").exists());
    assert_eq!(desk.json(&["case", "list", "--count"])["count"], 0);
}

#[test]
fn a_case_by_hand_is_told_to_its_assignee_by_e_mail_too() {
    let desk = desk(&[]);
    desk.ok("case create --subject Called --team Support --assign-to budi");
    let outbox = desk.items(&["outbox", "list"]);
    assert_eq!(outbox.len(), 1, "{outbox:#?}");
    assert!(outbox[0].to_string().contains("budi@staff.example"), "{outbox:#?}");
}

/// Who wrote, to whom, and what is attached, of each mail of a case.
#[test]
fn a_case_names_writers_readers_and_attachments() {
    let sandbox = Sandbox::new();
    sandbox.init();
    sandbox.run(&["team", "add", "support"]).ok();
    sandbox.run(&["user", "add", "ana", "--email", "ana@staff.example"]).ok();
    sandbox.run(&["team", "member", "add", "support", "ana"]).ok();
    let add = ["account", "add", "desk", "--address", "support@desk.example", "--smtp", "127.0.0.1:9", "--tls", "none"];
    let secret = format!("file:{}", sandbox.file("password", b"pw\n").display());
    let case = ["--secret", &secret, "--create-case", "--case-team", "support", "--team", "support"];
    sandbox.run(&[&add[..], &case].concat()).ok();
    let mail = "From: Kim <kim@customer.example>\r\nTo: support@desk.example\r\nCc: Boss <boss@customer.example>\r\n\
        Reply-To: office@customer.example\r\nSubject: Help\r\nMessage-ID: <1@customer.example>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n--b\r\nContent-Type: image/png\r\n\
        Content-Disposition: attachment; filename=photo.png\r\n\r\npng\r\n--b--\r\n";
    sandbox.call(&["ingest", "--account", "desk"]).stdin(mail.as_bytes()).run().ok();
    let absent = "From: Kim <kim@customer.example>\r\nTo: support@desk.example\r\nSubject: Re: [#1] Help\r\n\
        Message-ID: <2@customer.example>\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n";
    sandbox.call(&["ingest", "--account", "desk"]).stdin(absent.as_bytes()).run().ok();
    let to = ["--as", "ana", "--yes", "case", "reply", "1", "-m", "We look into it.", "--to", "kim@customer.example"];
    sandbox.run(&[&to[..], &["--cc", "lab@supplier.example"]].concat()).ok();

    let shown = sandbox.run(&["--format", "table", "case", "show", "1"]).ok().stdout;
    for line in [
        "    Cc: Boss <boss@customer.example>\n",
        "    Reply-To: office@customer.example\n",
        "    Attachment 2: photo.png (image/png, 3 B)\n",
        "ana as support@desk.example  (agent, email 3, not sent yet)\n    To: kim@customer.example\n    Cc: lab@supplier.example\n",
        "customer, automatic reply, email 2)\n",
    ] {
        assert!(shown.contains(line), "{line:?}\n{shown}");
    }
    let thread = sandbox.run(&["--format", "table", "case", "thread", "1"]).ok().stdout;
    for line in [
        "\nCc: Boss <boss@customer.example>\nReply-To: office@customer.example\nDate: ",
        "\nAttachment 2: photo.png (image/png, 3 B)\n",
        "> (customer, automatic, email 2)\n",
        "From: ana as support@desk.example (agent, email 3, not sent yet)\n",
    ] {
        assert!(thread.contains(line), "{line:?}\n{thread}");
    }
    let case = sandbox.json(&["case", "show", "1"]);
    let mails: Vec<_> =
        case["stream"].as_array().unwrap().iter().map(|note| &note["mail"]).filter(|m| m.is_object()).collect();
    assert_eq!(mails[0]["attachments"][0]["name"], "photo.png");
    assert!(
        mails
            .iter()
            .any(|mail| mail["writer"]["username"] == "ana" && mail["cc"][0]["address"] == "lab@supplier.example"),
        "{mails:?}"
    );
    // A file without a name has its type.
    let invitation = "From: kim@customer.example\r\nTo: support@desk.example\r\nSubject: Invitation\r\n\
        Message-ID: <3@customer.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n\
        BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nDTSTART:20261201T100000Z\r\nSUMMARY:Kaleidoscope\r\n\
        DESCRIPTION:Bring zebras\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    sandbox.call(&["ingest", "--account", "desk"]).stdin(invitation.as_bytes()).run().ok();
    let found = sandbox.items(&["email", "list", "zebras"]);
    assert_eq!((found.len(), &found[0]["subject"]), (1, &"Invitation".into()), "what an invitation says is searched");
    let shown = sandbox.run(&["--format", "table", "email", "show", &found[0]["id"].to_string()]).ok().stdout;
    assert!(
        shown.contains(": calendar entry (text/calendar, ") && shown.contains("Invitation: Kaleidoscope\n"),
        "{shown}"
    );
    // What came later and is older stands below.
    let old = "From: kim@customer.example\r\nTo: support@desk.example\r\nSubject: Old\r\nDate: Mon, 04 May 2020 10:00:00 +0000\r\n\
        Message-ID: <0@customer.example>\r\n\r\nOld.\r\n";
    let file = sandbox.file("old.eml", old.as_bytes());
    sandbox.run(&["import", "eml", file.to_str().unwrap(), "--account", "desk"]).ok();
    let subjects: Vec<_> =
        sandbox.items(&["email", "list"]).iter().map(|e| e["subject"].as_str().unwrap().to_owned()).collect();
    assert_eq!(subjects.last().map(String::as_str), Some("Old"), "{subjects:?}");
}
