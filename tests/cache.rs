//! The cache of answers from the outside: one server, two that share a Redis, and a Redis that hangs, dies or forgets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

#[path = "cache/admin.rs"]
mod admin;
#[path = "cache/ailing.rs"]
mod ailing;
#[path = "cache/forms.rs"]
mod forms;
#[path = "cache/freshness.rs"]
mod freshness;
#[path = "cache/gate.rs"]
mod gate;
#[path = "cache/going_back.rs"]
mod going_back;
#[path = "cache/hearing.rs"]
mod hearing;
#[path = "cache/metrics.rs"]
mod metrics;
#[path = "cache/nodes.rs"]
mod nodes;
#[path = "cache/outages.rs"]
mod outages;
#[path = "cache/races.rs"]
mod races;
#[path = "cache/redis.rs"]
mod redis;
#[path = "cache/repeats.rs"]
mod repeats;
#[path = "support/harness.rs"]
mod support;
#[path = "cache/unknown.rs"]
mod unknown;
#[path = "cache/visibility.rs"]
mod visibility;
#[path = "cache/written.rs"]
mod written;
