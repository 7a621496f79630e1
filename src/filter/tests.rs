#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::mail::address::Mailbox;
use crate::mail::message::Message;
use crate::mail::reading::Reading;

fn filter(id: i64, scope: Scope, condition: &str, actions: &[&str]) -> Filter {
    Filter {
        id,
        name: format!("f{id}"),
        scope,
        position: id,
        over_global: false,
        continues: false,
        active: true,
        conditions: condition.to_owned(),
        actions: actions.iter().map(|text| action::parse(text, scope).unwrap()).collect(),
        hits: 0,
        last_hit_at: None,
    }
}

fn message() -> Reading {
    let from = vec![Mailbox { name: "Ann".to_owned(), address: "ann@x.example".to_owned() }];
    Reading::of(Message { from, subject: "Offer".to_owned(), ..Message::default() })
}

fn names(verdict: &Verdict<'_>) -> String {
    verdict.matched.iter().map(|rule| rule.filter.name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn all_conditions_must_hold() {
    let message = message();
    for (conditions, expected) in [
        ("from=ann@*\nsubject=offer", true),
        ("from=ann@*\nsubject=invoice", false),
        ("from=budi@*\nsubject=offer", false),
        ("from=ann@*\nnot subject=invoice", true),
        ("from=ann@*\nnot subject=offer", false),
    ] {
        let rule = Rule::new(filter(1, Scope::Global, conditions, &["skip"])).unwrap();
        assert_eq!(rule.matches(&Look::new(&message, 0)), expected, "{conditions}");
    }
    let empty = Rule::new(filter(1, Scope::Global, "", &["skip"])).unwrap();
    assert!(!empty.matches(&Look::new(&message, 0)), "nothing is no condition");
}

#[test]
fn global_filters_come_first_except_for_mail_that_an_account_exempts() {
    let (five, six) = (Scope::Account(5), Scope::Account(6));
    let mut filters = [
        filter(1, Scope::User(1), "from=*", &["read"]),
        filter(2, six, "from=*", &["no-case"]),
        filter(3, five, "from=*", &["no-case"]),
        filter(4, Scope::Global, "from=*", &["skip"]),
        Filter { position: 0, ..filter(5, Scope::Global, "from=*", &["skip"]) },
        Filter { over_global: true, ..filter(6, five, "from=*", &["none"]) },
    ];
    filters.sort_by_key(Filter::rank);
    let order: Vec<i64> = filters.iter().map(|filter| filter.id).collect();
    assert_eq!(order, [6, 5, 4, 3, 2, 1]);
    let of_six: Vec<i64> = filters.iter().filter(|f| concerns(f.scope, 6)).map(|f| f.id).collect();
    assert_eq!(of_six, [5, 4, 2], "nothing of other accounts or of users");
}

#[test]
fn the_first_match_decides_unless_it_continues() {
    let message = message();
    let look = Look::new(&message, 0);
    let rule = |id, condition, actions: &[&str], continues| {
        Rule::new(Filter { continues, ..filter(id, Scope::Global, condition, actions) }).unwrap()
    };
    let rules = [
        rule(1, "from=nobody@*", &["skip"], false),
        rule(2, "from=ann@*", &["priority:high", "type:Sale"], true),
        Rule {
            filter: Filter { active: false, ..filter(7, Scope::Global, "from=*", &["skip"]) },
            ..rule(7, "from=*", &["skip"], false)
        },
        rule(3, "subject=offer", &["priority:low", "team:Sales", "team:Support"], true),
        rule(4, "subject=*", &["no-case"], false),
        rule(5, "subject=*", &["skip"], false),
    ];
    let verdict = judge(rules.iter(), &look);
    assert_eq!((names(&verdict).as_str(), verdict.asked), ("f2 f3 f4", 4));
    let value = |kind| verdict.first(kind).map(|(filter, action)| format!("{} {action}", filter.name));
    assert_eq!(value(ActionKind::Priority).as_deref(), Some("f2 priority:high"), "what the first decided stays");
    assert_eq!(value(ActionKind::NoCase).as_deref(), Some("f4 no-case"));
    assert_eq!(value(ActionKind::Skip), None);
    assert_eq!(verdict.all(ActionKind::Team).count(), 2);
    assert_eq!(
        verdict.reason().unwrap(),
        "\"f2\" matched (from=ann@*): priority:high, type:Sale; \"f3\" matched (subject=offer): priority:low, team:Sales, \
            team:Support; \"f4\" matched (subject=*): no-case"
    );
    let none = judge(rules.iter().take(1), &look);
    assert_eq!(none.reason().as_deref(), Some("none of 1 matched"));
    assert_eq!(judge([].iter(), &look).reason(), None);
}

#[test]
fn filters_that_contradict_themselves_are_refused() {
    let (account, user) = (Scope::Account(1), Scope::User(1));
    let sound = |scope, actions: &[&str]| filter(1, scope, "from=*", actions);
    for (filter, refused) in [
        (sound(Scope::Global, &["skip"]), ""),
        (sound(account, &["team:A", "team:B", "no-case"]), ""),
        (sound(user, &["read", "folder:News", "important"]), ""),
        (Filter { over_global: true, ..sound(account, &["none"]) }, ""),
        (Filter { conditions: String::new(), ..sound(account, &["skip"]) }, "--if: a filter without a condition"),
        (sound(account, &[]), "--do: say what"),
        (sound(account, &["skip", "no-case"]), "--do: skip stands alone"),
        (sound(account, &["type:x", "none"]), "--do: none stands alone"),
        (Filter { continues: true, ..sound(account, &["skip"]) }, "--continue: skip ends"),
        (sound(account, &["type:x", "type:y"]), "--do: type is given twice"),
        (Filter { over_global: true, ..sound(account, &["skip"]) }, "--over-global: only"),
        (Filter { over_global: true, ..sound(Scope::Global, &["none"]) }, "--over-global: only"),
        (Filter { over_global: true, ..sound(user, &["none"]) }, "--over-global: only"),
    ] {
        let said = action::check(&filter).err().unwrap_or_default();
        assert!(said.starts_with(refused) && said.is_empty() == refused.is_empty(), "{said} / {refused}");
    }
    for (text, scope, why) in [
        ("read", Scope::Global, "\"read\" is not an action of a filter for everybody; use skip, folder:FOLDER"),
        ("no-case", user, "\"no-case\" is not an action of a user's filter; use skip, folder:FOLDER, read"),
        ("delete", account, "\"delete\" is not an action"),
        ("team", account, "team: needs a team, as in team:TEAM"),
        ("skip:now", account, "skip: takes no value"),
        ("type:a\nb", account, "type: its value must have"),
    ] {
        let said = action::parse(text, scope).err().unwrap_or_else(|| panic!("{text} was taken"));
        assert!(said.starts_with(why), "{said}");
    }
}

/// The letters a and b, as if by chance.
pub fn without_order(bytes: usize) -> String {
    let mut seed = 1_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        if seed & 64 == 0 { 'a' } else { 'b' }
    };
    (0..bytes).map(|_| next()).collect()
}

/// `count` filters of a scope, with ids from `first` on.
fn many(scope: Scope, first: i64, count: i64, condition: &str) -> impl Iterator<Item = Filter> {
    (first..first + count).map(move |id| filter(id, scope, &condition.replace('N', &id.to_string()), &["none"]))
}

fn answers(filters: Vec<Filter>, ids: &[i64], message: &Reading) -> Vec<Answer> {
    let rules = ready(filters).unwrap();
    let of = |id: &i64| rules.iter().find(|rule| rule.filter.id == *id).unwrap();
    ids.iter().map(|id| of(id).answer(&Look::new(message, 0))).collect()
}

/// A user who writes many and large ones takes nothing from others.
#[test]
fn filters_of_one_scope_cost_others_nothing() {
    let text = format!("{} the end", without_order(15_500));
    let message = Reading::of(Message { text, ..Message::default() });
    let hostile = "body=regex:a[ab]{50}(cN|d)";
    let small = "body=regex:the (end|stop)";
    let (account, ana) = (Scope::Account(1), Scope::User(1));
    let others = [filter(1, Scope::Global, small, &["none"]), filter(2, account, small, &["none"])];
    let both = |scope| others.iter().cloned().chain(many(scope, 100, 200, hostile)).collect::<Vec<_>>();
    for scope in [Scope::Global, account, ana, Scope::User(2)] {
        let mut filters = both(scope);
        filters.push(filter(3, ana, small, &["none"]));
        let answers = answers(filters, &[1, 2, 3], &message);
        for (at, own) in [Scope::Global, account, ana].iter().enumerate() {
            let expected = if *own == scope { Answer::CutOff } else { Answer::Matches };
            assert_eq!(answers.get(at), Some(&expected), "{own:?} beside 200 of {scope:?}");
        }
    }
}

/// One that is asked alone, after others, or while another is switched off, says the same.
#[test]
fn a_part_depends_on_what_filters_there_are_alone() {
    let text = format!("{} the end", without_order(6_000));
    let message = Reading::of(Message { text, ..Message::default() });
    let mut filters: Vec<Filter> = many(Scope::Global, 1, 300, "body=regex:a[ab]{7}(cN|d)").collect();
    filters.push(filter(999, Scope::Global, "body=the end", &["none"]));
    let rules = ready(filters.clone()).unwrap();
    let (forwards, backwards) = (Look::new(&message, 0), Look::new(&message, 0));
    let first: Vec<Answer> = rules.iter().map(|rule| rule.answer(&forwards)).collect();
    let mut again: Vec<Answer> = rules.iter().rev().map(|rule| rule.answer(&backwards)).collect();
    again.reverse();
    assert_eq!(first, again);
    assert_eq!(first.iter().filter(|answer| **answer == Answer::CutOff).count(), 300);
    filters.iter_mut().skip(5).for_each(|filter| filter.active = filter.id == 999);
    assert_eq!(answers(filters, &[1, 2, 999], &message), [Answer::No, Answer::No, Answer::Matches], "fewer: more each");
}

/// What is cut off does nothing.
#[test]
fn the_contrary_of_what_was_cut_off_does_not_hold() {
    let message =
        Reading::of(Message { text: without_order(6_000), subject: "Offer".to_owned(), ..Message::default() });
    let lines = "subject=offer\nnot body=regex:a[ab]{50}(cN|d)";
    let filters: Vec<Filter> = many(Scope::Global, 1, 400, lines).collect();
    let rules = ready(filters).unwrap();
    let verdict = judge(rules.iter(), &Look::new(&message, 0));
    assert!(verdict.matched.is_empty());
    assert_eq!(verdict.cut_off.len(), 400);
    assert_eq!(verdict.reason().unwrap(), "none of 400 matched; cut off: f1, f2, f3, 397 more");
    let finding = rules.first().and_then(|rule| rule.conditions.get(1)).unwrap().judge(&Look::new(&message, 0));
    assert_eq!((finding.holds, finding.why.as_str()), (false, "cut off: it would take too long on this message"));
    let alone = Rule::new(filter(1, Scope::Global, lines, &["none"])).unwrap();
    assert!(
        alone.matches(&Look::new(&Reading::of(Message { text: "short".to_owned(), ..Message::clone(&message) }), 0))
    );
}

/// What is compiled is bounded, too: the later ones are never.
#[test]
fn of_too_many_large_ones_the_later_are_never_asked() {
    let message = Reading::of(Message { text: "due 12".to_owned(), ..Message::default() });
    let large: Vec<Filter> = many(Scope::Global, 1, 100, "body=regex:due \\d{2}(N|!)?").collect();
    let rules = ready(large).unwrap();
    let fits = rules.iter().take_while(|rule| !rule.is_too_large()).count();
    assert!((40..80).contains(&fits), "{fits}");
    assert!(rules.iter().skip(fits).all(Rule::is_too_large));
    let said = |at: usize| rules.get(at).map(|rule| rule.answer(&Look::new(&message, 0)));
    assert_eq!(
        (said(0), said(fits - 1), said(fits)),
        (Some(Answer::Matches), Some(Answer::Matches), Some(Answer::CutOff))
    );
    let why = rules.get(fits).and_then(|rule| rule.conditions.first()).unwrap().judge(&Look::new(&message, 0)).why;
    assert_eq!(why, "not asked: it is too large in addition to the others");
}

/// Everything in the text but what is sought last, which is there at the end.
#[test]
fn plain_texts_have_their_part_as_well() {
    let long = without_order(50);
    let message = Reading::of(Message { text: format!("{} {long}c", without_order(200_000)), ..Message::default() });
    for (condition, count, expected) in [
        (format!("body={long}c"), 1, Answer::Matches),
        (format!("body={long}c"), 500, Answer::CutOff),
        (format!("body=*{long}c"), 500, Answer::CutOff),
        ("body-all=a b c".to_owned(), 1, Answer::Matches),
        (format!("body-all={}", "c".repeat(50)), 500, Answer::CutOff),
        ("subject=offer".to_owned(), 500, Answer::No),
        ("from=*".to_owned(), 500, Answer::No),
    ] {
        let filters = many(Scope::Global, 1, count, &condition).collect();
        assert_eq!(answers(filters, &[1], &message), [expected], "{count} x {condition:.20}");
    }
}
