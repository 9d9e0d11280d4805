//! Use cases: one business operation each, over ports, free of frameworks.

pub mod access;
pub mod accounts;
pub mod app;
pub mod bookings;
pub mod limits;
pub mod mails;
