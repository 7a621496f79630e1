//! Conditions of `email list`.

use anyhow::Result;

use super::full_text::Emails;
use super::wanted::Wanted;
use super::{Bound, Place, Test, cases, condition, folders, unfit};
use crate::query::{Field, Tree};
use crate::store::db::{Tx, params, seconds};
use crate::store::emails::HAS_ATTACHMENT;
use crate::store::junk::IS_JUNK;
use crate::store::records::ParentType;
use crate::store::sight::Sight;
use crate::store::text::folded;

/// Who sees fewer emails than this gets them by looking these up; else some of them come soon in the order of the list.
const FEW: i64 = 2_000;

/// Where the emails of a list come from.
pub struct Source {
    /// What stands after FROM, with all conditions.
    pub from: String,
    /// The id by which the full-text index gives them, if it does.
    pub by_words: Option<&'static str>,
}

/// `FROM … WHERE …` for the emails `e` that are asked for and may be seen. Where words must be in the text in any case, the
/// full-text index gives them; else the table does.
pub fn email_source(tx: &Tx<'_>, tree: &Tree<Test>, sight: Sight, bound: &mut Bound) -> Result<Source> {
    let (words, rest): (Vec<_>, Vec<_>) = match tree.clone() {
        Tree::All(parts) => parts.into_iter().partition(is_full_text),
        tree if is_full_text(&tree) => (vec![tree], Vec::new()),
        tree => (Vec::new(), vec![tree]),
    };
    let rest = Tree::All(rest);
    let junk = if asks_for_junk(&rest) { String::new() } else { format!(" AND NOT {IS_JUNK}") };
    let rest = format!("{}{junk}", condition(&rest, bound, &one)?);
    let words: Vec<Wanted> = words
        .iter()
        .filter_map(|part| match part {
            Tree::Is(test) => Wanted::of_test(test),
            _ => None,
        })
        .collect();
    let visible = sight.email();
    let few = few_ids(tx, sight)?;
    if words.is_empty() {
        let few = few.map(|ids| format!("e.id IN ({ids}) AND ")).unwrap_or_default();
        return Ok(Source { from: format!("emails e WHERE {few}{visible} AND {rest}"), by_words: None });
    }
    let Emails { from, id, plain_id, holds } = (bound.full_text.emails)(&Wanted::All(words), bound);
    let few = few.map(|ids| format!("{plain_id} IN ({ids}) AND ")).unwrap_or_default();
    Ok(Source { from: format!("{from} WHERE {holds} AND {few}{visible} AND {rest}"), by_words: Some(id) })
}

/// Nobody looks for junk but in its folder.
fn asks_for_junk(tree: &Tree<Test>) -> bool {
    match tree {
        Tree::All(parts) | Tree::Any(parts) => parts.iter().any(asks_for_junk),
        Tree::Not(part) => asks_for_junk(part),
        Tree::Is(test) => matches!(test, Test::Place(Place::Junk, _)),
    }
}

fn is_full_text(tree: &Tree<Test>) -> bool {
    matches!(tree, Tree::Is(Test::Words(_) | Test::Number(_)))
}

/// What gives the ids of the emails that are seen, where these are few.
fn few_ids(tx: &Tx<'_>, sight: Sight) -> Result<Option<&'static str>> {
    let Some(ids) = sight.email_ids() else { return Ok(None) };
    let count =
        tx.value::<i64>(&format!("SELECT count(*) FROM ({ids} LIMIT ?2) AS those"), params![sight.parameter(), FEW])?;
    Ok((count.unwrap_or_default() < FEW).then_some(ids))
}

pub(super) fn one(test: &Test, bound: &mut Bound) -> Result<String> {
    Ok(match test {
        Test::Words(_) | Test::Number(_) => {
            let Some(wanted) = Wanted::of_test(test) else { return unfit(test) };
            format!("e.id IN ({})", (bound.full_text.email_ids)(&wanted, bound))
        }
        Test::Before(moment) => format!("e.received_at < {}", bound.add(seconds(*moment))),
        Test::Since(moment) => format!("e.received_at >= {}", bound.add(seconds(*moment))),
        Test::Holds(field @ (Field::From | Field::To | Field::Cc), text) => {
            let place = bound.add(folded(text));
            // Who writes behind a shared From is found by from: as well (B4.13).
            let author = if *field == Field::From {
                format!("mentions(e.author_name, {place}) OR mentions(e.author_address, {place}) OR ")
            } else {
                String::new()
            };
            let field = field.name();
            format!(
                "{author}EXISTS (SELECT 1 FROM email_addresses a WHERE a.email_id = e.id AND a.field = '{field}'
                    AND (mentions(a.name, {place}) OR mentions(a.address, {place})))"
            )
        }
        Test::Holds(Field::Subject, text) => format!("mentions(e.subject, {})", bound.add(folded(text))),
        Test::Holds(Field::Body, text) => {
            format!(
                "mentions((SELECT b.text FROM email_bodies b WHERE b.email_id = e.id), {})",
                bound.add(folded(text))
            )
        }
        Test::Holds(Field::Attachment, text) => format!(
            "EXISTS (SELECT 1 FROM email_attachments f WHERE f.email_id = e.id AND NOT f.inline AND mentions(f.name, {}))",
            bound.add(folded(text))
        ),
        Test::Holds(Field::Company, text) => company(text, bound),
        Test::Status(status) => format!("e.status = {}", bound.add((*status).to_owned())),
        Test::Scheduled(now) => format!("e.status = 'Sending' AND e.received_at > {}", bound.add(seconds(*now))),
        Test::Sending(now) => format!("e.status = 'Sending' AND e.received_at <= {}", bound.add(seconds(*now))),
        Test::Assignee(assignee) => format!(
            "e.parent_type = 'case' AND EXISTS (SELECT 1 FROM cases c WHERE c.id = e.parent_id AND {} AND {})",
            cases::assigned(*assignee, bound),
            bound.sight.case()
        ),
        Test::Tag(tag) => format!(
            "e.parent_type = 'case' AND EXISTS (SELECT 1 FROM cases c WHERE c.id = e.parent_id AND {} AND {})",
            cases::tagged(tag, bound),
            bound.sight.case()
        ),
        Test::Team(id) => {
            format!("EXISTS (SELECT 1 FROM email_teams t WHERE t.email_id = e.id AND t.team_id = {})", bound.add(*id))
        }
        Test::Account(id) => {
            format!("EXISTS (SELECT 1 FROM deliveries d WHERE d.email_id = e.id AND d.account_id = {})", bound.add(*id))
        }
        Test::Case(id) => format!("e.parent_type = 'case' AND e.parent_id = {}", bound.add(*id)),
        Test::UnreadBy(id) => format!(
            "EXISTS (SELECT 1 FROM email_users u WHERE u.email_id = e.id AND u.user_id = {} AND NOT u.read)",
            bound.add(*id)
        ),
        // There are few, in any order of the list.
        Test::Unverified => {
            "e.id IN (SELECT w.id FROM emails w INDEXED BY emails_undecided WHERE w.undecided)".to_owned()
        }
        Test::Attachment => HAS_ATTACHMENT.to_owned(),
        Test::Place(place, viewer) => folders::place(*place, *viewer, bound),
        Test::Folder(folder) => folders::named(*folder, bound),
        Test::Holds(..) | Test::Priority(_) | Test::State(_) | Test::Pace(..) => unfit(test)?,
    })
}

/// The company an email belongs to, or that of its contact, opportunity or case, as far as these may be seen: nobody
/// learns of a company by looking for it.
fn company(text: &str, bound: &mut Bound) -> String {
    let named = format!("mentions(r.name, {}) ", bound.add(folded(text)));
    let visible = bound.sight.record(ParentType::Company, "r");
    let through = |kind: ParentType| {
        let may_see = bound.sight.record(kind, "k");
        format!(
            "(e.parent_type = '{kind}' AND e.parent_id IN (SELECT k.id FROM {} k JOIN companies r ON r.id = k.company_id
                WHERE {named} AND {visible} AND {may_see}))",
            kind.table()
        )
    };
    format!(
        "(e.parent_type = 'company' AND e.parent_id IN (SELECT r.id FROM companies r WHERE {named} AND {visible}))
        OR {} OR {}
        OR (e.parent_type = 'case' AND e.parent_id IN (SELECT c.id FROM cases c JOIN companies r ON r.id = c.company_id
            WHERE {named} AND {visible} AND {}))",
        through(ParentType::Contact),
        through(ParentType::Opportunity),
        bound.sight.case()
    )
}
