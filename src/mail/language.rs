//! What a letter says in the customer's language: the line above a quotation, and the head of a mail that is forwarded. The
//! words are those of the usual mail programs, so that these fold what is quoted, and people read what they know.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::address::Mailbox;

/// The words of a letter in one language.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// Its code (ISO 639-1).
    pub code: &'static str,
    /// How a moment is written, as `strftime` has it.
    moment: &'static str,
    /// The line above a quotation, with `{at}` and `{name}`.
    wrote: &'static str,
    forwarded: &'static str,
    /// From, Date, Subject, To and Cc.
    labels: [&'static str; 5],
}

/// The language of those who say nothing.
pub const USUAL: &str = "en";

macro_rules! languages {
    ($($code:literal: $moment:literal, $wrote:literal, $forwarded:literal, [$($label:literal),+];)+) => {
        /// All languages.
        pub const ALL: &[Language] = &[$(Language {
            code: $code, moment: $moment, wrote: $wrote, forwarded: $forwarded, labels: [$($label),+],
        }),+];
    };
}

languages! {
    "en": "%a, %-d %b %Y at %H:%M", "On {at}, {name} wrote:",
        "Forwarded message", ["From", "Date", "Subject", "To", "Cc"];
    "cs": "%-d. %-m. %Y v %-H:%M", "Dne {at} {name} napsal(a):",
        "Přeposlaná zpráva", ["Od", "Datum", "Předmět", "Komu", "Kopie"];
    "da": "%d.%m.%Y kl. %H.%M", "Den {at} skrev {name}:",
        "Videresendt meddelelse", ["Fra", "Dato", "Emne", "Til", "Cc"];
    "de": "%d.%m.%Y um %H:%M", "Am {at} schrieb {name}:",
        "Weitergeleitete Nachricht", ["Von", "Datum", "Betreff", "An", "Kopie"];
    "es": "%d/%m/%Y a las %H:%M", "El {at}, {name} escribió:",
        "Mensaje reenviado", ["De", "Fecha", "Asunto", "Para", "Cc"];
    "fi": "%-d.%-m.%Y klo %-H.%M", "{name} kirjoitti {at}:",
        "Välitetty viesti", ["Lähettäjä", "Päiväys", "Aihe", "Vastaanottaja", "Kopio"];
    "fr": "%d/%m/%Y à %H:%M", "Le {at}, {name} a écrit :",
        "Message transféré", ["De", "Date", "Objet", "À", "Copie à"];
    "hu": "%Y. %m. %d. %H:%M", "{at} keltezéssel, {name} írta:",
        "Továbbított üzenet", ["Feladó", "Dátum", "Tárgy", "Címzett", "Másolat"];
    "id": "%d/%m/%Y %H.%M", "Pada {at}, {name} menulis:",
        "Pesan terusan", ["Dari", "Tanggal", "Perihal", "Kepada", "Cc"];
    "it": "%d/%m/%Y alle %H:%M", "Il {at}, {name} ha scritto:",
        "Messaggio inoltrato", ["Da", "Data", "Oggetto", "A", "Cc"];
    "ja": "%Y/%m/%d %H:%M", "{at}、{name} のメール:",
        "転送されたメッセージ", ["差出人", "日時", "件名", "宛先", "Cc"];
    "ko": "%Y년 %-m월 %-d일 %H:%M", "{at}, {name} 님이 작성:",
        "전달된 메시지", ["보낸 사람", "날짜", "제목", "받는 사람", "참조"];
    "nb": "%d.%m.%Y %H:%M", "Den {at} skrev {name}:",
        "Videresendt melding", ["Fra", "Dato", "Emne", "Til", "Kopi"];
    "nl": "%d-%m-%Y om %H:%M", "Op {at} schreef {name}:",
        "Doorgestuurd bericht", ["Van", "Datum", "Onderwerp", "Aan", "Cc"];
    "pl": "%d.%m.%Y o %H:%M", "W dniu {at} {name} pisze:",
        "Przekazana wiadomość", ["Od", "Data", "Temat", "Do", "DW"];
    "pt": "%d/%m/%Y às %H:%M", "Em {at}, {name} escreveu:",
        "Mensagem encaminhada", ["De", "Data", "Assunto", "Para", "Cc"];
    "ru": "%d.%m.%Y %H:%M", "{at}, {name} пишет:",
        "Пересылаемое сообщение", ["От", "Дата", "Тема", "Кому", "Копия"];
    "sv": "%Y-%m-%d kl. %H:%M", "Den {at} skrev {name}:",
        "Vidarebefordrat meddelande", ["Från", "Datum", "Ämne", "Till", "Kopia"];
    "th": "%d/%m/%Y %H:%M", "เมื่อ {at} {name} เขียนว่า:",
        "ข้อความที่ส่งต่อ", ["จาก", "วันที่", "เรื่อง", "ถึง", "สำเนา"];
    "tr": "%d.%m.%Y %H:%M", "{at} tarihinde {name} yazdı:",
        "İletilen mesaj", ["Kimden", "Tarih", "Konu", "Kime", "Cc"];
    "uk": "%d.%m.%Y %H:%M", "{at}, {name} пише:",
        "Переслане повідомлення", ["Від", "Дата", "Тема", "Кому", "Копія"];
    "vi": "%d/%m/%Y %H:%M", "Vào {at}, {name} đã viết:",
        "Thư được chuyển tiếp", ["Từ", "Ngày", "Chủ đề", "Đến", "Cc"];
    "zh": "%Y/%m/%d %H:%M", "{name} 于 {at} 写道:",
        "转发的邮件", ["发件人", "日期", "主题", "收件人", "抄送"];
}

impl Language {
    /// The language with this code, in any case.
    pub fn of(code: &str) -> Option<&'static Language> {
        ALL.iter().find(|language| language.code.eq_ignore_ascii_case(code))
    }

    /// The line above what somebody wrote at a moment, which is told in this time zone.
    pub fn wrote(&self, author: &Mailbox, at: Timestamp, zone: &TimeZone) -> String {
        let name = if author.name.trim().is_empty() { &author.address } else { author.name.trim() };
        // A name is a stranger's: it writes no lines.
        let name: String = name.chars().map(|c| if c.is_control() || c == '\u{2028}' { ' ' } else { c }).collect();
        // The moment first: a name may hold anything.
        self.wrote.replace("{at}", &self.moment(at, zone)).replacen("{name}", &name, 1)
    }

    /// Date and time of day, as the language writes them.
    pub fn moment(&self, at: Timestamp, zone: &TimeZone) -> String {
        at.to_zoned_datetime(zone.clone()).strftime(self.moment).to_string()
    }

    /// What stands above a mail that is forwarded.
    pub fn forwarded(&self) -> &'static str {
        self.forwarded
    }

    /// The labels of From, Date, Subject, To and Cc.
    pub fn labels(&self) -> [&'static str; 5] {
        self.labels
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::compose::{forwarded_text, reply_text};
    use crate::mail::forward;
    use crate::mail::message::Message;
    use crate::mail::text::{Known, Piece, folded, has_own_words};

    #[test]
    fn the_line_above_a_quotation_is_of_the_language_and_the_zone() {
        let eva = Mailbox { name: "Eva Berg".into(), address: "eva@x.example".into() };
        let at: Timestamp = "2026-11-29T03:02:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(7));
        for (code, expected) in [
            ("en", "On Sun, 29 Nov 2026 at 10:02, Eva Berg wrote:"),
            ("de", "Am 29.11.2026 um 10:02 schrieb Eva Berg:"),
            ("FR", "Le 29/11/2026 à 10:02, Eva Berg a écrit :"),
            ("id", "Pada 29/11/2026 10.02, Eva Berg menulis:"),
            ("ja", "2026/11/29 10:02、Eva Berg のメール:"),
            ("fi", "Eva Berg kirjoitti 29.11.2026 klo 10.02:"),
            ("zh", "Eva Berg 于 2026/11/29 10:02 写道:"),
        ] {
            assert_eq!(Language::of(code).unwrap().wrote(&eva, at, &zone), expected);
        }
        let odd = Mailbox { name: "{at}\n> {name}".into(), address: "x@x.example".into() };
        assert_eq!(Language::of("de").unwrap().wrote(&odd, at, &zone), "Am 29.11.2026 um 10:02 schrieb {at} > {name}:");
        let nameless = Mailbox { name: " ".into(), address: "x@x.example".into() };
        assert!(Language::of("en").unwrap().wrote(&nameless, at, &zone).ends_with(", x@x.example wrote:"));
        assert_eq!(Language::of("xx"), None);
        assert!(Language::of(USUAL).is_some());
    }

    #[test]
    fn what_is_written_in_each_language_is_read_again() {
        let eva = Mailbox { name: "Eva Berg".into(), address: "eva@x.example".into() };
        let mail = Message {
            from: vec![eva.clone()],
            to: vec![eva.clone()],
            cc: vec![eva.clone()],
            subject: "Printer".into(),
            text: "It is broken.\n".into(),
            date: Some(Timestamp::UNIX_EPOCH),
            ..Message::default()
        };
        for language in ALL {
            let code = language.code;
            let text = forwarded_text("Please look.\n", &mail, language, &TimeZone::UTC);
            let forward = Message { subject: "Fwd: Printer".into(), text, ..Message::default() };
            let read = forward::read(&forward);
            let read = read.as_ref().and_then(|forward| forward.meant()).unwrap();
            assert_eq!((&read.from, read.subject.as_str()), (&eva, "Printer"), "{code}");
            assert_eq!((read.text.as_str(), read.comment.as_str()), ("It is broken.", "Please look."), "{code}");
            let line = language.wrote(&eva, Timestamp::UNIX_EPOCH, &TimeZone::UTC);
            let answer = reply_text("Yes.\n", Some((&line, &mail.text)));
            let mut known = Known::default();
            known.learn(&mail.text);
            let pieces = folded(&answer, &known, false);
            assert!(
                pieces.iter().all(|piece| !matches!(piece, Piece::Line(text) if text.contains("Eva"))),
                "{code}: {pieces:?}"
            );
            // An answer that says nothing is known as one in each language, and a forward is there for what it brings.
            let silent = reply_text("\n-- \nAna\nSupport\n", Some((&line, &mail.text)));
            assert!(!has_own_words(&silent, "Ana\nSupport"), "{code}: {silent}");
            assert!(
                has_own_words(&answer, "") && has_own_words(&format!("{silent}\nYes.\n"), "Ana\nSupport"),
                "{code}"
            );
            let forward = forwarded_text("", &mail, language, &TimeZone::UTC);
            assert!(has_own_words(&forward, ""), "{code}: {forward}");
        }
    }
}
