//! One call of the program: its words, what it must not show or change, and what was wrong.

use super::cells::{Cells, MISSING};
use super::leaves::{Needs, Row};
use super::model::{Kind, Relation, Who};
use super::scene::Object;
use crate::support::{Run, Sandbox};

impl Cells<'_> {
    /// Whether what a row names besides the object is the user's to change, and another thing.
    pub(super) fn has_partners(&self, row: &Row, object: &Object) -> bool {
        let marks = [("{case}", Kind::Case), ("{email}", Kind::Email), ("{contact}", Kind::Record)];
        marks.into_iter().all(|(mark, kind)| {
            let is_other = object.kind != kind || object.id != self.partner(kind);
            !row.words.contains(mark) || (is_other && self.who.edits(kind, Relation::Own))
        })
    }

    /// Something of the user's own besides the object; the last, so that it is rarely the object.
    pub(super) fn partner(&self, kind: Kind) -> &str {
        let mut all = self.objects.iter().rev().filter(|object| matches!(object.of, "" | "contact"));
        &all.find(|object| object.kind == kind && object.relation == Relation::Own).unwrap().id
    }

    pub(super) fn words(&self, row: &Row, object: &Object, is_dry: bool) -> Vec<String> {
        let line = row.words.replace("{case}", self.partner(Kind::Case)).replace("{email}", self.partner(Kind::Email));
        let line = line.replace("{contact}", self.partner(Kind::Record)).replace("{word}", &object.word);
        let line = line.replace("{of}", object.of).replace("{}", &object.id);
        let is_shown = matches!(row.needs, Needs::Read(_) | Needs::Know(_) | Needs::List(_));
        // Programs are shown more than people.
        let format = if is_shown && self.turn.is_multiple_of(2) { "--format json " } else { "" };
        let dry = if is_dry { "--dry-run " } else { "" };
        format!("--yes --as ana {format}{dry}{line}").split(' ').map(str::to_owned).collect()
    }

    /// Calls the program; with any command, it shows nothing of what may not be read, and changes nothing: where it may,
    /// it is asked for a dry run.
    pub(super) fn call(&mut self, words: &[String]) -> Run {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = self.sandbox.run(&words);
        self.part.runs += 1;
        let (shown, asked) = (format!("{}{}", run.stdout, run.stderr), words.join(" "));
        let leaks =
            |object: &&Object| self.is_hidden(object) && shown.contains(&object.word) && !asked.contains(&object.word);
        for object in self.objects.iter().filter(leaks).collect::<Vec<_>>() {
            self.fault(&run, &format!("shows {}", object.word));
        }
        if let Some(new) = self.database.changes(&self.sandbox) {
            self.fault(&run, &format!("changes the database: {new}"));
        }
        run
    }

    /// Accounts are no secret: cases name the one they came by.
    pub(super) fn is_hidden(&self, object: &Object) -> bool {
        let case = self.case_of(object).filter(|_| self.who.reads_mail_of_cases());
        let by_case = case.is_some_and(|case| self.who.reads(Kind::Case, case.relation));
        let is_secret = object.kind != Kind::Account && !object.word.is_empty();
        let by_case = by_case && object.relation != Relation::Private;
        is_secret && !by_case && !self.who.reads(object.kind, object.relation)
    }

    pub(super) fn expect(&mut self, run: &Run, code: i32, why: &str) {
        if run.code != code {
            self.fault(run, &format!("must exit with {code}: {why}"));
        }
    }

    pub(super) fn fault(&mut self, run: &Run, text: &str) {
        let Run { what, code, stdout, stderr } = run;
        self.part.faults.push(format!("{}: `{what}` {text}; exit {code}: {stdout}{stderr}", self.who.name));
    }
}

/// The text as if the object were called [`MISSING`].
pub(super) fn renamed(text: &str, id: &str) -> String {
    if id.parse::<u64>().is_err() {
        return text.replace(id, MISSING);
    }
    let words = text.split_inclusive(|c: char| !c.is_ascii_digit());
    words
        .map(|word| match word.strip_prefix(id) {
            Some(rest) if !rest.starts_with(|c: char| c.is_ascii_digit()) => format!("{MISSING}{rest}"),
            _ => word.to_owned(),
        })
        .collect()
}

impl Who {
    /// Gives ana the roles of this user.
    pub(super) fn is_ana_of(&self, sandbox: &Sandbox) {
        if self.admin {
            sandbox.run(&["user", "edit", "ana", "--type", "admin"]).ok();
        }
        for (number, role) in self.roles.iter().enumerate() {
            let name = format!("Role{number}");
            sandbox.run(&["role", "add", &name]).ok();
            for (permission, level) in role.grants() {
                sandbox.run(&["role", "grant", &name, &permission, &format!("{level:?}").to_lowercase()]).ok();
            }
            let holder = if role.through_team { "team:Support" } else { "ana" };
            sandbox.run(&["role", "assign", &name, holder]).ok();
        }
    }
}
