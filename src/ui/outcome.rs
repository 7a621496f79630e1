//! What a command changed: a sentence for people, what other commands take with `-q`, one object for programs.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::machine::schema;
use super::output::Ui;

/// A thing that a command changed or made.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    /// Field of one thing, and of several.
    fields: (&'static str, &'static str),
    /// As all results have it under that field.
    value: Value,
    /// What other commands take.
    key: String,
}

impl Thing {
    fn number(fields: (&'static str, &'static str), number: i64) -> Thing {
        Thing { fields, value: json!(number), key: number.to_string() }
    }

    fn named(fields: (&'static str, &'static str), id: i64, name: &str) -> Thing {
        Thing { fields, value: json!({"id": id, "name": name}), key: name.to_owned() }
    }

    pub fn case(number: i64) -> Thing {
        Thing::number(("case", "cases"), number)
    }

    pub fn email(id: i64) -> Thing {
        Thing::number(("email", "emails"), id)
    }

    /// A message of the outbox.
    pub fn outbox(id: i64) -> Thing {
        Thing::number(("outbox", "outbox_messages"), id)
    }

    /// A message of the quarantine.
    pub fn quarantine(id: i64) -> Thing {
        Thing::number(("quarantine", "quarantine_messages"), id)
    }

    pub fn user(id: i64, username: &str) -> Thing {
        let value = json!({"id": id, "username": username});
        Thing { fields: ("user", "users"), value, key: username.to_owned() }
    }

    pub fn account(id: i64, name: &str) -> Thing {
        Thing::named(("account", "accounts"), id, name)
    }

    pub fn team(id: i64, name: &str) -> Thing {
        Thing::named(("team", "teams"), id, name)
    }

    /// A role, which is known by its name.
    pub fn role(name: &str) -> Thing {
        Thing { fields: ("role", "roles"), value: json!(name), key: name.to_owned() }
    }

    /// A machine, which is known by its name.
    pub fn host(name: &str) -> Thing {
        Thing { fields: ("host", "hosts"), value: json!(name), key: name.to_owned() }
    }

    pub fn template(id: i64, name: &str) -> Thing {
        Thing::named(("template", "templates"), id, name)
    }

    /// A folder of users or teams, which is known by its name.
    pub fn folder(name: &str) -> Thing {
        Thing { fields: ("folder", "folders"), value: json!(name), key: name.to_owned() }
    }

    /// A saved search, which is known by its name.
    pub fn search(name: &str) -> Thing {
        Thing { fields: ("search", "searches"), value: json!(name), key: name.to_owned() }
    }

    pub fn filter(id: i64, name: &str) -> Thing {
        Thing { key: id.to_string(), ..Thing::named(("filter", "filters"), id, name) }
    }

    /// A company, contact, lead or opportunity.
    pub fn record(kind: &'static str, id: i64, name: &str) -> Thing {
        Thing { key: id.to_string(), ..Thing::named((kind, kind), id, name) }
    }

    /// A file or directory.
    pub fn path(path: impl std::fmt::Display) -> Thing {
        let path = path.to_string();
        Thing { fields: ("path", "paths"), value: json!(path), key: path }
    }

    /// The id, for those who read `id` of earlier releases.
    fn id(&self) -> Option<i64> {
        self.value.as_i64().or_else(|| self.value.get("id")?.as_i64())
    }
}

/// Lets one thing stand for a list.
impl From<Thing> for Vec<Thing> {
    fn from(thing: Thing) -> Vec<Thing> {
        vec![thing]
    }
}

/// One thing that was done, in words, with what it was done to; the first thing is what `-q` prints.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    pub things: Vec<Thing>,
    pub sentence: String,
}

impl Deed {
    pub fn new(things: impl Into<Vec<Thing>>, sentence: impl Into<String>) -> Deed {
        Deed { things: things.into(), sentence: sentence.into() }
    }
}

/// All that one command did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub deeds: Vec<Deed>,
    /// Whether the command takes several things, so that programs get a list also where it was one.
    pub takes_several: bool,
    /// Further fields for programs.
    pub facts: Vec<(&'static str, Value)>,
    /// Nothing was changed: it was to be told what would be.
    pub dry_run: bool,
}

impl Outcome {
    /// The object that programs get.
    fn object(&self) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("schema".to_owned(), json!(schema("result")));
        object.insert("dry_run".to_owned(), json!(self.dry_run));
        let things = || self.deeds.iter().flat_map(|deed| &deed.things).filter(|_| !self.dry_run);
        for thing in things() {
            let (one, several) = thing.fields;
            let values: Vec<&Value> =
                things().filter(|other| other.fields.0 == one).map(|other| &other.value).collect();
            if values.len() == 1 {
                object.insert(one.to_owned(), thing.value.clone());
            }
            if values.len() > 1 || (self.takes_several && one != several) {
                object.insert(several.to_owned(), json!(values));
            }
        }
        if let [deed] = self.deeds.as_slice() {
            let id = deed.things.first().and_then(Thing::id).filter(|_| !self.dry_run);
            object.insert("id".to_owned(), json!(id));
        }
        object.extend(self.facts.iter().map(|(field, value)| ((*field).to_owned(), value.clone())));
        let sentences: Vec<&str> = self.deeds.iter().map(|deed| deed.sentence.as_str()).collect();
        object.insert("message".to_owned(), json!(sentences.join("; ")));
        object
    }
}

impl Ui {
    /// What was done, or with `dry_run` what would be: people get that on standard error, because it is not a result.
    pub fn outcome(&self, outcome: &Outcome) -> Result<()> {
        if self.format.is_json() {
            return self.json(&Value::Object(outcome.object()));
        }
        for deed in &outcome.deeds {
            match (outcome.dry_run, self.quiet) {
                (true, _) => self.note(&rehearsed(&deed.sentence)),
                (false, true) => deed.things.first().map_or(Ok(()), |thing| self.line(&thing.key))?,
                (false, false) => self.line(&deed.sentence)?,
            }
        }
        Ok(())
    }

    /// A command found nothing to be done: a line on standard error for people, an object without things for programs.
    pub fn nothing(&self, sentence: &str) -> Result<()> {
        match self.format.is_json() {
            true => self.outcome(&Outcome { deeds: vec![Deed::new(Vec::new(), sentence)], ..Outcome::default() }),
            false => {
                self.note(sentence);
                Ok(())
            }
        }
    }
}

/// The line that says what would be done.
pub fn rehearsed(sentence: &str) -> String {
    format!("dry run, nothing changed; without --dry-run: {sentence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(deeds: Vec<Deed>, takes_several: bool) -> Outcome {
        Outcome { deeds, takes_several, ..Outcome::default() }
    }

    #[test]
    fn things_are_named_by_their_noun_and_several_are_a_list() {
        let closed = |number| Deed::new(Thing::case(number), format!("#{number} is closed"));
        let letter = Deed::new([Thing::outbox(62), Thing::email(72), Thing::case(3)], "queued");
        for (outcome, expected) in [
            (
                outcome(vec![letter.clone()], false),
                json!({"outbox": 62, "email": 72, "case": 3, "id": 62, "message": "queued", "dry_run": false}),
            ),
            (
                outcome(vec![closed(3)], true),
                json!({"case": 3, "cases": [3], "id": 3, "message": "#3 is closed", "dry_run": false}),
            ),
            (
                outcome(vec![closed(3), closed(4)], true),
                json!({"cases": [3, 4], "message": "#3 is closed; #4 is closed", "dry_run": false}),
            ),
            (
                outcome(vec![Deed::new(Thing::user(1, "ana"), "added")], false),
                json!({"user": {"id": 1, "username": "ana"}, "id": 1, "message": "added", "dry_run": false}),
            ),
            (
                Outcome { dry_run: true, ..outcome(vec![letter], false) },
                json!({"id": null, "message": "queued", "dry_run": true}),
            ),
        ] {
            let mut object = outcome.object();
            assert_eq!(object.remove("schema"), Some(json!("espomail/result/1")));
            assert_eq!(Value::Object(object), expected);
        }
    }

    #[test]
    fn names_are_printed_where_commands_take_names_and_numbers_where_they_take_numbers() {
        for (thing, key) in [
            (Thing::case(3), "3"),
            (Thing::user(1, "ana"), "ana"),
            (Thing::account(1, "support"), "support"),
            (Thing::folder("News"), "News"),
            (Thing::filter(4, "news"), "4"),
            (Thing::record("contact", 5, "Kim"), "5"),
            (Thing::path("/tmp/x"), "/tmp/x"),
        ] {
            assert_eq!(thing.key, key, "{thing:?}");
        }
    }
}
