//! One chore, done again and again by an actor of its own: at a hint, at each poll, and at once as long as there is more to do. Between
//! two portions it takes its messages, so a stop waits for one portion and no chore waits for another.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::repositories::Found;
use metrics::{Gauge, gauge};
use ractor::{Actor, ActorProcessingErr, ActorRef};

/// What is to be done, a portion at a time.
pub(super) trait Chore: Send + Sync + 'static {
    /// The name in logs and metrics.
    const NAME: &'static str;

    /// Does a portion. True when there may be more to do at once.
    fn portion(&self) -> impl Future<Output = Found<bool>> + Send;
}

/// When a chore last was done with all that there was, as seconds since 1970: a gauge whose age is alerted on.
#[derive(Clone)]
pub(super) struct LastSuccess(Gauge);

impl LastSuccess {
    /// Of the chore with this name. Begins now: a server that has just started is not late.
    pub(super) fn of(chore: &'static str) -> Self {
        let success = Self(gauge!("boxoffice_upkeep_last_success_timestamp_seconds", "chore" => chore));
        success.now();
        success
    }

    /// It is done now.
    pub(super) fn now(&self) {
        self.0.set(jiff::Timestamp::now().as_millisecond() as f64 / 1000.0);
    }
}

/// What a keeper can be told.
#[derive(Debug)]
pub(super) enum KeeperMessage {
    /// Look now.
    Hint,
    /// It is time to look.
    Poll,
    /// There was more to do than a portion.
    More,
}

/// See the module's page. Its memory is worth nothing.
pub(super) struct Keeper<C> {
    pub(super) chore: Arc<C>,
    /// Whether a hint is on its way.
    pub(super) hinted: Arc<AtomicBool>,
    pub(super) poll_every: Duration,
    pub(super) success: LastSuccess,
}

impl<C: Chore> Actor for Keeper<C> {
    type Msg = KeeperMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        // A hint to the predecessor is lost with it.
        self.hinted.store(false, Ordering::Release);
        myself.cast(KeeperMessage::Poll)?;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // Before the look: what is hinted at from now on gives another hint.
        self.hinted.store(false, Ordering::Release);
        match self.chore.portion().await {
            Ok(true) => myself.cast(KeeperMessage::More)?,
            Ok(false) => self.success.now(),
            Err(error) => tracing::warn!(chore = C::NAME, %error, "what is due can't be done now"),
        }
        if let KeeperMessage::Poll = message {
            myself.send_after(self.poll_every, || KeeperMessage::Poll);
        }
        Ok(())
    }
}
