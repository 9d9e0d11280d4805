//! Accounts as administrators see and change them.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    accounts::{Account, AccountStatus, Role},
    audit::Actor,
    ids::AccountId,
    lists::{ListQuery, Page},
    management::Expected,
    repositories::{Found, RepositoryError},
};

/// What an administrator changes. What is not given stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountChange {
    /// What the account may do.
    pub role: Option<Role>,
    /// Whether it may sign in.
    pub status: Option<AccountStatus>,
}

impl AccountChange {
    /// What of it is different from how the account is.
    pub fn against(self, account: &Account) -> Self {
        Self {
            role: self.role.filter(|role| *role != account.role),
            status: self.status.filter(|status| *status != account.status),
        }
    }

    /// Whether it would leave the account as it is.
    pub fn is_empty(self) -> bool {
        self.role.is_none() && self.status.is_none()
    }

    /// Whether an administrator who may sign in would be none afterwards.
    pub fn takes_an_administrator(self, account: &Account) -> bool {
        let is_one = account.role == Role::Admin && account.status == AccountStatus::Active;
        let is_one_then = self.role.unwrap_or(account.role) == Role::Admin
            && self.status.unwrap_or(account.status) == AccountStatus::Active;
        is_one && !is_one_then
    }
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeAccountError {
    /// There is none with that id.
    #[error("there is no such account")]
    NotFound,
    /// It was changed since the administrator looked at it.
    #[error("the account was changed meanwhile")]
    Changed,
    /// Nobody would be left to give rights to anybody.
    #[error("the last administrator stays one")]
    LastAdministrator,
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// Where administrators look accounts up and change them.
#[async_trait]
pub trait AccountAdministration: Send + Sync {
    /// Accounts, newest first.
    async fn accounts(&self, query: &ListQuery) -> Found<Page<Account>>;

    /// Changes an account of this revision, if that matters, and writes that down in the audit log: all or nothing.
    /// Refuses its access tokens from before `now`; a suspended account's sessions end, and its owner gets a mail. The account
    /// as it is then.
    async fn change_account(
        &self,
        id: AccountId,
        change: AccountChange,
        expected: Expected,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Account, ChangeAccountError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{accounts::Registration, mail::Locale};

    fn account(role: Role, status: AccountStatus) -> Account {
        let registration = Registration::parse("ada@example.org", "correct horse battery", "Ada", None).unwrap();
        Account { status, ..Account::new(&registration, role, Locale::En, Timestamp::UNIX_EPOCH) }
    }

    #[test]
    fn only_what_makes_an_active_administrator_less_takes_one() {
        let admin = account(Role::Admin, AccountStatus::Active);
        let takes = |role, status| AccountChange { role, status }.takes_an_administrator(&admin);
        assert!(takes(Some(Role::User), None));
        assert!(takes(None, Some(AccountStatus::Suspended)));
        assert!(!takes(Some(Role::Admin), Some(AccountStatus::Active)));
        assert!(!takes(None, None));
        for other in [account(Role::User, AccountStatus::Active), account(Role::Admin, AccountStatus::Suspended)] {
            let change = AccountChange { role: Some(Role::User), status: Some(AccountStatus::Suspended) };
            assert!(!change.takes_an_administrator(&other));
        }
    }

    #[test]
    fn what_is_so_already_is_no_change() {
        let admin = account(Role::Admin, AccountStatus::Active);
        let same = AccountChange { role: Some(Role::Admin), status: Some(AccountStatus::Active) };
        assert!(same.against(&admin).is_empty());
        let other = AccountChange { role: Some(Role::User), ..same }.against(&admin);
        assert_eq!((other.role, other.status), (Some(Role::User), None));
    }
}
