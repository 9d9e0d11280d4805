//! Work is counted before it enters a mailbox, and dropped when nobody waits for it any more.

use std::time::Duration;

use actors::{admission::AdmissionLimits, engine::EngineSettings, inventories::AskError, inventory::Denial};
use tokio::time::Instant;

use crate::support::{
    builders::{event, settings},
    harness::{all, booked, eventually, granted, start, start_on},
    memory_ledger::MemoryLedger,
};

fn limited(permits: u32) -> EngineSettings {
    EngineSettings { admission: AdmissionLimits { permits, ..settings().admission }, ..settings() }
}

/// Guards: `admit`.
#[tokio::test]
async fn more_than_the_permits_are_sent_away() {
    let hall = event(100);
    let running = start_on(MemoryLedger::new(&[&hall]), limited(10)).await;
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
        actors::inventory::InventoryMessage::Ask(actors::inventory::Ask {
            command: command.into(),
            buyer: Default::default(),
            deadline,
            reply,
        })
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

/// Guards: the permit that `call` leaves behind. Without it every deadline would let as many in again, for as long as the
/// ledger is away.
#[tokio::test]
async fn what_nobody_waits_for_any_more_is_still_under_way() {
    let hall = event(10);
    let running = start_on(MemoryLedger::new(&[&hall]), limited(2)).await;
    // Loaded before, so that the deadline is about the commit only, however busy the machine is.
    running.assert_exact(&hall).await;
    running.ledger.hold_commits();
    for _ in 0..2 {
        let soon = Instant::now() + Duration::from_millis(500);
        let asked = running.engine.inventories.ask(hall.id, hall.singles(1).remove(0), soon).await;
        assert!(matches!(asked, Err(AskError::Unavailable { .. })), "{asked:?}");
    }
    assert!(matches!(running.book(&hall, 1).await, Err(AskError::Overloaded { .. })));
    assert!(matches!(running.engine.inventories.check(hall.id), Err(AskError::Overloaded { .. })));
    running.ledger.release_commits();
    running.under_way(&hall, 0).await;
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.places(&hall), (0, 3));
}

/// Guards: `asked` where a decision is sent on its way, `drained` where its answer arrives.
#[tokio::test]
async fn while_the_ledger_owes_an_answer_for_too_long_only_that_event_refuses() {
    let (hall, other) = (event(10), event(10));
    let limits = AdmissionLimits { stalled_after: Duration::from_millis(20), ..settings().admission };
    let ledger = MemoryLedger::new(&[&hall, &other]);
    let running = start_on(ledger, EngineSettings { admission: limits, ..settings() }).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    let asking = running.asking(&hall, hall.singles(1).remove(0));
    let refuses = |event: &crate::support::builders::EventSpec| running.engine.inventories.check(event.id).is_err();
    eventually("the stall is noticed", || refuses(&hall)).await;
    assert!(matches!(running.book(&hall, 1).await, Err(AskError::Overloaded { .. })));
    assert!(!refuses(&other), "nothing is owed to the other event");
    running.ledger.release_commits();
    booked(&asking.await.unwrap());
    assert!(!refuses(&hall));
    booked(&running.book(&hall, 1).await);
}

/// Guards: `asked` where an answer arrives and more is owed: under load an event never owes nothing.
#[tokio::test]
async fn a_ledger_that_stalls_in_the_midst_of_work_is_noticed() {
    let hall = event(10);
    let limits = AdmissionLimits { stalled_after: Duration::from_millis(20), ..settings().admission };
    let running = start_on(MemoryLedger::new(&[&hall]), EngineSettings { admission: limits, ..settings() }).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    running.ledger.faults().commits_hang_after = Some(2);
    let first = running.asking(&hall, hall.singles(1).remove(0));
    eventually("the first commit", || running.ledger.arrived() == 2).await;
    let _second = running.asking(&hall, hall.singles(1).remove(0));
    running.under_way(&hall, 2).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    booked(&first.await.unwrap());
    eventually("the stall is noticed", || running.engine.inventories.check(hall.id).is_err()).await;
}

/// Guards: `asked` where a load begins and `answered` where it has succeeded: a ledger that is away is one stall, from the
/// commit that failed until the next load that does not.
#[tokio::test]
async fn an_event_that_can_not_be_loaded_refuses_until_it_is() {
    let hall = event(10);
    let limits = AdmissionLimits { stalled_after: Duration::from_millis(20), ..settings().admission };
    let running = start_on(MemoryLedger::new(&[&hall]), EngineSettings { admission: limits, ..settings() }).await;
    booked(&running.book(&hall, 1).await);
    {
        let mut faults = running.ledger.faults();
        (faults.commits_down, faults.reads_down) = (true, true);
    }
    let _ = running.book(&hall, 1).await;
    let refuses = || running.engine.inventories.check(hall.id).is_err();
    eventually("the stall is noticed", refuses).await;
    {
        let mut faults = running.ledger.faults();
        (faults.commits_down, faults.reads_down) = (false, false);
    }
    eventually("it is loaded, though nobody is let in to ask for it", || !refuses()).await;
    booked(&running.book(&hall, 1).await);
    running.assert_exact(&hall).await;
}
