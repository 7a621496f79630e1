//! Private mail of a personal account leaves no trace that others can read, no matter what its owner does with it (B6.1), and
//! Bcc is for its sender and administrators (B1.5).

use serde_json::Value;

use crate::support::{Letter, Sandbox, mail};

const ANA: &str = "ana@staff.example";
const SUPPORT: &str = "support@desk.example";
/// Words of private mail; the last is the address of who wrote it.
const SECRETS: [&str; 4] = ["Zucchini", "xylophone", "Mother Rosa", "rosa@home.example"];

/// Ana and Budi in Support, whose account makes cases and contacts; Ana has an account of her own, and case 1 is hers.
fn office() -> Sandbox {
    let sandbox = Sandbox::new();
    let run = |args: &[&str]| drop(sandbox.run(args).ok());
    run(&["init"]);
    run(&["team", "add", "Support"]);
    for user in ["ana", "budi"] {
        run(&["user", "add", user, "--email", &format!("{user}@staff.example")]);
        run(&["team", "member", "add", "Support", user]);
    }
    let servers = ["--imap", "127.0.0.1:9", "--tls", "none", "--smtp", "127.0.0.1:9", "--secret", "env:PW"];
    let group = ["account", "add", "support", "--address", SUPPORT, "--team", "Support", "--case-team", "Support"];
    run(&[&group[..], &["--create-case", "--create-contact"], &servers].concat());
    let personal = ["account", "add", "ana-mail", "--kind", "personal", "--user", "ana", "--address", ANA];
    run(&[&personal[..], &servers].concat());
    deliver(&sandbox, "support", &opening());
    run(&["--as", "ana", "case", "take", "1"]);
    sandbox
}

fn opening() -> Letter {
    mail("Eva <eva@customer.example>", SUPPORT, "Broken pump").message_id("<pump@customer.example>")
}

fn private() -> Letter {
    mail("Mother Rosa <rosa@home.example>", ANA, "Zucchini").body("xylophone\n")
}

fn deliver(sandbox: &Sandbox, account: &str, letter: &Letter) {
    sandbox.call(&["ingest", "--account", account]).stdin(&letter.bytes()).run().ok();
}

/// The newest email, as an administrator sees it.
fn newest(sandbox: &Sandbox) -> String {
    sandbox.items(&["email", "list", "--limit", "1"])[0]["id"].to_string()
}

/// That nothing of private mail is in what Budi reads of cases, contacts and notifications.
#[track_caller]
fn budi_reads_nothing(sandbox: &Sandbox, id: &str, when: &str) {
    let mut views: Vec<Vec<&str>> = vec![vec!["case", "list"], vec!["record", "list", "contact"]];
    views.push(vec!["notification", "list", "--all"]);
    for record in ["case/1", "case/2", "contact/1"] {
        views.push(vec!["stream", record]);
    }
    for number in ["1", "2"] {
        views.extend([vec!["case", "show", number], vec!["case", "history", number], vec!["case", "thread", number]]);
    }
    for view in views {
        for form in ["table", "json"] {
            let run = sandbox.run(&[&["--as", "budi", "--format", form], &view[..]].concat());
            for secret in SECRETS.iter().copied().chain([format!("\"email\":{id},").as_str()]) {
                assert!(!run.stdout.contains(secret), "{when}: {secret} in {run:#?}");
            }
        }
    }
}

#[test]
fn what_is_done_with_private_mail_tells_nobody_of_it() {
    let sandbox = office();
    for follow in [&["case", "follow", "1"][..], &["record", "follow", "contact", "Eva"]] {
        sandbox.run(&[&["--as", "budi"], follow].concat()).ok();
    }
    deliver(&sandbox, "ana-mail", &private());
    let id = newest(&sandbox);
    let ana = |args: &[&str]| sandbox.run(&[&["--as", "ana"], args].concat()).ok();
    for deed in [
        &["email", "link", &id, "case/1"][..],
        &["case", "accept", &id],
        &["email", "link", &id, "contact/1"],
        &["email", "link", &id, "case/1"],
        &["case", "unlink", "1", &format!("email/{id}")],
        &["email", "link", &id, "case/1"],
        &["case", "split", "1", "--from", &id],
    ] {
        ana(deed);
        budi_reads_nothing(&sandbox, &id, &deed.join(" "));
    }
    assert!(ana(&["case", "history", "1"]).stdout.contains("linked: Zucchini"), "its owner reads it");
    assert!(sandbox.run(&["case", "show", "2"]).ok().stdout.contains("Eva"), "the case is for whom the first was");

    // A customer's mail in the thread that came to Ana alone.
    deliver(&sandbox, "ana-mail", &private().message_id("<2@home.example>").in_reply_to("<pump@customer.example>"));
    budi_reads_nothing(&sandbox, &newest(&sandbox), "mail in the thread");
    let told = sandbox.items(&["--as", "budi", "notification", "list"]);
    assert!(told.iter().all(|one| one["kind"] != "email" || one["email"].is_null()), "{told:?}");
}

#[test]
fn an_explanation_names_no_private_mail_that_led_to_a_case() {
    let sandbox = office();
    let private = private().header("From", "eva@customer.example").in_reply_to("<pump@customer.example>");
    deliver(&sandbox, "ana-mail", &private);
    let hidden = newest(&sandbox);
    let next = mail("eva@customer.example", SUPPORT, "Again").in_reply_to(private.value("Message-ID"));
    deliver(&sandbox, "support", &next);
    let id = newest(&sandbox);
    let why = |user: &str| sandbox.run(&["--as", user, "email", "explain", &id]).ok().stdout;
    assert!(why("ana").contains(&format!("case #1, by reference to email {hidden}; ")), "{}", why("ana"));
    assert!(why("budi").contains("case #1, by reference to private email; "), "{}", why("budi"));
}

#[test]
fn with_a_deleted_email_go_the_notes_that_quote_it() {
    let sandbox = office();
    deliver(&sandbox, "support", &private());
    let id = newest(&sandbox);
    sandbox.run(&["email", "link", &id, "case/1"]).ok();
    assert!(sandbox.run(&["case", "history", "1"]).ok().stdout.contains("Zucchini"));
    sandbox.run(&["email", "delete", &id, "--reason", "asked for", "--yes"]).ok();
    let history = sandbox.run(&["case", "history", "1"]).ok().stdout;
    assert!(!history.contains("Zucchini") && history.contains("deleted: asked for"), "{history}");
}

#[test]
fn a_notice_about_private_mail_is_not_from_its_owner() {
    let sandbox = office();
    sandbox.run(&["--as", "budi", "case", "follow", "1"]).ok();
    sandbox.run(&["--as", "budi", "notification", "settings", "--email", "email=immediately"]).ok();
    let letter = private().header("From", "eva@customer.example").in_reply_to("<pump@customer.example>");
    deliver(&sandbox, "ana-mail", &letter);
    let waiting = sandbox.items(&["outbox", "list"]);
    let notice = waiting.iter().find(|row| row["kind"] == "notice" && row["to"][0]["address"] == "budi@staff.example");
    let notice = sandbox.json(&["outbox", "show", &notice.unwrap_or_else(|| panic!("{waiting:?}"))["id"].to_string()]);
    assert_eq!(notice["account"]["name"], "support", "{notice:#}");
    assert!(!SECRETS.iter().any(|secret| notice.to_string().contains(secret)), "{notice:#}");
}

#[test]
fn who_sends_a_draft_hears_of_newer_private_mail_only_that_there_is_some() {
    let sandbox = office();
    sandbox.run(&["--as", "budi", "case", "reply", "1", "-m", "We come.", "--draft"]).ok();
    let draft = newest(&sandbox);
    deliver(
        &sandbox,
        "ana-mail",
        &private().header("From", "eva@customer.example").in_reply_to("<pump@customer.example>"),
    );
    let last = private().message_id("<2@home.example>").in_reply_to("<pump@customer.example>");
    deliver(&sandbox, "ana-mail", &last);
    sandbox.run(&["email", "link", &newest(&sandbox), "case/1"]).ok();
    let asked = sandbox.run(&["--as", "budi", "email", "send", &draft]).exits(2).stderr;
    assert!(
        asked.contains("since you began this letter, a mail came that you cannot read and 1 other letter came or went"),
        "{asked}"
    );
    assert!(!SECRETS.iter().any(|secret| asked.contains(secret)), "{asked}");
}

#[test]
fn a_case_names_no_address_of_private_mail_that_does_not_exist() {
    let sandbox = office();
    let letter = private().header("From", "eva@customer.example").in_reply_to("<pump@customer.example>");
    deliver(&sandbox, "ana-mail", &letter.cc("rosa@home.example"));
    let sql = "INSERT INTO invalid_addresses (address, reason, since) VALUES ('rosa@home.example', 'unknown', 0)";
    sandbox.sql(sql);
    let invalid = |user: &str| sandbox.json(&["--as", user, "case", "show", "1"])["invalid_addresses"].clone();
    assert_eq!(invalid("budi"), Value::Array(Vec::new()));
    assert_eq!(invalid("ana")[0]["address"], "rosa@home.example");
}

#[test]
fn the_copy_of_a_personal_account_is_not_a_variant_for_others() {
    let sandbox = office();
    let text = "The pump is broken, and we need another one before Friday.\n";
    let letter = mail("eva@customer.example", SUPPORT, "Second pump").cc(ANA).body(text);
    deliver(&sandbox, "support", &letter);
    let id = newest(&sandbox);
    deliver(&sandbox, "ana-mail", &letter.body(&format!("{text}-- \nxylophone\n")));
    let variants = |user: &str| sandbox.json(&["--as", user, "email", "show", &id])["variants"].clone();
    assert_eq!(variants("ana")[0]["account"]["name"], "ana-mail");
    assert_eq!(variants("budi"), Value::Array(Vec::new()));
    let why = |user: &str| sandbox.run(&["--as", user, "email", "explain", &id]).ok().stdout;
    assert!(why("ana").contains("another text of it by ana-mail"), "{}", why("ana"));
    assert!(!why("budi").contains("ana-mail"), "{}", why("budi"));
    sandbox.run(&["--as", "budi", "email", "show", &id, "--variant", "1"]).exits(65);
    assert!(sandbox.run(&["--as", "ana", "email", "show", &id, "--variant", "1"]).ok().stdout.contains("xylophone"));
}

#[test]
fn bcc_is_shown_to_administrators_and_in_no_forward() {
    let sandbox = office();
    let letter =
        mail("eva@customer.example", SUPPORT, "Third pump").header("Bcc", "boss@customer.example,\r\n x@y.example");
    deliver(&sandbox, "support", &letter);
    let id = newest(&sandbox);
    for args in [
        &["email", "show", &id, "--raw"][..],
        &["email", "show", &id, "--headers"],
        &["export", "email", &id, "--to", "mbox", "-"],
    ] {
        assert!(sandbox.run(args).ok().stdout.contains("boss@customer.example"), "{args:?}");
        let run = sandbox.run(&[&["--as", "budi"], args].concat()).ok();
        assert!(
            !run.stdout.contains("boss@") && !run.stdout.contains("x@y") && run.stdout.contains("Third"),
            "{run:#?}"
        );
    }
    sandbox
        .run(&["email", "forward", &id, "--to", "lab@lab.example", "-m", "Look.", "--as-attachment", "--draft"])
        .ok();
    let whole = sandbox.run(&["email", "attachment", "cat", &newest(&sandbox), "2"]).ok().stdout;
    assert!(whole.contains("Third pump") && !whole.contains("boss@"), "{whole}");
}
