//! Retention: deletes expired rows, a portion per message, so that nobody waits long for its locks and a stop waits for
//! one statement.

use std::{sync::Arc, time::Duration};

use domain::retention::{Leftover, Retention};
use metrics::{Counter, counter};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::{later::send_later, tasks::SignOfLife};

/// Rows deleted in one statement.
const PORTION: u32 = 1_000;
/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(600);

/// Rows deleted, a counter a kind.
#[derive(Clone)]
pub(super) struct SweptRows([Counter; Leftover::ALL.len()]);

impl Default for SweptRows {
    fn default() -> Self {
        Self(Leftover::ALL.map(|kind| {
            let counter = counter!("boxoffice_swept_rows_total", "kind" => kind.as_str());
            counter.increment(0);
            counter
        }))
    }
}

/// See the module's page. Its memory is worth nothing.
pub(super) struct Sweeper<R> {
    pub(super) rows: Arc<R>,
    pub(super) swept: SweptRows,
    pub(super) success: SignOfLife,
}

/// It is time for a portion of the kind at this place of [`Leftover::ALL`].
pub(super) struct Sweep(usize);

impl<R: Retention> Actor for Sweeper<R> {
    type Msg = Sweep;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Sweep>, (): ()) -> Result<(), ActorProcessingErr> {
        myself.cast(Sweep(0))?;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Sweep>,
        Sweep(place): Sweep,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let (Some(kind), Some(counter)) = (Leftover::ALL.get(place), self.swept.0.get(place)) else {
            send_later(&myself, EVERY, Sweep(0));
            return Ok(());
        };
        let next = match self.rows.delete_leftovers(*kind, PORTION).await {
            Ok(deleted) => {
                counter.increment(deleted);
                self.success.give();
                if deleted < u64::from(PORTION) { place + 1 } else { place }
            }
            Err(error) => {
                tracing::warn!(kind = kind.as_str(), %error, "rows that are over can't be deleted now");
                place + 1
            }
        };
        myself.cast(Sweep(next))?;
        Ok(())
    }
}
