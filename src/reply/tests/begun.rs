//! Recipients, sender and text of a letter that is begun.

use super::*;

#[test]
fn an_answer_goes_to_whom_it_concerns_in_the_thread_it_belongs_to() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("Sorry.")).unwrap();
    let (sent, email_id) = desk.send(&started).unwrap();
    assert_eq!(addresses(&sent.to), "eva@customer.example");
    assert_eq!(addresses(&sent.cc), "lee@customer.example budi@staff.example", "neither our accounts nor the writer");
    assert_eq!(sent.subject, "[#1] Re: Invoice");
    assert_eq!(sent.in_reply_to, ["q2@customer.example"]);
    assert_eq!(sent.references[1..], ["q0@customer.example", "q1@customer.example", "q2@customer.example"]);
    let signer = crate::mail::message_id::Signer::new(&[7; 32]);
    for id in [&sent.references[0], sent.message_id.as_ref().unwrap()] {
        assert_eq!(signer.verify(id).map(|id| id.key), Some(case.key.clone()), "{id}");
    }
    assert_eq!(addresses(&sent.reply_to), "support@desk.example");
    let email = desk.store.read(|tx| emails::by_id(tx, email_id, Sight::Everything)).unwrap().unwrap();
    assert_eq!((email.status, email.case_id()), (EmailStatus::Sending, Some(case.id)));
    assert_eq!(desk.case().waiting_for, WaitingFor::Customer);
}

#[test]
fn a_colleague_reads_along_unless_their_account_says_otherwise() {
    let desk = desk(QUESTION.as_bytes());
    desk.store.write(|tx| account(tx, "budi", AccountKind::Personal)).unwrap();
    desk.change("budi", |account| account.address = "budi@staff.example".into());
    let copied = || addresses(&desk.begin("ana", Occasion::Case(&desk.case()), words("x")).unwrap().letter.head.cc);
    assert_eq!(copied(), "lee@customer.example budi@staff.example");
    desk.change("budi", |account| account.personal.exclude_from_reply = true);
    assert_eq!(copied(), "lee@customer.example");
}

#[test]
fn recipients_by_kind_of_answer() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let other = desk.write(|tx, _| put(tx, QUESTION.as_bytes(), None)).unwrap();
    let unverified = Email { verified: false, ..desk.original.clone() };
    let ours = Email { status: EmailStatus::Sent, ..other.clone() };
    let answer = |email, case, all| Occasion::Answer { email, case, all };
    for (occasion, to, cc) in [
        (answer(&desk.original, Some(&case), false), "eva@customer.example", ""),
        (answer(&desk.original, Some(&case), true), "eva@customer.example", "lee@customer.example budi@staff.example"),
        (answer(&unverified, Some(&case), true), "eva@customer.example", ""),
        (answer(&other, None, true), "eva@customer.example", "lee@customer.example budi@staff.example"),
        (answer(&ours, None, false), "lee@customer.example", ""),
        (Occasion::Forward { email: &other, case: None, attached: false }, "", ""),
        (Occasion::New, "", ""),
    ] {
        let wishes = Wishes { account: None, from: FromWish::Usual, ..words("x") };
        desk.change("support", |account| account.sending.shared = true);
        let head = desk.begin("ana", occasion, wishes).unwrap().letter.head;
        assert_eq!((addresses(&head.to), addresses(&head.cc)), (to.to_owned(), cc.to_owned()), "{occasion:?}");
    }
    let mailbox = |address: &str| Mailbox { name: String::new(), address: address.into() };
    let wishes = Wishes {
        to: vec![mailbox("x@y.example")],
        cc: vec![mailbox("x@y.example"), mailbox("z@y.example")],
        bcc: vec![mailbox("z@y.example"), mailbox("b@y.example")],
        ..words("x")
    };
    let head = desk.begin("ana", Occasion::Case(&case), wishes).unwrap().letter.head;
    let all = [addresses(&head.to), addresses(&head.cc), addresses(&head.bcc)];
    assert_eq!(all, ["x@y.example", "z@y.example", "b@y.example"], "what is given replaces, each address once");
}

#[test]
fn who_sends() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let from = |user: &str, occasion: Occasion<'_>, wish: FromWish| {
        let started = desk.begin(user, occasion, Wishes { from: wish, ..words("x") });
        started.map(|s| s.sender.from.address).map_err(|e| error::classify(&e).0.exit_code())
    };
    let address = |text: &str| FromWish::Address(text.into());
    let (of_case, new) = (Occasion::Case(&case), Occasion::New);
    let group = Ok("support@desk.example".to_owned());
    // Nobody shares anything: the account of the case is for its cases.
    assert_eq!(from("ana", of_case, FromWish::Usual), group);
    assert_eq!(from("ana", new, FromWish::Usual), group, "it is the only one that she could name");
    assert_eq!(from("ana", of_case, FromWish::User), Err(65));
    assert_eq!(from("ana", new, address("support@desk.example")), group, "named, of a team in common");
    assert_eq!(from("eko", new, address("support@desk.example")), Err(77));
    assert_eq!(from("ana", of_case, address("eve@elsewhere.example")), Err(77));
    desk.change("support", |account| account.sending.shared = true);
    assert_eq!(from("ana", new, FromWish::Usual), group);
    assert_eq!(from("eko", new, FromWish::Usual), Err(65), "shared with its teams only");
    // The system account is for all, if it is shared.
    let desk = Desk { config: Config { system_account: Some("sales".into()), ..Config::default() }, ..desk };
    let from = |user: &str, occasion: Occasion<'_>, wish: FromWish| {
        let started = desk.begin(user, occasion, Wishes { from: wish, ..words("x") });
        started.map(|s| s.sender.from.address).map_err(|e| error::classify(&e).0.exit_code())
    };
    assert_eq!(from("eko", new, FromWish::Usual), Err(65));
    desk.change("sales", |account| account.sending.shared = true);
    assert_eq!(from("eko", new, FromWish::Usual), Ok("sales@desk.example".into()));
    // Without the permission none of them sends, neither that of the case nor the shared one.
    let levels = |level: Level| {
        let permission = Permission::GroupAccount;
        desk.store.write(|tx| roles::grant(tx, 1, permission, Some(level))).unwrap();
    };
    levels(Level::No);
    for (user, occasion, wish) in [
        ("ana", of_case, FromWish::Usual),
        ("ana", of_case, FromWish::Group),
        ("ana", new, address("support@desk.example")),
        ("eko", new, FromWish::Usual),
    ] {
        assert_eq!(from(user, occasion, wish.clone()), Err(77), "{user} {wish:?}");
    }
    levels(Level::All);
    assert_eq!(from("eko", new, address("support@desk.example")), group, "of no team in common");
    levels(Level::Team);
    // One's own account goes before all of them; the customer answers to the group all the same.
    desk.store.write(|tx| account(tx, "ana", AccountKind::Personal)).unwrap();
    desk.change("ana", |account| {
        account.user_id = Some(1);
        account.address = "ana.home@staff.example".into();
    });
    let own = Ok("ana.home@staff.example".to_owned());
    assert_eq!(from("ana", of_case, FromWish::Usual), group, "a case is answered from the group's address");
    assert_eq!(from("ana", of_case, FromWish::User), own);
    assert_eq!(from("ana", new, FromWish::Usual), own);
    assert_eq!(from("eko", new, address("ana.home@staff.example")), Err(77));
    let started = desk.begin("ana", of_case, Wishes { from: FromWish::User, ..words("x") }).unwrap();
    assert_eq!(addresses(&desk.send(&started).unwrap().0.reply_to), "support@desk.example");
    let mut to_sales = desk.begin("ana", new, Wishes { from: FromWish::Group, ..words("x") }).unwrap();
    to_sales.letter.head.to.push(Mailbox { name: String::new(), address: "kim@x.example".into() });
    assert!(desk.send(&to_sales).unwrap().0.reply_to.is_empty());
    desk.change("ana", |account| account.active = false);
    assert_eq!(from("ana", of_case, FromWish::Usual), group, "a disabled account does not count");
    desk.change("support", |account| account.smtp.host = None);
    assert_eq!(from("ana", of_case, FromWish::Usual), Err(65), "no other group answers for it");
}

#[test]
fn what_was_taken_away_since_a_letter_was_begun_stops_it_and_loses_nothing() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let started = desk.begin("ana", Occasion::Case(&case), words("Sorry.")).unwrap();
    let code = |result: Result<()>| result.map_err(|e| error::classify(&e).0.exit_code());
    for (permission, refused) in [
        (Permission::GroupAccount, 77),
        (Permission::CaseEdit, 77),
        (Permission::CaseRead, 65),
        (Permission::EmailEdit, 77),
    ] {
        let set = |level: Level| desk.store.write(|tx| roles::grant(tx, 1, permission, Some(level))).unwrap();
        set(Level::No);
        assert_eq!(code(desk.send(&started).map(|_| ())), Err(refused), "{permission}");
        let kept = desk.write(|tx, world| kept(tx, world, &started));
        assert_eq!(kept.is_ok(), permission != Permission::EmailEdit, "{permission}: kept as a draft");
        set(Level::Team);
    }
    desk.send(&started).unwrap();
}

#[test]
fn one_signature_and_the_quotation() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let text = |wishes: Wishes<'_>| desk.begin("ana", Occasion::Case(&case), wishes).unwrap().letter.text;
    assert_eq!(text(words("Sorry.\n")), "Sorry.\n");
    let signed = |signature: &str| {
        desk.store
            .write(|tx| {
                let mut user = users::by_username(tx, "ana")?.unwrap();
                user.signature = signature.into();
                users::update(tx, &user)
            })
            .unwrap();
    };
    signed("Ana");
    assert_eq!(text(words("Sorry.")), "Sorry.\n\n-- \nAna\n");
    desk.change("support", |account| account.sending.signature = "The desk".into());
    assert_eq!(text(words("Sorry.")), "Sorry.\n\n-- \nThe desk\n");
    let quoted = text(Wishes { quote: true, ..words("Sorry.") });
    let expected = "Sorry.\n\n-- \nThe desk\n\nOn Thu, 1 Jan 1970 at 00:00, Eva wrote:\n> It is wrong.\n";
    assert_eq!(quoted, expected);
}

#[test]
fn a_template_makes_the_text() {
    let desk = desk(QUESTION.as_bytes());
    let case = desk.case();
    let template = Template {
        id: 1,
        name: "t".into(),
        subject: "About {{ account.name }}".into(),
        body: "Dear {{ sender.name }}, {{ case.number }} {{ user.name }} {{ email.subject }}".into(),
        html: Some("<p>{{ sender.name }}</p>".into()),
    };
    let wishes = || Wishes { template: Some(&template), ..Wishes::default() };
    let letter = desk.begin("ana", Occasion::Case(&case), wishes()).unwrap().letter;
    assert_eq!(letter.text, "Dear Eva, 1 ana AW: Invoice [#1]");
    assert_eq!((letter.head.subject.as_str(), letter.html.as_deref()), ("Re: Invoice [#1]", Some("<p>Eva</p>")));
    desk.change("support", |account| (account.sending.shared, account.sending.signature) = (true, "The <desk>".into()));
    let html =
        desk.begin("ana", Occasion::Case(&case), Wishes { quote: true, ..wishes() }).unwrap().letter.html.unwrap();
    let below = "<p>Eva</p><p>-- <br>\nThe &lt;desk&gt;</p>\n<p>On Thu, 1 Jan 1970";
    assert!(html.starts_with(below) && html.contains("<blockquote>"), "{html}");
    assert_eq!(desk.begin("ana", Occasion::New, wishes()).unwrap().letter.head.subject, "About support");
}

#[test]
fn a_forward_takes_the_files_along_and_lets_the_customer_wait() {
    let raw = "From: Eva <eva@customer.example>\r\nSubject: Scan\r\nMessage-ID: <q@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nsee there\r\n--b\r\nContent-Type: image/png; name=scan.png\r\nContent-Disposition: attachment\r\n\r\nabc\r\n--b--\r\n";
    let desk = desk(raw.as_bytes());
    let case = desk.case();
    let forward = |attached| {
        let occasion = Occasion::Forward { email: &desk.original, case: Some(&case), attached };
        let lab = Mailbox { name: String::new(), address: "lab@x.example".into() };
        let started = desk.begin("ana", occasion, Wishes { to: vec![lab], ..words("What do you think?") }).unwrap();
        desk.send(&started).unwrap().0
    };
    let sent = forward(false);
    let files: Vec<&str> = sent.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((sent.subject.as_str(), files), ("[#1] Fwd: Scan", vec!["scan.png"]));
    assert!(sent.in_reply_to.is_empty());
    let sent = crate::mail::reading::Reading::of(sent);
    let read = sent.forward.as_ref().and_then(|forward| forward.meant()).unwrap();
    assert_eq!((read.comment.as_str(), read.text.as_str()), ("What do you think?", "see there"));
    let sent = forward(true);
    assert_eq!(sent.attachments.len(), 1, "{:?}", sent.attachments);
    assert_eq!(sent.enclosed.unwrap().text.trim(), "see there");
    assert_eq!(desk.case().waiting_for, WaitingFor::Nobody, "only an answer ends the waiting");
}
