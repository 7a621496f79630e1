//! What is done about servers that do not work, and about what cannot be made. Pure.

use super::read::NONE;
use super::{Guide, Question, Step};
use crate::store::accounts::NO_PINS;

/// Why servers do not work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The password was refused.
    pub is_of_password: bool,
    /// Pins of certificates that are not trusted, of IMAP and of SMTP.
    pub pins: [Option<String>; 2],
}

/// A word, whether it helps now, and what it does.
type Help = (&'static str, bool, &'static str);

impl Guide {
    fn helps(&self) -> [Help; 7] {
        let is_unknown = self.trouble.pins != [None, None];
        [
            ("again", true, "try once more"),
            ("trust", is_unknown, "trust a certificate that no authority vouches for"),
            ("login", true, "another login name or password"),
            ("servers", true, "name the servers yourself"),
            ("folder", self.has_folder, "another folder"),
            ("keep", true, "keep the account as it is"),
            (NONE, true, "go on without a mailbox"),
        ]
    }

    fn offered(&self) -> impl Iterator<Item = Help> {
        self.helps().into_iter().filter(|(_, helps, _)| *helps)
    }

    /// What is to be made does not fit together: the last question is asked again, from which one can go back.
    pub fn refused(&mut self) {
        self.before.pop();
        self.step = Step::Ask(Question::Create);
    }

    /// It could not be made: another place is asked for, where the place is not given, or whether to try again.
    pub fn unmade(&mut self) {
        self.refused();
        if self.facts.database.is_some() {
            self.is_unmade = true;
            self.step = Step::Ask(Question::Database);
        }
    }

    /// The words that help now.
    pub fn help_words(&self) -> String {
        self.offered().map(|(word, ..)| word).collect::<Vec<_>>().join(", ")
    }

    /// What each of them does.
    pub fn help_explained(&self) -> String {
        self.offered().map(|(word, _, does)| format!("{word}: {does}.")).collect::<Vec<_>>().join(" ")
    }

    /// The word that helps most likely: the servers worked before a folder was named.
    pub(super) fn usual_help(&self) -> &'static str {
        match self.trouble.pins {
            _ if self.trouble.is_of_password => "login",
            [None, None] if self.has_folder => "folder",
            _ => "again",
        }
    }

    pub(super) fn take_trouble(&mut self, text: &str) -> Result<Step, String> {
        use Question as Q;
        let next = match text {
            "again" => return Ok(Step::Test),
            "trust" if self.trouble.pins != [None, None] => {
                let [imap, smtp] = self.trouble.pins.clone();
                self.trust(imap, smtp);
                return Ok(Step::Test);
            }
            "login" => Q::Login,
            "servers" => {
                // The login stays, whichever server gets it.
                let login = self.args.login.take().unwrap_or_else(|| self.usual_login());
                self.args.login = Some(login).filter(|login| Some(login) != self.args.address.as_ref());
                self.found = None;
                (self.args.preset, self.args.smtp_login) = (None, None);
                (self.args.pin, self.args.smtp_pin) = (Vec::new(), Vec::new());
                Q::Imap
            }
            "folder" if self.has_folder => Q::Folder,
            "keep" => {
                self.args.no_test = true;
                if self.has_folder { Q::Since } else { Q::Folder }
            }
            NONE => {
                self.leave_mailbox();
                Q::Create
            }
            _ => return Err(format!("answer one of these: {}", self.help_words())),
        };
        Ok(Step::Ask(next))
    }

    /// Trusts these certificates alone. Without a pin of its own SMTP has that of IMAP.
    fn trust(&mut self, imap: Option<String>, smtp: Option<String>) {
        if let Some(imap) = &imap {
            self.args.pin = vec![imap.clone()];
        }
        let is_same = smtp.is_some() && smtp.as_ref() == self.args.pin.first();
        self.args.smtp_pin = match smtp {
            _ if is_same || self.args.pin.is_empty() && smtp.is_none() => Vec::new(),
            Some(smtp) => vec![smtp],
            None if imap.is_some() && (self.args.smtp.is_some() || self.args.preset.is_some()) => {
                vec![NO_PINS.to_owned()]
            }
            None => std::mem::take(&mut self.args.smtp_pin),
        };
    }
}
