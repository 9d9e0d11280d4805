//! Circuit breakers.

use std::time::Duration;

use actors::breakers::BreakerSettings;

use super::{
    declare::{hours, minutes, ms},
    sources::{Layers, Section},
};

settings! {
    /// Circuit breakers
    /// One for each service that this server calls. One that fails is left alone for a while; then single calls find out whether it is back.
    "breakers" BreakersConfig() {
        [settings: BreakerSettings = breaker]
        /// Calls of one service under way at once; further ones are refused. E-mail has its own, mail.concurrency. Too high: a service
        /// that hangs holds memory and connections. Too low: calls are refused while the service is well.
        concurrency: usize = number(64, 1..=10_000);
    }
}

settings! {
    breaker -> BreakerSettings or default {
        /// Failures within the window that open a breaker. Too high: many callers wait for a service that is away. Too low: a few lost
        /// packets close a service that is well to all.
        failures: u32 = number(default.failures, 1..=1000);
        /// For how long a failure counts. Too high: failures of different causes add up. Too low: a service that answers slowly never has
        /// enough of them.
        window: Duration = duration(default.window, ms(100)..=hours(1));
        /// How long a breaker stays open, and up to a twentieth longer by chance, so that nodes do not come back all at once. Too high: a
        /// service that is back stays unused. Too low: one that is down is asked for nothing.
        open_for: Duration = duration(default.open_for, ms(10)..=minutes(60));
        /// How long a breaker probes at most: then it opens again if a call has no answer yet, and closes otherwise. Too high: a service that
        /// nobody calls looks as if it were away. Too low: few calls decide.
        half_open_for: Duration = duration(default.half_open_for, ms(10)..=minutes(60));
        /// Calls that must succeed one after the other before a breaker closes. Too high: recovery takes long. Too low: a service that
        /// answers now and then is trusted at once.
        probes: u32 = number(default.probes, 1..=100);
    }
}
