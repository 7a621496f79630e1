//! A person signs in: what the terminal shows meanwhile, and how the answer comes back.

use std::io::BufRead;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::error::{self, Fault, Kind};
use crate::job_control;
use crate::net::http::Way;
use crate::net::loopback::Loopback;
use crate::oauth::Client;
use crate::oauth::answer::{self, Answer, Tokens};
use crate::oauth::cause::{self, Facts};
use crate::oauth::code::{Begun, Returned};
use crate::oauth::device::{self, Outcome};
use crate::oauth::issuer::{self, Heard};
use crate::ui::output::Ui;

/// Somebody has so long to sign in.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two looks at what came.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of a pasted line.
const LINE_MAX: usize = 16 << 10;
/// The grant of RFC 8628.
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What is signed in to, and by whom.
pub struct Asked<'a> {
    pub account: &'a str,
    pub client: &'a Client,
    /// Who should sign in.
    pub user: &'a str,
    pub way: Way,
    pub ui: &'a Ui,
    /// Whether pasted lines are read.
    pub reads_lines: bool,
}

impl Asked<'_> {
    fn facts(&self, by_device: bool, heard: Option<&Heard>) -> Facts<'_> {
        Facts {
            account: self.account,
            client: self.client,
            by_device,
            signed_in_at: None,
            now: Timestamp::now(),
            skew: heard.and_then(|heard| heard.skew),
            retry_after: heard.and_then(|heard| heard.retry_after),
        }
    }

    /// On a line of its own, to be copied; programs get one result at the end.
    fn show(&self, text: &str) -> Result<()> {
        match self.ui.for_people() {
            true => self.ui.text(text),
            false => {
                self.ui.note(text);
                Ok(())
            }
        }
    }

    fn ask(&self, fields: &[(&str, &str)]) -> Result<Heard> {
        issuer::ask(self.client, fields, &self.way, Timestamp::now())
    }
}

/// In a browser; the tokens, and our clock minus the issuer's.
///
/// # Errors
/// Nobody signed in within 10 minutes (75), or the issuer refuses.
pub fn by_code(asked: &Asked<'_>, is_elsewhere: bool) -> Result<(Tokens, Option<i64>)> {
    // It listens before anybody can know the address.
    let loopback = Loopback::open().context("cannot listen for the browser")?;
    let begun = Begun::new(asked.client, loopback.port, Some(asked.user))?;
    let ui = asked.ui;
    ui.note(&format!("Open this address in a browser and sign in as {}:", asked.user));
    asked.show(&begun.url)?;
    match is_elsewhere {
        true => ui.note(
            "At the end the browser shows an address that it cannot open. Copy this address, paste it here and press Enter:",
        ),
        false => ui.note("If the browser is on another machine, paste here the address where it ends, and press Enter."),
    }
    let lines = asked.reads_lines.then(lines);
    let mut next = || {
        let is_answer = |query: &str| !matches!(begun.of_redirect(query), Returned::Nothing | Returned::Foreign);
        if let Some(query) = loopback.next(&is_answer) {
            return Some(begun.of_redirect(&query));
        }
        let line = lines.as_ref().and_then(|lines| lines.try_recv().ok())?;
        Some(begun.of_line(&line)).filter(|_| !line.trim().is_empty())
    };
    let code = job_control::while_waiting(|| {
        wait(&mut next, &mut |pause| std::thread::sleep(pause), &mut |text| ui.warn(text))
    });
    let code = match code {
        Some(Returned::Code(code)) => code,
        Some(Returned::Refused(error, description)) => {
            let refusal = answer::refused(&error, &description);
            return Err(cause::of(&refusal, &asked.facts(false, None)).error().into());
        }
        Some(Returned::Foreign | Returned::Nothing) | None => {
            return Err(Fault::new(Kind::TempFail, "nobody signed in within 10 minutes")
                .hint(format!("try again: espomail account auth {}", asked.account))
                .into());
        }
    };
    let heard = asked.ask(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &begun.redirect),
        ("code_verifier", &begun.verifier),
    ])?;
    granted(asked, heard)
}

/// Waits for a code or a refusal; what is neither is told of.
fn wait(
    next: &mut dyn FnMut() -> Option<Returned>,
    sleep: &mut dyn FnMut(Duration),
    tell: &mut dyn FnMut(&str),
) -> Option<Returned> {
    let mut passed = Duration::ZERO;
    while passed < PATIENCE {
        match next() {
            Some(found @ (Returned::Code(_) | Returned::Refused(..))) => return Some(found),
            Some(Returned::Foreign) => {
                tell("this address belongs to another sign-in; paste the one where the browser is now")
            }
            Some(Returned::Nothing) => {
                tell("there is no code in this line; paste the whole address where the browser ends")
            }
            None => {
                sleep(LOOK);
                passed += LOOK;
            }
        }
    }
    None
}

/// Lines of standard input, from a thread that is left behind.
fn lines() -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = String::new();
            let read = std::io::Read::take(&mut input, LINE_MAX as u64).read_line(&mut line);
            if read.is_err() || line.is_empty() || send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// With a code that is typed elsewhere; the tokens, and our clock minus the issuer's.
///
/// # Errors
/// Nobody signed in in time (75), the person said no (77), or the issuer refuses.
pub fn by_device(asked: &Asked<'_>) -> Result<(Tokens, Option<i64>)> {
    let begun = issuer::device_code(asked.client, &asked.way, Timestamp::now(), asked.account)?;
    let ui = asked.ui;
    ui.note(&format!("Open this address on any machine, type the code, and sign in as {}:", asked.user));
    asked.show(&begun.address)?;
    asked.show(&begun.user_code)?;
    let fields = [("grant_type", DEVICE), ("device_code", begun.device_code.as_str())];
    let started = Instant::now();
    let outcome = job_control::while_waiting(|| {
        device::wait(begun.expires_in, begun.interval, &mut || asked.ask(&fields), &mut |pause| {
            std::thread::sleep(pause);
        })
    })?;
    let again = format!("try again: espomail account auth {} --device", asked.account);
    match outcome {
        Outcome::Granted(tokens, skew) => Ok((tokens, skew)),
        Outcome::Declined(code) => Err(error::noperm(format!("the sign-in was declined ({code})")).hint(again).into()),
        Outcome::Expired => {
            let minutes = (started.elapsed().as_secs() + 30) / 60;
            let text = format!("the code has expired: nobody signed in within {minutes} min");
            Err(Fault::new(Kind::TempFail, text).hint(again).into())
        }
        Outcome::Refused(refusal) => Err(cause::of(&refusal, &asked.facts(true, None)).error().into()),
    }
}

fn granted(asked: &Asked<'_>, heard: Heard) -> Result<(Tokens, Option<i64>)> {
    let facts = asked.facts(false, Some(&heard));
    let cause = match &heard.answer {
        Answer::Refused(refusal) => Some(cause::of_code(refusal, &facts)),
        answer @ (Answer::Granted(_) | Answer::Nonsense(_)) => issuer::failure(answer, &facts),
    };
    match (heard.answer, cause) {
        (_, Some(cause)) => Err(cause.error().into()),
        (Answer::Granted(tokens), None) => Ok((tokens, heard.skew)),
        (Answer::Refused(_) | Answer::Nonsense(_), None) => Err(anyhow::anyhow!("no token")),
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn somebody_has_ten_minutes_and_may_paste_again() {
        let code = || Returned::Code(Zeroizing::new("c".to_owned()));
        let mut came = vec![None, Some(Returned::Nothing), Some(Returned::Foreign), None, Some(code())].into_iter();
        let (mut slept, mut told) = (0, Vec::new());
        let found = wait(&mut || came.next().flatten(), &mut |_| slept += 1, &mut |text| told.push(text.to_owned()));
        assert!(found == Some(code()) && slept == 2 && told.len() == 2, "{told:?}");
        let mut passed = Duration::ZERO;
        assert!(wait(&mut || None, &mut |pause| passed += pause, &mut |_| {}).is_none());
        assert_eq!(passed, PATIENCE);
    }
}
