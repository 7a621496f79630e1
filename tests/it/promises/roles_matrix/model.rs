//! What the rules say (B11, B6.1), told again in a few lines and without a database.

/// How far a permission reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    No,
    Own,
    Team,
    All,
}

/// What an object is to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Assigned to the user, in their inbox, theirs.
    Own,
    /// Of one of their teams; a private mail that its owner shared with such a team, too.
    Team,
    /// Of another team, or of nobody.
    Foreign,
    /// Mail of another's personal account, another's draft or filter.
    Private,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Case,
    Email,
    Record,
    Account,
    Filter,
    Folder,
    Notification,
    Outbox,
    Draft,
}

/// One role and how the user comes by it.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    pub through_team: bool,
    /// Levels of reading and of changing; `None` is left to other roles.
    pub case: Option<(Level, Level)>,
    pub record: Option<(Level, Level)>,
    pub email: Option<(Level, Level)>,
}

impl Role {
    /// Permission and level, as `role grant` takes them.
    pub fn grants(&self) -> Vec<(String, Level)> {
        let all = [("case", self.case), ("record", self.record), ("email", self.email)];
        let pairs = all.into_iter().filter_map(|(noun, levels)| Some((noun, levels?)));
        pairs
            .flat_map(|(noun, (read, edit))| [(format!("{noun}-read"), read), (format!("{noun}-edit"), edit)])
            .collect()
    }
}

/// The user of one part of the matrix.
#[derive(Debug, Clone, Copy)]
pub struct Who {
    pub name: &'static str,
    pub admin: bool,
    /// The type of records that is looked at.
    pub records: &'static str,
    pub roles: &'static [Role],
}

impl Who {
    fn level(&self, permission: &str) -> Level {
        let grants = self.roles.iter().flat_map(Role::grants);
        let set = grants.filter(|(name, _)| name == permission).map(|(_, level)| level).max();
        set.unwrap_or(Level::Team)
    }

    /// Levels of reading and of changing. What belongs to one user does not depend on roles: accounts and folders of one's
    /// teams are known, one's own are changed.
    fn levels(&self, kind: Kind) -> (Level, Level) {
        match kind {
            Kind::Case => (self.level("case-read"), self.level("case-edit")),
            Kind::Email => (self.level("email-read"), self.level("email-edit")),
            Kind::Record => (self.level("record-read"), self.level("record-edit")),
            Kind::Account | Kind::Folder => (Level::Team, Level::Own),
            Kind::Filter => (Level::Own, Level::Own),
            // About a case.
            Kind::Notification => (self.level("case-read"), self.level("case-read")),
            Kind::Outbox | Kind::Draft => (self.level("email-read"), self.level("email-edit")),
        }
    }

    /// Whether the user may write any mail.
    pub fn writes_mail(&self) -> bool {
        self.edits(Kind::Email, Relation::Own)
    }

    /// A user who reads cases and mail of their teams reads all mail of those cases, except what is private.
    pub fn reads_mail_of_cases(&self) -> bool {
        self.level("email-read") == Level::Team && self.level("case-read") <= Level::Team
    }

    pub fn reads(&self, kind: Kind, relation: Relation) -> bool {
        if self.admin { administers(kind, relation) } else { reaches(self.levels(kind).0, relation) }
    }

    /// What is not read is not changed.
    pub fn edits(&self, kind: Kind, relation: Relation) -> bool {
        let may_change = match kind {
            _ if !self.admin => reaches(self.levels(kind).1, relation),
            // Nobody writes in another's name.
            Kind::Draft => relation == Relation::Own,
            _ => true,
        };
        may_change && self.reads(kind, relation)
    }
}

/// An administrator sees all that is not another's desk.
fn administers(kind: Kind, relation: Relation) -> bool {
    !matches!(kind, Kind::Folder | Kind::Notification) || relation != Relation::Private
}

fn reaches(level: Level, relation: Relation) -> bool {
    match relation {
        Relation::Own => level >= Level::Own,
        Relation::Team => level >= Level::Team,
        Relation::Foreign => level == Level::All,
        Relation::Private => false,
    }
}
