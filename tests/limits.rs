//! Limits from the outside: one server, two that share a Redis, and a Redis that hangs, dies or forgets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

#[path = "limits/clients.rs"]
mod clients;
#[path = "limits/given_up.rs"]
mod given_up;
#[path = "limits/outages.rs"]
mod outages;
#[path = "limits/places.rs"]
mod places;
#[path = "limits/shared.rs"]
mod shared;
#[path = "limits/single.rs"]
mod single;
#[path = "support/harness.rs"]
mod support;
