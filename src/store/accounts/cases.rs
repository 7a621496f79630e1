//! What mail becomes: cases, their team and assignee, and where the mail goes besides.

use super::setting::settings;
use super::{AutoMail, Distribution, OnClosed, StaffForward};

settings! {
    /// How mail becomes cases.
    |_kind, _now| pub struct Cases {
        /// Team of the cases, and whose members get them.
        case_team_id: Option<i64> = None,
        /// Email-to-case.
        create_case: bool = false,
        /// How cases find their assignee.
        distribution: Distribution = Distribution::None,
        /// The user of `direct`.
        assign_to_id: Option<i64> = None,
        /// Target position; empty = any.
        position: String = String::new(),
        /// Answers to closed cases.
        on_closed: OnClosed = OnClosed::Reopen,
        /// Machine mail without a thread.
        auto_mail: AutoMail = AutoMail::Archive,
        /// A contact is made from the sender of a new case.
        create_contact: bool = false,
        /// Mail that users forward for customers.
        staff_forward: StaffForward = StaffForward::All,
        /// Sub-addresses carry signed case ids.
        plus_addressing: bool = false,
        /// Every active member of its teams gets the mail in the inbox.
        add_all_team_users: bool = false,
        /// The group folder that its mail goes into.
        group_folder_id: Option<i64> = None,
    }
}
