//! The gate: who may see what, as a condition inside the statement that reads (B11).
//!
//! Without a role a regular user sees the cases and other records assigned to them or to a team of
//! theirs, and the emails in their own folders, of their own cases or of a team of theirs. Mail that only personal
//! accounts delivered is private until it is shared. What may not be seen does not exist.

use super::records::ParentType;

/// Through whose eyes a statement reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// An administrator's, and the program's own.
    Everything,
    /// A regular user's, by id.
    User(i64),
}

impl Sight {
    /// The parameter that the conditions below take as `?1`: NULL sees everything.
    pub fn parameter(self) -> Option<i64> {
        match self {
            Sight::Everything => None,
            Sight::User(id) => Some(id),
        }
    }
}

/// Condition on a case `c`; `?1` is [`Sight::parameter`].
pub const CASE: &str = "(?1 IS NULL OR c.assigned_user_id = ?1 OR c.requester_user_id = ?1 OR EXISTS (
    SELECT 1 FROM case_teams ct JOIN team_members tm ON tm.team_id = ct.team_id WHERE ct.case_id = c.id AND tm.user_id = ?1))";

/// Condition on a record of this type by its alias in the statement; `?1` is [`Sight::parameter`].
pub fn record(kind: ParentType, alias: &str) -> String {
    let (teams, column) = match kind {
        ParentType::Case => ("case_teams rt WHERE".to_owned(), "case_id"),
        _ => (format!("record_teams rt WHERE rt.record_type = '{kind}' AND"), "record_id"),
    };
    let requested =
        if kind == ParentType::Case { format!("OR {alias}.requester_user_id = ?1 ") } else { String::new() };
    format!(
        "(?1 IS NULL OR {alias}.assigned_user_id = ?1 {requested}OR EXISTS (
            SELECT 1 FROM {teams} rt.{column} = {alias}.id AND EXISTS (
                SELECT 1 FROM team_members tm WHERE tm.team_id = rt.team_id AND tm.user_id = ?1)))"
    )
}

/// Condition on an email `e`; `?1` is [`Sight::parameter`]. Private mail is for those alone who have it in a folder of
/// their own (B6.1): neither a case nor a team shows it to others.
pub const EMAIL: &str =
    "(?1 IS NULL OR EXISTS (SELECT 1 FROM email_users eu WHERE eu.email_id = e.id AND eu.user_id = ?1)
    OR (NOT e.private AND ((e.parent_type = 'case' AND EXISTS (SELECT 1 FROM cases own WHERE own.id = e.parent_id
            AND (own.assigned_user_id = ?1 OR own.requester_user_id = ?1)))
        OR EXISTS (SELECT 1 FROM email_teams et JOIN team_members tm ON tm.team_id = et.team_id
            WHERE et.email_id = e.id AND tm.user_id = ?1))))";

/// Condition on an email `e` of a case that the reader sees, which shows them all its mail but what is private to
/// others; `?1` is [`Sight::parameter`].
pub const EMAIL_OF_CASE: &str = "(NOT e.private OR ?1 IS NULL
    OR EXISTS (SELECT 1 FROM email_users pu WHERE pu.email_id = e.id AND pu.user_id = ?1))";

/// The ids of the emails that a user may see, some of them more than once, and some private ones besides, which
/// [`EMAIL`] takes out; `?1` is [`Sight::parameter`]. `CROSS JOIN`: from the few cases to their mails, not the other way.
pub const EMAIL_IDS: &str = "SELECT eu.email_id FROM email_users eu WHERE eu.user_id = ?1
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
            "INSERT INTO emails (id, key, message_id, status, subject, received_at, created_at, parent_type, parent_id, private)
                VALUES (?1, 'k' || ?1, 'm' || ?1, 'Archived', 's', 0, 0, iif(?2 IS NULL, NULL, 'case'), ?2, ?3)",
            params![bits + 1, case, kind.private],
        )?;
        tx.execute("INSERT INTO email_bodies (email_id, text) VALUES (?1, 'word' || ?1)", params![bits + 1])?;
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
                let sight = user.map_or(Sight::Everything, Sight::User);
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
