//! Realistic, repeatable data: [`demo`] to look at and to book from, [`loadtest`] to measure bookings with, [`catalogue`] to search.
//!
//! What demo and catalogue consist of stands in the JSON files of `seed/data`, which are read with `data`. A scenario is first drawn in
//! memory (`model`), then written in one transaction (`writer`). Every id is derived from a
//! stable name (`ids`), so the same arguments give the same ids in every database; dates count from the day of `now`, so
//! the demo is on sale whenever it is loaded. What exists already is never touched: an account, a venue or an event that
//! is there keeps whatever its people made of it, bookings included.

mod calendar;
mod catalogue;
mod data;
mod demo;
mod fixture;
mod ids;
mod loadtest;
mod model;
mod seating;
mod writer;

pub use catalogue::catalogue;
pub use demo::{
    DemoAccount, DemoSummary, FIRST_EVENT, FirstBooking, demo, demo_accounts, demo_password_hashes, has_demo_accounts,
    reset_demo_passwords,
};
pub use fixture::{Fixture, FixtureEvent, FixturePrice, FixtureTicketType, FixtureUser, Kind};
pub use loadtest::{House, LoadtestOptions, loadtest};

/// How many rows of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// People who may sign in.
    pub accounts: usize,
    /// Places where events happen.
    pub venues: usize,
    /// Chairs on all seat maps.
    pub seats: usize,
    /// Events of any status.
    pub events: usize,
    /// Ticket types of those events.
    pub ticket_types: usize,
}

/// Why there is no seed. Nothing was written, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The load-test scenario hands out tokens of accounts that anybody could name.
    #[error("the loadtest scenario is refused in production")]
    Production,
    /// An e-mail address or slug of the scenario belongs to something that the seed did not make.
    #[error("the database already has something under a name of the seed: {detail}")]
    Taken {
        /// The database's words: which key, which value.
        detail: String,
        /// The violation itself.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The database refused or went away.
    #[error("the database failed while the seed was being written")]
    Database(#[source] tokio_postgres::Error),
    /// An access token of the load test could not be signed. Everything else is written; a second run hands them out.
    #[error("an access token could not be signed: {0}")]
    Token(String),
    /// A date is out of range, or the system lacks the time zone of a venue.
    #[error("a date of the seed could not be computed")]
    Time(#[from] jiff::Error),
    /// A data file is not in the form that it is read in: a mistake in this program.
    #[error("the seed's data file {file} cannot be read: {reason}")]
    Unreadable {
        /// In `seed/data`.
        file: &'static str,
        /// What is wrong, and in which line.
        reason: String,
    },
    /// The data of a scenario names something that it does not define: a mistake in this program.
    #[error("the seed's data names {kind} {name:?}, which it does not define")]
    Undefined {
        /// What was looked for.
        kind: &'static str,
        /// By which name.
        name: String,
    },
}

impl From<tokio_postgres::Error> for SeedError {
    fn from(source: tokio_postgres::Error) -> Self {
        let taken = source
            .as_db_error()
            .filter(|error| *error.code() == tokio_postgres::error::SqlState::UNIQUE_VIOLATION)
            .map(|error| error.detail().unwrap_or(error.message()).to_owned());
        match taken {
            Some(detail) => Self::Taken { detail, source },
            None => Self::Database(source),
        }
    }
}
