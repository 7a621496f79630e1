//! `espomail case list`.

use anyhow::Result;
use clap::Args;

use super::read::COLUMNS;
use crate::access::Actor;
use crate::cli::context::{self, Context};
use crate::cli::page::{self, Page};
use crate::cli::query::{self, Noun, Query};
use crate::query::Field;
use crate::store::cases::{self, CaseQuery, CaseSort, CaseStatus, Priority, read_tag};
use crate::store::db::Tx;
use crate::store::search::{CaseState, Test};

/// `case list`
#[derive(Debug, Args)]
pub struct List {
    /// Search: words of the text, is:open, assignee:@me, status:… and more; see below
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Only open cases (default, unless the query has status:, is: or case:)
    #[arg(long, conflicts_with_all = ["closed", "all", "status"])]
    open: bool,
    /// Only closed cases
    #[arg(long, conflicts_with_all = ["all", "status"])]
    closed: bool,
    /// Open and closed cases
    #[arg(long, conflicts_with = "status")]
    all: bool,
    /// Only those assigned to you
    #[arg(long, conflicts_with_all = ["unassigned", "assignee"])]
    mine: bool,
    /// Only those assigned to nobody
    #[arg(long, conflicts_with = "assignee")]
    unassigned: bool,
    /// Only those assigned to this user, @me, @none or @team
    #[arg(long, value_name = "USER")]
    assignee: Option<String>,
    /// Only those of this team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// Only those in this status
    #[arg(long, value_name = "STATUS")]
    status: Option<CaseStatus>,
    /// Only those of this priority
    #[arg(long, value_name = "PRIORITY")]
    priority: Option<Priority>,
    /// Only those with this tag; can be repeated
    #[arg(long = "tag", value_name = "TAG", value_parser = read_tag)]
    tags: Vec<String>,
    /// Only those of this group account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Order of the list
    #[arg(long, value_name = "KEY")]
    sort: Option<CaseSort>,
    /// Show only the number of cases
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    page: Page,
}

/// Fields that say which cases are meant, closed ones too.
const STATES: [Field; 3] = [Field::Status, Field::State, Field::Case];

impl List {
    /// Open, closed or both: by flag, by the query, else open.
    fn state(&self, query: &Query) -> Option<CaseState> {
        let is_named = self.status.is_some() || query.names(&STATES);
        match (self.closed, self.all || (is_named && !self.open)) {
            (true, _) => Some(CaseState::Closed),
            (false, true) => None,
            (false, false) => Some(CaseState::Open),
        }
    }

    /// What the flags and the query ask for together.
    fn asked(&self, tx: &Tx<'_>, actor: &Actor, query: &Query) -> Result<CaseQuery> {
        let mut and: Vec<Test> = self.state(query).map(Test::State).into_iter().collect();
        let assignee = match (self.mine, self.unassigned) {
            (true, _) => Some(("--mine", "@me")),
            (false, true) => Some(("--unassigned", "@none")),
            (false, false) => self.assignee.as_deref().map(|name| ("--assignee", name)),
        };
        if let Some((field, name)) = assignee {
            and.push(Test::Assignee(query::assignee(tx, actor, field, name)?));
        }
        and.extend(self.status.map(|status| Test::Status(status.as_str())));
        and.extend(self.priority.map(Test::Priority));
        and.extend(self.tags.iter().cloned().map(Test::Tag));
        if let Some(team) = &self.team {
            and.push(Test::Team(context::team(tx, team)?.id));
        }
        if let Some(account) = &self.account {
            and.push(Test::Account(context::known_account(tx, actor, account)?.id));
        }
        let condition = query::resolve(tx, actor, query, and)?;
        Ok(CaseQuery { condition, sort: self.sort, limit: self.page.limit() })
    }
}

/// What a query means besides its words: open cases, unless it names a status, a state or a case.
pub(super) fn usual_state(query: &Query) -> Vec<Test> {
    let is_named = query.names(&STATES);
    if is_named { Vec::new() } else { vec![Test::State(CaseState::Open)] }
}

/// Lists cases.
pub fn list(args: &List, ctx: &Context) -> Result<()> {
    let query = query::read(&args.query, Noun::Case, ctx)?;
    if args.count {
        let count = ctx.read(|tx, actor| cases::count(tx, &args.asked(tx, actor, &query)?, actor.sight()))?;
        return ctx.ui.count("cases", count);
    }
    let (rows, total) = ctx.read(|tx, actor| {
        let asked = args.asked(tx, actor, &query)?;
        let rows = cases::list(tx, &asked, actor.sight())?;
        let total = args.page.total(rows.len(), |most| cases::count_to(tx, &asked, most, actor.sight()))?;
        Ok((rows, total))
    })?;
    ctx.ui.list("cases", COLUMNS, &rows)?;
    page::tell(ctx, rows.len(), total);
    if rows.is_empty() && !args.open && ctx.ui.is_terminal() && args.state(&query) == Some(CaseState::Open) {
        ctx.ui.hint("only open cases are listed; --all lists closed ones too");
    }
    Ok(())
}
