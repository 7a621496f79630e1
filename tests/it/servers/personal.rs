//! Personal accounts and the privacy of their mail (B6.1), and the Sent folder as a source (B13.7), on real servers.

use serde_json::Value;

use crate::support::{Desk, Dovecot, Letter, mail};

const SINCE: [&str; 2] = ["--since", "2020-01-01"];

/// Ana and Budi in Support, Dian in Sales; Ana and Budi have a mailbox of their own; `support` and `sales` make cases.
fn desk() -> Desk {
    let desk = Desk::empty().team("Support").team("Sales");
    let desk = desk.user_with_mailbox("ana", &["Support"]).user_with_mailbox("budi", &["Support"]);
    let desk = desk.user("dian", &["Sales"]);
    let desk = desk.group_account("support", &["--team", "Support", "--case-team", "Support", "--create-case"]);
    desk.group_account("sales", &["--team", "Sales", "--case-team", "Sales", "--create-case"])
}

/// The same with personal accounts of Ana and Budi.
fn desk_with_personal(extra: &[&str]) -> Desk {
    let desk = desk();
    desk.sandbox.personal_account("ana-mail", "ana", desk.mailbox("ana"), extra);
    desk.sandbox.personal_account("budi-mail", "budi", desk.mailbox("budi"), &[]);
    desk
}

impl Desk {
    fn as_user(&self, user: &str, args: &[&str]) -> Vec<Value> {
        self.items(&[&["--as", user], args].concat())
    }

    /// The id of the email with this word in its subject, as an administrator finds it.
    fn about(&self, word: &str) -> String {
        let found = self.items(&["email", "list", &format!("subject:{word}")]);
        found.first().unwrap_or_else(|| panic!("no email {word}"))["id"].to_string()
    }

    fn sees(&self, user: &str, word: &str) -> bool {
        !self.as_user(user, &["email", "list", &format!("subject:{word}")]).is_empty()
    }

    /// `waiting_for status` of a case.
    fn clock(&self, number: &str) -> String {
        let case = self.json(&["case", "show", number]);
        format!("{} {}", case["waiting_for"].as_str().unwrap(), case["status"].as_str().unwrap())
    }

    /// `kind user` of the notes about mail.
    fn mail_notes(&self, number: &str) -> Vec<String> {
        let case = self.json(&["case", "show", number]);
        let notes = case["stream"].as_array().unwrap().iter();
        let about_mail = notes.filter(|note| note["kind"].as_str().unwrap().starts_with("email-"));
        about_mail
            .map(|n| format!("{} {}", n["kind"].as_str().unwrap(), n["user"]["username"].as_str().unwrap_or("-")))
            .collect()
    }

    /// A customer's case at support, and the mail that made it.
    fn opened(&self, subject: &str) -> Letter {
        let letter = mail("eva@customer.example", &self.support().address, subject);
        self.support().append("INBOX", &letter.bytes());
        self.ok(&["fetch", "support"]);
        letter
    }

    /// What Ana's telephone sends and puts into her Sent folder.
    fn by_phone(&self, answers: &Letter, text: &str) -> Letter {
        let id = answers.value("Message-ID");
        mail(&self.mailbox("ana").address, answers.value("From"), &format!("Re: {}", answers.value("Subject")))
            .in_reply_to(id)
            .references(&[id])
            .body(text)
    }
}

/// Everything that must be the same in any order of polling.
fn outcome(desk: &Desk) -> Value {
    let emails = desk.items(&["email", "list", "--folder", "all"]);
    let email = emails.first().unwrap();
    let in_inbox = |user: &str| desk.as_user(user, &["email", "list", "--folder", "inbox"]).len();
    let sees = |user: &str| desk.as_user(user, &["email", "list"]).len();
    let users = ["ana", "budi", "citra", "dian"];
    let case = desk.json(&["case", "show", "1"]);
    serde_json::json!({
        "emails": emails.len(),
        "accounts": email["accounts"],
        "private": email["private"],
        "cases": desk.items(&["case", "list"]).len(),
        "case": [case["status"], case["account"]["name"], case["teams"], case["waiting_for"], case["description"]],
        "notes": desk.mail_notes("1"),
        "inboxes": users.map(in_inbox),
        "seen": users.map(sees),
        "told": users.map(|user| desk.told(user)),
    })
}

#[test]
fn mail_to_two_group_accounts_and_two_users_is_one_email_in_any_order_of_fetching() {
    let orders = [
        ["support", "sales", "ana-mail", "budi-mail"],
        ["ana-mail", "budi-mail", "support", "sales"],
        ["ana-mail", "sales", "support", "budi-mail"],
        ["sales", "budi-mail", "ana-mail", "support"],
    ];
    let outcomes: Vec<Value> = orders
        .iter()
        .map(|order| {
            let desk = desk_with_personal(&[]);
            desk.ok(&["user", "add", "citra", "--email", "citra@staff.example"]);
            desk.ok(&["team", "member", "add", "Support", "citra"]);
            let cc = format!(
                "{}, {}, {}",
                desk.mailbox("ana").address,
                desk.mailbox("budi").address,
                desk.mailbox("sales").address
            );
            let letter = mail("eva@customer.example", &desk.support().address, "All of you").cc(&cc);
            let everywhere = |letter: &[u8]| {
                for mailbox in [desk.support(), desk.mailbox("sales"), desk.mailbox("ana"), desk.mailbox("budi")] {
                    mailbox.append("INBOX", letter);
                }
                order.iter().for_each(|account| drop(desk.ok(&["fetch", account])));
            };
            everywhere(&letter.bytes());
            let first = outcome(&desk);
            // Another mail of the thread, which who follows the case is told of.
            desk.ok(&["case", "assign", "1", "budi"]);
            desk.ok(&["--as", "citra", "case", "follow", "1"]);
            let id = "<letter-again@customer.example>";
            everywhere(&letter.clone().in_reply_to(letter.value("Message-ID")).message_id(id).bytes());
            serde_json::json!([first, outcome(&desk)])
        })
        .collect();
    let [first, then] = [&outcomes[0][0], &outcomes[0][1]];
    assert_eq!(first["emails"], 1, "{first:#}");
    assert_eq!(first["cases"], 1, "{first:#}");
    assert_eq!(first["private"], false, "{first:#}");
    assert_eq!(first["inboxes"], serde_json::json!([1, 1, 0, 0]), "{first:#}");
    assert_eq!(first["seen"], serde_json::json!([1, 1, 1, 1]), "the teams of both group accounts: {first:#}");
    assert_eq!(first["case"][1], "support", "{first:#}");
    assert_eq!(then["told"][2], serde_json::json!(["#1 All of you: mail from eva@customer.example"]), "{then:#}");
    for (order, outcome) in orders.iter().zip(&outcomes) {
        assert_eq!(*outcome, outcomes[0], "{order:?}");
    }
}

#[test]
fn a_colleague_never_sees_personal_mail() {
    let desk = desk_with_personal(&[]);
    let opening = desk.opened("Broken pump");
    desk.ok(&["--as", "budi", "case", "follow", "1"]);
    // The customer writes to Ana alone about the same matter, then about her own.
    let letter = mail("eva@customer.example", &desk.mailbox("ana").address, "Zucchini secret")
        .in_reply_to(opening.value("Message-ID"))
        .header("Content-Type", "multipart/mixed; boundary=b")
        .body("--b\nContent-Type: text/plain\n\nxylophone words\n--b\nContent-Type: text/plain; name=plan.txt\nContent-Disposition: attachment; filename=plan.txt\n\nplan\n--b--\n");
    desk.mailbox("ana").append("INBOX", &letter.bytes());
    desk.mailbox("ana")
        .append("INBOX", &mail("mother@home.example", &desk.mailbox("ana").address, "Sunday lunch").bytes());
    desk.ok(&["fetch"]);
    let id = desk.about("Zucchini");
    desk.ok(&["case", "assign", "1", "budi"]);

    let budi = |args: &[&str]| desk.run(&[&["--as", "budi"], args].concat());
    for args in [
        &["email", "list"][..],
        &["email", "list", "xylophone"],
        &["email", "list", "subject:Zucchini"],
        &["email", "list", "--case", "1"],
        &["--json", "email", "list", "has:attachment"],
        &["case", "list"],
        &["case", "list", "xylophone"],
        &["case", "list", "body:xylophone"],
        &["case", "list", "has:attachment"],
        &["case", "show", "1"],
        &["case", "show", "1", "--full"],
        &["--json", "case", "show", "1"],
        &["case", "thread", "1"],
        &["--json", "case", "thread", "1"],
        &["case", "history", "1"],
        &["stream", "case/1"],
        &["--json", "stream", "case/1"],
        &["notification", "list", "--all"],
        &["export", "case", "1", "--to", "mbox", "-"],
        &["outbox", "list", "--all"],
        &["account", "list"],
        &["status"],
    ] {
        let run = budi(args).ok();
        for word in ["xylophone", "Zucchini", "plan.txt", "Sunday", "mother@", "ana-mail"] {
            assert!(!run.stdout.contains(word) && !run.stderr.contains(word), "{word} in {run:#?}");
        }
    }
    assert_eq!(budi(&["case", "list", "--count", "xylophone"]).ok().stdout.trim(), "0");
    assert_eq!(budi(&["case", "list", "--count", "to:staff.example"]).ok().stdout.trim(), "0");
    let missing = budi(&["email", "show", "4711"]).exits(65);
    for args in [
        &["email", "show", &id][..],
        &["email", "explain", &id],
        &["email", "attachment", "list", &id],
        &["email", "attachment", "cat", &id, "1"],
        &["email", "share", &id],
        &["export", "email", &id, "--to", "mbox", "-"],
        &["case", "accept", &id],
    ] {
        let run = budi(args).exits(65);
        assert_eq!(run.stderr, missing.stderr.replace("4711", &id), "as a number that is not there: {run:#?}");
    }
    let unknown = budi(&["email", "list", "--account", "nothing"]).exits(65).stderr;
    let foreign = budi(&["email", "list", "--account", "ana-mail"]).exits(65).stderr;
    assert_eq!(foreign, unknown.replace("nothing", "ana-mail"));
    budi(&["account", "show", "ana-mail"]).exits(65);

    // B7.2: he follows the case, and is told that there is something.
    assert!(desk.told("budi").contains(&"new e-mail on #1 Broken pump".to_owned()), "{:?}", desk.told("budi"));
    assert_eq!(desk.clock("1"), "us Assigned", "a customer's mail moves the case, whoever may read it");
    // The owner, and administrators, see it.
    assert_eq!(desk.items(&["case", "thread", "1"]).len(), 2);
    assert_eq!(desk.as_user("ana", &["case", "thread", "1"]).len(), 2);
    assert_eq!(desk.as_user("budi", &["case", "thread", "1"]).len(), 1);
    assert!(desk.sees("ana", "Zucchini"));
    let stream = Value::from(desk.as_user("ana", &["stream", "case/1"])).to_string();
    assert!(stream.contains("Zucchini"), "{stream}");
}

#[test]
fn an_addressed_user_sees_personal_mail_and_the_owner_may_share_it() {
    let desk = desk_with_personal(&[]);
    let opening = desk.opened("Broken pump");
    let letter = mail("eva@customer.example", &desk.mailbox("ana").address, "Re: Broken pump")
        .in_reply_to(opening.value("Message-ID"));
    desk.mailbox("ana").append("INBOX", &letter.clone().header("Subject", "Private first").bytes());
    let second = letter.message_id("<second@customer.example>").header("Subject", "With dian");
    desk.mailbox("ana").append("INBOX", &second.cc("dian@staff.example").bytes());
    desk.mailbox("ana")
        .append("INBOX", &mail("stranger@home.example", &desk.mailbox("ana").address, "Unlinked").bytes());
    desk.ok(&["--as", "budi", "case", "follow", "1"]);
    desk.ok(&["fetch"]);
    assert!(desk.sees("dian", "With") && !desk.sees("budi", "With") && !desk.sees("dian", "Private"));

    let id = desk.about("Private");
    let nobody = desk.run(&["--as", "ana", "email", "share", &desk.about("Unlinked")]).exits(65);
    assert!(nobody.stderr.contains("is not linked to a record"), "{nobody:#?}");
    desk.ok(&["--dry-run", "--as", "ana", "email", "share", &id]);
    assert!(!desk.sees("budi", "Private"));
    desk.ok(&["--as", "ana", "email", "share", &id]);
    assert!(desk.sees("budi", "Private") && !desk.sees("budi", "With") && !desk.sees("dian", "Private"));
    assert_eq!(desk.as_user("budi", &["case", "thread", "1"]).len(), 2);
    let told = desk.told("budi");
    assert!(told.contains(&"#1 Broken pump: mail from eva@customer.example".to_owned()), "{told:?}");
    let why = desk.ok(&["email", "explain", &id]).stdout;
    assert!(why.contains("open: shared by ana"), "{why}");
}

#[test]
fn an_account_may_share_what_is_linked_to_a_record() {
    let desk = desk_with_personal(&["--share", "record"]);
    let opening = desk.opened("Broken pump");
    desk.ok(&["record", "add", "contact", "Kim", "--email", "kim@customer.example", "--team", "Support"]);
    let answer =
        mail("eva@customer.example", &desk.mailbox("ana").address, "Linked").in_reply_to(opening.value("Message-ID"));
    desk.mailbox("ana").append("INBOX", &answer.bytes());
    desk.mailbox("ana").append("INBOX", &mail("kim@customer.example", &desk.mailbox("ana").address, "Of Kim").bytes());
    desk.mailbox("ana").append("INBOX", &mail("mother@home.example", &desk.mailbox("ana").address, "Sunday").bytes());
    desk.ok(&["fetch"]);
    assert!(desk.sees("budi", "Linked"), "by the case");
    assert!(desk.sees("budi", "Kim"), "by the contact");
    assert!(!desk.sees("budi", "Sunday") && !desk.sees("dian", "Linked") && !desk.sees("dian", "Kim"));
}

#[test]
fn an_answer_from_the_telephone_is_part_of_the_case_and_stops_the_clock() {
    let desk = desk_with_personal(&[]);
    let opening = desk.opened("Broken pump");
    desk.ok(&["--as", "budi", "case", "follow", "1"]);
    assert_eq!(desk.clock("1"), "us New");
    let answer = desk.by_phone(&opening, "We send you another one.\n");
    let uid = desk.mailbox("ana").append("Sent", &answer.bytes());
    desk.mailbox("ana").append("Sent", &mail(&desk.mailbox("ana").address, "mother@home.example", "Sunday").bytes());
    desk.ok(&["fetch"]);

    assert_eq!(desk.clock("1"), "customer New");
    assert_eq!(desk.mail_notes("1"), ["email-received -", "email-sent ana"]);
    let shown = desk.ok(&["--as", "budi", "case", "show", "1"]).stdout;
    assert!(shown.contains("We send you another one."), "her team reads it: {shown}");
    assert!(!desk.sees("budi", "Sunday"), "other sent mail is private");
    let why = desk.ok(&["--as", "budi", "email", "explain", &desk.about("Re")]).stdout;
    assert!(why.contains("a reply by another program, in the Sent folder") && !why.contains("ana-mail"), "{why}");
    let told = desk.told("budi");
    assert!(
        !told.iter().any(|text| text.contains(&desk.mailbox("ana").address)),
        "nobody is told of it as new: {told:?}"
    );
    assert_eq!(desk.items(&["case", "list"]).len(), 1);
    let sent = desk.as_user("ana", &["email", "list", "--folder", "sent"]);
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|email| email["status"] == "Sent" && email["unread"] == false), "{sent:?}");
    assert_eq!(desk.as_user("ana", &["email", "list", "--folder", "inbox"]).len(), 0);
    let stored = desk.mailbox("ana").messages("Sent");
    assert!(
        stored.iter().any(|message| message.uid == uid && !message.flags.contains(&"\\Seen".to_owned())),
        "left as it was: {stored:?}"
    );

    // The customer's next mail starts it again; a mail among ourselves does not stop it.
    let next = mail("eva@customer.example", &desk.support().address, "Re: Broken pump")
        .in_reply_to(answer.value("Message-ID"));
    desk.support().append("INBOX", &next.bytes());
    let among = desk.by_phone(&next, "What do you think?\n").header("To", &desk.mailbox("budi").address);
    desk.ok(&["fetch"]);
    assert_eq!(desk.clock("1"), "us New");
    desk.mailbox("ana").append("Sent", &among.bytes());
    desk.ok(&["fetch"]);
    assert_eq!(desk.clock("1"), "us New");
    assert_eq!(desk.items(&["case", "thread", "1"]).len(), 4);
}

#[test]
fn what_goes_from_the_telephone_to_people_without_part_in_the_case_stays_private() {
    let desk = desk_with_personal(&[]);
    let opening = desk.opened("Broken pump");
    let rows = [
        ("Sister", "sister@home.example", "", false),
        ("Both", "sister@home.example", "eva@customer.example", true),
        ("Colleague", desk.mailbox("budi").address.as_str(), "", true),
    ];
    for (subject, to, cc, _) in rows {
        let letter = desk.by_phone(&opening, "What a customer!\n").header("Subject", subject).header("To", to).cc(cc);
        desk.mailbox("ana").append("Sent", &letter.bytes());
    }
    desk.ok(&["user", "add", "citra"]);
    desk.ok(&["team", "member", "add", "Support", "citra"]);
    desk.ok(&["fetch"]);
    for (subject, to, _, is_seen) in rows {
        assert_eq!(desk.sees("citra", subject), is_seen, "{subject} to {to}");
        assert!(desk.sees("ana", subject), "{subject}");
    }
}

#[test]
fn who_fetches_reads_nothing_of_the_mail_of_others() {
    let desk = desk_with_personal(&[]);
    desk.ok(&["record", "add", "contact", "Mother", "--email", "mother@home.example"]);
    desk.mailbox("ana").append("INBOX", &mail("mother@home.example", &desk.mailbox("ana").address, "Sunday").bytes());
    desk.support().append("INBOX", &mail("eva@customer.example", &desk.support().address, "Pump").bytes());
    let unknown = desk.run(&["--as", "budi", "fetch", "nothing"]).exits(65).stderr;
    let foreign = desk.run(&["--as", "budi", "fetch", "ana-mail"]).exits(65).stderr;
    assert_eq!(foreign, unknown.replace("nothing", "ana-mail"));
    for (args, told) in
        [(&["--dry-run", "fetch"][..], "support: would be imported"), (&["-v", "fetch"], "support: imported")]
    {
        let said = desk.ok(&[&["--as", "budi"], args].concat()).stderr;
        assert!(said.contains(told) && !said.contains("ana-mail"), "{said}");
        assert!(!said.contains("mother@") && !said.contains("Mother"), "{said}");
    }
    assert!(desk.sees("ana", "Sunday"), "it is fetched all the same");
}

#[test]
fn an_answer_to_private_mail_stays_private() {
    let desk = desk_with_personal(&[]);
    let opening = desk.opened("Broken pump");
    let private =
        mail("eva@customer.example", &desk.mailbox("ana").address, "Private").in_reply_to(opening.value("Message-ID"));
    desk.mailbox("ana").append("INBOX", &private.bytes());
    desk.ok(&["fetch"]);
    let answer = desk.by_phone(&private, "> xylophone words\n\nIndeed.\n");
    desk.mailbox("ana").append("Sent", &answer.bytes());
    desk.ok(&["fetch"]);
    assert_eq!(desk.clock("1"), "customer New");
    assert_eq!(desk.as_user("budi", &["case", "thread", "1"]).len(), 1);
    assert_eq!(desk.as_user("ana", &["case", "thread", "1"]).len(), 3);
}

#[test]
fn sent_mail_to_the_support_makes_its_case_in_either_order() {
    let run = |order: [&str; 2]| {
        let desk = desk_with_personal(&[]);
        let letter = mail(&desk.mailbox("ana").address, &desk.support().address, "My own trouble").bytes();
        desk.mailbox("ana").append("Sent", &letter);
        desk.support().append("INBOX", &letter);
        for account in order {
            desk.ok(&["fetch", account]);
        }
        let follows = desk.as_user("ana", &["case", "list", "is:waiting"]).len();
        let email = desk.items(&["email", "list"]).pop().unwrap();
        serde_json::json!([
            desk.clock("1"),
            desk.mail_notes("1"),
            follows,
            email["private"],
            email["status"],
            desk.as_user("ana", &["email", "list", "--folder", "sent"]).len(),
            desk.sees("budi", "trouble"),
            desk.items(&["email", "list"]).len()
        ])
    };
    let (one, other) = (run(["support", "ana-mail"]), run(["ana-mail", "support"]));
    assert_eq!(one, serde_json::json!(["us New", ["email-sent ana"], 1, false, "Sent", 1, true, 1]));
    assert_eq!(other, one);
}

#[test]
fn our_own_mail_in_sent_is_recognised_and_strangers_mail_there_proves_nothing() {
    let desk = desk_with_personal(&[]);
    let opening = desk.opened("Broken pump");
    desk.ok(&["case", "reply", "1", "-m", "By espomail."]);
    let row = desk.items(&["outbox", "list", "--all"]).pop().unwrap();
    let id = row["message_id"].as_str().unwrap().to_owned();
    let copy = mail(&desk.support().address, "eva@customer.example", "Re: Broken pump")
        .message_id(&format!("<{}>", id.trim_matches(['<', '>'])));
    desk.mailbox("ana").append("Sent", &copy.bytes());
    // Somebody filed a stranger's mail there.
    let stranger =
        mail("mallory@elsewhere.example", "eva@customer.example", "Stranger").in_reply_to(opening.value("Message-ID"));
    desk.mailbox("ana").append("Sent", &stranger.bytes());
    desk.ok(&["fetch", "ana-mail"]);
    assert_eq!(desk.items(&["case", "thread", "1"]).len(), 2, "the reply once, the stranger not");
    let email = desk.items(&["email", "list", "subject:Stranger"]).pop().unwrap();
    assert_eq!(email["status"], "Archived");
}

#[test]
fn a_forged_copy_opens_no_private_mail() {
    let desk = desk_with_personal(&[]);
    let letter =
        mail("eva@customer.example", &desk.mailbox("ana").address, "Offer").body("The offer is 12,000, between us.\n");
    desk.mailbox("ana").append("INBOX", &letter.bytes());
    desk.ok(&["fetch"]);
    // Budi knows Message-ID, From and Date.
    let forged = letter.clone().header("Subject", "Guess").body("What is the offer?\n").bytes();
    desk.mailbox("budi").append("INBOX", &forged);
    desk.support().append("INBOX", &forged);
    desk.ok(&["fetch"]);
    assert!(!desk.sees("budi", "Offer") && desk.sees("budi", "Guess"));
    // With a banner it is the same mail, as its readers know.
    desk.support().append("INBOX", &letter.body("[EXTERNAL]\nThe offer is 12,000, between us.\n").bytes());
    desk.ok(&["fetch"]);
    assert!(desk.sees("budi", "Offer"));
    assert_eq!(desk.items(&["email", "list"]).len(), 2);
}

#[test]
fn the_sent_folder_of_a_group_account_is_read_where_it_says_so() {
    let desk = desk();
    desk.ok(&["account", "edit", "support", "--read-sent", "auto"]);
    let opening = desk.opened("Broken pump");
    let answer = mail(&desk.support().address, "eva@customer.example", "Re: Broken pump")
        .in_reply_to(opening.value("Message-ID"));
    desk.support().append("Sent", &answer.bytes());
    desk.ok(&["fetch"]);
    assert_eq!(desk.clock("1"), "customer New");
    assert_eq!(desk.mail_notes("1"), ["email-received -", "email-sent -"]);
    assert!(desk.sees("budi", "Broken") && !desk.sees("dian", "Broken"));
    desk.ok(&["account", "edit", "support", "--read-sent", "no"]);
    desk.support().append("Sent", &mail(&desk.support().address, "kim@customer.example", "Later").bytes());
    desk.ok(&["fetch"]);
    assert_eq!(desk.items(&["email", "list"]).len(), 2);
}

#[test]
fn the_folder_map_files_mail_of_the_owner() {
    let desk = desk();
    desk.ok(&["--as", "ana", "folder", "add", "Invoices"]);
    for folder in ["Bills", "Old", "Junk"] {
        desk.mailbox("ana").create(folder);
    }
    let map = ["--folder-map", "Bills=Invoices", "--folder-map", "Old=archive", "--folder-map", "Junk=trash"];
    desk.sandbox.personal_account("ana-mail", "ana", desk.mailbox("ana"), &map);
    for (folder, subject) in [("INBOX", "One"), ("Bills", "Two"), ("Old", "Three"), ("Junk", "Four")] {
        desk.mailbox("ana")
            .append(folder, &mail("kim@customer.example", &desk.mailbox("ana").address, subject).bytes());
    }
    desk.ok(&["fetch", "ana-mail"]);
    for (folder, subject) in [("inbox", "One"), ("Invoices", "Two"), ("archive", "Three"), ("trash", "Four")] {
        let list = desk.as_user("ana", &["email", "list", "--folder", folder]);
        let subjects: Vec<&str> = list.iter().map(|email| email["subject"].as_str().unwrap()).collect();
        assert_eq!(subjects, [subject], "{folder}");
    }
    let shown = desk.json(&["--as", "ana", "account", "show", "ana-mail"]);
    assert_eq!(shown["folder_map"], serde_json::json!(["Bills=Invoices", "Old=archive", "Junk=trash"]));
    let edit = |map: &str| desk.run(&["--as", "ana", "account", "edit", "ana-mail", "--folder-map", map]);
    for (map, code, words) in
        [("Bills", 2, "is not IMAP=FOLDER"), ("Bills=None", 65, "has no folder"), ("Bills=sent", 2, "into sent")]
    {
        let run = edit(map).exits(code);
        assert!(run.stderr.contains("--folder-map") && run.stderr.contains(words), "{run:#?}");
    }
    edit("").ok();
    assert_eq!(desk.json(&["account", "show", "ana-mail"])["folder_map"], serde_json::json!([]));
}

#[test]
fn a_user_has_a_few_accounts_of_their_own_and_touches_no_others() {
    let desk = desk();
    let secret = format!("file:{}", desk.sandbox.file("password", b"pw\n").display());
    let imap = format!("127.0.0.1:{}", Dovecot::shared().imap);
    desk.ok(&[
        "user",
        "edit",
        "ana",
        "--email",
        &desk.mailbox("ana").address,
        "--email",
        "ana@home.example",
        "--email",
        "a@x.example",
    ]);
    let add = |user: &str, name: &str, address: &str, extra: &[&str]| {
        let args = ["--as", user, "account", "add", name, "--kind", "personal", "--address", address, "--imap", &imap];
        desk.run(
            &[&args[..], &["--tls", "none", "--login", &desk.mailbox("ana").user, "--secret", &secret], &SINCE, extra]
                .concat(),
        )
    };
    let refused = |run: crate::support::Run, code: i32, words: &str| {
        let run = run.exits(code);
        assert!(run.stderr.contains(words), "{words}: {run:#?}");
    };
    let ana = desk.mailbox("ana").address.as_str();
    refused(
        add("ana", "one", "boss@staff.example", &[]),
        65,
        "--address: boss@staff.example is not one of your addresses",
    );
    refused(add("ana", "one", ana, &["--user", "budi"]), 77, "--user budi");
    for flag in
        [&["--team", "Support"][..], &["--create-case"], &["--put-in", "x"], &["--shared"], &["--auto-reply", "x"]]
    {
        refused(add("ana", "one", ana, flag), 65, &format!("{}: is for group accounts", flag[0]));
    }
    add("ana", "one", ana, &["--user", "@me"]).ok();
    add("ana", "two", "ana@home.example", &[]).ok();
    refused(add("ana", "three", "a@x.example", &[]), 65, "2 personal accounts already");
    desk.sandbox.config("max_personal_accounts = 3\n");
    add("ana", "three", "a@x.example", &[]).ok();
    let shown = desk.json(&["--as", "ana", "account", "show", "one"]);
    assert_eq!((&shown["after"], &shown["user"]["username"]), (&"keep".into(), &"ana".into()), "{shown}");

    // Group accounts are for administrators, with flags of their own.
    for flag in [["--share", "record"], ["--folder-map", "A=B"], ["--user", "ana"]] {
        let run = desk.run(&[&["account", "edit", "support"][..], &flag].concat());
        if flag[0] == "--user" {
            run.exits(2);
        } else {
            refused(run, 65, &format!("{}: is for personal accounts", flag[0]));
        }
    }
    let as_ana = |args: &[&str]| desk.run(&[&["--as", "ana"], args].concat());
    refused(as_ana(&["account", "edit", "support", "--portion", "1"]), 77, "the group account support");
    refused(as_ana(&["account", "edit", "sales", "--portion", "1"]), 65, "there is no account");
    refused(as_ana(&["account", "add", "g", "--address", "g@x.example"]), 77, "--kind group");

    // Hers: edit, test, folders, audit, disable, reset, delete. Budi's: nothing.
    for verb in [
        &["edit", "one", "--portion", "5"][..],
        &["test", "one"],
        &["folders", "one"],
        &["disable", "one"],
        &["enable", "one"],
        &["audit", "two"],
        &["reset", "one"],
        &["show", "one"],
    ] {
        let call = [&["--as", "budi", "--yes", "account"], verb].concat();
        refused(desk.run(&call), 65, "there is no account");
    }
    desk.ok(&["fetch", "one", "two"]);
    for verb in [
        &["edit", "one", "--portion", "5"][..],
        &["test", "one"],
        &["folders", "one"],
        &["disable", "one"],
        &["enable", "one"],
        &["audit", "two"],
        &["reset", "one"],
    ] {
        as_ana(&[&["--yes", "account"], verb].concat()).ok();
    }
    as_ana(&["--yes", "account", "delete", "three"]).ok();
    let names = |user: &str| {
        let list = desk.as_user(user, &["account", "list"]);
        list.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("ana"), ["support", "one", "two"]);
    assert_eq!(names("budi"), ["support"]);
    // How to log in is known to administrators only, and mail of a group account is never private.
    let shown = desk.json(&["--as", "budi", "account", "show", "support"]);
    for field in ["login", "secret", "smtp_login", "smtp_secret", "share"] {
        assert_eq!(shown[field], Value::Null, "{field}");
    }
}

#[test]
fn the_account_of_a_disabled_user_rests() {
    let desk = desk_with_personal(&[]);
    desk.mailbox("ana").append("INBOX", &mail("kim@customer.example", &desk.mailbox("ana").address, "One").bytes());
    desk.mailbox("budi").append("INBOX", &mail("kim@customer.example", &desk.mailbox("budi").address, "Two").bytes());
    desk.ok(&["user", "disable", "ana"]);
    desk.ok(&["fetch", "--kind", "group"]);
    assert_eq!(desk.items(&["email", "list"]).len(), 0);
    desk.ok(&["fetch", "--kind", "personal"]);
    assert_eq!(desk.items(&["email", "list"]).len(), 1);
    desk.run(&["fetch", "ana-mail"]).exits(65);
    desk.ok(&["user", "enable", "ana"]);
    desk.ok(&["fetch"]);
    assert_eq!(desk.items(&["email", "list"]).len(), 2);
    let flags = desk.mailbox("ana").messages("INBOX").pop().unwrap().flags;
    assert!(!flags.contains(&"\\Seen".to_owned()), "personal mail is left as it was: {flags:?}");
}
