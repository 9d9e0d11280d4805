//! What operators run and rely on: commands, configuration, database, migrations, mail, cache, limits, and the HTTP server against bad
//! clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

mod attacks;
mod breakers;
mod cache;
mod catalogue;
mod commands;
mod database;
mod embedded_postgres;
mod http_kernel;
mod jobs;
mod limits;
mod mail;
mod migrations;
mod payment_figures;
mod seed;
#[path = "../support/harness.rs"]
mod support;
mod upkeep;
