//! What the server does with its connections to the database, and with what the database answers.

mod given_up;
mod keys;
mod lists;
mod reads;
mod settings;
mod start;
mod transactions;

use std::time::Duration;

use crate::support::TestDatabase;
use boxoffice_store::postgres::{
    connection::RequestPool,
    pool::{self, PoolSettings},
};

/// How to reach `database` with so many connections.
fn pool_settings(database: &TestDatabase, max_connections: usize) -> PoolSettings {
    PoolSettings {
        url: database.url().into(),
        max_connections,
        connect_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
    }
}

/// A pool of requests with so many connections.
fn pool_of(database: &TestDatabase, max_connections: usize) -> RequestPool {
    pool::pool_of_requests(&pool_settings(database, max_connections)).unwrap()
}
