//! The full-text index finds what a plain scan finds, in every script and for every spelling of a number.
//!
//! The scan knows nothing of the index: texts are put together from signs of which the test knows how they are read.

use std::collections::BTreeSet;

use espomail::mail::message::{Attachment, Message};
use espomail::query::{Tree, Words};
use espomail::store::db::{Store, Tx};
use espomail::store::emails::{self, EmailQuery, EmailStatus, NewEmail};
use espomail::store::search::{self, Test, index};
use espomail::store::sight::Sight;
use jiff::Timestamp;

use crate::support::{Dice, asked, promise};

const TEXTS: usize = 400;

/// What a sign is to a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gap,
    Line,
    Letter,
    /// Of a script without blanks, in which a line goes on in the next one.
    Unspaced,
    Korean,
    Nothing,
}

/// Spellings of a sign and how it is read.
type Sign = (&'static [&'static str], &'static str, Kind);

const SIGNS: &[Sign] = &[
    (&["s", "S", "ｓ", "ſ"], "s", Kind::Letter),
    (&["ss", "ß", "ẞ", "SS"], "ss", Kind::Letter),
    (&["u", "ü", "u\u{308}", "Ü", "ú", "ｕ"], "u", Kind::Letter),
    (&["fi", "ﬁ", "FI", "ﬁ\u{301}"], "fi", Kind::Letter),
    (&["ae", "æ", "Æ"], "ae", Kind::Letter),
    (&["l", "ł", "Ł"], "l", Kind::Letter),
    (&["i", "ı", "İ", "í"], "i", Kind::Letter),
    (&["σ", "ς", "Σ"], "σ", Kind::Letter),
    (&["е", "ё", "Ё"], "е", Kind::Letter),
    (&["ا", "أ", "ا\u{64b}"], "ا", Kind::Letter),
    (&["\u{939}"], "\u{939}", Kind::Letter),
    (&["\u{93f}"], "\u{93f}", Kind::Letter),
    (&["が", "か\u{3099}"], "が", Kind::Unspaced),
    (&["か"], "か", Kind::Unspaced),
    (&["プ", "ﾌﾟ", "フ\u{309a}"], "プ", Kind::Unspaced),
    (&["ー", "ｰ"], "ー", Kind::Unspaced),
    (&["動"], "動", Kind::Unspaced),
    (&["到", "到\u{fe00}"], "到", Kind::Unspaced),
    (&["พ"], "พ", Kind::Unspaced),
    (&["\u{e34}"], "\u{e34}", Kind::Unspaced),
    (&["ส"], "ส", Kind::Unspaced),
    (&["ព"], "ព", Kind::Unspaced),
    (&["ພ"], "ພ", Kind::Unspaced),
    (&["가", "\u{1100}\u{1161}"], "가", Kind::Korean),
    (&["터"], "터", Kind::Korean),
    (&[" ", "\u{a0}", "\u{3000}", ", ", " - ", "、", "\u{2014}", "\u{2019}"], " ", Kind::Gap),
    (&["\n"], "\n", Kind::Line),
    (&["\u{ad}", "\u{200b}", "\u{200d}", "\u{feff}"], "", Kind::Nothing),
];

/// A word or a run of signs without blanks, as it is read.
type Run = (String, bool);

/// The runs of a text.
fn runs(signs: &[&Sign]) -> Vec<Run> {
    let mut signs: Vec<(&str, Kind)> = signs.iter().filter(|s| s.2 != Kind::Nothing).map(|s| (s.1, s.2)).collect();
    let mut i = 1;
    while i + 1 < signs.len() {
        let is_unspaced = |i: usize| signs[i].1 == Kind::Unspaced;
        if signs[i].1 == Kind::Line && is_unspaced(i - 1) && is_unspaced(i + 1) {
            signs.remove(i);
        } else {
            i += 1;
        }
    }
    let mut runs: Vec<Run> = Vec::new();
    let mut before = None;
    for (read, kind) in signs {
        let dense = match kind {
            Kind::Gap | Kind::Line | Kind::Nothing => None,
            kind => Some(kind != Kind::Letter),
        };
        match (dense, runs.last_mut()) {
            (Some(dense), Some(last)) if before == Some(dense) => last.0.push_str(read),
            (Some(dense), _) => runs.push((read.to_owned(), dense)),
            (None, _) => {}
        }
        before = dense;
    }
    runs
}

/// Whether the runs that are looked for stand in a text: words as they are, of sentences without blanks any part.
fn stands(text: &[Run], wanted: &[Run], begins: bool) -> bool {
    let last = wanted.len() - 1;
    text.windows(wanted.len()).any(|window| {
        window.iter().zip(wanted).enumerate().all(|(i, ((text, dense), (part, is_dense)))| {
            dense == is_dense
                && match (*dense, i == 0, i == last) {
                    (true, true, true) => text.contains(part.as_str()),
                    (true, true, false) => text.ends_with(part.as_str()),
                    (true, false, true) => text.starts_with(part.as_str()),
                    (false, _, true) if begins => text.starts_with(part.as_str()),
                    _ => text == part,
                }
        })
    })
}

fn add(tx: &Tx<'_>, number: usize, text: &str, part: usize) -> anyhow::Result<i64> {
    let new = NewEmail {
        key: None,
        message_id: &format!("{number:016x}"),
        raw_id: None,
        status: EmailStatus::Archived,
        received_at: Timestamp::UNIX_EPOCH,
        automatic: "",
        user_id: None,
        author: None,
        verdict: "",
        truncated: false,
        flagged: "",
    };
    let mut message = Message::default();
    match part {
        0 => message.subject = text.to_owned(),
        1 => message.text = text.to_owned(),
        _ => message.attachments.push(Attachment {
            part: 1,
            name: text.to_owned(),
            content_type: "application/pdf".to_owned(),
            size: 1,
            sha256: String::new(),
            content_id: None,
            inline: false,
            contents: Vec::new(),
        }),
    }
    emails::add(tx, &new, &message, Timestamp::UNIX_EPOCH)
}

/// A database of these texts, each in a place of its own: subject, text or name of a file.
fn archive(texts: &[String]) -> Store {
    let store = crate::support::store();
    store
        .write(|tx| {
            for (number, text) in texts.iter().enumerate() {
                assert_eq!(usize::try_from(add(tx, number, text, number % 3)?)?, number + 1);
            }
            Ok(())
        })
        .unwrap();
    index::fill(&store, &|| true).unwrap();
    store
}

fn found(store: &Store, tree: Tree<Test>) -> BTreeSet<usize> {
    let query = EmailQuery { condition: search::with_numbers(tree), ..EmailQuery::default() };
    let rows = store.read(|tx| emails::list(tx, &query, Sight::Everything)).unwrap();
    rows.iter().map(|row| usize::try_from(row.email.id).unwrap() - 1).collect()
}

fn words(text: &str, begins: bool) -> Tree<Test> {
    Tree::Is(Test::Words(Words { text: text.to_owned(), begins }))
}

fn below(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.below(end as u64)).unwrap()
}

fn spelled(dice: &mut Dice, signs: &[&Sign]) -> String {
    signs.iter().map(|sign| sign.0[below(dice, sign.0.len())]).collect()
}

#[test]
fn words_of_every_script_are_found_as_by_a_plain_scan() {
    let mut dice = Dice::new();
    let some = |dice: &mut Dice, most: usize| -> Vec<&Sign> {
        (0..1 + below(dice, most)).map(|_| &SIGNS[below(dice, SIGNS.len())]).collect()
    };
    let sources: Vec<Vec<&Sign>> = (0..TEXTS).map(|_| some(&mut dice, 30)).collect();
    let spelled_texts: Vec<String> = sources.iter().map(|signs| spelled(&mut dice, signs)).collect();
    let store = archive(&spelled_texts);
    let texts: Vec<Vec<Run>> = sources.iter().map(|signs| runs(signs)).collect();
    let (rounds, mut hits, mut asked_for) = (asked("ESPOMAIL_WORDS", 2_000), 0, 0);
    while asked_for < rounds {
        let query: Vec<&Sign> = if dice.below(4) == 0 {
            some(&mut dice, 4)
        } else {
            let source = &sources[below(&mut dice, TEXTS)];
            let start = below(&mut dice, source.len());
            source[start..].iter().take(1 + below(&mut dice, 8)).copied().collect()
        };
        let wanted = runs(&query);
        if wanted.is_empty() {
            continue;
        }
        asked_for += 1;
        let begins = dice.below(3) == 0;
        let text = spelled(&mut dice, &query);
        let expected: BTreeSet<usize> = (0..TEXTS).filter(|i| stands(&texts[*i], &wanted, begins)).collect();
        let found = found(&store, words(&text, begins));
        assert_eq!(found, expected, "{text:?} {begins} {wanted:?}");
        hits += found.len();
    }
    assert!(hits > asked_for / 2, "{hits} hits");
    promise("S8", "words of every script as by a plain scan", &format!("{asked_for} queries, {hits} hits"));
}

/// A number as digits, and how it is written.
struct Number {
    value: String,
    spellings: Vec<String>,
}

fn number(dice: &mut Dice) -> Number {
    let digits = |dice: &mut Dice, count: usize| -> String {
        (0..count).map(|_| char::from(b'1' + u8::try_from(below(dice, 9)).unwrap())).collect()
    };
    match dice.below(3) {
        0 => {
            let (thousands, rest, cents) = (digits(dice, 2), digits(dice, 3), digits(dice, 2));
            let forms = [("", ","), ("", "."), (".", ","), (",", "."), ("'", "."), (" ", ","), ("\u{202f}", ",")];
            let spellings = forms.iter().map(|(sign, point)| format!("{thousands}{sign}{rest}{point}{cents}"));
            Number { value: format!("amount {thousands}{rest} {cents}"), spellings: spellings.collect() }
        }
        1 => {
            let (first, second) = (digits(dice, 4), digits(dice, 2));
            let spellings = ["-", "/", "_", "", " - ", "\u{2013}"].map(|sign| format!("RE{first}{sign}{second}"));
            // A blank and a letter make two words of it.
            let spellings = spellings.into_iter().filter(|text| !text.contains(' ')).collect();
            Number { value: format!("code {first}{second}"), spellings }
        }
        _ => {
            let (area, rest) = (digits(dice, 3), digits(dice, 6));
            let (one, two) = rest.split_at(3);
            let spellings = [
                format!("+49 (0){area} {rest}"),
                format!("+49 {area} {one}-{two}"),
                format!("0049{area}{rest}"),
                format!("0{area}/{rest}"),
                format!("(0{area}) {one} {two}"),
                format!("0{area}{rest}"),
            ];
            Number { value: format!("phone {area}{rest}"), spellings: spellings.to_vec() }
        }
    }
}

#[test]
fn numbers_are_found_in_every_spelling() {
    let mut dice = Dice::new();
    let numbers: Vec<Number> = (0..TEXTS).map(|_| number(&mut dice)).collect();
    let texts: Vec<String> = numbers
        .iter()
        .map(|number| {
            let frame = ["@", "Nr. @.", "für @, bitte", "電話@まで", "x: @; 2 pcs"][below(&mut dice, 5)];
            frame.replace('@', &number.spellings[below(&mut dice, number.spellings.len())])
        })
        .collect();
    let store = archive(&texts);
    let rounds = asked("ESPOMAIL_NUMBERS", 2_000);
    for _ in 0..rounds {
        let number = &numbers[below(&mut dice, TEXTS)];
        let text = &number.spellings[below(&mut dice, number.spellings.len())];
        let expected: BTreeSet<usize> = (0..TEXTS).filter(|i| numbers[*i].value == number.value).collect();
        // In quotes, and as the words are read without.
        let tree = if dice.below(2) == 0 {
            words(text, false)
        } else {
            let apart = text.replace(['(', ')'], " ");
            Tree::All(apart.split_whitespace().map(|word| words(word, false)).collect())
        };
        let found = found(&store, tree);
        let others: Vec<&String> = found.difference(&expected).map(|i| &texts[*i]).collect();
        assert!(
            found.is_superset(&expected),
            "{text} is not found in {:?}",
            expected.difference(&found).map(|i| &texts[*i])
        );
        assert!(others.is_empty(), "{text} is found in {others:?}");
    }
    promise("S8", "numbers in every spelling", &format!("{rounds} queries"));
}
