//! Mails from the transaction that causes them to a real mail server, which is away, hangs, refuses, or sees us die.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

#[path = "support/harness.rs"]
mod support;

mod mail {
    mod operations;
    mod outages;
    mod secured;
    mod sending;
}
