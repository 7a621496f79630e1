#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::mail::costs_no_more_than_its_length;
use crate::mail::message::Message;

fn letter(headers: &str, body: &str) -> Reading {
    Reading::parse(format!("{headers}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}").as_bytes())
}

fn shop() -> Reading {
    letter(
        "From: \"Shop & Co\" <News@Shop.com>\r\nTo: Ann <ann@desk.example>, list@groups.example\r\nCc: budi@desk.example\r\n\
        Delivered-To: support@desk.example\r\nReturn-Path: <bounce-17@mailer.example>\r\nSubject: Invoice 42 =?utf-8?q?f=C3=BCr_Dich?=\r\n\
        X-Mailer: BulkMaster 3\r\nList-Id: Offers of the week <offers.shop.com>\r\nX-Spam-Status: Yes, score=9\r\nAuto-Submitted: auto-generated\r\n\
        Date: Mon, 2 Nov 2026 10:00:00 +0000",
        "A BIG\r\nworld of ÜBERraschungen.\r\n",
    )
}

fn with_file() -> Reading {
    let file = "Content-Type: application/x-msdownload\r\nContent-Disposition: attachment; filename=\"Rechnung.EXE\"\r\n\r\nMZ";
    let text = "Content-Type: text/html\r\n\r\n<p>big <b>wo</b>rld,<br>really</p><style>hidden</style>";
    let raw = format!(
        "From: ann@x.example\r\nSubject: Plain\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{text}\r\n--b\r\n{file}\r\n--b--\r\n"
    );
    Reading::parse(raw.as_bytes())
}

fn holds(message: &Reading, text: &str) -> bool {
    Condition::parse(text, false).unwrap_or_else(|e| panic!("{text}: {e}")).holds(&Look::new(message, 1_000))
}

/// What must match and what must not, on mail of a shop. Every field has a row; the first are the reference table:
/// what EspoCRM does, and what is wanted in its place.
const SHOP: &[(&str, bool)] = &[
    ("from=news@shop.com", true),
    ("from=*@shop.com", true),
    ("from=*shop*", true),
    ("from=shop.com", false),
    ("from=@shop.com", true),
    ("subject=invoice*", true),
    ("subject=invoice", false),
    ("body=über", true),
    ("body=big world", true),
    ("body-all=world big", true),
    ("body-all=world small", false),
    ("from=shop & co", true),
    ("from=@other.com", false),
    ("from=@*.com", true),
    ("from-address=*shop*", true),
    ("from-address=shop & co", false),
    ("from-address=@shop.com", false),
    ("to=ann@desk.example", true),
    ("to=@groups.example", true),
    ("to=budi@*", false),
    ("cc=budi@*", true),
    ("cc=ann@*", false),
    ("recipient=support@desk.example", true),
    ("recipient=budi@desk.example", true),
    ("recipient=@desk.example", true),
    ("recipient=shop.com", false),
    ("delivered-to=support@*", true),
    ("delivered-to=ann@*", false),
    ("return-path=bounce-*@mailer.example", true),
    ("return-path=news@*", false),
    ("subject=*FÜR dich", true),
    ("subject=regex:^invoice\\s+\\d+", true),
    ("subject=regex:^\\d+", false),
    ("subject=regex:FÜR DICH$", true),
    ("body=b?g world", true),
    ("body=a*world", true),
    ("body=regex:(?m)^world", true),
    ("body=universe", false),
    ("header X-Mailer=bulk*", true),
    ("header:x-mailer=*3", true),
    ("header X-Mailer=bulk", false),
    ("header X-Nothing=*", false),
    ("has-attachment", false),
    ("attachment=*", false),
    ("size-over=999", true),
    ("size-over=1000", false),
    ("size-under=1001", true),
    ("size-under=1000", false),
    ("automatic", true),
    ("spam", true),
    ("list-id=offers.shop.com", true),
    ("list-id=offers of the week", true),
    ("list-id=shop.com", false),
];

const FILE: &[(&str, bool)] = &[
    ("body=big world", true),
    ("body-all=big really", true),
    ("body=hidden", false),
    ("body=<b>", false),
    ("has-attachment", true),
    ("attachment=*.exe", true),
    ("attachment=*.pdf", false),
    ("automatic", false),
    ("spam", false),
    ("list-id=*", false),
    ("to=*", false),
];

#[test]
fn a_domain_matches_in_either_spelling() {
    let mail = "From: a@b\u{fc}cher.example\r\nTo: b@xn--bcher-kva.example\r\nReturn-Path: <a@xn--bcher-kva.example>\r\n\r\nx\r\n";
    let message = Reading::parse(mail.as_bytes());
    for text in [
        "from=@b\u{fc}cher.example",
        "from=@xn--bcher-kva.example",
        "from=*@B\u{dc}CHER.example",
        "from-address=a@b\u{fc}cher.example",
        "to=b@b\u{fc}cher.example",
        "to=b@xn--bcher-kva.example",
        "recipient=@b\u{fc}cher.example",
    ] {
        assert!(holds(&message, text), "{text}");
    }
    assert!(!holds(&message, "from=@bucher.example"));
}

#[test]
fn every_condition_matches_what_it_says() {
    for (message, rows) in [(shop(), SHOP), (with_file(), FILE)] {
        for (text, expected) in rows {
            assert_eq!(holds(&message, text), *expected, "{text}");
            let negated = Condition::parse(text, true).unwrap();
            assert_eq!(negated.holds(&Look::new(&message, 1_000)), !expected, "--not {text}");
        }
    }
    for field in FIELDS {
        let is_it = |text: &str| text.split(['=', ' ', ':']).next() == Some(field.name);
        for wanted in [true, false] {
            let shown = SHOP.iter().chain(FILE).any(|(text, holds)| is_it(text) && *holds == wanted);
            assert!(shown, "{}: no row where it is {wanted}", field.name);
        }
    }
}

#[test]
fn html_next_to_a_plain_text_is_looked_at_too() {
    let raw = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nSee the other part.\r\n\
        --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Buy now, <i>big</i>\n<span>world</span></p>\r\n--b--\r\n";
    let message = Reading::parse(raw.as_bytes());
    assert!(holds(&message, "body=other part") && holds(&message, "body=big world"));
    assert!(!holds(&message, "body-all=see world"), "all words in one of the two");
}

#[test]
fn a_condition_says_what_it_found() {
    let message = shop();
    for (text, negated, expected, why) in [
        ("from=*@shop.com", false, true, "\"news@shop.com\""),
        ("from=@gone.com", false, false, "\"news@shop.com\", \"@shop.com\", \"Shop & Co\""),
        ("from=@gone.com", true, true, "\"news@shop.com\", \"@shop.com\", \"Shop & Co\""),
        ("recipient=x", false, false, "\"ann@desk.example\", \"@desk.example\", \"list@groups.example\" and 5 more"),
        ("attachment=*", false, false, "there is none"),
        ("body=nothing", false, false, "not in the text"),
        ("body-all=big world", false, true, "all of them are in the text"),
        ("size-over=2KiB", false, false, "1000 bytes"),
        ("automatic", false, true, "Auto-Submitted: auto-generated"),
        ("has-attachment", false, false, "it is not"),
    ] {
        let finding = Condition::parse(text, negated).unwrap().judge(&Look::new(&message, 1_000));
        assert_eq!((finding.holds, finding.why.as_str()), (expected, why), "{text}");
    }
}

#[test]
fn a_condition_is_stored_as_it_is_written() {
    for (text, negated, stored) in [
        ("from=*@shop.com", false, "from=*@shop.com"),
        (" FROM = news ", true, "not from=news"),
        ("header X-Mailer=a=b", false, "header x-mailer=a=b"),
        ("spam", true, "not spam"),
        ("size-over=5MiB", false, "size-over=5MiB"),
        ("subject=regex:^a|b$", false, "subject=regex:^a|b$"),
    ] {
        let condition = Condition::parse(text, negated).unwrap();
        assert_eq!(condition.to_string(), stored);
        assert_eq!(Condition::stored(stored).unwrap().to_string(), stored);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_word_about_it() {
    for (text, why) in [
        ("priority=x", "\"priority\" is not a field of a message; the fields are from, from-address"),
        ("form=x", "\"form\" is not a field of a message; did you mean from?"),
        ("", "\"\" is not a field"),
        ("from", "from: needs a pattern, such as from=*@shop.com"),
        ("from=", "from: the pattern must not be empty"),
        ("from x=y", "from: write it as from=PATTERN"),
        ("header=x", "header: needs the name of a header"),
        ("spam=yes", "spam: takes no pattern; for the contrary use --not spam"),
        ("size-over=big", "size-over: \"big\" is not a size"),
        ("body-all= ", "body-all: needs one word or more"),
        ("subject=a\nb", "subject: the pattern must have at most 500 characters"),
        ("subject=regex:(a", "subject: the regular expression cannot be used: unclosed group"),
        ("subject=regex:(\\w{500}){500}", "subject: the regular expression cannot be used: it is too large"),
        ("subject=regex:(a)\\1", "subject: the regular expression cannot be used: backreferences are not supported"),
    ] {
        let refused = Condition::parse(text, false).err().unwrap_or_else(|| panic!("{text} was taken"));
        assert!(refused.starts_with(why), "{text}: {refused}");
    }
}

#[test]
fn a_limited_part_of_a_text_is_looked_at() {
    for (pattern, far, holds) in [
        ("found", 200_000, true),
        ("found", 300_000, false),
        ("f?und", 15_000, true),
        ("f?und", 20_000, false),
        ("regex:f.und", 15_000, true),
        ("regex:f.und", 20_000, false),
    ] {
        let message = Reading::of(Message { text: format!("{}found", "a".repeat(far)), ..Message::default() });
        assert_eq!(self::holds(&message, &format!("body={pattern}")), holds, "{pattern} after {far}");
    }
}

/// Promise S6: for every pattern and mail.
#[test]
fn hostile_patterns_and_mails_cost_no_more_than_their_length() {
    for text in ["body=*a*a*a*a*b", "body=regex:(a|aa)*b", "body=regex:(a*)*b", "body=?a?a?a?b", "body-all=ab ba aaaab"]
    {
        let condition = Condition::parse(text, false).unwrap();
        costs_no_more_than_its_length("a", 1 << 20, &|body| {
            let message = Reading::of(Message { text: body.to_owned(), ..Message::default() });
            assert!(!condition.holds(&Look::new(&message, 0)), "{text}");
        });
    }
    let condition = Condition::parse("to=*a*a*a*b", false).unwrap();
    costs_no_more_than_its_length("aaaa@a.example,", 1 << 20, &|list| {
        let to = list.split(',').map(|address| Mailbox { name: String::new(), address: address.to_owned() });
        let message = Reading::of(Message { to: to.collect(), ..Message::default() });
        condition.holds(&Look::new(&message, 0));
    });
}

#[test]
fn a_limited_number_of_words_is_looked_for() {
    let words = |count: usize| (0..count).map(|n| format!("w{n} ")).collect::<String>();
    let parse = |words: String| Condition::parse(&format!("body-all={words}"), false).map(|_| ());
    assert_eq!(parse(words(50)), Ok(()));
    assert_eq!(parse(words(51)), Err("body-all: at most 50 words".to_owned()));
    assert_eq!(parse("again ".repeat(80)), Ok(()), "one word");
}
