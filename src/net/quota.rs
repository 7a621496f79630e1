//! How full a mailbox is.

/// What is used and what there may be, where the server has a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    pub bytes: Option<(u64, u64)>,
    pub messages: Option<(u64, u64)>,
}

impl Quota {
    /// How full it is by the limit that is nearer.
    pub fn percent(&self) -> Option<u64> {
        let share = |(used, limit): (u64, u64)| u64::try_from(u128::from(used) * 100 / u128::from(limit.max(1))).ok();
        self.bytes.into_iter().chain(self.messages).filter_map(share).max()
    }
}
