//! Holds and unpaid bookings end on time, whether anybody asks or not.

use std::time::Duration;

use domain::{
    bookings::{BookingStatus, HoldStatus},
    inventory::Command,
    refusal::Refusal,
};
use jiff::SignedDuration;

use crate::support::{
    builders::{epoch, event, settings},
    harness::{booked, eventually, held, refused, start, start_on},
    memory_ledger::MemoryLedger,
};

/// Guards: `arm_timer` after a commit, and `tick`.
#[tokio::test(start_paused = true)]
async fn holds_and_unpaid_bookings_expire_on_time_and_are_sold_again() {
    let hall = event(5).priced();
    let running = start(&[&hall]).await;
    let hold = held(&running.ask(&hall, Command::Hold(hall.hold(hall.places(2)))).await);
    let unpaid = booked(&running.book(&hall, 3).await);
    assert_eq!(running.ledger.places(&hall), (5, 0));
    for (until, left) in [(hold.expires_at, 3), (unpaid.expires_at.unwrap(), 0)] {
        let wait = until.duration_since(running.ledger.now()) - SignedDuration::from_millis(500);
        tokio::time::advance(wait.unsigned_abs()).await;
        assert!(matches!(refused(&running.book(&hall, 5).await), Refusal::SoldOut { .. }));
        tokio::time::advance(Duration::from_millis(500)).await;
        eventually("the places are back", || running.ledger.places(&hall) == (left, 0)).await;
        assert!(running.ledger.now() < until + SignedDuration::from_secs(1), "within a second");
    }
    assert_eq!(running.ledger.rows().events[&hall.id].holds[&hold.id].status, HoldStatus::Expired);
    assert_eq!(running.ledger.rows().events[&hall.id].bookings[&unpaid.id].status, BookingStatus::Expired);
    booked(&running.book(&hall, 5).await);
    running.assert_exact(&hall).await;
}

/// Guards: `wake_expiring`.
#[tokio::test(start_paused = true)]
async fn an_event_with_holds_is_started_without_being_asked() {
    let (hall, quiet) = (event(5), event(5));
    let ledger = MemoryLedger::new(&[&hall, &quiet]);
    let hold = {
        let mut rows = ledger.rows();
        let rows = rows.events.get_mut(&hall.id).unwrap();
        let hold = rows.hold_until(epoch() + SignedDuration::from_secs(30));
        rows.plant(hold.clone());
        hold
    };
    ledger.faults().reads_down = true;
    let running = start_on(ledger, settings()).await;
    tokio::time::advance(Duration::from_secs(3)).await;
    running.ledger.faults().reads_down = false;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(running.ledger.places(&hall), (1, 0), "its time has not come");
    eventually("it expires", || running.ledger.places(&hall) == (0, 0)).await;
    assert!(running.ledger.now() < hold.expires_at + SignedDuration::from_secs(1));
    assert_eq!(running.ledger.loads(quiet.id), []);
}
