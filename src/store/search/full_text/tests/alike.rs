//! Both engines find the same rows.

#![allow(clippy::indexing_slicing)]

use jiff::Timestamp;

use super::super::super::{Bound, Test, case_condition, email_source, index, with_numbers};
use super::ids;
use crate::mail::address::Mailbox;
use crate::mail::message::{Attachment, Message};
use crate::query::{Tree, Words};
use crate::store::cases::{self, NewCase};
use crate::store::db::seen::on_server;
use crate::store::db::{Store, params};
use crate::store::emails::{self, EmailStatus, NewEmail};
use crate::store::records::erase;
use crate::store::sight::Sight;
use crate::store::tests::dice::Dice;
use crate::words;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// Emails and cases that are added before the queries of a round.
const EMAILS: usize = 40;
const CASES: usize = 8;

/// Letters of which texts are made: few of each script, so that words come again.
const SCRIPTS: &[&[&str]] = &[
    &["a", "b", "E", "s", "ss", "ß", "ü", "u\u{308}", "Ü", "é", "ñ", "x", "t", "th", "þ", "Æ", "ae", "ı", "İ", "i"],
    &["ο", "δ", "Ο", "Σ", "ς", "σ", "ά", "α"],
    &["е", "ё", "Ж", "ж", "й", "и"],
    &["م", "ح", "\u{64e}", "د", "ـ", "ا", "أ"],
    &["ש", "\u{5b8}", "ל", "ם"],
    &["ह", "ि", "न", "्", "द", "ी", "क", "\u{93c}"],
    &["พ", "ิ", "ม", "์", "ก", "ๆ"],
    &["프", "린", "터", "\u{1112}", "\u{1161}", "\u{11ab}"],
    &["プ", "リ", "ﾌﾟ", "ン", "ー", "が", "か\u{3099}", "き"],
    &["动", "動", "到", "達", "货", "\u{20000}"],
    &["ក", "្", "ខ", "ូ"],
    &["ﬁ", "Ｉ", "ｎ", "½", "㎏", "①", "ǆ", "ᵃ"],
    &["\u{10400}", "\u{1e900}", "\u{1d4d0}", "😀", "\u{fe0f}", "\u{200d}"],
];
const GAPS: &[&str] = &[
    " ", " ", " ", " ", "\n", "\r\n", ", ", ". ", "-", "/", "'", "\u{a0}", "\u{3000}", "、", "\u{ad}", "\u{200b}", "|",
    "\\", "\"", ":*", " & ", "_", "(", ") ", "@", "·", "%",
];

pub(super) fn word(dice: &mut Dice) -> String {
    let script = SCRIPTS[dice.below(SCRIPTS.len())];
    match dice.below(40) {
        0 => dice.one(script).repeat(10_240 / script[0].len()),
        1 => char::from_u32(u32::try_from(1 + dice.below(0x10_fffe)).unwrap()).unwrap_or('x').to_string(),
        2..=7 => (0..1 + dice.below(5))
            .map(|_| {
                let script = SCRIPTS[dice.below(SCRIPTS.len())];
                dice.one(script)
            })
            .collect(),
        _ => (0..1 + dice.below(4)).map(|_| dice.one(script)).collect(),
    }
}

fn number(dice: &mut Dice) -> String {
    let group = |dice: &mut Dice| -> String {
        let most = 1 + dice.below(4);
        (0..most).map(|_| char::from(b'0' + u8::try_from(dice.below(4)).unwrap())).collect()
    };
    let signs = ["-", "/", ".", ",", " ", "'", " (", ")", ""];
    let first = dice.one(&["", "", "+49 ", "0", "(0", "RE-", "DE89 3704 0044 0532 0130 00 ", "00"]).to_owned();
    (0..dice.below(4)).fold(first + &group(dice), |text, _| format!("{text}{}{}", dice.one(&signs), group(dice)))
}

pub(super) fn text(dice: &mut Dice, most: usize) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(most) {
        let piece = match dice.below(8) {
            0 => number(dice),
            1 => format!("{}@{}.{}", word(dice), dice.one(&["mail", "xn--mller-kva", "müller"]), word(dice)),
            _ => word(dice),
        };
        text.push_str(&piece);
        text.push_str(dice.one(GAPS));
    }
    text
}

/// A database with the same rows as another one.
struct Both([Store; 2]);

impl Both {
    fn each(&self, work: impl Fn(&Store) -> anyhow::Result<()>) {
        self.0.iter().for_each(|store| work(store).unwrap());
    }

    /// Adds emails and cases, changes and erases some, and lets the pass take them; the texts that were added.
    fn add(&self, dice: &mut Dice, round: usize) -> Vec<String> {
        let mut texts = Vec::new();
        let messages: Vec<Message> = (0..EMAILS).map(|_| message(dice, &mut texts)).collect();
        let cases: Vec<[String; 2]> = (0..CASES).map(|_| [text(dice, 6), text(dice, 20)]).collect();
        texts.extend(cases.iter().flatten().cloned());
        let edited = (i64::try_from(1 + dice.below((round + 1) * CASES)).unwrap(), text(dice, 10));
        texts.push(edited.1.clone());
        let erased = i64::try_from(1 + dice.below((round + 1) * EMAILS)).unwrap();
        self.each(|store| {
            store.write(|tx| {
                for (at, [name, description]) in cases.iter().enumerate() {
                    let number = i64::try_from(round * CASES + at + 1)?;
                    let key = format!("k{number}");
                    let case = NewCase { number, key: &key, name, description, ..NewCase::default() };
                    cases::add(tx, &case, NOW)?;
                }
                for (at, message) in messages.iter().enumerate() {
                    let key = format!("m{round}-{at}");
                    let id = emails::add(tx, &new_email(&key), message, NOW)?;
                    if at % 4 == 0 {
                        let sql = "UPDATE emails SET parent_type = 'case', parent_id = ?2 WHERE id = ?1";
                        tx.execute(sql, params![id, i64::try_from(round * CASES + at % CASES + 1)?])?;
                    }
                }
                Ok(())
            })?;
            index::fill(store, &|| true)?;
            store.write(|tx| {
                tx.execute("UPDATE cases SET description = ?2 WHERE id = ?1", params![edited.0, edited.1])?;
                erase::email(tx, erased, "erased").map(drop)
            })?;
            index::fill(store, &|| true)?;
            assert_eq!(store.read(index::missing)?, 0);
            Ok(())
        });
        texts
    }

    fn check(&self, tree: &Tree<Test>, is_of_cases: bool, case: &str) {
        let found = self.0.each_ref().map(|store| {
            let found = store.read(|tx| {
                let mut bound = Bound::new(tx, Sight::Everything);
                let sql = match is_of_cases {
                    true => {
                        format!("SELECT c.id FROM cases c WHERE {} ORDER BY c.id", case_condition(tree, &mut bound)?)
                    }
                    false => {
                        format!(
                            "SELECT e.id FROM {} ORDER BY e.id",
                            email_source(tx, tree, Sight::Everything, &mut bound)?.from
                        )
                    }
                };
                Ok(ids(tx, &sql, bound))
            });
            found.map_err(|error| format!("{case}: {error:#}: {tree:?}")).unwrap()
        });
        assert_eq!(found[0], found[1], "{case}: {tree:?}");
    }
}

fn new_email(key: &str) -> NewEmail<'_> {
    NewEmail {
        key: None,
        message_id: key,
        raw_id: None,
        status: EmailStatus::Archived,
        received_at: NOW,
        automatic: "",
        user_id: None,
        author: None,
        verdict: "",
        truncated: false,
        flagged: "",
    }
}

fn message(dice: &mut Dice, texts: &mut Vec<String>) -> Message {
    let (subject, body) = (text(dice, 6).replace(['\n', '\r'], " "), text(dice, 40));
    let from = Mailbox { name: word(dice), address: format!("{}@example.org", word(dice)) };
    let file = Attachment { name: format!("{} {}.pdf", word(dice), number(dice)), ..Attachment::default() };
    texts.extend([subject.clone(), body.clone(), from.name.clone(), file.name.clone(), format!("{subject} {body}")]);
    Message { subject, text: body, from: vec![from], attachments: vec![file], ..Message::default() }
}

/// A part of a text, from one character to another.
fn cut_out(dice: &mut Dice, text: &str, most: usize) -> String {
    let count = text.chars().count();
    let start = dice.below(count + 1);
    text.chars().skip(start).take(1 + dice.below(most)).collect()
}

/// A term about words that are, or nearly are, in one of the texts.
fn term(dice: &mut Dice, texts: &[String]) -> Test {
    let text = &texts[dice.below(texts.len())];
    let indexed = words::index(&[text]);
    let all: Vec<&str> = indexed.parts[0].split_whitespace().collect();
    let keys: Vec<&str> = indexed.numbers.split_whitespace().collect();
    let some = |dice: &mut Dice, of: &[&str], most: usize| -> String {
        let start = dice.below(of.len() + 1);
        of.iter().skip(start).take(1 + dice.below(most)).copied().collect::<Vec<_>>().join(" ")
    };
    let (text, begins) = match dice.below(12) {
        0..=2 => (some(dice, &all, 1), false),
        3 => (some(dice, &all, 4), false),
        4 => (some(dice, &all, 3), true),
        5 => {
            let mut begun = some(dice, &all, 3);
            begun.pop();
            (begun, true)
        }
        6 => (cut_out(dice, text, 12), dice.below(2) == 0),
        7 => (some(dice, &keys, 3), dice.below(2) == 0),
        8 => (number(dice), dice.below(2) == 0),
        9 => return Test::Number(number(dice).split_whitespace().collect::<Vec<_>>().join(" ")),
        10 => (word(dice), dice.below(2) == 0),
        _ => (format!("{} {}", some(dice, &all, 1), some(dice, &keys, 1)), false),
    };
    Test::Words(Words { text, begins })
}

fn tree(dice: &mut Dice, texts: &[String], depth: usize) -> Tree<Test> {
    let kind = if depth == 0 { 0 } else { dice.below(10) };
    let some = |dice: &mut Dice| (0..1 + dice.below(3)).map(|_| tree(dice, texts, depth - 1)).collect();
    match kind {
        6 | 7 => with_numbers(Tree::All(some(dice))),
        8 => Tree::Any(some(dice)),
        9 => Tree::Not(Box::new(tree(dice, texts, depth - 1))),
        _ => Tree::Is(term(dice, texts)),
    }
}

#[test]
fn both_engines_find_the_same() {
    let Some(server) = on_server() else { return };
    let both = Both([Store::embedded_for_test().unwrap(), server]);
    let queries: usize = std::env::var("ESPOMAIL_QUERIES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let mut dice = Dice::new();
    let seed = dice.seed();
    let mut texts = Vec::new();
    for query in 0..queries {
        if query % 500 == 0 {
            texts.extend(both.add(&mut dice, query / 500));
        }
        let tree = tree(&mut dice, &texts, 2);
        both.check(&tree, query % 5 == 4, &format!("ESPOMAIL_TEST_SEED={seed}, query {query}"));
    }
}

#[test]
fn words_beyond_what_the_index_takes_are_found() {
    let Some(server) = on_server() else { return };
    let both = Both([Store::embedded_for_test().unwrap(), server]);
    // Each two neighbours are a word of six bytes: more than 1 MiB of them.
    let mut dice = Dice::new();
    let letters = (0..262_000).map(|_| char::from_u32(0x4e00 + u32::try_from(dice.below(20_000)).unwrap()).unwrap());
    let text: String = letters.collect();
    let ends = |from: usize, most: usize| text.chars().skip(from).take(most).collect::<String>();
    let message = Message { text: text.clone(), subject: "2231-44 first last".to_owned(), ..Message::default() };
    both.each(|store| {
        store.write(|tx| emails::add(tx, &new_email("m"), &message, NOW))?;
        index::fill(store, &|| true)
    });
    let is_whole = "SELECT whole FROM email_words";
    assert_eq!(both.0[1].read(|tx| tx.value::<bool>(is_whole, [])).unwrap(), Some(false));
    for (part, begins, is_there) in [
        (ends(0, 2), false, true),
        (ends(261_990, 2), false, true),
        (ends(261_900, 20), false, true),
        (ends(261_900, 1), true, true),
        (ends(100, 2) + "x", false, false),
        (ends(261_990, 2) + &ends(0, 2), false, false),
        ("223144".to_owned(), false, true),
        ("nowhere".to_owned(), true, false),
    ] {
        let tree = Tree::Is(Test::Words(Words { text: part.clone(), begins }));
        both.check(&tree, false, &part);
        let both_words = Tree::All(vec![tree, Tree::Is(Test::Words(Words { text: "last".to_owned(), begins: false }))]);
        let found = both.0[1].read(|tx| {
            let mut bound = Bound::new(tx, Sight::Everything);
            let from = email_source(tx, &both_words, Sight::Everything, &mut bound)?.from;
            Ok(ids(tx, &format!("SELECT e.id FROM {from}"), bound))
        });
        assert_eq!(found.unwrap(), if is_there { vec![1] } else { vec![] }, "{part}");
    }
}
