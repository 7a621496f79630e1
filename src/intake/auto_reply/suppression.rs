//! Whether an automatic reply is sent: pure, with the reason where it is not (B8).

use jiff::SignedDuration;

/// Why no reply is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suppression {
    /// The account has no template.
    NoTemplate,
    /// The account has no SMTP server.
    NoSmtp,
    /// It joined an existing case or thread.
    FollowUp,
    /// It came through an archive import or has no case although the account makes them.
    NoCase,
    /// From before the database was restored.
    BeforeRestore,
    /// Older than `auto_reply_max_age`.
    TooOld,
    /// B8.1, with the rule.
    NotToBeAnswered(String),
    /// A filter says so (B10.3), with its name.
    Filter(String),
    /// There is no address to answer to.
    NoAddress,
    /// A report said that the address does not exist.
    InvalidAddress(String),
    /// This address has one for this case.
    OncePerCase,
    /// `auto_reply_per_hour`.
    PerHour,
    /// `auto_reply_per_day`.
    PerDay,
    /// Number that went to one domain within an hour.
    PerDomain,
    /// The account's breaker has tripped.
    Breaker,
}

impl std::fmt::Display for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Suppression::NoTemplate => "the account has no template",
            Suppression::NoSmtp => "the account has no SMTP server",
            Suppression::FollowUp => "follow-up of an existing thread",
            Suppression::NoCase => "no new case was made",
            Suppression::BeforeRestore => "the mail is from before the database was restored from a backup",
            Suppression::TooOld => "the mail is older than auto_reply_max_age",
            Suppression::NotToBeAnswered(rule) => return write!(f, "not to be answered: {rule}"),
            Suppression::Filter(name) => return write!(f, "{name} says no-auto-reply"),
            Suppression::NoAddress => "the mail has no address to answer to",
            Suppression::InvalidAddress(reason) => {
                return write!(f, "the address is invalid until it writes: {reason}");
            }
            Suppression::OncePerCase => "the address has one for this case",
            Suppression::PerHour => "the limit of auto_reply_per_hour is reached for this address",
            Suppression::PerDay => "the limit of auto_reply_per_day is reached for this address",
            Suppression::PerDomain => "20 automatic replies went to this domain within the hour",
            Suppression::Breaker => "the account's breaker has tripped (espomail account breaker ACCOUNT --reset)",
        };
        f.write_str(text)
    }
}

/// The facts the decision is made of.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// A template is set.
    pub template: bool,
    /// An SMTP server is set.
    pub smtp: bool,
    /// The account makes cases.
    pub create_case: bool,
    /// A new case was made for this mail.
    pub new_case: bool,
    /// The mail refers to no earlier one.
    pub opens_thread: bool,
    /// Age (B8.6).
    pub age: SignedDuration,
    /// The mail is from before the database was restored.
    pub before_restore: bool,
    /// The rule of B8.1 that forbids an answer.
    pub unanswerable: Option<String>,
    /// The filter that forbids one.
    pub forbidden: Option<String>,
    /// There is an address to answer to.
    pub address: bool,
    /// Why the address is invalid, if it is.
    pub invalid: Option<String>,
    /// The address got one for this case.
    pub replied_to_case: bool,
    /// To this address in the last hour, from this account; these numbers are counted as far as the limits go.
    pub last_hour: i64,
    /// To this address in the last day, from this account.
    pub last_day: i64,
    /// To new addresses of the domain in the last hour, from this account; 0 for public mail providers.
    pub domain_last_hour: i64,
    /// To anybody in the last hour, from this account.
    pub account_last_hour: i64,
    /// The breaker has tripped before.
    pub tripped: bool,
}

/// The limits of B8.2; 0 = off.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Oldest mail that is answered.
    pub max_age: SignedDuration,
    /// Per address and hour.
    pub per_hour: i64,
    /// Per address and day.
    pub per_day: i64,
    /// Per account and hour.
    pub breaker: i64,
}

/// Automatic replies to new addresses of one domain in an hour (B8.7).
pub(super) const PER_DOMAIN: i64 = 20;

/// Why no reply is sent; `None` = it is sent.
pub fn suppression(facts: &Facts, limits: &Limits) -> Option<Suppression> {
    let reached = |count: i64, limit: i64| limit > 0 && count >= limit;
    let rules = [
        (!facts.template, Suppression::NoTemplate),
        (!facts.smtp, Suppression::NoSmtp),
        (!facts.opens_thread && !facts.new_case, Suppression::FollowUp),
        (facts.create_case && !facts.new_case, Suppression::NoCase),
        (!facts.address, Suppression::NoAddress),
        (facts.before_restore, Suppression::BeforeRestore),
        (facts.age > limits.max_age, Suppression::TooOld),
        (facts.replied_to_case, Suppression::OncePerCase),
        (reached(facts.last_hour, limits.per_hour), Suppression::PerHour),
        (reached(facts.last_day, limits.per_day), Suppression::PerDay),
        (facts.domain_last_hour >= PER_DOMAIN, Suppression::PerDomain),
        (facts.tripped || reached(facts.account_last_hour, limits.breaker), Suppression::Breaker),
    ];
    let unanswerable = facts.unanswerable.clone().map(Suppression::NotToBeAnswered);
    let unanswerable = facts.forbidden.clone().map(Suppression::Filter).or(unanswerable);
    let invalid = facts.invalid.clone().map(Suppression::InvalidAddress);
    let (first, rest) = rules.split_at(3);
    let hit = |rules: &[(bool, Suppression)]| rules.iter().find(|(holds, _)| *holds).map(|(_, why)| why.clone());
    hit(first).or(unanswerable).or(invalid).or_else(|| hit(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Facts {
        Facts {
            template: true,
            smtp: true,
            create_case: true,
            new_case: true,
            opens_thread: true,
            address: true,
            ..Facts::default()
        }
    }

    fn limits() -> Limits {
        Limits { max_age: SignedDuration::from_hours(72), per_hour: 1, per_day: 3, breaker: 100 }
    }

    #[test]
    fn every_rule_suppresses_and_nothing_else_does() {
        let old = SignedDuration::from_hours(73);
        let rows: Vec<(Facts, Option<Suppression>)> = vec![
            (fine(), None),
            (Facts { template: false, ..fine() }, Some(Suppression::NoTemplate)),
            (Facts { smtp: false, ..fine() }, Some(Suppression::NoSmtp)),
            (Facts { new_case: false, opens_thread: false, ..fine() }, Some(Suppression::FollowUp)),
            (Facts { new_case: false, ..fine() }, Some(Suppression::NoCase)),
            (Facts { create_case: false, new_case: false, ..fine() }, None),
            (Facts { create_case: false, new_case: false, opens_thread: false, ..fine() }, Some(Suppression::FollowUp)),
            (Facts { unanswerable: Some("x".into()), ..fine() }, Some(Suppression::NotToBeAnswered("x".into()))),
            (Facts { address: false, ..fine() }, Some(Suppression::NoAddress)),
            (Facts { age: old, ..fine() }, Some(Suppression::TooOld)),
            (Facts { invalid: Some("550".into()), ..fine() }, Some(Suppression::InvalidAddress("550".into()))),
            (Facts { replied_to_case: true, ..fine() }, Some(Suppression::OncePerCase)),
            (Facts { last_hour: 1, ..fine() }, Some(Suppression::PerHour)),
            (Facts { last_day: 2, ..fine() }, None),
            (Facts { last_day: 3, ..fine() }, Some(Suppression::PerDay)),
            (Facts { account_last_hour: 99, ..fine() }, None),
            (Facts { account_last_hour: 100, ..fine() }, Some(Suppression::Breaker)),
            (Facts { tripped: true, ..fine() }, Some(Suppression::Breaker)),
        ];
        for (facts, expected) in rows {
            assert_eq!(suppression(&facts, &limits()), expected, "{facts:?}");
        }
    }

    #[test]
    fn limits_of_zero_are_off() {
        let off = Limits { per_hour: 0, per_day: 0, breaker: 0, ..limits() };
        let busy = Facts { last_hour: 50, last_day: 500, account_last_hour: 5_000, ..fine() };
        assert_eq!(suppression(&busy, &off), None);
    }
}
