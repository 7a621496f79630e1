//! Sign-in with a code that is typed on another machine (RFC 8628): how often the issuer is asked, and when that ends.
//! Time is given, so that 15 minutes pass at once in a test.

use std::time::Duration;

use super::answer::{Answer, Refusal, Tokens};
use super::issuer::Heard;
use crate::net::NetError;

/// What `slow_down` adds, for good.
const SLOWER: Duration = Duration::from_secs(5);
/// A network that is gone is tried at least so often.
const RAREST: Duration = Duration::from_secs(60);

/// How the wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Granted(Tokens, Option<i64>),
    /// The person said no.
    Declined(String),
    /// Nobody typed the code in time.
    Expired,
    Refused(Refusal),
}

/// Asks until somebody has signed in, said no, or the code has expired.
///
/// # Errors
/// An error of `ask` other than a [`NetError`].
pub fn wait(
    expires_in: Duration,
    interval: Duration,
    ask: &mut dyn FnMut() -> anyhow::Result<Heard>,
    sleep: &mut dyn FnMut(Duration),
) -> anyhow::Result<Outcome> {
    let (mut interval, mut passed) = (interval, Duration::ZERO);
    let mut pause = interval;
    while passed + pause <= expires_in {
        sleep(pause);
        passed += pause;
        let heard = match ask() {
            Ok(heard) => heard,
            Err(error) if error.is::<NetError>() => {
                pause = (pause * 2).min(RAREST).max(interval);
                continue;
            }
            Err(error) => return Err(error),
        };
        match heard.answer {
            Answer::Granted(tokens) => return Ok(Outcome::Granted(tokens, heard.skew)),
            Answer::Nonsense(_) => {
                pause = (pause * 2).min(RAREST).max(interval);
                continue;
            }
            Answer::Refused(refusal) => match refusal.error.as_str() {
                "authorization_pending" => {}
                "slow_down" => interval += SLOWER,
                "authorization_declined" | "access_denied" => return Ok(Outcome::Declined(refusal.code())),
                "expired_token" | "code_expired" => return Ok(Outcome::Expired),
                _ if refusal.status == 429 || refusal.status >= 500 => {
                    pause = (pause * 2).min(RAREST).max(interval);
                    continue;
                }
                _ => return Ok(Outcome::Refused(refusal)),
            },
        }
        pause = interval;
    }
    Ok(Outcome::Expired)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use zeroize::Zeroizing;

    use super::*;
    use crate::net::NetErrorKind;

    fn said(error: &str) -> anyhow::Result<Heard> {
        let refusal = Refusal { status: 400, error: error.to_owned(), ..Refusal::default() };
        Ok(Heard { answer: Answer::Refused(refusal), skew: None, retry_after: None })
    }

    fn gone() -> anyhow::Result<Heard> {
        Err(NetError::new(NetErrorKind::Unreachable, "gone").into())
    }

    fn tokens() -> Tokens {
        Tokens { access: Zeroizing::new("a".into()), refresh: None, lifetime: 1, scopes: None, user: None }
    }

    fn granted() -> anyhow::Result<Heard> {
        Ok(Heard { answer: Answer::Granted(tokens()), skew: Some(7), retry_after: None })
    }

    /// The outcome, and the pauses before each question.
    fn run(answers: Vec<anyhow::Result<Heard>>, expires_in: u64) -> (Outcome, Vec<u64>) {
        let mut answers = answers.into_iter();
        let mut pauses = Vec::new();
        let outcome = wait(
            Duration::from_secs(expires_in),
            Duration::from_secs(5),
            &mut || answers.next().unwrap_or_else(|| said("authorization_pending")),
            &mut |pause| pauses.push(pause.as_secs()),
        );
        (outcome.unwrap(), pauses)
    }

    #[test]
    fn slow_down_is_for_good() {
        let pending = || said("authorization_pending");
        let slow = || said("slow_down");
        let (outcome, pauses) = run(vec![pending(), pending(), pending(), slow(), slow(), pending(), granted()], 900);
        assert_eq!(outcome, Outcome::Granted(tokens(), Some(7)));
        assert_eq!(pauses, [5, 5, 5, 5, 10, 15, 15]);
    }

    #[test]
    fn a_network_that_is_gone_ends_nothing() {
        let (outcome, pauses) =
            run((0..6).map(|_| gone()).chain([said("authorization_pending"), granted()]).collect(), 900);
        assert_eq!(outcome, Outcome::Granted(tokens(), Some(7)));
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60, 60, 5]);
    }

    #[test]
    fn it_ends_by_a_no_by_time_and_by_a_refusal() {
        assert_eq!(
            run(vec![said("authorization_declined")], 900).0,
            Outcome::Declined("authorization_declined".into())
        );
        assert_eq!(run(vec![said("access_denied")], 900).0, Outcome::Declined("access_denied".into()));
        assert_eq!(run(vec![said("expired_token")], 900).0, Outcome::Expired);
        let (outcome, pauses) = run(Vec::new(), 900);
        assert_eq!((outcome, pauses.len()), (Outcome::Expired, 180), "15 minutes");
        assert!(matches!(run(vec![said("invalid_client")], 900).0, Outcome::Refused(_)));
    }

    #[test]
    fn what_is_wrong_here_ends_it() {
        let mut ask = || Err(anyhow::anyhow!("no secret"));
        assert!(wait(RAREST, SLOWER, &mut ask, &mut |_| {}).is_err());
    }
}
