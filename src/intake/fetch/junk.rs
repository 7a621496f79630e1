//! What the main thread answers about junk: what is to be moved, and what became of it.

use anyhow::Result;

use super::{Event, Front};
use crate::intake::session_desk::Moved;
use crate::store::emails;
use crate::store::junk::{self, Wanted};
use crate::store::server_actions;

impl Front<'_> {
    pub(super) fn junk(&self, account_id: i64) -> Result<Vec<Wanted>> {
        let wanted = self.run.store.read(|tx| junk::wanted(tx, account_id))?;
        // As in `complete`: what says so must not be lost when the server has done it.
        if !wanted.is_empty() {
            self.run.store.flush()?;
        }
        Ok(wanted)
    }

    pub(super) fn moved(&mut self, account_id: i64, action_id: i64, email_id: i64, moved: &Moved) -> Result<()> {
        let (now, name) = ((self.run.clock)(), self.seat(account_id)?.account.name.clone());
        let decision = match moved {
            Moved::To(folder) => format!("lies in {name}/{folder} on the server"),
            Moved::Gone => format!("gone from the server of {name}: nothing was moved"),
        };
        self.run.store.write_soon(|tx| {
            server_actions::done(tx, &[action_id])?;
            emails::decide(tx, email_id, "junk", &decision, now)
        })
    }

    /// Remembers why nothing can be moved, and tells it: what was said before does not come here again.
    pub(super) fn stuck(
        &mut self,
        account_id: i64,
        ids: &[i64],
        why: &str,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        self.run.store.write_soon(|tx| server_actions::failed(tx, ids, why))?;
        let account = &self.seat(account_id)?.account;
        watch(Event::Stuck(account, ids.len(), why));
        Ok(())
    }
}
