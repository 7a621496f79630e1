//! What filters may do, and which of it goes together (B10.3).

use crate::store::cases::read_tag;
use crate::store::filters::{Action, ActionKind, Filter, Scope};

/// What a global filter or one of an account may do.
const FOR_ALL: &[ActionKind] = &[
    ActionKind::Skip,
    ActionKind::Folder,
    ActionKind::Team,
    ActionKind::NoCase,
    ActionKind::NoAutoReply,
    ActionKind::Priority,
    ActionKind::Type,
    ActionKind::Tag,
    ActionKind::Assign,
    ActionKind::None,
];

/// What a user's filter may do.
const FOR_USERS: &[ActionKind] = &[
    ActionKind::Skip,
    ActionKind::Folder,
    ActionKind::Read,
    ActionKind::NoNotification,
    ActionKind::Important,
    ActionKind::None,
];

/// Reads `KIND` or `KIND:VALUE`; what the value names is to be looked up.
///
/// # Errors
/// One sentence that says what is wrong.
pub fn parse(text: &str, scope: Scope) -> Result<Action, String> {
    let (kind, value) = text.split_once(':').map_or((text, ""), |(kind, value)| (kind, value.trim()));
    let allowed = if matches!(scope, Scope::User(_)) { FOR_USERS } else { FOR_ALL };
    let found = allowed.iter().find(|known| known.as_str().eq_ignore_ascii_case(kind.trim()));
    let Some(&kind) = found else {
        let written: Vec<String> = allowed.iter().map(|kind| written(*kind)).collect();
        let whose = if allowed == FOR_USERS { "a user's filter" } else { "a filter for everybody" };
        let given: String = text.chars().take(40).collect();
        return Err(format!("\"{given}\" is not an action of {whose}; use {}", written.join(", ")));
    };
    match (needs(kind), value) {
        (Some(what), "") => Err(format!("{kind}: needs {what}, as in {}", written(kind))),
        (None, value) if !value.is_empty() => Err(format!("{kind}: takes no value")),
        (_, value) if value.chars().count() > 100 || value.chars().any(char::is_control) => {
            Err(format!("{kind}: its value must have at most 100 characters, none of them a control character"))
        }
        (_, value) if kind == ActionKind::Tag => {
            let value = read_tag(value).map_err(|e| format!("{kind}: {e}"))?;
            Ok(Action { kind, value, target: None })
        }
        (_, value) => Ok(Action { kind, value: value.to_owned(), target: None }),
    }
}

fn needs(kind: ActionKind) -> Option<&'static str> {
    match kind {
        ActionKind::Folder => Some("a folder"),
        ActionKind::Team => Some("a team"),
        ActionKind::Assign => Some("a user"),
        ActionKind::Priority => Some("a priority"),
        ActionKind::Type => Some("a type"),
        ActionKind::Tag => Some("a tag"),
        _ => None,
    }
}

fn written(kind: ActionKind) -> String {
    match needs(kind) {
        Some(what) => format!("{kind}:{}", what.trim_start_matches("a ").to_uppercase()),
        None => kind.to_string(),
    }
}

/// Refuses filters that contradict themselves.
///
/// # Errors
/// One sentence with the flag at its beginning.
pub fn check(filter: &Filter) -> Result<(), String> {
    let kinds: Vec<ActionKind> = filter.actions.iter().map(|action| action.kind).collect();
    if filter.conditions.is_empty() {
        return Err("--if: a filter without a condition would match all mail; give one with --if or --not".to_owned());
    }
    if kinds.is_empty() {
        return Err("--do: say what the filter does".to_owned());
    }
    for alone in [ActionKind::Skip, ActionKind::None] {
        if kinds.contains(&alone) && kinds.len() > 1 {
            return Err(format!("--do: {alone} stands alone: nothing else happens then"));
        }
        if kinds.contains(&alone) && filter.continues {
            return Err(format!("--continue: {alone} ends the search for filters, so nothing can follow"));
        }
    }
    let twice = kinds.iter().enumerate().find(|(at, kind)| {
        !matches!(kind, ActionKind::Team | ActionKind::Tag) && kinds.iter().take(*at).any(|earlier| earlier == *kind)
    });
    if let Some((_, kind)) = twice {
        return Err(format!("--do: {kind} is given twice"));
    }
    let may_be_over = matches!(filter.scope, Scope::Account(_)) && kinds == [ActionKind::None];
    if filter.over_global && !may_be_over {
        return Err(
            "--over-global: only a filter of an account with the action none can have it: it keeps mail from the global filters".to_owned()
        );
    }
    Ok(())
}
