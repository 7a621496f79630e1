//! Searching finds what a plain scan finds, through everybody's eyes, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use espomail::mail::address::Mailbox;
use espomail::mail::message::{Attachment, Message};
use espomail::query::{Field, Pace, Tree, Words};
use espomail::store::accounts::{self, Account, AccountKind};
use espomail::store::cases::{self, CaseQuery, CaseStatus, NewCase, Priority, WaitingFor};
use espomail::store::db::{Store, Tx};
use espomail::store::deliveries::{self, Facts, Outcome};
use espomail::store::emails::{self, EmailQuery, EmailStatus, NewEmail};
use espomail::store::permissions::Levels;
use espomail::store::records::{self, Parent, ParentType};
use espomail::store::search::{Assignee, CaseState, Place, Test, index};
use espomail::store::sight::Sight;
use espomail::store::{instance, raw, teams, users};
use jiff::{SignedDuration, Timestamp};

use crate::support::{Dice, asked, promise};

/// Enough that some users see more than are looked up one by one.
const EMAILS: u64 = 4_500;
const CASES: u64 = 80;
const USERS: i64 = 4;
const TEAMS: i64 = 2;
const WORDS: &[&str] = &[
    "invoice",
    "Invoices",
    "OVERDUE",
    "Müller",
    "muller",
    "naïve",
    "Straße",
    "über",
    "ärger",
    "it's",
    "wi-fi",
    "2231",
    "x",
    "OR",
    "NEAR",
    "κόσμος",
    "printer",
    "paper",
];

#[derive(Debug, Clone, Default)]
struct Mail {
    id: i64,
    subject: String,
    text: String,
    people: [Vec<Mailbox>; 3],
    bcc: String,
    received_at: i64,
    status: Option<EmailStatus>,
    parent: Option<Parent>,
    teams: BTreeSet<i64>,
    /// In a folder of these users; whether they have read it.
    users: Vec<(i64, bool)>,
    account: Option<i64>,
    attachment: bool,
    /// The words of subject, text, people.
    words: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Case {
    id: i64,
    name: String,
    description: String,
    case_type: String,
    status: CaseStatus,
    priority: Priority,
    waiting: bool,
    undelivered: bool,
    snoozed: bool,
    tags: Vec<&'static str>,
    company: Option<i64>,
    contact: Option<i64>,
    account: Option<i64>,
    assignee: Option<i64>,
    teams: BTreeSet<i64>,
    created_at: i64,
    words: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Person {
    id: i64,
    name: String,
    company: Option<i64>,
    assignee: Option<i64>,
}

/// Tags that cases may have.
const TAGS: [&str; 2] = ["vip", "refund"];

/// Where a user keeps the copy of an email.
fn lies(email: i64, user: i64) -> Place {
    [Place::Trash, Place::Archive, Place::Inbox][usize::try_from((email + user) % 3).unwrap()]
}

/// Everything that is in the database, once more.
struct World {
    store: Store,
    dice: Dice,
    now: Timestamp,
    mails: Vec<Mail>,
    cases: Vec<Case>,
    /// Places of the mails of a case.
    of_case: BTreeMap<i64, Vec<usize>>,
    companies: Vec<Person>,
    contacts: Vec<Person>,
}

impl World {
    fn new() -> World {
        let mut world = World {
            store: crate::support::store(),
            dice: Dice::new(),
            now: "2026-11-23T12:00:00Z".parse().unwrap(),
            mails: Vec::new(),
            cases: Vec::new(),
            of_case: BTreeMap::new(),
            companies: Vec::new(),
            contacts: Vec::new(),
        };
        let now = world.now;
        world.store.write(|tx| office(tx, now)).unwrap();
        for id in 1..=6 {
            let person = Person { id, name: world.words(2), company: None, assignee: world.perhaps(USERS) };
            world.companies.push(world.record(ParentType::Company, person));
            let (company, assignee) = (world.perhaps(6).filter(|company| *company <= id), world.perhaps(USERS));
            let person = Person { id, name: world.words(2), company, assignee };
            world.contacts.push(world.record(ParentType::Contact, person));
        }
        for _ in 0..CASES {
            let case = world.case();
            world.cases.push(case);
        }
        world.of_case = world.cases.iter().map(|case| (case.id, Vec::new())).collect();
        for _ in 0..EMAILS {
            let mail = world.mail();
            if let Some(case) = mail.parent.filter(|p| p.kind == ParentType::Case) {
                world.of_case.get_mut(&case.id).unwrap().push(world.mails.len());
            }
            world.mails.push(mail);
        }
        world
    }

    fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.dice.below(u64::try_from(end).unwrap())).unwrap()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.dice.below(n) == 0
    }

    /// An id up to `most`, half of the time.
    fn perhaps(&mut self, most: i64) -> Option<i64> {
        self.one_in(2).then(|| 1 + self.below(most))
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.dice.below(from.len() as u64)).unwrap()].clone()
    }

    fn words(&mut self, most: u64) -> String {
        let count = 1 + self.dice.below(most);
        (0..count).map(|_| self.pick(WORDS)).collect::<Vec<_>>().join(" ")
    }

    fn some_teams(&mut self) -> BTreeSet<i64> {
        (1..=TEAMS).filter(|_| self.one_in(3)).collect()
    }

    fn moment(&mut self) -> Timestamp {
        self.now - SignedDuration::from_hours(self.below(1000))
    }

    fn record(&self, kind: ParentType, person: Person) -> Person {
        self.store
            .write(|tx| {
                let parent = records::add(tx, kind, &person.name, self.now)?;
                assert_eq!(parent.id, person.id);
                records::assign(tx, parent, person.assignee)?;
                if kind == ParentType::Contact {
                    records::set_company(tx, parent, person.company)?;
                }
                Ok(())
            })
            .unwrap();
        person
    }

    fn case(&mut self) -> Case {
        let number = i64::try_from(self.cases.len()).unwrap() + 1;
        let created = self.moment();
        let mut case = Case {
            id: 0,
            name: self.words(4),
            description: if self.one_in(2) { self.words(6) } else { String::new() },
            case_type: self.pick(&["", "Question", "Ärger"]).to_owned(),
            status: self.pick(CaseStatus::ALL),
            priority: self.pick(Priority::ALL),
            waiting: self.one_in(2),
            undelivered: self.one_in(4),
            snoozed: self.one_in(4),
            tags: TAGS.into_iter().filter(|_| self.one_in(3)).collect(),
            company: self.perhaps(6),
            contact: self.perhaps(6),
            account: self.perhaps(2),
            assignee: self.perhaps(USERS),
            teams: self.some_teams(),
            created_at: created.as_second(),
            words: Vec::new(),
        };
        case.words = vec![tokens(&case.name), tokens(&case.description)];
        case.id = self
            .store
            .write(|tx| {
                let new = NewCase {
                    number,
                    key: &format!("{number:016x}"),
                    name: &case.name,
                    description: &case.description,
                    priority: case.priority,
                    case_type: &case.case_type,
                    company_id: case.company,
                    contact_id: case.contact,
                    lead_id: None,
                    account_id: case.account,
                    requester_user_id: None,
                    relates_to_id: None,
                };
                let id = cases::add(tx, &new, created)?;
                cases::set_status(tx, id, case.status, created)?;
                cases::assign(tx, id, case.assignee, false, created)?;
                let who = if case.waiting { WaitingFor::Us } else { WaitingFor::Customer };
                cases::set_waiting(tx, id, who, Some(created), created)?;
                if case.snoozed {
                    cases::set_snoozed(tx, id, created, created)?;
                }
                for tag in &case.tags {
                    cases::add_tag(tx, id, tag)?;
                }
                if case.undelivered {
                    cases::answer_failed(tx, id, created, created)?;
                }
                case.teams.iter().try_for_each(|team| cases::add_team(tx, id, *team))?;
                Ok(id)
            })
            .unwrap();
        case
    }

    fn mailboxes(&mut self) -> Vec<Mailbox> {
        let count = self.dice.below(3);
        let address = |world: &mut World| {
            let (name, host) = (world.pick(&["ann", "budi", "eva.muster"]), world.pick(&["x", "Y"]).to_lowercase());
            Mailbox { name: world.words(2), address: format!("{name}@{host}.example") }
        };
        (0..count).map(|_| address(self)).collect()
    }

    fn mail(&mut self) -> Mail {
        let received = self.moment();
        let parent = match self.dice.below(5) {
            0 | 1 => Some(Parent { kind: ParentType::Case, id: 1 + self.below(CASES as i64) }),
            2 => Some(Parent { kind: ParentType::Company, id: 1 + self.below(6) }),
            3 => Some(Parent { kind: ParentType::Contact, id: 1 + self.below(6) }),
            _ => None,
        };
        let mut mail = Mail {
            id: 0,
            subject: self.words(4),
            text: self.words(12),
            people: [self.mailboxes(), self.mailboxes(), self.mailboxes()],
            bcc: "hidden@bcc.example".to_owned(),
            received_at: received.as_second(),
            status: Some(self.pick(EmailStatus::ALL)),
            parent,
            teams: self.some_teams(),
            users: (1..=USERS).filter(|_| self.one_in(4)).map(|id| (id, false)).collect(),
            account: self.perhaps(2),
            attachment: self.one_in(4),
            words: Vec::new(),
        };
        let people = [2, 0, 1]
            .map(|i| mail.people[i].iter().map(|m| format!("{} {}", m.name, m.address)).collect::<Vec<_>>().join("\n"));
        mail.words = vec![tokens(&mail.subject), tokens(&mail.text), tokens(&people.join("\n"))];
        mail.words.extend(mail.attachment.then(|| tokens("a.pdf")));
        mail.users.iter_mut().for_each(|(id, read)| *read = *id == 3);
        let parts = [mail.attachment, !mail.attachment].map(|real| Attachment {
            part: if real { 1 } else { 2 },
            name: "a.pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            size: 1,
            sha256: String::new(),
            content_id: None,
            inline: !real || !mail.attachment,
            contents: Vec::new(),
        });
        let message = Message {
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            from: mail.people[0].clone(),
            to: mail.people[1].clone(),
            cc: mail.people[2].clone(),
            bcc: vec![Mailbox { name: String::new(), address: mail.bcc.clone() }],
            attachments: parts.to_vec(),
            ..Message::default()
        };
        let key = format!("{:016x}", self.mails.len());
        mail.id = self
            .store
            .write(|tx| {
                let new = NewEmail {
                    key: None,
                    message_id: &key,
                    raw_id: None,
                    status: mail.status.unwrap(),
                    received_at: received,
                    automatic: "",
                    user_id: None,
                    author: None,
                    verdict: "",
                    truncated: false,
                    flagged: "",
                };
                let id = emails::add(tx, &new, &message, received)?;
                if let Some(parent) = mail.parent {
                    emails::set_parent(tx, id, parent, true)?;
                    emails::set_undecided(tx, id, is_undecided(id, parent))?;
                }
                mail.teams.iter().try_for_each(|team| emails::add_team(tx, id, *team))?;
                for (user, read) in &mail.users {
                    emails::add_user(tx, id, *user, *read)?;
                    emails::set_archive(tx, id, *user, lies(id, *user) == Place::Archive)?;
                    emails::set_trash(tx, id, *user, lies(id, *user) == Place::Trash)?;
                }
                if let Some(account) = mail.account {
                    let facts = Facts { internal_date: received, size: 1, truncated: false, now: received };
                    let raw_id = raw::add(tx, &raw::Packed::new(b"x".to_vec())?)?;
                    let delivery = deliveries::receive_piped(tx, account, None, facts, raw_id)?;
                    deliveries::settle(tx, delivery, Outcome::Imported, "", Some(id))?;
                }
                Ok(id)
            })
            .unwrap();
        mail
    }

    fn test(&mut self, of_cases: bool) -> Test {
        const BOTH: [Field; 6] = [Field::From, Field::To, Field::Cc, Field::Subject, Field::Body, Field::Attachment];
        match self.dice.below(15) {
            0..=3 => {
                let phrase = self.words(2);
                let begins = self.one_in(3);
                let cut = if begins && phrase.chars().count() > 3 { 2 } else { 0 };
                let text: String = phrase.chars().take(phrase.chars().count() - cut).collect();
                Test::Words(Words { text, begins })
            }
            4 => Test::Before(self.moment()),
            5 if of_cases && self.one_in(3) => Test::Pace(Pace::Waiting, self.moment()),
            5 => Test::Since(self.moment()),
            6 => {
                let parts = ["MÜL", "voic", "ann@", ".example", "it's", "Σ", "%", "STRASS", "muller", "ﬁ", "pdf"];
                Test::Holds(self.pick(&BOTH), self.pick(&parts).into())
            }
            7 => Test::Holds(Field::Company, self.pick(&["MÜL", "x", "invoice", "e"]).into()),
            8 if of_cases => {
                Test::Holds(self.pick(&[Field::Contact, Field::Type]), self.pick(&["är", "QUE", "e"]).into())
            }
            9 if of_cases => Test::Priority(self.pick(Priority::ALL)),
            8 if self.one_in(2) => {
                let place = self.pick(&[Place::Inbox, Place::Sent, Place::Archive, Place::Trash, Place::All]);
                Test::Place(place, Some(1 + self.below(USERS)))
            }
            8 | 9 => Test::UnreadBy(1 + self.below(USERS)),
            10 if of_cases => {
                if self.one_in(2) {
                    Test::State(self.pick(CaseState::ALL))
                } else if self.one_in(4) {
                    Test::Scheduled(self.moment())
                } else {
                    Test::Status(self.pick(CaseStatus::ALL).as_str())
                }
            }
            10 if self.one_in(4) => Test::Scheduled(self.moment()),
            10 if self.one_in(4) => Test::Sending(self.moment()),
            10 => Test::Status(self.pick(EmailStatus::ALL).as_str()),
            11 => {
                let user = 1 + self.below(USERS);
                Test::Assignee(self.pick(&[Assignee::User(user), Assignee::Nobody, Assignee::TeamOf(user)]))
            }
            12 if self.one_in(2) => Test::Tag(self.pick(&["vip", "refund", "nobody"]).into()),
            12 => Test::Team(1 + self.below(TEAMS)),
            13 => Test::Account(1 + self.below(2)),
            _ => self.pick(&[Test::Attachment, Test::Case(5), Test::Unverified]),
        }
    }

    fn tree(&mut self, of_cases: bool, depth: u32) -> Tree<Test> {
        if depth == 0 || self.one_in(3) {
            return Tree::Is(self.test(of_cases));
        }
        let count = 1 + self.dice.below(3);
        match self.dice.below(3) {
            0 => Tree::Not(Box::new(self.tree(of_cases, depth - 1))),
            1 => Tree::Any((0..count).map(|_| self.tree(of_cases, depth - 1)).collect()),
            _ => Tree::All((0..count).map(|_| self.tree(of_cases, depth - 1)).collect()),
        }
    }

    fn case_of(&self, mail: &Mail) -> Option<&Case> {
        let id = mail.parent.filter(|p| p.kind == ParentType::Case)?.id;
        self.cases.get(usize::try_from(id).unwrap() - 1)
    }

    fn sees_case(&self, sight: Sight, case: &Case) -> bool {
        let Sight::User(id, _) = sight else { return true };
        case.assignee == Some(id) || case.teams.iter().any(|team| members(*team).contains(&id))
    }

    fn sees_mail(&self, sight: Sight, mail: &Mail) -> bool {
        let Sight::User(id, _) = sight else { return true };
        mail.users.iter().any(|(user, _)| *user == id)
            || mail.teams.iter().any(|team| members(*team).contains(&id))
            || self.case_of(mail).is_some_and(|case| case.assignee == Some(id))
    }

    fn sees_person(&self, sight: Sight, person: &Person) -> bool {
        matches!(sight, Sight::Everything) || sight.parameter() == Some(person.assignee.unwrap_or(0))
    }

    fn case_holds(&self, test: &Test, case: &Case, sight: Sight) -> bool {
        let mails = || self.of_case[&case.id].iter().map(|i| &self.mails[*i]);
        let any_mail = |test: &Test| mails().any(|mail| self.mail_holds(test, mail, Sight::Everything));
        let is = |person: &Person, part: &str| holds(&person.name, part) && self.sees_person(sight, person);
        let contact = |part: &str| case.contact.is_some_and(|id| is(by_id(&self.contacts, id), part));
        match test {
            Test::Words(words) => found(words, &case.words) || any_mail(test),
            Test::Before(moment) => case.created_at < moment.as_second(),
            Test::Since(moment) => case.created_at >= moment.as_second(),
            Test::Holds(Field::Subject, part) => holds(&case.name, part),
            Test::Holds(Field::Type, part) => holds(&case.case_type, part),
            Test::Holds(Field::Company, part) => case.company.is_some_and(|id| is(by_id(&self.companies, id), part)),
            Test::Holds(Field::Contact, part) => contact(part),
            Test::Holds(Field::From, part) => contact(part) || any_mail(test),
            Test::Holds(Field::Body, part) => holds(&case.description, part) || any_mail(test),
            Test::Holds(..) | Test::Attachment | Test::Unverified | Test::Scheduled(_) => any_mail(test),
            Test::State(CaseState::Unverified) => any_mail(&Test::Unverified),
            Test::Status(status) => case.status.as_str() == *status,
            Test::Priority(priority) => case.priority == *priority,
            Test::Assignee(assignee) => assigned(*assignee, case),
            Test::Team(id) => case.teams.contains(id),
            Test::Account(id) => case.account == Some(*id),
            Test::Case(id) => case.id == *id,
            Test::State(CaseState::Open) => case.status.is_open(),
            Test::State(CaseState::Closed) => !case.status.is_open(),
            Test::State(CaseState::Unassigned) => case.assignee.is_none(),
            Test::State(CaseState::Waiting) => case.waiting && case.status.is_open(),
            Test::State(CaseState::Undelivered) => case.undelivered,
            Test::State(CaseState::Snoozed) => case.snoozed,
            Test::Pace(Pace::Waiting, moment) => {
                case.waiting && case.status.is_open() && case.created_at < moment.as_second()
            }
            Test::Tag(tag) => case.tags.contains(&tag.as_str()),
            Test::Number(_)
            | Test::Pace(..)
            | Test::Sending(_)
            | Test::UnreadBy(_)
            | Test::Place(..)
            | Test::Folder(_) => {
                unreachable!()
            }
        }
    }

    fn mail_holds(&self, test: &Test, mail: &Mail, sight: Sight) -> bool {
        let people =
            |i: usize, part: &str| mail.people[i].iter().any(|m| holds(&m.name, part) || holds(&m.address, part));
        let case = || self.case_of(mail);
        let is_sending = mail.status == Some(EmailStatus::Sending);
        match test {
            Test::Words(words) => found(words, &mail.words),
            Test::Before(moment) => mail.received_at < moment.as_second(),
            Test::Since(moment) => mail.received_at >= moment.as_second(),
            Test::Holds(Field::From, part) => people(0, part),
            Test::Holds(Field::To, part) => people(1, part),
            Test::Holds(Field::Cc, part) => people(2, part),
            Test::Holds(Field::Subject, part) => holds(&mail.subject, part),
            Test::Holds(Field::Body, part) => holds(&mail.text, part),
            Test::Holds(Field::Attachment, part) => mail.attachment && holds("a.pdf", part),
            Test::Holds(Field::Company, part) => {
                let named = |id: Option<i64>| id.map(|id| by_id(&self.companies, id)).filter(|c| holds(&c.name, part));
                match mail.parent {
                    Some(Parent { kind: ParentType::Company, id }) => {
                        named(Some(id)).is_some_and(|company| self.sees_person(sight, company))
                    }
                    Some(Parent { kind: ParentType::Contact, id }) => {
                        let contact = by_id(&self.contacts, id);
                        named(contact.company).is_some_and(|company| self.sees_person(sight, company))
                            && self.sees_person(sight, contact)
                    }
                    _ => case().is_some_and(|case| {
                        let company = named(case.company);
                        company.is_some_and(|company| self.sees_person(sight, company)) && self.sees_case(sight, case)
                    }),
                }
            }
            Test::Status(status) => mail.status.unwrap().as_str() == *status,
            Test::Scheduled(now) => is_sending && mail.received_at > now.as_second(),
            Test::Sending(now) => is_sending && mail.received_at <= now.as_second(),
            Test::Assignee(assignee) => {
                case().is_some_and(|case| assigned(*assignee, case) && self.sees_case(sight, case))
            }
            Test::Tag(tag) => {
                case().is_some_and(|case| case.tags.contains(&tag.as_str()) && self.sees_case(sight, case))
            }
            Test::Team(id) => mail.teams.contains(id),
            Test::Account(id) => mail.account == Some(*id),
            Test::Case(id) => mail.parent == Some(Parent::case(*id)),
            Test::UnreadBy(id) => mail.users.contains(&(*id, false)),
            Test::Place(place, viewer) => {
                let copy = mail.users.iter().find(|(user, _)| Some(*user) == *viewer);
                let at = copy.map(|(user, sent)| match lies(mail.id, *user) {
                    Place::Inbox if *sent => Place::Sent,
                    elsewhere => elsewhere,
                });
                if *place == Place::All { at != Some(Place::Trash) } else { at == Some(*place) }
            }
            Test::Attachment => mail.attachment,
            Test::Unverified => mail.parent.is_some_and(|parent| is_undecided(mail.id, parent)),
            _ => unreachable!(),
        }
    }
}

/// Some mails of cases wait for a decision.
fn is_undecided(id: i64, parent: Parent) -> bool {
    parent.kind == ParentType::Case && id % 5 == 0
}

fn by_id(people: &[Person], id: i64) -> &Person {
    people.iter().find(|person| person.id == id).unwrap()
}

fn assigned(assignee: Assignee, case: &Case) -> bool {
    match assignee {
        Assignee::User(id) => case.assignee == Some(id),
        Assignee::Nobody => case.assignee.is_none(),
        Assignee::TeamOf(id) => case
            .assignee
            .is_some_and(|of| (1..=TEAMS).any(|team| members(team).contains(&id) && members(team).contains(&of))),
    }
}

/// Users 1 and 2 are in team 1, user 2 is in team 2, 3 and 4 are in none.
fn members(team: i64) -> &'static [i64] {
    if team == 1 { &[1, 2] } else { &[2] }
}

fn office(tx: &Tx<'_>, now: Timestamp) -> anyhow::Result<()> {
    instance::create(tx, &[7; 32], now)?;
    for username in ["ana", "budi", "cy", "di"] {
        let new = users::NewUser {
            username,
            name: username,
            user_type: users::UserType::Regular,
            login: username,
            addresses: &[],
        };
        users::add(tx, &new, now)?;
    }
    for team in 1..=TEAMS {
        let id = teams::add(tx, &format!("Team {team}"), now)?;
        members(team).iter().try_for_each(|user| teams::put_member(tx, id, *user, ""))?;
        let mut account = Account::new(&format!("account{team}"), AccountKind::Group, now);
        account.address = format!("account{team}@desk.example");
        accounts::add(tx, &account)?;
    }
    Ok(())
}

/// A text in small letters without their accents.
fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        'ü' => 'u',
        'ä' => 'a',
        'ï' => 'i',
        'ό' => 'ο',
        // There is one small sigma.
        'ς' => 'σ',
        c => c,
    };
    text.chars().flat_map(char::to_lowercase).map(plain).collect::<String>().replace('ß', "ss")
}

fn holds(text: &str, part: &str) -> bool {
    plain(text).contains(&plain(part))
}

/// Words of a text.
fn tokens(text: &str) -> Vec<String> {
    plain(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn found(words: &Words, texts: &[Vec<String>]) -> bool {
    let wanted = tokens(&words.text);
    texts.iter().any(|text| {
        text.windows(wanted.len()).any(|window| {
            window.iter().zip(&wanted).enumerate().all(|(i, (word, wanted))| {
                if words.begins && i + 1 == window.len() { word.starts_with(wanted) } else { word == wanted }
            })
        })
    })
}

fn scan<T>(tree: &Tree<Test>, thing: &T, one: &dyn Fn(&Test, &T) -> bool) -> bool {
    match tree {
        Tree::All(parts) => parts.iter().all(|part| scan(part, thing, one)),
        Tree::Any(parts) => parts.iter().any(|part| scan(part, thing, one)),
        Tree::Not(part) => !scan(part, thing, one),
        Tree::Is(test) => one(test, thing),
    }
}

#[test]
fn a_search_finds_what_a_plain_scan_finds() {
    let mut world = World::new();
    index::fill(&world.store, &|| true).unwrap();
    let rounds = asked("ESPOMAIL_QUERIES", 12);
    let mut hits = 0;
    for _ in 0..rounds {
        let (case_tree, mail_tree) = (world.tree(true, 3), world.tree(false, 3));
        for sight in [
            Sight::Everything,
            Sight::User(1, Levels::USUAL),
            Sight::User(2, Levels::USUAL),
            Sight::User(3, Levels::USUAL),
        ] {
            let query = CaseQuery { condition: case_tree.clone(), ..CaseQuery::default() };
            let (found, count) =
                world.store.read(|tx| Ok((cases::list(tx, &query, sight)?, cases::count(tx, &query, sight)?))).unwrap();
            let found: Vec<i64> = found.iter().map(|row| row.case.id).collect();
            let expected: Vec<i64> = world
                .cases
                .iter()
                .rev()
                .filter(|case| {
                    world.sees_case(sight, case) && scan(&case_tree, *case, &|t, c| world.case_holds(t, c, sight))
                })
                .map(|case| case.id)
                .collect();
            assert_eq!(found, expected, "{sight:?} {case_tree:?}");
            assert_eq!(usize::try_from(count).unwrap(), expected.len(), "{sight:?} {case_tree:?}");

            let query = EmailQuery { condition: mail_tree.clone(), ..EmailQuery::default() };
            let found = world.store.read(|tx| emails::list(tx, &query, sight)).unwrap();
            let found: Vec<i64> = found.iter().map(|row| row.email.id).collect();
            let mut expected: Vec<(i64, i64)> = world
                .mails
                .iter()
                .filter(|mail| {
                    world.sees_mail(sight, mail) && scan(&mail_tree, *mail, &|t, m| world.mail_holds(t, m, sight))
                })
                .map(|mail| (mail.received_at, mail.id))
                .collect();
            expected.sort_unstable();
            let expected: Vec<i64> = expected.into_iter().rev().map(|(_, id)| id).collect();
            assert_eq!(found, expected, "{sight:?} {mail_tree:?}");
            hits += found.len();
            let first = EmailQuery { limit: Some(3), ..query };
            let first = world.store.read(|tx| emails::list(tx, &first, sight)).unwrap();
            assert_eq!(first.iter().map(|row| row.email.id).collect::<Vec<_>>(), expected[..expected.len().min(3)]);
        }
    }
    promise(
        "S8",
        "search as a plain scan, for 4 pairs of eyes",
        &format!("{rounds} queries of each list, {hits} hits"),
    );
    assert!(hits > 5_000, "{hits}");
    let words = Words { text: "hidden".to_owned(), begins: true };
    let hidden = EmailQuery { condition: Tree::Is(Test::Words(words)), ..EmailQuery::default() };
    assert!(world.store.read(|tx| emails::list(tx, &hidden, Sight::Everything)).unwrap().is_empty(), "Bcc is found");
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}
