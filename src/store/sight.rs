//! The gate: who may see what, as a condition inside the statement that reads (B11).
//!
//! What is *own* and what is a *team's* is defined here once for each kind of thing. The gate asks with the level of reading;
//! [`nearest`] tells at which level a user reaches one thing, for decisions of writes and for `role explain`. Mail that
//! only personal accounts delivered is private until it is shared, at every level. What may not be seen does not exist.

use anyhow::Result;

use super::db::{Tx, params};
use super::levels::{Level, Levels, Permission};
use super::records::{Parent, ParentType};

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
    /// mail; whoever sees cases of foreign teams has to see their mail by itself.
    pub fn email_of(self, kind: ParentType) -> &'static str {
        match (self.level(Permission::EmailRead), self.level(Permission::to_read(kind))) {
            (Level::Team, record) if record <= Level::Team => email_within(Level::All),
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
            ORDER BY t.name"
    );
    tx.values(&sql, params![user_id, id])
}

/// Both name `?1`, so that a statement has it whoever reads.
const EVERYTHING: &str = "(TRUE OR ?1)";
const NOTHING: &str = "(FALSE AND ?1)";

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

/// Own: in a folder of the user, or of an own case.
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
            "(NOT e.private OR EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = ?1))"
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::query::{Tree, Words};
    use crate::store::cases::{self, CaseQuery};
    use crate::store::db::{Store, Tx, params};
    use crate::store::emails::{self, EmailQuery};
    use crate::store::search::{Test, index};

    /// Ana (1) and Budi (2) are in the team, Citra (3) in none. Case 1 is assigned to Budi and of the team.
    const PEOPLE: &str = "INSERT INTO users (id, username, login, created_at) VALUES (1, 'ana', '', 0), (2, 'budi', '', 0), (3, 'citra', '', 0)";

    /// One email; what it is like follows from the bits of its number.
    struct Kind {
        private: bool,
        ana_has_it: bool,
        of_team: bool,
        in_case: bool,
    }

    impl Kind {
        fn of(bits: i64) -> Kind {
            let bit = |n: i64| bits & (1 << n) != 0;
            Kind { private: bit(0), ana_has_it: bit(1), of_team: bit(2), in_case: bit(3) }
        }

        /// What the rules say (B6.1, B11.3).
        fn is_seen_by(&self, user: i64) -> bool {
            let has_copy = user == 1 && self.ana_has_it;
            let by_team = self.of_team && user != 3;
            let by_case = self.in_case && user == 2;
            has_copy || (!self.private && (by_team || by_case))
        }

        /// In `case show`, by whoever sees the case.
        fn is_shown_in_case_to(&self, user: i64) -> bool {
            self.in_case && user != 3 && (!self.private || (user == 1 && self.ana_has_it))
        }
    }

    fn filled() -> Store {
        let store = Store::in_memory().unwrap();
        store
            .write(|tx| {
                for sql in [
                    PEOPLE,
                    "INSERT INTO teams (id, name, created_at) VALUES (1, 'Support', 0)",
                    "INSERT INTO team_members (team_id, user_id) VALUES (1, 1), (1, 2)",
                    "INSERT INTO cases (id, number, key, name, assigned_user_id, created_at, modified_at) VALUES (1, 1, 'k', 'c', 2, 0, 0)",
                    "INSERT INTO case_teams (case_id, team_id) VALUES (1, 1)",
                ] {
                    tx.execute(sql, [])?;
                }
                (0..16).try_for_each(|bits| add(tx, bits))
            })
            .unwrap();
        index::fill(&store, &|| true).unwrap();
        store
    }

    /// The id of an email is the number of its kind and 1.
    fn add(tx: &Tx<'_>, bits: i64) -> anyhow::Result<()> {
        let kind = Kind::of(bits);
        let case = kind.in_case.then_some(1);
        tx.execute(
            "INSERT INTO emails (id, key, message_id, status, subject, text, received_at, created_at, parent_type, parent_id, private)
                VALUES (?1, 'k' || ?1, 'm' || ?1, 'Archived', 's', 'word' || ?1, 0, 0, iif(?2 IS NULL, NULL, 'case'), ?2, ?3)",
            params![bits + 1, case, kind.private],
        )?;
        if kind.ana_has_it {
            tx.execute("INSERT INTO email_users (email_id, user_id) VALUES (?1, 1)", params![bits + 1])?;
        }
        if kind.of_team {
            tx.execute("INSERT INTO email_teams (email_id, team_id) VALUES (?1, 1)", params![bits + 1])?;
        }
        Ok(())
    }

    #[test]
    fn whoever_may_read_an_email_finds_it_and_nobody_else() {
        let store = filled();
        for bits in 0..16 {
            let (id, kind) = (bits + 1, Kind::of(bits));
            let words = Words { text: format!("word{id}"), begins: false };
            let word = Tree::Is(Test::Words(words));
            for user in [None, Some(1), Some(2), Some(3)] {
                let sight = user.map_or(Sight::Everything, |id| Sight::User(id, Levels::USUAL));
                let seen = user.is_none_or(|user| kind.is_seen_by(user));
                let shown = user.map_or(kind.in_case, |user| kind.is_shown_in_case_to(user));
                let what = format!("email {bits:04b}, user {user:?}");
                let list = |tx: &Tx<'_>, condition: Tree<Test>| -> anyhow::Result<bool> {
                    let query = EmailQuery { condition, ..EmailQuery::default() };
                    Ok(emails::list(tx, &query, sight)?.iter().any(|row| row.email.id == id))
                };
                let found = store.read(|tx| {
                    let by_id = emails::by_id(tx, id, sight)?.is_some();
                    Ok([by_id, list(tx, Tree::All(Vec::new()))?, list(tx, word.clone())?])
                });
                assert_eq!(found.unwrap(), [seen; 3], "{what}: by id, in the list, by a word");
                let counted = store.read(|tx| {
                    let condition = word.clone();
                    cases::count(tx, &CaseQuery { condition, ..CaseQuery::default() }, sight)
                });
                assert_eq!(counted.unwrap() == 1, shown, "{what}: finds its case by a word");
                // Asked of those only who see the case.
                let of_case = store.read(|tx| emails::of_case_for(tx, 1, sight)).unwrap();
                let is_there = of_case.iter().any(|email| email.id == id);
                assert!(is_there == shown || user == Some(3), "{what}: in the case");
            }
        }
    }
}
