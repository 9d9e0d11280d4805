//! Sends the mails of the outbox: a tree of its own, apart from the engine's, because nothing else depends on it and it must
//! hold up nothing else. It never gives up for good.
//!
//! A mail server that hangs, is away or refuses costs the mails' time and nobody else's: each try has a deadline, there is
//! only so many at once, and none of them holds a connection to the database. One that takes nothing pauses the sending
//! (`pause.rs`): what is wrong with the server, or with us, is no reason to give mails up.

mod backoff;
mod courier;
mod pause;
mod sending;
mod settings;
mod slots;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use courier::Courier;
use domain::outbox::{MailQueue, SendMail};
use pause::SendingPause;
use ractor::{Actor, ActorRef, SpawnErr};
use slots::{CourierMessage, Slots};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    metrics,
    supervisor::{Address, ChildSpec, Supervisor, SupervisorMessage},
};
pub use backoff::Backoff;
pub use settings::OutboxSettings;

/// How long a stop waits, after the last try has ended, for its outcome to be noted.
const NOTE_GRACE: Duration = Duration::from_secs(5);

/// The door to the outbox, for use cases.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    courier: Address<CourierMessage>,
    /// Whether a hint is on its way: mailboxes have no bound of their own, and one hint says it all.
    hinted: Arc<AtomicBool>,
}

impl Outbox {
    /// Tells that mails were queued. Call it after the commit; without it they wait for the next look at the queue.
    pub fn wake(&self) {
        if !self.hinted.swap(true, Ordering::AcqRel) {
            self.courier.cast(CourierMessage::Hint);
        }
    }
}

/// A running outbox.
pub struct RunningOutbox {
    /// The door to it.
    pub outbox: Outbox,
    root: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
    /// They outlive the actor, so that its successor does not double what is on its way.
    slots: Slots,
    concurrency: u32,
    send_timeout: Duration,
    /// True from when no further mail is handed over.
    closing: watch::Sender<bool>,
}

impl RunningOutbox {
    /// Starts to send what `queue` holds through `sender`.
    pub async fn start<Q, S>(queue: Arc<Q>, sender: Arc<S>, settings: OutboxSettings) -> Result<Self, SpawnErr>
    where
        Q: MailQueue,
        S: SendMail,
    {
        let concurrency = u32::try_from(settings.concurrency.max(1)).unwrap_or(u32::MAX);
        let slots = Slots::new(concurrency);
        let outbox = Outbox::default();
        let (closing, closed) = watch::channel(false);
        let pause = Arc::new(SendingPause::new(settings.backoff));
        let (places, hinted) = (slots.clone(), outbox.hinted.clone());
        let specs = vec![ChildSpec::new("outbox", outbox.courier.clone(), move || {
            let courier = Courier {
                queue: queue.clone(),
                sender: sender.clone(),
                settings,
                slots: places.clone(),
                pause: pause.clone(),
                closing: closed.clone(),
                hinted: hinted.clone(),
            };
            (courier, ())
        })];
        metrics::register_outbox();
        let (root, ended) = Actor::spawn(None, Supervisor::persistent(settings.restart), specs).await?;
        Ok(Self { outbox, root, ended, slots, concurrency, send_timeout: settings.send_timeout, closing })
    }

    /// Kills the actor, for fault tests.
    pub fn kill_courier(&self) {
        if let Some(courier) = self.outbox.courier.get() {
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
        self.root.stop(Some("shutdown".to_owned()));
        // An error means that the tree has ended by a panic; it has ended.
        let _ = self.ended.await;
        let longest = self.send_timeout + NOTE_GRACE;
        if tokio::time::timeout(longest, self.slots.all.acquire_many(self.concurrency)).await.is_err() {
            tracing::warn!("mails were on their way at the end; they are sent again");
        }
    }
}
