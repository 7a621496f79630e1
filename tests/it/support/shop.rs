//! A shop's help desk over three days of March 2026: customers who write Japanese, German, English, Italian, Indonesian and
//! French, attachments, a Cc, an absence note, a letter that came back, a stranger, a draft, answers that did not go out.
//! The mails are in `shop/`. They and the commands are played on any [`Stage`], so that every mode has the same rows.

use jiff::Timestamp;
use serde_json::Value;

use super::{Answer, Desk, SmtpSink, Step, header};

/// The moment at which the shop is looked at.
pub const NOW: &str = "2026-03-11T09:30:00Z";

/// Where the program runs: a sandbox, or a machine with users of its own.
pub trait Stage {
    /// Runs the program at a moment for a user, `""` = the administrator; what it prints. Panics where it fails in another
    /// way than by a letter that a server refuses.
    fn act(&self, at: Timestamp, user: &str, args: &[&str], stdin: &[u8]) -> String;
}

/// Plays the three days from an empty database on. The clock ends at [`NOW`].
pub fn play(stage: &impl Stage) {
    let sink = SmtpSink::new(Vec::new());
    let shop = Shop { stage, sink: &sink };
    shop.open();
    shop.monday();
    shop.tuesday();
    shop.wednesday();
}

impl Desk {
    /// The shop at [`NOW`] in a sandbox whose clock stands still.
    pub fn shop() -> Desk {
        let desk = Desk::with_clock();
        play(&desk);
        desk.at(NOW.parse().unwrap());
        desk
    }
}

impl Stage for Desk {
    fn act(&self, at: Timestamp, user: &str, args: &[&str], stdin: &[u8]) -> String {
        self.at(at);
        let as_user: &[&str] = if user.is_empty() { &[] } else { &["--as", user] };
        let run = self.sandbox.call(&[as_user, args].concat()).stdin(stdin).run();
        assert!(run.code == 0 || args == ["send"], "{run:#?}");
        run.stdout
    }
}

struct Shop<'a, S> {
    stage: &'a S,
    sink: &'a SmtpSink,
}

impl<S: Stage> Shop<'_, S> {
    /// `time` is `9T08:10`: a day of March and an hour.
    fn at(&self, time: &str, user: &str, args: &[&str]) -> String {
        self.stage.act(moment(time), user, args, b"")
    }

    fn mail(&self, time: &str, letter: &str) {
        let bytes = with_files(letter).replace('\n', "\r\n");
        self.stage.act(moment(time), "", &["ingest", "--account", "support"], bytes.as_bytes());
    }

    fn say(&self, time: &str, user: &str, words: &[&str], text: &str) {
        self.at(time, user, &[words, &["-m", text]].concat());
    }

    /// Sends what is due; the server answers every recipient so.
    fn send(&self, time: &str, answer: Option<&'static str>) {
        let step = answer.map(|answer| Step { verb: "RCPT", nth: 0, answer: Answer::Say(answer) });
        self.sink.script(step.into_iter().collect());
        self.at(time, "", &["send"]);
    }

    /// The Message-ID of our first answer in a case, and all its header.
    fn answer_in(&self, case: &str) -> (String, String) {
        let thread: Value = serde_json::from_str(&self.at("9T12:01", "", &["--json", "case", "thread", case])).unwrap();
        let answer = thread["items"].as_array().unwrap().iter().find(|mail| !mail["writer"].is_null()).unwrap();
        let raw = self.at("9T12:01", "", &["email", "show", &answer["id"].to_string(), "--raw"]);
        let head = raw.split_once("\r\n\r\n").unwrap().0.replace("\r\n", "\n");
        (header(raw.as_bytes(), "Message-ID"), head)
    }

    fn open(&self) {
        let set_up = |args: &[&str]| self.at("8T08:00", "", args);
        set_up(&["init"]);
        set_up(&["team", "add", "Support"]);
        for (user, name) in [("ana", "Ana Lima"), ("budi", "Budi Santoso")] {
            set_up(&["user", "add", user, "--name", name, "--email", &format!("{user}@staff.example")]);
            set_up(&["team", "member", "add", "Support", user]);
        }
        let account = ["account", "add", "support", "--kind", "group", "--address", "support@desk.example"];
        let server =
            ["--smtp", &self.sink.address(), "--smtp-tls", "none", "--secret", "stdin", "--from-name", "Support"];
        let account = [&account[..], &server, &["--case-team", "Support", "--create-case"]].concat();
        self.stage.act(moment("8T08:00"), "", &account, b"secret\n");
        set_up(&["record", "add", "company", "Kontor Weber GmbH"]);
        set_up(&[
            "record",
            "add",
            "contact",
            "Jonas Weber",
            "--email",
            "weber@kontor.example",
            "--company",
            "Kontor Weber GmbH",
        ]);
    }

    fn monday(&self) {
        self.mail("9T08:10", include_str!("shop/printer.eml"));
        self.at("9T09:00", "ana", &["case", "take", "1"]);
        let answer = "佐藤様\n\nご連絡ありがとうございます。3番のセンサーに紙片が残っている可能性があります。背面のカバーを開けて、やわらかい布で拭いてください。\n\nアナ";
        self.say("9T09:20", "ana", &["case", "reply", "1", "--status", "Pending"], answer);
        self.send("9T09:21", None);
        self.mail("9T11:05", include_str!("shop/order.eml"));
        self.at("9T11:30", "budi", &["case", "take", "2"]);
        self.at("9T11:31", "budi", &["case", "edit", "2", "--priority", "High", "--type", "problem"]);
        self.at("9T11:32", "budi", &["case", "people", "2", "--copied", "buchhaltung@kontor.example"]);
        let answer = "Guten Tag Herr Weber,\n\ndie Kanne und zwei Schalen gehen morgen hinaus und sind spätestens am Freitag bei Ihnen. Die Gutschrift folgt mit getrennter Post.\n\nViele Grüße\nBudi";
        self.say("9T12:00", "budi", &["case", "reply", "2", "--cc", "buchhaltung@kontor.example"], answer);
        self.send("9T12:00", None);
        let (id, head) = self.answer_in("2");
        self.mail("9T12:01", &include_str!("shop/away.eml").replace("@ORDER-ANSWER@", &id));
        self.mail("9T12:03", &include_str!("shop/returned.eml").replace("@ORDER-HEADERS@", &head));
    }

    fn tuesday(&self) {
        let (order_answer, _) = self.answer_in("2");
        self.mail("10T07:40", &include_str!("shop/order-again.eml").replace("@ORDER-ANSWER@", &order_answer));
        let draft = "Guten Tag Herr Weber,\n\ndanke, die Gutschrift geht an die neue Adresse.";
        self.say("10T08:00", "budi", &["case", "reply", "2", "--draft"], draft);
        self.say(
            "10T08:15",
            "ana",
            &["case", "note", "2"],
            "Invoice 2231 of the same customer was paid twice: offset it.",
        );
        let (printer_answer, _) = self.answer_in("1");
        self.mail("10T09:12", &include_str!("shop/printer-again.eml").replace("@PRINTER-ANSWER@", &printer_answer));
        self.mail("10T10:00", include_str!("shop/kettle.eml"));
        self.at("10T10:10", "ana", &["case", "take", "3"]);
        self.say(
            "10T10:30",
            "ana",
            &["case", "reply", "3"],
            "Dear Eva,\n\nplease send it back, we pay the postage.\n\nAna",
        );
        self.send("10T10:30", Some("550 5.7.1 refused: sender is on a block list"));
        self.mail("10T11:20", &include_str!("shop/carrier.eml").replace("@ORDER-ANSWER@", &order_answer));
        self.mail("10T13:00", include_str!("shop/visit.eml"));
        self.mail("10T15:00", include_str!("shop/news.eml"));
    }

    fn wednesday(&self) {
        self.mail("11T06:30", include_str!("shop/winner.eml"));
        self.at("11T07:00", "ana", &["case", "spam", "6"]);
        self.mail("11T08:00", include_str!("shop/machine.eml"));
        self.at("11T08:05", "", &["case", "edit", "7", "--priority", "Urgent"]);
        self.mail("11T08:30", include_str!("shop/receipt.eml"));
        self.at("11T08:40", "ana", &["case", "take", "4", "8"]);
        self.at("11T08:40", "budi", &["case", "follow", "4"]);
        self.say("11T09:00", "ana", &["case", "reply", "8", "--close"], "Bonjour, voici le reçu.");
        self.send("11T09:00", None);
        self.say(
            "11T09:10",
            "ana",
            &["case", "reply", "4"],
            "Gentile signora Rossi,\n\nvenerdì alle 10 va bene.\n\nAna",
        );
        self.send("11T09:10", Some("451 4.7.1 greylisted, try again later"));
    }
}

fn moment(time: &str) -> Timestamp {
    format!("2026-03-{time:0>8}:00Z").parse().unwrap()
}

/// A file of that number of bytes in the place of `@FILE n@`, as base64.
fn with_files(letter: &str) -> String {
    let Some((before, rest)) = letter.split_once("@FILE ") else { return letter.to_owned() };
    let (bytes, after) = rest.split_once('@').unwrap();
    let lines = bytes.parse::<usize>().unwrap() / 48;
    format!("{before}{}{}", vec!["A".repeat(64); lines].join("\n"), with_files(after))
}
