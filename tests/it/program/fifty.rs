//! A thread of fifty mails in which everybody answers above a quotation of all that was written, each in the way of another
//! mail program: what `case show` makes of it (B7.5).

use crate::support::{Desk, Dice, Letter, from};

const MAILS: usize = 50;
/// Lines that a mail may take in addition to what is new in it.
const BESIDES: usize = 8;

const ENGLISH: &str = "pump hall valve water pressure noise broken again please send somebody tomorrow invoice order \
    number delivery late wrong colour second floor office printer cable replace warranty manual screen works";
const GERMAN: &str = "Pumpe Halle Ventil Wasser Druck laut kaputt wieder bitte schicken morgen Rechnung Bestellung Nummer \
    Lieferung zu spät falsche Farbe zweite Etage Büro Drucker Kabel ersetzen Garantie Handbuch Größe geht";
const JAPANESE: &str = "印刷機 水漏れ 故障 今朝 から 動きません 電源 を 入れ 直しました 至急 ご確認 お願い します 請求書 注文 番号 \
    納品 遅れて います 色 違い 二階 事務所 交換 保証 取扱 説明書 画面";

/// A mail with its text as its writer's program keeps it.
struct Written {
    name: &'static str,
    address: &'static str,
    hour: usize,
    new: String,
    text: String,
}

/// New text: a few lines of a language, then a name.
fn new_text(dice: &mut Dice, at: usize, name: &str) -> String {
    let (words, gap) = match at % 3 {
        0 => (ENGLISH, " "),
        1 => (GERMAN, " "),
        _ => (JAPANESE, ""),
    };
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut line = || {
        let count = 8 + dice.below(16) as usize;
        (0..count).map(|_| words[dice.below(words.len() as u64) as usize]).collect::<Vec<_>>().join(gap)
    };
    format!("{at}: {}\n\n{}\n{}\n\n{name}", line(), line(), line())
}

/// Wrapped at blanks as programs do that send lines of this width; what has no blanks is cut.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut open = String::new();
        for word in line.split(' ') {
            if !open.is_empty() && open.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut open));
            }
            if !open.is_empty() {
                open.push(' ');
            }
            open.push_str(word);
            while open.chars().count() > width && !open.contains("://") {
                let rest: String = open.chars().skip(width).collect();
                lines.push(open.chars().take(width).collect());
                open = rest;
            }
        }
        lines.push(open);
    }
    lines.join("\n")
}

fn marked(text: &str) -> String {
    text.lines().map(|line| if line.starts_with('>') { format!(">{line}\n") } else { format!("> {line}\n") }).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The text of an answer: `new` above `old`, and whether it is HTML.
fn answer(style: usize, new: &str, old: &Written) -> (String, bool) {
    let Written { name, address, hour, text, .. } = old;
    let time = format!("{:02}:{:02}", 8 + hour / 6, hour % 6 * 10);
    let block = |from: &str, sent: &str, to: &str, subject: &str, text: &str| {
        format!(
            "{from} {name} <{address}>\n{sent} 10.03.2026 {time}\n{to} Support <support@desk.example>\n{subject} Pump\n\n{text}"
        )
    };
    let gmail = |line: String| format!("{new}\n\n{}\n\n{}", wrapped(&line, 76), wrapped(&marked(text), 78).trim_end());
    let plain = match style {
        0 => gmail(format!("On Tue, Mar 10, 2026 at {time} AM {name} <{address}> wrote:")),
        1 => gmail(format!("Am Di., 10. März 2026 um {time} Uhr schrieb {name} <{address}>:")),
        2 => gmail(format!("Pada tanggal Sel, 10 Mar 2026 pukul {time} {name} <{address}> menulis:")),
        3 => gmail(format!("Le mar. 10 mars 2026 à {time}, {name} <{address}> a écrit :")),
        4 => gmail(format!("2026年3月10日(火) {time} {name} <{address}>:")),
        5 => format!("{new}\n\nOn 10/03/2026 {time}, {name} wrote:\n{}", marked(text)),
        6 => format!("{new}\n\nAm 10.03.26 um {time} schrieb {name}:\n{}", marked(&wrapped(text, 72))),
        7 => {
            format!("{new}\n\n{}", marked(&format!("On 10. Mar 2026, at {time}, {name} <{address}> wrote:\n\n{text}")))
        }
        8 => format!("{new}\n\n________________________________\n{}", block("From:", "Sent:", "To:", "Subject:", text)),
        9 => format!("{new}\n\n{}", block("Von:", "Gesendet:", "An:", "Betreff:", &wrapped(text, 72))),
        10 => format!("{new}\n\n{}", block("De :", "Envoyé :", "À :", "Objet :", text)),
        11 => format!("{new}\n\n{}", block("Dari:", "Dikirim:", "Kepada:", "Subjek:", &wrapped(text, 65))),
        12 => format!("{new}\n\n{}", block("差出人:", "送信日時:", "宛先:", "件名:", &wrapped(text, 60))),
        13 => format!(
            "{new}\n\n-----Original Message-----\n{}",
            block("From:", "Sent:", "To:", "Subject:", &wrapped(text, 70))
        ),
        14 => {
            let lines = |text: &str| escaped(text).replace('\n', "<br>");
            let head = format!(
                "On Tue, Mar 10, 2026 at {time}, {name} &lt;<a href=\"mailto:{address}\">{address}</a>&gt; wrote:"
            );
            let quote = format!("<blockquote class=\"gmail_quote\">{}</blockquote>", lines(text));
            return (format!("<div>{}</div><br><div>{head}<br></div>{quote}", lines(new)), true);
        }
        _ => {
            let paragraphs = |text: &str| {
                text.lines().map(|line| format!("<p class=MsoNormal>{}</p>", escaped(line))).collect::<String>()
            };
            let head = format!(
                "<div style='border-top:solid #E1E1E1 1.0pt'><p><b>From:</b> {name} &lt;{address}&gt;<br><b>Sent:</b> Tuesday, \
                March 10, 2026 {time}<br><b>To:</b> Support<br><b>Subject:</b> Pump</p></div>"
            );
            return (format!("{}{head}{}", paragraphs(new), paragraphs(text)), true);
        }
    };
    (plain, false)
}

/// The thread, oldest first.
fn thread() -> Vec<(Letter, Written)> {
    let writers = [
        ("Eva Moss", "eva@moss.example"),
        ("Kontor Weber GmbH, Jonas Weber", "weber@moss.example"),
        ("佐藤 花子", "sato@moss.example"),
    ];
    let mut dice = Dice::new();
    let mut thread: Vec<(Letter, Written)> = Vec::new();
    for at in 0..MAILS {
        let (name, address) = writers[at % 3];
        let new = new_text(&mut dice, at, name);
        let (body, html) = match thread.last() {
            Some((_, old)) => answer((at * 7) % 16, &new, old),
            None => (new.clone(), false),
        };
        // What a program quotes of HTML is what it shows of it.
        let text = if html { format!("{new}\n\n{}", thread.last().unwrap().1.text) } else { body.clone() };
        let id = |at: usize| format!("<fifty-{at}@moss.example>");
        let letter = from(address, if at == 0 { "Pump" } else { "Re: Pump" }).message_id(&id(at)).body(&body);
        // Who is copied in the first mail takes part.
        let letter = match at {
            0 => letter.cc("weber@moss.example, sato@moss.example"),
            _ => letter.in_reply_to(&id(at - 1)),
        };
        let letter = if html { letter.html(&body) } else { letter };
        thread.push((letter, Written { name, address, hour: at, new, text }));
    }
    thread
}

#[test]
fn fifty_answers_take_few_lines_and_lose_none() {
    let desk = Desk::empty().team("Support").piped_account("support", &[]);
    let thread = thread();
    thread.iter().for_each(|(letter, _)| desk.put(letter));
    let shown = desk.ok("case show 1").stdout;
    let new: usize = thread.iter().map(|(_, mail)| mail.new.lines().count()).sum();
    let lines = shown.lines().count();
    assert!(lines <= new + BESIDES * MAILS, "{lines} lines, {new} of them new:\n{shown}");
    // All that is new is there, once.
    for line in thread.iter().flat_map(|(_, mail)| mail.new.lines()).filter(|line| line.contains(": ")) {
        assert_eq!(shown.matches(line).count(), 1, "{line}\n{shown}");
    }
    // Mail by mail: no single one is long, and nothing is cut from what is stored.
    let mails = shown.split("\n\n20").skip(1).map(|mail| mail.lines().count());
    let longest = mails.max().unwrap();
    assert!(longest <= 6 + BESIDES, "{longest} lines");
    let full = desk.ok("case show 1 --full").stdout.lines().count();
    assert!(full > 20 * lines / 10 && full > 5_000, "{full} lines in full, {lines} folded");
    let items = desk.items("case thread 1");
    assert_eq!(items.len(), MAILS);
    assert!(items[MAILS - 1]["text"].as_str().unwrap().contains("0: "), "the last mail has the first one in it");
    let thread_lines = desk.ok("case thread 1").stdout.lines().count();
    assert!(thread_lines <= new + (BESIDES + 2) * MAILS, "{thread_lines} lines of case thread");
    assert!(desk.ok("case thread 1 --full").stdout.lines().count() > 5_000);
    let one = desk.ok("email show 50").stdout;
    assert!(one.lines().count() < 30 && desk.ok("email show 50 --full").stdout.lines().count() > 100, "{one}");
}
