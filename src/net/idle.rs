//! A server that is there and does nothing, for tests: a fake of it says only what is of interest.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Body, Listed, ListedFolder, Listing, MailSource, NetError, OpenFolder};

/// A [`MailSource`] with an answer for each question.
pub trait Idle {
    fn open(&mut self, _: &str, _: bool) -> Result<OpenFolder, NetError> {
        Ok(OpenFolder { uidvalidity: 1, uidnext: None, exists: 0 })
    }

    fn search_since(&mut self, _: Date) -> Result<Option<Vec<u32>>, NetError> {
        Ok(None)
    }

    fn search_all(&mut self) -> Result<Option<Vec<u32>>, NetError> {
        Ok(None)
    }

    fn list(&mut self, _: u32) -> Result<Listing, NetError> {
        Ok(Listing::default())
    }

    fn list_uids(&mut self, _: &[u32]) -> Result<Vec<Listed>, NetError> {
        Ok(Vec::new())
    }

    fn fetch(&mut self, _: &[u32], _: Option<u32>, _: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        Ok(())
    }

    fn receiving(&self) -> Option<u32> {
        None
    }

    /// Marks, moves and deletes.
    fn change(&mut self, _: &[u32]) -> Result<(), NetError> {
        Ok(())
    }

    fn contains(&mut self, _: &str) -> Result<bool, NetError> {
        Ok(false)
    }

    fn create(&mut self, _: &str) -> Result<(), NetError> {
        Ok(())
    }

    fn append(&mut self, _: &str, _: &[u8], _: Timestamp) -> Result<(), NetError> {
        Ok(())
    }

    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        Ok(Vec::new())
    }
}

impl<T: Idle> MailSource for T {
    fn open(&mut self, folder: &str, read_only: bool) -> Result<OpenFolder, NetError> {
        Idle::open(self, folder, read_only)
    }

    fn search_since(&mut self, since: Date) -> Result<Option<Vec<u32>>, NetError> {
        Idle::search_since(self, since)
    }

    fn search_all(&mut self) -> Result<Option<Vec<u32>>, NetError> {
        Idle::search_all(self)
    }

    fn list(&mut self, first: u32) -> Result<Listing, NetError> {
        Idle::list(self, first)
    }

    fn list_uids(&mut self, uids: &[u32]) -> Result<Vec<Listed>, NetError> {
        Idle::list_uids(self, uids)
    }

    fn fetch(&mut self, uids: &[u32], partial: Option<u32>, take: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        Idle::fetch(self, uids, partial, take)
    }

    fn receiving(&self) -> Option<u32> {
        Idle::receiving(self)
    }

    fn mark_seen(&mut self, uids: &[u32]) -> Result<(), NetError> {
        self.change(uids)
    }

    fn move_to(&mut self, uids: &[u32], _: &str) -> Result<(), NetError> {
        self.change(uids)
    }

    fn delete(&mut self, uids: &[u32]) -> Result<(), NetError> {
        self.change(uids)
    }

    fn find(&mut self, _: &str) -> Result<Vec<u32>, NetError> {
        Ok(Vec::new())
    }

    fn contains(&mut self, message_id: &str) -> Result<bool, NetError> {
        Idle::contains(self, message_id)
    }

    fn create(&mut self, folder: &str) -> Result<(), NetError> {
        Idle::create(self, folder)
    }

    fn append(&mut self, folder: &str, raw: &[u8], date: Timestamp) -> Result<(), NetError> {
        Idle::append(self, folder, raw, date)
    }

    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        Idle::folders(self)
    }

    fn capabilities(&mut self) -> Result<Vec<String>, NetError> {
        Ok(Vec::new())
    }

    fn logout(&mut self) {}
}
