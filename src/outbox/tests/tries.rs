//! When a message is tried again, and when it is given up.

use super::*;

#[test]
fn tries_become_rarer_and_never_stop_before_two_days() {
    let minutes: Vec<i64> = (0..9).map(|n| backoff::backoff(n).as_mins()).collect();
    assert_eq!(minutes, [1, 5, 15, 30, 60, 120, 240, 480, 480]);
    assert_eq!(backoff::backoff(1_000), outbox::LONGEST);
}

#[test]
fn what_is_put_off_arrives_once() {
    for act in [Act::Answer(vec![], 451, "4.7.1 greylisted"), Act::Before, Act::NoConnection(NetErrorKind::Unreachable)]
    {
        let office = Office::new(&[act]);
        let id = office.write(OutboxKind::Mail, &["a@x.example"]);
        assert_eq!(office.send().put_off, 1);
        assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 1));
        let before = office.bodies.borrow().len();
        office.send();
        assert_eq!(office.bodies.borrow().len(), before, "not before its time");
        office.pass(SignedDuration::from_mins(1));
        for _ in 0..3 {
            office.send();
        }
        assert_eq!(office.row(id).state, OutboxState::Sent);
        assert_eq!(office.bodies.borrow().len(), before + 1);
        assert!(office.failures().is_empty());
    }
}

#[test]
fn who_has_it_does_not_get_it_again_and_who_has_not_is_given_up_after_two_days() {
    let later = Act::Answer(vec![("b@x.example", 450, "4.2.1 later")], 250, "taken");
    let office = Office::new(&vec![later; 60]);
    let id = office.write(OutboxKind::Mail, &["a@x.example", "b@x.example"]);
    let mut tries = 0;
    while office.row(id).state == OutboxState::Waiting {
        let left = office.acts.borrow().len();
        office.send();
        tries += left - office.acts.borrow().len();
        assert!(office.row(id).state == OutboxState::Waiting || office.now.get() >= START + hours(48));
        office.pass(SignedDuration::from_mins(20));
        assert!(office.now.get() < START + hours(60), "never given up");
    }
    assert!((10..20).contains(&tries), "{tries}");
    assert_eq!(office.bodies.borrow().len(), 1);
    assert_eq!(office.row(id).state, OutboxState::Sent);
    let said = "given up after two days: 450 4.2.1 later";
    assert_eq!(office.recipients(id), ["a@x.example sent 250 taken".to_owned(), format!("b@x.example failed {said}")]);
    assert_eq!(office.failures(), [format!("not delivered to b@x.example: {said}")]);
    assert_eq!(office.notifications(), [format!("#1 Help: not delivered to b@x.example: {said}")]);
}

#[test]
fn what_the_account_cannot_send_waits_for_ever() {
    for act in
        [Act::NoConnection(NetErrorKind::LoginRefused), Act::NoConnection(NetErrorKind::Certificate), Act::Sender]
    {
        let office = Office::new(&vec![act; 100]);
        let id = office.write(OutboxKind::Mail, &["a@x.example"]);
        for _ in 0..100 {
            assert_eq!(office.send().accounts.len(), 1);
            office.pass(hours(1));
        }
        assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 0));
        let account = office.store.read(|tx| accounts::by_id(tx, 1)).unwrap().unwrap();
        assert_eq!(account.health.send_failing_since, Some(START));
        // Days later it is still fit to be put off, not given up at its first passing failure.
        office.acts.borrow_mut().push_back(Act::Before);
        office.send();
        assert_eq!(office.row(id).state, OutboxState::Waiting);
        office.pass(hours(1));
        assert_eq!(office.send().sent, 1);
    }
}

#[test]
fn the_null_sender_is_replaced_where_it_is_refused() {
    let office = Office::new(&[Act::Sender]);
    let id = office.write(OutboxKind::AutoReply, &["a@x.example"]);
    assert_eq!(office.send().sent, 1);
    assert_eq!(office.bodies.borrow()[0].from, "support@desk.example");
    assert_eq!(office.row(id).envelope_from, "support@desk.example");
}

#[test]
fn a_refused_null_sender_is_repeated_once_and_remembered() {
    let as_denied = "5.2.252 SendAsDenied; not allowed to send as <>";
    for (code, text) in [(554, as_denied), (550, "5.7.1 transaction failed"), (550, "no")] {
        let office = Office::new(&[Act::Null(code, text), Act::Null(code, text)]);
        let first = office.write(OutboxKind::AutoReply, &["a@x.example"]);
        let flushed = office.send();
        assert_eq!((flushed.sent, flushed.accounts.len()), (1, 0), "{text}");
        let froms = || office.bodies.borrow().iter().map(|sent| sent.from.clone()).collect::<Vec<_>>();
        assert_eq!(froms(), ["", "support@desk.example"], "{text}");
        assert_eq!(office.row(first).state, OutboxState::Sent);
        // From then on it is not even tried, until somebody edits the account.
        office.pass(hours(1));
        office.write(OutboxKind::AutoReply, &["b@x.example"]);
        office.send();
        assert_eq!(froms().last().map(String::as_str), Some("support@desk.example"));
        office.edit();
        office.pass(hours(1));
        office.write(OutboxKind::AutoReply, &["c@x.example"]);
        office.send();
        assert_eq!(froms().last().map(String::as_str), Some(""));
    }
}

#[test]
fn what_the_null_sender_is_not_to_blame_for_is_not_repeated() {
    for text in ["5.1.1 no such user", "5.7.1 this looks like spam", "5.3.4 message too large"] {
        let office = Office::new(&[Act::Null(550, text)]);
        let id = office.write(OutboxKind::AutoReply, &["a@x.example"]);
        assert_eq!(office.send().failed, 1, "{text}");
        assert_eq!((office.row(id).state, office.bodies.borrow().len()), (OutboxState::Failed, 1), "{text}");
    }
}

#[test]
fn a_recipient_is_not_blamed_when_the_account_cannot_write_as_its_sender() {
    let denied = "5.7.60 Client does not have permissions to send as this sender";
    let at_rcpt = Act::Answer(vec![("a@x.example", 550, "5.7.1 Relay access denied")], 250, "taken");
    for (kind, act) in [
        (OutboxKind::Mail, Act::Answer(vec![], 554, denied)),
        (OutboxKind::AutoReply, Act::Answer(vec![], 554, denied)),
        (OutboxKind::Mail, at_rcpt.clone()),
        (OutboxKind::AutoReply, at_rcpt),
        (OutboxKind::AutoReply, Act::Sender),
    ] {
        let office = Office::new(&vec![act; 8]);
        let id = office.write(kind, &["a@x.example"]);
        for _ in 0..3 {
            let flushed = office.send();
            assert_eq!((flushed.failed, flushed.accounts.len()), (0, 1), "{kind} {flushed:?}");
            office.pass(hours(30));
        }
        assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 0), "{kind}");
        assert!(office.failures().is_empty() && office.notifications().is_empty(), "{kind}");
        assert!(office.store.read(|tx| invalid_addresses::find(tx, "a@x.example", None)).unwrap().is_none());
        let health = office.store.read(|tx| accounts::by_id(tx, 1)).unwrap().unwrap().health;
        assert_eq!(health.send_failing_since, Some(START), "{kind}");
        // Mended, it goes out.
        office.acts.borrow_mut().clear();
        office.send();
        assert_eq!(office.row(id).state, OutboxState::Sent, "{kind}");
    }
}

#[test]
fn one_message_that_the_account_may_not_send_stops_no_other() {
    let office = Office::new(&[Act::Sender]);
    let first = office.write(OutboxKind::Mail, &["a@x.example"]);
    office.pass(hours(1));
    let second = office.write(OutboxKind::Mail, &["b@x.example"]);
    let flushed = office.send();
    assert_eq!((flushed.sent, flushed.accounts.len()), (1, 1), "{flushed:?}");
    assert_eq!((office.row(first).state, office.row(second).state), (OutboxState::Waiting, OutboxState::Sent));
    // What has not been tried goes first; after three refusals in a row the rest is not tried.
    office.acts.borrow_mut().extend([Act::Answer(vec![], 250, "taken"), Act::Sender, Act::Sender, Act::Sender]);
    for _ in 0..4 {
        office.pass(SignedDuration::from_secs(1));
        office.write(OutboxKind::Mail, &["c@x.example"]);
    }
    let flushed = office.send();
    assert_eq!((flushed.sent, flushed.put_off), (1, 3), "{flushed:?}");
    assert_eq!(office.row(first).last_error, "sender refused: 553 5.1.7 not you");
}

#[test]
fn a_connection_that_ends_is_made_again_once_for_each_message_that_got_through() {
    let taken = || Act::Answer(vec![], 250, "taken");
    let full = || Act::NotNow(452, "4.3.2 too many messages in this connection");
    for end in [Act::Before, full(), Act::NotNow(451, "later")] {
        let office = Office::new(&[taken(), end.clone(), taken(), end, taken()]);
        for _ in 0..3 {
            office.write(OutboxKind::Mail, &["a@x.example"]);
            office.pass(SignedDuration::from_secs(1));
        }
        let flushed = office.send();
        assert_eq!((flushed.sent, flushed.put_off, flushed.accounts.len()), (3, 0, 0), "{flushed:?}");
        assert_eq!((office.connections.get(), office.bodies.borrow().len()), (3, 3));
    }
    // Over a new connection it is the message that is put off, and the turn is over.
    let office = Office::new(&[taken(), Act::Before, Act::Before]);
    for _ in 0..3 {
        office.write(OutboxKind::Mail, &["a@x.example"]);
        office.pass(SignedDuration::from_secs(1));
    }
    let flushed = office.send();
    assert_eq!((flushed.sent, flushed.put_off, office.connections.get()), (1, 1, 2), "{flushed:?}");
    // 421 as the final reply: the message waits, the others go out over another connection.
    let office = Office::new(&[taken(), Act::Answer(vec![], 421, "enough"), taken()]);
    let rows: Vec<i64> = (0..3).map(|_| office.write_soon()).collect();
    office.send();
    let states: Vec<_> = rows.iter().map(|id| office.row(*id).state).collect();
    assert_eq!(states, [OutboxState::Sent, OutboxState::Waiting, OutboxState::Sent]);
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it_and_an_hour_is_the_most() {
    for (words, minutes) in [("4.7.0 try again in 20 minutes", 20), ("wait 9 hours", 60)] {
        let busy = Act::NotNow(451, words);
        let office = Office::new(&[busy.clone(), busy]);
        let id = office.write_soon();
        office.send();
        let wait = office.row(id).next_try_at.duration_since(office.now.get());
        assert_eq!(wait.as_mins(), minutes, "{words}");
        office.pass(SignedDuration::from_mins(minutes - 1));
        office.write_soon();
        let flushed = office.send();
        assert_eq!((flushed.sent, flushed.resting.len()), (0, 1), "{words}");
        office.acts.borrow_mut().clear();
        office.pass(SignedDuration::from_mins(1));
        assert_eq!(office.send().sent, 2, "{words}");
    }
}

#[test]
fn a_refused_login_is_left_alone_as_that_of_imap() {
    let office = Office::new(&vec![Act::NoConnection(NetErrorKind::LoginRefused); 200]);
    office.write(OutboxKind::Mail, &["a@x.example"]);
    let mut tries = Vec::new();
    for minute in 0..200 {
        if !office.send().accounts.is_empty() {
            tries.push(minute);
        }
        office.pass(SignedDuration::from_mins(1));
    }
    let early: Vec<i64> = (0..=15).collect();
    assert_eq!(tries, [early, vec![20, 35, 95, 155]].concat());
    office.acts.borrow_mut().clear();
    assert_eq!(office.send().sent, 0);
    office.edit();
    assert_eq!(office.send().sent, 1, "an edited account is tried at once");
}

#[test]
fn times_that_a_wrong_clock_wrote_delay_nothing_and_give_nothing_up() {
    let year = hours(24 * 365);
    let later = || Act::Answer(vec![], 451, "later");
    // It ran ahead when the row was put off.
    let office = Office::new(&[later()]);
    let id = office.write_soon();
    office.pass(year);
    office.send();
    office.pass(-year);
    assert_eq!(office.send().sent, 1);
    assert_eq!(office.row(id).state, OutboxState::Sent);
    // It ran behind at the first failure.
    let office = Office::new(&[later(), later(), later()]);
    let id = office.write_soon();
    office.pass(-year);
    office.store.write(|tx| outbox::make_due(tx, id, office.now.get())).unwrap();
    office.send();
    office.pass(year);
    office.send();
    assert_eq!((office.row(id).state, office.row(id).attempts), (OutboxState::Waiting, 2));
    // Mail that is to go out later waits, however far away that is.
    let office = Office::new(&[]);
    let id = office.write_at(START + year);
    assert_eq!(office.send().sent, 0);
    assert_eq!(office.row(id).state, OutboxState::Waiting);
    office.pass(year);
    assert_eq!(office.send().sent, 1);
}
