//! `espomail` alone: the day of the user who types it. Each part names the command that shows more of it.

use anyhow::Result;
use jiff::Timestamp;

use super::case::read as cases_read;
use super::context::{self, Context};
use super::email;
use super::outbox::{self, Listed};
use crate::access::Actor;
use crate::query::Tree;
use crate::store::cases::{self, CaseQuery, CaseRow, CaseSort};
use crate::store::db::Tx;
use crate::store::emails::{self, EmailQuery, EmailRow};
use crate::store::notifications;
use crate::store::search::{Assignee, CaseState, Place, Test};
use crate::store::teams::{self, Team};
use crate::store::users::User;
use crate::ui::cell::{Cell, Column, Head, unlisted};
use crate::ui::output::Ui;

/// Maximum number of rows of each part.
const SHOWN: usize = 10;

/// Rows of one noun, at most [`SHOWN`] of them.
struct Part<T> {
    rows: Vec<T>,
    /// Number of rows with those that are not shown.
    count: i64,
}

impl<T> Part<T> {
    fn of(mut rows: Vec<T>) -> Result<Part<T>> {
        let count = i64::try_from(rows.len())?;
        rows.truncate(SHOWN);
        Ok(Part { rows, count })
    }
}

/// What a user has to do.
pub struct Day {
    user: (i64, String),
    teams: Vec<Team>,
    waiting: Part<CaseRow>,
    unread: i64,
    drafts: Part<EmailRow>,
    failed: Part<Listed>,
    unassigned: Part<CaseRow>,
}

const fn named() -> Head {
    unlisted().labelled()
}

/// Fields of the day in their order.
pub const COLUMNS: &[Column<Day>] = &[
    Column::new("user", named(), |day, _| Cell::user(day.user.0, &day.user.1)),
    Column::new("waiting_cases", named(), |day, shown| Cell::rows(cases_read::COLUMNS, &day.waiting.rows, shown)),
    Column::new("waiting_count", named(), |day, _| Cell::int(day.waiting.count)),
    Column::new("unread_notifications", named(), |day, _| Cell::int(day.unread)),
    Column::new("draft_emails", named(), |day, shown| Cell::rows(email::COLUMNS, &day.drafts.rows, shown)),
    Column::new("drafts_count", named(), |day, _| Cell::int(day.drafts.count)),
    Column::new("failed_letters", named(), |day, shown| Cell::rows(outbox::COLUMNS, &day.failed.rows, shown)),
    Column::new("failed_count", named(), |day, _| Cell::int(day.failed.count)),
    Column::new("unassigned_cases", named(), |day, shown| Cell::rows(cases_read::COLUMNS, &day.unassigned.rows, shown)),
    Column::new("unassigned_count", named(), |day, _| Cell::int(day.unassigned.count)),
];

/// Shows the day of the acting user; whether there is one, which the administrator without a user has not.
pub fn run(ctx: &Context) -> Result<bool> {
    let found = ctx.read(|tx, actor| actor.user().map(|user| day(tx, actor, user, ctx.now())).transpose())?;
    let Some(day) = found else { return Ok(false) };
    match ctx.ui.for_people() && ctx.ui.fields.is_empty() {
        true => tell(&ctx.ui, &day)?,
        false => ctx.ui.object("day", COLUMNS, &day)?,
    }
    Ok(true)
}

fn day(tx: &Tx<'_>, actor: &Actor, user: &User, now: Timestamp) -> Result<Day> {
    let limit = i64::try_from(SHOWN)?;
    // A user who set a case aside does not want to see it before its time.
    let snoozed = Tree::Not(Box::new(Tree::Is(Test::State(CaseState::Snoozed))));
    let waiting = [Test::State(CaseState::Waiting), Test::Assignee(Assignee::User(user.id))].map(Tree::Is);
    let condition = Tree::All(waiting.into_iter().chain([snoozed]).collect());
    let mine = CaseQuery { condition, sort: Some(CaseSort::Waiting), limit: Some(limit) };
    let drafts = EmailQuery {
        condition: Tree::Is(Test::Place(Place::Drafts, Some(user.id))),
        viewer: Some(user.id),
        recipients: true,
        now: Some(now),
        ..EmailQuery::default()
    };
    let teams = teams::of_user(tx, user.id)?;
    Ok(Day {
        user: (user.id, user.username.clone()),
        waiting: listed(tx, actor, &mine)?,
        unread: notifications::count_unread(tx, user.id, actor.sight())?,
        drafts: Part::of(emails::list(tx, &drafts, actor.sight())?)?,
        failed: Part::of(outbox::stuck_of(tx, actor, user, now)?)?,
        unassigned: listed(tx, actor, &CaseQuery::to_take(&teams, limit))?,
        teams,
    })
}

fn listed(tx: &Tx<'_>, actor: &Actor, query: &CaseQuery) -> Result<Part<CaseRow>> {
    Ok(Part { rows: cases::list(tx, query, actor.sight())?, count: cases::count(tx, query, actor.sight())? })
}

fn tell(ui: &Ui, day: &Day) -> Result<()> {
    let cases = ["number", "priority", "created_at", "waiting_since", "customer", "subject"];
    if ui.quiet {
        return ui.list("cases", cases_read::COLUMNS, &day.waiting.rows);
    }
    let waiting = "espomail case list --mine --sort waiting 'is:waiting -is:snoozed'";
    part(ui, ("Your cases that wait for an answer", waiting), &day.waiting, (cases_read::COLUMNS, &cases))?;
    ui.heading(&heading("Unread notifications", day.unread, None, "espomail notification list"))?;
    let drafts = ("Your drafts", "espomail email list --folder drafts");
    part(ui, drafts, &day.drafts, (email::COLUMNS, &["id", "date", "subject"]))?;
    let letters = ["id", "created_at", "to", "subject", "last_error"];
    let failed = ("Your letters that did not go out", "espomail outbox list");
    part(ui, failed, &day.failed, (outbox::COLUMNS, &letters))?;
    let query = context::first_word(&[query_of(&day.teams)]);
    let more = format!("espomail case list --unassigned --sort waiting {query}");
    part(ui, ("Unassigned cases of your teams", &more), &day.unassigned, (cases_read::COLUMNS, &cases))?;
    if day.unassigned.count > 0 {
        ui.hint("to take the one that has been waiting longest: espomail case next");
    }
    Ok(())
}

/// A heading with its command, and the rows below it.
fn part<T>(
    ui: &Ui,
    (title, more): (&str, &str),
    part: &Part<T>,
    (columns, fields): (&[Column<T>], &[&str]),
) -> Result<()> {
    ui.heading(&heading(title, part.count, Some(part.rows.len()), more))?;
    if part.rows.is_empty() {
        return Ok(());
    }
    ui.part(columns, fields, &part.rows)?;
    ui.text("")
}

fn heading(title: &str, count: i64, shown: Option<usize>, more: &str) -> String {
    match shown.filter(|shown| i64::try_from(*shown).is_ok_and(|shown| shown < count)) {
        _ if count == 0 => format!("{title}: 0"),
        Some(shown) => format!("{title}: {shown} of {count} ({more})"),
        None => format!("{title}: {count} ({more})"),
    }
}

/// The query that finds the open cases of these teams.
fn query_of(teams: &[Team]) -> String {
    let is_word = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    let term = |name: &str| if is_word(name) { format!("team:{name}") } else { format!("team:\"{name}\"") };
    let terms: Vec<String> = teams.iter().map(|team| term(&team.name)).collect();
    match terms.as_slice() {
        [one] => format!("is:open -status:Pending {one}"),
        several => format!("is:open -status:Pending ({})", several.join(" OR ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_names_the_command_where_there_is_something() {
        for (count, shown, expected) in [
            (0, Some(0), "Drafts: 0"),
            (0, None, "Drafts: 0"),
            (3, Some(3), "Drafts: 3 (more)"),
            (3, None, "Drafts: 3 (more)"),
            (12, Some(10), "Drafts: 10 of 12 (more)"),
        ] {
            assert_eq!(heading("Drafts", count, shown, "more"), expected);
        }
    }

    #[test]
    fn the_query_names_every_team() {
        let team = |name: &str| Team { id: 1, name: name.to_owned() };
        for (teams, expected) in [
            (vec![team("Support")], "is:open -status:Pending team:Support"),
            (vec![team("Support"), team("IT desk")], "is:open -status:Pending (team:Support OR team:\"IT desk\")"),
        ] {
            assert_eq!(query_of(&teams), expected);
        }
    }
}
