//! What a client is told when a use case says no.

mod accounts;
mod bookings;
mod management;
