//! What was typed at the questions before: after a way back it stands in the brackets. Pure.

use super::{Guide, Question};

impl Guide {
    pub(super) fn former_of(&self, question: Question) -> Option<&str> {
        self.former.iter().find(|(of, _)| *of == question).map(|(_, text)| text.as_str())
    }

    /// What was refused is not offered again.
    pub(super) fn forget(&mut self, question: Question) {
        self.former.retain(|(of, _)| *of != question);
    }

    /// Remembers an answer, and forgets those that were about something else.
    pub(super) fn remember(&mut self, question: Question, text: &str) {
        use Question as Q;
        let depending: &[Question] = match question {
            // A password is never shown, and a decision is made each time.
            Q::Password | Q::Trouble | Q::WithoutTokens | Q::Create => return,
            Q::Admin => &[Q::AdminName, Q::AdminEmail, Q::AdminLogin],
            Q::Address => {
                &[Q::UseServers, Q::Profile, Q::Imap, Q::Tls, Q::Smtp, Q::SmtpTls, Q::Account, Q::Login, Q::Secret]
            }
            Q::Imap => &[Q::Tls],
            Q::Smtp => &[Q::SmtpTls],
            _ => &[],
        };
        if self.former_of(question) != Some(text) {
            self.former.retain(|(of, _)| *of != question && !depending.contains(of));
            self.former.push((question, text.to_owned()));
        }
    }
}
