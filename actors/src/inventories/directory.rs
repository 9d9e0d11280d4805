//! Where each event's inventory is found.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use arc_swap::ArcSwapOption;
use domain::{ids::EventId, inventory::Availability};
use ractor::{ActorId, ActorRef};

use crate::{admission::Admission, inventory::InventoryMessage};

/// What is known of one event's inventory outside of it. Outlives restarts of the actor, so that reads go on meanwhile.
#[derive(Debug)]
pub struct Slot {
    /// Bounds the work under way for the event.
    pub admission: Arc<Admission>,
    actor: ArcSwapOption<ActorRef<InventoryMessage>>,
    snapshot: ArcSwapOption<Availability>,
}

impl Slot {
    fn new(permits: u32) -> Self {
        Self { admission: Admission::new(permits), actor: ArcSwapOption::empty(), snapshot: ArcSwapOption::empty() }
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

    /// Publishes a picture.
    pub(crate) fn publish(&self, snapshot: Availability) -> Arc<Availability> {
        let snapshot = Arc::new(snapshot);
        self.snapshot.store(Some(snapshot.clone()));
        snapshot
    }
}

/// The slots of all inventories that are loaded or wanted.
#[derive(Debug)]
pub struct Directory {
    slots: RwLock<HashMap<EventId, Arc<Slot>>>,
    permits_per_event: u32,
}

impl Directory {
    /// An empty directory whose slots admit `permits_per_event` commands at a time.
    pub fn new(permits_per_event: u32) -> Self {
        Self { slots: RwLock::default(), permits_per_event }
    }

    /// The slot of an event that is loaded or wanted.
    pub fn find(&self, event: EventId) -> Option<Arc<Slot>> {
        // Nothing panics while holding the lock, and a map is sound at any point anyway.
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(&event).cloned()
    }

    /// The slot of an event, made when there is none.
    pub fn slot(&self, event: EventId) -> Arc<Slot> {
        if let Some(slot) = self.find(event) {
            return slot;
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        slots.entry(event).or_insert_with(|| Arc::new(Slot::new(self.permits_per_event))).clone()
    }

    /// Every slot.
    pub fn all(&self) -> Vec<(EventId, Arc<Slot>)> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.iter().map(|(event, slot)| (*event, slot.clone())).collect()
    }

    /// Forgets an event that is unloaded, or does not exist.
    pub(crate) fn remove(&self, event: EventId) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&event);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
