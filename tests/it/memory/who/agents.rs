//! What agents do to the people of a case: nobody who took part is lost, and each is answered as the program said.

use espomail::access::Actor;
use espomail::desk::Former;
use espomail::reply::{self, Occasion, Wishes};
use espomail::store::accounts::OnClosed;
use espomail::store::cases::{self, Case, Role};
use espomail::store::db::Tx;
use espomail::store::emails;
use espomail::store::records::{Parent, ParentType};
use espomail::store::sight::Sight;

use super::{desk, judged, judging};
use crate::support::{Office, from, office};

impl Office {
    /// A contact by its id, with its addresses; the first is the primary one.
    fn contact(&self, id: i64, name: &str, addresses: &[&str]) {
        self.sql(&format!("INSERT INTO contacts (id, name, created_at) VALUES ({id}, '{name}', 0)"));
        for (at, address) in addresses.iter().enumerate() {
            self.sql(&format!(
                "INSERT INTO record_addresses (address, record_type, record_id, is_primary)
                    VALUES ('{address}', 'contact', {id}, {})",
                at == 0
            ));
        }
    }

    fn merge_as(&self, from: i64, into: i64, becomes: Role) {
        let (from, into) = (self.by_number(from), self.by_number(into));
        self.act(|tx, world, actor| desk::merge(tx, world, actor, &from, &into, becomes));
    }

    fn link_to(&self, number: i64, contact: i64, former: Former) {
        let (case, record) = (self.by_number(number), Parent { kind: ParentType::Contact, id: contact });
        self.act(|tx, world, actor| desk::link(tx, world, actor, &case, record, former));
    }

    fn set_role(&self, number: i64, address: &str, role: Role) {
        let case = self.by_number(number);
        self.act(|tx, world, actor| desk::set_roles(tx, world, actor, &case, &[address.to_owned()], role));
    }

    /// Name, address and shared From of the customer, as lists show it.
    fn customer(&self, number: i64) -> (String, String, Option<String>) {
        let row = self.store.read(|tx| cases::row_by_number(tx, number, Sight::Everything)).unwrap().unwrap();
        row.customer.map(|c| (c.name, c.address, c.by_way_of)).unwrap_or_default()
    }

    /// To of an answer to one mail, and what is said about it.
    fn answer_to(&self, email_id: i64) -> (String, Vec<String>, Option<String>) {
        let started = self.act(|tx, world, actor| {
            let email = emails::by_id(tx, email_id, Sight::Everything)?.unwrap();
            let case: Option<Case> = email.case_id().map(|id| cases::by_id(tx, id)).transpose()?.flatten();
            let occasion = Occasion::Answer { email: &email, case: case.as_ref(), all: false };
            reply::begin(tx, world, actor, occasion, Wishes { text: "Hello".into(), ..Wishes::default() })
        });
        (super::addresses(&started.letter.head.to), started.remarks, started.doubt)
    }

    fn undecided(&self) -> i64 {
        self.store.read(|tx| emails::count_undecided(tx, Sight::Everything)).unwrap()
    }
}

const EVA: &str = "eva@one.example";
const ALICE: &str = "alice@two.example";

/// #1 is by Eva, of whom there is no record; #2 by contact Alice.
fn two_customers() -> Office {
    let office = desk();
    office.contact(1, "Alice", &[ALICE, "alice@home.example"]);
    office.deliver(&from(EVA, "One"));
    office.deliver(&from(ALICE, "Two"));
    office
}

#[test]
fn a_merge_answers_both_customers_or_the_one_it_said() {
    for (gone, stays, customer, other) in [(2, 1, EVA, ALICE), (1, 2, ALICE, EVA)] {
        let office = two_customers();
        office.merge_as(gone, stays, Role::Copied);
        assert_eq!(office.answered(stays), (customer.into(), other.into()), "#{gone} into #{stays}");
        assert_eq!(office.customer(stays).1, customer);
        let later = office.deliver(&from(other, &format!("[#{stays}] and this")));
        assert_eq!((office.case_of(&later), office.is_verified(&later)), (stays, true));
        assert_eq!(office.answered(stays).0, customer, "who wrote last is not who is answered");

        let office = two_customers();
        office.merge_as(gone, stays, Role::ThirdParty);
        assert_eq!(office.answered(stays), (customer.into(), String::new()));
        let out = office.begun(stays).unwrap().left_out;
        assert!(out.iter().any(|(m, role)| m.address == other && *role == Role::ThirdParty), "{out:?}");
    }
}

#[test]
fn a_merge_loses_no_contact_that_has_no_row() {
    // #2 came by a telephone service and is linked to Alice, who never wrote in it.
    let office = desk();
    office.contact(1, "Alice", &[ALICE]);
    office.deliver(&from(EVA, "One"));
    office.deliver(&from("calls@answering.example", "Call of Alice"));
    office.link_to(2, 1, Former::ThirdParty);
    office.merge_as(2, 1, Role::Copied);
    assert_eq!(office.answered(1), (EVA.into(), ALICE.into()));
    assert_eq!(office.case_of(&office.deliver(&from(ALICE, "[#1] more"))), 1);
    // Two cases of one person stay hers, at all of her addresses, with one copy.
    let office = two_customers();
    office.deliver(&from("alice@home.example", "Three"));
    office.merge_as(3, 2, Role::Copied);
    assert_eq!(office.answered(2), ("alice@home.example".into(), String::new()));
    // A case that is for nobody is for the customer of the other one.
    let office = desk();
    office.deliver(&from("\"Hall 3 telephone\" <+49301234567>", "Alarm"));
    office.deliver(&from(EVA, "Two"));
    office.merge_as(2, 1, Role::Copied);
    assert_eq!(office.answered(1).0, EVA);
}

#[test]
fn nobody_waits_for_a_third_party() {
    let office = two_customers();
    office.reply(1);
    office.merge_as(2, 1, Role::ThirdParty);
    assert_eq!(office.state(1), "Assigned customer");
    let office = two_customers();
    office.reply(1);
    office.merge_as(2, 1, Role::Copied);
    assert_eq!(office.state(1), "Assigned us");
}

#[test]
fn a_case_that_succeeds_another_takes_over_its_people() {
    let closing = || {
        office(|account| {
            account.smtp.host = Some("127.0.0.1".into());
            account.cases.on_closed = OnClosed::New;
        })
    };
    let office = closing();
    office.deliver(&from(EVA, "One").cc("lee@one.example"));
    let ours = office.reply(1);
    office.close(1);
    let stranger = office.deliver(&from("other@three.example", "Re: One").in_reply_to(&ours));
    let id = stranger.email_id.unwrap();
    office.act(|tx, world, actor| desk::accept(tx, world, actor, id, false));
    assert_eq!(office.case_of(&stranger), 2);
    assert_eq!(office.answered(2), (EVA.into(), "other@three.example lee@one.example".into()));
    assert_eq!(office.customer(2).1, EVA);
    // The same where a copied one writes by themselves.
    let office = closing();
    office.deliver(&from(EVA, "One").cc("lee@one.example"));
    office.close(1);
    let lee = office.deliver(&from("lee@one.example", "[#1] again"));
    assert_eq!(office.case_of(&lee), 2);
    assert_eq!(office.answered(2), (EVA.into(), "lee@one.example".into()));
}

#[test]
fn what_an_agent_said_wins_over_the_link() {
    let office = two_customers();
    office.set_role(2, ALICE, Role::ThirdParty);
    let head = office.begun(2).unwrap().letter.head;
    assert_eq!(super::addresses(&head.to), "alice@home.example", "another address of the contact is still hers");
    office.set_role(2, "alice@home.example", Role::ThirdParty);
    assert!(office.begun(2).unwrap_err().to_string().contains("has no customer"), "never a third party unasked");
    assert_eq!(office.customer(2), Default::default());
    // To link the contact again is the newer word.
    office.act(|tx, world, actor| desk::unlink(tx, world, actor, &case(tx, 2), ParentType::Contact, None).map(drop));
    office.link_to(2, 1, Former::ThirdParty);
    assert_eq!(office.answered(2).0, ALICE);
    // A user is staff, and is told so.
    let case = office.by_number(1);
    let refused = office.store.write(|tx| {
        let world = espomail::intake::world::World::load(tx, &office.config, office.now)?;
        desk::set_roles(tx, &world, &Actor::Administrator, &case, &["ana@staff.example".to_owned()], Role::Copied)
    });
    assert!(refused.unwrap_err().to_string().contains("user ana"));
}

#[test]
fn relinking_and_unlinking_lose_nobody_who_wrote() {
    let office = two_customers();
    office.contact(2, "Bo", &["bo@three.example"]);
    office.link_to(1, 1, Former::Copied);
    office.deliver(&from(ALICE, "[#1] it is mine"));
    office.link_to(1, 2, Former::Copied);
    assert_eq!(office.answered(1), ("bo@three.example".into(), format!("{ALICE} {EVA}")));
    let again = office.deliver(&from(ALICE, "[#1] still here"));
    assert_eq!((office.case_of(&again), office.is_verified(&again)), (1, true));
    office.deliver(&from("bo@three.example", "[#1] I am Bo"));
    office.act(|tx, world, actor| desk::unlink(tx, world, actor, &case(tx, 1), ParentType::Contact, None).map(drop));
    assert_eq!(office.answered(1).0, EVA, "who opened it is the customer again");
    assert_eq!(office.case_of(&office.deliver(&from("bo@three.example", "[#1] and I?"))), 1);
}

fn case(tx: &Tx<'_>, number: i64) -> Case {
    cases::by_number(tx, number, Sight::Everything).unwrap().unwrap()
}

#[test]
fn a_case_waits_on_when_it_is_linked_to_the_person_it_is_for() {
    let office = desk();
    office.contact(1, "Alice", &[ALICE]);
    office.deliver(&from("calls@answering.example", "Call of Alice"));
    office.link_to(1, 1, Former::ThirdParty);
    assert_eq!(office.state(1), "Assigned us", "nobody has answered Alice");
    office.reply(1);
    assert_eq!(office.state(1), "Assigned customer");
    // Without an address she cannot be answered, which is said with what to do.
    office.contact(2, "Bo", &[]);
    office.link_to(1, 2, Former::ThirdParty);
    assert_eq!(office.customer(1), ("Bo".into(), String::new(), None));
    let refused = office.begun(1).unwrap_err();
    assert!(refused.to_string().contains("the contact that it is linked to has no e-mail address"), "{refused}");
}

#[test]
fn a_split_decides_about_the_mail_and_names_its_people() {
    let office = desk();
    office.deliver(&from(EVA, "One"));
    let ours = office.reply(1);
    let stranger = from("kim@three.example", "Another matter").reply_to("kim@home.example").cc("boss@three.example");
    let stranger = office.deliver(&stranger.in_reply_to(&ours));
    assert_eq!(office.undecided(), 1);
    let id = stranger.email_id.unwrap();
    office.act(|tx, world, actor| desk::split(tx, world, actor, &case(tx, 1), id, None).map(drop));
    assert_eq!(office.undecided(), 0, "to split it off is the decision");
    assert_eq!(office.answered(2), ("kim@home.example".into(), "boss@three.example".into()));
    let texts = office.query(&format!("SELECT text FROM notes WHERE email_id = {id} AND kind = 'email-received'"));
    assert_eq!(texts, [""], "the stream says no longer that it is unverified");
}

#[test]
fn a_list_is_never_answered_in_the_place_of_a_person() {
    let list = |letter: crate::support::Letter| {
        letter.header("List-Id", "<dev.lists.example>").header("List-Post", "<mailto:dev@lists.example>")
    };
    let office = desk();
    let mail = office.deliver(&list(from(EVA, "Help")).reply_to("dev@lists.example"));
    assert_eq!(office.answered(1).0, EVA);
    assert_eq!(office.answer_to(mail.email_id.unwrap()).0, EVA);
    // Nobody stands behind this one.
    let mail = office.deliver(&list(from("Eva via dev <dev@lists.example>", "More")).reply_to("dev@lists.example"));
    let number = office.case_of(&mail);
    assert!(office.begun(number).is_err());
    assert_eq!(office.answer_to(mail.email_id.unwrap()).0, "");
    office.contact(1, "Alice", &[ALICE]);
    office.link_to(number, 1, Former::ThirdParty);
    assert_eq!(office.answered(number), (ALICE.into(), String::new()));
}

#[test]
fn the_reply_to_of_mail_that_nobody_vouches_for_is_not_used() {
    let office = judging(|_| {});
    let answer = |verdict: &str, sender: &str| {
        let mail = office.deliver(&judged(sender, "Offer", verdict).reply_to("mal@evil.example"));
        office.answer_to(mail.email_id.unwrap())
    };
    let (to, remarks, doubt) = answer("fail", "eva@customer.example");
    assert_eq!((to.as_str(), doubt), ("eva@customer.example", None));
    assert!(remarks[0].contains("mal@evil.example is not used"), "{remarks:?}");
    let (to, remarks, _) = answer("pass", "kim@customer.example");
    assert_eq!((to.as_str(), remarks.len()), ("mal@evil.example", 0));
    // Where only Reply-To names a person, somebody is asked.
    let (to, _, doubt) = answer("fail", "no-reply@shop.example");
    assert_eq!(to, "mal@evil.example");
    assert!(doubt.unwrap().contains("does not vouch"));
}

#[test]
fn who_wrote_by_way_of_another_address_is_shown_with_it() {
    let office = desk();
    office.deliver(&from("no-reply@evil.example", "Transfer").reply_to("V <v@customer.example>"));
    let way = "no-reply@evil.example";
    assert_eq!(office.customer(1), ("V".into(), "v@customer.example".into(), Some(way.into())));
    let ways = |number| office.store.read(|tx| cases::ways(tx, case(tx, number).id, Sight::Everything)).unwrap();
    assert_eq!(ways(1), [("v@customer.example".to_owned(), way.to_owned())]);
    let made = office.query("SELECT text FROM notes WHERE kind = 'created'");
    assert!(made[0].contains("v@customer.example (by way of no-reply@evil.example)"), "{made:?}");
    office.deliver(&from("v@customer.example", "[#1] it is really me"));
    assert_eq!((office.customer(1).2, ways(1).len()), (None, 0), "then they wrote themselves");
}

#[test]
fn a_sender_without_an_address_is_the_customer_that_lists_show() {
    let office = desk();
    office.deliver(&from("\"Hall 3 telephone\" <+49301234567>", "Alarm"));
    office.deliver(&from("root (Cron Daemon)", "Disk"));
    assert_eq!(office.customer(1), ("Hall 3 telephone".into(), "+49301234567".into(), None));
    assert_eq!(office.customer(2), ("root".into(), String::new(), None));
}

#[test]
fn a_contact_tells_of_its_mail_and_a_case_does_so_once() {
    let office = two_customers();
    let told = |kind: &str, id: i64| {
        office.query(&format!(
            "SELECT email_id || '' FROM notes WHERE kind = 'email-received' AND parent_type = '{kind}' AND parent_id = {id}"
        ))
    };
    assert_eq!((told("contact", 1), told("case", 2)), (vec!["2".to_owned()], vec!["2".to_owned()]));
    office.merge_as(2, 1, Role::Copied);
    assert_eq!((told("contact", 1), told("case", 1)), (vec!["2".to_owned()], vec!["1".to_owned(), "2".to_owned()]));
}

#[test]
fn a_role_that_is_taken_away_is_gone_and_one_by_a_link_is_not_taken() {
    let office = two_customers();
    office.set_role(1, "lab@supplier.example", Role::Copied);
    let remove = |number: i64, address: &str| {
        office.store.write(|tx| {
            let world = espomail::intake::world::World::load(tx, &office.config, office.now)?;
            desk::people::remove(tx, &world, &Actor::Administrator, &case(tx, number), address)
        })
    };
    remove(1, "lab@supplier.example").unwrap();
    assert_eq!(office.answered(1), (EVA.into(), String::new()));
    assert!(remove(1, "lab@supplier.example").unwrap_err().to_string().contains("has no role"));
    assert!(remove(2, ALICE).unwrap_err().to_string().contains("by a record"));
    assert_eq!(office.answered(2).0, ALICE, "what is refused changes nothing");
}
