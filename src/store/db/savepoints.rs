//! Savepoints: what may be undone of a transaction while the rest of it stays.
//!
//! A server keeps 64 of the savepoints of a transaction at hand, and slows down for everybody where one has kept more. Those
//! that were undone are not among them.

use anyhow::Result;

use super::{Running, Tx};

/// A transaction on a server begins nothing more after this number of savepoints: what was begun may need as many again.
#[cfg(feature = "postgres")]
const ROOM: usize = 30;

/// Number of things that share a savepoint, unless there are more than [`PARTS`] times as many.
const SHARED: usize = 100;

/// Number of savepoints that [`Tx::each`] keeps at most.
const PARTS: usize = 30;

impl Tx<'_> {
    /// Runs `work` so that an error undoes only what `work` did.
    ///
    /// # Errors
    /// That of `work`, or the database fails.
    pub fn savepoint<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.begin_savepoint()?;
        let done = work(self).and_then(|done| of_engine!(Running, &self.running, tx => tx.release()).map(|()| done));
        match done {
            Ok(_) => self.savepoints.set(self.savepoints.get().saturating_add(1)),
            Err(_) => self.undo_savepoint(),
        }
        done
    }

    /// Runs `work` and undoes what it did.
    ///
    /// # Errors
    /// As [`Tx::savepoint`].
    pub fn rehearse<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.begin_savepoint()?;
        let done = work(self);
        self.undo_savepoint();
        done
    }

    /// Runs `work` for each of several things, so that one that is refused undoes only what was done for it. Many share a
    /// savepoint: where one is refused, those before it are done once more.
    ///
    /// # Errors
    /// An error of `work` that is not a refusal by `is_refusal`, or the database fails.
    pub fn each<I, T>(
        &self,
        things: &[I],
        is_refusal: impl Fn(&anyhow::Error) -> bool,
        mut work: impl FnMut(&Tx<'_>, &I) -> Result<T>,
    ) -> Result<Vec<Result<T>>> {
        let mut done: Vec<Result<T>> = Vec::with_capacity(things.len());
        for mut part in things.chunks(SHARED.max(things.len().div_ceil(PARTS))) {
            while !part.is_empty() {
                let mut good = Vec::new();
                let kept =
                    self.savepoint(|tx| part.iter().try_for_each(|thing| work(tx, thing).map(|one| good.push(one))));
                match kept {
                    Ok(()) => {
                        done.extend(good.into_iter().map(Ok));
                        break;
                    }
                    Err(error) if !is_refusal(&error) => return Err(error),
                    Err(refusal) => {
                        let (before, rest) = part.split_at(good.len());
                        for thing in before {
                            done.push(Ok(work(self, thing)?));
                        }
                        done.push(Err(refusal));
                        part = rest.get(1..).unwrap_or_default();
                    }
                }
            }
        }
        Ok(done)
    }

    /// Whether the next of several things is still one of this transaction; of those that do not depend on each other.
    pub fn has_room(&self) -> bool {
        match &self.running {
            Running::Sqlite(_) => true,
            #[cfg(feature = "postgres")]
            Running::Postgres(_) => self.savepoints.get() < ROOM,
        }
    }

    fn begin_savepoint(&self) -> Result<()> {
        of_engine!(Running, &self.running, tx => tx.set_savepoint())
    }

    fn undo_savepoint(&self) {
        // After a full disk the engine may have rolled everything back by itself.
        let _ = of_engine!(Running, &self.running, tx => tx.roll_back());
    }
}
