//! Letters that go out, or may not.

use super::*;

#[test]
fn a_forward_of_sent_mail_does_not_say_who_got_it_unseen() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let copy =
        "From: ana@staff.example\r\nTo: eva@customer.example\r\nBcc: boss@staff.example\r\nSubject: x\r\n\r\nHi\r\n";
    let email = desk.write(|tx, _| put(tx, copy.as_bytes(), Some(case.id))).unwrap();
    for attached in [true, false] {
        let occasion = Occasion::Forward { email: &email, case: Some(&case), attached };
        let to = vec![Mailbox { name: String::new(), address: "lab@x.example".into() }];
        let started = desk.begin("ana", occasion, Wishes { to, ..words("See.") }).unwrap();
        let queued = desk.write(|tx, world| sent(tx, world, &Actor::Administrator, &started, None)).unwrap();
        let raw_id = desk.store.read(|tx| rows::by_id(tx, queued.outbox_id)).unwrap().unwrap().raw_id;
        let bytes = desk.store.read(|tx| raw::bytes(tx, raw_id)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("eva@customer.example") && !text.contains("boss@"), "{text}");
    }
}

#[test]
fn what_cannot_be_sent_is_named() {
    let desk = desk(QUESTION.as_bytes());
    let desk = Desk { config: Config { attachment_max_size: 10, ..Config::default() }, ..desk };
    let case = desk.case();
    let refused = |started: &Started, at: Option<Timestamp>| {
        let queued = desk.write(|tx, world| sent(tx, world, &Actor::Administrator, started, at));
        queued.unwrap_err().to_string()
    };
    let good = desk.begin("ana", Occasion::Case(&case), words("x")).unwrap();
    let with = |change: &dyn Fn(&mut Letter)| {
        let mut started = good.clone();
        change(&mut started.letter);
        started
    };
    assert!(refused(&with(&|l| l.head = Head::default()), None).starts_with("the letter has no recipient"));
    assert!(refused(&with(&|l| l.text = " \n".into()), None).starts_with("the text is missing"));
    let file = OutgoingAttachment { bytes: vec![0; 11], ..OutgoingAttachment::default() };
    assert!(refused(&with(&|l| l.attachments.push(file.clone())), None).contains("more than attachment_max_size, 10B"));
    assert!(refused(&good, Some(NOW)).starts_with("--at: "));
    assert_eq!(desk.store.read(|tx| rows::list(tx, &rows::OutboxQuery::default(), Sight::Everything)).unwrap(), []);
    assert!(desk.begin("ana", Occasion::New, Wishes { status: Some(CaseStatus::Closed), ..words("x") }).is_err());
}

#[test]
fn mail_for_later_waits_for_its_time() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("x")).unwrap();
    let at = NOW + jiff::SignedDuration::from_hours(100);
    let (row, sent) = desk
        .write(|tx, world| {
            let row = rows::by_id(tx, sent(tx, world, &Actor::Administrator, &started, Some(at))?.outbox_id)?.unwrap();
            let sent = message::parse(&raw::bytes(tx, row.raw_id)?);
            Ok((row, sent))
        })
        .unwrap();
    assert_eq!((row.next_try_at, row.due_since(), sent.date), (at, at, Some(at)));
    let due = |now: Timestamp| desk.store.read(|tx| rows::accounts_due(tx, now)).unwrap();
    assert!(due(at - jiff::SignedDuration::from_secs(1)).is_empty());
    assert_eq!(due(at), [1]);
    let queue = |now: Timestamp| desk.store.read(|tx| rows::queue(tx, &(NOW..now), now)).unwrap();
    let (early, late) = (queue(NOW), queue(at));
    assert_eq!((early.waiting, early.scheduled, early.oldest), (1, 1, None), "no monitoring takes it for late");
    assert_eq!((late.waiting, late.scheduled, late.oldest), (1, 0, Some(at)));
}

/// Text that tries to be more than a value of a header (promise S2).
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        "[a-zA-Z:\r\n\t \0<>\"\\\\,;=?@().\u{85}\u{2028}ü-]{0,80}",
        "[a-z\r\n]{0,5}(\r\n|\n|\r)(Bcc|To|Content-Type|Reply-To): [a-z@]{0,8}(\r\n\r\n|\n\n)[a-z.\r\n-]{0,40}",
        "=\\?utf-8\\?[QB]\\?[A-Za-z0-9=_+/]{0,30}\\?=",
    ]
}

#[test]
fn text_of_a_writer_never_becomes_a_header_field() {
    let seed = 20_260_101;
    let config = Runs { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, cases: 150, ..Runs::default() };
    let strategy = (hostile(), hostile(), hostile(), hostile(), hostile());
    let ended = TestRunner::new(config).run(&strategy, |(theirs, name, subject, file, id)| {
        let raw = format!(
            "From: \"{theirs}\" <eva@customer.example>\r\nReply-To: {theirs} <eva@customer.example>\r\nCc: {name} <c@x.example>\r\n\
             Subject: {theirs}\r\nMessage-ID: <{id}@x>\r\nReferences: {theirs} <{id}>\r\n\r\n{theirs}\r\n"
        );
        let desk = desk(raw.as_bytes());
        desk.change("support", |account| {
            account.sending.from_name = Some(name.clone());
            account.sending.signature.clone_from(&name);
        });
        let case = desk.case();
        let attachment = OutgoingAttachment { name: file.clone(), content_type: file.clone(), bytes: file.clone().into() };
        let lab = Mailbox { name: file.clone(), address: "lab@x.example".into() };
        let wishes = Wishes {
            cc: vec![lab],
            subject: Some(subject.clone()).filter(|subject| !subject.is_empty()),
            markdown: true,
            quote: true,
            attachments: vec![attachment],
            ..words("x")
        };
        // A mangled From leaves nobody to answer to, which is an answer too.
        let Ok(started) = desk.begin("ana", Occasion::Case(&case), wishes) else { return Ok(()) };
        let bytes = desk
            .write(|tx, world| {
                let row = rows::by_id(tx, sent(tx, world, &Actor::Administrator, &started, None)?.outbox_id)?.unwrap();
                raw::bytes(tx, row.raw_id)
            })
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names = head.replace("\r\n ", " ");
        let names: Vec<&str> = names.split("\r\n").map(|line| line.split_once(':').unwrap().0).collect();
        let known = "Date From Reply-To To Cc Subject Message-ID In-Reply-To References MIME-Version Content-Type";
        let mut expected = known.split(' ');
        prop_assert!(names.iter().all(|name| expected.any(|known| known == *name)), "{names:?}");
        let sent = message::parse(text.as_bytes());
        prop_assert_eq!(addresses(&sent.reply_to), "support@desk.example");
        prop_assert_eq!(addresses(&sent.from), "support@desk.example");
        prop_assert!(sent.subject.starts_with("[#1]"), "{}", sent.subject);
        Ok(())
    });
    assert!(ended.is_ok(), "seed {seed}: {ended:?}");
}

#[test]
fn a_letter_whose_case_changes_while_it_is_composed_is_planned_again() {
    let desk = desk(QUESTION.as_bytes());
    let started = desk.begin("ana", Occasion::Case(&desk.case()), words("Hello.")).unwrap();
    let ready =
        || desk.write(|tx, world| plan(tx, world, &Actor::Administrator, &started, None)).unwrap().compose().unwrap();
    let draft =
        || desk.write(|tx, world| plan_draft(tx, world, &Actor::Administrator, &started)).unwrap().compose().unwrap();
    let (old, old_draft) = (ready(), draft());
    // The case is merged into another one meanwhile.
    let case = desk.case();
    let other = NewCase {
        number: 77,
        key: "00000000000000ff",
        name: "Help",
        account_id: case.account_id,
        ..NewCase::default()
    };
    let merge = |tx: &Tx<'_>| cases::set_merged(tx, case.id, cases::add(tx, &other, NOW)?);
    desk.store.write(merge).unwrap();
    let sent = |letter: &Ready<'_>| desk.write(|tx, world| send(tx, world, &Actor::Administrator, letter));
    let kept = |letter: &Ready<'_>| desk.write(|tx, world| keep(tx, world, &Actor::Administrator, letter));
    assert!(sent(&old).unwrap_err().is::<Outdated>());
    assert!(kept(&old_draft).unwrap_err().is::<Outdated>());
    assert!(desk.store.read(|tx| rows::list(tx, &rows::OutboxQuery::default(), Sight::Everything)).unwrap().is_empty());
    let queued = sent(&ready()).unwrap();
    let row = desk.store.read(|tx| rows::by_id(tx, queued.outbox_id)).unwrap().unwrap();
    assert!(row.subject.contains("[#77]") && row.message_id.contains("00000000000000ff"), "{row:?}");
    kept(&draft()).unwrap();
}
