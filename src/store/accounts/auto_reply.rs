//! Automatic replies of an account.

use super::setting::settings;

settings! {
    /// Whether and how mail is answered automatically.
    |_kind, _now| pub struct AutoReply {
        /// Template of the automatic reply.
        auto_reply_id: Option<i64> = None,
        /// Automatic replies also to mail that our own list has rewritten.
        reply_to_own_list: bool = false,
        /// From address; `None` = the account's.
        reply_from: Option<String> = None,
        reply_name: Option<String> = None,
    }
}
