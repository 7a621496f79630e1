#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::mail::address::Mailbox;
use crate::mail::message::Message;

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

fn message() -> Message {
    let from = vec![Mailbox { name: "Ann".to_owned(), address: "ann@x.example".to_owned() }];
    Message { from, subject: "Offer".to_owned(), ..Message::default() }
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
fn global_ones_come_first_but_for_what_an_account_takes_out_of_them() {
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
        ("read", Scope::Global, "\"read\" is nothing that a filter for everybody does; it may skip, folder:FOLDER"),
        ("no-case", user, "\"no-case\" is nothing that a user's filter does; it may skip, folder:FOLDER, read"),
        ("delete", account, "\"delete\" is nothing"),
        ("team", account, "team: needs a team, as in team:TEAM"),
        ("skip:now", account, "skip: takes no value"),
        ("type:a\nb", account, "type: its value must have"),
    ] {
        let said = action::parse(text, scope).err().unwrap_or_else(|| panic!("{text} was taken"));
        assert!(said.starts_with(why), "{said}");
    }
}
