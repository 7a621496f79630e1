//! Hostile mail: nothing of it reaches a terminal raw in any command, and no header of it harms a reply.

use crate::support::{Dovecot, Exim, Sandbox, mail};

/// Control characters except the line end, bidirectional and invisible ones.
fn is_raw(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\r')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

#[test]
fn nothing_of_a_hostile_mail_reaches_the_terminal_raw() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks", "--create-contact"]);
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}gpj.exe\u{200b}\u{e0041}\u{9b}31m";
    let encoded = |text: &str| format!("=?utf-8?Q?{}?=", text.bytes().map(|b| format!("={b:02X}")).collect::<String>());
    let letters = [
        mail(
            &format!("{} <a@customer.example>", encoded(evil)),
            &mailbox.address,
            &encoded(&format!("{evil}\0{evil}")),
        ),
        mail("b@customer.example", &mailbox.address, &"\u{1b}[31mraw ".repeat(2_000)),
        mail(&format!("\"{evil}\" <c@customer.example>"), &mailbox.address, "attached")
            .header("Content-Type", "multipart/mixed; boundary=b")
            .body(&format!(
                "--b\n\n{evil}\nbody\0\n--b\nContent-Disposition: attachment; filename=\"{evil}.txt\"\n\nx\n--b--\n"
            )),
        mail("d@customer.example", &mailbox.address, "x").header("From", &format!("{evil} <{evil}@customer.example>")),
    ];
    for letter in &letters {
        mailbox.append("INBOX", &letter.bytes());
    }
    let mut runs = vec![sandbox.run(&["-v", "--dry-run", "fetch"]), sandbox.run(&["-vv", "fetch"])];
    sandbox.run(&["case", "note", "1", "-m", evil]).ok();
    let numbers: Vec<String> = sandbox.items(&["case", "list"]).iter().map(|c| c["number"].to_string()).collect();
    let ids: Vec<String> = sandbox.items(&["email", "list"]).iter().map(|e| e["id"].to_string()).collect();
    assert_eq!(numbers.len(), 4);
    for format in ["table", "plain", "json", "ndjson", "csv"] {
        let run = |args: &[&str]| sandbox.run(&[&["--format", format], args].concat()).ok();
        runs.extend([
            run(&["case", "list"]),
            run(&["email", "list"]),
            run(&["outbox", "list", "--all"]),
            run(&["status"]),
        ]);
        for number in &numbers {
            runs.extend([run(&["case", "show", number, "--full"]), run(&["case", "thread", number])]);
        }
        for id in &ids {
            runs.extend([
                run(&["email", "show", id]),
                run(&["email", "show", id, "--headers"]),
                run(&["email", "explain", id]),
            ]);
        }
    }
    runs.push(sandbox.run(&["case", "show", evil]));
    runs.push(sandbox.run(&["user", "add", evil]));
    runs.push(sandbox.run(&["template", "preview", "Thanks", "--case", "1"]));
    for run in runs {
        let raw: Vec<char> =
            run.stdout.chars().chain(run.stderr.chars()).filter(|c| is_raw(*c) && *c != '\t').collect();
        assert!(raw.is_empty(), "{raw:?} from {}", run.what);
    }
}

#[test]
fn a_display_name_with_line_ends_harms_no_reply() {
    let (sandbox, mailbox) = (Sandbox::new(), Dovecot::shared().mailbox());
    let customer = Dovecot::shared().mailbox_at("customer.example");
    let victim = Dovecot::shared().mailbox_at("customer.example");
    sandbox.support_account(&mailbox, &["--auto-reply", "Thanks"]);
    let name = format!("=?utf-8?Q?x=0D=0ABcc:_{}=0D=0A=0D=0ASpam?=", victim.address.replace('@', "=40"));
    let letter =
        mail(&format!("{name} <{}>", customer.address), &mailbox.address, "=?utf-8?Q?Hi=0D=0ABcc:_x=40y.example?=");
    mailbox.append("INBOX", &letter.bytes());
    sandbox.run(&["fetch"]).ok();
    sandbox.run(&["case", "reply", "1", "-m", ".\nA line with a dot."]).ok();
    sandbox.run(&["send"]).ok();
    Exim::shared().idle();
    let arrived = customer.arrived(2);
    for message in &arrived {
        assert_eq!(message.header("Bcc"), "", "{}", message.text());
    }
    assert!(
        arrived[1].text().contains("\n.\r\nA line") || arrived[1].text().contains("\n.\nA line"),
        "{}",
        arrived[1].text()
    );
    assert!(victim.messages("INBOX").is_empty());
}
