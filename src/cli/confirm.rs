//! Questions before what cannot be taken back.

use anyhow::Result;

use super::context::Context;
use crate::access::Actor;
use crate::error::{Fault, Kind};
use crate::store::db::Tx;

impl Context {
    /// Asks an administrator; others are refused before they are asked.
    ///
    /// # Errors
    /// The caller is none, the answer is no, or nobody can be asked.
    pub fn confirm_as_admin(&self, what: &str, question: &str) -> Result<()> {
        self.confirm_about(what, question, |_, _| Ok(()))
    }

    /// The same about something that has to be there: nobody is asked about what is not.
    ///
    /// # Errors
    /// Those of `find`, and as above.
    pub fn confirm_about<T>(
        &self,
        what: &str,
        question: &str,
        find: impl FnOnce(&Tx<'_>, &Actor) -> Result<T>,
    ) -> Result<()> {
        self.read(|tx, actor| {
            actor.require_admin(what)?;
            find(tx, actor).map(|_| ())
        })?;
        self.confirm(question)
    }

    /// Asks before something that cannot be taken back; without a terminal `--yes` is needed.
    ///
    /// # Errors
    /// The answer is no, or nobody can be asked.
    pub fn confirm(&self, question: &str) -> Result<()> {
        if self.yes || self.dry_run {
            return Ok(());
        }
        if self.no_input || !self.ui.stdin_is_terminal() {
            return Err(Fault::new(Kind::Usage, format!("not confirmed: {question}"))
                .hint("to go on without being asked, add --yes")
                .into());
        }
        if self.ui.ask(question)? {
            return Ok(());
        }
        Err(Fault::new(Kind::Usage, "nothing was changed").into())
    }
}
