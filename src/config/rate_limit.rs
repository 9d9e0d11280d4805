//! Limits per client and per service.

use std::time::Duration;

use boxoffice_store::rate_limits::LimiterSettings;
use domain::{
    network::{NETWORKS, Network},
    rate_limit::Rate,
};

use super::{
    declare::{days, minutes, ms, s},
    sources::{Layers, Section},
};

settings! {
    /// Limits per client
    /// 100/15m is 100 at once, which are regained one after the other within 15 minutes. Too high: one client takes what others need.
    /// Too low: people are refused who only look around.
    "rate_limit" RateLimitConfig() {
        [limiter: LimiterSettings = limiter]
        /// For Redis to answer, then a node decides by itself. Too high: a Redis that hangs delays some requests by as much, until it is
        /// given up. Too low: limits are not shared although Redis is well.
        redis_timeout: Duration = duration(ms(50), ms(1)..=s(5));
    }
}

settings! {
    limiter -> LimiterSettings {
        /// Signing in, registering and the like, of one network; also failures to sign in to one account from one network, and, twenty
        /// times as many, from everywhere.
        auth: Rate = rate(5, minutes(15));
        /// Holds and bookings of one account.
        bookings: Rate = rate(10, minutes(60));
        /// All other requests of one account.
        api: Rate = rate(100, minutes(15));
        /// Requests without an account, of one network.
        public: Rate = rate(200, minutes(15));
        /// Networks without limits, such as 127.0.0.0/8,::1/128: monitoring, load tests. Too wide: an attacker inside it is not limited at
        /// all.
        trusted: Vec<Network> = list(|text| text.parse().ok(), NETWORKS);
        /// The longest wait of those who go on asking while they are refused; 0 for none beyond the usual. Too high: a network that many
        /// share is shut out for one of them. Too low: guessing goes on at the full rate.
        backoff_max: Duration = duration(minutes(15), ms(0)..=days(1));
        /// About how many clients a node remembers, 64 bytes each, those who have used most. Too high: memory for nothing. Too low: in a
        /// storm of addresses some that have used a little are forgotten.
        max_clients: usize = number(65_536, 8..=16_777_216);
    }
}

settings! {
    /// Limits of what each node asks of other services
    "rate_limit.outbound" OutboundConfig() {
        /// Mails handed to the SMTP server. Too high: it refuses them, or takes the sender for a spammer. Too low: mails are late.
        smtp: Rate = rate(10, s(1));
    }
}
