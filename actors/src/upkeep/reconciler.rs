//! Reconciliation: compares the counters of the ledger with its rows, one event after the other and for ever: recently
//! booked events again and again, all others in turn. It repairs nothing: a difference is a defect, and an alert names
//! the event.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use domain::{ids::EventId, reconciliation::Reconciliation, repositories::Found};
use metrics::{Counter, Gauge, counter, gauge};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use crate::{later::send_later, tasks::SignOfLife};

/// Events of each kind in one round: active ones, and others in their turn.
const EVENTS_AT_ONCE: u32 = 10;
/// Least time between two events.
const PAUSE: Duration = Duration::from_millis(250);
/// A comparison is followed by so many times its own duration without one: it takes at most a twentieth of a connection.
const REST: u32 = 19;
/// Most events that are remembered as wrong and looked at in every round.
const WRONG_MAX: usize = 100;

/// See the names of its metrics.
#[derive(Clone)]
pub(super) struct Differences {
    places: Gauge,
    found: Counter,
}

impl Default for Differences {
    fn default() -> Self {
        let found = counter!("boxoffice_ledger_mismatches_total");
        found.increment(0);
        let places = gauge!("boxoffice_ledger_mismatch_places");
        places.set(0.0);
        Self { places, found }
    }
}

pub(super) struct Reconciler<R> {
    pub(super) rows: Arc<R>,
    pub(super) differences: Differences,
    pub(super) success: SignOfLife,
}

/// It is time for the next event.
pub(super) struct Compare;

/// What is known between two events; a successor begins a new turn.
#[derive(Default)]
pub(super) struct Turn {
    next: VecDeque<EventId>,
    /// All events up to this one have had their turn.
    after: Option<EventId>,
    /// Places by which events are wrong.
    wrong: HashMap<EventId, u32>,
}

impl<R: Reconciliation> Reconciler<R> {
    async fn begin_round(&self, turn: &mut Turn) -> Found<()> {
        let mut events = self.rows.active_events(EVENTS_AT_ONCE).await?;
        let others = self.rows.events_after(turn.after, EVENTS_AT_ONCE).await?;
        // After the last one, the first.
        turn.after = others.last().copied();
        events.extend(others);
        events.extend(turn.wrong.keys());
        turn.next.extend(events);
        Ok(())
    }

    async fn compare(&self, turn: &mut Turn) -> Found<()> {
        if turn.next.is_empty() {
            self.begin_round(turn).await?;
        }
        let Some(event) = turn.next.pop_front() else { return Ok(()) };
        let mismatches = self.rows.mismatches(event).await?;
        let places = mismatches.iter().map(|mismatch| mismatch.places()).sum();
        if places == 0 {
            turn.wrong.remove(&event);
        } else if turn.wrong.get(&event) != Some(&places) {
            self.differences.found.increment(1);
            for mismatch in &mismatches {
                tracing::error!(%event, %mismatch, "the counters of an event differ from its holds and bookings");
            }
            if turn.wrong.len() < WRONG_MAX {
                turn.wrong.insert(event, places);
            }
        }
        // Summed as whole numbers: the sum of no floats is -0.
        let wrong: u64 = turn.wrong.values().map(|places| u64::from(*places)).sum();
        self.differences.places.set(wrong as f64);
        Ok(())
    }
}

impl<R: Reconciliation> Actor for Reconciler<R> {
    type Msg = Compare;
    type State = Turn;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Compare>, (): ()) -> Result<Turn, ActorProcessingErr> {
        myself.cast(Compare)?;
        Ok(Turn::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Compare>,
        Compare: Compare,
        turn: &mut Turn,
    ) -> Result<(), ActorProcessingErr> {
        let began = Instant::now();
        match self.compare(turn).await {
            Ok(()) => self.success.give(),
            Err(error) => tracing::warn!(%error, "counters and rows of an event can't be compared now"),
        }
        send_later(&myself, PAUSE.max(began.elapsed() * REST), Compare);
        Ok(())
    }
}
