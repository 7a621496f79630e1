//! Copies in the Sent folder.

use super::*;

/// Names with special use.
type Folders = Vec<(&'static str, Option<&'static str>)>;

/// A mailbox that is only written to.
#[derive(Clone, Default)]
struct Mailroom {
    folders: Rc<RefCell<Folders>>,
    /// Folder and source of each message.
    messages: Rc<RefCell<Vec<(String, String)>>>,
    opened: String,
    read_only: bool,
    /// APPEND fails before (`Some(false)`) or after (`Some(true)`) the message is there.
    broken: Rc<Cell<Option<bool>>>,
}

impl Idle for Mailroom {
    fn open(&mut self, folder: &str, read_only: bool) -> Result<OpenFolder, NetError> {
        if !self.folders.borrow().iter().any(|(name, _)| *name == folder) {
            return Err(NetError::new(NetErrorKind::Folder, "no such folder"));
        }
        (self.opened, self.read_only) = (folder.to_owned(), read_only);
        Ok(OpenFolder { uidvalidity: 1, uidnext: None, exists: 0 })
    }

    fn contains(&mut self, message_id: &str) -> Result<bool, NetError> {
        let id = format!("Message-ID: <{message_id}>");
        Ok(self.messages.borrow().iter().any(|(folder, text)| *folder == self.opened && text.contains(&id)))
    }

    fn create(&mut self, folder: &str) -> Result<(), NetError> {
        self.folders.borrow_mut().push((folder.to_owned().leak(), None));
        Ok(())
    }

    fn append(&mut self, folder: &str, raw: &[u8], _: Timestamp) -> Result<(), NetError> {
        if self.read_only && folder == self.opened {
            // Courier's words.
            return Err(NetError::new(NetErrorKind::Refused, "Current box is selected READ-ONLY."));
        }
        if self.broken.get() != Some(false) {
            let text = String::from_utf8_lossy(raw).into_owned();
            self.messages.borrow_mut().push((folder.to_owned(), text));
        }
        self.broken.get().map_or(Ok(()), |_| Err(NetError::new(NetErrorKind::Closed, "the server hung up")))
    }

    fn folders(&mut self) -> Result<Vec<ListedFolder>, NetError> {
        let listed = |(name, mark): &(&str, Option<&str>)| ListedFolder {
            name: (*name).to_owned(),
            special_use: mark.map(str::to_owned),
            selectable: true,
        };
        Ok(self.folders.borrow().iter().map(listed).collect())
    }
}

impl Office {
    fn keeps_copies(self, place: StoreSent) -> Office {
        self.store
            .write(|tx| {
                let mut account = accounts::by_id(tx, 1)?.unwrap();
                account.imap.host = Some("imap.example".into());
                account.sending.store_sent = Some(place);
                accounts::update(tx, &account)
            })
            .unwrap();
        self
    }

    /// Keeps the copies that are due; whether that failed.
    fn keep(&self, mailroom: &Mailroom) -> bool {
        let mut connect = |_: &Account, _| -> Result<Box<dyn MailSource>> { Ok(Box::new(mailroom.clone())) };
        !keep_copies(&self.store, &mut connect, None, &[], &|| self.now.get()).unwrap().is_empty()
    }

    fn waiting(&self) -> sent_copies::Waiting {
        self.store.read(|tx| sent_copies::waiting(tx, 1)).unwrap()
    }
}

#[test]
fn copies_go_to_the_folder_for_sent_mail() {
    let marked = &[("Sent", None), ("Gesendet", Some("\\Sent"))][..];
    for (folders, place, folder) in [
        (marked, StoreSent::SpecialUse, "Gesendet"),
        (marked, StoreSent::Folder("Archive".into()), "Archive"),
        (&[("INBOX", None), ("INBOX.Sent", None)], StoreSent::SpecialUse, "INBOX.Sent"),
        (&[("INBOX", None)], StoreSent::SpecialUse, "Sent"),
    ] {
        let office = Office::new(&[]).keeps_copies(place);
        let mailroom = Mailroom { folders: Rc::new(RefCell::new(folders.to_vec())), ..Mailroom::default() };
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.pass(hours(1));
        office.write(OutboxKind::AutoReply, &["a@x.example"]);
        office.send();
        for _ in 0..2 {
            assert!(!office.keep(&mailroom));
        }
        let kept = mailroom.messages.borrow();
        assert_eq!(
            kept.iter().map(|(folder, _)| folder.as_str()).collect::<Vec<_>>(),
            [folder],
            "automatic mail is not kept"
        );
        assert_eq!(office.waiting().count, 0);
    }
}

#[test]
fn a_copy_is_neither_lost_nor_doubled() {
    // APPEND failed, APPEND came through and the answer was lost, the server keeps copies by itself.
    for (broken, by_server) in [(Some(false), false), (Some(true), false), (None, true)] {
        let office = Office::new(&[]).keeps_copies(StoreSent::SpecialUse);
        let mailroom = Mailroom { broken: Rc::new(Cell::new(broken)), ..Mailroom::default() };
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.send();
        assert_eq!(office.waiting().count, 1);
        if by_server {
            let id = format!("Message-ID: <{}@desk.example>", START.as_second());
            mailroom.folders.borrow_mut().push(("Sent", None));
            mailroom.messages.borrow_mut().push(("Sent".into(), id));
        }
        assert_eq!(office.keep(&mailroom), broken.is_some());
        if broken.is_some() {
            assert!(office.waiting().last_error.contains("folder Sent: the server hung up"), "{:?}", office.waiting());
            mailroom.broken.set(None);
            assert!(!office.keep(&mailroom), "not before its time");
            assert_eq!(office.waiting().count, 1);
            office.pass(SignedDuration::from_mins(1));
            assert!(!office.keep(&mailroom));
        }
        assert_eq!(mailroom.messages.borrow().len(), 1, "{broken:?}");
        assert_eq!(office.waiting().count, 0);
    }
}

#[test]
fn nothing_is_kept_of_what_nobody_got() {
    let office = Office::new(&[Act::Answer(vec![], 554, "5.7.1 no")]).keeps_copies(StoreSent::SpecialUse);
    office.write(OutboxKind::Mail, &["a@x.example"]);
    assert_eq!(office.send().failed, 1);
    assert_eq!(office.waiting().count, 0);
}
