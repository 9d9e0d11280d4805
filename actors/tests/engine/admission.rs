//! Work is counted before it enters a mailbox, and dropped when nobody waits for it any more.

use std::time::Duration;

use actors::{engine::EngineSettings, inventories::AskError, inventory::Denial};
use tokio::time::Instant;

use crate::support::{
    builders::{event, settings},
    harness::{all, booked, eventually, granted, start, start_on},
    memory_ledger::MemoryLedger,
};

/// Guards: `admit`.
#[tokio::test]
async fn more_than_the_permits_are_sent_away() {
    let hall = event(100);
    let running = start_on(MemoryLedger::new(&[&hall]), EngineSettings { permits_per_event: 10, ..settings() }).await;
    running.ledger.hold_commits();
    let asking = running.asking_all(&hall, hall.singles(10));
    running.under_way(&hall, 10).await;
    match running.book(&hall, 1).await {
        Err(AskError::Overloaded { retry_after }) => assert!(retry_after >= Duration::from_secs(1)),
        other => panic!("{other:?}"),
    }
    running.ledger.release_commits();
    assert_eq!(granted(&all(asking).await), 10);
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.places(&hall), (0, 11));
}

/// Guards: the deadline in the inventory's `ask`.
#[tokio::test]
async fn a_late_ask_changes_nothing() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let actor = running.engine.inventories.directory().find(hall.id).unwrap().actor().unwrap();
    let (command, deadline) = (hall.singles(1).remove(0), Instant::now());
    let ask = |reply| {
        actors::inventory::InventoryMessage::Ask(actors::inventory::Ask { command: command.into(), deadline, reply })
    };
    let answer = actor.call(ask, None).await.unwrap().unwrap();
    assert!(matches!(answer, Err(Denial::TooLate)), "{answer:?}");
    assert_eq!(running.ledger.groups().len(), 1);
    running.assert_exact(&hall).await;
}

/// Guards: the time-out of `call`; and that the work of a caller who has left is finished.
#[tokio::test]
async fn a_caller_that_gives_up_is_told_when_to_return_and_its_booking_stands() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    let booking = hall.book(hall.places(1));
    let soon = Instant::now() + Duration::from_millis(50);
    let command = crate::support::builders::again(&booking);
    match running.engine.inventories.ask(hall.id, command, soon).await {
        Err(AskError::Unavailable { retry_after, .. }) => assert!(retry_after >= Duration::from_secs(1)),
        other => panic!("{other:?}"),
    }
    running.ledger.release_commits();
    eventually("it is written", || running.ledger.places(&hall) == (0, 2)).await;
    let retry = running.ask(&hall, crate::support::builders::again(&booking)).await;
    assert!(retry.unwrap().replayed);
}
