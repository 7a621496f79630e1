//! What a run leaves to the next one.

use super::*;

#[test]
fn what_the_time_did_not_suffice_for_is_sent_by_the_next_run() {
    let office = Office::new(&[]);
    office.write_soon();
    let flushed = office.send_until(Some(Instant::now()));
    assert_eq!((flushed.sent, flushed.put_off, flushed.accounts.len()), (0, 1, 0));
    assert_eq!(office.send().sent, 1, "no back-off: nothing went wrong");
}

#[test]
fn the_accounts_share_the_time_and_one_that_failed_comes_last() {
    let office = Office::new(&[]);
    office.write_soon();
    let second = office
        .store
        .write(|tx| {
            let mut account = accounts::by_id(tx, 1)?.unwrap();
            account.name = "second".into();
            account.health.send_failing_since = None;
            accounts::add(tx, &account)
        })
        .unwrap();
    office.put(second, OutboxKind::Mail, &["b@x.example"], &[], None);
    let order = || -> Vec<i64> {
        let due = office.store.read(|tx| accounts_due(tx, office.now.get())).unwrap();
        due.iter().map(|account| account.id).collect()
    };
    assert_eq!(order(), [1, second]);
    let failed = Health { send_failing_since: Some(office.now.get()), ..Health::default() };
    office.store.write(|tx| accounts::set_health(tx, 1, &failed)).unwrap();
    assert_eq!(order(), [second, 1]);
    let until = Instant::now() + Duration::from_secs(600);
    let minutes = |left| (share(Some(until), left).unwrap() - Instant::now()).as_secs_f64() / 60.0;
    assert!((9.0..=10.0).contains(&minutes(1)) && (1.0..=2.0).contains(&minutes(5)));
    assert_eq!(share(None, 5), None);
}

#[test]
fn the_answer_of_a_server_is_written_when_the_aftermath_fails() {
    let office = Office::new(&[Act::Answer(vec![("a@x.example", 550, "5.1.1 unknown")], 250, "taken")]);
    let id = office.write(OutboxKind::Mail, &["a@x.example", "b@x.example"]);
    let mut connect = |_: &Account, _| -> Result<Box<dyn MailTransport>> {
        Ok(Box::new(Server { acts: Rc::clone(&office.acts), bodies: Rc::clone(&office.bodies) }))
    };
    let fails = |tx: &Tx<'_>, row: &OutboxRow, _: &[Undelivered], _: Timestamp| -> Result<()> {
        outbox::set_envelope_from(tx, row.id, "half@done.example")?;
        anyhow::bail!("no desk")
    };
    flush(&office.store, &mut connect, &fails, &Manners::default(), &|| office.now.get()).unwrap();
    let row = office.store.read(|tx| outbox::by_id(tx, id)).unwrap().unwrap();
    assert_eq!((row.state, row.envelope_from.as_str()), (OutboxState::Sent, "support@desk.example"));
}
