//! What goes on with events after the answer: those whose time has come are published, and the bookings of cancelled ones are
//! cancelled one after the other; deleted seat maps go bit by bit; and rows that are over are deleted. A tree of its own, which never gives up for good.
//!
//! The repository shares the work out, so several servers may do it; a server that dies leaves a lease that ends. Bookings are
//! cancelled through their event's inventory like any other, in portions, so that it goes on answering meanwhile.

mod sweeper;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{
    bookings::{Booking, BookingStatus},
    cache::Tag,
    ids::EventId,
    inventory::Command,
    management::events::EventUpkeep,
    repositories::Found,
    retention::Retention,
};
use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::Instant,
};

use crate::{
    cache::Cache,
    inventories::{AskError, Inventories},
    inventory::Denial,
    metrics,
    outbox::Outbox,
    restart::RestartPolicy,
    supervisor::{Address, ChildSpec, Supervisor, SupervisorMessage},
};
use sweeper::{Sweeper, SweptRows};

/// Bookings that are cancelled at once. Each portion is a few group commits and one transaction for its mails.
const PORTION: u32 = 100;
/// For one booking to be cancelled.
const DEADLINE: Duration = Duration::from_secs(5);

/// The door to the upkeep, for use cases.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    keeper: Address<KeeperMessage>,
    /// Whether a hint is on its way: mailboxes have no bound of their own, and one hint says it all.
    hinted: Arc<AtomicBool>,
}

impl Upkeep {
    /// Tells that there is something to do. Without it, that waits for the next look.
    pub fn wake(&self) {
        if !self.hinted.swap(true, Ordering::AcqRel) {
            self.keeper.cast(KeeperMessage::Hint);
        }
    }
}

/// The running tree.
pub struct RunningUpkeep {
    /// The door to it.
    pub upkeep: Upkeep,
    root: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
}

impl RunningUpkeep {
    /// Starts to look every so often what there is to do.
    pub async fn start<E: EventUpkeep + Retention>(
        events: Arc<E>,
        inventories: Inventories,
        outbox: Outbox,
        cache: Cache,
        poll_every: Duration,
    ) -> Result<Self, SpawnErr> {
        let upkeep = Upkeep::default();
        let hinted = upkeep.hinted.clone();
        let (rows, swept) = (events.clone(), SweptRows::default());
        let sweeper = ChildSpec::new("sweeper", Address::default(), move || {
            (Sweeper { rows: rows.clone(), swept: swept.clone() }, ())
        });
        let keeper = ChildSpec::new("upkeep", upkeep.keeper.clone(), move || {
            let keeper = Keeper {
                events: events.clone(),
                inventories: inventories.clone(),
                outbox: outbox.clone(),
                cache: cache.clone(),
                hinted: hinted.clone(),
                poll_every,
            };
            (keeper, ())
        });
        metrics::register_actors(["upkeep", "sweeper"]);
        let (specs, policy) = (vec![keeper, sweeper], RestartPolicy::default());
        let (root, ended) = Actor::spawn(None, Supervisor::persistent(policy), specs).await?;
        Ok(Self { upkeep, root, ended })
    }

    /// Kills the actor, for fault tests.
    pub fn kill_keeper(&self) {
        if let Some(keeper) = self.upkeep.keeper.get() {
            keeper.kill();
        }
    }

    /// Stops; what is under way is taken up again by whoever comes next.
    pub async fn stop(self) {
        self.root.stop(Some("shutdown".to_owned()));
        // An error means that the tree has ended by a panic; it has ended.
        let _ = self.ended.await;
    }
}

/// What the keeper can be told.
#[derive(Debug)]
enum KeeperMessage {
    /// Look now.
    Hint,
    /// It is time to look.
    Poll,
}

struct Keeper<E> {
    events: Arc<E>,
    inventories: Inventories,
    outbox: Outbox,
    cache: Cache,
    hinted: Arc<AtomicBool>,
    poll_every: Duration,
}

impl<E: EventUpkeep> Keeper<E> {
    async fn round(&self) -> Found<()> {
        for (event, series) in self.events.publish_due().await? {
            tracing::info!(%event, "event published as scheduled");
            self.inventories.reload(event);
            self.cache.invalidate(&[Tag::Event(event), Tag::Events]);
            if let Some(series) = series {
                self.cache.invalidate(&[Tag::Series(series)]);
            }
        }
        self.events.purge_seat_maps().await?;
        while let Some(event) = self.events.claim_cancellation().await? {
            if !self.cancel_bookings(event).await? {
                // Its lease ends, and somebody tries again.
                return Ok(());
            }
        }
        Ok(())
    }

    /// False when the inventory can't be had now.
    async fn cancel_bookings(&self, event: EventId) -> Found<bool> {
        loop {
            let bookings = self.events.next_to_cancel(event, PORTION).await?;
            let ids: Vec<_> = bookings.iter().map(|booking| booking.id).collect();
            if !self.cancel(event, bookings).await {
                return Ok(false);
            }
            self.events.note_cancelled(event, &ids).await?;
            if ids.is_empty() {
                tracing::info!(%event, "the bookings of the event are cancelled");
                return Ok(true);
            }
            self.outbox.wake();
        }
    }

    /// Whether all of them are closed by now, by this or by anybody else.
    async fn cancel(&self, event: EventId, bookings: Vec<Booking>) -> bool {
        let mut asking = JoinSet::new();
        for booking in bookings {
            // What was cancelled before a crash only waits for its mail.
            if booking.status != BookingStatus::Cancelled {
                let inventories = self.inventories.clone();
                let command = Command::Cancel { booking: Arc::new(booking) };
                asking.spawn(async move { inventories.ask(event, command, Instant::now() + DEADLINE).await });
            }
        }
        let mut all = true;
        while let Some(asked) = asking.join_next().await {
            let closed = match asked {
                Ok(Ok(_)) => true,
                Ok(Err(AskError::Denied(Denial::Refused(_) | Denial::NotOpen | Denial::NoSuchEvent))) => true,
                Ok(Err(error)) => {
                    tracing::warn!(%event, %error, "a booking of a cancelled event can't be cancelled now");
                    false
                }
                Err(_) => false,
            };
            all &= closed;
        }
        all
    }
}

impl<E: EventUpkeep> Actor for Keeper<E> {
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
        if let Err(error) = self.round().await {
            tracing::warn!(%error, "what is due can't be read or done now");
        }
        if let KeeperMessage::Poll = message {
            myself.send_after(self.poll_every, || KeeperMessage::Poll);
        }
        Ok(())
    }
}
