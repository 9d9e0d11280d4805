//! Outbox: sends queued mails, in a tree of its own, apart from the engine's, because nothing depends on it and it must
//! hold up nothing else. It never gives up for good.
//!
//! A mail server that hangs, is away or refuses costs the mails' time and nobody else's: each try has a deadline, there is
//! only so many at once, and none of them holds a connection to the database. One that takes nothing opens its circuit breaker
//! (`refusals.rs` says when it does): what is wrong with the server, or with us, is no reason to give mails up.

mod courier;
mod refusals;
mod sending;
mod settings;
mod slots;

use std::{sync::Arc, time::Duration};

use courier::Courier;
use domain::outbox::{MailQueue, SendMail};
use ractor::SpawnErr;
use refusals::Refusals;
use slots::{CourierMessage, Slots};
use tokio::sync::watch;

use crate::{
    breakers::Breaker,
    metrics,
    supervisor::{ChildSpec, Tree},
    waker::Waker,
};
pub use settings::OutboxSettings;

/// How long a stop waits, after the last try has ended, for its outcome to be noted.
const NOTE_GRACE: Duration = Duration::from_secs(5);

/// The door to the outbox, for use cases.
#[derive(Clone, Debug, Default)]
pub struct Outbox(Waker<CourierMessage>);

impl Outbox {
    /// Tells that mails were queued. Call it after the commit; without it they wait for the next look at the queue.
    pub fn wake(&self) {
        self.0.wake(CourierMessage::Hint);
    }
}

pub struct RunningOutbox {
    pub outbox: Outbox,
    tree: Tree,
    /// They outlive the actor, so that its successor does not double what is on its way.
    slots: Slots,
    concurrency: u32,
    send_timeout: Duration,
    /// True from when no further mail is handed over.
    closing: watch::Sender<bool>,
}

impl RunningOutbox {
    /// Starts to send what `queue` holds through `sender`.
    pub async fn start<Q, S>(
        queue: Arc<Q>,
        sender: Arc<S>,
        breaker: Arc<Breaker>,
        settings: OutboxSettings,
    ) -> Result<Self, SpawnErr>
    where
        Q: MailQueue,
        S: SendMail,
    {
        let concurrency = u32::try_from(settings.concurrency.max(1)).unwrap_or(u32::MAX);
        let slots = Slots::new(concurrency);
        let outbox = Outbox::default();
        let (closing, closed) = watch::channel(false);
        let refusals = Arc::new(Refusals::default());
        let (places, waker) = (slots.clone(), outbox.0.clone());
        let specs = vec![ChildSpec::new("outbox", waker.actor.clone(), move || {
            let courier = Courier {
                queue: queue.clone(),
                sender: sender.clone(),
                settings,
                slots: places.clone(),
                breaker: breaker.clone(),
                refusals: refusals.clone(),
                closing: closed.clone(),
                waker: waker.clone(),
            };
            (courier, ())
        })];
        metrics::register_outbox();
        let tree = Tree::start(settings.restart, specs).await?;
        Ok(Self { outbox, tree, slots, concurrency, send_timeout: settings.send_timeout, closing })
    }

    /// Kills the actor, for fault tests.
    pub fn kill_courier(&self) {
        if let Some(courier) = self.outbox.0.actor.get() {
            courier.kill();
        }
    }

    /// Takes no further mail. Those whose text the mail server has not been given go back to the queue at once, untried; those whose
    /// text it has are left to it. For the beginning of a shutdown: [`RunningOutbox::stop`] waits for them.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Closes, and waits for the mails that the mail server may have taken, until their deadlines: what it has taken and nobody noted
    /// would be sent again.
    pub async fn stop(self) {
        self.close();
        self.tree.stop().await;
        let longest = self.send_timeout + NOTE_GRACE;
        if tokio::time::timeout(longest, self.slots.all.acquire_many(self.concurrency)).await.is_err() {
            tracing::warn!("mails were on their way at the end; they are sent again");
        }
    }
}
