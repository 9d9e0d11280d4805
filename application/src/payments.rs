//! Paying: attempts, what gateways tell of them, and what follows.
//!
//! News of an attempt comes by three ways: as the answer when it is begun, by webhook, and when a job asks. All of it goes through one door
//! ([`news::apply_news`]), which may be told the same by two servers at once.

pub(crate) mod asking;
pub mod begin;
mod confirm;
mod error;
pub mod jobs;
pub mod messages;
pub mod news;
pub(crate) mod retries;
pub mod sandbox;

use std::{fmt, sync::Arc, time::Duration};

use domain::payments::{gateway::PaymentGateway, sandbox::SandboxPayer};

use tokio::sync::Semaphore;

pub use self::error::PaymentError;

/// Turns unless somebody says otherwise.
const TURNS: usize = 64;

/// The gateway, and how it is used.
#[derive(Clone)]
pub struct Payments {
    /// Nothing: buyers can't pay by card.
    pub gateway: Option<Arc<dyn PaymentGateway>>,
    /// The page that payers are sent to, when the gateway is the sandbox.
    pub sandbox: Option<Arc<dyn SandboxPayer>>,
    /// Requests to the gateway under way at once. Others wait for their turn, as long as for an answer.
    pub turns: Arc<Semaphore>,
    /// How long the gateway has for the answer to a request.
    pub timeout: Duration,
    /// After how long without an end an attempt is asked about.
    pub check_after: Duration,
    /// After how long in progress an attempt is one that somebody has to look at.
    pub stuck_after: Duration,
}

impl Default for Payments {
    fn default() -> Self {
        Self {
            gateway: None,
            sandbox: None,
            turns: Arc::new(Semaphore::new(TURNS)),
            timeout: Duration::from_secs(8),
            check_after: Duration::from_secs(10),
            stuck_after: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for Payments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payments").field("gateway", &self.gateway.as_deref().map(PaymentGateway::provider)).finish()
    }
}

impl Payments {
    /// The gateway of this name, if it is the one that is used.
    pub fn gateway_of(&self, provider: &str) -> Option<&Arc<dyn PaymentGateway>> {
        self.gateway.as_ref().filter(|gateway| gateway.provider() == provider)
    }
}
