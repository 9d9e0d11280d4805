//! The features of the HTTP API: each with its routes, what clients are told of them, handlers, and DTOs.

pub mod accounts;
pub mod audit;
mod bodies;
pub mod bookings;
mod cache;
pub mod csp_reports;
pub mod events;
mod instants;
pub mod mails;
mod manage;
pub mod operations;
pub mod problems;
pub mod reference;
pub mod routes;
mod scopes;
pub mod venues;
mod vocabularies;
pub mod welcome;
