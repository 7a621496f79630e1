#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::mail::message::parse;

fn bounce(source: &str) -> Option<Bounce> {
    read(&parse(source.as_bytes()))
}

/// A report of RFC 3464 with these groups about recipients.
fn report(groups: &str) -> String {
    format!(
        "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: desk@shop.example\nSubject: Undelivered Mail\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nIt could not be delivered.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{groups}\n\
         --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <first@shop.example>\nTo: kim@x.example\n--b--\n"
    )
}

#[test]
fn reports_of_rfc_3464() {
    let failed = "Final-Recipient: rfc822; kim@x.example\nAction: failed\n";
    for (groups, outcome, status) in [
        (format!("{failed}Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown"), Outcome::Hard, "5.1.1"),
        (format!("{failed}Status: 5.1.10"), Outcome::Hard, "5.1.10"),
        (format!("{failed}Status: 5.1.100"), Outcome::Soft, "5.1.100"),
        (format!("{failed}Status: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 full"), Outcome::Soft, "5.2.2"),
        (format!("{failed}Status: 5.7.1\nDiagnostic-Code: smtp; 554 5.7.1 spam"), Outcome::Soft, "5.7.1"),
        (format!("{failed}Status: 4.4.1"), Outcome::Soft, "4.4.1"),
        // What says nothing is explained by the server's words.
        (format!("{failed}Status: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 No such user here"), Outcome::Hard, "5.1.1"),
        (format!("{failed}Status: 5.0.0\nDiagnostic-Code: smtp; 550 unrouteable address"), Outcome::Hard, "5.0.0"),
        (format!("{failed}Status: 5.0.0\nDiagnostic-Code: smtp; 552\n Message too large"), Outcome::Soft, "5.0.0"),
        (
            format!("{failed}Status: 5.1.0\nDiagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'denied'"),
            Outcome::Soft,
            "5.1.0",
        ),
        (failed.replace("failed", "delayed") + "Status: 4.4.7", Outcome::Delayed, "4.4.7"),
        ("Original-Recipient: rfc822;<kim@x.example>\nStatus: 5.1.1 (bad mailbox)".into(), Outcome::Hard, "5.1.1"),
    ] {
        let bounce = bounce(&report(&groups)).unwrap_or_else(|| panic!("{groups}"));
        let [failure] = bounce.failures.as_slice() else { panic!("{groups}: {bounce:?}") };
        assert_eq!(
            (failure.address.as_str(), failure.outcome, failure.status.as_str()),
            ("kim@x.example", outcome, status),
            "{groups}"
        );
        assert_eq!(bounce.original_message_id.as_deref(), Some("first@shop.example"), "{groups}");
    }
}

#[test]
fn words_decide_more_than_codes() {
    use Outcome::{Hard, Soft};
    for (status, said, outcome) in [
        ("5.0.0", "550 5.7.26 <kim@x.example>: Recipient address rejected: SPF and DKIM failed", Soft),
        ("5.1.1", "550 5.7.1 IP address blacklisted by recipient", Soft),
        ("5.1.1", "550 5.1.1 blocked by policy", Soft),
        ("5.1.1", "550 5.7.1 Access denied", Soft),
        ("5.0.0", "550 5.1.1 Rejected", Hard),
        ("5.0.0", "550 User unknown, see our policy", Hard),
        ("5.1.1", "550 5.1.1 User unknown, see our policy", Hard),
        ("5.0.0", "550 Invalid final delivery userid: kim@x.example", Hard),
        ("5.0.0", "554 delivery error: This user does not have a x.example account", Hard),
        ("5.0.0", "554 This user doesn't have a x.example account", Hard),
        ("5.0.0", "554 This user doesn\u{2019}t have an account", Hard),
        ("5.0.0", "550 an MX or SRV record indicated no SMTP service", Hard),
        ("5.3.0", "553 5.3.0 <kim@x.example>... Addressee unknown, relay=[192.0.2.9]", Hard),
        ("5.0.0", "550 User unknown in relay recipient table", Hard),
        ("5.0.0", "554 5.7.1 <kim@x.example>: Relay access denied", Soft),
        ("5.0.0", "Host not found, try again", Soft),
        ("5.0.0", "550 Unroutable sender address", Soft),
        ("5.0.0", "550 Sender address rejected: Domain not found", Soft),
        ("5.0.0", "550 no_such_user", Hard),
        ("5.0.0", "host no.such.user.example[192.0.2.1] said: 550 go away", Soft),
        ("5.0.0", "host antispam.example said: 550 user unknown", Hard),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", Hard),
        ("5.7.1", "550 5.7.1 Recipient address rejected: Access denied", Soft),
        ("5.2.1", "550 5.2.1 mailbox unavailable", Soft),
        ("5.0.0", "550 Requested action not taken: mailbox unavailable", Hard),
        ("4.1.1", "450 4.1.1 User unknown", Soft),
        ("5.0.0", "452 4.2.2 user unknown", Soft),
        ("", "", Soft),
        ("", "This is a permanent error", Hard),
        ("5.0.0", "Benutzer unbekannt", Hard),
        ("5.0.0", "Das Postfach ist voll", Soft),
        ("5.0.0", "用户不存在", Hard),
        ("5.0.0", "Почтовый ящик переполнен", Soft),
    ] {
        assert_eq!(Said::by(said).outcome(status), outcome, "{status}: {said}");
    }
}

/// That nobody has this address, in the words of many systems, and refusals for other reasons in nearly the same words.
#[test]
fn systems_say_in_their_own_words_that_a_user_is_not_there() {
    use Outcome::{Hard, Soft};
    let mut wrong = Vec::new();
    for (said, outcome) in [
        ("User kim (kim@x.example) not listed in public Name & Address Book", Hard),
        ("User Kim Lee (kim@x.example) not listed in Domino Directory", Hard),
        ("User kim not listed in any Directory", Hard),
        ("No such user in the Domino Directory", Hard),
        ("Benutzer kim (kim@x.example) nicht im Domino-Verzeichnis aufgeführt", Hard),
        ("Benutzer kim (kim@x.example) ist nicht im Domino Verzeichnis eingetragen", Hard),
        ("L'utilisateur kim (kim@x.example) n'est pas répertorié dans l'annuaire Domino", Hard),
        ("El usuario kim (kim@x.example) no figura en el Directorio Domino", Hard),
        ("El usuario kim no aparece en el directorio", Hard),
        ("L'utente kim (kim@x.example) non è elencato nella Directory Domino", Hard),
        ("L'utente kim non è presente nella rubrica", Hard),
        ("ユーザー kim は Domino ディレクトリに登録されていません", Hard),
        ("ユーザー kim は見つかりません", Hard),
        ("The recipient name is not recognized", Hard),
        ("The e-mail account does not exist at the organization this message was sent to", Hard),
        ("The email address you entered couldn't be found", Hard),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient kim@x.example not found by SMTP address lookup", Hard),
        ("Die eingegebene E-Mail-Adresse konnte nicht gefunden werden", Hard),
        ("Die E-Mail-Adresse des Empfängers wurde im E-Mail-System des Empfängers nicht gefunden", Hard),
        ("Das E-Mail-Konto ist in der Organisation nicht vorhanden", Hard),
        ("L'adresse de messagerie que vous avez entrée est introuvable", Hard),
        ("Le destinataire n'est pas référencé dans l'annuaire", Hard),
        ("No se pudo encontrar la dirección de correo electrónico que especificó", Hard),
        ("Impossibile trovare l'indirizzo di posta elettronica immesso", Hard),
        ("L'indirizzo del destinatario non esiste", Hard),
        ("受信者のアドレスが存在しません", Hard),
        ("宛先不明", Hard),
        ("The message was undeliverable to kim (user not found)", Hard),
        ("Sorry, no mailbox here by that name. (#5.1.1)", Hard),
        ("This address no longer accepts mail.", Hard),
        ("Sorry, I couldn't find a mail exchanger or IP address for that host. (#5.1.2)", Hard),
        ("550 No such user - psmtp", Hard),
        ("550 5.1.1 User unknown - psmtp", Hard),
        ("550 Invalid Recipient - https://community.mail.example/docs/DOC-1369", Hard),
        ("550 Administrative prohibition - envelope blocked", Soft),
        ("550 csi.mail.example Poor Reputation Sender", Soft),
        ("550 Recipient not in the local user database", Hard),
        ("550 kim is not a known user", Hard),
        ("554 5.7.1 The user kim is not listed as an allowed sender", Soft),
        ("Das Postfach des Benutzers ist voll", Soft),
        ("Le dossier de l'utilisateur est plein", Soft),
        ("El buzón del usuario está lleno", Soft),
        ("La casella dell'utente è piena", Soft),
        ("メールボックスがいっぱいです", Soft),
    ] {
        if Said::by(said).outcome("5.0.0") != outcome {
            wrong.push(said);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn several_recipients_each_with_its_own_outcome() {
    let group = |address: &str, action: &str, status: &str| {
        format!("Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n\n")
    };
    let groups = group("a@x.example", "failed", "5.1.1")
        + &group("b@x.example", "delivered", "2.0.0")
        + &group("c@x.example", "delayed", "4.0.0")
        + &group("a@x.example", "failed", "5.1.1");
    let bounce = bounce(&report(&groups)).unwrap();
    let found: Vec<_> = bounce.failures.iter().map(|f| (f.address.as_str(), f.outcome)).collect();
    assert_eq!(found, [("a@x.example", Outcome::Hard), ("c@x.example", Outcome::Delayed)]);
    assert!(bounce.is_hard() && !bounce.is_delay());
    assert_eq!(super::read(&parse(report(&group("b@x.example", "delivered", "2.0.0")).as_bytes())), None);
}

/// What mail systems write without the fields of RFC 3464.
#[test]
fn reports_in_words() {
    let copy = "Return-Path: <desk@shop.example>\nMessage-ID: <first@shop.example>\nTo: other@y.example\n\nHello\n";
    #[allow(clippy::type_complexity)] // A table, read column by column.
    let rows: &[(&str, &str, &str, &str, &[&str], Outcome)] = &[
        (
            "qmail",
            "MAILER-DAEMON@mx.example",
            "failure notice",
            "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n\
             <kim@x.example>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 unknown user\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n\n",
            &["kim@x.example"],
            Outcome::Hard,
        ),
        (
            "qmail, without a reason",
            "MAILER-DAEMON@mx.example",
            "failure notice",
            "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\
             This is a permanent error; I've given up. Sorry it didn't work out.\n\n<kim@x.example>:\n\n--- Below this line is a copy of the message.\n\n",
            &["kim@x.example"],
            Outcome::Hard,
        ),
        (
            "Exim",
            "Mail Delivery System <Mailer-Daemon@mx.example>",
            "Mail delivery failed: returning message to sender",
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\n\
             recipients. This is a permanent error. The following address(es) failed:\n\n  kim@x.example\n    Unrouteable address\n\n------ This is a copy of the message, including all the headers. ------\n\n",
            &["kim@x.example"],
            Outcome::Hard,
        ),
        (
            "Exim, too large",
            "Mail Delivery System <Mailer-Daemon@mx.example>",
            "Mail delivery failed",
            "The following address(es) failed:\n\n  kim@x.example\n    host mail.x.example [192.0.2.1]\n    SMTP error from remote mail server after MAIL FROM:\n    552 5.3.4 Message too large\n\n",
            &["kim@x.example"],
            Outcome::Soft,
        ),
        (
            "Postfix",
            "MAILER-DAEMON@mx.example (Mail Delivery System)",
            "Undelivered Mail Returned to Sender",
            "This is the mail system at host mx.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n\
             <kim@x.example>: host mail.x.example[192.0.2.1] said: 550 5.1.1\n    <kim@x.example>: Recipient address rejected: User unknown (in reply to RCPT TO\n    command)\n<lee@x.example>: host mail.x.example[192.0.2.1] said: 452 4.2.2 over quota\n\n",
            &["kim@x.example", "lee@x.example"],
            Outcome::Hard,
        ),
        (
            "Sendmail",
            "Mail Delivery Subsystem <MAILER-DAEMON@mx.example>",
            "Returned mail: see transcript for details",
            "The original message was received at Mon, 1 Jun 2026 10:00:00 GMT\n\n   ----- The following addresses had permanent fatal errors -----\n<kim@x.example>\n    (reason: 550 5.1.1 <kim@x.example>... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mail.x.example.:\n",
            &["kim@x.example"],
            Outcome::Hard,
        ),
        (
            "Exchange",
            "System Administrator <postmaster@x.example>",
            "Undeliverable: Hello",
            "Your message\n\n  To:      other@y.example\n  Subject: Hello\n  Sent:    Mon, 1 Jun 2026 10:00:00\n\ndid not reach the following recipient(s):\n\nkim@x.example on Mon, 1 Jun 2026 10:00:01\n    The recipient name is not recognized. Unknown recipient\n\n",
            &["kim@x.example"],
            Outcome::Hard,
        ),
        (
            "Gmail",
            "Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
            "Delivery Status Notification (Failure)",
            "Delivery to the following recipient failed permanently:\n\n     kim@x.example\n\nTechnical details of permanent failure:\nThe error that the other server returned was: 550 550 5.1.1 The email account that you tried to reach does not exist.\n\n----- Original message -----\n\n",
            &["kim@x.example"],
            Outcome::Hard,
        ),
        (
            "Exim, delayed",
            "Mail Delivery System <Mailer-Daemon@mx.example>",
            "Warning: message 1abc delayed 24 hours",
            "A message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\nThe address to which the message has not yet been delivered is:\n\n  kim@x.example\n    Delay reason: Connection timed out\n\nNo action is required on your part. Delivery attempts will continue for\nsome time, and this warning may be repeated.\n",
            &["kim@x.example"],
            Outcome::Delayed,
        ),
    ];
    for (name, from, subject, text, recipients, outcome) in rows {
        let source =
            format!("Return-Path: <>\nFrom: {from}\nTo: desk@shop.example\nSubject: {subject}\n\n{text}{copy}");
        let bounce = bounce(&source).unwrap_or_else(|| panic!("{name}: no report"));
        let addresses: Vec<&str> = bounce.failures.iter().map(|f| f.address.as_str()).collect();
        assert_eq!(&addresses, recipients, "{name}: {bounce:#?}");
        assert_eq!(bounce.failures.first().unwrap().outcome, *outcome, "{name}: {bounce:#?}");
        assert_eq!(bounce.original_message_id.as_deref(), Some("first@shop.example"), "{name}");
    }
}

/// Two signs besides the words make a report, one does not.
#[test]
fn words_and_two_signs_make_a_report() {
    let text = "Your message to <kim@x.example> could not be delivered: user unknown.";
    let copy = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nTEXT\n--b\nContent-Type: message/rfc822\n\nFrom: desk@shop.example\nTo: kim@x.example\n\nHello\n--b--\n";
    let (path, system) = ("Return-Path: <>\n", "From: postmaster@y.example\n");
    let (anybody, subject) = ("Return-Path: <kim@y.example>\nFrom: kim@y.example\n", "Subject: Undeliverable: Hello\n");
    for (head, enclosed, expected) in [
        (format!("{path}{system}"), false, true),
        (format!("{system}{subject}"), false, true),
        (system.to_owned(), true, true),
        (format!("{path}From: gateway@y.example\n"), true, true),
        (format!("{path}From: gateway@y.example\n{subject}"), true, true),
        (format!("{anybody}{subject}"), true, true),
        (format!("{path}From: gateway@y.example\n"), false, false),
        (format!("{anybody}{subject}"), false, false),
        (anybody.to_owned(), true, false),
        (format!("{anybody}Subject: Re: Undeliverable: Hello\n"), true, false),
        ("Return-Path: <MAILER-DAEMON>\nFrom: Kim <kim@y.example>\n".to_owned(), true, true),
        ("Return-Path: <postmaster@y.example>\nFrom: Kim <kim@y.example>\n".to_owned(), true, false),
    ] {
        let body = if enclosed { copy.replace("TEXT", text) } else { format!("\n{text}\n") };
        let found = bounce(&format!("{head}To: desk@shop.example\n{body}"));
        assert_eq!(found.is_some(), expected, "{enclosed} {head}");
        let first = found.and_then(|bounce| bounce.failures.into_iter().next());
        assert!(first.is_none_or(|one| one.address == "kim@x.example" && one.outcome == Outcome::Hard), "{head}");
    }
}

#[test]
fn words_alone_make_no_report() {
    let text = "The message to <kim@x.example> could not be delivered: user unknown.";
    for (head, what) in [
        ("From: Kim <kim@y.example>\nSubject: Undelivered mail?", "a customer asks"),
        ("From: Kim <kim@y.example>\nSubject: Re: failure notice", "a customer answers"),
        (
            "From: Kim <kim@y.example>\nAuto-Submitted: auto-replied\nReturn-Path: <>\nSubject: Undeliverable: away",
            "an answering machine",
        ),
        (
            "From: postmaster@y.example\nSubject: Read\nContent-Type: multipart/report; report-type=disposition-notification",
            "a receipt",
        ),
        (
            "From: abuse@y.example\nSubject: complaint\nContent-Type: multipart/report; report-type=feedback-report",
            "a complaint",
        ),
    ] {
        assert_eq!(bounce(&format!("{head}\n\n{text}\n")), None, "{what}");
    }
    assert_eq!(bounce("From: postmaster@y.example\nSubject: New mail server\n\nWe move on Monday.\n"), None);
}

/// Many recipients share one text: what it says is read once, not for each of them.
#[test]
fn many_recipients_of_one_text_cost_no_more_than_its_length() {
    use crate::mail::costs_no_more_than_its_length;
    let head = "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\n";
    let named = |text: &str| {
        let failed = format!("X-Failed-Recipients: {}\n", text.replace('\n', ", "));
        bounce(&format!("{head}{failed}{failed}\nIt failed.\n{text}")).map_or(0, |found| found.failures.len())
    };
    let listed =
        |text: &str| bounce(&format!("{head}\ndelivery failed\n{text}")).map_or(0, |found| found.failures.len());
    let groups = |text: &str| {
        let source = report(&text.replace('\n', "\n\n")).replace("It could", &"It could not. ".repeat(text.len() / 14));
        bounce(&source).map_or(0, |found| found.failures.len())
    };
    for (unit, read) in [
        ("x1f@b.co\n", &listed as &dyn Fn(&str) -> usize),
        ("x1f@b.co\n", &named),
        ("a@b.co c@d.co e@f.co ", &named),
        ("Final-Recipient: x; a@b.co\n", &groups),
    ] {
        // Each address is another one.
        let distinct = |text: &str| {
            text.split_inclusive('@')
                .enumerate()
                .fold(String::new(), |all, (n, part)| all + &part.replace('@', &format!("{n:05}@")))
        };
        costs_no_more_than_its_length(unit, 32 << 10, &|text| assert!(read(&distinct(text)) > 100, "{unit:?}"));
    }
}
