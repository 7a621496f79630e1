#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::tz::{self, TimeZone};
use proptest::prelude::*;

use super::*;
use crate::dates::Clock;
use crate::error::Fault;

fn read(text: &str) -> Result<Tree<Term>, Fault> {
    let now = "2026-11-23T12:00:00.5Z".parse().unwrap();
    parse(text, &Reading { fields: Field::CASES, clock: Clock { now, zone: TimeZone::fixed(tz::offset(7)) } })
}

#[test]
fn what_is_understood() {
    for (text, expected) in [
        ("", ""),
        ("  ", ""),
        ("invoice", "invoice"),
        ("invoice overdue", "invoice overdue"),
        ("INVOIC*", "INVOIC*"),
        ("\"over due\"", "\"over due\""),
        ("\"over due\"*", "\"over due\"*"),
        ("a OR b c OR d", "a OR b c OR d"),
        ("(a OR b) c", "(a OR b) c"),
        ("a OR (b c)", "a OR b c"),
        ("((a))", "a"),
        ("a or b", "a or b"),
        ("a \"OR\" b", "a \"OR\" b"),
        ("ORB OR ORC", "ORB OR ORC"),
        ("-a", "-a"),
        ("-(a b)", "-(a b)"),
        ("--a", "--a"),
        ("-status:Closed", "-status:Closed"),
        ("status:\"New\"", "status:New"),
        ("FROM:ann", "from:ann"),
        ("from:\"Ann Muster\"", "from:\"Ann Muster\""),
        ("from:ann@x.example", "from:\"ann@x.example\""),
        ("subject:\"say \\\"hi\\\" \\\\ C:\\t\"", "subject:\"say \\\"hi\\\" \\\\ C:\\\\t\""),
        ("subject:inv*", "subject:inv"),
        ("assignee:@me", "assignee:\"@me\""),
        ("is:open(b)", "is:open b"),
        ("10:30", "\"10:30\""),
        ("wi-fi", "\"wi-fi\""),
        ("@late", "@late"),
        ("-@late OR (@my.list-2)", "-@late OR @my.list-2"),
        ("\"@late\"", "\"@late\""),
        ("a@b.example", "\"a@b.example\""),
        ("Größe*", "Größe*"),
        ("before:2026-12-24", "before:2026-12-23T17:00:00Z"),
        ("after:2026-12-24T09:00", "after:2026-12-24T02:00:00Z"),
        ("after:2026-12-24T09:00:00.7Z", "after:2026-12-24T09:00:00Z"),
        ("older:7d", "before:2026-11-16T12:00:00Z"),
        ("newer:2h", "after:2026-11-23T10:00:00Z"),
        ("newer:yesterday", "after:2026-11-21T17:00:00Z"),
        ("older:2026-11-20", "before:2026-11-19T17:00:00Z"),
        ("after:sunday", "after:2026-11-21T17:00:00Z"),
        ("before:\"sunday 9:00\"", "before:2026-11-22T02:00:00Z"),
        ("after:\"2 weeks ago\"", "after:2026-11-09T12:00:00Z"),
        ("after:9:30", "after:2026-11-23T02:30:00Z"),
        ("waiting:2h", "waiting:2026-11-23T10:00:00Z"),
        ("us:14d", "us:2026-11-09T12:00:00Z"),
        ("idle:2026-11-20", "idle:2026-11-19T17:00:00Z"),
        ("due:2h", "due:2026-11-23T14:00:00Z"),
        ("due:2026-11-23T14:00:00Z", "due:2026-11-23T14:00:00Z"),
    ] {
        assert_eq!(read(text).unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn what_is_not_understood_is_named() {
    for (text, expected) in [
        ("frm:ann", "the query: \"frm:\" is not a field"),
        ("http://x", "the query: \"http:\" is not a field"),
        ("from:", "the query: \"from:\" must be followed by a value"),
        ("from: ann", "the query: \"from:\" must be followed by a value"),
        ("from:(ann)", "the query: \"from:\" must be followed by a value"),
        ("from:\"\"", "the query: \"from:\" must be followed by a value"),
        ("\"open", "the query: a quotation mark is not closed"),
        ("(a", "the query: there is a \"(\" without its \")\""),
        ("a)", "the query: there is a \")\" without its \"(\""),
        ("()", "the query: a condition is missing next to OR or inside parentheses"),
        ("OR", "the query: a condition is missing next to OR or inside parentheses"),
        ("a OR", "the query: a condition is missing next to OR or inside parentheses"),
        ("- a", "the query: \"-\" must stand right before a condition"),
        ("*", "the query: there is no letter or digit in \"\""),
        ("a & b", "the query: there is no letter or digit in \"&\""),
        ("@", "the query: \"@\" is not the name of a saved search"),
        ("@me", "the query: \"@me\" is not the name of a saved search"),
        ("@a:b", "the query: \"@a:b\" is not the name of a saved search"),
        ("before:soon", "before: \"soon\" is not a date or time"),
        ("older:x", "older: \"x\" is not a date or time"),
    ] {
        assert_eq!(read(text).unwrap_err().message, expected, "{text}");
    }
    let hint = read("frm:ann").unwrap_err().hint.unwrap();
    assert!(hint.starts_with("did you mean from:? known are from: to: cc:") && hint.contains("newer:"), "{hint}");
    let clock = Clock { now: Timestamp::UNIX_EPOCH, zone: TimeZone::UTC };
    let emails = Reading { fields: Field::EMAILS, clock };
    assert!(parse("priority:High", &emails).is_err());
}

#[test]
fn limits_are_errors() {
    for (text, expected) in [
        ("a".repeat(4097), Some("the query is longer than 4096 bytes")),
        (format!("{}a{}", "(".repeat(50), ")".repeat(50)), None),
        (format!("{}a{}", "(".repeat(51), ")".repeat(51)), Some("the query is nested more than 50 deep")),
        (format!("{}a", "-".repeat(4000)), Some("the query is nested more than 50 deep")),
        ("(".repeat(4096), Some("the query is nested more than 50 deep")),
        ("a ".repeat(200), None),
        ("a ".repeat(201), Some("the query has more than 200 conditions")),
    ] {
        assert_eq!(read(&text).err().map(|e| e.message).as_deref(), expected, "{text}");
    }
}

/// What a query is with `searches` by name.
fn expanded(text: &str, searches: &[(&str, &str)]) -> Result<String, String> {
    let mut look_up = |name: &str| {
        let found = searches.iter().find(|(known, _)| *known == name);
        let (_, query) = found.ok_or_else(|| anyhow::anyhow!("no {name}"))?;
        Ok(read(query)?)
    };
    expand(read(text).unwrap(), &mut look_up).map(|tree| tree.to_string()).map_err(|error| error.to_string())
}

#[test]
fn saved_searches_stand_for_their_queries() {
    let searches = [
        ("late", "is:waiting OR older:2h"),
        ("bills", "subject:invoice -@late"),
        ("all", "@late @bills"),
        ("one", "@two"),
        ("two", "a OR @three"),
        ("three", "@One"),
        ("One", "@two"),
        ("self", "@self"),
        ("broken", "@nosuch"),
    ];
    let old = "before:2026-11-23T10:00:00Z";
    for (text, expected) in [
        ("@late", Ok(format!("is:waiting OR {old}"))),
        ("x -@late", Ok(format!("x -(is:waiting OR {old})"))),
        ("@bills", Ok(format!("subject:invoice -(is:waiting OR {old})"))),
        ("@all b", Ok(format!("((is:waiting OR {old}) (subject:invoice -(is:waiting OR {old}))) b"))),
        ("\"@late\"", Ok("\"@late\"".to_owned())),
        ("@self", Err("the query: @self leads back to itself: @self → @self".to_owned())),
        ("@two", Err("the query: @two leads back to itself: @two → @three → @One → @two".to_owned())),
        ("@broken", Err("no nosuch".to_owned())),
    ] {
        assert_eq!(expanded(text, &searches), expected, "{text}");
    }
}

#[test]
fn saved_searches_are_bounded() {
    let chain: Vec<(String, String)> = (0..12).map(|n| (format!("s{n}"), format!("@s{}", n + 1))).collect();
    let mut chain: Vec<(&str, &str)> = chain.iter().map(|(name, query)| (name.as_str(), query.as_str())).collect();
    chain.push(("s12", "end"));
    assert_eq!(expanded("@s3", &chain).unwrap(), "end");
    assert!(expanded("@s2", &chain).unwrap_err().contains("more than 10 deep"));
    let twice: Vec<(String, String)> = (0..9).map(|n| (format!("s{n}"), format!("@s{0} @s{0}", n + 1))).collect();
    let mut twice: Vec<(&str, &str)> = twice.iter().map(|(name, query)| (name.as_str(), query.as_str())).collect();
    twice.push(("s9", "x"));
    assert!(expanded("@s0", &twice).unwrap_err().contains("more than 200 conditions"));
    assert!(expanded("@s4", &twice).is_ok());
}

#[test]
fn names_of_searches_are_plain_words() {
    for (name, expected) in [
        ("late", true),
        ("2026", true),
        ("a.b-c_d", true),
        ("größe", true),
        ("", false),
        ("-a", false),
        ("a b", false),
        ("a:b", false),
        ("a/b", false),
        ("ME", false),
        ("none", false),
        ("team", false),
        ("@a", false),
        ("a*", false),
    ] {
        assert_eq!(is_name(name), expected, "{name}");
    }
    assert!(is_name(&"x".repeat(50)) && !is_name(&"x".repeat(51)));
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_printed_reads_back(
        words in prop::collection::vec(
            prop_oneof![
                "\\PC{0,6}",
                Just("OR".to_owned()), Just("(".to_owned()), Just(")".to_owned()), Just("-".to_owned()),
                Just("\"".to_owned()), Just("\\".to_owned()), Just("*".to_owned()), Just(" ".to_owned()),
                Just(" @a".to_owned()), Just(" a".to_owned()), Just(" is:open ".to_owned()), Just("from:\"b c\"".to_owned()),
                Just("older:3d".to_owned()), Just("subject:".to_owned()),
            ],
            0..12,
        )
    ) {
        let text = words.concat();
        if let Ok(tree) = read(&text) {
            let printed = tree.to_string();
            let again = read(&printed).unwrap_or_else(|e| panic!("{text:?} became {printed:?}: {}", e.message));
            prop_assert_eq!(again, tree, "{:?} became {:?}", text, printed);
        }
    }

    #[test]
    fn trees_read_back(text in "(-?(a|b\\*|\"c d\"|is:open|\\((x|y OR z|-u v)\\)) (OR )?){1,8}q") {
        let tree = read(&text).unwrap();
        prop_assert_eq!(read(&tree.to_string()).unwrap(), tree);
    }
}
