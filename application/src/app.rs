//! Dependencies: what every use case and handler is given.

use std::{sync::Arc, time::Duration};

use actors::{
    breakers::Breakers, cache::Cache, inventories::Inventories, jobs::Jobs, live::Live, outbox::Outbox, upkeep::Upkeep,
};
use async_trait::async_trait;
use domain::{
    accounts::{Password, Role},
    administration::AccountAdministration,
    audit::AuditRepository,
    credentials::CredentialRepository,
    dead_letters::DeadLetters,
    ids::{AccountId, SessionId},
    management::{
        catalogue::{CatalogueManagement, SettingsRepository},
        events::{
            BlockRepository, EventLifeCycle, EventManagement, GuestList, OfferingRepository, QuotaManagement,
            TicketTypeManagement,
        },
        pricing::{PricingManagement, PromoCodeManagement},
        requests::RequestKeys,
        seat_maps::SeatMapManagement,
        series::SeriesManagement,
    },
    notices::BookingNotices,
    payments::{
        books::{BooksRepository, RefundRepository},
        by_hand::HandPayments,
        receipts::ReceiptRepository,
        repository::PaymentRepository,
    },
    repositories::{AccountRepository, BookingRepository, EventRepository, PriceRepository, VenueRepository},
    sessions::{SessionLimits, SessionRepository},
    validation::FieldError,
};
use jiff::Timestamp;

use super::{
    background::Background, booked_events::BookedEvents, guide::Guide, limits::LimitAttempts, payments::Payments,
    pictures::SharedPictures, seat_maps::SharedSeatMaps, site::SiteSettings, verification::VerifiedAccounts,
};

/// Declares a trait that is all of the others.
macro_rules! store {
    ($($port:ident),+) => {
        /// Everything that is stored outside of inventories.
        pub trait Store: $($port +)+ Send + Sync + 'static {}

        impl<T> Store for T where T: $($port +)+ Send + Sync + 'static {}
    };
}

store!(
    AccountAdministration,
    AccountRepository,
    AuditRepository,
    BookingNotices,
    BookingRepository,
    BooksRepository,
    CredentialRepository,
    BlockRepository,
    CatalogueManagement,
    DeadLetters,
    EventLifeCycle,
    EventManagement,
    EventRepository,
    GuestList,
    HandPayments,
    OfferingRepository,
    PaymentRepository,
    PriceRepository,
    PricingManagement,
    PromoCodeManagement,
    QuotaManagement,
    ReceiptRepository,
    RefundRepository,
    RequestKeys,
    SeatMapManagement,
    SeriesManagement,
    SessionRepository,
    SettingsRepository,
    TicketTypeManagement,
    VenueRepository
);

/// Why a password was neither hashed nor checked, nor its strength judged.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// Too many are being hashed already.
    #[error("too many passwords are being checked")]
    Overloaded,
    /// A bug or a damaged hash.
    #[error("{0}")]
    Broken(String),
}

/// Makes and checks password hashes, off the async threads.
#[async_trait]
pub trait PasswordHasher: Send + Sync + 'static {
    /// The hash of a new password.
    async fn hash(&self, password: &str) -> Result<String, HashingError>;

    /// Whether `password` is the one behind `hash`. Without a hash the answer is no, after the same time.
    async fn verify(&self, hash: Option<&str>, password: &str) -> Result<bool, HashingError>;

    /// Whether `password` is hard enough to guess for an account that is known by `own_words`, see [`Password::check_strength`]. Takes a
    /// turn like a hash: somebody may have chosen it to take as long.
    async fn check_strength(
        &self,
        field: &'static str,
        password: &Password,
        own_words: [&str; 2],
    ) -> Result<Result<(), FieldError>, HashingError>;

    /// Whether a hash is weaker than those that are made now.
    fn is_outdated(&self, hash: &str) -> bool;
}

/// Issues what proves who is asking, and takes it back.
pub trait IssueAccess: Send + Sync + 'static {
    /// A token for the account that belongs to no session, or why there is none.
    fn issue(&self, account: AccountId, role: Role, now: Timestamp, ttl: Duration) -> Result<String, String>;

    /// The same in a session: when that is ended, so is the token.
    fn issue_in(
        &self,
        session: SessionId,
        account: AccountId,
        role: Role,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<String, String>;

    /// Refuses the tokens of `account` that were issued before `instant`, on this node and from now on. Called after the
    /// database has been told: other nodes learn of it there.
    fn refuse_before(&self, account: AccountId, instant: Timestamp);

    /// Refuses the tokens of a session that has ended at `instant`, on this node and from now on. Called after the database has
    /// been told: other nodes learn of it there.
    fn refuse_session(&self, session: SessionId, instant: Timestamp);
}

/// How accounts prove who they are.
#[derive(Clone, Copy, Debug)]
pub struct AuthRules {
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// How long sessions last.
    pub sessions: SessionLimits,
    /// How long a link to verify an address works.
    pub verification_ttl: Duration,
    /// How long a link to choose a new password works.
    pub reset_ttl: Duration,
    /// Whether nobody may sign in before their address is verified. Without it, who registers with an address and then signs in
    /// learns whether it was known.
    pub require_verified_email: bool,
    /// Whether nobody may hold or book places before their address is verified.
    pub verified_to_book: bool,
}

/// The application: its ports, and the door to the inventories.
pub struct App {
    /// Answers that show all seats of an event.
    pub pictures: SharedPictures,
    /// Answers that show where the seats of a version are.
    pub seat_maps: SharedSeatMaps,
    /// Which accounts are known to be verified.
    pub verified: VerifiedAccounts,
    /// What the events are called that are being booked.
    pub names: BookedEvents,
    /// Settings that decide how requests are answered.
    pub site: SiteSettings,
    /// Where accounts, catalogue and bookings are stored.
    pub store: Arc<dyn Store>,
    pub hasher: Arc<dyn PasswordHasher>,
    /// How tokens are issued.
    pub issuer: Arc<dyn IssueAccess>,
    pub limits: Arc<dyn LimitAttempts>,
    /// Who decides about places.
    pub inventories: Inventories,
    /// Who tells of it.
    pub live: Arc<Live>,
    /// Who sends mails. Wake it after the commit of a change that has queued one.
    pub outbox: Outbox,
    /// Who does jobs. Wake it after the commit of a change that has queued one.
    pub jobs: Jobs,
    /// What is done after its answer.
    pub background: Background,
    /// How accounts prove who they are.
    pub auth: AuthRules,
    /// Answers that are given again. Tell it after the commit of a change what has changed: [`Cache::invalidate`].
    pub cache: Cache,
    /// Which services fail and are left alone. Call a service through its breaker.
    pub breakers: Breakers,
    /// Who takes money.
    pub payments: Payments,
    /// Who publishes and cancels events in the background. Wake it when there is something to do.
    pub upkeep: Upkeep,
    /// Whether buyers are told of their bookings by mail.
    pub booking_mails: bool,
    /// How long a command may wait for its inventory and the ledger.
    pub command_deadline: Duration,
    /// What somebody who opens the server's address is told.
    pub guide: Guide,
}
