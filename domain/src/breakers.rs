//! Circuit breakers: the ports to what they share with other nodes, and to a service that watches itself.

use std::time::Duration;

use crate::cache::Answering;

/// A breaker that a node has opened because of its own failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Tells it from other openings.
    pub id: u64,
    /// How long that node still leaves the service alone.
    pub rest: Duration,
}

/// Where nodes tell each other which breakers they have opened. It may be away at any moment; then each decides alone.
pub trait SharedBreakers: Send + Sync + 'static {
    /// Tells the others.
    fn tell<'a>(&'a self, service: &'a str, opening: Opening) -> Answering<'a, ()>;

    /// The last opening that somebody told of and that is not over.
    fn latest<'a>(&'a self, service: &'a str) -> Answering<'a, Option<Opening>>;
}

/// A service whose clients find out by themselves whether it answers.
pub trait WatchedService: Send + Sync + 'static {
    /// Whether nobody asks it now because it did not answer.
    fn is_given_up(&self) -> bool;

    /// Questions in a row that it did not answer.
    fn failures(&self) -> u32;
}
