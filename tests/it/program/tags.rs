//! Tags of cases: by hand and by filters, in lists, queries and the stream.

use serde_json::json;

use crate::support::{Desk, SUPPORT, mail};

fn desk() -> Desk {
    let desk = Desk::new().team("Billing").user("dewi", &["Billing"]).piped_account("support", &[]);
    for subject in ["First", "Second", "Third"] {
        desk.put(&desk.letter("kim@customer.example", subject));
    }
    desk
}

fn tags(desk: &Desk, number: i64) -> serde_json::Value {
    desk.json(&["case", "show", &number.to_string()])["tags"].clone()
}

fn numbers(desk: &Desk, args: &[&str]) -> Vec<i64> {
    desk.items(&[&["case", "list"], args].concat()).iter().map(|case| case["number"].as_i64().unwrap()).collect()
}

#[test]
fn tags_are_given_and_taken_and_found() {
    let desk = desk();
    assert_eq!(desk.ana("case tag 1 2 VIP refund").stdout, "case #1 tagged vip, refund\ncase #2 tagged vip, refund\n");
    assert_eq!((tags(&desk, 1), tags(&desk, 3)), (json!(["refund", "vip"]), json!([])));
    // A tag that is there already changes nothing.
    desk.ana("case tag 1 vip");
    desk.ana("case untag 2 vip nosuch");
    assert_eq!(tags(&desk, 2), json!(["refund"]));
    assert_eq!(numbers(&desk, &["tag:vip"]), [1]);
    assert_eq!(numbers(&desk, &["tag:ReFund"]), [2, 1]);
    assert_eq!(numbers(&desk, &["--", "-tag:refund"]), [3]);
    assert_eq!(numbers(&desk, &["--tag", "refund", "--tag", "Vip"]), [1]);
    assert_eq!(numbers(&desk, &["tag:refun"]), [] as [i64; 0], "a tag is found as a whole");
    let subjects = |query: &str| -> Vec<String> {
        let emails = desk.items(&["email", "list", query]);
        emails.iter().map(|email| email["subject"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (subjects("tag:vip"), subjects("tag:vip OR subject:Third")),
        (vec!["First".into()], vec!["Third".into(), "First".into()])
    );
    let texts: Vec<_> = desk.items("case history 1").iter().map(|note| note["text"].clone()).collect();
    assert_eq!(texts.iter().filter(|text| **text == json!("tagged vip, refund")).count(), 1, "{texts:?}");
    assert!(desk.items("case history 2").iter().any(|note| note["text"] == "tag removed: vip"));
}

#[test]
fn a_list_has_a_column_of_tags_only_if_there_are_some() {
    let desk = desk();
    assert!(!desk.ok("case list").stdout.contains("TAGS"));
    assert!(desk.ok("case list --fields number,tags").stdout.contains("TAGS"));
    desk.ok("case tag 2 vip");
    let shown = desk.ok("case list").stdout;
    assert!(shown.contains("TAGS") && shown.contains("vip"), "{shown}");
    assert!(desk.ok("case show 2").stdout.contains("Tags") && !desk.ok("case show 1").stdout.contains("Tags"));
    // Programs always get it.
    assert!(desk.ok("--format plain case list").stdout.contains("\ttags\t"));
}

#[test]
fn what_is_not_a_tag_or_not_ones_own_case_is_refused() {
    let desk = desk();
    for (line, code, words) in [
        (vec!["case", "tag", "1"], 2, "the tag is missing"),
        (vec!["case", "tag", "vip"], 2, "name a case by its number"),
        (vec!["case", "tag", "1", "a b"], 2, "\"a b\" is not a tag"),
        (vec!["case", "tag", "1", "@vip"], 2, "is not a tag"),
        (vec!["case", "tag", "1", "9", "vip"], 65, "case 9: not found"),
        (vec!["--as", "dewi", "case", "tag", "1", "vip"], 65, "case 1: not found"),
        (vec!["case", "list", "tag:,"], 2, "tag: \",\" is not a tag"),
        (vec!["case", "list", "--tag", "1"], 2, "is not a tag"),
    ] {
        desk.run(&line).exits(code).says(words);
    }
    desk.ok("role grant Agent case-edit no");
    desk.run("--as ana case tag 1 vip").exits(77).says("case-edit");
    desk.ok("role grant Agent case-edit team");
    assert_eq!(desk.query("SELECT tag FROM case_tags"), [] as [&str; 0]);
}

#[test]
fn a_filter_tags_the_case_that_a_mail_makes_or_joins() {
    let desk = Desk::new().piped_account("support", &[]);
    desk.run(&[
        "filter",
        "add",
        "vip",
        "--scope",
        "global",
        "--if",
        "from=*@sinar.example",
        "--do",
        "tag:VIP",
        "--do",
        "tag:sinar",
    ])
    .ok();
    desk.run(&["filter", "add", "bad", "--scope", "global", "--if", "subject=x", "--do", "tag:a b"])
        .exits(2)
        .says("--do: tag: \"a b\" is not a tag");
    desk.run(&["filter", "add", "bad", "--scope", "global", "--if", "subject=x", "--do", "tag"])
        .exits(2)
        .says("tag: needs a tag, as in tag:TAG");
    desk.put(&desk.letter("budi@sinar.example", "Printer"));
    desk.put(&desk.letter("kim@customer.example", "Paper"));
    assert_eq!((tags(&desk, 1), tags(&desk, 2)), (json!(["sinar", "vip"]), json!([])));
    assert!(
        desk.items("case history 1")
            .iter()
            .any(|note| note["text"] == "tagged vip: filter vip" && note["user"].is_null())
    );
    // A later mail of the case tags it again, once.
    desk.ok("case untag 1 sinar");
    let first = desk.items("email list subject:Printer")[0]["id"].to_string();
    let id = desk.query(&format!("SELECT message_id FROM emails WHERE id = {first}")).remove(0);
    let answer = mail("budi@sinar.example", SUPPORT, "Re: Printer").in_reply_to(&format!("<{id}>"));
    desk.put(&answer);
    assert_eq!(desk.items("case thread 1").len(), 2);
    assert_eq!(tags(&desk, 1), json!(["sinar", "vip"]));
    // Nobody tags a case by unverified mail.
    desk.ok("case untag 1 sinar vip");
    desk.put(&mail("eve@sinar.example", SUPPORT, "Re: [#1] Printer").in_reply_to(&format!("<{id}>")));
    if desk.items("case thread 1").iter().any(|mail| mail["verified"] == false) {
        assert_eq!(tags(&desk, 1), json!([]));
    }
    // A merge keeps the tags of both.
    desk.ok("case tag 2 paper");
    desk.ok("case tag 1 printer");
    desk.ok("--yes case merge 1 2");
    assert_eq!(tags(&desk, 2), json!(["paper", "printer"]));
}
