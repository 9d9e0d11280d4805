//! Keeps this node's session alive. A node whose session has ended must not go on: another may own its events.

use std::{sync::Arc, time::Duration};

use domain::ledger::{Ledger, LoadError};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

/// How often the session is renewed; a session that is not renewed for several such times may be ended by another node.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// See the module's page.
pub struct Leases<L> {
    /// Where the session lives.
    pub ledger: Arc<L>,
    /// Becomes true when the session has ended.
    pub fenced: watch::Sender<bool>,
}

/// It is time to renew.
pub struct Renew;

impl<L: Ledger> Actor for Leases<L> {
    type Msg = Renew;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        myself.send_after(RENEW_EVERY, || Renew);
        Ok(())
    }

    async fn handle(&self, myself: ActorRef<Self::Msg>, Renew: Renew, (): &mut ()) -> Result<(), ActorProcessingErr> {
        match self.ledger.renew().await {
            Err(LoadError::Fenced) => {
                tracing::error!(
                    "the session of this node has ended: another server took its name, or it was away too long"
                );
                self.fenced.send_replace(true);
                return Ok(());
            }
            // Nobody can take the session over without the database either.
            Err(error) => tracing::warn!(%error, "the session could not be renewed"),
            Ok(()) => {}
        }
        myself.send_after(RENEW_EVERY, || Renew);
        Ok(())
    }
}
