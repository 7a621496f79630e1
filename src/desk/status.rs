//! Closing and reopening cases.

use anyhow::Result;

use super::{Edit, edit};
use crate::access::Actor;
use crate::intake::case_status;
use crate::intake::world::World;
use crate::store::cases::{Case, CaseStatus};
use crate::store::db::Tx;

/// Closes a case; one that has the status already stays as it is.
///
/// # Errors
/// As [`case_status::set`].
pub fn close(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case, status: CaseStatus) -> Result<()> {
    if case.status == status { Ok(()) } else { case_status::set(tx, world, case, status, actor.user()) }
}

/// Type of cases that are spam.
const SPAM: &str = "Spam";

/// Closes a case as spam: Rejected, with a type by which such cases are found. Their mail stays where it is.
///
/// # Errors
/// As [`close`].
pub fn spam(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case) -> Result<()> {
    let marked = Edit { case_type: Some(SPAM), status: Some(CaseStatus::Rejected), ..Edit::default() };
    edit(tx, world, actor, case, &marked)
}

/// The status of a case on which work goes on: it is its assignee's, or new.
pub(super) fn reopened(case: &Case) -> CaseStatus {
    if case.assigned_user_id.is_some() { CaseStatus::Assigned } else { CaseStatus::New }
}

/// Opens a closed case: it is its assignee's again, or new, and not spam. An open one stays as it is.
///
/// # Errors
/// It was merged into another one.
pub fn reopen(tx: &Tx<'_>, world: &World<'_>, actor: &Actor, case: &Case) -> Result<()> {
    if case.status.is_open() {
        return Ok(());
    }
    let status = reopened(case);
    let case_type = (case.case_type == SPAM).then_some("");
    edit(tx, world, actor, case, &Edit { case_type, status: Some(status), ..Edit::default() })
}
