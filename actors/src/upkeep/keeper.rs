//! Periodic worker: one chore, done again and again by an actor of its own, at a hint, at each poll, and at once as
//! long as there is more to do. Between two portions it takes its messages, so a stop waits for one portion and no
//! chore waits for another.

use std::{future::Future, sync::Arc, time::Duration};

use domain::repositories::Found;
use metrics::gauge;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::{later::send_later, tasks::SignOfLife, waker::Waker};

/// What is to be done, a portion at a time.
pub(super) trait Chore: Send + Sync + 'static {
    /// The name in logs and metrics.
    const NAME: &'static str;

    /// Does a portion. True when there may be more to do at once.
    fn portion(&self) -> impl Future<Output = Found<bool>> + Send;
}

/// When the chore with this name last was done with all that there was.
pub(super) fn last_success(chore: &'static str) -> SignOfLife {
    SignOfLife::in_gauge(gauge!("boxoffice_upkeep_last_success_timestamp_seconds", "chore" => chore))
}

#[derive(Debug)]
pub(super) enum KeeperMessage {
    Hint,
    /// It is time to look.
    Poll,
    /// There was more to do than a portion.
    More,
}

/// See the module's page. Its memory is worth nothing.
pub(super) struct Keeper<C> {
    pub(super) chore: Arc<C>,
    pub(super) waker: Waker<KeeperMessage>,
    pub(super) poll_every: Duration,
    pub(super) success: SignOfLife,
}

impl<C: Chore> Actor for Keeper<C> {
    type Msg = KeeperMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        self.waker.looks();
        myself.cast(KeeperMessage::Poll)?;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        self.waker.looks();
        match self.chore.portion().await {
            Ok(true) => myself.cast(KeeperMessage::More)?,
            Ok(false) => self.success.give(),
            Err(error) => tracing::warn!(chore = C::NAME, %error, "what is due can't be done now"),
        }
        if let KeeperMessage::Poll = message {
            send_later(&myself, self.poll_every, KeeperMessage::Poll);
        }
        Ok(())
    }
}
