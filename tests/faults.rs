//! Faults between the server and its database, and of those who ask: what must not happen. Pauses and restarts are counted, no other event
//! refuses anybody, nothing is lost. `make bench-faults` reports the times with the same tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

#[path = "faults/clicks.rs"]
mod clicks;
#[path = "faults/cold_start.rs"]
mod cold_start;
#[path = "faults/locked_row.rs"]
mod locked_row;
#[path = "faults/lost_answers.rs"]
mod lost_answers;
#[path = "faults/second_server.rs"]
mod second_server;
#[path = "faults/silence.rs"]
mod silence;
#[path = "faults/strangers.rs"]
mod strangers;
#[path = "support/harness.rs"]
mod support;
#[path = "faults/watch.rs"]
mod watch;
