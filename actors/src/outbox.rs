//! Sends the mails of the outbox: a tree of its own, apart from the engine's, because nothing else depends on it and it must
//! hold up nothing else. It never gives up for good.
//!
//! A mail server that hangs, is away or refuses costs the mails' time and nobody else's: each try has a deadline, there is
//! only so many at once, and none of them holds a connection to the database.

mod backoff;
mod courier;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::outbox::{MailQueue, SendMail, Upkeep};
use ractor::{Actor, ActorRef, SpawnErr};
use tokio::{sync::Semaphore, task::JoinHandle};

pub use backoff::Backoff;

use crate::{
    metrics,
    restart::RestartPolicy,
    supervisor::{Address, ChildSpec, Supervisor, SupervisorMessage},
};
use courier::{Courier, CourierMessage};

/// How long a stop waits for what is being sent. What is not done then is sent again later, by whoever comes next.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Bounds of sending.
#[derive(Clone, Copy, Debug)]
pub struct OutboxSettings {
    /// Mails on their way at once. Too high: the mail server refuses the connections. Too low: one that is slow holds up
    /// the others.
    pub concurrency: usize,
    /// For one mail to be taken by the mail server.
    pub send_timeout: Duration,
    /// How often the queue is looked at without a hint: for retries, and for what other servers have left behind.
    pub poll_every: Duration,
    /// Waits between the tries.
    pub backoff: Backoff,
    /// When to give up, and how long to keep what is done.
    pub upkeep: Upkeep,
    /// Time between two rounds of deleting and counting.
    pub tidy_every: Duration,
    /// Bounds of restarting.
    pub restart: RestartPolicy,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            concurrency: 4,
            send_timeout: Duration::from_secs(30),
            poll_every: Duration::from_secs(5),
            backoff: Backoff::default(),
            upkeep: Upkeep { attempts_max: 8, retention: Duration::from_secs(14 * 24 * 3600) },
            tidy_every: Duration::from_secs(15),
            restart: RestartPolicy::default(),
        }
    }
}

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
    /// One permit a mail that may be on its way. They outlive the actor, so that its successor does not double them.
    slots: Arc<Semaphore>,
    concurrency: u32,
}

impl RunningOutbox {
    /// Starts to send what `queue` holds through `sender`.
    pub async fn start<Q, S>(queue: Arc<Q>, sender: Arc<S>, settings: OutboxSettings) -> Result<Self, SpawnErr>
    where
        Q: MailQueue,
        S: SendMail,
    {
        let concurrency = u32::try_from(settings.concurrency.max(1)).unwrap_or(u32::MAX);
        let slots = Arc::new(Semaphore::new(concurrency as usize));
        let outbox = Outbox::default();
        let (places, hinted) = (slots.clone(), outbox.hinted.clone());
        let specs = vec![ChildSpec::new("outbox", outbox.courier.clone(), move || {
            let courier = Courier {
                queue: queue.clone(),
                sender: sender.clone(),
                settings,
                slots: places.clone(),
                hinted: hinted.clone(),
            };
            (courier, ())
        })];
        metrics::register_outbox();
        let (root, ended) = Actor::spawn(None, Supervisor::persistent(settings.restart), specs).await?;
        Ok(Self { outbox, root, ended, slots, concurrency })
    }

    /// Kills the actor, for fault tests.
    pub fn kill_courier(&self) {
        if let Some(courier) = self.outbox.courier.get() {
            courier.kill();
        }
    }

    /// Takes no further mail, and waits a while for those on their way.
    pub async fn stop(self) {
        self.root.stop(Some("shutdown".to_owned()));
        // An error means that the tree has ended by a panic; it has ended.
        let _ = self.ended.await;
        if tokio::time::timeout(STOP_GRACE, self.slots.acquire_many(self.concurrency)).await.is_err() {
            tracing::warn!("mails were on their way at the end; they are sent again");
        }
    }
}
