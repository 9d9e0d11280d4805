//! Takes the jobs of one kind from the queue, as many as there are free slots. Its memory is worth nothing: everything is in the queue.

use std::{sync::Arc, time::Duration};

use domain::jobs::{HandleJob, JobQueue};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    measures::KindMeasures,
    message::{JobLook, JobMessage},
    settings::KindSettings,
    trying::{LEASE_MARGIN, Try},
};
use crate::{later::send_later, notice::Notice, waker::Waker};

#[derive(Clone)]
pub(super) struct Worker {
    pub(super) kind: &'static str,
    pub(super) queue: Arc<dyn JobQueue>,
    pub(super) handler: Arc<dyn HandleJob>,
    pub(super) settings: KindSettings,
    pub(super) poll_every: Duration,
    pub(super) slots: Arc<Semaphore>,
    pub(super) closing: watch::Receiver<bool>,
    pub(super) waker: Waker<JobMessage>,
    pub(super) measures: Arc<KindMeasures>,
}

#[derive(Default)]
pub(super) struct WorkerState {
    /// A look is under way.
    looking: bool,
    /// What was queued since that look began may have escaped it.
    look_again: bool,
    /// The last look failed, which has been said.
    failing: bool,
}

impl Worker {
    /// Looks for as many jobs as there are free slots, beside the mailbox: a database that does not answer holds up nothing that is told
    /// meanwhile.
    fn look(&self, myself: &ActorRef<JobMessage>, state: &mut WorkerState) {
        if state.looking {
            state.look_again = true;
            return;
        }
        let free = self.slots.available_permits();
        if free == 0 || *self.closing.borrow() {
            // A freed slot is announced.
            return;
        }
        let room = u32::try_from(free).unwrap_or(u32::MAX);
        let Ok(places) = self.slots.clone().try_acquire_many_owned(room) else { return };
        state.looking = true;
        let notice = Notice::new(myself.clone(), JobMessage::Looked(JobLook::Failed));
        tokio::spawn(self.clone().find(myself.clone(), places, room, notice, state.failing));
    }

    fn one_try(&self) -> Try {
        Try {
            kind: self.kind,
            queue: self.queue.clone(),
            handler: self.handler.clone(),
            settings: self.settings,
            measures: self.measures.clone(),
        }
    }

    /// Claims as many jobs as there is room for, and tries each in a task of its own.
    async fn find(
        self,
        myself: ActorRef<JobMessage>,
        mut places: OwnedSemaphorePermit,
        room: u32,
        notice: Notice<JobMessage>,
        failing: bool,
    ) {
        let lease = self.settings.time_limit + LEASE_MARGIN;
        let look = match self.queue.claim(self.kind, room, lease).await {
            Ok(jobs) => {
                let is_full = jobs.len() >= room as usize;
                for job in jobs {
                    let Some(place) = places.split(1) else { break };
                    let free = Notice::new(myself.clone(), JobMessage::Free);
                    tokio::spawn(self.one_try().run(job, place, free));
                }
                if is_full { JobLook::Full } else { JobLook::Rest }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(kind = self.kind, %error, "jobs can't be claimed; this is said once until they can");
                }
                JobLook::Failed
            }
        };
        // Before the worker is told: it looks at what is free.
        drop(places);
        notice.say(JobMessage::Looked(look));
    }
}

impl Actor for Worker {
    type Msg = JobMessage;
    type State = WorkerState;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        self.waker.looks();
        myself.cast(JobMessage::Poll)?;
        Ok(WorkerState::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            JobMessage::Hint => {
                self.waker.looks();
                self.look(&myself, state);
            }
            JobMessage::Poll => {
                self.look(&myself, state);
                send_later(&myself, self.poll_every, JobMessage::Poll);
            }
            JobMessage::Free => self.look(&myself, state),
            JobMessage::Looked(look) => {
                state.looking = false;
                state.failing = matches!(look, JobLook::Failed);
                if std::mem::take(&mut state.look_again) || matches!(look, JobLook::Full) {
                    self.look(&myself, state);
                }
            }
        }
        Ok(())
    }
}
