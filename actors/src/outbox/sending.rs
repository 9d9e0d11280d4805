//! Delivery attempt: one try to send one mail, and what is recorded of it.

use std::{sync::Arc, time::Duration};

use domain::{
    mail::masked,
    outbox::{Handover, Mail, MailQueue, SendError, SendMail},
    repositories::Found,
};
use ractor::ActorRef;
use tokio::{sync::watch, time::Instant};

use super::{
    OutboxSettings,
    refusals::{Judged, Refusals},
    slots::{CourierMessage, MailSlot},
};
use crate::{
    breakers::{Breaker, CallError},
    metrics::outbox,
    notice::Notice,
};

/// Waits between the tries to note an outcome. Together with what a statement may take they fit into the lease's margin.
const NOTE_WAITS: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(4)];
/// Least wait before a text is handed over once more that was not answered: as long as a client should wait for the answer
/// (RFC 5321, 4.5.3.2.6).
const UNANSWERED_WAIT: Duration = Duration::from_secs(600);
/// Texts that may go unanswered: each may have arrived.
const UNANSWERED_MAX: u32 = 2;

/// What the work beside the courier's mailbox needs.
pub(super) struct Job<Q, S> {
    pub(super) queue: Arc<Q>,
    pub(super) sender: Arc<S>,
    pub(super) settings: OutboxSettings,
    pub(super) breaker: Arc<Breaker>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) closing: watch::Receiver<bool>,
    pub(super) courier: ActorRef<CourierMessage>,
}

impl<Q, S> Clone for Job<Q, S> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            sender: self.sender.clone(),
            settings: self.settings,
            breaker: self.breaker.clone(),
            refusals: self.refusals.clone(),
            closing: self.closing.clone(),
            courier: self.courier.clone(),
        }
    }
}

impl<Q: MailQueue, S: SendMail> Job<Q, S> {
    pub(super) async fn send(self, mail: Mail, slot: MailSlot) {
        // Said last, also after a panic: locals are dropped in the opposite order.
        let _free = Notice::new(self.courier.clone(), CourierMessage::Free);
        let _slot = slot;
        let (handover, started, limit) = (Handover::default(), Instant::now(), self.settings.send_timeout);
        let attempt = async {
            let sent = self.sender.send(&mail, &handover).await;
            sent.map_err(|error| self.refusals.judge(&mail, error))
        };
        let outcome = tokio::select! {
            biased;
            () = closed_before(self.closing.clone(), &handover) => return self.put_back(&mail, Duration::ZERO).await,
            outcome = self.breaker.call(limit, attempt) => outcome,
        };
        let noted = match outcome {
            Ok(()) => self.note_sent(&mail).await,
            Err(CallError::Failed(judged)) => self.note_failed(&mail, judged).await,
            Err(CallError::TimedOut) => self.note_timed_out(&mail, &handover).await,
            // The breaker has opened since the mail was claimed.
            Err(CallError::Open { retry_after }) => return self.put_back(&mail, retry_after).await,
            Err(CallError::Full) => return self.put_back(&mail, self.settings.backoff.after(1)).await,
        };
        outbox().send_seconds.record(started.elapsed());
        if let Err(error) = noted {
            tracing::error!(mail = %mail.id, %error, "what became of a mail can't be noted: it is tried again after its lease");
        }
    }

    /// It has not been tried.
    async fn put_back(&self, mail: &Mail, wait: Duration) {
        if let Err(error) = stubborn(|| self.queue.postpone(mail, None, wait)).await {
            tracing::warn!(mail = %mail.id, %error, "a mail can't be put back: it is tried after its lease");
        }
    }

    async fn note_sent(&self, mail: &Mail) -> Found<()> {
        self.refusals.end();
        outbox().sent.increment(1);
        let (kind, to) = (mail.message.template.kind(), masked(&mail.message.to));
        tracing::info!(mail = %mail.id, kind, to, attempt = mail.attempt, "mail sent");
        stubborn(|| self.queue.sent(mail)).await
    }

    async fn note_timed_out(&self, mail: &Mail, handover: &Handover) -> Found<()> {
        let reason = format!("the mail server took longer than {:?}", self.settings.send_timeout);
        if handover.has_begun() {
            self.unanswered(mail, &reason).await
        } else {
            self.postpone(mail, &reason, None).await
        }
    }

    async fn note_failed(&self, mail: &Mail, judged: Judged) -> Found<()> {
        let is_last = mail.attempt >= self.settings.upkeep.attempts_max;
        let is_about_the_mail = judged.is_about_the_mail();
        match judged.error {
            SendError::Impossible(reason) => self.give_up(mail, &reason).await,
            SendError::Unavailable(reason) => self.postpone(mail, &reason, None).await,
            SendError::Deferred(reason) if !is_about_the_mail => self.postpone(mail, &reason, None).await,
            SendError::Deferred(reason) if is_last => self.give_up(mail, &reason).await,
            SendError::Deferred(reason) => self.again(mail, &reason).await,
            SendError::Rejected { reason, .. } if is_about_the_mail => self.give_up(mail, &reason).await,
            // Behind all others: the next probe is another mail.
            SendError::Rejected { reason, .. } => {
                self.postpone(mail, &reason, Some(self.settings.backoff.longest)).await
            }
            SendError::Unanswered(reason) => self.unanswered(mail, &reason).await,
        }
    }

    /// The text was handed over, and no answer came.
    async fn unanswered(&self, mail: &Mail, reason: &str) -> Found<()> {
        let OutboxSettings { backoff, upkeep, .. } = &self.settings;
        if mail.attempt >= upkeep.attempts_max || mail.unanswered + 1 >= UNANSWERED_MAX {
            return self.give_up(mail, &format!("{reason} after its text, again: it may have arrived")).await;
        }
        let wait = backoff.after(mail.attempt).max(UNANSWERED_WAIT.min(backoff.longest));
        self.failed(mail, reason, wait);
        let reason = format!("{reason} after its text: it may have arrived");
        stubborn(|| self.queue.unanswered(mail, &reason, wait)).await
    }

    async fn again(&self, mail: &Mail, reason: &str) -> Found<()> {
        let wait = self.settings.backoff.after(mail.attempt);
        self.failed(mail, reason, wait);
        stubborn(|| self.queue.again(mail, reason, wait)).await
    }

    fn failed(&self, mail: &Mail, reason: &str, wait: Duration) {
        outbox().failed.increment(1);
        let (kind, to, wait_ms) = (mail.message.template.kind(), masked(&mail.message.to), wait.as_millis() as u64);
        tracing::warn!(mail = %mail.id, kind, to, attempt = mail.attempt, reason, waitMs = wait_ms, "mail not sent");
    }

    /// Puts it off without counting the try, for a usual wait unless `wait` says otherwise: it was not the mail's fault.
    async fn postpone(&self, mail: &Mail, reason: &str, wait: Option<Duration>) -> Found<()> {
        let wait = wait.unwrap_or_else(|| self.settings.backoff.after(mail.attempt));
        outbox().postponed.increment(1);
        let (kind, to, wait_ms) = (mail.message.template.kind(), masked(&mail.message.to), wait.as_millis() as u64);
        tracing::warn!(mail = %mail.id, kind, to, reason, waitMs = wait_ms, "mail not sent, no try counted");
        stubborn(|| self.queue.postpone(mail, Some(reason), wait)).await
    }

    async fn give_up(&self, mail: &Mail, reason: &str) -> Found<()> {
        outbox().dead.increment(1);
        let (kind, to) = (mail.message.template.kind(), masked(&mail.message.to));
        tracing::error!(mail = %mail.id, kind, to, attempt = mail.attempt, reason, "mail given up");
        stubborn(|| self.queue.give_up(mail, reason)).await
    }

    /// Deletes, gives up and counts.
    pub(super) async fn tidy(self) {
        let _tidied = Notice::new(self.courier.clone(), CourierMessage::Tidied);
        match self.queue.tidy(&self.settings.upkeep).await {
            Ok(0) => {}
            Ok(count) => {
                outbox().dead.increment(count);
                tracing::error!(count, "mails given up: their tries had no outcome, or they have waited too long");
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

/// Resolves when the outbox closes while the mail server has not been given the text. After that nothing may be given up: it may
/// have taken it.
async fn closed_before(mut closing: watch::Receiver<bool>, handover: &Handover) {
    // An error means that the outbox is gone, and with it all that could close it.
    let closed = closing.wait_for(|closing| *closing).await.is_ok();
    if !closed || handover.has_begun() {
        std::future::pending::<()>().await;
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
