//! Takes mails from the queue and sends them, so many at once. Its memory is worth nothing: everything is in the queue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{
    mail::masked,
    outbox::{Mail, MailQueue, SendError, SendMail},
    repositories::Found,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::OutboxSettings;
use crate::{metrics::outbox, notice::Notice};

/// A lease outlasts the try by this: noting the outcome takes time too.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// Waits between the tries to note an outcome. Together with what a statement may take they fit into the margin.
const NOTE_WAITS: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(4)];

/// What a courier can be told.
#[derive(Debug)]
pub(super) enum CourierMessage {
    /// Somebody has queued a mail.
    Hint,
    /// It is time to look without a hint.
    Poll,
    /// The look at the queue is over.
    Looked(Look),
    /// A mail is off its way.
    Free,
    /// It is time to delete and to count.
    Tidy,
    /// That is done.
    Tidied,
}

/// What a look at the queue has found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// As many mails as there was room for: perhaps there are more.
    Full,
    /// All that was due.
    Rest,
    /// Nothing that could be told.
    Failed,
}

/// See the module's page.
pub(super) struct Courier<Q, S> {
    pub(super) queue: Arc<Q>,
    pub(super) sender: Arc<S>,
    pub(super) settings: OutboxSettings,
    pub(super) slots: Arc<Semaphore>,
    pub(super) hinted: Arc<AtomicBool>,
}

/// State of a [`Courier`].
#[derive(Default)]
pub(super) struct CourierState {
    /// A look is under way.
    looking: bool,
    /// What was queued since that look began may have escaped it.
    look_again: bool,
    /// More may be due than there was room for.
    more: bool,
    /// The last look failed, which has been said.
    failing: bool,
}

impl<Q: MailQueue, S: SendMail> Courier<Q, S> {
    /// Looks for as many mails as there are free slots, beside the mailbox: a database that does not answer holds up nothing
    /// that is told meanwhile.
    fn look(&self, myself: &ActorRef<CourierMessage>, state: &mut CourierState) {
        if state.looking {
            state.look_again = true;
            return;
        }
        let free = u32::try_from(self.slots.available_permits()).unwrap_or(u32::MAX);
        let Ok(room) = self.slots.clone().try_acquire_many_owned(free) else { return };
        if free == 0 {
            // Whoever frees a slot says so.
            state.more = true;
            return;
        }
        state.looking = true;
        let notice = Notice::new(myself.clone(), CourierMessage::Looked(Look::Failed));
        tokio::spawn(find(self.job(myself), room, free, notice, state.failing));
    }

    fn job(&self, myself: &ActorRef<CourierMessage>) -> Job<Q, S> {
        Job { queue: self.queue.clone(), sender: self.sender.clone(), settings: self.settings, courier: myself.clone() }
    }
}

/// What the work beside the mailbox needs.
struct Job<Q, S> {
    queue: Arc<Q>,
    sender: Arc<S>,
    settings: OutboxSettings,
    courier: ActorRef<CourierMessage>,
}

impl<Q, S> Clone for Job<Q, S> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            sender: self.sender.clone(),
            settings: self.settings,
            courier: self.courier.clone(),
        }
    }
}

/// Claims up to `free` mails and sends each in a task of its own.
async fn find<Q: MailQueue, S: SendMail>(
    job: Job<Q, S>,
    mut room: OwnedSemaphorePermit,
    free: u32,
    notice: Notice<CourierMessage>,
    failing: bool,
) {
    let OutboxSettings { send_timeout, upkeep, .. } = job.settings;
    let look = match job.queue.claim(free, send_timeout + LEASE_MARGIN, upkeep.attempts_max).await {
        Ok(mails) => {
            let look = if mails.len() >= free as usize { Look::Full } else { Look::Rest };
            for mail in mails {
                // There are as many permits as mails were asked for.
                let Some(slot) = room.split(1) else { break };
                tokio::spawn(job.clone().send(mail, slot));
            }
            look
        }
        Err(error) => {
            if !failing {
                tracing::warn!(%error, "the outbox can't be read; this is said once until it can");
            }
            Look::Failed
        }
    };
    // Before the courier is told: it looks at what is free.
    drop(room);
    notice.say(CourierMessage::Looked(look));
}

impl<Q: MailQueue, S: SendMail> Job<Q, S> {
    async fn send(self, mail: Mail, slot: OwnedSemaphorePermit) {
        // Said last, also after a panic: locals are dropped in the opposite order.
        let _free = Notice::new(self.courier.clone(), CourierMessage::Free);
        let _slot = slot;
        let (started, limit) = (Instant::now(), self.settings.send_timeout);
        let outcome = match tokio::time::timeout(limit, self.sender.send(&mail)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::Transient(format!("the mail server took longer than {limit:?}"))),
        };
        outbox().send_seconds.record(started.elapsed());
        let outcome = match outcome {
            Err(SendError::Transient(reason)) if mail.attempt >= self.settings.upkeep.attempts_max => {
                Err(SendError::Permanent(reason))
            }
            outcome => outcome,
        };
        self.note(&mail, outcome).await;
    }

    async fn note(&self, mail: &Mail, outcome: Result<(), SendError>) {
        let (id, kind, to) = (mail.id, mail.message.template.kind(), masked(&mail.message.to));
        let noted = match outcome {
            Ok(()) => {
                outbox().sent.increment(1);
                tracing::info!(mail = %id, kind, to, attempt = mail.attempt, "mail sent");
                stubborn(|| self.queue.sent(mail)).await
            }
            Err(SendError::Transient(reason)) => {
                outbox().failed.increment(1);
                let wait = self.settings.backoff.after(mail.attempt);
                let wait_ms = wait.as_millis() as u64;
                tracing::warn!(mail = %id, kind, to, attempt = mail.attempt, reason, waitMs = wait_ms, "mail not sent");
                stubborn(|| self.queue.again(mail, &reason, wait)).await
            }
            Err(SendError::Permanent(reason)) => {
                outbox().dead.increment(1);
                tracing::error!(mail = %id, kind, to, attempt = mail.attempt, reason, "mail given up");
                stubborn(|| self.queue.give_up(mail, &reason)).await
            }
        };
        if let Err(error) = noted {
            tracing::error!(mail = %id, %error, "what became of a mail can't be noted: it is tried again after its lease");
        }
    }

    async fn tidy(self) {
        let _tidied = Notice::new(self.courier.clone(), CourierMessage::Tidied);
        match self.queue.tidy(&self.settings.upkeep).await {
            Ok(0) => {}
            Ok(count) => {
                outbox().dead.increment(count);
                tracing::error!(count, "mails given up: their tries had no outcome");
            }
            Err(error) => tracing::debug!(%error, "the outbox can't be tidied now"),
        }
        if let Ok(state) = self.queue.state().await {
            outbox().queue_depth.set(state.pending as f64);
            outbox().dead_letters.set(state.dead as f64);
            outbox().oldest_seconds.set(state.oldest);
        }
    }
}

/// Tries again what the database does not take at once.
async fn stubborn<F: Future<Output = Found<()>>>(note: impl Fn() -> F) -> Found<()> {
    for wait in NOTE_WAITS {
        match note().await {
            Ok(()) => return Ok(()),
            Err(_) => tokio::time::sleep(wait).await,
        }
    }
    note().await
}

impl<Q: MailQueue, S: SendMail> Actor for Courier<Q, S> {
    type Msg = CourierMessage;
    type State = CourierState;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        // A hint to the predecessor is lost with it.
        self.hinted.store(false, Ordering::Release);
        for first in [CourierMessage::Poll, CourierMessage::Tidy] {
            myself.cast(first)?;
        }
        Ok(CourierState::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CourierMessage::Hint => {
                // Before the look: a mail queued from now on gives another hint.
                self.hinted.store(false, Ordering::Release);
                self.look(&myself, state);
            }
            CourierMessage::Poll => {
                self.look(&myself, state);
                myself.send_after(self.settings.poll_every, || CourierMessage::Poll);
            }
            CourierMessage::Looked(look) => {
                state.looking = false;
                state.failing = matches!(look, Look::Failed);
                state.more = matches!(look, Look::Full);
                if std::mem::take(&mut state.look_again) || state.more {
                    self.look(&myself, state);
                }
            }
            CourierMessage::Free => {
                if state.more {
                    self.look(&myself, state);
                }
            }
            CourierMessage::Tidy => {
                tokio::spawn(self.job(&myself).tidy());
            }
            CourierMessage::Tidied => {
                myself.send_after(self.settings.tidy_every, || CourierMessage::Tidy);
            }
        }
        Ok(())
    }
}
