//! The writer by itself, with batches as inventories send them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use actors::{
    inventory::InventoryMessage,
    ledger::{
        commit::{BatchFailure, BatchOutcome},
        open_batch::OpenBatch,
        open_batch::WriterMessage,
        writer::LedgerWriter,
    },
    supervisor::Address,
};
use domain::{
    ids::EventId,
    inventory::Inventory,
    ledger::{
        CommitError, Entry, EventBatch, KeyAnswer, KeyOf, Ledger, LoadError, LoadedInventory, QuotaCount, Renewal,
    },
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::watch;

use crate::support::{
    builders::{EventSpec, event},
    harness::eventually,
    memory_ledger::MemoryLedger,
};

/// Keeps what it is told.
struct Listener(Arc<Mutex<Vec<BatchOutcome>>>);

impl Actor for Listener {
    type Msg = InventoryMessage;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Self::Msg>, message: Self::Msg, (): &mut ()) -> Result<(), ActorProcessingErr> {
        if let InventoryMessage::Committed(outcome) = message {
            self.0.lock().unwrap().push(outcome);
        }
        Ok(())
    }
}

/// What an inventory of `event` has decided, and where it goes on behalf of `listener`.
async fn decide_one(
    ledger: &MemoryLedger,
    event: &EventSpec,
    listener: &ActorRef<InventoryMessage>,
) -> (Arc<OpenBatch>, Entry) {
    let inventory = Inventory::load(ledger.load(event.id, false).await.unwrap()).unwrap();
    let entry = inventory.decide(&event.singles(1)[0], ledger.now()).unwrap();
    (OpenBatch::new(event.id, inventory.versions(), 100, listener.clone()), entry)
}

async fn start(ledger: &Arc<MemoryLedger>, fenced: watch::Sender<bool>) -> Address<WriterMessage> {
    let (writer, _) = Actor::spawn(None, LedgerWriter::new(ledger.clone(), fenced), ()).await.unwrap();
    let address = Address::default();
    address.set(writer);
    address
}

/// A killed inventory's batch may still wait when its successor, which does not know of it, sends one: in one transaction
/// the ledger would count only one of them.
///
/// Guards: a group has one batch an event in `start_group`.
#[tokio::test]
async fn two_batches_of_one_event_are_never_in_one_group() {
    let (busy, hall) = (event(10), event(10));
    let ledger = MemoryLedger::new(&[&busy, &hall]);
    let heard = Arc::default();
    let (listener, _) = Actor::spawn(None, Listener(Arc::clone(&heard)), ()).await.unwrap();
    let writer = start(&ledger, watch::channel(false).0).await;
    ledger.hold_commits();
    for event in [&busy, &hall, &hall, &busy] {
        let (batch, entry) = decide_one(&ledger, event, &listener).await;
        batch.add(entry, &writer);
    }
    eventually("the first group", || ledger.arrived() == 1).await;
    ledger.release_commits();
    eventually("four answers", || heard.lock().unwrap().len() == 4).await;
    let heard = heard.lock().unwrap().clone();
    let stale = BatchOutcome::Failed(BatchFailure::Stale);
    assert_eq!(heard.iter().filter(|outcome| **outcome == stale).count(), 2, "{heard:?}");
    assert_eq!((ledger.places(&busy), ledger.places(&hall)), ((0, 1), (0, 1)));
}

/// Guards: the word of the writer that the session has ended, seconds before the lease would be renewed in vain.
#[tokio::test]
async fn a_writer_that_is_fenced_says_so_at_once() {
    let hall = event(10);
    let ledger = MemoryLedger::new(&[&hall]);
    let heard = Arc::default();
    let (listener, _) = Actor::spawn(None, Listener(Arc::clone(&heard)), ()).await.unwrap();
    let (fenced, watch_fenced) = watch::channel(false);
    let writer = start(&ledger, fenced).await;
    let (batch, entry) = decide_one(&ledger, &hall, &listener).await;
    ledger.faults().fenced = true;
    batch.add(entry, &writer);
    eventually("the word that the session has ended", || *watch_fenced.borrow()).await;
    eventually("the answer", || heard.lock().unwrap().len() == 1).await;
    assert_eq!(heard.lock().unwrap()[0], BatchOutcome::Failed(BatchFailure::Fenced));
}

/// What is decided while a batch is on its way goes with the next one, in one piece, on the versions that the first leaves;
/// and nothing goes any more once the inventory is gone.
#[tokio::test]
async fn a_batch_takes_all_that_was_decided_meanwhile() {
    let hall = event(10);
    let ledger = MemoryLedger::new(&[&hall]);
    let heard = Arc::default();
    let (listener, _) = Actor::spawn(None, Listener(Arc::clone(&heard)), ()).await.unwrap();
    let writer = start(&ledger, watch::channel(false).0).await;
    let inventory = Inventory::load(ledger.load(hall.id, false).await.unwrap()).unwrap();
    let batch = OpenBatch::new(hall.id, inventory.versions(), 3, listener);
    let decide =
        |count| hall.singles(count).into_iter().map(|command| inventory.decide(&command, ledger.now()).unwrap());
    ledger.hold_commits();
    decide(1).for_each(|entry| batch.add(entry, &writer));
    eventually("the first group", || ledger.arrived() == 1).await;
    decide(5).for_each(|entry| batch.add(entry, &writer));
    ledger.release_commits();
    let sizes = || {
        let heard = heard.lock().unwrap();
        let size = |outcome: &BatchOutcome| match outcome {
            BatchOutcome::Done { entries, .. } => entries.len(),
            BatchOutcome::Failed(failure) | BatchOutcome::Partly { failure, .. } => panic!("{failure}"),
        };
        heard.iter().map(size).collect::<Vec<_>>()
    };
    eventually("three answers", || sizes().len() == 3).await;
    assert_eq!(sizes(), [1, 3, 2], "one, then as many as may go at once, then the rest");
    ledger.hold_commits();
    decide(1).for_each(|entry| batch.add(entry, &writer));
    eventually("the fourth group", || ledger.arrived() == 4).await;
    decide(1).for_each(|entry| batch.add(entry, &writer));
    batch.close();
    ledger.release_commits();
    eventually("four answers", || sizes().len() == 4).await;
    assert_eq!(ledger.places(&hall), (0, 7), "what was not taken is not written");
}

/// A ledger that writes everything at once, as soon as it is let.
struct Quick {
    open: watch::Sender<bool>,
    arrived: AtomicUsize,
}

impl Ledger for Quick {
    async fn load(&self, _: EventId, _: bool) -> Result<LoadedInventory, LoadError> {
        Err(LoadError::NoSuchEvent)
    }

    async fn commit(&self, _: &[EventBatch]) -> Result<(), CommitError> {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        // The sender lives as long as the ledger.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        Ok(())
    }

    async fn find_by_keys(&self, _: &[KeyOf]) -> Result<Vec<KeyAnswer>, LoadError> {
        Ok(Vec::new())
    }

    async fn expiring_events(&self) -> Result<Vec<EventId>, LoadError> {
        Ok(Vec::new())
    }

    async fn locked_events(&self, _: &[EventId]) -> Result<Vec<EventId>, LoadError> {
        Ok(Vec::new())
    }

    async fn renew(&self) -> Result<Renewal, LoadError> {
        Err(LoadError::Fenced)
    }

    async fn counts(&self, _: EventId) -> Result<Vec<QuotaCount>, LoadError> {
        Ok(Vec::new())
    }
}

/// An inventory takes outcomes for those of its oldest decisions. If the second group's came first, a buyer would be told
/// of another one's booking.
///
/// Guards: outcomes are said before the next group may start. The last of very many is the one that is overtaken.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn outcomes_arrive_in_the_order_of_their_groups() {
    const NEIGHBOURS: usize = 4000;
    let hall = event(10);
    let source = MemoryLedger::new(&[&hall]);
    let inventory = Inventory::load(source.load(hall.id, false).await.unwrap()).unwrap();
    let (entry, versions) = (inventory.decide(&hall.singles(1)[0], source.now()).unwrap(), inventory.versions());
    for _ in 0..5 {
        let ledger = Arc::new(Quick { open: watch::Sender::new(false), arrived: AtomicUsize::new(0) });
        let (actor, _) =
            Actor::spawn(None, LedgerWriter::new(ledger.clone(), watch::channel(false).0), ()).await.unwrap();
        let writer = Address::default();
        writer.set(actor);
        let heard = Arc::default();
        let (listener, _) = Actor::spawn(None, Listener(Arc::clone(&heard)), ()).await.unwrap();
        let (deaf, _) = Actor::spawn(None, Listener(Arc::default()), ()).await.unwrap();
        // Keeps the writer busy until all others wait.
        OpenBatch::new(EventId::generate(), versions.clone(), 100, deaf.clone()).add(entry.clone(), &writer);
        eventually("the first commit", || ledger.arrived.load(Ordering::Relaxed) == 1).await;
        for _ in 0..NEIGHBOURS {
            OpenBatch::new(EventId::generate(), versions.clone(), 100, deaf.clone()).add(entry.clone(), &writer);
        }
        let last = OpenBatch::new(EventId::generate(), versions.clone(), 1, listener);
        (0..3).for_each(|_| last.add(entry.clone(), &writer));
        ledger.open.send_replace(true);
        eventually("three answers", || heard.lock().unwrap().len() == 3).await;
        let versions_of = |outcome: &BatchOutcome| match outcome {
            BatchOutcome::Done { versions, .. } => versions[0].1,
            failed => panic!("{failed:?}"),
        };
        let heard: Vec<i64> = heard.lock().unwrap().iter().map(versions_of).collect();
        assert!(heard.is_sorted(), "{heard:?}");
    }
}

/// Guards: in `start_group`, what is empty is no batch of its event. Otherwise the successor's would wait for a word that nobody
/// says any more.
#[tokio::test]
async fn a_closed_batch_does_not_keep_its_successor_waiting() {
    let (busy, hall) = (event(10), event(10));
    let ledger = MemoryLedger::new(&[&busy, &hall]);
    let heard = Arc::default();
    let (listener, _) = Actor::spawn(None, Listener(Arc::clone(&heard)), ()).await.unwrap();
    let writer = start(&ledger, watch::channel(false).0).await;
    ledger.hold_commits();
    let (batch, entry) = decide_one(&ledger, &busy, &listener).await;
    batch.add(entry, &writer);
    eventually("the first group", || ledger.arrived() == 1).await;
    let (killed, entry) = decide_one(&ledger, &hall, &listener).await;
    killed.add(entry, &writer);
    let (successor, entry) = decide_one(&ledger, &hall, &listener).await;
    successor.add(entry, &writer);
    killed.close();
    ledger.release_commits();
    eventually("the successor's booking", || ledger.places(&hall) == (0, 1)).await;
}
