//! The same for an account that is not kept yet: `account add`, and `init` by flags and by questions.

use std::panic::resume_unwind;
use std::thread;

use super::{Report, imap, smtp};
use crate::cli::account::secret::Typed;
use crate::cli::connect::Protocol;
use crate::cli::context::Context;
use crate::error::{self, Fault, Kind};
use crate::oauth::client::own_files;
use crate::secret::{self, SecretSpec};
use crate::store::accounts::{Account, Folder, Server};

/// Why an account is not kept.
pub struct Refused {
    pub error: anyhow::Error,
    /// IMAP refused the login, or there was no secret for it: the password, or where it is, may be mistyped.
    pub is_of_password: bool,
    /// Pins of certificates that are not trusted.
    pub unknown: Vec<(Protocol, String)>,
}

/// Tries the servers of an account that is not kept yet, and says what a fetch would bring.
///
/// # Errors
/// It does not work; what to change has been said.
pub fn before_it_is_kept(
    account: &Account,
    typed: &Typed,
    folders: &[String],
    ctx: &Context,
) -> std::result::Result<(), Refused> {
    let brings = try_all(account, typed, folders, true, ctx)?;
    ctx.ui.note(&format!("The servers work. {}", brings.join("; ")));
    Ok(())
}

/// Tries the servers of an account of which somebody is still asked; the messages in its folders.
///
/// # Errors
/// It does not work; why has been said. What to change is asked next where that is the login.
pub fn while_it_is_asked(
    account: &Account,
    typed: &Typed,
    folders: &[String],
    ctx: &Context,
) -> std::result::Result<(), Refused> {
    let brings = try_all(account, typed, folders, false, ctx)?;
    let there: Vec<&str> = brings.iter().map(|text| text.split(';').next().unwrap_or_default()).collect();
    ctx.ui.note(&ctx.ui.set_in(&format!("The servers work. {}", there.join("; ")), 0));
    Ok(())
}

/// What each folder brings.
fn try_all(
    account: &Account,
    typed: &Typed,
    folders: &[String],
    with_flags: bool,
    ctx: &Context,
) -> std::result::Result<Vec<String>, Refused> {
    let inbox = vec!["INBOX".to_owned()];
    let names = if folders.is_empty() { &inbox } else { folders };
    let folders: Vec<Folder> = names.iter().map(|name| Folder::new(name, false)).collect();
    let mut report = Report::new(account, typed.of(account, &ctx.place));
    try_both(&mut report, &folders, ctx);
    // A token that came for it belongs to an account that is not there yet.
    own_files(&ctx.place, account.id).iter().for_each(|file| drop(secret::remove(file)));
    // The account cannot be edited before it is there.
    let (edit, type_it) =
        (format!("espomail account edit {} ", account.name), format!("espomail account secret {} ", account.name));
    for row in report.rows.iter().filter(|row| row.state == "fail") {
        ctx.ui.warn(&format!("{} {}: {}", row.protocol, row.step, row.text));
        let hints = row.hints.iter().filter(|_| with_flags || !["login", "settings"].contains(&row.step));
        hints.for_each(|hint| ctx.ui.hint(&hint.replace(&edit, "").replace(&type_it, "")));
    }
    let Some(error) = report.failed else {
        let brings = report.rows.iter().filter(|row| row.step == "folder").map(|row| row.text.as_str());
        return Ok(brings.map(str::to_owned).collect());
    };
    let kind = error::classify(&error).0;
    let fails_at =
        |step: &str| report.rows.iter().any(|row| row.protocol == "IMAP" && row.step == step && row.state == "fail");
    // What does not even begin is a secret that cannot be had.
    let is_of_password = kind == Kind::NoPerm && fails_at("login") || fails_at("settings");
    let text = format!("account {} was not added: its servers were tried and do not work", account.name);
    let hint = "type the command again with another option, or add --no-test to keep it as it is";
    Err(Refused { error: Fault::new(kind, text).hint(hint).into(), is_of_password, unknown: report.unknown })
}

/// Tries both servers at once: one that is silent keeps nobody waiting for the other. A command that prints a secret may
/// ask somebody, who is asked one thing at a time.
fn try_both(report: &mut Report<'_>, folders: &[Folder], ctx: &Context) {
    let (account, config, place) = (report.account, &ctx.config, &ctx.place);
    let mut other = Report::new(account, report.typed.clone());
    let of_smtp = move || {
        if account.smtp.host.is_some()
            && let Some(mut transport) = smtp(&mut other, config, place)
        {
            transport.quit();
        }
        other
    };
    let mut of_imap = || {
        if let Some(mut source) = imap(report, folders, ctx) {
            source.logout();
        }
    };
    let is_asked = |server: &Server| matches!(server.secret.parse(), Ok(SecretSpec::Cmd(_)));
    let other = if is_asked(&account.imap) || is_asked(&account.smtp) {
        of_imap();
        of_smtp()
    } else {
        thread::scope(|scope| {
            let running = scope.spawn(of_smtp);
            of_imap();
            // A bug in that trial must not pass for a server that works.
            running.join().unwrap_or_else(|bug| resume_unwind(bug))
        })
    };
    report.take(other);
}
