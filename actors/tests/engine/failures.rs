//! The ledger fails, or memory is not what the ledger has.

use std::time::Duration;

use actors::{inventories::AskError, inventory::Denial};
use domain::{inventory::Command, ledger::CommitError};

use crate::support::{
    builders::{again, event, settings},
    harness::{all, booked, eventually, granted, start, start_on},
    memory_ledger::{Fault, MemoryLedger},
};

/// Guards: the version in each batch; `fail_event` instead of `fail_all`; the repetition in `Inventories::call`.
#[tokio::test]
async fn a_stale_inventory_starts_anew_and_its_neighbour_does_not_notice() {
    let (busy, stale, neighbour) = (event(10), event(10), event(10));
    let running = start(&[&busy, &stale, &neighbour]).await;
    for event in [&busy, &stale, &neighbour] {
        booked(&running.book(event, 1).await);
    }
    running.ledger.hold_commits();
    let first = running.asking(&busy, busy.singles(1).remove(0));
    eventually("the first commit", || running.ledger.arrived() == 4).await;
    let mut asking = running.asking_all(&stale, stale.singles(3));
    asking.extend(running.asking_all(&neighbour, neighbour.singles(3)));
    for event in [&stale, &neighbour] {
        running.under_way(event, 3).await;
        running.caught_up(event).await;
    }
    running.ledger.rows().events.get_mut(&stale.id).unwrap().counts[0].version += 1;
    running.ledger.release_commits();

    assert!(first.await.unwrap().is_ok());
    assert_eq!(granted(&all(asking).await), 6);
    assert_eq!(running.ledger.places(&stale), (0, 4), "each exactly once");
    assert_eq!(running.ledger.loads(stale.id), [false, true], "a successor waits for what is in flight");
    assert_eq!(running.ledger.loads(neighbour.id), [false]);
    running.assert_exact(&stale).await;
    running.assert_exact(&neighbour).await;
}

/// Guards: `Unknown` fails the batch; the key tells the retry.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_not_repeated() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    running.ledger.faults().commits.push_back(Fault::LoseAnswer);
    let answer = running.book(&hall, 10).await;
    assert_eq!(booked(&answer).items.len(), 10);
    assert_eq!((running.ledger.places(&hall), running.ledger.groups().len()), ((0, 10), 1));
    running.assert_exact(&hall).await;
}

/// Guards: `commit_retrying`.
#[tokio::test]
async fn a_ledger_that_asks_to_try_again_is_asked_again() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    let busy = || Fault::Fail(CommitError::TryAgain("planted".to_owned()));
    running.ledger.faults().commits.extend([busy(), busy()]);
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.loads(hall.id), [false], "memory is sound");
}

/// Guards: the immediate denial while a load fails, and the repetition of the load.
#[tokio::test(start_paused = true)]
async fn an_absent_ledger_is_reported_and_its_return_noticed() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    {
        let mut faults = running.ledger.faults();
        (faults.commits_down, faults.reads_down) = (true, true);
    }
    for _ in 0..5 {
        let answer = running.book(&hall, 1).await;
        let told = matches!(answer, Err(AskError::Denied(Denial::Unavailable(_)) | AskError::Unavailable { .. }));
        assert!(told, "{answer:?}");
    }
    {
        let mut faults = running.ledger.faults();
        (faults.commits_down, faults.reads_down) = (false, false);
    }
    // The longest wait between two tries.
    tokio::time::advance(Duration::from_secs(4)).await;
    let ready = || running.ledger.loads(hall.id).len();
    let loads = ready();
    eventually("it is loaded again", || ready() > loads).await;
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.places(&hall), (0, 2));
    running.assert_exact(&hall).await;
}

/// Guards: `fenced` in `Leases`.
#[tokio::test(start_paused = true)]
async fn a_fenced_node_says_so_and_sells_nothing() {
    let hall = event(10);
    let mut running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.faults().fenced = true;
    running.engine.fenced.wait_for(|fenced| *fenced).await.unwrap();
    assert!(running.book(&hall, 1).await.is_err());
    assert_eq!(running.ledger.places(&hall), (0, 1));
}

/// Guards: `Free` and `Receipt` speak when dropped.
#[tokio::test]
async fn a_panic_in_a_commit_leaves_nobody_waiting() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    running.ledger.faults().commits.push_back(Fault::Panic);
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.places(&hall), (0, 1));
    running.assert_exact(&hall).await;
}

/// Guards: the load reports when dropped.
#[tokio::test]
async fn a_panic_in_a_load_leaves_nobody_waiting() {
    let hall = event(10);
    let ledger = MemoryLedger::new(&[&hall]);
    ledger.faults().loads_panic = 1;
    let running = start_on(ledger, settings()).await;
    let answer = running.book(&hall, 1).await;
    assert!(matches!(answer, Err(AskError::Denied(Denial::Unavailable(_)))), "{answer:?}");
    let booking = hall.book(hall.places(1));
    loop {
        match running.ask(&hall, again(&booking)).await {
            Err(AskError::Denied(Denial::Unavailable(_))) => tokio::task::yield_now().await,
            answer => break drop(booked(&answer)),
        }
    }
    running.assert_exact(&hall).await;
}

/// Guards: `is_in_flight` … `landed`: what waits behind a failed batch is decided again by the successor.
#[tokio::test]
async fn what_waits_behind_a_failed_commit_is_decided_anew() {
    let hall = event(30);
    let running = start(&[&hall]).await;
    running.ledger.hold_commits();
    running.ledger.faults().commits.push_back(Fault::Fail(CommitError::Unavailable("planted".to_owned())));
    let first = running.asking(&hall, Command::Book(hall.book(hall.places(1))));
    eventually("the first commit", || running.ledger.arrived() == 1).await;
    let others = running.asking_all(&hall, hall.singles(29));
    running.under_way(&hall, 30).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    let mut answers = all(others).await;
    answers.push(first.await.unwrap());
    assert_eq!(granted(&answers), 30);
    running.assert_exact(&hall).await;
}
