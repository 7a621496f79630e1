use proptest::prelude::*;

use super::*;
use crate::mail::costs_no_more_than_its_length;
use crate::mail::fixed_seed;
use crate::mail::reading::Reading;

fn label(head: &str, trusted: Trusted<'_>) -> &'static str {
    let message = Reading::parse(format!("{head}\r\n\r\nText").as_bytes());
    verdict(&message, &message.results, trusted).label()
}

fn by_mx(head: &str) -> &'static str {
    label(head, Trusted::Server("mx.example"))
}

#[test]
fn headers_as_servers_write_them() {
    for (value, want) in [
        ("mx.example; dmarc=pass (p=none dis=none) header.from=x.example", "pass"),
        ("MX.Example; DMARC=Pass(p=NONE,sp=NONE) header.from=X.EXAMPLE", "pass"),
        ("mx.example 1; spf=pass smtp.mailfrom=x.example;\r\n\tdmarc=pass\r\n\theader.from=x.example", "pass"),
        ("mx.example; dmarc=pass", "pass"),
        ("mx.example; dmarc=pass;", "pass"),
        ("mx.example;dmarc=pass action=none header.from=x.example;compauth=pass reason=100", "pass"),
        ("mx.example; dkim=pass header.b=ab/c= header.i=@y.example; dmarc=pass header.from=x.example", "pass"),
        ("mx.example; spf=none smtp.mailfrom=; dmarc=pass header.from=x.example.", "pass"),
        ("mx.example; spf=pass (mx.example: domain of a@b) client-ip=2001:db8::1; dmarc=pass", "pass"),
        ("\"mx.example\" (our) 1 (one); dmarc / 1 = pass (a (b) \\) c) header.from=x.example", "pass"),
        ("mx.example; dmarc=pass header.from=a@x.example", "pass"),
        ("mx.example; dmarc=pass reason=\"a; b (\" header.from=x.example", "pass"),
        ("mx.example; dmarc=fail header.from=y.example; dmarc=pass header.from=x.example", "pass"),
        ("mx.example; dmarc=fail (p=reject) header.from=x.example", "fail"),
        ("mx.example; dmarc=fail", "fail"),
        ("mx.example; dmarc=pass; dmarc=fail", "fail"),
        ("mx.example; dmarc=temperror", "fail"),
        ("mx.example; dmarc=permerror", "fail"),
        ("mx.example; dmarc=quarantine header.from=x.example", "fail"),
        ("mx.example; dmarc=softfail header.from=x.example", "fail"),
        ("mx.example; dmarc=none header.from=x.example", "none"),
        ("mx.example; dmarc=bestguesspass header.from=x.example", "none"),
        ("mx.example; dmarc=none header.from=x.example; dkim=pass header.d=x.example", "pass"),
        ("mx.example; dmarc=none header.from=x.example; spf=pass smtp.mailfrom=a@x.example", "pass"),
        ("mx.example; dmarc=none header.from=x.example; spf=pass smtp.mailfrom=a@y.example", "none"),
        ("mx.example; dmarc=none header.from=x.example; dkim=fail header.d=x.example", "none"),
        ("mx.example; dmarc=none header.from=x.example; dkim=pass header.d=example", "none"),
        ("mx.example; dmarc=none header.from=x.example; dkim=pass header.d=a.x.example", "none"),
        ("mx.example; spf=pass; dkim=pass header.d=x.example", "pass"),
        ("mx.example; spf=pass; dkim=pass header.d=y.example", "fail"),
        ("mx.example; none", "fail"),
        ("mx.example", "fail"),
        ("", "fail"),
    ] {
        assert_eq!(by_mx(&format!("Authentication-Results: {value}\r\nFrom: a@x.example")), want, "{value}");
    }
}

#[test]
fn a_domain_above_the_authors_vouches_for_it() {
    let head = "Authentication-Results: mx.example; dmarc=none; dkim=pass header.d=x.example\r\nFrom: a@b.x.example";
    assert_eq!(by_mx(head), "pass");
    assert_eq!(by_mx(&head.replace("b.x.example", "bx.example")), "none");
}

#[test]
fn a_domain_is_the_authors_in_its_own_letters_too() {
    let field = |named: &str| format!("Authentication-Results: mx.example; dmarc=pass header.from={named}\r\n");
    for (named, from, want) in [
        ("m\u{fc}ller.example", "info@m\u{fc}ller.example", "pass"),
        ("m\u{fc}ller.example", "info@xn--mller-kva.example", "pass"),
        ("xn--mller-kva.example", "info@mu\u{308}ller.example", "pass"),
        ("muller.example", "info@m\u{fc}ller.example", "fail"),
    ] {
        assert_eq!(by_mx(&format!("{}From: {from}", field(named))), want, "{named} {from}");
    }
}

#[test]
fn a_field_that_can_be_read_in_several_ways_needs_the_domain_that_was_judged() {
    for (from, alone, named) in [
        ("a@evil.example <v@x.example>", "fail", "pass"),
        ("v@x.example (<a@evil.example>)", "fail", "pass"),
        ("<@evil.example:v@x.example>", "fail", "pass"),
        ("\"v@x.example\" <v@X.example>", "pass", "pass"),
        ("\"v@x.example.evil.example\" <v@x.example>", "fail", "pass"),
        ("V <v@x.example>", "pass", "pass"),
    ] {
        for word in ["pass", "none", "bestguesspass"] {
            let by =
                |rest: &str| by_mx(&format!("Authentication-Results: mx.example; dmarc={word}{rest}\r\nFrom: {from}"));
            let as_said = |want: &'static str| if want == "pass" && word != "pass" { "none" } else { want };
            assert_eq!(by(""), as_said(alone), "{word} {from}");
            assert_eq!(by(" header.from=x.example"), as_said(named), "{word} {from}");
        }
    }
}

#[test]
fn nothing_is_smuggled_in() {
    for value in [
        "evil.example; dmarc=pass",
        "mx.example.evil.example; dmarc=pass",
        "mx.example 2; dmarc=pass",
        "(mx.example; dmarc=pass) evil.example; dmarc=pass",
        "mx.example; dmarc=pass header.from=y.example",
        "mx.example; dmarc=pass header.from=x.example header.from=y.example",
        "mx.example; dmarc/2=pass",
        "mx.example; dmarc=\"pass\"",
        "mx.example; \"dmarc\"=pass",
        "mx.example; x-dmarc=pass",
        "mx.example; spf=fail dmarc=pass",
        "mx.example; spf=fail smtp.mailfrom=\"; dmarc=pass \"@x.example",
        "mx.example; spf=fail smtp.mailfrom=\"\\\"; dmarc=pass \"@x.example",
        "mx.example; spf=fail smtp.mailfrom=\"=?utf-8?q?=22;_dmarc=3Dpass_=22?=\"@x.example",
        "mx.example; =?utf-8?q?dmarc=3Dpass?=",
        "mx.example; spf=fail (says ; dmarc=pass)",
        "mx.example; spf=fail (says (; dmarc=pass) ; dmarc=pass)",
        "mx.example; spf=fail (says \\) ; dmarc=pass)",
        "mx.example; spf=fail (=?utf-8?q?=29;_dmarc=3Dpass_=28?=)",
        "mx.example; dmarc=pass (never closed",
        "mx.example; dmarc=pass reason=\"never closed",
        "mx.example; nonsense; dmarc=pass",
        "mx.example dmarc=pass",
        "mx.example; dmarc(=pass)",
        "dmarc=pass header.from=x.example",
    ] {
        let head = format!("Authentication-Results: {value}\r\nFrom: a@x.example");
        assert_eq!(by_mx(&head), "fail", "{value}");
    }
}

#[test]
fn all_fields_of_the_server_above_the_first_foreign_one_are_read() {
    let field = |value: &str| format!("Authentication-Results: {value}\r\n");
    let (spf, pass) = (field("mx.example; spf=pass smtp.mailfrom=b@y.example"), field("mx.example; dmarc=pass"));
    let (fail, foreign) = (field("mx.example; dmarc=fail"), field("other.example; none"));
    let broken = field("mx.example; dmarc=none (never closed");
    for (fields, want) in [
        (vec![&spf, &pass], "pass"),
        (vec![&pass, &spf], "pass"),
        (vec![&pass, &fail], "fail"),
        (vec![&pass, &foreign, &fail], "pass"),
        (vec![&foreign, &pass], "fail"),
        (vec![&spf, &broken, &pass], "fail"),
        (vec![&spf], "fail"),
        (vec![], "fail"),
    ] {
        let fields: String = fields.into_iter().map(String::as_str).collect();
        assert_eq!(by_mx(&format!("{fields}From: a@x.example")), want, "{fields}");
    }
    assert_eq!(by_mx("ARC-Authentication-Results: mx.example; dmarc=pass\r\nFrom: a@x.example"), "fail");
}

/// The server looked at one address at most; a reader of another one must not take the verdict for that.
#[test]
fn a_pass_is_for_exactly_the_one_author() {
    let pass = "Authentication-Results: mx.example; dmarc=pass";
    for (head, want) in [
        (format!("{pass} header.from=x.example\r\nFrom: A <a@x.example>"), "pass"),
        (format!("{pass}\r\nFrom: a@x.example, b@x.example"), "fail"),
        (format!("{pass}\r\nFrom: a@x.example\r\nFrom: b@y.example"), "fail"),
        (format!("{pass} header.from=y.example\r\nFrom : a@x.example\r\nFrom: b@y.example"), "fail"),
        (format!("{pass} header.from=y.example\r\nFrom: <b@y.example><a@x.example>"), "fail"),
        (format!("{pass}\r\nFrom: <b@y.example> a@x.example"), "fail"),
        (format!("{pass}\r\nFrom: a@x.example (<b@y.example>)"), "fail"),
        (format!("{pass}\r\nFrom: <@y.example:a@x.example>"), "fail"),
        (format!("{pass} header.from=y.example\r\nFrom: <@y.example:a@x.example>"), "fail"),
        (format!("{pass}\r\nFrom: friends: a@x.example, b@y.example;"), "fail"),
        (format!("{pass}\r\nFrom: nobody"), "fail"),
        (pass.to_owned(), "fail"),
    ] {
        assert_eq!(by_mx(&head), want, "{head}");
    }
}

#[test]
fn what_is_trusted_is_a_setting() {
    let pass = "Authentication-Results: mx.example; dmarc=pass\r\nFrom: a@x.example";
    let unnamed = "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=x.example;
 dkim=pass (signature was verified) header.d=x.example;dmarc=pass action=none header.from=x.example;compauth=pass
From: a@x.example";
    for (setting, head, want) in [
        (None, pass, ""),
        (Some(""), pass, ""),
        (Some(" "), pass, ""),
        (Some("example"), pass, "fail"),
        (Some("MX.example"), pass, "pass"),
        (Some("none"), pass, "fail"),
        (Some("none"), unnamed, "pass"),
        (Some("none"), "From: a@x.example", "fail"),
        (Some("spf"), unnamed, "fail"),
        (None, unnamed, ""),
    ] {
        assert_eq!(label(head, Trusted::of(setting)), want, "{setting:?} {head}");
    }
    let below = format!("Authentication-Results: mx.example; dmarc=fail\r\n{unnamed}");
    assert_eq!(label(&below, Trusted::Unnamed), "fail", "only the topmost field");
}

#[test]
fn long_values_take_linear_time() {
    for unit in ["(", "a=b;", "\"", ";", "a=b c=d ", "\\", "=", "/"] {
        costs_no_more_than_its_length(unit, 65_536, &|text| drop(read(&format!("mx.example; {text}"))));
    }
}

proptest! {
    #![proptest_config(fixed_seed(5))]

    #[test]
    fn what_is_quoted_decides_nothing(text in "[a-c;=()\\\\\" .@]*", comment: bool) {
        let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
        let (open, close) = if comment { ('(', ')') } else { ('"', '"') };
        let value = format!("mx.example; spf=fail smtp.mailfrom={open}; dmarc=pass {escaped}{close}; dmarc=none");
        let (_, results) = read(&value).unwrap_or_default();
        prop_assert_eq!(results.len(), 2);
    }
}
