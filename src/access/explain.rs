//! Why a user may do something or not, in words (`role explain`).

use anyhow::Result;

use super::reach::{Subject, nearest, reaches, teams_of_account};
use super::sight_of;
use crate::store::db::Tx;
use crate::store::permissions::{Level, Permission};
use crate::store::records::{Parent, ParentType};
use crate::store::sight::{self, Object, Sight};
use crate::store::users::User;
use crate::store::{cases, emails, roles, teams};

/// An answer with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Yes or no; asked about nothing in particular: whether the level is more than `no`.
    pub allowed: bool,
    /// The level that the user has.
    pub level: Level,
    /// What gives it: roles, the usual level, or being an administrator.
    pub by: Vec<String>,
    /// How the user reaches what is asked about.
    pub why: String,
}

/// Answers whether a user has a permission for something.
pub fn explain(tx: &Tx<'_>, user: &User, permission: Permission, subject: Option<Subject<'_>>) -> Result<Answer> {
    let admin = sight_of(user) == Sight::Everything;
    let level = if admin { widest(permission) } else { user.levels.of(permission) };
    let by = if admin { vec!["the type admin".to_owned()] } else { by(tx, user, permission, level)? };
    let Some(subject) = subject else {
        let why = format!("the level is {level}");
        return Ok(Answer { allowed: level > Level::No, level, by, why });
    };
    let allowed = reaches(tx, user, permission, subject)?;
    let why = if admin {
        "an administrator can do everything".to_owned()
    } else {
        why(tx, user, permission, level, subject)?
    };
    Ok(Answer { allowed, level, by, why })
}

/// The level of those who may all.
pub(super) fn widest(permission: Permission) -> Level {
    permission.levels().last().copied().unwrap_or(Level::No)
}

fn by(tx: &Tx<'_>, user: &User, permission: Permission, level: Level) -> Result<Vec<String>> {
    let grants = roles::grants(tx, user.id, permission)?;
    if grants.is_empty() {
        return Ok(vec![format!("the default: no role of {} sets this permission", user.username)]);
    }
    let named = grants.into_iter().filter(|grant| grant.level == level).map(|grant| match grant.team {
        Some(team) => format!("role {} of team {team}", grant.role),
        None => format!("role {}", grant.role),
    });
    Ok(named.collect())
}

fn why(tx: &Tx<'_>, user: &User, permission: Permission, level: Level, subject: Subject<'_>) -> Result<String> {
    let nearest = nearest(tx, user, subject)?;
    let beyond = |level: Level| nearest.is_some_and(|nearest| nearest > level);
    let needs = if beyond(level) { "needs the level " } else { "" };
    let near = format!("{needs}{}", near(tx, user, subject, nearest)?);
    let unread = permission.read_first().filter(|read| beyond(user.levels.of(*read)));
    Ok(match unread {
        Some(read) => {
            format!("{near}; {read} is {}, and what cannot be read cannot be changed", user.levels.of(read))
        }
        None => near,
    })
}

/// How near the user is to it.
fn near(tx: &Tx<'_>, user: &User, subject: Subject<'_>, nearest: Option<Level>) -> Result<String> {
    let name = &user.username;
    Ok(match (subject, nearest) {
        (_, None) => format!("it is private, and not {name}'s"),
        (Subject::Object(object), Some(Level::Own)) => format!("own: {}", own(tx, user, object)?),
        (Subject::Object(object), Some(Level::Team)) => {
            format!("team: {} in common", sight::teams_in_common(tx, object, user.id)?.join(", "))
        }
        (Subject::Account(account), Some(Level::Team)) => {
            format!("team: {} in common", teams_of_account(tx, user, account)?.join(", "))
        }
        (Subject::Account(_), Some(Level::Yes)) => format!("own: an account of {name}"),
        (Subject::User(_), Some(Level::No)) => "to take something needs no more than to edit it".to_owned(),
        (Subject::User(other), Some(Level::Team)) => {
            format!("team: {} in common", teams::in_common(tx, user.id, other.id)?.join(", "))
        }
        (_, Some(_)) => format!("all: it is neither {name}'s own nor that of a team of {name}"),
    })
}

fn own(tx: &Tx<'_>, user: &User, object: Object) -> Result<String> {
    let name = &user.username;
    Ok(match object {
        Object::Email(id) if emails::has_copy(tx, id, user.id)? => format!("in a folder of {name}"),
        Object::Email(_) => format!("of a case of {name}"),
        Object::Record(Parent { kind: ParentType::Case, id }) => {
            let assigned = cases::by_id(tx, id)?.is_some_and(|case| case.assigned_user_id == Some(user.id));
            if assigned { format!("assigned to {name}") } else { format!("opened by {name}") }
        }
        Object::Record(_) => format!("assigned to {name}"),
    })
}
