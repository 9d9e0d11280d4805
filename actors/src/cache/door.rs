//! Where the actors that maintain the cache are found, what they can be told, and what waits for them.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::local::Entry;
use crate::{supervisor::Address, waker::Waker};

/// Where the actors are found.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) teller: Waker<TellerMessage>,
    pub(super) sweeper: Address<CacheSweep>,
    pub(super) workers: Arc<[Address<WorkerMessage>]>,
    pub(super) queue: Arc<RenewalQueue>,
    /// One permit an answer that waits for a worker, or has one.
    pub(super) places: Arc<Semaphore>,
}

#[derive(Debug)]
pub(super) enum TellerMessage {
    /// This node has changed something.
    Hint,
    /// It is time to try again.
    Again,
    /// It is time to look for what is overdue.
    Look,
}

pub(super) struct CacheSweep;

/// Look into the queue.
pub(super) struct WorkerMessage;

/// What waits for a worker. All workers take from it, so that nothing waits for one that is busy while another is free.
pub(super) struct RenewalQueue {
    renewals: Mutex<VecDeque<Renewal>>,
    /// For each worker whether it has been told to look here, and has not done so yet.
    told: Box<[AtomicBool]>,
}

impl RenewalQueue {
    pub(super) fn renewals(&self) -> MutexGuard<'_, VecDeque<Renewal>> {
        self.renewals.lock()
    }

    pub(super) fn is_told(&self, worker: usize, told: bool) -> bool {
        self.told.get(worker).is_none_or(|is_told| is_told.swap(told, Ordering::AcqRel))
    }
}

impl Door {
    pub(super) fn new(workers: usize, queue_max: usize) -> Self {
        let workers = workers.max(1);
        let told = (0..workers).map(|_| AtomicBool::new(false)).collect();
        Self {
            teller: Waker::default(),
            sweeper: Address::default(),
            workers: (0..workers).map(|_| Address::default()).collect(),
            queue: Arc::new(RenewalQueue { renewals: Mutex::default(), told }),
            places: Arc::new(Semaphore::new(queue_max)),
        }
    }

    /// Queues a renewal. False when the queue is full: it is dropped, and somebody else may try.
    pub(super) fn submit(&self, mut renewal: Renewal) -> bool {
        let Ok(place) = self.places.clone().try_acquire_owned() else { return false };
        renewal.place = Some(place);
        self.queue.renewals().push_back(renewal);
        // Anyone who is free takes it. Those that are busy look when they are done, and are told once at most.
        for (place, worker) in self.workers.iter().enumerate() {
            if !self.queue.is_told(place, true) {
                worker.cast(WorkerMessage);
            }
        }
        true
    }
}

/// An answer to be read again. Dropped undone, as with the actor that had it, it leaves the answer to the next one who asks.
pub(super) struct Renewal {
    entry: Arc<Entry>,
    pub(super) work: Pin<Box<dyn Future<Output = ()> + Send>>,
    place: Option<OwnedSemaphorePermit>,
}

impl Renewal {
    /// `work` reads it.
    pub(super) fn new(entry: Arc<Entry>, work: Pin<Box<dyn Future<Output = ()> + Send>>) -> Self {
        Self { entry, work, place: None }
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        // After a success there is a new entry, and nobody asks this one.
        self.entry.give_back();
    }
}
