//! The features of the HTTP API: each with its routes, what clients are told of them, handlers, and DTOs.

pub mod accounts;
pub mod audit;
mod blocks;
mod bodies;
pub mod bookings;
mod cache;
pub mod csp_reports;
pub mod events;
mod guests;
mod instants;
pub mod mails;
mod manage;
pub mod operations;
mod payments;
pub mod problems;
mod quotas;
mod quotes;
pub mod reference;
pub mod routes;
mod scopes;
mod seat_maps;
mod series;
mod settings;
mod ticket_types;
pub mod venues;
mod vocabularies;
pub mod welcome;
