//! Two want to end one thing, or one wants to end what the other wants to book: the second hears the outcome of the first.

use std::sync::Arc;

use actors::{inventories::AskError, inventory::Denial};
use domain::{
    bookings::{HoldStatus, Source},
    inventory::{Command, NewBooking, NewHold},
    ledger::{CommitError, Rejection},
    refusal::Refusal,
};

use crate::support::{
    builders::{EventSpec, event},
    harness::{Running, all, booked, eventually, granted, held, refused, start},
    memory_ledger::Fault,
};

/// A hold, and the bookings that its owner may make of it.
async fn a_hold(running: &Running, hall: &EventSpec) -> (NewHold, impl Fn() -> NewBooking) {
    let new = hall.hold(hall.places(2));
    let hold = held(&running.ask(hall, Command::Hold(new.clone())).await);
    let (account_id, hall) = (new.account_id, hall.clone());
    (new, move || NewBooking { account_id, ..hall.book_from(Source::Hold(hold.id)) })
}

fn release(hold: &NewHold) -> Command {
    Command::Release { hold_id: hold.id, account_id: hold.account_id }
}

/// Guards: a confirmed booking that is being cancelled is in `closing`, and the same request joins the one on its way. The sold-out
/// hall is where it did harm: counters would fall below nothing.
#[tokio::test]
async fn six_cancellations_at_once_are_one() {
    let hall = event(1);
    let running = start(&[&hall]).await;
    let booking = booked(&running.book(&hall, 1).await);
    let cancel = || Command::Cancel { booking: booking.clone(), money: None };
    running.ledger.hold_commits();
    let asking = running.asking_all(&hall, (0..6).map(|_| cancel()).collect());
    running.under_way(&hall, 6).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    assert_eq!(granted(&all(asking).await), 6);
    assert_eq!(running.ledger.arrived(), 2, "one commit ends it");
    assert_eq!((running.ledger.places(&hall), running.ledger.loads(hall.id).len()), ((0, 0), 1));
    // Somebody who has read it before and asks only now.
    let late = running.ask(&hall, cancel()).await;
    assert!(matches!(late, Err(AskError::Denied(Denial::NotOpen))), "{late:?}");
    assert_eq!(running.ledger.loads(hall.id).len(), 1, "its inventory went on");
    running.assert_exact(&hall).await;
}

/// Guards: a broken guard of a confirmed booking's end says that it is not open, and costs nobody else anything.
#[tokio::test]
async fn a_cancellation_that_breaks_a_guard_is_refused_alone() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    let booking = booked(&running.book(&hall, 1).await);
    let guard = Rejection::Guard("quotas_sold_check".to_owned());
    running.ledger.faults().commits.push_back(Fault::Fail(CommitError::Rejected(guard)));
    let answer = running.ask(&hall, Command::Cancel { booking, money: None }).await;
    assert!(matches!(answer, Err(AskError::Denied(Denial::NotOpen))), "{answer:?}");
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.loads(hall.id).len(), 1, "its inventory went on");
}

/// Guards: `closing_what` and `followers`. The release waits for the booking, and is refused because of it.
#[tokio::test]
async fn a_hold_that_is_being_booked_is_not_released() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    let (hold, book) = a_hold(&running, &hall).await;
    running.ledger.hold_commits();
    let booking = running.asking(&hall, Command::Book(book()));
    eventually("the booking is on its way", || running.ledger.arrived() == 2).await;
    let releasing = running.asking(&hall, release(&hold));
    let other = running.asking(&hall, Command::Book(book()));
    running.under_way(&hall, 3).await;
    running.caught_up(&hall).await;
    assert!(!releasing.is_finished(), "the outcome is not known");
    running.ledger.release_commits();
    booked(&booking.await.unwrap());
    assert_eq!(refused(&releasing.await.unwrap()), Refusal::HoldGone);
    assert_eq!(refused(&other.await.unwrap()), Refusal::HoldGone);
    assert_eq!(running.ledger.places(&hall), (0, 2));
    running.assert_exact(&hall).await;
}

/// Guards: `followers` are asked again, not refused: what was to be closed may stay open.
#[tokio::test]
async fn a_hold_whose_booking_fails_can_be_released_by_who_waited() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    let (hold, book) = a_hold(&running, &hall).await;
    running.ledger.hold_commits();
    running.ledger.faults().commits.push_back(Fault::Fail(CommitError::Rejected(Rejection::AccountGone)));
    let booking = running.asking(&hall, Command::Book(book()));
    eventually("the booking is on its way", || running.ledger.arrived() == 2).await;
    let releasing = running.asking(&hall, release(&hold));
    running.under_way(&hall, 2).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    assert_eq!(refused(&booking.await.unwrap()), Refusal::AccountGone);
    assert!(releasing.await.unwrap().is_ok());
    assert_eq!(running.ledger.rows().events[&hall.id].holds[&hold.id].status, HoldStatus::Released);
    running.assert_exact(&hall).await;
}

/// Guards: the other way round: the booking waits for the release.
#[tokio::test]
async fn a_hold_that_is_being_released_is_not_booked() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    let (hold, book) = a_hold(&running, &hall).await;
    running.ledger.hold_commits();
    let releasing = running.asking(&hall, release(&hold));
    eventually("the release is on its way", || running.ledger.arrived() == 2).await;
    let booking = running.asking(&hall, Command::Book(book()));
    running.under_way(&hall, 2).await;
    running.caught_up(&hall).await;
    assert!(!booking.is_finished(), "the outcome is not known");
    running.ledger.release_commits();
    assert!(releasing.await.unwrap().is_ok());
    assert_eq!(refused(&booking.await.unwrap()), Refusal::HoldGone);
    assert_eq!(running.ledger.places(&hall), (0, 0));
    running.assert_exact(&hall).await;
}

/// Guards: `followers` of a cancellation that comes to an unpaid booking while it expires.
#[tokio::test(start_paused = true)]
async fn a_cancellation_waits_for_the_expiry_of_the_booking() {
    let hall = event(10).priced();
    let running = start(&[&hall]).await;
    let booking = booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    tokio::time::advance(std::time::Duration::from_secs(900)).await;
    eventually("it is expiring", || running.ledger.arrived() == 2).await;
    let cancelling = running.asking(&hall, Command::Cancel { booking: Arc::clone(&booking), money: None });
    running.under_way(&hall, 1).await;
    running.caught_up(&hall).await;
    assert!(!cancelling.is_finished(), "the outcome is not known");
    running.ledger.release_commits();
    assert!(matches!(refused(&cancelling.await.unwrap()), Refusal::NotCancellable(_)));
    running.assert_exact(&hall).await;
}
