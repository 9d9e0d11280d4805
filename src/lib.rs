//! boxoffice: an event-booking server for the minute when everyone wants the same seats.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`serve`] | the composition root: configuration, stores, actors, HTTP, drain |
//! | [`application`] | use cases and the ports they need, free of frameworks |
//! | [`config`] | layered configuration, checked at start |
//! | [`infrastructure`] | the outside world: tokens, passwords, stores |
//! | [`presentation`] | HTTP: listener, router, requests, replies, problems |
//! | [`telemetry`] | logs and metrics |

pub mod application;
pub mod commands;
pub mod config;
pub mod infrastructure;
pub mod presentation;
pub mod serve;
pub mod telemetry;
