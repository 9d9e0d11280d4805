//! An idle inventory is unloaded, and comes back when it is asked.

use std::{sync::mpsc, time::Duration};

use domain::inventory::Command;

use crate::support::{
    builders::{event, settings},
    harness::{all, booked, eventually, granted, held, start},
};

/// Guards: `stop_if_idle`; `stopped` in the supervisor, as opposed to `failed`.
#[tokio::test(start_paused = true)]
async fn an_idle_inventory_stops_and_the_next_ask_starts_it() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    assert!(running.engine.inventories.directory().find(hall.id).is_some());
    tokio::time::advance(settings().inventory.idle_after).await;
    let directory = running.engine.inventories.directory();
    eventually("it is unloaded", || directory.find(hall.id).is_none()).await;
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.loads(hall.id), [false, false], "nothing was in flight");
    running.assert_exact(&hall).await;
}

/// Guards: the choice of `arm_timer` between the next expiry and the end of idleness.
#[tokio::test(start_paused = true)]
async fn an_inventory_with_holds_does_not_stop() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    held(&running.ask(&hall, Command::Hold(hall.hold(hall.places(1)))).await);
    tokio::time::advance(settings().inventory.idle_after + Duration::from_secs(60)).await;
    running.caught_up(&hall).await;
    assert_eq!(running.ledger.places(&hall), (1, 0));
    tokio::time::advance(Duration::from_secs(239)).await;
    eventually("the hold expires", || running.ledger.places(&hall) == (0, 0)).await;
    assert_eq!(running.ledger.loads(hall.id), [false]);
}

/// Guards: asks in the mailbox of a stopping inventory are sent to its successor.
#[tokio::test(start_paused = true)]
async fn asks_that_race_with_the_stop_are_answered() {
    let hall = event(1_000);
    let running = start(&[&hall]).await;
    for _ in 0..50 {
        booked(&running.book(&hall, 1).await);
        // Just before the timer, so that asks and stop meet in the mailbox.
        tokio::time::advance(settings().inventory.idle_after).await;
        let asking = running.asking_all(&hall, hall.singles(5));
        assert_eq!(granted(&all(asking).await), 5);
    }
    assert_eq!(running.ledger.places(&hall), (0, 300));
    running.assert_exact(&hall).await;
}

/// Runs `story` on a paused clock, which goes on only while nobody has anything to do.
fn told_quietly(story: impl Future<Output = ()> + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(story);
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(20)).expect("the inventory keeps itself busy");
}

/// Guards: `stop_if_idle` waits for the commit's answer instead of asking itself again and again.
#[test]
fn an_inventory_with_a_long_commit_waits_quietly() {
    told_quietly(async {
        let hall = event(10);
        let running = start(&[&hall]).await;
        booked(&running.book(&hall, 1).await);
        running.ledger.hold_commits();
        let _asking = running.asking(&hall, hall.singles(1).remove(0));
        eventually("the commit", || running.ledger.arrived() == 2).await;
        tokio::time::sleep(settings().inventory.idle_after * 2).await;
        running.ledger.release_commits();
        eventually("it is written", || running.ledger.places(&hall) == (0, 2)).await;
    });
}

/// Guards: `stop_if_idle` waits for the end of a pause in the same way, and the reload arms the timer again.
#[test]
fn a_paused_inventory_waits_quietly_and_is_unloaded_later() {
    told_quietly(async {
        let hall = event(10);
        let running = start(&[&hall]).await;
        booked(&running.book(&hall, 1).await);
        let idle_after = settings().inventory.idle_after;
        tokio::time::sleep(idle_after - Duration::from_secs(2)).await;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let pause = running.engine.inventories.pause(hall.id, deadline).await.unwrap();
        tokio::time::sleep(Duration::from_secs(4)).await;
        pause.end().await;
        let directory = running.engine.inventories.directory();
        assert!(directory.find(hall.id).is_some());
        tokio::time::sleep(idle_after + Duration::from_secs(1)).await;
        eventually("it is unloaded", || directory.find(hall.id).is_none()).await;
    });
}
