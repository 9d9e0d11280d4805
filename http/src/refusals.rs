//! What a client is told when a use case says no.

mod accounts;
pub mod bookings;
mod management;
