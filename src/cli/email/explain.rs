//! `email explain`: what was decided about an email, as far as the reader may know.

use anyhow::Result;

use super::{Decision, ours};
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::intake::filter;
use crate::store::accounts::{self, AccountKind};
use crate::store::db::Tx;
use crate::store::emails::Email;
use crate::store::records::{self, ParentType};
use crate::store::sight::Sight;
use crate::store::users;
use crate::store::{cases, emails};
use crate::ui::cell::{Cell, Column, head, unlisted};

/// A decision as it is shown. What the filters of a user, or of a personal account, decided is told to that user and to
/// administrators only.
fn step_shown(tx: &Tx<'_>, actor: &Actor, decision: Decision) -> Result<Option<Decision>> {
    let (step, text, at) = decision;
    if let Some(account_id) = filter::account_of_step(&step) {
        let account = accounts::by_id(tx, account_id)?;
        return Ok(account.filter(|account| actor.manages(account)).map(|_| ("filter".to_owned(), text, at)));
    }
    let Some(user_id) = filter::user_of_step(&step) else { return Ok(Some((step, text, at))) };
    if actor.sight() != Sight::Everything && actor.user_id() != Some(user_id) {
        return Ok(None);
    }
    let user = users::by_id(tx, user_id)?.map(|user| user.username).unwrap_or_default();
    Ok(Some((format!("filter of {user}"), text, at)))
}

/// Steps that tell of the case of an email, and who has to do with it.
const OF_CASE: [&str; 4] = ["assigned", "case", "notified", "status"];

/// Fields of one decision in their order.
pub const COLUMNS: &[Column<Decision>] = &[
    Column::new("step", head("STEP"), |(step, _, _), _| Cell::text(step)),
    Column::new("decision", head("DECISION"), |(_, text, _), _| Cell::text(text)),
    Column::new("created_at", unlisted(), |(_, _, at), _| Cell::time(*at)),
];

/// Runs `email explain`.
pub fn explain(id: i64, ctx: &Context) -> Result<()> {
    let decisions = ctx.read(|tx, actor| {
        let email = context::email(tx, actor, id)?;
        let seen = seen_record(tx, actor, &email)?;
        let mut decisions = as_told(tx, actor, emails::decisions(tx, id)?)?;
        if email.case_id().is_some() && seen.is_none() {
            decisions.retain(|(step, _, _)| !OF_CASE.contains(&step.as_str()));
        }
        if actor.sight() != Sight::Everything {
            for (_, text, _) in decisions.iter_mut().filter(|(step, _, _)| step == "parent") {
                *text = without_hidden_record(text, seen.as_deref());
            }
        }
        if email.is_ours() {
            let told = ours::told(tx, actor, &email, seen.as_deref())?;
            decisions.splice(0..0, told);
        }
        decisions.into_iter().filter_map(|row| step_shown(tx, actor, row).transpose()).collect::<Result<Vec<_>>>()
    })?;
    if ctx.ui.tells_people() {
        let width = decisions.iter().map(|(step, _, _)| step.len()).max().unwrap_or_default();
        let line =
            |(step, text, _): &Decision| ctx.ui.hanging(&format!("{step:width$}  "), &ctx.ui.with_local_times(text));
        let lines: Vec<String> = decisions.iter().map(line).collect();
        return ctx.ui.text(&lines.join("\n"));
    }
    ctx.ui.list("decisions", COLUMNS, &decisions)
}

/// The record that an email belongs to as it is called, if the actor sees it.
fn seen_record(tx: &Tx<'_>, actor: &Actor, email: &Email) -> Result<Option<String>> {
    match email.parent {
        Some(parent) if records::exists(tx, parent, actor.sight())? => records::label(tx, parent).map(Some),
        _ => Ok(None),
    }
}

/// The reason of a parent without the name of a record, unless it is the one that is seen; what the email belonged to
/// before may be anybody's.
fn without_hidden_record(text: &str, seen: Option<&str>) -> String {
    const UNLINKED: &str = "none: unlinked from ";
    let (before, named) = match text.strip_prefix(UNLINKED) {
        Some(named) => (UNLINKED, named),
        None => ("", text),
    };
    let others = ParentType::ALL.iter().filter(|kind| **kind != ParentType::Case);
    let names_a_record = others.map(|kind| format!("{kind} ")).any(|kind| named.starts_with(&kind));
    if !names_a_record || seen.is_some_and(|label| named.starts_with(label)) {
        return text.to_owned();
    }
    let end = [", by ", ": linked by ", " by "].into_iter().find_map(|end| named.rfind(end));
    let rest = end.and_then(|end| named.get(end..)).unwrap_or_default();
    format!("{before}a record that you cannot read{rest}")
}

/// Nobody learns of another's personal account by how an email came, nor of mail by what refers to it, nor of
/// a case by what joined it.
fn as_told(tx: &Tx<'_>, actor: &Actor, mut decisions: Vec<Decision>) -> Result<Vec<Decision>> {
    for account in foreign_accounts(tx, actor)? {
        let (polled, piped) = (format!("{account}/"), format!("{account} by "));
        let variant = format!("another text of it by {account},");
        decisions.retain(|(step, text, _)| match step.as_str() {
            "arrived" => !(text.starts_with(&polled) || text.starts_with(&piped)),
            "variant" => !text.starts_with(&variant),
            _ => true,
        });
        for (_, text, _) in &mut decisions {
            *text = text.replace(&format!("Sent folder of {account}"), "Sent folder");
        }
    }
    for (step, text, _) in &mut decisions {
        if step == "parent" {
            *text = without_hidden_emails(tx, actor, text)?;
        }
        *text = without_hidden_cases(tx, actor, text)?;
    }
    Ok(decisions)
}

/// The text with `private email` for each `email N` that the actor may not read.
fn without_hidden_emails(tx: &Tx<'_>, actor: &Actor, text: &str) -> Result<String> {
    let mut parts = text.split("email ");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(rest).and_then(|digits| digits.parse().ok());
        match number {
            Some(id) if emails::by_id(tx, id, actor.sight())?.is_none() => {
                told.push_str(&format!("private email{rest}"))
            }
            _ => told.push_str(&format!("email {part}")),
        }
    }
    Ok(told)
}

/// The text without the number of a case that the actor may not see; whether there is one is not told either.
fn without_hidden_cases(tx: &Tx<'_>, actor: &Actor, text: &str) -> Result<String> {
    let mut parts = text.split('#');
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = part.strip_suffix(rest).and_then(|digits| digits.parse().ok());
        match number {
            Some(number) if cases::by_number(tx, number, actor.sight())?.is_none() => {
                told.push_str(&format!("#…{rest}"))
            }
            _ => told.push_str(&format!("#{part}")),
        }
    }
    Ok(told)
}

/// Names of the personal accounts of others.
pub fn foreign_accounts(tx: &Tx<'_>, actor: &Actor) -> Result<Vec<String>> {
    let all = accounts::all(tx)?.into_iter();
    Ok(all.filter(|a| a.kind == AccountKind::Personal && !actor.manages(a)).map(|account| account.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_not_seen_has_no_name() {
        const HIDDEN: &str = "a record that you cannot read";
        for (text, seen, told) in [
            ("company A, by B, by the address a@b.example", None, "HIDDEN, by the address a@b.example"),
            ("company A, by the address a@b.example", Some("company A"), "company A, by the address a@b.example"),
            ("contact K: linked by ana", None, "HIDDEN: linked by ana"),
            ("contact K: linked by ana", Some("company A"), "HIDDEN: linked by ana"),
            ("none: unlinked from lead K by ana", None, "none: unlinked from HIDDEN by ana"),
            ("case #12, by our signed id", None, "case #12, by our signed id"),
            ("none found", None, "none found"),
            ("opportunity", None, "opportunity"),
        ] {
            assert_eq!(without_hidden_record(text, seen), told.replace("HIDDEN", HIDDEN), "{text}");
        }
    }
}
