//! Actor registry: where each event's inventory is found.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
};

use arc_swap::ArcSwapOption;
use domain::{
    ids::EventId,
    inventory::{Availability, UnpaidMemory},
};
use foldhash::fast::RandomState;
use parking_lot::{Mutex, RwLock};
use ractor::{ActorId, ActorRef};
use tokio::sync::watch;

use crate::{
    admission::{Admission, AdmissionLimits},
    inventory::InventoryMessage,
};

/// What is known of one event's inventory outside of it. Outlives restarts of the actor, so that reads go on meanwhile.
#[derive(Debug)]
pub struct Slot {
    /// Bounds the work under way for the event.
    pub admission: Arc<Admission>,
    actor: ArcSwapOption<ActorRef<InventoryMessage>>,
    snapshot: ArcSwapOption<Availability>,
    /// Wakes those who follow the event.
    news: watch::Sender<News>,
    /// What the inventory that was loaded last knew beside the ledger's rows, until the next one is.
    unpaid: Mutex<Option<UnpaidMemory>>,
}

/// Why those who follow an event are woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Picture,
    /// There will be none: the event is gone, or another node's.
    Gone,
}

impl Slot {
    fn new(limits: AdmissionLimits) -> Self {
        Self {
            admission: Admission::new(limits),
            actor: ArcSwapOption::empty(),
            snapshot: ArcSwapOption::empty(),
            news: watch::Sender::new(News::Picture),
            unpaid: Mutex::default(),
        }
    }

    /// Keeps what an inventory that ends knew.
    pub(crate) fn keep_unpaid(&self, memory: Option<UnpaidMemory>) {
        *self.unpaid.lock() = memory;
    }

    /// Takes what the predecessor knew.
    pub(crate) fn take_unpaid(&self) -> Option<UnpaidMemory> {
        self.unpaid.lock().take()
    }

    /// The inventory actor, unless it is down.
    pub fn actor(&self) -> Option<ActorRef<InventoryMessage>> {
        self.actor.load().as_deref().cloned()
    }

    /// The latest picture, unless none was published yet.
    pub fn snapshot(&self) -> Option<Arc<Availability>> {
        self.snapshot.load_full()
    }

    /// Announces a new incarnation.
    pub(crate) fn open(&self, actor: ActorRef<InventoryMessage>) {
        self.actor.store(Some(Arc::new(actor)));
    }

    /// Takes an incarnation back, unless it has a successor already.
    pub(crate) fn close(&self, actor: ActorId) {
        if self.actor.load().as_ref().is_some_and(|present| present.get_id() == actor) {
            self.actor.store(None);
        }
    }

    /// Publishes a picture. Costs an atomic look when nobody follows the event.
    pub(crate) fn publish(&self, snapshot: Availability) -> Arc<Availability> {
        let snapshot = Arc::new(snapshot);
        self.snapshot.store(Some(snapshot.clone()));
        // With its twin in `Slot::follow`: either that one sees this picture, or this one sees that follower.
        fence(Ordering::SeqCst);
        if self.is_followed() {
            self.news.send_replace(News::Picture);
        }
        snapshot
    }

    /// Tells those who follow the event that it is not to be had here any more.
    pub(crate) fn give_up(&self) {
        self.snapshot.store(None);
        self.news.send_replace(News::Gone);
    }

    /// Whether somebody follows the event. Its inventory stays loaded then.
    pub(crate) fn is_followed(&self) -> bool {
        self.news.receiver_count() > 0
    }

    /// Whether it must not be forgotten: those who follow it would never hear of its successor.
    fn is_pinned(&self) -> bool {
        self.is_followed() && *self.news.borrow() != News::Gone
    }

    fn follow(self: &Arc<Self>) -> Option<Following> {
        let news = self.news.subscribe();
        fence(Ordering::SeqCst);
        self.snapshot().map(|picture| Following { slot: self.clone(), news, first: picture })
    }
}

/// A follower of one event: sees each picture that is published, or a later one.
#[derive(Debug)]
pub struct Following {
    slot: Arc<Slot>,
    news: watch::Receiver<News>,
    first: Arc<Availability>,
}

impl Following {
    pub fn picture(&self) -> Arc<Availability> {
        self.slot.snapshot().unwrap_or_else(|| self.first.clone())
    }

    /// Waits for the next picture. False when there will be none: the event is gone, or another node's.
    pub async fn changed(&mut self) -> bool {
        // The sender is in the slot, which is held here: it can't be gone.
        self.news.changed().await.is_ok() && *self.news.borrow_and_update() == News::Picture
    }
}

/// The slots of all inventories that are loaded or wanted.
#[derive(Debug)]
pub struct Directory {
    slots: RwLock<HashMap<EventId, Arc<Slot>, RandomState>>,
    limits: AdmissionLimits,
}

impl Directory {
    /// An empty directory whose slots admit commands within these limits, each.
    pub fn new(limits: AdmissionLimits) -> Self {
        Self { slots: RwLock::default(), limits }
    }

    /// The slot of an event that is loaded or wanted.
    pub fn find(&self, event: EventId) -> Option<Arc<Slot>> {
        self.slots.read().get(&event).cloned()
    }

    /// The slot of an event, made when there is none.
    pub fn slot(&self, event: EventId) -> Arc<Slot> {
        if let Some(slot) = self.find(event) {
            return slot;
        }
        let mut slots = self.slots.write();
        slots.entry(event).or_insert_with(|| Arc::new(Slot::new(self.limits))).clone()
    }

    pub fn all(&self) -> Vec<(EventId, Arc<Slot>)> {
        let slots = self.slots.read();
        slots.iter().map(|(event, slot)| (*event, slot.clone())).collect()
    }

    /// Follows an event that has a picture.
    pub(crate) fn follow(&self, event: EventId) -> Option<Following> {
        // Under the lock, so that `remove` either sees the follower or is seen by it.
        self.slots.read().get(&event)?.follow()
    }

    /// Forgets an event that is unloaded, or does not exist. False when somebody follows it, and it is kept.
    pub(crate) fn remove(&self, event: EventId) -> bool {
        let mut slots = self.slots.write();
        let pinned = slots.get(&event).is_some_and(|slot| slot.is_pinned());
        if !pinned {
            slots.remove(&event);
        }
        !pinned
    }

    /// Forgets all but those that somebody follows, whose inventories are gone as well.
    pub(crate) fn clear(&self) -> ClearedEvents {
        let mut slots = self.slots.write();
        let all = slots.keys().copied().collect();
        slots.retain(|_, slot| slot.is_pinned());
        slots.values().for_each(|slot| slot.actor.store(None));
        ClearedEvents { all, followed: slots.keys().copied().collect() }
    }
}

/// The events that were in a directory.
pub(crate) struct ClearedEvents {
    pub(crate) all: Vec<EventId>,
    /// Those that are left, because somebody follows them.
    pub(crate) followed: Vec<EventId>,
}
