//! What is done about servers that do not work. Pure.

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

impl Guide {
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
            _ => return Err("answer again, login, servers, folder, keep or none".to_owned()),
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
