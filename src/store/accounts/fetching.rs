//! What is fetched, what happens to it on the server, and whose word about it counts.

use jiff::Timestamp;

use super::setting::settings;
use super::{AccountKind, AfterImport, DmarcNone, ReadSent};

settings! {
    /// How mail is fetched.
    |kind, now| pub struct Fetching {
        /// INTERNALDATE before this is the past.
        fetch_since: Timestamp = now,
        /// What happens on the server after import.
        after_import: AfterImport = match kind {
            AccountKind::Group => AfterImport::Seen,
            AccountKind::Personal => AfterImport::Keep,
        },
        /// Messages per folder and run; 0 = all, `None` = configuration.
        portion: Option<u32> = None,
        /// Largest message in bytes; `None` = configuration.
        max_size: Option<u64> = None,
        /// Whose Authentication-Results are believed.
        authserv_id: Option<String> = None,
        /// Whether mail of a domain without a DMARC policy is believed (B4.12).
        dmarc_none: DmarcNone = DmarcNone::Trust,
        /// Where the server keeps junk; `None` = the folder that it marks as such.
        junk_folder: Option<String> = None,
        /// The Sent folder as a source.
        read_sent: ReadSent = match kind {
            AccountKind::Group => ReadSent::No,
            AccountKind::Personal => ReadSent::Auto,
        },
    }
}
