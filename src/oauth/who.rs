//! Who has signed in, measured by who should have. Pure.

use crate::config::oauth::Provider;

/// A user, by what they are to the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The mailbox itself, or an issuer that does not say.
    Mailbox,
    /// A person with rights on a shared mailbox, as whom SMTP logs in.
    Delegate(String),
    /// Somebody else than was meant.
    Wrong(String),
}

/// Judges who has signed in for a mailbox; `meant` is who was said to.
pub fn judge(signed_in: Option<&str>, mailbox: &str, meant: Option<&str>, provider: Provider) -> Who {
    let Some(user) = signed_in else { return Who::Mailbox };
    let is = |name: &str| user.eq_ignore_ascii_case(name);
    match (is(mailbox), meant) {
        (_, Some(meant)) if !is(meant) => Who::Wrong(user.to_owned()),
        (true, _) => Who::Mailbox,
        (false, Some(_)) => Who::Delegate(user.to_owned()),
        // Only there one mailbox is opened with the token of another.
        (false, None) if provider == Provider::M365 => Who::Delegate(user.to_owned()),
        (false, None) => Who::Wrong(user.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_person_is_a_delegate_at_microsoft_and_a_mistake_elsewhere() {
        let (box_, bot) = ("support@example.org", "bot@example.org");
        let delegate = || Who::Delegate(bot.into());
        let wrong = || Who::Wrong(bot.into());
        for (signed_in, meant, provider, expected) in [
            (Some("Support@Example.org"), None, Provider::M365, Who::Mailbox),
            (Some(bot), None, Provider::M365, delegate()),
            (Some(bot), None, Provider::Google, wrong()),
            (Some(bot), None, Provider::Custom, wrong()),
            (Some(bot), Some("BOT@example.org"), Provider::Custom, delegate()),
            (Some(bot), Some("other@example.org"), Provider::M365, wrong()),
            (Some(box_), Some(bot), Provider::M365, Who::Wrong(box_.into())),
            (None, None, Provider::Google, Who::Mailbox),
        ] {
            assert_eq!(judge(signed_in, box_, meant, provider), expected, "{signed_in:?} {meant:?} {provider:?}");
        }
    }
}
