//! Questions before what cannot be taken back (B14.3).

use anyhow::Result;

use super::context::Context;
use crate::access::Actor;
use crate::error::{Fault, Kind};
use crate::store::db::Tx;

impl Context {
    /// Asks about something that was tried before and undone again: nobody is asked about what would be refused.
    ///
    /// # Errors
    /// Those of `work`; somebody says no, or nobody can be asked.
    pub fn confirm_tried<T>(&self, question: &str, work: impl FnOnce(&Tx<'_>, &Actor) -> Result<T>) -> Result<()> {
        if !self.yes && !self.dry_run {
            self.rehearse(work)?;
        }
        self.confirm(question)
    }

    /// Whether [`Context::confirm`] has somebody to ask.
    pub fn asks(&self) -> bool {
        !self.yes && !self.dry_run && !self.no_input && self.ui.stdin_is_terminal()
    }

    /// Asks before something that cannot be taken back; without a terminal `--yes` is needed.
    ///
    /// # Errors
    /// Somebody says no (exit 1), or nobody can be asked (exit 2).
    pub fn confirm(&self, question: &str) -> Result<()> {
        if self.yes || self.dry_run {
            return Ok(());
        }
        if !self.asks() {
            return Err(Fault::new(Kind::Usage, format!("not confirmed: {question}"))
                .hint("add --yes to confirm it without being asked")
                .into());
        }
        if self.ui.ask(question)? {
            return Ok(());
        }
        Err(Fault::new(Kind::Partial, "nothing was changed").into())
    }
}
