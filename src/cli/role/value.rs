//! Permissions and levels as people write them.

use anyhow::Result;

use crate::error;
use crate::store::permissions::{Level, Permission};

/// A level, or that a role says nothing about a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting(Option<Level>);

/// A level on the command line.
pub fn setting(text: &str) -> Result<Setting, String> {
    if text.eq_ignore_ascii_case("unset") {
        return Ok(Setting(None));
    }
    text.parse().map(|level| Setting(Some(level))).map_err(|_| {
        let known: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
        format!("must be one of {}, unset, not \"{text}\"", known.join(", "))
    })
}

/// The permissions of a name: one, or for `case`, `record` and `email` those to read and to edit.
pub fn permissions(name: &str) -> Result<Vec<Permission>> {
    let name = name.to_lowercase();
    let of = |ending: &str| format!("{name}{ending}").parse::<Permission>().ok();
    if let Some(one) = of("") {
        return Ok(vec![one]);
    }
    if let (Some(read), Some(edit)) = (of("-read"), of("-edit")) {
        return Ok(vec![read, edit]);
    }
    let known: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    Err(error::usage(format!("\"{name}\" is not a permission"))
        .hint(format!("known: {}; case, record and email mean both", known.join(", ")))
        .into())
}

/// The level to be set.
///
/// # Errors
/// One that a permission cannot have.
pub fn fitting(permissions: &[Permission], Setting(level): Setting) -> Result<Option<Level>> {
    for permission in permissions {
        let known = permission.levels();
        if level.is_some_and(|level| !known.contains(&level)) {
            let known: Vec<&str> = known.iter().map(|level| level.as_str()).collect();
            return Err(error::usage(format!("the level of {permission} must be one of {}, unset", known.join(", ")))
                .hint("see `espomail role grant --help`")
                .into());
        }
    }
    Ok(level)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_short_name_means_reading_and_editing() {
        for (name, meant) in [
            ("case", vec![Permission::CaseRead, Permission::CaseEdit]),
            ("record", vec![Permission::RecordRead, Permission::RecordEdit]),
            ("Email", vec![Permission::EmailRead, Permission::EmailEdit]),
            ("case-edit", vec![Permission::CaseEdit]),
            ("group-account", vec![Permission::GroupAccount]),
        ] {
            assert_eq!(permissions(name).unwrap(), meant, "{name}");
        }
        for unknown in ["", "-read", "cases", "assign", "group"] {
            assert!(permissions(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_permission_has_the_levels_that_fit_it() {
        for (name, level, fits) in [
            ("case", "own", true),
            ("case", "yes", false),
            ("assignment", "own", false),
            ("assignment", "no", true),
            ("group-account", "own", false),
            ("group-account", "ALL", true),
            ("personal-account", "yes", true),
            ("personal-account", "team", false),
            ("personal-account", "unset", true),
        ] {
            let fitting = fitting(&permissions(name).unwrap(), setting(level).unwrap());
            assert_eq!(fitting.is_ok(), fits, "{name} {level}");
        }
        assert!(setting("some").is_err());
        assert_eq!(setting("unset").unwrap(), Setting(None));
    }
}
