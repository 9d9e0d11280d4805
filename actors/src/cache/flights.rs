//! Request coalescing (single flight): one read for all who miss the same answer at the same time.

use std::{collections::HashMap, sync::Arc};

use domain::repositories::RepositoryError;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::local::Entry;

/// What comes of a read. A failure is told to all who wait for it, and kept for nobody else.
pub(super) type FlightOutcome = Result<Arc<Entry>, RepositoryError>;

struct Flight {
    began: u64,
    outcome: watch::Receiver<Option<FlightOutcome>>,
}

type Table = HashMap<Box<str>, Flight, RandomState>;

/// The reads that are under way.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<Table>>);

/// How somebody takes part.
pub(super) enum Joined {
    /// By doing it.
    Leads(Landing, FlightWaiter),
    /// By waiting for the one who does it.
    Follows(FlightWaiter),
}

impl Flights {
    /// Joins the read under this key. A new one begins now: `now` tells the number of the last change.
    pub(super) fn join(&self, key: &str, now: impl FnOnce() -> u64) -> Joined {
        let mut table = self.0.lock();
        if let Some(flight) = table.get(key) {
            return Joined::Follows(FlightWaiter { began: flight.began, outcome: flight.outcome.clone() });
        }
        let (sender, outcome) = watch::channel(None);
        let began = now();
        table.insert(key.into(), Flight { began, outcome: outcome.clone() });
        let landing = Landing { flights: self.clone(), key: key.into(), began, sender };
        Joined::Leads(landing, FlightWaiter { began, outcome })
    }
}

/// The duty to say what came of a read. Dropped without a word, as after a panic, it frees the key, and those who wait are told
/// that there is no answer.
pub(super) struct Landing {
    flights: Flights,
    key: Box<str>,
    pub(super) began: u64,
    sender: watch::Sender<Option<FlightOutcome>>,
}

impl Landing {
    /// Says it. Whatever is to be found by those who come later must be there already.
    pub(super) fn land(self, outcome: FlightOutcome) {
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.0.lock().remove(&self.key);
    }
}

/// Somebody who waits for a read.
pub(super) struct FlightWaiter {
    /// The number of the last change when it began.
    pub(super) began: u64,
    outcome: watch::Receiver<Option<FlightOutcome>>,
}

impl FlightWaiter {
    pub(super) async fn outcome(mut self) -> FlightOutcome {
        let landed = self.outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        landed.unwrap_or_else(|| Err(RepositoryError::Broken("a read for the cache ended without a result".to_owned())))
    }
}
