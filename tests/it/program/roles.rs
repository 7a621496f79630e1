//! Roles through the program: granting, explaining, and what verbs refuse (B11). Mail comes in by `ingest`.

use crate::support::{Desk, Run, from};

const KIM: &str = "kim@customer.example";

/// ana is in Support, whose role is Agent as it was made; dewi in Billing, which has no role. Account support makes cases of
/// Support: #1 is assigned to nobody, #2 to ana.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ok("team add Billing --no-role");
    let desk = desk.user("dewi", &["Billing"]).piped_account("support", &[]);
    for subject in ["Broken", "Late"] {
        desk.put(&from(KIM, subject));
    }
    desk.ok("case assign 2 ana");
    desk.ok("record add contact Kim --team Support");
    desk
}

impl Desk {
    /// The only answer of `role explain`: yes or no, the level, by what, and why.
    #[track_caller]
    fn role_explained(&self, line: &str) -> [String; 4] {
        let answers = self.items(&format!("role explain {line}"));
        let [answer] = answers.as_slice() else { panic!("one answer to {line}: {answers:?}") };
        let by = answer["by"].as_array().unwrap().iter().map(|by| by.as_str().unwrap()).collect::<Vec<_>>().join(", ");
        let text = |field: &str| answer[field].as_str().unwrap().to_owned();
        [text("answer"), text("level"), by, text("why")]
    }
}

#[test]
fn a_new_team_has_the_role_agent_unless_it_is_to_have_none() {
    let desk = desk();
    let agent = desk.json("role show Agent");
    let permissions = agent["permissions"].as_object().unwrap();
    assert_eq!(permissions.len(), 9, "{permissions:?}");
    for (permission, level) in permissions {
        let expected = if permission == "personal-account" { "yes" } else { "team" };
        assert_eq!(level, expected, "{permission}");
    }
    assert_eq!(agent["teams"].to_string(), r#"["Support"]"#);
    assert_eq!(desk.json("team show Billing")["roles"].to_string(), "[]");
    let shown = desk.ok("role show Agent").stdout;
    assert!(shown.contains("case team") && shown.contains("group-account team"), "{shown}");
}

#[test]
fn roles_are_made_given_and_taken_by_administrators() {
    let desk = desk();
    for line in ["role add X", "role grant Agent case all", "role assign Agent ana", "role unassign Agent team:Support"]
    {
        let refused = desk.run(&format!("--as ana {line}")).exits(77);
        assert!(refused.stderr.contains("only administrators can"), "{refused:?}");
    }
    desk.run("--as ana --yes role delete Agent").exits(77);
    assert_eq!(desk.ok("-q role add Auditor").stdout, "Auditor\n");
    desk.run("role add auditor").exits(65);
    desk.ok("--dry-run role grant Auditor case-read all");
    assert_eq!(desk.json("role show Auditor")["permissions"].to_string(), "{}", "nothing by a dry run");
    desk.ok("role grant Auditor case-read all");
    desk.ok("role grant Auditor email own");
    assert_eq!(
        desk.json("role show Auditor")["permissions"].to_string(),
        r#"{"case-read":"all","email-read":"own","email-edit":"own"}"#
    );
    desk.ok("role grant Auditor email-edit unset");
    assert!(desk.json("role show Auditor")["permissions"]["email-edit"].is_null());
    for (line, words) in [
        ("role grant Auditor cases all", "\"cases\" is not a permission"),
        ("role grant Auditor assignment own", "the level of assignment must be one of no, team, all, unset"),
        ("role grant Auditor case yes", "the level of case-read must be one of no, own, team, all, unset"),
        ("role grant Nobody case all", "there is no role \"Nobody\""),
        ("role assign Auditor nobody", "there is no user \"nobody\""),
        ("role assign Auditor team:Nobody", "there is no team \"Nobody\""),
        ("role assign Auditor Billing", "hint: for all members of the team: team:Billing"),
        ("role unassign Auditor dewi", "dewi does not have the role Auditor"),
    ] {
        let is_form = line.starts_with("role grant Auditor");
        let refused = desk.run(line).exits(if is_form { 2 } else { 65 });
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    desk.run("role grant Auditor case some").exits(2);
    for noun in ["role", "team", "template"] {
        let missing = desk.run(&format!("{noun} delete Nobody")).exits(65);
        assert!(missing.stderr.contains(&format!("there is no {noun} \"Nobody\"")), "not asked about: {missing:?}");
    }
    assert!(desk.run("record delete contact Nobody").exits(65).stderr.contains("not found"));
    desk.ok("role assign Auditor dewi");
    assert_eq!(desk.json("user show dewi")["roles"].to_string(), r#"["Auditor"]"#);
    assert_eq!(desk.json("user show ana")["roles"].to_string(), r#"["Agent"]"#);
    let plain = desk.ok("--format plain --no-headers --fields name,permissions role show Auditor").stdout;
    assert_eq!(plain, "Auditor\tcase-read=all, email-read=own\n");
    desk.ok("--as dewi case show 1");
    desk.ok("role unassign Auditor dewi");
    desk.run("--as dewi case show 1").exits(65);
    desk.ok("role assign Auditor team:Billing");
    desk.ok("--as dewi case show 1");
    desk.ok("--yes role delete Auditor");
    desk.run("--as dewi case show 1").exits(65);
}

#[test]
fn the_widest_of_several_roles_wins_and_explain_says_by_which() {
    let desk = desk();
    let agent = "role Agent of team Support";
    let team = "team: Support in common";
    assert_eq!(desk.role_explained("ana case-edit case/1"), ["yes", "team", agent, team]);
    assert_eq!(desk.role_explained("ana case-edit case/2"), ["yes", "team", agent, "own: assigned to ana"]);
    assert_eq!(desk.role_explained("ana email-read email/2"), ["yes", "team", agent, "own: of a case of ana"]);
    assert_eq!(desk.role_explained("ana record-read contact/1"), ["yes", "team", agent, team]);
    assert_eq!(desk.role_explained("ana group-account account:support"), ["yes", "team", agent, team]);
    assert_eq!(desk.role_explained("ana assignment user:budi"), ["yes", "team", agent, team]);
    let foreign = |name: &str| format!("needs the level all: it is neither {name}'s own nor that of a team of {name}");
    assert_eq!(desk.role_explained("ana assignment user:dewi"), ["no", "team", agent, &foreign("ana")]);
    let usual = "the default: no role of dewi sets this permission";
    assert_eq!(desk.role_explained("dewi case-read case/1"), ["no", "team", usual, &foreign("dewi")]);
    assert_eq!(desk.role_explained("dewi group-account"), ["no", "no", usual, "the level is no"]);

    desk.ok("role add Narrow");
    desk.ok("role grant Narrow case-edit own");
    desk.ok("role assign Narrow ana");
    assert_eq!(desk.role_explained("ana case-edit case/1"), ["yes", "team", agent, team], "the widest wins");
    desk.ok("role grant Agent case-edit unset");
    assert_eq!(
        desk.role_explained("ana case-edit case/1"),
        ["no", "own", "role Narrow", &format!("needs the level {team}")],
        "wider than the default"
    );
    desk.ok("role grant Narrow case-read no");
    desk.ok("role grant Agent case-read unset");
    let [answer, _, _, why] = desk.role_explained("ana case-edit case/2");
    assert_eq!(answer, "no");
    assert!(why.ends_with("case-read is no, and what cannot be read cannot be changed"), "{why}");
    desk.ok("user edit dewi --type admin");
    assert_eq!(desk.role_explained("dewi group-account"), ["yes", "all", "the type admin", "the level is all"]);
}

#[test]
fn people_ask_about_themselves_and_what_they_see() {
    let desk = desk();
    assert_eq!(desk.role_explained("@me case-edit case/1 --as ana")[0], "yes");
    desk.run("--as ana role explain budi case-edit case/1").exits(77);
    let hidden = desk.run("--as dewi role explain @me case-read case/1").exits(65);
    let missing = desk.run("--as dewi role explain @me case-read case/99").exits(65);
    assert_eq!(hidden.stderr.replace("case 1", "case 99"), missing.stderr);
    for (line, words) in [
        ("ana case-edit email/1", "case-edit is not about email/1"),
        ("ana email-edit 7", "\"7\" is not an object"),
        ("ana group-account user:budi", "group-account is not about user:budi"),
    ] {
        let refused = desk.run(&format!("role explain {line}")).exits(2);
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    let both = desk.items(&["role", "explain", "ana", "case", "case/1"]);
    assert_eq!(both.len(), 2, "reading and editing: {both:?}");
}

/// Every verb that changes a case, record or email, with the permission it needs.
const WRITES: &[(&str, &str)] = &[
    ("case edit 1 --subject X", "case-edit"),
    ("case take 1", "case-edit"),
    ("case assign 1 budi", "case-edit"),
    ("case release 1", "case-edit"),
    ("case close 1", "case-edit"),
    ("case reopen 1", "case-edit"),
    ("--yes case merge 1 2", "case-edit"),
    ("--yes case merge 2 1", "case-edit"),
    ("case split 1 --from 1", "case-edit"),
    ("case move 1 --team Billing", "case-edit"),
    ("case accept 1", "case-edit"),
    ("case note 1 -m x", "case-edit"),
    ("case link 1 contact/1", "case-edit"),
    ("case unlink 1 contact", "case-edit"),
    ("case reply 1 -m x", "case-edit"),
    ("case reply 1 -m x --draft", "case-edit"),
    ("email reply 1 -m x", "case-edit"),
    ("email forward 1 --to a@b.example", "case-edit"),
    ("note case/1 -m x", "case-edit"),
    ("record edit contact Kim --name Kimberly", "record-edit"),
    ("note contact/1 -m x", "record-edit"),
    ("email link 1 contact/1", "email-edit"),
    ("email unlink 1", "email-edit"),
    ("email share 1", "email-edit"),
    ("email fetch-rest 1", "email-edit"),
];

#[test]
fn what_may_be_read_but_not_changed_is_refused_by_every_verb() {
    let desk = desk();
    for permission in ["case-edit", "record-edit", "email-edit"] {
        desk.ok(&format!("role grant Agent {permission} own"));
    }
    for (line, permission) in WRITES {
        let refused = desk.run(&format!("--as ana {line}")).exits(77);
        assert!(refused.stderr.starts_with(&format!("espomail: {permission}: you cannot change ")), "{refused:?}");
        assert!(refused.stderr.contains(&format!("espomail role explain ana {permission}")), "{refused:?}");
        let hidden = desk.run(&format!("--as dewi {line}")).exits(65);
        assert!(hidden.stderr.contains("not found"), "what may not be read is not there: {hidden:?}");
    }
    // Linking changes both ends, and what the email was in.
    desk.ok("role grant Agent email-edit team");
    for (line, permission) in
        [("unlink 1", "case-edit"), ("link 1 contact/1", "record-edit"), ("link 1 case/2", "case-edit")]
    {
        let refused = desk.run(&format!("--as ana email {line}")).exits(77);
        assert!(refused.stderr.starts_with(&format!("espomail: {permission}: ")), "{refused:?}");
    }
    desk.ok("role grant Agent email-edit own");
    // A group folder is sorted for all who work there.
    desk.ok("folder add Orders --group Support");
    desk.run("--as ana email move 1 Orders").exits(77);
    desk.ok("email move 1 Orders");
    for line in ["email archive 1", "email trash 1", "email move 1 inbox", "email move 1 none"] {
        let refused = desk.run(&format!("--as ana {line}")).exits(77);
        assert!(refused.stderr.starts_with("espomail: email-edit: "), "{refused:?}");
    }
    // Following, and what is one's own, take no more.
    desk.ok("--as ana case follow 1");
    for line in
        ["case note 2 -m x", "case edit 2 --subject Later", "case reply 2 -m x", "email share 2", "case close 2"]
    {
        desk.ok(&format!("--as ana {line}"));
    }
    for permission in ["case-edit", "record-edit", "email-edit"] {
        desk.ok(&format!("role grant Agent {permission} no"));
    }
    for (line, permission) in [
        ("case create --subject X", "case-edit"),
        ("record add contact Lee", "record-edit"),
        ("email send --to a@b.example -m x", "email-edit"),
        ("case note 2 -m x", "case-edit"),
    ] {
        let refused = desk.run(&format!("--as ana {line}")).exits(77);
        assert!(refused.stderr.starts_with(&format!("espomail: {permission}: ")), "{refused:?}");
    }
}

#[test]
fn who_sees_only_what_is_theirs_gets_the_case_they_make() {
    let desk = desk();
    desk.ok("role grant Agent case own");
    desk.ok("--as ana case create --subject Called --from kim@customer.example");
    assert_eq!(desk.json("--as ana case show 3")["assigned_user"]["username"], "ana");
    desk.ok("role grant Agent case team");
    desk.ok("--as ana case create --subject Called --from kim@customer.example");
    assert!(desk.json("--as ana case show 4")["assigned_user"].is_null());
}

#[test]
fn what_one_wrote_is_taken_back_as_far_as_one_may_change_it() {
    let desk = desk();
    let sent = desk.ok("-q --as ana case reply 2 -m x").stdout;
    let line = |verb: &str| desk.run(&format!("--as ana outbox {verb} {}", sent.trim()));
    desk.ok("role grant Agent email-edit no");
    let refused = line("cancel").exits(77);
    assert!(refused.stderr.starts_with("espomail: email-edit: "), "{refused:?}");
    line("show").ok();
    desk.ok("role grant Agent email-read no");
    line("show").exits(65);
    line("cancel").exits(65);
    assert!(desk.items(&["--as", "ana", "outbox", "list"]).is_empty());
    desk.ok("role grant Agent email team");
    line("cancel").ok();
}

#[test]
fn assigning_to_others_is_a_permission_and_taking_is_not() {
    let desk = desk();
    desk.ok("role grant Agent assignment no");
    let refused = desk.run("--as ana case assign 1 budi").exits(77);
    assert!(refused.stderr.contains("assignment"), "{refused:?}");
    let refused = desk.run("--as ana record edit contact Kim --assign-to budi").exits(77);
    assert!(refused.stderr.contains("assignment: no") && !refused.stderr.contains("none of your teams"), "{refused:?}");
    desk.ok("--as ana case take 1");
    desk.ok("role grant Agent assignment team");
    desk.ok("--as ana case assign 1 budi");
    desk.run("--as ana case assign 1 dewi").exits(77);
    desk.ok("role grant Agent assignment all");
    desk.ok("--as ana case assign 1 dewi");
    desk.ok("--as dewi case show 1");
}

#[test]
fn group_accounts_are_for_those_who_may_send_by_them() {
    let desk = desk();
    desk.ok("--as ana --dry-run case reply 1 -m x");
    desk.ok("role grant Agent group-account no");
    for line in [
        "case reply 1 -m x",
        "case reply 1 -m x --from group",
        "case reply 1 -m x --account support",
        "case reply 1 -m x --draft",
        "email reply 1 -m x",
        "email send --to a@b.example -m x",
        "email send --to a@b.example -m x --account support",
        "email send --to a@b.example -m x --from support@desk.example",
    ] {
        let refused = desk.run(&format!("--as ana {line}")).exits(77);
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
    // The notice of an assignment is there.
    let waiting = || desk.items(&["outbox", "list"]).len();
    assert_eq!(waiting(), 1);
    desk.ok("role grant Agent group-account team");
    desk.ok("--as ana email send --to a@b.example -m x --subject Hi --account support --draft");
    let draft = desk.items(&["--as", "ana", "email", "list", "status:Draft"])[0]["id"].to_string();
    // What was taken away after the draft was begun is not there when it is sent.
    desk.ok("role grant Agent group-account no");
    desk.run(&format!("--as ana email send {draft}")).exits(77);
    assert_eq!(waiting(), 1);
    // An account of a foreign team is unknown, but to those who may send by all.
    let send = "--as dewi --dry-run email send --to a@b.example -m x --account support";
    let unknown = desk.run(send).exits(65);
    assert!(unknown.stderr.contains("there is no account \"support\""), "{unknown:?}");
    desk.ok("role add Sender");
    desk.ok("role grant Sender group-account all");
    desk.ok("role assign Sender dewi");
    desk.ok(send);
}

#[test]
fn accounts_of_ones_own_are_a_permission() {
    let desk = desk();
    let add = "account add anas --kind personal --address ana@staff.example --imap 127.0.0.1:9 --secret env:PW";
    desk.ok(&format!("--as ana --dry-run {add}"));
    desk.ok("role grant Agent personal-account no");
    let refused = desk.run(&format!("--as ana {add}")).exits(77);
    assert!(refused.stderr.starts_with("espomail: personal-account: "), "{refused:?}");
    desk.ok(&format!("{add} --user ana"));
    desk.run("--as ana account edit anas --folder Other").exits(77);
    desk.ok("role grant Agent personal-account yes");
    desk.ok("--as ana account edit anas --folder Other");
    // An address that an administrator gave it stands in nobody's way.
    desk.ok("account edit anas --address ana@home.example --alias a@home.example");
    desk.ok("--as ana account edit anas --folder Third");
    for more in ["--address other@home.example", "--alias other@home.example"] {
        let refused = desk.run(&format!("--as ana account edit anas {more}")).exits(65);
        assert!(refused.stderr.contains("other@home.example is not one of your addresses"), "{refused:?}");
    }
}

#[test]
fn nobody_is_told_of_what_they_may_not_read() {
    let desk = desk();
    desk.ok("--as ana case follow 1");
    desk.put(&from(KIM, "[#1] again"));
    let told = |user: &str| -> Vec<String> {
        let items = desk.items(&["--as", user, "notification", "list"]);
        items.iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
    };
    let before = told("ana");
    assert!(before.iter().any(|text| text.starts_with("#1 ") && text.contains(KIM)), "{before:?}");
    desk.ok("role grant Agent email-read no");
    let record_only = told("ana");
    assert!(record_only.iter().any(|text| text.starts_with("new e-mail on #1")), "{record_only:?}");
    assert!(!record_only.iter().any(|text| text.contains(KIM)), "{record_only:?}");
    desk.ok("role grant Agent case-read no");
    assert_eq!(told("ana"), Vec::<String>::new());
    assert!(desk.ok("--as ana notification read --all").stdout.starts_with('0'));
    desk.put(&from(KIM, "[#1] and again"));
    assert_eq!(told("ana"), Vec::<String>::new());
    // Neither of being given one, in the list or by e-mail.
    let waiting = || desk.items(&["outbox", "list"]).len();
    let before = waiting();
    desk.ok("case assign 1 ana");
    assert_eq!(waiting(), before);
    desk.ok("role grant Agent case-read team");
    assert!(!told("ana").iter().any(|text| text.starts_with("#1 ") && text.contains("assigned")), "{:?}", told("ana"));
    assert!(!told("ana").iter().any(|text| text.contains("and again")), "not told of it while it was not there");
}

#[test]
fn an_email_does_not_tell_of_a_case_that_its_reader_may_not_see() {
    let desk = desk();
    desk.ok("role grant Agent case-read own");
    let row = |id: i64| desk.items(&["--as", "ana", "email", "list"]).into_iter().find(|row| row["id"] == id);
    let (of_one, of_two) = (row(1).unwrap(), row(2).unwrap());
    assert!(of_one["case"].is_null() && of_one["parent"].is_null(), "{of_one}");
    assert_eq!(of_two["case"], 2, "{of_two}");
    assert!(desk.json("--as ana email show 1")["case"].is_null());
    let explained = desk.ok("--as ana email explain 1").stdout;
    assert!(!explained.contains("#1"), "{explained}");
    assert!(desk.ok("email explain 1").stdout.contains("#1"));
    desk.run("--as ana email list case:1").exits(65);
}

#[test]
fn a_case_does_not_tell_of_an_email_that_its_reader_may_not_see() {
    let desk = desk();
    desk.put(&from(KIM, "[#1] again"));
    desk.ok("role grant Agent email-read own");
    assert_eq!(desk.items(&["--as", "ana", "case", "thread", "1"]).len(), 0);
    assert_eq!(desk.items(&["--as", "ana", "case", "thread", "2"]).len(), 1);
    for (verb, same) in
        [("split 1 --from", "does not belong to case #1"), ("unlink 1", "does not belong"), ("accept", "not found")]
    {
        let of = |id: i64| {
            let id = if verb.starts_with("unlink") { format!("email/{id}") } else { id.to_string() };
            desk.run(&format!("--as ana case {verb} {id}")).exits(65).stderr.replace(&id.replace("email/", ""), "N")
        };
        let hidden = of(3);
        assert!(hidden.contains(same), "{hidden}");
        assert_eq!(hidden, of(77), "{verb}: as if there were none");
    }
}

#[test]
fn an_email_tells_who_may_read_it_nothing_of_a_case_they_may_not() {
    let desk = desk();
    let told = |user: &str| desk.ok(&format!("--as {user} email explain 2")).stdout;
    assert!(told("ana").contains("#2, new") && told("ana").contains("assigned"), "{}", told("ana"));
    desk.ok("role add Archive");
    desk.ok("role grant Archive email all");
    desk.ok("role grant Archive case no");
    desk.ok("role assign Archive dewi");
    let told = told("dewi");
    assert!(told.contains("arrived") && !told.contains('#'), "{told}");
    assert!(!told.contains("assigned") && !told.contains("notified"), "{told}");
}

#[test]
fn no_status_names_an_account_that_its_reader_does_not_know() {
    let desk = desk();
    desk.ok("account edit support --imap 127.0.0.1:9 --tls none");
    for user in ["ana", "dewi"] {
        let knows = user == "ana";
        for format in ["", "--json "] {
            let status = desk.ok(&format!("--as {user} {format}status")).stdout;
            assert_eq!(status.contains("support"), knows, "{user}: {status}");
        }
        desk.sandbox.env("PW", "secret");
        let fetch = desk.run(&format!("--as {user} -v fetch")).stderr;
        assert_eq!(fetch.contains("account \"support\""), knows, "{user}: {fetch}");
        assert_eq!(fetch.contains("an account of others: cannot be fetched"), !knows, "{user}: {fetch}");
        let check = desk.run(&format!("--as {user} check --max-age 0s --max-outbox-age 24h"));
        assert_eq!((check.code, check.stdout.contains("support")), (2, knows), "{user}: {check:?}");
        assert!(check.stdout.contains("not fetched") && check.stdout.contains("account"), "{user}: {check:?}");
    }
}

#[test]
fn who_may_change_no_cases_is_given_none_by_distribution() {
    let desk = desk();
    desk.ok("role grant Agent case unset");
    desk.ok("role add Reader");
    desk.ok("role grant Reader case-edit no");
    desk.ok("role assign Reader budi");
    let assignee = |number: i64| desk.json(&format!("case show {number}"))["assigned_user"]["username"].clone();
    let put = |subject: &str| desk.put(&from(KIM, subject));
    for distribution in ["round-robin", "least-busy"] {
        desk.ok(&format!("account edit support --distribution {distribution}"));
        put("One");
        put("Two");
    }
    assert_eq!((3..=6).map(assignee).collect::<Vec<_>>(), ["ana"; 4]);
    // A filter's wish is no more than that, and nobody else has the cases of an account that gives all to one.
    desk.ok("filter add budis --scope global --if subject=Wish --do assign:budi");
    put("Wish");
    assert_eq!(assignee(7), "ana");
    let explained = desk.ok("email explain 7").stdout;
    assert!(explained.contains("names budi, who is not allowed to change cases"), "{explained}");
    desk.ok("account edit support --distribution direct --assign-to budi");
    put("Three");
    assert!(assignee(8).is_null());
    assert!(desk.ok("case show 8").stdout.contains("budi cannot change cases"));
    // Who can work on it no more loses it with the next mail.
    desk.ok("account edit support --distribution round-robin");
    let given = desk.ok("case assign 3 budi");
    assert!(given.stderr.is_empty(), "budi reads it, so nothing is said: {given:?}");
    put("[#3] again");
    assert_eq!(assignee(3), "ana");
}

#[test]
fn giving_a_case_out_of_somebodys_sight_is_said() {
    let desk = desk();
    desk.ok("role grant Agent case own");
    let released = desk.ok("--as ana case release 2");
    assert!(released.stderr.contains("you cannot see case #2 any more: your roles do not show it"), "{released:?}");
    desk.run("--as ana case show 2").exits(65);
    desk.ok("case assign 2 ana");
    let given = desk.ok("--as ana case assign 2 budi");
    assert!(given.stderr.contains("you cannot see case #2 any more"), "{given:?}");
    desk.ok("role grant Agent case-read no");
    let given = desk.ok("case assign 2 ana");
    assert!(given.stderr.contains("ana cannot read case #2"), "{given:?}");
    let closed = desk.ok("case close 2");
    assert!(!closed.stderr.contains("cannot read"), "{closed:?}");
}

#[test]
fn waiting_letter_is_sent_when_its_writer_has_lost_the_permission() {
    let desk = desk();
    desk.ok("--as ana case reply 2 -m Soon.");
    desk.ok("role grant Agent group-account no");
    desk.ok("role grant Agent case no");
    desk.ok("user disable ana");
    desk.sandbox.env("PW", "secret");
    desk.run("send").exits(75);
    let waiting = desk.items(&["outbox", "list"]);
    let letter = waiting.iter().find(|row| row["kind"] == "mail").unwrap();
    assert_eq!((letter["attempts"].as_i64(), letter["state"].as_str()), (Some(1), Some("waiting")), "{letter}");
}

#[test]
fn status_and_check_name_no_account_that_account_list_does_not_show() {
    let desk = desk();
    // The assignment's notice waits, and PW is not set.
    desk.run("send").exits(78);
    let told = |user: &str, line: &str| desk.run(&format!("--as {user} {line}")).stdout;
    assert_eq!(told("dewi", "account list"), "");
    let status = told("dewi", "status");
    assert!(status.starts_with("Outbox 0 waiting"), "{status}");
    assert_eq!(desk.items(&["--as", "dewi", "status"]).len(), 0);
    // A user who watches hears that something is wrong, and how much.
    let check = desk.run("--as dewi check").exits(1).stdout;
    assert!(check.starts_with("ESPOMAIL WARNING - an account of others: cannot send |"), "{check}");
    assert!(check.contains("outbox=1") && !check.contains("PW"), "{check}");
    // The notice to ana is the administrators'.
    assert!(told("ana", "status").contains("cannot send") && told("ana", "status").contains("Outbox 0 waiting"));
    assert!(told("ana", "check").contains("account support: cannot send: "));
    desk.ok("--as ana case reply 1 -m x");
    assert!(told("ana", "status").contains("Outbox 1 waiting") && told("dewi", "status").contains("Outbox 0 waiting"));
    assert!(desk.ok("status").stdout.contains("Outbox 2 waiting"));
}

#[test]
fn no_command_tells_whether_there_is_a_hidden_account() {
    let desk = desk();
    let body = desk.sandbox.file("body.txt", b"Hello");
    desk.ok(&format!("template add ack --subject x --body {}", body.display()));
    desk.ok("team add Board --no-role");
    desk.ok("account add zebra --kind group --address zebra@desk.example --secret env:PW --smtp 127.0.0.1:9 --smtp-tls none --team Board --auto-reply ack");
    desk.ok("record add contact Boss --team Board --email boss@customer.example");
    // Said of what is hidden and of what is not there at all: the same words.
    let mut faults = Vec::new();
    for line in [
        "template list",
        "template show ack",
        "account list",
        "account show zebra",
        "account edit zebra --login x",
        "account test zebra",
        "account folders zebra",
        "account audit zebra",
        "account breaker zebra",
        "account delete zebra",
        "account secret zebra --secret env:PW",
        "ingest --account zebra",
        "fetch zebra",
        "filter add f --scope account:zebra --if from=x --do skip",
        "filter list --account zebra",
        "email list --account zebra",
        "email send --to a@b.example --subject x -m x --from zebra@desk.example",
        "case create --subject x --account zebra",
        "quarantine list --account zebra",
        "account add mine --kind personal --user dewi --address dewi@staff.example --smtp 127.0.0.1:9 --smtp-tls none --alias zebra@desk.example",
        "record list contact",
        "status",
    ] {
        let there = desk.run(&format!("--as dewi --yes {line}"));
        let nowhere = desk.run(&format!("--as dewi --yes {}", line.replace("zebra", "zabra")));
        let seen = |run: &Run| (run.code, run.stdout.replace("zabra", "zebra"), run.stderr.replace("zabra", "zebra"));
        let names = !line.contains("zebra") && (there.stdout.contains("zebra") || there.stderr.contains("zebra"));
        if seen(&there) != seen(&nowhere) || names {
            faults.push(format!("{line}: {there:#?} {nowhere:#?}"));
        }
    }
    // A name that is taken cannot be given twice; whose it is, is not said.
    let own = "--kind personal --user dewi --address dewi@staff.example --smtp 127.0.0.1:9 --smtp-tls none";
    for line in [format!("account add zebra {own}"), "record add contact New --email boss@customer.example".to_owned()]
    {
        let refused = desk.run(&format!("--as dewi {line}"));
        let tells = ["exists", "belongs", "account zebra", "Boss"].iter().any(|word| refused.stderr.contains(word));
        if refused.code != 65 || !refused.stderr.contains("cannot be used") || tells {
            faults.push(format!("{line}: {refused:#?}"));
        }
    }
    desk.ok(&format!("--as dewi account add mine {own}"));
    let renamed = desk.run("--as dewi account edit mine --name zebra").exits(65);
    assert!(renamed.stderr.contains("--name: \"zebra\" cannot be used"), "{renamed:#?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
