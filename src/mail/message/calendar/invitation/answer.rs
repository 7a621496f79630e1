//! What an answer to an invitation says, in the words of calendars and of people.

/// What the person who was invited says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Accept,
    Decline,
    Tentative,
}

impl Answer {
    pub(super) fn status(self) -> &'static str {
        match self {
            Answer::Accept => "ACCEPTED",
            Answer::Decline => "DECLINED",
            Answer::Tentative => "TENTATIVE",
        }
    }

    /// As it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Answer::Accept => "accept",
            Answer::Decline => "decline",
            Answer::Tentative => "tentative",
        }
    }

    pub(super) fn of_status(status: &str) -> Option<Answer> {
        let all = [Answer::Accept, Answer::Decline, Answer::Tentative];
        all.into_iter().find(|answer| answer.status().eq_ignore_ascii_case(status))
    }

    /// How the subject of the mail begins.
    pub fn subject(self) -> &'static str {
        match self {
            Answer::Accept => "Accepted",
            Answer::Decline => "Declined",
            Answer::Tentative => "Perhaps",
        }
    }

    /// `Ana … it`
    pub fn done(self) -> &'static str {
        match self {
            Answer::Accept => "accepted",
            Answer::Decline => "declined",
            Answer::Tentative => "tentatively accepted",
        }
    }

    /// `Ana … the invitation`
    pub fn verb(self) -> &'static str {
        match self {
            Answer::Accept => "accepts",
            Answer::Decline => "declines",
            Answer::Tentative => "tentatively accepts",
        }
    }
}
