//! While one commit is under way, the next one fills.

use crate::support::{
    builders::event,
    harness::{all, eventually, granted, start},
};

/// Guards: `is_in_flight` in the inventory's `submit`; that `answer` follows the commit.
#[tokio::test]
async fn what_arrives_during_a_commit_goes_into_one_more_commit() {
    let hall = event(1_000);
    let running = start(&[&hall]).await;
    running.ledger.hold_commits();
    let first = running.asking(&hall, hall.singles(1).remove(0));
    eventually("the first commit", || running.ledger.arrived() == 1).await;
    let others = running.asking_all(&hall, hall.singles(100));
    running.under_way(&hall, 101).await;
    running.caught_up(&hall).await;

    assert_eq!(running.ledger.arrived(), 1, "the others wait for it");
    assert!(!first.is_finished() && others.iter().all(|ask| !ask.is_finished()), "no answer before the commit");
    running.ledger.release_commits();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(granted(&all(others).await), 100);
    assert_eq!(running.ledger.groups(), [vec![(hall.id, 1)], vec![(hall.id, 100)]]);
    running.assert_exact(&hall).await;
}

/// Guards: the loop of the writer's `start_group`.
#[tokio::test]
async fn lukewarm_events_share_a_commit() {
    let (busy, events) = (event(10), [event(10), event(10), event(10)]);
    let running = start(&[&busy, &events[0], &events[1], &events[2]]).await;
    for event in &events {
        running.book(event, 1).await.unwrap();
    }
    let before = running.ledger.groups().len();
    running.ledger.hold_commits();
    let first = running.asking(&busy, busy.singles(1).remove(0));
    eventually("the first commit", || running.ledger.arrived() == before + 1).await;
    let asking: Vec<_> = events.iter().map(|event| running.asking(event, event.singles(1).remove(0))).collect();
    for event in &events {
        running.under_way(event, 1).await;
        running.caught_up(event).await;
    }
    running.ledger.release_commits();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(granted(&all(asking).await), 3);
    let mut group = running.ledger.groups().pop().unwrap();
    group.sort_unstable();
    let mut expected: Vec<_> = events.iter().map(|event| (event.id, 1)).collect();
    expected.sort_unstable();
    assert_eq!(group, expected);
}
