//! Error mapping: the problem that a client is shown for each error of a use case.

mod accounts;
pub mod bookings;
mod management;
mod money;
mod payments;
mod quotes;
