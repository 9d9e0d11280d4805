//! What every use case and handler is given.

use std::{future::Future, sync::Arc, time::Duration};

use actors::{inventories::Inventories, live::Live, outbox::Outbox};
use domain::{
    accounts::Role,
    ids::AccountId,
    repositories::{AccountRepository, BookingRepository, EventRepository, VenueRepository},
};
use jiff::Timestamp;

use super::limits::LimitAttempts;

/// Everything that is stored outside of inventories.
pub trait Store:
    AccountRepository + BookingRepository + EventRepository + VenueRepository + Send + Sync + 'static
{
}

impl<T> Store for T where
    T: AccountRepository + BookingRepository + EventRepository + VenueRepository + Send + Sync + 'static
{
}

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// Too many are being hashed already.
    #[error("too many passwords are being checked")]
    Overloaded,
    /// A bug or a damaged hash.
    #[error("{0}")]
    Broken(String),
}

/// Makes and checks password hashes, off the async threads (A3).
pub trait PasswordHasher: Send + Sync + 'static {
    /// The hash of a new password.
    fn hash(&self, password: &str) -> impl Future<Output = Result<String, HashingError>> + Send;

    /// Whether `password` is the one behind `hash`. Without a hash the answer is no, after the same time.
    fn verify(&self, hash: Option<&str>, password: &str) -> impl Future<Output = Result<bool, HashingError>> + Send;
}

/// Issues access tokens (A1).
pub trait IssueAccess: Send + Sync + 'static {
    /// A token for the account, or why there is none.
    fn issue(&self, account: AccountId, role: Role, now: Timestamp, ttl: Duration) -> Result<String, String>;
}

/// The adapters that an installation is made of.
pub trait Adapters: Send + Sync + 'static {
    /// Where accounts, catalogue and bookings are stored.
    type Store: Store;
    /// How passwords are hashed.
    type Hasher: PasswordHasher;
    /// How tokens are issued.
    type Issuer: IssueAccess;
    /// How attempts are limited.
    type Limits: LimitAttempts;
}

/// The application: its ports, and the door to the inventories.
pub struct App<A: Adapters> {
    /// Where accounts, catalogue and bookings are stored.
    pub store: A::Store,
    /// How passwords are hashed.
    pub hasher: A::Hasher,
    /// How tokens are issued.
    pub issuer: A::Issuer,
    /// How attempts are limited.
    pub limits: Arc<A::Limits>,
    /// Who decides about places.
    pub inventories: Inventories,
    /// Who tells of it.
    pub live: Arc<Live>,
    /// Who sends mails. Wake it after the commit of a change that has queued one.
    pub outbox: Outbox,
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// How long a command may wait for its inventory and the ledger.
    pub command_deadline: Duration,
}
