//! Whose a filter is: what others see of it, and what it does to what they sorted.

use super::*;

#[test]
fn filters_of_others_are_neither_seen_nor_changed() {
    let desk = desk(&[]);
    desk.filter("all", "global", "--if from=x --do skip");
    desk.filter("desk", "account:support", "--if from=x --do skip");
    desk.ok(&["--as", "ana", "filter", "add", "mine", "--scope", "user:@me", "--if", "from=x", "--do", "read"]);
    desk.ok(&["--as", "budi", "filter", "add", "mine", "--scope", "user:budi", "--if", "from=y", "--do", "read"]);
    let names = |user: &str| desk.lines(&["--as", user, "filter", "list"], &["name", "scope"]);
    assert_eq!(names("ana"), ["mine | user:ana"]);
    assert_eq!(names("budi"), ["mine | user:budi"]);
    assert_eq!(desk.lines(&["filter", "list"], &["name"]).len(), 4);
    for (args, code, why) in [
        (&["filter", "show", "all"][..], 65, "there is no filter \"all\""),
        (&["filter", "show", "1"], 65, "there is no filter \"1\""),
        (&["--yes", "filter", "delete", "desk"], 65, "there is no filter \"desk\""),
        (&["filter", "show", "nothing"], 65, "there is no filter \"nothing\""),
        (
            &["filter", "add", "x", "--scope", "global", "--if", "from=x", "--do", "skip"],
            77,
            "you cannot use --scope global: only administrators can",
        ),
        (
            &["filter", "add", "x", "--scope", "account:support", "--if", "from=x", "--do", "skip"],
            77,
            "you cannot use --scope account:support, a group account: only administrators can",
        ),
        (
            &["filter", "add", "x", "--scope", "account:none", "--if", "from=x", "--do", "skip"],
            65,
            "there is no account \"none\"",
        ),
        (
            &["filter", "add", "x", "--scope", "user:budi", "--if", "from=x", "--do", "read"],
            77,
            "the filters of budi are theirs",
        ),
        (
            &["filter", "add", "x", "--scope", "user:@me", "--if", "from=x", "--do", "no-case"],
            2,
            "--do: \"no-case\" is not an action of a user's",
        ),
        (
            &["filter", "add", "x", "--scope", "user:@me", "--if", "from=x", "--do", "folder:No"],
            65,
            "there is no folder of the user \"No\"",
        ),
    ] {
        let refused = desk.run(&[&["--as", "ana"][..], args].concat()).exits(code);
        assert!(refused.stderr.contains(why) && refused.stderr.lines().count() <= 2, "{args:?}: {refused:?}");
    }
    let two = desk.run(&["filter", "show", "mine"]).exits(65);
    assert!(
        two.stderr.contains("there are 2 filters \"mine\"") && two.stderr.contains("name it by its id: 3, 4"),
        "{two:?}"
    );
    assert_eq!(desk.json(&["--as", "budi", "filter", "show", "MINE"])["conditions"][0], "from=y");
}

/// The owner of a personal account (B6.1, B10.1) has filters on it; nobody else learns of them, also not by an email that
/// a group account delivers as well.
#[test]
fn the_filters_of_a_personal_account_are_its_owners() {
    let desk = desk(&[]);
    let hers = Dovecot::shared().mailbox();
    desk.sandbox.personal_account("ana-mail", "ana", &hers, &[]);
    desk.filter("spam", "global", "--if subject=spam* --do skip");
    desk.filter("vip", "global", "--if from=@shop.com --do skip");
    let ana = |args: &[&str]| desk.run(&[&["--as", "ana"][..], args].concat());
    for args in [
        &["keep", "--if", "subject=*order*", "--do", "none", "--over-global"][..],
        &["Spam", "--if", "subject=lottery*", "--do", "skip"],
        &["secret plan", "--if", "subject=merger*", "--do", "team:Support"],
    ] {
        ana(&[&["filter", "add"][..], args, &["--scope", "account:ana-mail"]].concat()).ok();
    }
    let his = ["--as", "budi", "filter", "add", "x", "--scope", "account:ana-mail", "--if", "from=x", "--do", "skip"];
    let refused = desk.run(&his).exits(65);
    assert!(refused.stderr.contains("there is no account \"ana-mail\""), "{refused:?}");
    let team = ana(&["filter", "add", "t", "--scope", "account:ana-mail", "--if", "from=x", "--do", "team:Sales"]);
    assert!(
        team.exits(77).stderr.contains("you cannot use team Sales, because you are not in it"),
        "what she may not give, filters may not"
    );

    let letter = |from: &str, subject: &str| mail(from, &hers.address, subject);
    let merger = letter("eva@customer.example", "Merger").cc(&desk.support().address);
    for letter in [
        letter("clerk@shop.com", "Your order"),
        letter("clerk@shop.com", "Offer"),
        letter("eva@customer.example", "Lottery"),
        letter("eva@customer.example", "Merger, for you alone"),
        merger.clone(),
    ] {
        hers.append("INBOX", &letter.bytes());
    }
    desk.ok(&["fetch", "ana-mail"]);
    desk.put(&merger);
    let mut subjects = desk.lines(&["--as", "ana", "email", "list"], &["subject"]);
    subjects.sort();
    assert_eq!(subjects, ["Merger", "Merger, for you alone", "Your order"]);
    let hits = desk.lines(&["--as", "ana", "filter", "list"], &["name", "hits"]);
    assert_eq!(hits, ["keep | 1", "Spam | 1", "secret plan | 2"]);
    let skipped = |user: &str| desk.run(&["--as", user, "--json", "email", "list", "--skipped"]);
    let reasons = desk.lines(&["--as", "ana", "email", "list", "--skipped"], &["account", "reason"]);
    assert_eq!(reasons, ["ana-mail | filter Spam", "ana-mail | filter vip"], "she sees what was kept from her");
    skipped("budi").exits(77);

    assert_eq!(
        desk.lines(&["--as", "budi", "email", "list"], &["subject"]),
        ["Merger"],
        "a filter opens no private mail"
    );
    let id = desk.id("Merger");
    has(&desk.explained(Some("ana"), &id), "filter: \"secret plan\" matched (subject=merger*): team:Support");
    has(&desk.explained(None, &id), "filter: \"secret plan\" matched (subject=merger*): team:Support");
    let his = desk.explained(Some("budi"), &id);
    assert!(!his.iter().any(|line| line.contains("secret plan")), "{his:#?}");
    has(&his, "filter: none of 2 matched");
}

/// What may not be seen does not exist: other answers than for a wrong name would tell.
#[test]
fn nobody_learns_names_by_trying() {
    let desk = desk(&[]);
    desk.sandbox.group_account("sales", &Dovecot::shared().mailbox(), &["--team", "Sales"]);
    desk.sandbox.personal_account("ana-mail", "ana", &Dovecot::shared().mailbox(), &[]);
    desk.filter("hidden", "global", "--if from=x --do skip");
    desk.filter("desk", "account:support", "--if from=x --do skip");
    for name in ["hidden", "desk"] {
        let add =
            ["--as", "ana", "filter", "add", name, "--scope", "account:ana-mail", "--if", "from=x", "--do", "skip"];
        desk.ok(&add);
    }
    let file = desk.sandbox.file("mail.eml", &desk.letter("x@y.example", "Hello").bytes());
    for account in ["sales", "ana-mail", "nothing"] {
        let test = ["--as", "budi", "filter", "test", file.to_str().unwrap(), "--account", account];
        let refused = desk.run(&test).exits(65);
        assert!(refused.stderr.contains(&format!("there is no account \"{account}\"")), "{refused:?}");
    }
    let twice = desk.run(&["filter", "add", "Desk", "--scope", "global", "--if", "from=x", "--do", "skip"]).exits(65);
    assert!(twice.stderr.contains("\"desk\" exists already"), "{twice:?}");
}

#[test]
fn apply_leaves_alone_what_the_user_has_sorted() {
    let desk = desk(&[]);
    for subject in ["News 1", "News 2", "News 3", "News 4"] {
        desk.put(&desk.letter("eva@customer.example", subject).cc("ana@staff.example"));
    }
    folder(&desk, Some("ana"), "News");
    folder(&desk, Some("ana"), "Mine");
    desk.ok(&["--as", "ana", "email", "archive", &desk.id("News 1")]);
    desk.ok(&["--as", "ana", "email", "trash", &desk.id("News 2")]);
    desk.ok(&["--as", "ana", "email", "move", &desk.id("News 3"), "Mine"]);
    desk.filter("news", "user:ana", "--if subject=news* --do folder:News");
    let applied = desk.ok(&["--as", "ana", "filter", "apply", "news"]);
    assert!(applied.stderr.contains("filter news: folder:News on 1 of 1 emails"), "{applied:?}");
    for (folder, subject) in [("archive", "News 1"), ("trash", "News 2"), ("Mine", "News 3"), ("News", "News 4")] {
        let there = desk.lines(&["--as", "ana", "email", "list", "--folder", folder], &["subject"]);
        assert_eq!(there, [subject], "{folder}");
    }
    let replayed = desk.ok(&["--as", "ana", "filter", "replay", "news"]);
    assert!(replayed.stderr.contains("matches 4 of 4"), "{replayed:?}");
}
