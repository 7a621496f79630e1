//! What roles speak of: permissions and how far each reaches (B11.2). Values only; [`super::roles`] stores them.

use super::label::labels;
use super::parent::ParentType;

labels! {
    /// What may be allowed.
    pub enum Permission {
        /// Seeing cases.
        CaseRead = "case-read",
        /// Changing cases; making one needs any level but `no`.
        CaseEdit = "case-edit",
        /// Seeing companies, contacts, leads and opportunities.
        RecordRead = "record-read",
        /// Changing them; making one needs any level but `no`.
        RecordEdit = "record-edit",
        /// Seeing emails.
        EmailRead = "email-read",
        /// Linking, sharing and sorting them for a team; writing one needs any level but `no`.
        EmailEdit = "email-edit",
        /// Giving cases and records to other users.
        Assignment = "assignment",
        /// Sending by group accounts.
        GroupAccount = "group-account",
        /// Having accounts of one's own.
        PersonalAccount = "personal-account",
    }
}

labels! {
    /// How far a permission reaches, the narrowest first.
    pub enum Level {
        /// Nowhere.
        No = "no",
        /// To what is assigned to the user or was opened by them; to mail in their folders and of such cases.
        Own = "own",
        /// Besides, to what has a team in common with the user.
        Team = "team",
        /// To everything but what is private to others (B6.1).
        All = "all",
        /// Simply allowed, for permissions that reach to nothing in particular.
        Yes = "yes",
    }
}

impl Permission {
    /// The levels it can have.
    pub fn levels(self) -> &'static [Level] {
        match self {
            Permission::Assignment | Permission::GroupAccount => &[Level::No, Level::Team, Level::All],
            Permission::PersonalAccount => &[Level::No, Level::Yes],
            _ => &[Level::No, Level::Own, Level::Team, Level::All],
        }
    }

    /// What it takes to see a record of this type.
    pub fn to_read(kind: ParentType) -> Permission {
        if kind == ParentType::Case { Permission::CaseRead } else { Permission::RecordRead }
    }

    /// What it takes to change a record of this type.
    pub fn to_edit(kind: ParentType) -> Permission {
        if kind == ParentType::Case { Permission::CaseEdit } else { Permission::RecordEdit }
    }

    /// The permission to read that this one, to edit, needs besides.
    pub fn read_first(self) -> Option<Permission> {
        match self {
            Permission::CaseEdit => Some(Permission::CaseRead),
            Permission::RecordEdit => Some(Permission::RecordRead),
            Permission::EmailEdit => Some(Permission::EmailRead),
            _ => None,
        }
    }
}

/// The level of every permission that a user has by all their roles together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels([Level; Permission::ALL.len()]);

impl Levels {
    /// What holds without a role, in the order of [`Permission::ALL`].
    pub const USUAL: Levels = Levels([
        Level::Team,
        Level::Team,
        Level::Team,
        Level::Team,
        Level::Team,
        Level::Team,
        Level::Team,
        Level::No,
        Level::Yes,
    ]);

    /// Of several roles the widest wins; what none of them sets stays as usual.
    pub fn widest(grants: impl IntoIterator<Item = (Permission, Level)>) -> Levels {
        let mut set = [None; Permission::ALL.len()];
        for (permission, level) in grants {
            if let Some(widest) = set.get_mut(permission as usize) {
                *widest = (*widest).max(Some(level));
            }
        }
        let Levels(mut levels) = Levels::USUAL;
        for (level, set) in levels.iter_mut().zip(set) {
            *level = set.unwrap_or(*level);
        }
        Levels(levels)
    }

    /// The level of one permission.
    pub fn of(self, permission: Permission) -> Level {
        self.0.get(permission as usize).copied().unwrap_or(Level::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_role_the_usual_levels_hold() {
        for permission in Permission::ALL {
            let usual = match permission {
                Permission::GroupAccount => Level::No,
                Permission::PersonalAccount => Level::Yes,
                _ => Level::Team,
            };
            assert_eq!(Levels::widest([]).of(*permission), usual, "{permission}");
            assert!(permission.levels().contains(&usual), "{permission}");
        }
    }

    #[test]
    fn of_several_roles_the_widest_wins_whatever_the_usual_level() {
        use Level::{All, No, Own, Team};
        for (grants, widest) in [
            (vec![No], No),
            (vec![Own], Own),
            (vec![No, Own], Own),
            (vec![Own, No], Own),
            (vec![Own, Team, No], Team),
            (vec![All, Own], All),
            (vec![Team, All], All),
            (vec![], Team),
        ] {
            let given = grants.iter().map(|level| (Permission::CaseRead, *level));
            let levels = Levels::widest(given);
            assert_eq!(levels.of(Permission::CaseRead), widest, "{grants:?}");
            assert_eq!(levels.of(Permission::CaseEdit), Team, "{grants:?}: another permission stays as usual");
        }
        let all =
            Permission::ALL.iter().flat_map(|permission| permission.levels().iter().map(|level| (*permission, *level)));
        let levels = Levels::widest(all);
        for permission in Permission::ALL {
            assert_eq!(Some(&levels.of(*permission)), permission.levels().last(), "{permission}");
        }
    }
}
