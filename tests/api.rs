//! The API from the outside, feature by feature: whole servers, a real PostgreSQL, a client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

#[path = "api/access.rs"]
mod access;
#[path = "api/accounts.rs"]
mod accounts;
#[path = "api/audit.rs"]
mod audit;
#[path = "api/audited.rs"]
mod audited;
#[path = "api/availability.rs"]
mod availability;
#[path = "api/best_available.rs"]
mod best_available;
#[path = "api/bookings.rs"]
mod bookings;
#[path = "api/edge.rs"]
mod edge;
#[path = "api/events.rs"]
mod events;
#[path = "api/holds.rs"]
mod holds;
#[path = "api/idempotency.rs"]
mod idempotency;
#[path = "api/keys.rs"]
mod keys;
#[path = "api/lists.rs"]
mod lists;
#[path = "api/live.rs"]
mod live;
#[path = "api/manage.rs"]
mod manage;
#[path = "api/matrix.rs"]
mod matrix;
#[path = "api/nul.rs"]
mod nul;
#[path = "api/openapi.rs"]
mod openapi;
#[path = "api/over.rs"]
mod over;
#[path = "api/overtaken.rs"]
mod overtaken;
#[path = "api/paging.rs"]
mod paging;
#[path = "api/passwords.rs"]
mod passwords;
#[path = "api/reads.rs"]
mod reads;
#[path = "api/retention.rs"]
mod retention;
#[path = "api/search.rs"]
mod search;
#[path = "api/sessions.rs"]
mod sessions;
#[path = "api/slugs.rs"]
mod slugs;
#[path = "api/spelling.rs"]
mod spelling;
#[path = "api/supervised.rs"]
mod supervised;
#[path = "support/harness.rs"]
mod support;
#[path = "api/table.rs"]
mod table;
#[path = "api/unpaid.rs"]
mod unpaid;
#[path = "api/usage.rs"]
mod usage;
#[path = "api/users.rs"]
mod users;
#[path = "api/venues.rs"]
mod venues;
#[path = "api/welcome.rs"]
mod welcome;
