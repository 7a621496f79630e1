//! The person who writes (B4.13): the From address, or the person behind it where several people share that address.
//!
//! Web forms, mailing lists and group addresses write in their own name for somebody else, whom Reply-To or
//! X-Original-From names. Every rule, list and search asks about the person; the shared address itself never takes part
//! in anything.

use super::address::system::is_no_reply;
use super::address::{self, Mailbox};
use super::message::Message;
use super::reading::Reading;

/// How a message names its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// From is a person's own address.
    Direct,
    /// From is shared: an own address, an address of our domains that is nobody's, or a form sender of the account.
    Form,
    /// From was rewritten by our own list, which names the author in a field of its own.
    OwnList,
    /// From was rewritten by our own list; the author stands in Reply-To alone, which may be their own choice.
    OwnListByReplyTo,
    /// From was rewritten by somebody else's list.
    ForeignList,
    /// From is a no-reply address of somebody else, or the address of a program that sends web forms.
    ForeignForm,
}

/// Who wrote a message, before anybody has proven it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The person; the address is empty or mere text where nobody can be answered.
    pub person: Mailbox,
    /// The shared From by which the person wrote.
    pub via: Option<Mailbox>,
    /// How the message names them.
    pub how: How,
}

impl Default for Author {
    fn default() -> Author {
        Author { person: Mailbox::default(), via: None, how: How::Direct }
    }
}

impl Author {
    /// Whether the message names nobody besides a list or form, which never takes part in anything itself.
    pub fn is_nobody(&self) -> bool {
        self.via.is_none() && !matches!(self.how, How::Direct | How::ForeignForm)
    }

    /// Whether the address of the person can be linked to records: not where a stranger's form names it.
    pub fn is_known(&self) -> bool {
        matches!(self.how, How::Direct | How::Form | How::OwnList | How::OwnListByReplyTo) && !self.is_nobody()
    }

    /// Whether an id that we signed lets the person take part: behind our own form, which passes on what it was asked to,
    /// but not where a list passes on a Reply-To that anybody can choose.
    pub fn may_answer(&self) -> bool {
        self.is_known() && self.how != How::OwnListByReplyTo
    }

    /// Whether the message can prove that the person wrote it. A form proves nobody, nor does a Reply-To.
    pub fn can_be_proven(&self) -> bool {
        matches!(self.how, How::Direct | How::OwnList) && !self.is_nobody()
    }
}

/// What is known about addresses in this house.
pub struct House<'a> {
    /// An address or alias of an account, plus forms included.
    pub is_own: &'a dyn Fn(&str) -> bool,
    /// An address of a user alone, not of a group as well.
    pub is_user: &'a dyn Fn(&str) -> bool,
    /// A domain of an account that is not a public provider's.
    pub is_own_domain: &'a dyn Fn(&str) -> bool,
    /// A form sender that the account names.
    pub is_form_sender: &'a dyn Fn(&str) -> bool,
}

pub fn of(message: &Reading, house: &House<'_>) -> Author {
    let Some(from) = message.from.first() else { return Author::default() };
    let direct = || Author { person: from.clone(), via: None, how: How::Direct };
    let Some(how) = shared(message, from, house) else { return direct() };
    match behind(message, from, house, how) {
        Some((person, how)) => Author { person, via: Some(from.clone()), how },
        // An own domain's address that names nobody else is a colleague's who is not a user.
        None if how == How::Form && !is_never_a_person(from, house) => direct(),
        None => Author { person: from.clone(), via: None, how },
    }
}

/// The author of a message in a house that knows nobody.
pub fn of_stranger(message: &Reading) -> Author {
    let nobody = |_: &str| false;
    of(message, &House { is_own: &nobody, is_user: &nobody, is_own_domain: &nobody, is_form_sender: &nobody })
}

fn is_never_a_person(from: &Mailbox, house: &House<'_>) -> bool {
    let address = &from.address;
    (house.is_own)(address) || (house.is_form_sender)(address) || is_no_reply(address)
}

/// Why From is not one person's address; `None` if it is.
fn shared(message: &Reading, from: &Mailbox, house: &House<'_>) -> Option<How> {
    let address = &from.address;
    let of_house = (house.is_own)(address) || (house.is_own_domain)(address::domain(address));
    if (house.is_user)(address) {
        return None;
    }
    if is_rewritten(message, from, of_house) {
        return Some(if of_house { How::OwnList } else { How::ForeignList });
    }
    if of_house || (house.is_form_sender)(address) {
        return Some(How::Form);
    }
    (is_no_reply(address) || is_form_program(message, address)).then_some(How::ForeignForm)
}

/// Local parts under which web servers and form programs send.
const PROGRAMS: [&str; 13] = [
    "wordpress",
    "www-data",
    "www",
    "apache",
    "httpd",
    "nginx",
    "webserver",
    "website",
    "form",
    "forms",
    "webform",
    "contactform",
    "formmailer",
];
/// Header fields that such programs write.
const PROGRAM_FIELDS: [&str; 3] = ["X-WPCF7-Content-Type", "X-PHP-Originating-Script", "X-PHP-Script"];

/// Whether a program sends somebody else's words: its usual address, or a field of it where Reply-To is at another domain.
fn is_form_program(message: &Message, address: &str) -> bool {
    let local = address.split(['@', '+']).next().unwrap_or_default();
    let elsewhere = |mailbox: &Mailbox| address::domain(&mailbox.address) != address::domain(address);
    let marked = || PROGRAM_FIELDS.iter().any(|field| message.header(field).is_some());
    PROGRAMS.contains(&local) || (marked() && message.reply_to.iter().any(elsewhere))
}

/// A list that writes its own address into From says whose mail it was: in a field, or as "Eva via Support".
fn is_rewritten(message: &Reading, from: &Mailbox, of_house: bool) -> bool {
    let is_list = message.list.is_named();
    let keeps_author = message.header("X-Original-From").is_some() && (is_list || of_house);
    let is_own_address = message.list.is(&from.address) || (of_house && is_list);
    keeps_author || (is_own_address && from.name.to_lowercase().contains(" via "))
}

/// The one person behind a shared From, and how the message names them: what a list itself wrote into X-Original-From,
/// else the one address in Reply-To that is neither a list's nor our own, else the one in Cc with the name before "via".
/// Where X-Original-From names several people, somebody else wrote it as well.
fn behind(message: &Reading, from: &Mailbox, house: &House<'_>, how: How) -> Option<(Mailbox, How)> {
    let is_person = |mailbox: &&Mailbox| {
        let address = mailbox.address.as_str();
        !address::domain(address).is_empty()
            && address != from.address
            && !(house.is_own)(address)
            && !message.list.is(address)
            && !is_no_reply(address)
    };
    let is_list = matches!(how, How::OwnList | How::ForeignList);
    let before_via = if is_list { name_before_via(&from.name) } else { "" };
    let named = |one: &Mailbox| {
        let name = if one.name.is_empty() { before_via } else { &one.name };
        Mailbox { name: name.to_owned(), address: one.address.clone() }
    };
    if is_list {
        match message.original_from.iter().filter(is_person).collect::<Vec<_>>().as_slice() {
            [] => {}
            [one] => return Some((named(one), how)),
            _ => return None,
        }
    }
    if let Some(one) = only(message.reply_to.iter().filter(is_person)) {
        return Some((named(one), if how == How::OwnList { How::OwnListByReplyTo } else { how }));
    }
    let has_name = |one: &&Mailbox| !before_via.is_empty() && one.name.eq_ignore_ascii_case(before_via);
    let copied = only(message.cc.iter().filter(is_person).filter(has_name))?;
    Some((copied.clone(), if how == How::OwnList { How::OwnListByReplyTo } else { how }))
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

/// `'Eva' via Support` is Eva.
fn name_before_via(name: &str) -> &str {
    name.rsplit_once(" via ").map_or("", |(before, _)| before).trim_matches(['\'', '"', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;
    use How::{Direct, ForeignForm, ForeignList, Form, OwnList, OwnListByReplyTo};

    fn author(head: &str) -> Author {
        let house = House {
            is_own: &|address| address == "support@desk.example",
            is_user: &|address| address == "ana@desk.example",
            is_own_domain: &|domain| domain == "desk.example",
            is_form_sender: &|address| address == "forms@shop.example",
        };
        of(&Reading::parse(format!("{head}\r\n\r\nText").as_bytes()), &house)
    }

    #[test]
    fn the_person_who_writes() {
        const LIST: &str = "List-Id: Support <support.desk.example>\r\n";
        const DEV: &str = "List-Post: <mailto:dev@lists.example>\r\n";
        for (head, person, how) in [
            ("From: eva@one.example", "eva@one.example", Direct),
            ("From: eva@one.example\r\nReply-To: eva@home.example", "eva@one.example", Direct),
            ("From: ana@desk.example\r\nReply-To: c1@one.example", "ana@desk.example", Direct),
            ("From: eva@desk.example", "eva@desk.example", Direct),
            ("From: no-reply@shop.example\r\nReply-To: C1 <c1@one.example>", "C1 <c1@one.example>", ForeignForm),
            (
                "From: no-reply@shop.example\r\nReply-To: a@one.example, b@one.example",
                "no-reply@shop.example",
                ForeignForm,
            ),
            ("From: no-reply@shop.example\r\nReply-To: support@desk.example", "no-reply@shop.example", ForeignForm),
            ("From: no-reply@shop.example", "no-reply@shop.example", ForeignForm),
            ("From: web@desk.example\r\nReply-To: c1@one.example", "c1@one.example", Form),
            ("From: support@desk.example\r\nReply-To: c1@one.example", "c1@one.example", Form),
            ("From: support@desk.example", "support@desk.example", Form),
            ("From: forms@shop.example\r\nReply-To: c1@one.example", "c1@one.example", Form),
            ("From: wordpress@shop.example\r\nReply-To: c1@one.example", "c1@one.example", ForeignForm),
            ("From: wordpress@shop.example", "wordpress@shop.example", ForeignForm),
            ("From: s@shop.example\r\nX-PHP-Script: x\r\nReply-To: c1@one.example", "c1@one.example", ForeignForm),
            ("From: s@shop.example\r\nX-PHP-Script: x\r\nReply-To: t@shop.example", "s@shop.example", Direct),
            ("From: sales@shop.example\r\nReply-To: c1@one.example", "sales@shop.example", Direct),
            ("From: eva@one.example\r\nX-Original-From: boss@bank.example", "eva@one.example", Direct),
        ] {
            let read = author(head);
            assert_eq!((read.person.to_string().as_str(), read.how), (person, how), "{head}");
        }
        for (list, rest, person, how) in [
            (
                LIST,
                "From: \"'Eva' via Support\" <support@desk.example>\r\nReply-To: eva@one.example",
                "Eva <eva@one.example>",
                OwnListByReplyTo,
            ),
            // What the list says counts before what the author chose.
            (
                LIST,
                "From: \"'Eve' via Support\" <support@desk.example>\r\nReply-To: ana@desk.example\r\nX-Original-From: eve@evil.example",
                "Eve <eve@evil.example>",
                OwnList,
            ),
            (
                LIST,
                "From: \"'Eve' via Support\" <support@desk.example>\r\nX-Original-From: eve@evil.example\r\nX-Original-From: eva@one.example",
                "'Eve' via Support <support@desk.example>",
                OwnList,
            ),
            (
                DEV,
                "From: Eve via dev <dev@lists.example>\r\nReply-To: eva@one.example\r\nX-Original-From: eve@evil.example",
                "Eve <eve@evil.example>",
                ForeignList,
            ),
            (
                DEV,
                "From: Eva via dev <dev@lists.example>\r\nReply-To: dev@lists.example\r\nCc: Eva <eva@one.example>, lee@one.example",
                "Eva <eva@one.example>",
                ForeignList,
            ),
            (
                LIST,
                "From: S <support@desk.example>\r\nReply-To: support@desk.example\r\nX-Original-From: Eva <eva@one.example>",
                "Eva <eva@one.example>",
                OwnList,
            ),
            (
                DEV,
                "From: Eva via dev <dev@lists.example>\r\nReply-To: dev@lists.example, eva@one.example",
                "Eva <eva@one.example>",
                ForeignList,
            ),
            (
                DEV,
                "From: Eva via dev <dev@lists.example>\r\nReply-To: dev@lists.example",
                "Eva via dev <dev@lists.example>",
                ForeignList,
            ),
            (DEV, "From: eva@one.example\r\nReply-To: dev@lists.example", "eva@one.example", Direct),
        ] {
            let read = author(&format!("{list}{rest}"));
            assert_eq!((read.person.to_string().as_str(), read.how), (person, how), "{rest}");
        }
    }

    #[test]
    fn a_form_proves_nobody_and_a_strangers_form_is_linked_to_nobody() {
        let may = |how, via| {
            let author = Author { how, via, ..Author::default() };
            [author.is_known(), author.can_be_proven()]
        };
        for (how, behind_it, itself) in [
            (Direct, [true, true], [true, true]),
            (Form, [true, false], [false, false]),
            (OwnList, [true, true], [false, false]),
            (OwnListByReplyTo, [true, false], [false, false]),
            (ForeignList, [false, false], [false, false]),
            (ForeignForm, [false, false], [false, false]),
        ] {
            let expected = (behind_it, itself);
            assert_eq!((may(how, Some(Mailbox::default())), may(how, None)), expected, "{how:?}");
        }
    }
}
