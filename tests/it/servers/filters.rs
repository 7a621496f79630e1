//! Filters (B10) on a real server: what they keep out, do, count and say.

mod owners;

use serde_json::Value;

use crate::support::{Desk, Dovecot, mail};

/// The usual office; team Sales with Dewi besides it.
fn desk(extra: &[&str]) -> Desk {
    Desk::on_servers(extra).team("Sales").user("dewi", &["Sales"])
}

impl Desk {
    /// `filter add NAME --scope SCOPE` and the rest, words between blanks.
    #[track_caller]
    fn filter(&self, name: &str, scope: &str, rest: &str) {
        let rest: Vec<&str> = rest.split(' ').collect();
        self.ok(&[&["filter", "add", name, "--scope", scope][..], &rest].concat());
    }

    /// What `list` says, one line for each item, of these fields.
    #[track_caller]
    fn lines(&self, args: &[&str], fields: &[&str]) -> Vec<String> {
        let word = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Object(object) => object
                .get("username")
                .or(object.get("name"))
                .map_or_else(String::new, |name| name.as_str().unwrap_or_default().to_owned()),
            other => other.to_string(),
        };
        let line = |item: &Value| fields.iter().map(|field| word(&item[*field])).collect::<Vec<_>>().join(" | ");
        self.items(args).iter().map(line).collect()
    }

    /// Decisions about an email, `step: decision`.
    fn explained(&self, user: Option<&str>, id: &str) -> Vec<String> {
        let as_user = user.map_or(vec![], |user| vec!["--as", user]);
        let rows = self.lines(&[as_user, vec!["email", "explain", id]].concat(), &["step", "decision"]);
        rows.iter().map(|row| row.replacen(" | ", ": ", 1)).collect()
    }

    fn all_subjects(&self) -> Vec<String> {
        self.lines(&["email", "list"], &["subject"])
    }
}

#[track_caller]
fn has(lines: &[String], line: &str) {
    assert!(lines.iter().any(|one| one == line), "no {line:?} in {lines:#?}");
}

#[test]
fn skipped_mail_leaves_a_row_with_the_name_of_the_filter_and_nothing_else() {
    let desk = desk(&[]);
    desk.filter("offers", "global", "--if from=@shop.com --if subject=offer* --do skip");
    desk.put(&desk.letter("news@shop.com", "Offer of the week"));
    desk.put(&desk.letter("news@shop.com", "Your order"));
    desk.put(&desk.letter("ann@customer.example", "Offer wanted"));
    assert_eq!(desk.all_subjects(), ["Offer wanted", "Your order"], "From AND Subject");
    assert_eq!(desk.lines(&["case", "list"], &["name"]).len(), 2);
    assert_eq!(desk.lines(&["filter", "list"], &["name", "hits"]), ["offers | 1"]);
    has(&desk.explained(None, "1"), "filter: none of 1 matched");

    let skipped = desk.lines(&["email", "list", "--skipped"], &["account", "outcome", "reason"]);
    assert_eq!(skipped, ["support | skipped | filter offers"]);
    let seen = desk.support().messages("INBOX");
    assert!(seen.iter().all(|message| message.flags.iter().any(|flag| flag.contains("Seen"))), "as other mail");
    let rows = desk.lines(&["db", "stats"], &["table", "rows"]);
    assert!(rows.contains(&"raw_messages | 2".to_owned()), "its bytes are dropped: {rows:#?}");
    let audit = desk.ok(&["account", "audit", "support"]);
    assert!(audit.stdout.is_empty(), "the ledger knows it: {audit:?}");
}

#[test]
fn a_dry_run_says_which_filter_would_skip_and_counts_nothing() {
    let desk = desk(&[]);
    desk.filter("offers", "global", "--if from=@shop.com --do skip");
    desk.support().append("INBOX", &desk.letter("news@shop.com", "Offer").bytes());
    let run = desk.ok(&["--dry-run", "fetch"]);
    assert!(run.stderr.contains("support: would be skipped: filter offers"), "{run:?}");
    assert_eq!(desk.lines(&["filter", "list"], &["hits", "last_hit"]), ["0 | null"]);
    let run = desk.ok(&["-v", "fetch"]);
    assert!(run.stderr.contains("support: skipped: filter offers"), "{run:?}");
    assert_eq!(desk.lines(&["filter", "list"], &["hits"]), ["1"]);
}

/// What a filter skips is kept nowhere else, so the server's copy stays.
#[test]
fn skipped_mail_is_not_deleted_on_the_server() {
    let desk = desk(&["--after", "delete"]);
    desk.filter("offers", "global", "--if from=@shop.com --do skip");
    desk.support().append("INBOX", &desk.letter("news@shop.com", "Offer").bytes());
    desk.support().append("INBOX", &desk.letter("ann@customer.example", "Question").bytes());
    desk.ok(&["fetch"]);
    assert_eq!(desk.all_subjects(), ["Question"]);
    assert_eq!(desk.support().messages("INBOX").len(), 1, "the imported one is gone, the skipped one is there");
    desk.ok(&["fetch"]);
    assert_eq!(desk.lines(&["filter", "list"], &["hits"]), ["1"], "and it is not asked for again");
}

#[test]
fn actions_shape_the_case_and_say_so() {
    let desk = desk(&["--distribution", "direct", "--assign-to", "budi", "--auto-reply", "Thanks"]);
    desk.filter("big", "account:support", "--if subject=server* --do priority:urgent --do type:Outage --do assign:ana");
    desk.filter("sales", "account:support", "--if subject=price* --do team:Sales --do no-auto-reply");
    desk.filter("papers", "account:support", "--if body=newsletter --do no-case");
    desk.put(&desk.letter("eva@customer.example", "Server down"));
    desk.put(&desk.letter("kim@customer.example", "Price list"));
    desk.put(&desk.letter("news@customer.example", "Hello").body("our NewsLetter\n"));
    let cases = desk.lines(&["case", "list", "--sort", "number"], &["name", "priority", "type", "assigned_user"]);
    let mut cases = cases;
    cases.sort();
    assert_eq!(cases, ["Price list | Normal |  | budi", "Server down | Urgent | Outage | ana"]);
    let server = desk.explained(None, &desk.id("Server down"));
    has(&server, "filter: \"big\" matched (subject=server*): priority:Urgent, type:Outage, assign:ana");
    has(&server, "assigned: ana (filter big)");
    has(&desk.explained(None, &desk.id("Price list")), "auto-reply: not sent: filter sales says no-auto-reply");
    let news = desk.explained(None, &desk.id("Hello"));
    has(&news, "case: none: archived, filter papers says no-case");
    has(&news, "auto-reply: not sent: no new case was made");
    let seen = desk.lines(&["--as", "dewi", "email", "list"], &["subject"]);
    assert_eq!(seen, ["Price list"], "her team sees that one only");
    assert_eq!(desk.lines(&["--as", "dewi", "case", "list"], &["name"]), ["Price list"], "and its case");

    // Who is away gets nothing by filters either.
    desk.ok(&["user", "away", "ana"]);
    desk.put(&desk.letter("eva@customer.example", "Server down again"));
    let again = desk.explained(None, &desk.id("Server down again"));
    has(&again, "assigned: budi (direct; filter big names ana, who is away)");
    desk.ok(&["user", "disable", "ana"]);
    desk.put(&desk.letter("eva@customer.example", "Server down for good"));
    let for_good = desk.explained(None, &desk.id("Server down for good"));
    has(&for_good, "assigned: budi (direct; filter big names ana, who is inactive)");
}

#[test]
fn no_case_stops_new_cases_but_not_a_conversation() {
    let desk = desk(&["--on-closed", "new"]);
    let first = desk.letter("eva@customer.example", "Question");
    desk.put(&first);
    desk.filter("eva", "global", "--if from=eva@* --do no-case");
    let answer = |subject: &str| desk.letter("eva@customer.example", subject).in_reply_to(first.value("Message-ID"));
    desk.put(&answer("Re: Question"));
    assert_eq!(desk.items(&["case", "thread", "1"]).len(), 2);
    desk.ok(&["case", "close", "1"]);
    desk.put(&answer("Re: Question, again"));
    assert_eq!(
        desk.lines(&["case", "list", "--all"], &["number", "status"]),
        ["1 | Closed"],
        "it joins the closed one"
    );
    assert_eq!(desk.items(&["case", "thread", "1"]).len(), 3);
}

#[test]
fn the_order_is_global_first_except_for_exempted_mail_and_continues() {
    let desk = desk(&[]);
    desk.filter("customers", "account:support", "--if from=boss@shop.com --do none --over-global");
    desk.filter("shops", "global", "--if from=@shop.com --do skip");
    desk.filter("marks", "global", "--if subject=*urgent* --do priority:high --continue");
    desk.filter("types", "account:support", "--if subject=*urgent* --do type:Alarm --do priority:low");
    desk.filter("late", "account:support", "--if subject=*urgent* --do no-case");
    let listed = desk.lines(&["filter", "list"], &["order", "name"]);
    assert_eq!(listed, ["1 | customers", "2 | shops", "3 | marks", "4 | types", "5 | late"]);
    desk.put(&desk.letter("boss@shop.com", "Urgent meeting"));
    desk.put(&desk.letter("clerk@shop.com", "Urgent sale"));
    desk.put(&desk.letter("eva@customer.example", "This is urgent"));
    let mut cases = desk.lines(&["case", "list"], &["name", "priority", "type"]);
    cases.sort();
    assert_eq!(cases, ["This is urgent | High | Alarm", "Urgent meeting | Normal | "]);
    let hits = desk.lines(&["filter", "list"], &["name", "hits"]);
    assert_eq!(hits, ["customers | 1", "shops | 1", "marks | 1", "types | 1", "late | 0"]);

    desk.ok(&["filter", "move", "late", "--before", "types"]);
    desk.ok(&["filter", "disable", "shops"]);
    desk.put(&desk.letter("clerk@shop.com", "Urgent again"));
    assert_eq!(desk.lines(&["case", "list"], &["name"]).len(), 2, "late is asked before types now");
    has(
        &desk.explained(None, "3"),
        "filter: \"marks\" matched (subject=*urgent*): priority:High; \"late\" matched (subject=*urgent*): no-case",
    );
    let table = desk.ok(&["filter", "list"]).stdout;
    let ids: Vec<_> = table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(ids, ["ID", "1", "2", "3", "5", "4"], "the number that other commands take: {table}");
    desk.ok(&["filter", "move", "late", "--last"]);
    let refused = desk.run(&["filter", "move", "late", "--before", "marks"]).exits(65);
    assert!(refused.stderr.contains("--before: marks has another scope"), "{refused:?}");
}

#[test]
fn folders_of_groups_and_of_users_are_filled() {
    let desk = desk(&[]);
    folder(&desk, None, "Press");
    folder(&desk, Some("ana"), "News");
    desk.filter("press", "global", "--if subject=press* --do folder:press");
    desk.filter("news", "user:ana", "--if subject=*news* --do folder:News --do read");
    desk.put(&desk.letter("eva@customer.example", "Press: good news").cc("ana@staff.example, budi@staff.example"));
    assert_eq!(desk.lines(&["--as", "ana", "email", "list"], &["unread"]), ["false"]);
    assert_eq!(desk.lines(&["--as", "budi", "email", "list"], &["unread"]), ["true"], "his inbox is his own");
    has(&desk.explained(None, "1"), "filter: \"press\" matched (subject=press*): folder:Press");
    has(&desk.explained(Some("ana"), "1"), "filter of ana: \"news\" matched (subject=*news*): folder:News, read");
    assert_eq!(desk.lines(&["--as", "ana", "email", "list", "--folder", "News"], &["id"]), ["1"]);
    assert_eq!(desk.lines(&["--as", "dewi", "email", "list", "--folder", "Press"], &["id"]), ["1"]);
    for (user, folder, filter) in [(vec![], "Press", "press"), (vec!["--as", "ana"], "News", "news")] {
        let refused = desk.run(&[user, vec!["--yes", "folder", "delete", folder]].concat()).exits(65);
        assert!(refused.stderr.contains(&format!("folder {folder}: filters put mail there: {filter}")), "{refused:?}");
    }
    // What somebody has moved since stays there, although it is delivered once more.
    desk.ok(&["--as", "ana", "email", "move", "1", "inbox"]);
    desk.ok(&["--as", "dewi", "email", "move", "1", "none"]);
    desk.support().recreate("INBOX");
    desk.ok(&["fetch"]);
    assert_eq!(desk.explained(None, "1").iter().filter(|line| line.starts_with("arrived")).count(), 2);
    assert!(desk.items(&["--as", "ana", "email", "list", "--folder", "News"]).is_empty());
    assert!(desk.items(&["email", "list", "--folder", "Press"]).is_empty());
    let his = desk.explained(Some("budi"), "1");
    assert!(his.iter().any(|line| line.starts_with("filter: ")), "{his:#?}");
    assert!(!his.iter().any(|line| line.contains("of ana")), "what her filters did is hers: {his:#?}");
}

/// Makes a folder; a group folder for team Sales.
fn folder(desk: &Desk, user: Option<&str>, name: &str) {
    let args: &[&str] = match user {
        Some(user) => &["--as", user, "folder", "add", name],
        None => &["folder", "add", name, "--group", "Sales"],
    };
    desk.ok(args);
}

#[test]
fn a_users_filters_sort_the_inbox_before_anybody_is_told() {
    let desk = desk(&["--distribution", "direct", "--assign-to", "ana"]);
    desk.filter("quiet", "user:ana", "--if from=@shop.com --do no-notification --do important");
    desk.filter("trash", "user:ana", "--if subject=spam* --do skip");
    let first = desk.letter("eva@customer.example", "Question");
    desk.put(&first);
    let told = || desk.lines(&["--as", "ana", "notification", "list", "--all"], &["text"]).len();
    assert_eq!(told(), 1, "of the case");
    let answer = |from: &str, subject: &str| {
        let to = desk.letter(from, subject).cc("eva@customer.example");
        to.in_reply_to(first.value("Message-ID")).header("From", from)
    };
    desk.put(&answer("eva@customer.example", "Re: Question"));
    assert_eq!(told(), 2);
    desk.put(&answer("eva@customer.example", "Spam: Re: Question"));
    assert_eq!(told(), 2, "nobody is told of what goes into the trash");
    desk.ok(&["record", "add", "company", "Shop", "--email", "eva@shop.com", "--team", "Support"]);
    desk.ok(&["record", "follow", "company", "Shop", "--user", "ana"]);
    desk.ok(&["record", "follow", "company", "Shop", "--user", "budi"]);
    desk.ok(&["filter", "add", "nocase", "--scope", "global", "--if", "from=@shop.com", "--do", "no-case"]);
    desk.put(&desk.letter("eva@shop.com", "Offer"));
    assert_eq!(told(), 2, "she said no-notification");
    assert_eq!(desk.lines(&["--as", "budi", "notification", "list", "--all"], &["text"]).len(), 1, "he did not");
    let hits = desk.lines(&["--as", "ana", "filter", "list"], &["name", "hits"]);
    assert_eq!(hits, ["quiet | 0", "trash | 1"], "hers alone are listed, and counted for what came into her inbox");
}

#[test]
fn test_replay_and_apply_show_what_a_filter_does() {
    let desk = desk(&[]);
    for (from, subject) in [("eva@customer.example", "Invoice 42"), ("kim@customer.example", "News")] {
        desk.put(&desk.letter(from, subject).cc("ana@staff.example"));
    }
    desk.put(&desk.letter("eva@customer.example", "invoice for budi").cc("budi@staff.example"));
    let sales = Dovecot::shared().mailbox();
    desk.sandbox.group_account("sales", &sales, &["--team", "Sales"]);
    sales.append("INBOX", &mail("eva@customer.example", &sales.address, "Invoice for Sales").bytes());
    desk.ok(&["fetch"]);

    desk.filter("bills", "global", "--if subject=invoice* --not from=kim@* --do priority:high");
    desk.filter("hers", "user:ana", "--if subject=invoice* --do read --do important");
    let replay = desk
        .sandbox
        .run(&["--format", "plain", "--no-headers", "--fields", "id,subject", "filter", "replay", "bills"])
        .ok();
    assert_eq!(replay.stdout, "1\tInvoice 42\n3\tinvoice for budi\n4\tInvoice for Sales\n");
    assert!(replay.stderr.contains("filter bills: matches 3 of 4 emails"), "{replay:?}");
    let hers = desk.ok(&["--as", "ana", "-q", "filter", "replay", "hers"]);
    assert_eq!(hers.stdout, "1\n", "her inbox only");
    let future = desk.ok(&["filter", "replay", "bills", "--since", "2090-01-01"]);
    assert!(future.stderr.contains("matches 0 of 0"), "{future:?}");
    assert_eq!(desk.lines(&["filter", "list"], &["hits"]), ["0", "0"], "nothing is counted");

    desk.ok(&["--as", "ana", "--dry-run", "filter", "apply", "hers"]);
    assert_eq!(
        desk.lines(&["--as", "ana", "email", "list", "is:unread"], &["id"]).len(),
        2,
        "a dry run changes nothing"
    );
    let applied = desk.ok(&["--as", "ana", "filter", "apply", "hers"]);
    assert!(applied.stderr.contains("filter hers: read, important on 1 of 2 emails"), "{applied:?}");
    assert_eq!(desk.lines(&["--as", "ana", "email", "list", "is:unread"], &["id"]).len(), 1);
    let refused = desk.run(&["filter", "apply", "bills"]).exits(65);
    assert!(refused.stderr.contains("filter bills: only a user's filter"), "{refused:?}");

    let tested = desk.ok(&["filter", "test", "2"]).stdout;
    assert_eq!(
        tested,
        "bills (global): no match; action: priority:High\n  no   subject=invoice*  \"News\"\n  no   not from=kim@*  \"kim@customer.example\"\n\
        hers (user:ana): no match; action: read, important\n  no   subject=invoice*  \"News\"\n"
    );
    let file = desk.sandbox.file("mail.eml", &desk.letter("x@y.example", "Invoice").bytes());
    desk.filter("more", "account:support", "--if size-over=10 --do type:Bill");
    let rows = desk.lines(&["filter", "test", file.to_str().unwrap()], &["filter", "result", "holds"]);
    assert_eq!(
        rows,
        [
            "bills | matches | true",
            "bills | matches | true",
            "more | matches, but bills decided before | true",
            "hers | matches | true"
        ]
    );
    let hidden = desk.run(&["--as", "ana", "filter", "test", "4"]).exits(65);
    assert!(hidden.stderr.contains("email 4: not found"), "{hidden:?}");
}

#[test]
fn what_makes_no_sense_is_refused_and_nothing_is_changed() {
    let desk = desk(&[]);
    desk.filter("good", "global", "--if subject=a --do team:Sales --continue");
    let before = desk.ok(&["filter", "export"]).stdout;
    for (args, why) in [
        (&["add", "x", "--scope", "global", "--do", "skip"][..], "--if: a filter without a condition"),
        (&["add", "x", "--scope", "global", "--if", "from=a"], "--do: say what the filter does"),
        (&["add", "x", "--scope", "global", "--if", "form=a", "--do", "skip"], "--if: \"form\" is not a field"),
        (
            &["add", "x", "--scope", "global", "--not", "subject=regex:(", "--do", "skip"],
            "--not: subject: the regular expression",
        ),
        (
            &["add", "x", "--scope", "global", "--if", "body=regex:", "--do", "skip"],
            "--if: body: the expression must not be empty",
        ),
        (&["add", "x", "--scope", "global", "--if", "from=a", "--do", "team:Nobody"], "there is no team \"Nobody\""),
        (
            &["add", "x", "--scope", "global", "--if", "from=a", "--do", "priority:Huge"],
            "--do: priority: must be one of Low",
        ),
        (
            &["add", "x", "--scope", "everywhere", "--if", "from=a", "--do", "skip"],
            "--scope: \"everywhere\" is not a scope",
        ),
        (
            &["add", "Good", "--scope", "account:support", "--if", "from=a", "--do", "skip"],
            "name: \"good\" exists already",
        ),
        (
            &["add", "12", "--scope", "global", "--if", "from=a", "--do", "skip"],
            "name: a filter's name must not be a number",
        ),
        (
            &["add", "x", "--scope", "account:support", "--if", "from=a", "--do", "skip", "--over-global"],
            "--over-global: only",
        ),
        (
            &["add", "x", "--scope", "account:support", "--if", "from=a", "--do", "skip", "--before", "good"],
            "--before: good has another scope",
        ),
        (&["edit", "good", "--if", ""], "--if: \"\" is not a field"),
        (&["edit", "good", "--do", "skip"], "--continue: skip ends"),
        (&["edit", "good", "--name", "x", "--over-global"], "--over-global: only"),
    ] {
        let refused = desk.run(&[&["filter"][..], args].concat());
        let is_about_what_is_there =
            ["exists already", "has another scope", "there is no"].iter().any(|words| why.contains(words));
        let refused = refused.exits(if is_about_what_is_there { 65 } else { 2 });
        assert!(refused.stderr.contains(why) && refused.stderr.lines().count() <= 2, "{args:?}: {refused:?}");
    }
    desk.run(&["filter", "delete", "good"]).exits(2);
    let team = desk.run(&["--yes", "team", "delete", "Sales"]).exits(65);
    assert!(team.stderr.contains("team Sales: filters give mail to it: good"), "{team:?}");
    assert_eq!(desk.ok(&["filter", "export"]).stdout, before);
    desk.ok(&["team", "edit", "Sales", "--name", "Shop floor"]);
    assert!(desk.ok(&["filter", "export"]).stdout.contains("team:Shop floor"), "it is the team, whatever its name");
    desk.ok(&["filter", "edit", "good", "--do", "no-case", "--no-continue", "--if", "subject=b", "--not", "spam"]);
    let shown = desk.json(&["filter", "show", "good"]);
    assert_eq!(shown["conditions"], serde_json::json!(["subject=b", "not spam"]), "{shown}");
    assert_eq!((&shown["continue"], &shown["actions"]), (&false.into(), &serde_json::json!(["no-case"])));
    desk.ok(&["--yes", "team", "delete", "Shop floor"]);
    desk.ok(&["--yes", "filter", "delete", "good"]);
    assert!(desk.items(&["filter", "list"]).is_empty());
}

#[test]
fn filters_live_in_version_control() {
    let desk = desk(&[]);
    desk.filter("a \"b\"", "global", "--if subject=regex:^a\\d --not spam --do team:Sales --continue");
    desk.filter("keep", "account:support", "--if from=@x.example --do none --over-global");
    desk.filter("hers", "user:ana", "--if body=*50\\*? --do read");
    desk.ok(&["filter", "disable", "hers"]);
    let text = desk.ok(&["filter", "export"]).stdout;
    let file = desk.sandbox.file("filters.toml", text.as_bytes());
    let file = file.to_str().unwrap();
    assert_eq!(desk.ok(&["filter", "import", file]).stdout, "filters: 0 added, 0 changed, 3 as they were\n");
    desk.put(&desk.letter("a@b.example", "a1"));
    let changed = text.replace("spam", "automatic");
    std::fs::write(file, &changed).unwrap();
    desk.ok(&["--dry-run", "filter", "import", file]);
    assert_eq!(desk.ok(&["filter", "export"]).stdout, text);
    assert_eq!(desk.ok(&["filter", "import", file]).stdout, "filters: 0 added, 1 changed, 2 as they were\n");
    assert_eq!(desk.ok(&["filter", "export"]).stdout, changed);
    assert_eq!(desk.lines(&["filter", "list"], &["hits"]), ["0", "1", "0"], "hits and places stay");
    for filter in ["1", "2", "3"] {
        desk.ok(&["--yes", "filter", "delete", filter]);
    }
    assert_eq!(desk.ok(&["filter", "import", file]).stdout, "filters: 3 added, 0 changed, 0 as they were\n");
    assert_eq!(desk.ok(&["filter", "export"]).stdout, changed);
    for (bad, why) in [
        (changed.replace("Sales", "Gone"), ": there is no team \"Gone\""),
        (changed.replace("continue", "contine"), ", line 14: contine is not a key"),
        (changed.replace("global\"", "account:none\""), "there is no account \"none\""),
        ("[[filter]".to_owned(), ", line 1: "),
        // Errors name the keys of the file.
        (changed.replace("scope = \"global\"", "scope = \"globl\""), "\": scope: \"globl\" is not a scope"),
        (changed.replace("do = [\"", "do = [\"fly\", \""), "\": do: \"fly\""),
        (changed.replace("if = [\"", "if = [\"nofield=1\", \""), "\": if: \"nofield\""),
        (
            format!("{changed}{}", changed.replace("a \\\"b\\\"", "new")),
            "filter \"keep\": is there twice for account:support",
        ),
    ] {
        std::fs::write(file, bad).unwrap();
        let refused = desk.run(&["filter", "import", file]).exits(65);
        assert!(refused.stderr.contains(why), "{why}: {refused:?}");
        assert_eq!(desk.ok(&["filter", "export"]).stdout, changed, "all or nothing");
    }
}

#[test]
fn sieve_scripts_become_filters_or_say_why_not() {
    let desk = desk(&[]);
    folder(&desk, Some("ana"), "Bills");
    let script = "require \"fileinto\";\nif anyof (header :contains \"Subject\" \"invoice\",\n  address :domain \"From\" \"bank.example\") {\n\
        fileinto \"Bills\"; stop;\n}\nif header :contains \"Subject\" \"spam\" { discard; stop; }\n";
    let file = desk.sandbox.file("ana.sieve", script.as_bytes());
    let import = ["--as", "ana", "filter", "import", file.to_str().unwrap()];
    let refused = desk.run(&import).exits(2);
    assert!(refused.stderr.contains("--scope: is missing: a Sieve script does not say"), "{refused:?}");
    let import = [&import[..], &["--scope", "user:@me"]].concat();
    assert_eq!(desk.ok(&import).stdout, "filters: 3 added, 0 changed, 0 as they were\n");
    assert_eq!(desk.ok(&import).stdout, "filters: 0 added, 0 changed, 3 as they were\n");
    assert_eq!(
        desk.lines(&["--as", "ana", "filter", "list"], &["name", "conditions", "actions"]),
        [
            "ana line 2 | [\"subject=*invoice*\"] | [\"folder:Bills\"]",
            "ana line 2 (2) | [\"from-address=*@bank.example\"] | [\"folder:Bills\"]",
            "ana line 6 | [\"subject=*spam*\"] | [\"skip\"]",
        ]
    );
    desk.put(&desk.letter("\"a@bank.example\" <x@evil.example>", "Hello").cc("ana@staff.example"));
    desk.put(&desk.letter("x@bank.example", "Hello").cc("ana@staff.example"));
    assert_eq!(desk.lines(&["--as", "ana", "filter", "list"], &["hits"]), ["0", "1", "0"], "names are no addresses");

    let more = format!("{script}if body :contains \"x\" {{ discard; stop; }}\nif size :over 1M {{ discard; stop; }}\n");
    let file = desk.sandbox.file("more.sieve", more.as_bytes());
    let import = ["--as", "ana", "filter", "import", file.to_str().unwrap(), "--scope", "user:@me"];
    let refused = desk.run(&import).exits(65);
    assert!(refused.stderr.contains("line 7: not taken: the test body has no filter"), "{refused:?}");
    assert!(refused.stderr.contains("1 of its rules cannot be taken, so none was"), "{refused:?}");
    assert_eq!(desk.items(&["--as", "ana", "filter", "list"]).len(), 3);
    let partly = desk.run(&[&import[..], &["--partial"]].concat()).exits(1);
    assert_eq!(partly.stdout, "filters: 4 added, 0 changed, 0 as they were\n");
}

/// Promise S6, end to end: nothing of pattern or mail comes out as it is, and none of them delays the others.
#[test]
fn hostile_patterns_and_mails_harm_nothing() {
    let desk = desk(&[]);
    let run = |name: &str, condition: &str| {
        desk.ok(&["filter", "add", name, "--scope", "global", "--if", condition, "--do", "type:Found", "--continue"]);
    };
    run("stars", "body=*a*a*a*a*a*a*b");
    run("regex", "body=regex:(a|aa)*(a|aa)*bbb");
    run("quote'; DROP TABLE filters; --", "subject=x'; DROP TABLE emails; --");
    run("escape", "subject=*nothing*");
    let hostile =
        desk.letter("\"\u{1b}[2J\" <eva@customer.example>", "=?utf-8?q?=1B[31m=0D=0ABcc:x'; DROP TABLE emails?=");
    desk.put(&hostile.body(&"a".repeat(1_000_000)));
    desk.put(&desk.letter("eva@customer.example", "x'; DROP TABLE emails; --"));
    let tested = desk.ok(&["filter", "test", "1"]).stdout;
    assert!(!tested.contains('\u{1b}') && !tested.contains('\r'), "{tested:?}");
    assert_eq!(desk.lines(&["filter", "list"], &["hits"]), ["0", "0", "1", "0"]);
    assert_eq!(desk.all_subjects().len(), 2);
}

#[test]
fn mail_of_a_sent_folder_is_not_filtered() {
    let desk = desk(&[]);
    let hers = Dovecot::shared().mailbox();
    desk.sandbox.personal_account("ana-mail", "ana", &hers, &[]);
    desk.filter("all", "global", "--if subject=* --do skip");
    desk.filter("hers", "user:ana", "--if subject=* --do skip");
    hers.append("Sent", &mail(&hers.address, "eva@customer.example", "An answer").bytes());
    desk.ok(&["fetch"]);
    assert_eq!(desk.lines(&["--as", "ana", "email", "list", "--folder", "sent"], &["subject"]), ["An answer"]);
    assert_eq!(desk.lines(&["filter", "list"], &["hits"]), ["0", "0"]);
    let tested = desk.ok(&["filter", "test", "1"]);
    assert!(tested.stderr.contains("filters are not asked about it"), "{tested:?}");
    let replayed = desk.ok(&["filter", "replay", "all"]);
    assert!(replayed.stderr.contains("matches 0 of 0"), "{replayed:?}");
}

/// Promise S6: what was cut off is said, does nothing, and what can never be asked is refused.
#[test]
fn what_filters_may_cost_is_bounded_and_said() {
    let desk = desk(&[]);
    let toml = |count: usize, disabled: bool, pattern: &str| {
        let one = |n: usize| {
            format!(
                "[[filter]]\nname = \"f{n}\"\nscope = \"global\"\nif = ['''body=regex:{}''']\ndo = [\"skip\"]\n{}",
                pattern.replace('N', &n.to_string()),
                if disabled { "disabled = true\n" } else { "" }
            )
        };
        (0..count).map(one).collect::<String>()
    };
    let file = |text: String| desk.sandbox.file("filters.toml", text.as_bytes()).to_str().unwrap().to_owned();
    for (args, said) in [
        (["filter", "add", "x", "--scope", "global", "--do", "skip", "--if", r"body=regex:\pL{30}"], "--if: body: the"),
        (
            ["filter", "add", "x", "--scope", "global", "--do", "skip", "--not", r"subject=regex:\w{20}"],
            "--not: subject",
        ),
    ] {
        let refused = desk.run(&args).exits(2);
        assert!(
            refused.stderr.contains(said) && refused.stderr.contains("it is too large\nhint: repeat less"),
            "{refused:?}"
        );
    }
    let large = r"(?:\d\d){3}xN";
    let refused = desk.run(&["filter", "import", &file(toml(40, false, large))]).exits(65);
    assert!(refused.stderr.contains("if: the regular expression of f2"), "{refused:?}");
    assert!(refused.stderr.contains("is too large in addition to those of the other filters\nhint: "), "{refused:?}");
    assert_eq!(desk.lines(&["filter", "list"], &["name"]).len(), 0, "nothing of it is there");
    desk.ok(&["filter", "import", &file(toml(40, true, large))]);
    desk.ok(&["filter", "enable", "f39"]);
    for n in 0..30 {
        let enabled = desk.run(&["filter", "enable", &format!("f{n}")]);
        if enabled.code != 0 {
            assert!(n > 10 && enabled.code == 65, "{enabled:?}");
            assert!(
                enabled.stderr.contains(&format!("name: the regular expression of f{n} is too large in addition to"))
            );
            break;
        }
        assert!(n < 29, "all were taken");
    }
    desk.ok(&["--yes", "filter", "edit", "f39", "--if", "subject=nothing"]);
    let small = toml(200, false, "a[ab]{50}(c|dN)");
    desk.ok(&["filter", "import", &file(small)]);

    let mut seed = 1_u32;
    let mut text = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if seed & 1 << 20 == 0 { "a" } else { "b" }
    };
    let body: String = (0..100).map(|_| (0..70).map(|_| text()).collect::<String>() + "\r\n").collect();
    desk.put(&desk.letter("eva@customer.example", "Question").body(&body));
    let explained = desk.ok(&["email", "explain", "1"]).stdout;
    assert!(explained.contains("none of 200 matched; cut off: f0, f1, f2, 197 more"), "{explained}");
    assert_eq!(desk.lines(&["case", "list"], &["name"]), ["Question"], "kept");
    let results = desk.lines(&["filter", "test", "1"], &["result"]);
    assert_eq!(results.iter().filter(|result| *result == "cut off, so it does nothing").count(), 200, "{results:?}");
    let tested = desk.ok(&["filter", "test", "1"]).stdout;
    assert!(tested.contains("cut off: it would take too long on this message"), "{tested}");
    let replayed = desk.ok(&["filter", "replay", "f7"]);
    assert!(replayed.stderr.contains("filter f7: matches 0 of 1 emails, cut off on 1: see"), "{replayed:?}");
}
