//! Accounts: register, sign in, profile.

use std::net::IpAddr;

use domain::{
    accounts::{Account, PersonName, Phone, Registration, Role},
    ids::AccountId,
    repositories::{AccountRepository, AddAccountError, RepositoryError},
};
use jiff::Timestamp;

use super::{
    app::{Adapters, App, HashingError, IssueAccess, PasswordHasher},
    limits::{LimitAttempts, Limited, Rule},
};

/// Why an operation on an account failed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another account has the address.
    #[error("the e-mail address is registered already")]
    EmailTaken,
    /// No account has this address with this password.
    #[error("wrong e-mail address or password")]
    WrongCredentials,
    /// Too many attempts.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The account of the token is gone.
    #[error("there is no such account")]
    NotFound,
    /// A token could not be signed.
    #[error("no token could be issued: {0}")]
    Token(String),
    /// Passwords can't be hashed now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// A new session.
#[derive(Debug)]
pub struct SignedIn {
    /// Whose.
    pub account: Account,
    /// Proves it, for a while.
    pub access_token: String,
}

/// Adds an account of a person who books.
pub async fn register<A: Adapters>(app: &App<A>, new: Registration) -> Result<Account, AccountError> {
    let password_hash = app.hasher.hash(new.password.expose()).await?;
    let now = now();
    let account = Account {
        id: AccountId::generate(),
        email: new.email,
        role: Role::User,
        name: new.name,
        phone: new.phone,
        created_at: now,
        updated_at: now,
    };
    match app.store.add_account(&account, &password_hash).await {
        Ok(()) => {
            tracing::info!(userId = %account.id, "account registered");
            Ok(account)
        }
        Err(AddAccountError::EmailTaken) => Err(AccountError::EmailTaken),
        Err(AddAccountError::Repository(error)) => Err(error.into()),
    }
}

/// Signs in. Unknown addresses and wrong passwords take the same time and get the same answer.
///
/// Attempts are limited for the address, wherever they come `from`: whoever guesses has many networks.
pub async fn sign_in<A: Adapters>(
    app: &App<A>,
    email: &str,
    password: &str,
    from: IpAddr,
) -> Result<SignedIn, AccountError> {
    let email = email.trim().to_lowercase();
    app.limits.attempt(Rule::SignIn, &email, from).await?;
    let found = app.store.account_by_email(&email).await?;
    let (account, hash) = found.unzip();
    let right = app.hasher.verify(hash.as_deref(), password).await?;
    match account {
        Some(account) if right => {
            let token = app.issuer.issue(account.id, account.role, Timestamp::now(), app.access_ttl);
            let access_token = token.map_err(AccountError::Token)?;
            tracing::info!(userId = %account.id, "signed in");
            Ok(SignedIn { account, access_token })
        }
        account => {
            // The address itself is personal and stays out of the log.
            let account = account.map(|account| account.id.to_string());
            tracing::info!(userId = account, "sign-in refused");
            Err(AccountError::WrongCredentials)
        }
    }
}

/// The account that is signed in.
pub async fn profile<A: Adapters>(app: &App<A>, id: AccountId) -> Result<Account, AccountError> {
    app.store.account(id).await?.ok_or(AccountError::NotFound)
}

/// Changes what is given of the profile.
pub async fn update_profile<A: Adapters>(
    app: &App<A>,
    id: AccountId,
    name: Option<PersonName>,
    phone: Option<Option<Phone>>,
) -> Result<Account, AccountError> {
    let phone = phone.as_ref().map(Option::as_ref);
    app.store.update_profile(id, name.as_ref(), phone).await?.ok_or(AccountError::NotFound)
}

/// The present instant with the precision that the database keeps.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
