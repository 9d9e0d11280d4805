//! What clients see over HTTP, by its URL below `/api/v1`: whole servers, a real PostgreSQL, a client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

mod admin;
mod auth;
mod bookings;
mod events;
mod every_route;
mod holds;
mod openapi;
mod organizer;
mod payments;
mod quotes;
mod refunds;

#[path = "../support/harness.rs"]
mod support;
mod venues;
mod welcome;
