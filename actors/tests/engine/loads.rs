//! Thousands of inventories are to be loaded at once.

use std::time::Duration;

use crate::support::{
    builders::{EventSpec, epoch, event, settings},
    harness::{all, booked, eventually, granted, start_on},
    memory_ledger::MemoryLedger,
};

/// So many events have holds when the server starts.
const EVENTS: usize = 400;

fn with_holds() -> (Vec<EventSpec>, std::sync::Arc<MemoryLedger>) {
    let halls: Vec<_> = (0..EVENTS).map(|_| event(5)).collect();
    let cold = event(5);
    let ledger = MemoryLedger::new(&halls.iter().chain([&cold]).collect::<Vec<_>>());
    for hall in &halls {
        let mut rows = ledger.rows();
        let rows = rows.events.get_mut(&hall.id).unwrap();
        let hold = rows.hold_until(epoch() + jiff::SignedDuration::from_hours(1));
        rows.plant(hold);
    }
    ledger.faults().load_takes = Duration::from_millis(50);
    (halls.into_iter().chain([cold]).collect(), ledger)
}

/// Guards: the turns, and the order in them: somebody who asks is not kept waiting by those that are only woken.
#[tokio::test(start_paused = true)]
async fn few_are_loaded_at_once_and_those_asked_for_come_first() {
    let (halls, ledger) = with_holds();
    let running = start_on(ledger, settings()).await;
    eventually("they are being loaded", || running.ledger.loaded_events().len() > 4).await;
    let (cold, last) = (&halls[EVENTS], &halls[EVENTS - 1]);
    let before = running.ledger.loaded_events().len();
    assert_eq!(
        granted(
            &all(vec![
                running.asking(cold, cold.singles(1).remove(0)),
                running.asking(last, last.singles(1).remove(0)),
            ])
            .await
        ),
        2
    );
    let between = running.ledger.loaded_events().len() - before;
    assert!(between < 12, "{between} were loaded before them");
    eventually("all are loaded", || running.ledger.loaded_events().len() == EVENTS + 1).await;
    assert_eq!(running.ledger.loads_at_once(), 2);
    booked(&running.book(&halls[0], 1).await);
}

/// Guards: that the wait for a turn is no stall of the ledger: buyers of an event that waits for its turn wait, and are served.
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_turn_is_not_refused_for_a_stall() {
    let halls: Vec<_> = (0..100).map(|_| event(5)).collect();
    let ledger = MemoryLedger::new(&halls.iter().collect::<Vec<_>>());
    ledger.faults().load_takes = Duration::from_millis(100);
    let mut settings = settings();
    settings.admission.stalled_after = Duration::from_secs(1);
    let running = start_on(ledger, settings).await;
    let mut asking: Vec<_> = halls.iter().map(|hall| running.asking(hall, hall.singles(1).remove(0))).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    asking.extend(halls.iter().map(|hall| running.asking(hall, hall.singles(1).remove(0))));
    assert_eq!(granted(&all(asking).await), 200);
}
