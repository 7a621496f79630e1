#![allow(clippy::unwrap_used)]
use super::*;
use crate::mail::costs_no_more_than_its_length;

/// `IF and IF not NOT: ACTION`, one line for each filter.
fn taken(script: &str) -> Vec<String> {
    let (drafts, faults) = read(script);
    assert!(faults.is_empty(), "{script}: {faults:?}");
    let one = |draft: &Draft| {
        let negated = draft.negated.iter().map(|condition| format!("not {condition}"));
        let all: Vec<String> = draft.conditions.iter().cloned().chain(negated).collect();
        format!("{}: {}", all.join(" and "), draft.action)
    };
    drafts.iter().map(one).collect()
}

fn faults(script: &str) -> Vec<String> {
    read(script).1.iter().map(|fault| format!("{} {}", fault.line, fault.why)).collect()
}

#[test]
fn every_test_and_action_becomes_a_condition_and_an_action() {
    for (test, filters) in [
        (r#"header "Subject" "Offer""#, &["subject=Offer"][..]),
        (r#"header :is "subject" "50* off?""#, &[r"subject=50\* off\?"]),
        (
            r#"header :contains ["X-A", "Subject"] ["one", "two"]"#,
            &["header x-a=*one*", "header x-a=*two*", "subject=*one*", "subject=*two*"],
        ),
        (r#"header :matches "List-Id" "*<news.*>""#, &["header list-id=*<news.*>"]),
        (r#"header :comparator "i;ascii-casemap" :contains "Subject" "x""#, &["subject=*x*"]),
        (r#"header :contains "X-A" """#, &["header x-a=*"]),
        (r#"header :matches "Subject" "regex:*""#, &[r"subject=\regex:*"]),
        (r#"address "From" "ann@x.example""#, &["from-address=ann@x.example"]),
        (r#"address :domain "from" "x.example""#, &["from-address=*@x.example"]),
        (r#"address :localpart :contains "to" "ann""#, &["to=*ann*@*"]),
        (r#"address :all :matches ["to", "cc"] "*@x.example""#, &["to=*@x.example", "cc=*@x.example"]),
        (r#"envelope :domain "from" "x.example""#, &["return-path=*@x.example"]),
        (r#"envelope "to" "me@x.example""#, &["delivered-to=me@x.example"]),
        ("size :over 1M", &["size-over=1048576"]),
        ("size :under 2K", &["size-under=2048"]),
        (r#"exists ["X-A", "X-B"]"#, &["header X-A=* and header X-B=*"]),
        (r#"not exists ["X-A", "X-B"]"#, &["not header X-A=*", "not header X-B=*"]),
        (r#"allof (size :over 1K, not header "X-A" "b")"#, &["size-over=1024 and not header x-a=b"]),
        (r#"anyof (size :over 1K, header "X-A" "b")"#, &["size-over=1024", "header x-a=b"]),
        (r#"not anyof (size :over 1K, header "X-A" "b")"#, &["not size-over=1024 and not header x-a=b"]),
        ("anyof (false, size :over 1K)", &["size-over=1024"]),
    ] {
        let expected: Vec<String> = filters.iter().map(|filter| format!("{filter}: skip")).collect();
        assert_eq!(taken(&format!("if {test} {{ discard; }}")), expected, "{test}");
    }
    for (action, expected) in [
        ("discard; stop;", "skip"),
        ("keep;", "none"),
        ("stop;", "none"),
        ("keep; stop;", "none"),
        ("fileinto \"News/Big\"; stop;", "folder:News/Big"),
        ("fileinto \"INBOX\";", "none"),
    ] {
        assert_eq!(taken(&format!("if size :over 1K {{ {action} }}")), [format!("size-over=1024: {expected}")]);
    }
    assert!(taken("if size :over 1K { }").is_empty(), "it does nothing");
}

#[test]
fn a_script_becomes_filters_in_its_order() {
    let script = "require [\"fileinto\", \"envelope\"];\n# a comment\n/* and\nanother */\n\
        if header :contains \"Subject\" \"offer\" {\n  discard; stop;\n}\n\
        elsif header :contains \"Subject\" \"invoice\" { fileinto \"Bills\"; stop; }\n\
        else { keep; stop; }\n\
        if size :over 10M { discard; stop; }\nkeep;\n";
    assert_eq!(
        taken(script),
        [
            "subject=*offer*: skip",
            "subject=*invoice* and not subject=*offer*: folder:Bills",
            "not subject=*offer* and not subject=*invoice*: none",
            "size-over=10485760: skip",
        ]
    );
    assert_eq!(read(script).0.iter().map(|draft| draft.line).collect::<Vec<_>>(), [5, 8, 9, 10]);
    assert!(taken("stop; if size :over 1K { discard; }").is_empty(), "nothing behind a stop for all");
}

#[test]
fn what_cannot_be_taken_is_said_with_its_line_and_is_not_taken_half() {
    for (script, expected) in [
        ("redirect \"a@b.example\";", "1 redirect has no filter that does the same"),
        ("\n\ndiscard;", "3 discard stands outside of an if"),
        ("keep; if size :over 1K { discard; }", "1 keep stands outside of an if"),
        ("if true { discard; }", "1 if would concern all mail"),
        ("if size :over 1K { discard; } keep;", "1 without a stop after it, later rules"),
        ("if size :over 1K { redirect \"a@b.example\"; }", "1 redirect as it stands here"),
        ("if size :over 1K {\n fileinto :copy \"A\"; }", "2 fileinto as it stands here"),
        ("if size :over 1K { fileinto \"A\";\n fileinto \"B\"; }", "2 fileinto: a filter made of Sieve does one thing"),
        ("if size :over 1K { if size :over 2K { discard; } }", "1 if as it stands here"),
        (
            "if size :over 1K\n{ discard; }\nif size :over 2K { fileinto \"A\"; }",
            "2 without a stop after it, later rules",
        ),
        ("if header :regex \"Subject\" \"a\" { discard; }", "1 :regex has no filter"),
        ("if header :comparator \"i;octet\" \"Subject\" \"a\" { discard; }", "1 filters compare without case"),
        ("if header \"Subject\" \"\" { discard; }", "1 filters do not compare with an empty text"),
        ("if address \"Reply-To\" \"a@b.example\" { discard; }", "1 no filter looks at the address of reply-to"),
        ("if body :contains \"a\" { discard; }", "1 the test body has no filter"),
        ("if header \"Bad Name\" \"a\" { discard; }", "1 header: needs the name of a header"),
        ("if size :over 1K { discard; }\nelsif body :contains \"a\" { keep; }", "2 the test body has no filter"),
        ("if size :over 1K { discard }", "1 discard needs a ; at its end"),
        ("if size :over 1K { discard;", "1 the block of if has no }"),
        ("}", "1 a } closes nothing"),
        ("else { keep; }", "1 else has no filter"),
        ("if header \"Subject\" [\"a\" \"b\"] { discard; }", "1 a list of texts is broken"),
        ("if header \"Subject\n { discard; }", "1 the text has no closing quotation mark"),
        ("/* open", "1 the comment has no end"),
        ("if size :over 99999999999999999999 { discard; }", "1 the number is none"),
        ("if header \"X-A\" text:\nab\n..c\n.\n { discard; }", "1 header: the pattern must have"),
        ("\nif header \"X-A\" text:\nab", "2 the text has no end"),
        ("if § { discard; }", "1 \"§\" belongs to no word of Sieve"),
    ] {
        let said = faults(script);
        assert!(said.first().is_some_and(|said| said.starts_with(expected)), "{script}: {said:?}");
    }
    let script =
        "if size :over 1K { discard; stop; }\nelse { vacation \"away\"; }\nif size :under 1K { discard; stop; }";
    let (drafts, faults) = read(script);
    assert_eq!((drafts.len(), faults.len()), (1, 1), "the whole rule is left out, the next is there");
    assert_eq!(drafts.first().map(|draft| draft.line), Some(3));
    let many = format!("if allof ({}) {{ discard; }}", vec!["anyof (size :over 1K, size :over 2K)"; 40].join(", "));
    assert!(self::faults(&many).first().is_some_and(|said| said.contains("more than 50 filters")));
}

#[test]
fn hostile_scripts_cost_no_more_than_their_length() {
    for unit in [
        "if not ",
        "{",
        "(",
        "if size :over 1K {",
        "[",
        "\"a\",",
        "anyof (",
        "/*",
        "text:\n",
        "if true {} ",
        "elsif true {stop;}",
        "if size :over 1K {keep;} elsif size :over 2K {stop;} ",
    ] {
        costs_no_more_than_its_length(unit, 1 << 18, &|script| {
            read(script);
        });
    }
}
