//! The cache of answers.

use std::time::Duration;

use actors::cache::{CacheSettings, Lifetimes};

use super::{
    declare::{days, hours, ms, s},
    sources::{Layers, Section},
};

settings! {
    /// The cache of answers
    "cache" CacheConfig() {
        [settings: CacheSettings = cache]
        /// For Redis to answer, then the database is asked. Too high: a Redis that hangs delays some requests by as much, until it is
        /// given up.
        redis_timeout: Duration = duration(ms(50), ms(1)..=s(5));
        /// Bytes that the answers of all nodes may take in Redis; those make room that end first. Too high: Redis gets full, or evicts
        /// what others need. Too low: the database is asked more often.
        redis_max_bytes: u64 = number(256 << 20, 1 << 20..=1 << 40);
    }
}

settings! {
    cache -> CacheSettings or default {
        [lifetimes = lifetimes]
        /// false: nothing is kept or looked for, every read asks the database. Other nodes are told of changes all the same.
        enabled: bool = flag(default.enabled);
        /// Bytes of answers in this process. Too high: memory for what nobody asks. Too low: the same answers are read again and again.
        bytes_max "max_bytes": u64 = number(default.bytes_max, 1 << 20..=64 << 30);
        /// How long an answer in this process is given without a new read. Too high: without Redis, another node's change is seen late.
        /// Too low: the database is asked more often.
        fresh: Duration = duration(default.fresh, ms(10)..=days(1));
        /// How long after that it is given while it is read again. Both together bound what a node shows that hears of no change.
        stale: Duration = duration(default.stale, ms(0)..=days(1));
    }
}

settings! {
    lifetimes -> Lifetimes {
        /// How long lists and events are kept in Redis. Too low: the database is asked more often.
        listing "listing_ttl": Duration = duration(hours(1), s(1)..=days(30));
        /// How long what hardly ever changes is kept there: single venues and the public settings.
        fixed "static_ttl": Duration = duration(hours(24), s(1)..=days(30));
    }
}
