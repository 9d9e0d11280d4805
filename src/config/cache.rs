//! The cache of answers.

use std::time::Duration;

use super::sources::Section;

/// The cache of answers.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// Whether answers are kept or looked for. What this node changes others are told all the same.
    pub enabled: bool,
    /// Bytes in this process. Too high: memory for what nobody asks. Too low: the same answers are read again and again.
    pub max_bytes: u64,
    /// How long an answer in this process is given without a new read. Too high: without Redis, another node's change is seen
    /// late. Too low: the database is asked more often.
    pub fresh: Duration,
    /// How long after that it is given while it is read again. Together with `fresh` it bounds what a node that hears of no
    /// change may show.
    pub stale: Duration,
    /// How long lists and events are kept in Redis. Too low: the database is asked more often.
    pub listing_ttl: Duration,
    /// How long what hardly ever changes is kept there, such as venues.
    pub static_ttl: Duration,
    /// For Redis to answer, then the database is asked. Too high: a Redis that hangs delays some requests by as much, until it is
    /// given up.
    pub redis_timeout: Duration,
    /// Bytes that the answers of all nodes may take in Redis; those make room that end first. Too high: Redis gets full, or evicts what
    /// others need. Too low: the database is asked more often.
    pub redis_max_bytes: u64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: 64 << 20,
            fresh: Duration::from_secs(5),
            stale: Duration::from_secs(5),
            listing_ttl: Duration::from_secs(3600),
            static_ttl: Duration::from_secs(24 * 3600),
            redis_timeout: Duration::from_millis(50),
            redis_max_bytes: 256 << 20,
        }
    }
}

impl CacheConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let default = Self::default();
        let (ms, day) = (Duration::from_millis, Duration::from_secs(86_400));
        Self {
            enabled: section.value("enabled", default.enabled, "true or false"),
            max_bytes: section.number("max_bytes", default.max_bytes, 1 << 20..=64 << 30),
            fresh: section.duration("fresh", default.fresh, ms(10)..=day),
            stale: section.duration("stale", default.stale, ms(0)..=day),
            listing_ttl: section.duration("listing_ttl", default.listing_ttl, ms(1000)..=30 * day),
            static_ttl: section.duration("static_ttl", default.static_ttl, ms(1000)..=30 * day),
            redis_timeout: section.duration("redis_timeout", default.redis_timeout, ms(1)..=ms(5000)),
            redis_max_bytes: section.number("redis_max_bytes", default.redis_max_bytes, 1 << 20..=1 << 40),
        }
    }
}
