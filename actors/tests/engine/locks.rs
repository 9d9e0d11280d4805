//! Somebody else holds a lock that one event's commit needs: that event waits, and no other.

use std::time::Duration;

use actors::inventories::AskError;

use crate::support::{
    builders::event,
    harness::{all, booked, eventually, granted, start},
};

/// Guards: `set_apart` and `wait_apart`. All events have one writer here.
#[tokio::test]
async fn a_locked_row_stalls_its_event_only() {
    let (locked, other) = (event(100), event(100));
    let running = start(&[&locked, &other]).await;
    for event in [&locked, &other] {
        booked(&running.book(event, 1).await);
    }
    running.ledger.faults().locked.insert(locked.id);
    let mut waiting = vec![running.asking(&locked, locked.singles(1).remove(0))];
    for _ in 0..20 {
        booked(&running.book(&other, 1).await);
        waiting.extend(running.asking_all(&locked, locked.singles(1)));
    }
    assert!(waiting.iter().all(|ask| !ask.is_finished()), "its own wait");
    assert_eq!(running.ledger.places(&locked), (0, 1));
    running.ledger.faults().locked.clear();
    assert_eq!(granted(&all(waiting).await), 21);
    assert_eq!(running.ledger.loads(locked.id), [false], "nothing was doubted");
    for event in [&locked, &other] {
        running.assert_exact(event).await;
    }
}

/// Guards: the halving when nobody can tell who is locked.
#[tokio::test]
async fn a_lock_that_can_not_be_found_stalls_its_event_only() {
    let (busy, locked, other) = (event(100), event(100), event(100));
    let running = start(&[&busy, &locked, &other]).await;
    for event in [&busy, &locked, &other] {
        booked(&running.book(event, 1).await);
    }
    running.ledger.hold_commits();
    let first = running.asking(&busy, busy.singles(1).remove(0));
    eventually("a commit", || running.ledger.arrived() == 4).await;
    let mut asking = running.asking_all(&other, other.singles(3));
    let waiting = running.asking_all(&locked, locked.singles(3));
    for event in [&locked, &other] {
        running.under_way(event, 3).await;
        running.caught_up(event).await;
    }
    {
        let mut faults = running.ledger.faults();
        faults.locks_are_hidden = true;
        faults.locked.insert(locked.id);
    }
    running.ledger.release_commits();
    asking.push(first);
    assert_eq!(granted(&all(asking).await), 4);
    assert!(waiting.iter().all(|ask| !ask.is_finished()));
    running.ledger.faults().locked.clear();
    assert_eq!(granted(&all(waiting).await), 3);
    for event in [&busy, &locked, &other] {
        running.assert_exact(event).await;
        assert_eq!(running.ledger.loads(event.id), [false]);
    }
}

/// Guards: `LOCKED_MAX`, and that the event is back as soon as the lock is gone.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_kept_for_long_is_not_waited_for_without_end() {
    let hall = event(100);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.faults().locked.insert(hall.id);
    let answer = running.book(&hall, 1).await;
    assert!(matches!(answer, Err(AskError::Unavailable { .. })), "{answer:?}");
    let loads = running.ledger.loads(hall.id).len();
    assert!((2..=4).contains(&loads), "it dies of each batch that gives up, and no more often: {loads} loads");
    running.ledger.faults().locked.clear();
    let began = tokio::time::Instant::now();
    booked(&running.book(&hall, 1).await);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    running.assert_exact(&hall).await;
}

/// Guards: `gone` of a locked batch: what nobody waits for any more is not written behind the successor's back.
#[tokio::test]
async fn the_locked_batch_of_a_killed_inventory_is_given_up() {
    let hall = event(100);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.faults().locked.insert(hall.id);
    let waiting = running.asking_all(&hall, hall.singles(3));
    running.under_way(&hall, 3).await;
    eventually("it meets the lock", || running.ledger.arrived() >= 2).await;
    running.engine.inventories.kill(hall.id);
    eventually("a successor", || running.ledger.loads(hall.id).len() == 2).await;
    running.ledger.faults().locked.clear();
    assert_eq!(granted(&all(waiting).await), 3);
    assert_eq!(running.ledger.places(&hall), (0, 4));
    assert_eq!(running.ledger.loads(hall.id).len(), 2, "nothing was written behind the successor's back");
    running.assert_exact(&hall).await;
}

/// Guards: `turns` of the locked batches. However many there are, one of them and the writer ask the ledger: there are no more
/// connections, and a writer that waits for one fails the group that it has taken.
#[tokio::test(start_paused = true)]
async fn locked_batches_take_turns_and_leave_the_writer_its_connection() {
    let (locked, other): (Vec<_>, _) = ((0..6).map(|_| event(10)).collect(), event(100));
    let running = start(&locked.iter().chain([&other]).collect::<Vec<_>>()).await;
    for event in locked.iter().chain([&other]) {
        booked(&running.book(event, 1).await);
    }
    {
        let mut faults = running.ledger.faults();
        faults.locks_are_hidden = true;
        faults.lock_takes = Duration::from_millis(200);
        faults.locked.extend(locked.iter().map(|event| event.id));
    }
    let waiting: Vec<_> = locked.iter().flat_map(|event| running.asking_all(event, event.singles(1))).collect();
    eventually("they wait", || running.ledger.waiting_at_once() > 1).await;
    for _ in 0..10 {
        booked(&running.book(&other, 1).await);
    }
    let arrived = running.ledger.arrived();
    eventually("they are tried again and again", || running.ledger.arrived() > arrived + 10).await;
    assert_eq!(running.ledger.waiting_at_once(), 2, "the writer, and one of those that are set apart");
    running.ledger.faults().locked.clear();
    assert_eq!(granted(&all(waiting).await), 6);
    for event in locked.iter().chain([&other]) {
        assert_eq!(running.ledger.loads(event.id), [false], "nothing was doubted");
        running.assert_exact(event).await;
    }
}
