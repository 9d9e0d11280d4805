//! E-mail verification, cached: which accounts are known to be verified. A verification is never revoked, so it need
//! not be read again.

use std::collections::HashSet;

use domain::{
    ids::AccountId,
    repositories::{AccountRepository, RepositoryError},
};
use parking_lot::Mutex;

/// So many are remembered, 16 bytes each; above it all are forgotten, and read again.
const KNOWN_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub struct VerifiedAccounts(Mutex<HashSet<AccountId>>);

impl VerifiedAccounts {
    /// Whether the account's address is verified.
    pub async fn has(&self, accounts: &dyn AccountRepository, id: AccountId) -> Result<bool, RepositoryError> {
        if self.0.lock().contains(&id) {
            return Ok(true);
        }
        let is_verified = accounts.account(id).await?.is_some_and(|account| account.email_verified_at.is_some());
        if is_verified {
            let mut known = self.0.lock();
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(id);
        }
        Ok(is_verified)
    }
}
