//! Everything that the guide is going to make, in words. Pure.

use super::flags::InitArgs;
use super::plan::REPLY;
use crate::cli::account::flags::ALL_MAIL;
use crate::store::accounts::{Distribution, Tls};

/// A label and its value.
type Row = (&'static str, String);

/// The rows; `on_server` = the database is on a server.
pub fn rows(args: &InitArgs, database: &str, on_server: bool) -> Vec<Row> {
    let mut rows = vec![("Database", database.to_owned()), ("Administrator", administrator(args))];
    let Some(address) = &args.address else {
        rows.push(("Mailbox", "none".to_owned()));
        return rows;
    };
    let login = args.login.clone().unwrap_or_else(|| match args.preset {
        Some(_) => "as usual at this provider".to_owned(),
        None => address.clone(),
    });
    rows.extend([
        ("Mailbox", format!("{address}, as account {}", args.account_name())),
        ("Servers", servers(args)),
        ("Login", login),
        ("Password", password(args, on_server)),
        ("Fetched", fetched(args)),
        ("Cases", cases(args)),
        ("Reply", reply(args)),
    ]);
    rows
}

fn administrator(args: &InitArgs) -> String {
    let person: Vec<&str> = [&args.admin_name, &args.admin_email].into_iter().flatten().map(String::as_str).collect();
    let more = if person.is_empty() { String::new() } else { format!(" ({})", person.join(", ")) };
    let login = args.admin_login.as_ref().map(|login| format!(", who logs in as {login}")).unwrap_or_default();
    format!("{}{more}{login}", args.admin.as_deref().unwrap_or_default())
}

fn servers(args: &InitArgs) -> String {
    let not_tried = if args.no_test { "; they do not work yet" } else { "" };
    if let Some(preset) = &args.preset {
        return format!("those of {preset}{not_tried}");
    }
    let tls = |mode: Option<Tls>| mode.map(|mode| format!(" (TLS: {mode})")).unwrap_or_default();
    let imap = format!("{}{}", args.imap.as_deref().unwrap_or_default(), tls(args.tls));
    let smtp = args.smtp.as_ref().map(|smtp| format!("{smtp}{}", tls(args.smtp_tls)));
    let smtp = smtp.unwrap_or_else(|| "no SMTP: nothing can be answered".to_owned());
    format!("{imap}, {smtp}{not_tried}")
}

fn password(args: &InitArgs, on_server: bool) -> String {
    match (&args.oauth, args.secret.as_deref()) {
        (Some(profile), _) => format!("access tokens of the profile {profile}"),
        (None, Some("stdin")) if on_server => "typed, and kept sealed in the database".to_owned(),
        (None, Some("stdin")) => "typed, and kept in a file that only the owner of the database can read".to_owned(),
        (None, secret) => format!("from {}", secret.unwrap_or_default()),
    }
}

fn fetched(args: &InitArgs) -> String {
    let since = match args.since.as_deref() {
        None => "mail that arrives from now on".to_owned(),
        Some(ALL_MAIL) => "all mail".to_owned(),
        Some(since) => format!("mail since {since}"),
    };
    format!("{}, {since}", args.folder.first().map_or("INBOX", String::as_str))
}

fn cases(args: &InitArgs) -> String {
    let how = match args.distribution {
        None | Some(Distribution::None) => "nobody: its members take them",
        Some(Distribution::Direct) => "you",
        Some(Distribution::RoundRobin) => "its members in turn",
        Some(Distribution::LeastBusy) => "its member with the fewest open cases",
    };
    let team = args.case_team.as_deref().unwrap_or_default();
    if args.create_case { format!("for team {team}, given to {how}") } else { "none: mail is only kept".to_owned() }
}

fn reply(args: &InitArgs) -> String {
    if args.auto_reply.is_none() {
        return "none".to_owned();
    }
    let text = args.auto_reply_text.as_deref().unwrap_or(REPLY);
    // A greeting would come as a surprise to those who wrote long ago.
    let old =
        if args.since.is_some() { "\nMail that is older than the setting auto_reply_max_age gets none." } else { "" };
    format!("{text}{old}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn everything_that_is_made_is_told() {
        let mailbox = "--admin ana --address s@d.example --imap h:993 --tls implicit";
        for (flags, label, expected) in [
            ("--admin ana".to_owned(), "Mailbox", "none"),
            (
                "--admin ana --admin-name Ana --admin-email a@d.example".into(),
                "Administrator",
                "ana (Ana, a@d.example)",
            ),
            ("--admin ana --admin-login aputri".into(), "Administrator", "ana, who logs in as aputri"),
            (mailbox.to_owned(), "Servers", "h:993 (TLS: implicit), no SMTP: nothing can be answered"),
            (format!("{mailbox} --smtp h --smtp-tls starttls"), "Servers", "h:993 (TLS: implicit), h (TLS: starttls)"),
            (mailbox.to_owned(), "Login", "s@d.example"),
            (format!("{mailbox} --login me"), "Login", "me"),
            (
                format!("{mailbox} --secret stdin"),
                "Password",
                "typed, and kept in a file that only the owner of the database can read",
            ),
            (format!("{mailbox} --secret env:PW"), "Password", "from env:PW"),
            (mailbox.to_owned(), "Fetched", "INBOX, mail that arrives from now on"),
            (format!("{mailbox} --since all --folder Web"), "Fetched", "Web, all mail"),
            (mailbox.to_owned(), "Cases", "none: mail is only kept"),
            (
                format!("{mailbox} --create-case --case-team T --distribution direct"),
                "Cases",
                "for team T, given to you",
            ),
            (
                format!("{mailbox} --create-case --case-team T"),
                "Cases",
                "for team T, given to nobody: its members take them",
            ),
            (format!("{mailbox} --create-case --auto-reply ack --auto-reply-text Hi"), "Reply", "Hi"),
            (
                format!("{mailbox} --since 7d --create-case --auto-reply ack --auto-reply-text Hi"),
                "Reply",
                "Hi\nMail that is older than the setting auto_reply_max_age gets none.",
            ),
        ] {
            let args = InitArgs::typed(&flags);
            let rows = rows(&args, "/d/e.db", false);
            let value = rows.iter().find(|(of, _)| *of == label).map(|(_, value)| value.as_str());
            assert_eq!(value, Some(expected), "{flags}");
        }
    }
}
