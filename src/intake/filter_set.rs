//! All filters of this instance, for the import of a batch.

use anyhow::{Result, anyhow};

use crate::filter::{self, Look, Rule, Verdict};
use crate::store::db::Tx;
use crate::store::filters::{self, Scope};

/// All filters, ready to be asked, in their order.
#[derive(Default)]
pub struct Filters(Vec<Rule>);

impl Filters {
    /// Reads all filters; those that are switched off are not asked.
    ///
    /// # Errors
    /// The database fails, or holds a condition that is none.
    pub fn load(tx: &Tx<'_>) -> Result<Filters> {
        Ok(Filters(filter::ready(filters::all(tx)?).map_err(|e| anyhow!(e))?))
    }

    /// The verdict about mail that an account delivers (B10.4).
    pub fn on_account(&self, account_id: i64, look: &Look<'_>) -> Verdict<'_> {
        filter::judge(self.0.iter().filter(|rule| filter::concerns(rule.filter.scope, account_id)), look)
    }

    /// The verdict about mail in a user's inbox.
    pub fn on_inbox(&self, user_id: i64, look: &Look<'_>) -> Verdict<'_> {
        filter::judge(self.0.iter().filter(|rule| rule.filter.scope == Scope::User(user_id)), look)
    }

    /// Whether any user has one.
    pub fn has_users(&self) -> bool {
        self.0.iter().any(|rule| matches!(rule.filter.scope, Scope::User(_)))
    }

    /// Whether a user has one.
    pub fn has_any_of(&self, user_id: i64) -> bool {
        self.0.iter().any(|rule| rule.filter.scope == Scope::User(user_id))
    }
}
