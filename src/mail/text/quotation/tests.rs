use super::*;

fn shown(text: &str, known: &str) -> String {
    shown_of(text, known, false)
}

fn shown_of(text: &str, known: &str, passes_on: bool) -> String {
    let mut seen = Known::default();
    seen.learn(known);
    let lines = folded(text, &seen, passes_on).into_iter().map(|piece| match piece {
        Piece::Line(line) => line.to_owned(),
        Piece::Folded(count) => format!("[{count}]"),
    });
    lines.collect::<Vec<_>>().join("|")
}

#[test]
fn quotations_are_folded() {
    let sent = "Hello,\n\nit is   broken.\nWhen will you come to look at it, and who pays?\nAnn";
    for (text, want) in [
        ("Thanks!\n\nAnn wrote:\n> Hello,\n>\n> it is broken.\n", "Thanks!||Ann wrote:|[2]"),
        ("Thanks!\n\n>> Hello,\n> it is broken.\n\n", "Thanks!||[2]"),
        ("Thanks!\n\nOn 5 March 2024 Ann <a@x.example>\nwrote:\n\n> Hello,\n> it is broken.\n> Ann", "Thanks!||[5]"),
        ("Am 05.03.2024 schrieb Ann:\n> Hello,\nYes", "Am 05.03.2024 schrieb Ann:|> Hello,|Yes"),
        ("> Hello,\n> it is red.\n", "> it is red.|[1]"),
        ("> Hello,\nYes?\n\n> it is broken.\nHow?\n", "> Hello,|Yes?||> it is broken.|How?"),
        ("> Hello,\n>\n> it is broken.\n> When will you come to look at it, and who pays?\n> Ann\nNow.", "[4]|Now."),
        ("Ok\n\n> it is broken. When will you come to\n> look at it, and who pays? Ann\n", "Ok||[2]"),
        ("Ok\n\n-----Original Message-----\nFrom: Ann\n\nHello,\nit is broken.\n", "Ok||[4]"),
        ("Ok\n\n---- Originalnachricht ----\nVon: Ann\n\nHello,\nnew words\n", "Ok||[3]|new words"),
        (
            "Ok\n\n________________________________\nFrom: Ann <a@x.example>\nSent: Tuesday, March 5, 2024 10:00\n\
             To: Desk <d@x.example>\nSubject: Pots\n\nHello,\nit is broken.\n",
            "Ok||[7]",
        ),
        (
            "Ok\n\nVon: Ann <a@x.example>\nGesendet: Dienstag, 5. M\u{e4}rz 2024 10:00\nAn: Desk\nBetreff: Pots\n\nHello,\n\
             it is broken.",
            "Ok||[6]",
        ),
        ("> Hello,\n", "[1]"),
        ("Ann\n", "Ann"),
        ("I ask:\nwhen?", "I ask:|when?"),
        ("", ""),
    ] {
        assert_eq!(shown(text, sent), want, "{text:?}");
    }
}

/// Who lists where something goes writes lines that look like a header.
#[test]
fn what_only_looks_like_a_header_is_shown() {
    let sent = "Hello,\nplease fetch twelve boxes from our hall.\nThanks\nHans";
    for list in [
        "From: Berlin, Gro\u{df}str. 12\nTo: Hamburg, Hafen 3\nDate: 5 Dec\nSubject: 12 boxes",
        "Von: Berlin\nAn: Hamburg\nDatum: 5.12.2026\nBetreff: 12 Kisten",
        "Von: Berlin\nGesendet: Montag\nAn: Hamburg\nBetreff: Kisten",
    ] {
        let text = format!("Please book the transport:\n\n{list}\n\nThanks\nHans");
        assert_eq!(shown(&text, sent), text.replace('\n', "|"), "{list}");
        // The same above what the thread has is a copy.
        let copy = format!("Ok\n\n{list}\n\n{sent}");
        assert!(shown(&copy, sent).starts_with("Ok||["), "{}", shown(&copy, sent));
    }
}

#[test]
fn what_nobody_sent_before_is_shown_as_far_as_it_is_short() {
    let quoted = |count: usize| (0..count).map(|n| format!("> new line {n}\n")).collect::<String>();
    assert_eq!(shown(&quoted(20), "").matches("new line").count(), 20);
    assert_eq!(shown(&quoted(21), ""), "> new line 0|> new line 1|> new line 2|[18]");
}

const SENT: &str = "Hello,\n\nthe pump in hall 3 is broken, and water runs down the wall.\nWhen will you come to look at it, and who pays?\n\nEva Moss";

/// Quotations of [`SENT`] in the shapes of the usual programs.
#[test]
fn every_usual_shape_is_folded_to_one_line() {
    let marked = |mark: &str| SENT.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
    let narrow = "Hello,\n\nthe pump in hall 3 is broken, and water\nruns down the wall.\nWhen will you come to look\nat it, and\nwho pays?\n\nEva Moss\n";
    let m = marked("> ");
    for (name, quotation) in [
        ("Gmail", format!("On Tue, Mar 10, 2026 at 9:12 AM Eva Moss <eva@moss.example> wrote:\n\n{m}")),
        ("Gmail, wrapped", format!("On Tue, Mar 10, 2026 at 9:12 AM Eva Moss of the Desk <eva@moss.example>\nwrote:\n\n{m}")),
        ("Gmail, German", format!("Am Di., 10. März 2026 um 09:12 Uhr schrieb Eva Moss <eva@moss.example>:\n\n{m}")),
        ("Gmail, French", format!("Le mar. 10 mars 2026 à 09:12, Eva Moss <eva@moss.example> a écrit :\n\n{m}")),
        ("Gmail, Indonesian", format!("Pada tanggal Sel, 10 Mar 2026 pukul 09.12 Eva Moss <eva@moss.example>\nmenulis:\n\n{m}")),
        ("Gmail, Japanese", format!("2026年3月10日(火) 9:12 Eva Moss <eva@moss.example>:\n\n{m}")),
        ("Thunderbird", format!("On 10/03/2026 09:12, Eva Moss wrote:\n{m}")),
        ("Thunderbird, German", format!("Am 10.03.26 um 09:12 schrieb Eva Moss:\n{m}")),
        ("Thunderbird, French", format!("Le 10/03/2026 à 09:12, Eva Moss a écrit :\n{m}")),
        ("Apple", format!("> On 10. Mar 2026, at 09:12, Eva Moss <eva@moss.example> wrote:\n> \n{m}")),
        ("Apple, German", format!("> Am 10.03.2026 um 09:12 schrieb Eva Moss <eva@moss.example>:\n> \n{m}")),
        ("no blank after the mark", marked(">")),
        ("a blank before the mark", marked(" > ")),
        ("Yahoo", format!("On Tuesday, 10 March 2026 at 09:12:00 GMT, Eva Moss <eva@moss.example> wrote: \n\n {SENT}")),
        ("Outlook", format!("________________________________\nFrom: Eva Moss <eva@moss.example>\nSent: Tuesday, March 10, 2026 9:12\nTo: Desk\nSubject: Pump\n\n{narrow}")),
        ("Outlook, German", format!("Von: Eva Moss <eva@moss.example>\nGesendet: Dienstag, 10. März 2026 09:12\nAn: Desk\nBetreff: Pump\n\n{narrow}")),
        ("Outlook, French", format!("De : Eva Moss <eva@moss.example>\nEnvoyé : mardi 10 mars 2026 09:12\nÀ : Desk\nObjet : Pump\n\n{narrow}")),
        ("Outlook, Indonesian", format!("Dari: Eva Moss <eva@moss.example>\nDikirim: Selasa, 10 Maret 2026 09.12\nKepada: Desk\nSubjek: Pump\n\n{narrow}")),
        ("Outlook, Japanese", format!("差出人: Eva Moss <eva@moss.example>\n送信日時: 2026年3月10日 9:12\n宛先: Desk\n件名: Pump\n\n{narrow}")),
        ("Outlook, bold", format!("*From:* Eva Moss <eva@moss.example>\n*Sent:* Tuesday, March 10, 2026 9:12\n*To:* Desk\n*Subject:* Pump\n\n{narrow}")),
        ("older Outlook", format!("-----Original Message-----\nFrom: Eva Moss [mailto:eva@moss.example]\nSent: Tuesday, March 10, 2026 9:12\nTo: Desk\nSubject: Pump\n\n{narrow}")),
        ("older Outlook, German", format!("-----Ursprüngliche Nachricht-----\nVon: Eva Moss\nGesendet: Dienstag\nAn: Desk\nBetreff: Pump\n\n{narrow}")),
        ("a telephone", format!("-------- Original message --------\nFrom: Eva Moss <eva@moss.example>\nDate: 10/03/2026 09:12 (GMT+01:00)\nTo: Desk\nSubject: Pump\n\n{narrow}")),
        ("Outlook, Indonesian, older", format!("-----Pesan Asli-----\nDari: Eva Moss\n\n{narrow}")),
        ("wrapped again", narrow.lines().map(|line| format!("> {line}\n")).collect()),
        ("wrapped without marks", "> Hello,\n>\n> the pump in hall 3 is broken, and water runs down\nthe wall.\n> When will you come to look at it, and who pays?\n> Eva Moss\n".to_owned()),
        ("in capitals, with links", "> HELLO, THE PUMP<https://pump.example/> in *hall 3* is broken, and water runs down the wall.\n> When will you come to look at it, and who pays? Eva Moss\n".to_owned()),
    ] {
        let text = shown(&format!("It is urgent.\n\n{quotation}"), SENT);
        let hidden = text.strip_prefix("It is urgent.||[").and_then(|rest| rest.strip_suffix(']'));
        assert!(hidden.is_some_and(|count| count.parse::<usize>().is_ok_and(|count| count >= 2)), "{name}: {text}");
    }
}

#[test]
fn signs_without_blanks_between_words_are_proven() {
    let sent = "3階のプリンターが今朝から動きません。電源を入れ直しましたが、「紙詰まり」の表示が消えません。";
    let again = "動きました。\n\n> 3階のプリンターが今朝から動きま\n> せん。電源を入れ直しましたが、「紙詰まり」の表示が\n> 消えません。\n";
    assert_eq!(shown(again, sent), "動きました。||[3]");
}

/// What somebody writes is never hidden, also if it looks like a quotation.
#[test]
fn what_only_looks_like_a_quotation_is_shown() {
    let steps = (0..30).map(|n| format!("step {n} of the new plan\n")).collect::<String>();
    let form = format!(
        "A message from the website:\n\nFrom: Kim <kim@x.example>\nSubject: Pots\nTo: sales\nDate: today\n\n{steps}"
    );
    for (name, text, sent) in [
        ("a sign", "The limit is\n> 5 MiB\nand not more.", SENT),
        ("a list of prices", "From: 5 EUR\nTo: 10 EUR\nSubject to change.", SENT),
        (
            "a question with a colon",
            "We met on 5 March 2026 and agreed:\nyou come and look at it, and we pay for it.",
            SENT,
        ),
        ("the same words again", "I ask once more:\nWhen will you come to look at it, and who pays?", SENT),
        ("a form in the first mail", form.as_str(), ""),
        ("a rule", "one\n\n________________________________\ntwo\n-----\nthree", SENT),
        (
            "text above a name and a date",
            "Please come on Monday, we have waited for two weeks now for your visit\nand nobody came.\nEva",
            SENT,
        ),
    ] {
        assert_eq!(shown(text, sent), text.trim_end().replace('\n', "|"), "{name}");
    }
    // The last line before a quotation is not taken for a part of its head.
    let above =
        "Please come on 5 March at 9, we have been waiting for you and for them\nOn 10 March 2026, Eva wrote:\n";
    let text = shown(&format!("{above}> the pump in hall 3 is broken, and water runs down the wall.\n"), SENT);
    assert!(text.starts_with("Please come on 5 March") && text.ends_with("|[2]"), "{text}");
}

#[test]
fn answers_in_a_quotation_are_shown_with_what_they_answer() {
    let marks = "> Hello,\n>\n> the pump in hall 3 is broken, and water runs down the wall.\n\nWhich pump?\n\n\
        > When will you come to look at it, and who pays?\nOn Monday.\n\n> Eva Moss\n";
    let want = "> Hello,|>|> the pump in hall 3 is broken, and water runs down the wall.||Which pump?||\
        > When will you come to look at it, and who pays?|On Monday.||[1]";
    assert_eq!(shown(marks, SENT), want);
    // Of a long quotation its end is shown.
    let long: String = (0..9).map(|n| format!("line {n} of the long letter of Eva\n")).collect();
    let quoted: String = long.lines().map(|line| format!("> {line}\n")).collect();
    let twice = format!("{quoted}Yes.\n{quoted}No.\n");
    let one =
        "[6]|> line 6 of the long letter of Eva|> line 7 of the long letter of Eva|> line 8 of the long letter of Eva";
    assert_eq!(shown(&twice, &long), format!("{one}|Yes.|{one}|No."));
    // In a copy without marks, all that is new is shown where it was written, also if that is much.
    let header = "From: Eva Moss <eva@moss.example>\nSent: Tuesday\nTo: Desk\nSubject: Pump\n\n";
    let mine: String = (0..25).map(|n| format!("my answer {n} to this question\n")).collect();
    let copy = format!(
        "See my answers below.\n\n{header}{}\n{mine}\n{}",
        "line 1 of the long letter of Eva", "line 8 of the long letter of Eva"
    );
    let text = shown(&copy, &long);
    assert!(text.starts_with("See my answers below.||[5]|my answer 0") && text.ends_with("question|[1]"), "{text}");
    assert_eq!(text.matches("|my answer").count(), 25, "{text}");
}

#[test]
fn what_is_passed_on_is_shown_as_far_as_it_is_new() {
    let body: String = (0..30).map(|n| format!("new line {n} of the supplier\n")).collect();
    let older: String = (0..30).map(|n| format!("older line {n} of the supplier\n")).collect();
    let header = |name: &str| format!("From: {name} <x@supplier.example>\nSent: Tuesday\nTo: Desk\nSubject: Pump\n\n");
    let forward = |comment: &str| format!("{comment}{}{body}\n{}{older}", header("New"), header("Older"));
    for (name, text, known, passes_on) in [
        ("a forward", forward("FYI\n\n"), SENT, true),
        ("without a word", forward(""), SENT, false),
        ("the first mail", forward("FYI\n\n"), "", false),
    ] {
        let text = shown_of(&text, known, passes_on);
        assert_eq!(text.matches("|new line").count(), 30, "{name}: {text}");
        assert!(text.matches("|older line").count() == 3 && text.ends_with("|[27]"), "{name}: {text}");
    }
    let known = shown_of(&forward("FYI\n\n"), &format!("{body}{older}"), true);
    assert_eq!(known, "FYI||[68]");
}

#[test]
fn folding_costs_no_more_than_its_length() {
    let known = Known::default();
    for unit in
        ["> a\n", "From: a\n", "a 1234567890:\n", "-----Original Message-----\n\n", "____\n", "\n", "Subject: x\n\n"]
    {
        crate::mail::costs_no_more_than_its_length(unit, 40_000, &|text| drop(folded(text, &known, false)));
    }
}
