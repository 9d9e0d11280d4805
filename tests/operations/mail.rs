//! Mails from the transaction that causes them to a real mail server, which is away, hangs, refuses, or sees us die.

mod bookings;
mod operations;
mod outages;
mod secured;
mod sending;
