//! The names of the database that can stand somewhere, as far as the user who asks knows of them.

use anyhow::Result;

use super::place::{Names, Offer};
use crate::access::Actor;
use crate::cli::context::Context;
use crate::cli::filter;
use crate::query::Tree;
use crate::store::cases::{self, CaseQuery, CaseSort};
use crate::store::db::{Store, Tx};
use crate::store::folders;
use crate::store::search::{CaseState, Place, Test};
use crate::store::{accounts, roles, searches, teams, templates, users};

/// Open cases that are offered, those that changed last.
const CASES: i64 = 100;

/// Tags that are offered, those of the most cases.
const TAGS: i64 = 200;

/// Finds them in the database as it is: to ask changes nothing, also not a database of an older release.
pub fn find(names: Names, ctx: &Context) -> Result<Vec<Offer>> {
    let store = Store::open_as_it_is(&ctx.place)?.0;
    store.read(|tx| {
        let actor = ctx.actor(tx)?;
        of(tx, &actor, names)
    })
}

fn of(tx: &Tx<'_>, actor: &Actor, names: Names) -> Result<Vec<Offer>> {
    Ok(match names {
        Names::Accounts => {
            let mut offers = Vec::new();
            for account in accounts::all(tx)? {
                if actor.knows_account(tx, &account)? {
                    offers.push(Offer::new(account.name, account.address));
                }
            }
            offers
        }
        Names::Users => {
            let word = |word: &str, about: &str| Offer::new(word, about);
            let users = users::all(tx)?.into_iter().map(|user| Offer::new(user.username, user.name));
            users.chain([word("@me", "you")]).collect()
        }
        Names::Teams => teams::all(tx)?.into_iter().map(|team| Offer::new(team.name, "")).collect(),
        Names::Roles => roles::all(tx)?.into_iter().map(|role| Offer::new(role.name, "")).collect(),
        Names::Templates => templates::all(tx)?.into_iter().map(|one| Offer::new(one.name, one.subject)).collect(),
        Names::Filters => filter::visible(tx, actor)?.into_iter().map(|one| Offer::new(one.name, "")).collect(),
        Names::Folders => {
            let own = folders::list(tx, actor.user_id(), actor.sight())?;
            let places = Place::ALL.iter().map(|place| Offer::new(place.as_str(), ""));
            own.into_iter().map(|folder| Offer::new(folder.name, "")).chain(places).collect()
        }
        Names::Searches => {
            let seen = searches::list(tx, actor.user_id(), actor.sight())?;
            seen.into_iter().map(|one| Offer::new(one.name, one.query)).collect()
        }
        Names::Cases => open_cases(tx, actor)?,
        Names::Holders => {
            let teams =
                teams::all(tx)?.into_iter().map(|team| Offer::new(format!("team:{}", team.name), "its members"));
            let mut offers = of(tx, actor, Names::Users)?;
            offers.retain(|offer| !offer.word.starts_with('@'));
            offers.into_iter().chain(teams).collect()
        }
        Names::CasesAndUsers => {
            let cases = open_cases(tx, actor)?;
            of(tx, actor, Names::Users)?.into_iter().chain(cases).collect()
        }
        Names::Tags => {
            let tags = cases::tags_in_use(tx, actor.sight(), TAGS)?;
            tags.into_iter().map(|(tag, count)| Offer::new(tag, cases_with_it(count))).collect()
        }
        Names::CasesAndTags => {
            let cases = open_cases(tx, actor)?;
            of(tx, actor, Names::Tags)?.into_iter().chain(cases).collect()
        }
    })
}

fn cases_with_it(count: i64) -> String {
    if count == 1 { "1 case".to_owned() } else { format!("{count} cases") }
}

fn open_cases(tx: &Tx<'_>, actor: &Actor) -> Result<Vec<Offer>> {
    let condition = Tree::Is(Test::State(CaseState::Open));
    let query = CaseQuery { condition, sort: Some(CaseSort::Modified), limit: Some(CASES) };
    let rows = cases::list(tx, &query, actor.sight())?;
    Ok(rows.into_iter().map(|row| Offer::new(row.case.number.to_string(), row.case.name)).collect())
}
