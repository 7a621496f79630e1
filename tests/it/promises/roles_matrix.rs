//! S8: role by command by level by what the object is to the user, through the program. What is expected comes from a
//! model of its own, not from the program's tables.

mod calls;
mod cells;
mod database;
mod leaves;
mod model;
mod scene;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::CommandFactory;

use self::cells::Part;
use self::leaves::{Needs, ROWS};
use self::model::Level::{self, All, No, Own, Team};
use self::model::{Role, Who};
use self::scene::Scene;
use crate::support::promise;

/// A role of the user's own that says the same of cases, records and emails.
const fn same(read: Level, edit: Level) -> Role {
    Role { through_team: false, case: Some((read, edit)), record: Some((read, edit)), email: Some((read, edit)) }
}

const NOTHING: Role = Role { through_team: false, case: None, record: None, email: None };

const fn who(name: &'static str, records: &'static str, roles: &'static [Role]) -> Who {
    Who { name, admin: false, records, roles }
}

const WHO: &[Who] = &[
    who("no role", "contact", &[]),
    Who { name: "administrator", admin: true, records: "company", roles: &[] },
    who("no/no", "lead", &[same(No, No)]),
    who("own/no", "opportunity", &[same(Own, No)]),
    who("own/own", "contact", &[same(Own, Own)]),
    who("team/no", "company", &[same(Team, No)]),
    who("team/own", "lead", &[same(Team, Own)]),
    who("team/team", "opportunity", &[same(Team, Team)]),
    who("all/no", "contact", &[same(All, No)]),
    who("all/own", "company", &[same(All, Own)]),
    who("all/team", "lead", &[same(All, Team)]),
    who("all/all", "opportunity", &[same(All, All)]),
    who("own/all: what is not read is not changed", "contact", &[same(Own, All)]),
    who("a role that says nothing", "company", &[NOTHING]),
    who("cases alone", "lead", &[Role { case: Some((All, All)), ..same(No, No) }]),
    who("mail alone", "opportunity", &[Role { email: Some((All, All)), ..same(No, No) }]),
    who("records alone", "contact", &[Role { record: Some((All, All)), ..same(No, No) }]),
    who("the wider of two", "company", &[same(Own, Own), Role { through_team: true, ..same(All, No) }]),
    who(
        "one says what the other leaves out",
        "lead",
        &[Role { case: Some((All, Own)), ..NOTHING }, Role { email: Some((Own, No)), ..NOTHING }],
    ),
];

#[test]
fn every_command_has_a_row() {
    let mut leaves = BTreeSet::new();
    walk(&espomail::cli::Cli::command(), "", &mut leaves);
    let covered: BTreeSet<String> = ROWS.iter().filter_map(|row| leaf(row.words, &leaves)).collect();
    let forgotten: Vec<_> = leaves.difference(&covered).collect();
    assert!(forgotten.is_empty(), "add what they need to leaves.rs: {forgotten:#?}");
    for row in ROWS {
        assert!(leaf(row.words, &leaves).is_some(), "no command: {}", row.words);
        assert!(!matches!(row.needs, Needs::Not("")), "{} is left out without a reason", row.words);
    }
}

fn walk(command: &clap::Command, path: &str, leaves: &mut BTreeSet<String>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name());
        if sub.has_subcommands() {
            walk(sub, &path, leaves);
        } else {
            leaves.insert(path.trim().to_owned());
        }
    }
}

/// The command that a line calls.
fn leaf(words: &str, leaves: &BTreeSet<String>) -> Option<String> {
    leaves.iter().find(|leaf| format!("{words} ").starts_with(&format!("{leaf} "))).cloned()
}

#[test]
fn permissions_hold_in_every_cell() {
    let (Scene { sandbox, objects }, next) = (Scene::new(), AtomicUsize::new(0));
    let sandbox = Mutex::new(sandbox);
    let work = || {
        let mut parts = Vec::new();
        loop {
            let serial = next.fetch_add(1, Ordering::Relaxed);
            let Some(who) = WHO.get(serial) else { return parts };
            let own = sandbox.lock().unwrap().copy();
            parts.push(Part::run(own, &objects, who, serial));
        }
    };
    let parts: Vec<Part> = std::thread::scope(|threads| {
        let started: Vec<_> = (0..2).map(|_| threads.spawn(work)).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let (cells, runs) = parts.iter().fold((0, 0), |(cells, runs), part| (cells + part.cells, runs + part.runs));
    let faults: Vec<&str> = parts.iter().flat_map(|part| &part.faults).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} faults in {cells} cells:\n{}", faults.len(), faults.join("\n"));
    assert!(cells >= 1_000, "{cells} cells are too few");
    let figure = format!("{cells} cells in {runs} calls: as the rules say, and nothing changed");
    promise("S8", &format!("{} users, {} commands", WHO.len(), ROWS.len()), &figure);
}
