//! Databases that are made once and copied for each test, and ones that are put back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Kept, Sandbox};
use crate::support::is_on_server;

impl Sandbox {
    /// `espomail init`.
    #[track_caller]
    pub fn init(&self) {
        self.begin_with("empty", &|first| drop(first.run(&["init"]).ok()));
    }

    /// Gives a sandbox without database the one that `commands` make. They run once for all tests of this process: each has a
    /// copy, with a secret of its own. They run here where the clock is another one.
    #[track_caller]
    pub fn begin_with(&self, name: &'static str, commands: &dyn Fn(&Sandbox)) {
        if self.has_env("ESPOMAIL_TEST_CLOCK") {
            return commands(self);
        }
        match self.kept() {
            Kept::File => {
                self.copy_file(name, commands);
                self.sql("UPDATE instance SET secret = randomblob(32)");
            }
            #[cfg(feature = "postgres")]
            Kept::Schema(schema) => {
                schema.begin_with(name, &|template| commands(&Sandbox::with(Kept::Schema(template))));
                let half = "uuid_send(gen_random_uuid())";
                self.sql(&format!("UPDATE instance SET secret = {half} || {half}"));
            }
        }
    }

    fn copy_file(&self, name: &'static str, commands: &dyn Fn(&Sandbox)) {
        static MADE: Mutex<BTreeMap<&str, Vec<u8>>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains_key(name) {
            let first = Sandbox::new();
            commands(&first);
            made.insert(name, std::fs::read(first.db()).unwrap());
        }
        assert!(!self.db().exists(), "it has a database already");
        std::fs::rename(self.file("copy", &made[name]), self.db()).unwrap();
    }

    /// Another one with a copy of the database, which is one of [`Sandbox::begin_with`] and open nowhere.
    pub fn copy(&self) -> Sandbox {
        match self.kept() {
            Kept::File => {
                let copy = Sandbox::new();
                std::fs::copy(self.db(), copy.db()).unwrap();
                copy
            }
            #[cfg(feature = "postgres")]
            Kept::Schema(schema) => Sandbox::with(Kept::Schema(schema.copy())),
        }
    }

    /// Makes the database what it was when this copy was made.
    pub fn put_back(&self, copy: &Sandbox) {
        match (self.kept(), copy.kept()) {
            #[cfg(feature = "postgres")]
            (Kept::Schema(schema), Kept::Schema(copy)) => schema.become_copy_of(copy),
            _ => {
                for suffix in ["-wal", "-shm"] {
                    std::fs::remove_file(format!("{}{suffix}", self.db().display())).ok();
                }
                std::fs::copy(copy.db(), self.db()).unwrap();
            }
        }
    }

    /// Lets the database itself refuse emails with a subject like this, with these words.
    pub fn poison(&self, subject: &str, words: &str) {
        let when = "CREATE TRIGGER poison BEFORE INSERT ON emails";
        self.sql(&match is_on_server() {
            false => format!("{when} WHEN new.subject LIKE '{subject}' BEGIN SELECT raise(ABORT, '{words}'); END"),
            true => format!(
                "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{words}'; END $$;
                {when} FOR EACH ROW WHEN (new.subject LIKE '{subject}') EXECUTE FUNCTION poison()"
            ),
        });
    }

    /// Ends [`Sandbox::poison`].
    pub fn cure(&self) {
        self.sql(if is_on_server() { "DROP TRIGGER poison ON emails" } else { "DROP TRIGGER poison" });
    }
}
