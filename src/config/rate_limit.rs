//! Limits per client and per service.

use std::{fmt, time::Duration};

use domain::{
    network::{NETWORKS, Network, Networks},
    rate_limit::Rate,
};

use super::sources::{Section, Shown, parse_duration};

const AUTH: Rate = default(5, 15 * 60);
const BOOKINGS: Rate = default(10, 3600);
const API: Rate = default(100, 15 * 60);
const PUBLIC: Rate = default(200, 15 * 60);
const SMTP: Rate = default(10, 1);

/// Limits per client. A rate such as `100/15m` is 100 at once, which are regained one after the other within 15 minutes. Too
/// high: one client takes what others need. Too low: people are refused who only look around.
#[derive(Clone, Debug)]
pub struct RateLimitConfig {
    /// Signing in, registering and the like, of one network; also failures to sign in to one account from one network, and, twenty
    /// times as many, from everywhere.
    pub auth: Rate,
    /// Holds and bookings of one account.
    pub bookings: Rate,
    /// All other requests of one account.
    pub api: Rate,
    /// Requests without an account, of one network.
    pub public: Rate,
    /// Networks without limits: monitoring, load tests. Too wide: an attacker inside it is not limited at all.
    pub trusted: Vec<Network>,
    /// The longest wait of those who go on asking while they are refused; 0 for none beyond the usual. Too high: a network that
    /// many share is shut out for one of them. Too low: guessing goes on at the full rate.
    pub backoff_max: Duration,
    /// About how many clients a node remembers, 64 bytes each, those who have used most. Too high: memory for nothing. Too
    /// low: in a storm of addresses some that have used a little are forgotten.
    pub max_clients: usize,
    /// For Redis to answer, then a node decides by itself. Too high: a Redis that hangs delays some requests by as much, until
    /// it is given up. Too low: limits are not shared although Redis is well.
    pub redis_timeout: Duration,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            auth: AUTH,
            bookings: BOOKINGS,
            api: API,
            public: PUBLIC,
            trusted: Vec::new(),
            backoff_max: Duration::from_secs(15 * 60),
            max_clients: 65_536,
            redis_timeout: Duration::from_millis(50),
        }
    }
}

impl RateLimitConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let (ms, day) = (Duration::from_millis, Duration::from_secs(86_400));
        Self {
            auth: rate(section, "auth", default.auth),
            bookings: rate(section, "bookings", default.bookings),
            api: rate(section, "api", default.api),
            public: rate(section, "public", default.public),
            trusted: section.value("trusted", Networks(default.trusted), NETWORKS).0,
            backoff_max: section.duration("backoff_max", default.backoff_max, ms(0)..=day),
            max_clients: section.number("max_clients", default.max_clients, 8..=16_777_216),
            redis_timeout: section.duration("redis_timeout", default.redis_timeout, ms(1)..=ms(5000)),
        }
    }
}

/// Limits of what other services are asked, on each node.
#[derive(Clone, Debug)]
pub struct OutboundConfig {
    /// Mails handed to the SMTP server. Too high: it refuses them, or takes the sender for a spammer. Too low: mails are late.
    pub smtp: Rate,
}

impl OutboundConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self { smtp: rate(section, "smtp", SMTP) }
    }
}

/// For constants: one that is no rate does not compile.
pub(super) const fn default(count: u32, seconds: u64) -> Rate {
    match Rate::new(count, Duration::from_secs(seconds)) {
        Some(rate) => rate,
        None => panic!("not a rate"),
    }
}

pub(super) fn rate(section: &mut Section<'_, '_>, key: &str, default: Rate) -> Rate {
    let parse = |text: &str| {
        let (count, window) = text.split_once('/')?;
        Rate::new(count.trim().parse().ok()?, parse_duration(window.trim())?).map(Written)
    };
    section.alias(key, None, Written(default), parse, "a number and a time, such as 100/15m").0
}

/// A rate as people write it.
struct Written(Rate);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.count(), Shown(self.0.window()))
    }
}
