//! The actor of a breaker: makes its transitions, and no one else does. It has no memory of its own; all is in the published
//! phase, so a successor goes on from there.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use domain::breakers::{Opening, SharedBreakers, WatchedService};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use super::{
    breaker::{Breaker, BreakerMessage},
    period::{Outage, Phase},
    state::BreakerState,
};
use crate::later::send_later;

/// How often others are listened to. A node follows an opening within twice that and the time that Redis takes.
const ROUND: Duration = Duration::from_millis(250);
/// Each wait is longer by up to this part, so that nodes do not probe all at once.
const JITTER: f64 = 0.05;

/// Who knows about the service besides this node's calls.
#[derive(Clone)]
pub(super) enum Source {
    Nobody,
    /// The other nodes.
    Nodes(Arc<dyn SharedBreakers>),
    /// The service's own clients, who decide.
    Watched(Arc<dyn WatchedService>),
}

pub(super) struct BreakerActor {
    pub(super) breaker: Arc<Breaker>,
    pub(super) source: Source,
}

impl BreakerActor {
    /// Makes the transition that is due.
    fn look(&self, myself: &ActorRef<BreakerMessage>) {
        let (breaker, now) = (&self.breaker, Instant::now());
        let (period, settings) = (breaker.period(), &breaker.settings);
        let failures = period.phase.failures(settings, now);
        match (period.phase.due(settings, now), &period.phase) {
            (None, _) => {}
            (Some(BreakerState::Closed), _) => breaker.enter(Phase::closed(settings, now), "no probe failed"),
            (Some(BreakerState::HalfOpen), _) => {
                breaker.enter(Phase::half_open(settings, failures, now), "one call at a time probes it");
                self.look_when_it_is_over(myself);
            }
            (Some(BreakerState::Open), Phase::HalfOpen(_)) => {
                // Each node probes for itself: that one can't reach the service says nothing about the others.
                self.open(settings.open_for, failures, None, "a probe failed, or had no answer", myself);
            }
            (Some(BreakerState::Open), _) => {
                let id = rand::random();
                breaker.heard.store(id, Ordering::Release);
                self.open(settings.open_for, failures, Some(id), "it failed too often", myself);
            }
        }
    }

    fn open(&self, wait: Duration, failures: u32, id: Option<u64>, why: &str, myself: &ActorRef<BreakerMessage>) {
        let until = Instant::now() + wait.mul_f64(1.0 + JITTER * rand::random::<f64>());
        let outage = Outage { until: Some(until), failures, id, is_told: false.into() };
        self.breaker.enter(Phase::Open(outage), why);
        self.look_when_it_is_over(myself);
    }

    fn look_when_it_is_over(&self, myself: &ActorRef<BreakerMessage>) {
        if let Some(until) = self.breaker.period().phase.until() {
            send_later(myself, until.saturating_duration_since(Instant::now()), BreakerMessage::Look);
        }
    }

    /// Opens when another node has, once for each opening. A breaker that is not closed finds out by itself.
    fn follow(&self, opening: Opening, myself: &ActorRef<BreakerMessage>) {
        let is_new = self.breaker.heard.swap(opening.id, Ordering::AcqRel) != opening.id;
        if is_new && self.breaker.state() == BreakerState::Closed {
            let wait = opening.rest.min(self.breaker.settings.open_for);
            self.open(wait, 0, None, "another node has opened it", myself);
        }
    }

    /// Tells the other nodes and listens to them, beside the mailbox.
    fn exchange(&self, shared: &Arc<dyn SharedBreakers>, myself: &ActorRef<BreakerMessage>) {
        let (shared, myself, service) = (shared.clone(), myself.clone(), self.breaker.service);
        let period = self.breaker.period();
        tokio::spawn(async move {
            if let Some(opening) = period.phase.untold(Instant::now()) {
                let told = shared.tell(service.as_ref(), opening).await;
                if let (Ok(()), Phase::Open(outage)) = (told, &period.phase) {
                    outage.is_told.store(true, Ordering::Release);
                }
            } else if let Ok(Some(opening)) = shared.latest(service.as_ref()).await {
                // An error means that the actor has died: its successor asks again.
                let _ = myself.cast(BreakerMessage::Heard(opening));
            }
        });
    }

    fn mirror(&self, service: &dyn WatchedService) {
        let (breaker, failures) = (&self.breaker, service.failures());
        match (service.is_given_up(), breaker.state()) {
            (true, BreakerState::Closed) => {
                let outage = Outage { until: None, failures, id: None, is_told: false.into() };
                breaker.enter(Phase::Open(outage), "it does not answer");
            }
            (false, BreakerState::Open) => {
                breaker.enter(Phase::closed(&breaker.settings, Instant::now()), "it answers")
            }
            _ => {}
        }
    }
}

impl Actor for BreakerActor {
    type Msg = BreakerMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        // A hint to the predecessor is lost with it.
        self.breaker.waker.looks();
        myself.cast(BreakerMessage::Look)?;
        self.look_when_it_is_over(&myself);
        myself.cast(BreakerMessage::Round)?;
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        self.breaker.waker.looks();
        match message {
            BreakerMessage::Look => self.look(&myself),
            BreakerMessage::Heard(opening) => self.follow(opening, &myself),
            BreakerMessage::Round => {
                match &self.source {
                    Source::Nobody => return Ok(()),
                    Source::Nodes(shared) => self.exchange(shared, &myself),
                    Source::Watched(service) => self.mirror(&**service),
                }
                send_later(&myself, ROUND, BreakerMessage::Round);
            }
        }
        Ok(())
    }
}
