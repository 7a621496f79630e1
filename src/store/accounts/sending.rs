//! Mail that people send by an account.

use super::setting::settings;
use super::{Language, StoreSent};

settings! {
    /// How mail of people is sent.
    |_kind, _now| pub struct Sending {
        /// Reply-To of mail sent for this account.
        reply_to: Option<String> = None,
        /// Display name of the account's address.
        from_name: Option<String> = None,
        /// Others may send through it.
        shared: bool = false,
        /// Where copies of sent mail are kept; `None` = nowhere.
        store_sent: Option<StoreSent> = None,
        /// Signature of mail from this address, plain text without its line of dashes; may be empty.
        signature: String = String::new(),
        /// Language of the line above a quotation and the like; `None` = that of the configuration.
        language: Option<Language> = None,
    }
}
