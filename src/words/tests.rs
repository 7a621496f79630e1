#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::mail::fixed_seed;

/// Whether the index of a text gives it for what is sought.
fn found(text: &str, query: &str) -> bool {
    let (query, begins) = query.strip_suffix('*').map_or((query, false), |query| (query, true));
    let sought = sought(query, begins);
    let indexed = index(&[text]);
    let words: Vec<&str> = indexed.parts.iter().flat_map(|part| part.split_whitespace()).collect();
    let last = sought.phrase.len().saturating_sub(1);
    let is = |(i, (word, wanted)): (usize, (&&str, &String))| {
        if i == last && sought.begins { word.starts_with(wanted.as_str()) } else { *word == wanted }
    };
    let keys = || indexed.numbers.split_whitespace().chain(words.iter().copied());
    let is_key = |key: &String| keys().any(|k| if begins { k.starts_with(key.as_str()) } else { k == key });
    !sought.phrase.is_empty()
        && words.windows(last + 1).any(|window| window.iter().zip(&sought.phrase).enumerate().all(is))
        || sought.keys.iter().any(is_key)
        || sought.phrase.len() == 1 && sought.phrase.iter().any(is_key)
}

#[test]
fn what_people_type_is_found() {
    for (text, query) in [
        ("Viele Grüßen aus Köln", "grussen"),
        ("viele grussen", "GRÜẞEN"),
        ("Stra\u{df}e", "STRASSE"),
        ("Gru\u{308}ße", "Grüße"),
        ("Łódź, Ærø, Ísland, İstanbul, Đorđe, ısı", "lodz"),
        ("Ærø", "aero"),
        ("İstanbul", "istanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("Ёлка", "елка"),
        ("the ﬁnal oﬀer", "final offer"),
        ("Ｉｎｖｏｉｃｅ ２２３１", "invoice 2231"),
        ("in\u{ad}vo\u{200b}ice", "invoice"),
        ("in\u{2060}voice", "in\u{ad}voice"),
        ("it\u{2019}s", "\"it's\""),
        ("مُحَمَّد", "محمد"),
        ("שָׁלוֹם", "שלום"),
        ("プリンターが動きません", "プリンター"),
        ("プリンターが動きません", "動きません"),
        ("プリンターが動きません", "ターが"),
        ("ﾌﾟﾘﾝﾀｰが", "プリンター"),
        ("私の猫", "猫"),
        ("猫の私", "猫"),
        ("货物已经到达", "到达"),
        ("货物已经到达", "货物*"),
        ("貨物が\n到着しました", "貨物が到着"),
        ("เครื่องพิมพ์ไม่ทำงาน", "พิมพ์"),
        ("프린터가 작동하지 않습니다", "프린터"),
        ("ម៉ាស៊ីនបោះពុម្ពខូច", "បោះពុម្ព"),
        ("ເຄື່ອງພິມບໍ່ເຮັດວຽກ", "ພິມ"),
        ("プリンター 2231 です", "ター 2231 で"),
        ("第3回LINE用", "3回line用"),
        ("हिन्दी में पत्र", "हिन्दी"),
        ("überfällige Rechnungen", "rechn*"),
    ] {
        assert!(found(text, query), "{query} in {text}: {:?} {:?}", sought(query, false), index(&[text]));
    }
    for (text, query) in [
        ("Gruss", "grus"),
        ("カ", "ガ"),
        ("がき", "かき"),
        ("プリン ターが", "プリンター"),
        ("プリ. ンター", "プリンター"),
        ("動き", "動きま"),
        ("한국\n어로", "국어"),
        ("हिन्दी", "हिन्द"),
        ("voiceless", "voice"),
        ("Mueller", "müller"),
    ] {
        assert!(!found(text, query), "{query} in {text}: {:?} {:?}", sought(query, false), index(&[text]));
    }
}

#[test]
fn a_number_is_found_however_it_is_written() {
    const SAME: &[&[&str]] = &[
        &["1.234,56", "1,234.56", "1234.56", "1234,56", "1 234,56", "1'234.56", "1\u{202f}234,56", "1\u{2019}234.56"],
        &["4.321,00", "4,321.00", "4321", "4.321", "4 321", "4.321,-"],
        &["12,34,567.5", "1234567,50", "1.234.567,5"],
        &["2231-44", "2231/44", "2231 44", "223144", "2231_44", "2231 - 44", "2231\u{2013}44"],
        &["RE-2026-0044", "RE20260044", "re/2026/0044"],
        &["2026-12-01", "20261201"],
        &["DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "de89-3704-0044-0532-0130-00"],
        &["GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"],
        &[
            "+49 (0)30 1234-567",
            "+49 30 1234567",
            "0049301234567",
            "030 1234567",
            "(030) 1234 567",
            "030/1234567",
            "+49301234567",
            "０３０ １２３４５６７",
        ],
        &["+1 (555) 123-4567", "555-123-4567", "(555) 123-4567", "+15551234567"],
        &["+62 812-3456-7890", "0812 3456 7890"],
    ];
    for (i, same) in SAME.iter().enumerate() {
        for text in *same {
            for query in *same {
                for frame in ["@", "Nr. @, bitte", "No:@.", "電話@まで", "(@)", "order @ 2 pcs"] {
                    let text = frame.replace('@', text);
                    assert!(found(&text, query), "{query} in {text}: {:?} {:?}", sought(query, false), index(&[&text]));
                }
            }
            for other in SAME.iter().enumerate().filter(|(j, _)| *j != i).flat_map(|(_, other)| *other) {
                assert!(!found(text, other), "{other} in {text}: {:?} {:?}", sought(other, false), index(&[text]));
            }
        }
    }
    for (text, query) in [
        ("2231-44", "2231"),
        ("2231-44", "22314*"),
        ("2231-44", "2231-4*"),
        ("https://shop.example/orders/2231-44", "223144"),
        ("Bestellung-2231-44", "223144"),
        ("2026-11-29 10:02", "20261129"),
        ("01.02.2026", "1.2.2026*"),
    ] {
        assert_eq!(found(text, query), !query.starts_with("1.2."), "{query} in {text}: {:?}", index(&[text]));
    }
    assert!(found("1.234,56", "1.234"), "words of an amount side by side");
    for (text, query) in
        [("1250", "12,50"), ("12.50", "1250"), ("DE89370400440532013001", "DE89 3704 0044 0532 0130 00")]
    {
        assert!(!found(text, query), "{query} in {text}");
    }
}

#[test]
fn hostile_texts_cost_no_more_than_their_length() {
    for unit in [
        "a",
        "1",
        "1 ",
        "1.",
        "1-a",
        "ß",
        "a\u{301}\u{327}",
        "\u{301}",
        "が",
        "か\u{3099}",
        "動\n",
        "\u{1100}",
        "0\u{0327}",
        "+0 ",
        "de89 ",
        "ำ",
    ] {
        crate::mail::costs_no_more_than_its_length(unit, 40_000, &|text| {
            let indexed = index(&[text]);
            assert!(indexed.numbers.len() <= text.len() + 100, "{unit}");
            drop(sought(text, true));
        });
    }
}

proptest! {
    #![proptest_config(fixed_seed(5))]

    #[test]
    fn a_folded_text_is_folded(text in "\\PC{0,20}|[a-zß\u{301}\u{327}か\u{3099}\u{ad}İﬁ가ำ\u{17d2}]{0,30}") {
        let folded = fold(&text);
        prop_assert_eq!(fold(&folded), folded);
    }

    #[test]
    fn words_hold_nothing_that_an_index_would_take_apart(text in "\\PC{0,30}|[a-z0-9 ß.,\u{301}か\u{3099}가ำ+()-]{0,60}") {
        let indexed = index(&[&text]);
        for word in indexed.parts.iter().chain([&indexed.numbers]).flat_map(|part| part.split(' ')) {
            prop_assert!(word.chars().all(|c| !c.is_ascii() || c.is_ascii_lowercase() || c.is_ascii_digit()), "{:?}", word);
        }
    }
}
