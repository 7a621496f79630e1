#![allow(clippy::unwrap_used)]
//! The gate against what the rules say, thing by thing and level by level.

use super::*;
use crate::query::{Tree, Words};
use crate::store::cases::{self, CaseQuery};
use crate::store::db::{Store, Tx, params};
use crate::store::emails::{self, EmailQuery};
use crate::store::records::{self, RecordQuery};
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

    /// In `case show`, for users who see the case.
    fn is_shown_in_case_to(&self, user: i64) -> bool {
        self.in_case && user != 3 && (!self.private || (user == 1 && self.ana_has_it))
    }
}

fn filled() -> Store {
    let store = Store::for_test().unwrap();
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

/// Its text is `word` and its id.
fn insert_email(tx: &Tx<'_>, id: i64, case: Option<i64>, private: bool) -> anyhow::Result<()> {
    tx.execute(
        "INSERT INTO emails (id, message_id, status, subject, received_at, created_at, parent_type, parent_id, private)
            VALUES (?1, 'm' || ?1, 'Archived', 's', 0, 0, CASE WHEN ?2 IS NOT NULL THEN 'case' END, ?2, ?3)",
        params![id, case, private],
    )?;
    tx.execute("INSERT INTO email_bodies (email_id, text) VALUES (?1, 'word' || ?1)", params![id])?;
    Ok(())
}

/// The id of an email is the number of its kind and 1.
fn add(tx: &Tx<'_>, bits: i64) -> anyhow::Result<()> {
    let kind = Kind::of(bits);
    let case = kind.in_case.then_some(1);
    insert_email(tx, bits + 1, case, kind.private)?;
    if kind.ana_has_it {
        tx.execute("INSERT INTO email_users (email_id, user_id) VALUES (?1, 1)", params![bits + 1])?;
    }
    if kind.of_team {
        tx.execute("INSERT INTO email_teams (email_id, team_id) VALUES (?1, 1)", params![bits + 1])?;
    }
    Ok(())
}

#[test]
fn only_users_who_can_read_an_email_find_it() {
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

const TO_READ: [Level; 4] = [Level::No, Level::Own, Level::Team, Level::All];

/// How near a thing is to Ana (1), who is in Support (1) and not in Sales (2).
#[derive(Debug, Clone, Copy)]
struct Ties {
    assigned: bool,
    opened: bool,
    of_team: bool,
}

impl Ties {
    /// Of eight things each is tied in another way; its id is the number of its kind and 1.
    fn of(id: i64) -> Ties {
        let bit = |n: i64| (id - 1) & (1 << n) != 0;
        Ties { assigned: bit(0), opened: bit(1), of_team: bit(2) }
    }

    fn nearest(self) -> Level {
        match self {
            Ties { assigned: true, .. } | Ties { opened: true, .. } => Level::Own,
            Ties { of_team: true, .. } => Level::Team,
            _ => Level::All,
        }
    }
}

const OTHERS: [ParentType; 4] = [ParentType::Company, ParentType::Contact, ParentType::Lead, ParentType::Opportunity];

/// Eight cases and eight records of each type, and for every case, and for none, eight emails.
fn tied() -> Store {
    let store = Store::for_test().unwrap();
    store
        .write(|tx| {
            for sql in [
                PEOPLE,
                "INSERT INTO teams (id, name, created_at) VALUES (1, 'Support', 0), (2, 'Sales', 0)",
                "INSERT INTO team_members (team_id, user_id) VALUES (1, 1), (2, 2)",
            ] {
                tx.execute(sql, [])?;
            }
            (1..=8).try_for_each(|id| add_tied(tx, id))?;
            (0..72).try_for_each(|place| add_email(tx, &Mail::of(place)))
        })
        .unwrap();
    index::fill(&store, &|| true).unwrap();
    store
}

fn add_tied(tx: &Tx<'_>, id: i64) -> anyhow::Result<()> {
    let ties = Ties::of(id);
    let (assignee, requester) = (if ties.assigned { 1 } else { 2 }, if ties.opened { 1 } else { 2 });
    let team = if ties.of_team { 1 } else { 2 };
    tx.execute(
        "INSERT INTO cases (id, number, key, name, assigned_user_id, requester_user_id, created_at, modified_at)
            VALUES (?1, 100 + ?1, 'k' || ?1, 'c', ?2, ?3, 0, 0)",
        params![id, assignee, requester],
    )?;
    tx.execute("INSERT INTO case_teams (case_id, team_id) VALUES (?1, ?2)", params![id, team])?;
    for kind in OTHERS {
        let sql =
            format!("INSERT INTO {} (id, name, assigned_user_id, created_at) VALUES (?1, 'r', ?2, 0)", kind.table());
        tx.execute(&sql, params![id, assignee])?;
        let sql = "INSERT INTO record_teams (record_type, record_id, team_id) VALUES (?1, ?2, ?3)";
        tx.execute(sql, params![kind.as_str(), id, team])?;
    }
    Ok(())
}

/// An email, of a case or of none.
#[derive(Debug, Clone, Copy)]
struct Mail {
    id: i64,
    case: Option<i64>,
    private: bool,
    has_copy: bool,
    of_team: bool,
}

impl Mail {
    fn of(place: i64) -> Mail {
        let bit = |n: i64| place & (1 << n) != 0;
        let case = Some(place / 8).filter(|case| *case > 0);
        Mail { id: place + 1, case, private: bit(0), has_copy: bit(1), of_team: bit(2) }
    }

    fn nearest(self) -> Option<Level> {
        let case = self.case.map(|case| Ties::of(case).nearest());
        match self {
            Mail { has_copy: true, .. } => Some(Level::Own),
            Mail { private: true, .. } => None,
            _ if case == Some(Level::Own) => Some(Level::Own),
            Mail { of_team: true, .. } => Some(Level::Team),
            _ => Some(Level::All),
        }
    }

    fn is_seen(self, level: Level) -> bool {
        self.nearest().is_some_and(|nearest| nearest <= level)
    }

    /// In `case show`, for users who see the case at this level: a team that shares a case shares its mail.
    fn is_shown_in_case(self, level: Level, case_level: Level) -> bool {
        if level == Level::Team && case_level <= Level::Team { self.is_seen(Level::All) } else { self.is_seen(level) }
    }
}

fn add_email(tx: &Tx<'_>, mail: &Mail) -> anyhow::Result<()> {
    insert_email(tx, mail.id, mail.case, mail.private)?;
    let user = if mail.has_copy { 1 } else { 2 };
    tx.execute("INSERT INTO email_users (email_id, user_id) VALUES (?1, ?2)", params![mail.id, user])?;
    let team = if mail.of_team { 1 } else { 2 };
    tx.execute("INSERT INTO email_teams (email_id, team_id) VALUES (?1, ?2)", params![mail.id, team])?;
    Ok(())
}

/// Ana's eyes with some levels.
fn ana(grants: &[(Permission, Level)]) -> Sight {
    Sight::User(1, Levels::widest(grants.iter().copied()))
}

#[test]
fn cases_and_records_are_seen_as_far_as_the_level_reaches() {
    let store = tied();
    for level in TO_READ {
        let sight = ana(&[(Permission::CaseRead, level), (Permission::RecordRead, level)]);
        let seen: Vec<i64> = (1..=8).filter(|id| Ties::of(*id).nearest() <= level).collect();
        store
            .read(|tx| {
                let query = CaseQuery::default();
                let listed = cases::list(tx, &query, sight)?;
                let mut ids: Vec<i64> = listed.iter().map(|row| row.case.id).collect();
                ids.sort_unstable();
                assert_eq!(ids, seen, "{level}: listed");
                assert_eq!(cases::count(tx, &query, sight)?, i64::try_from(seen.len())?, "{level}: counted");
                for id in 1..=8 {
                    let is_seen = seen.contains(&id);
                    let found = [
                        cases::by_number(tx, 100 + id, sight)?.is_some(),
                        cases::by_id_seen(tx, id, sight)?.is_some(),
                        records::exists(tx, Parent::case(id), sight)?,
                    ];
                    assert_eq!(found, [is_seen; 3], "{level}: case {id}");
                }
                Ok(())
            })
            .unwrap();
        // Nobody opens other records.
        let seen: Vec<i64> = (1..=8).filter(|id| Ties { opened: false, ..Ties::of(*id) }.nearest() <= level).collect();
        for kind in OTHERS {
            store
                .read(|tx| {
                    let listed = records::list(tx, kind, &RecordQuery::default(), sight)?;
                    let ids: Vec<i64> = listed.iter().map(|record| record.parent.id).collect();
                    assert_eq!(ids, seen, "{level}: {kind} listed");
                    for id in 1..=8 {
                        let parent = Parent { kind, id };
                        let found = [records::by_id(tx, parent, sight)?.is_some(), records::exists(tx, parent, sight)?];
                        assert_eq!(found, [seen.contains(&id); 2], "{level}: {kind} {id}");
                    }
                    Ok(())
                })
                .unwrap();
        }
    }
}

#[test]
fn emails_are_seen_as_far_as_the_level_reaches_and_in_cases_as_far_as_both() {
    let store = tied();
    for (level, case_level) in TO_READ.into_iter().flat_map(|level| TO_READ.map(|case| (level, case))) {
        let sight = ana(&[(Permission::EmailRead, level), (Permission::CaseRead, case_level)]);
        for mail in (0..72).map(Mail::of) {
            let what = format!("emails {level}, cases {case_level}, {mail:?}");
            let word = Tree::Is(Test::Words(Words { text: format!("word{}", mail.id), begins: false }));
            let case_is_seen = mail.case.is_some_and(|case| Ties::of(case).nearest() <= case_level);
            let shown = case_is_seen && mail.is_shown_in_case(level, case_level);
            store
                .read(|tx| {
                    let query = EmailQuery { condition: word.clone(), ..EmailQuery::default() };
                    let rows = emails::list(tx, &query, sight)?;
                    let found = [emails::by_id(tx, mail.id, sight)?.is_some(), !rows.is_empty()];
                    assert_eq!(found, [mail.is_seen(level); 2], "{what}: by id, by a word");
                    let numbers = rows.iter().map(|row| row.case_number).next().flatten();
                    let number = mail.case.filter(|_| case_is_seen).map(|case| 100 + case);
                    assert!(rows.is_empty() || numbers == number, "{what}: the number of its case");
                    let query = CaseQuery { condition: word.clone(), ..CaseQuery::default() };
                    assert_eq!(cases::count(tx, &query, sight)? == 1, shown, "{what}: finds its case");
                    let Some(case) = mail.case.filter(|_| case_is_seen) else { return Ok(()) };
                    let thread = emails::of_case_for(tx, case, sight)?;
                    assert_eq!(thread.iter().any(|email| email.id == mail.id), shown, "{what}: in the case");
                    Ok(())
                })
                .unwrap();
        }
    }
}

#[test]
fn the_nearest_level_is_the_one_at_which_the_gate_opens() {
    let store = tied();
    let near = |object: Object| store.read(|tx| nearest(tx, object, 1)).unwrap();
    for id in 1..=8 {
        assert_eq!(near(Object::Record(Parent::case(id))), Some(Ties::of(id).nearest()), "case {id}");
        for kind in OTHERS {
            let expected = Ties { opened: false, ..Ties::of(id) }.nearest();
            assert_eq!(near(Object::Record(Parent { kind, id })), Some(expected), "{kind} {id}");
        }
    }
    for mail in (0..72).map(Mail::of) {
        assert_eq!(near(Object::Email(mail.id)), mail.nearest(), "{mail:?}");
    }
    assert_eq!(near(Object::Email(99)), None, "there is no such email");
    assert_eq!(near(Object::Record(Parent::case(99))), None, "there is no such case");
}
