//! What mail becomes: cases, their team and assignee, and where the mail goes besides.

use anyhow::Result;
use clap::Args;

use super::flags::{Given, changed, yes_or_no};
use super::listed::Listed;
use crate::cli::context::{self, Context};
use crate::cli::labels::Labels;
use crate::error;
use crate::store::accounts::{Account, AutoMail, Distribution, OnClosed, StaffForward};
use crate::store::db::Tx;
use crate::store::folders::{self, Folder};
use crate::ui::cell::{Cell, Column, head, unlisted};

#[derive(Debug, Args)]
#[group(skip)]
pub struct Flags {
    /// Team that gets the mail
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Team of the cases, whose members get them
    #[arg(long, value_name = "TEAM")]
    case_team: Option<String>,
    /// Open a case for the first mail of a thread
    #[arg(long, conflicts_with = "no_create_case")]
    create_case: bool,
    /// Open no cases
    #[arg(long)]
    no_create_case: bool,
    /// How cases find their assignee
    #[arg(long, value_name = "HOW", value_parser = distribution())]
    distribution: Option<Distribution>,
    /// User who gets the cases of --distribution direct
    #[arg(long, value_name = "USER")]
    assign_to: Option<String>,
    /// Assign cases only to members of the case team with exactly this position
    #[arg(long, value_name = "POSITION")]
    position: Option<String>,
    /// What an answer to a closed case does: reopen, new or reopen-within:DAYS
    #[arg(long, value_name = "POLICY")]
    on_closed: Option<OnClosed>,
    /// What machine mail without a thread becomes
    #[arg(long, value_name = "POLICY")]
    auto_mail: Option<AutoMail>,
    /// Create a contact from the sender of a new case
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    create_contact: Option<bool>,
    /// Which customers' mail that users forward makes the customer's case
    #[arg(long, value_name = "POLICY")]
    staff_forward: Option<StaffForward>,
    /// Give each case its own reply address, such as support+c1f….9a…@
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    plus_addressing: Option<bool>,
    /// Deliver the mail to the inbox of every active member of its teams
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", value_parser = yes_or_no)]
    add_all_team_users: Option<bool>,
    /// Group folder for its mail; the teams of the folder get the mail
    #[arg(long, value_name = "FOLDER", help_heading = "Cases")]
    put_in: Option<String>,
}

/// `less-busy` is EspoCRM's own word for `least-busy`.
pub fn distribution() -> Labels<Distribution> {
    Labels::of(Distribution::ALL).also(&[("less-busy", "least-busy")])
}

impl Flags {
    /// The flags of group accounts.
    pub fn of_groups(&self) -> Given {
        vec![
            ("--team", !self.teams.is_empty()),
            ("--case-team", self.case_team.is_some()),
            ("--create-case", self.create_case),
            ("--no-create-case", self.no_create_case),
            ("--distribution", self.distribution.is_some()),
            ("--assign-to", self.assign_to.is_some()),
            ("--position", self.position.is_some()),
            ("--on-closed", self.on_closed.is_some()),
            ("--auto-mail", self.auto_mail.is_some()),
            ("--create-contact", self.create_contact.is_some()),
            ("--staff-forward", self.staff_forward.is_some()),
            ("--plus-addressing", self.plus_addressing.is_some()),
            ("--add-all-team-users", self.add_all_team_users.is_some()),
            ("--put-in", self.put_in.is_some()),
        ]
    }

    pub fn apply(&self, tx: &Tx<'_>, account: &mut Account, ctx: &Context) -> Result<()> {
        if !self.teams.is_empty() {
            let given = self.teams.iter().filter(|team| !team.is_empty());
            account.team_ids = given.map(|team| Ok(context::team(tx, team)?.id)).collect::<Result<_>>()?;
        }
        let cases = &mut account.cases;
        let put_in = |name: &str| Ok(group_folder(tx, name)?.id);
        cases.group_folder_id = changed(self.put_in.as_ref(), cases.group_folder_id, put_in)?;
        let team = |name: &str| Ok(context::team(tx, name)?.id);
        cases.case_team_id = changed(self.case_team.as_ref(), cases.case_team_id, team)?;
        cases.create_case = (cases.create_case || self.create_case) && !self.no_create_case;
        cases.distribution = self.distribution.unwrap_or(cases.distribution);
        let user = |name: &str| Ok(context::user_or_me(tx, &ctx.actor(tx)?, "--assign-to", name)?.id);
        let nobody =
            self.assign_to.as_ref().map(|name| if name == context::NOBODY { String::new() } else { name.clone() });
        cases.assign_to_id = changed(nobody.as_ref(), cases.assign_to_id, user)?;
        if let Some(position) = &self.position {
            cases.position.clone_from(position);
        }
        cases.on_closed = self.on_closed.unwrap_or(cases.on_closed);
        cases.auto_mail = self.auto_mail.unwrap_or(cases.auto_mail);
        cases.create_contact = self.create_contact.unwrap_or(cases.create_contact);
        cases.staff_forward = self.staff_forward.unwrap_or(cases.staff_forward);
        cases.plus_addressing = self.plus_addressing.unwrap_or(cases.plus_addressing);
        cases.add_all_team_users = self.add_all_team_users.unwrap_or(cases.add_all_team_users);
        Ok(())
    }
}

fn group_folder(tx: &Tx<'_>, name: &str) -> Result<Folder> {
    folders::group(tx, name)?.ok_or_else(|| {
        error::data(format!("--put-in: there is no group folder \"{name}\""))
            .hint(format!("make it first: espomail folder add '{name}' --group TEAM"))
            .into()
    })
}

/// What lists show.
pub const LISTED: &[Column<Listed>] = &[
    Column::new("create_case", head("CASES").rank(3), |one, _| Cell::bool(one.account.cases.create_case)),
    Column::new("distribution", head("DISTRIBUTION").rank(1), |one, _| {
        Cell::text(one.account.cases.distribution.as_str())
    }),
    Column::new("case_team", head("TEAM").shrinking().rank(5), |one, _| Cell::opt_named(one.case_team.as_ref())),
];

/// The other fields.
pub const COLUMNS: &[Column<Listed>] = &[
    Column::new("teams", unlisted().labelled(), |one, _| Cell::words(&one.teams)),
    Column::new("assign_to", unlisted().labelled(), |one, _| {
        one.assign_to.as_ref().map_or_else(Cell::none, |user| Cell::user(user.id, &user.username))
    }),
    Column::new("position", unlisted().labelled(), |one, _| Cell::text(&one.account.cases.position)),
    Column::new("on_closed", unlisted().labelled(), |one, _| Cell::text(&one.account.cases.on_closed.to_string())),
    Column::new("auto_mail", unlisted().labelled(), |one, _| Cell::text(one.account.cases.auto_mail.as_str())),
    Column::new("create_contact", unlisted().labelled(), |one, _| Cell::bool(one.account.cases.create_contact)),
    Column::new("staff_forward", unlisted().labelled(), |one, _| Cell::text(one.account.cases.staff_forward.as_str())),
    Column::new("plus_addressing", unlisted().labelled(), |one, _| Cell::bool(one.account.cases.plus_addressing)),
    Column::new("add_all_team_users", unlisted().labelled(), |one, _| Cell::bool(one.account.cases.add_all_team_users)),
    Column::new("put_in", unlisted().labelled(), |one, _| Cell::opt_named(one.put_in.as_ref())),
];
