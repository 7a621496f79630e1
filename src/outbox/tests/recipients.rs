//! What becomes of each recipient, and who hears of it.

use super::*;

#[test]
fn what_a_personal_server_says_holds_for_that_account_only() {
    for (kind, everybody) in [(AccountKind::Group, true), (AccountKind::Personal, false)] {
        let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, "5.1.1 no such user")], 250, "taken")]);
        office
            .store
            .write(|tx| {
                let account = accounts::by_id(tx, 1)?.unwrap();
                accounts::update(tx, &Account { kind, user_id: Some(office.user_id), ..account })
            })
            .unwrap();
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.send();
        let known = |account| office.store.read(|tx| invalid_addresses::find(tx, "a@x.example", account)).unwrap();
        assert!(known(Some(1)).is_some(), "{kind}");
        assert_eq!((known(None).is_some(), known(Some(2)).is_some()), (everybody, everybody), "{kind}");
        assert!(office.store.write(|tx| invalid_addresses::remove(tx, "a@x.example")).unwrap());
        assert!(known(Some(1)).is_none());
    }
}

#[test]
fn in_doubt_mail_is_sent_again_and_an_automatic_reply_is_held() {
    for (kind, state) in [(OutboxKind::Mail, OutboxState::Waiting), (OutboxKind::AutoReply, OutboxState::Held)] {
        let office = Office::new(&[Act::Doubt]);
        let id = office.write(kind, &["a@x.example"]);
        office.send();
        assert_eq!(office.row(id).state, state, "{kind}");
        office.pass(hours(1));
        assert_eq!(office.send().sent, usize::from(kind == OutboxKind::Mail), "{kind}");
    }
}

#[test]
fn a_refused_recipient_is_a_note_a_notification_and_no_valid_address() {
    for (kind, text, invalid) in [
        (OutboxKind::Mail, "5.1.1 no such user", true),
        (OutboxKind::AutoReply, "5.1.1 no such user", true),
        (OutboxKind::Mail, "5.7.1 refused as spam", false),
        (OutboxKind::Mail, "5.6.7 the server does not take addresses beyond ASCII (SMTPUTF8)", false),
    ] {
        let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, text)], 250, "taken")]);
        let id = office.write(kind, &["a@x.example", "b@x.example"]);
        assert_eq!(office.send().sent, 1);
        assert_eq!(
            office.recipients(id),
            [format!("a@x.example failed 550 {text}"), "b@x.example sent 250 taken".to_owned()]
        );
        assert_eq!(office.failures(), [format!("not delivered to a@x.example: 550 {text}")]);
        assert_eq!(office.notifications(), [format!("#1 Help: not delivered to a@x.example: 550 {text}")]);
        let known = office.store.read(|tx| invalid_addresses::find(tx, "A@x.example", None)).unwrap();
        assert_eq!(known.is_some(), invalid, "{text}");
    }
}

#[test]
fn only_the_sender_hears_of_a_bcc_that_failed() {
    let office =
        Office::new(&[Act::Answer(vec![("boss@x.example", 550, "5.1.1 <boss@x.example> unknown")], 250, "taken")]);
    office.write_with_bcc(OutboxKind::Mail, &["a@x.example"], &["boss@x.example"]);
    assert_eq!(office.send().sent, 1);
    assert!(office.failures().is_empty());
    assert_eq!(office.notifications().len(), 1);
}

#[test]
fn of_private_mail_that_failed_the_assignee_does_not_hear() {
    for (private, told) in [(false, 1), (true, 0)] {
        let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, "5.1.1 unknown")], 250, "taken")]);
        let id = office.write(OutboxKind::Mail, &["a@x.example"]);
        let email_id = office.row(id).email_id.unwrap();
        let colleague = office.store.write(|tx| {
            emails::set_private(tx, email_id, private)?;
            let budi =
                NewUser { username: "budi", name: "", user_type: UserType::Regular, login: "budi", addresses: &[] };
            let budi = users::add(tx, &budi, START)?;
            cases::assign(tx, office.case_id, Some(budi), false, START)?;
            let ana = users::by_id(tx, office.user_id)?.unwrap();
            users::update(tx, &users::User { active: false, ..ana })?;
            Ok(budi)
        });
        office.send();
        let all =
            office.store.read(|tx| notifications::list(tx, colleague.unwrap(), Sight::Everything, true, 10)).unwrap();
        assert_eq!(all.len(), told, "private: {private}: {all:?}");
    }
}

#[test]
fn one_notification_names_all_whom_a_mail_did_not_reach() {
    let no = |address| (address, 550, "5.1.1 unknown");
    let refused = Act::Answer(vec![no("a@x.example"), no("b@x.example"), no("boss@x.example")], 250, "taken");
    let office = Office::new(&[refused.clone(), refused]);
    let id = office.write_with_bcc(OutboxKind::Mail, &["a@x.example", "b@x.example"], &["boss@x.example"]);
    office.send();
    let text = "#1 Help: not delivered to a@x.example: 550 5.1.1 unknown; not delivered to b@x.example: 550 5.1.1 \
        unknown; not delivered to boss@x.example: 550 5.1.1 unknown";
    assert_eq!(office.notifications(), [text]);
    assert_eq!(office.failures().len(), 2, "the case says nothing of a Bcc");
    // What is said again is not repeated.
    office.store.write(|tx| outbox::reopen_recipients(tx, id)).unwrap();
    let retry = |tx: &Tx<'_>| outbox::change(tx, id, OutboxState::Failed, OutboxState::Waiting, "", office.now.get());
    office.store.write(retry).unwrap();
    office.send();
    assert_eq!(office.notifications(), [text]);
}

#[test]
fn why_a_recipient_waits_is_said_and_a_doubt_stays() {
    let later = || Act::Answer(vec![("b@x.example", 450, "4.2.1 full")], 451, "4.3.0 busy");
    let office = Office::new(&[later(), Act::Doubt, later(), Act::Before]);
    let id = office.write(OutboxKind::Mail, &["a@x.example", "b@x.example"]);
    office.send();
    assert_eq!(office.recipients(id), ["a@x.example waiting 451 4.3.0 busy", "b@x.example waiting 450 4.2.1 full"]);
    for _ in 0..3 {
        office.pass(hours(1));
        office.send();
        let may_have = office.recipients(id).iter().filter(|line| line.contains(" waiting may have it: ")).count();
        assert_eq!(may_have, 2, "{:?}", office.recipients(id));
    }
    office.pass(hours(1));
    assert_eq!(office.send().sent, 1);
    assert_eq!((office.row(id).last_error.as_str(), office.recipients(id).len()), ("", 2), "250 is not an error");
}

#[test]
fn what_is_tried_again_by_hand_has_two_days_again() {
    let office = Office::new(&vec![Act::Before; 100]);
    let id = office.write(OutboxKind::Mail, &["a@x.example"]);
    for _ in 0..2 {
        office.send();
        office.pass(hours(30));
        office.store.write(|tx| outbox::make_due(tx, id, office.now.get())).unwrap();
    }
    office.send();
    assert_eq!(office.row(id).state, OutboxState::Waiting);
}

#[test]
fn the_id_that_a_server_gives_is_an_alias() {
    let office = Office::new(&[Act::Answer(vec![], 250, "2.6.0 <new@mx.example> queued")]);
    let id = office.write(OutboxKind::Mail, &["a@x.example"]);
    office.send();
    let email = office.store.read(|tx| emails::by_message_id(tx, "new@mx.example")).unwrap();
    assert_eq!(email.first().map(|email| email.id), office.row(id).email_id);
}
