//! Use cases: one business operation each, over ports, free of frameworks.

pub mod access;
pub mod accounts;
pub mod acting;
pub mod administration;
pub mod app;
pub mod aside;
pub mod background;
pub mod booked_events;
pub mod bookings;
pub mod cache;
pub mod cancellations;
pub mod guide;
pub mod jobs;
pub mod limits;
pub mod mails;
pub mod manage;
pub mod memo;
pub mod passwords;
pub mod pictures;
pub mod quotes;
pub mod refunds;
pub mod seat_maps;
pub mod sessions;
pub mod sign_in;
pub mod site;
pub mod verification;
