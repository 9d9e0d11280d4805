//! The running tree over a ledger in memory that can be made to fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "a helper that fails should fail its test"
)]

mod support {
    pub mod builders;
    pub mod harness;
    pub mod ledger_rows;
    pub mod memory_ledger;
}
mod engine {
    mod admission;
    mod availability;
    mod clocks;
    mod closings;
    mod culprits;
    mod doubts;
    mod expiry;
    mod failures;
    mod group_commit;
    mod idempotency;
    mod kills;
    mod live;
    mod loads;
    mod locks;
    mod money;
    mod passivation;
    mod pauses;
    mod races;
    mod restarts;
    mod silence;
    mod writer;
}
