//! Clients that mean harm, against the real program in a process of its own: what they can take is bounded, and everybody
//! else is served meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

#[path = "attacks/frames.rs"]
#[allow(dead_code, reason = "each root of tests uses its own part")]
mod frames;
#[path = "attacks/http1.rs"]
mod http1;
#[path = "attacks/http2.rs"]
mod http2;
#[path = "attacks/slow_readers.rs"]
mod slow_readers;
#[path = "support/harness.rs"]
mod support;
#[path = "attacks/target.rs"]
mod target;
