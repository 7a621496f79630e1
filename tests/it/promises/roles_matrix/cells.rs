//! Calls the program for each cell and compares.

use std::collections::BTreeMap;

use super::calls::renamed;
use super::database::Guarded;
use super::leaves::{ANY, Needs, ROWS, Row};
use super::model::{Kind, Relation, Who};
use super::scene::Object;
use crate::support::{Run, Sandbox, asked};

/// What no object is called.
pub(super) const MISSING: &str = "9999";

/// One user's part of the matrix, on a copy of the database.
pub struct Part {
    pub cells: usize,
    pub runs: usize,
    pub faults: Vec<String>,
}

pub(super) struct Cells<'a> {
    pub(super) objects: &'a [Object],
    pub(super) who: &'a Who,
    pub(super) sandbox: Sandbox,
    pub(super) database: Guarded,
    /// What is said of an object that does not exist, by command.
    pub(super) missing: BTreeMap<String, (i32, String)>,
    /// Counts calls; one in this number is made.
    pub(super) turn: usize,
    pub(super) share: usize,
    pub(super) part: Part,
}

impl Part {
    /// `serial` tells the users apart, so that each takes another share of the cells.
    pub fn run(sandbox: Sandbox, objects: &[Object], who: &Who, serial: usize) -> Part {
        sandbox.file("text", b"Hello.\n");
        sandbox.file("people.csv", b"name\nNew\n");
        sandbox.env("PW", "pw");
        who.is_ana_of(&sandbox);
        let database = Guarded::new(&sandbox);
        let part = Part { cells: 0, runs: 0, faults: Vec::new() };
        let share = asked("ESPOMAIL_SHARE", 14);
        let mut cells = Cells { objects, who, sandbox, database, missing: BTreeMap::new(), turn: serial, share, part };
        ROWS.iter().for_each(|row| cells.row(row));
        cells.part
    }
}

impl Cells<'_> {
    fn row(&mut self, row: &Row) {
        let of_type = |object: &&Object| object.kind != Kind::Record || object.of == self.who.records;
        let objects: Vec<&Object> = self.objects.iter().filter(of_type).collect();
        let of_kind = |kind| objects.iter().copied().filter(|object| object.kind == kind).collect::<Vec<_>>();
        match row.needs {
            Needs::Not(_) => {}
            Needs::Anyone | Needs::Admin | Needs::Make(_) => self.is_for(row, of_kind(Kind::Record)[0]),
            Needs::Find => of_kind(Kind::Email).into_iter().for_each(|mail| self.find(row, mail)),
            Needs::Read(kind)
            | Needs::Know(kind)
            | Needs::Do(kind)
            | Needs::Edit(kind)
            | Needs::Answer(kind)
            | Needs::Take(kind)
            | Needs::Remove(kind) => {
                of_kind(kind).into_iter().for_each(|object| self.object(row, object));
            }
            Needs::List(kind) => self.list(row, &of_kind(kind)),
            Needs::Count(kind) => self.count(row, &of_kind(kind)),
        }
    }

    fn is_left_out(&mut self) -> bool {
        self.turn += 1;
        !self.turn.is_multiple_of(self.share)
    }

    /// A command that is for administrators, or for all.
    fn is_for(&mut self, row: &Row, any: &Object) {
        if self.is_left_out() {
            return;
        }
        self.part.cells += 1;
        let allowed = match row.needs {
            Needs::Make(kind) => self.who.edits(kind, Relation::Own),
            Needs::Anyone => true,
            _ => self.who.admin,
        };
        let run = self.call(&self.words(row, any, allowed));
        match (allowed, row.needs) {
            (false, _) => self.expect(&run, 77, "not for this user"),
            (true, Needs::Admin) if run.code == 77 => self.fault(&run, "refuses an administrator"),
            (true, Needs::Admin) => {}
            (true, _) => self.expect(&run, row.code, "for everybody"),
        }
    }

    fn object(&mut self, row: &Row, object: &Object) {
        if !self.has_partners(row, object) || self.is_left_out() {
            return;
        }
        self.part.cells += 1;
        let seen = self.who.reads(object.kind, object.relation);
        let allowed = match row.needs {
            Needs::Edit(_) => self.who.edits(object.kind, object.relation),
            Needs::Take(kind) => self.who.edits(kind, object.relation) && self.may_take(object),
            Needs::Answer(_) => seen && self.may_answer(object),
            Needs::Remove(_) => self.who.admin,
            _ => seen,
        };
        let is_dry = allowed && !matches!(row.needs, Needs::Read(_) | Needs::Know(_));
        let run = self.call(&self.words(row, object, is_dry));
        match (allowed, seen) {
            (true, _) => self.is_done(row, object, &run),
            (false, true) if row.code == ANY && run.code == 65 => {}
            (false, true) => self.expect(&run, 77, "may be read, not changed"),
            (false, false) => {
                let (code, text) = self.of_missing(row, object);
                if (run.code, renamed(&run.stderr, &object.id)) != (code, text.clone()) {
                    self.fault(&run, &format!("must say what is said of what does not exist: {code} {text}"));
                }
            }
        }
    }

    /// Mail of a case that is not seen is answered by itself.
    fn may_answer(&self, object: &Object) -> bool {
        let case = if object.kind == Kind::Case { Some(object) } else { self.case_of(object) };
        let case = case.filter(|case| self.who.reads(Kind::Case, case.relation));
        self.who.writes_mail() && case.is_none_or(|case| self.who.edits(Kind::Case, case.relation))
    }

    fn may_take(&self, mail: &Object) -> bool {
        let of_case = self.case_of(mail).map(|case| (Kind::Case, case.relation));
        let places = of_case.into_iter().chain(mail.record.map(|relation| (Kind::Record, relation)));
        places
            .filter(|(kind, relation)| self.who.reads(*kind, *relation))
            .all(|(kind, relation)| self.who.edits(kind, relation))
    }

    /// The case whose mail it is.
    pub(super) fn case_of(&self, object: &Object) -> Option<&Object> {
        self.objects.iter().find(|case| case.kind == Kind::Case && object.case.as_ref() == Some(&case.id))
    }

    fn is_done(&mut self, row: &Row, object: &Object, run: &Run) {
        match row.code {
            ANY if run.code == 77 || run.stderr.contains("not found") => self.fault(run, "refuses what is allowed"),
            ANY => {}
            code => self.expect(run, code, "allowed"),
        }
        if matches!(row.needs, Needs::Read(_)) && !run.stdout.contains(&object.word) {
            self.fault(run, "does not show what may be read");
        }
    }

    /// What is said when the object is not there at all.
    fn of_missing(&mut self, row: &Row, object: &Object) -> (i32, String) {
        let words = self.words(row, &Object { id: MISSING.to_owned(), ..object.clone() }, false);
        let key = words.join(" ");
        if let Some(known) = self.missing.get(&key) {
            return known.clone();
        }
        let run = self.call(&words);
        if run.code == 0 || (row.code != ANY && !run.stderr.contains(MISSING)) {
            self.fault(&run, "an object that does not exist must be named");
        }
        self.missing.insert(key, (run.code, run.stderr.clone()));
        (run.code, run.stderr)
    }

    fn list(&mut self, row: &Row, objects: &[&Object]) {
        if self.is_left_out() {
            return;
        }
        let run = self.call(&self.words(row, objects[0], false));
        self.part.cells += objects.len();
        self.expect(&run, 0, "a list");
        for object in objects.iter().filter(|object| !object.word.is_empty()) {
            let (is_there, read) = (run.stdout.contains(&object.word), self.who.reads(object.kind, object.relation));
            match (is_there, read) {
                (true, false) if !self.is_hidden(object) => self.fault(&run, &format!("must not list {}", object.word)),
                (false, true) => self.fault(&run, &format!("must list {}", object.word)),
                _ => {}
            }
        }
    }

    /// A case is found by its mail only by those who read both.
    fn find(&mut self, row: &Row, mail: &Object) {
        let Some(case) = self.case_of(mail).cloned().filter(|_| !self.is_left_out()) else { return };
        self.part.cells += 1;
        let expected = self.who.reads(case.kind, case.relation) && !self.is_hidden(mail);
        let run = self.call(&self.words(row, mail, false));
        if run.stdout.contains(&case.word) != expected {
            self.fault(&run, if expected { "must find the case" } else { "finds a case by what may not be read" });
        }
    }

    fn count(&mut self, row: &Row, objects: &[&Object]) {
        if self.is_left_out() {
            return;
        }
        self.part.cells += 1;
        let expected = objects.iter().filter(|object| self.who.reads(object.kind, object.relation)).count().to_string();
        let run = self.call(&self.words(row, objects[0], false));
        if run.stdout.trim() != expected {
            self.fault(&run, &format!("must count {expected}"));
        }
    }
}
