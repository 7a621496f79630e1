//! An account as its file has it: each setting that is not as in a new account, under the name of its option.

use std::collections::BTreeMap;

use anyhow::Result;
use toml::Value;

use super::listed::Listed;
use crate::store::accounts::{Account, AccountKind, Auth, Server};
use crate::units;

/// An account as the file has it.
pub type Entry = BTreeMap<String, Value>;

/// All that a file says of an account.
pub fn entry(one: &Listed) -> Result<Entry> {
    let account = &one.account;
    let usual = Account::new(&account.name, account.kind, account.created_at);
    let mut entry = Entry::new();
    let mut put = |key: &str, value: Value, is_said: bool| {
        if is_said {
            entry.insert(key.to_owned(), value);
        }
    };
    put("name", text(&account.name), true);
    put("kind", text(account.kind.as_str()), true);
    let owner = one.owner.as_ref().map(|user| user.username.as_str());
    put("user", text(owner.unwrap_or_default()), owner.is_some());
    put("enabled", Value::Boolean(account.active), !account.active);
    put("address", text(&account.address), true);
    put("alias", list(&account.aliases), !account.aliases.is_empty());
    // Servers
    let (imap, smtp) = (&account.imap, &account.smtp);
    put("imap", text(&place(imap)), imap.host.is_some());
    put("tls", text(imap.tls.as_str()), imap.host.is_some());
    put("smtp", text(&place(smtp)), smtp.host.is_some());
    put("smtp_tls", text(smtp.tls.as_str()), smtp.host.is_some());
    put("login", text(&imap.login), !imap.login.is_empty());
    put("smtp_login", text(&smtp.login), !smtp.login.is_empty());
    let profile = account.oauth();
    put("oauth", text(profile.unwrap_or_default()), profile.is_some());
    put("secret", text(&imap.secret), profile.is_none() && !imap.secret.is_empty());
    put("smtp_secret", text(&smtp.secret), !smtp.secret.is_empty());
    put("auth", text(imap.auth.as_str()), imap.auth != Auth::Password);
    put("smtp_auth", text(smtp.auth.as_str()), smtp.auth != imap.auth);
    put("pin", words(&imap.pins), !imap.pins.is_empty());
    put("smtp_pin", words(&smtp.pins), !smtp.pins.is_empty());
    let sign_in = &account.sign_in;
    for (key, value) in [
        ("ca", &account.trust.ca_file),
        ("client_id", &sign_in.oauth_client_id),
        ("tenant", &sign_in.oauth_tenant),
        ("client_secret", &sign_in.oauth_client_secret),
        ("authserv_id", &account.fetching.authserv_id),
        ("reply_from", &account.auto_reply.reply_from),
        ("reply_name", &account.auto_reply.reply_name),
        ("reply_to", &account.sending.reply_to),
        ("from_name", &account.sending.from_name),
    ] {
        put(key, text(value.as_deref().unwrap_or_default()), value.is_some());
    }
    // Fetching
    let (fetching, new) = (&account.fetching, &usual.fetching);
    let mapped =
        |name: &str| one.folder_map.iter().any(|line| line.rsplit_once('=').is_some_and(|(imap, _)| imap == name));
    let polled = one.polled.iter().filter(|folder| !folder.sent && !mapped(&folder.name));
    let folders: Vec<String> = polled.map(|folder| folder.name.clone()).collect();
    put("folder", list(&folders), folders != ["INBOX"] && !folders.is_empty());
    put("folder_map", list(&one.folder_map), !one.folder_map.is_empty());
    put("since", text(&fetching.fetch_since.to_string()), true);
    put("after", text(&fetching.after_import.to_string()), fetching.after_import != new.after_import);
    put("portion", number(fetching.portion.map(i64::from)), fetching.portion.is_some());
    let size = fetching.max_size.map(units::write_size).unwrap_or_default();
    put("max_size", text(&size), fetching.max_size.is_some());
    put("dmarc_none", text(fetching.dmarc_none.as_str()), fetching.dmarc_none != new.dmarc_none);
    put("junk_folder", text(fetching.junk_folder.as_deref().unwrap_or_default()), fetching.junk_folder.is_some());
    put("read_sent", text(&fetching.read_sent.to_string()), fetching.read_sent != new.read_sent);
    put("form_sender", list(&account.form_senders), !account.form_senders.is_empty());
    of_cases(one, &usual, &mut put);
    // Sending
    let (sending, new) = (&account.sending, &usual.sending);
    put("shared", Value::Boolean(sending.shared), sending.shared != new.shared);
    let copies = sending.store_sent.as_ref().map(ToString::to_string);
    put("store_sent", text(copies.as_deref().unwrap_or_default()), copies.is_some());
    put("signature", text(&sending.signature), !sending.signature.is_empty());
    let language = sending.language.map(|language| language.as_str());
    put("language", text(language.unwrap_or_default()), language.is_some());
    let (personal, new) = (&account.personal, &usual.personal);
    put("share", text(personal.share.as_str()), personal.share != new.share);
    put(
        "exclude_from_reply",
        Value::Boolean(personal.exclude_from_reply),
        personal.exclude_from_reply != new.exclude_from_reply,
    );
    Ok(entry)
}

/// What a group account makes of mail, and how it answers by itself.
fn of_cases(one: &Listed, usual: &Account, put: &mut impl FnMut(&str, Value, bool)) {
    if one.account.kind == AccountKind::Personal {
        return;
    }
    let (cases, new) = (&one.account.cases, &usual.cases);
    let named = |thing: &Option<(i64, String)>| text(thing.as_ref().map_or("", |(_, name)| name));
    let mut teams = one.teams.clone();
    teams.sort_unstable();
    put("team", list(&teams), !teams.is_empty());
    put("case_team", named(&one.case_team), one.case_team.is_some());
    put("create_case", Value::Boolean(cases.create_case), cases.create_case != new.create_case);
    put("distribution", text(cases.distribution.as_str()), cases.distribution != new.distribution);
    let user = one.assign_to.as_ref().map(|user| user.username.as_str());
    put("assign_to", text(user.unwrap_or_default()), user.is_some());
    put("position", text(&cases.position), !cases.position.is_empty());
    put("on_closed", text(&cases.on_closed.to_string()), cases.on_closed != new.on_closed);
    put("auto_mail", text(cases.auto_mail.as_str()), cases.auto_mail != new.auto_mail);
    put("create_contact", Value::Boolean(cases.create_contact), cases.create_contact);
    put("staff_forward", text(cases.staff_forward.as_str()), cases.staff_forward != new.staff_forward);
    put("plus_addressing", Value::Boolean(cases.plus_addressing), cases.plus_addressing);
    put("add_all_team_users", Value::Boolean(cases.add_all_team_users), cases.add_all_team_users);
    put("put_in", named(&one.put_in), one.put_in.is_some());
    put("auto_reply", named(&one.auto_reply), one.auto_reply.is_some());
    let own_list = one.account.auto_reply.reply_to_own_list;
    put("reply_to_own_list", Value::Boolean(own_list), own_list);
}

/// Host and port as the options take them.
fn place(server: &Server) -> String {
    let host = server.host.as_deref().unwrap_or_default();
    match host.contains(':') {
        true => format!("[{host}]:{}", server.port),
        false => format!("{host}:{}", server.port),
    }
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

fn number(value: Option<i64>) -> Value {
    Value::Integer(value.unwrap_or_default())
}

fn list(values: &[String]) -> Value {
    Value::Array(values.iter().map(|value| text(value)).collect())
}

fn words(value: &str) -> Value {
    Value::Array(value.split_whitespace().map(text).collect())
}
