//! How places are sold, whatever goes wrong meanwhile: the ledger by itself, races of everybody with everybody, crashes, outages, faults on
//! the way to the database, more requests than can be answered. The ledger is audited afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

mod crashes;
mod faults;
mod jobs;
mod ledger;
mod money;
mod outages;
mod outbox;
mod overload;
mod races;
mod seams;
#[path = "../support/harness.rs"]
mod support;
