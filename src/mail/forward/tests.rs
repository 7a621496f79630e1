#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
use proptest::prelude::*;

use super::*;
use crate::mail::costs_no_more_than_its_length;
use crate::mail::fixed_seed;
use crate::mail::message::parse;

/// `name|address|subject|text|comment` of the block in a text.
fn block(text: &str) -> Option<String> {
    let Block { from, subject, text, comment } = block::find(text)?;
    Some([from.name, from.address, subject, text, comment].join("|"))
}

fn meant(message: &Message) -> Option<Forwarded> {
    read(message).and_then(|forward| forward.meant().cloned())
}

#[test]
fn blocks_as_mail_programs_write_them() {
    for (text, want) in [
        (
            "FYI\n\n---------- Forwarded message ---------\nFrom: Ann B <ann@x.example>\nDate: Mon, 3 Mar 2025 at 10:00\n\
             Subject: Broken\nTo: <team@y.example>\n\n\n\nIt is broken.\n\nAnn",
            "Ann B|ann@x.example|Broken|It is broken.\n\nAnn|FYI",
        ),
        (
            "---------- Weitergeleitete Nachricht ----------\nVon: *Ann* <ann@x.example>\nDatum: 3. März\nBetreff: Kaputt\n\
             An: a@y.example, \nB <b@y.example>\nCc: <c@y.example>\n\nText",
            "Ann|ann@x.example|Kaputt|Text|",
        ),
        (
            "Please\n\n-----Original Message-----\nFrom: Ann [mailto:ann@x.example] \nSent: Monday 10:00\nTo: Team\n\
             Subject: Broken\n\nText",
            "Ann|ann@x.example|Broken|Text|Please",
        ),
        (
            "-----Ursprüngliche Nachricht-----\nVon: Müller, Ann <ann@x.example>\nGesendet: Montag\nAn: Team\n\
             Betreff: Kaputt\nWichtigkeit: Hoch\n\nText",
            "Müller, Ann|ann@x.example|Kaputt|Text|",
        ),
        (
            "Bitte\nB\n\nVon: Ann <ann@x.example<mailto:ann@x.example>>\nGesendet: Montag\nAn: Team<mailto:t@y.example>\n\
             Betreff: Kaputt\n\nText",
            "Ann|ann@x.example|Kaputt|Text|Bitte\nB",
        ),
        (
            "See below\n________________________________\nFrom: Ann <ann@x.example>\nSent: Monday\nTo: Team\n\
             Subject: Broken\nIt is broken.\nTo me at least",
            "Ann|ann@x.example|Broken|It is broken.\nTo me at least|See below",
        ),
        (
            "-------- Forwarded Message --------\nSubject: \tBroken\nDate: \tMon, 3 Mar\nFrom: \tAnn <ann@x.example>\n\
             Reply-To: \tb@x.example\nTo: \ta@y.example,\nb@y.example\n\n\nText",
            "Ann|ann@x.example|Broken|Text|",
        ),
        (
            "Hi\n\n-------- Weitergeleitete Nachricht --------\nBetreff:     Kaputt,\n             seit heute\nDatum:   3.3.\n\
             Von:     Ann <ann@x.example>\nAn:      a@y.example\n\nText",
            "Ann|ann@x.example|Kaputt, seit heute|Text|Hi",
        ),
        (
            "FYI\n\nBegin forwarded message:\n\n> From: Ann <ann@x.example>\n> Subject: Broken\n> Date: 3 March\n\
             > To: a@y.example\n> \n> Text\n>\n>> older\n> \nSent from my phone",
            "Ann|ann@x.example|Broken|Text\n\n> older\n\nSent from my phone|FYI",
        ),
        (
            "Anfang der weitergeleiteten Nachricht:\n\nVon: Ann <ann@x.example>\n\nBetreff: Kaputt\n\nDatum: 3. März\n\n\
             An: a@y.example\n\nText\n\nAn: nobody",
            "Ann|ann@x.example|Kaputt|Text\n\nAn: nobody|",
        ),
        (
            "*From:* Ann <ann@x.example>\n*Sent:* Monday\n*To:* a@y.example\n*Subject:* ***SPAM*** Win\n\n*Text*",
            "Ann|ann@x.example|***SPAM*** Win|*Text*|",
        ),
        ("*From: *Ann\n    <ann@x.example>\n**Date:** Monday\n\nText", "Ann|ann@x.example||Text|"),
        (
            "---------- Message transféré ---------\nDe\u{a0}: Ann <ann@x.example>\nDate\u{a0}: lun.\nObjet\u{a0}: Panne\nÀ\u{a0}: b@y.example\n\nT",
            "Ann|ann@x.example|Panne|T|",
        ),
        ("De: Ann <ann@x.example>\nEnviado el: lunes\nPara: b\nAsunto: Roto\n\nT", "Ann|ann@x.example|Roto|T|"),
        ("Van: Ann <ann@x.example>\nVerzonden: maandag\nAan: b\nOnderwerp: Stuk\n\nT", "Ann|ann@x.example|Stuk|T|"),
        ("Da: Ann <ann@x.example>\nInviato: lunedì\nA: b\nOggetto: Rotto\n\nT", "Ann|ann@x.example|Rotto|T|"),
        ("发件人：Ann <ann@x.example>\n发送时间：星期一\n主题：坏了\n\nT", "Ann|ann@x.example|坏了|T|"),
        (
            "Gesendet: Montag\nVon: \"Ann B\" <ann@x.example>\nAn: b@y.example\nBetreff: Kaputt\nText",
            "Ann B|ann@x.example|Kaputt|Text|",
        ),
        (
            "From: Staff <s@x.example>\nSent: Monday\nTo: me\nSubject: FW: Broken\n\nFrom: Ann <ann@x.example>\nSent: Sunday\n\
             Subject: Broken\n\nT",
            "Staff|s@x.example|FW: Broken|From: Ann <ann@x.example>\nSent: Sunday\nSubject: Broken\n\nT|",
        ),
        ("From: Ann<mailto:ann@x.example>\nTo: b\n\nT", "Ann|ann@x.example||T|"),
        ("From:\nAnn <ann@x.example>\nTo:\nb@y.example\nSubject:\nBroken", "Ann|ann@x.example||Broken|"),
        (
            "To: us\n\nFrom: Team\nTo: Ann\n\nFrom: ann@x.example\nDate: today\n",
            "|ann@x.example|||To: us\n\nFrom: Team\nTo: Ann",
        ),
    ] {
        assert_eq!(block(text).as_deref(), Some(want), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_block() {
    for text in [
        "",
        "Text",
        "From: ann@x.example",
        "From: ann@x.example\n\nText\n\nTo: b",
        "From: ann@x.example\nCc: b",
        "From: Ann\nSent: Monday\nTo: Team\nSubject: Broken\n\nText ann@x.example",
        "Sent: Monday\nTo: Team\nSubject: Broken",
        "I got this from: ann@x.example\nto: b",
        "From: ann@x.example\none\ntwo\n\nthree\nTo: b",
        "---------- Forwarded message ---------\nText",
    ] {
        assert_eq!(block(text), None, "{text}");
    }
}

const BLOCK: &str = "See\n\nFrom: Ann <ann@x.example>\nSent: Monday\nSubject: Broken\n\nText";

/// A message with an attached one.
fn with_attached(head: &str, kind: &str, text: &str) -> Message {
    let inner = "From: Bob <bob@x.example>\r\nSubject: Attached\r\nMessage-ID: <1@x>\r\n\r\nInner";
    let body = format!(
        "--b\r\n\r\n{text}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
         From: c@x.example\r\n\r\nSecond\r\n--b--\r\n"
    );
    parse(format!("{head}\r\nContent-Type: {kind}; boundary=b\r\n\r\n{body}").as_bytes())
}

fn plain(head: &str, text: &str) -> Message {
    parse(format!("{head}\r\n\r\n{text}").as_bytes())
}

#[test]
fn forwards_are_told_from_other_mail() {
    let mixed = "multipart/mixed";
    for (message, want) in [
        (plain("Subject: Fwd: Broken", BLOCK), true),
        (plain("Subject: WG: Broken\r\nReferences: <1@x> <2@x>\r\nIn-Reply-To: <2@x>", BLOCK), true),
        (plain("Subject: [EXT] FW: Broken", BLOCK), true),
        (plain("Subject: Fwd: Broken", "Text"), false),
        (plain("Subject: Re: Broken", BLOCK), false),
        (plain("Subject: Re: Fwd: Broken", BLOCK), false),
        (plain("Subject: Broken", BLOCK), false),
        (plain("Subject: Broken\r\nX-Forwarded-Message-Id: <1@x>", "Text"), true),
        (plain("Subject: VS: Broken", "On Monday Ann wrote:\n> Text"), false),
        (with_attached("Subject: Fwd: Broken", mixed, "See"), true),
        (with_attached("Subject: Broken", mixed, "See"), false),
        (with_attached("Subject: Fwd: Broken", "multipart/report", "See"), false),
        (with_attached("Subject: x\r\nX-Forwarded-Message-Id: <1@x>", "multipart/report", "See"), false),
    ] {
        assert_eq!(read(&message).is_some(), want, "{message:?}");
    }
}

#[test]
fn what_is_forwarded() {
    let ann = Mailbox { name: "Ann".into(), address: "ann@x.example".into() };
    let copy = Forwarded {
        attached: false,
        from: ann,
        subject: "Broken".into(),
        message_id: None,
        text: "Text".into(),
        comment: "See".into(),
    };
    assert_eq!(meant(&plain("Subject: Fwd: Broken", BLOCK)), Some(copy.clone()));
    let named = Forwarded { message_id: Some("9@x".into()), ..copy };
    assert_eq!(meant(&plain("Subject: Broken\r\nX-Forwarded-Message-Id: <9@x>", BLOCK)), Some(named));
    assert_eq!(meant(&plain("Subject: Broken\r\nX-Forwarded-Message-Id: <9@x>", "Text")), None);
    let attached = Forwarded {
        attached: true,
        from: Mailbox { name: "Bob".into(), address: "bob@x.example".into() },
        subject: "Attached".into(),
        message_id: Some("1@x".into()),
        text: "Inner".into(),
        comment: "See".into(),
    };
    assert_eq!(meant(&with_attached("Subject: Fwd: Broken", "multipart/mixed", "See")), Some(attached));
}

#[test]
fn html_is_read_as_its_text() {
    let outlook = "<div>See</div><hr><div id=divRplyFwdMsg><font><b>From:</b> Ann &lt;ann@x.example&gt;<br><b>Sent:</b> Monday\
                   <br><b>To:</b> Team<br><b>Subject:</b> Broken</font><div>&nbsp;</div></div><div>Text</div>";
    let thunderbird = "<p>See</p><div>-------- Forwarded Message --------<table><tr><th>Subject: </th><td>Broken</td></tr>\
                       <tr><th>Date: </th><td>Monday</td></tr><tr><th>From: </th><td>Ann <a href='mailto:ann@x.example'>\
                       &lt;ann@x.example&gt;</a></td></tr></table><br>Text</div>";
    let apple = "See<br><blockquote><div>Begin forwarded message:</div><br><div><b>From: </b>Ann &lt;ann@x.example&gt;</div>\
                 <div><b>Subject: </b><b>Broken</b></div><div><b>Date: </b>Monday</div><br><div>Text</div></blockquote>";
    for html in [outlook, thunderbird, apple] {
        let message = plain("Subject: Fwd: Broken\r\nContent-Type: text/html", html);
        let Forwarded { from, subject, text, comment, .. } = meant(&message).unwrap();
        let read = [from.name, from.address, subject, text, comment].join("|");
        assert_eq!(read, "Ann|ann@x.example|Broken|Text|See", "{}", message.text);
    }
}

#[test]
fn long_texts_take_linear_time() {
    for unit in
        ["to:\n", "cc:\n", "To: a\ncc: b\n", "From: x\nTo: y\n", ">", "> \n", "From: a <\n", "-\n", "to: a,\n@\n"]
    {
        costs_no_more_than_its_length(unit, 32 << 10, &|text| {
            assert_eq!(block(text), None, "{unit}");
            block(&format!("{text}\nFrom: ann@x.example\nTo: b"));
        });
    }
}

proptest! {
    #![proptest_config(fixed_seed(6))]

    #[test]
    fn nothing_panics(text in "(From|To|Betreff|\\*Date|[>* ]|:|: |\n|a@b.example|[<>,\\[-]|mailto|é|\\PC)*") {
        if let Some(found) = block::find(&text) {
            prop_assert!(found.from.address.contains('@'));
            prop_assert!(text.contains(&found.comment));
        }
    }
}
