//! The writer by itself, with batches as inventories send them.

use std::sync::{Arc, Mutex};

use actors::{
    inventory::InventoryMessage,
    ledger::{
        commit::{BatchFailure, BatchOutcome},
        writer::{LedgerWriter, Submission, WriterMessage},
    },
};
use domain::{
    inventory::Inventory,
    ledger::{EventBatch, Ledger},
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

async fn batch_of_one(ledger: &MemoryLedger, event: &EventSpec) -> EventBatch {
    let inventory = Inventory::load(ledger.load(event.id, false).await.unwrap()).unwrap();
    let entry = inventory.decide(&event.singles(1)[0], ledger.now()).unwrap();
    EventBatch { event_id: event.id, versions: inventory.versions(), entries: vec![entry] }
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
    let (writer, _) = Actor::spawn(None, LedgerWriter::new(ledger.clone(), watch::channel(false).0), ()).await.unwrap();
    let batches = [
        batch_of_one(&ledger, &busy).await,
        batch_of_one(&ledger, &hall).await,
        batch_of_one(&ledger, &hall).await,
        batch_of_one(&ledger, &busy).await,
    ];
    ledger.hold_commits();
    for batch in batches {
        writer.cast(WriterMessage::Submit(Box::new(Submission::new(batch, listener.clone())))).unwrap();
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
    let (writer, _) = Actor::spawn(None, LedgerWriter::new(ledger.clone(), fenced), ()).await.unwrap();
    let batch = batch_of_one(&ledger, &hall).await;
    ledger.faults().fenced = true;
    writer.cast(WriterMessage::Submit(Box::new(Submission::new(batch, listener)))).unwrap();
    eventually("the word that the session has ended", || *watch_fenced.borrow()).await;
    eventually("the answer", || heard.lock().unwrap().len() == 1).await;
    assert_eq!(heard.lock().unwrap()[0], BatchOutcome::Failed(BatchFailure::Fenced));
}
