//! Letters that are kept.

use super::*;

#[test]
fn a_draft_is_the_letter_and_becomes_the_mail() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let file = |name: &str, bytes: &[u8]| OutgoingAttachment {
        name: name.into(),
        content_type: "application/pdf".into(),
        bytes: bytes.into(),
    };
    let bcc = vec![Mailbox { name: "B".into(), address: "b@x.example".into() }];
    let wishes = Wishes {
        bcc,
        markdown: true,
        attachments: vec![file("ä.pdf", b"\0\r\n"), file("b.pdf", b"")],
        status: Some(CaseStatus::Pending),
        ..words("Dear *Eva*,\n\n  indented\n-- \nme\n")
    };
    let mut started = desk.begin("ana", Occasion::Case(&case), wishes).unwrap();
    let id = desk.write(|tx, world| kept(tx, world, &started)).unwrap();
    let email = |id: i64| desk.store.read(|tx| emails::by_id(tx, id, Sight::User(1, Levels::USUAL))).unwrap();
    assert_eq!(email(id).unwrap().case_id(), None);
    assert!(
        desk.store.read(|tx| emails::by_id(tx, id, Sight::User(2, Levels::USUAL))).unwrap().is_none(),
        "nobody else sees it"
    );
    let resume = || {
        let draft = email(id).unwrap();
        desk.write(|tx, world| resume(tx, world, &actor(tx, "ana")?, &draft)).unwrap()
    };
    let resumed = resume();
    assert_eq!(resumed.letter.text.trim_end(), started.letter.text.trim_end());
    started.letter.text.clone_from(&resumed.letter.text);
    started.letter.head.subject.clone_from(&resumed.letter.head.subject);
    assert_eq!(resumed.letter, started.letter);
    assert_eq!((resumed.place.clone(), resumed.sender.clone()), (started.place.clone(), started.sender.clone()));

    search::index::fill(&desk.store, &|| true).unwrap();
    let found = |word: &str| -> Vec<i64> {
        let words = crate::query::Words { text: word.into(), begins: false };
        let condition = crate::query::Tree::Is(search::Test::Words(words));
        let query = emails::EmailQuery { condition, ..Default::default() };
        let rows = desk.store.read(|tx| emails::list(tx, &query, Sight::Everything)).unwrap();
        rows.iter().map(|row| row.email.id).collect()
    };
    let first_source = email(id).unwrap().raw_id.unwrap();
    assert_eq!(found("indented"), [id]);
    let edited = Started { letter: Letter { text: "Hello".into(), ..resumed.letter.clone() }, ..resumed };
    assert_eq!(desk.write(|tx, world| kept(tx, world, &edited)).unwrap(), id, "the id stays");
    assert!(found("indented").is_empty(), "the index goes with it");
    assert_eq!(found("Hello"), [id]);
    assert!(desk.store.read(|tx| raw::bytes(tx, first_source)).is_err(), "the old text is nowhere");

    let news_of = |started: &Started| desk.store.read(|tx| news(tx, started, &Actor::Administrator)).unwrap();
    assert!(news_of(&resume()).is_none());
    desk.write(|tx, _| put(tx, b"From: eva@customer.example\r\nMessage-ID: <q3@x>\r\n\r\nHurry\r\n", Some(case.id)))
        .unwrap();
    let news = news_of(&resume()).unwrap();
    assert!(news.starts_with("case #1: since you began this letter, a mail came from eva@customer.example"), "{news}");

    let (sent, sent_id) = desk.send(&resume()).unwrap();
    assert_eq!((sent_id, sent.text.trim_end()), (id, "Hello"));
    assert_eq!(sent.html.as_deref().map(str::trim), Some("<p>Hello</p>"));
    assert_eq!(addresses(&desk.store.read(|tx| emails::addresses(tx, id, Field::Bcc)).unwrap()), "b@x.example");
    assert_eq!((email(id).unwrap().status, email(id).unwrap().case_id()), (EmailStatus::Sending, Some(case.id)));
    assert_eq!(desk.case().status, CaseStatus::Pending);
    let gone = email(id).unwrap();
    let again = desk.write(|tx, world| super::resume(tx, world, &actor(tx, "ana")?, &gone));
    assert!(again.unwrap_err().to_string().contains("is not a draft"));
}

#[test]
fn a_draft_that_is_another_now_is_neither_sent_again_nor_written_over() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("First.")).unwrap();
    let keep = |started: &Started| desk.write(|tx, world| kept(tx, world, started));
    let id = keep(&started).unwrap();
    let email = || desk.store.read(|tx| emails::by_id(tx, id, Sight::Everything)).unwrap().unwrap();
    let text = || desk.store.read(|tx| emails::text(tx, id)).unwrap();
    let resume = || {
        let email = email();
        desk.write(|tx, world| resume(tx, world, &actor(tx, "ana")?, &email)).unwrap()
    };
    let refused = |started: &Started, what: &str| {
        let (sent, kept) = (desk.send(started).unwrap_err(), keep(started).unwrap_err());
        let expected = format!("draft {id}: {what} meanwhile");
        assert_eq!((sent.to_string(), kept.to_string()), (expected.clone(), expected));
    };
    let mut old = resume();
    old.letter.text = "From the other window.".into();
    let mut new = resume();
    new.letter.text = "Second.".into();
    assert_eq!(keep(&new).unwrap(), id);
    refused(&old, "was changed");
    assert_eq!(text().trim_end(), "Second.");

    let (new, twice) = (resume(), resume());
    desk.send(&new).unwrap();
    refused(&twice, "was sent");
    assert_eq!((email().status, text().trim_end()), (EmailStatus::Sending, "Second."));
    assert_eq!(
        desk.store.read(|tx| rows::list(tx, &rows::OutboxQuery::default(), Sight::Everything)).unwrap().len(),
        1
    );

    let gone = Started { draft: Some(Kept { email_id: 99, raw_id: 1 }), ..started };
    let error = desk.send(&gone).unwrap_err();
    assert_eq!(error.to_string(), "draft 99: was deleted meanwhile");
}
