//! What roles speak of: permissions and how far each reaches (B11.2). Values only; [`super::roles`] stores them.

use super::accounts::AccountKind;
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
            Permission::CaseRead
            | Permission::CaseEdit
            | Permission::RecordRead
            | Permission::RecordEdit
            | Permission::EmailRead
            | Permission::EmailEdit => &[Level::No, Level::Own, Level::Team, Level::All],
        }
    }

    /// What holds without a role.
    pub fn usual(self) -> Level {
        match self {
            Permission::CaseRead
            | Permission::CaseEdit
            | Permission::RecordRead
            | Permission::RecordEdit
            | Permission::EmailRead
            | Permission::EmailEdit
            | Permission::Assignment => Level::Team,
            Permission::GroupAccount => Level::No,
            Permission::PersonalAccount => Level::Yes,
        }
    }

    /// What it can be asked about.
    pub fn about(self) -> About {
        match self {
            Permission::CaseRead | Permission::CaseEdit => About::Cases,
            Permission::RecordRead | Permission::RecordEdit => About::Records,
            Permission::EmailRead | Permission::EmailEdit => About::Emails,
            Permission::Assignment => About::Users,
            Permission::GroupAccount => About::Accounts(AccountKind::Group),
            Permission::PersonalAccount => About::Accounts(AccountKind::Personal),
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
            Permission::CaseRead
            | Permission::RecordRead
            | Permission::EmailRead
            | Permission::Assignment
            | Permission::GroupAccount
            | Permission::PersonalAccount => None,
        }
    }
}

/// What a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Cases,
    /// Companies, contacts, leads and opportunities.
    Records,
    Emails,
    /// To whom something is given.
    Users,
    /// Accounts of one kind.
    Accounts(AccountKind),
}

/// The level of every permission that a user has by all their roles together; what none of them sets is as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels([Option<Level>; Permission::ALL.len()]);

impl Levels {
    /// What holds without a role.
    pub const USUAL: Levels = Levels([None; Permission::ALL.len()]);

    /// Of several roles the widest wins.
    pub fn widest(grants: impl IntoIterator<Item = (Permission, Level)>) -> Levels {
        let Levels(mut set) = Levels::USUAL;
        for (permission, level) in grants {
            if let Some(widest) = set.get_mut(permission as usize) {
                *widest = (*widest).max(Some(level));
            }
        }
        Levels(set)
    }

    /// The level of one permission.
    pub fn of(self, permission: Permission) -> Level {
        self.0.get(permission as usize).copied().flatten().unwrap_or(permission.usual())
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
    fn the_widest_of_several_roles_wins_over_the_usual_level() {
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
