//! boxoffice: an event-booking server for the minute when everyone wants the same seats.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`application`] | use cases and the ports they need, free of frameworks |
//! | [`config`] | layered configuration, validated at start |
//! | [`config`] | layered configuration, checked at start |
//! | [`infrastructure`] | the outside world: tokens, passwords, stores |
//! | [`config`] | layered configuration, checked at start |
//! | [`infrastructure`] | the outside world: tokens, passwords, stores |
//! | [`presentation`] | HTTP: listener, router, requests, replies, problems |
//! | [`telemetry`] | logs and metrics |

pub mod application;

pub mod config;
pub mod infrastructure;
pub mod presentation;
pub mod telemetry;
