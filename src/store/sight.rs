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
/// [`EMAIL`] takes out; `?1` is [`Sight::parameter`].
pub const EMAIL_IDS: &str = "SELECT eu.email_id FROM email_users eu WHERE eu.user_id = ?1
    UNION ALL SELECT et.email_id FROM team_members tm JOIN email_teams et ON et.team_id = tm.team_id WHERE tm.user_id = ?1
    UNION ALL SELECT m.id FROM cases own JOIN emails m ON m.parent_type = 'case' AND m.parent_id = own.id
        WHERE own.assigned_user_id = ?1
    UNION ALL SELECT m.id FROM cases own JOIN emails m ON m.parent_type = 'case' AND m.parent_id = own.id
        WHERE own.requester_user_id = ?1";
