//! The clock by which inventories decide is the database's.

use std::time::Duration;

use domain::inventory::Command;
use jiff::SignedDuration;

use crate::support::{
    builders::event,
    harness::{eventually, held, start},
};

/// Guards: the bounds in `LedgerClock::saw`. A load that takes long after it was read makes no hold last longer.
#[tokio::test(start_paused = true)]
async fn a_long_load_does_not_make_the_clock_late() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    running.ledger.faults().load_takes = Duration::from_secs(8);
    let hold = held(&running.ask(&hall, Command::Hold(hall.hold(hall.places(2)))).await);
    let late = running.ledger.now().duration_since(hold.created_at);
    assert!(late < SignedDuration::from_secs(3), "{late}");
}

/// Guards: what a suspended machine has missed: the monotonic clock stands still meanwhile, and the database's does not.
#[tokio::test(start_paused = true)]
async fn after_a_suspend_what_is_over_expires_at_once() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    held(&running.ask(&hall, Command::Hold(hall.hold(hall.places(2)))).await);
    running.ledger.faults().clock_ahead = SignedDuration::from_secs(700);
    let before = tokio::time::Instant::now();
    eventually("the hold expires", || running.ledger.places(&hall) == (0, 0)).await;
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    running.assert_exact(&hall).await;
}
