//! The rules by which an inventory decides, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "a helper that fails should fail its test"
)]
#![allow(dead_code, reason = "the builders are shared with other tests")]

mod support {
    pub mod builders;
}
mod rules {
    mod closing;
    mod codes;
    mod fingerprints;
    mod holds;
    mod limits;
    mod paying;
    mod places;
    mod prices;
    mod unpaid;
}
