//! An IMAP session with an access token: what the server says later of the one who signed in is told as such.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Login;
use crate::net::{Body, Listed, ListedFolder, Listing, MailSource, NetError, OpenFolder, Quota};
use crate::oauth::Client;
use crate::store::accounts::Account;

/// A session and whose token opened it.
pub(super) struct Watched<S> {
    source: S,
    account: Account,
    client: Client,
    user: Option<String>,
}

impl<S: MailSource> Watched<S> {
    pub(super) fn new(source: S, account: Account, client: Client, user: Option<String>) -> Watched<S> {
        Watched { source, account, client, user }
    }

    fn told<T>(&self, done: Result<T, NetError>) -> Result<T, NetError> {
        done.map_err(|error| Login::imap(&self.account).explained(error, Some(&self.client), self.user.as_deref()))
    }
}

impl<S: MailSource> MailSource for Watched<S> {
    fn open(&mut self, folder: &str, read_only: bool) -> Result<OpenFolder, NetError> {
        let done = self.source.open(folder, read_only);
        self.told(done)
    }

    fn search_since(&mut self, since: Date) -> Result<Option<Vec<u32>>, NetError> {
        let done = self.source.search_since(since);
        self.told(done)
    }

    fn search_all(&mut self) -> Result<Option<Vec<u32>>, NetError> {
        let done = self.source.search_all();
        self.told(done)
    }

    fn list(&mut self, first: u32) -> Result<Listing, NetError> {
        let done = self.source.list(first);
        self.told(done)
    }

    fn list_uids(&mut self, uids: &[u32]) -> Result<Vec<Listed>, NetError> {
        let done = self.source.list_uids(uids);
        self.told(done)
    }

    fn fetch(&mut self, uids: &[u32], partial: Option<u32>, take: &mut dyn FnMut(Body)) -> Result<(), NetError> {
        let done = self.source.fetch(uids, partial, take);
        self.told(done)
    }

    fn receiving(&self) -> Option<u32> {
        self.source.receiving()
    }

    fn mark_seen(&mut self, uids: &[u32]) -> Result<(), NetError> {
        let done = self.source.mark_seen(uids);
        self.told(done)
    }

    fn move_to(&mut self, uids: &[u32], folder: &str) -> Result<(), NetError> {
        let done = self.source.move_to(uids, folder);
        self.told(done)
    }

    fn delete(&mut self, uids: &[u32]) -> Result<(), NetError> {
        let done = self.source.delete(uids);
        self.told(done)
    }

    fn find(&mut self, message_id: &str) -> Result<Vec<u32>, NetError> {
        let done = self.source.find(message_id);
        self.told(done)
    }

    fn contains(&mut self, message_id: &str) -> Result<bool, NetError> {
        let done = self.source.contains(message_id);
        self.told(done)
    }

    fn quota(&mut self) -> Result<Option<Quota>, NetError> {
        let done = self.source.quota();
        self.told(done)
    }

    fn create(&mut self, folder: &str) -> Result<(), NetError> {
        let done = self.source.create(folder);
        self.told(done)
    }

    fn append(&mut self, folder: &str, raw: &[u8], date: Timestamp) -> Result<(), NetError> {
        let done = self.source.append(folder, raw, date);
        self.told(done)
    }

    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        let done = self.source.folders();
        self.told(done)
    }

    fn capabilities(&mut self) -> Result<Vec<String>, NetError> {
        let done = self.source.capabilities();
        self.told(done)
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        self.source.certificate_ends()
    }

    fn logout(&mut self) {
        self.source.logout();
    }
}
