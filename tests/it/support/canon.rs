//! The canonical dump: everything the database means, without what differs from run to run (ids, keys,
//! times). Two databases that say the same are equal here.

use std::collections::BTreeMap;

use super::Sandbox;
use super::database::Cell;

/// One line a fact; lines of a query are sorted, so that parallel runs compare as sets.
const FACTS: &[(&str, &str)] = &[
    (
        "case",
        "SELECT c.name, c.status, c.priority, c.waiting_for, c.description, coalesce(u.username, '-'), coalesce(a.name, '-'),
            (SELECT string_agg(t.name, ',' ORDER BY t.name) FROM case_teams ct JOIN teams t ON t.id = ct.team_id WHERE ct.case_id = c.id)
        FROM cases c LEFT JOIN users u ON u.id = c.assigned_user_id LEFT JOIN accounts a ON a.id = c.account_id",
    ),
    (
        "email",
        "SELECT e.subject, e.status, e.from_address, b.text, e.verified, e.automatic, coalesce(c.name, '-'), coalesce(a.name, '-'),
            e.raw_id IS NOT NULL, e.truncated
        FROM emails e JOIN email_bodies b ON b.email_id = e.id LEFT JOIN cases c ON e.parent_type = 'case' AND c.id = e.parent_id LEFT JOIN accounts a ON a.id = e.flow_account_id",
    ),
    (
        "copy",
        "SELECT e.subject, u.username, c.folder, c.read, c.important, c.trash, c.archive, coalesce(f.name, '-') FROM email_users c
            JOIN emails e ON e.id = c.email_id JOIN users u ON u.id = c.user_id LEFT JOIN folders f ON f.id = c.folder_id",
    ),
    ("seen", "SELECT e.subject, t.name, e.group_place FROM email_teams s JOIN emails e ON e.id = s.email_id JOIN teams t ON t.id = s.team_id"),
    ("delivery", "SELECT a.name, d.folder, d.uid, d.outcome FROM deliveries d JOIN accounts a ON a.id = d.account_id"),
    ("address", "SELECT e.subject, a.field, a.address FROM email_addresses a JOIN emails e ON e.id = a.email_id"),
    (
        "note",
        "SELECT c.name, n.kind, coalesce(u.username, '-'), coalesce(e.subject, '-') FROM notes n
            JOIN cases c ON c.id = n.parent_id LEFT JOIN users u ON u.id = n.user_id LEFT JOIN emails e ON e.id = n.email_id",
    ),
    ("follower", "SELECT c.name, u.username FROM followers f JOIN cases c ON c.id = f.parent_id JOIN users u ON u.id = f.user_id"),
    ("notification", "SELECT u.username, n.kind, coalesce(c.name, '-') FROM notifications n JOIN users u ON u.id = n.user_id LEFT JOIN cases c ON c.id = n.parent_id"),
    (
        "outbox",
        "SELECT o.kind, o.state, o.envelope_from, (SELECT string_agg(address, ',' ORDER BY address) FROM outbox_recipients r WHERE r.outbox_id = o.id),
            coalesce(c.name, '-') FROM outbox o LEFT JOIN cases c ON c.id = o.case_id",
    ),
    ("auto-reply", "SELECT r.address, a.name FROM auto_replies r JOIN accounts a ON a.id = r.account_id"),
    ("folder", "SELECT a.name, f.name, f.last_uid, f.failure FROM account_folders f JOIN accounts a ON a.id = f.account_id"),
    ("wheel", "SELECT a.name, coalesce(u.username, '-') FROM accounts a LEFT JOIN users u ON u.id = a.wheel_user_id"),
    ("action", "SELECT action FROM server_actions"),
    ("bytes", "SELECT sha256, size FROM raw_messages r WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.raw_id = r.id)"),
];

impl Sandbox {
    /// The canonical dump of the database as it is now.
    pub fn canon(&self) -> String {
        let db = self.database();
        let mut all = String::new();
        for (name, sql) in FACTS {
            let shown = |row: &Vec<Cell>| format!("{name} {row:?}\n");
            let mut lines: Vec<String> = db.rows(sql).iter().map(shown).collect();
            lines.sort();
            all.extend(lines);
        }
        all
    }

    /// The UIDs in the ledger by the address of the account, ascending.
    pub fn ledger(&self) -> BTreeMap<String, Vec<u32>> {
        let db = self.database();
        let sql =
            "SELECT a.address, d.uid FROM deliveries d JOIN accounts a ON a.id = d.account_id ORDER BY a.id, d.uid";
        let mut ledger = BTreeMap::<String, Vec<u32>>::new();
        for row in db.rows(sql) {
            let [address, uid] = row.as_slice() else { panic!("{row:?}") };
            ledger.entry(address.plain()).or_default().push(u32::try_from(uid.int()).unwrap());
        }
        ledger
    }
}
