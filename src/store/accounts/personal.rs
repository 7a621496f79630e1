//! What only accounts of one user have.

use super::Share;
use super::setting::settings;

settings! {
    /// The mailbox of one user.
    |_kind, _now| pub struct Personal {
        /// Who may read personal mail besides its owner.
        share: Share = Share::Private,
        /// Its address is left out of replies to all.
        exclude_from_reply: bool = false,
    }
}
