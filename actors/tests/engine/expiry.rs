//! Holds and unpaid bookings end on time, whether anybody asks or not.

use std::time::Duration;

use actors::{engine::EngineSettings, inventory::actor::InventorySettings};
use domain::{
    bookings::{BookingStatus, HoldStatus},
    inventory::Command,
    refusal::Refusal,
};
use jiff::SignedDuration;

use crate::support::{
    builders::{epoch, event, settings},
    harness::{booked, eventually, held, refused, start, start_on},
    memory_ledger::{Fault, MemoryLedger},
};

/// Guards: `arm_timer` after a commit, and `tick`.
#[tokio::test(start_paused = true)]
async fn holds_and_unpaid_bookings_expire_on_time_and_are_sold_again() {
    let hall = event(5).priced();
    let running = start(&[&hall]).await;
    let hold = held(&running.ask(&hall, Command::Hold(hall.hold(hall.places(2)))).await);
    let unpaid = booked(&running.book(&hall, 3).await);
    assert_eq!(running.ledger.places(&hall), (5, 0));
    for (until, left) in [(hold.expires_at.unwrap(), 3), (unpaid.expires_at.unwrap(), 0)] {
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

/// Guards: `warming` in `ask`, and that a commit's answer looks for more that has expired: here one batch is not enough.
#[tokio::test(start_paused = true)]
async fn what_expired_while_nothing_ran_is_closed_before_the_first_ask_is_served() {
    let hall = event(7);
    let ledger = MemoryLedger::new(&[&hall]);
    for _ in 0..7 {
        let mut rows = ledger.rows();
        let rows = rows.events.get_mut(&hall.id).unwrap();
        let hold = rows.hold_until(epoch() - SignedDuration::from_secs(1));
        rows.plant(hold);
    }
    let inventory = InventorySettings { batch_max: 3, ..settings().inventory };
    ledger.hold_commits();
    let running = start_on(ledger, EngineSettings { inventory, ..settings() }).await;
    let asking = running.asking(&hall, Command::Book(hall.book(hall.places(7))));
    eventually("the first commit", || running.ledger.arrived() == 1).await;
    running.under_way(&hall, 1).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    booked(&asking.await.unwrap());
    assert_eq!(running.ledger.groups(), [3, 3, 1, 1].map(|entries| vec![(hall.id, entries)]));
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
    assert!(running.ledger.now() < hold.expires_at.unwrap() + SignedDuration::from_secs(1));
    assert!(running.ledger.loads(quiet.id).is_empty());
}

/// Guards: that a commit's answer looks for what expired meanwhile, also when the ledger refused to close it.
#[tokio::test(start_paused = true)]
async fn a_hold_whose_booking_was_refused_expires_nevertheless() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    let new = hall.hold(hall.places(2));
    let hold = held(&running.ask(&hall, Command::Hold(new.clone())).await);
    let mut booking = hall.book_from(domain::bookings::Source::Hold(hold.id));
    booking.account_id = new.account_id;
    running.ledger.rows().accounts_gone.insert(new.account_id);
    tokio::time::advance(Duration::from_secs(599)).await;
    // The refusal comes after the end of the hold.
    let late = (0..3).map(|_| Fault::Fail(domain::ledger::CommitError::TryAgain("planted".to_owned())));
    running.ledger.faults().commits.extend(late);
    tokio::time::advance(Duration::from_millis(995)).await;
    assert_eq!(refused(&running.ask(&hall, Command::Book(booking)).await), Refusal::AccountGone);
    assert!(running.ledger.now() >= hold.expires_at.unwrap(), "the test came too early");
    eventually("the hold expires", || running.ledger.places(&hall) == (0, 0)).await;
    assert!(running.ledger.now() < hold.expires_at.unwrap() + SignedDuration::from_secs(1));
    running.assert_exact(&hall).await;
}
