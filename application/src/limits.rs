//! Rate limiting: what is limited, and the port to the limiter.

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{ids::AccountId, rate_limit::Rate};
use strum::IntoStaticStr;

/// Which limit a row of the table of routes has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Tier {
    /// None: health, and what is only read by machines and people of our own.
    Unlimited,
    /// Signing in and everything like it, counted for the client's network.
    Auth,
    /// Taking places, counted for the account.
    Bookings,
    /// Everything else that needs an account, counted for it.
    Api,
    /// Everything that anybody may ask, counted for the client's network.
    Public,
}

impl Tier {
    /// Those that are limited, in the order of the declaration.
    pub const LIMITED: [Self; 4] = [Self::Auth, Self::Bookings, Self::Api, Self::Public];

    /// Its name in header fields, metrics and settings.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Its place in [`Tier::LIMITED`].
    pub fn index(self) -> Option<usize> {
        // `Unlimited` comes first.
        (self as usize).checked_sub(1)
    }
}

/// What use cases limit themselves, because only they know whom it concerns. At the rate of [`Tier::Auth`] or a multiple of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Rule {
    /// Failures to sign in to one account from one network, or from one device that is known. The subject names both.
    SignIn,
    /// Failures to sign in to one account, whatever network they come from. Anybody can use this up for somebody else, so it is
    /// wide, and who goes on does not make the wait longer. The subject is the account.
    SignInAccount,
    /// Mails to one address that somebody else may have caused, and that no link stands for. The subject is the e-mail address.
    AccountMail,
    /// Failures to prove who one is once more while signed in, as for a new password. The subject is the account's id.
    Reauthentication,
    /// Messages from one network that claim to be a payment gateway's and are not. The subject names both.
    Webhook,
}

impl Rule {
    /// All of them, in the order of the declaration.
    pub const ALL: [Self; 5] =
        [Self::SignIn, Self::SignInAccount, Self::AccountMail, Self::Reauthentication, Self::Webhook];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How many times the rate of [`Tier::Auth`] it has.
    pub fn width(self) -> u32 {
        match self {
            Self::SignInAccount => 20,
            Self::SignIn | Self::AccountMail | Self::Reauthentication | Self::Webhook => 1,
        }
    }

    /// Whether who goes on while refused waits longer for it. Not where strangers would make others wait.
    pub fn is_growing(self) -> bool {
        match self {
            Self::SignIn | Self::Reauthentication => true,
            Self::SignInAccount | Self::AccountMail | Self::Webhook => false,
        }
    }
}

/// Refused: too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked too often")]
pub struct Limited {
    /// When one more will be admitted, if nothing is tried before.
    pub retry_after: Duration,
    /// Whether this is the first refusal since something was admitted: worth a line in the log.
    pub first: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Where the client is. Networks that are trusted are not limited.
    pub address: IpAddr,
    /// Whose token it has shown, if any.
    pub account: Option<AccountId>,
}

/// How a client stands after it was counted.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Whether this request is served.
    pub outcome: Result<(), Limited>,
    /// How many more would be.
    pub remaining: u32,
    /// After how long as many as the limit would be.
    pub full_after: Duration,
}

/// The answer of [`LimitRequests::count`].
pub enum Counted {
    /// The client's network is trusted, or the tier has no limit.
    Exempt,
    /// Decided here.
    Known(Standing),
    /// Other nodes have to be asked. Whatever happens to them, the answer is there within milliseconds.
    Asked(Pin<Box<dyn Future<Output = Standing> + Send>>),
}

/// Limits requests by the tier of their route.
pub trait LimitRequests: Send + Sync + 'static {
    /// Counts one request of `client`.
    fn count(&self, tier: Tier, client: Client, now: Instant) -> Counted;

    /// How the client stands by what is known here, without counting. `None` when it is not limited.
    fn standing(&self, tier: Tier, client: Client, now: Instant) -> Option<Standing>;

    /// Gives one back that was counted and admitted, because of what came of it. `None` when it is not limited.
    fn give_back(
        &self,
        tier: Tier,
        client: Client,
        now: Instant,
    ) -> Option<Pin<Box<dyn Future<Output = Standing> + Send>>>;

    /// The limit of a tier. `None` for [`Tier::Unlimited`].
    fn rate(&self, tier: Tier) -> Option<Rate>;
}

/// Limits what use cases let happen.
#[async_trait]
pub trait LimitAttempts: Send + Sync + 'static {
    /// Counts one attempt that concerns `subject` (never shown or logged), made by a client at `from`. Trusted networks are
    /// exempt. Call it before the work that is to be limited, so that many at once are counted as well.
    async fn attempt(&self, rule: Rule, subject: &str, from: IpAddr) -> Result<(), Limited>;

    /// Whether one more request of this tier would be admitted for a client at `from`, by what is known here. Nothing is counted.
    fn has_left(&self, tier: Tier, from: IpAddr) -> Result<(), Limited>;

    /// Counts something as one request of this tier, by a client at `from`, after it has happened.
    async fn charge(&self, tier: Tier, from: IpAddr) -> Result<(), Limited>;

    /// Gives back one that was counted and admitted, because it succeeded.
    async fn forgive(&self, rule: Rule, subject: &str, from: IpAddr) -> ();
}
