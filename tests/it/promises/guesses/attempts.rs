//! How a stranger tries: one function for each place in a message that may lead into a case.

use super::{SUPPORT, Scene, customer, foreign_id, ghost};
use crate::support::{Dice, Letter, mail};

/// One attempt, with what it tries.
pub(super) fn guess(scene: &Scene, dice: &mut Dice, serial: u64) -> (String, Letter) {
    let number = 1 + i64::try_from(dice.below(u64::try_from(scene.cases).unwrap())).unwrap();
    let (from, who) = stranger(dice, serial, number);
    let letter = mail(&from, SUPPORT, &format!("Guess {serial}")).message_id(&format!("<{serial}@guess.example>"));
    let (letter, how) = match dice.below(6) {
        0 => by_subject(dice, letter, serial, number),
        1 => by_foreign_id(dice, letter, number),
        2 => by_altered_id(scene, dice, letter),
        3 => by_reply_address(scene, dice, letter),
        4 => by_report(scene, dice, letter),
        _ => by_content(dice, letter, serial, number),
    };
    (format!("{how} from {who}"), letter)
}

/// An address that takes part in nothing, however much it looks like one that does.
fn stranger(dice: &mut Dice, serial: u64, number: i64) -> (String, &'static str) {
    let eva = customer(number);
    match dice.below(8) {
        0 => (format!("\"{eva}\" <m{serial}@elsewhere.example>"), "a name like an address"),
        1 => (format!("eva{number}@customer.example.elsewhere{serial}.example"), "a longer domain"),
        2 => (format!("eva{number}+{serial}@customer.example"), "a plus form"),
        3 => (format!("m{serial}@customer.example"), "the customer's domain"),
        4 => ("Ana <ana@staff.example>".to_owned(), "a staff address"),
        5 => (format!("\"{eva}\"@elsewhere{serial}.example"), "a quoted local part"),
        6 => (format!("m{serial}@elsewhere.example, {eva}"), "two authors"),
        _ => (format!("m{serial}@elsewhere.example"), "a stranger"),
    }
}

type Tried = (Letter, String);

fn by_subject(dice: &mut Dice, letter: Letter, serial: u64, number: i64) -> Tried {
    let number = if dice.below(3) == 0 { i64::try_from(dice.below(100_000)).unwrap() } else { number };
    let forms = [
        format!("[#{number}]"),
        format!("Re: [#{number}] Matter {number}"),
        format!("AW: WG: [#{number}]"),
        format!("[# {number}]"),
        format!("[#0{number}]"),
        format!("#{number}"),
        format!("[Case #{number}]"),
        format!("[#{number}][#1]"),
        format!("=?utf-8?Q?=5B=23{number}=5D?="),
        format!("[\u{ff03}{number}]"),
        format!("[#{number}\u{200b}]"),
    ];
    let form = &forms[usize::try_from(dice.below(11)).unwrap()];
    (letter.header("Subject", &format!("{form} guess {serial}")), format!("subject {form}"))
}

fn by_foreign_id(dice: &mut Dice, letter: Letter, number: i64) -> Tried {
    let (id, ghost) = (foreign_id(number), ghost(number));
    match dice.below(6) {
        0 => (letter.in_reply_to(&id), "In-Reply-To the customer's mail".into()),
        1 => (letter.references(&[&ghost, &id]), "References to the customer's mail".into()),
        2 => (letter.in_reply_to(&ghost), "In-Reply-To a mail nobody has seen".into()),
        3 => (letter.message_id(&ghost), "Message-ID of a mail nobody has seen".into()),
        4 => (letter.message_id(&id), "Message-ID of the customer's mail".into()),
        _ => {
            (letter.header("Thread-Index", "AQHZ").in_reply_to(&id).references(&[&id, &id]), "the whole thread".into())
        }
    }
}

/// Our id in which something is not as it was; its domain and the case of its letters do not count.
fn by_altered_id(scene: &Scene, dice: &mut Dice, letter: Letter) -> Tried {
    let mut pick = || scene.ours[usize::try_from(dice.below(scene.ours.len() as u64)).unwrap()].clone();
    let (one, other) = (pick(), pick());
    let (local, domain) = one.split_once('@').unwrap();
    let altered = match dice.below(6) {
        0 => {
            let at = usize::try_from(dice.below(local.len() as u64)).unwrap();
            let new = if local.as_bytes()[at] == b'0' { "1" } else { "0" };
            format!("{}{new}{}", &local[..at], &local[at + 1..])
        }
        1 => local[..local.len() - 1].to_owned(),
        2 => format!("{local}0"),
        3 => {
            let ((signed, _), mac) = (local.rsplit_once('.').unwrap(), other.split(['.', '@']).nth(2).unwrap());
            let mac = if other == one { "00000000000000000000000000000000" } else { mac };
            format!("{signed}.{mac}")
        }
        4 => format!("c{:016x}.{:016x}.{:032x}", dice.below(u64::MAX), dice.below(u64::MAX), dice.below(u64::MAX)),
        _ => format!("Case/{}/1700000000/abcdef", dice.below(7)),
    };
    let id = format!("<{altered}@{domain}>");
    let what = format!("altered id {id} of {one}");
    if dice.below(2) == 0 { (letter.in_reply_to(&id), what) } else { (letter.references(&[&id]), what) }
}

fn by_reply_address(scene: &Scene, dice: &mut Dice, letter: Letter) -> Tried {
    let tag = &scene.tags[usize::try_from(dice.below(scene.tags.len() as u64)).unwrap()];
    let at = "support+".len() + usize::try_from(dice.below(34)).unwrap();
    let new = if tag.as_bytes()[at] == b'0' { "1" } else { "0" };
    let altered = match dice.below(4) {
        0 => tag.split_once('.').unwrap().0.to_owned() + "@desk.example",
        1 => format!("support+c{:016x}.{:016x}@desk.example", dice.below(u64::MAX), dice.below(u64::MAX)),
        2 => format!("support+{}@desk.example", dice.below(7)),
        _ => format!("{}{new}{}", &tag[..at], &tag[at + 1..]),
    };
    (letter.header("To", &altered).header("Delivered-To", &altered), format!("reply address {altered} for {tag}"))
}

/// A delivery report about a mail that we never sent.
fn by_report(scene: &Scene, dice: &mut Dice, letter: Letter) -> Tried {
    let (altered, what) = by_altered_id(scene, dice, mail("a@b.example", "c@d.example", "x"));
    let id = format!("{}{}", altered.value("In-Reply-To"), altered.value("References"));
    let text = format!(
        "--r\r\nContent-Type: text/plain\r\n\r\nfailed\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; eva1@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        --r\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {id}\r\nSubject: [#1]\r\n--r--\r\n"
    );
    let letter = letter.header("Content-Type", "multipart/report; report-type=delivery-status; boundary=r").body(&text);
    (letter, format!("report about {what}"))
}

fn by_content(dice: &mut Dice, letter: Letter, serial: u64, number: i64) -> Tried {
    let eva = customer(number);
    let block =
        format!("---------- Forwarded message ---------\nFrom: {eva}\nTo: {SUPPORT}\nSubject: [#{number}]\n\nHello\n");
    match dice.below(6) {
        0 => (letter.reply_to(&eva), "Reply-To the customer".into()),
        1 => (letter.header("Sender", &eva), "Sender the customer".into()),
        2 => (letter.cc(&eva), "Cc the customer".into()),
        3 => (letter.header("Subject", &format!("Fwd: [#{number}] {serial}")).body(&block), "a forward".into()),
        4 => (letter.header("Resent-From", &eva).header("Return-Path", &format!("<{eva}>")), "Resent-From".into()),
        _ => (letter.header("X-Forwarded-Message-Id", &foreign_id(number)), "X-Forwarded-Message-Id".into()),
    }
}
