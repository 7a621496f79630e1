//! The canonical dump: everything the database means, without what differs from run to run (ids, keys,
//! times). Two databases that say the same are equal here.

use std::collections::BTreeMap;
use std::path::Path;

use super::Sandbox;

/// One line a fact; lines of a query are sorted, so that parallel runs compare as sets.
const FACTS: &[(&str, &str)] = &[
    (
        "case",
        "SELECT c.name, c.status, c.priority, c.waiting_for, c.description, coalesce(u.username, '-'), coalesce(a.name, '-'),
            (SELECT group_concat(t.name) FROM case_teams ct JOIN teams t ON t.id = ct.team_id WHERE ct.case_id = c.id)
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
        "SELECT o.kind, o.state, o.envelope_from, (SELECT group_concat(address) FROM outbox_recipients r WHERE r.outbox_id = o.id),
            coalesce(c.name, '-') FROM outbox o LEFT JOIN cases c ON c.id = o.case_id",
    ),
    ("auto-reply", "SELECT r.address, a.name FROM auto_replies r JOIN accounts a ON a.id = r.account_id"),
    ("folder", "SELECT a.name, f.name, f.last_uid, f.failure FROM account_folders f JOIN accounts a ON a.id = f.account_id"),
    ("wheel", "SELECT a.name, coalesce(u.username, '-') FROM accounts a LEFT JOIN users u ON u.id = a.wheel_user_id"),
    ("action", "SELECT action FROM server_actions"),
    ("bytes", "SELECT hex(sha256), size FROM raw_messages r WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.raw_id = r.id)"),
];

fn shown(value: rusqlite::types::ValueRef<'_>) -> String {
    match value.as_str() {
        Ok(text) => format!(" {text:?}"),
        Err(_) => format!(" {value:?}"),
    }
}

/// Every row of every table, to see whether anything at all was changed.
pub fn every_row(db: &Path) -> String {
    let db = rusqlite::Connection::open(db).unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
    let mut tables = db.prepare(tables).unwrap();
    let names = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect::<Vec<String>>();
    let mut all = String::new();
    for name in names {
        let mut statement = db.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns = statement.column_count();
        let line =
            |row: &rusqlite::Row<'_>| Ok((0..columns).map(|i| shown(row.get_ref(i).unwrap())).collect::<String>());
        statement.query_map([], line).unwrap().for_each(|line| all.push_str(&format!("{name}{}\n", line.unwrap())));
    }
    all
}

impl Sandbox {
    /// The canonical dump of the database as it is now.
    pub fn canon(&self) -> String {
        let db = self.database();
        let mut all = String::new();
        for (name, sql) in FACTS {
            let mut statement = db.prepare(sql).unwrap();
            let columns = statement.column_count();
            let mut lines: Vec<String> = statement
                .query_map([], |row| Ok((0..columns).map(|i| shown(row.get_ref(i).unwrap())).collect::<String>()))
                .unwrap()
                .map(|line| format!("{name}{}\n", line.unwrap()))
                .collect();
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
        let mut statement = db.prepare(sql).unwrap();
        let mut ledger = BTreeMap::<String, Vec<u32>>::new();
        for row in statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap() {
            let (address, uid): (String, u32) = row.unwrap();
            ledger.entry(address).or_default().push(uid);
        }
        ledger
    }

    /// The database, opened as somebody with a shell could.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.db()).unwrap()
    }

    /// Runs a statement on the database, as somebody with a shell could.
    pub fn sql(&self, sql: &str) {
        self.database().execute_batch(sql).unwrap();
    }

    /// The rows of a query that asks for one column of texts.
    pub fn query(&self, sql: &str) -> Vec<String> {
        let database = self.database();
        let mut query = database.prepare(sql).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}
