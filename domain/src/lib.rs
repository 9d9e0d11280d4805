//! Business entities and rules of boxoffice.
//!
//! Nothing here does I/O, reads a clock or knows a framework: the present instant is always an argument.

pub mod accounts;
pub mod administration;
pub mod audit;
pub mod backoff;
pub mod bookings;
pub mod breakers;
pub mod cache;
pub mod credentials;
pub mod dead_letters;
pub mod events;
pub mod ids;
pub mod inventory;
pub mod jobs;
pub mod ledger;
pub mod lists;
pub mod mail;
pub mod management;
pub mod money;
pub mod network;
pub mod notices;
pub mod outbox;
pub mod payments;
pub mod pricing;
pub mod promo_codes;
pub mod rate_limit;
pub mod reconciliation;
pub mod refusal;
pub mod repositories;
pub mod repository_error;
pub mod request_fingerprint;
pub mod retention;
pub mod sales;
pub mod search;
pub mod seat_maps;
pub mod secrets;
pub mod selection;
pub mod sessions;
pub mod settings;
pub mod text;
pub mod unpaid;
pub mod validation;
pub mod venues;
