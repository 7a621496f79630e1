//! The gate: who may see what, as a condition inside the statement that reads (B11).
//!
//! What is *own* and what is a *team's* is defined here once for each kind of thing. The gate asks with the level of reading;
//! [`nearest`] tells at which level a user reaches one thing, for decisions of writes and for `role explain`. Mail that
//! only personal accounts delivered is private until it is shared, at every level. What may not be seen does not exist.

use anyhow::Result;

use super::db::{Tx, params};
use super::parent::{Parent, ParentType};
use super::permissions::{Level, Levels, Permission};

/// Through whose eyes a statement reads. Its conditions take [`Sight::parameter`] as `?1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// An administrator's, and the program's own.
    Everything,
    /// A regular user's, by id, with what their roles allow.
    User(i64, Levels),
}

impl Sight {
    /// The parameter that the conditions take as `?1`: NULL sees everything.
    pub fn parameter(self) -> Option<i64> {
        match self {
            Sight::Everything => None,
            Sight::User(id, _) => Some(id),
        }
    }

    /// Condition on a case `c`.
    pub fn case(self) -> &'static str {
        case_within(self.level(Permission::CaseRead))
    }

    /// Condition on a record of this type by its alias in the statement.
    pub fn record(self, kind: ParentType, alias: &str) -> String {
        record_within(self.level(Permission::to_read(kind)), kind, alias)
    }

    /// Condition on an email `e`. Private mail is for those alone who have it in a folder of their own (B6.1): neither a
    /// case nor a team shows it to others.
    pub fn email(self) -> &'static str {
        match self {
            Sight::Everything => EVERYTHING,
            Sight::User(..) => email_within(self.level(Permission::EmailRead)),
        }
    }

    /// Condition on an email `e` of a record of this type that the reader sees. A team that shares the record shares its
    /// mail; a user who sees cases of foreign teams has to see their mail by itself.
    pub fn email_of(self, kind: ParentType) -> &'static str {
        match (self.level(Permission::EmailRead), self.level(Permission::to_read(kind))) {
            (Level::Team, record) if record <= Level::Team => SHARED_BY_RECORD,
            _ => self.email(),
        }
    }

    /// Whether there is a record with this type and id, columns of the statement, that may be seen.
    pub fn parent(self, kind_column: &str, id_column: &str) -> String {
        let one = |kind: &ParentType| {
            let (table, seen) = (kind.table(), self.record(*kind, "seen"));
            format!("WHEN '{kind}' THEN EXISTS (SELECT 1 FROM {table} seen WHERE seen.id = {id_column} AND {seen})")
        };
        let kinds: Vec<String> = ParentType::ALL.iter().map(one).collect();
        format!("(CASE {kind_column} {} ELSE FALSE END)", kinds.join(" "))
    }

    /// The ids of the emails that a user may see, some of them more than once, and some private ones besides, which
    /// [`Sight::email`] takes out. `None` where they are all or none.
    pub fn email_ids(self) -> Option<&'static str> {
        match self.level(Permission::EmailRead) {
            Level::Own => Some(OWN_EMAIL_IDS),
            Level::Team => Some(EMAIL_IDS),
            _ => None,
        }
    }

    fn level(self, permission: Permission) -> Level {
        match self {
            Sight::Everything => Level::All,
            Sight::User(_, levels) => levels.of(permission),
        }
    }
}

/// A thing that permissions to read and to edit are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A case or another record.
    Record(Parent),
    /// An email by id.
    Email(i64),
}

/// The narrowest level at which a user reaches a thing; `None` = at none: it is private to others, or there is no such.
pub fn nearest(tx: &Tx<'_>, object: Object, user_id: i64) -> Result<Option<Level>> {
    for level in [Level::Own, Level::Team, Level::All] {
        let (sql, id) = match object {
            Object::Record(Parent { kind, id }) => (
                format!("SELECT 1 FROM {} r WHERE r.id = ?2 AND {}", kind.table(), record_within(level, kind, "r")),
                id,
            ),
            Object::Email(id) => (format!("SELECT 1 FROM emails e WHERE e.id = ?2 AND {}", email_within(level)), id),
        };
        if tx.value::<i64>(&sql, params![user_id, id])?.is_some() {
            return Ok(Some(level));
        }
    }
    Ok(None)
}

/// Names of the teams by which a user shares a thing, or the case that an email is of.
pub fn teams_in_common(tx: &Tx<'_>, object: Object, user_id: i64) -> Result<Vec<String>> {
    let (given, id) = match object {
        Object::Record(Parent { kind: ParentType::Case, id }) => {
            ("SELECT team_id FROM case_teams WHERE case_id = ?2".to_owned(), id)
        }
        Object::Record(Parent { kind, id }) => {
            (format!("SELECT team_id FROM record_teams WHERE record_type = '{kind}' AND record_id = ?2"), id)
        }
        Object::Email(id) => ("SELECT team_id FROM email_teams WHERE email_id = ?2".to_owned(), id),
    };
    let sql = format!(
        "SELECT t.name FROM teams t JOIN team_members tm ON tm.team_id = t.id WHERE tm.user_id = ?1 AND t.id IN ({given})
            ORDER BY lower(t.name)"
    );
    tx.values(&sql, params![user_id, id])
}

/// Both name `?1`, so that a statement has it for every reader.
const EVERYTHING: &str = "(TRUE OR CAST(?1 AS BIGINT) IS NULL)";
const NOTHING: &str = "(FALSE AND CAST(?1 AS BIGINT) IS NULL)";
/// Drafts are of no record until they are sent.
const SHARED_BY_RECORD: &str =
    "(NOT e.private OR EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = ?1))";

/// Own: assigned to the user, or opened by them.
fn case_within(level: Level) -> &'static str {
    match level {
        Level::No => NOTHING,
        Level::Own => "(c.assigned_user_id = ?1 OR c.requester_user_id = ?1)",
        Level::Team => {
            "(c.assigned_user_id = ?1 OR c.requester_user_id = ?1 OR EXISTS (
    SELECT 1 FROM case_teams ct JOIN team_members tm ON tm.team_id = ct.team_id WHERE ct.case_id = c.id AND tm.user_id = ?1))"
        }
        Level::All | Level::Yes => EVERYTHING,
    }
}

/// Own: assigned to the user. A case as in [`case_within`].
fn record_within(level: Level, kind: ParentType, alias: &str) -> String {
    if kind == ParentType::Case {
        return case_within(level).replace("c.", &format!("{alias}."));
    }
    match level {
        Level::No => NOTHING.to_owned(),
        Level::Own => format!("({alias}.assigned_user_id = ?1)"),
        Level::Team => format!(
            "({alias}.assigned_user_id = ?1 OR EXISTS (
            SELECT 1 FROM record_teams rt WHERE rt.record_type = '{kind}' AND rt.record_id = {alias}.id AND EXISTS (
                SELECT 1 FROM team_members tm WHERE tm.team_id = rt.team_id AND tm.user_id = ?1)))"
        ),
        Level::All | Level::Yes => EVERYTHING.to_owned(),
    }
}

/// Own: in a folder of the user, or of an own case. What somebody is still writing is theirs at every level.
fn email_within(level: Level) -> &'static str {
    match level {
        Level::No => NOTHING,
        Level::Own => {
            "(EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = ?1)
    OR (NOT e.private AND e.parent_type = 'case' AND EXISTS (SELECT 1 FROM cases own WHERE own.id = e.parent_id
        AND (own.assigned_user_id = ?1 OR own.requester_user_id = ?1))))"
        }
        Level::Team => {
            "(EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = ?1)
    OR (NOT e.private AND ((e.parent_type = 'case' AND EXISTS (SELECT 1 FROM cases own WHERE own.id = e.parent_id
            AND (own.assigned_user_id = ?1 OR own.requester_user_id = ?1)))
        OR EXISTS (SELECT 1 FROM email_teams et JOIN team_members tm ON tm.team_id = et.team_id
            WHERE et.email_id = e.id AND tm.user_id = ?1))))"
        }
        Level::All | Level::Yes => {
            "((NOT e.private AND e.status <> 'Draft')
    OR EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = ?1))"
        }
    }
}

/// `CROSS JOIN`: from the few cases to their mails, not the other way.
const OWN_EMAIL_IDS: &str = "SELECT eu.email_id FROM email_users eu WHERE eu.user_id = ?1
    UNION ALL SELECT m.id FROM cases own CROSS JOIN emails m ON m.parent_type = 'case' AND m.parent_id = own.id
        WHERE own.assigned_user_id = ?1
    UNION ALL SELECT m.id FROM cases own CROSS JOIN emails m ON m.parent_type = 'case' AND m.parent_id = own.id
        WHERE own.requester_user_id = ?1";
const EMAIL_IDS: &str = "SELECT eu.email_id FROM email_users eu WHERE eu.user_id = ?1
    UNION ALL SELECT et.email_id FROM team_members tm JOIN email_teams et ON et.team_id = tm.team_id WHERE tm.user_id = ?1
    UNION ALL SELECT m.id FROM cases own CROSS JOIN emails m ON m.parent_type = 'case' AND m.parent_id = own.id
        WHERE own.assigned_user_id = ?1
    UNION ALL SELECT m.id FROM cases own CROSS JOIN emails m ON m.parent_type = 'case' AND m.parent_id = own.id
        WHERE own.requester_user_id = ?1";

#[cfg(test)]
mod tests;
