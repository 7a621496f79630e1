//! Where emails lie, as conditions on an email `e` (B6.3): the folders that everybody has, and those with a name.
//!
//! The trash and archive of a group folder are a viewer's too if they work in the folder and have not filed a copy of
//! their own; and an administrator's who has no copy. `?1` is `Sight::parameter`.

use super::Bound;
use crate::store::emails::GroupPlace;
use crate::store::junk::IS_JUNK;
use crate::store::label::labels;

labels! {
    /// The folders that everybody has.
    pub enum Place {
        /// A user's copies that are nowhere else.
        Inbox = "inbox",
        /// Marked as such, wherever they lie but in the trash.
        Important = "important",
        /// What a user has sent.
        Sent = "sent",
        /// What a user is writing.
        Drafts = "drafts",
        /// Put out of the way.
        Archive = "archive",
        /// Thrown away.
        Trash = "trash",
        /// Called junk by somebody, for everybody.
        Junk = "junk",
        /// Everything but the trash and junk.
        All = "all",
    }
}

/// A folder with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A user's own.
    Personal(i64),
    /// Of teams.
    Group(i64),
}

/// Emails that lie in a place for a viewer; `None` has no copies of their own.
pub(super) fn place(place: Place, viewer: Option<i64>, bound: &mut Bound) -> String {
    let viewer = bound.add(viewer);
    match place {
        Place::Inbox | Place::Sent => {
            let lies = format!("u.folder = '{place}' AND u.folder_id IS NULL AND NOT u.trash AND NOT u.archive");
            let elsewhere = [GroupPlace::Archive, GroupPlace::Trash].map(|place| shared(place, &viewer)).join(" OR ");
            format!("{} AND NOT ({elsewhere})", own(&lies, &viewer))
        }
        Place::Important => format!("{} AND NOT ({})", own("u.important", &viewer), trash(&viewer)),
        Place::Drafts => format!(
            "e.id IN (SELECT d.email_id FROM drafts d) AND e.status = 'Draft' AND e.user_id = {viewer} AND NOT ({})",
            trash(&viewer)
        ),
        Place::Archive => {
            format!("{} OR {}", own("u.archive AND NOT u.trash", &viewer), shared(GroupPlace::Archive, &viewer))
        }
        Place::Trash => trash(&viewer),
        // What `email_source` leaves out of every other list; the viewer makes no difference.
        Place::Junk => format!("({IS_JUNK} OR CAST({viewer} AS BIGINT) IS NULL AND FALSE)"),
        Place::All => format!("NOT ({})", trash(&viewer)),
    }
}

/// Emails that lie in a folder of this name.
pub(super) fn named(folder: Named, bound: &mut Bound) -> String {
    match folder {
        Named::Personal(id) => format!(
            "e.id IN (SELECT u.email_id FROM email_users u WHERE u.folder_id = {} AND NOT u.trash AND NOT u.archive)",
            bound.add(id)
        ),
        Named::Group(id) => format!("e.group_folder_id = {} AND e.group_place = ''", bound.add(id)),
    }
}

/// The word for where an email lies for a viewer, or the name of the folder; NULL where they have no copy and do not
/// work in its group folder.
pub(in crate::store) fn lies_in(viewer: &str) -> String {
    let works = works_in(viewer);
    format!(
        "CASE WHEN {IS_JUNK} THEN 'junk' WHEN {own_trash} THEN 'trash' WHEN {own_archive} THEN 'archive'
            WHEN {shared_trash} THEN 'trash' WHEN {shared_archive} THEN 'archive'
            WHEN e.status = 'Draft' AND e.user_id = {viewer} THEN 'drafts'
            ELSE coalesce(
                (SELECT coalesce(f.name, u.folder) FROM email_users u LEFT JOIN folders f ON f.id = u.folder_id
                    WHERE u.email_id = e.id AND u.user_id = {viewer}),
                (SELECT f.name FROM folders f WHERE f.id = e.group_folder_id AND (?1 IS NULL OR {works}))) END",
        own_trash = own("u.trash", viewer),
        own_archive = own("u.archive", viewer),
        shared_trash = shared(GroupPlace::Trash, viewer),
        shared_archive = shared(GroupPlace::Archive, viewer),
    )
}

fn trash(viewer: &str) -> String {
    format!("{} OR {}", own("u.trash", viewer), shared(GroupPlace::Trash, viewer))
}

fn own(holds: &str, viewer: &str) -> String {
    format!("EXISTS (SELECT 1 FROM email_users u WHERE u.email_id = e.id AND u.user_id = {viewer} AND {holds})")
}

fn shared(place: GroupPlace, viewer: &str) -> String {
    format!(
        "(e.group_place = '{place}' AND NOT {filed} AND ({works} OR (?1 IS NULL AND NOT {copy})))",
        filed = own("u.folder_id IS NOT NULL", viewer),
        works = works_in(viewer),
        copy = own("TRUE", viewer),
    )
}

fn works_in(viewer: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM folder_teams ft JOIN team_members fm ON fm.team_id = ft.team_id
            WHERE ft.folder_id = e.group_folder_id AND fm.user_id = {viewer})"
    )
}
