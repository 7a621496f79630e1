//! Companies, contacts, leads and opportunities, through the program and without any server.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Cell, Letter, Run, Sandbox, mail};

const SUPPORT: &str = "support@desk.example";

/// Two teams with one agent each, and a group account that takes mail by `ingest` and makes cases.
fn office() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.init();
    for (team, user) in [("Support", "ana"), ("Sales", "budi")] {
        sandbox.run(&["team", "add", team]).ok();
        sandbox.run(&["user", "add", user, "--email", &format!("{user}@staff.example")]).ok();
        sandbox.run(&["team", "member", "add", team, user]).ok();
    }
    let account = ["account", "add", "support", "--address", SUPPORT, "--smtp", "127.0.0.1:9", "--smtp-tls", "none"];
    let cases = ["--create-case", "--case-team", "Support", "--distribution", "round-robin", "--secret", "env:PW"];
    sandbox.run(&[&account[..], &cases].concat()).ok();
    sandbox
}

fn deliver(sandbox: &Sandbox, letter: &Letter) {
    let args = ["ingest", "--account", "support", "--recipient", "support@desk.example"];
    sandbox.call(&args).stdin(&letter.bytes()).run().ok();
}

/// The words in the full-text indexes.
fn indexed(sandbox: &Sandbox) -> BTreeSet<String> {
    sandbox.database().indexed_words().into_iter().collect()
}

/// Every row of every table.
fn everything(sandbox: &Sandbox) -> Vec<(String, String)> {
    let shown = |row: Vec<Cell>| row.iter().map(Cell::plain).collect::<Vec<_>>().join("|");
    sandbox.database().every_row().into_iter().map(|(table, row)| (table, shown(row))).collect()
}

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["name"].as_str().unwrap()).collect()
}

fn says(run: Run, words: &str) {
    assert!(run.stderr.contains(words), "no \"{words}\" in {run:#?}");
}

#[test]
fn records_are_added_listed_shown_changed_and_deleted() {
    let sandbox = office();
    sandbox.run(&["record", "add", "account", "PT Sinar", "--email", "Office@Sinar.example"]).ok();
    let contact = ["record", "add", "contact", "Budi Ö", "--email", "b@sinar.example", "--email", "a@sinar.example"];
    let fields = ["--company", "PT Sinar", "--team", "Support", "--assign-to", "ana"];
    sandbox.run(&[&contact[..], &fields].concat()).ok();
    let deal = ["record", "add", "opportunity", "Deal", "--company", "1", "--contact", "Budi Ö"];
    sandbox.run(&deal).ok();

    let shown = sandbox.json(&["record", "show", "contact", "budi Ö"]);
    assert_eq!(shown["emails"], serde_json::json!(["b@sinar.example", "a@sinar.example"]));
    assert_eq!((&shown["company"]["name"], &shown["assigned_user"]["username"]), (&"PT Sinar".into(), &"ana".into()));
    assert_eq!((&shown["teams"][0], &shown["followers"][0]["username"]), (&"Support".into(), &"ana".into()));
    let deal = sandbox.json(&["record", "show", "opportunity", "Deal"]);
    assert_eq!((&deal["open"], &deal["contacts"][0]["name"]), (&true.into(), &"Budi Ö".into()));
    assert_eq!(
        sandbox.query("SELECT kind || ' ' || text FROM notifications"),
        ["assigned contact Budi Ö: assigned to you"]
    );

    assert_eq!(names(&sandbox.items(&["record", "list", "contact", "ö", "SINAR"])), ["Budi Ö"]);
    assert!(sandbox.items(&["record", "list", "contact", "nobody"]).is_empty());
    assert_eq!(sandbox.run(&["record", "list", "company", "--count"]).ok().stdout, "1\n");
    assert_eq!(sandbox.items(&["record", "list", "contact", "--team", "Sales"]).len(), 0);

    let edit = ["record", "edit", "contact", "1", "--name", "Rina", "--email", "r@sinar.example", "--company", ""];
    sandbox.run(&[&edit[..], &["--assign-to", "@none", "--team", "Sales"]].concat()).ok();
    let shown = sandbox.json(&["record", "show", "contact", "Rina"]);
    assert_eq!((&shown["company"], &shown["assigned_user"]), (&Value::Null, &Value::Null));
    assert_eq!((&shown["emails"], &shown["teams"]), (&["r@sinar.example"][..].into(), &["Sales"][..].into()));
    sandbox.run(&["record", "edit", "opportunity", "Deal", "--closed"]).ok();
    assert_eq!(sandbox.json(&["record", "show", "opportunity", "1"])["open"], false);

    let table = sandbox.run(&["record", "show", "contact", "Rina"]).ok().stdout;
    assert!(table.contains("Rina") && table.contains("ana"), "{table}");
    says(sandbox.run(&["record", "delete", "contact", "Rina"]).exits(2), "--yes");
    sandbox.run(&["--yes", "record", "delete", "contact", "Rina"]).ok();
    says(sandbox.run(&["record", "show", "contact", "1"]).exits(65), "contact 1: not found");
    assert_eq!(sandbox.json(&["record", "show", "opportunity", "1"])["contacts"], serde_json::json!([]));
    for (table, column) in
        [("record_addresses", "record"), ("record_teams", "record"), ("followers", "parent"), ("notes", "parent")]
    {
        let sql = format!("SELECT 'left' FROM {table} WHERE {column}_type = 'contact'");
        assert!(sandbox.query(&sql).is_empty(), "{table}");
    }
    assert_eq!(sandbox.run(&["db", "check"]).ok().code, 0);
}

#[test]
fn what_may_not_be_seen_does_not_exist() {
    let sandbox = office();
    sandbox.run(&["record", "add", "company", "PT Sinar"]).ok();
    sandbox.run(&["--as", "ana", "record", "add", "contact", "Kim", "--email", "kim@x.example"]).ok();
    sandbox.run(&["record", "add", "contact", "Team's", "--team", "Support", "--company", "PT Sinar"]).ok();
    sandbox.run(&["--as", "budi", "record", "add", "contact", "Kim", "--email", "kim@y.example"]).ok();
    let seen = |user: &str| sandbox.items(&["--as", user, "record", "list", "contact"]);
    assert_eq!((names(&seen("ana")), names(&seen("budi"))), (vec!["Kim", "Team's"], vec!["Kim"]));
    assert_eq!(sandbox.items(&["--as", "ana", "record", "list", "contact", "--mine"]).len(), 1);
    assert_eq!(seen("ana")[1]["company"], Value::Null, "nor the company of a contact that may be seen");

    for args in [&["show"][..], &["edit", "--name", "X"], &["follow"], &["unfollow"]] {
        let run = |name: &str| {
            let args = [&["--as", "ana", "record", args[0], "contact", name], &args[1..]].concat();
            sandbox.run(&args).exits(65).stderr
        };
        assert_eq!(run("3"), run("9").replace('9', "3"), "the same as a wrong id");
    }
    assert_eq!(sandbox.json(&["--as", "ana", "record", "show", "contact", "Kim"])["id"], 1, "the one that ana sees");
    let several = sandbox.run(&["record", "show", "contact", "kim"]).exits(65);
    assert!(several.stderr.contains("1, 3"), "{several:?}");
    says(
        sandbox.run(&["--as", "budi", "record", "edit", "contact", "3", "--company", "PT Sinar"]).exits(65),
        "--company",
    );

    let as_budi = |args: &[&str]| sandbox.run(&[&["--as", "budi", "record"], args].concat());
    says(as_budi(&["edit", "contact", "3", "--assign-to", "ana"]).exits(77), "--assign-to");
    says(as_budi(&["edit", "contact", "3", "--team", "Support"]).exits(77), "--team");
    says(as_budi(&["add", "contact", "New", "--email", "kim@x.example"]).exits(65), "cannot be used");
    for args in [&["--yes", "record", "delete", "contact", "3"][..], &["--yes", "record", "erase", "contact", "3"]] {
        sandbox.run(&[&["--as", "budi"], args].concat()).exits(77);
    }
    let file = sandbox.file("a.csv", b"name\nX\n");
    as_budi(&["import", file.to_str().unwrap(), "contact"]).exits(77);
    sandbox.run(&["team", "member", "add", "Sales", "ana"]).ok();
    as_budi(&["edit", "contact", "3", "--assign-to", "ana"]).ok();
    says(as_budi(&["show", "contact", "3"]).exits(65), "contact 3: not found");
}

#[test]
fn only_who_may_see_a_record_follows_it() {
    let sandbox = office();
    sandbox.run(&["record", "add", "company", "PT Sinar", "--team", "Support"]).ok();
    says(sandbox.run(&["record", "follow", "company", "PT Sinar"]).exits(77), "--as");
    let refused = sandbox.run(&["record", "follow", "company", "PT Sinar", "--user", "budi"]).exits(65);
    assert!(refused.stderr.contains("record edit company 1 --team"), "{refused:?}");
    sandbox.run(&["--as", "ana", "record", "follow", "company", "PT Sinar"]).ok();
    sandbox.run(&["--as", "ana", "record", "follow", "company", "PT Sinar", "--user", "budi"]).exits(77);
    assert_eq!(sandbox.json(&["record", "show", "company", "1"])["followers"][0]["username"], "ana");
    sandbox.run(&["record", "unfollow", "company", "1", "--user", "ana"]).ok();
    says(sandbox.run(&["record", "unfollow", "company", "1", "--user", "ana"]).exits(65), "does not follow");
}

#[test]
fn a_converted_lead_hands_everything_on() {
    let sandbox = office();
    let lead = ["record", "add", "lead", "Kim", "--email", "kim@x.example", "--email", "kim@home.example"];
    sandbox.run(&[&lead[..], &["--team", "Support", "--assign-to", "ana"]].concat()).ok();
    deliver(&sandbox, &mail("kim@x.example", SUPPORT, "Broken"));
    sandbox.sql(
        "INSERT INTO emails (key, message_id, status, subject, received_at, parent_type, parent_id, created_at)
        VALUES ('k', 'm', 'Archived', 's', 0, 'lead', 1, 0)",
    );
    assert_eq!(sandbox.json(&["record", "show", "lead", "Kim"])["cases"], serde_json::json!([1]));
    sandbox.run(&["--dry-run", "record", "convert", "lead", "Kim"]).ok();
    sandbox.run(&["record", "convert", "contact", "Kim"]).exits(65).says("contact Kim: not found");

    sandbox.run(&["--as", "ana", "record", "convert", "lead", "Kim", "--company", "PT Sinar"]).ok();
    let contact = sandbox.json(&["record", "show", "contact", "Kim"]);
    // What a dry run took back may leave a gap in the ids.
    let (company, person) = (contact["company"]["id"].to_string(), contact["id"].to_string());
    assert_eq!(contact["emails"], serde_json::json!(["kim@x.example", "kim@home.example"]));
    says(sandbox.run(&["record", "convert", "contact", "Kim"]).exits(2), "only a lead can");
    assert_eq!((&contact["company"]["name"], &contact["teams"][0]), (&"PT Sinar".into(), &"Support".into()));
    assert_eq!((&contact["assigned_user"]["username"], &contact["cases"][0]), (&"ana".into(), &1.into()));
    assert_eq!(contact["followers"][0]["username"], "ana");
    assert_eq!(sandbox.json(&["record", "show", "company", "PT Sinar"])["cases"], serde_json::json!([1]));
    assert_eq!(
        sandbox.query("SELECT parent_type || parent_id FROM emails WHERE key = 'k'"),
        [format!("company{company}")]
    );
    let lead = sandbox.json(&["record", "show", "lead", "Kim"]);
    assert_eq!((&lead["converted_to"][1]["type"], &lead["emails"]), (&"contact".into(), &serde_json::json!([])));
    says(sandbox.run(&["record", "convert", "lead", "Kim"]).exits(65), "converted already");

    // A company that is there is taken, unless several bear the name.
    sandbox.run(&["record", "add", "lead", "Lee"]).ok();
    sandbox.run(&["record", "convert", "lead", "Lee", "--company", "pt sinar", "--contact", "Lee B."]).ok();
    assert_eq!(sandbox.json(&["record", "show", "contact", "Lee B."])["company"]["id"].to_string(), company);
    let second = sandbox.run(&["-q", "record", "add", "company", "PT Sinar"]).ok().stdout;
    sandbox.run(&["record", "add", "lead", "Max", "--email", "kim@x.example"]).ok();
    says(
        sandbox.run(&["record", "convert", "lead", "Max", "--company", "PT Sinar"]).exits(65),
        &format!("belongs to contact Kim ({person})"),
    );
    sandbox.run(&["record", "edit", "lead", "Max", "--email", ""]).ok();
    let both = format!("{company}, {}", second.trim());
    says(sandbox.run(&["record", "convert", "lead", "Max", "--company", "PT Sinar"]).exits(65), &both);
}

#[test]
fn a_file_is_imported_whole_or_without_the_lines_that_are_refused() {
    let sandbox = office();
    sandbox.run(&["record", "add", "contact", "Old", "--email", "old@x.example"]).ok();
    sandbox.run(&["record", "add", "company", "PT Sinar"]).ok();
    let text = "\u{feff}email,name,company,team,assigned_user\r\n\
        a@x.example; A2@x.example,\"Ana \"\"A\"\", Jr\",PT Sinar,Support;Sales,ana\r\n\
        ,\u{1b}[31mred,,,\r\n\
        OLD@x.example,Twice,,,\r\n\
        a@x.example,Again,,,\r\n\
        ,\"=cmd|' /C calc'!A0\",,,\r\n\
        b@x.example,Bob,PT Neu,,\r\n\
        c@x.example,Cat,,,nobody\r\n";
    let (file, rejects) = (sandbox.file("in.csv", text.as_bytes()), sandbox.path("refused.csv"));
    let (file, rejects) = (file.to_str().unwrap(), rejects.to_str().unwrap());
    let before = everything(&sandbox);

    let whole = sandbox.run(&["record", "import", file, "contact"]).exits(65);
    for words in [
        "line 3: name:",
        "line 4: email: old@x.example belongs to contact Old (1)",
        "line 5: email: a@x.example",
        "line 7: company: there is no PT Neu",
        "5 of 7 lines",
        "--rejects",
    ] {
        assert!(whole.stderr.contains(words), "no \"{words}\" in {whole:#?}");
    }
    assert!(!whole.stderr.contains('\u{1b}'), "{whole:?}");
    let dry = ["--dry-run", "record", "import", file, "contact", "--rejects", rejects, "--create-companies"];
    says(sandbox.run(&dry).exits(1), "dry run, nothing changed; without --dry-run: 3 records");
    assert!(!std::fs::exists(rejects).unwrap());
    assert_eq!(everything(&sandbox), before);

    sandbox.run(&dry[1..]).exits(1);
    let found = sandbox.items(&["record", "list", "contact"]);
    assert_eq!(names(&found), ["=cmd|' /C calc'!A0", "Ana \"A\", Jr", "Bob", "Old"]);
    assert_eq!(found[1]["emails"], serde_json::json!(["a@x.example", "a2@x.example"]));
    assert_eq!((&found[1]["teams"], &found[1]["company"]["id"]), (&serde_json::json!(["Sales", "Support"]), &1.into()));
    assert_eq!(found[2]["company"]["name"], "PT Neu");
    assert!(sandbox.query("SELECT text FROM notifications").is_empty());
    let refused = std::fs::read_to_string(rejects).unwrap();
    assert!(refused.starts_with("email,name,company,team,assigned_user,reason\r\n"), "{refused}");
    for line in ["\r\nc@x.example,Cat,,,nobody,", "\r\nOLD@x.example,Twice,,,,email: "] {
        assert!(refused.contains(line), "no {line:?} in {refused}");
    }

    says(sandbox.run(&["record", "import", file, "contact", "--rejects", rejects]).exits(65), "exists already");
    let fixed = sandbox.file("fixed.csv", refused.replace("nobody", "ana").as_bytes());
    let again = sandbox.path("again.csv");
    let again = ["record", "import", fixed.to_str().unwrap(), "contact", "--rejects", again.to_str().unwrap()];
    sandbox.run(&again).exits(1);
    assert_eq!(sandbox.json(&["record", "show", "contact", "Cat"])["assigned_user"]["username"], "ana");
    let good = sandbox.file("good.csv", b"name\nDeal 1\nDeal 2");
    assert!(
        sandbox.run(&["record", "import", good.to_str().unwrap(), "opportunity"]).ok().stdout.contains("2 records")
    );
}

#[test]
fn mistakes_name_the_field_and_change_nothing() {
    let sandbox = office();
    sandbox.run(&["record", "add", "contact", "Kim", "--email", "kim@x.example"]).ok();
    sandbox.run(&["record", "add", "company", "Twin"]).ok();
    sandbox.run(&["record", "add", "company", "Twin"]).ok();
    let before = everything(&sandbox);
    let bad = sandbox.file("bad.csv", b"name,phone\nX,1\n");
    let email = sandbox.file("email.csv", b"name,email\nX,kim@y.example\n");
    let short = sandbox.file("short.csv", b"name,email\nX\n");
    let (bad, email, short) = (bad.to_str().unwrap(), email.to_str().unwrap(), short.to_str().unwrap());
    let rows: &[(&[&str], i32, &str)] = &[
        (&["add", "case", "X"], 2, "company, contact, lead, opportunity"),
        (&["add", "contact", " X"], 2, "name: "),
        (&["add", "contact", "X", "--email", "nonsense"], 2, "--email"),
        (&["add", "contact", "X", "--email", "a@x.example", "--email", "A@x.example"], 65, "given twice"),
        (&["add", "contact", "X", "--email", "KIM@x.example"], 65, "belongs to contact Kim (1)"),
        (&["add", "contact", "X", "--company", "None"], 65, "espomail record list company"),
        (&["add", "contact", "X", "--company", "Twin"], 65, "--company: company Twin: several have this name: 1, 2"),
        (&["add", "contact", "X", "--contact", "Kim"], 2, "--contact"),
        (&["add", "company", "X", "--company", "1"], 2, "--company"),
        (&["add", "opportunity", "X", "--email", "o@x.example"], 2, "--email"),
        (&["add", "lead", "X", "--closed"], 2, "--closed"),
        (&["add", "lead", "X", "--team", "Nowhere"], 65, "espomail team list"),
        (&["add", "lead", "X", "--assign-to", "nobody"], 65, "espomail user list"),
        (&["add", "lead", "X", "--assign-to", "@me"], 77, "--assign-to"),
        (&["edit", "contact", "Kim"], 2, "nothing is given that is to be changed"),
        (&["edit", "contact", "Kim", "--name", ""], 2, "--name"),
        (&["edit", "contact", "Lee", "--name", "X"], 65, "contact Lee: not found"),
        (&["list", "contact", "--mine"], 77, "--as"),
        (&["erase", "company", "Twin"], 2, "cannot be erased"),
        (&["erase", "contact", "Kim"], 2, "--yes"),
        (&["import", "/no/such/file", "contact"], 65, "cannot read /no/such/file: there is no such file"),
        (&["import", bad, "contact"], 65, "must be one of name, email, company, team, assigned_user"),
        (&["import", email, "opportunity"], 65, "line 2: email"),
        (&["import", short, "contact"], 65, "line 2: has 1 cells"),
    ];
    for (args, code, words) in rows {
        let run = sandbox.run(&[&["record"], *args].concat());
        assert_eq!(run.code, *code, "{run:?}");
        says(run, words);
    }
    assert_eq!(everything(&sandbox), before);
}

#[test]
fn a_case_shows_its_new_contact_to_the_agents() {
    let sandbox = office();
    sandbox.run(&["account", "edit", "support", "--create-contact"]).ok();
    deliver(&sandbox, &mail("Kim <kim@x.example>", SUPPORT, "Broken"));
    assert_eq!(sandbox.json(&["--as", "ana", "record", "show", "contact", "Kim"])["cases"], serde_json::json!([1]));
    sandbox.run(&["--as", "budi", "record", "show", "contact", "Kim"]).exits(65);
}

/// A message in the quarantine.
fn quarantine(sandbox: &Sandbox, letter: &Letter) {
    let (bytes, digest) = (letter.bytes(), Sha256::digest(letter.bytes()).to_vec());
    let db = sandbox.database();
    let sql = "INSERT INTO raw_messages (size, sha256, codec, data) VALUES (?1, ?2, 'none', ?3)";
    let raw = db.insert(sql, &[Cell::Int(bytes.len() as i64), Cell::Bytes(digest), Cell::Bytes(bytes)]);
    let sql = "INSERT INTO deliveries (account_id, internal_date, size, raw_id, outcome, reason, received_at)
        VALUES (1, 0, 1, ?1, 'quarantined', 'no', 0)";
    db.insert(sql, &[Cell::Int(raw)]);
}

/// Where a word is found in the database: tables, or bytes of its files.
fn traces(sandbox: &Sandbox, words: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (table, row) in everything(sandbox) {
        found.extend(
            words
                .iter()
                .filter(|word| row.to_lowercase().contains(**word))
                .map(|word| format!("{word} in {table}: {row}")),
        );
    }
    let kept = "SELECT codec, size, data FROM raw_messages UNION ALL SELECT codec, size, data FROM raw_parts";
    for row in sandbox.database().rows(kept) {
        let [codec, size, Cell::Bytes(data)] = row.as_slice() else { panic!("{row:?}") };
        let size = usize::try_from(size.int()).unwrap();
        let raw = if codec.plain() == "zstd" { zstd::bulk::decompress(data, size).unwrap() } else { data.clone() };
        let text = String::from_utf8_lossy(&raw).to_lowercase();
        found.extend(
            words.iter().filter(|word| text.contains(**word)).map(|word| format!("{word} in raw bytes:\n{text}")),
        );
    }
    for file in ["espomail.db", "espomail.db-wal"] {
        let Ok(bytes) = std::fs::read(sandbox.path(file)) else { continue };
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        found.extend(words.iter().filter(|word| text.contains(**word)).map(|word| format!("{word} in {file}")));
    }
    found
}

#[test]
fn of_an_erased_person_nothing_is_left_and_nothing_comes_back() {
    let sandbox = office();
    sandbox.env("PW", "pw");
    let body = sandbox.file("thanks.txt", b"Hello {{ sender.name }}, we look into it.\n");
    sandbox.run(&["template", "add", "Thanks", "--subject", "We have it", "--body", body.to_str().unwrap()]).ok();
    sandbox.run(&["account", "edit", "support", "--auto-reply", "Thanks", "--create-contact"]).ok();
    sandbox.config("system_account = \"support\"\n");
    let kim = mail("Kim <Kim@x.example>", SUPPORT, "Broken xyzzycanary").body("My secret is xyzzycanary.\n");
    deliver(&sandbox, &kim);
    sandbox.run(&["record", "edit", "contact", "Kim", "--email", "kim@x.example", "--email", "kim@home.example"]).ok();
    deliver(&sandbox, &kim.clone().body("My secret is xyzzycanary.\n-- \nfooter of a list\n"));
    sandbox.run(&["--as", "ana", "case", "reply", "1", "-m", "Is it xyzzycanary, Kim?"]).ok();
    sandbox.run(&["--as", "ana", "case", "note", "1", "-m", "called kim@X.example back"]).ok();
    // In the thread of another customer, who is kept.
    let lee = mail("lee@y.example", SUPPORT, "Question of Lee").cc("plugh@x.example");
    deliver(&sandbox, &lee);
    let bare = mail("kim@home.example", SUPPORT, "xyzzycanary again").without("Message-ID");
    deliver(&sandbox, &bare);
    quarantine(&sandbox, &mail("kim@x.example", SUPPORT, "xyzzycanary which nobody could read"));
    // What is thrown away leaves its bytes in free pages until they are used again.
    quarantine(&sandbox, &mail("kim@x.example", SUPPORT, "xyzzycanary again and again"));
    let id = sandbox.query("SELECT max(id) || '' FROM deliveries").join("");
    sandbox.run(&["--yes", "quarantine", "discard", &id, "--reason", "spam"]).ok();
    sandbox.sql("INSERT INTO invalid_addresses (address, reason, since) VALUES ('kim@home.example', '5.1.1 <kim@home.example> unknown', 0)");
    let words = ["kim@x.example", "kim@home.example", "xyzzycanary"];
    assert!(traces(&sandbox, &words).len() > 20);
    assert_eq!(sandbox.items(&["email", "list", "xyzzycanary"]).len(), 3);
    assert_eq!(sandbox.items(&["case", "list", "xyzzycan*"]).len(), 2);
    assert!(indexed(&sandbox).contains("xyzzycanary"));
    let before = everything(&sandbox);
    says(sandbox.run(&["--dry-run", "record", "erase", "contact", "Kim"]).ok(), "dry run");
    assert_eq!(everything(&sandbox), before);

    let said = sandbox.run(&["--yes", "record", "erase", "contact", "Kim"]).ok().stdout;
    assert!(said.contains("contact Kim erased, with 5 emails and the text of 2 cases"), "{said}");
    let left = traces(&sandbox, &words);
    assert!(left.is_empty(), "{left:#?}");
    assert!(!indexed(&sandbox).contains("xyzzycanary") && indexed(&sandbox).contains("question"));
    assert!(sandbox.items(&["email", "list", "xyzzycanary"]).is_empty());
    assert_eq!(sandbox.items(&["case", "list", "erased"]).len(), 2);
    assert_eq!(sandbox.query("SELECT name FROM cases ORDER BY number"), ["(erased)", "Question of Lee", "(erased)"]);
    assert_eq!(sandbox.query("SELECT text FROM notes WHERE kind = 'comment'"), ["called (erased) back"]);
    let ledger = sandbox.query("SELECT outcome || ' ' || reason FROM deliveries WHERE reason = 'erased'");
    assert_eq!(ledger, ["discarded erased"; 4]);
    assert_eq!(sandbox.run(&["db", "check"]).ok().code, 0);
    says(sandbox.run(&["record", "show", "contact", "Kim"]).exits(65), "not found");

    for letter in [&kim, &bare] {
        deliver(&sandbox, letter);
    }
    let last = sandbox.query("SELECT reason FROM deliveries ORDER BY id DESC LIMIT 2");
    assert_eq!(last, ["erased: does not come back"; 2]);
    assert_eq!(
        sandbox
            .query("SELECT text FROM emails JOIN email_bodies ON email_id = emails.id WHERE from_address LIKE 'kim%'")
            .len(),
        0
    );
    assert_eq!(sandbox.items(&["case", "list"]).len(), 3, "no new case");
    assert!(
        sandbox
            .query(
                "SELECT 'left' FROM raw_messages WHERE id NOT IN (SELECT raw_id FROM emails WHERE raw_id IS NOT NULL
        UNION SELECT raw_id FROM outbox)"
            )
            .is_empty()
    );
    // They may write again.
    deliver(&sandbox, &mail("kim@x.example", SUPPORT, "Hello again"));
    assert_eq!(sandbox.items(&["case", "list"]).len(), 4);
}

#[test]
fn mail_in_which_others_take_part_is_kept_and_counted() {
    let sandbox = office();
    sandbox.run(&["record", "add", "lead", "Kim", "--email", "kim@x.example"]).ok();
    deliver(&sandbox, &mail("lee@y.example", SUPPORT, "Ours").cc("kim@x.example"));
    deliver(&sandbox, &mail("kim@x.example", SUPPORT, "Mine").cc("lee@y.example"));
    for address in ["kim@x.example", "lee@y.example"] {
        let report = format!(
            "--b\n\nCould not be delivered: {address}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n\
            Final-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1\n--b--\n"
        );
        let report = mail("mailer-daemon@mx.example", SUPPORT, address).body(&report);
        let kind = "multipart/report; report-type=delivery-status; boundary=b";
        deliver(&sandbox, &report.header("Content-Type", kind).add("Return-Path", "<>"));
    }
    let said = sandbox.run(&["--yes", "record", "erase", "lead", "Kim"]).ok().stdout;
    assert!(said.contains("2 emails and the text of 1 case; kept, because others take part: 1 email"), "{said}");
    assert_eq!(sandbox.query("SELECT subject FROM emails ORDER BY id"), ["Ours", "lee@y.example"]);
}

#[test]
fn a_name_that_the_record_had_before_is_erased_too() {
    let sandbox = office();
    sandbox.run(&["record", "add", "contact", "Eva Cust", "--email", "eva@x.example"]).ok();
    deliver(&sandbox, &mail("lee@y.example", "Eva Cust <eva@x.example>", "Ours").cc(SUPPORT));
    let named = "SELECT decision FROM email_decisions WHERE decision LIKE '%Eva Cust%'";
    assert_eq!(sandbox.query(named).len(), 1, "the mail was found to concern her");
    sandbox.run(&["record", "edit", "contact", "Eva Cust", "--name", "Eva Married"]).ok();
    sandbox.run(&["--yes", "record", "erase", "contact", "Eva Married"]).ok();
    assert_eq!(sandbox.query(named), Vec::<String>::new());
}
